# deploy/examples: each is run as it stands there.

load ../lib

setup() {
	pool_setup
	examples=$SOURCE_DIR/deploy/examples
	export POOL_FILE=$PWD/pool.json POOL_STATE=$PWD/state PATH=$POOL_BIN:$PATH
	export PYTHONDONTWRITEBYTECODE=1
	umask 077
	start_nginx_origin origin
	url=http://127.0.0.1:$ORIGIN_PORT/
	start_tinyproxy tiny
	TINY=$PROXY_PORT
	start_microsocks socks
	SOCKS=$PROXY_PORT
	write_pool pool.json '{"proxies": [{"name": "tiny", "url": "http://127.0.0.1:'"$TINY"'"},
		{"name": "socks", "url": "socks5h://127.0.0.1:'"$SOCKS"'"}]}'
}

teardown() {
	pool_teardown
}

leases() {
	pool-status --format json 2>/dev/null | jq '[.proxies[].leases] | add'
}

@test "the shell script fetches, and goes on with the next proxy" {
	require_tool curl
	run -0 --separate-stderr "$examples/fetch-orderbook.sh" "$url"
	assert_output "$(curl -sS "$url")"
	assert_equal "$stderr" ""
	stop_server tiny
	stop_server socks
	run -1 --separate-stderr "$examples/fetch-orderbook.sh" "$url" binance
	assert_output ""
	assert_regex "$stderr" 'attempt 1: (tiny|socks) failed'
	assert_regex "$stderr" 'attempt 2: (tiny|socks) failed'
	assert_equal "$(leases)" 0
	restart_server socks
	run -0 --separate-stderr "$examples/fetch-orderbook.sh" "$url"
	assert_output "$(curl -sS "$url")"
	# What is switched off is not fetched without a proxy.
	echo '{"enabled": false, "default": {"http": {"url": "http://127.0.0.1:9"}}}' >pool.json
	run -1 --separate-stderr "$examples/fetch-orderbook.sh" "$url"
	assert_output ""
	# A status of the target is its answer.
	write_pool pool.json '{"proxies": ["http://127.0.0.1:'"$TINY"'", "socks5h://127.0.0.1:'"$SOCKS"'"]}'
	run -1 --separate-stderr "$examples/fetch-orderbook.sh" "${url}missing"
	assert_regex "$stderr" 'HTTP 40[34]'
}

@test "the shell script uses a proxy also where there is no lease to be had" {
	require_tool curl
	write_pool pool.json '{"proxies": [{"name": "tiny", "url": "http://127.0.0.1:'"$TINY"'"}]}'
	pool-select >out
	chmod 666 state/*.state
	stop_server tiny
	run -1 --separate-stderr "$examples/fetch-orderbook.sh" "$url"
	assert_output ""
	assert_regex "$stderr" 'attempt 1: tiny failed \(curl 7'
}

@test "the shell script never goes direct, and survives any password" {
	local port

	require_tool curl python3
	# a proxy that lets in who has this name and password, and nobody else
	cat >proxy.py <<-'END'
		import base64, http.server, sys
		class Proxy(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        wanted = "Basic " + base64.b64encode(b'us"er\\:pa"ss\\w').decode()
		        good = self.headers["Proxy-Authorization"] == wanted
		        self.send_response(200 if good else 407)
		        self.end_headers()
		        self.wfile.write(b"through the proxy" if good else b"")
		    def log_message(self, *words):
		        pass
		http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Proxy).serve_forever()
	END
	port=$(free_port)
	start_server picky "$port" python3 proxy.py "$port"
	write_pool pool.json '{"proxies": [{"name": "picky",
		"url": "http://us\"er%5C:pa\"ss%5Cw@127.0.0.1:'"$port"'"}]}'
	printf 'noproxy = "*"\nproxy = ""\n' >"$HOME/.curlrc"
	for value in '*' 127.0.0.1 ''; do
		NO_PROXY=$value no_proxy=$value run -0 --separate-stderr \
			"$examples/fetch-orderbook.sh" "$url"
		assert_output "through the proxy"
		assert_equal "$stderr" ""
	done
	stop_server picky
	NO_PROXY='*' run -1 --separate-stderr "$examples/fetch-orderbook.sh" "$url"
	assert_output ""
	refute_regex "$stderr" 'us"er|pa"ss'
}

@test "the shell script is clean" {
	require_tool shellcheck
	run -0 shellcheck "$examples/fetch-orderbook.sh"
}

# The command of a line of /etc/cron.d: behind five times and the user.
cron_command() {
	sed -nE 's/^([0-9*\/,-]+ +){5}[a-z]+ +//p' "$1"
}

@test "the line for cron runs with what cron gives it, and mails only what is wrong" {
	local command

	assert_equal "$(grep -cE '^([0-9*/,-]+ +){5}proxypool ' "$examples/proxypool.cron")" 1
	command=$(cron_command "$examples/proxypool.cron")
	command=${command//\/etc\/proxypool\/pool.json/$PWD/pool.json}
	command=${command//\/run\/lock\//$PWD/}
	# cron knows PATH and HOME, no terminal and no standard input.
	run -0 --separate-stderr env -i HOME="$HOME" POOL_STATE="$POOL_STATE" \
		PATH="$POOL_BIN:$(sed -n 's/^PATH=//p' "$examples/proxypool.cron")" \
		/bin/sh -c "$command" </dev/null
	assert_output ""
	assert_equal "$stderr" ""
	run -0 "$POOL_BIN/pool-status" -q --quorum 100%
	stop_server tiny
	stop_server socks
	run -1 --separate-stderr env -i HOME="$HOME" POOL_STATE="$POOL_STATE" \
		PATH="$POOL_BIN:/usr/bin:/bin" /bin/sh -c "$command" </dev/null
	assert_regex "$output$stderr" 'tiny'
	# A second one does not wait for the first.
	flock proxypool-cron env -i HOME="$HOME" PATH="$POOL_BIN:/usr/bin:/bin" \
		/bin/sh -c "! $command"
}

@test "the timer's service runs its command through a proxy" {
	local command

	command=$(sed -n '/^ExecStart=/{:more;/\\$/{N;s/\\\n//;b more};s/^ExecStart=//p}' \
		"$examples/feed.service")
	command=${command#/usr/local/bin/}
	command=${command//\/etc\/proxypool\//$PWD/}
	command=${command//\/var\/lib\/feed\//$PWD/}
	command=${command//https:\/\/api.binance.com\/api\/v3\/time/$url}
	run -0 --separate-stderr /bin/sh -c "$command"
	assert_equal "$(cat time.json)" "$(curl -sS "$url")"
	assert_equal "$(leases)" 0
	grep -q '^OnCalendar=\*:0/5$' "$examples/feed.timer"
	command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
	# whether the tools are installed is not the question
	sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$examples/feed.service" >feed.service
	cp "$examples/feed.timer" .
	run -0 systemd-analyze verify --man=no ./feed.service ./feed.timer
	refute_output --regexp 'feed\.(service|timer)'
	run -0 systemd-analyze calendar "*:0/5"
}

@test "the Python caller: a process a call, and one for all" {
	PYTHONPATH=$examples run -0 --separate-stderr python3 - "$url" <<-'END'
		import sys, urllib.request
		from proxypool_client import NoProxy, Selector, lease, select, report

		def fetch(proxy):
		    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
		    return opener.open(sys.argv[1], timeout=5).status

		with lease() as proxy:
		    assert proxy.lease and proxy.name in ("tiny", "socks"), proxy
		try:
		    with lease("okx", "websocket") as proxy:
		        raise OSError("gone")
		except OSError:
		    pass
		report(select("default", "http", "--exclude", "socks"), "done")
		with Selector("--scheme", "http") as selector:
		    urls = {selector.select("binance") for _ in range(100)}
		    assert len(urls) == 1, urls
		    assert fetch(urls.pop()) == 200
		    selector._process.kill()
		    selector._process.wait()
		    assert selector.select().startswith("http://"), "it is started again"
		with Selector() as selector:
		    assert len({selector.select() for _ in range(10)}) == 2
		with Selector("--scheme", "https") as selector:
		    try:
		        selector.select()
		    except NoProxy as error:
		        print(error)
	END
	assert_output filtered
	assert_equal "$(leases)" 0
	run -0 python3 "$examples/proxypool_client.py" binance http
	assert_output --regexp '^(http|socks5h)://127\.0\.0\.1:[0-9]+$'
	echo '{"enabled": false}' >pool.json
	run -1 --separate-stderr python3 "$examples/proxypool_client.py"
	assert_output ""
	assert_equal "${stderr##*$'\n'}" "no proxy: disabled"
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))'
}
