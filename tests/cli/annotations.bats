# pool-validate for CI: its documents for GitHub, GitLab and code scanning, --output, --rules.

load ../lib

setup() {
	pool_setup
	require_tool jq
	umask 022
	formats=(text json sarif github gitlab)
	mkdir conf
	write_pool conf/good.json '{"proxies": ["http://h:1", "socks5://mira:S3CRETpw@[::1]:2"]}'
	printf '%s\n' '{' '  "proxies": [' '    {"url": "http://h:1", "weight": 12},' \
		'    {"url": "http://mira:S3CRETpw@é:1", "weight": "é", "enabled": 3},' \
		'    "http://i:1/x"' '  ],' '  "stratgy": 1' '}' >conf/bad.json
	chmod 600 conf/bad.json
}

teardown() {
	pool_teardown
}

# move_lines FROM TO: the same faults on other lines, in proxies of other numbers.
move_lines() {
	sed '2s|.*|&\n\n "socks5://other:1",\n|' "$1" >"$2"
}

@test "each format is in the table, and a wrong one is told the others" {
	run -2 --separate-stderr pool-validate --format xml conf/good.json
	assert_equal "$stderr" \
		"pool-validate: --format wants text, json, sarif, github or gitlab, not 'xml'"
	for format in "${formats[@]:1}"; do
		run -2 --separate-stderr pool-validate --format "$format" --print conf/good.json
		assert_equal "$stderr" \
			"pool-validate: --format $format cannot be combined with --print or --resolve"
		assert_output ""
	done
}

@test "no document shows a user name or a password, or anything on standard error" {
	for format in "${formats[@]:1}"; do
		run -1 --separate-stderr pool-validate --format "$format" conf/bad.json conf/good.json
		assert_output --partial weight-range
		refute_output --regexp 'S3CRETpw|mira'
		assert_equal "$stderr" ""
	done
}

# --- GitHub ------------------------------------------------------------------------------------

@test "github: a command a diagnostic, with its place" {
	run -1 --separate-stderr pool-validate --format github ./conf/../conf//bad.json
	assert_equal "$stderr" ""
	assert_output "\
::error file=conf/../conf/bad.json,line=3,col=37,endColumn=39,title=weight-range::weight: 12 is above 10
::error file=conf/../conf/bad.json,line=4,col=51,endColumn=54,title=type::weight: 'é' is not a number
::error file=conf/../conf/bad.json,line=4,col=67,endColumn=68,title=type::enabled: 3 is not true or false
::error file=conf/../conf/bad.json,line=7,col=3,endColumn=12,title=unknown-key::unknown key \
'stratgy'; did you mean 'strategy'?
::warning file=conf/../conf/bad.json,line=4,col=13,endColumn=39,title=url-host-unicode::url: the host \
is not ASCII: checks and clients get its punycode form
::warning file=conf/../conf/bad.json,line=5,col=5,endColumn=19,title=url-path::proxies[2]: a proxy URL \
ends with its port: clients refuse or ignore a path, query or fragment"
	run -0 --separate-stderr pool-validate --format github conf/good.json
	assert_output ""
}

@test "github: what would end a property or a line is escaped" {
	cp conf/bad.json "$(printf 'a,b:c%%\r\n.json')"
	run -1 pool-validate --format github "$(printf 'a,b:c%%\r\n.json')"
	assert_line --index 0 "::error file=a%2Cb%3Ac%25%0D%0A.json,line=3,col=37,endColumn=39,\
title=weight-range::weight: 12 is above 10"
	assert_equal "${#lines[@]}" 6
	run -3 pool-validate --format github '100%.json'
	assert_output "::error file=100%25.json,title=unreadable::cannot open '100%25.json': No such \
file or directory"
	echo '{"proxies": ["http://mira:50%25x%@h:1"]}' >percent.json
	chmod 600 percent.json
	run -0 pool-validate --format github percent.json
	assert_output --partial "title=url-percent::proxies[0]: a percent sign"
	assert_output --partial "begins no code: write %2525"
}

# --- GitLab ------------------------------------------------------------------------------------

@test "gitlab: an issue a diagnostic" {
	run -3 --separate-stderr pool-validate --format gitlab "$PWD/conf/bad.json" ./missing.json
	assert_equal "$stderr" ""
	echo "$output" >report.json
	run -0 jq -r '.[] | "\(.location.path):\(.location.lines.begin) \(.severity) \(.check_name)
		\(.description)" | gsub("\n\t*"; " ")' report.json
	assert_output "\
conf/bad.json:3 major weight-range weight: 12 is above 10
conf/bad.json:4 major type weight: 'é' is not a number
conf/bad.json:4 major type enabled: 3 is not true or false
conf/bad.json:7 major unknown-key unknown key 'stratgy'; did you mean 'strategy'?
conf/bad.json:4 minor url-host-unicode url: the host is not ASCII: checks and clients get its punycode form
conf/bad.json:5 minor url-path proxies[2]: a proxy URL ends with its port: clients refuse or ignore a path, query or fragment
missing.json:1 blocker unreadable cannot open './missing.json': No such file or directory"
	run -0 jq 'length == (map(.fingerprint) | unique | length)
		and all(.[]; keys == ["check_name", "description", "fingerprint", "location",
			"severity"])' report.json
	assert_output true
	run -0 pool-validate --format gitlab conf/good.json
	assert_equal "$(jq -c . <<<"$output")" "[]"
}

@test "a fingerprint stays when lines and numbers move, and changes with what is said" {
	run -1 pool-validate --format gitlab conf/bad.json
	jq -r '.[].fingerprint' <<<"$output" | sort >before
	assert_equal "$(sort -u before | wc -l)" 6
	cp conf/bad.json old.json
	move_lines old.json conf/bad.json
	run -1 pool-validate --format gitlab conf/bad.json
	assert_equal "$(jq -r '.[0].location.lines.begin' <<<"$output")" 6
	jq -r '.[].fingerprint' <<<"$output" | sort >after
	diff -u before after
	run -1 pool-validate --format sarif conf/bad.json
	jq -r '.runs[0].results[].partialFingerprints["poolDiagnostic/v1"]' <<<"$output" | sort >after
	diff -u before after
	sed -i 's/12/13/' conf/bad.json
	run -1 pool-validate --format gitlab conf/bad.json
	jq -r '.[].fingerprint' <<<"$output" | sort >after
	assert_equal "$(comm -12 before after | wc -l)" 5
}

@test "equal faults have fingerprints of their own" {
	echo '{"proxies": ["http://h:1/a", "http://h:2/a", "http://h:3/a"]}' >same.json
	run -0 pool-validate --format gitlab same.json same.json
	run -0 jq -r '.[].fingerprint' <<<"$output"
	assert_equal "${#lines[@]}" 6
	assert_equal "$(sort -u <<<"$output" | wc -l)" 6
	assert_line --index 0 --regexp '^[0-9a-f]{32}$'
	assert_line --index 1 "${lines[0]}-2"
}

# --- SARIF -------------------------------------------------------------------------------------

@test "sarif: rules, results and their places" {
	run -1 --separate-stderr pool-validate --format sarif conf/bad.json
	assert_equal "$stderr" ""
	echo "$output" >pool.sarif
	run -0 jq -r '.version, (.runs | length), (.runs[0]
		| .columnKind, .tool.driver.name, .tool.driver.version, (.results | length),
		.invocations[0].executionSuccessful, (.invocations[0].toolExecutionNotifications | length))' \
		pool.sarif
	assert_output "2.1.0
1
unicodeCodePoints
pool-validate
$(pool-validate -V | sed 's/.* //')
6
true
0"
	run -0 jq -c '.runs[0].results[0] | del(.partialFingerprints)' pool.sarif
	assert_output '{"ruleId":"weight-range","ruleIndex":'"$(jq '.runs[0].tool.driver.rules
		| map(.id) | index("weight-range")' pool.sarif)"',"level":"error","message":{"text":"weight:'\
' 12 is above 10"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"conf/bad.json"},'\
'"region":{"startLine":3,"startColumn":37,"endColumn":39}}}]}'
	run -0 jq -r '.runs[0] | .tool.driver.rules as $rules | .results | all(.[]; $rules[.ruleIndex].id == .ruleId
			and $rules[.ruleIndex].defaultConfiguration.level == .level)' pool.sarif
	assert_output true
	jq -r '.runs[0].tool.driver.rules[] | [.id, .defaultConfiguration.level,
		.shortDescription.text, .help.text] | join("\t")' pool.sarif >rules
	pool-validate --rules | sed 1d | diff -u - rules
}

@test "sarif: a path is a relative URI, one elsewhere an absolute one" {
	mkdir 'ä b'
	cp conf/bad.json 'ä b/1:#?%.json'
	run -1 pool-validate --format sarif "$PWD/ä b/./1:#?%.json"
	assert_equal "$(jq -r '.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri' \
		<<<"$output")" "%C3%A4%20b/1%3A%23%3F%25.json"
	cd conf
	run -1 pool-validate --format sarif ../conf/bad.json "$TEST_DIR/ä b/1:#?%.json"
	assert_equal "$(jq -r '[.runs[0].results[].locations[0].physicalLocation.artifactLocation.uri]
		| unique[]' <<<"$output")" "../conf/bad.json
file://$TEST_DIR/%C3%A4%20b/1%3A%23%3F%25.json"
}

@test "sarif: a file that cannot be read is a failure of the run, not a result" {
	run -3 --separate-stderr pool-validate --format sarif missing.json conf/good.json
	assert_equal "$stderr" ""
	run -0 jq -c '.runs[0].invocations[0], .runs[0].results' <<<"$output"
	assert_output '{"executionSuccessful":false,"toolExecutionNotifications":[{"level":"error",'\
'"message":{"text":"cannot open '\''missing.json'\'': No such file or directory"},"locations":'\
'[{"physicalLocation":{"artifactLocation":{"uri":"missing.json"}}}]}]}
[]'
}

# --- the environment ---------------------------------------------------------------------------

@test "a fault of a variable has no line of the file" {
	export CRYPTOFEED_PROXY_DEFAULT__HTTP__TIMEOUT_SECONDS=0
	run -1 pool-validate --env --format github conf/good.json
	assert_output "::error title=timeout-range::CRYPTOFEED_PROXY_DEFAULT__HTTP__TIMEOUT_SECONDS: \
timeout_seconds: 0 is below 1"
	run -1 pool-validate --env --format gitlab conf/good.json
	assert_equal "$(jq -c '.[0].location' <<<"$output")" \
		'{"path":"conf/good.json","lines":{"begin":1}}'
	run -1 pool-validate --env --format sarif conf/good.json
	assert_equal "$(jq -c '.runs[0].results[0].locations' <<<"$output")" \
		'[{"physicalLocation":{"artifactLocation":{"uri":"conf/good.json"}},"logicalLocations":'\
'[{"fullyQualifiedName":"CRYPTOFEED_PROXY_DEFAULT__HTTP__TIMEOUT_SECONDS","kind":"variable"}]}]'
}

# --- --allow -----------------------------------------------------------------------------------

# found_in FILE FORMAT: the rules of what was found, one a line.
found_in() {
	case $2 in
	text) sed -nE 's/.* \[([a-z0-9-]+)\]$/\1/p' "$1" ;;
	json) jq -r '.files[].diagnostics[].rule' "$1" ;;
	sarif) jq -r '.runs[].results[].ruleId' "$1" ;;
	github) sed -nE 's/^::.*title=([a-z0-9-]+)::.*/\1/p' "$1" ;;
	gitlab) jq -r '.[].check_name' "$1" ;;
	esac
}

@test "--allow takes the warnings out of every format" {
	echo '{"proxies": ["http://h:1/x", "http://ä:1"]}' >warned.json
	for format in "${formats[@]}"; do
		run -0 pool-validate --format "$format" -o document warned.json
		run -0 found_in document "$format"
		assert_output $'url-path\nurl-host-unicode'
		run -1 pool-validate --strict --allow url-path --format "$format" -o document warned.json
		run -0 found_in document "$format"
		assert_output url-host-unicode
		run -0 pool-validate --strict --allow url-path,url-host-unicode \
			--format "$format" warned.json
	done
}

@test "a note has its own word in every format, and --strict passes it" {
	write_pool noted.json '{"proxies": ["http://h:1"], "health_check": {"method": "http"}}'
	for format in "${formats[@]:1}"; do
		run -0 --separate-stderr pool-validate --strict --format "$format" -o "$format" noted.json
		run -0 found_in "$format" "$format"
		assert_output default-check-url
		run -0 pool-validate --allow default-check-url --format "$format" -o "$format.allowed" noted.json
		run -0 found_in "$format.allowed" "$format"
		assert_output ""
	done
	assert_equal "$(jq -r '"\(.valid) \(.notes) \(.files[0].notes) \(.files[0].diagnostics[0].severity)"' json)" \
		"true 1 1 note"
	assert_equal "$(jq -r '.runs[0].results[0].level' sarif)" note
	assert_equal "$(cat github)" "::notice file=noted.json,line=1,col=56,endColumn=62,\
title=default-check-url::method: http without url asks for http://www.gstatic.com/generate_204"
	assert_equal "$(jq -r '.[0].severity' gitlab)" info
	run -0 jq -r '.runs[0].tool.driver.rules[] | select(.id == "default-check-url")
		.defaultConfiguration.level' sarif
	assert_output note
}

# --- --output ----------------------------------------------------------------------------------

@test "-o writes the document there, beside the text" {
	for format in "${formats[@]:1}"; do
		run -1 --separate-stderr pool-validate --format "$format" -o document \
			conf/good.json conf/bad.json
		assert_output "conf/good.json: valid, 2 proxies in 1 pool"
		assert_regex "$stderr" "^conf/bad.json:3:37: error: weight: 12 is above 10 \[weight-range\]"
		run -1 --separate-stderr pool-validate --format "$format" conf/good.json conf/bad.json
		assert_equal "$(cat document)" "$output"
	done
	assert_equal "$(ls -d -- document*)" document
}

@test "-o with text writes what is told, all of it" {
	run -3 --separate-stderr pool-validate -o document conf/good.json conf/bad.json missing.json
	assert_equal "$(cat document)" "\
conf/good.json: valid, 2 proxies in 1 pool
$(grep -v '^pool-validate: ' <<<"$stderr")
cannot open 'missing.json': No such file or directory"
	run -0 pool-validate -q -o document conf/good.json
	assert_equal "$(cat document)" ""
}

@test "-o makes a file as the shell would, and keeps the mode of one that is there" {
	run -0 pool-validate -o document conf/good.json
	assert_equal "$(stat -c %a document)" 644
	chmod 640 document
	echo more >>document
	run -0 pool-validate -o document conf/good.json
	assert_equal "$(stat -c %a document)" 640
	assert_equal "$(cat document)" "conf/good.json: valid, 2 proxies in 1 pool"
}

@test "-o that cannot be written is status 4" {
	run -4 --separate-stderr pool-validate -o nowhere/document conf/bad.json
	assert_regex "$stderr" \
		"pool-validate: cannot write output file 'nowhere/document': No such file or directory\$"
	# only a pipe can be told of it
	run -4 bash -c '(ulimit -f 0; exec pool-validate -o document conf/good.json) 2>&1 | cat
		exit "${PIPESTATUS[0]}"'
	assert_output --partial "pool-validate: cannot write output file 'document': File too large"
	run -2 ls -d -- document*
}

@test "-o takes no place but that of a file of its own" {
	run -2 --separate-stderr pool-validate -o /dev/null conf/good.json
	assert_equal "$stderr" \
		"pool-validate: output file '/dev/null' is no regular file: it would be replaced by one"
	run -2 --separate-stderr pool-validate -o ./conf/good.json conf/good.json
	assert_equal "$stderr" \
		"pool-validate: --output './conf/good.json' is a pool file, which would be replaced"
	run -2 --separate-stderr pool-validate -o document --resolve conf/good.json
	assert_equal "$stderr" "pool-validate: --output cannot be combined with --print or --resolve"
	[ ! -e document ]
}

# --- --rules -----------------------------------------------------------------------------------

@test "--rules is a table of all rules, which needs no pool file" {
	run -0 --separate-stderr pool-validate --rules
	assert_equal "$stderr" ""
	assert_line --index 0 $'rule\tseverity\tmeaning\tadvice'
	assert_line $'weight-range\terror\ta weight is out of range\tuse 0.1 to 10'
	[ "${#lines[@]}" -ge 60 ]
	assert_equal "$(sed 1d <<<"$output" | cut -f 2 | sort | uniq -c | awk '{print $2}' | tr '\n' ' ')" \
		"error note warning "
	assert_equal "$(awk -F '\t' 'NF != 4 || /\t\t|\t$/' <<<"$output")" ""
	run -0 pool-validate --rules -o rules.tsv
	assert_output ""
	assert_equal "$(wc -l <rules.tsv)" "$(pool-validate --rules | wc -l)"
	run -2 --separate-stderr pool-validate --rules conf/good.json
	assert_equal "$stderr" "pool-validate: --rules judges no pool file"
}
