# A password is in the pool file and in what is handed out, and nowhere else.

load ../lib

PASSWORD=k4Zq-s3cret
WRONG=wr0ng-s3cret

setup() {
	pool_setup
	require_tool curl
	start_nginx_origin o
	start_tinyproxy good me "$PASSWORD"
	good=http://me:$PASSWORD@127.0.0.1:$PROXY_PORT
	wrong=http://me:$WRONG@127.0.0.1:$PROXY_PORT
	start_stub socks5-proxy --user me --password-file <(echo "$PASSWORD")
	socks=socks5h://me:$PASSWORD@127.0.0.1:$STUB_PORT
	write_pool pool.json "{
		\"health_check\": {\"method\": \"http\", \"timeout_seconds\": 2, \"retry_count\": 1,
			\"url\": \"http://127.0.0.1:$ORIGIN_PORT/\"},
		\"proxies\": [\"$good\", \"$wrong\", \"$socks\"]
	}"
	: >all
}

teardown() {
	pool_teardown
}

# Run a command; what it prints goes to the file all.
note() {
	"$@" >>all 2>&1 || :
}

refute_secret() {
	run -1 grep -raE "s3cret|$(printf %s "$PASSWORD" | base64)" "$@"
	assert_output ""
}

@test "no output of pool-validate shows it" {
	note pool-validate pool.json
	note pool-validate --strict pool.json
	note pool-validate --format json pool.json
	note pool-validate --print pool.json
	note pool-validate --resolve pool.json
	# faults in and around the URL
	for from_to in 's/http:/htp:/' 's/127.0.0.1:[0-9]*/127.0.0.1:99999/' 's/@127/@@127/' \
		's/s3cret@/s3cret%00@/' 's/"proxies"/"proxys"/' 's/@127.0.0.1/@ 127.0.0.1/'; do
		sed "$from_to" pool.json >bad.json
		note pool-validate bad.json
		note pool-validate --format json bad.json
		note pool-check -f bad.json
		note pool-select -f bad.json --format '%{name}'
	done
	[ -s all ]
	refute_secret all
}

@test "no output of pool-check shows it" {
	for format in table tsv json jsonl; do
		note pool-check -f pool.json --format "$format" -v
	done
	note pool-check -f pool.json
	note pool-check -f pool.json --plugin
	note pool-check -f pool.json --metrics-file metrics
	[ -s all ]
	refute_secret all metrics
}

@test "pool-select shows it in what is handed out only" {
	pool-check -q -f pool.json
	note pool-select -f pool.json --format '%{name}' -n 3
	note pool-select -f pool.json --format hostport -n 3
	pool-select -v -f pool.json --explain 2>>all >handed-out || :
	pool-select -v -f pool.json --lease --ttl 5 2>>all >handed-out
	pool-select -f pool.json --format no-such-format 2>>all >handed-out || :
	[ -s all ]
	refute_secret all
	run -0 pool-select -f pool.json --exclude "${socks##*@}"
	assert_output "$good"
}

@test "the state file does not hold it, and the snapshot is the owner's alone" {
	pool-check -q -f pool.json
	pool-select -f pool.json --lease --ttl 60 >handed-out
	found=0
	for file in state/*; do
		case $file in
		*.snap) [ "$(stat -c %a "$file")" = 600 ] ;;
		*) refute_secret "$file" ;;
		esac
		found=$((found + 1))
	done
	[ "$found" -ge 2 ]
}

@test "the process list does not show it" {
	start_stub origin --delay-ms 700
	sed -i "s/:$ORIGIN_PORT\//:$STUB_PORT\//" pool.json
	pool-check -f pool.json >rows 2>&1 3>&- &
	checking=$!
	# However soon an attempt ends, one of some is seen while it runs.
	for _ in 1 2 3 4 5; do
		curl -sS -m 10 -K <(pool-select -f pool.json --format curlrc) \
			"http://127.0.0.1:$STUB_PORT/" >body 2>&1 3>&- &
		asking=$!
		until has_gone "$checking" && has_gone "$asking"; do
			cat "/proc/$checking/cmdline" "/proc/$asking/cmdline" >>seen 2>/dev/null || :
			pause
		done
		! grep -aq curl seen || break
	done
	grep -aq pool-check seen
	grep -aq curl seen
	refute_secret seen
}

has_gone() {
	! kill -0 "$1" 2>/dev/null
}

@test "a password from a file or the environment works, and is shown no more" {
	(umask 077 && echo "$PASSWORD" >password)
	export POOL_TEST_PASSWORD=$PASSWORD
	write_pool pool.json "{
		\"health_check\": {\"method\": \"http\", \"timeout_seconds\": 2, \"retry_count\": 1,
			\"url\": \"http://127.0.0.1:$ORIGIN_PORT/\"},
		\"proxies\": [
			{\"name\": \"file\", \"url\": \"http://me@${good##*@}\",
				\"password_file\": \"password\"},
			{\"name\": \"variable\", \"url\": \"http://me:\${POOL_TEST_PASSWORD}@${good##*@}\"}
		]
	}"
	run -0 pool-check -f pool.json --quorum 100%
	printf '%s\n' "$output" >all
	for other in file variable; do
		run -0 curl -sS -m 10 -x "$(pool-select -f pool.json --exclude "$other")" \
			"http://127.0.0.1:$ORIGIN_PORT/"
		assert_output "origin o"
	done
	pool-validate --print pool.json >>all
	# not even the snapshot has it
	refute_secret all state
}

@test "no output of pool-report shows it" {
	lease=$(pool-select -f pool.json --lease --ttl 60 --format '%{lease}')
	note pool-report -v -f pool.json "$lease" fail --reason authentication
	for proxy in "${good##*@}" "${wrong##*@}" "$good" "$wrong" no-such-proxy "$PASSWORD@x"; do
		# the operand itself must not come back either
		note pool-report -v -f pool.json "$proxy" fail
		note pool-report -v -f pool.json --log-format json "$proxy" fail --status 407
	done
	note pool-report -v -f pool.json --all reset
	grep -q unhealthy all
	refute_secret all state/*.state
}

@test "no message of pool-exec shows it, nor the process list" {
	url=http://127.0.0.1:$ORIGIN_PORT/
	for _ in 1 2 3; do
		note pool-exec -v -f pool.json curl -sSo /dev/null "$url"
		note pool-exec -v --log-format json -f pool.json curl -sSo /dev/null "$url"
	done
	note pool-exec -v -f pool.json --scheme socks5h --retries 0 curl -sSo /dev/null "$url"
	note pool-exec -v -f pool.json --template echo '%{name} %{host} %{port}'
	note pool-exec -v -f pool.json --template echo '%{no-such-name}'
	note pool-exec -v -f pool.json no-such-command
	stop_server good
	note pool-exec -v -f pool.json --scheme http curl -sSo /dev/null "$url"
	grep -q "attempt 1" all
	refute_secret all state/*.state
	# what it is for: the command has it
	run -0 --separate-stderr pool-exec -f pool.json --scheme socks5h -- printenv http_proxy
	assert_output "$socks"

	start_stub origin --delay-ms 700
	pool-exec -q -f pool.json --scheme socks5h curl -sSo /dev/null \
		"http://127.0.0.1:$STUB_PORT/" 3>&- &
	asking=$!
	until has_gone "$asking"; do
		for child in "$asking" $(cat "/proc/$asking/task/$asking/children" 2>/dev/null); do
			cat "/proc/$child/cmdline" >>seen 2>/dev/null || :
		done
		pause
	done
	grep -aq pool-exec seen
	grep -aq curl seen
	refute_secret seen
}

@test "no output of pool-status shows it" {
	pool-check -q -f pool.json || :
	for format in table tsv json jsonl prometheus; do
		note pool-status -v -f pool.json --format "$format"
	done
	for option in --plugin --history --names --verify --repair "--only ${wrong##*@}" \
		"--quorum 3" -q; do
		# shellcheck disable=SC2086
		note pool-status -f pool.json $option
	done
	grep -q unhealthy all
	refute_secret all state/*.state
}

@test "a URL where a name or a number is wanted is not repeated" {
	for words in "pool-status --only" "pool-status --quorum" "pool-check --dry-run --only" \
		"pool-check --quorum" "pool-select --exclude" "pool-select --key k --strategy" \
		"pool-select --count" "pool-select" "pool-validate" "pool-report" "pool-report -x" \
		"pool-exec --fail-on" "pool-exec --exclude" "pool-exec --scheme" "pool-exec"; do
		# shellcheck disable=SC2086 # words of a command line
		POOL_FILE=pool.json note $words "$wrong" true
		# shellcheck disable=SC2086
		POOL_FILE=pool.json note $words --log-format json "$wrong" true
	done
	grep -q 'http://\*\*\*@127.0.0.1' all
	refute_secret all state/*.state
}
