# pool-exec, in the order of its manual page.

load ../lib

setup() {
	pool_setup
	exec=$POOL_BIN/pool-exec
	url=http://target.invalid/
}

teardown() {
	pool_teardown
}

# write_members JSON...: pool.json with these proxies, and failover, so that the first is tried
# first.
write_members() {
	local IFS=,

	write_pool pool.json "{\"strategy\": \"failover\", \"proxies\": [$*]}"
}

# member NAME PORT [SCHEME]
member() {
	printf '{"name": "%s", "url": "%s://127.0.0.1:%s"}' "$1" "${3:-http}" "$2"
}

# A dead proxy before a live one.
write_dead_and_live() {
	DEAD=$(free_port)
	start_stub --name live http-proxy
	LIVE=$STUB_PORT
	write_members "$(member dead "$DEAD")" "$(member live "$LIVE")"
}

# What is known of proxy $1: its line of pool-select --explain.
explain() {
	pool-select --explain --dry-run 2>&1 >/dev/null | grep -E "^[* ] $1 "
}

# Programs called curl or wget that do as $1, a script, says. Their arguments are in args, a line
# each run; the proxy's name is in POOL_PROXY.
write_client() {
	mkdir -p fakes
	printf '%s\n' '#!/bin/bash' 'echo "$*" >>args' "$2" >"fakes/$1"
	chmod +x "fakes/$1"
	PATH=$PWD/fakes:$PATH
}

# --- what the command gets ---------------------------------------------------------------------

@test "the command has the proxy in its environment, and no other" {
	write_pool pool.json '{"proxies": [
		{"name": "one", "url": "socks5h://mira:S3CRETpw@127.0.0.1:9"}]}'
	export HTTP_PROXY=http://other:1 http_proxy=http://other:2 FTP_PROXY=http://other:3 \
		RSYNC_CONNECT_PROG="nc other 4" auto_proxy= NODE_USE_ENV_PROXY=1 SOCKS5_SERVER=other:5 \
		NPM_CONFIG_PROXY=http://other:6 grpc_proxy=http://other:7 no_grpc_proxy=other:8 NO_PROXY=target.invalid POOL_LEASE=old KEPT=kept
	run -0 --separate-stderr "$exec" env
	assert_equal "$stderr" ""
	assert_line KEPT=kept
	assert_line --regexp '^POOL_LEASE=[0-9a-f]{16}$'
	refute_output --partial other:
	run -0 grep -iE '^([a-z_]*proxy|git_config_[a-z0-9_]*|rsync[a-z_]*|socks[0-9a-z_]*)=' <<<"$output"
	proxy=socks5h://mira:S3CRETpw@127.0.0.1:9
	assert_equal "$(sort <<<"$output")" "$({
		printf "%s=$proxy\n" {http,https,all,ws,wss,ftp,gopher,socks,grpc}_proxy \
			{HTTP,HTTPS,ALL,WS,WSS,FTP,GOPHER,SOCKS}_PROXY CGI_HTTP_PROXY PIP_PROXY \
			CARGO_HTTP_PROXY GLOBAL_AGENT_HTTP{,S}_PROXY npm_config_{,https_}proxy GIT_CONFIG_VALUE_0
		printf '%s\n' NO_PROXY= no_proxy= no_grpc_proxy= GLOBAL_AGENT_NO_PROXY= POOL_PROXY=one \
			GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.proxy npm_config_noproxy=nobody.no-proxy.invalid \
			RSYNC_PROXY=unsupported.no-proxy.invalid:9
	} | sort)"
}

@test "what is set fits the scheme of the proxy, and git's entries are continued" {
	write_members '{"name": "one", "url": "https://mira:S3CRET%40pw@127.0.0.1:9"}'
	run -0 --separate-stderr "$exec" env
	assert_line NODE_USE_ENV_PROXY=1
	assert_line RSYNC_PROXY=unsupported.no-proxy.invalid:9
	write_members '{"name": "one", "url": "http://mira:S3CRET%40pw@127.0.0.1:9"}'
	export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=mira
	run -0 --separate-stderr "$exec" env
	assert_line NODE_USE_ENV_PROXY=1
	assert_line RSYNC_PROXY=mira:S3CRET@pw@127.0.0.1:9
	assert_line GIT_CONFIG_COUNT=2
	assert_line GIT_CONFIG_VALUE_0=mira
	assert_line GIT_CONFIG_KEY_1=http.proxy
	# a pool-exec in a pool-exec adds none
	run -0 --separate-stderr "$exec" "$exec" env
	assert_line GIT_CONFIG_COUNT=2
	# nor is one left where it goes direct
	write_pool none.json '{"enabled": false}'
	run -0 "$exec" "$exec" -f none.json --direct-ok env
	assert_line GIT_CONFIG_COUNT=1
	refute_output --partial http_proxy
}

@test "--keep-no-proxy keeps it, and -v says that it is cleared" {
	write_members "$(member one 9)"
	export NO_PROXY=a.invalid no_proxy=b.invalid
	run -0 --separate-stderr "$exec" --keep-no-proxy sh -c 'echo "$NO_PROXY $no_proxy"'
	assert_output "a.invalid b.invalid"
	run -0 --separate-stderr "$exec" -v sh -c 'echo "$NO_PROXY$no_proxy"'
	assert_output ""
	assert_equal "$stderr" "pool-exec: proxy: transport=http exchange=default scheme=http \
endpoint=127.0.0.1:9
pool-exec: NO_PROXY is not passed on (--keep-no-proxy does)"
}

@test "an environment may hold names without a value" {
	require_tool python3
	write_members "$(member one 9)"
	# only execve() itself takes such lines: no shell passes one on
	run -0 --separate-stderr python3 -c '
import ctypes, os, sys
def words(list):
    list = [os.fsencode(word) for word in list]
    return (ctypes.c_char_p * (len(list) + 1))(*list, None)
ctypes.CDLL(None).execve(os.fsencode(sys.argv[1]), words(["pool-exec", "env"]), words(sys.argv[2:]))
' "$exec" no_proxy NO_PROXY POOL_LEASE odd "PATH=$PATH" "POOL_STATE=$POOL_STATE"
	assert_equal "$stderr" ""
	assert_line odd
	refute_line no_proxy
	assert_line no_proxy=
}

@test "options after the command are the command's" {
	write_members "$(member one 9)"
	run -0 --separate-stderr "$exec" echo -q --help
	assert_output "-q --help"
	run -0 --separate-stderr "$exec" -q -- echo -- -q
	assert_output -- "-- -q"
}

@test "--template fills in names, and nothing else" {
	write_members "$(member one 9 socks5)"
	run -0 --separate-stderr "$exec" --template printf '%%s\n' '%{scheme}+%{hostport} %{name}' \
		'a\tb' 100%% ''
	assert_output 'socks5+127.0.0.1:9 one
a\tb
100%'
	run -0 --separate-stderr "$exec" echo '%{name}'
	assert_output '%{name}'
	run -125 --separate-stderr "$exec" --template echo '%{nmae}'
	assert_output ""
	assert_equal "$stderr" \
		"pool-exec: no field is called '%{nmae}'; did you mean '%{name}'?"
}

@test "a closed standard descriptor stays closed" {
	write_members "$(member one 9)"
	for options in "" "--fail-on 7"; do
		for closing in '0 <&-' '1 >&-' '2 2>&-'; do
			run -0 bash -c \
				"'$exec' $options sh -c '[ ! -e /proc/self/fd/\$0 ]' $closing"
		done
	done
}

@test "the command inherits what its caller opened, and nothing of ours" {
	write_members "$(member one 9)"
	for options in "" "--fail-on 7" "--fail-on 7 --buffer"; do
		# shellcheck disable=SC2086 # words of a line
		run -0 bash -c "exec 7</dev/null; exec \"$exec\" $options ls -l /proc/self/fd"
		assert_line --regexp ' 7 -> /dev/null$'
		refute_output --partial "$PWD/state"
		refute_output --partial signalfd
		# 0, 1, 2, 7 and the folder that ls reads; bats has some of its own
		run -0 bash -c "for fd in /proc/self/fd/*; do fd=\${fd##*/}
			[ \$fd -le 2 ] || eval \"exec \$fd>&-\"; done
			exec \"$exec\" $options ls /proc/self/fd"
		assert_output $'0\n1\n2\n3'
	done
}

# --- exit statuses -----------------------------------------------------------------------------

@test "the exit status is the command's" {
	write_members "$(member one 9)"
	for status in 0 1 7 124 125 126 127 255; do
		run -$status --separate-stderr "$exec" sh -c "exit $status"
		assert_equal "$stderr" ""
		run -$status --separate-stderr "$exec" --fail-on 99 sh -c "exit $status"
		assert_equal "$stderr" ""
	done
}

@test "a command that a signal ends takes pool-exec with it" {
	write_members "$(member one 9)"
	for options in "" "--fail-on 99"; do
		for signal in TERM KILL INT; do
			# shellcheck disable=SC2086 # words of a line
			run -0 bash -c "
				\"$exec\" $options sh -c 'kill -$signal \$\$' 2>/dev/null
				kill -l \$?"
			assert_line --index -1 "$signal"
		done
	done
}

@test "126 and 127 are of commands that cannot be run" {
	write_members "$(member one 9)"
	for options in "" "--fail-on 99"; do
		# shellcheck disable=SC2086 # words of a line
		run -127 --separate-stderr "$exec" $options no-such-command
		assert_output ""
		assert_equal "$stderr" \
			"pool-exec: cannot run 'no-such-command': No such file or directory"
		# shellcheck disable=SC2086
		run -127 --separate-stderr "$exec" $options pool.json true
		assert_equal "$stderr" "pool-exec: cannot run 'pool.json': No such file or directory; \
a pool file is named by -f FILE"
		# shellcheck disable=SC2086
		run -126 --separate-stderr "$exec" $options ./pool.json
		assert_equal "$stderr" "pool-exec: cannot run './pool.json': Permission denied; \
a pool file is named by -f FILE"
	done
}

@test "a script without #! is run by a shell" {
	write_members "$(member one 9)"
	echo 'echo "$POOL_PROXY"' >script
	chmod +x script
	run -0 --separate-stderr "$exec" ./script
	assert_output one
	run -0 --separate-stderr "$exec" --fail-on 9 ./script
	assert_output one
}

@test "125 is all that is wrong with pool-exec" {
	run -125 --separate-stderr "$exec" true
	assert_regex "$stderr" "^pool-exec: no pool file"
	write_members "$(member one 9)"
	run -125 --separate-stderr "$exec"
	assert_equal "$stderr" "pool-exec: which command? Try 'pool-exec --help'"
	run -125 --separate-stderr "$exec" --nonsense true
	assert_equal "$stderr" "pool-exec: unknown option '--nonsense'; try 'pool-exec --help'"
	run -125 --separate-stderr "$exec" --retry 3 true
	assert_equal "$stderr" "pool-exec: unknown option '--retry'; did you mean '--retries'?"
	run -125 --separate-stderr "$exec" --fail-on 1,x true
	assert_equal "$stderr" \
		"pool-exec: --fail-on wants exit statuses from 1 to 255 like 1,3-5, not 'x'"
	run -125 --separate-stderr "$exec" --strict true
	assert_equal "$stderr" "pool-exec: --strict needs --key: whose proxy is it?"
	run -125 --separate-stderr "$exec" --strategy sticky true
	assert_output ""
	echo '{' >pool.json
	run -125 --separate-stderr "$exec" -f other.json true
	assert_equal "$stderr" \
		"pool-exec: cannot read pool file 'other.json': No such file or directory"
	run -125 bash -c "\"$exec\" --help >/dev/full"
}

@test "without a proxy the command is not run" {
	write_members '{"url": "http://127.0.0.1:9", "enabled": false}'
	run -125 --separate-stderr "$exec" touch ran
	assert_output ""
	assert_regex "$stderr" "^pool-exec: no proxy for 'default' http in default.http: "
	run -125 --separate-stderr "$exec" --direct-ok touch ran
	[ ! -e ran ]
	write_members "$(member one 9)"
	run -125 --separate-stderr "$exec" --scheme socks5 touch ran
	run -125 --separate-stderr "$exec" --exclude one touch ran
	# wget knows no SOCKS
	write_members "$(member one 9 socks5h)"
	run -125 --separate-stderr "$exec" wget "$url"
	assert_equal "$stderr" "pool-exec: no proxy for 'default' http in default.http: wget \
knows only http proxies, and the pool has none"
	[ ! -e ran ]
}

@test "--direct-ok goes direct where nothing is configured, and then really" {
	write_pool pool.json '{"enabled": false, "default": {"http": "http://127.0.0.1:9"}}'
	export http_proxy=http://other:1 ALL_PROXY=http://other:2
	run -125 --separate-stderr "$exec" env
	assert_regex "$stderr" "no proxy for 'default'"
	run -0 --separate-stderr "$exec" --direct-ok env
	assert_equal "$stderr" ""
	assert_line POOL_PROXY=
	refute_output --partial http://other
	run -0 --separate-stderr "$exec" --direct-ok -v --template echo '<%{url}> 1%%'
	assert_output "<> 1%"
	assert_regex "$stderr" "^pool-exec: no proxy: "
	run -124 --separate-stderr "$exec" --direct-ok --timeout 1 sleep 30
	assert_equal "$stderr" "pool-exec: 'sleep' took longer than 1 s (--timeout), and was ended"
}

# --- attempts ----------------------------------------------------------------------------------

@test "a curl that hits a dead proxy ends on a live one" {
	require_tool curl
	write_dead_and_live
	run -0 --separate-stderr "$exec" curl -s "$url"
	assert_output ok
	assert_equal "$stderr" "pool-exec: warning: attempt 1 through 'dead' failed \
(connect-refused, connect), trying again: nothing listens at the proxy's address; check that \
the proxy runs, and its port"
	run -0 explain dead
	assert_output --partial "nothing listens at the proxy's address"
	run -0 explain live
	assert_output --partial " healthy "
	assert_output --partial "leases 0"
}

@test "the first selection after the evidence avoids the proxy" {
	require_tool curl
	start_stub --name live http-proxy
	DEAD=$(free_port)
	write_pool pool.json '{"strategy": "failover", "breaker": {"failure_threshold": 1},
		"proxies": ['"$(member dead "$DEAD"), $(member live "$STUB_PORT")"']}'
	run -0 --separate-stderr "$exec" -q curl -s "$url"
	assert_equal "$stderr" ""
	run -0 pool-select --format '%{name}'
	assert_output live
}

@test "a wget that hits a dead proxy ends on a live one" {
	require_tool wget
	write_dead_and_live
	run -0 --separate-stderr "$exec" -q wget -qO page "$url"
	assert_equal "$(cat page)" ok
	run -0 explain dead
	assert_output --partial "nothing listens at the proxy's address"
	run -0 explain live
	assert_output --partial " healthy "
}

@test "--retries bounds the attempts, and waits come before one already tried" {
	write_members "$(member one 9)" "$(member two 8)"
	for number in 0 1 4; do
		rm -f ran
		run -7 --separate-stderr "$exec" --retries "$number" --fail-on 7 \
			sh -c 'echo "$POOL_PROXY" >>ran; exit 7'
		assert_equal "$(wc -l <ran)" "$((number + 1))"
	done
	assert_equal "$(head -n 2 ran)" $'one\ntwo'
	assert_regex "${stderr_lines[4]}" "^pool-exec: attempt 5 through '(one|two)' failed \
\(status 7\), not tried again: no attempt is left$"
}

@test "limited and blocked are tried elsewhere, and the proxy rests" {
	require_tool curl
	start_stub --name limited http-proxy --status 429 --retry-after 77
	limited=$STUB_PORT
	start_stub --name blocked http-proxy --status 403
	blocked=$STUB_PORT
	start_stub --name live http-proxy
	write_members "$(member limited "$limited")" "$(member blocked "$blocked")" \
		"$(member live "$STUB_PORT")"
	run -0 --separate-stderr "$exec" curl -s -o page "$url"
	assert_equal "$(cat page)" ok
	assert_equal "${#stderr_lines[@]}" 2
	assert_regex "${stderr_lines[0]}" \
		"attempt 1 through 'limited' failed \(limited, target, HTTP 429\), trying again: "
	assert_regex "${stderr_lines[1]}" \
		"attempt 2 through 'blocked' failed \(blocked, target, HTTP 403\), trying again: "
	run -0 explain limited
	assert_output --regexp ' cooling .* rests for 7[67] s'
	run -0 explain blocked
	assert_output --partial "the target turns this proxy away"
	run -0 explain live
	assert_output --partial " healthy "
}

@test "other answers are the command's affair" {
	require_tool curl
	start_stub --name origin http-proxy --script 404,500,404,502
	write_members "$(member one "$STUB_PORT")" "$(member two 9)"
	for status in 0 0 22 22; do
		options=
		[ "$status" = 0 ] || options=f
		run -$status --separate-stderr "$exec" curl "-s$options" "$url"
		assert_equal "$stderr" ""
	done
	run -0 explain one
	assert_output --partial " healthy "
}

@test "a proxy that answers CONNECT with no is told from the target" {
	require_tool curl
	start_stub --name forbidden http-proxy --connect-status 403
	forbidden=$STUB_PORT
	start_stub --name secret http-proxy --connect-status 407
	write_members "$(member forbidden "$forbidden")" "$(member secret "$STUB_PORT")"
	run -56 --separate-stderr "$exec" --retries 1 curl -s https://target.invalid/
	assert_regex "${stderr_lines[0]}" "'forbidden' failed \(denied, handshake\), trying again: "
	assert_regex "${stderr_lines[1]}" "'secret' failed \(authentication, auth\), not tried again"
	# where the no is not shown, nobody knows whose fault it was
	run -0 pool-report --all reset
	run -56 --separate-stderr "$exec" --retries 1 curl -s --suppress-connect-headers https://target.invalid/
	assert_regex "${stderr_lines[0]}" "'(forbidden|secret)' failed \(proxy-failed, handshake\), trying again: "
	assert_regex "${stderr_lines[2]}" 'no proxy was blamed$'
}

@test "a no to CONNECT is not confused with an answer that broke off" {
	write_client curl 'printf "HTTP/1.1 %s x\r\n\r\n" $ANSWERS >"${1#-D}"; exit 56'
	touch file
	while IFS='|' read -r scheme answers arguments wanted; do
		write_members "$(member one 9 "$scheme")"
		# shellcheck disable=SC2086 # words of a line
		ANSWERS=$answers run -56 --separate-stderr "$exec" --no-state --retries 0 curl $arguments
		assert_regex "$arguments: $stderr" "^$arguments: .* 'one' failed \($wanted"
	done <<-END
		http|503|https://u|bad-gateway
		http|503|-d x -- HTTPS://u|bad-gateway
		http|503|-p http://u|bad-gateway
		http|503|http://u|reset
		http|503|u|reset
		http|429|http://u|limited
		http|200 503|https://u|reset
		socks5|503|https://u|reset
		http|403|http://u|blocked
		http|403|-K file|denied
		http|302 403|-L http://u|denied
		http|200 403|http://u https://v|denied
		http|200 200 403|https://u https://v|denied
		http|200 403|https://u|blocked
		http|200 403|http://u http://v|blocked
		http|403|--suppress-connect-headers https://u http://v|blocked
		socks5|302 403|-L http://u|blocked
	END
	# what may have been done already is not sent again
	write_members "$(member one 9)" "$(member two 8)" "$(member three 7)"
	export ANSWERS=503
	rm -f args
	run -56 "$exec" curl -d x http://u
	assert_equal "$(wc -l <args)" 1
	rm -f args
	run -56 "$exec" curl -d x https://u
	assert_equal "$(wc -l <args)" 3
}

@test "-f does not hide that it was the proxy who said no" {
	write_client curl 'printf "HTTP/1.1 %s x\r\n\r\n" $ANSWERS >"${1#-D}"; exit 22'
	while IFS='|' read -r scheme answers arguments wanted; do
		write_members "$(member one 9 "$scheme")"
		# shellcheck disable=SC2086 # words of a line
		ANSWERS=$answers run -22 --separate-stderr "$exec" --no-state --retries 0 curl $arguments
		assert_regex "$arguments: $stderr" "^$arguments: .* 'one' failed \($wanted"
	done <<-END
		http|502|-f https://u|bad-gateway
		http|500|-f -p http://u|bad-gateway
		http|407|-f https://u|authentication
		http|403|-f https://u|denied
		http|200 403|-f https://u|blocked
		http|403|-f --suppress-connect-headers https://u|blocked
		http|403|-f http://u|blocked
		socks5|429|-f https://u|limited
	END
	# a curl that ended well had no no to CONNECT, whatever its arguments look like
	write_client curl 'printf "HTTP/1.1 %s x\r\n\r\n" $ANSWERS >"${1#-D}"'
	write_members "$(member one 9)"
	ANSWERS=403 run -0 --separate-stderr "$exec" --no-state --retries 0 curl -e https://u u
	assert_regex "$stderr" "\(blocked, target, HTTP 403\)"
	ANSWERS=503 run -0 --separate-stderr "$exec" --no-state curl -e https://u u
	assert_equal "$stderr" ""
	write_client curl 'printf "HTTP/1.1 %s x\r\n\r\n" $ANSWERS >"${1#-D}"; exit 22'
	# an answer of the target that it is the command's affair
	ANSWERS="200 404" run -22 --separate-stderr "$exec" --no-state curl -f https://u
	assert_equal "$stderr" ""
}

@test "a single proxy is not blamed for what may be the target's fault" {
	require_tool curl wget
	# the proxy answers, and the target does not
	start_tinyproxy live
	for command in "curl -sS https://127.0.0.1:9/" "wget -qt1 https://127.0.0.1:9/"; do
		write_members "$(member live "$PROXY_PORT")"
		for _ in 1 2; do
			# shellcheck disable=SC2086 # words of a line
			run --separate-stderr "$exec" --retries 0 $command
			[ "$status" -ne 0 ]
		done
		run -0 pool-status --format tsv
		assert_line --index 1 --regexp "	live	.*	unknown	"
		run -0 status_field live reports_down
		assert_output 0
		run -0 status_field live reports_inconclusive
		assert_output 2
		run -0 pool-report live reset
		rm -rf "$POOL_STATE"/*
	done
	# what --fail-on lists is said to be the proxy's
	write_members "$(member live "$PROXY_PORT")"
	run -3 --separate-stderr "$exec" --retries 0 --fail-on 3 sh -c 'exit 3'
	run -0 status_field live reports_down
	assert_output 1
}

@test "a dead target ejects nobody" {
	require_tool curl
	# the proxy's word for a target that it cannot reach
	start_stub --name a http-proxy --connect-status 502
	a=$STUB_PORT
	start_stub --name b http-proxy --connect-status 502
	b=$STUB_PORT
	write_pool pool.json '{"strategy": "failover", "breaker": {"failure_threshold": 1},
		"proxies": ['"$(member a "$a"), $(member b "$b")"']}'
	run -56 --separate-stderr "$exec" curl -s https://target.invalid/
	assert_regex "${stderr_lines[3]}" "^pool-exec: warning: 3 attempts: the target failed \
through every proxy that reached it"
	for name in a b; do
		run -0 explain "$name"
		assert_output --partial " unknown "
		assert_output --partial "leases 0"
	done
}

@test "what may be the target's fault counts once another attempt comes through" {
	require_tool curl
	start_stub --name bad http-proxy --connect-status 502
	bad=$STUB_PORT
	start_stub --name origin origin
	origin=$STUB_PORT
	start_stub --name good http-proxy
	write_pool pool.json '{"strategy": "failover", "breaker": {"failure_threshold": 1},
		"proxies": ['"$(member bad "$bad"), $(member good "$STUB_PORT")"']}'
	run -0 --separate-stderr "$exec" curl -sp "http://127.0.0.1:$origin/"
	assert_output ok
	run -0 explain bad
	assert_output --partial " unhealthy "
	assert_output --partial "the proxy says that it cannot reach the target"
}

@test "a proxy that stalls is given up after --timeout, or the connection's" {
	require_tool curl
	start_stub --name stalled stall
	stalled=$STUB_PORT
	start_stub --name live http-proxy
	write_members "$(member stalled "$stalled")" "$(member live "$STUB_PORT")"
	run -0 --separate-stderr "$exec" --timeout 1 curl -s "$url"
	assert_output ok
	assert_regex "$stderr" "'stalled' failed \(response-timeout, target\), trying again: "
	run -0 explain stalled
	assert_output --partial "did not come, or did not end, in time"
	write_pool pool.json '{"timeout_seconds": 1, "pool": {"strategy": "failover", "proxies": ['"$(
		member stalled "$stalled"), $(member live "$STUB_PORT")"']}}'
	write_pool pool.json '{"enabled": true, "default": {"http":'"$(cat pool.json)"'}}'
	run -0 --separate-stderr "$exec" curl -s "$url"
	assert_output ok
	run -124 --separate-stderr "$exec" --retries 0 --exclude live curl -s "$url"
	assert_output ""
	run -0 --separate-stderr "$exec" sleep 1.2
}

@test "the timeout of another command is no evidence" {
	write_members "$(member one 9)"
	run -124 --separate-stderr "$exec" --timeout 1 sh -c 'echo began; exec sleep 30'
	assert_output began
	assert_equal "$stderr" "pool-exec: 'sh' took longer than 1 s (--timeout), and was ended"
	run -124 --separate-stderr "$exec" -q --timeout 1 sleep 30
	assert_equal "$stderr" ""
	run -0 explain one
	assert_output --partial "not checked yet"
	# one that takes no notice is ended all the same
	run -124 --separate-stderr "$exec" --timeout 1 --fail-on 124 --retries 0 \
		bash -c 'trap "" TERM; while :; do sleep 1; done'
	assert_regex "$stderr" "'one' failed \(status 124\), not tried again: "
	refute_regex "$stderr" "took longer"
	run -0 explain one
	assert_output --partial "a user of the proxy reported a failure"
}

@test "the failure of another command is neither evidence nor tried again" {
	write_members "$(member one 9)" "$(member two 8)"
	run -1 --separate-stderr "$exec" sh -c 'echo ran >>ran; exit 1'
	run -1 --separate-stderr "$exec" --fail-on 2-9 sh -c 'echo ran >>ran; exit 1'
	assert_equal "$stderr" ""
	assert_equal "$(wc -l <ran)" 2
	run -0 explain one
	assert_output --partial "not checked yet"
	assert_output --partial "leases 0"
}

@test "--fail-on makes it one, and a success as well" {
	write_members "$(member one 9)" "$(member two 8)"
	run -0 --separate-stderr "$exec" --fail-on 1,3-5 sh -c '[ "$POOL_PROXY" = two ] || exit 4' \
		</dev/null
	assert_equal "$stderr" "pool-exec: warning: attempt 1 through 'one' failed (status 4), \
trying again"
	run -0 explain one
	assert_output --partial "a user of the proxy reported a failure"
	run -0 explain two
	assert_output --partial " healthy "
	# a status that would say nothing is one as well
	require_tool curl
	start_stub --name origin http-proxy --status 404
	write_members "$(member three "$STUB_PORT")"
	run -22 --separate-stderr "$exec" --retries 0 --fail-on 22 curl -sf "$url"
	assert_regex "$stderr" "'three' failed \(HTTP 404\), not tried again: no attempt"
}

@test "--fail-on through all proxies blames none" {
	write_pool pool.json '{"breaker": {"failure_threshold": 1},
		"proxies": ['"$(member one 9), $(member two 8)"']}'
	run -1 --separate-stderr "$exec" --fail-on 1 --retries 1 false </dev/null
	assert_equal "${#stderr_lines[@]}" 3
	for name in one two; do
		run -0 explain "$name"
		assert_output --partial " unknown "
	done
}

@test "a curl that names its own proxy says nothing about ours" {
	require_tool curl
	write_members "$(member one 9)" "$(member two 8)"
	DEAD=$(free_port)
	for option in "-x http://127.0.0.1:$DEAD" "-sx127.0.0.1:$DEAD" \
		"--proxy 127.0.0.1:$DEAD"; do
		# shellcheck disable=SC2086 # words of a line
		run -7 "$exec" curl -s $option "$url"
		assert_output ""
	done
	run -0 explain one
	assert_output --partial "not checked yet"
	# but with ours filled in it does
	run -7 "$exec" --retries 0 --template curl -s -x '%{hostport}' "$url"
	run -0 explain one
	assert_output --partial "nothing listens"
}

@test "what curl is given is put where it belongs, and not beside the same of its own" {
	write_members "$(member one 9)"
	write_client curl ''
	while IFS='|' read -r given wanted; do
		rm -f args
		# shellcheck disable=SC2086 # words of a line
		set -f
		run -0 "$exec" curl $given
		set +f
		assert_equal "$(sed 's|/dev/fd/[0-9]*|FD|g' args)" "$wanted"
	done <<-'END'
		u|-DFD -KFD u
		-s u|-DFD -KFD -s u
		-x own u|-x own u
		--noproxy * u|-KFD --noproxy * u
		-q u|-q -DFD -KFD u
		-sq u|-sq -DFD -KFD u
		-qo file u|-qo file -DFD -KFD u
		-oq u|-DFD -KFD -oq u
		--disable u|--disable -DFD -KFD u
		u --next v|-DFD -KFD u --next -DFD v
		u -: v --next -s w|-DFD -KFD u -: -DFD v --next -DFD -s w
		-D own u --next v|-KFD -D own u --next -DFD v
		u --next -D own v|-DFD -KFD u --next -D own v
		-D own u|-KFD -D own u
		-sDown u|-KFD -sDown u
		-sD own u|-KFD -sD own u
		--dump-header own u|-KFD --dump-header own u
		--dump own u|-KFD --dump own u
		-H -D u|-DFD -KFD -H -D u
		-o -D u|-DFD -KFD -o -D u
		-- -D u|-DFD -KFD -- -D u
	END
}

@test "where there is no /dev/fd curl keeps its answer to itself" {
	require_tool curl unshare
	unshare -rm true || skip "a mount of our own is not allowed"
	start_stub --name origin http-proxy
	write_members "$(member one "$STUB_PORT")"
	run -0 --separate-stderr unshare -rm sh -c \
		'mount -t tmpfs none /dev && exec "$@"' sh "$exec" --no-state curl -s "$url"
	assert_output ok
	assert_equal "$stderr" ""
	# nor does it, or another, read a file that leads elsewhere
	write_client curl 'echo "curl $*"'
	write_client wget 'echo "wget $*"'
	write_client wget2 'echo "wget2 $*"'
	write_client aria2c 'echo "aria2c $*"'
	for client in "curl -q" "wget --no-config" "wget2 --no-config" "aria2c --no-conf=true"; do
		run -0 --separate-stderr unshare -rm sh -c 'mount -t tmpfs none /dev && exec "$@"' sh \
			"$exec" --no-state "${client% *}" "$url"
		assert_output "$client $url"
	done
}

@test "curl that lists nobody to ask directly is tried again, one that lists somebody is not" {
	write_members "$(member one 9)" "$(member two 8)"
	write_client curl 'exit 7'
	run -7 "$exec" --retries 1 curl -s --noproxy '' "$url"
	assert_equal "$(wc -l <args)" 2
	rm args
	run -7 "$exec" --retries 1 curl -s --noproxy target.invalid "$url"
	assert_equal "$(wc -l <args)" 1
}

@test "what a client is handed in memory is its own file, but for proxies" {
	write_members '{"name": "one", "url": "http://mira:a\\b@127.0.0.1:9"}'
	write_client wget 'cat "${1#--config=}"'
	printf '%s\n' 'timeout = 7' 'use_proxy = off' 'HTTP-Proxy = http://other:1' \
		'proxy_password = OTHERpw' 'no_proxy = target.invalid' 'user_agent = me' >"$HOME/.wgetrc"
	run -0 --separate-stderr "$exec" wget "$url"
	assert_equal "$stderr" ""
	assert_output 'timeout = 7
no_proxy = target.invalid
user_agent = me
use_proxy = on
no_proxy =
http_proxy = http://mira:a%5Cb@127.0.0.1:9
https_proxy = http://mira:a%5Cb@127.0.0.1:9
ftp_proxy = http://mira:a%5Cb@127.0.0.1:9'
	run -1 grep mira args
	# what stands there with --keep-no-proxy is the user's
	run -0 "$exec" --keep-no-proxy wget "$url"
	assert_line "no_proxy = target.invalid"
	refute_line "no_proxy ="
	# a file that is named is read instead
	echo 'tries = 3' >rc
	run -0 "$exec" wget --config=rc "$url"
	assert_line --index 0 "tries = 3"
	assert_line --index 1 "use_proxy = on"
	WGETRC=rc run -0 "$exec" wget "$url"
	assert_line --index 0 "tries = 3"
	write_client wget2 'cat "${1#--config=}"'
	printf '%s\n' 'timeout = 7' 'proxy = off' 'no-proxy = target.invalid' >"$HOME/.wget2rc"
	run -0 "$exec" wget2 "$url"
	assert_output 'timeout = 7
no-proxy = target.invalid
proxy = on
no-proxy = nobody.no-proxy.invalid
http-proxy = http://mira:a%5Cb@127.0.0.1:9
https-proxy = http://mira:a%5Cb@127.0.0.1:9'
	WGET2RC=rc run -0 "$exec" wget2 "$url"
	assert_line --index 0 "tries = 3"
	write_client aria2c 'cat "${1#--conf-path=}"'
	mkdir -p "$HOME/.aria2"
	printf '%s\n' 'split=2' 'all-proxy=http://other:1' 'http-proxy-user=other' 'proxy-method=get' \
		>"$HOME/.aria2/aria2.conf"
	run -0 "$exec" aria2c "$url"
	assert_output 'split=2
proxy-method=get
no-proxy=
http-proxy=http://mira:a%5Cb@127.0.0.1:9
https-proxy=http://mira:a%5Cb@127.0.0.1:9
ftp-proxy=http://mira:a%5Cb@127.0.0.1:9'
	# another program of that name is run as it is
	cp fakes/wget fakes/busybox
	ln -sf busybox fakes/wget
	rm -f args
	run -1 "$exec" wget -V
	assert_equal "$(cat args)" -V
}

@test "a client gets no proxy of a scheme that it cannot use" {
	local client

	write_members '{"name": "one", "url": "socks5h://mira:S3CRETpw@127.0.0.1:9"}'
	for client in wget wget2 aria2c ffmpeg ffprobe ffplay; do
		write_client "$client" ''
		run -125 --separate-stderr "$exec" "$client" "$url"
		assert_output ""
		assert_equal "$stderr" "pool-exec: no proxy for 'default' http in default.http: \
$client knows only http proxies, and the pool has none"
		# not even if it is asked for
		run -125 --separate-stderr "$exec" --scheme socks5h "$client" "$url"
		[ ! -e args ]
	done
	write_members "$(member one 9 socks5)" "$(member two 8 socks4)"
	write_client apt-get ''
	run -125 --separate-stderr "$exec" apt-get update
	assert_equal "$stderr" "pool-exec: no proxy for 'default' http in default.http: apt-get knows only http, https, \
socks5h proxies, and the pool has none"
	write_members "$(member one 9 socks5)" "$(member two 8 socks5h)"
	write_client apt-get 'echo "$POOL_PROXY"'
	run -0 --separate-stderr "$exec" apt-get update
	assert_output two
}

@test "--clients prints what is known of clients, and runs nothing" {
	run -0 --separate-stderr "$exec" --clients
	assert_equal "$stderr" ""
	assert_line --index 0 $'client\tschemes\tobeys\tfail-on'
	assert_line $'wget\thttp\t--config\tunderstood'
	assert_line $'git\tall\tGIT_CONFIG_COUNT\t128'
	# what is named there as a variable is one that is set
	write_members "$(member one 9)"
	while IFS=$'\t' read -r client schemes obeys fails; do
		[[ $obeys == -* ]] || "$exec" env | grep -q "^$obeys="
	done < <("$exec" --clients | tail -n +2)
	run -125 --separate-stderr "$exec" --clients touch ran
	assert_output ""
	assert_equal "$stderr" "pool-exec: --clients runs no command"
	[ ! -e ran ]
}

@test "curl that tried again by itself for too long had an answer" {
	require_tool curl
	start_stub --name limited http-proxy --status 429 --retry-after 90
	write_members "$(member one "$STUB_PORT")"
	run -124 --separate-stderr "$exec" --timeout 1 --retries 0 curl --retry 3 -sS -o page "$url"
	assert_regex "$stderr" "\(limited, target, HTTP 429\)"
	run -0 explain one
	assert_output --partial " cooling "
}

@test "TLS that failed with an https proxy is told from TLS with the target" {
	local arguments answer wanted

	write_members "$(member one 9 https)" "$(member two 8 https)"
	write_client curl 'printf "$ANSWER" >"${1#-D}"; exit 60'
	while IFS='|' read -r arguments answer wanted; do
		# shellcheck disable=SC2086 # words of a line
		ANSWER=$answer run -60 --separate-stderr "$exec" --retries 0 curl $arguments
		assert_regex "$arguments: $stderr" "^$arguments: .* 'one' failed \($wanted"
		"$POOL_BIN/pool-report" one reset
	done <<-'END'
		http://u||proxy-tls, handshake\), .*: TLS with the proxy itself failed
		https://u||proxy-tls, handshake\)
		https://u|HTTP/1.1 200 OK\r\n\r\n|tls-verify, tls\), .*: the target's certificate
		--suppress-connect-headers https://u||tls-verify, tls\), .*: TLS failed, with the https proxy itself or with the target; check
	END
	write_members "$(member one 9)" "$(member two 8)"
	ANSWER='' run -60 --separate-stderr "$exec" --retries 0 curl https://u
	assert_regex "$stderr" "\(tls-verify, tls\), .*: the target's certificate"
}

@test "one answer that limits or blocks is enough, whatever came before or after" {
	local script arguments wanted cause

	require_tool curl
	while IFS='|' read -r script arguments wanted; do
		start_stub --name origin http-proxy --script "$script" --retry-after 33
		write_members "$(member one "$STUB_PORT")"
		# shellcheck disable=SC2086 # words of a line
		run --separate-stderr "$exec" -q --retries 0 curl -s -o /dev/null $arguments
		cause=$(status_field one cause)
		assert_equal "$script $arguments: $(status_field one status) ${cause:-none}" \
			"$script $arguments: $wanted"
		stop_server origin
		rm -rf "$POOL_STATE"/*
	done <<-END
		429,200|$url $url|cooling limited
		200,429|$url $url|cooling limited
		200,429,200|$url $url $url|cooling limited
		429,200|$url --next -so /dev/null $url|cooling limited
		200,429,200|$url --next -so /dev/null $url --next -so /dev/null $url|cooling limited
		429,404|-f $url $url|cooling limited
		403,200|$url $url|unknown blocked
		403,429|$url $url|cooling limited
		418,503|$url $url|cooling limited
		200,200|$url $url|healthy ok
		200,503|$url $url|unknown none
	END
}

@test "of several limits the one that ends last counts" {
	require_tool curl
	start_stub --name origin --bytes $'HTTP/1.1 429 x\r\nRetry-After: 900\r\nContent-Length: 0\r\n\r\n' \
		--bytes $'HTTP/1.1 429 x\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n' raw
	write_members "$(member one "$STUB_PORT")"
	run -0 --separate-stderr "$exec" -q --retries 0 curl -s "$url" "$url"
	assert_regex "$(explain one)" " cooling .* rests for (89[0-9]|900) s"
}

@test "a Retry-After that cannot be read is told, and is as none" {
	require_tool curl
	for value in soon -5 1.5; do
		start_stub --name origin \
			--bytes "HTTP/1.1 429 x"$'\r\n'"Retry-After: $value"$'\r\nContent-Length: 0\r\n\r\n' raw
		write_members "$(member one "$STUB_PORT")"
		run -0 --separate-stderr "$exec" --retries 0 curl -s "$url"
		assert_equal "${stderr_lines[0]}" "pool-exec: warning: the Retry-After that came through 'one' is \
neither seconds nor an HTTP date, and counts as none"
		assert_regex "$(explain one)" " cooling .* rests for (59|60) s"
		pool-report one reset
	done
}

@test "the pool's own statuses decide, 429 too" {
	require_tool curl
	start_stub --name odd http-proxy --script 420,420,429,429 --connect-status 420 --retry-after 77
	write_pool pool.json '{"proxies": ['"$(member one "$STUB_PORT")"'],
		"cooldown": {"statuses": [420], "blocked": [503]}}'
	# whether the target says it or the proxy in answer to CONNECT
	for target in "$url" https://target.invalid/; do
		run --separate-stderr "$exec" -q --retries 0 curl -s "$target"
		assert_regex "$(explain one)" " cooling .* rests for 7[67] s"
		pool-report one reset
	done
	run -0 "$exec" -q --retries 0 curl -s "$url"
	assert_equal "$(status_field one status)" cooling
	pool-report one reset
	run -0 "$exec" -q --retries 0 curl -s "$url"
	assert_equal "$(status_field one status)" healthy
}

@test "the head of an answer is enough, if its body never ends or breaks off" {
	local head end limit wanted

	require_tool curl
	while IFS='|' read -r head end limit wanted; do
		# shellcheck disable=SC2086 # --hold or nothing
		start_stub --name origin --bytes "$(printf 'HTTP/1.1 %s x\r\nRetry-After: 77\r\nContent-Length: 1000\r\n\r\nbegun' \
			"$head")" ${end%end} raw
		write_members "$(member one "$STUB_PORT")"
		# shellcheck disable=SC2086 # words of a line
		run --separate-stderr "$exec" -q --retries 0 ${limit% *} curl -s -o /dev/null ${limit#* } "$url"
		assert_equal "$head $end $limit: $(status_field one cause) \
$(status_field one reports_down) $(status_field one reports_limited)" "$head $end $limit: $wanted"
		stop_server origin
		rm -rf "$POOL_STATE"/*
	done <<-'END'
		429|--hold|--retries=0 -m3|limited 0 1
		429|--hold|--timeout=3 -s|limited 0 1
		429|end|--retries=0 -s|limited 0 1
		407|--hold|--retries=0 -m3|authentication 1 0
		407|--hold|--timeout=3 -s|authentication 1 0
		407|end|--retries=0 -s|authentication 1 0
		200|--hold|--timeout=1 -s|target-suspect 0 0
	END
}

@test "a 407 counts unless an answer follows it" {
	require_tool curl
	start_stub --name proxy --bytes $'HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n' \
		--bytes $'HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\nok' raw
	write_pool pool.json '{"proxies": [
		{"name": "one", "url": "http://mira:S3CRETpw@127.0.0.1:'"$STUB_PORT"'"}]}'
	run -0 --separate-stderr "$exec" --retries 0 curl -s --proxy-anyauth "$url"
	assert_output ok
	assert_equal "$stderr" ""
	assert_equal "$(status_field one status)" healthy
	run -0 --separate-stderr "$exec" --retries 0 curl -s "$url"
	assert_regex "$stderr" "\(authentication, auth, HTTP 407\)"
	# the target's own, through a tunnel, says nothing of the proxy
	write_client curl 'printf "HTTP/1.1 %s x\r\n\r\n" $ANSWERS >"${1#-D}"'
	for scheme in http socks5; do
		write_members "$(member one 9 "$scheme")"
		ANSWERS="200 407" run -0 --separate-stderr "$exec" --no-state curl https://u
		[ "$scheme" = http ] || assert_equal "$stderr" ""
	done
}

@test "a 429 to CONNECT rests as long as it says" {
	require_tool curl
	start_stub --name gate http-proxy --connect-status 429 --retry-after 77
	write_members "$(member one "$STUB_PORT")"
	run -56 --separate-stderr "$exec" --retries 0 curl -s https://target.invalid/
	assert_regex "$stderr" "'one' failed \(limited, target\)"
	assert_regex "$(explain one)" " cooling .* rests for 7[67] s"
	# it says nothing of the target, for which nobody else is to be blamed
	gate=$STUB_PORT
	start_stub --name bad http-proxy --connect-status 502
	write_members "$(member gate "$gate")" "$(member bad "$STUB_PORT")"
	pool-report gate reset
	run -56 --separate-stderr "$exec" -q --retries 1 curl -s https://target.invalid/
	assert_equal "$(status_field gate reports_limited) $(status_field bad reports_down) \
$(status_field bad reports_inconclusive)" "2 0 1"
}

@test "a -D of the user's own is read" {
	local options

	require_tool curl
	while IFS='|' read -r code options wanted; do
		start_stub --name proxy http-proxy --script "$code" --retry-after 77
		write_members "$(member one "$STUB_PORT")"
		# shellcheck disable=SC2086 # words of a line
		run -0 --separate-stderr "$exec" -q --retries 0 curl -s $options "$url"
		assert_equal "$code $options: $(status_field one status) $(status_field one cause) \
$(status_field one reports_ok)" "$code $options: $wanted"
		head -1 heads | grep -q "^HTTP/1.1 $code "
		rm -rf heads "${POOL_STATE:?}"/*
		stop_server proxy
	done <<-'END'
		429|-D heads|cooling limited 0
		429|-sD heads|cooling limited 0
		429|-Dheads|cooling limited 0
		429|--dump-header heads|cooling limited 0
		429|-D ./heads --output-dir sub --create-dirs -o page|cooling limited 0
		429|-D other -D heads|cooling limited 0
		407|-D heads|unknown authentication 0
		403|-D heads|unknown blocked 0
		200|-D heads|healthy ok 1
		404|-D heads|healthy ok 1
	END
	[ ! -e other ]
}

@test "of a -D that cannot be read nothing good is reported, nor what only it could tell" {
	local option

	require_tool curl
	start_stub --name proxy http-proxy --connect-status 429
	write_members "$(member one "$STUB_PORT")"
	mkfifo fifo
	ln -s /dev/stdout link
	for option in - /dev/stdout /dev/null fifo link; do
		[ "$option" != fifo ] || timeout 20 cat fifo >/dev/null &
		run -0 --separate-stderr "$exec" --retries 0 curl -s -D "$option" "$url"
		assert_equal "$stderr" ""
		run -56 --separate-stderr timeout 20 "$exec" -q --retries 0 curl -s -D \
			"${option/fifo/-}" https://target.invalid/
		assert_equal "$option: $(status_field one status) $(status_field one reports_ok) \
$(status_field one reports_down)" "$option: unknown 0 0"
	done
	run -0 --separate-stderr "$exec" -v --retries 0 curl -s -D - "$url"
	assert_equal "${stderr_lines[-1]}" \
		"pool-exec: not all answers through 'one' can be seen: no success is reported"
	# nor of a file that holds bodies as well
	"$exec" -q --retries 0 curl -s -D /dev/stdout "$url" >both
	run -0 "$exec" -q --retries 0 curl -s -D both -o both "$url"
	assert_equal "$(status_field one reports_ok)" 0
	# in a row of requests one is enough that is not seen
	run -0 "$exec" -q --retries 0 curl -s "$url" --next -s -D - "$url"
	run -0 "$exec" -q --retries 0 curl -s -D heads "$url" --next -s -D heads "$url"
	assert_equal "$(status_field one reports_ok)" 0
	run -0 "$exec" -q --retries 0 curl -s -D heads "$url" --next -s "$url"
	assert_equal "$(status_field one reports_ok)" 1
}

@test "what an earlier run left in the file of -D counts no more" {
	write_members "$(member one 9)"
	printf 'HTTP/1.1 429 x\r\nRetry-After: 77\r\n\r\n' >heads
	write_client curl 'exit 0'
	run -0 --separate-stderr "$exec" --retries 0 curl -D heads "$url"
	assert_equal "$stderr" ""
	assert_regex "$(explain one)" "not checked yet"
	# one that fails before there is a head
	write_client curl 'exit 7'
	run -7 --separate-stderr "$exec" --retries 0 curl -D heads "$url"
	assert_regex "$stderr" "connect-refused"
	assert_equal "$(status_field one reports_limited)" 0
	# but what this run writes does, even if it looks the same
	write_client curl 'cp heads new; mv new heads'
	run -0 --separate-stderr "$exec" --retries 0 curl -D heads "$url"
	assert_regex "$stderr" "\(limited, target, HTTP 429\)"
}

@test "without an answer curl's 22 says nothing, nor does wget's 8" {
	require_tool curl wget
	start_stub --name origin http-proxy --status 429
	write_members "$(member one "$STUB_PORT")"
	run -22 --separate-stderr "$exec" curl -sf -D /dev/null "$url"
	assert_equal "$stderr" ""
	run -8 --separate-stderr "$exec" wget -qO /dev/null "$url"
	assert_equal "$stderr" ""
	run -0 explain one
	assert_output --partial "not checked yet"
}

@test "what has no answer proves nothing" {
	require_tool curl wget
	write_members "$(member one 9)"
	run -0 "$exec" curl --version
	run -0 "$exec" wget --version
	run -0 explain one
	assert_output --partial "not checked yet"
}

# --- whose fault it is -------------------------------------------------------------------------

# counts NAME: its status and reason, and what was reported down and inconclusive.
counts() {
	echo "$(status_field "$1" status) $(status_field "$1" reason) $(status_field "$1" reports_down) \
$(status_field "$1" reports_inconclusive)"
}

@test "a machine without a route blames no proxy, by any client" {
	require_tool curl wget
	require_namespaces -rn
	write_pool pool.json '{"fallback": "fail", "breaker": {"failure_threshold": 1}, "proxies": [
		{"name": "one", "url": "http://192.0.2.1:8080"},
		{"name": "two", "url": "http://192.0.2.2:8080"}]}'
	run -7 --separate-stderr unshare -rn "$exec" --retries 1 curl -s "$url"
	assert_output ""
	assert_equal "${#stderr_lines[@]}" 2
	assert_equal "${stderr_lines[0]}" "pool-exec: warning: attempt 1 through 'one' failed \
(no-route, local), trying again: this machine has no route to the proxy; check this machine's \
network, and whether it has IPv6"
	assert_regex "${stderr_lines[1]}" "^pool-exec: attempt 2 through 'two' failed \(no-route, local\), not"
	run -4 unshare -rn "$exec" --retries 1 wget -qO- -t 1 "$url"
	run -9 --separate-stderr unshare -rn "$exec" --retries 1 --fail-on 9 sh -c 'exit 9' </dev/null
	assert_regex "$stderr" "through 'one' failed \(no-route, local, status 9\), trying again: "
	assert_equal "$(counts one)" "unknown no-route 0 3"
	assert_equal "$(counts two)" "unknown no-route 0 3"
	# what it may have sent before is not sent twice
	run -4 --separate-stderr unshare -rn "$exec" wget -qO- -t 1 --post-data=x "$url"
	assert_regex "$stderr" "^pool-exec: attempt 1 [^,]*, local\), not tried again: the target may have"
}

@test "a machine whose name server is gone blames no proxy" {
	require_tool curl
	require_namespaces -rnm
	write_pool pool.json '{"fallback": "fail", "breaker": {"failure_threshold": 1}, "proxies": [
		{"name": "one", "url": "http://one.pool.test:8080"},
		{"name": "two", "url": "socks5h://two.pool.test:8080"}]}'
	echo '127.0.0.1 localhost' >hosts
	printf '%s\n' 'nameserver 127.0.0.1' 'options timeout:1 attempts:1' >resolv
	cat >lost <<-'END'
		mount --bind hosts /etc/hosts && mount --bind resolv "$(readlink -f /etc/resolv.conf)" || exit 99
		exec "$@"
	END
	run --separate-stderr unshare -rnm bash lost "$exec" --retries 1 curl -s "$url"
	[ "$status" -ne 99 ] || skip "a mount over /etc/hosts is not allowed"
	# of a SOCKS proxy it is the one or the other
	[[ "$status" =~ ^[56]$ ]]
	assert_regex "${stderr_lines[0]}" "^pool-exec: warning: attempt 1 through 'one' failed \
\(no-resolver, local\), trying again: no name server answers; check /etc/resolv.conf"
	assert_equal "$(counts one)" "unknown no-resolver 0 1"
	assert_equal "$(counts two)" "unknown no-resolver 0 1"
}

@test "a name that nobody has is the proxy's fault, one that resolves again is not" {
	write_members '{"name": "one", "url": "socks5h://proxy.invalid:9"}' \
		'{"name": "two", "url": "socks5h://localhost:9"}'
	write_client curl 'exit 5'
	run -5 --separate-stderr "$exec" --retries 1 curl -s "$url"
	assert_regex "${stderr_lines[0]}" "'one' failed \((proxy-name, resolve|no-resolver, local)\)"
	assert_regex "${stderr_lines[1]}" "'two' failed \(no-resolver, local\)"
	assert_equal "$(counts two)" "unknown no-resolver 0 1"
	# which of two names it is that curl's 6 means
	write_client curl 'exit 6'
	run -6 --separate-stderr "$exec" --retries 1 curl -s "$url"
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" "'one' failed \((proxy-name, resolve|no-resolver, local)\), trying again"
	assert_equal "$(counts two)" "unknown no-resolver 0 1"
}

@test "a machine without a free local port blames no proxy" {
	require_tool curl ip
	require_namespaces -rn
	cat >script <<-'END'
		ip link set lo up
		"$POOL_STUB" stall >port 2>&1 &
		while [ ! -s port ] && kill -0 $!; do read -r -t 0.05 <> <(:); done
		read -r port <port
		echo "40000 40000" >/proc/sys/net/ipv4/ip_local_port_range || exit 99
		exec 8<>"/dev/tcp/127.0.0.1/$port"
		printf '{"proxies": [{"name": "one", "url": "http://127.0.0.1:%s"}]}' "$port" >pool.json
		chmod 600 pool.json
		pool-exec --retries 0 curl -s http://target.invalid/
		status=$?
		kill %1
		exit "$status"
	END
	export POOL_STUB
	run --separate-stderr unshare -rn bash script
	[ "$status" -ne 99 ] || skip "the range of local ports cannot be set here"
	assert_equal "$status" 7
	assert_regex "$stderr" "'one' failed \(no-ports, local\), not tried again: no attempt is left: "
	assert_equal "$(counts one)" "unknown no-ports 0 1"
}

@test "a wget whose only proxy is dead says so, and the proxy is blamed" {
	require_tool wget
	write_pool pool.json '{"fallback": "fail", "breaker": {"failure_threshold": 3},
		"proxies": ['"$(member one "$(free_port)")"']}'
	run -4 --separate-stderr "$exec" wget -qO- -t 1 "$url"
	assert_equal "${#stderr_lines[@]}" 3
	assert_regex "$stderr" "attempt 3 through 'one' failed \(connect-refused, connect\)"
	assert_equal "$(counts one)" "unhealthy connect-refused 3 0"
}

@test "proxies that take connections now were not all refusing a moment ago" {
	write_client curl '[ "$POOL_PROXY" = "$GOOD" ] || exit 7'
	start_stub --name one http-proxy
	one=$(member one "$STUB_PORT")
	start_stub --name two http-proxy
	write_members "$one" "$(member two "$STUB_PORT")"
	run -7 --separate-stderr "$exec" --retries 1 curl -s "$url"
	assert_regex "$stderr" "pool-exec: warning: 2 attempts: nothing at all answered in time; "
	assert_equal "$(counts one)" "unknown uplink-suspect 0 1"
	assert_equal "$(counts two)" "unknown uplink-suspect 0 1"
	# one that failed where another came through is to blame, and so is one alone
	GOOD=two run -0 "$exec" --retries 1 curl -s "$url"
	assert_equal "$(counts one)" "unknown connect-refused 1 1"
	write_members "$one"
	run -7 "$exec" --retries 0 curl -s "$url"
	assert_equal "$(counts one)" "unknown connect-refused 2 1"
}

@test "a look sends nothing, and is not taken where the arguments name another proxy" {
	require_tool python3
	cat >count.py <<-'END'
		import socket, sys
		listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
		while True:
		    with listener.accept()[0] as client:
		        print(len(client.recv(1)), flush=True, file=open("looks", "a"))
	END
	port=$(free_port)
	start_server counter "$port" python3 count.py "$port"
	write_members "$(member one "$port")"
	write_client curl 'exit 7'
	taken() { [ "$(wc -l <looks)" -gt "$1" ]; }
	# that of the test, which waited for its start
	wait_until 5 taken 0
	before=$(wc -l <looks)
	run -7 "$exec" -q --retries 0 --fail-on 7 curl -s -x other:1 "$url"
	run -7 "$exec" -q --retries 0 curl -s "$url"
	wait_until 5 taken "$before"
	assert_equal "$(wc -l <looks)" "$((before + 1))"
	run -0 tail -n 1 looks
	assert_output 0
}

# --- what must not be done twice ---------------------------------------------------------------

@test "a request that changes something is not sent twice" {
	write_members "$(member one 9)" "$(member two 8)" "$(member three 7)"
	write_client curl 'exit 52'
	for options in "-d x" "--data-binary @file" "-XPOST" "--request PATCH" "-F a=b" "--json {}" \
		"-sd x"; do
		rm -f args
		# shellcheck disable=SC2086 # words of a line
		run -52 --separate-stderr "$exec" curl $options "$url"
		assert_equal "$(wc -l <args)" 1
		assert_regex "$stderr" \
			"not tried again: the target may have done what was asked for already: "
	done
	for options in "" "-Gd x" "-X PUT -d x" "-T file" "--request DELETE" "-H -d" "-I"; do
		rm -f args
		# shellcheck disable=SC2086
		run -52 "$exec" curl $options "$url"
		assert_equal "$(wc -l <args)" 3
	done
	# each request counts by its own options
	for options in "-d x $url --next -Gd x" "-d x $url --next -X GET" "$url -:d x $url -:"; do
		rm -f args
		# shellcheck disable=SC2086
		run -52 "$exec" curl $options "$url"
		assert_equal "$(wc -l <args)" 1
	done
	# a file may say anything
	for options in "-K file" "-sKfile" "--config file"; do
		rm -f args
		# shellcheck disable=SC2086
		run -52 "$exec" curl $options
		assert_equal "$(wc -l <args)" 1
	done
	# it cannot have got there, or is listed
	write_client curl 'exit 7'
	rm -f args
	run -7 "$exec" curl -d x "$url"
	assert_equal "$(wc -l <args)" 3
	write_client curl 'exit 52'
	rm -f args
	run -52 "$exec" --fail-on 52 curl -d x "$url"
	assert_equal "$(wc -l <args)" 3
	write_client wget 'exit 4'
	rm -f args
	run -4 "$exec" wget --post-data=x "$url"
	assert_equal "$(wc -l <args)" 1
	rm -f args
	run -4 "$exec" wget -e post_data=x "$url"
	assert_equal "$(wc -l <args)" 1
	rm -f args
	run -4 "$exec" wget "$url"
	assert_equal "$(wc -l <args)" 3
}

@test "an attempt that wrote is not tried again, unless --buffer" {
	write_members "$(member one 9)" "$(member two 8)"
	run -4 --separate-stderr bash -c \
		"'$exec' --fail-on 4 sh -c 'echo \$POOL_PROXY; [ \$POOL_PROXY = two ] || exit 4' </dev/null"
	assert_output one
	assert_equal "$stderr" "pool-exec: attempt 1 through 'one' failed (status 4), not \
tried again: part of its output is out already (--buffer holds it back)"
	run -0 --separate-stderr bash -c \
		"'$exec' --buffer --fail-on 4 sh -c 'echo \$POOL_PROXY; [ \$POOL_PROXY = two ] || exit 4' </dev/null"
	assert_output two
	# the last failure keeps its output
	run -4 --separate-stderr "$exec" --buffer --retries 1 --fail-on 4 \
		sh -c 'echo "$POOL_PROXY"; exit 4' </dev/null
	assert_output two
	# also where none can be had for another attempt
	write_pool pool.json '{"fallback": "fail", "breaker": {"failure_threshold": 1},
		"proxies": ['"$(member one 9)"']}'
	run -4 --separate-stderr "$exec" --buffer --fail-on 4 \
		sh -c 'pool-report one fail; echo "$POOL_PROXY"; exit 4' </dev/null
	assert_output one
	assert_regex "${stderr_lines[1]}" "^pool-exec: no proxy for 'default' http "
	write_members "$(member one 9)" "$(member two 8)"
	# nobody reads it twice
	run -4 bash -c "'$exec' --fail-on 4 sh -c 'echo x >&2; echo y; exit 4' </dev/null >/dev/null"
	assert_equal "$(grep -cx x <<<"$output")" 3
}

@test "a megabyte comes through whole and in order" {
	write_members "$(member one 9)"
	seq 200000 >wanted
	for options in "--fail-on 9" "--fail-on 9 --buffer" ""; do
		# shellcheck disable=SC2086 # words of a line
		"$exec" $options cat wanted </dev/null | cmp - wanted
		# shellcheck disable=SC2086
		"$exec" $options cat wanted </dev/null >got
		cmp got wanted
		# shellcheck disable=SC2086
		"$exec" $options cat wanted </dev/null >>got
		cat wanted wanted | cmp - got
		# shellcheck disable=SC2086
		"$exec" $options cat wanted </dev/null > >(cat >>slow)
	done
	wait_until 5 [ "$(wc -l <slow)" -eq 600000 ]
}

@test "a reader that goes away is felt by the command" {
	write_members "$(member one 9)"
	for options in "--fail-on 9" ""; do
		run -0 bash -c "'$exec' $options yes </dev/null | head -n 1
			echo \${PIPESTATUS[0]}"
		assert_output $'y\n141'
	done
	# also where pool-exec itself has all of it
	run -0 bash -c "'$exec' --fail-on 9 --buffer seq 100000 </dev/null | head -n 1
		echo \${PIPESTATUS[0]}"
	assert_output $'1\n141'
	run -125 --separate-stderr bash -c "'$exec' --fail-on 9 echo x >/dev/full"
	assert_equal "$stderr" \
		"pool-exec: cannot write standard output: No space left on device"
}

@test "what a command left behind is not waited for" {
	write_members "$(member one 9)"
	run -0 timeout 10 "$exec" --fail-on 9 sh -c 'sleep 30 2>/dev/null & echo $! >left; echo done' \
		</dev/null
	kill "$(cat left)"
	assert_output done
}

# Reads once the command is over, more slowly than what it left writes; prints how many thousand bytes
# came, a thousand of them at most.
read_slowly() {
	local read=0 line

	wait_until 60 test -e ended
	while ((read < 1000)) && read -r -N 1000 line; do
		read=$((read + 1))
	done
	echo "$read"
}

@test "what a command left behind is not listened to without end" {
	write_members "$(member one 9)"
	cat >command <<-'END'
		yes &
		echo $! >left
		until [ "$(sed -n 's/^wchar: //p' /proc/$!/io)" -gt 0 ]; do :; done
		: >ended
	END
	# what two pipes hold and no more, though there is always more to come
	"$exec" --fail-on 9 sh ./command </dev/null 2>errors | read_slowly >read
	# it may have felt that nobody listens, and be gone
	kill "$(cat left)" 2>/dev/null || :
	assert_equal "$(cat errors)" ""
	[ "$(cat read)" -gt 0 ]
	[ "$(cat read)" -lt 1000 ]
}

@test "input is read again from a file, and from nothing else" {
	write_members "$(member one 9)" "$(member two 8)"
	printf '%s\n' first second third >input
	script='read -r line; cat >/dev/null; echo "$line" >>ran; [ $POOL_PROXY = two ] || exit 4'
	# from where it was
	run -0 bash -c "{ read -r line; '$exec' --fail-on 4 sh -c '$script'; } <input"
	assert_equal "$(cat ran)" $'second\nsecond'
	rm ran
	run -4 --separate-stderr bash -c "cat input | '$exec' --fail-on 4 sh -c '$script'"
	assert_equal "$(cat ran)" first
	assert_regex "$stderr" "not tried again: it has read input that cannot be read again"
	# unread input stays for those behind
	run -0 bash -c "{ '$exec' --fail-on 4 sh -c '[ \$POOL_PROXY = two ] || exit 4'; cat; } <input"
	assert_line --index 1 first
	rm ran
	run -4 "$exec" --fail-on 4 sh -c '[ $POOL_PROXY = two ] || { cat "$1" >>ran; exit 4; }' sh \
		<(cat input) </dev/null
	assert_equal "$(cat ran)" "$(cat input)"
}

@test "a curl in a loop over a pipe fails over, one that reads it does not" {
	require_tool curl
	write_dead_and_live
	run -0 --separate-stderr bash -c "printf '%s\n' $url $url |
		while read -r one; do '$exec' -q curl -s \"\$one\"; done"
	assert_output $'ok\nok'
	write_pool pool.json '{"strategy": "failover", "proxies": ['"$(
		member dead "$DEAD"), $(member live "$LIVE")"']}'
	run -7 --separate-stderr bash -c "echo x | '$exec' curl -s -d @- $url"
	assert_output ""
	assert_regex "$stderr" "it has read input that cannot be read again"
}

# --- signals -----------------------------------------------------------------------------------

# began FILE: the command of the test has written its pid there.
began() {
	[ -s "$1" ]
}

@test "signals are passed on, and none follows another attempt" {
	write_members "$(member one 9)" "$(member two 8)"
	for signal in INT TERM HUP QUIT; do
		rm -f pid
		# signals that the shell would ignore for what it starts in the background
		env --default-signal=INT,QUIT "$exec" --fail-on 1-255 bash -c "
			trap 'exit 9' $signal
			echo \$\$ >pid.new; mv pid.new pid
			while :; do read -r -t 0.1 <> <(:); done" </dev/null 2>err 3>&- &
		echo $! >"$SERVERS/exec.pid"
		wait_until 10 began pid
		kill "-$signal" "$(cat "$SERVERS/exec.pid")"
		status=0
		wait "$(cat "$SERVERS/exec.pid")" || status=$?
		assert_equal "$signal $status" "$signal 9"
		assert_equal "$(cat err)" ""
	done
	run -0 explain one
	assert_output --partial "not checked yet"
	assert_output --partial "leases 0"
}

@test "a command that ignores a signal runs on" {
	write_members "$(member one 9)"
	for options in "--fail-on 1" ""; do
		rm -f pid
		# shellcheck disable=SC2086 # words of a line
		"$exec" $options bash -c "trap : USR1; trap '' TERM
			echo \$\$ >pid.new; mv pid.new pid
			while [ ! -e go ]; do read -r -t 0.1 <> <(:); done; exit 3" </dev/null 3>&- &
		echo $! >"$SERVERS/exec.pid"
		wait_until 10 began pid
		kill -TERM "$(cat "$SERVERS/exec.pid")"
		kill -USR1 "$(cat "$SERVERS/exec.pid")"
		is_running pid
		is_running "$SERVERS/exec.pid"
		touch go
		status=0
		wait "$(cat "$SERVERS/exec.pid")" || status=$?
		assert_equal "$status" 3
		rm go
	done
}

@test "what is ignored from the beginning stays so" {
	write_members "$(member one 9)"
	for options in "--fail-on 1" ""; do
		# shellcheck disable=SC2086 # words of a line
		run -0 bash -c "trap '' HUP; exec '$exec' $options grep SigIgn /proc/self/status"
		assert_output --regexp '[13579bdf]$'
		# SIGPIPE is not
		# shellcheck disable=SC2086
		run -0 bash -c "trap '' PIPE; exec '$exec' $options grep SigIgn /proc/self/status"
		assert_output --regexp '[0-7]...$'
		# shellcheck disable=SC2086
		run -0 "$exec" $options grep SigBlk /proc/self/status
		assert_output --regexp '	0*$'
	done
}

@test "a terminal's signals come once" {
	require_tool script
	write_members "$(member one 9)"
	cat >count <<-'END'
		trap 'echo int >>got' INT
		echo $$ >pid.new; mv pid.new pid
		while [ ! -e go ]; do read -r -t 0.1 <> <(:); done
		exit 5
	END
	mkfifo keys
	exec {keys}<>keys
	env --default-signal=INT,QUIT script -qec "exec '$exec' --fail-on 1 bash count" /dev/null <keys >screen 2>&1 3>&- &
	echo $! >"$SERVERS/script.pid"
	wait_until 10 began pid
	printf '\003' >&"$keys"
	wait_until 10 began got
	touch go
	status=0
	wait "$(cat "$SERVERS/script.pid")" || status=$?
	exec {keys}>&-
	assert_equal "$status" 5
	assert_equal "$(cat got)" int
}

# states PID...: of processes, e.g. "TT"
has_states() {
	local pid state states=
	local wanted=$1
	shift

	for pid; do
		state=$(sed -n 's/^[0-9]* (.*) \(.\).*/\1/p' "/proc/$pid/stat")
		states+=$state
	done
	[[ $states =~ ^$wanted$ ]]
}

@test "what stops pool-exec stops the command, and its time" {
	write_members "$(member one 9)"
	# in a process group that is not an orphan: those do not stop
	cat >job <<-END
		set -m
		{
			'$exec' --fail-on 1 --timeout 2 --retries 0 sh -c '
				echo \$PPID >servers/exec.pid; echo \$\$ >pid.new; mv pid.new pid
				while [ ! -e go ]; do :; done; exit 3' </dev/null
			echo \$? >code
		} &
		wait
	END
	bash job 3>&- &
	echo $! >"$SERVERS/job.pid"
	wait_until 10 began pid
	both="$(cat pid) $(cat "$SERVERS/exec.pid")"
	kill -TSTP "$(cat "$SERVERS/exec.pid")"
	# shellcheck disable=SC2086 # two numbers
	wait_until 10 has_states TT $both
	# longer than the attempt may take
	end=$((SECONDS + 3))
	wait_until 10 past "$end"
	kill -CONT "$(cat "$SERVERS/exec.pid")"
	# shellcheck disable=SC2086
	wait_until 10 has_states '[RS]S' $both
	touch go
	wait "$(cat "$SERVERS/job.pid")"
	assert_equal "$(cat code)" 3
}

past() {
	[ "$SECONDS" -ge "$1" ]
}

@test "the lease ends with pool-exec, even with kill -9" {
	write_pool pool.json '{"proxies": [
		{"name": "one", "url": "http://127.0.0.1:9", "max_connections": 1}], "fallback": "fail"}'
	for options in "--fail-on 1" ""; do
		rm -f pid
		# shellcheck disable=SC2086 # words of a line
		"$exec" $options sh -c 'echo $$ >pid.new; mv pid.new pid; exec sleep 60' \
			</dev/null 3>&- &
		echo $! >"$SERVERS/exec.pid"
		wait_until 10 began pid
		run -125 "$exec" true
		kill -KILL "$(cat "$SERVERS/exec.pid")"
		wait_until 5 has_ended "$SERVERS/exec.pid"
		run -0 --separate-stderr "$exec" --wait 5 true
		assert_equal "$stderr" ""
		# in place of pool-exec it has ended with it
		! is_running pid || kill "$(cat pid)"
	done
}

# --- the rest ----------------------------------------------------------------------------------

@test "the command may report its lease itself" {
	write_members "$(member one 9)"
	run -0 --separate-stderr "$exec" --fail-on 1 \
		sh -c 'pool-report "$POOL_LEASE" fail --reason reset' </dev/null
	assert_equal "$stderr" ""
	run -0 explain one
	assert_output --partial "the proxy cut the connection"
}

@test "--no-state runs without a lease" {
	write_members "$(member one 9)"
	run -0 --separate-stderr "$exec" --no-state sh -c 'echo "<$POOL_LEASE>"'
	assert_output "<>"
	assert_equal "$stderr" ""
	run -0 --separate-stderr "$exec" --no-state --fail-on 1 true
	assert_equal "$stderr" ""
	run -0 ls state
	assert_output ""
	run -125 --separate-stderr "$exec" --require-state -f - true <pool.json
	assert_equal "$stderr" "pool-exec: there is no state file"
}

@test "a limit that is reached is told, with --wait as the way out" {
	write_pool pool.json '{"limits": {"max_connections": 1}, "proxies": ["http://127.0.0.1:9"]}'
	run -0 pool-select --lease --ttl 600
	run -125 --separate-stderr "$exec" true
	assert_equal "$stderr" "pool-exec: no proxy for 'default' http in default.http: \
the only one is at a limit (max_connections); --wait SECONDS waits for one"
}

@test "what is tried already is named where it is left out" {
	write_pool pool.json '{"enabled": true, "default": {"http": {"url": "http://127.0.0.1:8",
		"pool": {"proxies": [{"name": "a", "url": "http://127.0.0.1:9"}]}}}}'
	run -1 --separate-stderr "$exec" --fail-on 1 --retries 1 false </dev/null
	assert_regex "${stderr_lines[1]}" "^pool-exec: warning: no other proxy of 'default.http' is eligible \\('a' was tried and left out\\): falling back on its url$"
}

@test "where a person has disabled all, that is said" {
	write_members "$(member one 9)"
	run -0 pool-report one disable
	run -125 --separate-stderr "$exec" true
	assert_equal "$stderr" "pool-exec: no proxy for 'default' http in default.http: \
the only one is disabled by a person; pool-status says why"
}

@test "the url beside a pool is used without a lease" {
	write_pool pool.json '{"enabled": true, "default": {"http": {"url": "http://127.0.0.1:9",
		"pool": {"proxies": [{"url": "http://127.0.0.1:8", "enabled": false}]}}}}'
	run -1 --separate-stderr "$exec" --fail-on 1 --retries 1 sh -c 'echo $http_proxy; exit 1' \
		</dev/null >/dev/null
	assert_equal "${#stderr_lines[@]}" 2
}

@test "-v tells of each attempt where it leads" {
	require_tool curl
	DEAD=$(free_port)
	write_pool pool.json '{"proxies": ["http://mira:S3CRETpw@127.0.0.1:'"$DEAD"'/path",
		"SOCKS5://mira:S3CRETpw@127.0.0.1:'"$DEAD"'"]}'
	run -7 --separate-stderr "$exec" -v -x okx --retries 1 curl -s "$url"
	assert_output ""
	assert_equal "${stderr_lines[0]}" \
		"pool-exec: proxy: transport=http exchange=okx scheme=http endpoint=127.0.0.1:$DEAD"
	assert_equal "${stderr_lines[2]}" \
		"pool-exec: proxy: transport=http exchange=okx scheme=socks5 endpoint=127.0.0.1:$DEAD"
	[[ $stderr != *[Ss]3CRET* && $stderr != *mira* ]]
}

@test "-v claims no proxy where the arguments of curl or wget decide" {
	write_members "$(member one 9)"
	write_client curl 'exit 0'
	write_client wget 'exit 0'
	for words in "curl -x =" "curl --proxy=http://192.0.2.1:1" "curl --noproxy *" "wget --no-proxy" \
		"wget -e use_proxy=off"; do
		IFS=' ' read -ra words <<<"$words"
		run -0 --separate-stderr "$exec" -v "${words[@]/#=/}" u
		assert_equal "$stderr" "pool-exec: the arguments of ${words[0]} decide which proxy is used, if any"
	done
	for words in "curl" "curl --noproxy =" "wget"; do
		IFS=' ' read -ra words <<<"$words"
		run -0 --separate-stderr "$exec" -v "${words[@]/#=/}" u
		assert_regex "$stderr" "^pool-exec: proxy: .* endpoint=127.0.0.1:9$"
	done
	run -0 --separate-stderr "$exec" -v --template curl -x %{url} u
	assert_regex "$stderr" "^pool-exec: proxy: .* endpoint=127.0.0.1:9$"
}

@test "a proxy whose secret is missing is skipped in each attempt; 125 if no other is left" {
	write_pool pool.json "{\"proxies\": [
		{\"name\": \"a\", \"url\": \"http://u:\${POOL_TEST_PW}@127.0.0.1:1\"},
		{\"name\": \"b\", \"url\": \"http://127.0.0.1:2\"},
		{\"name\": \"c\", \"url\": \"http://127.0.0.1:3\"}]}"
	run -7 --separate-stderr "$exec" --fail-on 7 --retries 1 sh -c 'echo $http_proxy >>tried; exit 7' </dev/null
	run -0 cat tried
	assert_output $'http://127.0.0.1:2\nhttp://127.0.0.1:3'
	run -0 grep -c "warning: proxy 'a' of 'default.http' is skipped: the variable .{POOL_TEST_PW}" <<<"$stderr"
	assert_output 1
	write_pool pool.json "{\"proxies\": [
		{\"name\": \"a\", \"url\": \"http://u:\${POOL_TEST_PW}@127.0.0.1:1\"}]}"
	run -125 --separate-stderr "$exec" true
	assert_equal "$stderr" "pool-exec: no proxy of 'default.http' is left: 'a' is skipped: the \
variable \${POOL_TEST_PW} of a proxy's URL is not set; set it for this process"
	POOL_TEST_PW=x run -0 --separate-stderr "$exec" sh -c 'echo $http_proxy'
	assert_output "http://u:x@127.0.0.1:1"
}

@test "no secret is in a message" {
	require_tool curl
	DEAD=$(free_port)
	write_pool pool.json '{"proxies": [{"name": "one",
		"url": "http://mira:S3CRETpw@127.0.0.1:'"$DEAD"'"}]}'
	run -7 "$exec" -v --retries 1 curl -sS "$url"
	refute_output --partial S3CRET
	refute_output --partial mira
	run -7 "$exec" -v --log-format json --retries 0 curl -s "$url"
	refute_output --partial S3CRET
	assert_line --partial '"reason":"connect-refused","layer":"connect"'
	run -127 "$exec" -v ./none
	refute_output --partial S3CRET
}
