# Commands under pool-exec, through real proxies that die and stall meanwhile.

load ../lib

setup() {
	pool_setup
	require_tool curl
	start_nginx_origin o
	start_tinyproxy killed
	killed=$PROXY_PORT
	start_tinyproxy stalled
	stalled=$PROXY_PORT
	start_microsocks good
	write_pool pool.json '{
		"breaker": {"failure_threshold": 3, "open_seconds": 6},
		"proxies": [
			{"name": "killed", "url": "http://127.0.0.1:'"$killed"'"},
			{"name": "stalled", "url": "http://127.0.0.1:'"$stalled"'"},
			{"name": "good", "url": "socks5h://127.0.0.1:'"$PROXY_PORT"'"}]}'
}

teardown() {
	[ ! -e "$SERVERS/stalled.pid" ] || kill -CONT "$(cat "$SERVERS/stalled.pid")"
	pool_teardown
}

# fetch [TIMES]: each must succeed, and say so once. What was said about failures is in "failures".
fetch() {
	local number

	for ((number = 0; number < ${1:-1}; number++)); do
		assert_equal "$(pool-exec --timeout 1 curl -s "http://127.0.0.1:$ORIGIN_PORT/" \
			2>>failures </dev/null)" "origin o"
	done
}

explain() {
	pool-select --explain --dry-run 2>&1 >/dev/null | grep -E "^[* ] $1 "
}

is_healthy() {
	fetch
	explain "$1" | grep -q " healthy "
}

@test "every one of 50 commands succeeds while a proxy is killed and another stalls" {
	fetch 6
	[ ! -s failures ]
	for name in killed stalled good; do
		run -0 explain "$name"
		assert_output --partial " healthy "
	done

	began=$SECONDS
	stop_server killed
	kill -STOP "$(cat "$SERVERS/stalled.pid")"
	fetch 50
	allowed=3
	# it may have been tried again once its time was over
	[ $((SECONDS - began)) -lt 5 ] || allowed=4
	for name in killed stalled; do
		count=$(grep -c "through '$name' failed" failures)
		[ "$count" -ge 1 ]
		[ "$count" -le "$allowed" ]
		run -0 explain "$name"
		assert_output --partial " unhealthy "
	done
	run -1 grep "through 'good' failed" failures

	restart_server killed
	kill -CONT "$(cat "$SERVERS/stalled.pid")"
	wait_until 20 is_healthy killed
	wait_until 20 is_healthy stalled
	for name in killed stalled good; do
		run -0 explain "$name"
		assert_output --partial "leases 0"
	done
}

@test "the answer of a real origin cools a proxy in that pool only" {
	write_pool pool.json '{"enabled": true,
		"default": {"http": {"pool": {"strategy": "failover", "proxies": [
			{"name": "killed", "url": "http://127.0.0.1:'"$killed"'"},
			{"name": "stalled", "url": "http://127.0.0.1:'"$stalled"'"}]}}},
		"exchanges": {"other": {"http": {"pool": {"strategy": "failover",
			"proxies": "default"}}}}}'
	run -22 --separate-stderr pool-exec curl -sf "http://127.0.0.1:$ORIGIN_PORT/status/429"
	assert_output ""
	assert_regex "${stderr_lines[0]}" "through 'killed' failed \(limited, target, HTTP 429\)"
	run -0 explain killed
	assert_output --partial " cooling "
	run -0 pool-select -x other --format '%{name} %{status}'
	assert_output "killed unknown"
}
