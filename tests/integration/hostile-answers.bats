# What a hostile or broken proxy may answer, and what must not come of it.

load ../lib
load watch

setup() {
	pool_setup
}

teardown() {
	watch_teardown
}

OK=$'HTTP/1.1 200 OK\r\n'

# Answers that libcurl 7.88.1 mixes up if a handle is used twice: a header that an answer cut short
# has left behind, then one that is continued from nothing. In pool.json with two that work.
start_hostile() {
	start_stub http-proxy
	good=127.0.0.1:$STUB_PORT
	start_stub --bytes "$OK"$'X-Header: v\r\nContent-Length: 9\r\n\r\nok' \
		--bytes "$OK folded: $(printf '%03000d' 0)"$'\r\nContent-Length: 9\r\n\r\nok' raw
	write_pool pool.json "{\"health_check\": {\"method\": \"http\", \"url\": \"http://t.test/\",
		\"timeout_seconds\": 5, \"interval_seconds\": 5, \"retry_count\": 1}, \"proxies\": [
		{\"name\": \"a\", \"url\": \"http://$good\"}, {\"name\": \"b\", \"url\": \"http://$good/\"},
		{\"name\": \"evil\", \"url\": \"http://127.0.0.1:$STUB_PORT\"}]}"
}

@test "no answer of a proxy takes the results of the others from pool-check" {
	start_hostile
	# one after the other, so that each check follows in the tracks of another
	for _ in 1 2 3 4; do
		run -0 --separate-stderr pool-check --concurrency 1 --format tsv pool.json
		assert_equal "$stderr" ""
		assert_equal "$(cut -f 3,5,7 <<<"$output" | tail -n +2)" "\
a	healthy	ok
b	healthy	ok
evil	unhealthy	truncated"
	done
	assert_equal "$(status_field a checks_ok)" 4
	assert_equal "$(status_field b checks_ok)" 4
}

@test "nor from pool-watch" {
	start_hostile
	start_watch -- -f pool.json
	# the evil one is checked over and over while the others' checks go on being stored
	checked() {
		[ "$(status_field "$1" "$2")" -ge "$3" ]
	}
	wait_until 40 checked evil checks_down 3
	assert_equal "$(status_field a status) $(status_field b status)" "healthy healthy"
	checked a checks_ok 2
	checked b checks_ok 2
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

# of_libcurl OLD/NEW: the one for libcurl 7 or the one for libcurl 8; both where there is no slash.
of_libcurl() {
	case $(curl --version | head -n 1) in
	*libcurl/7.*) printf '%s' "${1%%/*}" ;;
	*) printf '%s' "${1#*/}" ;;
	esac
}

# answered REASON SCHEME METHOD URL BYTES REPEAT [DETAIL]: what a check makes of a proxy that answers
# BYTES, then REPEAT without end, if there is one. The time limit is far off.
answered() {
	local reason bytes repeat got detail
	local -a flood=()

	reason=$(of_libcurl "$1")
	detail=$(of_libcurl "${7-}")
	printf -v bytes %b "$5"
	printf -v repeat %b "$6"
	[ -z "$6" ] || flood=(--repeat "$repeat")
	stop_server hostile
	: >log
	start_stub --name hostile --log log --bytes "$bytes" "${flood[@]}" raw
	write_pool pool.json "{\"proxies\": [\"$2://127.0.0.1:$STUB_PORT\"], \"health_check\": {
		\"timeout_seconds\": 30, \"retry_count\": 1, \"method\": \"$3\", \"url\": \"$4\"${CHECK:+, $CHECK}}}"
	run --separate-stderr pool-check --dry-run --format json --timeout 25 pool.json
	got=$(jq -r '.proxies[0] | "\(.reason) \(.detail)"' <<<"$output")
	# where one proxy is all there are, the target is suspected of what may be its own
	got=$(sed -E 's/^target-suspect ([a-z-]+),?/\1/' <<<"$got")
	[[ "$status" =~ ^[014]$ && "$got" == "$reason${detail:+ $detail}"* ]] || {
		echo "expected '$reason $detail', got $status '$got' for: ${5:0:80} $6"
		return 1
	}
	if [ -n "$6" ]; then
		wait_until 5 grep -q FLOOD log
		run -1 grep -Ev 'FLOOD [0-4] MB' log
	fi
}

@test "once connected, what cannot be understood is the proxy's" {
	rows answered <<'END'
truncated|http|http|http://t.test/|HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n||the answer has a coding that is unknown
truncated/wrong-protocol|http|http|http://t.test/|HTTP/ie\n R:\r\n||the answer cannot be understood/the answer is not HTTP
truncated|http|http|http://t.test/|HTtP/1.1r\r\nTransfer-ENcoding:\xa4chuo\n\r\n0\r\n\r\n||the answer has a coding that is unknown
truncated/ok|http|http|http://t.test/|HTTP/1.1 200 OK\r\n folded: x\r\n\r\n||the answer cannot be understood/
wrong-protocol|http|http|http://t.test/|\x15\x03\x01\x02||the answer is not HTTP
wrong-protocol|http|tunnel|t.test:443|HTTP/1.1 301 Over there\r\n\r\n||CONNECT answered 301
wrong-protocol|socks5h|tunnel|t.test:443|HTTP/1.1 400 Bad Request\r\n\r\n||not a SOCKS reply
END
}

@test "no part of an answer is read without end" {
	# the headers end, but have more than 64 KB
	answered truncated http http http://t.test/ \
		"HTTP/1.1 200 OK\r\n$(printf 'X-A: 0123456789%.0s\\r\\n' {1..5000})Content-Length: 0\r\n\r\n" \
		"" "more bytes came"
	rows answered <<'END'
truncated|http|http|http://t.test/|HTTP/1.1 200 OK\r\n|X-Header: value\r\n|more bytes came
truncated|http|http|http://t.test/|HTTP/1.1 200 OK\r\n|x|more bytes came
truncated|http|http|http://t.test/|HTTP/1.1 200 OK\r\nX-H: |x|more bytes came
truncated|http|http|http://t.test/||HTTP/1.1 100 Continue\r\n\r\n|more bytes came
truncated|http|http|http://t.test/|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;|x|more bytes came
truncated|http|http|http://t.test/|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n|00000000|
truncated|http|http|http://t.test/|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n|T: v\r\n|more bytes came
truncated|http|http|http://t.test/|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n|1;xxxxxxxxxxxxxxxxxxxx\r\ny\r\n|more bytes came
ok|http|http|http://t.test/|HTTP/1.1 200 OK\r\n\r\n|x|
ok|http|http|http://t.test/|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n|4\r\nwxyz\r\n|
wrong-protocol|http|tunnel|t.test:443|HTTP/1.1 200 OK\r\n|X-Header: value\r\n|more bytes came
wrong-protocol/tls|http|tunnel|t.test:443|HTTP/1.1 200 OK\r\nX-H: |x|more bytes came/Failure when receiving
wrong-protocol|http|http|https://t.test/|HTTP/1.1 200 OK\r\n|X-Header: value\r\n|more bytes came
authentication|http|tunnel|t.test:443|HTTP/1.1 407 No\r\nContent-Length: 99999999\r\n\r\n|x|CONNECT answered 407
authentication|http|tunnel|t.test:443|HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n5;|x|CONNECT answered 407
wrong-protocol|http|tunnel|t.test:443||HTTP/1.1 100 Continue\r\n\r\n|CONNECT answered 100
truncated|http|websocket|ws://t.test/|HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching\r\n|X-Header: value\r\n|more bytes came
wrong-protocol|socks5h|tunnel|t.test:443||x|not a SOCKS reply
proxy-tls|https|tunnel|t.test:443||x|
tls|http|http|https://t.test/|HTTP/1.1 200 OK\r\n\r\n|x|
END
	CHECK='"expect_body": "nowhere"' rows answered <<'END'
body|http|http|http://t.test/|HTTP/1.1 200 OK\r\n\r\n|x|
truncated|http|http|http://t.test/|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;|x|more bytes came
END
}
