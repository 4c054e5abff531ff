# Checks and reports about the same proxies: what opens a breaker, what closes it, and when.

load ../lib

setup() {
	pool_setup
}

teardown() {
	pool_teardown
}

report() {
	pool-report -f pool.json "$@"
}

has_status() {
	[ "$(status_field "$1" status)" = "$2" ]
}

# Seconds that it still is not used for.
wait_of() {
	status_field "$1" wait_seconds
}

# write_one PORT BREAKER [KEY]...: a pool of one proxy, called one; more keys of the pool.
write_one() {
	write_pool pool.json "{\"fallback\": \"fail\", \"breaker\": {$2}, ${3:+$3,}
		\"proxies\": [{\"name\": \"one\", \"url\": \"http://127.0.0.1:$1\"}]}"
}

@test "a connection that succeeds clears a refusal, but not a refused password" {
	start_stub http-proxy
	check='"health_check": {"method": "tcp", "retry_count": 1, "healthy_threshold": 2}'
	write_one "$STUB_PORT" '"failure_threshold": 2, "open_seconds": 300' "$check"

	report one fail --reason connect-refused
	has_status one unknown
	report one fail --reason connect-refused
	has_status one unhealthy
	pool-check -q -f pool.json
	has_status one recovering
	pool-check -q -f pool.json
	has_status one healthy

	report one fail --status 407
	report one fail --status 407
	has_status one unhealthy
	for _ in 1 2 3; do
		# the check itself passes, but nothing can be selected
		run -1 --separate-stderr pool-check -q -f pool.json
		has_status one unhealthy
	done
	run -1 --separate-stderr pool-select -f pool.json
	assert_output "http://none-eligible.no-proxy.invalid:9"

	# a whole request through it does
	start_stub origin
	run -0 --separate-stderr pool-check -q -f pool.json --method http \
		--url "http://127.0.0.1:$STUB_PORT/"
	has_status one recovering
}

@test "reports and checks count apart, and the first good one ends a row" {
	start_stub http-proxy
	port=$STUB_PORT
	stop_server "$STUB_NAME"
	write_one "$port" '"failure_threshold": 3, "open_seconds": 300' \
		'"health_check": {"retry_count": 1, "unhealthy_threshold": 2, "healthy_threshold": 1}'

	# two of three, one of two: neither row is long enough
	report one fail
	report one fail
	pool-check -q -f pool.json >/dev/null || :
	has_status one unknown
	assert_equal "$(status_field one reports_down) $(status_field one checks_down)" "2 1"
	report one ok
	report one fail
	report one fail
	has_status one healthy
	report one fail
	has_status one unhealthy
}

@test "a recovering proxy is leased half_open_max times at once, whoever asks" {
	write_one 1 '"failure_threshold": 1, "open_seconds": 1, "half_open_max": 2'
	report one fail
	has_status one unhealthy
	wait_until 10 has_status one recovering
	ask_at_once 24
	assert_equal "$(cat got.* | grep -c '^http://127.0.0.1:1 [0-9a-f]*$')" 2
	assert_equal "$(cat got.* | grep -c '^http://none-eligible\.no-proxy\.invalid:9$')" 22
	assert_equal "$(status_field one leases)" 2

	# one of them ends: another one is let in, no more
	read -r _ lease < <(grep -h '^http://127.0.0.1:1 ' got.*)
	report "$lease" done
	ask_at_once 8
	assert_equal "$(cat got.* | grep -c '^http://127.0.0.1:1 [0-9a-f]*$')" 1

	# healthy again: no such limit any more
	report one ok
	has_status one recovering
	report one ok
	has_status one healthy
	ask_at_once 8
	assert_equal "$(cat got.* | grep -c '^http://127.0.0.1:1 [0-9a-f]*$')" 8
}

# ask_at_once COUNT: so many processes ask for a lease; what they got is in got.1, got.2, ...
ask_at_once() {
	local i pids=()

	rm -f got.*
	for ((i = 1; i <= $1; i++)); do
		pool-select -q -f pool.json --require-state --lease --ttl 100 \
			>"got.$i" 2>/dev/null </dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || :
	done
}

@test "each opening lasts about twice as long, up to max_open_seconds" {
	write_one 1 '"failure_threshold": 1, "open_seconds": 4, "max_open_seconds": 8'
	report one fail
	first=$(wait_of one)
	((first >= 3 && first <= 5))
	assert_equal "$(status_field one times_opened)" 1

	# reports of uses that began before count, and change nothing
	report one fail
	(($(wait_of one) <= first))
	assert_equal "$(status_field one reports_down)" 2
	assert_equal "$(status_field one times_opened)" 1

	wait_until 12 has_status one recovering
	report one fail
	second=$(wait_of one)
	((second >= 6 && second <= 9 && second > first))
	assert_equal "$(status_field one times_opened)" 2
	run -0 --separate-stderr pool-status -f pool.json --history
	assert_line --regexp ' one +unknown +unhealthy '
	assert_line --regexp ' one +(unhealthy|recovering) +unhealthy '
	assert_equal "$stderr" ""
}

@test "a failed check while it is unhealthy begins the time anew, and does not double it" {
	start_stub refuse
	write_one "$STUB_PORT" '"failure_threshold": 1, "open_seconds": 200, "max_open_seconds": 10000' \
		'"health_check": {"retry_count": 1}'
	for _ in 1 2 3; do
		run -1 --separate-stderr pool-check -q -f pool.json
		wait=$(wait_of one)
		((wait >= 170 && wait <= 221))
		assert_equal "$(status_field one times_opened)" 1
	done
	assert_equal "$(status_field one checks_down)" 3
}

@test "no good check lifts what a person has disabled" {
	start_stub http-proxy
	write_one "$STUB_PORT" '"failure_threshold": 1, "open_seconds": 1' '"health_check": {}'
	report one disable
	pool-check -q -f pool.json >/dev/null || :
	report one ok
	has_status one disabled
	run -1 --separate-stderr pool-select -f pool.json
	assert_output --regexp '^http://(none-eligible|all-disabled)\.no-proxy\.invalid:9$'
	report one enable
	run -0 --separate-stderr pool-select -f pool.json
	assert_output "http://127.0.0.1:$STUB_PORT"
	assert_equal "$stderr" ""
}
