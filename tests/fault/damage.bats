# A snapshot whose bytes are not as they were written: pool-select, and what runs long, answer rightly or
# refuse, and no message shows a credential. The other tools: damage-tools.bats.

load ../lib
load damage

# --- the snapshot -------------------------------------------------------------------------------------------

@test "one bit flipped at each byte of the snapshot: the right proxy, and nothing else" {
	run -0 "$damage" "${HIDE[@]}" --keep "$state" --right right "$snap" flip 1 -- \
		pool-select --format "$F" pool.json
	assert_output --regexp '^[0-9]{4} runs, 0 faults: [0-9]{4} with status 0$'
}

@test "so for an exchange of its own, by key and with filters" {
	while read -ra options; do
		run -0 pool-select --dry-run --format "$F" "${options[@]}" pool.json
		echo "$output" >one
		run -0 "$damage" "${HIDE[@]}" --keep "$state" --right one "$snap" flip 7 -- \
			pool-select --format "$F" "${options[@]}" pool.json
		assert_output --regexp ', 0 faults: [0-9]+ with status 0$'
	done <<-'END'
		-x binance
		-x okx -t websocket
		--strategy sticky --key a
		--strategy failover
		--exclude ünïcode-α
		--scheme http --lease --ttl 9
	END
}

@test "a snapshot cut short, zeroed, overwritten or with bytes that changed places" {
	for how in 'cut 1' 'zero 4' 'overwrite 300' 'swap 1' 'swap 8' 'swap 24' 'swap 72'; do
		# shellcheck disable=SC2086
		run -0 "$damage" "${HIDE[@]}" --keep "$state" --right right "$snap" $how -- \
			pool-select --format "$F" pool.json
		assert_output --regexp ', 0 faults: [0-9]+ with status 0$'
	done
}

@test "where the pool file is invalid a damaged snapshot refuses, or is right" {
	printf '%s\n' "{" >pool.json
	{
		cat right
		pool-select --format "$F" missing.json || :
	} >answers 2>/dev/null
	make_snapshot
	run -0 "$damage" "${HIDE[@]}" --keep "$state" --status 0,3 --right answers "$snap" flip 1 \
		-- pool-select --format "$F" pool.json
	assert_output --regexp ', 0 faults: [0-9]+ with status 0 [0-9]+ with status 3$'
}

@test "a damaged snapshot is told once and replaced; records stay those of their proxies" {
	pool-report -f pool.json -x default -t http 二 disable
	truncate -s -100 "$snap"
	run -0 --separate-stderr pool-select --format "$F" pool.json
	assert_output "$(head -n 1 right)"
	assert_equal "$stderr" \
		"pool-select: warning: snapshot '$snap' is damaged: compiling 'pool.json' anew"
	for _ in 1 2; do
		run -0 --separate-stderr pool-select --format "$F" pool.json
		assert_output "$(head -n 1 right)"
		assert_equal "$stderr" ""
	done
	run -0 pool-status --verify pool.json
}

@test "--verify judges the snapshot, and --repair mends it" {
	printf X | dd of="$snap" bs=1 seek=700 conv=notrunc status=none
	cp "$snap" before
	run -1 --separate-stderr pool-status --verify pool.json
	assert_output "snapshot '$snap' is damaged"
	cmp "$snap" before
	run -0 --separate-stderr pool-status --repair pool.json
	assert_line --index 0 "$snap: compiled anew"
	assert_line --index 1 --regexp ": whole, 4 proxies in 3 pools, 0 leases$"
	assert_equal "$stderr" "pool-status: warning: snapshot '$snap' is damaged: compiling 'pool.json' anew"
	run -0 --separate-stderr pool-status --verify pool.json
	assert_equal "$stderr" ""
}

@test "a snapshot of zeroes loses its salt, and that is told" {
	truncate -s 0 "$snap"
	truncate -s 2000 "$snap"
	run -0 --separate-stderr pool-select --format "$F" pool.json
	assert_equal "$stderr" "pool-select: warning: snapshot '$snap' is damaged: compiling \
'pool.json' anew, with a new salt: proxies with credentials begin with fresh records"
}

# write_large NUMBER: a pool file whose snapshot is large enough to be mapped, of proxies 127.NUMBER...
write_large() {
	local i list=

	for ((i = 0; i < 1000; i++)); do
		list="$list${list:+, }\"http://mira:S3CRETpw@127.$1.$((i / 250)).$((i % 250)):8\""
	done
	write_pool pool.json "{\"proxies\": [$list]}"
	make_snapshot
}

# start_selection OPTION...: one that has mapped the snapshot and waits for the lock of the state.
start_selection() {
	exec 8<"$state"
	flock 8
	pool-select --require-state "$@" pool.json >out 2>messages 8>&- 3>&- &
	SELECTION=$!
	wait_until 5 grep -q "state.snap" "/proc/$SELECTION/maps"
}

# Let it have the lock: its status is in SELECTED.
end_selection() {
	exec 8<&-
	SELECTED=0
	wait "$SELECTION" || SELECTED=$?
	run -1 grep -e S3CRET -e mira messages
}

@test "a mapped snapshot that is cut short under a selection ends it with a refusal" {
	! is_sanitized || skip "a sanitizer handles SIGBUS by itself"
	write_large 1
	start_selection
	truncate -s 4096 "$snap"
	end_selection
	assert_equal "$SELECTED $(cat out)" "4 http://error.no-proxy.invalid:9"
	run -0 --separate-stderr pool-select pool.json
	assert_regex "$output" '^http://mira:S3CRETpw@127\.1\.'
}

@test "one that is written over under a selection is noticed, even by another whole one" {
	local options

	write_large 9
	cp "$snap" other
	# with a filter all of it was verified when it was mapped
	for options in "" "--exclude 127.1.0.0:8"; do
		write_large 1
		assert_equal "$(stat -c %s "$snap")" "$(stat -c %s other)"
		start_selection $options
		cat other >"$snap"
		end_selection
		assert_equal "$SELECTED $(cat messages)" "0 pool-select: warning: snapshot '$snap' is damaged: \
compiling 'pool.json' anew"
		assert_regex "$(cat out)" '^http://mira:S3CRETpw@127\.1\.'
	done
}

@test "what runs long has a copy of its own: no damage under it is its own" {
	write_large 1
	mkfifo in out
	pool-select --serve pool.json <in >out 2>messages 3>&- &
	exec 8>in 9<out
	for size in '' 200000 4096 0; do
		[ -z "$size" ] || truncate -s "$size" "$snap"
		[ "$size" != 4096 ] || truncate -s 300000 "$snap"
		echo - >&8
		read -r -t 10 answer <&9
		assert_regex "$answer" '^http://mira:S3CRETpw@127\.1\.0\.[0-9]+:8$'
	done
	exec 8>&- 9<&-
	wait $!
	assert_equal "$(cat messages)" ""
}

@test "so it is with pool-watch, and it starts beside a damaged one" {
	require_tool curl
	printf X | dd of="$snap" bs=1 seek=1000 conv=notrunc status=none
	start_watch -- pool.json
	run -0 cat watch.err
	assert_line "pool-watch: warning: snapshot '$snap' is damaged: compiling 'pool.json' anew"
	pool-status --verify pool.json
	get api/v1/status | tr '{,' '\n' | grep -E '^"(proxy|url)":"' | sort -u >before
	[ "$(wc -l <before)" -eq 8 ]
	for size in 1000 0; do
		truncate -s "$size" "$snap"
		truncate -s 3000 "$snap"
		get api/v1/status | tr '{,' '\n' | grep -E '^"(proxy|url)":"' | sort -u >after
		cmp before after
		is_running "$SERVERS/watch.pid"
	done
	end_watch
	assert_equal "$WATCH_STATUS" 0
	pool-status --names pool.json >/dev/null
	pool-select -q pool.json >/dev/null
	run -0 --separate-stderr pool-status --verify pool.json
	assert_equal "$stderr" ""
}

@test "the manual names the version of the snapshot" {
	version=$(od -An -tu4 -j8 -N4 "$snap" | tr -d ' ')
	run -0 grep -A 1 'poolsnap' "$SOURCE_DIR/man/pool-state.5"
	assert_line "its version $version."
}

# --- the folder ---------------------------------------------------------------------------------------------

@test "a snapshot in an unsafe folder is nobody's" {
	mkdir -m 700 open
	export POOL_STATE=open/x.state snap=open/x.state.snap
	make_snapshot
	chmod 777 open
	run -0 --separate-stderr pool-select --format "$F" pool.json
	grep -qxF -e "$output" right
	assert_equal "$stderr" "pool-select: warning: selecting without shared state: state folder \
'$PWD/open' is unsafe: everybody can replace files of others in it (chmod +t keeps them from that)"
	run -0 --separate-stderr pool-status pool.json
	assert_regex "$stderr" "state folder '$PWD/open' is unsafe: .*: no selection of yours uses it"
	# nor is it the last good version of a pool file
	before=$(stat -c %i "$snap")
	echo "{" >pool.json
	run -3 --separate-stderr pool-select pool.json
	assert_regex "$output" no-proxy
	assert_regex "$stderr" "^pool-select: pool.json:2:1: error: "
	run -3 pool-status --names pool.json
	assert_equal "$(stat -c %i "$snap")" "$before"
	chmod 700 open
	run -0 pool-select --format "$F" -q pool.json
	grep -qxF -e "$output" right
}
