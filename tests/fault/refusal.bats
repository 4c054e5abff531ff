# The answer of pool-select that is owed: whatever ends it, a client that ignores the status gets
# "no proxy" in the format it asked for, and never an empty answer.

load ../lib
load faults

setup() {
	pool_setup
	select=$POOL_BIN/pool-select
	echo '{"proxies": ["http://127.0.0.1:1"]}' >pool.json
}
teardown() { pool_teardown; }

# interrupted SIGNAL [OPTION]...: pool-select gets a signal while it reads its pool file
interrupted() {
	local signal=$1 pid
	shift
	rm -f fifo
	mkfifo fifo
	env --default-signal="$signal" "$select" "$@" fifo >out 2>err &
	pid=$!
	# opened for reading, it is being read
	exec 9>fifo
	kill -s "$signal" "$pid"
	status=0
	wait "$pid" || status=$?
	exec 9>&-
}

@test "a signal that ends it is raised again, after the refusal" {
	ulimit -c 0
	for signal in HUP INT QUIT USR1 USR2 ALRM TERM XCPU VTALRM PROF IO PWR SYS TRAP; do
		interrupted $signal
		assert_equal "$signal $status $(<out)" \
			"$signal $((128 + $(kill -l $signal))) http://error.no-proxy.invalid:9"
		assert_equal "$(<err)" ""
	done
}

@test "the refusal is in the format that was asked for" {
	interrupted TERM --format hostport
	assert_equal "$(<out)" error.no-proxy.invalid:9
	interrupted TERM --format env
	assert_equal "$(head -n 1 out)" http_proxy=http://error.no-proxy.invalid:9
	interrupted TERM --format export
	assert_equal "$(head -n 1 out)" "export http_proxy='http://error.no-proxy.invalid:9'"
	interrupted TERM --format curlrc
	assert_equal "$(head -n 1 out)" 'proxy = "http://error.no-proxy.invalid:9"'
	interrupted TERM --format proxychains
	assert_equal "$(<out)" "http error.no-proxy.invalid 9"
	interrupted TERM -x okx -t websocket --format json
	assert_equal "$(<out)" '{"url":"http://error.no-proxy.invalid:9","scheme":"http",'\
'"host":"error.no-proxy.invalid","exchange":"okx","type":"websocket","reason":"error","port":9}'
	interrupted TERM --format '%{host} %{port} %{name}'
	assert_equal "$(<out)" "error.no-proxy.invalid 9 "
	for template in '%{name}' '%{port}' "$(printf '%%{host}%5000s' x)"; do
		interrupted TERM --format "$template"
		assert_equal "$(<out)" http://error.no-proxy.invalid:9
	done
}

@test "what was ignored before stays so" {
	mkfifo fifo
	(trap '' HUP && exec "$select" fifo >out 2>err) &
	exec 9>fifo
	kill -HUP $!
	cat pool.json >&9
	exec 9>&-
	wait $!
	assert_equal "$(<out)" http://127.0.0.1:1
}

@test "a crash is one, after the refusal; a file that was cut short ends with 4" {
	faults_setup
	ulimit -c 0
	for format in url hostport; do
		want=http://error.no-proxy.invalid:9
		[ $format = url ] || want=${want#http://}
		for kind in SEGV STACK; do
			run -139 --separate-stderr env LD_PRELOAD="$FAULT_LIBRARY" FAULT_CALLS=getcwd \
				FAULT_AT=1 FAULT_ERROR=$kind "$select" --format $format pool.json
			assert_output "$want"
		done
		run -4 --separate-stderr env LD_PRELOAD="$FAULT_LIBRARY" FAULT_CALLS=getcwd \
			FAULT_AT=1 FAULT_ERROR=BUS "$select" --format $format pool.json
		assert_output "$want"
		assert_equal "$stderr" "pool-select: a file was cut short while it was in use"
	done
	run -125 --separate-stderr env LD_PRELOAD="$FAULT_LIBRARY" FAULT_CALLS=getcwd \
		FAULT_AT=1 FAULT_ERROR=BUS pool-exec -f pool.json echo ran
	assert_output ""
	assert_equal "$stderr" "pool-exec: a file was cut short while it was in use"
}

@test "a library that cannot be loaded is an error, and the answer the refusal" {
	mkdir lib
	: >lib/libcjson.so.1
	run -4 --separate-stderr env LD_LIBRARY_PATH="$PWD/lib" "$select" --format json pool.json
	assert_output '{"url":"http://error.no-proxy.invalid:9","scheme":"http",'\
'"host":"error.no-proxy.invalid","exchange":"default","type":"http","reason":"error","port":9}'
	assert_equal "$stderr" "pool-select: cannot load libcjson.so.1: $PWD/lib/libcjson.so.1: file too short"
	run -125 --separate-stderr env LD_LIBRARY_PATH="$PWD/lib" pool-exec --log-format json \
		-f pool.json echo ran
	assert_output ""
	assert_regex "$stderr" '"message":"cannot load libcjson.so.1: .*","error":"system","status":125}$'
	run -4 --separate-stderr env LD_LIBRARY_PATH="$PWD/lib" "$select" --serve pool.json <<<x
	assert_output http://error.no-proxy.invalid:9
	: >lib/libyaml-0.so.2
	rm lib/libcjson.so.1
	echo 'proxies: ["http://127.0.0.1:1"]' >pool.yaml
	run -4 --separate-stderr env LD_LIBRARY_PATH="$PWD/lib" "$select" pool.yaml
	assert_output http://error.no-proxy.invalid:9
	assert_regex "$stderr" 'cannot load libyaml-0.so.2: '
	# one of another make, without a function
	command -v cc >/dev/null || return 0
	cc -shared -o lib/libcjson.so.1 -x c - <<<'int nothing;'
	run -4 --separate-stderr env LD_LIBRARY_PATH="$PWD/lib" "$select" pool.json
	assert_output http://error.no-proxy.invalid:9
	assert_regex "$stderr" 'cannot load libcjson.so.1: .*undefined symbol'
}

@test "--serve owes a line for the one in progress, and none for what is not asked" {
	mkfifo in
	pool-report -f pool.json 127.0.0.1:1 disable
	echo '{"enabled": true, "default": {"http": {"url": "http://127.0.0.1:2"}},
		"exchanges": {"x": {"http": {"pool": {"proxies": ["http://127.0.0.1:3"]}}}}}' >two.json
	pool-report -f two.json -x x 127.0.0.1:3 disable
	# what is in the file is an answer of this one
	rm -f out
	env --default-signal=TERM "$select" --serve --wait 60 two.json <in >out 2>err &
	pid=$!
	exec 9>in
	printf 'y\nx\n' >&9
	# from the answer to the first on the second is in progress
	wait_until 10 test -s out
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	exec 9>&-
	assert_equal "$status $(<out)" "143 http://127.0.0.1:2
http://error.no-proxy.invalid:9"

	rm -f out
	env --default-signal=TERM "$select" --serve two.json <in >out 2>err &
	pid=$!
	exec 9>in
	echo y >&9
	wait_until 10 test -s out
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	exec 9>&-
	assert_equal "$status $(<out)" "143 http://127.0.0.1:2"
}

@test "--serve that cannot read its input says so, and answers once more" {
	run -4 --separate-stderr "$select" --serve pool.json </
	assert_output http://error.no-proxy.invalid:9
	assert_equal "$stderr" "pool-select: cannot read standard input: Is a directory"
}

@test "--serve answers a line that is too long, one without an end, and what follows" {
	{
		echo a
		head -c 70000 /dev/zero | tr '\0' a
		printf '\nb\nc'
	} >lines
	run -0 --separate-stderr "$select" --serve pool.json <lines
	assert_output "http://127.0.0.1:1
http://usage.no-proxy.invalid:9
http://127.0.0.1:1
http://127.0.0.1:1"
	assert_equal "$stderr" "pool-select: a request is longer than 65536 bytes"
	head -c 70000 lines | tail -c 69990 >long
	run -0 --separate-stderr "$select" --serve pool.json <long
	assert_output http://usage.no-proxy.invalid:9
}

@test "pool-exec that waits ends by the signal, and runs nothing" {
	mkfifo fifo
	for signal in TERM INT HUP; do
		env --default-signal=$signal "$POOL_BIN/pool-exec" -f fifo echo ran >out 2>err &
		pid=$!
		exec 9>fifo
		kill -s $signal $pid
		status=0
		wait $pid || status=$?
		exec 9>&-
		assert_equal "$status $(<out)" "$((128 + $(kill -l $signal))) "
	done
}

@test "as process 1 of a container it ends with 128 and the number, after the refusal" {
	unshare -pf --mount-proc true 2>/dev/null || skip "no pid namespaces here"
	mkfifo fifo
	for signal in TERM INT HUP QUIT; do
		unshare -pf --mount-proc env --default-signal=$signal "$select" fifo >out 2>err &
		pid=$!
		exec 9>fifo
		kill -s $signal "$(cat /proc/$pid/task/$pid/children)"
		status=0
		wait $pid || status=$?
		exec 9>&-
		assert_equal "$status $(<out)" \
			"$((128 + $(kill -l $signal))) http://error.no-proxy.invalid:9"
	done
}
