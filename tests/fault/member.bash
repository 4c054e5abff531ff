# What the tests of a hostile member share.
#
# shellcheck shell=bash disable=SC2034

setup() {
	pool_setup
	pids=()
	open_folder member "$POOL_BUILD"/tests/{member,victim}
	seconds=${MEMBER_SECONDS:-60}
	mkdir "$open/state" "$open/mal"
	chgrp 4242 "$open/state"
	chmod 3770 "$open/state"
	chown 4001 "$open/mal"
	pool=$open/pool.json
	cat >"$pool" <<-POOL
		{"enabled": true,
		"exchanges": {"a": {"http": {"pool": {"proxies": ["http://127.0.0.1:5", "http://127.0.0.1:6"],
			"limits": {"requests": 1000, "per_seconds": 10}}}}},
		"default": {"http": {"pool": {"fallback": "any",
			"health_check": {"enabled": true, "timeout_seconds": 1, "interval_seconds": 5, "method": "tcp"},
			"proxies": ["http://127.0.0.1:1", {"url": "http://127.0.0.1:2", "weight": 3}, "http://127.0.0.1:3"]}}}}
	POOL
	chmod 644 "$pool"
	evil=$open/mal/evil.json
	echo '{"proxies": ["http://127.0.0.1:66"]}' >"$evil"
	chmod 644 "$evil"
}

teardown() {
	exec 8>&- 9<&-
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || :
	pool_teardown
	[ -z "${open:-}" ] || rm -rf "$open"
}

# as_member COMMAND...
as_member() {
	setpriv --reuid=4001 --regid=4001 --groups 4242 "$@"
}

# attack WHAT...: the member's program, in the background; ended by teardown.
attack() {
	(exec setpriv --reuid=4001 --regid=4001 --groups 4242 "$open/bin/member" "$@") 3>&- &
	pids+=($!)
}

# begin_state: made by root, its path in $state
begin_state() {
	pool-select -q -s "$open/state/" "$pool" >/dev/null
	state=$(echo "$open"/state/*.state)
}
