# Many processes, one state file.

load ../lib

PROCESSES=16
SELECTIONS=1000
KILLS=${POOL_TEST_KILLS:-1000}

setup() {
	pool_setup
	start_stub --count 10 http-proxy
	# nothing ever comes from here: to wait for a while without a process
	mkfifo silence
	exec {SILENCE}<>silence
	members=$(printf '"http://127.0.0.1:%s",' "${STUB_PORTS[@]}")
	write_pool pool.json "{
		\"health_check\": {\"timeout_seconds\": 5, \"retry_count\": 1},
		\"proxies\": [${members%,}]}"
}

teardown() {
	pool_teardown
}

# Start them all, wait for them all. What each printed is in chosen.NUMBER.
select_at_once() {
	local i pid
	local -a pids=()

	for ((i = 0; i < SELECTIONS; i++)); do
		echo -
	done >questions
	for ((i = 0; i < PROCESSES; i++)); do
		pool-select -f pool.json --require-state --serve <questions >"chosen.$i" \
			2>"told.$i" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}

# No selection is lost, and no proxy was chosen more than once more often than another.
assert_exact() {
	local count least most

	count=$(cat chosen.* | wc -l)
	assert_equal "$count" $((PROCESSES * SELECTIONS))
	run -0 cat told.*
	assert_output ""
	read -r least most < <(sort chosen.* | uniq -c |
		awk 'NR == 1 { low = high = $1 } { low = $1 < low ? $1 : low
			high = $1 > high ? $1 : high } END { print low, high }')
	assert_equal "$(sort -u chosen.* | wc -l)" 10
	[ $((most - least)) -le 1 ] || fail "chosen between $least and $most times"
}

@test "16 processes lose no selection, and take turns exactly" {
	select_at_once
	assert_exact
}

@test "so do processes of one selection each" {
	local i j
	local -a pids=()

	for ((i = 0; i < PROCESSES; i++)); do
		for ((j = 0; j < 50; j++)); do
			pool-select -f pool.json --require-state
		done >"chosen.$i" 2>"told.$i" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	SELECTIONS=50
	assert_exact
}

@test "the same while checks are being stored" {
	pool-check -q -f pool.json
	: >checking
	while [ -e checking ]; do
		pool-check -q -f pool.json || echo "failed with $?"
	done >checks 2>&1 3>&- &
	checker=$!
	select_at_once
	rm checking
	wait "$checker"
	run -0 cat checks
	assert_output ""
	assert_exact
}

@test "a process killed at any moment leaves a state that works" {
	local i ms
	local -a lease

	for ((i = 0; i < 100000; i++)); do
		echo -
	done >questions
	for ((i = 0; i < KILLS; i++)); do
		lease=()
		((i % 2)) || lease=(--lease --ttl 1)
		pool-select -f pool.json --serve "${lease[@]}" <questions >/dev/null 2>&1 3>&- &
		printf -v ms %04d $((RANDOM % 80 + 1))
		read -r -t "0.$ms" -u "$SILENCE" _ || :
		kill -KILL $!
		wait $! || :
		pool-select -f pool.json --require-state >chosen 2>told || fail "$(cat told)"
		[ ! -s told ] || fail "$(cat told)"
	done
	run -0 pool-select -f pool.json --require-state -n 10
	assert_equal "${#lines[@]}" 10
	run -0 find state -name '*.corrupt'
	assert_output ""
	select_at_once
	assert_exact
}
