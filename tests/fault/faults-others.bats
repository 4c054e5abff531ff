# No allocation and no system call that fails makes pool-exec run a command without its proxy, or
# another tool print half a document: each place in turn. Those of pool-select: faults.bats.

load ../lib
load faults

@test "pool-exec: a command runs with its proxy or not at all" {
	for state in edited unchanged; do
		$state
		for call in memory:ENOMEM $calls; do
			sweep is_run "${call%:*}" "${call#*:}" once pool-exec -f pool.json sh -c \
				'echo ran $http_proxy'
		done
	done
	# where it may be tried again, what the command prints is held back or passes a pipe
	for buffer in --buffer ''; do
		for call in memory:ENOMEM poll:ENOMEM pipe2:EMFILE fork:EAGAIN signalfd:EMFILE open:EMFILE; do
			sweep is_run "${call%:*}" "${call#*:}" once pool-exec -f pool.json --fail-on 9 $buffer \
				--timeout 20 sh -c 'echo ran $http_proxy'
		done
		sweep is_run poll ENOMEM all pool-exec -f pool.json --fail-on 9 $buffer --timeout 20 sh -c \
			'echo ran $http_proxy'
	done
	assert_met $always memory poll pipe2 fork signalfd
	assert_clean healthy
}

@test "pool-exec: a look without a descriptor blames no proxy" {
	mkdir fakes
	printf '%s\n' '#!/bin/sh' 'exit 7' >fakes/curl
	chmod +x fakes/curl
	PATH=$PWD/fakes:$PATH
	write_pool pool.json '{"breaker": {"failure_threshold": 1}, "proxies": [
		{"name": "one", "url": "http://127.0.0.1:'"$(free_port)"'"}]}'
	# the only pipe is that of the look, since nothing is tried again
	LD_PRELOAD=$FAULT_LIBRARY FAULT_CALLS=pipe2 FAULT_AT=1 FAULT_ERROR=EMFILE FAULT_HIT=$PWD/hit \
		run -7 --separate-stderr pool-exec -f pool.json --retries 0 curl http://target.invalid/
	[ -s hit ]
	assert_regex "$stderr" "'one' failed \(no-descriptors, local\)"
	assert_equal "$(status_field one status) $(status_field one reports_down)" "unknown 0"
	run -7 --separate-stderr pool-exec -f pool.json --retries 0 curl http://target.invalid/
	assert_equal "$(status_field one status) $(status_field one reports_down)" "unhealthy 1"
}

# The whole configuration, as in the file good, or no run.
is_configured() {
	case $status in
	0) cmp -s out good ;;
	125 | 126) [ ! -s out ] && [ -s err ] ;;
	*) return 1 ;;
	esac
}

@test "pool-exec: a client is handed all of its own file, or does not run" {
	mkdir fakes
	printf '%s\n' '#!/bin/sh' 'cat "${1#--config=}"' >fakes/wget
	chmod +x fakes/wget
	PATH=$PWD/fakes:$PATH
	unset WGETRC
	{ printf 'user_agent = %0300d\n' 1 && echo 'timeout = 7'; } >"$HOME/.wgetrc"
	pool-exec -f pool.json wget >good
	run -0 grep -cxE 'timeout = 7|user_agent = 0+1' good
	assert_output 2
	unchanged
	for call in memory:ENOMEM fopen:EMFILE fopen:ENFILE; do
		sweep is_configured "${call%:*}" "${call#*:}" once pool-exec -f pool.json wget
	done
	# a folder of that name is none
	rm "$HOME/.wgetrc"
	mkdir "$HOME/.wgetrc"
	run -0 pool-exec -f pool.json wget
	assert_line --index 0 'use_proxy = on'
}

# documents STEP COMMAND...: each so-manieth allocation
documents() {
	local step=$1
	shift
	want=0
	"$@" >good 2>/dev/null || want=$?
	sweep is_document memory ENOMEM once "$step" "$@"
	sweep is_document memory ENOMEM all $((step * 5)) "$@"
}

@test "documents of the other tools are whole, or there is none" {
	cat >full.json <<-'POOL'
		{"enabled": true, "default": {"http": {"pool": {"proxies": [
			{"url": "http://a:b@127.0.0.1:1", "weight": 2}, "socks5://127.0.0.1:2"]}}},
			"exchanges": {"okx": {"http": {"url": "http://c:1"}}}}
	POOL
	echo '{"proxies": ["http://:x", {"url": 1, "foo": 2}, "bar"], "strategey": "x"}' >bad.json
	unchanged
	documents 3 pool-validate bad.json
	documents 3 pool-validate --format json bad.json
	documents 23 pool-validate --format sarif bad.json
	documents 3 pool-validate --format github bad.json
	documents 3 pool-validate --format gitlab bad.json
	documents 23 pool-validate --schema
	documents 3 pool-validate --print full.json
	documents 3 pool-validate --resolve full.json
	for format in pool cryptofeed env list proxychains; do
		documents 3 pool-convert --to $format full.json
	done
	documents 5 pool-convert --diff --to env full.json
	pool-select pool.json >/dev/null
	for format in table tsv json jsonl; do
		documents 3 pool-status --format $format pool.json
	done
	documents 1 pool-status --names pool.json
	documents 1 pool-report -f pool.json a ok
}

@test "a state that begins anew without a copy says so, and no half of one counts" {
	mkdir own
	pool-select -q -s own/a.state pool.json >/dev/null
	printf 'xxxx' | dd of=own/a.state bs=1 seek=16384 conv=notrunc status=none
	cp own/a.state broken
	prepare() { rm -f own/* && cp broken own/a.state; }
	is_kept_or_told() {
		[ "$status" = 0 ] || return 1
		if [ -e own/a.state.corrupt ]; then
			tail -n +2 own/a.state.corrupt | cmp - broken
		else
			grep -q 'no copy could be kept' err
		fi
	}
	for call in lseek:EIO ftruncate:EIO write:ENOSPC pwrite:ENOSPC; do
		sweep is_kept_or_told "${call%:*}" "${call#*:}" once \
			pool-status --repair -s own/a.state pool.json
	done
}

@test "pool-check and pool-watch blame nobody for want of memory" {
	start_stub http-proxy
	echo '{"proxies": [{"name": "a", "url": "http://127.0.0.1:'"$STUB_PORT"'"}], "health_check":
		{"method": "tcp", "timeout_seconds": 2, "retry_count": 1}}' >pool.json
	is_no_blame() {
		case $status in
		0 | 3 | 4) ;;
		*) return 1 ;;
		esac
		! grep -q failed out && { [ ! -s out ] || [ "$(tail -c 1 out)" = "" ]; }
	}
	unchanged
	sweep is_no_blame memory ENOMEM once 101 pool-check --format jsonl pool.json
	sweep is_no_blame epoll_ctl ENOSPC once pool-check --format jsonl pool.json
	# 124: it ran until it was ended
	is_watched() { [ "$status" = 124 ] || { [ "$status" -le 4 ] && [ -s err ]; }; }
	LIMIT=1
	sweep is_watched memory ENOMEM once 301 pool-watch pool.json
	LIMIT=
	run -0 pool-status --format tsv pool.json
	refute_output --partial unhealthy
}
