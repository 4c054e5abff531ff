# Edits of the pool file under pool-watch, however they are made, and those that are invalid.

load ../lib
load watch

setup() {
	pool_setup
	require_tool jq curl
	start_stub --name proxies http-proxy --count 8 --max-seconds 600 --log requests
	PORTS=("${STUB_PORTS[@]}")
}

teardown() {
	watch_teardown
}

# print_pool NUMBER...: a pool of proxies named p0, p1, ...
print_pool() {
	local number list=

	for number; do
		list="$list${list:+, }{\"name\": \"p$number\", \"url\": \"http://127.0.0.1:${PORTS[number]}\"}"
	done
	printf '%s\n' '{"health_check": {"interval_seconds": 30, "timeout_seconds": 1, "retry_count": 1},' \
		" \"proxies\": [$list]}"
}

# write_new FILE NUMBER...
write_new() {
	(
		umask 077
		print_pool "${@:2}" >"$1"
	)
}

# names_now: what pool-watch itself says it watches.
names_now() {
	get api/v1/status | jq -r '[.proxies[].proxy] | sort | join(" ")'
}

names_are() {
	[ "$(names_now)" = "$1" ]
}

# What is asked for often may be as old as a second.
assert_names() {
	wait_until 2 names_are "$1" || assert_equal "$(names_now)" "$1"
}

# field NAME MEMBER
field() {
	pool-status -f "${FILE:-pool.json}" --format json 2>/dev/null |
		jq -r --arg name "$1" ".proxies[] | select(.proxy == \$name) | .$2"
}

# assert_taken SINCE NUMBER...: the edit is in force within 2 seconds, the new ones are checked, and
# p0, which always stays, is as it was.
assert_taken() {
	local since=$1 number
	shift

	await_within 2000 "$since" '.event == "reload" and .level == "notice"'
	assert_equal "$(count_events '.event == "reload"')" 1
	assert_names "${*/#/p}"
	for number; do
		[ "$number" = 0 ] || [[ " $KNOWN " = *" $number "* ]] ||
			await_event 3 "$(went "p$number" healthy unknown)"
	done
	no_event "$(went p0)"
	assert_equal "$(field p0 status)" healthy
	(($(field p0 checks_ok) >= CHECKS))
	assert_equal "$(field p0 selections)" 1
	run -0 --separate-stderr pool-status -f "${FILE:-pool.json}" --names
	assert_output "$(printf 'p%s\n' "$@")"
	KNOWN=$*
}

# begin NUMBER...: what is watched first
begin() {
	KNOWN=$*
	wait_until 10 is_known
	pool-select -q -f "${FILE:-pool.json}" --strategy failover >selected
	assert_equal "$(field p0 selections)" 1
	CHECKS=$(field p0 checks_ok)
	mark
}

is_known() {
	[ "$(field p0 status)" = healthy ]
}

@test "an edit in place, by renaming, and by a symbolic link is in force at once" {
	write_new pool.json 0 1 2
	start_watch -- pool.json
	begin 0 1 2

	began=$(now_ms)
	write_new pool.json 0 2 3
	assert_taken "$began" 0 2 3
	await_event 1 '.event == "reload" and (.detail | test("1 added") and test("1 removed") and test("2 kept"))'
	mark

	write_new pool.json.new 0 3 4 5
	began=$(now_ms)
	mv pool.json.new pool.json
	assert_taken "$began" 0 3 4 5
	mark

	# the file becomes a link, and the link is switched
	write_new one 0 5
	ln -s one link
	began=$(now_ms)
	mv -T link pool.json
	assert_taken "$began" 0 5
	mark
	write_new two 0 6
	ln -s two link
	began=$(now_ms)
	mv -T link pool.json
	assert_taken "$began" 0 6
	mark
	# what the link points to is edited
	began=$(now_ms)
	write_new two 0 7
	assert_taken "$began" 0 7
	mark

	# a new date is no edit
	touch pool.json two
	hold_for 1500 no_event '.event == "reload" or .event == "rollback"'
	assert_equal "$(metric proxypool_reloads_total)" 5
	assert_equal "$(metric proxypool_rollbacks_total)" 0
	run -0 pool-status --verify
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

@test "the switch of a Kubernetes mount is in force at once" {
	mkdir -p mount/..2026_1 mount/..2026_2
	write_new mount/..2026_1/pool.json 0 1
	write_new mount/..2026_2/pool.json 0 2
	ln -s ..2026_1 mount/..data
	ln -s ..data/pool.json mount/pool.json
	FILE=mount/pool.json
	start_watch -- mount/pool.json
	begin 0 1

	ln -s ..2026_2 mount/..data_tmp
	began=$(now_ms)
	mv -T mount/..data_tmp mount/..data
	rm -r mount/..2026_1
	assert_taken "$began" 0 2
	mark

	# and once more, for the watch has to follow
	mkdir mount/..2026_3
	write_new mount/..2026_3/pool.json 0 2 3
	ln -s ..2026_3 mount/..data_tmp
	began=$(now_ms)
	mv -T mount/..data_tmp mount/..data
	rm -r mount/..2026_2
	assert_taken "$began" 0 2 3
}

@test "an edit that inotify does not see is found by looking" {
	# one folder further up, where nobody watches
	mkdir -p a/conf b/conf
	write_new a/conf/pool.json 0 1
	write_new b/conf/pool.json 0 2
	ln -s a up
	FILE=up/conf/pool.json
	start_watch -- up/conf/pool.json
	begin 0 1
	ln -s b link
	began=$(now_ms)
	mv -T link up
	assert_taken "$began" 0 2
	mark
	# where it is now
	began=$(now_ms)
	write_new b/conf/pool.json 0 2 3
	assert_taken "$began" 0 2 3
}

@test "without inotify edits are found by looking" {
	require_tool unshare
	unshare -Ur true 2>/dev/null || skip "user namespaces are not permitted"
	write_new pool.json 0 1
	# shellcheck disable=SC2016
	start_watch --before unshare -Ur bash -c 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"' none -- pool.json
	# -s: descriptors come and go
	run grep -ls '^inotify' "/proc/$WATCH_PID/fdinfo/"*
	assert_output ""
	begin 0 1
	began=$(now_ms)
	write_new pool.json 0 2
	assert_taken "$began" 0 2
	mark
	write_new pool.json.new 0 3
	began=$(now_ms)
	mv pool.json.new pool.json
	assert_taken "$began" 0 3
	mark
	# another file of the same size, and of the same second
	write_new pool.json.new 0 4
	touch -r pool.json pool.json.new
	began=$(now_ms)
	mv pool.json.new pool.json
	assert_taken "$began" 0 4
}

@test "an invalid edit is told once with its place, and the last good pool goes on" {
	write_new pool.json 0 1
	start_watch -- -v pool.json
	begin 0 1
	assert_equal "$(metric proxypool_pool_file_valid)" 1

	began=$(now_ms)
	printf '%s\n' '{"proxies": [' '  {"name": "p0", "url": "http://127.0.0.1:1", "weight": 12}]}' >pool.json
	await_within 2000 "$began" '.event == "rollback" and .level == "error"'
	assert_equal "$(count_events '.event == "rollback" and (.detail | test("pool.json:2:[0-9]+: error: weight: 12 is above 10"))')" 1
	wait_until 2 metric_is proxypool_pool_file_valid 0
	wait_until 2 metric_is proxypool_rollbacks_total 1
	wait_until 2 tells_fault '^false .*pool\.json:2:[0-9]+: error: weight'
	answers 200 healthz
	assert_names "p0 p1"
	# the last good one serves
	run -0 --separate-stderr pool-select --format '%{name}' --strategy failover
	assert_output p0
	[ -n "$stderr" ]
	# it is told once, also if somebody touches it
	touch pool.json
	hold_for 1500 no_more_rollbacks 1

	began=$(now_ms)
	rm pool.json
	await_within 2000 "$began" '.event == "rollback" and (.detail | test("No such file|gone|missing"; "i"))'
	wait_until 2 metric_is proxypool_pool_file_valid 0
	hold_for 1200 no_more_rollbacks 2
	assert_names "p0 p1"
	no_event '.event == "transition"'

	# the same as before: nothing to do, and nothing is wrong any more
	began=$(now_ms)
	write_new pool.json 0 1
	wait_until 2 metric_is proxypool_pool_file_valid 1
	await_within 2500 "$began" '.event == "reload"'
	no_event '.event == "transition"'
	assert_equal "$(field p0 selections)" 2

	# one that is gone for a moment, as when it is written anew
	mark
	rm pool.json
	began=$(now_ms)
	write_new pool.json 0 2
	assert_taken_after_all "$began"
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

# tells_fault PATTERN: what the status says of the pool file
tells_fault() {
	get api/v1/status | jq -r '"\(.watch.pool_file_valid) \(.watch.pool_file_fault)"' | grep -qE "$1"
}

no_more_rollbacks() {
	[ "$(count_events '.event == "rollback"')" = "$1" ]
}

assert_taken_after_all() {
	await_within 2000 "$1" '.event == "reload"'
	wait_until 2 names_are "p0 p2"
	await_event 3 "$(went p2 healthy unknown)"
}

@test "--reload tells the verdict, and what it calls valid is in force" {
	write_new pool.json 0 1
	run -1 --separate-stderr pool-watch --reload pool.json
	assert_output ""
	[[ "$stderr" = "pool-watch: "*"pool.json"* ]]
	run -1 --separate-stderr pool-watch --stop pool.json
	assert_output ""
	[[ "$stderr" = "pool-watch: "*"pool.json"* ]]

	start_watch -- pool.json
	begin 0 1
	run -0 --separate-stderr pool-watch --reload pool.json
	assert_equal "$stderr" ""

	write_new pool.json 0 2
	run -0 --separate-stderr pool-watch --reload pool.json
	assert_equal "$stderr" ""
	assert_names "p0 p2"
	assert_equal "$(count_events '.event == "reload"')" 1

	echo '{"proxies": [}' >pool.json
	run -1 --separate-stderr pool-watch --reload pool.json
	assert_output ""
	assert_regex "$stderr" 'pool\.json:1:[0-9]+: error: '
	assert_names "p0 p2"
	# asked again, it says so again; the event is told once
	run -1 --separate-stderr pool-watch --reload pool.json
	assert_regex "$stderr" 'pool\.json:1:[0-9]+: error: '
	assert_equal "$(count_events '.event == "rollback"')" 1

	chmod 666 pool.json
	run -3 --separate-stderr pool-watch --reload pool.json
	assert_output ""
	assert_equal "$stderr" "pool-watch: pool file 'pool.json' is not used: everybody can write it \
(mode 0666) (chmod go-w it, or see --trust-file)"
	run -3 --separate-stderr pool-watch --reload --trust-file pool.json
	assert_equal "${stderr_lines[0]}" "pool-watch: warning: --trust-file does not reach an instance \
that runs: --restart starts one with it"
	assert_equal "${#stderr_lines[@]}" 2

	rm pool.json
	run -1 --separate-stderr pool-watch --reload -s "$POOL_STATE" pool.json
	assert_output ""
	[ -n "$stderr" ]

	write_new pool.json 0 3
	kill -HUP "$WATCH_PID"
	wait_until 2 names_are "p0 p3"
	# without an edit, and many of them
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -HUP "$WATCH_PID"
	done
	run -0 --separate-stderr pool-watch --reload pool.json
	assert_equal "$stderr" ""
	is_running "$SERVERS/watch.pid"
	assert_names "p0 p3"
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

# reload_many TIMES: half of them invalid
reload_many() {
	local number

	for ((number = 0; number < $1; number++)); do
		if ((number % 2)); then
			printf '{"proxies": [{"name": "p0", "url": "http://127.0.0.1:%s"}, %s]}\n' "$number" \
				'"no url"' >pool.json
			run -1 pool-watch --reload pool.json
			assert_output --regexp 'pool\.json:1:[0-9]+: error: '
		else
			write_new pool.json 0 $((1 + number / 2 % 7))
			run -0 pool-watch --reload pool.json
		fi
	done
}

@test "100 reloads, half of them invalid, leave neither descriptors nor memory behind" {
	write_new pool.json 0
	start_watch -- pool.json
	begin 0
	reload_many 20
	fds=$(count_fds "$WATCH_PID")
	memory=$(resident_kb "$WATCH_PID")
	reload_many 100
	assert_equal "$(count_fds "$WATCH_PID")" "$fds"
	grown=$(($(resident_kb "$WATCH_PID") - memory))
	echo "grown by $grown kB" >&2
	((grown < 1024))
	# of 49 / 2 % 7
	assert_names "p0 p1"
	wait_until 2 metric_is proxypool_pool_file_valid 0
	write_new pool.json 0 5 6
	run -0 pool-watch --reload pool.json
	wait_until 2 metric_is proxypool_pool_file_valid 1
	assert_names "p0 p5 p6"
	await_event 3 "$(went p5 healthy)"
	run -0 pool-status --names
	assert_output "$(printf '%s\n' p0 p5 p6)"
	no_event "$(went p0)"
	assert_equal "$(field p0 selections)" 1
	run -0 pool-status --verify
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

@test "it starts with the last good pool if the file is invalid meanwhile, says so, and takes the mended one" {
	write_new pool.json 0 1
	start_watch -- pool.json
	begin 0 1
	end_watch
	echo '{"proxies": [}' >pool.json
	mark
	start_watch -- pool.json
	assert_names "p0 p1"
	await_event 3 '.event == "rollback" and (.detail | test("pool.json:1:[0-9]+: error: "))'
	wait_until 2 metric_is proxypool_pool_file_valid 0
	no_event "$(went p0)"
	began=$(now_ms)
	write_new pool.json 0 2
	await_within 2000 "$began" '.event == "reload"'
	wait_until 2 metric_is proxypool_pool_file_valid 1
	assert_names "p0 p2"
}
