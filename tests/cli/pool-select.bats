# pool-select, in the order of its manual page.

load ../lib

setup() {
	pool_setup
	select=$POOL_BIN/pool-select
	write_pool pool.json '{"proxies": [
		"http://127.0.0.1:8001",
		{"url": "http://mira:S3CRETpw@127.0.0.1:8002", "name": "second"},
		"socks5://127.0.0.1:8003"]}'
}

teardown() {
	pool_teardown
}

# With an exchange of its own, one that hides the default, one disabled.
write_exchanges() {
	write_pool exchanges.json '{"enabled": true,
		"default": {"http": {"url": "http://127.0.0.1:8001"}},
		"exchanges": {
			"binance": {"http": "http://127.0.0.1:8002"},
			"hidden": {"http": {"timeout_seconds": 9}},
			"off": {"http": {"pool": {"proxies": [
				{"url": "http://127.0.0.1:8003", "enabled": false}]}}}}}'
}

@test "the proxies are printed in turn" {
	for url in http://127.0.0.1:8001 http://mira:S3CRETpw@127.0.0.1:8002 \
		socks5://127.0.0.1:8003 http://127.0.0.1:8001; do
		run -0 --separate-stderr "$select" pool.json
		assert_output "$url"
		assert_equal "$stderr" ""
	done
}

@test "the file is an operand, -f, POOL_FILE, or ./pool.json" {
	mv pool.json other.json
	run -0 "$select" other.json
	run -0 "$select" -f other.json
	run -0 "$select" --file=other.json
	POOL_FILE=other.json run -0 "$select"
	run -3 --separate-stderr "$select"
	assert_output "http://error.no-proxy.invalid:9"
	assert_regex "$stderr" "^pool-select: no pool file: give one with -f FILE or \\\$POOL_FILE"
	mv other.json pool.json
	run -0 "$select"
}

@test "a pool.json that others can write is passed over" {
	chmod 666 pool.json
	run -3 --separate-stderr "$select"
	assert_equal "${stderr_lines[0]}" "pool-select: warning: passing over 'pool.json': everybody \
can write it (mode 0666) (chmod go-w it, or name it with -f and --trust-file)"
	run -0 "$select" --trust-file -f pool.json
	chmod go-w pool.json
	run -0 --separate-stderr "$select"
	assert_equal "$stderr" ""
}

@test "standard input is a pool file without state" {
	run -0 --separate-stderr "$select" - <pool.json
	assert_regex "$output" '^(http|socks5)://'
	run -3 --separate-stderr "$select" --require-state - <pool.json
	assert_output "http://error.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: there is no state file"
}

@test "a lease that cannot be had is a warning, also of standard input" {
	run -0 --separate-stderr "$select" --lease --ttl 9 - <pool.json
	refute_regex "$output" ' '
	assert_equal "$stderr" \
		"pool-select: warning: no lease: only a regular file has a state file"
	run -0 --separate-stderr "$select" -q --lease --ttl 9 - <pool.json
	assert_equal "$stderr" ""
}

@test "without a home folder the selection warns that it shares no state" {
	[ "$(id -u)" != 0 ] || chown 65534 pool.json
	unset HOME XDG_STATE_HOME POOL_STATE
	warning="warning: selecting without shared state: there is no home folder to keep that of \
'pool.json' in; give a state file or folder with -s"
	run -0 --separate-stderr "$select" -f pool.json
	assert_regex "$output" '^(http|socks5)://'
	assert_equal "$stderr" "pool-select: $warning"
	run -0 --separate-stderr pool-exec -f pool.json true
	assert_equal "$stderr" "pool-exec: $warning"
	for options in -q --no-state; do
		run -0 --separate-stderr "$select" $options -f pool.json
		assert_equal "$stderr" ""
		run -0 --separate-stderr pool-exec $options -f pool.json true
		assert_equal "$stderr" ""
	done
}

@test "--state names a file or a folder" {
	unset POOL_STATE
	run -0 "$select" -s own.state pool.json
	[ -f own.state ]
	[ -f own.state.snap ]
	mkdir -m 700 folder
	run -0 "$select" -s folder pool.json
	run -0 bash -c 'ls folder | sed "s/-[0-9a-f]\{16\}/-HASH/"'
	assert_output "pool-HASH.state
pool-HASH.state.snap"
}

@test "the state file is private and holds no secret" {
	"$select" -s own.state pool.json
	"$select" -s own.state pool.json
	assert_equal "$(stat -c %a own.state)" 600
	assert_equal "$(stat -c %a own.state.snap)" 600
	run -1 grep -c -e S3CRETpw -e mira own.state
}

@test "--no-state keeps no account" {
	for _ in 1 2 3; do
		run -0 --separate-stderr "$select" --no-state pool.json
		assert_equal "$stderr" ""
	done
	run -0 ls state
	assert_output ""
}

@test "a state file of another pool file is left alone" {
	cp pool.json other.json
	"$select" -s own.state pool.json
	before=$(sha256sum own.state)
	run -0 --separate-stderr "$select" -s own.state other.json
	assert_regex "$output" '^(http|socks5)://'
	assert_regex "$stderr" "selecting without shared state: state file .*own.state' belongs to the pool file '$PWD/pool.json'"
	run -3 --separate-stderr "$select" --require-state -s own.state other.json
	assert_output "http://error.no-proxy.invalid:9"
	assert_equal "$(sha256sum own.state)" "$before"
}

@test "a snapshot of another pool file never serves" {
	write_pool other.json '{"proxies": ["http://127.0.0.1:9"]}'
	write_pool bad.json '{"proxies": ['
	run -0 --separate-stderr "$select" -s o.state other.json
	assert_output "http://127.0.0.1:9"
	before=$(sha256sum o.state o.state.snap)
	run -3 --separate-stderr "$select" -s o.state bad.json
	assert_output "http://error.no-proxy.invalid:9"
	assert_regex "$stderr" '^pool-select: bad.json:[0-9]+:[0-9]+: error: '
	assert_equal "$(sha256sum o.state o.state.snap)" "$before"
}

# edit_within_a_tick SELECT: 0 when an edit that left size, inode and times as they were was in force,
# 2 when there was none, 1 when another proxy was printed. What is not newer than a file that was made
# before both edits has the times of both. Nothing is started within the loop, and ramfs has no finer
# clock for files that somebody looked at.
edit_within_a_tick() {
	local i first second newer

	mkdir -p ram
	mount -t ramfs none ram 2>/dev/null && cd ram
	printf '{"proxies": ["http://127.0.0.1:8"]}' >tick.json
	coproc COPROC { "$1" --serve -s tick.state tick.json; }
	for ((i = 0; i < 2000; i++)); do
		printf '' >mark
		printf '{"proxies": ["http://127.0.0.1:8"]}' >tick.json
		echo - >&"${COPROC[1]}"
		read -r -t 10 first <&"${COPROC[0]}"
		printf '{"proxies": ["http://127.0.0.1:9"]}' >tick.json
		[ tick.json -nt mark ]
		newer=$?
		echo - >&"${COPROC[1]}"
		read -r -t 10 second <&"${COPROC[0]}"
		[ "$first $second" = "http://127.0.0.1:8 http://127.0.0.1:9" ] || return 1
		[ "$newer" -eq 0 ] || return 0
	done
	return 2
}

@test "an edit within the tick of the file system's clock is in force at once" {
	script="$(declare -f edit_within_a_tick); edit_within_a_tick '$select'"
	unshare -rm true 2>/dev/null && in="unshare -rm" || in=
	# shellcheck disable=SC2086
	run --separate-stderr $in bash -c "$script"
	assert_equal "$output$stderr" ""
	[ "$status" -ne 2 ] || skip "the clock ticked in each of 2000 edits"
	[ "$status" -eq 0 ]
}

@test "what is no state file is left alone" {
	echo "a letter to my aunt, which is longer than a magic number" >own.state
	before=$(sha256sum own.state)
	run -0 --separate-stderr "$select" -s own.state pool.json
	assert_equal "$stderr" "pool-select: warning: selecting without shared state: 'own.state' is not a state file: \
left alone ('pool-status --repair -s own.state $PWD/pool.json' keeps a copy and begins it anew)"
	run -3 "$select" --require-state -s own.state pool.json
	assert_equal "$(sha256sum own.state)" "$before"
}

@test "a state file whose version nothing bears out is left alone" {
	"$select" -s own.state pool.json
	printf '\377' | dd of=own.state bs=1 seek=8 conv=notrunc status=none
	before=$(sha256sum own.state)
	run -0 --separate-stderr "$select" -s own.state pool.json
	assert_equal "$stderr" "pool-select: warning: selecting without shared state: a broken header: 'own.state' is not a \
state file: left alone ('pool-status --repair -s own.state $PWD/pool.json' keeps a copy and begins it anew)"
	assert_equal "$(sha256sum own.state)" "$before"
}

@test "a truncated state file is copied and begun anew, with one warning" {
	"$select" -s own.state pool.json
	truncate -s 17000 own.state
	run -0 --separate-stderr "$select" -s own.state pool.json
	assert_equal "$stderr" "pool-select: warning: state file 'own.state' was corrupt: copied to 'own.state.corrupt' \
and begun anew; health, bans, leases and what persons disabled, if anything, are forgotten (there is no second copy)"
	assert_equal "$(head -n 1 own.state.corrupt)" "proxypool: a corrupt state file, which begins behind this line"
	assert_equal "$(tail -n +2 own.state.corrupt | wc -c)" 17000
	run -0 --separate-stderr "$select" -s own.state pool.json
	assert_equal "$stderr" ""
}

@test "a folder that others can write is refused" {
	mkdir open
	chmod 777 open
	run -0 --separate-stderr "$select" -s open/x.state pool.json
	assert_regex "$stderr" "state folder '$PWD/open' is unsafe"
	run -3 "$select" --require-state -s open/x.state pool.json
	[ ! -e open/x.state ]
}

@test "a symbolic link is no state file" {
	ln -s elsewhere own.state
	run -0 --separate-stderr "$select" -s own.state pool.json
	assert_regex "$stderr" "cannot open state file 'own.state': it is a symbolic link, which is not followed\$"
	[ ! -e elsewhere ]
}

@test "a working folder that is gone is called so" {
	local whole=$PWD/pool.json

	mkdir gone
	cd gone
	rmdir "$OLDPWD/gone"
	run -3 --separate-stderr "$select" ../pool.json
	assert_output "http://error.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: cannot find '../pool.json': the working folder is gone"
	run -0 --separate-stderr "$select" -s own.state "$whole"
	assert_output --partial 127.0.0.1
	assert_equal "$stderr" "pool-select: warning: selecting without shared state: \
cannot find 'own.state': the working folder is gone"
	run -3 --separate-stderr "$POOL_BIN/pool-watch" --daemonize -s own.state "$whole" 3>&-
	assert_equal "$stderr" "pool-watch: cannot find 'own.state': the working folder is gone"
}

@test "a lock that is held too long degrades, or is 5" {
	"$select" -s own.state pool.json
	run -0 --separate-stderr flock own.state "$select" -s own.state pool.json
	assert_regex "$stderr" "own.state' is locked \(held by process [0-9]+\): no lock within 1000 ms"
	run -5 --separate-stderr flock own.state "$select" --require-state -s own.state pool.json
	assert_output "http://error.no-proxy.invalid:9"
}

@test "with the lock held by another, what is known is read" {
	start_stub refuse
	write_pool mixed.json "{\"breaker\": {\"open_seconds\": 300}, \"strategy\": \"random\",
		\"proxies\": [\"http://127.0.0.1:$STUB_PORT\", \"http://127.0.0.1:${STUB_PORT}0\"]}"
	sed -i "s/:${STUB_PORT}0/:1/" mixed.json
	"$POOL_BIN/pool-check" -q -s own.state --only "127.0.0.1:$STUB_PORT" mixed.json || true
	exec 9<own.state
	flock 9
	for _ in 1 2 3 4; do
		run -0 --separate-stderr "$select" -s own.state mixed.json
		assert_output "http://127.0.0.1:1"
		assert_regex "$stderr" "is locked"
	done
	exec 9<&-
}

@test "with the lock held by another, a ban holds all the same" {
	start_stub http-proxy --status 429 --retry-after 600
	write_pool banned.json "{\"health_check\": {\"method\": \"http\", \"url\": \"http://t.test/\"},
		\"proxies\": [\"http://127.0.0.1:$STUB_PORT\"]}"
	"$POOL_BIN/pool-check" -q -s own.state banned.json >none || true
	run -1 --separate-stderr "$select" -s own.state banned.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
	exec 9<own.state
	flock 9
	run -1 --separate-stderr "$select" -s own.state banned.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
	assert_regex "$stderr" "is locked"
	exec 9<&-
}

@test "a state that cannot be written is read" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	require_tool setpriv
	# Every folder above must be open to others, as the test's own is not.
	open=$(mktemp -d /tmp/pool-select.XXXXXX)
	chmod 755 "$open"
	install -m 644 pool.json "$open"
	"$select" -s "$open/own.state" "$open/pool.json"
	chmod 644 "$open/own.state"
	run -0 --separate-stderr setpriv --reuid=65534 --clear-groups \
		"$select" -s "$open/own.state" "$open/pool.json"
	rm -rf "$open"
	assert_regex "$output" '^(http|socks5)://'
	assert_equal "$stderr" "pool-select: warning: selecting without shared state: state file '$open/own.state' cannot be written: Permission denied"
}

@test "--exchange and --type lead the lookup; case of ids is folded" {
	write_exchanges
	run -0 "$select" -x BINANCE exchanges.json
	assert_output "http://127.0.0.1:8002"
	run -0 "$select" --exchange okx --type http exchanges.json
	assert_output "http://127.0.0.1:8001"
	run -1 --separate-stderr "$select" -x binance -t ws exchanges.json
	assert_output "http://not-configured.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: no proxy for 'binance' websocket: neither the exchange nor default has a proxy of this type"
	run -2 --separate-stderr "$select" -t grpc exchanges.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: --type wants http or websocket, not 'grpc'"
}

@test "a near miss of an exchange warns" {
	write_exchanges
	run -0 --separate-stderr "$select" -x binanse exchanges.json
	assert_output "http://127.0.0.1:8001"
	assert_equal "$stderr" "pool-select: warning: no exchange is called 'binanse'; did you mean 'binance'?"
}

@test "an entry without url hides the default and goes nowhere" {
	write_exchanges
	run -1 --separate-stderr "$select" -x hidden exchanges.json
	assert_output "http://not-configured.no-proxy.invalid:9"
}

@test "disabled members are never selected" {
	write_exchanges
	run -1 --separate-stderr "$select" -x off exchanges.json
	assert_output "http://all-disabled.no-proxy.invalid:9"
	run -1 "$select" --direct-ok -x off exchanges.json
}

@test "--count prints distinct proxies, and what there is if they are fewer" {
	run -0 --separate-stderr "$select" -n 2 --format hostport pool.json
	assert_output "127.0.0.1:8001
127.0.0.1:8002"
	run -0 --separate-stderr "$select" -n 9 --format '%{name}' pool.json
	assert_equal "$(sort <<<"$output")" "127.0.0.1:8001
127.0.0.1:8003
second"
	assert_equal "$stderr" "pool-select: warning: only 3 of 9 proxies to be had"
	run -2 --separate-stderr "$select" -n 0 pool.json
	assert_equal "$stderr" "pool-select: --count wants a whole number from 1 to 1000000, not '0'"
}

@test "--strategy overrides the pool's" {
	run -0 "$select" --strategy random pool.json
	run -0 "$select" --strategy least_connections pool.json
	run -0 "$select" --strategy least_latency pool.json
	for _ in 1 2 3; do
		run -0 --separate-stderr "$select" --strategy failover pool.json
		assert_output "http://127.0.0.1:8001"
		assert_equal "$stderr" ""
	done
	run -2 --separate-stderr "$select" --strategy round-robin pool.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: --strategy wants round_robin, random, \
least_connections, least_latency, sticky or failover, not 'round-robin'; did you mean 'round_robin'?"
}

# names COUNT OPTION...: the names of so many selections, one a line.
names() {
	local i

	for ((i = 0; i < $1; i++)); do
		"$select" --format '%{name}' "${@:2}" || return
	done
}

@test "least_latency prefers the quicker of two" {
	write_pool quick.json '{"strategy": "least_latency", "proxies": [
		{"name": "slow", "url": "http://127.0.0.1:1"},
		{"name": "quick", "url": "http://127.0.0.1:2"}]}'
	run -0 pool-report -f quick.json slow ok --latency-ms 80
	run -0 pool-report -f quick.json quick ok --latency-ms 20
	run -0 names 8 quick.json
	assert_output "$(printf 'quick\n%.0s' {1..8})"
	# each lease counts: with four of them it is 20 x 5 against 80
	run -0 "$select" -n 1 --exclude slow --lease --owner $$ quick.json
	run -0 "$select" -n 1 --exclude slow --lease --owner $$ quick.json
	run -0 "$select" -n 1 --exclude slow --lease --owner $$ quick.json
	run -0 "$select" -n 1 --exclude slow --lease --owner $$ quick.json
	run -0 names 4 quick.json
	assert_output "$(printf 'slow\n%.0s' {1..4})"
}

@test "failover takes the first in the order of the file" {
	write_pool order.json '{"strategy": "failover", "breaker": {"failure_threshold": 1},
		"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"]}'
	run -0 names 3 order.json
	assert_output "$(printf '127.0.0.1:1\n%.0s' {1..3})"
	run -0 pool-report -f order.json 127.0.0.1:1 fail
	run -0 names 3 order.json
	assert_output "$(printf '127.0.0.1:2\n%.0s' {1..3})"
}

@test "--key: sticky gives a key its proxy each time, and a dead one moves only its own keys" {
	write_pool sticky.json '{"strategy": "sticky", "breaker": {"failure_threshold": 1},
		"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3",
		"http://127.0.0.1:4"]}'
	for key in {1..60}; do
		echo "- - account-$key"
	done >keys
	run -0 --separate-stderr "$select" --serve --format '%{name}' sticky.json <keys
	assert_equal "$stderr" ""
	echo "$output" >before
	run -0 "$select" --serve --format '%{name}' sticky.json <keys
	assert_output "$(cat before)"
	# a copy of the file elsewhere, with no state: the same
	cp sticky.json copy.json
	run -0 "$select" --no-state --serve --format '%{name}' copy.json <keys
	assert_output "$(cat before)"
	assert_equal "$(sort -u before | wc -l)" 4
	run -0 pool-report -f sticky.json 127.0.0.1:3 fail
	run -0 "$select" --serve --format '%{name}' sticky.json <keys
	echo "$output" >after
	assert_equal "$(grep -c '^127.0.0.1:3$' after)" 0
	assert_equal "$(diff before after | grep '^<' | sort -u)" "< 127.0.0.1:3"
	run -0 "$select" --key account-1 --format '%{name}' sticky.json
	assert_output "$(head -n 1 after)"
}

@test "a strategy that chooses by a key wants one" {
	write_pool sticky.json '{"strategy": "sticky", "proxies": ["http://127.0.0.1:1"]}'
	run -2 --separate-stderr "$select" sticky.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" \
		"pool-select: the strategy 'sticky' of 'default.http' needs a key (--key)"
}

@test "--strict gives the key's own proxy or none" {
	write_pool sticky.json '{"strategy": "sticky", "breaker": {"failure_threshold": 1},
		"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}'
	run -0 "$select" --key k --strict --format '%{name}' sticky.json
	own=$output
	run -0 pool-report -f sticky.json "$own" fail
	run -1 --separate-stderr "$select" --key k --strict sticky.json
	assert_output "http://strict.no-proxy.invalid:9"
	assert_regex "$stderr" "^pool-select: no proxy for 'default' http in default.http: the proxy of \
this key is unhealthy, for [0-9]+ s more, and --strict moves to no other; --wait SECONDS waits for one; pool-status says why$"
	run -1 --separate-stderr "$select" --key k --strict --explain sticky.json
	assert_regex "$stderr" "$own +unhealthy .* not used for"
	run -0 --separate-stderr "$select" --key k --format '%{name}' sticky.json
	[ "$output" != "$own" ]
	run -0 pool-report -f sticky.json "$own" reset
	run -0 "$select" --key k --strict --format '%{name}' sticky.json
	assert_output "$own"
}

@test "--strict wants a key, sticky, and one proxy" {
	run -2 --separate-stderr "$select" --strict --strategy sticky pool.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: --strict needs --key: whose proxy is it?"
	run -2 --separate-stderr "$select" --strict --key k pool.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: 'round_robin' of 'default.http' gives no key a \
proxy of its own: strict goes with sticky"
	run -2 --separate-stderr "$select" --strict --key k --strategy sticky -n 2 pool.json
	assert_equal "$stderr" \
		"pool-select: --strict wants the key's own proxy, which is one: no --count above 1"
}

@test "rollout_percent is exact over any 100 selections" {
	write_pool part.json '{"enabled": true, "default": {"http": {
		"url": "http://127.0.0.1:9", "rollout_percent": 30,
		"pool": {"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}}}}'
	yes - 2>/dev/null | head -n 250 | "$select" --serve part.json >answers
	# what goes to the url is counted with the rest, and is no fallback
	run -0 pool-status --format json part.json
	assert_output --regexp '"selections":[[:space:]]*250,[[:space:]]*"fallbacks":[[:space:]]*0,'
	for first in 1 2 50 99 151; do
		run -0 bash -c "tail -n +$first answers | head -n 100 | grep -vc ':9$'"
		assert_output 30
	done
}

@test "who waits takes one turn of rollout_percent" {
	write_pool part.json '{"enabled": true, "default": {"http": {
		"url": "socks5://127.0.0.1:9", "rollout_percent": 1,
		"pool": {"limits": {"max_connections": 1}, "proxies": ["http://127.0.0.1:1"]}}}}'
	sleep 60 3>&- &
	owner=$!
	# the url is not asked for: this one is the pool's, and so are its many looks
	run -0 "$select" --scheme http --lease --owner $owner part.json
	run -1 --separate-stderr "$select" --scheme http --wait 1 part.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
	kill $owner
	wait $owner || true
	# two turns are taken: the hundredth of all is the pool's
	yes - 2>/dev/null | head -n 98 | "$select" --serve part.json >answers
	run -0 grep -n 'http://127.0.0.1:1$' answers
	assert_output "98:http://127.0.0.1:1"
}

@test "with --key a key always is on the same side of rollout_percent" {
	write_pool part.json '{"enabled": true, "default": {"http": {
		"url": "http://127.0.0.1:9", "rollout_percent": 30,
		"pool": {"proxies": ["http://127.0.0.1:1"]}}}}'
	for key in {1..1000}; do
		echo "- - key-$key"
	done >keys
	run -0 "$select" --serve part.json <keys
	echo "$output" >before
	run -0 "$select" --serve --no-state part.json <keys
	assert_output "$(cat before)"
	inside=$(grep -c ':1$' before)
	[ "$inside" -gt 240 ]
	[ "$inside" -lt 360 ]
	# more of them: whoever was in stays in
	sed 's/: 30/: 60/' part.json >more.json
	run -0 "$select" --serve --no-state more.json <keys
	echo "$output" >after
	assert_equal "$(paste before after | grep -c ':1.*:9$')" 0
	[ "$(grep -c ':1$' after)" -gt 540 ]
}

@test "--cost is charged to a budget, which no fallback overrides" {
	write_pool budget.json '{"limits": {"requests": 10, "per_seconds": 3600},
		"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}'
	run -0 "$select" --cost 7 budget.json
	assert_output http://127.0.0.1:1
	run -0 "$select" --cost 7 budget.json
	assert_output http://127.0.0.1:2
	run -1 --separate-stderr "$select" --cost 4 budget.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
	run -1 --separate-stderr "$select" --cost 4 --explain budget.json
	assert_regex "$stderr" \
		'127.0.0.1:1 .* its budget of 10 requests in 3600 s is spent: waits [0-9]{3,4}\.[0-9] s'
	run -0 "$select" -n 2 --cost 2 budget.json
	assert_output "http://127.0.0.1:1
http://127.0.0.1:2"
	run -0 "$select" budget.json
	run -0 "$select" budget.json
	run -1 --separate-stderr "$select" budget.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
	run -2 --separate-stderr "$select" --cost 11 budget.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: a cost of 11 is more than the 10 requests that \
'default.http' allows a proxy in 3600 s"
}

@test "--dry-run spends nothing of a budget" {
	write_pool budget.json '{"limits": {"requests": 1, "per_seconds": 3600},
		"proxies": ["http://127.0.0.1:1"]}'
	run -0 "$select" --dry-run budget.json
	run -0 "$select" --dry-run budget.json
	run -0 "$select" budget.json
	run -1 "$select" --dry-run budget.json
}

@test "a budget is kept through an edit" {
	write_pool budget.json '{"limits": {"requests": 3, "per_seconds": 3600},
		"proxies": ["http://127.0.0.1:1"]}'
	run -0 "$select" --cost 3 budget.json
	write_pool budget.json '{"limits": {"requests": 3, "per_seconds": 3600},
		"proxies": ["http://127.0.0.1:2", "http://127.0.0.1:1"]}'
	run -0 names 3 budget.json
	assert_output "$(printf '127.0.0.1:2\n%.0s' {1..3})"
	run -1 "$select" budget.json
}

@test "--wait waits for a lease to end" {
	write_pool one.json '{"limits": {"max_connections": 1}, "proxies": ["http://127.0.0.1:1"]}'
	sleep 60 3>&- &
	owner=$!
	run -0 "$select" --lease --owner $owner one.json
	run -1 --separate-stderr "$select" --wait 0 one.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
	"$select" --wait 30 one.json >answer &
	waiting=$!
	kill $owner
	wait $owner || true
	wait $waiting
	run -0 cat answer
	assert_output http://127.0.0.1:1
}

@test "--wait waits for a budget, and for no longer than it says" {
	write_pool budget.json '{"limits": {"requests": 2, "per_seconds": 1},
		"proxies": ["http://127.0.0.1:1"]}'
	run -0 "$select" --cost 2 budget.json
	run -0 --separate-stderr "$select" --wait 20 budget.json
	assert_output http://127.0.0.1:1
	assert_equal "$stderr" ""
	write_pool long.json '{"limits": {"requests": 2, "per_seconds": 3600},
		"proxies": ["http://127.0.0.1:1"]}'
	run -0 "$select" --cost 2 long.json
	run -1 --separate-stderr "$select" --wait 1 long.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
}

@test "--wait does not wait for what no time brings" {
	write_pool none.json '{"proxies": [{"url": "http://127.0.0.1:1", "enabled": false}]}'
	run -1 --separate-stderr timeout 20 "$select" --wait 3600 none.json
	assert_output "http://all-disabled.no-proxy.invalid:9"
	run -1 --separate-stderr timeout 20 "$select" --wait 3600 --scheme http,https \
		--exclude 127.0.0.1:8001,second pool.json
	assert_output "http://filtered.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: no proxy for 'default' http in default.http: --exclude and --scheme leave none"
}

@test "--wait comes before an unhealthy one, and behind the url beside the pool" {
	write_pool worse.json '{"breaker": {"failure_threshold": 1}, "limits": {"max_connections": 1},
		"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}'
	run -0 pool-report -f worse.json 127.0.0.1:1 fail
	sleep 60 3>&- &
	owner=$!
	run -0 "$select" --lease --owner $owner worse.json
	assert_line --partial http://127.0.0.1:2
	run -0 --separate-stderr "$select" worse.json
	assert_output http://127.0.0.1:1
	assert_regex "$stderr" "which is unhealthy"
	"$select" --wait 30 worse.json >answer &
	waiting=$!
	kill $owner
	wait $owner || true
	wait $waiting
	run -0 cat answer
	assert_output http://127.0.0.1:2
	write_pool url.json '{"enabled": true, "default": {"http": {"url": "http://127.0.0.1:9",
		"pool": {"limits": {"max_connections": 1}, "proxies": ["http://127.0.0.1:1"]}}}}'
	run -0 "$select" --lease --owner $$ url.json
	run -0 --separate-stderr timeout 20 "$select" --wait 3600 url.json
	assert_output http://127.0.0.1:9
}

@test "--exclude leaves proxies out" {
	for _ in 1 2 3 4; do
		run -0 "$select" --exclude second,127.0.0.1:8003 pool.json
		assert_output "http://127.0.0.1:8001"
	done
	run -1 --separate-stderr "$select" --exclude second,127.0.0.1:8003,127.0.0.1:8001 pool.json
	assert_output "http://filtered.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: no proxy for 'default' http in default.http: --exclude leaves none"
	run -0 --separate-stderr "$select" --exclude secnod pool.json
	assert_equal "$stderr" "pool-select: warning: no proxy of 'default.http' is called 'secnod'"
}

@test "--scheme leaves schemes out" {
	for _ in 1 2; do
		run -0 "$select" --scheme socks5 pool.json
		assert_output "socks5://127.0.0.1:8003"
	done
	run -1 --separate-stderr "$select" --scheme https,socks4 pool.json
	assert_output "http://filtered.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: no proxy for 'default' http in default.http: --scheme leaves none"
	run -2 --separate-stderr "$select" --scheme gopher pool.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: --scheme wants http, https, socks4, socks4a, socks5 \
or socks5h, not 'gopher'"
	run -2 --separate-stderr "$select" --scheme , pool.json
	assert_equal "$stderr" "pool-select: --scheme wants at least one scheme"
}

@test "--lease wants an owner or a time to live" {
	run -2 --separate-stderr "$select" --lease pool.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_regex "$stderr" "^pool-select: --lease needs --owner PID"
	run -2 "$select" --owner $$ pool.json
	run -2 "$select" --lease --ttl 0 pool.json
	run -2 "$select" --lease --ttl 5 --no-state pool.json
	run -2 --separate-stderr "$select" --lease --owner 4194305 pool.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: no process has the number 4194305"
}

@test "a lease is printed behind the proxy, and counts" {
	run -0 --separate-stderr "$select" --lease --ttl 60 --strategy least_connections pool.json
	assert_regex "$output" '^http://127\.0\.0\.1:8001 [0-9a-f]{16}$'
	run -0 "$select" --lease --owner $$ --ttl 60 --strategy least_connections --format '%{name} %{lease}' pool.json
	assert_regex "$output" '^second [0-9a-f]{16}$'
	for _ in 1 2 3; do
		run -0 "$select" --strategy least_connections --format hostport pool.json
		assert_output "127.0.0.1:8003"
	done
}

@test "a lease ends with its owner" {
	sleep 300 &
	owner=$!
	"$select" --lease --owner $owner --strategy least_connections pool.json
	run -0 "$select" --explain --dry-run pool.json
	assert_regex "$output" "leases 1"
	kill -KILL $owner
	wait $owner || true
	"$select" pool.json
	run -0 "$select" --explain --dry-run pool.json
	refute_regex "$output" "leases 1"
}

@test "max_connections is a limit that the fallback does not override" {
	write_pool limit.json '{"limits": {"max_connections": 1},
		"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}'
	run -0 "$select" --lease --owner $$ limit.json
	run -0 "$select" --lease --owner $$ limit.json
	run -1 --separate-stderr "$select" --lease --owner $$ limit.json
	assert_output "http://none-eligible.no-proxy.invalid:9"
}

@test "--lease says that the url beside a pool is never leased" {
	write_pool fall.json '{"enabled": true, "default": {"http": {"url": "http://127.0.0.1:9",
		"pool": {"proxies": [{"url": "http://127.0.0.1:1", "enabled": false}]}},
		"websocket": {"url": "http://127.0.0.1:9", "rollout_percent": 0,
			"pool": {"proxies": ["http://127.0.0.1:1"]}}}}'
	run -0 --separate-stderr "$select" --lease --ttl 60 fall.json
	assert_output "http://127.0.0.1:9"
	assert_equal "$stderr" "pool-select: warning: no proxy of 'default.http' is eligible: \
falling back on its url
pool-select: warning: no lease: '127.0.0.1:9' is the url beside 'default.http', whose uses are not counted"
	run -0 --separate-stderr "$select" --lease --ttl 60 -t websocket fall.json
	assert_output "http://127.0.0.1:9"
	assert_equal "$stderr" "pool-select: warning: no lease: '127.0.0.1:9' is the url \
beside 'default.websocket', whose uses are not counted"
	run -0 --separate-stderr "$select" -q --lease --ttl 60 -t websocket fall.json
	assert_equal "$stderr" ""
}

@test "every format is as documented" {
	run -0 "$select" --format url pool.json
	assert_output "http://127.0.0.1:8001"
	run -0 "$select" --format env pool.json
	assert_output "$(printf '%s=http://mira:S3CRETpw@127.0.0.1:8002\n' http_proxy HTTP_PROXY \
		CGI_HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY ws_proxy WS_PROXY wss_proxy \
		WSS_PROXY ftp_proxy FTP_PROXY gopher_proxy GOPHER_PROXY socks_proxy SOCKS_PROXY grpc_proxy)
RSYNC_PROXY=mira:S3CRETpw@127.0.0.1:8002
NODE_USE_ENV_PROXY=1
$(printf '%s=http://mira:S3CRETpw@127.0.0.1:8002\n' GLOBAL_AGENT_HTTP_PROXY \
		GLOBAL_AGENT_HTTPS_PROXY npm_config_proxy npm_config_https_proxy PIP_PROXY CARGO_HTTP_PROXY)
GIT_CONFIG_COUNT=1
GIT_CONFIG_KEY_0=http.proxy
GIT_CONFIG_VALUE_0=http://mira:S3CRETpw@127.0.0.1:8002
no_proxy=
NO_PROXY=
no_grpc_proxy=
GLOBAL_AGENT_NO_PROXY=
npm_config_noproxy=nobody.no-proxy.invalid
NPM_CONFIG_PROXY=
NPM_CONFIG_HTTPS_PROXY=
NPM_CONFIG_NOPROXY=
SOCKS_SERVER=
SOCKS4_SERVER=
SOCKS5_SERVER=
POOL_PROXY=second
POOL_LEASE="
	run -0 "$select" --format proxychains pool.json
	assert_output "socks5 127.0.0.1 8003"
	run -0 "$select" --format curlrc pool.json
	assert_output 'proxy = "http://127.0.0.1:8001"
noproxy = ""
# name 127.0.0.1:8001'
	run -0 "$select" --format json -x okx pool.json
	assert_equal "$(sed 's/"url":"[^"]*",//' <<<"$output")" '{"scheme":"http","host":"127.0.0.1","name":"second","status":"unknown","exchange":"okx","type":"http","pool":"default.http","strategy":"round_robin","port":8002,"timeout_seconds":30,"fallback":false}'
	run -0 "$select" --format '%{scheme}|%{host}|%{port}|%{user}|%{password}|100%%\t%{timeout}' pool.json
	assert_output $'socks5|127.0.0.1|8003|||100%\t30'
}

@test "export survives quotes, and empties no_proxy, so that No_Proxy counts for nothing either" {
	write_pool quote.json "{\"proxies\": [\"http://o'neil:p%24w@127.0.0.1:8001\"]}"
	export no_proxy='*' NO_PROXY='*' No_Proxy='*'
	bypasses=(python3 -c 'import urllib.request as r; print(bool(r.proxy_bypass("t.invalid")))')
	run -0 env -u no_proxy "${bypasses[@]}"
	assert_output True
	eval "$("$select" --format export quote.json)"
	assert_equal "$http_proxy" "http://o'neil:p%24w@127.0.0.1:8001"
	assert_equal "${no_proxy-unset}${NO_PROXY-unset}" ""
	run -0 "${bypasses[@]}"
	assert_output False
}

@test "export and env leave nothing inherited that leads elsewhere" {
	local format name elsewhere=http://127.0.0.1:9999 shown

	write_pool one.json '{"proxies": [{"name": "one", "url": "http://127.0.0.1:8001"}]}'
	# all that the table has, as it stands in the output of export
	for name in $("$select" --format export one.json | sed -nE \
		's/^(export|unset) ([A-Za-z0-9_]+).*/\2/p'); do
		[[ $name == GIT_CONFIG_* ]] || export "$name=$elsewhere"
	done
	export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=mira \
		GIT_CONFIG_KEY_1=http.proxy GIT_CONFIG_VALUE_1=$elsewhere
	for format in export env; do
		if [ "$format" = export ]; then
			shown=$(eval "$("$select" -q --format export one.json)" && env)
		else
			# what only unset can mend
			# shellcheck disable=SC2046 # words of a line
			shown=$(env -u RSYNC_CONNECT_PROG -u auto_proxy -u AUTO_PROXY \
				$("$select" -q --format env one.json) env)
		fi
		run -1 grep -F "$elsewhere" <<<"$shown"
		assert_output ""
		run -0 grep -x 'GIT_CONFIG_[A-Z]*_*[0-9]*=.*' <<<"$shown"
		assert_equal "$(sort <<<"$output")" "GIT_CONFIG_COUNT=2
GIT_CONFIG_KEY_0=user.name
GIT_CONFIG_KEY_1=http.proxy
GIT_CONFIG_VALUE_0=mira
GIT_CONFIG_VALUE_1=http://127.0.0.1:8001"
	done
	unset GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 GIT_CONFIG_KEY_1 GIT_CONFIG_VALUE_1
	# a loop does not add entries without end
	for ((i = 0; i < 3; i++)); do
		eval "$("$select" -q --format export one.json)"
	done
	assert_equal "$GIT_CONFIG_COUNT" 1
}

@test "a URL alone warns of a variable that sends clients around it" {
	local name format why="with a URL alone clients"

	write_pool one.json '{"proxies": ["http://127.0.0.1:8001"]}'
	for name in no_proxy NO_PROXY; do
		for format in url hostport; do
			run -0 --separate-stderr env "$name=*" "$select" --format "$format" one.json
			assert_output --partial 127.0.0.1:8001
			assert_equal "$stderr" "pool-select: warning: $name is '*': $why go direct; \
--format curlrc, export and env overrule it"
			run -0 --separate-stderr env "$name=*" "$select" -q --format "$format" one.json
			assert_equal "$stderr" ""
		done
		run -0 --separate-stderr env "$name=localhost, *" "$select" one.json
		assert_equal "$stderr" "pool-select: warning: $name holds '*': $why go direct; \
--format curlrc, export and env overrule it"
		run -0 --separate-stderr env "$name=*.localhost,a*" "$select" one.json
		assert_equal "$stderr" ""
		run -0 --separate-stderr env "$name=localhost" "$select" one.json
		assert_equal "$stderr" ""
		run -0 --separate-stderr env "$name=localhost" "$select" -v one.json
		assert_equal "${stderr_lines[0]}" "pool-select: $name is set: $why ask its hosts \
directly; --format curlrc, export and env overrule it"
		for format in curlrc export env json; do
			run -0 --separate-stderr env "$name=*" "$select" --format "$format" one.json
			assert_equal "$stderr" ""
		done
	done
	run -0 --separate-stderr env no_proxy= NO_PROXY= "$select" -v one.json
	refute_regex "$stderr" "URL alone"
}

@test "a CGI program has no HTTP_PROXY" {
	local sign

	write_pool one.json '{"proxies": ["http://127.0.0.1:8001"]}'
	for sign in REQUEST_METHOD=GET GATEWAY_INTERFACE=CGI/1.1; do
		run -0 env "$sign" "$select" --format env one.json
		assert_line HTTP_PROXY=
		assert_line http_proxy=http://127.0.0.1:8001
		assert_line CGI_HTTP_PROXY=http://127.0.0.1:8001
		run -0 env "$sign" "$select" --format export one.json
		assert_line "unset HTTP_PROXY"
		run -0 env "$sign" HTTP_PROXY=http://of.the.client:1 "$POOL_BIN/pool-exec" -f one.json env
		refute_line --regexp '^HTTP_PROXY='
		assert_line http_proxy=http://127.0.0.1:8001
	done
}

@test "proxychains gets what it can express and --scheme allows, or nothing" {
	write_pool chain.json '{"proxies": ["https://h.test:1", "socks5h://mira:pw@127.0.0.1:2"]}'
	run -0 --separate-stderr "$select" --format proxychains chain.json
	assert_output "socks5 127.0.0.1 2 mira pw"
	run -0 "$select" --format proxychains --scheme https,socks5h chain.json
	assert_output "socks5 127.0.0.1 2 mira pw"
	run -1 --separate-stderr "$select" --format proxychains --scheme https chain.json
	assert_output "http filtered.no-proxy.invalid 9"
	write_pool https.json '{"proxies": ["https://h.test:1"]}'
	run -1 --separate-stderr "$select" --format proxychains https.json
	assert_output "http filtered.no-proxy.invalid 9"
	assert_equal "$stderr" "pool-select: no proxy for 'default' http in default.http: \
proxychains knows only http, socks4, socks4a, socks5, socks5h proxies, and the pool has none"
	for user in mira:a%20b a%20b:pw mira:a%C2%A0b :S3CRETpw; do
		write_pool blank.json "{\"proxies\": [{\"name\": \"p\",
			\"url\": \"http://$user@127.0.0.1:1\"}]}"
		case $user in
		*%C2*)
			run -0 "$select" --format proxychains blank.json
			assert_output $'http 127.0.0.1 1 mira a\xc2\xa0b'
			continue
			;;
		:*) why="it has a password without a user name" ;;
		*) why="its user name or password holds a blank" ;;
		esac
		run -3 --separate-stderr "$select" --format proxychains blank.json
		assert_output "http error.no-proxy.invalid 9"
		assert_equal "$stderr" "pool-select: cannot express proxy 'p' as proxychains: $why"
	done
	# nothing of the good ones before it either
	write_pool blank.json '{"proxies": ["http://127.0.0.1:1", "http://mira:a%20b@127.0.0.1:2"]}'
	run -3 --separate-stderr "$select" -n 2 --format proxychains blank.json
	assert_output "http error.no-proxy.invalid 9"
}

@test "a wrong format is a usage error that names the right one" {
	run -2 --separate-stderr "$select" --format hostprot pool.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: --format wants url, hostport, env, export, \
curlrc, proxychains, json or a template, not 'hostprot'; did you mean 'hostport'?"
	run -2 --separate-stderr "$select" --format '%{hots}' pool.json
	assert_equal "$stderr" "pool-select: no field is called '%{hots}'; did you mean '%{host}'?"
	run -2 --separate-stderr "$select" --format '%host' pool.json
	assert_equal "$stderr" "pool-select: a template wants %{name}, or %% for a percent sign"
}

@test "no proxy has an answer in every format that no client goes direct with" {
	write_pool none.json '{"enabled": false}'
	run -1 --separate-stderr "$select" none.json
	assert_output "http://disabled.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: no proxy for 'default' http: the pool file does not say \"enabled\": true"
	run -1 --separate-stderr "$select" --format hostport none.json
	assert_output "disabled.no-proxy.invalid:9"
	run -1 --separate-stderr "$select" --format env none.json
	assert_line "http_proxy=http://disabled.no-proxy.invalid:9"
	run -1 --separate-stderr "$select" --format export none.json
	assert_line "export https_proxy='http://disabled.no-proxy.invalid:9'"
	run -1 --separate-stderr "$select" --format curlrc none.json
	assert_line 'proxy = "http://disabled.no-proxy.invalid:9"'
	run -1 --separate-stderr "$select" --format proxychains none.json
	assert_output "http disabled.no-proxy.invalid 9"
	run -1 --separate-stderr "$select" --format json none.json
	assert_output '{"url":"http://disabled.no-proxy.invalid:9","scheme":"http","host":"disabled.no-proxy.invalid","exchange":"default","type":"http","reason":"disabled","port":9}'
	run -1 --separate-stderr "$select" --format '%{host}:%{port}' none.json
	assert_output "disabled.no-proxy.invalid:9"
	for template in '%{name}' '%{user}:%{password}' '%{port}' '\n' '%{status} %{reason}'; do
		run -1 --separate-stderr "$select" --format "$template" none.json
		assert_output "http://disabled.no-proxy.invalid:9"
	done
	run -1 --separate-stderr "$select" --format '%{url} %{name}' none.json
	assert_output "http://disabled.no-proxy.invalid:9 "
	run -2 --separate-stderr "$select" --format '%{name}' --ttl 5 none.json
	assert_output "http://usage.no-proxy.invalid:9"
}

@test "curl fails with the answer, and says the reason" {
	require_tool curl
	write_pool none.json '{"enabled": false}'
	start_stub origin
	run -5 curl -sS -x "$("$select" none.json)" "http://127.0.0.1:$STUB_PORT/"
	run -5 curl -sS -K <("$select" --format curlrc none.json) "http://127.0.0.1:$STUB_PORT/"
	eval "$("$select" --format export none.json)"
	run -5 curl -sS "http://127.0.0.1:$STUB_PORT/"
	assert_output "curl: (5) Could not resolve proxy: disabled.no-proxy.invalid"
}

@test "--direct-ok prints nothing when nothing is to be proxied" {
	write_pool none.json '{"enabled": false}'
	run -0 --separate-stderr "$select" --direct-ok none.json
	assert_output ""
	assert_equal "$stderr" ""
	write_exchanges
	run -0 "$select" --direct-ok -t websocket exchanges.json
	assert_output ""
}

@test "--serve answers a line with a line" {
	write_exchanges
	run -0 --separate-stderr "$select" --serve exchanges.json <<<'
binance
BINANCE http
- websocket
okx - key
x grpc'
	assert_output "http://127.0.0.1:8001
http://127.0.0.1:8002
http://127.0.0.1:8002
http://not-configured.no-proxy.invalid:9
http://127.0.0.1:8001
http://usage.no-proxy.invalid:9"
	run -2 --separate-stderr "$select" --serve -n 2 exchanges.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" \
		"pool-select: --serve answers a line with one line: no --count above 1"
	for format in '%{name}\n%{url}' $'%{name}\n%{url}' '\\\n%{url}' '\n\n'; do
		run -2 --separate-stderr "$select" --serve --format "$format" exchanges.json
		assert_output --partial "http://usage.no-proxy.invalid:9"
		assert_equal "$stderr" \
			"pool-select: --serve answers a line with one line: no newline in --format"
	done
	run -0 "$select" --serve --format '\\n%{url}\n' exchanges.json <<<''
	assert_output '\nhttp://127.0.0.1:8001'
	run -2 --separate-stderr "$select" --serve -x $'a\nb' exchanges.json
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" \
		"pool-select: --serve answers a line with one line: no newline in --exchange"
	run -0 "$select" --serve -n 1 exchanges.json <<<''
	assert_output "http://127.0.0.1:8001"
	run -2 --separate-stderr "$select" --serve --format env exchanges.json
	assert_equal "$stderr" "pool-select: --serve wants a format of one line, not 'env'"
}

@test "--serve has the command line's exchange and type for what a line leaves open" {
	write_pool two.json '{"enabled": true,
		"default": {"http": "http://127.0.0.1:1", "websocket": "http://127.0.0.1:2"},
		"exchanges": {"okx": {"websocket": "http://127.0.0.1:3"}}}'
	run -0 --separate-stderr "$select" --serve -x okx -t websocket two.json <<<'
-
- -
- http
default
default http'
	assert_output "http://127.0.0.1:3
http://127.0.0.1:3
http://127.0.0.1:3
http://127.0.0.1:1
http://127.0.0.1:2
http://127.0.0.1:1"
}

@test "--serve refuses a line with a NUL byte, and goes on" {
	printf 'binance\0 x\n\0\n-\n' >questions
	write_exchanges
	run -0 --separate-stderr "$select" --serve exchanges.json <questions
	assert_output "http://usage.no-proxy.invalid:9
http://usage.no-proxy.invalid:9
http://127.0.0.1:8001"
	assert_equal "$stderr" "pool-select: a request holds a NUL byte
pool-select: a request holds a NUL byte"
}

@test "--serve takes up an edit at the next line" {
	write_pool edit.json '{"proxies": ["http://127.0.0.1:1"]}'
	mkfifo questions
	"$select" --serve edit.json <questions >answers &
	server=$!
	exec 8>questions
	echo >&8
	wait_until 5 test -s answers
	write_pool new.json '{"proxies": ["http://127.0.0.1:2"]}'
	mv new.json edit.json
	echo >&8
	exec 8>&-
	wait $server
	run -0 cat answers
	assert_output "http://127.0.0.1:1
http://127.0.0.1:2"
}

@test "--serve makes a state file anew that was deleted" {
	mkfifo questions
	"$select" -s own.state --serve pool.json <questions >answers &
	server=$!
	exec 8>questions
	echo >&8
	wait_until 5 test -s answers
	rm own.state
	echo >&8
	exec 8>&-
	wait $server
	[ -s own.state ]
	run -0 cat answers
	assert_output "http://127.0.0.1:8001
http://127.0.0.1:8001"
}

@test "--explain says why on standard error" {
	run -0 --separate-stderr "$select" --explain --exclude second pool.json
	assert_output "http://127.0.0.1:8001"
	assert_equal "$(expand -t 4 <<<"$stderr" | tr -s ' ')" "pool default.http: round_robin, 3 proxies
* 127.0.0.1:8001 unknown leases 0 weight 1 eligible: not checked yet
 second unknown leases 0 weight 1 left out by --exclude
 127.0.0.1:8003 unknown leases 0 weight 1 eligible: not checked yet"
}

# What --explain says of each proxy, behind its weight.
explained() {
	"$select" --explain "$@" 2>&1 >/dev/null | sed -n 's/.*weight [^ ]* *//p'
}

@test "--explain tells a limit that was reached, and what a check has found" {
	write_pool limit.json '{"limits": {"max_connections": 2}, "proxies": [
		{"url": "http://127.0.0.1:1", "max_connections": 1}, "http://127.0.0.1:2"]}'
	"$select" --lease --ttl 60 limit.json
	assert_equal "$(explained --dry-run limit.json)" "at its limit of 1 lease
eligible: not checked yet"
	"$select" --lease --ttl 60 limit.json
	# the last one is taken, and was not at its limit
	assert_equal "$(explained --lease --ttl 60 limit.json)" "at its limit of 1 lease
eligible: not checked yet"
	assert_equal "$(explained limit.json)" "at its limit of 1 lease
at its limit of 2 leases"
	start_stub refuse
	write_pool undecided.json "{\"health_check\": {\"unhealthy_threshold\": 2},
		\"proxies\": [\"http://127.0.0.1:$STUB_PORT\"]}"
	pool-check -q undecided.json >out || true
	assert_equal "$(explained --dry-run undecided.json)" \
		"eligible: undecided after: nothing listens at the proxy's address"
}

@test "--dry-run accounts for nothing" {
	for _ in 1 2 3; do
		run -0 "$select" --dry-run pool.json
		assert_output "http://127.0.0.1:8001"
	done
}

@test "--verbose logs where it leads, without credentials" {
	"$select" pool.json
	run -0 --separate-stderr "$select" -v -x okx pool.json
	assert_equal "$stderr" "pool-select: proxy: transport=http exchange=okx scheme=http endpoint=127.0.0.1:8002"
	run -0 --separate-stderr "$select" -v -n 2 pool.json
	assert_equal "$stderr" "\
pool-select: proxy: transport=http exchange=default scheme=socks5 endpoint=127.0.0.1:8003
pool-select: proxy: transport=http exchange=default scheme=http endpoint=127.0.0.1:8001"
}

@test "--verbose says of a URL its scheme, host and port, in lower case, and nothing else" {
	write_pool odd.json '{"enabled": true,
		"default": {"http": {"url": "HTTP://user:Password1@Proxy.EXAMPLE:8080/password?q=password#user:"},
			"websocket": {"pool": ["SOCKS5H://user:p@ssword@[2001:DB8::1]:1080"]}}}'
	run -0 --separate-stderr "$select" -v odd.json
	assert_output "HTTP://user:Password1@Proxy.EXAMPLE:8080/password?q=password#user:"
	# clients that look for http:// would go direct
	run -0 --separate-stderr "$select" --format env odd.json
	assert_line "http_proxy=http://user:Password1@Proxy.EXAMPLE:8080/password?q=password#user:"
	refute_line --partial "HTTP://"
	run -0 --separate-stderr "$select" -v odd.json
	assert_equal "$stderr" "pool-select: proxy: transport=http exchange=default scheme=http endpoint=proxy.example:8080"
	run -0 --separate-stderr "$select" -v -x BIT.com -t ws odd.json
	assert_equal "$stderr" "pool-select: proxy: transport=websocket exchange=BIT.com scheme=socks5h endpoint=[2001:db8::1]:1080"
	run -0 --separate-stderr "$select" -v --log-format json -t websocket odd.json
	assert_equal "$(jq -r '.level + " " + .message' <<<"$stderr")" \
		"note proxy: transport=websocket exchange=default scheme=socks5h endpoint=[2001:db8::1]:1080"
	run -0 --separate-stderr "$select" -v --serve odd.json <<<"okx ws
binance"
	assert_equal "$stderr" "\
pool-select: proxy: transport=websocket exchange=okx scheme=socks5h endpoint=[2001:db8::1]:1080
pool-select: proxy: transport=http exchange=binance scheme=http endpoint=proxy.example:8080"
	for form in text json; do
		for type in http ws; do
			"$select" -v --explain --log-format "$form" -t "$type" odd.json 2>>logged >handed-out
		done
	done
	[ -s logged ]
	run -1 grep -iE '@|user:|password' logged
}

@test "--quiet drops warnings, not errors" {
	run -0 --separate-stderr "$select" -q -n 9 pool.json
	assert_equal "$stderr" ""
	run -3 --separate-stderr "$select" -q missing.json
	assert_equal "$stderr" "pool-select: cannot read pool file 'missing.json': No such file or directory"
}

@test "--help and --version go to standard output" {
	run -0 --separate-stderr "$select" --help
	assert_line --index 0 "Usage: pool-select [OPTION]... [FILE]"
	assert_equal "$stderr" ""
	run -0 "$select" -V
	assert_regex "$output" '^pool-select \(proxypool\) [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "a wrong option is answered with the right one" {
	run -2 --separate-stderr "$select" --exchnage okx
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: unknown option '--exchnage'; did you mean '--exchange'?"
	run -2 --separate-stderr "$select" -y
	assert_equal "$stderr" "pool-select: unknown option '-y'; try 'pool-select --help'"
	run -2 --separate-stderr "$select" --format
	assert_equal "$stderr" "pool-select: option '--format' needs an argument; try 'pool-select --help'"
	run -2 --separate-stderr "$select" pool.json other.json
	assert_equal "$stderr" "pool-select: one pool file is enough: what is 'other.json'?"
}

@test "an edit is in force at the next selection" {
	run -0 "$select" pool.json
	write_pool new.json '{"proxies": ["http://127.0.0.9:9"]}'
	mv new.json pool.json
	run -0 --separate-stderr "$select" pool.json
	assert_output "http://127.0.0.9:9"
	assert_equal "$stderr" ""
}

@test "an edit that is invalid leaves the last good version in force" {
	write_pool one.json '{"proxies": ["http://127.0.0.1:1"]}'
	"$select" one.json
	echo '{"proxies": [{"url": "http://127.0.0.1:2", "wieght": 2}]}' >one.json
	for _ in 1 2 3; do
		run -0 --separate-stderr "$select" one.json
		assert_output "http://127.0.0.1:1"
		assert_regex "$stderr" "^pool-select: warning: 'one.json' is invalid, its last good version stays in force: one.json:1:[0-9]+: error: .*wieght.*\[unknown-key\]$"
	done
	echo '{"proxies": ["http://127.0.0.1:2"]}' >one.json
	run -0 --separate-stderr "$select" one.json
	assert_output "http://127.0.0.1:2"
	assert_equal "$stderr" ""
}

# Whether the file changed more than 30 ms ago: then it is known by its key.
at_rest() {
	[ $(($(date +%s%N) - $(stat -c %.Z "$1" | tr -d .))) -gt 30000000 ]
}

@test "an unchanged pool file needs no parser" {
	wait_until 5 at_rest pool.json
	"$select" pool.json
	run -0 has_parser pool.json
	assert_output "no"
	# That it would be seen:
	run -0 has_parser --no-state pool.json
	assert_output "yes"
}

# Whether pool-select with these arguments has loaded the parser once it has answered.
has_parser() {
	local server found=no

	rm -f questions answers
	mkfifo questions
	"$select" --serve "$@" <questions >answers 3>&- &
	server=$!
	exec 8>questions
	echo >&8
	wait_until 5 test -s answers
	! grep -q cjson "/proc/$server/maps" || found=yes
	exec 8>&-
	wait "$server"
	echo "$found"
}

@test "a broken pool file without a version before it is 3" {
	: >empty.json
	head -c 1000 /dev/urandom >binary.json
	mkdir folder.json
	for file in empty.json binary.json folder.json missing.json; do
		run -3 --separate-stderr "$select" "$file"
		assert_output "http://error.no-proxy.invalid:9"
		assert_equal "$(wc -l <<<"$stderr")" 1
		assert_regex "$stderr" "^pool-select: "
	done
}

@test "a pool file of 100 MB is refused" {
	truncate -s 100M huge.json
	run -3 --separate-stderr "$select" huge.json
	assert_output "http://error.no-proxy.invalid:9"
	assert_regex "$stderr" "larger than 64 MiB"
}

@test "a closed standard output is 4" {
	run -4 --separate-stderr bash -c "'$select' pool.json >&-"
	assert_regex "$stderr" "^pool-select: cannot write standard output: "
	run -4 --separate-stderr bash -c "'$select' pool.json >/dev/full"
	assert_equal "$stderr" "pool-select: cannot write standard output: No space left on device"
}

# under LIMIT ARGUMENT...: pool-select with that limit of open files, the standard ones open.
under() {
	bash -c 'exec 3>&- 4>&- 5>&- 6>&- 7>&-; ulimit -n "$1"; shift; exec "$@"' under "$1" \
		"$select" "${@:2}"
}

@test "as many descriptors as the loader needs are enough" {
	local limit=4

	until under "$limit" -V >version 2>&1; do
		limit=$((limit + 1))
		[ "$limit" -le 64 ]
	done
	for _ in 1 2 3; do
		run -0 --separate-stderr under "$limit" pool.json
		assert_regex "$output" '^(http|socks5)://'
		assert_equal "$stderr" ""
	done
}

none="pool-select: no proxy for 'default' http in default.http:"

# a is http, b is https
write_both() {
	write_pool both.json "{$1 \"proxies\": [{\"name\": \"a\", \"url\": \"http://127.0.0.1:1\"},
		{\"name\": \"b\", \"url\": \"https://127.0.0.1:2\"}]}"
}

@test "where none is left, only what leaves none is named" {
	write_both ""
	known="what proxychains knows (http, socks4, socks4a, socks5, socks5h)"
	while IFS='|' read -r options why; do
		read -ra words <<<"$options"
		run -1 --separate-stderr "$select" "${words[@]}" both.json
		assert_output --partial "filtered.no-proxy.invalid"
		assert_equal "$stderr" "$none $why"
	done <<-END
		--exclude a,b|--exclude leaves none
		--exclude a,b --format proxychains|--exclude leaves none
		--exclude a,b --scheme socks5|--exclude leaves none
		--scheme socks5|--scheme leaves none
		--scheme socks5 --format proxychains|--scheme leaves none
		--exclude a --scheme http|--exclude and --scheme leave none
		--exclude a --format proxychains|--exclude and $known leave none
		--scheme https --format proxychains|--scheme and $known leave none
		--exclude a --scheme http,socks4 --format hostport|--exclude and --scheme leave none
	END
	run -0 --separate-stderr "$select" --format proxychains --explain both.json
	assert_regex "$stderr" "its scheme https is not known to proxychains"
	run -0 --separate-stderr "$select" --scheme http --explain both.json
	assert_regex "$stderr" "its scheme https is none of --scheme"
}

@test "a limit that is reached is told, with --wait as the way out" {
	write_both '"limits": {"max_connections": 1},'
	run -0 "$select" --lease --ttl 600 both.json
	run -1 --separate-stderr "$select" --scheme http both.json
	assert_equal "$stderr" "$none the only one that is left is at a limit (max_connections); \
1 left out by --scheme; --wait SECONDS waits for one"
	run -0 "$select" --lease --ttl 600 both.json
	full="all 2 are at a limit (max_connections)"
	run -1 --separate-stderr "$select" both.json
	assert_equal "$stderr" "$none $full; --wait SECONDS waits for one"
	run -0 --separate-stderr "$select" --serve both.json < <(echo -)
	assert_equal "$stderr" "$none $full; --wait SECONDS waits for one"
	run -1 --separate-stderr "$select" --explain both.json
	assert_equal "${stderr_lines[0]}" "$none $full; --wait SECONDS waits for one"
	run -1 --separate-stderr "$select" --wait 1 both.json
	assert_equal "$stderr" "$none $full; none came in the 1 s of --wait"
	run -1 --separate-stderr "$select" --strategy sticky --key k --strict both.json
	assert_equal "$stderr" "$none the proxy of this key is at a limit (max_connections), and \
--strict moves to no other; --wait SECONDS waits for one"
	run -0 pool-report -f both.json a disable
	run -1 --separate-stderr "$select" both.json
	assert_equal "$stderr" "$none 1 disabled by a person, 1 at a limit (max_connections); \
--wait SECONDS waits for one; pool-status says why"
}

@test "where all are cooling it is said until when" {
	write_both ""
	run -0 pool-report -f both.json a fail --status 429 --retry-after 900
	run -0 pool-report -f both.json b fail --status 429 --retry-after 600
	run -1 --separate-stderr "$select" both.json
	assert_regex "$stderr" "^$none all 2 are cooling, the first for (10 min|[0-9]+ s) more; --wait SECONDS waits for one"
	run -1 --separate-stderr "$select" --exclude b both.json
	assert_regex "$stderr" "^$none the only one that is left is cooling, for 1[45] min more; 1 left out by --exclude; "
	write_both '"limits": {"requests": 1, "per_seconds": 600},'
	for _ in 1 2; do
		run -0 pool-report -f both.json --all reset
		run -0 "$select" both.json
	done
	run -1 --separate-stderr "$select" both.json
	assert_regex "$stderr" "^$none all 2 are at a limit \(requests\), the first for "
}

@test "a credential comes from the environment when it is used" {
	write_pool secret.json '{"proxies": ["http://bot:${POOL_TEST_PW}@127.0.0.1:8001"]}'
	POOL_TEST_PW='a b@c' run -0 "$select" secret.json
	assert_output "http://bot:a%20b%40c@127.0.0.1:8001"
	run -3 --separate-stderr "$select" secret.json
	assert_output "http://no-secret.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: no proxy of 'default.http' is left: '127.0.0.1:8001' is \
skipped: the variable \${POOL_TEST_PW} of a proxy's URL is not set; set it for this process"
	run -1 grep -r "a b@c" state
}

@test "a lease is given back when the credential cannot be had" {
	write_pool secret.json '{"limits": {"max_connections": 1},
		"proxies": ["http://bot:${POOL_TEST_PW}@127.0.0.1:8001"]}'
	run -3 "$select" --lease --ttl 600 secret.json
	POOL_TEST_PW=x run -0 "$select" --lease --ttl 600 secret.json
	assert_regex "$output" '^http://bot:x@127.0.0.1:8001 [0-9a-f]{16}$'
}

# four proxies; two lack a secret: a variable, and a password file
write_lacking() {
	write_pool lacking.json "{\"health_check\": {\"enabled\": false}, $1 \"proxies\": [
		{\"name\": \"a\", \"url\": \"http://u:\${POOL_TEST_PW}@127.0.0.1:1\"},
		{\"name\": \"b\", \"url\": \"http://127.0.0.1:2\"$2},
		{\"name\": \"c\", \"url\": \"http://127.0.0.1:3\"},
		{\"name\": \"d\", \"url\": \"http://u@127.0.0.1:4\", \"password_file\": \"d.pw\"}]}"
	rm -f d.pw
}

# used PROXY...: how often each was selected, of lacking.json
used() {
	pool-status --format tsv lacking.json |
		awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
			{ print $at["proxy"] "=" $at["selections"] }' | paste -sd ' '
}

lacks_a="pool-select: warning: proxy 'a' of 'default.http' is skipped: the variable \${POOL_TEST_PW} \
of a proxy's URL is not set; set it for this process"

@test "a proxy whose secret is missing is skipped with a warning, and the others keep their turns" {
	write_lacking ""
	for _ in 1 2 3; do
		run -0 --separate-stderr "$select" lacking.json
		assert_output "http://127.0.0.1:2"
		assert_equal "${stderr_lines[-1]}" "$lacks_a"
		run -0 --separate-stderr "$select" lacking.json
		assert_output "http://127.0.0.1:3"
		assert_equal "$stderr" ""
		run -0 --separate-stderr "$select" -n 2 lacking.json
		assert_output $'http://127.0.0.1:2\nhttp://127.0.0.1:3'
		assert_equal "$stderr" "pool-select: warning: proxy 'd' of 'default.http' is skipped: \
cannot read the password file '$PWD/d.pw': No such file or directory; let this process read it
$lacks_a"
	done
	run -0 used
	assert_output "a=0 b=6 c=6 d=0"
	run -0 --separate-stderr "$select" -q lacking.json
	assert_equal "$stderr" ""
	echo pw >d.pw
	chmod 600 d.pw
	for _ in 1 2 3; do
		POOL_TEST_PW=x "$select" lacking.json
	done >answers
	run -0 sort answers
	assert_output $'http://127.0.0.1:3\nhttp://u:pw@127.0.0.1:4\nhttp://u:x@127.0.0.1:1'
}

@test "unequal weights stay exact among those that have their secrets" {
	write_lacking "" ', "weight": 3'
	for _ in {1..20}; do
		run -0 "$select" -q lacking.json
	done
	run -0 used
	assert_output "a=0 b=15 c=5 d=0"
}

@test "every strategy skips who lacks a secret" {
	write_lacking ""
	for strategy in round_robin random least_connections least_latency sticky failover; do
		for i in {1..12}; do
			run -0 "$select" -q --strategy $strategy --key "k$i" lacking.json
			assert_output --regexp '^http://127.0.0.1:[23]$'
			run -0 "$select" -q --no-state --strategy $strategy --key "k$i" lacking.json
			assert_output --regexp '^http://127.0.0.1:[23]$'
		done
	done
	run -0 used
	assert_output --regexp '^a=0 b=[0-9]+ c=[0-9]+ d=0$'
	refused=0
	for i in {1..12}; do
		run --separate-stderr "$select" -q --strict --strategy sticky --key "k$i" lacking.json
		case $status in
		0) assert_output --regexp '^http://127.0.0.1:[23]$' ;;
		3)
			assert_output "http://no-secret.no-proxy.invalid:9"
			refused=$((refused + 1))
			;;
		*) false ;;
		esac
	done
	[ "$refused" -gt 0 ]
	[ "$refused" -lt 12 ]
}

@test "no lease is held of who is skipped" {
	write_lacking '"limits": {"max_connections": 1},'
	run -0 "$select" -q --lease --ttl 600 lacking.json
	assert_output --regexp '^http://127.0.0.1:2 [0-9a-f]{16}$'
	run -0 "$select" -q --lease --ttl 600 lacking.json
	assert_output --regexp '^http://127.0.0.1:3 [0-9a-f]{16}$'
	run -3 --separate-stderr "$select" -q --lease --ttl 600 lacking.json
	assert_output "http://no-secret.no-proxy.invalid:9"
	POOL_TEST_PW=x run -0 "$select" -q --lease --ttl 600 lacking.json
	assert_output --regexp '^http://u:x@127.0.0.1:1 [0-9a-f]{16}$'
}

@test "--serve warns once of each that lacks a secret" {
	write_lacking ""
	run -0 --separate-stderr "$select" --serve lacking.json < <(printf -- '-\n%.0s' {1..6})
	assert_output $'http://127.0.0.1:2\nhttp://127.0.0.1:3\nhttp://127.0.0.1:2
http://127.0.0.1:3\nhttp://127.0.0.1:2\nhttp://127.0.0.1:3'
	assert_equal "${#stderr_lines[@]}" 2
	assert_equal "${stderr_lines[0]}" "$lacks_a"
	assert_regex "${stderr_lines[1]}" "proxy 'd'"
}

@test "--explain says whose secret is missing" {
	write_lacking ""
	run -0 --separate-stderr "$select" --explain lacking.json
	assert_regex "$stderr" "  a .*  skipped: the variable .\{POOL_TEST_PW\} of a proxy's URL is not set"
	assert_regex "$stderr" "  c .*  eligible"
}

@test "--wait waits for those that have their secrets, and for nobody else" {
	write_lacking '"limits": {"max_connections": 1},'
	run -0 "$select" -q --lease --ttl 600 lacking.json
	run -0 "$select" -q --lease --ttl 1 lacking.json
	run -0 --separate-stderr timeout 30 "$select" --wait 20 lacking.json
	assert_output "http://127.0.0.1:3"
	write_pool none.json '{"proxies": ["http://u:${POOL_TEST_PW}@127.0.0.1:1"]}'
	run -3 --separate-stderr timeout 20 "$select" --wait 3600 none.json
	assert_output "http://no-secret.no-proxy.invalid:9"
}

@test "a url beside the pool whose secret is missing is skipped as well" {
	write_pool url.json '{"enabled": true, "default": {"http": {"rollout_percent": 0,
		"url": "http://u:${POOL_TEST_PW}@127.0.0.1:9", "pool": {"proxies": ["http://127.0.0.1:1"]}}}}'
	run -0 --separate-stderr "$select" url.json
	assert_output "http://127.0.0.1:1"
	assert_equal "$stderr" "pool-select: warning: the url '127.0.0.1:9' of 'default.http' is \
skipped: the variable \${POOL_TEST_PW} of a proxy's URL is not set; set it for this process"
	POOL_TEST_PW=x run -0 --separate-stderr "$select" url.json
	assert_output "http://u:x@127.0.0.1:9"
	run -0 pool-report -f url.json 127.0.0.1:1 disable
	run -3 --separate-stderr "$select" url.json
	assert_output "http://no-secret.no-proxy.invalid:9"
}

@test "an edit that is no text leaves the last good version in force" {
	for junk in 'head -c 1000 /dev/zero' 'head -c 1000 /dev/urandom' 'head -c 70000000 /dev/zero'; do
		write_pool one.json '{"proxies": ["http://127.0.0.1:1"]}'
		"$select" one.json
		$junk >one.json
		run -0 --separate-stderr "$select" one.json
		assert_output "http://127.0.0.1:1"
		assert_equal "$(grep -c . <<<"$stderr")" 1
		assert_regex "$stderr" "its last good version stays in force"
	done
}

@test "url beside a pool is what to fall back on" {
	write_pool fall.json '{"enabled": true, "default": {"http": {"url": "http://127.0.0.1:9",
		"pool": {"proxies": [{"url": "http://127.0.0.1:1", "enabled": false}]}}}}'
	run -0 --separate-stderr "$select" fall.json
	assert_output "http://127.0.0.1:9"
	assert_equal "$stderr" "pool-select: warning: no proxy of 'default.http' is eligible: falling back on its url"
}

@test "closed descriptors get no file of ours: nothing is printed into the state" {
	"$select" -s own.state pool.json
	"$select" --dry-run -s own.state pool.json >before
	run -4 --separate-stderr bash -c "exec '$select' --dry-run -s own.state pool.json >&-"
	assert_equal "$stderr" "pool-select: cannot write standard output: Bad file descriptor"
	bash -c "exec '$select' --dry-run -v -s own.state pool.json <&- 2>&-" >out
	run -4 bash -c "exec '$select' --dry-run -v -s own.state pool.json <&- >&- 2>&-"
	"$select" --dry-run -s own.state pool.json >after 2>warnings
	run -0 diff before after
	assert_equal "$(cat warnings)" ""
	[ ! -e own.state.corrupt ]
}
