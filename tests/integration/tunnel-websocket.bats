# Checks by the methods tunnel and websocket: a real WebSocket server behind real proxies, each of
# which connects from an address of its own.

load ../lib

PASSWORD=k4Zq-s3cret
ALL=(tinyproxy squid microsocks)
# what is asserted of it is said where it is installed
DANTE=()
if dante_program >/dev/null; then
	DANTE=(dante)
	ALL+=(dante)
fi

setup_file() {
	pool_setup
	require_tool curl openssl
	make_certificates
	start_websocket_server
	PROXY_FROM=127.0.0.11 start_tinyproxy tinyproxy
	PROXY_FROM=127.0.0.12 start_squid squid
	PROXY_FROM=127.0.0.13 start_microsocks microsocks
	[ ${#DANTE[@]} -eq 0 ] || PROXY_FROM=127.0.0.14 start_dante dante
}

teardown_file() {
	pool_setup
	pool_teardown
}

setup() {
	pool_setup
	shared=$BATS_FILE_TMPDIR/servers
	ca=$BATS_FILE_TMPDIR/ca.pem
	PORT=$(cat "$shared/ws.port")
	TLS_PORT=$(cat "$shared/ws.tls-port")
	: >"$shared/ws.access"
	members=()
	for name in ws "${ALL[@]}"; do
		is_running "$shared/$name.pid" || of_all restart_server "$name"
	done
	for name in "${ALL[@]}"; do
		case $name in
		tinyproxy | squid) member "$name" "http://127.0.0.1:$(cat "$shared/$name.port")" ;;
		*) member "$name" "socks5h://127.0.0.1:$(cat "$shared/$name.port")" ;;
		esac
	done
}

teardown() {
	pool_teardown
}

# of_all COMMAND...: about the servers that all tests share.
of_all() {
	SERVERS=$BATS_FILE_TMPDIR/servers "$@"
}

# A CA of our own, and the server's certificate by it.
make_certificates() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 \
		-subj "/CN=test CA" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=127.0.0.1 \
		2>/dev/null
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
		-extfile <(echo subjectAltName=IP:127.0.0.1) -out server.pem 2>/dev/null
}

start_websocket_server() {
	local port tls_port

	port=$(free_port)
	tls_port=$(free_port)
	echo "$tls_port" >"$SERVERS/ws.tls-port"
	start_server ws "$port" /usr/bin/python3 "$TESTS_DIR/integration/websocket-server.py" \
		"$port" "$tls_port" "$PWD/server.pem" "$PWD/server.key" "$SERVERS/ws.access"
}

# member NAME URL: one more proxy of the pool.
member() {
	members+=("{\"name\": \"$1\", \"url\": \"$2\"}")
}

# write_members METHOD URL: pool.json with all of them.
write_members() {
	local IFS=,

	write_pool pool.json "{
		\"health_check\": {\"method\": \"$1\", \"timeout_seconds\": 5, \"retry_count\": 1,
			\"url\": \"$2\"},
		\"proxies\": [${members[*]}]
	}"
}

# check STATUS [OPTION]...: run pool-check, whose rows then are in the file rows.
check() {
	local status=$1
	shift

	run "-$status" --separate-stderr pool-check -f pool.json --format tsv "$@"
	printf '%s\n' "$output" >rows
}

# assert_row NAME STATUS REASON HTTP-STATUS: the row of NAME; without an answer there is no HTTP-STATUS.
assert_row() {
	assert_equal "$(awk -F '\t' -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["proxy"] == name { print $at["status"], $at["reason"], $at["http_status"] }' rows)" \
		"$2 $3 $4"
}

# assert_rows STATUS REASON HTTP-STATUS NAME...: the rows of NAME...
assert_rows() {
	local name

	for name in "${@:4}"; do
		assert_row "$name" "$1" "$2" "$3"
	done
}

# assert_detail NAME TEXT: what is said of NAME besides.
assert_detail() {
	assert_equal "$(awk -F '\t' -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["proxy"] == name { print $at["detail"] }' rows)" "$2"
}

# handshakes: who asked the server for an upgrade, and for which path.
handshakes() {
	sort "$shared/ws.access"
}

# addresses: where the proxies connect from, a line each.
addresses() {
	seq -f 127.0.0.%g 11 "$((10 + ${#ALL[@]}))"
}

# assert_selected NAME...: nobody else is selected.
assert_selected() {
	run -0 --separate-stderr pool-select -f pool.json -n 9 -q --format '%{name}'
	assert_equal "$(sort <<<"$output" | tr '\n' ' ')" "$(printf '%s\n' "$@" | sort | tr '\n' ' ')"
}

# each_method COMMAND: with METHOD and URL of either method in turn, and no history.
each_method() {
	for METHOD in websocket tunnel; do
		rm -f state/*
		URL=http://127.0.0.1:$PORT/
		[ "$METHOD" = tunnel ] || URL=ws://127.0.0.1:$PORT/feed
		"$1"
	done
}

# The HTTP status of a check that is well.
answer_of_method() {
	[ "$METHOD" = tunnel ] || echo 101
}

# --- what is well ------------------------------------------------------------------------------

@test "a WebSocket opens through each kind of proxy" {
	write_members websocket "ws://127.0.0.1:$PORT/feed?stream=trades"
	check 0
	assert_rows healthy ok 101 "${ALL[@]}"
	assert_equal "$stderr" ""
	# nobody came past its proxy
	assert_equal "$(handshakes)" "$(addresses | sed 's|^|/feed?stream=trades |')"
}

@test "a WebSocket with TLS opens through each, if its certificate is trusted" {
	write_members websocket "wss://127.0.0.1:$TLS_PORT/feed"
	check 0 --ca-file "$ca"
	assert_rows healthy ok 101 "${ALL[@]}"
	assert_equal "$(handshakes | cut -d ' ' -f 2)" "$(addresses)"
}

@test "a certificate that is not trusted blames no proxy where all see it" {
	write_members websocket "wss://127.0.0.1:$TLS_PORT/feed"
	check 4
	assert_rows unknown target-suspect "" "${ALL[@]}"
	assert_detail squid "tls-verify, certificate verify failed"
	assert_equal "$(handshakes)" ""
}

@test "a tunnel opens through each, and the server is asked for nothing" {
	for url in "http://127.0.0.1:$PORT/feed" "https://127.0.0.1:$TLS_PORT/feed" "127.0.0.1:$PORT"; do
		rm -f state/*
		write_members tunnel "$url"
		check 0
		assert_rows healthy ok "" "${ALL[@]}"
	done
	assert_equal "$(handshakes)" ""
}

@test "SOCKS4, and SOCKS5 that resolves names here, open it too" {
	require_dante
	port=$(cat "$shared/dante.port")
	members=()
	member socks4 "socks4://127.0.0.1:$port"
	member socks5 "socks5://127.0.0.1:$port"
	opens() {
		write_members "$METHOD" "$URL"
		check 0
		assert_rows healthy ok "$(answer_of_method)" socks4 socks5
	}
	each_method opens
}

# --- the target's fault ------------------------------------------------------------------------

@test "a server that is down ejects nobody" {
	is_down() {
		write_members "$METHOD" "$URL"
		check 0
		of_all stop_server ws
		check 4
		of_all restart_server ws
		assert_rows healthy target-suspect "" tinyproxy squid
		assert_rows healthy target-refused "" microsocks "${DANTE[@]}"
		assert_detail tinyproxy "bad-gateway, CONNECT answered 500"
		assert_detail squid "bad-gateway, CONNECT answered 503"
		assert_detail microsocks "SOCKS reply 5, connection refused"
		[ ${#DANTE[@]} -eq 0 ] || assert_detail dante "SOCKS reply 5, connection refused"
		assert_selected "${ALL[@]}"
	}
	each_method is_down
}

@test "an answer that is no upgrade ejects nobody where all get it" {
	for answer in 200 302 401 503; do
		write_members websocket "ws://127.0.0.1:$PORT/status-$answer"
		check 4
		assert_rows unknown target-suspect "$answer" "${ALL[@]}"
		assert_detail microsocks "status, HTTP $answer"
	done
	assert_equal "${stderr_lines[0]}" "pool-check: warning: default.http: the target failed \
through every proxy that reached it: check the target; no proxy was blamed"
	assert_selected "${ALL[@]}"
}

@test "neither does a server that shakes hands wrongly, or not at all" {
	for answer in wrong-accept no-accept; do
		write_members websocket "ws://127.0.0.1:$PORT/$answer"
		check 4
		assert_rows unknown target-suspect 101 "${ALL[@]}"
		assert_detail tinyproxy "body, HTTP 101 with a wrong accept key"
	done
	write_members websocket "ws://127.0.0.1:$PORT/silent"
	sed -i 's/"timeout_seconds": 5/"timeout_seconds": 1/' pool.json
	check 4
	assert_rows unknown target-suspect "" "${ALL[@]}"
	assert_detail tinyproxy response-timeout
	assert_selected "${ALL[@]}"
}

@test "TLS where there is none, and none where there is, ejects nobody" {
	write_members websocket "wss://127.0.0.1:$PORT/feed"
	check 4 --ca-file "$ca"
	assert_rows unknown target-suspect "" "${ALL[@]}"
	assert_detail microsocks "tls, SSL connect error"
	write_members websocket "ws://127.0.0.1:$TLS_PORT/feed"
	check 4
	assert_rows unknown target-suspect "" "${ALL[@]}"
}

# --- the proxy's fault -------------------------------------------------------------------------

@test "a proxy that the server answers otherwise than the rest is unhealthy" {
	for answer in 200 403 503 wrong-accept no-accept; do
		for number in 2 3; do
			name=${ALL[number - 1]}
			rest=("${ALL[@]:0:number - 1}" "${ALL[@]:number}")
			what=$answer reason=status code=$answer
			[[ $answer != *-accept ]] || reason=body code=101
			[[ $answer = *-accept ]] || what=status-$answer
			[ "$answer" != 403 ] || reason=blocked
			rm -f state/*
			write_members websocket "ws://127.0.0.1:$PORT/$what/127.0.0.1$number"
			check 0
			assert_row "$name" unhealthy "$reason" "$code"
			assert_rows healthy ok 101 "${rest[@]}"
			assert_selected "${rest[@]}"
		done
	done
}

@test "a server that answers 403 to all has blocked all of them" {
	write_members websocket "ws://127.0.0.1:$PORT/status-403"
	check 1
	assert_rows unhealthy blocked 403 "${ALL[@]}"
}

@test "a server that limits one of them lets it rest for as long as it says" {
	write_members websocket "ws://127.0.0.1:$PORT/status-429/127.0.0.13"
	check 0
	assert_row microsocks cooling limited 429
	assert_rows healthy ok 101 tinyproxy squid "${DANTE[@]}"
	assert_selected tinyproxy squid "${DANTE[@]}"
	assert_regex "$(status_field microsocks wait_seconds)" '^1(1[0-9]|20)$'
}

@test "a proxy that does not permit the tunnel is unhealthy" {
	start_tinyproxy tinyproxy-443
	echo "ConnectPort 443" >>"$SERVERS/tinyproxy-443.conf"
	restart_server tinyproxy-443
	member tinyproxy-443 "http://127.0.0.1:$PROXY_PORT"
	start_squid squid-443
	sed -i '1i acl tls port 443\nhttp_access deny CONNECT !tls' "$SERVERS/squid-443.conf"
	restart_server squid-443
	member squid-443 "http://127.0.0.1:$PROXY_PORT"
	refusing=(tinyproxy-443 squid-443)
	if [ ${#DANTE[@]} -gt 0 ]; then
		start_dante dante-443
		sed -i 's|^socks pass.*|socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 port = 443 }|' \
			"$SERVERS/dante-443.conf"
		restart_server dante-443
		member dante-443 "socks5h://127.0.0.1:$PROXY_PORT"
		refusing+=(dante-443)
	fi
	is_denied() {
		write_members "$METHOD" "$URL"
		check 0
		assert_rows unhealthy denied "" "${refusing[@]}"
		assert_detail tinyproxy-443 "CONNECT answered 403"
		assert_detail squid-443 "CONNECT answered 403"
		[ ${#DANTE[@]} -eq 0 ] || assert_detail dante-443 "SOCKS reply 2, not allowed"
		assert_selected "${ALL[@]}"
	}
	each_method is_denied
	# alone they are denied as well: no target is to blame for that
	members=("${members[@]:${#ALL[@]}}")
	write_members tunnel "http://127.0.0.1:$PORT/"
	check 1
	assert_rows unhealthy denied "" "${refusing[@]}"
}

@test "a wrong or a missing password is the proxy's refusal" {
	start_tinyproxy tinyproxy-auth me "$PASSWORD"
	member tinyproxy-wrong "http://me:wrong@127.0.0.1:$PROXY_PORT"
	member tinyproxy-none "http://127.0.0.1:$PROXY_PORT"
	member tinyproxy-right "http://me:$PASSWORD@127.0.0.1:$PROXY_PORT"
	start_squid squidauth me "$PASSWORD"
	member squid-wrong "http://me:wrong@127.0.0.1:$PROXY_PORT"
	member squid-none "http://127.0.0.1:$PROXY_PORT"
	member squid-right "http://me:$PASSWORD@127.0.0.1:$PROXY_PORT"
	start_microsocks microsocks-auth me "$PASSWORD"
	member microsocks-wrong "socks5h://me:wrong@127.0.0.1:$PROXY_PORT"
	member microsocks-none "socks5://127.0.0.1:$PROXY_PORT"
	member microsocks-right "socks5h://me:$PASSWORD@127.0.0.1:$PROXY_PORT"
	refused=({tinyproxy,squid,microsocks}-{wrong,none})
	if [ ${#DANTE[@]} -gt 0 ]; then
		# its users are the system's, of whom this is none
		start_dante dante-auth
		sed -i 's/^socksmethod: .*/socksmethod: username/' "$SERVERS/dante-auth.conf"
		restart_server dante-auth
		member dante-wrong "socks5h://no-such-user:wrong@127.0.0.1:$PROXY_PORT"
		member dante-none "socks5h://127.0.0.1:$PROXY_PORT"
		refused+=(dante-wrong dante-none)
	fi
	members=("${members[@]:${#ALL[@]}}")
	is_refused() {
		write_members "$METHOD" "$URL"
		check 0
		assert_rows unhealthy authentication "" "${refused[@]}"
		assert_rows healthy ok "$(answer_of_method)" {tinyproxy,squid,microsocks}-right
		assert_selected {tinyproxy,squid,microsocks}-right
		refute_output --partial "$PASSWORD"
		refute_output --partial wrong@
	}
	each_method is_refused
}

@test "a proxy that says yes and hangs up is found by websocket, not by tunnel" {
	start_stub --connect-status 204 http-proxy
	member liar "http://127.0.0.1:$STUB_PORT"
	write_members tunnel "http://127.0.0.1:$PORT/"
	check 0
	assert_row liar healthy ok ""
	rm -f state/*
	write_members websocket "ws://127.0.0.1:$PORT/feed"
	check 0
	assert_row liar unhealthy empty-answer ""
	assert_rows healthy ok 101 "${ALL[@]}"
}

@test "a proxy that dies is avoided, and used again once it is back" {
	dies() {
		local name

		write_members "$METHOD" "$URL"
		check 0
		for name in tinyproxy "${ALL[-1]}"; do
			of_all stop_server "$name"
		done
		check 0
		assert_rows unhealthy connect-refused "" tinyproxy "${ALL[-1]}"
		assert_selected "${ALL[@]:1:${#ALL[@]}-2}"
		for name in tinyproxy "${ALL[-1]}"; do
			of_all restart_server "$name"
		done
		check 0
		check 0
		assert_selected "${ALL[@]}"
	}
	each_method dies
}

@test "a stream that is open through a proxy keeps no check from its verdict" {
	write_members websocket "ws://127.0.0.1:$PORT/feed"
	sed -i 's/"proxies"/"limits": {"max_connections": 1}, "proxies"/' pool.json
	run -0 --separate-stderr pool-select -f pool.json -n 4 --lease --ttl 60
	check 0
	assert_rows healthy ok 101 "${ALL[@]}"
	run -1 --separate-stderr pool-select -f pool.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
}
