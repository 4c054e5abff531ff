# A member of the group that shares the state's folder does what he can, while root's tools run: no
# tool uses a proxy that is not in its pool file, none dies of a signal, all go on.
#
# MEMBER_SECONDS  how long each of the attacks lasts (60)

load ../lib

setup() {
	pool_setup
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	require_tool setpriv
	seconds=${MEMBER_SECONDS:-60}
	# Every folder above must be open to others, as the test's own is not.
	open=$(mktemp -d /tmp/pool-member.XXXXXX)
	chmod 755 "$open"
	mkdir "$open/bin" "$open/state" "$open/mal"
	cp "$POOL_BUILD/tests/member" "$POOL_BUILD/tests/victim" "$open/bin"
	chgrp 4242 "$open/state"
	chmod 3770 "$open/state"
	chown 4001 "$open/mal"
	pool=$open/pool.json
	cat >"$pool" <<-POOL
		{"enabled": true,
		"exchanges": {"a": {"http": {"pool": {"proxies": ["http://127.0.0.1:5", "http://127.0.0.1:6"],
			"limits": {"requests": 1000, "per_seconds": 10}}}}},
		"default": {"http": {"pool": {"fallback": "any",
			"health_check": {"enabled": true, "timeout_seconds": 1, "interval_seconds": 5, "method": "tcp"},
			"proxies": ["http://127.0.0.1:1", {"url": "http://127.0.0.1:2", "weight": 3}, "http://127.0.0.1:3"]}}}}
	POOL
	chmod 644 "$pool"
	evil=$open/mal/evil.json
	echo '{"proxies": ["http://127.0.0.1:66"]}' >"$evil"
	chmod 644 "$evil"
}

teardown() {
	exec 8>&- 9<&-
	pool_teardown
	[ -z "${open:-}" ] || rm -rf "$open"
}

# as_member COMMAND...
as_member() {
	setpriv --reuid=4001 --regid=4001 --groups 4242 "$@"
}

# begin_state: made by root, its path in $state
begin_state() {
	pool-select -q -s "$open/state/" "$pool" >/dev/null
	state=$(echo "$open"/state/*.state)
}

# judge_tool WHAT STATUS: neither ended by a signal nor stopped by a sanitizer; what it printed
# names no proxy but those of the pool file. Its output is in $open/out, its messages in $open/err.
judge_tool() {
	if [ "$2" -gt 5 ] || [ "$2" -eq 2 ] || grep -qE 'Sanitizer|runtime error' "$open/err" ||
		grep -E '127\.0\.0\.1:66|evil' "$open/out"; then
		echo "$1 ended with $2:"
		cat "$open/out" "$open/err"
		return 1
	fi >&2
}

# run_tools SECONDS: root's tools, one after the other, as often as the time allows.
run_tools() {
	local end=$((SECONDS + $1)) words status
	local -a lines=(
		"pool-select -q"
		"pool-select -q -x a --format json"
		"pool-report 127.0.0.1:1 fail"
		"pool-check -q"
		"pool-select -q --lease --ttl 1 --strategy least_connections"
		"pool-status"
		"pool-exec -q --retries 0 -- sh -c 'echo \$http_proxy'"
		"pool-status --verify"
		"pool-report 127.0.0.1:2 ok"
		"pool-status --history"
		"pool-status --repair"
		"pool-report 127.0.0.1:3 enable"
	)

	turns=0
	while [ "$SECONDS" -lt "$end" ]; do
		for words in "${lines[@]}"; do
			status=0
			POOL_STATE=$open/state/ POOL_FILE=$pool timeout 20 bash -c "exec $words" \
				>"$open/out" 2>"$open/err" </dev/null || status=$?
			judge_tool "$words" "$status" || return
		done
		turns=$((turns + 1))
	done
}

# start_long: pool-watch and pool-select --serve, which must live through it.
start_long() {
	start_in_background watch pool-watch -q -s "$open/state/" "$pool"
	mkfifo "$open/asks" "$open/answers"
	pool-select -q --serve -s "$open/state/" "$pool" <"$open/asks" >"$open/answers" \
		2>"$open/serve.err" 3>&- &
	echo $! >"$SERVERS/serve.pid"
	echo 0 | tee "$SERVERS/serve.port" >"$SERVERS/watch.port"
	disown $!
	exec 8>"$open/asks" 9<"$open/answers"
}

# start_in_background NAME COMMAND...: ended by teardown
start_in_background() {
	local name=$1
	shift

	printf '%s\0' "$@" >"$SERVERS/$name.cmd"
	launch "$name"
}

# Both still live, and the one that answers lines does.
judge_long() {
	local answer

	is_running "$SERVERS/watch.pid" || {
		cat "$SERVERS/watch.log" >&2
		return 1
	}
	! grep -E 'Sanitizer|runtime error' "$SERVERS/watch.log" "$open/serve.err"
	echo >&8
	read -r -t 10 -u 9 answer
	assert_regex "$answer" '^http://127\.0\.0\.1:[123]$'
}

# After the attack, and a repair at most, everything is as ever.
assert_settled() {
	run -0 --separate-stderr pool-status --repair -s "$open/state/" "$pool"
	assert_line --partial ": whole, 5 proxies in 2 pools"
	run -0 --separate-stderr pool-select -q -s "$open/state/" "$pool"
	assert_equal "$stderr" ""
	assert_regex "$output" '^http://127\.0\.0\.1:[123]$'
}

# --- cut short -------------------------------------------------------------------------------------

@test "a file that a member cuts short ends who has no guard" {
	begin_state
	as_member "$open/bin/member" cut "$state" 30 >/dev/null 3>&- &
	status=0
	timeout 40 "$open/bin/victim" --unguarded "$pool" "$open/state/" 25 || status=$?
	kill $!
	if is_sanitized; then
		[ "$status" -ne 0 ]
	else
		assert_equal "$status" 135
	fi
}

@test "a file that a member cuts short ends no tool" {
	begin_state
	start_long
	as_member "$open/bin/member" cut "$state" "$seconds" >"$open/cut" 3>&- &
	pids=($!)
	"$open/bin/victim" "$pool" "$open/state/" "$seconds" >"$open/victim" 3>&- &
	pids+=($!)
	run_tools "$seconds"
	wait "${pids[@]}"
	judge_long
	assert_regex "$(cat "$open/victim")" '^[0-9]+ turns$'
	assert_regex "$(cat "$open/cut")" '^cut: [1-9][0-9]* times$'
	[ "$turns" -gt 0 ]
	assert_settled
}

# --- wrong numbers ---------------------------------------------------------------------------------

@test "numbers that a member changes while they are used lead nowhere" {
	begin_state
	start_long
	as_member "$open/bin/member" scribble "$state" "$seconds" $$ >"$open/scribble" 3>&- &
	pids=($!)
	"$open/bin/victim" "$pool" "$open/state/" "$seconds" >"$open/victim" 3>&- &
	pids+=($!)
	run_tools "$seconds"
	wait "${pids[@]}"
	judge_long
	assert_regex "$(cat "$open/victim")" '^[0-9]+ turns$'
	[ "$turns" -gt 0 ]
	assert_settled
}

# --- another pool file's proxies -------------------------------------------------------------------

@test "a copy without a line of ours in front, renamed to FILE.snap, would be believed" {
	begin_state
	"$open/bin/member" forge "$pool" "$evil" "$open/forged" >/dev/null
	install -m 600 "$open/forged" "$state.snap"
	run -0 --separate-stderr pool-select -s "$open/state/" "$pool"
	assert_output "http://127.0.0.1:66"
	# With the line it is no snapshot.
	{ echo "proxypool: a corrupt state file, which begins behind this line" && cat "$open/forged"; } \
		>"$state.snap"
	run -0 --separate-stderr pool-select -q -s "$open/state/" "$pool"
	assert_regex "$output" '^http://127\.0\.0\.1:[123]$'
	# In a folder that is not sticky the member renames it, and no tool uses that folder.
	echo >"$open/state/root"
	run ! as_member mv -f "$open/state/root" "$state.snap"
	chmod 2770 "$open/state"
	run -0 as_member mv -f "$open/state/root" "$state.snap"
	run -0 --separate-stderr pool-select -s "$open/state/" "$pool"
	assert_regex "$output" '^http://127\.0\.0\.1:[123]$'
	assert_regex "$stderr" "state folder '$open/state' is unsafe: its group can replace files"
}

@test "a member who shows his snapshot in the state's place gets it into no tool" {
	begin_state
	start_long
	as_member "$open/bin/member" forge "$pool" "$evil" "$open/mal/forged" >/dev/null
	as_member "$open/bin/member" flip "$state" "$open/mal/forged" "$seconds" >"$open/flip" 3>&- &
	pids=($!)
	"$open/bin/victim" "$pool" "$open/state/" "$seconds" >"$open/victim" 3>&- &
	pids+=($!)
	run_tools "$seconds"
	wait "${pids[@]}"
	judge_long
	assert_regex "$(cat "$open/victim")" '^[0-9]+ turns$'
	assert_regex "$(cat "$open/flip")" '^flip: [1-9][0-9]* times, 0 renamed$'
	[ "$turns" -gt 0 ]
	# The tools have kept copies of it, and none of those is a snapshot.
	assert_equal "$(head -c 10 "$state.corrupt")" "proxypool:"
	assert_equal "$(stat -c %U "$state.corrupt")" root
	assert_settled
}

# --- names of his own ------------------------------------------------------------------------------

# Something of the member's at $1; of what sort is $2.
put() {
	case $2 in
	link) as_member ln -s "$open/secret" "$1" ;;
	loop) as_member ln -s "$1" "$1" ;;
	fifo) as_member mkfifo -m 666 "$1" ;;
	folder) as_member mkdir "$1" ;;
	full) as_member mkdir "$1" "$1/x" ;;
	locked | snapshot)
		as_member install -m 644 "$open/mal/forged" "$1"
		as_member flock "$1" sleep 30 3>&- &
		lockers+=($!)
		wait_until 5 is_locked "$1"
		;;
	esac
}

is_locked() {
	! flock -n "$1" true
}

remove_all() {
	[ ${#lockers[@]} -eq 0 ] || pkill -P "${lockers[0]}" 2>/dev/null || :
	[ ${#lockers[@]} -eq 0 ] || kill "${lockers[@]}" 2>/dev/null || :
	lockers=()
	rm -rf "$open"/state/*
}

# name_of SUFFIX SORT: root's tools answer rightly, at once, and write nowhere else.
name_of() {
	local began now

	begin_state
	rm -f "$state$1"
	put "$state$1" "$2"
	# An edit, which a new snapshot is to be written for; and a state to be copied.
	echo >>"$pool"
	printf 'xxxx' | dd of="$state" bs=1 seek=16500 conv=notrunc status=none
	began=${EPOCHREALTIME/./}
	timeout 20 pool-select -q -s "$open/state/" "$pool" >"$open/out" 2>"$open/err" || return
	now=${EPOCHREALTIME/./}
	grep -qE '^http://127\.0\.0\.1:[123]$' "$open/out" || return
	# Not the half second that a lock of our own is waited for, and far from it.
	is_sanitized || [ $((now - began)) -lt 450000 ] || return
	timeout 20 pool-check -q -s "$open/state/" "$pool" >"$open/out" 2>"$open/err" || [ $? -eq 1 ] || return
	pool-status -s "$open/state/" "$pool" >"$open/out" 2>"$open/err" || return
	pool-report -s "$open/state/" -f "$pool" 127.0.0.1:2 disable 2>"$open/err" || return
	pool-report -s "$open/state/" -f "$pool" 127.0.0.1:2 enable 2>"$open/err" || return
	[ "$(cat "$open/secret")" = untouched ] || return
	remove_all
}

@test "what a member puts in the place of files leads nowhere and costs no time" {
	lockers=()
	echo untouched >"$open/secret"
	chmod 600 "$open/secret"
	begin_state
	as_member "$open/bin/member" forge "$pool" "$evil" "$open/mal/forged" >/dev/null
	remove_all
	for suffix in .snap .snap.new .corrupt .corrupt.new .decisions .decisions.new .watch .watch.sock; do
		for sort in link loop fifo folder full locked; do
			name_of "$suffix" "$sort" || {
				echo "$sort at $suffix:"
				cat "$open/out" "$open/err"
				return 1
			} >&2
		done
	done
}
