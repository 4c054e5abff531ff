# What pool-watch serves: metrics for a real Prometheus, status, health, and whom it turns away.

load ../lib
load watch

setup() {
	pool_setup
	require_tool jq curl
}

teardown() {
	watch_teardown
}

# write_http INTERVAL URL...: as write_proxies, checked with a request to the stub origin
write_http() {
	CHECK='"method": "http", "url": "http://127.0.0.1:'"$ORIGIN"'/", "timeout_seconds": 1' \
		write_proxies "$@"
}

start_origin() {
	start_stub --name origin origin --max-seconds 600
	ORIGIN=$STUB_PORT
}

# start_prometheus: asks WATCH_URL each second; itself answers at PROMETHEUS_URL.
start_prometheus() {
	local port

	require_tool prometheus
	port=$(free_port)
	PROMETHEUS_URL=http://127.0.0.1:$port
	cat >prometheus.yml <<-END
		global:
		  scrape_interval: 1s
		scrape_configs:
		  - job_name: proxypool
		    static_configs:
		      - targets: ['$(sed 's|^http://||; s|/$||' <<<"$WATCH_URL")']
	END
	start_server prometheus "$port" prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb \
		--web.listen-address="127.0.0.1:$port" --log.level=warn
}

# asked QUERY: the first value that Prometheus has for it, or nothing
asked() {
	curl -sG -m 5 "$PROMETHEUS_URL/api/v1/query" --data-urlencode "query=$1" |
		jq -r '.data.result[0].value[1] // empty'
}

asked_is() {
	[ "$(asked "$1")" = "$2" ]
}

# checks_in FILE: good ones of p1
checks_in() {
	awk '$1 ~ /^proxypool_checks_total.*proxy="p1",verdict="ok"/ { print $2 }' "$1"
}

has_as_many() {
	get metrics >page
	(($(checks_in page) >= $1))
}

@test "a real Prometheus records that a proxy is killed and comes back" {
	require_tool promtool
	start_origin
	start_tinyproxy killed
	# through a real proxy the stub is a real origin
	first=$PROXY_PORT
	start_microsocks kept
	write_http 5 "http://127.0.0.1:$first" "socks5h://127.0.0.1:$PROXY_PORT"
	start_watch -- pool.json
	start_prometheus
	wait_until 20 asked_is 'proxypool_up{proxy="p0"}' 1
	wait_until 5 asked_is 'proxypool_up{proxy="p1",pool="default.http"}' 1
	asked_is 'up{job="proxypool"}' 1
	asked_is 'proxypool_first_round_done' 1

	stop_server killed
	wait_until 12 asked_is 'proxypool_up{proxy="p0"}' 0
	wait_until 3 asked_is 'proxypool_proxy_status{proxy="p0",status="unhealthy"}' 1
	wait_until 3 asked_is 'proxypool_pool_eligible{pool="default.http"}' 1
	wait_until 3 asked_is 'proxypool_check_failures_total{proxy="p0",reason="connect-refused"} >= bool 1' 1
	wait_until 3 asked_is 'proxypool_events_total{event="degraded"}' 1
	asked_is 'proxypool_up{proxy="p1"}' 1

	restart_server killed
	wait_until 15 asked_is 'proxypool_up{proxy="p0"}' 1
	# it stands in the record
	asked_is 'min_over_time(proxypool_up{proxy="p0"}[2m])' 0
	asked_is 'min_over_time(proxypool_up{proxy="p1"}[2m])' 1
	asked_is 'min_over_time(up{job="proxypool"}[20s])' 1
	wait_until 15 asked_is 'proxypool_transitions_total{proxy="p0"} >= bool 4' 1

	get metrics >page
	run -0 promtool check metrics <page
	assert_output ""
	# the counters are those of the state file
	before=$(checks_in page)
	stored=$(pool-status --format prometheus | checks_in -)
	wait_until 9 has_as_many "$stored"
	((before <= stored))
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

@test "/readyz and /healthz before and after the first round, and /api/v1/status" {
	start_origin
	start_stub http-proxy
	good=$STUB_PORT
	start_stub stall
	write_http 30 "http://127.0.0.1:$good" "http://127.0.0.1:$STUB_PORT"
	launch_watch -- --listen 0 pool.json
	await_listening watch
	answers 503 readyz
	run -0 cat answer
	assert_output --partial "round"
	answers 200 healthz
	assert_equal "$(cat answer)" ok
	get api/v1/status | jq -e '.watch.first_round_done == false' >/dev/null
	metric_is proxypool_first_round_done 0
	wait_until 10 answers 200 readyz
	assert_equal "$(cat answer)" ready
	wait_until 2 metric_is proxypool_first_round_done 1

	wait_until 2 round_is_over
	run -0 --separate-stderr jq -er '
		[.watch.pid, .watch.pool_file_valid, .watch.reloads, .watch.pool_file_fault,
			(.proxies | map(.proxy) | join(",")), (.pools | length),
			(.proxies[0].latency_history | length >= 1), (.proxies[0].latency_history[0] > 0),
			(.proxies[1].latency_history[0]), .events[0].event]
		| map(tostring) | join(" ")' answer
	assert_output "$WATCH_PID true 0 null p0,p1 1 true true null started"
	# all that pool-status has, under the same names
	run -0 diff <(pool-status --format json | jq -r '.proxies[0] | keys[]') \
		<(jq -r '.proxies[0] | del(.latency_history) | keys[]' answer)
	run -0 diff <(pool-status --format json | jq -r '.pools[0] | keys[]') \
		<(jq -r '.pools[0] | keys[]' answer)
}

round_is_over() {
	answers 200 api/v1/status && jq -e .watch.first_round_done answer >/dev/null
}

# start_front WATCH_PORT: a web server before it, FRONT its URL: /pools/ is the dashboard, / is as well
# with the public name in HTTP/1.0, and /new/ with it in HTTP/1.1.
start_front() {
	local dir=$SERVERS/front.nginx port

	require_tool nginx
	port=$(free_port)
	FRONT=http://127.0.0.1:$port
	mkdir -p "$dir"
	cat >"$SERVERS/front.conf" <<-END
		daemon off;
		pid "$dir/pid";
		error_log stderr warn;
		worker_processes 1;
		events { worker_connections 64; }
		http {
			access_log off;
			# no file of a worker's, who may be another user
			proxy_buffering off;
			client_body_temp_path "$dir/body";
			proxy_temp_path "$dir/proxy";
			fastcgi_temp_path "$dir/fastcgi";
			uwsgi_temp_path "$dir/uwsgi";
			scgi_temp_path "$dir/scgi";
			server {
				listen 127.0.0.1:$port;
				location /pools/ { proxy_pass http://127.0.0.1:$1/; }
				location /new/ {
					proxy_http_version 1.1;
					proxy_set_header Host \$host;
					proxy_pass http://127.0.0.1:$1/;
				}
				location / {
					proxy_http_version 1.0;
					proxy_set_header Host \$host;
					proxy_pass http://127.0.0.1:$1;
				}
			}
		}
	END
	start_server front "$port" nginx -p "$dir" -e stderr -c "$SERVERS/front.conf"
}

# fronts STATUS PATH HOST: what the web server answers to who asks it by that name
fronts() {
	run -0 curl -s -m 10 -o answer -w '%{http_code}' -H "Host: $3" "$FRONT$2"
	assert_output "$1"
}

@test "a web server before the dashboard may pass on its public name" {
	write_pool pool.json '{"health_check": {"enabled": false}, "proxies": ["http://127.0.0.1:1"]}'
	start_watch -- --allow-host pools.example.com --allow-host Other.example:8443 pool.json
	start_front "$(sed 's|.*:||; s|/||' <<<"$WATCH_URL")"
	for path in /pools/ /new/ / /pools/api/v1/status /new/api/v1/status /api/v1/status; do
		fronts 200 "$path" pools.example.com
		fronts 200 "$path" POOLS.example.com:443
		# what a page asks for stands below the path that the page has
		[[ $path == *status ]] || run -1 grep -E '(src|href|action)="?/|fetch\(["'\'']/' answer
	done
	# a browser may be led to the web server by any name; it passes on what it is asked to
	fronts 200 /pools/ elsewhere.example
	fronts 200 / elsewhere.example
	fronts 403 /new/ elsewhere.example
	fronts 403 /new/api/v1/status pools.example.com.elsewhere.example
	run -0 cat answer
	assert_output --partial --allow-host
	answers 200 '' -H 'Host: other.example:8443'
	answers 403 '' -H 'Host: other.example'
	answers 403 '' -H 'Host: elsewhere.example'
}

@test "--allow-host wants the name of a host, and --listen" {
	local wrong

	write_pool pool.json '{"proxies": ["http://127.0.0.1:1"]}'
	for wrong in '*' '*.example.com' https://pools.example.com pools.example.com/ a..b a,b; do
		run -2 --separate-stderr timeout 10 pool-watch --listen 0 --allow-host "$wrong" pool.json
		assert_output ""
		[[ $stderr == *pools.example.com*"'$wrong'"* ]]
	done
	run -2 --separate-stderr timeout 10 pool-watch --allow-host pools.example.com pool.json
	[[ $stderr == *'--allow-host goes with --listen'* ]]
	run -0 pool-watch --help
	assert_output --partial --allow-host
}

@test "beyond loopback programs may use any name, and people those of the machine" {
	local path

	write_pool pool.json '{"health_check": {"enabled": false}, "proxies": ["http://127.0.0.1:1"]}'
	launch_watch -- --listen 0.0.0.0:0 pool.json
	await_listening watch
	WATCH_URL=${WATCH_URL/0.0.0.0/127.0.0.1}
	wait_until 20 answers 200 readyz
	for path in metrics healthz readyz; do
		answers 200 "$path" -H 'Host: elsewhere.example:9469'
	done
	for path in '' api/v1/status; do
		answers 403 "$path" -H 'Host: elsewhere.example:9469'
		answers 200 "$path" -H 'Host: 192.0.2.7:9469'
		answers 200 "$path" -H "Host: $(uname -n)"
	done
}

@test "other paths, methods and names of the host are turned away" {
	start_origin
	start_stub http-proxy
	write_http 30 "http://127.0.0.1:$STUB_PORT"
	start_watch -- pool.json
	for path in '' metrics healthz readyz api/v1/status; do
		answers 200 "$path"
		[ -s answer ]
		get "$path" -I >head
		run -0 head -n 1 head
		assert_output --regexp '^HTTP/1\.1 200 '
		answers 405 "$path" -X POST -d x=1
		answers 405 "$path" -X DELETE
		answers 403 "$path" -H 'Host: evil.example'
		answers 403 "$path" -H 'Host: evil.example:80'
		answers 403 "$path" -H 'Host: 127.0.0.1.evil.example'
		answers 200 "$path" -H 'Host: localhost'
		answers 200 "$path" -H 'Host: localhost:1234'
	done
	for path in nothing metrics/ api/v1/ api/v2/status ../../etc/passwd %2e%2e/%2e%2e/etc/passwd favicon.ico; do
		answers 404 "$path" --path-as-is
	done
	# the query is nobody's business
	answers 200 'healthz?x=1'
	run -0 get metrics -o answer -w '%{content_type}'
	assert_output --partial 'text/plain; version=0.0.4'
	run -0 get '' -o answer -w '%{content_type}'
	assert_output --partial text/html
	# nothing from elsewhere
	run -1 grep -E '(src|href)="?(https?:)?//' answer
	run -0 get api/v1/status -o answer -w '%{content_type}'
	assert_output --partial application/json
	# loopback is all it listens on
	run -0 ss -Hltn "sport = :$(sed 's|.*:\([0-9]*\)/$|\1|' <<<"$WATCH_URL")"
	assert_output --regexp '127\.0\.0\.1:[0-9]+ '
	assert_equal "${#lines[@]}" 1
	is_running "$SERVERS/watch.pid"
}

# open_slow COUNT: clients that begin a request and do not go on
open_slow() {
	local number fd port=${WATCH_URL##*:}

	port=${port%/}
	for ((number = 0; number < $1; number++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$port" || return
		(printf 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX-M' >&"$fd") 2>/dev/null || :
		SLOW+=("$fd")
	done
}

@test "200 slow clients stop neither checks nor reloads, and go when it ends" {
	start_origin
	start_stub --name proxies http-proxy --count 2
	write_http 5 "http://127.0.0.1:$STUB_PORT" "http://127.0.0.1:${STUB_PORTS[1]}"
	start_watch -- -v pool.json
	SLOW=()
	open_slow 200
	# and some that ask and never read
	for ((number = 0; number < 20; number++)); do
		# those that were turned away are no matter
		(printf ': x\r\n\r\n' >&"${SLOW[number]}") 2>/dev/null || :
	done
	mark
	began=$(now_ms)
	wait_until 12 checked_both_twice
	(($(now_ms) - began < 12000))
	pool-report p0 disable
	await_within 2500 "$(now_ms)" "$(went p0 disabled)"
	run -0 pool-watch --reload pool.json
	no_event '.event == "local-trouble"'
	for fd in "${SLOW[@]}"; do
		exec {fd}>&-
	done
	wait_until 5 answers 200 healthz
	end_watch
	assert_equal "$WATCH_STATUS" 0
	((WATCH_MS <= 1300))
}

checked_both_twice() {
	(($(count_events '.event == "check" and .proxy == "p0"') >= 2 &&
		$(count_events '.event == "check" and .proxy == "p1"') >= 2))
}

@test "proxypool_pool_quorum_met asks for one proxy as elsewhere, degraded for all, --quorum for both" {
	start_origin
	start_stub --name proxies http-proxy
	write_http 5 "http://127.0.0.1:$STUB_PORT" "http://127.0.0.1:$(free_port)"
	start_watch -- --listen 127.0.0.1:0 pool.json
	wait_until 17 curl -sf -o ready "${WATCH_URL}readyz"
	get metrics >page
	pool-status --format prometheus pool.json >stored
	pool-check --metrics-file checked --method tcp pool.json || true
	for file in page stored checked; do
		run -0 grep -x 'proxypool_pool_quorum_met{pool="default.http"} 1' "$file"
	done
	run -0 jq -c '.pools[0] | [.quorum, .needed, .degraded_below, .eligible]' <(get api/v1/status)
	assert_output '["met",1,2,1]'
	run -0 grep -c '<[^>]*degraded' <(get "")
	end_watch
	start_watch -- --listen 127.0.0.1:0 --quorum 2 pool.json
	wait_until 17 curl -sf -o ready "${WATCH_URL}readyz"
	run -0 grep -x 'proxypool_pool_quorum_met{pool="default.http"} 0' <(get metrics)
	run -0 jq -c '.pools[0] | [.needed, .degraded_below]' <(get api/v1/status)
	assert_output '[2,2]'
	end_watch
}

@test "--metrics-file writes the same metrics without a port, and --pool-metrics none of single proxies" {
	require_tool promtool
	start_origin
	start_stub --name proxies http-proxy --count 3
	write_http 5 "${STUB_PORTS[@]/#/http://127.0.0.1:}"
	start_watch -- --metrics-file file.prom --pool-metrics pool.json
	wait_until 17 grep -q '^proxypool_first_round_done 1$' file.prom
	get metrics >page
	for file in file.prom page; do
		run -0 promtool check metrics <"$file"
		assert_output ""
		run -1 grep -c 'proxy="' "$file"
		run -0 grep -x 'proxypool_pool_eligible{pool="default.http"} 3' "$file"
	done
	run -0 diff <(sed -n 's/^# TYPE \([^ ]*\).*/\1/p' file.prom) <(sed -n 's/^# TYPE \([^ ]*\).*/\1/p' page)
	assert_equal "$(stat -c %F file.prom)" "regular file"
	# anew, by a file that is renamed
	inode=$(stat -c %i file.prom)
	wait_until 18 inode_differs "$inode"
	end_watch
	assert_equal "$WATCH_STATUS" 0
	run -0 find . -maxdepth 1 -name '*file.prom*'
	assert_output ./file.prom

	run -2 --separate-stderr timeout 10 pool-watch --metrics-file pool.json pool.json
	assert_output ""
	assert_regex "$stderr" '^pool-watch: .*pool\.json'
	ln -s elsewhere link.prom
	run -2 --separate-stderr timeout 10 pool-watch --metrics-file link.prom pool.json
	assert_output ""
	assert_regex "$stderr" '^pool-watch: .*link\.prom'
}

inode_differs() {
	local now

	now=$(stat -c %i file.prom 2>/dev/null) && [ "$now" != "$1" ]
}
