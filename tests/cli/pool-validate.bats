# pool-validate, in the order of its manual page.

load ../lib

setup() {
	pool_setup
	validate=$POOL_BIN/pool-validate
	umask 077
	echo '{"proxies": ["http://h:1", "socks5://mira:S3CRETpw@[::1]:2"]}' >good.json
	echo '{"proxies": ["http://h:1", "http://h:1"]}' >warned.json
	printf '{\n  "proxies": [\n    {"url": "http://h:1", "weight": 12}\n  ],\n  "stratgy": 1\n}\n' \
		>bad.json
}

teardown() {
	pool_teardown
}

@test "a valid file is summed up on standard output" {
	run -0 --separate-stderr "$validate" good.json
	assert_output "good.json: valid, 2 proxies in 1 pool"
	assert_equal "$stderr" ""
}

@test "all faults are told with place and rule, then counted" {
	run -1 --separate-stderr "$validate" bad.json
	assert_output ""
	assert_equal "$stderr" "bad.json:3:37: error: weight: 12 is above 10 [weight-range]
bad.json:5:3: error: unknown key 'stratgy'; did you mean 'strategy'? [unknown-key]
bad.json: 2 errors, 0 warnings"
}

@test "a terminal gets the line with a caret, secrets redacted" {
	require_tool script
	echo '{"proxies": [{"url": "http://mira:S3CRETpw@h:1", "weight": 12}]}' >caret.json
	run -1 script -qec "'$validate' caret.json" /dev/null
	assert_line --partial '{"proxies": [{"url": "http://***@h:1", "weight": 12}]}'
	assert_line --regexp '^ {51}\^~.?$'
	refute_output --partial S3CRETpw
	refute_output --partial mira
}

@test "warnings are told and pass" {
	run -0 --separate-stderr "$validate" warned.json
	assert_output "warned.json: valid, 2 proxies in 1 pool"
	assert_equal "$stderr" "warned.json:1:28: warning: proxies[1]: 'http://h:1' stands in this \
pool more than once [duplicate-proxy]
warned.json: 0 errors, 1 warning"
}

@test "several files end with the highest status" {
	run -1 --separate-stderr "$validate" good.json bad.json
	assert_output "good.json: valid, 2 proxies in 1 pool"
	run -3 --separate-stderr "$validate" missing.json bad.json good.json
	assert_output "good.json: valid, 2 proxies in 1 pool"
	run -0 "$validate" -f good.json warned.json
	assert_line "good.json: valid, 2 proxies in 1 pool"
	assert_line "warned.json: valid, 2 proxies in 1 pool"
}

@test "standard input is -" {
	run -0 --separate-stderr "$validate" - <good.json
	assert_output -- "-: valid, 2 proxies in 1 pool"
	run -1 --separate-stderr "$validate" --file=- <bad.json
	assert_regex "$stderr" "^-:3:37: error: "
}

@test "without operand the usual places are looked through" {
	run -3 --separate-stderr "$validate"
	assert_output ""
	assert_regex "$stderr" "^pool-validate: no pool file: "
	POOL_FILE=good.json run -0 "$validate"
	assert_output "good.json: valid, 2 proxies in 1 pool"
	cp good.json pool.json
	run -0 "$validate"
	assert_output "pool.json: valid, 2 proxies in 1 pool"
}

@test "what cannot be read is one line and status 3" {
	mkdir folder
	mkfifo pipe
	head -c 1000 /bin/sh >binary.json
	truncate -s 100M large.json
	echo 'enabled: true' >pool.yaml
	local file reason

	while IFS='|' read -r file reason; do
		run -3 --separate-stderr "$validate" "$file"
		assert_output ""
		assert_equal "$stderr" "pool-validate: $reason"
	done <<-'ROWS'
		folder|cannot read 'folder': it is a directory
		/dev/zero|cannot read '/dev/zero': it is larger than 64 MiB
		large.json|cannot read 'large.json': it is larger than 64 MiB
		binary.json|cannot read 'binary.json': it is a binary file, not text
		missing.json|cannot open 'missing.json': No such file or directory
	ROWS
}

@test "UTF-16 and UTF-32 are called so, in every input, with how to convert" {
	require_tool iconv
	printf '{"proxies": ["http://192.0.2.1:8080"]}' >text.json
	printf 'proxies: ["http://192.0.2.1:8080"]\n' >text.yaml
	printf '192.0.2.1:8080\n' >text.txt
	printf '[ProxyList]\nhttp 192.0.2.1 8080\n' >proxychains.conf
	printf 'CRYPTOFEED_PROXY_DEFAULT__HTTP=http://192.0.2.1:8080\n' >text.env
	local name encoding called

	for name in text.json text.yaml text.txt proxychains.conf text.env; do
		for encoding in UTF-16LE UTF-16BE UTF-32LE UTF-32BE; do
			for mark in "" $'\xef\xbb\xbf'; do
				{ printf %s "$mark"; cat $name; } |
					iconv -f UTF-8 -t $encoding >wide-$name
				called=$encoding
				[ -z "$mark" ] || called=${encoding%?E}
				run -3 --separate-stderr "$POOL_BIN/pool-convert" wide-$name
				assert_output ""
				assert_equal "$stderr" "pool-convert: cannot read 'wide-$name': it is $called, not UTF-8: convert it with iconv -f $called -t UTF-8"
				iconv -f $called -t UTF-8 wide-$name | cmp - $name
			done
		done
	done
	for tool in pool-validate pool-select pool-check pool-status; do
		iconv -f UTF-8 -t UTF-16LE text.json >wide.json
		run -3 --separate-stderr "$POOL_BIN/$tool" wide.json
		assert_regex "$stderr" "it is UTF-16LE, not UTF-8"
	done
	printf 'quartz7\n' | iconv -f UTF-8 -t UTF-16 >secret
	echo '{"proxies": [{"url": "http://u@192.0.2.1:80", "password_file": "secret"}]}' >pool.json
	run -3 --separate-stderr "$validate" --expand pool.json
	assert_regex "$stderr" "password_file: the password file '[^']*/secret' is UTF-16, not UTF-8: convert it with iconv -f UTF-16 -t UTF-8"
}

@test "weight 0 names how to drain, other weights out of range only the range" {
	local weight

	for weight in 0 0.0 -0 -0.0 0e3; do
		echo "{\"proxies\": [{\"url\": \"http://192.0.2.1:80\", \"weight\": $weight}]}" >pool.json
		run -1 --separate-stderr "$validate" pool.json
		assert_regex "$stderr" "weight: $weight is below 0.1; to drain a proxy, write \"enabled\": false, or run pool-report NAME disable \\[weight-range\\]"
	done
	for weight in 0.05 -1 -0.1 1e-9; do
		echo "{\"proxies\": [{\"url\": \"http://192.0.2.1:80\", \"weight\": $weight}]}" >pool.json
		run -1 --separate-stderr "$validate" pool.json
		assert_regex "$stderr" "weight: $weight is below 0.1 \\[weight-range\\]"
	done
}

@test "configurations of other programs are told in one sentence" {
	local name tool

	printf 'log:\n  filename: f.log\nuvloop: true\nbit.com:\n  key_id: null\n' >feed.yaml
	printf 'bitmex: {key_id: a, key_secret: b}\n' >keys.yaml
	printf 'exchanges:\n  okx: {symbols: [BTC-USDT], channels: [TRADES]}\n' >feeds.yaml
	printf 'mixed-port: 7890\nproxies:\n- {name: a, type: socks5, server: h.test, port: 1080}\n- {name: b, type: ss, server: h.test, port: 1}\n' >clash.yaml
	printf 'proxies:\n- {name: a, type: http, server: h.test, port: "443"}\n' >provider.yaml
	printf '{"data": [{"ip": "192.0.2.1"}], "total": 1, "page": 1}' >api.json
	while IFS='|' read -r name told; do
		for tool in "$validate" "$POOL_BIN/pool-convert"; do
			run -1 --separate-stderr "$tool" $name
			assert_regex "$stderr" "^$name:1:1: error: $told.* \\[foreign-format\\]
$name: 1 error, 0 warnings\$"
		done
		run -3 --separate-stderr "$POOL_BIN/pool-select" $name
		assert_regex "$stderr" "$told"
	done <<-'ROWS'
		feed.yaml|this is a configuration of cryptofeed without 'proxy'
		keys.yaml|this is a configuration of cryptofeed without 'proxy'
		feeds.yaml|this is a configuration of cryptofeed without 'proxy'
		clash.yaml|this is a file of Clash
		provider.yaml|this is a file of Clash
		api.json|no key of this document is one of a pool file
	ROWS
	# What is one of ours for the most part is judged key by key.
	printf 'log: {level: INFO}\nenabled: true\ndefault: {http: "http://192.0.2.1:80"}\n' >mixed.yaml
	run -1 --separate-stderr "$validate" mixed.yaml
	assert_regex "$stderr" "'log' is not supported here: it is cryptofeed's own: leave it beside a key 'proxy', and write the settings below that"
	printf '{"proxie": ["http://192.0.2.1:80"], "stratgy": "random", "x": 1}' >near.json
	run -1 --separate-stderr "$validate" near.json
	assert_regex "$stderr" "did you mean 'proxies'"
}

@test "a file without permission is status 3" {
	local powerless=()

	# Root reads everything, unless it gives its capabilities up.
	if [ "$(id -u)" -eq 0 ]; then
		require_tool setpriv
		powerless=(setpriv --bounding-set=-all --inh-caps=-all)
	fi
	chmod 000 good.json
	run -3 --separate-stderr "${powerless[@]}" "$validate" good.json
	assert_equal "$stderr" "pool-validate: cannot open 'good.json': Permission denied"
}

@test "--input says what the text is" {
	cp good.json pool.yaml
	run -0 "$validate" --input json pool.yaml
	run -0 "$validate" --input yaml good.json
	printf 'proxies: [http://h:1]\n' >pool.conf
	run -1 "$validate" pool.conf
	run -0 "$validate" --input yaml pool.conf
	run -2 --separate-stderr "$validate" --input toml good.json
	assert_equal "$stderr" "pool-validate: --input wants json or yaml, not 'toml'; did you mean 'yaml'?"
}

@test "--format json is one document about all files" {
	require_tool python3
	run -1 --separate-stderr "$validate" --format json good.json bad.json warned.json
	assert_equal "$stderr" ""
	python3 - "$output" <<-'CHECK'
		import json, sys
		document = json.loads(sys.argv[1])
		assert document["valid"] is False and document["errors"] == 2, document
		assert document["warnings"] == 1 and document["notes"] == 0, document
		good, bad, warned = document["files"]
		assert good == {"file": "good.json", "valid": True, "proxies": 2, "pools": 1,
			"errors": 0, "warnings": 0, "notes": 0, "diagnostics": []}, good
		assert bad["valid"] is False
		assert bad["diagnostics"][0] == {"file": "bad.json", "line": 3, "column": 37,
			"end_column": 39, "severity": "error", "rule": "weight-range",
			"message": "weight: 12 is above 10", "pointer": "/proxies/0/weight"}, bad
		assert warned["valid"] is True and warned["diagnostics"][0]["severity"] == "warning"
	CHECK
	run -3 --separate-stderr "$validate" --format json missing.json
	python3 -c 'import json, sys; assert json.loads(sys.argv[1])["files"][0]["unreadable"]' \
		"$output"
}

@test "--expand tells of each secret that cannot be had, where it is named" {
	cat >secret.json <<-'POOL'
		{"proxies": [
		  {"url": "http://${U_A}:x${U_B}@h:1"},
		  "socks5://u:${LONG}@h:1",
		  {"url": "http://u@h:2", "password_file": "none"},
		  {"url": "http://u@h:3", "password_file": "empty"},
		  {"url": "http://u@h:4", "password_file": "good"},
		  {"url": "socks5://u@h:4", "password_file": "long"},
		  {"url": "http://u:${NEWLINE}@h:5"},
		  {"url": "http:\/\/u:${U_C}@h:6"},
		  {"url": "http://u:%24{U_D}${GOOD}@h:7"}
		]}
	POOL
	: >empty
	printf 'S3CRETpw\n' >good
	printf '%0300d\n' 0 >long
	export LONG=$(cat long) NEWLINE=$'S3CRETpw\n' GOOD=S3CRETpw
	run -3 --separate-stderr "$validate" --expand --allow literal-credentials secret.json
	assert_output ""
	assert_equal "$stderr" "\
secret.json:2:19: error: url: the variable \${U_A} of a proxy's URL is not set [secret-unset]
secret.json:2:27: error: url: the variable \${U_B} of a proxy's URL is not set [secret-unset]
secret.json:3:4: error: proxies[1]: a user name or password is longer than the 255 bytes of SOCKS5 \
[secret-value]
secret.json:4:44: error: password_file: cannot read the password file '$PWD/none': No such file or \
directory [secret-file]
secret.json:5:44: error: password_file: the password file '$PWD/empty' is empty [secret-file]
secret.json:7:46: error: password_file: a user name or password is longer than the 255 bytes of \
SOCKS5 [secret-file]
secret.json:8:21: error: url: the variable \${NEWLINE} of a proxy's URL holds a control character \
[secret-value]
secret.json:9:11: error: url: the variable \${U_C} of a proxy's URL is not set [secret-unset]
secret.json: 8 errors, 0 warnings"
	refute_regex "$stderr" S3CRETpw
	run -0 "$validate" secret.json
	run -0 env U_A=a U_B=b U_C=c LONG=l NEWLINE=n \
		bash -c 'echo pw >none; echo pw >empty; echo pw >long; exec "$@"' bash \
		"$validate" --expand secret.json
	assert_output --partial "secret.json: valid, 9 proxies in 1 pool"
}

@test "--expand: what is wrong with the file as well is told with it, and 3 is the higher" {
	echo '{"proxies": [{"url": "http://u:${U_A}@h:1", "weight": 12}]}' >both.json
	run -3 --separate-stderr "$validate" --expand both.json
	assert_equal "$(grep -oE '\[[a-z-]+\]' <<<"$stderr" | tr '\n' ' ')" \
		"[secret-unset] [weight-range] "
	run -1 "$validate" both.json
	run -3 --separate-stderr "$validate" --expand --format sarif both.json
	assert_output --partial '"ruleId": "secret-unset"'
	CRYPTOFEED_PROXY_DEFAULT__HTTP__URL='http://u:${U_A}@h:1' \
		run -3 --separate-stderr "$validate" --env --expand good.json
	assert_regex "$stderr" '^CRYPTOFEED_PROXY_DEFAULT__HTTP__URL: error: .*\[secret-unset\]'
	U_A=a CRYPTOFEED_PROXY_DEFAULT__HTTP__URL='http://u:${U_A}@h:1' \
		run -0 "$validate" --env --expand good.json
}

@test "--strict lets warnings fail" {
	run -1 --separate-stderr "$validate" --strict warned.json
	assert_output ""
	run -0 "$validate" --strict good.json
}

@test "--allow passes over a warning, never over an error" {
	run -0 --separate-stderr "$validate" --strict --allow url-path,duplicate-proxy warned.json
	assert_output "warned.json: valid, 2 proxies in 1 pool"
	assert_equal "$stderr" ""
	run -2 --separate-stderr "$validate" --allow duplicate-proxi warned.json
	assert_equal "$stderr" \
		"pool-validate: --allow wants the rule of a warning or note, not 'duplicate-proxi'; did you mean 'duplicate-proxy'?"
	run -2 --separate-stderr "$validate" --allow weight-range bad.json
	assert_equal "$stderr" \
		"pool-validate: --allow wants the rule of a warning or note: 'weight-range' is an error"
}

@test "a note is told and counted, and fails nothing" {
	local note="http.json:1:56: note: method: http without url asks for \
http://www.gstatic.com/generate_204 [default-check-url]"

	write_pool http.json '{"proxies": ["http://h:1"], "health_check": {"method": "http"}}'
	for strict in "" --strict; do
		run -0 --separate-stderr "$validate" $strict http.json
		assert_output "http.json: valid, 1 proxy in 1 pool"
		assert_equal "$stderr" "$note
http.json: 0 errors, 0 warnings, 1 note"
		run -0 --separate-stderr "$validate" $strict -q http.json
		assert_output ""
		assert_equal "$stderr" ""
		run -0 --separate-stderr "$validate" $strict --allow default-check-url http.json
		assert_equal "$stderr" ""
	done
	run -0 --separate-stderr "$validate" --log-format json http.json
	assert_equal "$(jq -r 'select(.message | contains("[default-check-url]")).level' <<<"$stderr")" note
	# Beside a warning it stands behind it, and is left out where only that is wanted.
	write_pool http.json '{"proxies": ["http://h:1/x"], "health_check": {"method": "http"}}'
	run -1 --separate-stderr "$validate" --strict http.json
	assert_equal "$(grep -oE ': (error|warning|note): ' <<<"$stderr" | tr -d ': \n')" warningnote
	assert_regex "$stderr" 'http.json: 0 errors, 1 warning, 1 note$'
	run -1 --separate-stderr "$validate" --strict -q http.json
	assert_equal "$(grep -oE ': (error|warning|note): ' <<<"$stderr" | tr -d ': \n')" warning
}

@test "--max-errors bounds what is shown, not what is counted" {
	local items

	items=$(printf '7,%.0s' {1..29})
	echo "{\"proxies\": [${items}7]}" >many.json
	run -1 --separate-stderr "$validate" many.json
	assert_equal "$(grep -c ': error: ' <<<"$stderr")" 20
	assert_regex "$stderr" "many.json: 30 errors, 0 warnings \(10 not shown; "
	run -1 --separate-stderr "$validate" --max-errors 3 many.json
	assert_equal "$(grep -c ': error: ' <<<"$stderr")" 3
	run -1 --separate-stderr "$validate" --max-errors 0 many.json
	assert_equal "$(grep -c ': error: ' <<<"$stderr")" 30
	run -2 --separate-stderr "$validate" --max-errors -1 many.json
	assert_equal "$stderr" "pool-validate: --max-errors wants a whole number from 0 to 2147483647, not '-1'"
}

@test "--print gives a normal form that is valid, without secrets" {
	run -0 --separate-stderr "$validate" --print good.json
	assert_equal "$stderr" ""
	assert_line '        "proxies": [{'
	assert_line '            "url": "socks5://***@[::1]:2",'
	refute_output --partial S3CRETpw
	refute_output --partial mira
	echo "$output" >printed.json
	run -0 --separate-stderr "$validate" --strict printed.json
	assert_output "printed.json: valid, 4 proxies in 2 pools"
	run -1 --separate-stderr "$validate" --print bad.json
	assert_output ""
}

@test "--resolve says where each lookup leads" {
	cat >exchanges.json <<-'POOL'
		{"enabled": true,
		 "default": {"http": {"pool": ["http://a:1", "http://b:1", "http://c:1", "http://d:1"],
			"strategy": "random"}},
		 "exchanges": {"OKX": {"websocket": "socks5://mira:S3CRETpw@w:1"}}}
	POOL
	run -0 --separate-stderr "$validate" --resolve exchanges.json
	assert_equal "$stderr" ""
	assert_output "\
EXCHANGE  TYPE       FROM                          LEADS TO
default   http       default.http                  random of 4: http://a:1, http://b:1, http://c:1, and 1 more
default   websocket  -                             http://not-configured.no-proxy.invalid:9
okx       http       default.http                  random of 4: http://a:1, http://b:1, http://c:1, and 1 more
okx       websocket  exchanges.okx.websocket       socks5://***@w:1"
	run -0 --separate-stderr "$validate" --resolve -x OKX -t ws exchanges.json
	assert_equal "${#lines[@]}" 2
	run -0 --separate-stderr "$validate" --resolve -x okkx -t http exchanges.json
	assert_line --partial "(is 'okx' meant?)"
	run -2 --separate-stderr "$validate" -x okx exchanges.json
	assert_equal "$stderr" "pool-validate: -x and -t go with --resolve"
	run -2 --separate-stderr "$validate" --resolve -t grpc exchanges.json
	assert_equal "$stderr" "pool-validate: --type wants http or websocket, not 'grpc'"
}

@test "--resolve shows rollout_percent and what the url beside a pool is for" {
	cat >rollout.json <<-'POOL'
		{"enabled": true,
		 "default": {
			"http": {"rollout_percent": 10, "url": "http://mira:S3CRETpw@c:1",
				"pool": ["http://a:1", "http://b:1"]},
			"websocket": {"rollout_percent": 100, "url": "http://c:1", "pool": ["http://a:1"]}}}
	POOL
	run -0 --separate-stderr "$validate" --resolve rollout.json
	assert_line --regexp ' 10 %: round_robin of 2: http://a:1, http://b:1; 90 %, and all if none is eligible: http://\*\*\*@c:1$'
	assert_line --regexp ' round_robin of 1: http://a:1; else http://c:1$'
}

@test "-o makes a file as the shell does, whatever somebody else left there" {
	umask 027
	run -0 "$validate" --format json -o out.json good.json
	assert_equal "$(stat -c %a out.json)" 640
	chmod 6604 out.json
	run -0 "$validate" --format json -o out.json good.json
	assert_equal "$(stat -c %a out.json)" 604
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	chown 4001:4001 out.json
	chmod 6777 out.json
	run -0 "$validate" --format json -o out.json good.json
	assert_equal "$(stat -c '%a %u %g' out.json)" "640 0 0"
}

@test "--schema prints the JSON Schema, with each key of the page, and reads no pool file" {
	require_tool jq
	run -0 --separate-stderr "$validate" --schema
	assert_equal "$stderr" ""
	echo "$output" >schema.json
	assert_equal "$(jq -r '."$schema"' schema.json)" "https://json-schema.org/draft/2020-12/schema"
	jq -r '.. | .properties? // empty | to_entries[]
		| select(.value.description) | "\(.key) \(.value.description)"' schema.json |
		grep -v '^proxy The settings, or one URL' | sort -u >described
	awk '/^\.It Ic .* Pq / { key = $3; getline; print key " " $0 }' "$SOURCE_DIR/man/pool-file.5" |
		sort -u | diff -u - described
	run -0 jq -c '[.. | .weight? // empty | .default, .anyOf[0].minimum, .anyOf[0].maximum]' schema.json
	assert_output "[1,0.1,10]"
	run -0 "$validate" --schema -o out.json
	assert_output ""
	cmp out.json schema.json
	run -2 --separate-stderr "$validate" --schema good.json
	assert_equal "$stderr" "pool-validate: --schema judges no pool file"
	run -2 --separate-stderr "$validate" --schema --rules
	assert_equal "$stderr" "pool-validate: --rules and --schema cannot be combined"
}

@test "options that answer in different ways cannot be combined" {
	run -2 --separate-stderr "$validate" --print --resolve good.json
	assert_equal "$stderr" "pool-validate: --print and --resolve cannot be combined"
	run -2 --separate-stderr "$validate" --print --format json good.json
	assert_output ""
}

@test "-q says nothing of what is valid, -v also beside data" {
	run -0 --separate-stderr "$validate" -q warned.json
	assert_output ""
	assert_equal "$stderr" ""
	run -1 --separate-stderr "$validate" -q bad.json
	assert_equal "${#stderr_lines[@]}" 3
	run -0 --separate-stderr "$validate" -v --print good.json
	assert_equal "$stderr" "good.json: valid, 2 proxies in 1 pool"
}

@test "clear-text credentials that others can read are warned of" {
	chmod 644 good.json
	run -0 --separate-stderr "$validate" good.json
	assert_regex "$stderr" "warning: 1 proxy has credentials in clear text.*\[literal-credentials\]"
	refute_regex "$stderr" "S3CRETpw|mira"
	chmod 600 good.json
	run -0 --separate-stderr "$validate" good.json
	assert_equal "$stderr" ""
	chmod 644 good.json
	sed -i 's/S3CRETpw/${PASSWORD}/' good.json
	run -0 --separate-stderr "$validate" good.json
	assert_equal "$stderr" ""
}

@test "-h and -V answer on standard output" {
	run -0 --separate-stderr "$validate" --help
	assert_line --partial "--max-errors N"
	run -0 --separate-stderr "$validate" -V
	assert_line --regexp '^pool-validate \(proxypool\) [0-9]'
}

@test "an unknown option is a usage error" {
	run -2 --separate-stderr "$validate" --strikt good.json
	assert_equal "$stderr" \
		"pool-validate: unknown option '--strikt'; did you mean '--strict'?"
}

@test "a closed standard output is status 4, and the file is read all the same" {
	run -4 --separate-stderr bash -c "exec '$validate' good.json <&- >&-"
	assert_equal "$stderr" "pool-validate: cannot write standard output: Bad file descriptor"
	run -1 bash -c "exec '$validate' bad.json <&- >&- 2>&-"
}

@test "a full disk behind standard output is status 4" {
	run -4 --separate-stderr bash -c "'$validate' good.json >/dev/full"
	assert_regex "$stderr" "cannot write standard output"
}

@test "a hundred thousand proxies are judged at once" {
	awk 'BEGIN { printf "{\"proxies\":["; for (i = 0; i < 100000; i++)
		printf "%s\"http://same.test:80\"", i ? "," : ""; print "]}" }' >large.json
	# Seconds are the machine's; a search of all for each would take it minutes.
	run -0 --separate-stderr timeout 60 "$validate" --max-errors 1 large.json
	assert_output "large.json: valid, 100000 proxies in 1 pool"
}
