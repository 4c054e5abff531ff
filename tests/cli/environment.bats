# CRYPTOFEED_PROXY_*: on top of a pool file and alone; state shared with those who have none.

load ../lib

setup() {
	pool_setup
	validate=$POOL_BIN/pool-validate
	select=$POOL_BIN/pool-select
	show=$POOL_BIN/pool-status
	umask 077
}

teardown() {
	pool_teardown
}

# with "NAME=VALUE;..." COMMAND...: with variables of that name behind CRYPTOFEED_PROXY_.
with() {
	local variables

	IFS=';' read -ra variables <<<"$1"
	shift
	env "${variables[@]/#/CRYPTOFEED_PROXY_}" "$@"
}

# gives FILE VARIABLES LOOKUP EXPECTED: what --resolve says that LOOKUP leads to.
gives() {
	local got

	printf '%s\n' "$1" >pool.json
	got=$(with "$2" "$validate" -q --env --resolve pool.json 2>&1 |
		awk -v id="${3% *}" -v type="${3#* }" '$1 == id && $2 == type { $1 = $2 = $3 = ""; print substr($0, 4) }')
	[ "$got" = "$4" ] && return
	echo "$1 | $2 | $3: '$got', expected '$4'"
	with "$2" "$validate" --env pool.json 2>&1
	return 1
}

@test "file and environment are merged connection by connection" {
	run rows gives <<-'ROWS'
		{"enabled": true, "default": {"http": "http://f:1"}}|DEFAULT__HTTP__URL=http://e:1|default http|http://e:1
		{"enabled": true, "default": {"http": "http://f:1", "websocket": "http://w:1"}}|DEFAULT__HTTP__URL=http://e:1|default websocket|http://w:1
		{"enabled": true, "default": {"http": {"pool": ["http://f:1", "http://f:2"]}}}|DEFAULT__HTTP__URL=http://e:1|default http|http://e:1
		{"enabled": true, "default": {"http": "http://f:1"}}|DEFAULT__HTTP__POOL=["http://e:1", "http://e:2"]|default http|round_robin of 2: http://e:1, http://e:2
		{"enabled": true, "default": {"http": {"url": "http://f:9", "pool": ["http://f:1"]}}}|DEFAULT__HTTP__POOL__PROXIES=["http://e:1"]|default http|round_robin of 1: http://e:1
		{"enabled": true, "default": {"http": {"url": "http://f:9", "pool": ["http://f:1"]}}}|DEFAULT__HTTP__POOL__STRATEGY=random|default http|random of 1: http://f:1; else http://f:9
		{"enabled": true, "default": {"http": {"pool": ["http://f:1", "http://f:2"]}}}|DEFAULT__HTTP__STRATEGY=failover|default http|failover of 2: http://f:1, http://f:2
		{"enabled": true, "default": {"http": {"pool": ["http://f:1", "http://f:2"], "strategy": "random"}}}|DEFAULT__HTTP__POOL={"proxies": ["http://e:1"]}|default http|random of 1: http://e:1
		{"enabled": true, "default": {"http": {"pool": ["http://f:1"]}}}|DEFAULT__HTTP=http://e:1|default http|http://e:1
		{"enabled": true, "default": {"http": {"pool": ["http://f:1"]}}}|DEFAULT__HTTP__TIMEOUT_SECONDS=9|default http|round_robin of 1: http://f:1
		{"enabled": true, "default": {"http": "http://f:1"}}|DEFAULT__HTTP__TIMEOUT_SECONDS=9|default http|http://f:1
		{"enabled": true, "default": {"http": "http://f:1"}}|DEFAULT=null|default http|http://f:1
		{"enabled": true, "default": {"http": "http://f:1"}}|DEFAULT__HTTP=null|default http|http://f:1
		{"enabled": true, "default": {"http": "http://f:1"}}|EXCHANGES__OKX__HTTP__URL=http://e:1|okx http|http://e:1
		{"enabled": true, "default": {"http": "http://f:1"}}|EXCHANGES__OKX__HTTP__URL=http://e:1|default http|http://f:1
		{"enabled": true, "exchanges": {"OKX": {"http": "http://f:1", "websocket": "http://f:2"}}}|EXCHANGES__OKX__HTTP__URL=http://e:1|okx http|http://e:1
		{"enabled": true, "exchanges": {"OKX": {"http": "http://f:1", "websocket": "http://f:2"}}}|EXCHANGES__OKX__HTTP__URL=http://e:1|okx websocket|http://f:2
		{"enabled": true, "exchanges": {"b": "http://f:1", "d": "http://f:2"}}|EXCHANGES={"A": "http://e:1", "c": "http://e:2", "D": "http://e:3"}|d http|http://e:3
		{"enabled": true, "exchanges": {"b": "http://f:1", "d": "http://f:2"}}|EXCHANGES={"A": "http://e:1", "c": "http://e:2"}|b http|http://f:1
		{"proxies": ["http://f:1"]}|DEFAULT__WEBSOCKET__URL=http://e:1|default websocket|http://e:1
		{"proxies": ["http://f:1"]}|DEFAULT__WEBSOCKET__URL=http://e:1|default http|round_robin of 1: http://f:1
		{"proxy": "http://f:1"}|DEFAULT__HTTP__URL=http://e:1|default websocket|http://f:1
		{"enabled": false, "default": {"http": "http://f:1"}}|DEFAULT__HTTP__URL=http://e:1|default http|http://disabled.no-proxy.invalid:9
		{"enabled": false, "default": {"http": "http://f:1"}}|ENABLED=on|default http|http://f:1
		{}|ENABLED=1;DEFAULT={"http": "http://a:1"};DEFAULT__HTTP__URL=http://b:1|default http|http://b:1
		{}|ENABLED=1;DEFAULT__HTTP__POOL=["http://a:1", "http://b:1"];DEFAULT__HTTP__POOL__1__URL=http://c:1|default http|round_robin of 2: http://a:1, http://c:1
		{}|ENABLED=1;DEFAULT__HTTP__POOL__PROXIES__1=http://b:1;DEFAULT__HTTP__POOL__PROXIES__0__URL=http://a:1|default http|round_robin of 2: http://a:1, http://b:1
		{}|ENABLED=1;DEFAULT__HTTP__POOL__PROXIES__0=http://a:1;DEFAULT__HTTP__POOL__PROXIES__0__ENABLED=no|default http|round_robin of 1: http://a:1 (disabled)
		{}|enabled=YES;default__Http__URL=http://a:1|default http|http://a:1
		{}|ENABLED=1;DEFAULT__REST=http://a:1;DEFAULT__WS=http://b:1|default websocket|http://b:1
	ROWS
	assert_success
	assert_line "30 rows, 0 wrong"
}

@test "ten members and more are numbered as numbers" {
	local i list=ENABLED=1

	for i in 11 2 0 10 1 5 4 3 9 8 7 6; do
		list+=";DEFAULT__HTTP__POOL__PROXIES__${i}__URL=http://h$i:1"
	done
	run -0 with "$list" "$select" --no-state --strategy failover -n 12
	assert_output "$(printf 'http://h%s:1\n' {0..11})"
}

# refuses VARIABLES MESSAGE: the first line of --env, behind CRYPTOFEED_PROXY_.
refuses() {
	local got status=0

	got=$(with "$1" "$validate" --env - <<<'{}' 2>&1) || status=$?
	[ "$status" -eq 1 ] && [[ $got == "CRYPTOFEED_PROXY_$2"* ]] && return
	echo "$1: status $status, expected $2"
	echo "$got"
	return 1
}

@test "errors name the variable, and the place in its JSON" {
	run rows refuses <<-'ROWS'
		ENABLED=|ENABLED: error: enabled: '' is not true or false [type]
		ENABLED= true |ENABLED: error: enabled: ' true ' is not true or false [type]
		ENABLED=null|ENABLED: error: enabled: 'null' is not true or false [type]
		DEFAULT__HTTP__URL=|DEFAULT__HTTP__URL: error: url: the URL is empty [url-empty]
		DEFAULT__HTTP__URL=null|DEFAULT__HTTP__URL: error: url: the URL has no scheme
		DEFAULT__HTTP__URL=ftp://u:S3CRET@h:1|DEFAULT__HTTP__URL: error: url: the scheme is none of http
		DEFAULT__HTTP__TIMEOUT_SECONDS=301|DEFAULT__HTTP__TIMEOUT_SECONDS: error: timeout_seconds: 301 is above 300 [timeout-range]
		DEFAULT__HTTP__TIMEOUT_SECONDS=3e1|DEFAULT__HTTP__TIMEOUT_SECONDS: error: timeout_seconds: '3e1' is not a whole number [type]
		DEFAULT__HTTP__RETRIES=3|DEFAULT__HTTP__RETRIES: error: unknown key 'retries' in a connection [unknown-key]
		DEFAULT__GRPC__URL=http://h:1|DEFAULT__GRPC__URL: error: unknown key 'grpc' in an exchange [unknown-key]
		DEFAULT__=1|DEFAULT__: error: unknown key '' in an exchange [unknown-key]
		DEFAULT___HTTP=http://h:1|DEFAULT___HTTP: error: unknown key '_http'; did you mean 'http'?
		DEFAULT__HTTP__POOL={"proxies":[{"url":"http://h:1"},]}|DEFAULT__HTTP__POOL:1:34: error: a comma stands before this ']' [json-syntax]
		DEFAULT__HTTP__POOL={"proxies":[]}|DEFAULT__HTTP__POOL:1:12: error: proxies: a pool needs at least one proxy [pool-empty]
		DEFAULT={"http": {"pool": [{"url": "http://h:1", "weight": 12}]}}|DEFAULT:1:52: error: weight: 12 is above 10 [weight-range]
		DEFAULT={"http": "http://h:1", "http": 2}|DEFAULT:1:24: error: the key 'http' stands here for the second time
		DEFAULT=words|DEFAULT: error: default: the URL has no scheme
		EXCHANGES=null|EXCHANGES: error: exchanges: null is not an object of exchanges [type]
		DEFAULT__HTTP__POOL__PROXIES=http://a:1,http://b:1|DEFAULT__HTTP__POOL__PROXIES: error: proxies: '***' is not a list of proxies, or "default" [type]
		DEFAULT__HTTP__POOL__PROXIES__1__URL=http://h:1|DEFAULT__HTTP__POOL__PROXIES__1__URL: error: member 1 of a list of 0: they are numbered from 0 without a gap [env-number]
		DEFAULT__HTTP__POOL__PROXIES__0__URL=http://h:1;DEFAULT__HTTP__POOL__PROXIES__X__URL=http://h:2|DEFAULT__HTTP__POOL__PROXIES__X__URL: error: 'x' is no number of a list's member: they are 0, 1, 2, ... [env-number]
		ENABLED=1;enabled=0|
		DEFAULT__HTTP__POOL__STRATEGY=random|DEFAULT__HTTP__POOL__STRATEGY: error: pool: 'proxies' is missing [missing-key]
		DEFAULT__HTTP__STRATEGY=random|DEFAULT__HTTP__STRATEGY: error: 'strategy' belongs to a pool, and there is none
		EXCHANGES__A B__HTTP=http://h:1|EXCHANGES__A B__HTTP: error: 'a b' cannot be an exchange's id
	ROWS
	assert_success
	refute_output --partial S3CRET
	run -1 --separate-stderr with "ENABLED=1;enabled=0" "$validate" --env - <<<'{}'
	assert_regex "$stderr" 'another variable has this name in other letters, and another value \[env-twice\]'
	# A value over several lines has lines.
	run -1 --separate-stderr env CRYPTOFEED_PROXY_DEFAULT=$'{\n "http":\n  {"timeout_seconds": 0}}' \
		"$validate" --env - <<<'{}'
	assert_regex "$stderr" '^CRYPTOFEED_PROXY_DEFAULT:3:23: error: timeout_seconds: 0 is below 1'
}

@test "names that are ignored are told once, with the name that was meant" {
	printf '{"proxies": ["http://f:1"]}' >pool.json
	run -0 --separate-stderr with "FOO=1;DEFAULT_HTTP_URL=http://h:1;ENABLD=1" \
		"$select" --no-state --serve pool.json <<<$'-\n-\n-'
	assert_equal "${#lines[@]}" 3
	assert_equal "$(sort <<<"$stderr")" "pool-select: warning: CRYPTOFEED_PROXY_DEFAULT_HTTP_URL: this name is ignored; did you mean CRYPTOFEED_PROXY_DEFAULT__HTTP__URL?
pool-select: warning: CRYPTOFEED_PROXY_ENABLD: this name is ignored: 'enabld' is no key of the settings; did you mean 'enabled'?
pool-select: warning: CRYPTOFEED_PROXY_FOO: this name is ignored: it begins with none of enabled, default, exchanges (parts are joined by two underscores)"
	run -0 --separate-stderr with FOO=1 "$validate" --env pool.json
	assert_regex "$stderr" '^CRYPTOFEED_PROXY_FOO: warning: .* \[env-ignored\]'
	run -1 with FOO=1 "$validate" --env --strict pool.json
	run -0 with FOO=1 "$validate" --env --strict --allow env-ignored pool.json
}

@test "pool-validate judges the file alone, and with --env both" {
	printf '{"proxies": ["http://f:1"], "x": 1}' >bad.json
	printf '{"proxies": ["http://f:1"]}' >pool.json
	run -0 --separate-stderr with ENABLED=maybe "$validate" pool.json
	assert_equal "$stderr" ""
	run -1 --separate-stderr with ENABLED=maybe "$validate" --env pool.json
	assert_equal "${stderr%%$'\n'*}" "CRYPTOFEED_PROXY_ENABLED: error: enabled: 'maybe' is not true or false [type]"
	run -1 --separate-stderr with ENABLED=maybe "$validate" --env bad.json
	assert_equal "$stderr" "bad.json:1:29: error: unknown key 'x' in a pool [unknown-key]
CRYPTOFEED_PROXY_ENABLED: error: enabled: 'maybe' is not true or false [type]
bad.json: 2 errors, 0 warnings"
	run -1 --separate-stderr with ENABLED=maybe "$validate" --env --format json pool.json
	run -0 jq -r '.files[0].diagnostics[0] | "\(.variable) \(.rule)"' <<<"$output"
	assert_output "CRYPTOFEED_PROXY_ENABLED type"
}

@test "without a pool file the environment is the configuration, in every tool" {
	start_stub --name one http-proxy
	local all="ENABLED=1;DEFAULT__HTTP__POOL=[{\"name\": \"a\", \"url\": \"http://127.0.0.1:$STUB_PORT\"}, {\"name\": \"b\", \"url\": \"http://127.0.0.1:9\"}]"

	run -0 with "$all" "$validate"
	assert_output '$CRYPTOFEED_PROXY_*: valid, 2 proxies in 1 pool'
	run -0 with "$all" "$POOL_BIN/pool-check" -q --quorum 1
	# The state is the user's, wherever he stands.
	mkdir other
	run -0 --separate-stderr env -C other "CRYPTOFEED_PROXY_ENABLED=1" \
		"CRYPTOFEED_PROXY_DEFAULT__HTTP__POOL=[{\"name\": \"a\", \"url\": \"http://127.0.0.1:$STUB_PORT\"}, {\"name\": \"b\", \"url\": \"http://127.0.0.1:9\"}]" \
		"$show" --format json
	run -0 jq -r '[.proxies[].status] | join(" ")' <<<"$output"
	assert_output "healthy unhealthy"
	run -0 with "$all" "$select" --lease --ttl 60
	read -r url lease <<<"$output"
	assert_equal "$url" "http://127.0.0.1:$STUB_PORT"
	run -0 with "$all" "$POOL_BIN/pool-report" "$lease" ok
	run -0 with "$all" "$POOL_BIN/pool-report" a disable
	run -0 with "$all" "$POOL_BIN/pool-report" a enable
	run -0 with "$all" "$POOL_BIN/pool-exec" -- printenv http_proxy
	assert_output "http://127.0.0.1:$STUB_PORT"
	run -1 --separate-stderr with ENABLED=maybe "$validate"
	run -3 --separate-stderr with ENABLED=maybe "$select"
	assert_output http://error.no-proxy.invalid:9
	assert_equal "$stderr" "pool-select: CRYPTOFEED_PROXY_ENABLED: enabled: 'maybe' is not true or false"
	# A file that is there goes first.
	printf '{"proxies": ["http://f:1"]}' >pool.json
	run -0 with "DEFAULT__WEBSOCKET__URL=http://e:1" "$select" --no-state
	assert_output http://f:1
	rm pool.json
	run -3 --separate-stderr "$select"
	assert_regex "$stderr" 'no pool file: give one with -f FILE or \$POOL_FILE \(looked for ./pool.json, .* and CRYPTOFEED_PROXY_\* in the environment\)'
	run -0 find "$HOME" -name '*.snap'
	assert_output ""
}

# --- sharing -------------------------------------------------------------------------------------

write_shared() {
	printf '{"enabled": true, "default": {"http": {"pool": ["http://a:1", "http://b:1", "http://c:1"]}},
		"exchanges": {"okx": {"http": "http://o:1"}}}' >pool.json
	export POOL_FILE=$PWD/pool.json POOL_STATE=$PWD/shared.state
}

@test "rotation is shared by those with and without variables, and goes on for each" {
	local i none="" first="" second="" own=""

	write_shared
	for i in 1 2 3 4; do
		none+=" $("$select")"
		first+=" $(with 'EXCHANGES__OKX__HTTP__POOL=["http://x:1", "http://y:1"]' "$select" -x okx)"
		second+=" $(with 'EXCHANGES__OKX__HTTP__POOL=["http://x:1", "http://z:1"]' "$select" -x okx)"
		# Another time limit is another use of the same pool.
		own+=" $(with DEFAULT__HTTP__TIMEOUT_SECONDS=9 "$select" --format '%{url}/%{timeout}')"
	done
	assert_equal "$none" " http://a:1 http://c:1 http://b:1 http://a:1"
	assert_equal "$own" " http://b:1/9 http://a:1/9 http://c:1/9 http://b:1/9"
	assert_equal "$first" " http://x:1 http://y:1 http://x:1 http://y:1"
	assert_equal "$second" " http://x:1 http://z:1 http://x:1 http://z:1"
	run -0 "$show" --verify
	# Nothing of the environment is in a file.
	run -1 grep -aE 'http://[xyz]:1' shared.state shared.state.snap
	run -0 with 'EXCHANGES__OKX__HTTP__POOL=["http://x:1", "http://y:1"]' "$show" --format json
	run -0 jq -r '[.proxies[] | "\(.pool) \(.proxy) \(.selections)"] | join("\n")' <<<"$output"
	assert_output "default.http a:1 3
default.http b:1 3
default.http c:1 2
exchanges.okx.http+env x:1 2
exchanges.okx.http+env y:1 2"
}

@test "a limit of the environment is kept, and is nobody else's" {
	local limited='DEFAULT__HTTP__POOL__LIMITS={"max_connections": 1}'

	write_shared
	"$select" >/dev/null
	run -0 --separate-stderr with "$limited" "$select" -n 3 --lease --ttl 60
	assert_equal "${#lines[@]}" 3
	run -1 --separate-stderr with "$limited;DEFAULT__HTTP__POOL__FALLBACK=fail" "$select"
	assert_output http://none-eligible.no-proxy.invalid:9
	run -0 --separate-stderr "$select" -n 3
	assert_equal "${#lines[@]}" 3
}

@test "a budget of the environment holds, whoever comes between" {
	local limited='DEFAULT__HTTP__POOL__LIMITS={"requests": 2, "per_seconds": 86400};DEFAULT__HTTP__POOL__FALLBACK=fail'

	write_shared
	for _ in {1..6}; do
		run -0 with "$limited" "$select"
		run -0 with EXCHANGES__OKX__HTTP=http://z:1 "$select" -x okx
		run -0 "$select" -x okx
	done
	run -1 --separate-stderr with "$limited" "$select"
	assert_output http://none-eligible.no-proxy.invalid:9
	run -0 "$show" --verify
}

@test "who copies the default's proxies has those that the environment puts there" {
	local list='DEFAULT__HTTP__POOL=["http://x:1", "http://y:1"]' rest=EXCHANGES__OKX__HTTP__POOL__STRATEGY=random

	export POOL_FILE=$PWD/pool.json POOL_STATE=$PWD/shared.state
	printf '{"enabled": true, "default": {"http": {"pool": ["http://a:1", "http://b:1"]}}, "exchanges": {
		"okx": {"http": {"pool": {"proxies": "default", "strategy": "failover"}}},
		"bybit": {"http": {"pool": {"proxies": ["http://z:1"]}}}}}' >pool.json
	run -0 "$select" -x okx
	assert_output http://a:1
	run -0 with "$list" "$select" -x okx
	assert_output http://x:1
	run -0 with "$list" "$select" -x bybit
	assert_output http://z:1
	run -0 with DEFAULT__HTTP=http://x:1 "$select" -x okx
	assert_output http://x:1
	# without the variable all is as it was, also where only another key is changed
	run -0 "$select" -x okx
	assert_output http://a:1
	run -0 with DEFAULT__HTTP__TIMEOUT_SECONDS=9 "$select" -x okx
	assert_output http://a:1
	run -0 with "$list;$rest" "$show" --format json
	run -0 jq -r '[.proxies[] | "\(.pool) \(.proxy)"] | join("\n")' <<<"$output"
	assert_output "exchanges.bybit.http z:1
default.http+env x:1
default.http+env y:1
exchanges.okx.http+env x:1
exchanges.okx.http+env y:1"
	run -0 with "$list" "$POOL_BIN/pool-validate" --env --resolve -q pool.json
	assert_line --regexp '^okx +http .*failover of 2: http://x:1, http://y:1$'
}

@test "pools of the environment behind any number of the file's" {
	local i n own

	export POOL_STATE=$PWD/shared.state POOL_FILE=$PWD/pool.json
	own='EXCHANGES__Z1__HTTP=http://z:1;EXCHANGES__Z2__HTTP=http://z:2;EXCHANGES__Z3__HTTP=http://z:3'
	for n in {1..9}; do
		{
			printf '{"enabled": true, "exchanges": {'
			for ((i = 1; i <= n; i++)); do
				printf '"e%d": {"http": "http://e:%d"}, ' "$i" "$i"
			done
			printf '"e": {}}}'
		} >pool.json
		run -0 with "$own;EXCHANGES__E1__HTTP=http://x:1" "$show" --names
		assert_equal "$(wc -l <<<"$output")" $((n + 3))
		run -0 with "$own" "$select" -x z3
		assert_output http://z:3
	done
	# A list copied by many is bounded, too.
	jq -nc '{enabled: true, default: {http: {pool: ["http://a:1"]}},
		exchanges: [range(3000) | {key: "e\(.)", value: {http: {pool: {proxies: "default"}}}}] | from_entries}' >pool.json
	run -3 --separate-stderr with "DEFAULT__HTTP__POOL=$(jq -nc '[range(500) | "http://h\(.):1"]')" "$select"
	assert_regex "$stderr" 'CRYPTOFEED_PROXY_DEFAULT__HTTP__POOL: more than 1048576 proxies in all$'
}

@test "health and leases are shared, both ways" {
	local lease

	start_stub http-proxy
	write_shared
	printf '{"enabled": true, "default": {"http": {"pool": [{"name": "good", "url": "http://127.0.0.1:%s"},
		{"name": "dead", "url": "http://127.0.0.1:9"}]}}}' "$STUB_PORT" >pool.json
	run -0 with "EXCHANGES__OKX__HTTP__URL=http://127.0.0.1:$STUB_PORT" "$POOL_BIN/pool-check" -q
	run -0 --separate-stderr "$select" -n 2
	assert_output "http://127.0.0.1:$STUB_PORT"
	lease=$("$select" --lease --ttl 60 --format '%{lease}')
	run -0 with "EXCHANGES__OKX__HTTP__URL=http://127.0.0.1:$STUB_PORT" "$POOL_BIN/pool-report" -v "$lease" ok
	run -0 "$POOL_BIN/pool-report" good disable
	run -1 with "DEFAULT__HTTP__TIMEOUT_SECONDS=9" "$select" --exclude dead
	run -0 "$show" --verify
}

# Where the image in force begins, as pool-state(5) has it.
image_at() {
	local active root

	active=$(od -An -tu4 -j 3216 -N 4 shared.state | tr -d ' ')
	root=$((3224 + (active & 1) * 32))
	od -An -tu8 -j "$root" -N 8 shared.state | tr -d ' '
}

@test "damage to what is new in the image is found, and mended" {
	local at field

	for field in 144 20; do # overlay_id, former_count
		write_shared
		with 'EXCHANGES__OKX__HTTP__URL=http://x:1' "$select" -x okx >/dev/null
		at=$(($(image_at) + field))
		printf '\377\377\377\377' | dd of=shared.state bs=1 seek="$at" conv=notrunc status=none
		run -0 --separate-stderr with 'EXCHANGES__OKX__HTTP__URL=http://x:1' "$select" -x okx
		assert_output http://x:1
		assert_regex "$stderr" 'was corrupt'
		run -0 "$select"
		run -0 "$show" --verify
	done
}

@test "who has no variables lays out nothing anew for those who have" {
	local generation

	write_shared
	"$select" >/dev/null
	with 'EXCHANGES__OKX__HTTP__URL=http://x:1' "$select" -x okx >/dev/null
	generation() {
		od -An -tu8 -j $(($(image_at) + 8)) -N 8 shared.state | tr -d ' '
	}
	generation=$(generation)
	[ "$generation" -gt 0 ]
	for i in 1 2 3 4 5; do
		"$select" >/dev/null
		with 'EXCHANGES__OKX__HTTP__URL=http://x:1' "$select" -x okx >/dev/null
		with DEFAULT__HTTP__POOL__STRATEGY=random "$select" >/dev/null
	done
	assert_equal "$(generation)" "$generation"
}

@test "processes of each kind at once lose no selection" {
	local i

	write_shared
	"$select" >/dev/null
	for i in 1 2 3 4; do
		yes - | head -n 500 | "$select" --serve >"none.$i" 3>&- &
		yes okx | head -n 500 | with 'EXCHANGES__OKX__HTTP__POOL=["http://x:1", "http://y:1"]' \
			"$select" --serve >"first.$i" 3>&- &
		yes okx | head -n 200 | with 'EXCHANGES__OKX__HTTP__POOL=["http://z:1", "http://y:1"]' \
			"$select" --serve >"second.$i" 3>&- &
	done
	wait
	run -0 bash -c "cat none.* | sort | uniq -c | awk '{ print \$1 }' | sort -n"
	assert_output "666
667
667"
	run -0 bash -c "cat first.* | sort | uniq -c | awk '{ print \$1, \$2 }'"
	assert_output "1000 http://x:1
1000 http://y:1"
	run -0 bash -c "cat second.* | sort | uniq -c | awk '{ print \$1, \$2 }'"
	assert_output "400 http://y:1
400 http://z:1"
	run -0 "$show" --verify
}

@test "an edit of the file is seen below the environment" {
	write_shared
	run -0 with DEFAULT__WEBSOCKET__URL=http://w:1 "$select" -t websocket
	assert_output http://w:1
	printf '{"enabled": true, "default": {"http": "http://n:1"}}' >pool.json
	run -0 with DEFAULT__WEBSOCKET__URL=http://w:1 "$select"
	assert_output http://n:1
	run -0 with DEFAULT__WEBSOCKET__URL=http://w:1 "$select" -t websocket
	assert_output http://w:1
	# What is invalid leaves the last good file in force, the environment on top.
	printf '{' >pool.json
	run -0 --separate-stderr with DEFAULT__WEBSOCKET__URL=http://v:1 "$select" -t websocket
	assert_output http://v:1
	assert_regex "$stderr" 'its last good version stays in force'
}

@test "pool-watch has the environment on top, and keeps it over a reload" {
	start_stub --name one http-proxy
	local one=$STUB_PORT

	start_stub --name two http-proxy
	write_shared
	printf '{"proxies": [{"name": "one", "url": "http://127.0.0.1:%s"}]}' "$one" >pool.json
	with "EXCHANGES__OKX__HTTP__URL=http://127.0.0.1:$STUB_PORT" \
		"$POOL_BIN/pool-watch" --daemonize 3>&-
	wait_until 10 "$show" -q --quorum 100%
	run -0 with "EXCHANGES__OKX__HTTP__URL=http://127.0.0.1:$STUB_PORT" "$show" -q -x okx --quorum 100%
	printf '{"proxies": [{"name": "renamed", "url": "http://127.0.0.1:%s"}]}' "$one" >pool.json
	run -0 "$POOL_BIN/pool-watch" --reload
	run -0 with "EXCHANGES__OKX__HTTP__URL=http://127.0.0.1:$STUB_PORT" "$show" -q -x okx --quorum 100%
	run -0 "$POOL_BIN/pool-watch" --stop
}
