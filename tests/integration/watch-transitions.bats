# Real proxies die, stall and come back under pool-watch, and others use the same state file.

load ../lib
load watch

setup() {
	pool_setup
	require_tool jq curl
}

teardown() {
	watch_teardown
}

# An interval with its jitter, both attempts of a check, and 2 seconds for a busy machine.
WITHIN_MS=9500

assert_eligible() {
	assert_equal "$(eligible_names | xargs)" "$*"
}

@test "proxies that die and stall are told within an interval, avoided at once, and come back" {
	start_nginx_origin o
	start_tinyproxy killed
	killed=$PROXY_PORT
	start_microsocks stalled
	stalled=$PROXY_PORT
	start_squid squid
	squid=$PROXY_PORT
	start_tinyproxy good
	write_pool pool.json '{
		"strategy": "failover",
		"health_check": {"method": "http", "url": "http://127.0.0.1:'"$ORIGIN_PORT"'/",
			"interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1},
		"breaker": {"open_seconds": 60},
		"proxies": [
			{"name": "killed", "url": "http://127.0.0.1:'"$killed"'"},
			{"name": "stalled", "url": "socks5h://127.0.0.1:'"$stalled"'"},
			{"name": "squid", "url": "http://127.0.0.1:'"$squid"'"},
			{"name": "good", "url": "http://127.0.0.1:'"$PROXY_PORT"'"}]}'
	start_watch -- pool.json
	assert_equal "$(count_events '.event == "started" and .total == 4')" 1
	for name in killed stalled squid good; do
		assert_equal "$(count_events "$(went "$name" healthy unknown)")" 1
	done
	assert_eligible good killed squid stalled

	mark
	began=$(now_ms)
	stop_server killed
	kill -STOP "$(cat "$SERVERS/stalled.pid")"
	await_within "$WITHIN_MS" "$began" "$(went killed unhealthy healthy)"
	run -0 eligible_names
	refute_line killed
	await_within "$WITHIN_MS" "$began" "$(went stalled unhealthy healthy)"
	assert_eligible good squid
	run -0 --separate-stderr pool-select --format '%{name} %{status}'
	assert_output "squid healthy"
	assert_equal "$stderr" ""
	assert_equal "$(count_events "$(went killed) and .reason == \"connect-refused\" and .level == \"warning\"")" 1
	assert_equal "$(count_events "$(went stalled) and (.reason | test(\"timeout\"))")" 1
	await_event 1 '.event == "degraded" and .pool == "default.http" and .total == 4 and .eligible < 4'
	no_event '.event == "exhausted" or .event == "recovered" or .event == "target-suspect"'

	# the others as well: then there is nothing left, and selections get what is bad
	began=$(now_ms)
	stop_server squid
	stop_server good
	await_within "$WITHIN_MS" "$began" '.event == "exhausted" and .eligible == 0 and .total == 4'
	assert_eligible
	run -0 --separate-stderr pool-select --format '%{status}'
	assert_output unhealthy
	[ -n "$stderr" ]
	await_event 3 '.event == "panic" and .pool == "default.http" and .count == 1 and .level == "error"'
	assert_equal "$(count_events '.event == "exhausted"')" 1

	began=$(now_ms)
	restart_server killed
	restart_server squid
	restart_server good
	kill -CONT "$(cat "$SERVERS/stalled.pid")"
	for name in killed stalled squid good; do
		await_within 15000 "$began" "$(went "$name" healthy recovering)"
		assert_equal "$(count_events "$(went "$name" recovering unhealthy)")" 1
	done
	await_event 2 '.event == "recovered" and .eligible == 4 and .total == 4'
	assert_equal "$(count_events '.event == "recovered"')" 1
	assert_eligible good killed squid stalled

	assert_in_order
	end_watch
	assert_equal "$WATCH_STATUS" 0
	assert_equal "$(jq -r .event watch.jsonl | tail -n 1)" stopped
	run -0 pool-status --verify
}

@test "what others report, a person does or time ends is told within about 2 seconds" {
	start_stub http-proxy
	first=$STUB_PORT
	start_stub http-proxy
	write_pool pool.json '{
		"health_check": {"interval_seconds": 300, "retry_count": 1},
		"breaker": {"failure_threshold": 3, "open_seconds": 3},
		"proxies": [
			{"name": "one", "url": "http://127.0.0.1:'"$first"'"},
			{"name": "two", "url": "http://127.0.0.1:'"$STUB_PORT"'"}]}'
	start_watch -- pool.json
	mark

	pool-report one fail --reason connect-refused
	pool-report one fail --reason connect-refused
	hold_for 300 no_event "$(went one)"
	began=$(now_ms)
	pool-report one fail --reason connect-refused
	await_within 2500 "$began" "$(went one unhealthy healthy) and .reason == \"connect-refused\""
	await_event 2 '.event == "degraded" and .eligible == 1'
	# 3 seconds later it may be tried again
	await_within 6000 "$began" "$(went one recovering unhealthy)"
	pool-report one ok
	pool-report one ok
	await_event 3 "$(went one healthy recovering)"

	began=$(now_ms)
	pool-report two ok --status 429 --retry-after 2
	await_within 2500 "$began" "$(went two cooling healthy) and .reason == \"limited\" and .level == \"warning\""
	await_within 5500 "$began" "$(went two healthy cooling)"

	began=$(now_ms)
	pool-report two disable
	await_within 2500 "$began" "$(went two disabled healthy) and .level == \"notice\""
	began=$(now_ms)
	pool-report two enable
	await_within 2500 "$began" "$(went two healthy disabled)"
	assert_in_order
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

@test "a pool of which a person disables every proxy is exhausted" {
	write_pool pool.json '{
		"health_check": {"enabled": false},
		"proxies": [{"name": "one", "url": "http://127.0.0.1:1"},
			{"name": "two", "url": "http://127.0.0.1:2"}]}'
	start_watch -- pool.json
	began=$(now_ms)
	pool-report --all disable
	await_within 2500 "$began" '.event == "exhausted"'
	pool-report --all reset
	began=$(now_ms)
	pool-report --all enable
	await_within 2500 "$began" "$(went one unknown disabled)"
	await_within 2500 "$began" "$(went two unknown disabled)"
	await_event 2 '.event == "recovered" and .eligible == 2'
	assert_in_order
}

# checks NAME: what the state file has counted.
checks() {
	pool-status --format json | jq --arg name "$1" '.proxies[] | select(.proxy == $name)
		| .checks_ok + .checks_down + .checks_blocked + .checks_limited + .checks_inconclusive'
}

checked_more_than() {
	(($(checks one) > $1))
}

@test "pool-check beside pool-watch: every check is counted, and none is made twice" {
	start_stub origin
	origin=$STUB_PORT
	start_stub --name proxies http-proxy --count 20
	list=
	for port in "${STUB_PORTS[@]:1}"; do
		list="$list, \"http://127.0.0.1:$port\""
	done
	write_pool pool.json '{
		"health_check": {"method": "http", "url": "http://127.0.0.1:'"$origin"'/",
			"interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1},
		"proxies": [{"name": "one", "url": "http://127.0.0.1:'"$STUB_PORT"'"}'"$list"']}'
	pool-check -q
	launch_watch -- -v --listen 0 pool.json
	await_listening watch
	# what is fresh is no news
	no_event '.event == "check" or .event == "transition"'

	runs=1
	end=$(($(now_ms) + 7000))
	while (($(now_ms) < end)); do
		run -0 --separate-stderr pool-check -q
		assert_output ""
		assert_equal "$stderr" ""
		runs=$((runs + 1))
	done
	no_event '.event == "check"'
	assert_equal "$(checks one)" "$runs"

	# its own go on when the others stop
	before=$(checks one)
	wait_until 7 checked_more_than "$before"

	# both at once, started together when many are due
	for _ in 1 2 3 4 5; do
		before=$(checks one)
		wait_until 7 checked_more_than "$before"
		pool-check -q
		runs=$((runs + 1))
	done
	end_watch
	assert_equal "$WATCH_STATUS" 0
	# each was stored, of whomever
	pool-status --format json | jq -r '.proxies[] | "\(.proxy) \(.checks_ok)"' | sort >stored
	jq -r --argjson runs "$runs" -n '[inputs | select(.event == "check")] | group_by(.proxy)[]
		| "\(.[0].proxy) \(length + $runs)"' watch.jsonl | sort >expected
	run -0 diff expected stored
	run -0 pool-status --verify
}
