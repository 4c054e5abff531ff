# Used for real: an exchange with REST and a WebSocket stream over TLS, clients as cryptofeed has
# them (aiohttp, websockets), proxies that die. The proxies connect from 127.0.0.2: what comes from
# elsewhere went direct.

load ../lib

setup() {
	pool_setup
	require_tool openssl curl
	require_python aiohttp aiohttp_socks websockets python_socks
	parts=$TESTS_DIR/integration/exchange
	export PYTHONPATH=$SOURCE_DIR/deploy/examples:$parts PYTHONDONTWRITEBYTECODE=1
	export POOL_FILE=$PWD/pool.json POOL_STATE=$PWD/state PROXY_FROM=127.0.0.2
	umask 077
	start_exchange
}

teardown() {
	pool_teardown
}

start_exchange() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-keyout key.pem -out cert.pem -subj /CN=exchange.test \
		-addext subjectAltName=DNS:exchange.test,IP:127.0.0.1 2>/dev/null
	printf '%s\0' /usr/bin/python3 "$parts/server.py" cert.pem key.pem "$PWD/origin.log" \
		>"$SERVERS/exchange.cmd"
	: >"$SERVERS/exchange.log"
	launch exchange
	wait_until "$START_SECONDS" test -s "$SERVERS/exchange.log"
	EXCHANGE_PORT=$(head -n 1 "$SERVERS/exchange.log")
	echo "$EXCHANGE_PORT" >"$SERVERS/exchange.port"
}

start_proxies() {
	start_tinyproxy tiny
	TINY=$PROXY_PORT
	start_tinyproxy tiny2
	TINY2=$PROXY_PORT
	start_microsocks socks
	SOCKS=$PROXY_PORT
	start_microsocks socks2
	SOCKS2=$PROXY_PORT
}

# Each exchange and connection type has a pool of its own; one failure is enough.
write_pools() {
	cat >pool.json <<-END
		{"enabled": true,
		 "default": {
		  "http": {"pool": {"proxies": [{"name": "tiny", "url": "http://127.0.0.1:$TINY"},
		    {"name": "socks", "url": "socks5h://127.0.0.1:$SOCKS"}], "breaker": {"failure_threshold": 1}}},
		  "websocket": {"pool": {"proxies": [{"name": "socks", "url": "socks5h://127.0.0.1:$SOCKS"},
		    {"name": "tiny", "url": "http://127.0.0.1:$TINY"},
		    {"name": "socks2", "url": "socks5h://127.0.0.1:$SOCKS2"}], "breaker": {"failure_threshold": 1}}}},
		 "exchanges": {
		  "binance": {"http": {"pool": {"proxies": [{"name": "tiny2", "url": "http://127.0.0.1:$TINY2"},
		    {"name": "tiny", "url": "http://127.0.0.1:$TINY"}], "breaker": {"failure_threshold": 1}}}}}}
	END
}

python() {
	/usr/bin/python3 "$parts/$1.py" "$EXCHANGE_PORT" cert.pem "${@:2}" 2>>errors
}

# in_background NAME COMMAND...: its status ends up in NAME.status.
in_background() {
	{
		local status=0
		"${@:2}" 3>&- || status=$?
		echo "$status" >"$1.status"
	} &
}

has_lines() {
	[ -e "$1" ] && [ "$(grep -c "$2" "$1")" -ge "$3" ]
}

# All connections to the origin came from the proxies.
assert_never_direct() {
	[ -s origin.log ]
	run -1 grep -v ' 127\.0\.0\.2$' origin.log
	assert_output ""
}

@test "a stream loses nothing but the time of one reconnect a dead proxy" {
	local current

	start_proxies
	write_pools
	in_background feed python feed any 400 feed.out
	wait_until 10 has_lines feed.out ^connected 1
	current=$(awk '{ print $2; exit }' feed.out)
	stop_server "$current"
	wait_until 10 has_lines feed.out ^connected 2
	current=$(awk '/^connected/ { name = $2 } END { print name }' feed.out)
	stop_server "$current"
	wait_until 20 test -s feed.status
	assert_equal "$(cat feed.status)" 0
	cat feed.out errors
	# Two proxies died, so there are two failures, each followed by a connection that held.
	run -0 cut -d ' ' -f 1 feed.out
	assert_output "connected
failed
connected
failed
connected
messages
gaps"
	assert_equal "$(tail -n 1 feed.out)" "gaps 0"
	read -r _ first last count < <(grep ^messages feed.out)
	assert_equal "$count" 400
	assert_equal "$((last - first + 1))" 400
	assert_never_direct
	# Nothing is leased any more, and the dead ones are known.
	run -0 --separate-stderr "$POOL_BIN/pool-status" --format json -t websocket
	run -0 jq -r '([.proxies[] | select(.status == "unhealthy")] | length), ([.proxies[].leases] | add)' <<<"$output"
	assert_output "2
0"
}

@test "REST goes on while the proxies of its exchange die and come back" {
	start_proxies
	write_pools
	in_background rest python rest binance 40 rest.out
	wait_until 10 has_lines rest.out '^ok' 5
	stop_server tiny2
	wait_until 10 has_lines rest.out '^ok' 15
	restart_server tiny2
	run -0 "$POOL_BIN/pool-report" --all reset
	wait_until 20 test -s rest.status
	assert_equal "$(cat rest.status)" 0
	assert_equal "$(grep -c '^ok' rest.out)" 40
	# Each attempt that failed was through the one that was dead.
	run -1 grep '^failed' <(grep -v '^failed tiny2 ' rest.out)
	[ "$(grep -c '^failed' rest.out)" -le 2 ]
	assert_never_direct
}

@test "pool-exec does the same for a client that knows nothing of pools" {
	local i

	start_proxies
	write_pools
	for i in 1 2 3 4 5 6; do
		[ "$i" -ne 3 ] || stop_server tiny
		run -0 --separate-stderr "$POOL_BIN/pool-exec" -q -- curl -sS --cacert cert.pem \
			"https://127.0.0.1:$EXCHANGE_PORT/time"
		assert_output --regexp '^\{"time": [0-9]+\}$'
	done
	assert_equal "$(grep -c '^rest' origin.log)" 6
	assert_never_direct
}

@test "single proxies, as cryptofeed's configuration has them" {
	start_proxies
	cat >config.yaml <<-END
		log: {filename: feed.log}
		proxy:
		  enabled: true
		  default:
		    http: {url: "http://127.0.0.1:$TINY"}
		    websocket: {url: "socks5://127.0.0.1:$SOCKS"}
		  exchanges:
		    binance: {http: {url: "http://127.0.0.1:$TINY2"}}
		exchanges: {BINANCE: {channels: [L2_BOOK]}}
	END
	export POOL_FILE=$PWD/config.yaml
	python rest BINANCE 2 rest.out
	assert_equal "$(cat rest.out)" "ok 127.0.0.1:$TINY2
ok 127.0.0.1:$TINY2"
	python rest kraken 1 rest.out
	assert_equal "$(cat rest.out)" "ok 127.0.0.1:$TINY"
	python feed binance 20 feed.out
	assert_equal "$(head -n 1 feed.out)" "connected 127.0.0.1:$SOCKS"
	assert_equal "$(tail -n 1 feed.out)" "gaps 0"
	# A dead single proxy is an error, never a direct connection.
	stop_server tiny2
	run -7 --separate-stderr "$POOL_BIN/pool-exec" -q -x binance --retries 0 -- curl -sS \
		--cacert cert.pem "https://127.0.0.1:$EXCHANGE_PORT/time"
	assert_never_direct
	# The environment on top, as a container sets it.
	CRYPTOFEED_PROXY_EXCHANGES__BINANCE__HTTP__URL=http://127.0.0.1:$TINY python rest binance 1 rest.out
	assert_equal "$(cat rest.out)" "ok 127.0.0.1:$TINY"
}

@test "switched off: direct where that is allowed, an error elsewhere" {
	echo '{"proxy": {"enabled": false, "default": {"http": {"url": "http://127.0.0.1:9"}}}}' >pool.json
	python rest binance 2 rest.out --direct-ok
	assert_equal "$(cat rest.out)" "ok direct
ok direct"
	assert_equal "$(sort -u origin.log)" "rest 127.0.0.1"
	: >origin.log
	run -1 python rest binance 1 rest.out
	run -0 cat errors
	assert_output --partial "no proxy: disabled"
	run -1 python feed binance 1 feed.out
	assert_equal "$(cat origin.log)" ""
}

@test "the log line of each selection names transport, exchange, scheme and endpoint" {
	echo '{"enabled": true, "default": {"http": {"url": "HTTP://mira:quartz7@Up.Relay.TEST:8080/x?y"},
		"websocket": {"url": "socks5h://u:p@[2001:DB8::1]:1080"}}}' >pool.json
	run -0 --separate-stderr "$POOL_BIN/pool-select" -v -x OKX
	assert_equal "$stderr" \
		"pool-select: proxy: transport=http exchange=OKX scheme=http endpoint=up.relay.test:8080"
	run -0 --separate-stderr "$POOL_BIN/pool-select" -v -t websocket
	assert_equal "$stderr" \
		"pool-select: proxy: transport=websocket exchange=default scheme=socks5h endpoint=[2001:db8::1]:1080"
	run -0 --separate-stderr "$POOL_BIN/pool-exec" -v -t websocket -- true
	assert_regex "$stderr" \
		'^pool-exec: proxy: transport=websocket exchange=default scheme=socks5h endpoint=\[2001:db8::1\]:1080$'
	refute_regex "$stderr" '@|user:|password|quartz7'
}

@test "a single proxy costs no more than a pool: the same files, the same calls" {
	require_tool strace
	local form

	echo '{"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}' >pool.json
	echo '{"proxy": {"enabled": true, "default": {"http": {"url": "http://127.0.0.1:1"}}}}' >single.json
	for form in pool single; do
		# The second selection finds the snapshot.
		settle "$form.json"
		run -0 "$POOL_BIN/pool-select" -s "$form.state" "$form.json"
		run -0 strace -o "$form.trace" "$POOL_BIN/pool-select" -s "$form.state" "$form.json"
	done
	[ "$(wc -l <single.trace)" -le "$(wc -l <pool.trace)" ]
	run -1 grep -E 'libcjson|libyaml' single.trace
}
