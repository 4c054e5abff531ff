# pool-watch where the machine itself fails: clock, disk, rights, names.

load ../lib
load watch

setup() {
	pool_setup
	require_tool jq curl
}

teardown() {
	watch_teardown
}

# write_pair [KEY]...: of the stubs first and second; more keys of the pool
write_pair() {
	write_pool pool.json '{
		"health_check": {"interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1},
		'"${1:+$1,}"'
		"proxies": [
			{"name": "first", "url": "http://127.0.0.1:'"$(server_port first)"'"},
			{"name": "second", "url": "http://127.0.0.1:'"$(server_port second)"'"}]}'
}

start_pair() {
	start_stub --name first http-proxy --max-seconds 600
	start_stub --name second http-proxy --max-seconds 600
	write_pair
}

# checks [FILTER]: how many of them were told
checks() {
	count_events ".event == \"check\"${1:+ and $1}"
}

checked_so_often() {
	(($(checks) >= $1))
}

@test "a wall clock that jumps a day changes no status, and no check is missed or made at once" {
	start_pair
	echo 0 >shift
	# by its name alone: LD_PRELOAD ends a name at a blank, which a folder may hold
	LD_LIBRARY_PATH=$POOL_BUILD/tests LD_PRELOAD=shift-clock.so SHIFT_CLOCK=$TEST_DIR/shift \
		start_watch -- -v pool.json
	for jump in 86400 -86400 0; do
		echo "$jump" >shift.new
		mark
		mv shift.new shift
		began=$(now_ms)
		wait_until 12 checked_so_often 4
		took=$(($(now_ms) - began))
		echo "4 checks in $took ms after $jump" >&2
		# each of both twice
		((took <= 11500))
		assert_equal "$(checks '.proxy == "first"')" 2
		no_event '.event == "transition" or .event == "degraded" or .event == "local-trouble"'
		answers 200 healthz
		answers 200 readyz
	done
	end_watch
	assert_equal "$WATCH_STATUS" 0
	run -0 pool-status --verify
}

@test "a full disk stops no check, and what is known is stored when there is room again" {
	start_namespaces
	start_stub --name first http-proxy --max-seconds 600
	start_stub --name second http-proxy --max-seconds 600
	mkdir small
	inside mount -t tmpfs -o size=512k,mode=700 small small
	inside mountpoint -q small
	# in the network of the namespaces
	for name in first second; do
		stop_server "$name"
		mapfile -d '' -t command <"$SERVERS/$name.cmd"
		printf '%s\0' "${INSIDE[@]}" "${command[@]}" >"$SERVERS/$name.cmd"
		launch "$name"
	done
	wait_until 5 inside bash -c "exec 3<>/dev/tcp/127.0.0.1/$(server_port second)" 2>/dev/null
	write_pair
	# the events go to the small disk as well
	# shellcheck disable=SC2016
	launch_watch --before "${INSIDE[@]}" bash -c 'exec "$@" >small/events' small -- \
		-v -s small --metrics-file small/metrics --listen 0 pool.json
	await_listening watch
	wait_until 10 inside curl -fsS -o answer "${WATCH_URL}readyz" 2>/dev/null
	wait_until 20 inside test -s small/metrics

	# no more than 4 MiB, wherever that is
	run -1 inside dd if=/dev/zero of=small/filler bs=4k count=1024
	assert_output --partial "No space left"
	stop_server first
	wait_until 10 status_is first unhealthy
	assert_equal "$(inside curl -fsS "${WATCH_URL}healthz")" ok
	run -0 --separate-stderr inside pool-select -q -s small --format '%{name}'
	assert_output second
	# an edit that needs more room
	{
		printf '%s\n' '{"health_check": {"interval_seconds": 5}, "proxies": ['
		for ((number = 1; number < 4000; number++)); do
			printf '"http://127.1.%d.%d:1", ' $((number / 250)) $((number % 250))
		done
		printf '%s\n' '"http://127.0.0.1:1"]}'
	} >big
	cp pool.json good
	mv big pool.json
	wait_until 5 has_trouble
	assert_equal "$(inside curl -fsS "${WATCH_URL}healthz")" ok
	is_running "$SERVERS/watch.pid"
	# selection as well goes on
	run -0 --separate-stderr inside pool-select -q -s small --format '%{name}'
	mv good pool.json

	inside rm small/filler
	launch first
	wait_until 20 status_is first healthy
	inside bash -c ': >small/metrics'
	wait_until 20 inside test -s small/metrics
	inside curl -fsS "${WATCH_URL}readyz"
	end_watch
	assert_equal "$WATCH_STATUS" 0
	run -0 inside pool-status -s small --verify
	assert_equal "$(inside tail -n 1 small/events | jq -r .event)" stopped
}

# status_is NAME STATUS: by pool-watch
status_is() {
	[ "$(inside curl -sS "${WATCH_URL}api/v1/status" 2>/dev/null |
		jq -r --arg name "$1" '.proxies[] | select(.proxy == $name) | .status')" = "$2" ]
}

has_trouble() {
	inside curl -sS "${WATCH_URL}api/v1/status" |
		jq -e 'any(.events[]; .event == "local-trouble" or .event == "rollback")' >/dev/null
}

# Without the right to overrule those of files.
unprivileged=()

be_unprivileged() {
	[ "$(id -u)" -ne 0 ] || {
		require_tool setpriv
		unprivileged=(setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all)
	}
}

@test "without the right to write the state folder it does not start, or goes on with what it has" {
	start_pair
	be_unprivileged
	chmod 500 state
	run -3 --separate-stderr timeout 20 "${unprivileged[@]}" pool-watch pool.json
	assert_output ""
	assert_regex "$stderr" "^pool-watch: .*state.*[Pp]ermission"

	chmod 700 state
	start_watch --before "${unprivileged[@]}" -- -v pool.json
	mark
	chmod 500 state
	stop_server first
	await_event 9 "$(went first unhealthy healthy)"
	assert_equal "$(eligible_names)" second
	answers 200 healthz
	restart_server first
	await_event 15 "$(went first healthy recovering)"
	# an edit needs to store more
	write_pair '"strategy": "failover"'
	wait_until 5 has_event '.event == "reload" or .event == "local-trouble"'
	chmod 700 state
	write_pair '"strategy": "random"'
	await_event 5 '.event == "reload"'
	wait_until 5 answers 200 readyz
	end_watch
	assert_equal "$WATCH_STATUS" 0
	run -0 pool-status --verify
}

@test "a name server that does not answer blames nobody and stops nothing" {
	start_namespaces
	# 192.0.2.53 is on the loopback: what is sent to it is lost
	inside ip address add 192.0.2.1/24 dev lo
	echo "nameserver 192.0.2.53" >resolv.conf
	inside mount --bind resolv.conf /etc/resolv.conf
	printf '%s\0' "${INSIDE[@]}" "$POOL_STUB" --port 3128 http-proxy >"$SERVERS/proxy.cmd"
	launch proxy
	echo 3128 >"$SERVERS/proxy.port"
	wait_until 5 inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128' 2>/dev/null
	write_pool pool.json '{
		"health_check": {"interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1},
		"proxies": [
			{"name": "named", "url": "http://proxy.example:3128"},
			{"name": "other", "url": "http://other.example:3128"},
			{"name": "here", "url": "http://127.0.0.1:3128"}]}'
	launch_watch --before "${INSIDE[@]}" -- -v --listen 0 pool.json
	await_listening watch
	await_event 10 '.event == "local-trouble" and .reason == "no-resolver"'
	await_event 5 "$(went here healthy unknown)"
	# again and again, and always at once
	slowest=0
	end=$(($(now_ms) + 12000))
	while (($(now_ms) < end)); do
		began=$(now_ms)
		assert_equal "$(inside curl -sS -m 5 "${WATCH_URL}healthz")" ok
		took=$(($(now_ms) - began))
		((took <= slowest)) || slowest=$took
		pause_for 100
	done
	echo "slowest answer: $slowest ms" >&2
	((slowest < 500))
	(($(checks '.proxy == "here" and .reason == "ok"') >= 3))
	(($(checks '.proxy == "named" and .reason == "no-resolver"') >= 2))
	assert_equal "$(count_events '.event == "local-trouble"')" 1
	no_event "$(went named)"
	no_event "$(went other)"
	no_event '.event == "degraded"'
	assert_equal "$(eligible_names | xargs)" "here named other"
	end_watch
	assert_equal "$WATCH_STATUS" 0
	((WATCH_MS <= 1300))
}

@test "a proxy whose name gets another address is checked there" {
	start_namespaces
	echo "127.0.0.1 moved.example" >hosts
	inside mount --bind hosts /etc/hosts
	printf '%s\0' "${INSIDE[@]}" "$POOL_STUB" --host 127.0.0.2 --port 3129 http-proxy >"$SERVERS/proxy.cmd"
	launch proxy
	echo 3129 >"$SERVERS/proxy.port"
	wait_until 5 inside bash -c 'exec 3<>/dev/tcp/127.0.0.2/3129' 2>/dev/null
	write_pool pool.json '{
		"health_check": {"interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1},
		"proxies": [{"name": "moved", "url": "http://moved.example:3129"}]}'
	launch_watch --before "${INSIDE[@]}" -- -v pool.json
	await_event 10 "$(went moved unhealthy unknown)"
	assert_equal "$(checks '.reason == "connect-refused"' | xargs)" 1
	# in place: what is bound is the file, not its name
	echo "127.0.0.2 moved.example" >hosts
	await_event 10 '.event == "check" and .reason == "ok"'
	end_watch
}
