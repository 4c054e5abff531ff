# cryptofeed's shapes: those that are accepted lead where they lead there, the others are refused
# with what to write instead.

load ../lib

setup() {
	pool_setup
	validate=$POOL_BIN/pool-validate
	select=$POOL_BIN/pool-select
	umask 077
}

teardown() {
	pool_teardown
}

# leads YAML ENVIRONMENT EXCHANGE TYPE EXPECTED: the lookup's first proxy, or its no-proxy word;
# \n in YAML are line ends, variables are joined by ";", - is none of either.
leads() {
	local yaml=$1 environment=$2 exchange=$3 type=$4 expected=$5 variables=() got file=()

	[ "$environment" = - ] || IFS=';' read -ra variables <<<"$environment"
	if [ "$yaml" != - ]; then
		printf '%b\n' "$yaml" >pool.yaml
		file=(pool.yaml)
	fi
	got=$(env "${variables[@]/#/CRYPTOFEED_PROXY_}" "$select" --no-state -x "$exchange" \
		-t "$type" "${file[@]}" 2>err) || :
	[ "$got" = "$expected" ] && return
	echo "$yaml | $environment | $exchange $type: '$got', expected '$expected'"
	cat err
	return 1
}

@test "the shapes of cryptofeed's documents and tests lead where they say" {
	run -0 rows leads <<-'ROWS'
		-|ENABLED=true;DEFAULT__HTTP__URL=http://a:1|any|http|http://a:1
		-|ENABLED=true;DEFAULT__HTTP__URL=http://a:1|any|websocket|http://not-configured.no-proxy.invalid:9
		-|ENABLED=true;DEFAULT__HTTP__URL=http://a:1;DEFAULT__WEBSOCKET__URL=socks5://b:1|any|websocket|socks5://b:1
		-|ENABLED=true;DEFAULT__HTTP__URL=http://a:1;EXCHANGES__BINANCE__HTTP__URL=http://b:1|binance|http|http://b:1
		-|ENABLED=true;DEFAULT__WEBSOCKET__URL=socks5://a:1;EXCHANGES__BINANCE__HTTP__URL=http://b:1|binance|websocket|socks5://a:1
		-|ENABLED=true;EXCHANGES__BINANCE__HTTP__URL=http://b:1|BINANCE|http|http://b:1
		-|enabled=TRUE;Exchanges__Binance_Futures__Http__Url=http://b:1|binance_futures|http|http://b:1
		-|ENABLED=on;DEFAULT__HTTP__URL=http://a:1;DEFAULT__HTTP__TIMEOUT_SECONDS= 45 |any|http|http://a:1
		-|ENABLED=true;DEFAULT__HTTP__POOL={"proxies":[{"url":"http://a:1","weight":2.0}],"strategy":"random"}|x|http|http://a:1
		-|ENABLED=true;DEFAULT__HTTP__POOL__PROXIES=[{"url":"http://a:1"}];DEFAULT__HTTP__POOL__STRATEGY=least_connections|x|http|http://a:1
		-|ENABLED=true;DEFAULT__HTTP__POOL__PROXIES__0__URL=http://a:1;DEFAULT__HTTP__POOL__PROXIES__0__WEIGHT=2|x|http|http://a:1
		-|ENABLED=true;DEFAULT_HTTP_URL=http://a:1|x|http|http://not-configured.no-proxy.invalid:9
		-|ENABLED=true;DEFAULT={"http": {"url": "http://a:1"}};DEFAULT__HTTP__URL=http://b:1|x|http|http://b:1
		-|ENABLED=true;DEFAULT=null;EXCHANGES={"OKX": {"http": "http://a:1"}}|okx|http|http://a:1
		-|ENABLED=true;DEFAULT__HTTP=http://a:1|x|http|http://a:1
		-|DEFAULT__HTTP__URL=http://a:1|x|http|http://disabled.no-proxy.invalid:9
		proxy:\n  enabled: true\n  default: {http: {url: "http://a:1"}, websocket: {url: "socks5://b:1"}}\n  exchanges:\n    binance: {http: {url: "http://c:1"}}|-|binance|websocket|socks5://b:1
		proxy:\n  enabled: true\n  default:\n    http: {timeout_seconds: 30}|-|x|http|http://not-configured.no-proxy.invalid:9
		proxy:\n  enabled: true\n  exchanges:\n    okx: {http: {url: "http://a:1"}}|-|other|http|http://not-configured.no-proxy.invalid:9
		proxy:\n  enabled: false\n  default: {http: {url: "http://a:1"}}|ENABLED=true;DEFAULT__HTTP__URL=http://b:1|x|http|http://b:1
		proxy:\n  enabled: true\n  default: {http: {url: "http://a:1"}, websocket: {url: "socks5://a:2"}}|DEFAULT__HTTP__URL=http://b:1|x|websocket|socks5://a:2
		proxy:\n  enabled: true\n  default: {http: {url: "http://a:1"}}|EXCHANGES__OKX__HTTP__URL=http://b:1|kraken|http|http://a:1
		enabled: true\ndefault: {http: {pool: {proxies: [{url: "http://a:1"}]}}}|DEFAULT__HTTP__URL=http://b:1|x|http|http://b:1
		enabled: true\ndefault: {http: {url: "http://a:1"}}|DEFAULT__HTTP__POOL={"proxies": [{"url": "http://b:1"}]}|x|http|http://b:1
		enabled: true\ndefault: {http: {url: "http://a:1"}}|DEFAULT__HTTP__TIMEOUT_SECONDS=7|x|http|http://a:1
		enabled: true\ndefault: {http: {url: "http://a:1", pool: {proxies: [{url: "http://b:1"}]}}}|-|x|http|http://b:1
		enabled: true\ndefault: {rest: "http://a:1", ws: "socks5://b:1"}|-|x|websocket|socks5://b:1
		enabled: true\ndefault: {rest: "http://a:1", http: "http://b:1"}|-|x|http|http://b:1
		enabled: true\nexchanges: {okx: {http: {}}}\ndefault: {http: "http://a:1"}|-|okx|http|http://not-configured.no-proxy.invalid:9
		enabled: true\nexchanges: {okx: {http: null}}\ndefault: {http: "http://a:1"}|-|okx|http|http://a:1
		proxy: http://a:1\nexchanges: {OKX: {L2_BOOK: [BTC-USDT]}}|-|okx|websocket|http://a:1
	ROWS
	assert_line "31 rows, 0 wrong"
}

# says YAML MESSAGE: pool-validate refuses it, with that as the first line behind the place.
says() {
	local status=0

	printf '%b\n' "$1" >pool.yaml
	"$validate" pool.yaml >/dev/null 2>err || status=$?
	[ "$status" = 1 ] && grep -qF "error: $2 [" err && return
	echo "$1: status $status, expected: $2"
	cat err
	return 1
}

@test "every refusal names what it refuses and what to write instead" {
	run -0 rows says <<-'ROWS'
		external_service: {}|'external_service' is not supported here: an external proxy service is not supported; list its proxies in a pool
		global: {http: "http://h:1"}|'global' is not supported here: write "default": {"http": URL, "websocket": URL}
		health_check: {method: tcp}|'health_check' is not supported here: write it inside a pool, or beside proxies at top level
		strategy: random|'strategy' is not supported here: write it inside a pool, or beside proxies at top level
		proxy_pool: {}|'proxy_pool' is not supported here: write pool inside default.http, or proxies alone
		rest: http://h:1|'rest' is not supported here: write it inside default, as http
		http: http://h:1|'http' is not supported here: write it inside default
		timeout: 5|'timeout' is not supported here: write timeout_seconds inside a connection
		regional: {}|'regional' is not supported here: write an entry of exchanges for each exchange
		auto_inject: true|'auto_inject' is not supported here: it is not part of a pool file; take it out
		manager: {}|'manager' is not supported here: it is not part of a pool file; take it out
		logging: {}|'logging' is not supported here: it is not part of a pool file; take it out
		monitoring: {}|'monitoring' is not supported here: it is not part of a pool file; take it out
		compliance: {}|'compliance' is not supported here: it is not part of a pool file; take it out
		high_availability: {}|'high_availability' is not supported here: it is not part of a pool file; take it out
		proxy: {proxy: {}}|'proxy' is not supported here: one 'proxy' key is enough: write the settings here
		default: {rest: "http://h:1", timeout: 5}|'timeout' is not supported here: write timeout_seconds inside http and websocket
		exchanges: {okx: {proxies: {rest: "http://h:1"}}}|'proxies' is not supported here: write http and websocket here, each with a URL or a pool
		exchanges: {okx: {url: "http://h:1"}}|'url' is not supported here: write it inside http or websocket
		exchanges: {okx: {socks5: "http://h:1"}}|'socks5' is not supported here: write its URL as http or websocket
		exchanges: {okx: {enabled: no}}|'enabled' is not supported here: write {} as http and websocket for no proxy, or null for the default's
		exchanges: {okx: null}|okx: null is not an object with http and websocket, or a URL
		exchanges:|exchanges: null is not an object of exchanges
		default: {http: {timeout: 5}}|'timeout' is not supported here: write timeout_seconds
		default: {http: {proxies: []}}|'proxies' is not supported here: write "pool": [...]
		default: {http: {http_config: {}}}|'http_config' is not supported here: it is not part of a pool file; take it out
		default: {http: {strategy: random}}|'strategy' belongs to a pool, and there is none: write "pool": [URL]
		default: {http: {pool: ["http://h:1"], circuit_breaker: {}}}|'circuit_breaker' is not supported here: write breaker
		default: {http: {pool: {enabled: no, proxies: ["http://h:1"]}}}|'enabled' is not supported here: write "rollout_percent": 0 and a url beside the pool to use that url alone
		default: {http: {pool: {proxies: []}}}|proxies: a pool needs at least one proxy
		default: {http: {pool: {proxies: [{url: "http://h:1", metadata: {}}]}}}|'metadata' is not supported here: it is not part of a pool file; take it out
		default: {http: {pool: {proxies: [{host: h}]}}}|'host' is not supported here: write it inside url: scheme://user:password@host:port, with ${NAME} for secrets
		default: {http: {pool: {proxies: ["http://h:1"], strategy: a}, strategy: b}}|'strategy' stands beside the pool and inside it: keep one of the two
		default: {http: {pool: ["http://h:1"], health_check: {interval: 5, interval_seconds: 9}}}|'interval' and 'interval_seconds' are the same: keep one of them
		default: {http: {pool: ["http://h:1"], health_check: {timeout: 5}}}|'timeout' is not supported here: write timeout_seconds
		default: {http: {pool: ["http://h:1"], strategy: ROUND_ROBIN}}|strategy: 'ROUND_ROBIN' is none of round_robin, random, least_connections, least_latency, sticky, failover; did you mean 'round_robin'?
		exchanges: {okx: {}, OKX: {}}|'okx' stands here twice: ids are compared without case
		exchanges: {1: {}}|the key '1' is no string to YAML: put it in quotes
		Enabled: true|unknown key 'Enabled'; did you mean 'enabled'?
		[]|the document must be an object, such as {"proxies": ["http://HOST:PORT"]}
	ROWS
	assert_line "40 rows, 0 wrong"
}
