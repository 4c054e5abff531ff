# Many processes on one state file: nothing is lost, nobody waits for ever, no kill leaves damage.

load ../lib

HAMMER=$POOL_BUILD/tests/hammer

setup() {
	pool_setup
	write_pool pool.json "$(pool_of 10)"
}

teardown() { pool_teardown; }

# A pool of COUNT proxies, and other keys.
pool_of() {
	local i list=

	for ((i = 1; i <= $1; i++)); do
		list+="${list:+, }\"http://127.0.0.1:$i\""
	done
	echo "{\"proxies\": [$list]${2:+, $2}}"
}

# Limits that nobody reaches, so that they are counted.
wide='"limits": {"max_connections": 1000, "requests": 1000000, "per_seconds": 86400}'

hammer() {
	timeout 100 "$HAMMER" "$1" pool.json "$POOL_STATE" "${@:2}"
}

# count_lines FILE...: "LINES DISTINCT LEAST MOST" of the lines in them.
count_lines() {
	cat "$@" | sort | uniq -c | awk '
	{ sum += $1; n++; if (n == 1 || $1 < least) least = $1; if ($1 > most) most = $1 }
	END { print sum + 0, n + 0, least + 0, most + 0 }'
}

# in_parallel COUNT COMMAND...: its output into out.1, out.2, ...; all must end with 0 and say
# nothing on stderr.
in_parallel() {
	local count=$1 i pids=()
	shift

	for ((i = 1; i <= count; i++)); do
		"$@" >"out.$i" 2>"err.$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || return
	done
	[ -z "$(cat err.*)" ]
}

several_selections() {
	local i

	for ((i = 0; i < 25; i++)); do
		pool-select -f pool.json --require-state </dev/null || return
	done
}

serve_thousand() {
	yes - 2>/dev/null | head -n 1000 | pool-select -f pool.json --require-state --serve
}

@test "16 processes select 1,000 times each: none is lost, exact to one" {
	run -0 --separate-stderr hammer select 16 1000
	assert_output "16000 selections, 16000 of the pool, 16000 of its proxies, each 1600 to 1600"
	assert_equal "$stderr" ""
}

@test "so with a pool that does not divide the count" {
	write_pool pool.json "$(pool_of 7)"
	run -0 --separate-stderr hammer select 16 1000
	assert_output "16000 selections, 16000 of the pool, 16000 of its proxies, each 2285 to 2286"
	assert_equal "$stderr" ""
}

@test "the same while another process stores checks all the time" {
	run -0 --separate-stderr hammer store 16 1000
	assert_line --index 0 \
		"16000 selections, 16000 of the pool, 16000 of its proxies, each 1600 to 1600"
	assert_line --index 1 --regexp '^[1-9][0-9]* rounds of checks stored, in [0-9]+ us in the median, [0-9]+ at most$'
	assert_equal "$stderr" ""
}

@test "16 times 25 whole processes of pool-select are exact to one" {
	in_parallel 16 several_selections
	run -0 count_lines out.*
	assert_output "400 10 40 40"
}

@test "16 processes that serve 1,000 lines each are exact to one" {
	in_parallel 16 serve_thousand
	run -0 count_lines out.*
	assert_output "16000 10 1600 1600"
}

@test "1,000 processes are killed at work, and nothing is broken or lost" {
	write_pool pool.json "$(pool_of 10 "$wide")"
	write_pool pool.json.other "$(pool_of 6 "$wide")"
	run -0 --separate-stderr hammer kill 1000
	assert_output "1000 processes killed"
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-select -f pool.json --require-state
	assert_output --regexp '^http://127\.0\.0\.1:[0-9]+$'
	assert_equal "$stderr" ""
}

@test "an update that is cut off at any instruction is undone as a whole" {
	write_pool pool.json "$(pool_of 10 "$wide")"
	run --separate-stderr hammer step 89
	[ "$status" -ne 77 ] || skip "tracing is not permitted"
	assert_success
	assert_line --index 0 --regexp '^killed at [1-9][0-9]* places of a selection$'
	assert_line --index 1 --regexp '^killed at [1-9][0-9]* places of a report$'
	assert_line --index 2 --regexp '^killed at [1-9][0-9]* places of a command$'
	assert_equal "$stderr" ""
}

@test "64 processes never hold a proxy more often than its max_connections" {
	write_pool pool.json '{"strategy": "least_connections", "limits": {"max_connections": 3},
		"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}'
	run -0 --separate-stderr hammer limit 64 40
	assert_output "2560 leases, never more than 3 of one proxy"
	assert_equal "$stderr" ""
}

@test "16 processes never try a recovering proxy more often at once than half_open_max" {
	local allowed

	for allowed in 1 3; do
		write_pool pool.json '{"fallback": "fail", "proxies": ["http://127.0.0.1:1"],
			"breaker": {"open_seconds": 1, "half_open_max": '$allowed'}}'
		run -0 --separate-stderr hammer trial 16 40
		assert_output --regexp "^640 trials, never more than [1-$allowed] at once\$"
		assert_equal "$stderr" ""
	done
}

@test "8 processes never exceed 100 requests in 2 s, and spend what they may" {
	write_pool pool.json '{"limits": {"requests": 100, "per_seconds": 2},
		"proxies": ["http://127.0.0.1:1"]}'
	run -0 --separate-stderr hammer budget 8 5
	assert_output --regexp '^[23][0-9][0-9] selections, at most ([1-9][0-9]|100) of a proxy in 2 s$'
	assert_equal "$stderr" ""
}

@test "a budget is kept when every other proxy is at its limit, by any fallback" {
	write_pool pool.json '{"fallback": "any", "limits": {"requests": 50, "per_seconds": 2},
		"proxies": ["http://127.0.0.1:1",
		{"url": "http://127.0.0.1:2", "max_connections": 1},
		{"url": "http://127.0.0.1:3", "enabled": false}]}'
	run -0 --separate-stderr pool-select -f pool.json --lease --owner $$ --exclude 127.0.0.1:1
	run -0 --separate-stderr hammer budget 8 5
	assert_output --regexp '^1[0-9][0-9] selections, at most ([1-4][0-9]|50) of a proxy in 2 s$'
	assert_equal "$stderr" ""
}
