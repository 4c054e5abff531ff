# How commands under pool-exec end: by themselves, by signals, too late; and that nothing of what
# they read and write is lost.

load ../lib

setup() {
	pool_setup
	require_tool curl
	start_nginx_origin o
	url=http://127.0.0.1:$ORIGIN_PORT/
	start_tinyproxy one
	first=$PROXY_PORT
	start_tinyproxy two
	write_pool pool.json "{\"breaker\": {\"failure_threshold\": 1}, \"fallback\": \"fail\",
		\"proxies\": [{\"name\": \"one\", \"url\": \"http://127.0.0.1:$first\"},
			{\"name\": \"two\", \"url\": \"http://127.0.0.1:$PROXY_PORT\"}]}"
}

teardown() {
	pool_teardown
}


# pool-exec in the background, with the signals of a command in the foreground.
begin() {
	env --default-signal=INT,QUIT pool-exec -f pool.json "$@" >out 2>err </dev/null 3>&- &
	pid=$!
	echo "$pid" >servers/exec.pid
	echo 0 >servers/exec.port
	echo 0 >servers/child.port
}

assert_ended() {
	local ended=0

	wait_until 10 has_ended servers/exec.pid
	wait "$pid" || ended=$?
	assert_equal "$ended" "$1"
	rm servers/exec.pid
}

# Nobody was blamed, and nothing is held.
assert_nothing_told() {
	for name in one two; do
		assert_equal "$(status_field "$name" reports_down) $(status_field "$name" leases)" "0 0"
		assert_equal "$(status_field "$name" eligible)" true
	done
}

# asked COUNT: the origin that stalls has seen so many.
asked() {
	[ "$(wc -l <asked)" -ge "$1" ]
}

@test "SIGINT, SIGTERM and SIGHUP end the command and pool-exec, and nothing is tried again" {
	start_stub origin --delay-ms 60000 --log asked
	for case in "INT 130" "TERM 143" "HUP 129"; do
		read -r signal code <<<"$case"
		: >asked
		begin -q curl -sS "http://127.0.0.1:$STUB_PORT/"
		wait_until 10 asked 1
		tr -d ' ' <"/proc/$pid/task/$pid/children" >servers/child.pid
		is_running servers/child.pid
		kill -"$signal" "$pid"
		assert_ended "$code"
		has_ended servers/child.pid
		rm servers/child.pid
		assert_equal "$(cat out)" ""
		asked 1
		run asked 2
		assert_failure
		assert_nothing_told
	done
}

@test "a command that ignores signals runs on, and its status is the answer" {
	mkfifo go
	# shellcheck disable=SC2016
	begin -q --fail-on 99 sh -c 'trap "" INT TERM HUP; : >ready; read line <go; exit 5'
	wait_until 10 test -e ready
	for signal in INT TERM HUP; do
		kill -"$signal" "$pid"
	done
	is_running servers/exec.pid
	echo >go
	assert_ended 5
	assert_nothing_told
}

@test "a command that ignores even the end of its time is killed" {
	# shellcheck disable=SC2016
	begin -q --retries 0 --timeout 1 sh -c 'trap "" TERM; echo $$ >servers/child.pid
		while :; do read line <never; done'
	mkfifo never
	assert_ended 124
	has_ended servers/child.pid
	rm servers/child.pid
	assert_nothing_told
}

@test "a closed standard input does not disturb it" {
	run -0 --separate-stderr bash -c 'pool-exec -f pool.json curl -sS "$1" <&-' - "$url"
	assert_output "origin o"
	assert_equal "$stderr" ""
	run -0 --separate-stderr bash -c 'pool-exec -f pool.json --fail-on 9 -- sh -c "
		cat 2>/dev/null || echo none" <&-'
	assert_output "none"
}

@test "a megabyte comes through whole, in and out, at once and held back" {
	head -c 1048576 /dev/urandom >blob
	for options in "" "--fail-on 9" "--fail-on 9 --buffer" "--fail-on 9 --timeout 10"; do
		# shellcheck disable=SC2086
		pool-exec -f pool.json $options cat blob | cmp - blob
		# shellcheck disable=SC2086
		pool-exec -f pool.json $options cat <blob | cmp - blob
		# shellcheck disable=SC2086
		cat blob | pool-exec -f pool.json $options cat | cmp - blob
	done
	# a reader that goes away is felt: a command that writes for ever ends
	run bash -o pipefail -c 'pool-exec -q -f pool.json --fail-on 9 yes | head -n 1'
	assert_failure 141
	assert_output y
	assert_nothing_told
}

@test "exit statuses are the command's, but for pool-exec's own" {
	echo text >text
	: >empty
	for case in "0:true" "3:sh -c exit\ 3" "126:./text" "127:no-such-command" \
		"125:--no-such-option true" "125:-f no-such-file true" "125:--strategy none true" \
		"125:" "124:--timeout 1 tail -f /dev/null"; do
		eval "set -- ${case#*:}"
		run -"${case%%:*}" --separate-stderr pool-exec -f pool.json "$@" <empty
		assert_output ""
		[ "${case%%:*}" -lt 124 ] || [ "${case%%:*}" -eq 124 ] || [ -n "$stderr" ]
	done
	pool-report --all -f pool.json disable
	run -125 --separate-stderr pool-exec -f pool.json touch ran
	[[ "$stderr" = "pool-exec: no proxy "* ]]
	[ ! -e ran ]
}

@test "another command's failure is no evidence and not tried again, unless it is listed" {
	printf '%s\n' 'echo "$POOL_PROXY" >>ran' 'exit 7' >order
	run -7 --separate-stderr pool-exec -f pool.json sh order </dev/null
	assert_equal "$(wc -l <ran)" 1
	assert_nothing_told
	rm ran
	run -7 --separate-stderr pool-exec -f pool.json --fail-on 1-6,8 sh order </dev/null
	assert_equal "$(wc -l <ran)" 1
	rm ran
	run -7 --separate-stderr pool-exec -q -f pool.json --fail-on 7 --retries 1 sh order </dev/null
	# each of the two once
	assert_equal "$(sort ran | tr '\n' ' ')" "one two "
}

@test "one that wrote to a pipe is not tried again, unless --buffer holds it back" {
	printf '%s\n' 'echo "$POOL_PROXY"' 'echo >>ran' '[ "$(wc -l <ran)" -gt 1 ] || exit 7' >script
	run -7 --separate-stderr pool-exec -f pool.json --fail-on 7 sh script </dev/null
	assert_output --regexp '^(one|two)$'
	assert_equal "$(wc -l <ran)" 1
	rm ran
	pool-report -f pool.json --all reset
	run -0 --separate-stderr pool-exec -q -f pool.json --fail-on 7 --buffer sh script </dev/null
	assert_output --regexp '^(one|two)$'
	assert_equal "$(wc -l <ran)" 2
	assert_equal "$stderr" ""
}
