# What a check sends besides its URL: headers that are not for it to choose, and keys that others
# could read.

load ../lib

setup() {
	pool_setup
}

teardown() {
	pool_teardown
}

# write_check METHOD URL HEADERS: a new file, which others cannot read.
write_check() {
	rm -f pool.json
	write_pool pool.json "{\"proxies\": [\"http://127.0.0.1:1\"],
\"health_check\": {\"method\": \"$1\", \"url\": \"$2\", \"headers\": $3}}"
}

@test "headers of the connection and its framing are refused" {
	refused() {
		write_check http https://t.test/ "{\"$1\": \"S3CRET\"}"
		run -1 pool-validate pool.json
		assert_line --index 0 --partial ": error: headers: '$1' is about the connection, not the \
request, and is not for a check to choose [check-header]"
		refute_output --partial S3CRET
	}
	rows refused <<'END'
Proxy-Authorization
proxy-authorization
Proxy-Authenticate
Content-Length
Transfer-Encoding
TRANSFER-ENCODING
Connection
Proxy-Connection
Keep-Alive
TE
Trailer
Upgrade
Sec-WebSocket-Key
Sec-WebSocket-Version
Sec-WebSocket-Accept
END
	write_check http https://t.test/ '{"Host": "other.test", "Accept": "*/*", "X-Length": "1"}'
	run -0 pool-validate --strict --allow enabled-missing pool.json
}

@test "a key in a header or a query is warned about in a file that others can read" {
	keyed() {
		write_check http "$1" "$2"
		run -0 pool-validate pool.json
		refute_output --partial literal-credentials
		chmod 644 pool.json
		run -0 pool-validate pool.json
		assert_output --partial ": warning: $3 in clear text, and others can read this file \
(mode 0644) [literal-credentials]"
		refute_output --partial S3CRET
		run -1 pool-validate --strict --format json pool.json
		refute_output --partial S3CRET
	}
	rows keyed <<'END'
https://t.test/|{"Authorization": "Bearer S3CRET"}|1 header or query of a check has a key
https://t.test/|{"cookie": "a=S3CRET"}|1 header or query of a check has a key
https://t.test/|{"X-MBX-APIKEY": "S3CRET"}|1 header or query of a check has a key
https://t.test/|{"OK-ACCESS-SIGN": "S3CRET", "X-Auth-Token": "S3CRET"}|2 headers and queries of checks have keys
https://t.test/?api_key=S3CRET|{}|1 header or query of a check has a key
https://t.test/?a=b&Token=S3CRET#x|{}|1 header or query of a check has a key
END
	kept() {
		write_check http "$1" "$2"
		chmod 644 pool.json
		run -0 pool-validate --strict --allow file-writable pool.json
	}
	rows kept <<'END'
https://t.test/?symbol=BTC|{"Accept": "x", "X-Keyboard": "y", "User-Agent": "z", "Monkey": "m"}
https://t.test/token?key=|{"Authorization": ""}
https://t.test/#?key=x|{}
https://t.test/?monkey=x|{}
END
}

@test "a key that passes every proxy in clear text is warned about" {
	cleared() {
		write_check "$1" "$2" "$3"
		run -0 pool-validate pool.json
		assert_output --partial ": warning: $4 is readable by every proxy [check-clear-text]"
		refute_output --partial S3CRET
	}
	rows cleared <<'END'
http|http://t.test/|{"Authorization": "S3CRET"}|headers: 'Authorization'
http|HTTP://t.test/?api_key=S3CRET|{}|url: a key in its query
websocket|ws://t.test/|{"Cookie": "S3CRET"}|headers: 'Cookie'
END
	# the default is http as well
	write_pool pool.json '{"proxies": ["http://127.0.0.1:1"], "health_check": {"method": "http",
		"headers": {"X-Api-Key": "S3CRET"}}}'
	run -0 pool-validate pool.json
	assert_output --partial ": warning: headers: 'X-Api-Key' is readable by every proxy"
	hidden() {
		write_check "$1" "$2" "$3"
		run -0 pool-validate --strict pool.json
	}
	rows hidden <<'END'
http|https://t.test/?api_key=S3CRET|{"Authorization": "S3CRET"}
websocket|wss://t.test/|{"Cookie": "S3CRET"}
http|http://t.test/|{"Accept": "x"}
END
}
