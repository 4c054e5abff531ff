# pool-report, in the order of its manual page.

load ../lib

setup() {
	pool_setup
	report=$POOL_BIN/pool-report
	write_pool pool.json '{"proxies": [
		{"name": "tokyo", "url": "http://mira:S3CRETpw@127.0.0.1:8001"},
		{"name": "lima", "url": "http://127.0.0.1:8002"}],
		"breaker": {"failure_threshold": 2, "open_seconds": 300, "max_open_seconds": 3000}}'
	write_pool two.json '{"enabled": true,
		"default": {"http": {"pool": ["http://127.0.0.1:8001", "http://127.0.0.1:8002"]}},
		"exchanges": {"binance": {
			"http": {"pool": ["http://127.0.0.1:8001", "http://127.0.0.1:8002"]},
			"websocket": {"pool": [{"name": "ws", "url": "http://127.0.0.1:8003"}]}}}}'
}

teardown() {
	pool_teardown
}

# What --explain says of a proxy: explained NAME [OPTION...]
explained() {
	local name=$1
	shift

	pool-select --explain --dry-run "$@" 2>&1 >answer |
		sed -nE "s/^[* ] $name +([a-z].*)/\1/p" | tr -s ' '
}

status_of() {
	explained "$@" | cut -d' ' -f1
}

# A lease of NAME in LEASE.
take_lease() {
	local name=$1 others
	shift

	[ "$name" = tokyo ] && others=lima || others=tokyo
	LEASE=$(pool-select --lease --ttl 600 --exclude "$others" --format '%{lease}' "$@")
	[[ $LEASE =~ ^[0-9a-f]{16}$ ]]
}

# report STATUS ARGUMENT...: which says nothing but why not
report() {
	local expected=$1
	shift

	run "-$expected" --separate-stderr "$report" "$@"
	assert_output ""
}

# usage TEXT ARGUMENT...
usage() {
	local text=$1
	shift

	report 2 "$@"
	assert_equal "$stderr" "pool-report: $text"
}

# --- leases ----------------------------------------------------------------------------------------

@test "ok ends the lease, and the proxy is healthy" {
	take_lease tokyo
	assert_regex "$(explained tokyo)" "^unknown leases 1 "
	report 0 "$LEASE" ok
	assert_equal "$stderr" ""
	assert_regex "$(explained tokyo)" "^healthy leases 0 "
	assert_regex "$(explained lima)" "^unknown leases 0 "
}

@test "fail ends the lease, and counts" {
	for leases in 1 2; do
		take_lease tokyo
		report 0 "$LEASE" fail
		assert_equal "$stderr" ""
	done
	assert_regex "$(explained tokyo)" "^unhealthy leases 0 "
	assert_regex "$(explained tokyo)" "a user of the proxy reported a failure"
}

@test "done ends the lease, and counts nothing" {
	take_lease tokyo
	report 0 -v "$LEASE" done
	assert_equal "$stderr" "pool-report: tokyo of default.http: lease $LEASE ended"
	assert_regex "$(explained tokyo)" "^unknown leases 0 "
}

@test "a lease that was reported is not counted again" {
	take_lease tokyo
	report 0 "$LEASE" fail
	for word in fail ok done fail; do
		report 0 "$LEASE" "$word"
		assert_equal "$stderr" ""
	done
	report 0 -v "$LEASE" fail
	assert_equal "$stderr" \
		"pool-report: tokyo of default.http: lease $LEASE was reported before; nothing changed"
	assert_equal "$(status_of tokyo)" unknown
}

@test "an unknown lease is a no" {
	report 1 0123456789abcdef ok
	assert_regex "$stderr" "^pool-report: no lease '0123456789abcdef' is known"
	take_lease tokyo
	report 1 "$(tr 0-9a-f 1-9a-f0 <<<"$LEASE")" ok
	assert_regex "$(explained tokyo)" "leases 1 "
}

@test "the lease of a proxy that was removed just ends" {
	take_lease tokyo
	write_pool pool.json '{"proxies": [{"name": "lima", "url": "http://127.0.0.1:8002"}]}'
	report 0 -v "$LEASE" fail
	assert_equal "$stderr" \
		"pool-report: lease $LEASE ended; its proxy is no longer in the pool file"
}

# --- names -----------------------------------------------------------------------------------------

@test "failure_threshold reports in a row make it unhealthy, which a selection sees at once" {
	report 0 -v tokyo fail --reason connect-refused
	assert_equal "$stderr" \
		"pool-report: tokyo of default.http: still unknown (connect-refused)"
	report 0 -v tokyo fail --reason connect-refused
	assert_equal "$stderr" \
		"pool-report: tokyo of default.http: unknown -> unhealthy (connect-refused)"
	for _ in 1 2 3; do
		run -0 pool-select --format '%{name}'
		assert_output lima
	done
	assert_regex "$(explained tokyo)" "nothing listens at the proxy's address"
}

@test "an ok in between begins the row anew" {
	for word in fail ok fail; do
		report 0 tokyo $word
	done
	assert_equal "$(status_of tokyo)" healthy
	report 0 tokyo fail
	assert_equal "$(status_of tokyo)" unhealthy
}

@test "a lease from before the last change decides nothing, unless its stream broke off" {
	for _ in 1 2 3 4; do
		take_lease tokyo
		leases+=("$LEASE")
	done
	report 0 tokyo ok
	report 0 "${leases[0]}" fail --reason closed
	report 0 "${leases[1]}" fail --reason closed
	assert_regex "$(explained tokyo)" "^healthy "
	report 0 "${leases[2]}" fail --reason truncated
	report 0 -v "${leases[3]}" fail --reason truncated
	assert_equal "$stderr" \
		"pool-report: tokyo of default.http: healthy -> unhealthy (truncated)"
}

@test "an unknown name is a no with the nearest" {
	report 1 tokio ok
	assert_equal "$stderr" "pool-report: no proxy is called 'tokio'; did you mean 'tokyo'?"
	report 1 nothing-like-it disable
	assert_equal "$stderr" "pool-report: no proxy is called 'nothing-like-it'"
	report 1 -x binance ws -t http ok -f two.json
	assert_regex "$stderr" "^pool-report: no proxy of 'binance' for http is called 'ws'"
}

@test "a name in several pools wants -x or -t" {
	report 2 -f two.json 127.0.0.1:8001 ok
	assert_regex "$stderr" \
		"^pool-report: '127.0.0.1:8001' is in 2 pools, 'default.http' and 'exchanges.binance.http'"
	report 0 -v -f two.json -x binance 127.0.0.1:8001 ok
	assert_regex "$stderr" "^pool-report: 127.0.0.1:8001 of exchanges.binance.http: unknown -> healthy"
	assert_equal "$(status_of 127.0.0.1:8001 -x binance two.json)" healthy
	assert_equal "$(status_of 127.0.0.1:8001 two.json)" unknown
	report 0 -f two.json ws ok
	assert_equal "$(status_of ws -x binance -t websocket two.json)" healthy
}

@test "an exchange that is nearly one is warned of" {
	report 0 -f two.json -x binanse 127.0.0.1:8001 ok
	assert_equal "$stderr" \
		"pool-report: warning: no exchange is called 'binanse'; did you mean 'binance'?"
	report 0 -q -f two.json -x binanse 127.0.0.1:8001 ok
	assert_equal "$stderr" ""
}

@test "a name that looks like a lease wants -x or -t" {
	write_pool hex.json '{"proxies": [{"name": "0123456789abcdef", "url": "http://127.0.0.1:1"},
		{"name": "0123456789ABCDEF", "url": "http://127.0.0.1:2"}]}'
	report 1 -f hex.json 0123456789abcdef ok
	report 0 -f hex.json -t http 0123456789abcdef ok
	assert_equal "$(status_of 0123456789abcdef hex.json)" healthy
	report 0 -f hex.json 0123456789ABCDEF ok
	report 0 -f hex.json 0123456789abcdef disable
	assert_equal "$(status_of 0123456789abcdef hex.json)" disabled
	usage "'done' ends a lease, 16 digits that pool-select --lease prints: '0123456789abcdef' \
is none with -x or -t" -f hex.json -x default 0123456789abcdef done
}

@test "a URL is no name, and is not shown" {
	for words in "http://mira:S3CRETpw@127.0.0.1:8001 ok" "mira:S3CRETpw@127.0.0.1:8001 ok" \
		"ok http://mira:S3CRETpw@127.0.0.1:8001" "tokyo ok http://mira:S3CRETpw@h:1"; do
		# shellcheck disable=SC2086 # words of a line
		usage "a proxy goes by its name in the pool file, by default host:port, not by a URL" \
			$words
	done
}

# --- commands --------------------------------------------------------------------------------------

@test "disable outlives a good check, an ok, a reset and an edit of the pool file" {
	start_stub http-proxy
	write_pool live.json "{\"proxies\": [{\"name\": \"tokyo\", \"url\": \"http://127.0.0.1:$STUB_PORT\"}]}"
	report 0 -v -f live.json tokyo disable
	assert_equal "$stderr" "pool-report: tokyo: disabled in 1 pool"
	run -1 pool-check live.json
	assert_regex "$output" " tokyo .* disabled +ok "
	report 0 -f live.json tokyo ok
	report 0 -f live.json tokyo reset
	write_pool live.json "{\"strategy\": \"random\", \"proxies\": [
		{\"name\": \"other\", \"url\": \"http://127.0.0.1:8009\"},
		{\"name\": \"tokyo\", \"url\": \"http://127.0.0.1:$STUB_PORT\"}]}"
	assert_equal "$(status_of tokyo live.json)" disabled
	for _ in 1 2 3 4; do
		run -0 pool-select --format '%{name}' live.json
		assert_output other
	done
	report 0 -f live.json tokyo enable
	assert_equal "$stderr" ""
	refute [ "$(status_of tokyo live.json)" = disabled ]
	run -0 pool-select --exclude other --format '%{name}' live.json
	assert_output tokyo
}

# used: who of six selections.
used() {
	local i

	for i in 1 2 3 4 5 6; do
		pool-select "$@" 2>>warnings
	done | sort -u
}

@test "disable outlives the state file, and separately the snapshot with its salt" {
	local good

	write_pool own.json '{"proxies": [{"name": "paris", "url": "http://mira:S3CRETpw@127.0.0.1:1"},
		{"name": "rome", "url": "http://otto:S3CRETpw@127.0.0.1:1"}, "http://127.0.0.1:3"]}'
	pool-report -f own.json -s own.state paris disable
	[ "$(stat -c %a own.state.decisions)" = 600 ]
	run -1 grep -aq -e mira -e S3CRET -e 127 own.state.decisions
	good=$(printf '%s\n' http://127.0.0.1:3 http://otto:S3CRETpw@127.0.0.1:1)
	for at in 4096 8192 12288 16384 0; do
		head -c 200 /dev/urandom | dd of=own.state bs=1 seek=$at conv=notrunc status=none
		assert_equal "$(used -f own.json -s own.state)" "$good"
	done
	pool-status --repair -s own.state own.json >out 2>&1
	assert_equal "$(used -f own.json -s own.state)" "$good"
	assert_equal "$(status_of paris -s own.state own.json)" disabled
	rm own.state.snap
	assert_equal "$(used -f own.json -s own.state)" "$good"
	rm own.state.snap own.state
	assert_equal "$(used -f own.json -s own.state)" "$good"
	assert_equal "$(status_of paris -s own.state own.json)" disabled
	# enabled, it is no longer known
	pool-report -f own.json -s own.state paris enable
	rm own.state
	run -0 used -f own.json -s own.state
	assert_line http://mira:S3CRETpw@127.0.0.1:1
}

@test "what cannot be recorded a second time is recorded, with a warning" {
	pool-report tokyo ok
	state=$(echo "$POOL_STATE"/*.state)
	mkdir "$state.decisions"
	report 0 tokyo disable
	assert_equal "$stderr" "pool-report: warning: it is recorded, but not a second time, for the case that the \
state file is damaged: cannot open '$state.decisions': Is a directory"
	assert_equal "$(status_of tokyo pool.json)" disabled
}

@test "reset forgets failures and rests" {
	report 0 tokyo fail
	report 0 tokyo fail
	report 0 lima fail --status 429 --retry-after 500
	assert_equal "$(status_of tokyo) $(status_of lima)" "unhealthy cooling"
	report 0 -v tokyo reset
	assert_equal "$stderr" "pool-report: tokyo: reset in 1 pool"
	assert_equal "$(status_of tokyo) $(status_of lima)" "unknown cooling"
	# what had been counted is gone, too
	report 0 tokyo fail
	assert_equal "$(status_of tokyo)" unknown
	report 0 --all reset
	assert_equal "$(status_of tokyo) $(status_of lima)" "unknown unknown"
}

@test "a command without -x is about all pools that have the name" {
	report 0 -v -f two.json 127.0.0.1:8001 disable
	assert_equal "$stderr" "pool-report: 127.0.0.1:8001: disabled in 2 pools"
	assert_equal "$(status_of 127.0.0.1:8001 two.json)" disabled
	assert_equal "$(status_of 127.0.0.1:8001 -x binance two.json)" disabled
	assert_equal "$(status_of 127.0.0.1:8002 two.json)" unknown
	report 0 -v -f two.json -x binance 127.0.0.1:8001 enable
	assert_equal "$stderr" "pool-report: 127.0.0.1:8001: enabled in 1 pool"
	assert_equal "$(status_of 127.0.0.1:8001 two.json)" disabled
	assert_equal "$(status_of 127.0.0.1:8001 -x binance two.json)" unknown
}

@test "--all is about every proxy, with -x and -t of those pools" {
	report 0 -v -f two.json --all disable
	assert_equal "$stderr" "pool-report: 5 proxies disabled"
	run -1 --separate-stderr pool-select two.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
	report 0 -v -f two.json -x binance -t websocket enable --all
	assert_equal "$stderr" "pool-report: 1 proxy enabled"
	assert_equal "$(status_of ws -x binance -t websocket two.json)" unknown
	assert_equal "$(status_of 127.0.0.1:8001 -x binance two.json)" disabled
	report 0 -v -f two.json -x binance --all enable
	assert_equal "$stderr" "pool-report: 3 proxies enabled"
	assert_equal "$(status_of 127.0.0.1:8001 -x binance two.json)" unknown
	assert_equal "$(status_of 127.0.0.1:8001 two.json)" disabled
}

@test "--all is for commands" {
	usage "--all goes with disable, enable and reset: a report is about one lease or proxy" \
		--all ok
	usage "what is 'disable'? --all is about every proxy" --all tokyo disable
	usage "what is to be reported: ok, fail, done, disable, enable or reset?" --all
}

# --- files -----------------------------------------------------------------------------------------

@test "-f and -s name the files" {
	unset POOL_STATE
	mv pool.json other.json
	report 3 tokyo ok
	assert_regex "$stderr" "^pool-report: no pool file: give one with -f FILE"
	report 0 -f other.json -s own.state tokyo ok
	assert_equal "$(status_of tokyo -s own.state other.json)" healthy
	report 0 --file=other.json --state=own.state tokyo disable
	assert_equal "$(status_of tokyo -s own.state other.json)" disabled
}

@test "what cannot be stored is status 3" {
	report 3 -f - tokyo ok <pool.json
	assert_regex "$stderr" "^pool-report: "
	report 3 -f missing.json tokyo ok
	assert_equal "$stderr" \
		"pool-report: cannot read pool file 'missing.json': No such file or directory"
	echo "a letter to my aunt, which is longer than a magic number" >letter
	report 3 -s letter tokyo ok
	assert_equal "$stderr" "pool-report: 'letter' is not a state file: left alone \
('pool-status --repair -s letter $PWD/pool.json' keeps a copy and begins it anew)"
	pool-select -f two.json -s two.state >answer
	report 3 -s two.state tokyo disable
	assert_regex "$stderr" "belongs to the pool file '$PWD/two.json'"
	write_pool bad.json '{"proxies": 5}'
	report 3 -f bad.json tokyo ok
}

@test "a state file that cannot grow is status 4, a full disk too" {
	# standard error of a test is a file, which could not grow either
	run -4 --separate-stderr bash -o pipefail -c \
		'{ ulimit -f 0; pool-report tokyo ok 2>&1 >/dev/null; } | cat'
	assert_regex "$output" "^pool-report: cannot .*: File too large$"
	assert_equal "$stderr" ""
	run -4 --separate-stderr bash -c 'pool-report --help >/dev/full'
	assert_equal "$stderr" \
		"pool-report: cannot write standard output: No space left on device"
}

@test "a lock that somebody holds is status 5" {
	require_tool flock
	pool-select -s own.state >answer
	run -5 --separate-stderr flock own.state "$report" -s own.state tokyo ok
	assert_output ""
	assert_regex "$stderr" "^pool-report: state file 'own.state' is locked "
}

# --- evidence --------------------------------------------------------------------------------------

@test "429 with --retry-after rests it that long, in that pool only" {
	report 0 -v -f two.json -x binance 127.0.0.1:8001 fail --status 429 --retry-after 500
	assert_equal "$stderr" "pool-report: 127.0.0.1:8001 of exchanges.binance.http: \
unknown -> cooling (limited)"
	assert_regex "$(explained 127.0.0.1:8001 -x binance two.json)" "rests for (49[0-9]|500) s"
	assert_equal "$(status_of 127.0.0.1:8001 two.json)" unknown
	for _ in 1 2 3; do
		run -0 pool-select -x binance --format hostport two.json
		assert_output 127.0.0.1:8002
	done
}

@test "a rest is never shortened, and never longer than max_seconds" {
	report 0 tokyo fail --status 429 --retry-after 500
	report 0 tokyo fail --status 429 --retry-after 5
	report 0 tokyo fail --status 429
	assert_regex "$(explained tokyo)" "rests for (49[0-9]|500) s"
	report 0 tokyo fail --status 429 --retry-after 99999999999
	assert_regex "$(explained tokyo)" "rests for (2591[0-9][0-9]|259200) s"
	report 0 lima fail --reason limited
	assert_regex "$(explained lima)" "rests for (5[0-9]|60) s"
}

@test "--retry-after takes an HTTP date, and an empty one is none" {
	report 0 tokyo fail --status 429 \
		--retry-after "$(date -u -d '+1000 seconds' '+%a, %d %b %Y %H:%M:%S GMT')"
	assert_regex "$(explained tokyo)" "rests for (9[0-9][0-9]|1000) s"
	report 0 lima fail --status 418 --retry-after ""
	assert_regex "$(explained lima)" "rests for (5[0-9]|60) s"
	report 0 lima ok --retry-after ""
}

# http_date SECONDS: that far from $now, when the test began
http_date() {
	date -u -d "@$((now + $1))" '+%a, %d %b %Y %H:%M:%S GMT'
}

@test "a Retry-After that cannot be read is a warning, and the report is recorded without it" {
	local value

	for value in 0.493 -1 1.5 +3 120junk "5, 5" soon " " "Wed, 21 Oct 99999999 07:28:00 GMT" \
		"2026-12-01T00:00:00Z"; do
		report 0 --all reset
		take_lease tokyo
		report 0 "$LEASE" --from-curl-exit 0 --status 429 --retry-after "$value"
		assert_equal "$stderr" "pool-report: warning: Retry-After '$value' is neither seconds \
nor an HTTP date, and counts as none"
		assert_regex "$(explained tokyo)" "^cooling leases 0 .*rests for (5[0-9]|60) s"
	done
	report 0 -q lima fail --status 429 --retry-after soon
	assert_equal "$stderr" ""
	assert_regex "$(explained lima)" "rests for (5[0-9]|60) s"
	# what a target writes does nothing to a terminal, and is not shown for ever
	report 0 lima fail --status 429 --retry-after $'\e[31mred'
	refute_regex "$stderr" $'\e'
	report 0 lima fail --status 429 --retry-after "$(printf '%09999d' 0)x"
	[ "${#stderr}" -lt 300 ]
}

@test "a Retry-After that is a date counts from --date, and a past one is none" {
	local skew now=$EPOCHSECONDS

	for skew in -3600 3600; do
		report 0 --all reset
		report 0 tokyo fail --status 429 --retry-after "$(http_date $((skew + 30)))" \
			--date "$(http_date "$skew")"
		assert_equal "$stderr" ""
		assert_regex "$(explained tokyo)" "rests for (2[0-9]|30) s"
	done
	report 0 --all reset
	# whatever their order
	report 0 lima fail --date "$(http_date 3600)" --status 429 \
		--retry-after "$(http_date 3630)"
	assert_regex "$(explained lima)" "rests for (2[0-9]|30) s"
	report 0 tokyo fail --status 429 --retry-after "$(http_date -10)"
	assert_regex "$(explained tokyo)" "rests for (5[0-9]|60) s"
	report 0 --all reset
	report 0 tokyo fail --status 429 --retry-after "$(http_date 10)" --date "$(http_date 20)"
	assert_regex "$(explained tokyo)" "rests for (5[0-9]|60) s"
	# without one that can be read, by the clock of this machine
	report 0 --all reset
	report 0 tokyo fail --status 429 --retry-after "$(http_date 1000)" --date yesterday
	assert_equal "$stderr" "pool-report: warning: Date 'yesterday' is no HTTP date: this \
machine's clock counts instead"
	assert_regex "$(explained tokyo)" "rests for (9[0-9][0-9]|1000) s"
	report 0 lima fail --status 429 --retry-after "$(http_date 1000)" --date ""
	assert_regex "$(explained lima)" "rests for (9[0-9][0-9]|1000) s"
	# seconds need no clock
	report 0 --all reset
	report 0 tokyo fail --status 429 --retry-after 500 --date "$(http_date -9000)"
	assert_regex "$(explained tokyo)" "rests for (49[0-9]|500) s"
	report 0 tokyo ok --retry-after "" --date "$(http_date 0)"
}

@test "an HTTP status decides before the word does" {
	report 0 -v tokyo ok --status 429
	assert_regex "$stderr" "unknown -> cooling \(limited\)$"
	report 0 lima ok --status 403
	report 0 -v lima ok --status 451
	assert_regex "$stderr" "unknown -> unhealthy \(blocked\)$"
	assert_regex "$(explained lima)" "the target turns this proxy away"
	report 0 --all reset
	report 0 -v lima ok --status 500
	assert_regex "$stderr" "unknown -> healthy \(ok\)$"
	report 0 -v lima fail --status 500
	assert_regex "$stderr" "still healthy \(status\)$"
	report 0 -v tokyo fail --status 407
	assert_regex "$stderr" "\(authentication\)$"
	report 0 -v tokyo fail --status 000
	assert_regex "$stderr" "\(reported\)$"
	# some targets answer what no standard knows
	report 0 -v tokyo ok --status 999
	assert_regex "$stderr" "\(ok\)$"
	for code in 99 1000 -1 2xx ""; do
		usage "--status wants an HTTP status from 100 to 999, not '$code'" tokyo ok --status "$code"
	done
}

@test "--latency-ms is what least_latency goes by" {
	report 0 tokyo ok --latency-ms 900
	report 0 lima ok --latency-ms 20
	for _ in 1 2 3 4; do
		run -0 pool-select --strategy least_latency --format '%{name}'
		assert_output lima
	done
	usage "--latency-ms wants a whole number from 0 to 86400000, not '0.5'" lima ok --latency-ms 0.5
}

@test "--reason takes the words of the reason table" {
	report 0 -v tokyo fail --reason tls-verify
	assert_regex "$stderr" "\(tls-verify\)$"
	report 0 tokyo ok --reason ok
	# it decides before the status does, unless that says more
	while read -r reason code expected; do
		report 0 --all reset
		report 0 -v tokyo fail --reason "$reason" --status "$code"
		assert_regex "$reason $code: $stderr" "\($expected\)$"
	done <<-'END'
		tls 200 tls
		tls 502 tls
		tls 429 limited
		reset 429 limited
		reset 403 blocked
		truncated 407 authentication
		denied 403 denied
		denied 429 limited
		limited 403 limited
		blocked 407 blocked
		authentication 403 authentication
	END
	usage "--reason wants a word of REASONS in pool-report(1), not 'tsl'; did you mean 'tls'?" \
		tokyo fail --reason tsl
	for word in none person; do
		report 2 tokyo fail --reason $word
		assert_regex "$stderr" "^pool-report: --reason wants a word of REASONS in pool-report\(1\), not '$word'"
	done
}

@test "what is nobody's fault counts, and no more" {
	for _ in 1 2 3; do
		report 0 -v tokyo fail --reason no-route
		assert_regex "$stderr" "still unknown \(no-route\)$"
	done
}

@test "the manual lists each reason, and each of them is taken" {
	sed -nE '/^\.Sh REASONS/,/^\.Sh ENV/s/^\.It Cm //p' "$SOURCE_DIR/man/pool-report.1" |
		sort >page
	sed -nE 's/.*\[POOL_REASON_[A-Z_]+\] = \{"([a-z-]+)".*/\1/p' "$SOURCE_DIR/lib/health/reason.c" |
		grep -vxE 'none|person|ok' | sort >table
	[ "$(wc -l <table)" -ge 30 ]
	diff -u table page
	while IFS= read -r word; do
		report 0 tokyo fail --reason "$word"
		grep -qE "[ (']$word([ )']|\$)" "$SOURCE_DIR/completions/pool-report.bash" ||
			grep -qE "^[[:blank:]]*$word([ ']|\$)" "$SOURCE_DIR/completions/pool-report.bash"
	done <table
}

@test "--from-curl-exit stands for the word and the reason" {
	while read -r exit expected; do
		report 0 --all reset
		report 0 -v tokyo --from-curl-exit "$exit"
		assert_regex "$stderr" "\($expected\)$"
	done <<-'END'
		0 ok
		5 proxy-name
		6 target-name
		7 connect-refused
		28 response-timeout
		52 empty-answer
		56 reset
		60 tls-verify
		97 proxy-failed
	END
	report 0 tokyo ok --from-curl-exit 0
	report 0 tokyo fail --from-curl-exit 7
	usage "--from-curl-exit wants a whole number from 0 to 255, not '256'" tokyo --from-curl-exit 256
}

@test "curl's 5 and 7 blame no proxy for a lack of routes or name servers of this machine" {
	require_namespaces -rn
	away() { report 0 -v "$@"; }
	report=$PWD/away
	printf '%s\n' '#!/bin/sh' 'exec unshare -rn pool-report "$@"' >away
	chmod +x away
	write_pool pool.json '{"breaker": {"failure_threshold": 1}, "proxies": [
		{"name": "tokyo", "url": "http://mira:${SECRET}@192.0.2.1:8080"},
		{"name": "lima", "url": "socks5h://lima.pool.test:1080"}]}'
	export SECRET=S3CRETpw
	away tokyo --from-curl-exit 7
	assert_equal "$stderr" "pool-report: tokyo of default.http: still unknown (no-route)"
	take_lease tokyo
	away "$LEASE" --from-curl-exit 7
	assert_equal "$stderr" "pool-report: tokyo of default.http: still unknown (no-route)"
	away "$LEASE" --from-curl-exit 7
	assert_regex "$stderr" "was reported before; nothing changed$"
	for exit in 5 6; do
		away lima --from-curl-exit "$exit"
		assert_equal "$stderr" "pool-report: lima of default.http: still unknown (no-resolver)"
	done
	# what is said in words, or by an answer, is taken at its word
	away tokyo fail --reason connect-refused
	assert_equal "$stderr" "pool-report: tokyo of default.http: unknown -> unhealthy (connect-refused)"
	report 1 sydney --from-curl-exit 7
	assert_regex "$stderr" "no proxy is called 'sydney'"
}

@test "what curl says and what the word says must agree" {
	usage "--from-curl-exit 7 contradicts 'ok': it says that nothing listens at the proxy's address" \
		tokyo ok --from-curl-exit 7
	usage "--from-curl-exit 0 contradicts 'fail': it says that it works" \
		tokyo fail --from-curl-exit 0
}

@test "an exit status of curl's that says nothing ends the lease without evidence" {
	for exit in 22 23 2 255; do
		take_lease tokyo
		report 0 -v "$LEASE" --from-curl-exit $exit
		assert_equal "$stderr" "pool-report: tokyo of default.http: lease $LEASE ended: \
curl's exit status says nothing about the proxy"
		assert_regex "$(explained tokyo)" "^unknown leases 0 "
	done
	report 0 tokyo --from-curl-exit 23
	assert_equal "$stderr" ""
	report 0 -v tokyo --from-curl-exit 23
	assert_equal "$stderr" "pool-report: tokyo: curl's exit status says nothing about the proxy; \
nothing recorded"
	# but what else is known is taken
	report 0 -v tokyo fail --from-curl-exit 23
	assert_regex "$stderr" "\(reported\)$"
	report 0 -v tokyo ok --from-curl-exit 23
	assert_regex "$stderr" "\(ok\)$"
}

@test "with --status the answer decides for 22" {
	while read -r code expected; do
		report 0 --all reset
		report 0 -v tokyo --from-curl-exit 22 --status "$code"
		assert_regex "$stderr" "\($expected\)$"
	done <<-'END'
		429 limited
		403 blocked
		407 authentication
		404 ok
		503 ok
	END
	report 0 -v tokyo --from-curl-exit 0 --status 429 --retry-after 7
	assert_regex "$stderr" "\(limited\)$"
	# whatever became of the answer
	for exit in 18 28 52 56 92; do
		while read -r code expected; do
			report 0 --all reset
			report 0 -v tokyo --from-curl-exit $exit --status "$code"
			assert_regex "$exit: $stderr" "\($expected\)$"
		done <<-'END'
			429 limited
			451 blocked
			407 authentication
		END
	done
	report 0 -v tokyo --from-curl-exit 7 --status 000 --retry-after ""
	assert_regex "$stderr" "\(connect-refused\)$"
}

@test "options that make no sense together are told in a sentence" {
	for option in "--status 200" "--retry-after 5" "--date x" "--latency-ms 5" "--reason tls" \
		"--from-curl-exit 0"; do
		for verb in disable enable reset; do
			# shellcheck disable=SC2086 # an option and its value
			usage "${option% *} goes with ok and fail, not with '$verb'" tokyo $verb $option
		done
		# shellcheck disable=SC2086 # an option and its value
		usage "${option% *} goes with ok and fail, not with 'done'" 0123456789abcdef done $option
	done
	usage "--reason and --from-curl-exit say the same thing: give one" \
		tokyo fail --reason tls --from-curl-exit 35
	usage "--retry-after goes with --status or --reason limited" tokyo fail --retry-after 5
	usage "--date goes with --retry-after" tokyo fail --status 429 --date x
	usage "--reason tls contradicts 'ok'" tokyo ok --reason tls
	usage "--reason ok contradicts 'fail'" tokyo fail --reason ok
	usage "'done' ends a lease, 16 digits that pool-select --lease prints: 'tokyo' is none" tokyo done
}

@test "operands that are missing, wrong or too many are told" {
	usage "which lease or proxy is it about? try 'pool-report --help'"
	usage "what is to be reported: ok, fail, done, disable, enable or reset?" tokyo
	usage "what is reported wants ok, fail, done, disable, enable or reset, not 'fial'; did you mean 'fail'?" \
		tokyo fial
	usage "what is 'lima'?" tokyo ok lima
	usage "unknown option '--retry-afer'; did you mean '--retry-after'?" tokyo ok --retry-afer 5
	usage "unknown option '--no-state'; did you mean '--state'?" --no-state tokyo ok
}

# --- messages --------------------------------------------------------------------------------------

@test "with --log-format json -v has reason, layer and advice" {
	require_tool python3
	report 0 -v --log-format json tokyo fail --reason connect-refused
	run -0 python3 -c '
import json, sys
note = json.loads(sys.argv[1])
print(note["level"], note["tool"], note["reason"], note["layer"], note["message"], sep="|")
print(note["advice"])' "$stderr"
	assert_output "note|pool-report|connect-refused|connect|tokyo of default.http: still unknown \
(connect-refused)
check that the proxy runs, and its port"
	report 1 --log-format json tokio ok
	assert_regex "$stderr" '"error":"unknown","status":1}$'
}

@test "no message shows a user name or a password" {
	for words in "tokyo ok" "tokyo fail" "tokio ok" "tokyo disable" "--all reset"; do
		# shellcheck disable=SC2086 # words of a line
		run --separate-stderr "$report" -v $words
		[[ $output$stderr != *S3CRETpw* && $output$stderr != *mira* ]]
	done
}

@test "the empty lease of a selection without state is a no that says so" {
	report 1 "" ok
	assert_equal "$stderr" "pool-report: the lease is empty: the selection had none, and said \
why; nothing recorded"
	report 1 "" --from-curl-exit 7
	assert_regex "$stderr" "^pool-report: the lease is empty"
	report 1 "" disable
	assert_equal "$stderr" "pool-report: no proxy is called ''"
}
