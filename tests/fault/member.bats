# A member of the group that shares the state's folder does what he can, while root's tools run: no
# tool uses a proxy that is not in its pool file, none dies of a signal, all go on.
#
# MEMBER_SECONDS  how long each of the attacks lasts (60)

load ../lib
load member

# judge_tool WHAT STATUS: neither ended by a signal nor stopped by a sanitizer; what it printed
# names no proxy but those of the pool file. Its output is in $open/out, its messages in $open/err.
judge_tool() {
	if [[ ! $2 =~ ^([01345]|125)$ ]] || grep -qE 'Sanitizer|runtime error' "$open/err" ||
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
	wait_until 20 watch_is_under_way
}

# Its first round is stored: from then on it is to live through whatever comes.
watch_is_under_way() {
	pool-status -s "$open/state/" --format tsv "$pool" 2>/dev/null | awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["checks_down"] > 0 { found = 1 }
		END { exit !found }'
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
	if grep -E 'Sanitizer|runtime error' "$SERVERS/watch.log" "$open/serve.err" >&2; then
		return 1
	fi
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
	attack cut "$state" 30 >/dev/null
	status=0
	timeout 40 "$open/bin/victim" --unguarded "$pool" "$open/state/" 25 2>"$open/err" || status=$?
	kill "${pids[@]}"
	# or a sanitizer takes the signal
	is_sanitized && grep -q 'Sanitizer: BUS' "$open/err" || assert_equal "$status" 135
}

@test "a file that a member cuts short ends no tool" {
	begin_state
	start_long
	attack cut "$state" "$seconds" >"$open/cut"
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
	attack scribble "$state" $((seconds / 2)) $$ >"$open/scribble"
	"$open/bin/victim" "$pool" "$open/state/" $((seconds / 2)) >"$open/victim" 3>&- &
	pids+=($!)
	run_tools $((seconds / 2))
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
	run -1 as_member mv -f "$open/state/root" "$state.snap"
	assert_output --partial "Operation not permitted"
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
	attack flip "$state" "$open/mal/forged" "$seconds" >"$open/flip"
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
