# What an answer said: checks and pool-exec come to the same verdict, from the head alone.

load ../lib

setup() {
	pool_setup
	require_tool curl
}

teardown() {
	pool_teardown
}

# http_date SECONDS: that far from $now, when the test began
http_date() {
	date -u -d "@$((now + $1))" '+%a, %d %b %Y %H:%M:%S GMT'
}

# said WAIT: status and cause of proxy "one"; and WAIT, if it rests about so long
said() {
	local status wait

	status=$(status_field one status)
	wait=$(status_field one wait_seconds)
	if [ "$status" != cooling ]; then
		wait=
	elif [ "$wait" -le "$1" ] && [ "$wait" -gt $(($1 - 15)) ]; then
		wait=about-$1
	fi
	echo "$status $(status_field one cause)${wait:+ $wait}"
}

# judged URL BYTES WANTED: a proxy answers BYTES and then nothing more, or closes.
judged() {
	local end wait=${3##*-}

	for end in --hold ""; do
		# shellcheck disable=SC2086 # one word or none
		start_stub --name raw --bytes "$2" $end raw
		# what is decided by its head waits for no timeout
		write_pool pool.json '{"proxies": [{"name": "one", "url": "http://127.0.0.1:'"$STUB_PORT"'"}],
			"breaker": {"failure_threshold": 1}, "health_check": {"method": "http",
			"url": "'"$1"'", "retry_count": 1, "timeout_seconds": '"${LIMIT:-30}"'}}'
		run timeout 20 pool-check -q pool.json
		[ "$status" -ne 124 ]
		assert_equal "check $1 ${2@Q} $end: $(said "$wait")" "check $1 ${2@Q} $end: $3"
		rm -rf "${POOL_STATE:?}"/*
		# curl reads on
		run pool-exec -q --retries 0 -f pool.json curl -s -m 2 -o /dev/null "$1"
		assert_equal "exec $1 ${2@Q} $end: $(said "$wait")" "exec $1 ${2@Q} $end: $3"
		rm -rf "${POOL_STATE:?}"/*
		stop_server raw
	done
}

# head STATUS [LINE]...
head_of() {
	printf 'HTTP/1.1 %s x\r\n' "$1"
	shift
	[ $# -eq 0 ] || printf '%s\r\n' "$@"
	printf 'Content-Length: 1000\r\n\r\nbegun'
}

@test "a limit rests the proxy, whatever becomes of the answer's body" {
	local url=http://target.invalid/ now=$EPOCHSECONDS

	judged $url "$(head_of 429 "Retry-After: 77")" "cooling limited about-77"
	judged $url "$(head_of 418)" "cooling limited about-60"
	judged $url "$(head_of 429 "Retry-After: soon")" "cooling limited about-60"
	# by the answer's own clock
	judged $url "$(head_of 429 "Date: $(http_date 3600)" "Retry-After: $(http_date 3690)")" \
		"cooling limited about-90"
	judged $url "$(head_of 429 "Retry-After: $(http_date -3510)" "Date: $(http_date -3600)")" \
		"cooling limited about-90"
	judged $url "$(head_of 429 "Retry-After: $(http_date -5)")" "cooling limited about-60"
	# a head that stops or breaks off itself
	LIMIT=1 judged $url $'HTTP/1.1 429 x\r\nRetry-After: 77\r\nServer:' "cooling limited about-77"
}

@test "so do a blocked status and the proxy's 407 count" {
	judged http://target.invalid/ "$(head_of 403)" "unhealthy blocked"
	judged http://target.invalid/ "$(head_of 451)" "unhealthy blocked"
	judged http://target.invalid/ "$(head_of 407)" "unhealthy authentication"
}

@test "an answer to CONNECT is judged by the same statuses, but is the proxy's own" {
	local url=https://target.invalid/ now=$EPOCHSECONDS

	judged $url "$(head_of 429 "Retry-After: 77")" "cooling limited about-77"
	judged $url "$(head_of 429 "Date: $(http_date 3600)" "Retry-After: $(http_date 3690)")" \
		"cooling limited about-90"
	judged $url "$(head_of 403 "Retry-After: 77")" "unhealthy denied"
	judged $url "$(head_of 451)" "unhealthy denied"
	judged $url "$(head_of 407)" "unhealthy authentication"
	judged $url "$(head_of 503 "Retry-After: 77")" "unknown target-suspect"
}

@test "what CONNECT's yes says is not the target's" {
	local yes accept="Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

	yes=$(printf 'HTTP/1.1 200 x\r\nRetry-After: 500\r\n%s\r\n\r\nHTTP/1.1' "$accept")
	write_websocket() {
		start_stub --name raw --bytes "$1" --hold raw
		write_pool pool.json '{"proxies": [{"name": "one", "url": "http://127.0.0.1:'"$STUB_PORT"'"}],
			"health_check": {"method": "websocket", "url": "ws://target.invalid/",
			"retry_count": 1, "timeout_seconds": 30}}'
	}
	write_websocket "$yes 429 x"$'\r\nContent-Length: 9\r\n\r\n'
	run timeout 20 pool-check -q pool.json
	assert_equal "$(said 60)" "cooling limited about-60"
	rm -rf "${POOL_STATE:?}"/*
	stop_server raw
	write_websocket "$yes 101 x"$'\r\nUpgrade: websocket\r\n\r\n'
	run timeout 20 pool-check --dry-run --format tsv pool.json
	assert_output --partial "wrong accept key"
	stop_server raw
	write_websocket "$yes 101 x"$'\r\nUpgrade: websocket\r\n'"$accept"$'\r\n\r\n'
	run -0 timeout 20 pool-check -q pool.json
	stop_server raw
	# an answer that is none of a WebSocket's needs no end
	write_websocket "$yes 200 x"$'\r\nContent-Length: 9\r\n\r\n'
	run timeout 20 pool-check --dry-run --format tsv pool.json
	assert_output --partial "HTTP 200"
}

@test "a tunnel check hears how long it is to wait, too" {
	start_stub --name raw --bytes "$(head_of 420 "Retry-After: 77")" --hold raw
	write_pool pool.json '{"proxies": [{"name": "one", "url": "http://127.0.0.1:'"$STUB_PORT"'"}],
		"cooldown": {"statuses": [420]}, "health_check": {"method": "tunnel",
		"url": "https://target.invalid/", "timeout_seconds": 30}}'
	run timeout 20 pool-check -q pool.json
	assert_equal "$(said 77)" "cooling limited about-77"
	assert_equal "$(status_field one http_status)" ""
}
