# Every tool ends by a signal as process 1 of a container too, where the kernel kills nobody by it.

load ../lib

setup() {
	pool_setup
	unshare -rpf --mount-proc true 2>/dev/null || {
		[ "${STRICT:-0}" != 1 ] || return 1
		skip "needs pid namespaces"
	}
	# it takes connections and says nothing
	start_stub stall
	write_pool pool.json '{"fallback": "fail", "proxies": [{"name": "a",
		"url": "http://127.0.0.1:'"$STUB_PORT"'"}],
		"health_check": {"method": "http", "url": "http://target.test/", "retry_count": 1,
			"timeout_seconds": 30}}'
	mkfifo silence
	exec {silence}<>silence
}

teardown() {
	pool_teardown
}

# start_first SIGNAL COMMAND...: as process 1, whose pid is FIRST; its status goes to the file "status".
start_first() {
	local signal=$1
	shift

	rm -f status
	# shellcheck disable=SC2016 # for the shell in there
	printf '%s\0' bash -c 'unshare -rpf --mount-proc --kill-child env --default-signal "$@" \
		<silence >out 2>err; echo $? >status' bash "$@" >"$SERVERS/first.cmd"
	: >"$SERVERS/first.log"
	launch first
	echo 0 >"$SERVERS/first.port"
	wait_until 10 find_first "$1" "$signal"
}

# find_first TOOL SIGNAL: process 1 is the tool, and takes the signal.
find_first() {
	local pid

	FIRST=
	for pid in $(descendants "$(cat "$SERVERS/first.pid")"); do
		[ "$(sed -n 's/^NSpid:.*\t//p' "/proc/$pid/status" 2>/dev/null)" = 1 ] || continue
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] || continue
		takes_signal "$pid" "$2" && FIRST=$pid
	done
	[ -n "$FIRST" ]
}

descendants() {
	local pid children

	# its line has no end
	read -r children 2>/dev/null <"/proc/$1/task/$1/children" || :
	for pid in ${children:-}; do
		echo "$pid"
		descendants "$pid"
	done
}

ends() {
	local signal=$1 expected=$2 status
	shift 2

	start_first "$signal" "$@"
	kill "-$signal" "$FIRST"
	if ! wait_until 3 test -s status; then
		echo "$* lives on after SIG$signal" >&2
		stop_server first
		return 1
	fi
	status=$(cat status)
	[ "$status" = "$expected" ] || {
		echo "$* ended with $status after SIG$signal, not $expected: $(cat err)" >&2
		return 1
	}
}

@test "tools that wait end by each signal that asks for it" {
	ends TERM 143 pool-check pool.json
	ends INT 130 pool-check pool.json
	ends HUP 129 pool-check pool.json
	ends QUIT 131 pool-check pool.json
	ends TERM 143 pool-validate -
	ends INT 130 pool-convert -
	ends TERM 0 pool-status --watch pool.json
	ends TERM 0 pool-watch pool.json
	ends TERM 143 pool-exec -f pool.json tail -f /dev/null
	ends TERM 143 pool-exec -f pool.json --timeout 60 tail -f /dev/null
}

@test "who waits for a proxy ends too, and pool-select prints that there is none" {
	pool-report -f pool.json a disable
	ends TERM 143 pool-exec --wait 60 -f pool.json true
	ends INT 130 pool-exec --wait 60 -f pool.json true
	ends TERM 143 pool-select --wait 60 pool.json
	ends INT 130 pool-select --wait 60 pool.json
	ends TERM 143 pool-select --serve pool.json
}

@test "what was ignored before stays so" {
	# shellcheck disable=SC2016 # for the shell in there
	run -0 unshare -rpf --mount-proc sh -c 'trap "" TERM
		exec pool-exec -f pool.json sh -c "kill -TERM \$PPID; echo lives"'
	assert_output lives
}
