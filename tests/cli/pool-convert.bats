# pool-convert: into a pool file, back out, and what is lost on the way.

load ../lib

setup() {
	pool_setup
	convert=$POOL_BIN/pool-convert
	validate=$POOL_BIN/pool-validate
	corpus=$TESTS_DIR/corpus
	asked="pool-convert: checks will ask for http://www.gstatic.com/generate_204 through each proxy: \
health_check.url names another"
	umask 077
}

teardown() {
	pool_teardown
}

# --- reading -------------------------------------------------------------------------------------

@test "a plain list, in all its spellings" {
	cat >proxies.txt <<-'END'
		# of a provider

		192.0.2.1:8080
		  192.0.2.2:8080:mira:quartz7   # paid
		socks5://u:p@[2001:db8::1]:1080
		[2001:db8::2]:99:a:b
		me:p:w@h.test:1
		h.test:2:joe:p@s:%/w
		; off
		// off
	END
	run -0 --separate-stderr "$convert" proxies.txt
	assert_output '{
  "proxies": [
    "http://192.0.2.1:8080",
    "http://mira:quartz7@192.0.2.2:8080",
    "socks5://u:p@[2001:db8::1]:1080",
    "http://a:b@[2001:db8::2]:99",
    "http://me:p:w@h.test:1",
    "http://joe:p%40s%3A%25%2Fw@h.test:2"
  ],
  "health_check": {
    "method": "http"
  }
}'
	assert_equal "$stderr" "$asked"
	run -0 "$convert" --scheme socks5h - <<<"192.0.2.1:1080"
	assert_line --partial socks5h://192.0.2.1:1080
}

@test "what is wrong with a list is told with its line, and without its password" {
	printf '192.0.2.1:8080\n192.0.2.2:99999:mira:quartz7\n192.0.2.3\n' >proxies.txt
	run -1 --separate-stderr "$convert" proxies.txt
	assert_output ""
	assert_equal "$stderr" "proxies.txt:2:1: error: proxies[1]: the port is not one of 1 to 65535 [url-port-range]
proxies.txt:3:1: error: proxies[2]: the URL has no port [url-port-missing]
proxies.txt: 2 errors, 0 warnings"
	refute_regex "$stderr" 'quartz7|mira'
	: >empty.txt
	run -1 --separate-stderr "$convert" empty.txt
	assert_regex "$stderr" 'empty.txt:1:1: error: proxies: a pool needs at least one proxy \[pool-empty\]'
}

# Whatever is wrong with a line, and however it resembles keys: any word of it may be a password.
@test "a terminal shows no word of a line that is wrong" {
	require_tool script
	local line file

	while IFS= read -r line; do
		printf 'http://192.0.2.1:1\n%s\n' "$line" >proxies.txt
		printf '[ProxyList]\n%s\n' "$line" >proxychains.conf
		printf '%s\n' "$line" >pool.env
		for file in proxies.txt proxychains.conf pool.env; do
			run script -qec "'$convert' --to list $file >/dev/null" /dev/null </dev/null
			refute_output --regexp 'quartz7|mira'
		done
	done <<-'LINES'
		192.0.2.2:99999:mira:quartz7
		192.0.2.2:99999:mira:quartz7:
		192.0.2.2:99999:mira:quartz7: # paid
		socks5 192.0.2.1 99999 mira quartz7:
		socks5 192.0.2.1 99999 mira: quartz7
		weight: 1:mira:quartz7
		'mira':quartz7
		"enabled": quartz7
		enabled: quartz7
		{mira: quartz7}
		[2001:db8::1]:99999:mira:quartz7
		mira:quartz7@192.0.2.1
		mira quartz7
	LINES
	printf '%s\n' 192.0.2.1:1 'http://mira:quartz7@192.0.2.2:99999' \
		192.0.2.2:99999:mira:quartz7 >proxies.txt
	run -1 script -qec "'$convert' proxies.txt" /dev/null
	refute_output --regexp 'quartz7|mira'
	assert_output --partial $'\r\n  ***\r\n  ^~~\r\n'
}

@test "proxychains.conf: what a pool can say is taken over, all else is told" {
	cat >proxychains.conf <<-'END'
		# a comment
		random_chain
		chain_len = 1
		proxy_dns
		quiet_mode
		tcp_read_time_out 15000
		localnet 127.0.0.0/255.0.0.0
		[ProxyList]
		socks4	192.0.2.1 1080
		socks5 2001:db8::1 1080 mira quartz=7
		http 192.0.2.3 8080
	END
	run -0 --separate-stderr "$convert" proxychains.conf
	assert_output '{
  "proxies": [
    "socks4a://192.0.2.1:1080",
    "socks5h://mira:quartz%3D7@[2001:db8::1]:1080",
    "http://192.0.2.3:8080"
  ],
  "strategy": "random",
  "health_check": {
    "method": "http"
  }
}'
	assert_equal "$stderr" "proxychains.conf:6:1: warning: a limit of each read is not taken over: timeout_seconds of a connection limits a whole use [not-taken-over]
proxychains.conf:7:1: warning: what goes around the proxies is not taken over [not-taken-over]
$asked"
	run -1 --separate-stderr "$convert" --strict proxychains.conf
	sed -i 's/^random/strict/; /^proxy_dns/d' proxychains.conf
	run -0 --separate-stderr "$convert" --to list proxychains.conf
	assert_output "socks4://192.0.2.1:1080
socks5://mira:quartz%3D7@[2001:db8::1]:1080
http://192.0.2.3:8080"
	assert_regex "$stderr" ':2:1: warning: a chain through several proxies is not taken over: a pool uses one of them at a time'
	printf '[ProxyList]\nraw 192.0.2.1 1080\nsocks5 192.0.2.1\nhttp h 1 u p extra\n' >proxychains.conf
	run -1 --separate-stderr "$convert" proxychains.conf
	assert_regex "$stderr" ':2:1: error: a proxy is of type http, socks4 or socks5 \[proxychains-line\]'
	assert_regex "$stderr" ':3:1: error: a proxy is written TYPE HOST PORT \[USER PASSWORD\] \[proxychains-line\]'
	assert_regex "$stderr" ':4:1: error: '
}

@test "a text that is not UTF-8, and a line with two meanings, are refused" {
	local name

	for name in proxies.txt proxychains.conf pool.env; do
		printf '# a\n# \xff\n' >$name
		run -1 --separate-stderr "$convert" $name
		assert_output ""
		assert_regex "$stderr" "^$name:2:3: error: this is not UTF-8 \[text-encoding\]"
		{ printf '#%600s\n' "" && printf 'http://192.0.2.1:1\0x\n'; } >$name
		run -1 --separate-stderr "$convert" $name
		assert_regex "$stderr" "^$name:2:19: error: a NUL character \[text-encoding\]"
	done
	run -1 --separate-stderr env CRYPTOFEED_PROXY_DEFAULT__HTTP=$'http://u:\xff@192.0.2.1:1' \
		"$convert" --from env
	assert_equal "$stderr" "CRYPTOFEED_PROXY_DEFAULT__HTTP: error: its value is not UTF-8 [text-encoding]
\$CRYPTOFEED_PROXY_*: 1 error, 0 warnings"
	printf '%s\n' 192.0.2.1:1 '192.0.2.2:80:mira:quartz@7:9' >proxies.txt
	run -1 --separate-stderr "$convert" proxies.txt
	assert_equal "$stderr" "proxies.txt:2:1: error: this is host:port:user:password or user:password@host:port: write it as a URL [list-line]
proxies.txt: 1 error, 0 warnings"
}

# line_of LINE: what a list of that line becomes, or why it does not
line_of() {
	printf '%s\n' "$1" >line.txt
	"$convert" --from list --to list line.txt 2>&1 |
		sed 's/^line.txt:1:[0-9]*: error: //; s/ \[list-line\]$//; /^line.txt: /d'
}

@test "user and password stand before or behind, where one reading is possible" {
	local line url

	while read -r line url; do
		run line_of "$line"
		assert_output "$url"
	done <<-'ROWS'
		mira:quartz7:192.0.2.1:8080 http://mira:quartz7@192.0.2.1:8080
		mira:4711:192.0.2.1:8080 http://mira:4711@192.0.2.1:8080
		mira:qu:ar@tz7:192.0.2.1:8080 http://mira:qu%3Aar%40tz7@192.0.2.1:8080
		mira:quartz7:gate.example.com:8080 http://mira:quartz7@gate.example.com:8080
		mira:quartz7:[2001:db8::1]:8080 http://mira:quartz7@[2001:db8::1]:8080
		m@x.example:quartz7:192.0.2.1:8080 http://m%40x.example:quartz7@192.0.2.1:8080
		192.0.2.1:8080@mira:quartz7 http://mira:quartz7@192.0.2.1:8080
		192.0.2.1:8080@mira:4711 http://mira:4711@192.0.2.1:8080
		192.0.2.1:8080@mira:qu@ar:tz7 http://mira:qu%40ar%3Atz7@192.0.2.1:8080
		[2001:db8::1]:8080@mira:quartz7 http://mira:quartz7@[2001:db8::1]:8080
		socks5://mira:quartz7:192.0.2.1:8080 socks5://mira:quartz7@192.0.2.1:8080
		socks5://192.0.2.1:8080:mira:qu/z7 socks5://mira:qu%2Fz7@192.0.2.1:8080
		socks5://192.0.2.1:8080@mira:quartz7 socks5://mira:quartz7@192.0.2.1:8080
		gate.example.com:8080:mira:4711 http://mira:4711@gate.example.com:8080
		squid:8080:mira:quartz7 http://mira:quartz7@squid:8080
		localhost:8080:mira:4711 http://mira:4711@localhost:8080
		192.0.2.1:8080:mira:https:// http://mira:https%3A%2F%2F@192.0.2.1:8080
		192.0.2.1:8080:mira: http://mira:@192.0.2.1:8080
		http://mira:4711@squid:8080 http://mira:4711@squid:8080
		http://m.smith:4711@gate.example.com:8080 http://m.smith:4711@gate.example.com:8080
	ROWS
}

@test "a line of a list with two readings is refused, and both are named" {
	local line

	while IFS= read -r line; do
		run line_of "$line"
		assert_output --regexp '^this is (host|user)[a-z:@]* or (as a URL, |)[a-z:@]*(: write it as a URL|: if the host stands last, .*%2E)$'
	done <<-'LINES'
		a:80:b:90
		squid:3128:mira:4711
		192.0.2.1:8080:192.0.2.2:8081
		m.smith:4711:192.0.2.1:8080
		mira:4711:gate.example.com:8080
		a:80@b:90
		gate.example.com:8080@mira:4711
		192.0.2.1:8080:m@x.example:4711
	LINES
	run line_of socks5://192.0.2.1:8080@mira:4711
	assert_output "this is host:port@user:password or, as a URL, user:password@host:port: if the host stands last, write the dots of the user name as %2E"
	run line_of socks5://192%2E0.2.1:8080@mira:4711
	assert_output "socks5://192%2E0.2.1:8080@mira:4711"
}

@test "no part of a list's line becomes another host because the host's port is wrong" {
	local line

	while IFS= read -r line; do
		run line_of "$line"
		assert_output --regexp '^(it is not clear which part of this line is the host: write it as a URL|proxies\[0\]: the (URL has no port|port is not))'
	done <<-'LINES'
		192.0.2.1:8O80:mira:4711
		192.0.2.1:8O80@mira:4711
		192.0.2.1:08080:mira:4711
		mira:4711:gate.example.com:80a
		mira:4711@gate.example.com:80a
		mira:4711@gate.example.com
		mira:quartz7:squid:3128
		192.0.2.1:99999:mira:quartz7
		http://mira:4711@gate.example.com
	LINES
	for line in 2001:db8::2:3128 2001:db8::2:3128:mira:quartz7 mira:quartz7:fe80::beef:8080; do
		run line_of "$line"
		assert_output "an IPv6 address stands in brackets: [ADDRESS]:PORT"
	done
}

@test "columns of a list that are no user and password are counted" {
	local line count

	while IFS='~' read -r count line; do
		run line_of "$(printf '%b' "$line")"
		assert_output "this line ${count/#colon/ends with a colon, and}; a line is host:port, host:port:user:password, user:password:host:port, both also with @ in the middle, or a URL"
	done <<-'LINES'
		has 3 columns~192.0.2.1:8080:Germany
		has 3 columns~192.0.2.1:8080:http
		has 3 columns~192.0.2.1:8080:United States
		has 3 columns~mira:192.0.2.1:8080
		has 3 columns~http://gate.example.com:8080:8081
		has 4 columns~192.0.2.1:8080::quartz7
		colon has 3 columns~192.0.2.1:8080:
		colon has 4 columns~192.0.2.1:8080::
		has 2 columns~192.0.2.1 8080
		has 2 columns~192.0.2.1   8080
		has 4 columns, between tabs~192.0.2.1\t8080\tUS\telite proxy
		has 5 columns, between commas~192.0.2.1,8080,Bangladesh - Dhaka,Transparent,HTTP
		has 3 columns~192.0.2.1:44898 CZ-H-S +
		has 4 columns, between bars~192.0.2.1:7497|United Kingdom|England|London
		has 2 columns, between commas~192.0.2.1:8080,192.0.2.2:8080
		has 3 columns, between semicolons~192.0.2.1:8080;mira;quartz7
		has 2 columns~socks5 192.0.2.1:1080
	LINES
	for line in US:elite socks5:US elite:Germany Germany:anonymous US:Berlin:https; do
		run line_of "192.0.2.1:8080:$line"
		assert_output "this line has columns for a country or a kind of proxy, or a user of such a name: take them out, or write it as a URL"
	done
}

@test "each line of a mixed list is judged by itself, at its place" {
	printf '%s\n' '# mixed' 192.0.2.1:1 mira:quartz7:192.0.2.2:2 '  192.0.2.3:3:US' \
		http://192.0.2.4:4 a:80:b:90 '192.0.2.5:5   # paid' >proxies.txt
	run -1 --separate-stderr "$convert" proxies.txt
	assert_output ""
	assert_regex "$stderr" '^proxies.txt:4:3: error: this line has 3 columns; [^
]*\[list-line\]
proxies.txt:6:1: error: this is host:port:user:password or user:password:host:port: write it as a URL \[list-line\]
proxies.txt: 2 errors, 0 warnings$'
	sed -i '/:US$/d; /^a:/d' proxies.txt
	run -0 --separate-stderr "$convert" --to list proxies.txt
	assert_output "http://192.0.2.1:1
http://mira:quartz7@192.0.2.2:2
http://192.0.2.4:4
http://192.0.2.5:5"
	assert_equal "$stderr" ""
}

@test "a host that may be none is told, and what stands behind a port, as pool-validate does" {
	printf '010.1.1.1:80\n999.1.1.1:80\nh.test:80\nh.test:81#x\n' >proxies.txt
	run -0 --separate-stderr "$convert" --check tcp -o pool.json proxies.txt
	assert_equal "$stderr" "proxies.txt:1:1: warning: proxies[0]: programs may read this host differently, or not at all [url-host-odd]
proxies.txt:2:1: warning: proxies[1]: programs may read this host differently, or not at all [url-host-odd]
proxies.txt:4:1: warning: proxies[3]: a proxy URL ends with its port: clients refuse or ignore a path, query or \
fragment [url-path]"
	run -0 --separate-stderr "$convert" -q -o pool.json proxies.txt
	assert_equal "$stderr" ""
}

@test "a web page or JSON in place of a list is told in one sentence" {
	printf '\n<!DOCTYPE html><html><body>mira:quartz7\n<p>\n</body></html>\n' >page.txt
	printf '{"error": "quota exceeded"}\n{"error": 1}\n' >error.txt
	printf '[\n "192.0.2.1:8080"]\n' >array.txt
	printf '[2001:db8::1]:8080\n' >address
	for file in page.txt error.txt array.txt; do
		run -1 --separate-stderr "$convert" $file
		assert_output ""
		assert_regex "$stderr" "^$file:[12]:1: error: this is (a web page|JSON, and read as lines).* \\[foreign-format\\]
$file: 1 error, 0 warnings\$"
	done
	for file in page.txt page.yaml page.json; do
		[ -e $file ] || cp page.txt $file
		run -1 --separate-stderr "$validate" $file
		assert_regex "$stderr" "^$file:2:1: error: this is a web page .*
$file: 1 error, 0 warnings\$"
		refute_regex "$stderr" 'mira|quartz7'
	done
	run -0 "$convert" --to list address
	assert_output 'http://[2001:db8::1]:8080'
}

@test "proxychains.conf: a comment behind a proxy is one, and told where it may be a user" {
	cat >proxychains.conf <<-'END'
		[ProxyList] # mine
		socks5 192.0.2.1 1080 # tor
		socks5 192.0.2.2 1080 ;off
		socks5 192.0.2.3 1080 mira #quartz7
		socks5 192.0.2.4 1080 mira quartz7 # paid
	END
	run -0 --separate-stderr "$convert" --to list proxychains.conf
	assert_output "socks5://192.0.2.1:1080
socks5://192.0.2.2:1080
socks5://mira:%23quartz7@192.0.2.3:1080
socks5://mira:quartz7@192.0.2.4:1080"
	told="what stands behind the port is taken for a comment: proxychains itself would read a user and a password [not-taken-over]"
	assert_equal "$stderr" "proxychains.conf:2:1: warning: $told
proxychains.conf:3:1: warning: $told"
	run -1 "$convert" --strict --to list -q proxychains.conf
}

@test "variables: of the process, and in files as env and shells write them" {
	run -0 --separate-stderr env CRYPTOFEED_PROXY_ENABLED=true \
		CRYPTOFEED_PROXY_DEFAULT__HTTP__URL=http://192.0.2.1:8080 CRYPTOFEED_PROXY_X=1 \
		"$convert" --from env --to list -t http
	assert_output "http://192.0.2.1:8080"
	assert_regex "$stderr" '^CRYPTOFEED_PROXY_X: warning: this name is ignored'
	cat >pool.env <<-'END'
		# of a container
		OTHER=1
		export CRYPTOFEED_PROXY_ENABLED='true'
		CRYPTOFEED_PROXY_DEFAULT__HTTP__URL="http://u:p\$x@192.0.2.1:8080"
		CRYPTOFEED_PROXY_DEFAULT__WEBSOCKET__POOL='{
		  "proxies": ["socks5://192.0.2.2:1080"]}'
		CRYPTOFEED_PROXY_EXCHANGES={"bit.com": {"http": "http://192.0.2.3:8080"}}
	END
	run -0 --separate-stderr "$convert" --to list -q pool.env
	assert_line 'http://u:p$x@192.0.2.1:8080'
	assert_line socks5://192.0.2.2:1080
	assert_line http://192.0.2.3:8080
	printf 'CRYPTOFEED_PROXY_ENABLED=true\nnonsense\nA="x\n' >pool.env
	run -1 --separate-stderr "$convert" pool.env
	assert_regex "$stderr" 'pool.env:2:1: error: a line is NAME=VALUE, or a comment behind # \[env-line\]'
	assert_regex "$stderr" 'pool.env:3:3: error: a quote is not ended \[env-line\]'
	printf '%s\n' "A='x' # a comment" "B=\"x\"y" "C='a'\\''b'c" >pool.env
	run -1 --separate-stderr "$convert" pool.env
	assert_equal "$stderr" "pool.env:2:3: error: something follows the quote that ends the value [env-line]
pool.env:3:3: error: something follows the quote that ends the value [env-line]
pool.env: 2 errors, 0 warnings"
	printf 'CRYPTOFEED_PROXY_DEFAULT__HTTP="http://u:$PW@h:1"\n' >pool.env
	run -1 --separate-stderr "$convert" --to list --strict -q pool.env
	assert_line 'http://u:$PW@h:1'
	run -0 --separate-stderr "$convert" --to list pool.env
	assert_regex "$stderr" "^pool.env:1:42: warning: a shell would fill something in for this '.': it is taken as it stands \\[not-taken-over\\]"
	# The wrong environment or file is no configuration.
	run -3 --separate-stderr "$convert" --from env
	assert_output ""
	assert_equal "$stderr" "pool-convert: no variable CRYPTOFEED_PROXY_* is set"
	run -3 --separate-stderr "$convert" --from env - <<<"HOME=/root"
	assert_output ""
	assert_equal "$stderr" "pool-convert: no line sets a variable CRYPTOFEED_PROXY_*"
	run -1 --separate-stderr "$convert" --from env - <<<"CRYPTOFEED_PROXY_ENABLED=maybe"
	assert_regex "$stderr" "^CRYPTOFEED_PROXY_ENABLED: error: enabled: 'maybe' is not true or false"
}

@test "the format is told by the name, else by the text" {
	local name row

	while IFS='|' read -r row name; do
		printf '%b' "$row" >text
		run -0 --separate-stderr "$convert" --to list -q text
		assert_line --index 0 "http://192.0.2.1:80"
	done <<-'ROWS'
		{"proxies": ["http://192.0.2.1:80"]}
		proxy: http://192.0.2.1:80\n
		# yaml\nenabled: true\ndefault: {http: "http://192.0.2.1:80"}\n
		proxies:\n- http://192.0.2.1:80\n
		CRYPTOFEED_PROXY_DEFAULT__HTTP=http://192.0.2.1:80\n
		export CRYPTOFEED_PROXY_DEFAULT__HTTP='http://192.0.2.1:80'\n
		192.0.2.1:80\n
		# a list\nhttp://192.0.2.1:80\n
		strict_chain\n[ProxyList]\nhttp 192.0.2.1 80\n
		[ProxyList]\nhttp 192.0.2.1 80\n
	ROWS
	mv text proxies.txt
	run -1 --separate-stderr "$convert" proxies.txt
	run -0 --separate-stderr "$convert" --from proxychains proxies.txt
}

# --- how a list is checked -----------------------------------------------------------------------

@test "a pool file of a list has http checks, and what they will ask for is told once" {
	local input

	printf '192.0.2.1:8080\n192.0.2.2:8080\n' >proxies.txt
	printf '[ProxyList]\nhttp 192.0.2.1 8080\n' >proxychains.conf
	for input in proxies.txt proxychains.conf; do
		run -0 --separate-stderr "$convert" --strict -o pool.json $input
		assert_equal "$stderr" "$asked"
		run -0 jq -c .health_check pool.json
		assert_output '{"method":"http"}'
		run -0 "$validate" --strict pool.json
		run -0 --separate-stderr "$convert" --check http $input
		assert_output "$(cat pool.json)"
		assert_equal "$stderr" "$asked"
		run -0 --separate-stderr "$convert" -q $input
		assert_output "$(cat pool.json)"
		assert_equal "$stderr" ""
		# Nothing is written of which it could be told.
		run -0 --separate-stderr "$convert" --diff $input
		assert_output ""
		assert_equal "$stderr" ""
		run -4 --separate-stderr "$convert" -o missing/pool.json $input
		refute_regex "$stderr" 'checks will ask'
	done
	run -0 --separate-stderr "$convert" --log-format json proxies.txt
	assert_equal "$(jq -r '"\(.level) \(.message)"' <<<"$stderr")" "note ${asked#pool-convert: }"
}

@test "--check names another method, of those that need no url" {
	echo 192.0.2.1:8080 >proxies.txt
	run -0 --separate-stderr "$convert" --check tcp proxies.txt
	assert_output '{
  "proxies": [
    "http://192.0.2.1:8080"
  ]
}'
	assert_equal "$stderr" ""
	run -0 --separate-stderr "$convert" --check ping proxies.txt
	assert_equal "$(jq -c .health_check <<<"$output")" '{"method":"ping"}'
	assert_equal "$stderr" ""
	run -0 --separate-stderr "$convert" --check http --to env proxies.txt
	assert_line --partial '"health_check":{"method":"http"}'
	assert_regex "$stderr" "$asked\$"
	run -2 --separate-stderr "$convert" --check tunnel proxies.txt
	assert_equal "$stderr" "pool-convert: --check wants tcp, http or ping, not 'tunnel'"
	for format in cryptofeed list proxychains; do
		run -2 --separate-stderr "$convert" --check http --to $format proxies.txt
		assert_output ""
		assert_equal "$stderr" "pool-convert: --check goes with --to pool and env"
	done
}

@test "what says itself how it is checked keeps that" {
	local input

	echo '{"proxies": ["http://192.0.2.1:1"]}' >pool.json
	echo 'proxy: {enabled: true, default: {http: {pool: ["http://192.0.2.1:1"]}}}' >pool.yaml
	printf '%s\n' CRYPTOFEED_PROXY_ENABLED=true \
		'CRYPTOFEED_PROXY_DEFAULT__HTTP__POOL={"proxies": ["http://192.0.2.1:1"]}' >pool.env
	for input in pool.json pool.yaml pool.env; do
		run -0 --separate-stderr "$convert" $input
		refute_output --partial health_check
		assert_equal "$stderr" ""
		run -2 --separate-stderr "$convert" --check tcp $input
		assert_output ""
		assert_equal "$stderr" "pool-convert: --check goes with a list and a proxychains.conf: any other input \
says itself how its proxies are checked"
	done
}

@test "the checks of a list are dropped without a word, those that a person wrote are not" {
	local format key

	echo 192.0.2.1:8080 >proxies.txt
	"$convert" -q -o pool.json proxies.txt
	for format in cryptofeed list proxychains; do
		run -0 --separate-stderr "$convert" --strict --to $format proxies.txt
		assert_equal "$stderr" ""
		cp /dev/stdin direct <<<"$output"
		run -0 --separate-stderr "$convert" --strict --to $format pool.json
		assert_equal "$stderr" ""
		refute_output --partial health_check
		assert_output "$(cat direct)"
	done
	for key in '"url": "http://192.0.2.8/"' '"interval_seconds": 60' '"expect_status": [200]' \
		'"enabled": false' '"headers": {"A": "b"}' '"request": "HEAD"' '"expect_body": "x"'; do
		write_pool pool.json \
			'{"proxies": ["http://192.0.2.1:8080"], "health_check": {"method": "http", '"$key"'}}'
		for format in cryptofeed list proxychains; do
			run -1 --separate-stderr "$convert" --strict --to $format pool.json
			assert_regex "$stderr" 'health_check.method: "http": cannot be said'
			assert_output --partial 'pool.health_check.method: "http"'
		done
	done
	write_pool pool.json '{"proxies": ["http://192.0.2.1:8080"], "health_check": {"method": "ping"}}'
	run -1 --separate-stderr "$convert" --strict --to cryptofeed pool.json
	assert_regex "$stderr" 'health_check.method: "ping": cannot be said'
}

@test "a list becomes a pool whose checks ask through each proxy" {
	local port

	start_stub origin --body x --status 204
	port=$STUB_PORT
	start_stub stall
	echo "127.0.0.1:$STUB_PORT" >proxies.txt
	start_stub http-proxy
	echo "127.0.0.1:$STUB_PORT" >>proxies.txt
	"$convert" -q -o pool.json proxies.txt
	# An origin of its own in place of the public page.
	jq '.health_check += {url: "http://127.0.0.1:'"$port"'/", timeout_seconds: 1, retry_count: 1}' \
		pool.json >with-url.json
	chmod 600 with-url.json
	run -0 --separate-stderr "$POOL_BIN/pool-check" --dry-run --no-state --format tsv with-url.json
	assert_equal "$(awk -F '\t' 'NR > 1 { print $6 }' <<<"$output")" $'failed\npassed'
	# The port of both is open.
	"$convert" --check tcp -o pool.json proxies.txt
	run -0 --separate-stderr "$POOL_BIN/pool-check" --dry-run --no-state --format tsv pool.json
	assert_equal "$(awk -F '\t' 'NR > 1 { print $6 }' <<<"$output")" $'passed\npassed'
}

# --- writing -------------------------------------------------------------------------------------

write_rich() {
	cat >rich.json <<-'END'
		{"enabled": true,
		 "default": {
		  "http": {"url": "http://192.0.2.9:1", "timeout_seconds": 9, "rollout_percent": 50,
		   "pool": {"strategy": "sticky", "fallback": "fail",
		    "proxies": [
		     {"url": "http://192.0.2.1:1", "name": "paris", "weight": 2.5},
		     {"url": "socks5h://u:${TOKYO}@192.0.2.2:1", "enabled": false, "max_connections": 3}],
		    "health_check": {"method": "http", "url": "http://192.0.2.8/", "headers": {"X-Key": "S3CRET"}},
		    "breaker": {"open_seconds": 9}, "cooldown": {"seconds": 5}, "limits": {"requests": 5, "per_seconds": 1}}},
		  "websocket": {}},
		 "exchanges": {"bit.com": {"http": {"pool": {"proxies": "default"}}}}}
	END
}

@test "to a plain list: what it cannot say is told, and stands there as a comment" {
	write_rich
	run -0 --separate-stderr "$convert" --to list rich.json
	assert_line http://192.0.2.1:1
	assert_line '# socks5h://u:${TOKYO}@192.0.2.2:1'
	for lost in 'default.http.timeout_seconds: 9' 'default.http.rollout_percent: 50' \
		'default.http.url: the one to fall back on' 'default.http.pool.strategy: "sticky"' \
		'default.http.pool.fallback: "fail"' 'default.http.pool.proxies[0].name: paris' \
		'default.http.pool.proxies[0].weight: 2.5' \
		'default.http.pool.proxies[1].enabled: false' \
		'default.http.pool.proxies[1].max_connections: 3' \
		'default.http.pool.proxies[1].url: that ${NAME} is filled in' \
		'default.http.pool.health_check.method: "http"' \
		'default.http.pool.health_check.headers: ***' \
		'default.http.pool.breaker.open_seconds: 9' 'default.http.pool.cooldown.seconds: 5' \
		'default.http.pool.limits.requests: 5' 'default.websocket: leads to no proxy' \
		'exchanges.bit.com.http: that its proxies are for these lookups only'; do
		assert_line "# not said here: $lost"
		grep -qxF "pool-convert: warning: $lost: cannot be said in a plain list" <<<"$stderr"
	done
	refute_regex "$stderr" S3CRET
	run -1 --separate-stderr "$convert" --to list --strict rich.json
	run -0 --separate-stderr "$convert" --to list -q rich.json
	assert_equal "$stderr" ""
	run -0 --separate-stderr "$convert" --to list -x bit.com -q rich.json
	run -0 --separate-stderr "$convert" --to list --log-format json rich.json
	run -0 jq -es 'all(.level == "warning" and .tool == "pool-convert")' <<<"$stderr"
}

@test "to a list of one lookup" {
	cat >pool.yaml <<-'END'
		enabled: true
		default: {http: "http://192.0.2.1:1", websocket: "socks5://192.0.2.2:1"}
		exchanges: {okx: {http: {pool: ["http://192.0.2.3:1", "http://192.0.2.3:1"]}}}
	END
	run -0 --separate-stderr "$convert" --to list -x OKX pool.yaml
	assert_output "http://192.0.2.3:1"
	run -0 --separate-stderr "$convert" --to list -t websocket pool.yaml
	assert_output "socks5://192.0.2.2:1"
	assert_equal "$stderr" ""
	run -0 --separate-stderr "$convert" --to proxychains -x okx -t websocket pool.yaml
	assert_output "strict_chain
[ProxyList]
socks5 192.0.2.2 1"
	run -2 --separate-stderr "$convert" -x okx pool.yaml
	assert_equal "$stderr" "pool-convert: -x and -t go with --to list and --to proxychains"
}

@test "to cryptofeed's YAML: its keys alone, and its own loader reads it" {
	require_python yaml
	write_rich
	run -0 --separate-stderr "$convert" --to cryptofeed -o out.yaml rich.json
	assert_output ""
	assert_regex "$stderr" 'default.http.pool.strategy: "sticky": cannot be said in cryptofeed.s configuration'
	assert_regex "$stderr" 'exchanges.bit.com.http.pool.proxies: that it follows the default.s list'
	assert_regex "$stderr" 'default.http.url: that it is used when no proxy is eligible'
	run -0 /usr/bin/python3 - out.yaml <<-'END'
		import sys, yaml
		proxy = yaml.safe_load(open(sys.argv[1]))["proxy"]
		members = [{"url": "http://192.0.2.1:1", "weight": 2.5},
		           {"url": "socks5h://u:${TOKYO}@192.0.2.2:1", "enabled": False}]
		assert proxy == {
		    "enabled": True,
		    "default": {"http": {"url": "http://192.0.2.9:1", "timeout_seconds": 9,
		                         "pool": {"proxies": members}}, "websocket": {}},
		    "exchanges": {"bit.com": {"http": {"pool": {"proxies": members}}}}}, proxy
	END
}

# The bytes of a password, a body and an id are those of the input, whatever reads them.
@test "to cryptofeed's YAML and to a pool file: no byte is another one" {
	require_python yaml
	run -0 --separate-stderr /usr/bin/python3 - "$convert" <<-'END'
		import json, subprocess, sys, yaml
		def converted(to, document):
		    return subprocess.run([sys.argv[1], "-q", "--to", to, "-"], input=json.dumps(document),
		        stdout=subprocess.PIPE, check=True, text=True).stdout
		odd = [0xa1, 0xe9, 0x61c, 0x200b, 0x2028, 0x2029, 0x202e, 0x2066, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x1f600, 0x1ffff]
		for code in odd:
		    body = "a%cb: c" % code
		    url = "http://u:p%cq'\"\\@h.test:1" % code
		    plain = url.replace('"', "").replace("\\", "")
		    document = {"enabled": True,
		        "default": {"http": {"pool": {"proxies": [url], "health_check": {"method": "http",
		            "url": "http://192.0.2.1/", "expect_body": body + "\n\t"}}}},
		        "exchanges": {"n\u00f8%s" % (chr(code) if code in (0xe9, 0x1f600) else ""): {"http": plain}}}
		    pool = json.loads(converted("pool", document))
		    there = pool["default"]["http"]["pool"]
		    assert there["proxies"] == [url], (hex(code), there)
		    assert there["health_check"]["expect_body"] == body + "\n\t", hex(code)
		    # the comments about what is lost hold the body, and break nothing
		    proxy = yaml.safe_load(converted("cryptofeed", document))["proxy"]
		    assert proxy["default"]["http"]["pool"]["proxies"] == [{"url": url}], hex(code)
		    assert list(proxy["exchanges"]) == list(document["exchanges"]), hex(code)
		    assert set(proxy) == {"enabled", "default", "exchanges"}
		    back = json.loads(converted("pool", {"proxy": proxy}))
		    assert back["default"]["http"]["pool"]["proxies"] == [url], hex(code)
	END
	assert_output ""
	assert_equal "$stderr" ""
}

@test "to variables: names where they can be, JSON where they cannot" {
	cat >pool.yaml <<-'END'
		enabled: yes
		default: {http: {url: "http://192.0.2.1:1", timeout_seconds: 9}}
		exchanges:
		  binance_us: {websocket: {pool: ["socks5://192.0.2.2:1"], strategy: random}}
		  bit.com: {http: "http://192.0.2.3:1"}
		  a__b: {http: {}}
	END
	run -0 --separate-stderr "$convert" --to env pool.yaml
	assert_output 'CRYPTOFEED_PROXY_ENABLED=true
CRYPTOFEED_PROXY_DEFAULT__HTTP__URL=http://192.0.2.1:1
CRYPTOFEED_PROXY_DEFAULT__HTTP__TIMEOUT_SECONDS=9
CRYPTOFEED_PROXY_EXCHANGES__BINANCE_US__WEBSOCKET__POOL={"proxies":["socks5://192.0.2.2:1"],"strategy":"random"}
CRYPTOFEED_PROXY_EXCHANGES={"a__b":{"http":{}},"bit.com":{"http":{"url":"http://192.0.2.3:1"}}}'
	assert_equal "$stderr" ""
	mapfile -t variables <<<"$output"
	run -0 env -C / "${variables[@]}" "$POOL_BIN/pool-select" --no-state -x BIT.COM
	assert_output http://192.0.2.3:1
}

@test "to proxychains.conf, and what none of its lines can be" {
	cat >pool.json <<-'END'
		{"strategy": "random", "proxies": ["socks5h://mira:quartz%207@192.0.2.1:1", "https://192.0.2.2:1",
		 "http://u:p@[2001:db8::1]:8080", "socks4a://h.test:1080", {"url": "http://192.0.2.3:1", "enabled": false}]}
	END
	run -0 --separate-stderr "$convert" --to proxychains pool.json
	assert_line random_chain
	assert_line "chain_len = 1"
	assert_line proxy_dns
	assert_line "http 2001:db8::1 8080 u p"
	assert_line "socks4 h.test 1080"
	assert_line "# http 192.0.2.3 1"
	assert_line "# https://192.0.2.2:1"
	assert_line '# not said here: default.http.pool.proxies[1].url: https'
	assert_line '# not said here: default.http.pool.proxies[0].url: a password with a blank'
}

# --- round trips and the migration ---------------------------------------------------------------

accepted() {
	awk -F '\t' '$2 ~ /^accept/ { print $1 }' "$corpus/MANIFEST.tsv" "$corpus/policy.tsv"
}

@test "no lookup changes in a migration, over the whole corpus" {
	local file files=0

	while IFS= read -r file; do
		run -0 --separate-stderr "$convert" --pool --diff -q "$corpus/$file"
		assert_output ""
		# By other means than its own: where each lookup leads, as pool-validate sees it.
		"$convert" -q --pool "$corpus/$file" >migrated.json
		diff <("$validate" -q --resolve "$corpus/$file" 2>/dev/null |
			awk '{ $3 = ""; print }' | sed -E 's/(round_robin|random) of 1: //') \
			<("$validate" -q --resolve migrated.json 2>/dev/null |
				awk '{ $3 = ""; print }' | sed -E 's/(round_robin|random) of 1: //')
		! grep -q '"url": "[^"]*"$' <(jq 'del(.. | .proxies?)' migrated.json) ||
			grep -q '"pool"' migrated.json
		files=$((files + 1))
	done < <(accepted)
	[ "$files" -ge 40 ]
}

@test "a migration answers resolve.tsv as before" {
	local file env exchange type expected url rows=0

	while IFS=$'\t' read -r file env exchange type expected; do
		[[ $file != file && $env == - ]] || continue
		"$convert" -q --pool -o migrated.json "$corpus/$file"
		url=$("$POOL_BIN/pool-select" --no-state -x "$exchange" -t "$type" \
			migrated.json 2>/dev/null) || :
		case $expected in
		NONE | ERROR) [[ $url == http://*.no-proxy.invalid:9 ]] ;;
		*) [[ ,$expected, == *",$url,"* ]] ;;
		esac
		rows=$((rows + 1))
	done <"$corpus/resolve.tsv"
	[ "$rows" -ge 40 ]
}

@test "round trips: nothing is lost that was not told, over the whole corpus" {
	local file format trips=0

	while IFS= read -r file; do
		"$validate" -q --print "$corpus/$file" >before 2>/dev/null
		for format in pool cryptofeed env; do
			run --separate-stderr "$convert" --strict --to $format -o "out.$format" \
				"$corpus/$file"
			[ "$status" -eq 0 ] || [[ $status -eq 1 && $stderr == *": cannot be said in "* ]]
			run -0 --separate-stderr "$convert" --from $format --diff -q "out.$format"
			"$convert" --from $format -q -o back.json "out.$format"
			[ ! -s back.json ] || "$validate" -q --print back.json >after 2>/dev/null
			# A single lookup is the same in any case.
			diff <("$validate" -q --resolve "$corpus/$file" 2>/dev/null | awk '{ $3 = ""; print }') \
				<("$validate" -q --resolve back.json 2>/dev/null | awk '{ $3 = ""; print }')
			"$convert" --strict -q --to $format -o "out.$format" "$corpus/$file" || continue
			diff before after
			trips=$((trips + 1))
		done
	done < <(accepted)
	[ "$trips" -ge 100 ]
}

@test "round trips of lists and proxychains.conf" {
	printf '%s\n' http://192.0.2.1:1 socks5h://u:p%20w@192.0.2.2:1 'http://[2001:db8::1]:2' >list.txt
	"$convert" -o pool.json list.txt
	run -0 "$convert" --to list pool.json
	assert_output "$(cat list.txt)"
	cat >proxychains.conf <<-'END'
		random_chain
		chain_len = 1
		proxy_dns
		[ProxyList]
		socks5 192.0.2.1 1080 u p
		http 192.0.2.2 8080
	END
	"$convert" -o pool.json proxychains.conf
	run -0 "$convert" --to proxychains pool.json
	assert_output "$(cat proxychains.conf)"
}

@test "--diff shows what changes, without passwords, and is status 1" {
	cat >pool.json <<-'END'
		{"proxies": [{"url": "http://u:S3CRET@192.0.2.1:1", "weight": 2}, "https://192.0.2.2:1"]}
	END
	run -1 --separate-stderr "$convert" --diff --to proxychains -q pool.json
	assert_output "default http: round_robin of 2: http://***@192.0.2.1:1 (weight 2.0), https://192.0.2.2:1; 30 s -> http://***@192.0.2.1:1; 30 s
default websocket: round_robin of 2: http://***@192.0.2.1:1 (weight 2.0), https://192.0.2.2:1; 30 s -> http://***@192.0.2.1:1; 30 s"
	run -2 --separate-stderr "$convert" --diff -o x pool.json
	run -0 "$convert" --diff - <pool.json
}

@test "a migration keeps the records" {
	start_stub http-proxy
	cat >pool.json <<-END
		{"proxy": {"enabled": true, "default": {"http": {"url": "http://127.0.0.1:$STUB_PORT"}}}}
	END
	export POOL_STATE=$PWD/state
	run -0 "$POOL_BIN/pool-check" -q pool.json
	run -0 "$POOL_BIN/pool-select" pool.json
	"$convert" --pool -o pool.json pool.json
	run -0 "$POOL_BIN/pool-status" --format json pool.json
	run -0 jq -r '.proxies[0] | "\(.status) \(.selections)"' <<<"$output"
	assert_output "healthy 1"
}

# --- files ---------------------------------------------------------------------------------------

@test "-o replaces a file as a whole, and keeps its mode" {
	echo '{"proxies": ["http://192.0.2.1:1"]}' >pool.json
	chmod 640 pool.json
	run -0 --separate-stderr "$convert" -o pool.json pool.json
	assert_output ""
	assert_equal "$(stat -c %a pool.json)" 640
	run -0 "$convert" -o new.json pool.json
	assert_equal "$(stat -c %a new.json)" 600
	run -0 find . -name '*.json*'
	assert_equal "$(sort <<<"$output")" "./new.json
./pool.json"
	run -4 --separate-stderr "$convert" -o missing/new.json pool.json
	assert_regex "$stderr" "^pool-convert: cannot write file 'missing/new.json': No such file or directory$"
	mkdir folder
	run -2 "$convert" -o folder pool.json
	run -1 "$convert" -o pool.json - <<<'{"proxies": []}'
	run -0 jq -e '.proxies | length == 1' pool.json
}

@test "-o gives nobody what was left there for it" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	echo '{"proxies": ["http://u:word@192.0.2.1:1"]}' >pool.json
	echo x >left.json
	chown 4001:4001 left.json
	chmod 6777 left.json
	run -0 --separate-stderr "$convert" -o left.json pool.json
	assert_equal "$(stat -c '%a %u %g' left.json)" "600 0 0"
	chmod 6666 left.json
	run -0 --separate-stderr "$convert" -o left.json pool.json
	assert_equal "$(stat -c %a left.json)" 666
}

@test "a full standard output is status 4" {
	echo '{"proxies": ["http://192.0.2.1:1"]}' >pool.json
	run -4 bash -c '"$1" pool.json >/dev/full' bash "$convert"
}

@test "wrong usage" {
	run -2 --separate-stderr "$convert" --from toml x
	assert_equal "$stderr" "pool-convert: --from wants pool, cryptofeed, env, list or proxychains, not 'toml'; did you mean 'pool'?"
	run -2 --separate-stderr "$convert" --pool --to list x
	assert_equal "$stderr" "pool-convert: --pool goes with --to pool, cryptofeed and env"
	run -3 --separate-stderr "$convert" missing.json
	assert_equal "$stderr" "pool-convert: cannot open 'missing.json': No such file or directory"
	run -2 "$convert" --scheme ftp x
}
