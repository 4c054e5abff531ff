# Targets that die while the proxies live, and many proxies that come and go.

load ../lib
load watch

setup() {
	pool_setup
	require_tool jq curl
}

teardown() {
	watch_teardown
}

# write_three [KEY]...: of the servers one, two and three, checked through to the origin; more keys of
# health_check
write_three() {
	write_pool pool.json '{
		"health_check": {"method": "http", "url": "http://127.0.0.1:'"$(server_port o)"'/",
			'"${1:+$1,}"' "interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1},
		"proxies": [
			{"name": "one", "url": "http://127.0.0.1:'"$(server_port one)"'"},
			{"name": "two", "url": "socks5h://127.0.0.1:'"$(server_port two)"'"},
			{"name": "three", "url": "http://127.0.0.1:'"$(server_port three)"'"}]}'
}

start_three() {
	start_nginx_origin o
	start_tinyproxy one
	start_microsocks two
	start_tinyproxy three
}

statuses() {
	pool-status --format tsv | awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		{ print $at["proxy"], $at["status"] }' | xargs
}

# checked_again COUNT: each of the three so often behind the mark
checked_again() {
	local name

	for name in one two three; do
		(($(count_events ".event == \"check\" and .proxy == \"$name\"") >= $1)) || return
	done
}

BAD='.event == "transition" or .event == "degraded" or .event == "exhausted" or .event == "uplink-suspect"'

@test "a target that dies ejects nobody, is told once, and one proxy that dies meanwhile is ejected" {
	start_three
	write_three
	start_watch -- -v pool.json
	assert_equal "$(statuses)" "one healthy two healthy three healthy"

	# it refuses
	mark
	stop_server o
	await_event 10 '.event == "target-suspect" and .pool == "default.http"'
	wait_until 15 checked_again 2
	no_event "$BAD"
	assert_equal "$(count_events '.event == "target-suspect"')" 1
	assert_equal "$(eligible_names | xargs)" "one three two"

	# what only the proxy can be guilty of
	began=$(now_ms)
	stop_server one
	await_within 9500 "$began" "$(went one unhealthy healthy) and .reason == \"connect-refused\""
	assert_equal "$(eligible_names | xargs)" "three two"
	no_event "$(went two)"
	no_event "$(went three)"

	restart_server o
	await_event 10 '.event == "target-recovered" and .pool == "default.http"'
	restart_server one
	await_event 15 "$(went one healthy recovering)"
	assert_equal "$(count_events '.event == "target-suspect"')" 1
	assert_equal "$(count_events '.event == "target-recovered"')" 1
	assert_in_order
}

# nginx serves by another process
signal_origin() {
	local pid

	pid=$(cat "$SERVERS/o.pid")
	# shellcheck disable=SC2046
	kill -"$1" "$pid" $(cat "/proc/$pid/task/$pid/children")
}

# What nothing but a request can tell apart: the target hangs, and so does all behind it.
SUSPECT='.event == "target-suspect" or .event == "uplink-suspect"'
RECOVERED='.event == "target-recovered" or .event == "uplink-recovered"'

@test "a target that hangs ejects nobody either, asked directly or not" {
	start_three
	for control in none direct; do
		write_three "\"control\": \"$control\""
		rm -f watch.jsonl
		MARK=0
		start_watch -- -v pool.json
		mark
		signal_origin STOP
		await_event 12 "$SUSPECT"
		wait_until 15 checked_again 1
		no_event '.event == "transition" or .event == "degraded" or .event == "exhausted"'
		assert_equal "$(statuses)" "one healthy two healthy three healthy"
		signal_origin CONT
		await_event 12 "$RECOVERED"
		no_event '.event == "transition" or .event == "degraded" or .event == "exhausted"'
		assert_equal "$(count_events "$SUSPECT")" 1
		end_watch
		assert_equal "$WATCH_STATUS" 0
	done
}

@test "a target that hangs is the one that is suspected if the proxies answer" {
	start_nginx_origin o
	for name in one two three; do
		start_microsocks "$name"
	done
	write_three
	# all by SOCKS: the way to the target is there, and only its answer is missing
	sed -i '/"name"/s|http:|socks5h:|' pool.json
	start_watch -- -v pool.json
	mark
	signal_origin STOP
	await_event 12 '.event == "target-suspect"'
	wait_until 15 checked_again 1
	no_event "$BAD"
	signal_origin CONT
	await_event 12 '.event == "target-recovered"'
}

@test "a single proxy that hangs is ejected, with nobody to ask or with the target itself" {
	start_three
	for name in two three; do
		stop_server "$name"
	done
	for control in direct none; do
		write_pool pool.json '{
			"health_check": {"method": "http", "url": "http://127.0.0.1:'"$(server_port o)"'/",
				"control": "'"$control"'",
				"interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1},
			"proxies": [{"name": "one", "url": "http://127.0.0.1:'"$(server_port one)"'"}]}'
		start_watch -- -v pool.json
		mark
		kill -STOP "$(cat "$SERVERS/one.pid")"
		# it took the connection and then said nothing: that is no target yet
		await_event 12 "$(went one unhealthy healthy)"
		no_event "$SUSPECT"
		kill -CONT "$(cat "$SERVERS/one.pid")"
		await_event 15 "$(went one healthy recovering)"
		end_watch
	done
}

# count_ready: proxies that are healthy, by the metrics
count_ready() {
	metric 'proxypool_pool_proxies{pool="default.http",status="healthy"}'
}

all_ready() {
	[ "$(count_ready)" = "$1" ]
}

# late_share: of the passes of the loop since the mark, those later than 50 ms, in per mille; LATE and
# PASSES are what was counted until then
late_share() {
	local all late

	all=$(metric 'proxypool_loop_lag_seconds_count')
	late=$((all - $(metric 'proxypool_loop_lag_seconds_bucket{le="0.05"}')))
	echo $(((late - ${LATE:-0}) * 1000 / (all - ${PASSES:-0})))
}

@test "1,000 proxies that flap leave nothing behind, and the loop is in time" {
	start_stub origin --max-seconds 600
	origin=$STUB_PORT
	# those of a block are ended and started again together
	list=
	row=30000
	for block in a b c d; do
		# ports in a row: the same ones each time
		for try in 1 2 3 4 5; do
			start_stub --name "$block" http-proxy --port $((row + RANDOM % 400)) --count 200 && break
			[ "$try" -lt 5 ]
		done
		row=$((row + 600))
		for port in "${STUB_PORTS[@]}"; do
			list="$list${list:+, }\"http://127.0.0.1:$port\""
		done
	done
	# these want a password each third time
	start_stub --name moody http-proxy --count 200 --script 200,200,407
	for port in "${STUB_PORTS[@]}"; do
		list="$list, \"http://127.0.0.1:$port\""
	done
	write_pool pool.json '{
		"health_check": {"method": "http", "url": "http://127.0.0.1:'"$origin"'/",
			"interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1, "healthy_threshold": 1},
		"proxies": ['"$list"']}'
	start_watch -- --pool-metrics pool.json
	assert_equal "$(count_events "$(went "127.0.0.1:${STUB_PORTS[0]}")")" 1

	flap 8
	fds=$(count_fds "$WATCH_PID")
	memory=$(resident_kb "$WATCH_PID")
	LATE=$(($(metric proxypool_loop_lag_seconds_count) - $(metric 'proxypool_loop_lag_seconds_bucket{le="0.05"}')))
	PASSES=$(metric proxypool_loop_lag_seconds_count)
	before=$(count_events '.event == "transition"')
	flap 27
	half=$(resident_kb "$WATCH_PID")
	held=$(count_events '.event == "flapping"')
	flap 27
	share=$(late_share)
	after=$(count_events '.event == "transition"')
	# once it may still grow to its size; a leak grows each time. The last change of each proxy
	# that flaps is kept, until it is calm.
	held=$((2 * ($(count_events '.event == "flapping"') - held)))
	grown=$(($(resident_kb "$WATCH_PID") - half - held))
	echo "$((half - memory)) and $grown kB more beside $held for those that flap, $((after - before)) transitions, $share per mille late," \
		"$fds descriptors before, $(count_fds "$WATCH_PID") after" >&2
	((after - before > 1000))
	((share < 10))
	((grown < 512 || half - memory < 512))

	# calm again, apart from the moody ones
	wait_until 20 calm
	(($(count_fds "$WATCH_PID") <= fds))
	assert_in_order
	counted=$(metric 'proxypool_events_total{event="transition"}')
	end_watch
	(($(count_events '.event == "transition"') >= counted))
	assert_equal "$WATCH_STATUS" 0
	run -0 pool-status --verify
}

calm() {
	(($(count_ready) >= 800))
}

# flap SECONDS: blocks die and come back
flap() {
	local end=$(($(now_ms) + $1 * 1000)) block

	while (($(now_ms) < end)); do
		for block in a b c d; do
			stop_server "$block"
			pause_for 1500
			launch "$block"
			pause_for 300
		done
	done
}
