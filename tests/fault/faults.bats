# No allocation and no system call that fails makes an answer of pool-select that a client takes for
# "direct", or half an answer: each place in turn.

load ../lib
load faults

@test "the faults are met: without the refusal and whole texts these loops would find something" {
	learn_answers
	run -4 --separate-stderr env LD_PRELOAD="$FAULT_LIBRARY" FAULT_CALLS=memory FAULT_AT=1 \
		FAULT_ALL=1 FAULT_HIT=hit pool-select pool.json
	assert_output http://error.no-proxy.invalid:9
	assert_equal "$stderr" "pool-select: out of memory"
	[ "$(stat -c %s hit)" -gt 0 ]
}

@test "pool-select: no allocation that fails makes an answer wrong" {
	for format in url hostport env export curlrc proxychains json '%{name}=%{url}\n'; do
		learn_answers --format "$format"
		edited
		sweep is_answer memory ENOMEM once pool-select --format "$format" pool.json
		unchanged
		sweep is_answer memory ENOMEM once pool-select --format "$format" pool.json
	done
	edited
	sweep is_answer memory ENOMEM all pool-select --format "$format" pool.json
	assert_clean
}

@test "pool-select -n: all of them, or the refusal" {
	printf '{"strategy": "failover", "proxies": [' >pool.json
	for i in {1..150}; do printf '"http://mira:S3CRETpw@host-%d.test:%d", ' "$i" "$i"; done >>pool.json
	echo '"http://127.0.0.1:1"]}' >>pool.json
	learn_answers -n 151
	[ "${#good}" -gt 4096 ]
	unchanged
	sweep is_answer memory ENOMEM once pool-select -n 151 pool.json
	sweep is_answer write EINTR once pool-select -n 151 pool.json
}

@test "pool-select: no system call that fails makes an answer wrong" {
	learn_answers --format json
	for call in $calls close:EINTR open:EINTR read:EINTR write:EINTR write:EAGAIN write:EIO; do
		for state in edited unchanged new_state; do
			$state
			sweep is_answer "${call%:*}" "${call#*:}" once pool-select --format json pool.json
		done
		[[ $call != write:* && $call != *:EINTR ]] || continue
		edited
		sweep is_answer "${call%:*}" "${call#*:}" all pool-select --format json pool.json
	done
	assert_met $always posix_fallocate write
	assert_clean
}

@test "--serve: no allocation and no system call that fails loses a line" {
	learn_answers
	good=${good%$'\n'.} bad=${bad%$'\n'.}
	printf 'x\n- websocket\ny\n' >lines
	INPUT=lines
	for state in edited unchanged; do
		$state
		for call in memory:ENOMEM $calls read:EINTR write:EINTR write:EAGAIN; do
			sweep is_served "${call%:*}" "${call#*:}" once pool-select --serve pool.json
		done
		sweep is_served memory ENOMEM all pool-select --serve pool.json
	done
	INPUT=
	assert_met $always memory write
	assert_clean
}
