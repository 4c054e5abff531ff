# Commands that pool-exec runs end on a proxy that works: real proxies, a real origin, real clients.

load ../lib

setup() {
	pool_setup
	require_tool curl
	start_nginx_origin o
	url=http://127.0.0.1:$ORIGIN_PORT/
	members=()
}

teardown() {
	local file

	# a stopped process does not hear the signal that ends it
	for file in servers/*.pid; do
		kill -CONT "$(cat "$file")" 2>/dev/null || :
	done
	pool_teardown
}

# member NAME URL: one more proxy of the pool.
member() {
	members+=("{\"name\": \"$1\", \"url\": \"$2\"}")
}

# write_members POOL-KEYS: pool.json with all of them. An attempt may take a second.
write_members() {
	local IFS=,

	write_pool pool.json "{\"enabled\": true, \"default\": {\"http\": {\"timeout_seconds\": 1,
		\"pool\": {${1:+$1,} \"proxies\": [${members[*]}]}}}}"
}

# Three proxies of two kinds.
start_three() {
	start_tinyproxy tiny
	member tiny "http://127.0.0.1:$PROXY_PORT"
	start_tinyproxy other
	member other "http://127.0.0.1:$PROXY_PORT"
	start_microsocks socks
	member socks "socks5h://127.0.0.1:$PROXY_PORT"
}

ask() {
	pool-exec -q -f pool.json curl -sS "$url" </dev/null
}

# ask_all FIRST LAST: one after the other; out.N and err.N are what was printed.
ask_all() {
	local i

	for ((i = $1; i <= $2; i++)); do
		ask >"out.$i" 2>"err.$i" || echo "$i: $?" >>failed
		echo "$i" >>done
	done
}

is_done() {
	[ "$(wc -l <done)" -ge "$1" ]
}

# hang NAME: it still has its port, and answers nobody.
hang() {
	kill -STOP "$(cat "servers/$1.pid")"
}

# end_at_once NAME: as a crash does.
end_at_once() {
	kill -KILL "$(cat "servers/$1.pid")"
	wait_until 5 has_ended "servers/$1.pid"
}

# Every one of COUNT commands had the right answer.
assert_all() {
	local i

	[ ! -e failed ] || fail "failed: $(cat failed err.*)"
	for ((i = 1; i <= $1; i++)); do
		assert_equal "$i: $(cat "out.$i")" "$i: origin o"
	done
}

has_status() {
	[ "$(status_field "$1" status)" = "$2" ]
}

# Another command succeeds; and by now NAME has served one, since it had served BEFORE.
ask_until_served() {
	run -0 ask
	assert_output "origin o"
	[ "$(status_field "$1" reports_ok)" -gt "$2" ]
}

@test "50 commands, 4 at a time, succeed while one of 3 proxies is killed and another stalls" {
	start_three
	write_members '"breaker": {"failure_threshold": 3, "open_seconds": 60}'
	: >done
	pids=()
	for first in 1 14 27 40; do
		ask_all "$first" $((first == 40 ? 50 : first + 12)) 3>&- &
		pids+=($!)
	done
	wait_until 30 is_done 10
	end_at_once tiny
	wait_until 30 is_done 20
	hang socks
	wait "${pids[@]}"
	is_done 50
	assert_all 50
	has_status tiny unhealthy
	has_status socks unhealthy
	has_status other healthy
	# when the third failure was told, three others may have been under way
	for name in tiny socks; do
		down=$(status_field "$name" reports_down)
		((down >= 3 && down <= 6))
		assert_equal "$(status_field "$name" times_opened)" 1
	done
	assert_equal "$(status_field other reports_down)" 0
	assert_equal "$(status_field other leases)" 0
}

@test "one command after the other tries a dead proxy failure_threshold times, no more" {
	start_three
	write_members '"breaker": {"failure_threshold": 3, "open_seconds": 60}'
	ask_all 1 3
	end_at_once other
	used=$(status_field other selections)
	ask_all 4 20
	assert_all 20
	has_status other unhealthy
	assert_equal "$(status_field other selections)" $((used + 3))
	assert_equal "$(status_field other reports_down)" 3
	assert_equal "$(status_field tiny reports_down) $(status_field socks reports_down)" "0 0"
}

@test "a proxy that is back is used again after open_seconds, without any check" {
	start_three
	write_members '"breaker": {"failure_threshold": 1, "open_seconds": 1}'
	ask_all 1 3
	end_at_once tiny
	ask_all 4 6
	has_status tiny unhealthy
	restart_server tiny
	served=$(status_field tiny reports_ok)
	wait_until 10 ask_until_served tiny "$served"
	# the same of one that only stalled
	ask_all 7 9
	hang socks
	ask_all 10 12
	assert_all 12
	kill -CONT "$(cat servers/socks.pid)"
	served=$(status_field socks reports_ok)
	wait_until 10 ask_until_served socks "$served"
	# two successes in a row make it healthy
	wait_until 10 ask_until_served socks $((served + 1))
	has_status socks healthy
}

@test "a proxy that is back is used again at once after pool-check" {
	start_three
	write_members '"breaker": {"failure_threshold": 1, "open_seconds": 300},
		"health_check": {"method": "http", "url": "'"$url"'", "timeout_seconds": 1,
			"retry_count": 1}'
	ask_all 1 3
	end_at_once tiny
	hang socks
	ask_all 4 9
	assert_all 9
	has_status tiny unhealthy
	has_status socks unhealthy
	run -0 --separate-stderr pool-check -q -f pool.json
	has_status tiny unhealthy
	has_status socks unhealthy
	# it listens, so a connection succeeds: that is not what had failed
	run -1 --separate-stderr pool-check -q -f pool.json --method tcp --only socks
	has_status socks unhealthy
	restart_server tiny
	kill -CONT "$(cat servers/socks.pid)"
	run -0 --separate-stderr pool-check -q -f pool.json
	has_status tiny recovering
	has_status socks recovering
	before="$(status_field tiny reports_ok) $(status_field socks reports_ok)"
	assert_equal "$before" "1 1"
	rm -f out.*
	ask_all 1 3
	assert_all 3
	assert_equal "$(status_field tiny reports_ok) $(status_field socks reports_ok)" "2 2"
}

@test "wget, too, ends on a proxy that works, and is given none that it cannot use" {
	require_tool wget
	start_three
	write_members '"breaker": {"failure_threshold": 3, "open_seconds": 60}'
	end_at_once tiny
	for _ in 1 2 3 4 5; do
		run -0 pool-exec -q -f pool.json wget -qO- -t 1 "$url"
		assert_output "origin o"
	done
	assert_equal "$(status_field socks selections)" 0
}

# A pool of two, and an exchange with the same two in a pool of its own.
start_pair() {
	start_tinyproxy one
	member one "http://127.0.0.1:$PROXY_PORT"
	start_microsocks two
	member two "socks5h://127.0.0.1:$PROXY_PORT"
	local IFS=,

	write_pool pool.json "{\"enabled\": true, \"default\": {\"http\": {\"timeout_seconds\": 5,
		\"pool\": {\"strategy\": \"failover\", \"fallback\": \"fail\",
			\"cooldown\": {\"seconds\": 60, \"max_seconds\": 600},
			\"breaker\": {\"failure_threshold\": 1, \"open_seconds\": 200},
			\"proxies\": [${members[*]}]}}},
		\"exchanges\": {\"other\": {\"http\": {\"pool\": {\"proxies\": \"default\"}}}}}"
}

# rests NAME SECONDS: it cools down for so long, of which some seconds may be over.
assert_rests() {
	local seconds

	assert_equal "$(status_field "$1" status default.http)" cooling
	seconds=$(status_field "$1" wait_seconds default.http)
	((seconds <= $2 && seconds > $2 - 10)) || fail "$1 rests for $seconds s, not $2 s"
}

# The same proxy in the exchange's own pool is as new.
assert_not_elsewhere() {
	assert_equal "$(status_field "$1" status exchanges.other.http)" unknown
	assert_equal "$(status_field "$1" eligible exchanges.other.http)" true
}

# With a header that tells the proxies apart, as an exchange does by their addresses.
request() {
	pool-exec -q -f pool.json --buffer --template curl -sS -H "X-Client: %{name}" "$@"
}

@test "a 429 of nginx's limit_req rests the proxy as long as it says, in that pool only" {
	start_pair
	run -0 request "${url}limited"
	assert_output "served"
	assert_equal "$(status_field one status default.http)" healthy
	# the second is too much for the address of one
	run -0 request "${url}limited"
	assert_output "served"
	assert_rests one 120
	assert_not_elsewhere one
	assert_equal "$(status_field two status default.http)" healthy
	# the third for that of two
	run -22 --separate-stderr request -f "${url}limited"
	assert_output ""
	assert_rests two 120
	run -1 --separate-stderr pool-select -f pool.json --explain
	assert_output "http://none-eligible.no-proxy.invalid:9"
	[[ "$stderr" =~ one\ +cooling.*rests\ for\ 1[12][0-9]\ s ]]
	run -125 --separate-stderr request "$url"
	assert_output ""
	run -0 --separate-stderr pool-exec -x other -f pool.json curl -sS "$url"
	assert_output "origin o"
	assert_equal "$stderr" ""
	# a limit is no failure
	assert_equal "$(status_field one reports_down default.http)" 0
	assert_equal "$(status_field one reports_limited default.http)" 1
	assert_equal "$(status_field one times_opened default.http)" 0
}

# start_scripted STATUS [RETRY-AFTER]: an origin that answers so once, then well. ask SCRIPTED.
start_scripted() {
	start_stub origin --script "$1,200,200,200" --body done ${2:+--retry-after "$2"}
	scripted=http://127.0.0.1:$STUB_PORT/
}

@test "Retry-After in seconds, as a date, none, and too long" {
	for case in "429 240 240" "418 77 77" "429 $(date -u -d '+300 seconds' '+%a,_%d_%b_%Y_%T_GMT') 300" \
		"418 - 60" "429 100000 600"; do
		read -r code after seconds <<<"$case"
		after=${after//_/ }
		[ -e servers/one.pid ] || start_pair
		start_scripted "$code" "${after#-}"
		run -0 --separate-stderr request "$scripted"
		assert_output "done"
		assert_rests one "$seconds"
		assert_equal "$(status_field one http_status default.http)" "$code"
		assert_not_elsewhere one
		assert_equal "$(status_field two status default.http)" healthy
		pool-report -f pool.json one reset
	done
}

holds_lease() {
	[ "$(status_field one leases default.http)" -eq 1 ]
}

@test "a shorter Retry-After that comes later does not shorten a rest" {
	start_pair
	start_stub origin --status 429 --retry-after 20 --delay-ms 700
	slow=http://127.0.0.1:$STUB_PORT/
	start_stub origin --status 429 --retry-after 300
	pool-exec -q -f pool.json --retries 0 curl -sS "$slow" >/dev/null 2>&1 3>&- &
	pid=$!
	wait_until 5 holds_lease
	run pool-exec -q -f pool.json --retries 0 curl -sS "http://127.0.0.1:$STUB_PORT/"
	wait "$pid" || :
	assert_equal "$(status_field one reports_limited default.http)" 2
	assert_rests one 300
}

@test "403 and 451 block the proxy for that pool, and another one is tried" {
	for code in 403 451; do
		[ -e servers/one.pid ] || start_pair
		start_scripted "$code"
		run -0 --separate-stderr request "$scripted"
		assert_output "done"
		assert_equal "$(status_field one status default.http)" unhealthy
		assert_equal "$(status_field one blocked default.http)" true
		assert_equal "$(status_field one cause default.http)" blocked
		assert_equal "$(status_field one http_status default.http)" "$code"
		assert_not_elsewhere one
		assert_equal "$(status_field two status default.http)" healthy
		pool-report -f pool.json one reset
	done
	assert_equal "$(status_field one reports_blocked default.http)" 2
	assert_equal "$(status_field one reports_down default.http)" 0
}

@test "other answers of the origin are the command's, and are not tried again" {
	start_pair
	for code in 404 500 503; do
		start_scripted "$code"
		run -0 --separate-stderr request "$scripted"
		assert_output "done"
		assert_equal "$stderr" ""
	done
	assert_equal "$(status_field two selections default.http)" 0
	assert_equal "$(status_field one reports_down default.http)" 0
	assert_equal "$(status_field one eligible default.http)" true
}

# none_ejected COMMAND...: asked 5 times for a target that is gone, it makes no proxy ineligible of
# those that $names has.
none_ejected() {
	local name

	pool-report -f pool.json --all reset
	for _ in 1 2 3 4 5; do
		pool-exec -q -f pool.json "$@" >/dev/null 2>&1 || :
	done
	for name in $names; do
		assert_equal "$*: $name $(status_field "$name" eligible)" "$*: $name true"
		assert_equal "$*: $name $(status_field "$name" times_opened)" "$*: $name 0"
	done
}

@test "a target that refuses connections ejects no HTTP proxy, by any client" {
	require_tool wget
	start_tinyproxy tiny
	member tiny "http://127.0.0.1:$PROXY_PORT"
	start_tinyproxy other
	member other "http://127.0.0.1:$PROXY_PORT"
	start_squid squid
	member squid "http://127.0.0.1:$PROXY_PORT"
	write_members '"breaker": {"failure_threshold": 2, "open_seconds": 300}, "fallback": "fail"'
	stop_server o
	names="tiny other squid"
	none_ejected curl -sS "$url"
	none_ejected curl -fsS "$url"
	none_ejected curl -sSp "$url"
	none_ejected curl -sS "${url/http:/https:}"
	none_ejected wget -qO- -t 1 "$url"
	none_ejected wget -qO- -t 1 "${url/http:/https:}"
}

@test "a target that refuses connections ejects no SOCKS proxy" {
	start_microsocks micro
	member micro "socks5://127.0.0.1:$PROXY_PORT"
	start_dante dante
	member dante "socks5h://127.0.0.1:$PROXY_PORT"
	write_members '"breaker": {"failure_threshold": 2, "open_seconds": 300}, "fallback": "fail"'
	stop_server o
	names="micro dante"
	none_ejected curl -sS "$url"
	none_ejected curl -fsS "${url/http:/https:}"
}

@test "a target that refuses connections does not eject the only proxy" {
	require_tool wget
	start_tinyproxy tiny
	member tiny "http://127.0.0.1:$PROXY_PORT"
	write_members '"breaker": {"failure_threshold": 2, "open_seconds": 300}, "fallback": "fail"'
	stop_server o
	names=tiny
	none_ejected curl -sS "${url/http:/https:}"
	none_ejected wget -qO- -t 1 "${url/http:/https:}"
}

@test "a target that never answers ejects nobody, and a proxy that stalls is told from it" {
	start_stub stall
	start_three
	write_members '"breaker": {"failure_threshold": 2, "open_seconds": 300}, "fallback": "fail"'
	run pool-exec -q -f pool.json curl -sS "http://127.0.0.1:$STUB_PORT/"
	assert_failure 124
	for name in tiny other socks; do
		assert_equal "$name $(status_field "$name" reports_down)" "$name 0"
	done
	hang tiny
	ask_all 1 6
	assert_all 6
	assert_equal "$(status_field tiny reports_down)" 2
	has_status tiny unhealthy
}
