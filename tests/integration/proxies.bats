# Checks and selections through real proxies, to a real origin.

load ../lib

PASSWORD=k4Zq-s3cret

setup() {
	pool_setup
	require_tool curl
	start_nginx_origin o
	members=()
}

teardown() {
	pool_teardown
}

# member NAME URL: one more proxy of the pool.
member() {
	members+=("{\"name\": \"$1\", \"url\": \"$2\"}")
}

# write_members [PATH]: pool.json with all of them, checked by asking the origin for PATH.
write_members() {
	local IFS=,

	write_pool pool.json "{
		\"health_check\": {\"method\": \"http\", \"timeout_seconds\": 5, \"retry_count\": 1,
			\"url\": \"http://127.0.0.1:$ORIGIN_PORT${1:-/}\"},
		\"proxies\": [${members[*]}]
	}"
}

start_all() {
	start_tinyproxy tinyproxy
	member tinyproxy "http://127.0.0.1:$PROXY_PORT"
	start_tinyproxy tinyproxy-auth me "$PASSWORD"
	member tinyproxy-auth "http://me:$PASSWORD@127.0.0.1:$PROXY_PORT"
	start_squid squid
	member squid "http://127.0.0.1:$PROXY_PORT"
	start_squid squid-auth me "$PASSWORD"
	member squid-auth "http://me:$PASSWORD@127.0.0.1:$PROXY_PORT"
	start_microsocks microsocks
	member microsocks "socks5h://127.0.0.1:$PROXY_PORT"
	start_microsocks microsocks-auth me "$PASSWORD"
	member microsocks-auth "socks5://me:$PASSWORD@127.0.0.1:$PROXY_PORT"
	ALL=(tinyproxy tinyproxy-auth squid squid-auth microsocks microsocks-auth)
	if dante_program >/dev/null; then
		start_dante dante
		member dante "socks5h://127.0.0.1:$PROXY_PORT"
		ALL+=(dante)
	fi
}

# check STATUS [OPTION]...: run pool-check, whose rows then are in the file rows.
check() {
	local status=$1
	shift

	run "-$status" --separate-stderr pool-check -f pool.json --format tsv "$@"
	printf '%s\n' "$output" >rows
}

# assert_row NAME WORD...: the row of NAME has a cell that is WORD.
assert_row() {
	local name=$1 row word
	shift

	row=$(grep -E "(^|	)$name(	|\$)" rows)
	for word; do
		[[ "	$row	" = *"	$word	"* ]] || fail "no '$word' in the row of $name: $row"
	done
}

# others NAME: every other name, joined by commas.
others() {
	local name list=

	for name in "${ALL[@]}"; do
		[ "$name" = "$1" ] || list+=,$name
	done
	echo "${list#,}"
}

@test "dante is healthy, where it is installed" {
	require_dante
	start_dante dante
	member dante "socks5h://127.0.0.1:$PROXY_PORT"
	write_members
	check 0
	assert_row dante healthy
}

@test "every kind of proxy is healthy, and curl gets through each" {
	start_all
	write_members
	check 0
	for name in "${ALL[@]}"; do
		assert_row "$name" healthy
		proxy=$(pool-select -f pool.json --exclude "$(others "$name")")
		run -0 curl -sS -m 10 -x "$proxy" "http://127.0.0.1:$ORIGIN_PORT/"
		assert_output "origin o"
		run -0 curl -sS -m 10 -K <(pool-select -f pool.json --format curlrc \
			--exclude "$(others "$name")") "http://127.0.0.1:$ORIGIN_PORT/"
		assert_output "origin o"
	done
}

@test "the method tcp finds them healthy, too, and asks the origin nothing" {
	start_all
	write_members
	: >servers/o.access
	check 0 --method tcp
	for name in "${ALL[@]}"; do
		assert_row "$name" healthy
	done
	[ ! -s servers/o.access ]
}

@test "a wrong or a missing password is an authentication failure, and ejects at once" {
	start_squid squid me "$PASSWORD"
	member squid "http://me:wrong@127.0.0.1:$PROXY_PORT"
	member squid-none "http://127.0.0.1:$PROXY_PORT"
	start_tinyproxy tinyproxy me "$PASSWORD"
	member tinyproxy "http://me:wrong@127.0.0.1:$PROXY_PORT"
	member tinyproxy-none "http://127.0.0.1:$PROXY_PORT"
	start_microsocks microsocks me "$PASSWORD"
	member microsocks "socks5h://me:wrong@127.0.0.1:$PROXY_PORT"
	member microsocks-none "socks5h://127.0.0.1:$PROXY_PORT"
	member good "socks5h://me:$PASSWORD@127.0.0.1:$PROXY_PORT"
	write_members
	check 0
	for name in squid squid-none tinyproxy-none microsocks microsocks-none; do
		assert_row "$name" unhealthy authentication
	done
	# to a wrong password tinyproxy 1.11 says 401, as an origin might
	assert_row tinyproxy unhealthy
	assert_row good healthy
	for _ in 1 2 3 4 5 6; do
		run -0 pool-select -f pool.json --format '%{name}'
		assert_output good
	done
}

@test "a pool whose proxies all fail misses its quorum" {
	start_squid squid me "$PASSWORD"
	member squid "http://me:wrong@127.0.0.1:$PROXY_PORT"
	write_members
	check 1
	assert_row squid unhealthy authentication
}

@test "a proxy that was killed is avoided at once, and used again when it is back" {
	start_tinyproxy one
	member one "http://127.0.0.1:$PROXY_PORT"
	start_microsocks two
	member two "socks5h://127.0.0.1:$PROXY_PORT"
	write_members
	check 0
	assert_row one healthy
	assert_row two healthy

	stop_server one
	check 0
	assert_row one unhealthy connect-refused
	assert_row two healthy
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		run -0 pool-select -f pool.json --format '%{name}'
		assert_output two
	done

	restart_server one
	check 0
	assert_row one recovering
	check 0
	assert_row one healthy
	run -0 pool-select -f pool.json --format '%{name}' -n 2
	assert_line one
	assert_line two
}

@test "each proxy killed by itself fails by itself" {
	start_all
	write_members
	check 0
	for name in squid "${ALL[-1]}"; do
		stop_server "$name"
		check 0
		assert_row "$name" unhealthy connect-refused
		for other in "${ALL[@]}"; do
			[ "$other" = "$name" ] || assert_row "$other" healthy
		done
		restart_server "$name"
		check 0
		check 0
		assert_row "$name" healthy
	done
}

@test "an origin that is gone ejects no proxy" {
	start_all
	write_members
	check 0
	stop_server o
	check 4
	for name in "${ALL[@]}"; do
		assert_row "$name" healthy
	done
	run -0 --separate-stderr pool-select -f pool.json -n 6 --format '%{name}'
	assert_equal "${#lines[@]}" 6
	restart_server o
	check 0
}

@test "an origin that blocks one proxy makes that one unhealthy" {
	start_microsocks good
	member good "socks5h://127.0.0.1:$PROXY_PORT"
	start_stub http-proxy --status 403
	member bad "http://127.0.0.1:$STUB_PORT"
	write_members
	check 0
	assert_row bad blocked
	assert_row good healthy
	run -0 pool-select -f pool.json --format '%{name}' -n 1
	assert_output good
}

@test "429 through a proxy cools it, and counts as passed" {
	start_tinyproxy limited
	member limited "http://127.0.0.1:$PROXY_PORT"
	write_members /status/429
	# nothing can be selected
	check 1
	assert_row limited cooling
	run -1 --separate-stderr pool-select -f pool.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
}

@test "ping finds the proxies' host, in a network of the test's own" {
	member here "http://127.0.0.1:1"
	write_members
	run -0 --separate-stderr netns_run pool-check -f pool.json --format tsv --method ping
	printf '%s\n' "$output" >rows
	assert_row here healthy
}

@test "ping without a route to the host ejects nobody" {
	can_unshare || skip "needs a network namespace"
	member far "http://192.0.2.1:8080"
	write_members
	run -4 --separate-stderr netns_run pool-check -f pool.json --format tsv --method ping
	printf '%s\n' "$output" >rows
	assert_row far no-route
}
