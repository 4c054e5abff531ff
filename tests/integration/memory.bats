# What is in the tools' memory stays there, and nothing that they need is lost by that: as an
# ordinary user, since root may look at everything.

load ../lib

setup() {
	pool_setup
	umask 022
	open_folder memory "$POOL_BIN"/pool-*
	PATH=$open/bin:$PATH
	start_stub http-proxy
	echo '{"proxies": [{"name": "a", "url": "http://mira:S3CRETpw@127.0.0.1:'"$STUB_PORT"'"}],
		"health_check": {"interval_seconds": 5}}' >"$open/pool.json"
	chmod 600 "$open/pool.json"
	chown -R 4001:4001 "$open"
	export POOL_STATE=$open/state POOL_FILE=$open/pool.json HOME=$open
	mkdir -m 700 "$open/state"
	chown 4001:4001 "$open/state"
	cd "$open"
}

teardown() {
	pool_teardown
	[ -z "${open:-}" ] || rm -rf "$open"
}

user() {
	setpriv --reuid=4001 --regid=4001 --clear-groups "$@"
}

start_user_watch() {
	(exec setpriv --reuid=4001 --regid=4001 --clear-groups "$open/bin/pool-watch" \
		--listen 127.0.0.1:0 >events 2>told 3>&-) &
	echo $! >"$SERVERS/watch.pid"
	echo 0 >"$SERVERS/watch.port"
	wait_until 10 grep -q listening told
}

@test "nobody of the same user sees the memory of pool-watch" {
	start_user_watch
	pid=$(cat "$SERVERS/watch.pid")
	# /proc gives them to root: the kernel's sign of a process that is not dumped
	assert_equal "$(stat -c %u "/proc/$pid/environ")" 0
	run -1 user cat "/proc/$pid/environ"
	run -1 user head -c 1 "/proc/$pid/maps"
	run -2 user ls "/proc/$pid/fd"
}

@test "the command of pool-exec is as it would be without" {
	ulimit -c 8
	run -0 --separate-stderr user pool-exec -- bash -c 'stat -L -c %u /proc/$$/environ; ulimit -c'
	assert_output $'4001\n8'
	run -0 --separate-stderr user pool-exec -- cat <<<input
	assert_output input
	# and where pool-exec stays its parent
	run -0 --separate-stderr user pool-exec --retries 1 -- bash -c \
		'stat -L -c %u /proc/$$/environ; ulimit -c'
	assert_output $'4001\n8'
}

@test "a program of --on-change is as it would be without" {
	printf '#!/bin/bash\nstat -L -c %%u /proc/$$/environ >>%s/seen\nulimit -c >>%s/seen\n' "$open" "$open" >hook
	chmod 755 hook
	chown 4001:4001 hook
	(ulimit -c 8 && exec setpriv --reuid=4001 --regid=4001 --clear-groups "$open/bin/pool-watch" \
		--on-change "$open/hook" --alert-window 0 --alert-on transition >events 2>told 3>&-) &
	echo $! >"$SERVERS/watch.pid"
	echo 0 >"$SERVERS/watch.port"
	wait_until 10 has_started
	run -0 user pool-report a disable
	wait_until 10 has_seen
	run -0 head -n 2 seen
	assert_output $'4001\n8'
}

has_started() {
	[ -e events ] && grep -q started events
}

has_seen() {
	[ -s seen ] && [ "$(wc -l <seen)" -ge 2 ]
}

@test "owners of leases, locks and control sockets are found as before" {
	run -0 --separate-stderr user bash -c 'pool-select --lease --owner $$ >lease
		pool-exec -- pool-status --format json >held; echo $?'
	assert_output 0
	assert_equal "$(jq -r '.proxies[0].leases' held)" 2
	run -0 --separate-stderr user pool-status --format json
	assert_equal "$(jq -r '.proxies[0].leases' <<<"$output")" 0
	start_user_watch
	run -0 --separate-stderr user pool-watch --reload
	run -5 --separate-stderr user pool-watch
	assert_regex "$stderr" "process $(cat "$SERVERS/watch.pid") watches"
	url=$(sed -n 's|^pool-watch: listening on \(http://.*/\)$|\1|p' told)
	run -0 curl -fsS "${url}metrics"
	assert_output --regexp 'proxypool_process_open_fds [1-9]'
	run -0 --separate-stderr user pool-watch --stop
}
