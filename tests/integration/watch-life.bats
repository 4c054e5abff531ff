# How pool-watch begins and ends, alone and under a service manager, and what a crash leaves.

load ../lib
load watch

setup() {
	pool_setup
	require_tool jq curl
}

teardown() {
	watch_teardown
}

# write_stubs INTERVAL COUNT: of one stub called proxies
write_stubs() {
	start_stub --name proxies http-proxy --count "$2"
	write_proxies "$1" "${STUB_PORTS[@]/#/http://127.0.0.1:}"
}

# All of them were checked, by the state file.
all_checked() {
	pool-status --format json | jq -e 'all(.proxies[]; .checked_ago_seconds != null)' >/dev/null
}

sum_of_checks() {
	pool-status --format json | jq '[.proxies[] | .checks_ok + .checks_down] | add'
}

# Who holds the state file now, as a server called daemon; its pid goes to DAEMON.
adopt() {
	DAEMON=$(tr -cd 0-9 <"$(echo state/*.watch)")
	echo "$DAEMON" >"$SERVERS/daemon.pid"
	echo 0 >"$SERVERS/daemon.port"
	assert_equal "$(cat "/proc/$DAEMON/comm")" pool-watch
}

@test "a second instance ends with 5 and names the first one, however it is started" {
	write_stubs 30 2
	start_watch -- pool.json
	for option in --verbose --daemonize; do
		run -5 --separate-stderr timeout 20 pool-watch "$option" pool.json
		assert_output ""
		assert_regex "$stderr" "^pool-watch: .*[^0-9]$WATCH_PID([^0-9]|$)"
		assert_equal "$(wc -l <<<"$stderr")" 1
		[[ $stderr == *--reload*--restart*--stop* ]]
	done
	# with another state file there may be one
	mkdir -m 700 other
	launch_watch --name second -- --listen 0 -s other pool.json
	await_listening second
	is_running "$SERVERS/second.pid"
	end_watch TERM second
	assert_equal "$WATCH_STATUS" 0
	answers 200 healthz || :
	is_running "$SERVERS/watch.pid"
}

@test "SIGTERM and SIGINT end it within a second, with checks and alerts under way" {
	start_stub stall
	stalled=$STUB_PORT
	start_stub http-proxy --forward
	CHECK='"method": "http", "url": "http://127.0.0.1:'"$stalled"'/", "timeout_seconds": 30' \
		write_proxies 5 "http://127.0.0.1:$STUB_PORT" "http://127.0.0.1:$stalled"
	for signal in TERM INT; do
		launch_watch -- --listen 0 --alert-window 0 --webhook "http://127.0.0.1:$stalled/" pool.json
		await_listening watch
		wait_until 10 metric_is proxypool_checks_in_flight 2
		mark
		pool-report p0 disable
		await_event 3 "$(went p0 disabled)"
		pool-report p0 enable
		end_watch "$signal"
		assert_equal "$WATCH_STATUS" 0
		echo "$signal took $WATCH_MS ms" >&2
		((WATCH_MS <= 1300))
		assert_equal "$(tail -n 1 watch.jsonl | jq -r .event)" stopped
		run -0 pool-status --verify
		# nothing is left of it
		run -1 --separate-stderr pool-watch --stop pool.json
		assert_output ""
		[ -n "$stderr" ]
	done
}

@test "--daemonize returns once the first round is stored, --restart and --stop find it" {
	start_stub origin
	CHECK='"method": "http", "timeout_seconds": 1, "url": "http://127.0.0.1:'"$STUB_PORT"'/"'
	start_stub http-proxy
	good=$STUB_PORT
	start_stub stall
	write_proxies 5 "http://127.0.0.1:$good" "http://127.0.0.1:$STUB_PORT" "http://127.0.0.1:$good"
	unset CHECK

	# it gives the pipe back, while it lives
	# shellcheck disable=SC2016
	run -0 timeout 20 bash -c 'out=$(pool-watch -q --daemonize pool.json); echo "$?"'
	assert_output 0
	all_checked
	adopt
	assert_equal "$(readlink "/proc/$DAEMON/cwd")" /
	# its session is not that of the caller, which may be closed
	session=$(cut -d ' ' -f 6 "/proc/$DAEMON/stat")
	[ "$session" != "$(cut -d ' ' -f 6 "/proc/$$/stat")" ]

	first=$DAEMON
	run -0 --separate-stderr timeout 20 pool-watch -q --restart pool.json
	refute_output --partial transition
	assert_equal "$stderr" ""
	pid_ended "$first"
	adopt
	[ "$DAEMON" != "$first" ]

	run -0 --separate-stderr pool-watch --stop pool.json
	assert_output ""
	assert_equal "$stderr" ""
	pid_ended "$DAEMON"
	run -0 pool-status --verify
	run -1 --separate-stderr pool-watch --stop pool.json
	assert_output ""
	[ -n "$stderr" ]

	# without one that runs it simply starts; neither an invalid pool file nor a missing one hides it
	run -0 --separate-stderr timeout 20 pool-watch -q --restart pool.json
	assert_equal "$stderr" ""
	adopt
	echo '{' >pool.json
	run -0 --separate-stderr pool-watch --stop pool.json
	assert_output ""
	pid_ended "$DAEMON"
	rm pool.json
	write_proxies 5 "http://127.0.0.1:$good"
	run -0 timeout 20 pool-watch -q --daemonize pool.json
	adopt
	rm pool.json
	run -0 --separate-stderr pool-watch --stop pool.json
	assert_output ""
	pid_ended "$DAEMON"
}

@test "--daemonize and --restart tell what fails, with its status" {
	write_stubs 30 1
	good=$(cat pool.json)
	write_pool pool.json '{"proxies": ["http://127.0.0.1"]}'
	run -3 --separate-stderr timeout 20 pool-watch --daemonize pool.json
	assert_output ""
	assert_regex "$stderr" 'pool\.json:1:[0-9]+: error: '

	write_pool pool.json "$good"
	run -4 --separate-stderr timeout 20 pool-watch --daemonize --listen "$STUB_PORT" pool.json
	assert_output ""
	assert_regex "$stderr" "^pool-watch: .*$STUB_PORT.*in use"
	run -1 pool-watch --stop pool.json

	run -2 --separate-stderr timeout 20 pool-watch --daemonize --alert-window x pool.json
	assert_output ""
	[ -n "$stderr" ]

	run -1 pool-watch --stop pool.json

	# an edit that is invalid does not stop a restart: the last good one serves
	run -0 timeout 20 pool-watch -q --daemonize pool.json
	adopt
	write_pool pool.json '{"proxies": ["http://127.0.0.1"]}'
	run -0 --separate-stderr timeout 20 pool-watch -q --restart pool.json
	assert_regex "$stderr" 'pool\.json:1:[0-9]+: error: '
	pid_ended "$DAEMON"
	adopt
	run -0 --separate-stderr pool-watch --stop pool.json
	pid_ended "$DAEMON"
}

@test "what is fresh is not checked again after a crash, and the first round is over" {
	start_stub --name proxies http-proxy --count 5
	write_proxies 30 "${STUB_PORTS[@]/#/http://127.0.0.1:}"
	start_watch -- -v pool.json
	assert_equal "$(sum_of_checks)" 5
	end_watch KILL
	assert_equal "$WATCH_STATUS" 137
	run -0 pool-status --verify
	assert_equal "$(sum_of_checks)" 5

	mark
	launch_watch -- -v --listen 0 pool.json
	await_listening watch
	wait_until 3 answers 200 readyz
	await_event 2 '.event == "started" and .eligible == 5'
	hold_for 2000 no_event '.event == "check" or .event == "transition"'
	assert_equal "$(sum_of_checks)" 5
	end_watch
	run -0 timeout 5 pool-watch -q --daemonize pool.json
	adopt
	assert_equal "$(sum_of_checks)" 5
	run -0 timeout 5 pool-watch -q --restart pool.json
	adopt
	assert_equal "$(sum_of_checks)" 5
}

@test "what changed after a crash is told by the next instance, once, and nothing after an ordinary end" {
	start_stub --name one http-proxy
	start_stub --name two http-proxy
	write_pool pool.json '{"health_check": {"interval_seconds": 300}, "breaker": {"open_seconds": 300, "max_open_seconds": 300},
		"proxies": [{"name": "one", "url": "http://127.0.0.1:'"$(server_port one)"'"},
			{"name": "two", "url": "http://127.0.0.1:'"$(server_port two)"'"}]}'
	break_one() {
		for _ in 1 2 3 4 5; do
			pool-report -f pool.json "$1" fail
		done
	}
	start_watch -- pool.json
	await_event 5 "$(went two healthy unknown)"
	end_watch KILL
	# told to the second
	crashed=$(stat -c %Y "$POOL_STATE"/*.watch)
	wait_until 5 eval '[ "$(date +%s)" -gt "$((crashed + 1))" ]'
	break_one one
	mark
	start_watch -- pool.json
	await_event 5 "$(went one unhealthy healthy)"
	await_event 5 '.event == "degraded"'
	no_event "$(went two)"
	end_watch
	break_one two
	mark
	start_watch -- pool.json
	await_event 5 '.event == "exhausted"'
	no_event '.event == "transition"'
	end_watch
}

@test "after each of 100 kills at random the state file is whole, and selection works" {
	write_stubs 5 200
	for ((number = 0; number < 100; number++)); do
		launch_watch -- pool.json
		# each tenth one comes to something, however slow the machine is
		pause_for $((RANDOM % 90 + (number % 10 == 9 ? 400 : 0)))
		end_watch KILL
		assert_equal "$WATCH_STATUS" 137
		run -0 --separate-stderr pool-status --verify
		run -0 --separate-stderr pool-select --require-state
		assert_output --partial "http://127.0.0.1:"
		assert_equal "$stderr" ""
	done
	# it did something meanwhile, and goes on
	(($(sum_of_checks) > 10))
	start_watch -- pool.json
	assert_equal "$(pool-status --format json | jq '[.proxies[] | select(.status == "healthy")] | length')" 200
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

# heard PATTERN: a line that systemd got
heard() {
	grep -qE "$1" "$SERVERS/systemd.log"
}

await_heard() {
	wait_until "$1" heard "$2" && return
	echo "not heard in $1 s: $2" >&2
	cat "$SERVERS/systemd.log" >&2
	return 1
}

@test "systemd hears READY, STATUS, WATCHDOG, RELOADING and STOPPING" {
	printf '%s\0' "$POOL_BUILD/tests/notify-listen" "$TEST_DIR/notify" >"$SERVERS/systemd.cmd"
	launch systemd
	echo 0 >"$SERVERS/systemd.port"
	await_heard 5 '^ready$'
	start_stub http-proxy
	start_stub --name mortal http-proxy
	write_proxies 5 "http://127.0.0.1:$(server_port stub)" "http://127.0.0.1:$STUB_PORT"

	NOTIFY_SOCKET=$TEST_DIR/notify WATCHDOG_USEC=1000000 start_watch -- pool.json
	await_heard 2 ' READY=1( |$)'
	await_heard 2 ' STATUS=2_of_2_proxies_healthy( |$)'
	# at least every half second
	began=$(now_ms)
	wait_until 10 heard_so_often WATCHDOG=1 6
	(($(now_ms) - began <= 4000))
	run -0 awk '/WATCHDOG=1/ { if (last && $1 - last > 800) print $1 - last; last = $1 }' \
		"$SERVERS/systemd.log"
	assert_output ""

	stop_server mortal
	await_heard 10 ' STATUS=1_of_2_proxies_healthy( |$)'

	run -1 heard RELOADING
	kill -HUP "$WATCH_PID"
	await_heard 2 ' RELOADING=1 (.* )?MONOTONIC_USEC=[0-9]+( |$)'
	# READY once more, behind it
	wait_until 2 heard_so_often READY=1 2
	run -0 grep -oE '(READY|RELOADING|STOPPING)=1' "$SERVERS/systemd.log"
	assert_output "$(printf '%s\n' READY=1 RELOADING=1 READY=1)"

	end_watch
	assert_equal "$WATCH_STATUS" 0
	await_heard 1 ' STOPPING=1( |$)'
	run -0 grep -oE '(READY|RELOADING|STOPPING)=1' "$SERVERS/systemd.log"
	assert_output "$(printf '%s\n' READY=1 RELOADING=1 READY=1 STOPPING=1)"
}

heard_so_often() {
	(($(grep -c "$1" "$SERVERS/systemd.log") >= $2))
}

@test "a watchdog of another process is none of its business, and one that hangs is silent" {
	printf '%s\0' "$POOL_BUILD/tests/notify-listen" "$TEST_DIR/notify" >"$SERVERS/systemd.cmd"
	launch systemd
	echo 0 >"$SERVERS/systemd.port"
	await_heard 5 '^ready$'
	write_stubs 30 1
	NOTIFY_SOCKET=$TEST_DIR/notify WATCHDOG_USEC=400000 WATCHDOG_PID=1 start_watch -- pool.json
	await_heard 2 READY=1
	hold_for 1000 not_heard WATCHDOG=1
	end_watch

	NOTIFY_SOCKET=$TEST_DIR/notify WATCHDOG_USEC=400000 start_watch -- pool.json
	await_heard 2 WATCHDOG=1
	kill -STOP "$WATCH_PID"
	: >"$SERVERS/systemd.log"
	pause_for 300
	: >"$SERVERS/systemd.log"
	hold_for 1000 not_heard WATCHDOG=1
	kill -CONT "$WATCH_PID"
	await_heard 2 WATCHDOG=1

	# the program of an alert does not hear of it, nor does a systemd that is gone hurt
	stop_server systemd
	kill -HUP "$WATCH_PID"
	answers 200 healthz
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

not_heard() {
	! heard "$1"
}
