# pool-check, in the order of its manual page.

load ../lib

setup() {
	pool_setup
	unset NO_COLOR KPW
}

teardown() {
	pool_teardown
}

# An HTTP proxy in $PROXY that answers itself, with the arguments given.
start_proxy() {
	start_stub "$@" http-proxy
	PROXY=127.0.0.1:$STUB_PORT
}

# A port in $REFUSING that refuses connections.
start_refusing() {
	start_stub refuse
	REFUSING=127.0.0.1:$STUB_PORT
}

# checked URL-LIST [KEY...]: pool.json, http checks with one attempt more.
write_checked() {
	local list=$1 IFS=,
	shift

	write_pool pool.json "{\"health_check\": {\"method\": \"http\", \"url\": \"http://t.test/\",
		\"timeout_seconds\": 5, \"retry_count\": 1${*:+,$*}}, \"proxies\": [$list]}"
}

# a works, b refuses.
write_two() {
	start_proxy
	start_refusing
	write_checked "{\"name\": \"a\", \"url\": \"http://$PROXY\"},
		{\"name\": \"b\", \"url\": \"http://$REFUSING\"}" "$@"
}

# Times, ports and waits as words, runs of blanks as one.
masked() {
	sed -E 's/127\.0\.0\.1:[0-9]+/HOST/g; s/[0-9.]+ (ms|s|min)\b/TIME/g; s/ +/ /g' <<<"$1"
}

status_of() {
	pool-check --dry-run --format tsv "$@" | cut -f 5
}

@test "a table shows each proxy, a line sums up each pool" {
	write_two
	run -0 --separate-stderr pool-check pool.json
	assert_equal "$(masked "$output")" "\
POOL PROXY URL STATUS REASON TIME WAIT WHAT HAPPENED
default.http a http://HOST healthy ok TIME -
default.http b http://HOST unhealthy connect-refused - TIME nothing listens at the proxy's address (Connection refused)
$(printf ' ' | tr -d ' ')
default.http: 1 of 2 passed, 1 failed; the quorum of 1 is met"
	assert_equal "$stderr" ""
}

@test "what was found is stored: the next selection avoids what failed" {
	write_two
	pool-check -q pool.json
	for _ in 1 2 3; do
		run -0 pool-select pool.json
		assert_output "http://$PROXY"
	done
}

@test "-f, the operand, POOL_FILE and ./pool.json name the file" {
	write_two
	run -0 pool-check
	mv pool.json other.json
	run -0 pool-check other.json
	run -0 pool-check -f other.json
	POOL_FILE=other.json run -0 pool-check
	run -2 --separate-stderr pool-check -f other.json more.json
	assert_output ""
	assert_equal "$stderr" "pool-check: one pool file is enough: what is 'more.json'?"
	run -3 --separate-stderr pool-check -f nothing.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: cannot read pool file 'nothing.json': No such file or directory"
}

@test "an invalid pool file is status 3, an edited one leaves the last good one in force" {
	write_two
	echo '{"proxies": []}' >bad.json
	run -3 --separate-stderr pool-check bad.json
	assert_output ""
	assert_regex "$stderr" '^pool-check: bad\.json:1:[0-9]+: error: '
	pool-check -q pool.json
	echo '{' >pool.json
	run -0 --separate-stderr pool-check pool.json
	assert_regex "$stderr" "^pool-check: warning: 'pool\.json' is invalid"
	assert_regex "$output" 'default.http: 1 of 2 passed'
}

@test "-s names the state file; nothing is checked without one" {
	write_two
	run -0 pool-check -s own.state pool.json
	[ -s own.state ]
	run -3 --separate-stderr pool-check - <pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: cannot store results of standard input: only a \
regular file has a state file; add --dry-run to store none"
	run -3 --separate-stderr pool-check -s own.state - <pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: cannot store results of standard input: only a \
regular file has a state file; add --dry-run to store none"
	run -0 --separate-stderr pool-check -q --dry-run - <pool.json
	assert_equal "$stderr" ""
	# root's files have a folder of their own
	[ "$(id -u)" -ne 0 ] || chown 65534 pool.json
	run -3 --separate-stderr env -u HOME -u XDG_STATE_HOME -u POOL_STATE pool-check pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: cannot store results of 'pool.json': it has no state \
file; give one with -s, or add --dry-run to store none"
	[ "$(id -u)" -ne 0 ] || chown 0 pool.json
	chmod 777 state
	run -3 --separate-stderr pool-check pool.json
	assert_output ""
	assert_regex "$stderr" '^pool-check: .*state'
}

@test "the state file of another pool file is status 3 before any check" {
	start_stub --log log http-proxy
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	cp pool.json other.json
	pool-check -q -s own.state other.json
	: >log
	run -3 --separate-stderr pool-check -s own.state pool.json
	assert_output ""
	assert_regex "$stderr" "^pool-check: .*'own.state'"
	assert_equal "$(cat log)" ""
}

@test "--no-state goes with --dry-run only" {
	write_two
	run -3 --separate-stderr pool-check --no-state pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: cannot store results with --no-state; add --dry-run to store none"
	run -0 pool-check --no-state --dry-run - <pool.json
	assert_equal "$(ls state)" ""
}

@test "-x and -t choose pools, each once" {
	start_proxy
	write_pool pool.json "{\"enabled\": true,
		\"default\": {\"http\": {\"url\": \"http://$PROXY\"},
			\"websocket\": {\"url\": \"http://$PROXY\"}},
		\"exchanges\": {\"okx\": {\"http\": {\"url\": \"http://$PROXY\"}},
			\"bare\": {}}}"
	pools() {
		pool-check --format tsv pool.json "$@" | sed 1d | cut -f 1,2 | tr '\t\n' ' ;'
	}
	assert_equal "$(pools)" \
		"default.http http;default.websocket websocket;exchanges.okx.http http;"
	assert_equal "$(pools -t http)" "default.http http;exchanges.okx.http http;"
	assert_equal "$(pools -t ws)" "default.websocket websocket;"
	assert_equal "$(pools -x okx)" "default.websocket websocket;exchanges.okx.http http;"
	assert_equal "$(pools -x OKX -t http)" "exchanges.okx.http http;"
	assert_equal "$(pools -x default -t http)" "default.http http;"
	run -0 --separate-stderr pool-check -x okkx -t http --format tsv pool.json
	assert_equal "$stderr" \
		"pool-check: warning: no exchange is called 'okkx'; did you mean 'okx'?"
	run -2 --separate-stderr pool-check -t grpc pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: --type wants http or websocket, not 'grpc'"
}

@test "the short form is one pool for both connection types" {
	write_two
	run -0 pool-check --format tsv pool.json
	assert_equal "$(sed 1d <<<"$output" | cut -f 1,2 | sort -u)" "default.http	http,websocket"
}

@test "a disabled file has nothing to check, which is no failure" {
	write_pool pool.json '{"enabled": false, "default": {"http": "http://127.0.0.1:1"}}'
	run -0 --separate-stderr pool-check pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: nothing to check: the pool file does not say \"enabled\": true"
	run -0 --separate-stderr pool-check -q pool.json
	assert_output ""
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-check --plugin pool.json
	assert_output "POOL OK - no pool to check"
	# it uses no pool because nobody does
	run -0 --separate-stderr pool-check -x foo pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: nothing to check: the pool file does not say \"enabled\": true"
}

@test "a file without a pool has nothing to check; an exchange asked for by name is a no" {
	write_pool pool.json '{"enabled": true, "default": {}}'
	run -0 --separate-stderr pool-check pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: nothing to check: the pool file has no pool"
	run -0 --separate-stderr pool-check -t ws pool.json
	assert_equal "$stderr" \
		"pool-check: nothing to check: the pool file has no pool for websocket"
	run -1 --separate-stderr pool-check -x okx -t http pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: no pool for 'okx' http: neither it nor default has one"
}

@test "a pool whose checks are off is left out of the quorum" {
	write_pool pool.json '{"health_check": {"enabled": false}, "proxies": ["http://127.0.0.1:1"]}'
	run -0 --separate-stderr pool-check pool.json
	assert_line "default.http: not checked (its health_check is not enabled)"
	assert_equal "$stderr" "pool-check: nothing to check: no pool has its health_check enabled"
	assert_regex "$(masked "$output")" 'HOST http://HOST unknown - - -'
	run -0 --separate-stderr pool-check -q pool.json
	assert_output ""
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-check --plugin pool.json
	assert_equal "$stderr" ""
	start_proxy
	write_pool pool.json "{\"enabled\": true, \"default\": {\"http\": \"http://$PROXY\",
		\"websocket\": {\"pool\": {\"health_check\": {\"enabled\": false},
			\"proxies\": [\"http://127.0.0.1:1\"]}}}}"
	run -0 --separate-stderr pool-check pool.json
	assert_equal "$stderr" ""
}

@test "--only checks these proxies; an unknown name is told with the nearest" {
	write_two
	run -0 --separate-stderr pool-check --only a --format tsv pool.json
	assert_equal "$(sed 1d <<<"$output" | cut -f 3,6)" "a	passed"
	run -1 --separate-stderr pool-check --only b pool.json
	assert_line "default.http: 0 of 1 passed, 1 failed; the quorum of 1 is missed"
	run -0 pool-check --only b,a --format tsv pool.json
	assert_equal "$(sed 1d <<<"$output" | cut -f 3 | tr '\n' ' ')" "a b "
	run -2 --separate-stderr pool-check --only a,zzz pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: no proxy is called 'zzz'"
	sed -i 's/"b"/"berlin"/' pool.json
	run -2 --separate-stderr pool-check --only a,berlim pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: no proxy is called 'berlim'; did you mean 'berlin'?"
	for nobody in '' ,; do
		run -2 --separate-stderr pool-check --only a --only "$nobody" pool.json
		assert_output ""
		assert_equal "$stderr" "pool-check: --only wants at least one name"
	done
}

@test "--method is for this run" {
	start_stub --status 503 http-proxy
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	run -0 pool-check --method tcp --format tsv pool.json
	assert_equal "$(sed 1d <<<"$output" | cut -f 6,9)" "passed	"
	run -2 --separate-stderr pool-check --method htpp pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: --method wants tcp, http, ping, tunnel or \
websocket, not 'htpp'; did you mean 'http'?"
	run -2 --separate-stderr pool-check --method smtp-ehlo pool.json
	assert_equal "$stderr" \
		"pool-check: --method wants tcp, http, ping, tunnel or websocket, not 'smtp-ehlo'"
}

@test "who takes connections and greets nobody is down, whatever the target does" {
	start_stub --name silent stall
	start_stub --name no http-proxy --status 404
	no=$STUB_PORT silent=$(cat servers/silent.port)
	list=
	for scheme in socks5 socks5h socks4a https; do
		list+="{\"name\": \"$scheme\", \"url\": \"$scheme://me:word@127.0.0.1:$silent\"}, "
	done
	write_pool pool.json "{\"health_check\": {\"method\": \"http\", \"url\": \"http://127.0.0.1:9/\",
		\"retry_count\": 1, \"timeout_seconds\": 1},
		\"proxies\": [$list{\"name\": \"no\", \"url\": \"http://127.0.0.1:$no\"}]}"
	run --separate-stderr pool-check --format tsv pool.json
	result() { awk -F '\t' -v name="$1" '$3 == name { print $5, $6, $7 }' <<<"$output"; }
	for scheme in socks5 socks5h https; do
		assert_equal "$(result "$scheme")" "unhealthy failed greeting-timeout"
	done
	# SOCKS4 names the target with its first word
	assert_equal "$(result socks4a)" "unknown inconclusive target-suspect"
	assert_equal "$(result no)" "unknown inconclusive target-suspect"
	# several of them are no uplink that is gone
	start_stub --name mute stall
	write_pool pool.json "{\"health_check\": {\"method\": \"tunnel\", \"url\": \"target.invalid:443\",
		\"retry_count\": 1, \"timeout_seconds\": 1}, \"proxies\": [
		{\"name\": \"one\", \"url\": \"socks5h://127.0.0.1:$silent\"},
		{\"name\": \"two\", \"url\": \"socks5h://127.0.0.1:$STUB_PORT\"}]}"
	run -1 --separate-stderr pool-check --format tsv pool.json
	assert_equal "$(result one)" "unhealthy failed greeting-timeout"
	assert_equal "$(result two)" "unhealthy failed greeting-timeout"
}

@test "a login page in place of the default url does not pass, nor one that is moved to" {
	for status in 204 200 302 418; do
		start_stub --name "s$status" http-proxy --status "$status"
		members+="${members:+, }{\"name\": \"p$status\", \"url\": \"http://127.0.0.1:$STUB_PORT\"}"
	done
	check='"method": "http", "retry_count": 1'
	write_pool pool.json "{\"health_check\": {$check}, \"proxies\": [$members]}"
	run -0 --separate-stderr pool-check --format tsv pool.json
	result() { awk -F '\t' -v name="$1" '$3 == name { print $6, $7, $9, $13 }' <<<"$output"; }
	assert_regex "$(result p204)" "^passed ok 204"
	assert_regex "$(result p200)" "^failed status 200 .*HTTP 200, not 204: a login page\?"
	assert_regex "$(result p302)" "^failed status 302 .*HTTP 302, not 204: a login page\?"
	assert_regex "$(result p418)" " limited 418 "
	# a url of one's own, here or there, and what is said to be expected
	run pool-check --format tsv --url http://target.invalid/ pool.json
	assert_regex "$(result p200)" "^passed ok 200"
	assert_regex "$(result p302)" "^passed ok 302"
	write_pool pool.json "{\"health_check\": {$check, \"url\": \"http://target.invalid/\"}, \"proxies\": [$members]}"
	run pool-check --format tsv pool.json
	assert_regex "$(result p200)" "^passed ok 200"
	write_pool pool.json "{\"health_check\": {$check, \"expect_status\": [200]}, \"proxies\": [$members]}"
	run pool-check --format tsv pool.json
	assert_regex "$(result p200)" "^passed ok 200"
	assert_regex "$(result p204)" "^failed status 204 "
}

@test "what is expected is shown as it was given, and not otherwise" {
	for given in '' '"expect_status": [204]' '"expect_status": ["200-399"]'; do
		write_pool pool.json '{"health_check": {"method": "http"'"${given:+, $given}"'},
			"proxies": ["http://127.0.0.1:9"]}'
		run -0 --separate-stderr pool-validate --print pool.json
		run jq -c '.default.http.pool.health_check.expect_status' <<<"$output"
		assert_output "$([ -n "$given" ] && echo "${given#*: }" || echo null)"
	done
}

@test "a check of the port or the host says so, once, and not under -q" {
	local line="checks try the port only; health_check.method http tries whether proxies work"

	# It takes connections, and never answers.
	start_stub stall
	write_pool pool.json '{"proxies": ["http://127.0.0.1:'"$STUB_PORT"'"]}'
	run -0 --separate-stderr pool-check pool.json
	assert_equal "$stderr" ""
	assert_equal "$(tail -n 2 <<<"$output")" "default.http: 1 of 1 passed; the quorum of 1 is met
$line"
	run -0 --separate-stderr pool-check -q pool.json
	assert_output ""
	run -1 --separate-stderr pool-check -q --quorum 2 pool.json
	refute_output --partial "checks try"
	run -0 --separate-stderr pool-check --plugin pool.json
	assert_regex "$output" '^POOL OK - 1/1 passed \(100%\), pool default.http; checks try the port only \| '
	# Programs find it in the document, people beside it.
	run -0 --separate-stderr pool-check --format json pool.json
	assert_equal "$(jq -r '.pools[0] | "\(.checked) \(.method) \(.tried)"' <<<"$output")" "true tcp port"
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-check -v --format tsv pool.json
	refute_output --partial "checks try"
	assert_equal "$stderr" "pool-check: default.http: 1 of 1 passed; the quorum of 1 is met
pool-check: $line"
	# What counts is the method of this run, not that of the file.
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	run -0 --separate-stderr pool-check --method tcp pool.json
	assert_equal "$(tail -n 1 <<<"$output")" "$line"
	run -0 --separate-stderr pool-check --method tcp --format json pool.json
	assert_equal "$(jq -r '.pools[0] | "\(.method) \(.tried)"' <<<"$output")" "tcp port"
	start_proxy
	write_checked "\"http://$PROXY\""
	run -0 --separate-stderr pool-check pool.json
	refute_output --partial "checks try"
	run -0 --separate-stderr pool-check --format json pool.json
	assert_equal "$(jq -r '.pools[0] | "\(.method) \(.tried)"' <<<"$output")" "http target"
}

@test "pools are named where what is tried differs" {
	start_proxy
	write_pool pool.json '{"enabled": true, "default": {
		"http": {"pool": {"proxies": ["http://'"$PROXY"'"]}},
		"websocket": {"pool": {"proxies": ["http://'"$PROXY"'"],
			"health_check": {"method": "http", "url": "http://t.test/"}}}},
		"exchanges": {"okx": {"http": {"url": "http://'"$PROXY"'"}}}}'
	run -0 --separate-stderr pool-check pool.json
	assert_equal "$(grep "checks try" <<<"$output")" "default.http, exchanges.okx.http: checks try the port \
only; health_check.method http tries whether proxies work"
	# A pool that is not checked has nothing to say.
	write_pool pool.json '{"proxies": ["http://'"$PROXY"'"], "health_check": {"enabled": false}}'
	run -0 --separate-stderr pool-check pool.json
	refute_output --partial "checks try"
	run -0 --separate-stderr pool-check --format json pool.json
	assert_equal "$(jq -r '.pools[0] | "\(.method) \(.tried)"' <<<"$output")" "tcp null"
}

@test "an http check without a url asks for the default one" {
	start_stub --log log http-proxy --status 204
	write_pool pool.json "{\"health_check\": {\"method\": \"http\"},
		\"proxies\": [\"http://127.0.0.1:$STUB_PORT\"]}"
	run -0 --separate-stderr pool-check -q pool.json
	assert_equal "$stderr" ""
	assert_regex "$(cat log)" 'http://www\.gstatic\.com/generate_204'
	run -2 --separate-stderr pool-check --method tunnel pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: default.http: checks by method tunnel need a url: \
give one with --url"
}

@test "--url is for this run, and must be of some use" {
	start_stub --log log http-proxy
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	pool-check -q --url http://other.test/path pool.json
	assert_regex "$(cat log)" 'http://other\.test/path'
	refute_regex "$(cat log)" 't\.test/ '
	for scheme in ftp:// ws:// ''; do
		run -2 --separate-stderr pool-check --url "${scheme}x:80" pool.json
		assert_output ""
		assert_equal "$stderr" \
			"pool-check: --url: default.http: an http check asks for http:// or https://"
	done
	for wrong in 'http://x/ y' $'http://x/\a' $'http://x/\177'; do
		run -2 --separate-stderr pool-check --url "$wrong" pool.json
		assert_equal "$stderr" \
			"pool-check: --url: the URL holds a blank or a control character"
	done
	run -2 --separate-stderr pool-check --url http://me:S3CRET@x/ pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: --url: the URL holds credentials"
	run -2 --separate-stderr pool-check --url http:// pool.json
	assert_equal "$stderr" "pool-check: --url: the URL has no host"
	run -2 --separate-stderr pool-check --url '' pool.json
	assert_equal "$stderr" "pool-check: --url: the URL is empty"
	run -2 --separate-stderr pool-check --method websocket --url http://x/ pool.json
	assert_equal "$stderr" \
		"pool-check: --url: default.http: a websocket check asks for ws:// or wss://"
	run -2 --separate-stderr pool-check --method websocket pool.json
	assert_equal "$stderr" \
		"pool-check: --method: default.http: a websocket check asks for ws:// or wss://"
	run -2 --separate-stderr pool-check --method tunnel --url ws://x/ pool.json
	assert_equal "$stderr" "pool-check: --url: default.http: \
a tunnel leads to http://, https:// or host:port"
	start_stub --name origin origin
	start_stub --forward http-proxy
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	run -0 --separate-stderr pool-check -q --method tunnel \
		--url "127.0.0.1:$(server_port origin)" pool.json
	assert_equal "$stderr" ""
	run -2 --separate-stderr pool-check --method tcp --url http://x/ pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: --url is of no use to these checks: their method is \
tcp; add --method http"
}

@test "--concurrency bounds the checks at once" {
	write_two
	run -0 pool-check --concurrency 1 pool.json
	run -2 --separate-stderr pool-check --concurrency 0 pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: --concurrency wants a whole number from 1 to 1000000, not '0'"
}

@test "--target-rate is a number above 0" {
	write_two
	run -0 pool-check --target-rate 2000.5 pool.json
	for wrong in 0 -1 x 1e5 '' nan 1..2; do
		run -2 --separate-stderr pool-check --target-rate "$wrong" pool.json
		assert_output ""
		assert_equal "$stderr" \
			"pool-check: --target-rate wants a number above 0, not '$wrong'"
	done
}

@test "--timeout ends the run; what was left says nothing, and could decide" {
	start_stub stall
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	run -4 --separate-stderr pool-check --timeout 1 pool.json
	assert_regex "$(masked "$output")" 'http://HOST unknown run-deadline'
	assert_line "default.http: 0 of 1 passed, 1 inconclusive; the quorum of 1 cannot be decided"
	run -2 --separate-stderr pool-check --timeout 0 pool.json
	assert_equal "$stderr" \
		"pool-check: --timeout wants a whole number from 1 to 86400, not '0'"
}

@test "--quorum is a count or a share of each pool's enabled proxies" {
	write_two
	for met in 0 1 0% 1% 50%; do
		run -0 pool-check --quorum "$met" pool.json
	done
	for missed in 2 51% 100%; do
		run -1 pool-check --quorum "$missed" pool.json
		assert_line "default.http: 1 of 2 passed, 1 failed; the quorum of 2 is missed"
	done
	for wrong in -1 101% x '' 1.5; do
		run -2 --separate-stderr pool-check --quorum "$wrong" pool.json
		assert_output ""
		assert_equal "$stderr" "pool-check: --quorum wants a count or a percentage up to \
100%, not '$wrong'"
	done
}

@test "every pool needs its quorum" {
	start_proxy
	start_refusing
	write_pool pool.json "{\"enabled\": true, \"default\": {\"http\": \"http://$PROXY\",
		\"websocket\": \"http://$REFUSING\"}}"
	run -1 pool-check pool.json
	run -0 pool-check -t http pool.json
	run -1 pool-check -t websocket pool.json
}

@test "disabled proxies do not count; a pool of them only misses its quorum" {
	start_proxy
	write_checked "\"http://$PROXY\", {\"url\": \"http://127.0.0.1:1\", \"enabled\": false}"
	run -0 pool-check --quorum 100% pool.json
	assert_line "default.http: 1 of 1 passed, 1 disabled; the quorum of 1 is met"
	write_checked '{"url": "http://127.0.0.1:1", "enabled": false}'
	run -1 pool-check pool.json
	assert_line "default.http: 0 of 0 passed, 1 disabled; the quorum of 1 is missed"
}

@test "where a person disabled all no quorum is met; where one, the total is without it" {
	start_stub http-proxy
	write_checked "{\"name\": \"a\", \"url\": \"http://127.0.0.1:$STUB_PORT\"},
		{\"name\": \"b\", \"url\": \"http://127.0.0.1:1\"}"
	run -0 pool-report b disable
	run -0 pool-check --quorum 100% pool.json
	assert_line "default.http: 1 of 1 passed, 1 disabled; the quorum of 1 is met"
	run -0 pool-report --all disable
	for quorum in 0 1 0% 50% 100%; do
		run -1 --separate-stderr pool-check -q --quorum $quorum pool.json
		assert_line --regexp '^default.http: 0 of 0 passed, 2 disabled; the quorum of [01] is missed$'
		run -1 --separate-stderr pool-status --quorum $quorum pool.json
		run -2 --separate-stderr pool-status --plugin --quorum $quorum pool.json
		run -2 --separate-stderr pool-check --plugin --quorum $quorum pool.json
	done
}

@test "where all that passed are cooling no quorum is met, and it is said why" {
	start_proxy --status 429 --retry-after 300
	write_checked "\"http://$PROXY\""
	run -1 pool-check pool.json
	assert_line "default.http: 1 of 1 passed; none is eligible: 1 cooling; the quorum of 1 is missed"
	run -1 pool-status --quorum 1 pool.json
	assert_line --regexp '^default.http: 0 of 1 eligible, 1 cooling; .*; the quorum of 1 is missed$'
	for tool in pool-check pool-status; do
		run -2 "$tool" --plugin pool.json
	done
}

@test "a proxy that the target limits cools, and counts as passed" {
	start_proxy
	good=$PROXY
	start_proxy --status 429 --retry-after 300
	write_checked "\"http://$PROXY\", \"http://$good\""
	run -0 pool-check pool.json
	assert_regex "$(masked "$output")" 'http://HOST cooling limited - TIME'
	run -0 pool-check --quorum 100% pool.json
	# by what is remembered, too
	run -0 pool-check --dry-run --method tcp --quorum 100% pool.json
	assert_regex "$(masked "$output")" 'http://HOST cooling ok TIME TIME'
}

@test "a target that fails for all ejects none: status 4 and one line" {
	start_proxy
	first=$PROXY
	start_proxy
	write_checked "\"http://$first\", \"http://$PROXY\""
	pool-check -q pool.json
	start_stub --name origin --status 500 origin
	start_stub --forward http-proxy
	forward=$STUB_PORT
	write_checked "\"http://127.0.0.1:$forward\", \"http://me@127.0.0.1:$forward\""
	run -4 --separate-stderr pool-check --url "http://127.0.0.1:$(server_port origin)/" pool.json
	assert_equal "$stderr" "pool-check: warning: default.http: the target failed through \
every proxy that reached it: check the target; no proxy was blamed"
	assert_line "default.http: 0 of 2 passed, 2 inconclusive; the quorum of 1 cannot be decided"
	assert_equal "$(status_of pool.json | sort -u)" "status
unknown"
}

@test "a control request that works blames the proxies after all" {
	start_stub --name origin origin
	start_proxy --status 500
	write_checked "\"http://$PROXY\"" '"control": "direct"'
	run -1 --separate-stderr pool-check --url "http://127.0.0.1:$(server_port origin)/" pool.json
	assert_equal "$stderr" ""
	assert_regex "$(masked "$output")" 'http://HOST unhealthy status'
	stop_server origin
	run -4 --separate-stderr pool-check --url "http://127.0.0.1:$(server_port origin)/" pool.json
}

@test "equal checks of several pools are made once" {
	start_stub --log log http-proxy
	pool="{\"pool\": {\"health_check\": {\"method\": \"http\", \"url\": \"http://t.test/\"},
		\"proxies\": [\"http://127.0.0.1:$STUB_PORT\"]}}"
	write_pool pool.json "{\"enabled\": true, \"default\": {\"http\": $pool, \"websocket\": $pool}}"
	run -0 pool-check --format tsv pool.json
	assert_equal "$(sed 1d <<<"$output" | cut -f 1,6)" "default.http	passed
default.websocket	passed"
	assert_equal "$(wc -l <log)" 1
}

@test "a missing credential is named, and is no evidence" {
	start_stub --log log --user me --password s3cret http-proxy
	write_checked "{\"name\": \"a\", \"url\": \"http://me:\${KPW}@127.0.0.1:$STUB_PORT\"}"
	run -4 --separate-stderr pool-check pool.json
	assert_regex "$output" 'unknown  no-secret .*the variable \$\{KPW\}'
	assert_equal "$(cat log)" ""
	KPW=s3cret run -0 --separate-stderr pool-check pool.json
	refute_regex "$output$stderr" s3cret
	KPW=wr0ng run -1 --separate-stderr pool-check pool.json
	assert_regex "$output" 'unhealthy  authentication'
	refute_regex "$output$stderr" wr0ng
}

@test "--plugin answers in one line, status 0 to 3" {
	write_two
	mask_time() {
		sed -E 's/time=[0-9.]+s/time=Ts/' <<<"$output"
	}
	run -1 --separate-stderr pool-check --plugin pool.json
	assert_equal "$(mask_time)" "POOL WARNING - 1/2 passed (50%), pool default.http; failed: \
b (connect-refused) | passed=50%;100:;50:;0;100 failed=1;;;0;2 inconclusive=0;;;0;2 time=Ts;;;0;50"
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-check --plugin --only a pool.json
	assert_equal "$(mask_time)" "POOL OK - 1/1 passed (100%), pool default.http | \
passed=100%;100:;100:;0;100 failed=0;;;0;1 inconclusive=0;;;0;1 time=Ts;;;0;50"
	run -2 --separate-stderr pool-check --plugin --only b pool.json
	assert_regex "$output" '^POOL CRITICAL - 0/1 passed \(0%\)'
	run -2 pool-check --plugin --quorum 2 pool.json
	run -0 pool-check --plugin -w 50: pool.json
	assert_regex "$output" '\| passed=50%;50:;50:;0;100 '
	run -2 pool-check --plugin -c 60: pool.json
	run -2 pool-check --plugin --critical=@0:50 pool.json
	run -1 pool-check --plugin --warning 60: -c 40: pool.json
}

@test "under --plugin all that fails is UNKNOWN, on standard output" {
	write_two
	run -3 --separate-stderr pool-check --plugin -f nothing.json
	assert_output "POOL UNKNOWN - cannot read pool file 'nothing.json': No such file or directory"
	assert_equal "$stderr" ""
	run -3 --separate-stderr pool-check --plugin --frobnicate pool.json
	assert_output "POOL UNKNOWN - unknown option '--frobnicate'; try 'pool-check --help'"
	assert_equal "$stderr" ""
	run -3 --separate-stderr pool-check --plugin --qourum 1 pool.json
	assert_output "POOL UNKNOWN - unknown option '--qourum'; did you mean '--quorum'?"
	assert_equal "$stderr" ""
	run -3 --separate-stderr pool-check --plugin -w
	assert_output "POOL UNKNOWN - option '-w' needs an argument; try 'pool-check --help'"
	assert_equal "$stderr" ""
	run -3 --separate-stderr pool-check -y --plug
	assert_output "POOL UNKNOWN - unknown option '-y'; try 'pool-check --help'"
	assert_equal "$stderr" ""
	(
		mkdir empty
		cd empty
		run -3 --separate-stderr pool-check --plugin
		assert_regex "$output" '^POOL UNKNOWN - no pool file: give one with -f FILE '
		assert_equal "$stderr" ""
	)
	run -3 --separate-stderr pool-check --plugin -w x pool.json
	assert_output "POOL UNKNOWN - --warning wants a range [@][start:]end, not 'x'"
	run -3 --separate-stderr pool-check --plugin -t http pool.json
	assert_output \
		"POOL UNKNOWN - with --plugin, -t wants a whole number of seconds from 1 to 86400, \
not 'http'"
	run -3 --separate-stderr pool-check --plugin --format json pool.json
	assert_output "POOL UNKNOWN - --plugin has a format of its own: no --format"
	run -3 --separate-stderr pool-check --plugin --only zzz pool.json
	assert_output "POOL UNKNOWN - no proxy is called 'zzz'"
	run -3 --separate-stderr pool-check --plugin -V
	assert_regex "$output" '^pool-check \(proxypool\) '
	run -3 --separate-stderr pool-check --plugin -h
	assert_regex "$output" '^Usage: pool-check '
}

@test "under --plugin -t is the time limit" {
	start_stub stall
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	run -3 --separate-stderr pool-check --plugin -t 1 pool.json
	assert_regex "$output" '^POOL UNKNOWN - 0/1 passed \(0%\), pool default.http; inconclusive: '
	assert_regex "$output" 'time=[0-9]+\.[0-9]{3}s;;;0;1$'
	# the long one is what it is in every tool
	write_two
	run -1 --separate-stderr pool-check --plugin --type http pool.json
	assert_regex "$output" '^POOL WARNING - 1/2 passed \(50%\), pool default.http;.*;;;0;50$'
	run -3 --separate-stderr pool-check --plugin --type 20 pool.json
	assert_output "POOL UNKNOWN - --type wants http or websocket, not '20'"
	run -3 --separate-stderr pool-check --plugin -t 0 pool.json
	assert_output "POOL UNKNOWN - with --plugin, -t wants a whole number of seconds from 1 \
to 86400, not '0'"
	assert_equal "$stderr" ""
}

@test "-w and -c go with --plugin" {
	write_two
	run -2 --separate-stderr pool-check -w 50: pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: -w and -c go with --plugin"
	run -2 --separate-stderr pool-check -c 50: pool.json
	assert_equal "$stderr" "pool-check: -w and -c go with --plugin"
}

@test "--format tsv has a header and one line a proxy" {
	write_two
	run -0 --separate-stderr pool-check --format tsv pool.json
	assert_equal "$(sed -E 's/[0-9]+\.[0-9]{6}/T/; s/127\.0\.0\.1:[0-9]+/HOST/; s/(	2	)[0-9]+/\1W/' <<<"$output")" "\
pool	types	proxy	url	status	result	reason	latency_seconds	http_status	attempts	wait_seconds	text	detail	advice
default.http	http,websocket	a	http://HOST	healthy	passed	ok	T	200	1		it works		
default.http	http,websocket	b	http://HOST	unhealthy	failed	connect-refused			2	W	nothing listens at the proxy's address	Connection refused	check that the proxy runs, and its port"
	assert_equal "$stderr" ""
}

@test "--format json is one document, jsonl a line a proxy" {
	write_two
	require_tool python3
	run -0 --separate-stderr pool-check --format json pool.json
	assert_equal "$stderr" ""
	run -0 python3 -c '
import json, sys
d = json.load(sys.stdin)
print(d["quorum"], d["pools"][0]["passed"], d["pools"][0]["needed"],
	[(p["proxy"], p["status"], p["result"], p["http_status"]) for p in d["proxies"]])' \
		<<<"$output"
	assert_output "met 1 1 [('a', 'healthy', 'passed', 200), ('b', 'unhealthy', 'failed', None)]"
	run -0 --separate-stderr pool-check --format jsonl pool.json
	run -0 python3 -c '
import json, sys
print([json.loads(line)["status"] for line in sys.stdin])' <<<"$output"
	assert_output "['healthy', 'unhealthy']"
	run -2 --separate-stderr pool-check --format jsn pool.json
	assert_output ""
	assert_equal "$stderr" "pool-check: --format wants table, tsv, json or jsonl, not 'jsn'; did you mean 'json'?"
}

@test "beside data the summary of a no is on standard error" {
	write_two
	run -1 --separate-stderr pool-check --format jsonl --quorum 2 pool.json
	assert_equal "$stderr" \
		"pool-check: default.http: 1 of 2 passed, 1 failed; the quorum of 2 is missed"
}

@test "--metrics-file is written whole, readable by all" {
	write_two
	umask 077
	run -0 --separate-stderr pool-check -q --metrics-file pool.prom pool.json
	assert_equal "$(stat -c %a pool.prom)" 644
	run -0 cat pool.prom
	assert_line 'proxypool_up{pool="default.http",proxy="a"} 1'
	assert_line 'proxypool_up{pool="default.http",proxy="b"} 0'
	assert_line 'proxypool_proxy_status{pool="default.http",proxy="b",status="unhealthy"} 1'
	assert_line 'proxypool_pool_proxies{pool="default.http",status="unhealthy"} 1'
	assert_line 'proxypool_pool_passed_ratio{pool="default.http"} 0.5'
	assert_equal "$(ls pool.prom*)" pool.prom
	# each name has one TYPE, before its series
	run -0 awk '/^# TYPE/ { if (seen[$3]++) exit 1; type = $3; next }
		!/^#/ { split($1, name, "{"); if (name[1] != type) exit 1 }' pool.prom
	# an administrator's choice stays
	chmod 640 pool.prom
	run -1 pool-check -q --quorum 2 --metrics-file pool.prom pool.json
	assert_equal "$(stat -c %a pool.prom)" 640
	run -0 grep -c 'proxypool_pool_quorum_met{pool="default.http"} 0' pool.prom
	run -4 --separate-stderr pool-check -q --metrics-file no/where.prom pool.json
	assert_equal "$stderr" "pool-check: cannot write metrics file 'no/where.prom': \
No such file or directory"
}

@test "--metrics-file replaces nothing but a regular file" {
	start_stub --log log http-proxy
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	mkfifo fifo.prom
	mkdir folder.prom
	touch real.prom
	ln -s real.prom link.prom
	ln -s nowhere.prom broken.prom
	for file in fifo folder link broken; do
		run -2 --separate-stderr pool-check --metrics-file "$file.prom" pool.json
		assert_output ""
		assert_equal "$stderr" "pool-check: metrics file '$file.prom' is no regular file: \
it would be replaced by one"
	done
	[ -p fifo.prom ] && [ -d folder.prom ] && [ -L link.prom ] && [ -L broken.prom ]
	[ ! -s real.prom ] && [ ! -e nowhere.prom ]
	assert_equal "$(cat log)" ""
	run -3 --separate-stderr pool-check --plugin --metrics-file fifo.prom pool.json
	assert_regex "$output" "^POOL UNKNOWN - metrics file 'fifo.prom' is no regular file"
}

@test "--metrics-file does not replace the pool file" {
	write_checked '"http://127.0.0.1:9"'
	cp pool.json before.json
	run -2 --separate-stderr pool-check --metrics-file ./pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: --metrics-file './pool.json' is the pool file, which would be replaced"
	run -0 cmp pool.json before.json
}

@test "the manual page names every metric and label" {
	write_two
	pool-check -q --metrics-file pool.prom pool.json
	run -0 diff <(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' pool.prom | sort) \
		<(sed -n 's/^\.It Li \(proxypool_[a-z_]*\).*/\1/p' "$SOURCE_DIR/man/pool-check.1" | sort)
	grep -v '^#' pool.prom | grep -oE '[{,][a-z_]+=' | tr -d '{,=' | sort -u >labels
	run -0 cat labels
	assert_output "pool
proxy
status
version"
	run -0 diff labels <(sed -n '/^Labels are/,/^No label/p' "$SOURCE_DIR/man/pool-check.1" |
		sed -n 's/^\.Li //p' | tr -d '.,' | tr -s ' ' '\n' | sort)
	if command -v promtool >/dev/null; then
		run -0 promtool check metrics <pool.prom
		assert_output ""
	fi
}

@test "--dry-run checks, stores nothing, and makes no state file" {
	write_two
	run -0 --separate-stderr pool-check --dry-run pool.json
	assert_regex "$(masked "$output")" 'b http://HOST unknown connect-refused'
	assert_equal "$(ls state)" ""
	pool-check -q --only a pool.json
	run -0 --separate-stderr pool-check --dry-run pool.json
	assert_regex "$(masked "$output")" 'a http://HOST healthy ok .* b http://HOST unknown connect-refused|b http://HOST unknown connect-refused'
	assert_equal "$(status_of pool.json)" "status
healthy
unknown"
}

@test "--ca-file must be readable" {
	write_two
	touch ca.pem
	run -0 pool-check --ca-file ca.pem pool.json
	run -2 --separate-stderr pool-check --ca-file no.pem pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: cannot read --ca-file 'no.pem': No such file or directory"
}

@test "-q prints nothing unless the answer is no, then what failed" {
	write_two
	run -0 --separate-stderr pool-check -q pool.json
	assert_output ""
	assert_equal "$stderr" ""
	run -1 --separate-stderr pool-check -q --quorum 2 pool.json
	assert_equal "$(masked "$output")" "\
POOL PROXY URL STATUS REASON TIME WAIT WHAT HAPPENED
default.http b http://HOST unhealthy connect-refused - TIME nothing listens at the proxy's address (Connection refused)

default.http: 1 of 2 passed, 1 failed; the quorum of 2 is missed"
	assert_equal "$stderr" ""
}

@test "-v says what to do" {
	write_two
	run -0 --separate-stderr pool-check -v pool.json
	assert_regex "$(masked "$output")" "\(Connection refused\) check that the proxy runs, and its port"
	assert_regex "$output" "WHAT TO DO"
}

@test "colours are for terminals, and not under NO_COLOR" {
	require_tool script
	write_two
	export TERM=xterm
	run -0 script -qec "pool-check pool.json" /dev/null
	assert_regex "$output" $'\033\[32mhealthy\033\[0m'
	NO_COLOR=1 run -0 script -qec "pool-check pool.json" /dev/null
	refute_regex "$output" $'\033\[3'
	run -0 pool-check pool.json
	refute_regex "$output" $'\033'
}

@test "-h shows every option, -V the versions" {
	run -0 --separate-stderr pool-check -h
	assert_equal "$stderr" ""
	for option in file state no-state exchange type only method url concurrency target-rate \
		timeout quorum plugin warning critical format metrics-file dry-run ca-file quiet \
		verbose help version; do
		assert_regex "$output" "--$option"
	done
	run -0 --separate-stderr pool-check -V
	assert_line --index 0 --regexp '^pool-check \(proxypool\) [0-9.]+$'
	assert_line --index 1 --regexp '^libcurl/'
}

# What asks libcurl for its version has libldap read its files and look up this machine's name.
@test "a run asks for no versions" {
	start_proxy
	write_checked "\"http://$PROXY\""
	mkfifo "$HOME/.ldaprc" ldaprc
	run -0 timeout 20 pool-check -q pool.json
}

@test "an unknown option is a usage error with the nearest right one" {
	run -2 --separate-stderr pool-check --quorom 1
	assert_output ""
	assert_equal "$stderr" "pool-check: unknown option '--quorom'; did you mean '--quorum'?"
}

@test "a lock that somebody holds is status 5, before any check" {
	require_tool flock
	start_stub --log log http-proxy
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	pool-check -q -s own.state pool.json
	: >log
	run -5 --separate-stderr flock own.state pool-check -s own.state pool.json
	assert_output ""
	assert_regex "$stderr" "^pool-check: state file 'own.state' is locked "
	assert_equal "$(cat log)" ""
}

@test "a lock taken while the checks run is status 5, with what they found" {
	require_tool flock
	start_proxy
	write_checked "\"http://$PROXY\""
	pool-check --method tcp -q -s own.state pool.json
	# A stopped proxy does not answer before the lock is taken.
	kill -STOP "$(cat "$SERVERS/$STUB_NAME.pid")"
	pool-check -s own.state pool.json >out 2>err &
	pid=$!
	wait_until 10 has_socket "$pid"
	exec {lock}<own.state
	flock "$lock"
	kill -CONT "$(cat "$SERVERS/$STUB_NAME.pid")"
	wait "$pid" && status=0 || status=$?
	assert_equal "$status" 5
	exec {lock}<&-
	# Whose it is shows in the initial pid namespace only, since flock(1) has ended.
	assert_regex "$(cat err)" "^pool-check: state file 'own.state' is locked( \(held|: no lock)"
	assert_regex "$(masked "$(cat out)")" 'http://HOST healthy ok'
}

@test "without descriptors nothing is blamed: one line, status 4" {
	require_tool flock prlimit
	write_two
	pool-check -q -s own.state pool.json
	# Waiting for the lock it has loaded all it needs: the limit is met by its checks only.
	exec {lock}<own.state
	flock "$lock"
	pool-check -s own.state pool.json >out 2>err {lock}<&- &
	pid=$!
	wait_until 10 has_open "$pid" "$PWD/own.state"
	prlimit --pid "$pid" --nofile=3:3
	exec {lock}<&-
	wait "$pid" && status=0 || status=$?
	assert_equal "$status" 4
	assert_equal "$(cat out)" ""
	assert_equal "$(wc -l <err)" 1
	assert_regex "$(cat err)" '^pool-check: cannot '
	assert_equal "$(status_of -s own.state pool.json)" "status
healthy
unhealthy"
}

@test "a closed or full standard output is status 4 with one line, a closed pipe with none" {
	write_two
	run -4 --separate-stderr bash -c 'exec pool-check pool.json >&-'
	assert_equal "$stderr" "pool-check: cannot write standard output: Bad file descriptor"
	run -4 --separate-stderr bash -c 'exec pool-check pool.json >/dev/full'
	assert_equal "$stderr" "pool-check: cannot write standard output: No space left on device"
	run -0 --separate-stderr bash -c 'pool-check pool.json | true; echo "${PIPESTATUS[0]}" >status'
	assert_equal "$stderr" ""
	assert_regex "$(cat status)" '^[04]$'
}

@test "with closed standard descriptors no file of ours takes their place" {
	write_two
	pool-check -q -s own.state pool.json
	run -4 bash -c 'exec pool-check -s own.state pool.json <&- >&- 2>&-'
	run -0 --separate-stderr pool-check -s own.state pool.json
	assert_equal "$stderr" ""
}

@test "SIGTERM ends it at once, and nothing is half stored" {
	start_stub stall
	write_checked "\"http://127.0.0.1:$STUB_PORT\""
	pool-check pool.json >out 2>&1 &
	pid=$!
	wait_until 10 has_socket "$pid"
	kill -TERM "$pid"
	wait "$pid" && status=0 || status=$?
	assert_equal "$status" 143
	assert_equal "$(status_of --method tcp pool.json)" "status
unknown"
}

# It waits for the stub: it has a connection.
has_socket() {
	local link

	for link in "/proc/$1/fd/"*; do
		[[ $(readlink "$link") == socket:* ]] && return 0
	done
	return 1
}

@test "a limit on file sizes is status 4 with one line" {
	start_proxy
	write_checked "\"http://$PROXY\""
	run -4 --separate-stderr bash -c 'ulimit -f 1; exec pool-check -s ./x.state pool.json'
	assert_output ""
	assert_equal "$stderr" \
		"pool-check: cannot make state file './x.state' larger: File too large"
}

# has_open PID PATH: it has that file open.
has_open() {
	local link

	for link in "/proc/$1/fd/"*; do
		[ "$(readlink "$link")" != "$2" ] || return 0
	done
	return 1
}
