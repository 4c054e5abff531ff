# pool-status, in the order of its manual page.

load ../lib

setup() {
	pool_setup
	unset NO_COLOR
}

teardown() {
	pool_teardown
}

# a works, b refuses and has a password, c is disabled in the pool file.
write_three() {
	start_stub http-proxy
	WORKING=127.0.0.1:$STUB_PORT
	start_stub refuse
	REFUSING=127.0.0.1:$STUB_PORT
	write_pool pool.json "{\"health_check\": {\"retry_count\": 1}${*:+, $*}, \"proxies\": [
		{\"name\": \"a\", \"url\": \"http://$WORKING\"},
		{\"name\": \"b\", \"url\": \"http://mira:S3CRETpw@$REFUSING\"},
		{\"name\": \"c\", \"url\": \"http://127.0.0.1:1\", \"enabled\": false}]}"
}

# Proxies that nobody has to answer for: a, b.
write_two() {
	write_pool pool.json "{\"health_check\": {\"enabled\": false}${*:+, $*}, \"proxies\": [
		{\"name\": \"a\", \"url\": \"http://127.0.0.1:1\"},
		{\"name\": \"b\", \"url\": \"http://mira:S3CRETpw@127.0.0.1:2\"}]}"
}

# Times and ports as words, runs of blanks as one.
masked() {
	sed -E 's/127\.0\.0\.1:[0-9]+/HOST/g; s/[0-9.]+ (ms|s|min|h)\b/TIME/g; s/ +/ /g' <<<"$1"
}

# field NAME [ARGUMENT...]: of each proxy.
field() {
	local name=$1
	shift
	pool-status --format tsv pool.json "$@" | awk -F '\t' -v name="$name" \
		'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }'
}

# watch_until SIGNAL COMMAND...: until something was shown, in the file tables; its status.
watch_until() {
	local signal=$1 pid
	shift

	rm -f tables
	# what runs in the background ignores these
	env --default-signal=INT,QUIT "$@" >tables 3>&- &
	pid=$!
	wait_until 15 test -s tables
	kill "-$signal" "$pid"
	wait "$pid"
}

everything_in() {
	find "$1" -exec stat -c '%n %Y %Z %s %i' {} + | sort
}

@test "a table shows each proxy, lines below it what to do next" {
	write_three
	pool-check -q pool.json
	run -0 --separate-stderr pool-status pool.json
	assert_equal "$stderr" ""
	assert_equal "$(masked "$output")" "\
PROXY STATUS CAUSE WAIT LEASES USED TIME CHECKED
a healthy ok - 0 0 TIME TIME
b unhealthy connect-refused TIME 0 0 - TIME
c disabled pool-file - 0 0 - -
$(printf ' ' | tr -d ' ')
default.http: 1 of 2 eligible, 1 unhealthy, 1 disabled; checked TIME ago
 b: nothing listens at the proxy's address, rests TIME more; check that the proxy runs, and its port
checks try the port only; health_check.method http tries whether proxies work"
}

# A proxy that only takes connections is healthy to tcp: nobody shall believe that it works.
@test "what checks do not try is told once, with the pools where they differ" {
	local line="checks try the port only; health_check.method http tries whether proxies work"

	start_stub stall
	write_pool pool.json '{"proxies": ["http://127.0.0.1:'"$STUB_PORT"'"]}'
	pool-check -q pool.json
	run -0 --separate-stderr pool-status pool.json
	assert_line --partial " healthy "
	assert_equal "$(grep -cxF "$line" <<<"$output")" 1
	run -0 --separate-stderr pool-status -q pool.json
	assert_output ""
	run -0 --separate-stderr pool-status --plugin pool.json
	assert_regex "$output" '^POOL OK - 1/1 passed \(100%\), pool default.http; checks try the port only \| '
	run -0 --separate-stderr pool-status --format json pool.json
	assert_equal "$(jq -r '.pools[0] | "\(.method) \(.tried)"' <<<"$output")" "tcp port"
	assert_equal "$stderr" ""
	write_pool pool.json '{"enabled": true, "default": {"http": {"url": "http://127.0.0.1:1"},
		"websocket": {"pool": {"proxies": ["http://127.0.0.1:2"],
			"health_check": {"method": "http", "url": "http://127.0.0.1:9/"}}}},
		"exchanges": {"okx": {"http": {"pool": {"proxies": ["http://127.0.0.1:3"],
			"health_check": {"enabled": false}}}}}}'
	run -0 --separate-stderr pool-status pool.json
	assert_equal "$(tail -n 1 <<<"$output")" "default.http: $line"
	run -0 --separate-stderr pool-status --format json pool.json
	assert_equal "$(jq -r '.pools[] | "\(.pool) \(.method) \(.tried)"' <<<"$output")" "\
default.http tcp port
default.websocket http target
exchanges.okx.http tcp null"
	run -0 --separate-stderr pool-status -t websocket pool.json
	refute_output --partial "checks try"
}

@test "the table of one pool fits into 80 columns" {
	write_three '"limits": {"requests": 9000, "per_seconds": 10, "max_connections": 100}'
	pool-check -q pool.json
	run -0 pool-status pool.json
	assert_line --index 0 --regexp BUDGET
	awk 'NF && !/:/ && length > 80 { exit 1 }' <<<"$output"
}

@test "several pools have a column of their own" {
	write_pool pool.json '{"enabled": true, "default": {"http": {"url": "http://127.0.0.1:1"}},
		"exchanges": {"okx": {"http": {"url": "http://127.0.0.1:2"}}}}'
	run -0 --separate-stderr pool-status pool.json
	assert_line --index 0 --regexp '^POOL +PROXY +STATUS '
	assert_line --regexp '^exchanges.okx.http +127.0.0.1:2 +unknown '
	assert_line --regexp '^default.http: 1 of 1 eligible, 1 unknown; never checked$'
	assert_line --regexp '^exchanges.okx.http: 1 of 1 eligible, '
}

@test "nothing is changed or made: no state file, no folder" {
	write_three
	run -0 --separate-stderr pool-status pool.json
	assert_line --regexp '^a +unknown '
	assert_line '  no check is stored: run pool-check, from cron'
	assert_regex "$stderr" "^pool-status: no state file yet: '.*/state/pool-.*' is made by "
	assert_equal "$(ls state)" ""
	rmdir state
	run -3 --separate-stderr pool-status pool.json
	assert_equal "$stderr" "pool-status: there is no state '$PWD/state': if it is a folder, make it first; \
the name of a file that is to be made ends in .state"
	[ ! -e state ]
	run -0 --separate-stderr env -u POOL_STATE pool-status -q pool.json
	assert_equal "$stderr" ""
	assert_equal "$(ls home)" ""
	mkdir -m 700 state
	pool-check -q pool.json
	pool-select --lease --ttl 60 pool.json >lease
	before=$(everything_in state)
	for option in -q --history --names --verify --plugin; do
		pool-status "$option" pool.json >out || :
	done
	run -0 pool-status pool.json
	assert_equal "$(everything_in state)" "$before"
}

@test "an edited pool file is followed without a trace" {
	write_three
	pool-check -q pool.json
	before=$(everything_in state)
	sed 's/"c"/"d"/; s/"enabled": false/"weight": 2/' pool.json >new.json
	chmod 600 new.json
	mv new.json pool.json
	run -0 --separate-stderr pool-status --format tsv pool.json
	assert_equal "$stderr" ""
	assert_equal "$(cut -f 3,5 <<<"$output" | tr '\t' ' ')" "proxy status
a healthy
b unhealthy
d unknown"
	assert_equal "$(everything_in state)" "$before"
	echo '{"proxies": [' >pool.json
	run -0 --separate-stderr pool-status --format tsv pool.json
	assert_equal "$(cut -f 3,5 <<<"$output" | tail -n 1 | tr '\t' ' ')" "c disabled"
	assert_regex "$stderr" "^pool-status: warning: 'pool.json' is invalid, its last good version"
	assert_equal "$(everything_in state)" "$before"
}

@test "files of another user are shown if they may be read" {
	[ "$(id -u)" -eq 0 ] || skip "only root can be somebody else"
	write_three
	pool-check -q pool.json
	mkdir theirs
	cp pool.json theirs/pool.json
	chmod 755 "$BATS_RUN_TMPDIR" "$TEST_DIR" theirs
	mkdir theirs/state
	pool-check -q -s theirs/state/one.state theirs/pool.json
	chown -R 65534 theirs
	chmod 700 theirs/state
	run -0 --separate-stderr pool-status -s theirs/state/one.state theirs/pool.json
	assert_equal "$stderr" "pool-status: warning: state folder '$PWD/theirs/state' is unsafe: it \
belongs to neither root nor you: no selection of yours uses it"
	assert_line --regexp '^a +healthy '
	assert_line --regexp '^b +unhealthy '
}

@test "a read-only file is shown" {
	write_two
	pool-select -q pool.json >out
	chmod 400 state/*
	chmod 500 state
	run -0 --separate-stderr pool-status pool.json
	chmod 700 state
	assert_equal "$stderr" ""
	assert_line --regexp '^a +unknown .* 1 +-'
}

@test "no user name or password is shown, in no format" {
	write_three
	pool-check -q pool.json
	for arguments in "" -v "--format tsv" "--format json" "--format jsonl" \
		"--format prometheus" --history "--history --format json" --names --plugin \
		--verify --repair; do
		# shellcheck disable=SC2086 # words of a line
		pool-status $arguments pool.json >>out 2>&1 || :
	done
	watch_until TERM pool-status --watch pool.json
	cat tables >>out
	[ -s out ]
	run -1 grep -E 'mira|S3CRET' out
}

# --- what keeps a proxy from being used ----------------------------------------------------------

@test "what a person disabled says how to enable it" {
	write_two
	pool-report -f pool.json b disable
	run -0 --separate-stderr pool-status pool.json
	assert_equal "$stderr" ""
	assert_line --regexp '^b +disabled +person +- '
	assert_line "default.http: 1 of 1 eligible, 1 unknown, 1 disabled; its health_check is not enabled"
	assert_line "  b: a person disabled it; 'pool-report -f pool.json b enable' enables it"
	assert_equal "$(field cause)" "
person"
	# the command is about the same files
	run -0 pool-status
	assert_line "  b: a person disabled it; 'pool-report b enable' enables it"
	pool-report -s own.state b disable
	run -0 pool-status -s own.state
	assert_line "  b: a person disabled it; 'pool-report -s own.state b enable' enables it"
}

@test "a cooldown says how long, and how to end it" {
	write_two
	pool-report -f pool.json -x default a fail --status 429 --retry-after 3600
	run -0 --separate-stderr pool-status pool.json
	assert_line --regexp '^a +cooling +limited +60 min '
	assert_line --regexp "^  a: the target, or the proxy itself, limits the rate, rests 60 min more; wait .*; \
'pool-report -f pool.json a reset' ends it now$"
	assert_equal "$(field wait_seconds | head -n 1)" 3600
	until=$(field until_timestamp_seconds | head -n 1)
	[ $((until - $(date +%s))) -gt 3500 ]
	assert_equal "$(field reports_limited | head -n 1)" 1
}

@test "blocked is told apart from down" {
	write_two '"breaker": {"failure_threshold": 1}'
	pool-report -f pool.json a fail --status 403
	pool-report -f pool.json b fail --reason connect-refused
	run -0 --separate-stderr pool-status pool.json
	assert_line --regexp '^a +unhealthy +blocked '
	assert_line --regexp '^b +unhealthy +connect-refused '
	assert_line --regexp '^default.http: 0 of 2 eligible, 1 unhealthy, 1 blocked;'
	assert_line '  no proxy is eligible: a selection gets an unhealthy one, with a warning'
	assert_equal "$(field blocked)" "true
false"
	assert_equal "$(field times_opened)" "1
1"
}

@test "the url beside a pool is shown with its share and its uses" {
	write_pool pool.json '{"enabled": true, "default": {"http": {
		"url": "http://mira:S3CRETpw@127.0.0.1:3", "rollout_percent": 10, "pool": {
			"health_check": {"enabled": false},
			"proxies": [{"name": "a", "url": "http://127.0.0.1:1"}, {"name": "b", "url": "http://127.0.0.1:2"}]}}}}'
	pool-select pool.json >out
	run -0 --separate-stderr pool-status pool.json
	assert_line '  10 % of selections get one of these, the rest http://127.0.0.1:3 (used 1 time, not checked)'
	for ((number = 1; number < 20; number++)); do
		pool-select pool.json >>out
	done
	assert_equal "$(grep -c :3$ out)" 18
	run -0 --separate-stderr pool-status pool.json
	assert_line '  10 % of selections get one of these, the rest http://127.0.0.1:3 (used 18 times, not checked)'
	refute_output --partial S3CRETpw
	# those without an eligible proxy get it, too
	pool-report -f pool.json --all disable
	pool-select pool.json >out
	run -0 --separate-stderr pool-status --format json pool.json
	run -0 jq -r '.pools[] | "\(.rollout_percent) \(.url) \(.url_selections) \(.fallbacks) \(.selections)"' <<<"$output"
	assert_output '10 http://127.0.0.1:3 19 0 21'
	run -0 --separate-stderr pool-status --format prometheus pool.json
	assert_line 'proxypool_pool_rollout_ratio{pool="default.http"} 0.1'
	assert_line 'proxypool_pool_url_selections_total{pool="default.http"} 19'
	assert_line 'proxypool_pool_fallbacks_total{pool="default.http"} 0'
	# one that is left out of the pool file has been used all the same, and is no use of the url
	write_pool pool.json '{"enabled": true, "default": {"http": {
		"url": "http://127.0.0.1:3", "rollout_percent": 100, "pool": {
			"health_check": {"enabled": false}, "proxies": [{"name": "b", "url": "http://127.0.0.1:2"}]}}}}'
	run -0 --separate-stderr pool-status pool.json
	assert_line '  beside them, for when none is eligible: http://127.0.0.1:3 (used 19 times, not checked)'
}

@test "a pool without a url beside it has none" {
	write_two ''
	run -0 --separate-stderr pool-status pool.json
	refute_output --partial 'not checked)'
	run -0 --separate-stderr pool-status --format json pool.json
	run -0 jq -r '.pools[] | "\(.rollout_percent) \(.url) \(.url_selections)"' <<<"$output"
	assert_output '100 null 0'
	run -0 --separate-stderr pool-status --format prometheus pool.json
	assert_line 'proxypool_pool_rollout_ratio{pool="default.http"} 1'
	assert_line 'proxypool_pool_url_selections_total{pool="default.http"} 0'
}

@test "a proxy whose status changes too often is flapping" {
	write_two ''
	for number in 1 2 3; do
		pool-report -f pool.json a disable
		pool-report -f pool.json a enable
	done
	run -0 --separate-stderr pool-status pool.json
	refute_output --partial flapping
	pool-report -f pool.json a fail --status 429
	run -0 --separate-stderr pool-status pool.json
	assert_line --regexp '^default.http: 1 of 2 eligible, 1 cooling, 1 unknown, 1 flapping;'
	assert_line --regexp "^  a: flapping: its status changed 7 times within [0-9]+ s; .*; 'pool-report -f pool.json a disable' takes it out$"
	assert_equal "$(field flapping)" "true
false"
	# it wants somebody's attention when it is eligible as well
	pool-report -f pool.json a reset
	run -0 --separate-stderr pool-status -q pool.json
	assert_line --regexp '^  a: flapping: its status changed 8 times '
	run -0 --separate-stderr pool-status --format prometheus pool.json
	assert_line 'proxypool_flapping{pool="default.http",proxy="a"} 1'
	assert_line 'proxypool_flapping{pool="default.http",proxy="b"} 0'
	for number in 1 2 3 4; do
		pool-report -f pool.json b disable
		pool-report -f pool.json b enable
	done
	run -0 --separate-stderr pool-status pool.json
	assert_line --regexp '^  a, b: flapping: the status of each changed more than 6 times within 5 min; '
	run -0 --separate-stderr pool-status --verify pool.json
}

@test "leases and budgets at their limits are causes" {
	write_two '"limits": {"max_connections": 1, "requests": 2, "per_seconds": 600}'
	pool-select --lease --ttl 600 pool.json >out
	run -0 --separate-stderr pool-status pool.json
	assert_line --regexp '^a +unknown +at-limit +- +1/1 +1 +1 '
	assert_line --regexp '^b +unknown +- +- +0/1 +2 +0 '
	assert_line --regexp '^  a: as many use it as max_connections allows; '
	pool-select pool.json >out
	pool-select pool.json >out
	run -0 --separate-stderr pool-status pool.json
	assert_line --regexp '^b +unknown +budget +[0-9]+ min +0/1 +0 +2 '
	assert_line --regexp '^default.http: 0 of 2 eligible, 2 at a limit;'
	assert_line '  no proxy is eligible: a selection fails'
	assert_equal "$(field budget_left)" "1
0"
}

@test "leases that ended are not counted" {
	write_two
	sleep 1000 3>&- &
	owner=$!
	disown "$owner"
	pool-select --lease --owner "$owner" pool.json >out
	assert_equal "$(field leases | head -n 1)" 1
	kill "$owner"
	wait_until 10 eval '! kill -0 "$owner" 2>/dev/null'
	assert_equal "$(field leases | head -n 1)" 0
}

@test "the same trouble of many is one line" {
	write_pool pool.json '{"health_check": {"retry_count": 1}, "proxies": [
		"http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3",
		"http://127.0.0.1:4", "http://127.0.0.1:5"]}'
	pool-check -q pool.json >out || :
	run -0 pool-status pool.json
	assert_line --regexp '^  127.0.0.1:1, 127.0.0.1:2, 127.0.0.1:3 and 2 more: nothing listens at .*, first rests '
	assert_equal "$(grep -c 'nothing listens' <<<"$output")" 1
}

@test "names are shown without control bytes" {
	write_pool pool.json '{"proxies": [{"name": "a\u0001\u202eb", "url": "http://127.0.0.1:1"}]}'
	run pool-status pool.json
	if [ "$status" -eq 0 ]; then
		refute_regex "$output" $'\001'
	else
		# refused by the pool file's own rules
		assert_equal "$status" 3
	fi
}

# --- choosing --------------------------------------------------------------------------------------

@test "-x, -t and --only choose" {
	write_pool pool.json '{"enabled": true,
		"default": {"http": {"url": "http://127.0.0.1:1"}, "websocket": {"url": "http://127.0.0.1:2"}},
		"exchanges": {"okx": {"http": {"url": "http://127.0.0.1:3"}}, "bare": {}}}'
	assert_equal "$(field proxy -t ws)" 127.0.0.1:2
	assert_equal "$(field proxy -x OKX -t http)" 127.0.0.1:3
	assert_equal "$(field proxy --only 127.0.0.1:3,127.0.0.1:2)" "127.0.0.1:2
127.0.0.1:3"
	run -2 --separate-stderr pool-status --only 127.0.0.1:4 pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-status: no proxy is called '127.0.0.1:4'; did you mean '127.0.0.1:1'?"
	write_pool only.json '{"enabled": true, "exchanges": {"okx": {"http": {"url": "http://127.0.0.1:3"}}}}'
	run -1 --separate-stderr pool-status -x kraken only.json
	assert_output ""
	assert_regex "$stderr" "pool-status: no pool for 'kraken': neither it nor default has one"
	run -1 --separate-stderr pool-status -x okkx -t http only.json
	assert_regex "$stderr" "did you mean 'okx'"
}

@test "a disabled file has nothing to show, which is no failure" {
	write_pool pool.json '{"enabled": false, "default": {"http": "http://127.0.0.1:1"}}'
	run -0 --separate-stderr pool-status pool.json
	assert_output ""
	assert_regex "$stderr" 'nothing to show: the pool file does not say "enabled": true'
	run -0 --separate-stderr pool-status -q pool.json
	assert_output ""
	assert_equal "$stderr" ""
}

@test "standard input has no state" {
	write_two
	run -0 --separate-stderr pool-status - <pool.json
	assert_line --regexp '^a +unknown '
	assert_equal "$stderr" "pool-status: no state file: only what the pool file says is known"
}

# --- formats -----------------------------------------------------------------------------------------

@test "tsv, json and jsonl have the columns of the manual page" {
	require_tool python3
	write_three
	pool-check -q pool.json
	sed -n '/^\.Bl -column "selected/,/^\.El/p' "$SOURCE_DIR/man/pool-status.1" |
		sed -n 's/^\.It Ic \([a-z_]*\) Ta.*/\1/p' >page
	[ "$(wc -l <page)" -gt 20 ]
	pool-status --format tsv pool.json >tsv
	head -n 1 tsv | tr '\t' '\n' >header
	run -0 diff page header
	[ "$(wc -l <tsv)" -eq 4 ]
	run -0 --separate-stderr pool-status --format json pool.json
	assert_equal "$stderr" ""
	run -0 python3 -c '
import json, sys
d = json.load(sys.stdin)
p = d["pools"][0]
print(d["quorum"], p["eligible"], p["stale"], p["checked_ago_seconds"] < 60)
a, b, c = d["proxies"]
print(a["eligible"], b["eligible"], a["cause"], b["cause"], b["blocked"], c["cause"])
print(open("page").read().split() == list(a))' <<<"$output"
	assert_output "met 1 False True
True False ok connect-refused False pool-file
True"
	run -0 --separate-stderr pool-status --format jsonl pool.json
	run -0 python3 -c '
import json, sys
print([json.loads(line)["status"] for line in sys.stdin])' <<<"$output"
	assert_output "['healthy', 'unhealthy', 'disabled']"
	run -2 --separate-stderr pool-status --format jsn pool.json
	assert_output ""
	assert_equal "$stderr" "pool-status: --format wants table, tsv, json, jsonl or prometheus, \
not 'jsn'; did you mean 'json'?"
}

@test "the manual page names every metric and label" {
	write_three '"limits": {"requests": 5, "per_seconds": 60}'
	pool-check -q pool.json
	pool-select pool.json >out
	run -0 --separate-stderr pool-status --format prometheus pool.json
	assert_equal "$stderr" ""
	assert_line 'proxypool_up{pool="default.http",proxy="a"} 1'
	assert_line 'proxypool_eligible{pool="default.http",proxy="b"} 0'
	assert_line 'proxypool_selections_total{pool="default.http",proxy="a"} 1'
	assert_line '# TYPE proxypool_selections_total counter'
	assert_line 'proxypool_checks_total{pool="default.http",proxy="b",verdict="down"} 1'
	assert_line 'proxypool_pool_stale{pool="default.http"} 0'
	assert_line 'proxypool_transitions_total{pool="default.http",proxy="b"} 1'
	assert_line 'proxypool_breaker_open{pool="default.http",proxy="b"} 1'
	assert_line 'proxypool_leases_total{pool="default.http",proxy="a"} 0'
	assert_line 'proxypool_pool_selections_total{pool="default.http",strategy="round_robin"} 1'
	assert_line 'proxypool_pool_selections_total{pool="default.http",strategy="sticky"} 0'
	assert_line 'proxypool_pool_selection_latency_seconds_count{pool="default.http"} 1'
	echo "$output" >pool.prom
	run -0 diff <(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' pool.prom | sort) \
		<(sed -n 's/^\.It Li \(proxypool_[a-z_]*\).*/\1/p' "$SOURCE_DIR/man/pool-status.1" | sort)
	grep -v '^#' pool.prom | grep -oE '[{,][a-z_]+=' | tr -d '{,=' | sort -u >labels
	run -0 diff labels <(sed -n '/^Labels are/,/^No label/p' "$SOURCE_DIR/man/pool-status.1" |
		sed -n 's/^\.Li //p' | tr -d '.,' | tr -s ' ' '\n' | sort)
	# each name has one TYPE, before its series
	run -0 awk '/^# TYPE/ { if (seen[$3]++) exit 1; type = $3; next }
		!/^#/ { split($1, name, "{"); sub("^" type "(_bucket|_sum|_count)?$", "", name[1])
			if (name[1] != "") exit 1 }' pool.prom
}

@test "promtool has nothing to say about the metrics" {
	require_tool promtool
	write_pool pool.json '{"enabled": true, "default": {"http": {"pool": {"proxies": [
		"http://127.0.0.1:1", "http://127.0.0.1:2"], "limits": {"requests": 5, "per_seconds": 60}}},
		"websocket": {"url": "socks5://127.0.0.1:3"}},
		"exchanges": {"okx": {"http": {"url": "http://127.0.0.1:4"}}}}'
	pool-status --format prometheus pool.json >empty.prom
	pool-select pool.json >out
	pool-select --lease --ttl 60 pool.json >out
	pool-status --format prometheus pool.json >pool.prom
	for file in empty.prom pool.prom; do
		run -0 promtool check metrics <"$file"
		assert_output ""
		run -0 uniq -d <(grep -v '^#' "$file" | sed 's/ [^ ]*$//' | sort)
		assert_output ""
	done
	grep -qx 'proxypool_leases_total{pool="default.http",proxy="127.0.0.1:2"} 1' pool.prom
}

# --- yes or no -----------------------------------------------------------------------------------------

@test "--quorum is over what is known to work" {
	write_three
	run -1 --separate-stderr pool-status --quorum 1 pool.json
	assert_line --regexp '; the quorum of 1 cannot be decided$'
	pool-check -q pool.json
	run -0 --separate-stderr pool-status --quorum 1 pool.json
	assert_line --regexp '; the quorum of 1 is met$'
	run -1 --separate-stderr pool-status --quorum 100% pool.json
	assert_line --regexp '; the quorum of 2 is missed$'
	assert_equal "$stderr" ""
	run -1 --separate-stderr pool-status --quorum 2 --format jsonl pool.json
	assert_equal "${#lines[@]}" 3
	assert_equal "${stderr_lines[0]%;*}" \
		"pool-status: default.http: 1 of 2 eligible, 1 unhealthy, 1 disabled; checked 0 s ago"
	run -0 --separate-stderr pool-status pool.json
	run -2 --separate-stderr pool-status --quorum 101% pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-status: --quorum wants a count or a percentage up to 100%, not '101%'"
}

# One works, and one needs a variable.
write_secret() {
	start_stub http-proxy
	write_pool pool.json "{\"health_check\": {\"retry_count\": 1}, \"proxies\": [
		{\"name\": \"a\", \"url\": \"http://127.0.0.1:$STUB_PORT\"},
		{\"name\": \"b\", \"url\": \"http://u:\${POOL_TEST_PW}@127.0.0.1:$STUB_PORT\"}]}"
}

@test "what is shown is what the last check found, not what this environment lacks" {
	write_secret
	POOL_TEST_PW=x run -0 pool-check --method http --url http://t.test/ pool.json
	run -0 pool-status pool.json
	assert_line --regexp '^b +healthy  ok '
	assert_line --regexp '^default.http: 2 of 2 eligible; checked'
	run -0 pool-check --method http --url http://t.test/ pool.json
	for word in x ""; do
		POOL_TEST_PW=$word run -0 pool-status pool.json
		assert_line --regexp '^b +healthy  no-secret '
		assert_line --regexp '^default.http: 1 of 2 eligible, 1 without a secret; checked'
		assert_line --regexp '^  b: its secret was missing in the last check; set the variable'
		POOL_TEST_PW=$word run -0 pool-status -q pool.json
		assert_line --regexp '^b +healthy  no-secret '
		POOL_TEST_PW=$word run -1 pool-status --quorum 2 pool.json
		assert_line --regexp '; the quorum of 2 cannot be decided$'
		POOL_TEST_PW=$word run -1 pool-status --plugin pool.json
		assert_output --regexp '^POOL WARNING - 1/2 passed .*; inconclusive: b \(no-secret\)'
		assert_equal "$(field eligible)" $'true\nfalse'
		assert_equal "$(field cause)" $'ok\nno-secret'
		POOL_TEST_PW=$word run -0 pool-status --format prometheus pool.json
		assert_line 'proxypool_eligible{pool="default.http",proxy="b"} 0'
		assert_line 'proxypool_pool_eligible{pool="default.http"} 1'
	done
	# nothing changes for those who have it
	for _ in 1 2; do
		POOL_TEST_PW=x pool-select pool.json
	done >answers
	run -0 grep -c '^http://u:x@' answers
	assert_output 1
	POOL_TEST_PW=x run -0 pool-report b ok
	run -0 pool-status pool.json
	assert_line --regexp '^default.http: 2 of 2 eligible; checked'
}

@test "--plugin answers in one line with a plugin's status" {
	write_three
	run -3 --separate-stderr pool-status --plugin pool.json
	assert_regex "$output" "^POOL UNKNOWN - no state file yet: '.*' is made by the first check"
	assert_equal "$stderr" ""
	pool-check -q pool.json
	run -1 --separate-stderr pool-status --plugin pool.json
	assert_regex "$output" '^POOL WARNING - 1/2 passed \(50%\), pool default.http; failed: b \(connect-refused\); checks try the port only \| passed=50%;100:;50:;0;100 failed=1;;;0;2 inconclusive=0;;;0;2 age=[0-9]+s;;;0$'
	run -0 --separate-stderr pool-status --plugin -w 50: -c 20: pool.json
	assert_regex "$output" '^POOL OK - '
	run -2 --separate-stderr pool-status --plugin --quorum 2 pool.json
	assert_regex "$output" '^POOL CRITICAL - '
	run -2 --separate-stderr pool-status --plugin -c 60: pool.json
	assert_regex "$output" '^POOL CRITICAL - '
	run -3 --separate-stderr pool-status --plugin -w x pool.json
	assert_output "POOL UNKNOWN - --warning wants a range [@][start:]end, not 'x'"
	run -1 --separate-stderr pool-status --plugin -t 20 pool.json
	run -3 --separate-stderr pool-status --plugin --type 20 pool.json
	assert_output "POOL UNKNOWN - --type wants http or websocket, not '20'"
	run -2 --separate-stderr pool-status -w 50: pool.json
	assert_equal "$stderr" "pool-status: -w and -c go with --plugin"
}

@test "a pool that was never checked is stale, and so unknown to --plugin" {
	write_three
	pool-select pool.json >out
	run -3 --separate-stderr pool-status --plugin pool.json
	assert_regex "$output" '^POOL UNKNOWN - 0/2 passed \(0%\), pool default.http; stale: default.http was never checked; .* age=U$'
	assert_regex "$output" 'inconclusive: [a-z]+ \(unknown\), [a-z]+ \(unknown\) '
	# where checks are not enabled none is missed
	write_two
	run -0 --separate-stderr pool-status --plugin pool.json
	assert_output "POOL OK - no pool to check"
}

# Make all checks of pool 0 of a state file so many seconds older.
age_checks() {
	python3 - "$@" <<-'END'
		import struct, sys
		older = int(sys.argv[2]) * 10 ** 9
		with open(sys.argv[1], "r+b") as f:
		    b = bytearray(f.read())
		    root = struct.unpack_from("<Q", b, 3224 + 32 * (b[3216] & 1))[0]
		    count = struct.unpack_from("<I", b, root + 24)[0]
		    leaves = root + struct.unpack_from("<Q", b, root + 40)[0]
		    records = root + struct.unpack_from("<Q", b, root + 80)[0]
		    for at in [leaves + 64] + [records + 256 * i + 48 for i in range(count)]:
		        checked = struct.unpack_from("<q", b, at)[0]
		        struct.pack_into("<q", b, at, checked - older if checked else 0)
		    f.seek(0)
		    f.write(b)
	END
}

@test "a pool whose last check is old is stale" {
	require_tool python3
	write_three
	pool-check -q -s own.state pool.json
	age_checks own.state 170
	run -0 --separate-stderr pool-status -s own.state pool.json
	assert_line --regexp '; checked 2 min ago$'
	age_checks own.state 600
	run -0 --separate-stderr pool-status -s own.state pool.json
	assert_line --regexp '; stale: checked 12 min ago$'
	assert_line '  pool-check has not run for 12 min: is its cron job alive?'
	run -3 --separate-stderr pool-status --plugin -s own.state pool.json
	assert_regex "$output" '; stale: default.http was checked 77[0-9] s ago; .* age=77[0-9]s;;;0$'
	# three intervals, if that is more
	sed -i 's/"retry_count": 1/"retry_count": 1, "interval_seconds": 300/' pool.json
	run -0 --separate-stderr pool-status -s own.state pool.json
	assert_line --regexp '; checked 12 min ago$'
	run -0 --separate-stderr pool-status -q --only a -s own.state pool.json
	assert_output ""
}

# --- again and again ------------------------------------------------------------------------------------

@test "--watch where there is no terminal prints tables behind one another" {
	write_two
	pool-select pool.json >out
	pool-status --watch=1 pool.json >tables 2>errors 3>&- &
	pid=$!
	disown "$pid"
	wait_until 15 eval '[ "$(grep -c "^PROXY" tables)" -ge 2 ]'
	pool-report -f pool.json b disable
	wait_until 15 grep -q "^b  *disabled" tables
	kill -TERM "$pid"
	wait_until 15 eval '! kill -0 "$pid" 2>/dev/null'
	run -0 cat errors
	assert_output ""
	run -0 grep -c -B 1 '^$' tables
	refute_regex "$(cat tables)" $'\033'
}

@test "--watch ends with 0 by a signal, and when its reader goes" {
	write_three
	for signal in INT QUIT TERM HUP; do
		run -0 --separate-stderr watch_until "$signal" pool-status --watch pool.json
		assert_equal "$stderr" ""
		grep -q '^a  *unknown ' tables
	done
	run -0 bash -c 'pool-status --watch=1 pool.json | head -n 1; exit "${PIPESTATUS[0]}"'
	assert_line --index 0 --regexp '^PROXY '
	run -1 --separate-stderr watch_until TERM pool-status --watch --quorum 1 pool.json
	grep -q '; the quorum of 1 cannot be decided$' tables
	run -3 --separate-stderr pool-status --watch missing.json
	assert_output ""
}

# A terminal of 8 lines: what pool-status draws, until it is told to end by ^\.
watch_on_terminal() {
	python3 - "$@" <<-'END'
		import fcntl, os, pty, signal, struct, sys, termios, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[2], sys.argv[2:])
		fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 8, 60, 0, 0))
		os.kill(pid, signal.SIGWINCH)
		seen, end, told = b"", time.time() + 20, False
		while time.time() < end:
		    try:
		        got = os.read(fd, 4096)
		    except OSError:
		        break
		    if not got:
		        break
		    seen += got
		    if sys.argv[1].encode() in seen and not told:
		        told = True
		        os.write(fd, b"\x1c")
		status = os.waitpid(pid, 0)[1]
		sys.stdout.buffer.write(seen)
		sys.exit(os.waitstatus_to_exitcode(status))
	END
}

@test "seconds apart from --watch are told how to be written" {
	write_pool pool.json '{"proxies": ["http://127.0.0.1:9"]}'
	run -2 --separate-stderr pool-status --watch 5
	assert_output ""
	assert_equal "$stderr" \
		"pool-status: there is no pool file '5'; did you mean '--watch=5'?"
	cp pool.json 5
	watch_until TERM pool-status --watch 5
}

@test "a type without a pool is said" {
	write_pool pool.json '{"enabled": true, "default": {"http": {"url": "http://127.0.0.1:9"}}}'
	run -0 --separate-stderr pool-status -t websocket pool.json
	assert_output ""
	assert_equal "${stderr%%$'\n'*}" \
		"pool-status: nothing to show: the pool file has no pool for websocket"
}

@test "--watch redraws a terminal, cut to its height, and restores it" {
	require_tool python3
	write_pool pool.json '{"health_check": {"enabled": false}, "proxies": ["http://127.0.0.1:1",
		"http://127.0.0.1:2", "http://127.0.0.1:3", "http://127.0.0.1:4",
		"http://127.0.0.1:5", "http://127.0.0.1:6"]}'
	export TERM=xterm
	run -0 watch_on_terminal "more" pool-status --watch=1 pool.json
	# the alternate screen, no cursor, no wrapped lines; and back, last of all
	assert_regex "$output" $'^\033\\[\\?1049h\033\\[\\?25l\033\\[\\?7l\033\\[H'
	assert_regex "$output" $'\033\\[\\?7h\033\\[\\?25h\033\\[\\?1049l$'
	assert_regex "$output" '\.\.\. [0-9]+ more'
	assert_regex "$output" 'pool.json at [0-9:]+, every 1 s'
	run -2 --separate-stderr pool-status --watch=0 pool.json
	assert_equal "$stderr" "pool-status: --watch wants a whole number from 1 to 86400, not '0'"
	run -2 --separate-stderr pool-status --watch --format json pool.json
	assert_equal "$stderr" "pool-status: --watch shows the table: it has no other --format"
}

@test "--watch shows a failure in place of the table, and goes on" {
	write_two
	pool-status --watch=1 pool.json >tables 2>errors 3>&- &
	pid=$!
	disown "$pid"
	wait_until 15 grep -q '^PROXY' tables
	mv pool.json away.json
	wait_until 15 grep -q "cannot read pool file 'pool.json'" tables
	mv away.json pool.json
	count=$(grep -c '^PROXY' tables)
	wait_until 15 eval '[ "$(grep -c "^PROXY" tables)" -gt "$count" ]'
	kill -TERM "$pid"
	wait_until 15 eval '! kill -0 "$pid" 2>/dev/null'
	assert_equal "$(cat errors)" ""
}

# --- history, names ---------------------------------------------------------------------------------------

@test "--history is the last changes, oldest first" {
	require_tool python3
	write_two '"breaker": {"failure_threshold": 1}'
	run -0 --separate-stderr pool-status --history pool.json
	assert_output ""
	pool-report -f pool.json a ok
	pool-report -f pool.json b fail --reason tls
	pool-report -f pool.json a disable
	run -0 --separate-stderr pool-status --history pool.json
	assert_equal "$stderr" ""
	assert_line --index 0 --regexp '^WHEN +POOL +PROXY +FROM +TO +REASON +WHAT HAPPENED$'
	assert_line --index 1 --regexp '^[0-9-]{10} [0-9:]{8}Z  default.http  a +unknown +healthy +ok$'
	run -0 pool-status --history --format tsv pool.json
	assert_equal "$(cut -f 3-6 <<<"$output" | sort | tr '\t' ' ')" "a healthy disabled person
a unknown healthy ok
b unknown unhealthy tls
proxy from to reason"
	assert_equal "$(cut -f 1 <<<"$output" | sed 1d)" "$(cut -f 1 <<<"$output" | sed 1d | sort -n)"
	run -0 pool-status --history --only b --format json pool.json
	run -0 python3 -c '
import json, sys
d = json.load(sys.stdin)
print(list(d), [(t["proxy"], t["from"], t["to"], t["reason"]) for t in d["transitions"]])' \
		<<<"$output"
	assert_output "['transitions'] [('b', 'unknown', 'unhealthy', 'tls')]"
	run -2 --separate-stderr pool-status --history --format prometheus pool.json
	assert_output ""
	assert_equal "$stderr" \
		"pool-status: --history is no metric: it has table, tsv, json and jsonl"
}

@test "--names are for completions: sorted, each once, nothing without a pool file" {
	write_pool pool.json '{"enabled": true, "default": {"http": {"pool": {"proxies": [
		{"name": "b", "url": "http://127.0.0.1:1"}, {"name": "a.b", "url": "http://127.0.0.1:2"}]}}},
		"exchanges": {"okx": {"http": {"pool": {"proxies": [
		{"name": "b", "url": "http://127.0.0.1:1"}, {"name": "o", "url": "http://127.0.0.1:3"}]}}}}}'
	run -0 --separate-stderr pool-status --names pool.json
	assert_output "a.b
b
o"
	assert_equal "$stderr" ""
	assert_equal "$(pool-status --names -x okx -t http pool.json)" "b
o"
	pool-status --names -0 pool.json >names
	assert_equal "$(tr '\0' '|' <names)" "a.b|b|o|"
	rm pool.json
	run -3 --separate-stderr pool-status --names
	assert_output ""
	run -2 --separate-stderr pool-status -0
	assert_equal "$stderr" "pool-status: -0 goes with --names"
	assert_equal "$(ls state)" ""
}

@test "completions of the other tools offer names" {
	require_tool fish
	write_two
	export POOL_FILE=$PWD/pool.json
	complete_bash() {
		bash -c 'source "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); "_${1//-/_}"
			printf "%s\n" "${COMPREPLY[@]}"' bash "$SOURCE_DIR/completions/$1.bash" "$@"
	}
	write_pool other.json '{"proxies": [{"name": "x", "url": "http://127.0.0.1:1"}]}'
	for line in "pool-select --exclude" "pool-check --only" "pool-status --only"; do
		# shellcheck disable=SC2086 # words of a line
		assert_equal "$(complete_bash $line '')" "a
b"
		# shellcheck disable=SC2086
		assert_equal "$(complete_bash $line a,)" "a,a
a,b"
		# shellcheck disable=SC2086
		assert_equal "$(complete_bash ${line%% *} -f other.json ${line#* } '')" x
		run -0 fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
			"$SOURCE_DIR/completions/${line%% *}.fish" "${line%% *} -f other.json ${line#* } "
		assert_output --regexp '^x'
	done
	assert_equal "$(complete_bash pool-report -f other.json x)" x
}

# --- the file ---------------------------------------------------------------------------------------------

@test "--verify says whether the file is whole" {
	write_two
	run -0 --separate-stderr pool-status --verify -s own.state pool.json
	assert_output ""
	assert_regex "$stderr" "^pool-status: no state file yet: 'own.state'"
	[ ! -e own.state ]
	pool-select --lease --ttl 60 -s own.state pool.json >out
	run -0 --separate-stderr pool-status --verify -s own.state pool.json
	assert_output "own.state: whole, 2 proxies in 1 pool, 1 lease"
	assert_equal "$stderr" ""
}

# later FILE: as a version 3 would have it, whose form is the other one.
later() {
	python3 "$TESTS_DIR/data/readdress.py" later "$1"
}

# damage FILE OFFSET BYTES: in place.
damage() {
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "what does not hold together is named, and set right by --repair" {
	require_tool python3
	write_two
	pool-select --lease --ttl 600 -s own.state pool.json >out
	# the count of leases held by the first record, at the place its image says
	python3 - own.state <<-'END'
		import struct, sys
		with open(sys.argv[1], "r+b") as f:
		    b = f.read()
		    active = b[3216] & 1
		    root = struct.unpack_from("<Q", b, 3224 + 32 * active)[0]
		    counts = root + struct.unpack_from("<Q", b, root + 64)[0]
		    f.seek(counts)
		    f.write(struct.pack("<I", 7))
	END
	run -1 --separate-stderr pool-status --verify -s own.state pool.json
	assert_output "state file 'own.state' is not whole: leases held differ from the lease table"
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-status --repair -s own.state pool.json
	assert_output "own.state: set right: counts of leases
own.state: whole, 2 proxies in 1 pool, 1 lease"
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-status --verify -s own.state pool.json
	run -0 --separate-stderr pool-status --repair -s own.state pool.json
	assert_output "own.state: whole, 2 proxies in 1 pool, 1 lease"
}

# Of the TSV in $output. Open times of 30 s may be over or not; the owner of lima's lease is gone, but
# counts as alive for who is in another pid namespace.
carried() {
	awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	$at["proxy"] == "lima" { $at["leases"] = "-" }
	{ print $at["pool"], $at["proxy"], $at["status"], $at["leases"], $at["selections"] }' <<<"$output" |
		sed 's/ unhealthy/ recovering/'
}

@test "files of version 1 are carried over: health, bans, disables, counters, also of secret proxies" {
	local data=$TESTS_DIR/data/state-1

	require_tool python3
	install -m 600 "$data/pool.json" "$data/pool.state" "$data/pool.state.snap" .
	python3 "$TESTS_DIR/data/readdress.py" former pool.state "$PWD/pool.json"
	cp pool.state before
	# looking changes nothing
	run -0 --separate-stderr pool-status --format tsv -s pool.state pool.json
	assert_equal "$stderr" ""
	cmp pool.state before
	carried >looked
	cat >expected <<-END
		default.http paris disabled 0 2
		default.http rome recovering 1 2
		default.http tokyo cooling 0 1
		default.http oslo recovering 0 1
		default.http lima recovering - 5
		default.websocket 127.0.0.1:5 unknown 0 0
		exchanges.binance.http 127.0.0.1:11 unknown 0 1
		exchanges.binance.http 127.0.0.1:12 disabled 0 1
		exchanges.binance.http 127.0.0.1:13 unknown 1 1
		exchanges.okx.websocket 127.0.0.1:21 recovering 0 1
		exchanges.okx.websocket 127.0.0.1:22 recovering 0 0
	END
	diff -u expected looked
	run -0 --separate-stderr pool-select -s pool.state -x binance pool.json
	assert_equal "$stderr" ""
	assert_output "http://127.0.0.1:11"
	[ "$(od -An -tu4 -j 8 -N 4 pool.state | tr -d ' ')" -eq 2 ]
	[ ! -e pool.state.corrupt ]
	run -0 --separate-stderr pool-status --verify -s pool.state pool.json
	# that of an owner ends, unless there is such a process by chance
	assert_output --regexp "^pool.state: whole, 11 proxies in 4 pools, [23] leases\$"
	run -0 --separate-stderr pool-status --format tsv -s pool.state pool.json
	carried >now
	sed -i 's/11 unknown 0 1/11 unknown 0 2/' expected
	diff -u expected now
	run -0 pool-status --history -s pool.state pool.json
	assert_line --regexp 'default.http +tokyo +unhealthy +cooling +limited'
}

@test "a folder whose group can replace files in it is shown with a warning" {
	write_two
	pool-select -s state/own.state pool.json >out
	chmod 2770 state
	run -0 --separate-stderr pool-status -s state/own.state pool.json
	assert_line --partial "unknown"
	assert_equal "$stderr" "pool-status: warning: state folder '$PWD/state' is unsafe: its group can \
replace files of others in it (chmod +t keeps it from that): no selection of yours uses it"
	chmod 3770 state
	run -0 --separate-stderr pool-status -s state/own.state pool.json
	assert_equal "$stderr" ""
}

@test "a file that others can write is shown with a warning" {
	write_two
	pool-select -s own.state pool.json >out
	chmod 666 own.state
	run -0 --separate-stderr pool-status -s own.state pool.json
	assert_line --partial "unknown"
	assert_equal "$stderr" "pool-status: warning: state file 'own.state' is unsafe: everybody can write \
it (chmod o-w it): no selection uses it"
	chmod 600 own.state
	ln own.state second
	run -0 --separate-stderr pool-status -s own.state pool.json
	assert_equal "$stderr" "pool-status: warning: state file 'own.state' is unsafe: it has a second \
name: no selection uses it"
	run -0 --separate-stderr pool-select -s own.state pool.json
	assert_equal "$stderr" "pool-select: warning: selecting without shared state: state file \
'own.state' is unsafe: it has a second name"
}

@test "the second copy of what persons decided is judged, too, and set right" {
	write_two
	pool-report -s own.state -f pool.json a disable
	printf x | dd of=own.state.decisions bs=1 seek=100 conv=notrunc status=none
	run -1 --separate-stderr pool-status --verify -s own.state pool.json
	assert_output "state file 'own.state' is not whole: 'own.state.decisions' has 1 entry that cannot be read"
	run -0 --separate-stderr pool-status --repair -s own.state pool.json
	assert_output "own.state.decisions: set right
own.state: whole, 2 proxies in 1 pool, 0 leases"
	run -0 --separate-stderr pool-status --verify -s own.state pool.json
	chmod 0666 own.state.decisions
	run -1 --separate-stderr pool-status --verify -s own.state pool.json
	assert_output "state file 'own.state' is not whole: 'own.state.decisions' is not used: \
others can write it, it is somebody else's, or no plain file"
	# One that cannot be written leaves the state's own knowledge, and is told as such.
	rm own.state.decisions
	mkdir own.state.decisions
	run -0 --separate-stderr pool-report -s own.state -f pool.json b disable
	assert_regex "$stderr" "recorded, but not a second time"
	run -1 --separate-stderr pool-status --verify -s own.state pool.json
	assert_regex "$output" "is not whole: 'own.state.decisions' is not used: .*, or no plain file$"
	run -3 --separate-stderr pool-status --repair -s own.state pool.json
	assert_regex "$stderr" "cannot open 'own.state.decisions': Is a directory"
	rmdir own.state.decisions
	run -0 --separate-stderr pool-status --repair -s own.state pool.json
	assert_equal "$(stat -c %s own.state.decisions)" 512
	run -0 --separate-stderr pool-status --verify -s own.state pool.json
}

@test "a corrupt file is status 3, and begun anew by --repair alone" {
	write_two
	pool-select -s own.state pool.json >out
	damage own.state 16384 'xxxx'
	cp own.state before
	for option in -q --history --plugin; do
		run -3 --separate-stderr pool-status "$option" -s own.state pool.json
		assert_regex "$output$stderr" "state file 'own.state' is corrupt"
	done
	run -1 --separate-stderr pool-status --verify -s own.state pool.json
	assert_output "state file 'own.state' is corrupt ('pool-status --repair -s own.state $PWD/pool.json' begins it anew)"
	cmp own.state before
	run -0 --separate-stderr pool-status --repair -s own.state pool.json
	assert_output "own.state: whole, 2 proxies in 1 pool, 0 leases"
	assert_equal "$stderr" "pool-status: warning: state file 'own.state' was corrupt: copied to \
'own.state.corrupt' and begun anew; health, bans, leases and what persons disabled, if anything, are forgotten \
(there is no second copy)"
	tail -n +2 own.state.corrupt | cmp - before
}

# The command that the line $1 advises.
advised() {
	sed -n "s/.*('\\(pool-status --repair [^']*\\)'.*/\\1/p" <<<"$1"
}

@test "a broken header is no dead end: every tool names the command that begins anew" {
	local command line expected

	write_two
	pool-select -s own.state pool.json >out
	head -c 64 /dev/urandom | dd of=own.state conv=notrunc status=none
	cp own.state before
	command="pool-status --repair -s own.state $PWD/pool.json"
	for line in "pool-status -s own.state pool.json" "pool-status --history -s own.state pool.json" \
		"pool-status --plugin -s own.state pool.json" "pool-status --verify -s own.state pool.json" \
		"pool-select --require-state -s own.state pool.json" "pool-check -s own.state pool.json" \
		"pool-report -f pool.json -s own.state a ok" "pool-watch -s own.state pool.json"; do
		expected=3
		[[ $line != *--verify* ]] || expected=1
		run "-$expected" timeout 10 $line
		assert_equal "$(advised "$output")" "$command"
		cmp own.state before
	done
	run -0 --separate-stderr pool-exec -f pool.json -s own.state true
	assert_equal "$(advised "$stderr")" "$command"
	run -0 --separate-stderr $command
	assert_output "own.state: whole, 2 proxies in 1 pool, 0 leases"
	assert_regex "$stderr" "^pool-status: warning: state file 'own.state' was corrupt: copied to 'own.state.corrupt'"
	tail -n +2 own.state.corrupt | cmp - before
	run -0 --separate-stderr pool-select --require-state -s own.state pool.json
	assert_equal "$stderr" ""
}

@test "--repair takes neither the pool file nor a later version for a broken state" {
	write_two
	cp pool.json before
	run -3 --separate-stderr pool-status --repair -s pool.json pool.json
	assert_equal "$stderr" "pool-status: 'pool.json' is the pool file, and not a state file: left alone"
	cmp pool.json before
	# version 3, in a header that is whole: the other form has the same checksum over it
	require_tool python3
	pool-select -s own.state pool.json >out
	later own.state
	cp own.state before
	run -3 --separate-stderr pool-status --repair -s own.state pool.json
	assert_equal "$stderr" "pool-status: state file 'own.state' is of version 3, and this proxypool knows version 2: \
left alone (update proxypool, or give another file with -s)"
	cmp own.state before
	run -0 --separate-stderr pool-select -s own.state pool.json
	assert_regex "$stderr" "is of version 3, .*: left alone \(update proxypool"
	cmp own.state before
}

@test "a state that is missing and does not end in .state is neither folder nor file" {
	local line hint

	write_two
	hint="there is no state 'gone': if it is a folder, make it first; the name of a file that is to be made ends \
in .state"
	for line in "pool-status -s gone pool.json" "pool-status --verify -s gone pool.json" \
		"pool-status --repair -s gone pool.json" "pool-check -s gone pool.json" \
		"pool-report -f pool.json -s gone a ok" "pool-watch -s gone pool.json" \
		"pool-select --require-state -s gone pool.json"; do
		run -3 timeout 10 $line
		assert_regex "$output" "$hint"
	done
	run -0 --separate-stderr env POOL_STATE=gone pool-select pool.json
	assert_equal "$stderr" "pool-select: warning: selecting without shared state: $hint"
	run -2 ls -d gone*
	mkdir gone
	run -0 --separate-stderr env POOL_STATE=gone pool-select pool.json
	assert_equal "$stderr" ""
	[ -f gone/pool-*.state ]
}

@test "a symbolic link is no state file to --verify and the others either" {
	write_two
	pool-select -s own.state pool.json >out
	ln -s own.state link
	for option in -q --history --verify --repair; do
		run -3 --separate-stderr pool-status "$option" -s link pool.json
		assert_output ""
		assert_equal "$stderr" "pool-status: cannot open state file 'link': it is a symbolic \
link, which is not followed"
	done
}

@test "the state file of another pool file, or another file, is status 3" {
	write_two
	cp pool.json other.json
	pool-select -s own.state other.json >out
	cp own.state before
	for option in -q --history --verify --repair; do
		run -3 --separate-stderr pool-status "$option" -s own.state pool.json
		assert_output ""
		assert_regex "$stderr" "^pool-status: state file 'own.state' belongs to the pool file '.*/other.json'"
	done
	run -3 --separate-stderr pool-status --plugin -s own.state pool.json
	assert_regex "$output" "^POOL UNKNOWN - state file 'own.state' belongs to"
	cmp own.state before
	echo 'just a text, and longer than a magic' >text
	run -3 --separate-stderr pool-status -s text pool.json
	assert_output ""
	assert_equal "$stderr" "pool-status: 'text' is not a state file: left alone \
('pool-status --repair -s text $PWD/pool.json' keeps a copy and begins it anew)"
	mkfifo fifo
	run -3 --separate-stderr timeout 10 pool-status -s fifo pool.json
	assert_equal "$stderr" "pool-status: 'fifo' is not a state file"
}

@test "a locked file is read all the same, and named" {
	require_tool flock
	write_two
	pool-select -s own.state pool.json >out
	run -0 --separate-stderr flock own.state pool-status -s own.state pool.json
	assert_line --regexp '^a +unknown .* 1 +- +-$'
	assert_regex "$stderr" "^pool-status: warning: state file 'own.state' is locked .*; read without it$"
	run -5 --separate-stderr flock own.state pool-status --verify --timeout 1 -s own.state pool.json
	assert_output ""
	assert_regex "$stderr" "^pool-status: state file 'own.state' is locked "
	run -5 --separate-stderr flock own.state pool-status --repair --timeout 1 -s own.state pool.json
	assert_output ""
}

@test "--repair needs to write" {
	[ "$(id -u)" -ne 0 ] || skip "root may write everything"
	write_two
	pool-select -s own.state pool.json >out
	chmod 400 own.state
	run -3 --separate-stderr pool-status --repair -s own.state pool.json
	assert_output ""
	assert_equal "$stderr" "pool-status: cannot write state file 'own.state': Permission denied"
}

# --- the rest ---------------------------------------------------------------------------------------------

# write_gone NAME...: pool files with states in state/, and gone again.
write_gone() {
	local name

	for name; do
		write_pool "$name.json" '{"proxies": ["http://mira:S3CRET@127.0.0.1:1"]}'
		pool-select -q "$name.json" >out
		rm "$name.json"
	done
}

@test "--prune removes what is left of pool files that are gone, --dry-run lists it" {
	write_two
	pool-select -q pool.json >out
	# not of the folder itself, which is newer for what was removed
	before=$(everything_in state | sed 1d)
	write_gone a b
	a=$(echo state/a-*.state) b=$(echo state/b-*.state)
	for suffix in snap.new corrupt corrupt.new decisions watch; do
		echo S3CRET >"$a.$suffix"
	done
	# What a name leads to is not what it is.
	ln -s "$PWD/pool.json" "$b.corrupt"
	all=$(everything_in state)
	run -0 --separate-stderr pool-status --prune --dry-run
	assert_output "$PWD/$a: '$PWD/a.json' is gone: 7 files to remove
$PWD/$b: '$PWD/b.json' is gone: 3 files to remove"
	assert_equal "$stderr" ""
	assert_equal "$(everything_in state)" "$all"
	run -0 --separate-stderr pool-status --prune -s state
	assert_output "state/${a#*/}: '$PWD/a.json' is gone: 7 files removed
state/${b#*/}: '$PWD/b.json' is gone: 3 files removed"
	assert_equal "$stderr" ""
	assert_equal "$(everything_in state | sed 1d)" "$before"
	[ -s pool.json ]
	run -0 --separate-stderr pool-status --prune
	assert_output ""
	assert_equal "$stderr" ""
}

@test "--prune leaves what is in use, and what it cannot tell" {
	write_two
	pool-select -q pool.json >out
	write_gone a b
	a=$(echo state/a-*.state) b=$(echo state/b-*.state) own=$(echo state/pool-*.state)
	# Nobody's, named as if it were; and a snapshot without its state.
	echo x >state/c-0123456789abcdef.state
	echo x >state/d-0123456789abcdef.state.snap
	# Not named as a state in a folder is.
	cp "$a" state/other.state
	# Another path in the header does not make a state forsaken: its name says what it is.
	printf '/gone.json\0' | dd of="$own" bs=1 seek=128 conv=notrunc status=none
	before=$(everything_in state)
	exec 7<"$a"
	flock 7
	run -0 --separate-stderr pool-status --prune
	assert_output "$PWD/$a: another process uses it: left
$PWD/$b: '$PWD/b.json' is gone: 2 files removed
$PWD/state/c-0123456789abcdef.state: nothing says whose it is: left
$PWD/state/d-0123456789abcdef.state: nothing says whose it is: left
$PWD/$own: nothing says whose it is: left"
	assert_equal "$stderr" ""
	[ -e "$a.snap" ] && [ -e "$own.snap" ] && [ -e state/other.state ]
	run -0 --separate-stderr pool-status --prune -q
	assert_output ""
	exec 7<&-
	run -0 --separate-stderr pool-status --prune -q
	assert_output "$PWD/$a: '$PWD/a.json' is gone: 2 files removed"
}

@test "--prune goes through a folder that is safe" {
	write_gone a
	run -2 --separate-stderr pool-status --prune -s state/a-*.state
	assert_regex "$stderr" "^pool-status: --prune goes through a folder: 'state/a-.*' is none\$"
	POOL_STATE=missing run -2 --separate-stderr pool-status --prune
	assert_equal "$stderr" "pool-status: --prune goes through a folder: 'missing' is not there"
	run -2 --separate-stderr pool-status --prune pool.json
	assert_equal "$stderr" "pool-status: --prune is about a folder of states, not about a pool file"
	run -2 --separate-stderr pool-status --dry-run pool.json
	assert_equal "$stderr" "pool-status: --dry-run goes with --prune"
	run -0 --separate-stderr pool-status --prune -s none/
	assert_output ""
	chmod 777 state
	run -3 --separate-stderr pool-status --prune
	assert_output ""
	assert_regex "$stderr" "^pool-status: state folder '$PWD/state' is unsafe"
	[ -e state/a-*.state ]
}

@test "--prune says what it may not remove" {
	[ "$(id -u)" -eq 0 ] || skip "only root can be somebody else"
	require_tool setpriv
	open=$(mktemp -d /tmp/pool-prune.XXXXXX)
	chmod 755 "$open"
	mkdir "$open/state"
	chgrp 4242 "$open/state"
	chmod 3770 "$open/state"
	cp "$POOL_BIN/pool-status" "$open"
	write_pool "$open/a.json" '{"proxies": ["http://127.0.0.1:1"]}'
	pool-select -q -s "$open/state/" "$open/a.json" >out
	rm "$open/a.json"
	a=$(echo "$open"/state/a-*.state)
	run -4 --separate-stderr setpriv --reuid=4001 --regid=4001 --groups 4242 "$open/pool-status" \
		--prune -s "$open/state/"
	assert_output ""
	assert_equal "$stderr" "pool-status: cannot remove '$a': Operation not permitted"
	run -0 --separate-stderr pool-status --prune -s "$open/state/"
	assert_output "$a: '$open/a.json' is gone: 2 files removed"
	rm -r "$open"
}

@test "-q prints only what is not as it should be" {
	write_three
	pool-check -q pool.json
	run -0 --separate-stderr pool-status -q pool.json
	refute_line --regexp '^(a|c) '
	assert_line --regexp '^b +unhealthy '
	assert_line --regexp '^default.http: 1 of 2 eligible'
	run -0 --separate-stderr pool-status -q --only a pool.json
	assert_output ""
	assert_equal "$stderr" ""
}

@test "-v says why of each proxy" {
	write_three
	pool-check -q pool.json
	run -0 pool-status -v pool.json
	assert_line --index 0 --regexp 'CHECKED  WHY$'
	assert_line --regexp "^b .* nothing listens at the proxy's address$"
	assert_line --regexp "^c .* enabled is false in the pool file$"
}

@test "what excludes each other is a usage error" {
	write_two
	run -2 --separate-stderr pool-status --history --names pool.json
	assert_output ""
	assert_equal "$stderr" "pool-status: --plugin, --watch, --history, --names, --verify, --repair \
and --prune exclude each other"
	run -2 --separate-stderr pool-status --verify --format json pool.json
	assert_equal "$stderr" "pool-status: --names, --verify, --repair and --prune have no --format"
	run -2 --separate-stderr pool-status --history --quorum 1 pool.json
	assert_regex "$stderr" "^pool-status: --quorum goes with "
	run -2 --separate-stderr pool-status --histroy
	assert_equal "$stderr" "pool-status: unknown option '--histroy'; did you mean '--history'?"
}

@test "output that cannot be written is status 4" {
	write_two
	run -4 --separate-stderr bash -c 'pool-status pool.json >/dev/full'
	assert_regex "$stderr" 'cannot write standard output'
	run -4 --separate-stderr bash -c 'timeout 20 pool-status --watch=1 pool.json >/dev/full'
	assert_regex "$stderr" 'cannot write standard output'
}

@test "colours are for terminals, and not under NO_COLOR" {
	require_tool script
	write_three
	pool-check -q pool.json
	export TERM=xterm
	run -0 script -qec "pool-status pool.json" /dev/null
	assert_regex "$output" $'\033\[32mhealthy\033\[0m'
	NO_COLOR=1 run -0 script -qec "pool-status pool.json" /dev/null
	refute_regex "$output" $'\033\[3'
}
