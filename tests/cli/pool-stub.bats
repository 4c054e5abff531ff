# The stub does what the tests believe it does.

load ../lib

setup() {
	pool_setup
	require_tool curl
}

teardown() {
	pool_teardown
}

# get ARGUMENT...: body, then status and curl's verdict.
get() {
	curl -sS --max-time 3 --noproxy '' -w '%{http_code} %{exitcode}\n' "$@" 2>/dev/null || :
}

@test "origin answers, in turn what the script says, with its headers" {
	start_stub origin --script 200,429,503 --body hi --header 'X-A: b' --retry-after 7
	run get "http://127.0.0.1:$STUB_PORT/"
	assert_output "hi200 0"
	run get -i "http://127.0.0.1:$STUB_PORT/"
	assert_line --partial "429 Too Many Requests"
	assert_line --partial "Retry-After: 7"
	assert_line --partial "X-A: b"
	run get "http://127.0.0.1:$STUB_PORT/" -o body
	assert_output "503 0"
	run get -I "http://127.0.0.1:$STUB_PORT/" -o headers
	assert_output "200 0"
}

@test "a delayed answer comes also to who wants the connection closed" {
	start_stub origin --delay-ms 100 --body late
	run get "http://127.0.0.1:$STUB_PORT/"
	assert_output "late200 0"
	run get -H "Connection: close" "http://127.0.0.1:$STUB_PORT/"
	assert_output "late200 0"
}

@test "http-proxy answers itself, forwards, tunnels, and demands its password" {
	start_stub origin --body "far "
	origin=$STUB_PORT
	printf 'p:w\n' >password
	start_stub http-proxy --user me --password-file password --log requests --body "near "
	url=http://me:p%3Aw@127.0.0.1:$STUB_PORT
	run get -x "$url" "http://127.0.0.1:$origin/"
	assert_output "near 200 0"
	run get -p -x "$url" "http://127.0.0.1:$origin/"
	assert_output "far 200 0"
	run get -x "http://127.0.0.1:$STUB_PORT" "http://127.0.0.1:$origin/" -o body
	assert_output "407 0"
	run get -x "http://me:no@127.0.0.1:$STUB_PORT" "http://127.0.0.1:$origin/" -o body
	assert_output "407 0"
	run -0 cat requests
	assert_output - <<-END
		GET http://127.0.0.1:$origin/ proxy-authorization=yes
		CONNECT 127.0.0.1:$origin proxy-authorization=yes
		GET http://127.0.0.1:$origin/ proxy-authorization=no
		GET http://127.0.0.1:$origin/ proxy-authorization=yes
	END
	start_stub http-proxy --forward
	run get -x "http://127.0.0.1:$STUB_PORT" "http://localhost:$origin/x" -d "a body"
	assert_output "far 200 0"
	start_stub http-proxy --connect-status 403
	run get -p -x "http://127.0.0.1:$STUB_PORT" "http://127.0.0.1:$origin/"
	assert_output "000 56"
}

@test "socks proxies connect, demand a password, reply as they are told" {
	start_stub origin --body "far "
	origin=$STUB_PORT
	start_stub socks5-proxy
	run get -x "socks5h://127.0.0.1:$STUB_PORT" "http://origin.test:$origin/"
	assert_output "far 200 0"
	start_stub socks5-proxy --user me --password secret
	run get -x "socks5h://me:secret@127.0.0.1:$STUB_PORT" "http://origin.test:$origin/"
	assert_output "far 200 0"
	run get -x "socks5h://me:no@127.0.0.1:$STUB_PORT" "http://origin.test:$origin/"
	assert_output "000 97"
	run get -x "socks5h://127.0.0.1:$STUB_PORT" "http://origin.test:$origin/"
	assert_output "000 97"
	start_stub socks5-proxy --reply 5
	run get -x "socks5h://127.0.0.1:$STUB_PORT" "http://origin.test:$origin/"
	assert_output "000 97"
	start_stub socks4-proxy
	run get -x "socks4a://127.0.0.1:$STUB_PORT" "http://origin.test:$origin/"
	assert_output "far 200 0"
	start_stub socks4-proxy --reply 91
	run get -x "socks4://127.0.0.1:$STUB_PORT" "http://127.0.0.1:$origin/"
	assert_output "000 97"
}

@test "each kind of trouble is that kind" {
	start_stub refuse
	run get "http://127.0.0.1:$STUB_PORT/"
	assert_output "000 7"
	start_stub close
	run get "http://127.0.0.1:$STUB_PORT/"
	assert_output --regexp '^000 (52|56)$'
	start_stub reset
	run get "http://127.0.0.1:$STUB_PORT/"
	assert_output --regexp '^000 (7|55|56)$'
	start_stub truncate
	run get "http://127.0.0.1:$STUB_PORT/" -o body
	assert_output "200 18"
	start_stub garbage
	run get "http://127.0.0.1:$STUB_PORT/"
	assert_output "000 1"
	start_stub stall
	run get "http://127.0.0.1:$STUB_PORT/" --max-time 0.3
	assert_output "000 28"
	start_stub trickle
	run get "http://127.0.0.1:$STUB_PORT/" --max-time 1.5
	assert_output "000 28"
	start_stub limit --requests 2 --per-seconds 60
	for expected in 200 200 429; do
		run get "http://127.0.0.1:$STUB_PORT/" -o body
		assert_output "$expected 0"
	done
}

@test "raw answers its bytes in turn, then repeats" {
	start_stub --bytes $'HTTP/1.1 200 OK\r\n\r\none' --bytes $'HTTP/1.1 201 OK\r\n\r\ntwo' raw
	run get "http://127.0.0.1:$STUB_PORT/"
	assert_output "one200 0"
	run get "http://127.0.0.1:$STUB_PORT/"
	assert_output "two201 0"
	start_stub --log log --bytes $'HTTP/1.1 200 OK\r\n\r\n' --repeat ab raw
	curl -sS "http://127.0.0.1:$STUB_PORT/" | head -c 3000000 >got
	assert_equal "$(tr -d '\n' <got | sed 's/ab//g')" ""
	assert_equal "$(wc -c <got)" 3000000
	wait_until 5 grep -q '^FLOOD [2-9] MB$' log
}

@test "it ends with its parent and after its time" {
	run -0 bash -c ': | timeout 10 "$0" --with-parent stall' "$POOL_STUB"
	run -0 timeout 10 "$POOL_STUB" --max-seconds 0 stall
	run -2 "$POOL_STUB" no-such-role
	run -2 "$POOL_STUB" stall --no-such-option
}
