# What the tests beside damaged files share: a pool file with credentials and names of all kinds, the
# state file and the snapshot made of it, which "damage" damages. To be loaded behind lib.
#
# shellcheck shell=bash disable=SC2034

load ../integration/watch

F='%{name} %{url}'
HIDE=(--hide S3CRET --hide USERmark --hide mira)

setup() {
	pool_setup
	damage=$POOL_BUILD/tests/damage
	export POOL_STATE=$PWD/state/pool.state
	state=$POOL_STATE
	snap=$POOL_STATE.snap
	write_pool pool.json '{"enabled": true,
		"default": {"http": {"pool": {"proxies": [
			{"url": "http://mira:S3CRETpw@127.0.0.1:1", "name": "ünïcode-α"},
			{"url": "socks5h://USERmark:S3CRETtoo@127.0.0.1:2", "name": "二"}]}}},
		"exchanges": {"binance": {"http": {"url": "https://mira:S3CRET%3A3@127.0.0.1:3"}},
			"okx": {"websocket": {"pool": {"proxies": ["http://127.0.0.1:4"]}}}}}'
	printf '%s\n' "ünïcode-α http://mira:S3CRETpw@127.0.0.1:1" \
		"二 socks5h://USERmark:S3CRETtoo@127.0.0.1:2" >right
	make_snapshot
}

teardown() {
	watch_teardown
}

# A snapshot of the pool file that is trusted by its key, if the pool file is valid.
make_snapshot() {
	settle pool.json
	pool-select -q pool.json >/dev/null || :
	pool-select -q pool.json >/dev/null || :
}
