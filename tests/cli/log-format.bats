# --log-format and POOL_LOG_FORMAT, of every tool.

load ../lib

setup() {
	pool_setup
	require_tool python3
	unset POOL_LOG_FORMAT
	tools=()
	for tool in "$POOL_BIN"/pool-*; do
		tools+=("${tool##*/}")
	done
	[ ${#tools[@]} -ge 3 ]
	write_pool pool.json '{"proxies": ["http://mira:S3CRETpw@127.0.0.1:8001"]}'
	write_pool off.json '{"enabled": false}'
}

# fields KEY...: of each line of standard error, which must be a JSON object; "-" where left out.
# Any other key than those known, or a time of another form, fails.
fields() {
	python3 -c '
import json, re, sys
known = "time level tool message error status proxy reason layer advice".split()
for line in sys.stdin.buffer.read().decode("utf-8").splitlines():
    object = json.loads(line)
    assert set(object) <= set(known), line
    assert list(object)[:4] == known[:4], line
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", object["time"]), line
    print("|".join(str(object.get(key, "-")) for key in sys.argv[1:]))' "$@" <<<"$stderr"
}

@test "each tool tells a usage error as JSON, wherever it was told to" {
	for tool in "${tools[@]}"; do
		run --separate-stderr "$tool" --log-format json --nonsense
		[ "$status" -ne 0 ]
		assert_equal "$(fields level tool message error status)" \
			"error|$tool|unknown option '--nonsense'; try '$tool --help'|usage|$status"
		POOL_LOG_FORMAT=json run --separate-stderr "$tool" --nonsense
		assert_equal "$(fields level tool message error status)" \
			"error|$tool|unknown option '--nonsense'; try '$tool --help'|usage|$status"
		run --separate-stderr "$tool" --nonsense
		assert_equal "$stderr" "$tool: unknown option '--nonsense'; try '$tool --help'"
	done
}

@test "the option wins over the variable, and another word is a usage error" {
	POOL_LOG_FORMAT=json run -3 --separate-stderr pool-select --log-format text missing.json
	assert_equal "$stderr" \
		"pool-select: cannot read pool file 'missing.json': No such file or directory"
	POOL_LOG_FORMAT=xml run -3 --separate-stderr pool-select missing.json
	assert_equal "$stderr" \
		"pool-select: cannot read pool file 'missing.json': No such file or directory"
	run -2 --separate-stderr pool-select --log-format jsn
	assert_output "http://usage.no-proxy.invalid:9"
	assert_equal "$stderr" \
		"pool-select: --log-format wants text or json, not 'jsn'; did you mean 'json'?"
}

@test "a failure names its error and the exit status" {
	run -3 --separate-stderr pool-check --log-format json missing.json
	assert_output ""
	assert_equal "$(fields level message error status)" \
		"error|cannot read pool file 'missing.json': No such file or directory|no-file|3"
	run -125 --separate-stderr pool-exec --log-format json -f missing.json true
	assert_equal "$(fields message error status)" \
		"cannot read pool file 'missing.json': No such file or directory|no-file|125"
	run -127 --separate-stderr pool-exec --log-format json -f pool.json ./missing
	assert_equal "$(fields message error status)" \
		"cannot run './missing': No such file or directory|system|127"
	run -1 --separate-stderr pool-select --log-format json off.json
	assert_output "http://disabled.no-proxy.invalid:9"
	assert_equal "$(fields level error status)" "error|no-proxy|1"
	pool-select -s own.state pool.json >nothing
	run -5 --separate-stderr flock own.state pool-select --log-format json --require-state \
		-s own.state pool.json
	assert_output "http://error.no-proxy.invalid:9"
	assert_equal "$(fields level error status)" "error|busy|5"
}

@test "a full disk is told as JSON" {
	[ -w /dev/full ] || skip "there is no /dev/full"
	run -4 --separate-stderr bash -c 'pool-select --log-format json pool.json >/dev/full'
	assert_equal "$(fields message error status)" \
		"cannot write standard output: No space left on device|system|4"
}

@test "what goes on is a warning or a note without status" {
	run -0 --separate-stderr pool-select --log-format json -n 2 pool.json
	assert_equal "$(fields level message error status)" \
		"warning|only 1 of 2 proxies to be had|-|-"
	run -0 --separate-stderr pool-select --log-format json -v pool.json
	assert_equal "$(fields level error status)" "note|-|-"
	run -0 --separate-stderr pool-check --log-format json off.json
	assert_equal "$(fields level message)" \
		'note|nothing to check: the pool file does not say "enabled": true'
}

@test "each line of --explain is a note, and stays as it was as text" {
	run -0 --separate-stderr pool-select --explain --dry-run pool.json
	text=$stderr
	run -0 --separate-stderr pool-select --log-format json --explain --dry-run pool.json
	assert_equal "$(fields message)" "$text"
	assert_equal "$(fields level tool | sort -u)" "note|pool-select"
	[[ $stderr != *S3CRETpw* ]]
}

@test "each diagnostic is a message of its level" {
	write_pool wrong.json '{"proxies": [{"url": "http://h:1", "weight": 12}, "http://h:1"]}'
	run -1 --separate-stderr pool-validate --log-format json wrong.json
	assert_output ""
	assert_equal "$(fields level message)" \
		"error|wrong.json:1:46: error: weight: 12 is above 10 [weight-range]
warning|wrong.json:1:51: warning: proxies[1]: 'http://h:1' stands in this pool more than once [duplicate-proxy]
note|wrong.json: 1 error, 1 warning"
	run -1 --separate-stderr pool-validate --log-format json --max-errors 1 wrong.json
	assert_equal "$(fields message | tail -n 1)" \
		"wrong.json: 1 error, 1 warning (1 not shown; --max-errors 0 shows all)"
	run -0 --separate-stderr pool-validate --log-format json --resolve -v pool.json
	assert_equal "$(fields level message)" "note|pool.json: valid, 1 proxy in 1 pool"
}

@test "a quorum that is missed is an error beside JSON results" {
	write_pool dead.json '{"proxies": ["http://127.0.0.1:'"$(free_port)"'"],
		"health_check": {"retry_count": 1}}'
	run -1 --separate-stderr pool-check --log-format json --format json dead.json
	assert_equal "$(fields level message)" \
		"error|default.http: 0 of 1 passed, 1 failed; the quorum of 1 is missed"
}

@test "no foreign byte breaks the line" {
	for word in $'\xff' $'a\nb' $'\e[31m' '"quoted"' 'back\slash' $'\xe2\x82' $'\u202e' \
		"$(printf '%3000s' x)" "$(printf '\xc3\xa9%.0s' {1..1100})"; do
		run -3 --separate-stderr pool-select --log-format json "$word"
		assert_equal "${#stderr_lines[@]}" 1
		assert_equal "$(fields level tool status)" "error|pool-select|3"
	done
	run -3 --separate-stderr bash -c 'exec -a "a\"b" pool-select --log-format json missing.json'
	assert_equal "$(fields tool)" 'a"b'
}

@test "a message is one write" {
	# of a pipe of packets each write is read by itself
	run -0 --separate-stderr python3 -c '
import os, subprocess
read, write = os.pipe2(os.O_DIRECT)
subprocess.run(["pool-select", "--log-format", "json", "missing.json"], stderr=write,
    stdout=subprocess.DEVNULL)
os.close(write)
packet = os.read(read, 65536)
assert packet.endswith(b"}\n"), packet
assert os.read(read, 65536) == b""'
	assert_output ""
	assert_equal "$stderr" ""
}

@test "a message about a proxy names it" {
	run -0 --separate-stderr pool-report --log-format json -v -f pool.json 127.0.0.1:8001 fail \
		--reason connect-refused
	assert_equal "$(fields level proxy reason layer)" \
		"note|127.0.0.1:8001|connect-refused|connect"
	run -7 --separate-stderr pool-exec --log-format json -f pool.json --fail-on 7 --retries 0 \
		sh -c 'exit 7'
	assert_equal "$(fields level proxy reason)" "error|127.0.0.1:8001|reported"
}
