# One state for several users, and who may read what.

load ../lib

setup() {
	pool_setup
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	require_tool setpriv
	# Every folder above must be open to others, as the test's own is not.
	open=$(mktemp -d /tmp/pool-shared.XXXXXX)
	chmod 755 "$open"
	mkdir "$open/bin" "$open/state"
	cp "$POOL_BIN/pool-select" "$POOL_BIN/pool-check" "$open/bin"
	chgrp 5000 "$open/state"
	chmod 3770 "$open/state"
	start_stub refuse
	pool=$open/pool.json
	cat >"$pool" <<-POOL
		{"proxies": ["http://mira:S3CRETpw@127.0.0.1:$STUB_PORT",
			"http://nora:S3CRETpw@127.0.0.1:1"], "breaker": {"open_seconds": 300}}
	POOL
	chgrp 5000 "$pool"
	chmod 640 "$pool"
}

teardown() {
	pool_teardown
	[ -z "${open:-}" ] || rm -rf "$open"
}

# as UID COMMAND...: as that user, in the group that shares the folder
as() {
	setpriv --reuid="$1" --regid="$1" --groups 5000 "${@:2}"
}


@test "what one user stored all see, and nobody undoes it" {
	run -1 --separate-stderr "$open/bin/pool-check" -q -s "$open/state/" "$pool"
	for user in 0 5001 5002 0 5002 5001 0; do
		run -0 --separate-stderr as $user "$open/bin/pool-select" -s "$open/state/" \
			--dry-run --explain "$pool"
		assert_regex "$stderr" "127.0.0.1:$STUB_PORT +unhealthy"
		refute_regex "$stderr" "not checked yet"
	done
}

@test "an edit that a user sees first keeps the history" {
	run -1 --separate-stderr "$open/bin/pool-check" -q -s "$open/state/" "$pool"
	sed 's/"breaker"/"strategy": "random", "breaker"/' "$pool" >"$open/new"
	cat "$open/new" >"$pool"
	for user in 5001 5002 0 5001; do
		run -0 --separate-stderr as $user "$open/bin/pool-select" -s "$open/state/" \
			--dry-run --explain "$pool"
		assert_regex "$stderr" "127.0.0.1:$STUB_PORT +unhealthy"
	done
}

@test "two users select in turn from one cursor" {
	sed -i 's/:1"/:2"/' "$pool"
	for user in 5001 5002 0 5001 5002 0; do
		as $user "$open/bin/pool-select" -s "$open/state/" --format hostport "$pool"
	done >out
	run -0 bash -c 'sort out | uniq -c | sed "s/^ *//; s/ .*//"'
	assert_output "3
3"
}

@test "who cannot come to the pool file cannot read its snapshot" {
	mkdir -m 1777 "$open/sticky"
	mkdir -m 700 "$open/private"
	install -m 644 "$pool" "$open/private/pool.json"
	"$open/bin/pool-select" -s "$open/sticky/x.state" "$open/private/pool.json"
	assert_equal "$(stat -c %a "$open/sticky/x.state.snap")" 600
	chmod 755 "$open/private"
	touch "$open/private/pool.json"
	"$open/bin/pool-select" -s "$open/sticky/y.state" "$open/private/pool.json"
	assert_equal "$(stat -c %a "$open/sticky/y.state.snap")" 644
}
