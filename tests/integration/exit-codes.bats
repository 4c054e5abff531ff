# What curl and wget end with when something goes wrong behind or at a proxy, and what that is taken
# for: the real programs, and the tables of lib/health/reason.c.

load ../lib

setup() {
	pool_setup
	require_tool curl wget
	# Of the user's own they know nothing.
	: >wgetrc
	export CURL_HOME=$HOME WGETRC=$TEST_DIR/wgetrc
}

teardown() {
	pool_teardown
}

# curl_is STATUS REASON ARGUMENT...: curl with -x on the stub ends so, and that means REASON.
curl_is() {
	local status=$1 reason=$2
	shift 2

	run "-$status" --separate-stderr curl -sS -o /dev/null -m 20 \
		-x "${SCHEME:-http}://127.0.0.1:$STUB_PORT" "$@"
	means curl "$status" "$reason"
}

# wget_is STATUS REASON ARGUMENT...: likewise.
wget_is() {
	local status=$1 reason=$2 proxy=${PROXY_URL:-http://127.0.0.1:$STUB_PORT}
	shift 2

	run "-$status" --separate-stderr wget -q -t 1 -T 20 -O /dev/null \
		-e use_proxy=on -e "http_proxy=$proxy" -e "https_proxy=$proxy" "$@"
	means wget "$status" "$reason"
}

# means PROGRAM STATUS REASON. curl says why it fails; what wget -q says is its own affair.
means() {
	assert_output ""
	case $1$2 in
	curl0) assert_equal "$stderr" "" ;;
	curl*) [[ $stderr = curl:* ]] ;;
	esac
	run -0 --separate-stderr "$POOL_BUILD/tests/reason-of" "$1" "$2"
	assert_output "$3"
	assert_equal "$stderr" ""
}

# An origin that speaks TLS with a certificate of its own: TLS_PORT, cert.pem.
start_tls_origin() {
	require_tool openssl
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 \
		-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
	TLS_PORT=$(free_port)
	start_server tls "$TLS_PORT" openssl s_server -quiet -www -accept "127.0.0.1:$TLS_PORT" \
		-key key.pem -cert cert.pem
}

@test "a proxy that works is ok" {
	start_stub http-proxy
	curl_is 0 ok http://origin.invalid/
	wget_is 0 ok http://origin.invalid/
}

@test "a proxy that refuses connections" {
	start_stub refuse
	curl_is 7 connect-refused http://origin.invalid/
	curl_is 7 connect-refused https://origin.invalid/
	SCHEME=https curl_is 7 connect-refused http://origin.invalid/
	SCHEME=socks5h curl_is 7 connect-refused http://origin.invalid/
	SCHEME=socks4a curl_is 7 connect-refused http://origin.invalid/
	wget_is 4 reported http://origin.invalid/
	wget_is 4 reported https://origin.invalid/
}

@test "a name that is not found: the proxy's, and the target's" {
	start_stub http-proxy
	run -5 --separate-stderr curl -sS -o /dev/null -x http://proxy.invalid:1 http://127.0.0.1:1/
	means curl 5 proxy-name
	run -6 --separate-stderr curl -sS -o /dev/null http://origin.invalid/
	means curl 6 target-name
	PROXY_URL=http://proxy.invalid:1 wget_is 4 reported http://127.0.0.1:1/
}

@test "a proxy that takes the connection and is silent" {
	start_stub stall
	curl_is 28 response-timeout -m 0.3 http://origin.invalid/
	curl_is 28 response-timeout -m 0.3 https://origin.invalid/
	SCHEME=https curl_is 28 response-timeout -m 0.3 http://origin.invalid/
	SCHEME=socks5h curl_is 28 response-timeout -m 0.3 http://origin.invalid/
	wget_is 4 reported -T 0.3 http://origin.invalid/
	wget_is 4 reported -T 0.3 https://origin.invalid/
}

@test "an answer that does not end in time" {
	start_stub trickle
	curl_is 28 response-timeout -m 0.3 http://origin.invalid/
	curl_is 28 response-timeout --speed-limit 1000 --speed-time 1 http://origin.invalid/
}

@test "a connection that is closed, and one that is reset" {
	start_stub close
	# A close may come as a reset, if the request was under way.
	run --separate-stderr curl -sS -o /dev/null -x "http://127.0.0.1:$STUB_PORT" http://origin.invalid/
	assert_output ""
	case $status in
	52) means curl 52 empty-answer ;;
	*) means curl 56 reset ;;
	esac
	SCHEME=https curl_is 35 tls http://origin.invalid/
	SCHEME=socks5h curl_is 97 proxy-failed http://origin.invalid/
	wget_is 4 reported http://origin.invalid/
	start_stub reset
	# So early that curl may take it for a refusal.
	run --separate-stderr curl -sS -o /dev/null -x "http://127.0.0.1:$STUB_PORT" http://origin.invalid/
	assert_output ""
	case $status in
	7) means curl 7 connect-refused ;;
	55) means curl 55 reset ;;
	*) means curl 56 reset ;;
	esac
	wget_is 4 reported http://origin.invalid/
}

@test "a target behind a tunnel that hangs up" {
	start_stub close
	origin=$STUB_PORT
	start_stub http-proxy
	curl_is 35 tls "https://127.0.0.1:$origin/"
	wget_is 4 reported "https://127.0.0.1:$origin/"
}

@test "an answer that breaks off" {
	start_stub truncate
	curl_is 18 truncated http://origin.invalid/
	wget_is 4 reported http://origin.invalid/
}

@test "an answer that is no HTTP" {
	start_stub garbage
	# The same status as for a scheme that curl does not know.
	curl_is 1 none http://origin.invalid/
	SCHEME=https curl_is 35 tls http://origin.invalid/
	SCHEME=socks5h curl_is 97 proxy-failed http://origin.invalid/
	SCHEME=socks4 curl_is 97 proxy-failed http://127.0.0.1:1/
	wget_is 4 reported http://origin.invalid/
	start_stub http-proxy --header "Content-Length: many"
	curl_is 8 proxy-failed http://origin.invalid/
}

@test "CONNECT answered with no" {
	for code in 403 407 502; do
		start_stub http-proxy --connect-status "$code"
		curl_is 56 reset https://origin.invalid/
		wget_is 4 reported https://origin.invalid/
	done
}

@test "a SOCKS request answered with no" {
	for code in 1 2 5; do
		start_stub socks5-proxy --reply "$code"
		SCHEME=socks5h curl_is 97 proxy-failed http://origin.invalid/
	done
	start_stub socks5-proxy --auth-reject
	SCHEME=socks5h curl_is 97 proxy-failed http://origin.invalid/
	start_stub socks4-proxy --reply 91
	SCHEME=socks4a curl_is 97 proxy-failed http://origin.invalid/
}

@test "a status says nothing without its answer" {
	for code in 403 404 429 503; do
		start_stub http-proxy --status "$code"
		curl_is 0 ok http://origin.invalid/
		curl_is 22 none -f http://origin.invalid/
		wget_is 8 none http://origin.invalid/
	done
	start_stub http-proxy --user me --password k4Zq-s3cret
	curl_is 22 none -f http://origin.invalid/
	wget_is 8 none http://origin.invalid/
}

@test "wget's authentication failure is the target's" {
	start_stub http-proxy --status 401 --header "WWW-Authenticate: Basic realm=x"
	wget_is 6 none --user me --password k4Zq-s3cret http://origin.invalid/
}

@test "a certificate that does not verify" {
	start_tls_origin
	start_stub http-proxy
	curl_is 0 ok --cacert cert.pem "https://127.0.0.1:$TLS_PORT/"
	curl_is 60 tls-verify "https://127.0.0.1:$TLS_PORT/"
	curl_is 90 tls-verify --cacert cert.pem --pinnedpubkey sha256//AAAA "https://127.0.0.1:$TLS_PORT/"
	curl_is 91 tls-verify --cacert cert.pem --cert-status "https://127.0.0.1:$TLS_PORT/"
	wget_is 5 tls-verify "https://127.0.0.1:$TLS_PORT/"
	wget_is 0 ok --ca-certificate cert.pem "https://127.0.0.1:$TLS_PORT/"
}

@test "what is wrong with TLS on this side says nothing" {
	start_tls_origin
	start_stub http-proxy
	url=https://127.0.0.1:$TLS_PORT/
	curl_is 53 none --engine none "$url"
	curl_is 58 none --cert none.pem "$url"
	curl_is 59 none --ciphers NONE "$url"
	curl_is 77 none --cacert none.pem "$url"
	curl_is 82 none --cacert cert.pem --crlfile none.pem "$url"
}

@test "nor does what is wrong with the command" {
	start_stub http-proxy
	url=http://origin.invalid/
	curl_is 1 none no-such-scheme://origin.invalid/
	curl_is 2 none --no-such-option "$url"
	curl_is 3 none http://a:b:c/
	curl_is 23 none --output-dir none "$url"
	curl_is 26 none -T none "$url"
	curl_is 45 none --interface none0 "$url"
	curl_is 63 none --max-filesize 1 "$url"
	wget_is 2 none --no-such-option "$url"
	wget_is 1 none -O none/file "$url"
	wget_is 3 none -O /dev/full "$url"
}

@test "nor what the target did with an answer that came whole" {
	start_stub http-proxy --status 302 --header "Location: /again"
	curl_is 47 none -L --max-redirs 3 http://origin.invalid/
	wget_is 8 none --max-redirect 3 http://origin.invalid/
	start_stub http-proxy --header "Content-Encoding: no-such-coding"
	curl_is 61 none --compressed http://origin.invalid/
}
