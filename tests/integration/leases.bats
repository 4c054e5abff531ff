# Leases end when they should, and not before; no budget is exceeded.

load ../lib

setup() {
	pool_setup
}

teardown() {
	pool_teardown
}

# One proxy, one lease at a time, and no way around it.
write_single() {
	write_pool pool.json '{"limits": {"max_connections": 1}, "fallback": "fail",
		"proxies": [{"name": "only", "url": "http://127.0.0.1:1"}]}'
}

# start_owner NAME: a process that lives until it is stopped. Its pid is in OWNER.
start_owner() {
	printf '%s\0' tail -f /dev/null >"$SERVERS/$1.cmd"
	launch "$1"
	echo 0 >"$SERVERS/$1.port"
	OWNER=$(cat "$SERVERS/$1.pid")
}

# take LEASE OPTION...: the lease goes to the variable LEASE.
take() {
	local -n into=$1
	local url
	shift

	read -r url into < <(pool-select -f pool.json --require-state --lease "$@")
	[[ "$into" =~ ^[0-9a-f]{16}$ ]]
}

# Nothing is to be had.
assert_none() {
	run -1 --separate-stderr pool-select -f pool.json --require-state --lease --ttl 60
	assert_output "http://none-eligible.no-proxy.invalid:9"
	[[ "$stderr" = "pool-select: no proxy for 'default' http in default.http: "* ]]
}

# The proxy is to be had, at the first try.
assert_free() {
	run -0 --separate-stderr pool-select -f pool.json --require-state --lease --ttl 60
	assert_output --regexp '^http://127\.0\.0\.1:1 [0-9a-f]{16}$'
	assert_equal "$stderr" ""
}

# What the state file says of a lease, by pool-state(5): its place, counted in bytes.
place_of() {
	local line

	line=$(od -An -v -tx8 -w8 state/*.state | grep -n "$1")
	[ "$(wc -l <<<"$line")" -eq 1 ]
	echo $(((${line%%:*} - 1) * 8))
}

# write_number PLACE NUMBER: 8 bytes in the order of this machine.
write_number() {
	local shifts=(0 8 16 24 32 40 48 56) shift bytes=

	[ "$(printf '\1\0' | od -An -tu2)" -eq 1 ] || shifts=(56 48 40 32 24 16 8 0)
	for shift in "${shifts[@]}"; do
		bytes+=$(printf '\\x%02x' $(($2 >> shift & 255)))
	done
	# shellcheck disable=SC2059
	printf "$bytes" | dd of="$(echo state/*.state)" bs=1 seek="$1" conv=notrunc status=none
}

is_zombie() {
	grep -q '^State:	Z' "/proc/$1/status"
}

@test "the lease of a killed owner is free at the next selection" {
	write_single
	start_owner owner
	take lease --owner "$OWNER"
	assert_none
	kill -KILL "$OWNER"
	wait_until 5 has_ended servers/owner.pid
	assert_free
}

@test "so is that of an owner that is a zombie" {
	write_single
	# whoever becomes tail does not wait for its child
	printf '%s\0' sh -c 'tail -f /dev/null & echo $! >child; exec tail -f /dev/null' \
		>servers/parent.cmd
	launch parent
	wait_until 5 test -s child
	child=$(cat child)
	take lease --owner "$child"
	assert_none
	kill -KILL "$child"
	wait_until 5 is_zombie "$child"
	assert_free
	is_zombie "$child"
}

@test "a process that has the number of a dead owner does not keep its lease" {
	write_single
	start_owner owner
	take lease --owner "$OWNER"
	place=$(place_of "$lease")
	start=$(od -An -tu8 -j $((place + 24)) -N 8 state/*.state)
	assert_equal "$((start))" "$(sed 's/.*) //' "/proc/$OWNER/stat" | cut -d ' ' -f 20)"
	# as if it had been taken by another process of that number, a tick earlier
	write_number $((place + 24)) $((start - 1))
	assert_free
	is_running servers/owner.pid

	# the same with a number that really comes again, where that may be arranged
	if unshare -rpf --mount-proc true 2>/dev/null; then
		rm -rf state/*
		run -0 unshare -rpf --mount-proc --kill-child bash -c "$(declare -f reuse_number)
			reuse_number"
		assert_output "1 http://127.0.0.1:1"
	fi
}

# In a pid namespace of its own: says how selecting ended while the owner lived, and what was
# selected when another process had its number.
reuse_number() {
	local first second start

	echo 500 >/proc/sys/kernel/ns_last_pid
	tail -f /dev/null &
	first=$!
	start=$(cut -d ' ' -f 22 "/proc/$first/stat")
	pool-select -f pool.json --require-state --lease --owner "$first" --ttl 600 >lease
	pool-select -f pool.json --require-state -q >no-lease 2>&1
	echo -n "$? "
	second=$first
	# the clock of start times is coarse: a process of the same tick would be the same
	while :; do
		kill -KILL "$second"
		wait "$second" 2>/dev/null
		echo $((first - 1)) >/proc/sys/kernel/ns_last_pid
		tail -f /dev/null &
		second=$!
		[ "$second" = "$first" ] || echo "another number"
		[ "$(cut -d ' ' -f 22 "/proc/$second/stat")" = "$start" ] || break
	done
	pool-select -f pool.json --require-state
}

# --- owners in another pid namespace, as in a container ------------------------------------------

# in_container [UNSHARE-OPTION]... COMMAND...: as process 1 of a pid namespace, which ends with it.
in_container() {
	unshare -rpf --mount-proc "$@"
}

# Skip the test where there are no pid namespaces to be had; under STRICT=1 fail it.
require_containers() {
	in_container true 2>/dev/null && return
	[ "${STRICT:-0}" != 1 ] || return 1
	skip "needs pid namespaces"
}

# start_container NAME COMMAND...: with FIRST the pid, here, of its process 1.
start_container() {
	local name=$1
	shift

	printf '%s\0' unshare -rpf --mount-proc --kill-child "$@" >"$SERVERS/$name.cmd"
	: >"$SERVERS/$name.log"
	launch "$name"
	echo 0 >"$SERVERS/$name.port"
	wait_until 10 child_of "$(cat "$SERVERS/$name.pid")"
}

child_of() {
	FIRST=
	# its line has no end
	read -r FIRST _ 2>/dev/null <"/proc/$1/task/$1/children" || [ -n "$FIRST" ]
}

holds_one() {
	[ "$(status_field only leases)" = 1 ]
}

@test "a container's lease ends with it, in peace" {
	require_containers
	write_single
	for options in "" "--timeout 60" "--fail-on 9"; do
		# shellcheck disable=SC2086 # words of a line
		run -0 --separate-stderr in_container pool-exec -q $options -f pool.json \
			sh -c 'pool-status -f pool.json --format tsv | grep -c "default.http" >seen'
		assert_output ""
		assert_equal "$stderr" ""
		assert_equal "$(cat seen)" 1
		assert_free
		rm -rf state/*
	done
}

@test "a container's lease is held while its command runs, as others see it, and ends when it is killed" {
	require_containers
	write_single
	for _ in 1 2 3; do
		start_container job pool-exec -f pool.json tail -f /dev/null
		wait_until 10 holds_one
		assert_none
		in_container pool-select -q -f pool.json >out && return 1
		kill -KILL "$FIRST"
		wait_until 5 no_process "$FIRST"
		assert_free
		rm -rf state/*
		stop_server job
	done
}

no_process() {
	! kill -0 "$1" 2>/dev/null
}

@test "the command in a container gets no descriptor of the state, and so keeps nothing" {
	require_containers
	write_single
	# shellcheck disable=SC2016 # for the shell in there
	run -0 --separate-stderr in_container pool-exec -f pool.json sh -c 'readlink /proc/$$/fd/*; true'
	assert_line --partial /
	refute_output --partial "$PWD/state"
	assert_free
}

@test "ten containers at once leave no lease, and least_connections is even" {
	require_containers
	write_pool pool.json '{"strategy": "least_connections", "limits": {"max_connections": 5},
		"fallback": "fail", "proxies": [{"name": "a", "url": "http://127.0.0.1:1"},
			{"name": "b", "url": "http://127.0.0.1:2"}]}'
	mkfifo gate
	exec {gate}<>gate
	pids=()
	for i in 1 2 3 4 5 6 7 8 9 10; do
		in_container pool-exec -f pool.json sh -c 'echo >"$1"; read -r go <gate' sh "ready.$i" \
			2>"err.$i" 3>&- {gate}>&- &
		pids+=($!)
	done
	wait_until 30 all_ready
	assert_equal "$(status_field a leases) $(status_field b leases)" "5 5"
	run -1 --separate-stderr pool-select -f pool.json
	for i in "${pids[@]}"; do echo >&"$gate"; done
	for i in "${pids[@]}"; do wait "$i"; done
	assert_equal "$(cat err.*)" ""
	assert_equal "$(status_field a leases) $(status_field b leases)" "0 0"
	run -0 --separate-stderr pool-select -f pool.json
	assert_equal "$stderr" ""
}

all_ready() {
	local files=(ready.*)

	[ "${#files[@]}" -eq 10 ]
}

@test "the lease of a pool-exec that is killed alone ends, though its command lives on" {
	require_containers
	write_single
	# shellcheck disable=SC2016 # for the shell in there
	start_container job sh -c 'pool-exec -f pool.json sh -c "echo \$\$ >command; exec tail -f /dev/null" &
		echo $! >exec; wait; while :; do [ -e over ] && exit; sleep 0.02; done'
	wait_until 10 test -s command
	assert_none
	nsenter -t "$FIRST" -U -p kill -KILL "$(cat exec)"
	wait_until 10 is_free
	# in there the command is still to be seen
	nsenter -t "$FIRST" -U -p kill -0 "$(cat command)"
	touch over
}

is_free() {
	pool-select -q -f pool.json --require-state >/dev/null
}

@test "pool-exec as process 1 passes a signal on, buries orphans, and says how its command ended" {
	require_containers
	write_single
	# shellcheck disable=SC2016 # for the shell in there
	start_container job pool-exec -f pool.json sh -c \
		'trap "exit 7" TERM; (sh -c "exit 3" & echo >orphan) & wait; echo >ready; while :; do sleep 0.05; done'
	wait_until 10 test -s ready
	wait_until 10 no_orphans
	kill -TERM "$FIRST"
	wait_until 10 has_ended servers/job.pid
	assert_free
	rm -rf state/*
	# shellcheck disable=SC2016 # for the shell in there
	run -143 in_container pool-exec -f pool.json sh -c 'kill -TERM $$'
}

# No process of the container is a zombie.
no_orphans() {
	run ! grep -l '^State:	Z' /proc/[0-9]*/status
}

@test "who waits for a proxy as process 1 ends by a signal" {
	require_containers
	write_single
	take lease --ttl 600
	for signal in TERM INT HUP QUIT; do
		start_container job env --default-signal pool-exec --wait 60 -f pool.json true
		wait_until 10 heeds "$signal"
		kill "-$signal" "$FIRST"
		wait_until 5 has_ended servers/job.pid
		stop_server job
	done
}

heeds() {
	[ "$(cat "/proc/$FIRST/comm")" = pool-exec ] && takes_signal "$FIRST" "$1"
}

@test "an owner that only its container can look up gets a time to live, and the user is told" {
	require_containers
	write_single
	# shellcheck disable=SC2016 # for the shell in there
	run -0 --separate-stderr in_container sh -c 'pool-select -f pool.json --lease --owner $$
		pool-select -q -f pool.json || echo none'
	assert_line --index 0 --regexp '^http://127\.0\.0\.1:1 [0-9a-f]{16}$'
	assert_line --index 2 none
	assert_equal "${stderr_lines[0]}" "pool-select: warning: process 1 is in a pid namespace of its \
own, like that of a container, and others cannot see it end: the lease ends after 3600 s at the \
latest (--ttl SECONDS says when)"
	assert_equal "${#stderr_lines[@]}" 2
	# with one of its own nothing is to be told; processes of the container see it end
	rm -rf state/*
	# shellcheck disable=SC2016 # for the shell in there
	run -0 --separate-stderr in_container sh -c 'sleep 600 & pool-select -f pool.json --lease --owner $! --ttl 600
		kill -KILL $!; { wait $!; } 2>/dev/null; pool-select -f pool.json'
	assert_equal "$stderr" ""
	assert_line --index 1 http://127.0.0.1:1
}

@test "a person ends what is left of a container by reset and by --repair" {
	require_containers
	write_single
	left() {
		# shellcheck disable=SC2016 # for the shell in there
		in_container sh -c 'pool-select -f pool.json --lease --owner $$ --ttl 600' >out
		assert_none
	}
	left
	run -0 --separate-stderr pool-report -f pool.json only reset
	assert_output ""
	assert_equal "$stderr" ""
	run -0 pool-select -f pool.json
	left
	pool-report -f pool.json --all reset
	run -0 pool-select -f pool.json
	left
	run -0 --separate-stderr pool-status --repair pool.json
	assert_line --index 0 --regexp ': ended 1 lease whose owner is gone or cannot be looked up from here$'
	assert_line --index 1 --regexp ': whole, 1 proxy in 1 pool, 0 leases$'
	assert_equal "$stderr" ""
	# those of owners that live here, or hold their lock, and those by time alone stay
	start_container job pool-exec -f pool.json tail -f /dev/null
	wait_until 10 holds_one
	pool-report -f pool.json --all reset
	run -0 --separate-stderr pool-status --repair pool.json
	assert_line --index 0 --regexp ': whole, 1 proxy in 1 pool, 1 lease$'
	stop_server job
	take lease --ttl 600
	pool-report -f pool.json --all reset
	assert_none
}

@test "a container without /proc of its own leases all the same" {
	require_containers
	write_single
	run -0 --separate-stderr unshare -rpf pool-exec -f pool.json true
	assert_equal "$stderr" ""
	assert_free
}

@test "a lease with a time to live ends by time, and not before" {
	write_single
	before=${EPOCHREALTIME/./}
	take lease --ttl 2
	if ((${EPOCHREALTIME/./} - before < 1000000)); then
		assert_none
	fi
	run -0 --separate-stderr pool-select -f pool.json --require-state --lease --ttl 60 --wait 10
	assert_output --regexp '^http://127\.0\.0\.1:1 [0-9a-f]{16}$'
	((${EPOCHREALTIME/./} - before >= 1990000))
}

@test "a lease survives an edit of the pool file, and so does its report" {
	write_pool pool.json '{"limits": {"max_connections": 1}, "fallback": "fail",
		"proxies": [{"name": "one", "url": "http://127.0.0.1:1"},
			{"name": "two", "url": "http://127.0.0.1:2"}]}'
	take first --ttl 60
	take second --ttl 60
	assert_none
	# it moves, gets another name and a neighbour; the other one goes and comes back
	write_pool pool.json '{"limits": {"max_connections": 1}, "fallback": "fail",
		"proxies": [{"name": "new", "url": "http://127.0.0.1:3"},
			{"name": "uno", "url": "http://127.0.0.1:1", "weight": 2}]}'
	run -0 --separate-stderr pool-select -f pool.json --require-state --lease --ttl 60 \
		--format '%{name}'
	assert_output "new"
	assert_none
	write_pool pool.json '{"limits": {"max_connections": 1}, "fallback": "fail",
		"proxies": [{"name": "two", "url": "http://127.0.0.1:2"},
			{"name": "uno", "url": "http://127.0.0.1:1"}]}'
	assert_none
	run -0 --separate-stderr pool-report -v -f pool.json "$first" ok
	assert_output ""
	assert_equal "$stderr" "pool-report: uno of default.http: unknown -> healthy (ok)"
	run -0 --separate-stderr pool-select -f pool.json --require-state --format '%{name}'
	assert_output "uno"
}

@test "a report that comes after the lease's end counts once" {
	write_single
	start_owner owner
	take lease --owner "$OWNER"
	stop_server owner
	for _ in 1 2; do
		run -0 --separate-stderr pool-report -f pool.json "$lease" fail
		assert_output ""
		assert_equal "$stderr" ""
	done
	assert_equal "$(status_field only reports_down)" 1
	assert_equal "$(status_field only leases)" 0

	take lease --ttl 1
	wait_until 10 no_leases
	pool-report -f pool.json "$lease" fail
	pool-report -f pool.json "$lease" ok
	assert_equal "$(status_field only reports_down)" 2
	assert_equal "$(status_field only reports_ok)" 0
}

no_leases() {
	[ "$(status_field only leases)" -eq 0 ]
}

# Selects for some seconds, noting before, after, cost and name; stops early when told to.
spend() {
	local end=$1 file=$2 cost=$3 before name
	shift 3

	while [ "${EPOCHREALTIME/./}" -lt "$end" ]; do
		before=${EPOCHREALTIME/./}
		if name=$(pool-select -q -f pool.json --require-state --cost "$cost" \
			--format '%{name}' "$@" </dev/null); then
			echo "$before ${EPOCHREALTIME/./} $cost $name"
		else
			echo "$? $name" >>"$file.no"
			pause
		fi
	done >"$file"
}

# What was spent of NAME for certain within one window of 2 seconds: the most there was.
most_in_window() {
	awk -v name="$1" '
	$4 == name { from[n] = $1; to[n] = $2; cost[n] = $3; n++ }
	END {
		for (i = 0; i < n; i++) {
			sum = 0
			for (j = 0; j < n; j++)
				if (from[j] >= from[i] && to[j] < from[i] + 1990000)
					sum += cost[j]
			if (sum > most)
				most = sum
		}
		print most + 0
	}' spent.*
}

@test "8 processes stay within a budget in every window, also when all else is at its limit" {
	write_pool pool.json '{"limits": {"max_connections": 1, "requests": 100, "per_seconds": 2},
		"fallback": "any", "breaker": {"failure_threshold": 1, "open_seconds": 300},
		"proxies": [{"name": "leased", "url": "http://127.0.0.1:1"},
			{"name": "good", "url": "http://127.0.0.1:2"},
			{"name": "bad", "url": "http://127.0.0.1:3"},
			{"name": "limited", "url": "http://127.0.0.1:4"}]}'
	take lease --ttl 60
	pool-report -f pool.json bad fail
	pool-report -f pool.json limited fail --status 429 --retry-after 300
	end=$((${EPOCHREALTIME/./} + 5000000))
	pids=()
	for i in 1 2 3 4 5 6 7 8; do
		wait=()
		[ $((i % 2)) -eq 0 ] || wait=(--wait 1)
		spend "$end" "spent.$i" $((1 + i % 4 * 2)) "${wait[@]}" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	# whatever refused did so with a no, because of the budget
	run -0 sort -u spent.*.no
	assert_output "1 http://none-eligible.no-proxy.invalid:9"
	rm spent.*.no
	run -0 awk '{ print $4 | "sort -u" }' spent.*
	assert_output "bad
good"
	for name in good bad; do
		# it was used up, in more than one window, and never exceeded
		[ "$(awk -v name="$name" '$4 == name { sum += $3 } END { print sum }' spent.*)" -gt 100 ]
		[ "$(most_in_window "$name")" -le 100 ]
	done
}
