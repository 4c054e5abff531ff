# Proxies that are spoken to in TLS: whose certificate is good, and what those whose is not learn.

load ../lib

setup() {
	pool_setup
	require_tool curl openssl
	require_python ssl
	start_nginx_origin o
	make_certificates
}

teardown() {
	pool_teardown
}

# A CA of our own, and certificates by it in NAME.pem, their key in server.key.
make_certificates() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-keyout ca.key -out ca.pem -subj "/CN=test CA" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key \
		-out server.csr -subj /CN=127.0.0.1 2>/dev/null
	certify good IP:127.0.0.1 -days 2
	certify other DNS:other.test -days 2
	# OpenSSL 3.4 has dates, and no longer makes what ended before it began.
	if openssl x509 -help 2>&1 | grep -q -e -not_after; then
		certify expired IP:127.0.0.1 -not_before 20200101000000Z -not_after 20200201000000Z
	else
		certify expired IP:127.0.0.1 -days -1
	fi
}

# certify NAME SUBJECT-ALT-NAME OPTION...
certify() {
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial "${@:3}" \
		-extfile <(echo "subjectAltName=$2") -out "$1.pem" 2>/dev/null
}

# wrap CERTIFICATE TARGET_PORT: TLS before that server at TLS_PORT; what came through is in
# CERTIFICATE.seen.
wrap() {
	TLS_PORT=$(free_port)
	: >"$1.seen"
	start_server "tls-$1" "$TLS_PORT" /usr/bin/python3 "$TESTS_DIR/integration/tls-wrap.py" \
		"$TLS_PORT" "$1.pem" server.key "$2" "$1.seen"
}

# write_https METHOD URL: proxies named good, other and expired, before the one at PROXY_PORT
write_https() {
	local name list=

	for name in good other expired; do
		wrap "$name" "$PROXY_PORT"
		list+=${list:+,}"{\"name\": \"$name\", \"url\": \"https://me:S3CRET@127.0.0.1:$TLS_PORT\"}"
	done
	write_pool pool.json "{\"health_check\": {\"method\": \"$1\", \"url\": \"$2\",
		\"timeout_seconds\": 5, \"retry_count\": 1}, \"proxies\": [$list]}"
}

# judged [OPTION]...: name and reason of each proxy
judged() {
	pool-check --dry-run --format tsv "$@" pool.json 2>/dev/null | cut -f 3,7 | tail -n +2
}

@test "a proxy's certificate must be trusted, valid and of the proxy" {
	start_squid squid me S3CRET
	for method in http tunnel; do
		write_https "$method" "http://127.0.0.1:$ORIGIN_PORT/"
		assert_equal "$(judged --ca-file ca.pem)" "\
good	ok
other	proxy-tls
expired	proxy-tls"
		# none of them without the CA
		assert_equal "$(judged)" "\
good	proxy-tls
other	proxy-tls
expired	proxy-tls"
		grep -q "^Proxy-Authorization: Basic" good.seen
		assert_equal "$(cat other.seen expired.seen)" ""
		for name in good other expired; do
			stop_server "tls-$name"
		done
	done
}

@test "so with other proxies, and with targets that speak TLS themselves" {
	start_tinyproxy tinyproxy me S3CRET
	wrap good "$ORIGIN_PORT"
	target=$TLS_PORT
	stop_server tls-good
	start_server origin-tls "$target" /usr/bin/python3 "$TESTS_DIR/integration/tls-wrap.py" \
		"$target" good.pem server.key "$ORIGIN_PORT" origin.seen
	write_https http "https://127.0.0.1:$target/"
	assert_equal "$(judged --ca-file ca.pem)" "\
good	ok
other	proxy-tls
expired	proxy-tls"
	stop_server origin-tls
	start_server origin-tls "$target" /usr/bin/python3 "$TESTS_DIR/integration/tls-wrap.py" \
		"$target" other.pem server.key "$ORIGIN_PORT" origin.seen
	: >origin.seen
	assert_equal "$(judged --ca-file ca.pem)" "\
good	tls-verify
other	proxy-tls
expired	proxy-tls"
	assert_equal "$(cat origin.seen)" ""
}

@test "silence before TLS with the proxy ends is the proxy's, later it may be the target's" {
	start_stub --name silent stall
	silent=$STUB_PORT
	wrap good "$silent"
	start_stub --name no http-proxy --status 404
	for target in http://target.invalid/ https://target.invalid/; do
		write_pool pool.json "{\"health_check\": {\"method\": \"http\", \"url\": \"$target\",
			\"timeout_seconds\": 1, \"retry_count\": 1}, \"proxies\": [
			{\"name\": \"early\", \"url\": \"https://127.0.0.1:$silent\"},
			{\"name\": \"late\", \"url\": \"https://me:S3CRET@127.0.0.1:$TLS_PORT\"},
			{\"name\": \"other\", \"url\": \"http://127.0.0.1:$silent\"}]}"
		assert_equal "$(judged --ca-file ca.pem)" "\
early	greeting-timeout
late	target-suspect
other	target-suspect"
	done
	# nothing of what libcurl tells us is printed
	run --separate-stderr pool-check --dry-run --ca-file ca.pem pool.json
	refute_regex "$output$stderr" "CONNECT|S3CRET|bWU6|TLSv1"
	assert_regex "$(grep -a CONNECT good.seen)" "^CONNECT target.invalid:443"
}

@test "a method that only connects says nothing of certificates" {
	start_squid squid
	write_https tcp http://127.0.0.1:1/
	assert_equal "$(judged)" "\
good	ok
other	ok
expired	ok"
	assert_equal "$(cat good.seen other.seen expired.seen)" ""
}

@test "no login of .netrc is ever sent, to a proxy or to a target" {
	printf '%s\n' "machine 127.0.0.1 login NETRCuser password NETRCpass" \
		"default login NETRCuser password NETRCpass" >"$HOME/.netrc"
	chmod 600 "$HOME/.netrc"
	start_squid squid
	wrap good "$PROXY_PORT"
	write_pool pool.json "{\"health_check\": {\"method\": \"http\", \"retry_count\": 1,
		\"url\": \"http://127.0.0.1:$ORIGIN_PORT/\"}, \"proxies\": [
		{\"name\": \"plain\", \"url\": \"http://127.0.0.1:$PROXY_PORT\"},
		{\"name\": \"tls\", \"url\": \"https://127.0.0.1:$TLS_PORT\"}]}"
	assert_equal "$(judged --ca-file ca.pem)" $'plain\tok\ntls\tok'
	grep -q "^GET http://127.0.0.1:$ORIGIN_PORT/" good.seen
	assert_equal "$(grep -i authorization good.seen)" ""
	# nginx writes the user that it was given
	assert_equal "$(awk '{ print $3 }' "$SERVERS/o.access" | sort -u)" -
}

# tried [OPTION]... URL: what pool-exec says of a curl through proxy "one", which has to fail
tried() {
	run --separate-stderr pool-exec --retries 0 -f pool.json curl -sS -o /dev/null "$@"
	assert_regex "$* $status" " (${wanted:-60})$"
	stderr=$(grep ^pool-exec: <<<"$stderr")
}

@test "pool-exec says whose certificate curl did not like" {
	local target

	start_tinyproxy tinyproxy
	wrap good "$ORIGIN_PORT"
	target=https://127.0.0.1:$TLS_PORT/
	stop_server tls-good
	start_server origin-tls "$TLS_PORT" /usr/bin/python3 "$TESTS_DIR/integration/tls-wrap.py" \
		"$TLS_PORT" good.pem server.key "$ORIGIN_PORT" origin.seen
	wrap other "$PROXY_PORT"
	other=$TLS_PORT
	wrap good "$PROXY_PORT"
	write_pool pool.json "{\"proxies\": [{\"name\": \"one\", \"url\": \"https://127.0.0.1:$TLS_PORT\"}]}"
	# the proxy's, with any target
	tried "http://127.0.0.1:$ORIGIN_PORT/"
	assert_regex "$stderr" "\(proxy-tls, handshake\).*TLS with the proxy itself failed; check the proxy's certificate"
	tried "$target"
	assert_regex "$stderr" "\(proxy-tls, handshake\).*TLS with the proxy itself failed; check the proxy's certificate"
	# the target's, of which some curls say 35 behind a TLS proxy
	wanted="60|35" tried --proxy-cacert ca.pem "$target"
	assert_regex "$stderr" "\((tls-verify, tls\).*the target's certificate did not verify|tls, tls\).*TLS with the target failed)"
	# one or the other, where the answers are not seen
	tried -D - "$target"
	assert_regex "$stderr" "TLS failed, with the https proxy itself or with the target; check the proxy's certificate"
	# a host that is not the certificate's
	write_pool pool.json "{\"proxies\": [{\"name\": \"one\", \"url\": \"https://127.0.0.1:$other\"}]}"
	tried --proxy-cacert ca.pem "$target"
	assert_regex "$stderr" "\(proxy-tls, handshake\)"
	# one that speaks no TLS
	write_pool pool.json "{\"proxies\": [{\"name\": \"one\", \"url\": \"https://127.0.0.1:$ORIGIN_PORT\"}]}"
	wanted=35 tried --proxy-cacert ca.pem "$target"
	assert_regex "$stderr" "\(proxy-tls, handshake\).*that it speaks https"
	# a file of one's own that is not there is nobody's fault
	run --separate-stderr pool-exec --retries 0 -f pool.json curl -sS --proxy-cacert none.pem "$target"
	assert_equal "$status" 77
	refute_regex "$stderr" "pool-exec"
}
