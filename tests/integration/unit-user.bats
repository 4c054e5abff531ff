# The user of the units: reads root's pool file by its group, stores in a folder that stays root's,
# and shares what it knows with root and with the members.

load ../lib

setup() {
	pool_setup
	umask 022
	open_folder unit "$POOL_BIN"/pool-*
	mkdir "$open/etc" "$open/lib"
	PATH=$open/bin:$PATH
	chgrp 4242 "$open/lib"
	chmod 3770 "$open/lib"
	start_stub http-proxy
	echo S3CRETpw >"$open/etc/password"
	file=$open/etc/pool.json
	echo '{"proxies": [
		{"name": "a", "url": "http://mira@127.0.0.1:'"$STUB_PORT"'", "password_file": "password"},
		{"name": "b", "url": "http://nora:S3CRETpw@127.0.0.1:1"}],
		"health_check": {"interval_seconds": 5, "retry_count": 1}}' >"$file"
	chgrp 4242 "$open/etc"/*
	chmod 640 "$open/etc"/*
	export POOL_STATE=$open/lib/ POOL_FILE=$file HOME=/
}

teardown() {
	pool_teardown
	[ -z "${open:-}" ] || rm -rf "$open"
}

# as the unit has it
unit() {
	(umask 077 && exec setpriv --reuid=4241 --regid=4242 --clear-groups --bounding-set=-all \
		--inh-caps=-all --no-new-privs "$@")
}

# another member of the group
member() {
	setpriv --reuid=5001 --regid=5001 --groups 4242 "$@"
}

start_unit_watch() {
	(umask 077 && exec setpriv --reuid=4241 --regid=4242 --clear-groups --bounding-set=-all \
		--inh-caps=-all "$open/bin/pool-watch" --format jsonl "$file" \
		>events 2>told 3>&- & echo $! >"$SERVERS/watch.pid")
	echo 0 >"$SERVERS/watch.port"
	wait_until 10 has_stored
}

has_stored() {
	[ "$(pool-status --format tsv --only b 2>/dev/null | awk 'NR == 2 { print $5 }')" = unhealthy ]
}

# What all three see of b, which nothing listens for.
all_see() {
	for who in "" member unit; do
		run -0 --separate-stderr $who pool-select --dry-run --explain
		assert_output "http://mira:S3CRETpw@127.0.0.1:$STUB_PORT"
		assert_regex "$stderr" "b +$1"
	done
}

@test "the files are as they should be" {
	run -0 --separate-stderr unit pool-validate --strict --expand
	assert_equal "$stderr" ""
	run -0 --separate-stderr unit pool-select
	assert_equal "$stderr" ""
}

@test "what a run of the unit stored root and members see, whoever comes first" {
	run -0 --separate-stderr unit pool-check -q --quorum 1
	assert_equal "$stderr" ""
	all_see unhealthy
	assert_equal "$(stat -c '%a %u %g' "$open"/lib/*.state)" "660 4241 4242"
	# root's tool has compiled it for all
	assert_equal "$(stat -c '%a %u %g' "$open"/lib/*.snap)" "640 0 4242"
	run -0 --separate-stderr unit pool-check -q --quorum 1
	all_see unhealthy
}

@test "what a member disabled stays so when root's first tool has come" {
	run -0 --separate-stderr unit pool-check -q --quorum 1
	run -0 --separate-stderr member pool-report b disable
	run -0 pool-select
	all_see disabled
}

@test "pool-watch as the unit follows edits, and only its user ends it" {
	start_unit_watch
	all_see unhealthy
	sed -i 's/"b"/"c"/' "$file"
	chgrp 4242 "$file"
	wait_until 10 grep -q '"event":"reload"' events
	run -0 --separate-stderr member pool-status --format tsv --only c
	assert_regex "${lines[1]}" unhealthy
	run -3 --separate-stderr pool-watch --stop
	assert_equal "$stderr" \
		"pool-watch: who listens at the control socket is user 4241: ask as that user"
	run -4 --separate-stderr member pool-watch --stop
	assert_regex "$stderr" "Permission denied"
	run -0 --separate-stderr unit pool-watch --reload
	run -0 --separate-stderr unit pool-watch --stop
	run -0 cat told
	assert_output ""
}

@test "the unit goes on with what an instance of root's left" {
	run -0 pool-check -q --quorum 1
	"$open/bin/pool-watch" --format jsonl "$file" >first 2>&1 3>&- &
	left=$!
	wait_until 10 grep -q '"event":"started"' first
	kill -9 "$left"
	wait "$left" || :
	rm "$open"/lib/*.watch.sock
	start_unit_watch
	all_see unhealthy
	run -0 --separate-stderr unit pool-watch --stop
}
