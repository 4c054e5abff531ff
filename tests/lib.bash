# Helpers of the bats files.
#
#	load ../lib
#	setup() { pool_setup; }
#	teardown() { pool_teardown; }
#
# A server that a test starts is known by a name. Its pid, port and command lie in
# $SERVERS/NAME.{pid,port,cmd}, so that it is ended by pid whatever becomes of the test, and can be
# started again on the same port. Servers that setup_file() starts (after pool_setup) live until
# teardown_file() calls pool_teardown; tests of that file then call pool_setup for their own.
#
# shellcheck shell=bash disable=SC2034

bats_require_minimum_version 1.8.0

TESTS_DIR=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
SOURCE_DIR=$(dirname -- "$TESTS_DIR")
POOL_BUILD=${POOL_BUILD:-$SOURCE_DIR/build}
POOL_BIN=${POOL_BIN:-$POOL_BUILD/bin}
POOL_STUB=$POOL_BUILD/tests/pool-stub
START_SECONDS=15
PATH=$POOL_BIN:$PATH:/usr/local/sbin:/usr/sbin:/sbin

# A folder of the test's own as current directory, an environment that holds nothing of the user's.
pool_setup() {
	TEST_DIR=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}
	SERVERS=$TEST_DIR/servers
	mkdir -p "$SERVERS" "$TEST_DIR/home"
	mkdir -p "$TEST_DIR/state"
	chmod 700 "$TEST_DIR/state"
	cd "$TEST_DIR" || return
	unset POOL_FILE "${!CRYPTOFEED_PROXY_@}"
	unset PROXY_FROM http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
	export HOME=$TEST_DIR/home XDG_CONFIG_HOME=$TEST_DIR/home/config \
		XDG_STATE_HOME=$TEST_DIR/home/state POOL_STATE=$TEST_DIR/state LC_ALL=C
	load_library bats-support
	load_library bats-assert
}

pool_teardown() {
	local file

	for file in "$SERVERS"/*.pid; do
		[ -e "$file" ] || continue
		file=${file##*/}
		stop_server "${file%.pid}"
	done
}

load_library() {
	local folder

	for folder in "${BATS_LIB_PATH:-}" /usr/lib/bats /usr/share/bats /usr/lib /usr/local/lib; do
		if [ -r "$folder/$1/load.bash" ]; then
			load "$folder/$1/load.bash"
			return
		fi
	done
	echo "$1 is not installed" >&2
	return 1
}

# Skip the test without NAME; under STRICT=1 fail it.
require_tool() {
	local name

	for name; do
		command -v "$name" >/dev/null && continue
		if [ "${STRICT:-0}" = 1 ]; then
			echo "$name is not installed" >&2
			return 1
		fi
		skip "$name is not installed"
	done
}

# require_namespaces FLAG...: skip the test where unshare makes no such namespaces, or where root's
# folders are nobody's in there, as for an ordinary user: then no state is kept below them. Under
# STRICT=1 fail it. Not under run, where nobody hears of a skip.
require_namespaces() {
	local why="namespaces are not permitted"

	require_tool unshare
	if unshare "$@" true 2>/dev/null; then
		unshare "$@" test -O / && return
		why="root's folders are nobody's in a user namespace of our own"
	fi
	if [ "${STRICT:-0}" = 1 ]; then
		echo "$why" >&2
		return 1
	fi
	skip "$why"
}

# install_node_packages [FOLDER]: the packages of tests/FOLDER/package.json (schema), installed below
# build/ by whoever needs them first; node finds them by NODE_PATH. For setup_file(), while the
# environment is the user's.
install_node_packages() {
	local from=$SOURCE_DIR/tests/${1:-schema} into=$SOURCE_DIR/build/npm${1:+-$1} lock name

	lock=$from/package-lock.json
	export NODE_PATH=$into/node_modules NODE_MISSING=
	for name in node npm; do
		command -v "$name" >/dev/null || NODE_MISSING="$name is not installed"
	done
	[ -z "$NODE_MISSING" ] || return 0
	mkdir -p "$into"
	(
		flock 9
		cmp -s "$lock" "$into/installed" && exit
		rm -rf "$into/node_modules" "$into/installed"
		cp "$from/package.json" "$lock" "$into"
		cd "$into" || exit
		timeout 120 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
			>npm.log 2>&1 9>&- && cp package-lock.json installed
	) 9>"$into/lock" || NODE_MISSING="npm cannot install the packages of tests/${1:-schema}"
}

# Skip the test without them; under STRICT=1 fail it.
require_node_packages() {
	[ -n "$NODE_MISSING" ] || return 0
	if [ "${STRICT:-0}" = 1 ]; then
		echo "$NODE_MISSING" >&2
		return 1
	fi
	skip "$NODE_MISSING"
}

# open_folder NAME FILE...: $open is a folder that other users can enter, as they cannot the test's own,
# with the files in its bin/; teardown removes it. Skip the test without root, who becomes others.
open_folder() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	require_tool setpriv
	open=$(mktemp -d "/tmp/pool-$1.XXXXXX")
	chmod 755 "$open"
	mkdir "$open/bin"
	cp "${@:2}" "$open/bin"
}

# wait_until SECONDS COMMAND...: until it succeeds; 1 when the time is over.
wait_until() {
	local end=$((SECONDS + $1))
	shift

	until "$@"; do
		[ "$SECONDS" -le "$end" ] || return 1
		pause
	done
}

# 20 ms between two looks at a condition, without starting a process.
pause() {
	local nothing

	[ -n "${PAUSE_FD:-}" ] || exec {PAUSE_FD}<> <(:)
	read -r -t 0.02 -u "$PAUSE_FD" nothing || :
}

# settle FILE: until it was changed so long ago that a snapshot of it is trusted by its key.
settle() {
	wait_until 10 is_settled "$1"
}

is_settled() {
	local changed

	changed=$(stat -c %.9Z "$1")
	[ "$(date +%s%N)" -gt $((${changed/./} + 100000000)) ]
}

accepts() {
	(exec {fd}<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A process that runs (not a zombie): its pid is in file $1.
is_running() {
	local pid state

	pid=$(cat "$1" 2>/dev/null) || return
	state=$(sed -n 's/^[0-9]* (.*) \(.\).*/\1/p' "/proc/$pid/stat" 2>/dev/null)
	[ -n "$state" ] && [ "$state" != Z ]
}

# A port below the ephemeral range that nobody uses, and that no other test file will take.
free_port() {
	local port try
	local taken=${POOL_TEST_PORTS:-${BATS_RUN_TMPDIR:-$TEST_DIR}/ports}

	mkdir -p "$taken"
	for ((try = 0; try < 200; try++)); do
		port=$((12000 + RANDOM % 18000))
		mkdir "$taken/$port" 2>/dev/null || continue
		accepts "$port" && continue
		echo "$port"
		return
	done
	return 1
}

# launch NAME: start $SERVERS/NAME.cmd again; its pid goes to NAME.pid.
launch() {
	local -a command

	mapfile -d '' -t command <"$SERVERS/$1.cmd"
	"${command[@]}" >>"$SERVERS/$1.log" 2>&1 </dev/null 3>&- &
	echo $! >"$SERVERS/$1.pid"
	disown $!
}

accepts_or_ended() {
	accepts "$2" || ! is_running "$SERVERS/$1.pid"
}

# start_server NAME PORT COMMAND...: and wait until it accepts.
start_server() {
	local name=$1 port=$2
	shift 2

	echo "$port" >"$SERVERS/$name.port"
	printf '%s\0' "$@" >"$SERVERS/$name.cmd"
	restart_server "$name"
}

restart_server() {
	local port

	port=$(cat "$SERVERS/$1.port")
	stop_server "$1"
	launch "$1"
	if wait_until "$START_SECONDS" accepts_or_ended "$1" "$port" && is_running "$SERVERS/$1.pid"
	then
		return 0
	fi
	echo "$1 does not start on port $port:" >&2
	cat "$SERVERS/$1.log" >&2
	return 1
}

# stop_server NAME: by pid, at once, and wait for its end. One that runs no more is no error.
stop_server() {
	local pid

	[ -e "$SERVERS/$1.pid" ] || return 0
	pid=$(cat "$SERVERS/$1.pid")
	kill "$pid" 2>/dev/null || :
	if ! wait_until 5 has_ended "$SERVERS/$1.pid"; then
		kill -KILL "$pid" 2>/dev/null || :
		wait_until 5 has_ended "$SERVERS/$1.pid" || :
	fi
	rm -f "$SERVERS/$1.pid" "/dev/shm/squid-pool$(server_port "$1")-"*
}

has_ended() {
	! is_running "$1"
}

server_port() {
	cat "$SERVERS/$1.port"
}

# Are the programs tested a sanitizer's build?
is_sanitized() {
	[[ $(basename -- "$POOL_BUILD") =~ san$ ]]
}

# rows FUNCTION: calls it for each line of standard input with the line's fields, which stand between
# "|"; fails if it did for any of them. The function is no part of a condition, where bash would ignore
# all assertions but its last command: the first row that fails ends the test, unless "run" calls rows.
rows() {
	local fields count=0 wrong=0

	while IFS='|' read -ra fields; do
		count=$((count + 1))
		"$1" "${fields[@]}" </dev/null
		wrong=$((wrong + ($? != 0)))
	done
	echo "$count rows, $wrong wrong"
	[ "$count" -gt 0 ] && [ "$wrong" -eq 0 ]
}

# require_python MODULE...: of the distribution's Python, which is not always the first in PATH.
require_python() {
	local name

	for name; do
		/usr/bin/python3 -c "import $name" 2>/dev/null && continue
		if [ "${STRICT:-0}" = 1 ]; then
			echo "Python's $name is not installed" >&2
			return 1
		fi
		skip "Python's $name is not installed"
	done
}

# start_stub [--name NAME] ARGUMENT...: the stub in the role given. STUB_PORT is its port, STUB_PORTS
# all of them, STUB_NAME the name to stop it by (stub, stub2, ...).
start_stub() {
	local number=1 name=stub

	if [ "${1-}" = --name ]; then
		name=$2
		shift 2
	else
		while [ -e "$SERVERS/$name.cmd" ]; do
			number=$((number + 1))
			name=stub$number
		done
	fi
	printf '%s\0' "$POOL_STUB" "$@" >"$SERVERS/$name.cmd"
	: >"$SERVERS/$name.log"
	launch "$name"
	if ! wait_until "$START_SECONDS" has_port_or_ended "$name" ||
		! is_running "$SERVERS/$name.pid"; then
		cat "$SERVERS/$name.log" >&2
		return 1
	fi
	mapfile -t STUB_PORTS <"$SERVERS/$name.log"
	STUB_PORT=${STUB_PORTS[0]}
	STUB_NAME=$name
	echo "$STUB_PORT" >"$SERVERS/$name.port"
	# when it is started again it shall have the same port
	printf '%s\0' "$POOL_STUB" --port "$STUB_PORT" "$@" >"$SERVERS/$name.cmd"
}

has_port_or_ended() {
	[ -s "$SERVERS/$1.log" ] || ! is_running "$SERVERS/$1.pid"
}

# start_tinyproxy NAME [USER PASSWORD]; its port is in PROXY_PORT. PROXY_FROM, such as 127.0.0.7, is
# the address that it connects from: so an origin sees who comes. So with those below.
start_tinyproxy() {
	local file=$SERVERS/$1.conf

	require_tool tinyproxy
	PROXY_PORT=$(free_port)
	(
		umask 077
		cat >"$file" <<-END
			Port $PROXY_PORT
			Listen 127.0.0.1
			Timeout 60
			LogFile "$SERVERS/$1.tinyproxy.log"
			LogLevel Warning
			MaxClients 50
			Allow 127.0.0.1
			${2:+BasicAuth $2 $3}
			${PROXY_FROM:+Bind $PROXY_FROM}
		END
	)
	start_server "$1" "$PROXY_PORT" tinyproxy -d -c "$file"
}

# start_squid NAME [USER PASSWORD]; letters and digits only
start_squid() {
	local file=$SERVERS/$1.conf access="allow all"

	require_tool squid
	PROXY_PORT=$(free_port)
	: >"$file"
	if [ $# -eq 3 ]; then
		# sed is the whole password helper
		printf '%s\n' "auth_param basic program $(command -v sed) -u -e s/^$2.$3\$/OK/ -e t -e s/.*/ERR/" \
			"acl known proxy_auth REQUIRED" >"$file"
		access="allow known"
	fi
	cat >>"$file" <<-END
		http_port 127.0.0.1:$PROXY_PORT
		http_access $access
		${PROXY_FROM:+tcp_outgoing_address $PROXY_FROM}
		cache deny all
		cache_mem 8 MB
		access_log none
		cache_store_log none
		cache_log /dev/null
		pid_filename none
		netdb_filename none
		pinger_enable off
		visible_hostname pool-test
		max_filedescriptors 1024
		shutdown_lifetime 0 seconds
		coredump_dir /tmp
	END
	# shared memory is called after the service: its own, lest a killed one be in the way
	# its unprivileged half must be able to read it
	chmod 644 "$file"
	start_server "$1" "$PROXY_PORT" squid -N -n "pool$PROXY_PORT" \
		-f "$file"
}

# start_microsocks NAME [USER PASSWORD]
start_microsocks() {
	require_tool microsocks
	PROXY_PORT=$(free_port)
	start_server "$1" "$PROXY_PORT" microsocks -i 127.0.0.1 -p "$PROXY_PORT" \
		${2:+-u "$2" -P "$3"} ${PROXY_FROM:+-b "$PROXY_FROM"}
}

# dante's server, if there is one: Debian 13 has none.
dante_program() {
	command -v danted || command -v sockd
}

require_dante() {
	dante_program >/dev/null || require_tool danted
}

# start_dante NAME
start_dante() {
	local file=$SERVERS/$1.conf program users=

	require_dante
	program=$(dante_program)
	[ "$(id -u)" -ne 0 ] || users='user.privileged: root
user.unprivileged: nobody'
	PROXY_PORT=$(free_port)
	cat >"$file" <<-END
		logoutput: stderr
		internal: 127.0.0.1 port = $PROXY_PORT
		external: ${PROXY_FROM:-127.0.0.1}
		clientmethod: none
		socksmethod: none
		$users
		client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
		socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
	END
	start_server "$1" "$PROXY_PORT" "$program" -f "$file" -p "$SERVERS/$1.danted.pid"
}

# start_nginx_origin NAME: / answers "origin NAME", /status/N answers N, both with an access log
# in $SERVERS/NAME.access. /limited answers "served" once a minute to each value of the header
# X-Client, else 429 with Retry-After: 120. Its port is in ORIGIN_PORT.
start_nginx_origin() {
	local file=$SERVERS/$1.conf dir=$SERVERS/$1.nginx

	require_tool nginx
	ORIGIN_PORT=$(free_port)
	mkdir -p "$dir"
	cat >"$file" <<-END
		daemon off;
		pid "$dir/pid";
		error_log stderr warn;
		worker_processes 1;
		events { worker_connections 512; }
		http {
			access_log "$SERVERS/$1.access";
			client_body_temp_path "$dir/body";
			proxy_temp_path "$dir/proxy";
			fastcgi_temp_path "$dir/fastcgi";
			uwsgi_temp_path "$dir/uwsgi";
			scgi_temp_path "$dir/scgi";
			limit_req_zone \$http_x_client zone=clients:1m rate=1r/m;
			limit_req_status 429;
			server {
				listen 127.0.0.1:$ORIGIN_PORT;
				location = / { return 200 "origin $1\n"; }
				location = /limited {
					limit_req zone=clients;
					add_header Retry-After 120 always;
					try_files /none @served;
				}
				location @served { return 200 "served\n"; }
				location = /status/403 { return 403; }
				location = /status/429 { return 429; }
				location = /status/451 { return 451; }
				location = /status/503 { return 503; }
			}
		}
	END
	start_server "$1" "$ORIGIN_PORT" nginx -p "$dir" -e stderr -c "$file"
}

# write_pool FILE JSON: with mode 0600, as a file with passwords must be.
write_pool() {
	(
		umask 077
		printf '%s\n' "$2" >"$1"
	)
}

# status_field NAME COLUMN [POOL]: what pool-status says in tsv of a proxy of pool.json.
status_field() {
	pool-status -f pool.json --format tsv </dev/null | awk -F '\t' -v name="$1" -v column="$2" \
		-v pool="${3:-}" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["proxy"] == name && (pool == "" || $at["pool"] == pool) { print $at[column] }'
}

# netns_run COMMAND...: in a network namespace of its own where that is allowed, with lo up and
# ping sockets open to all groups; else as it is, on the machine's loopback.
netns_run() {
	if can_unshare; then
		unshare -rn bash -c "$(declare -f open_lo); open_lo; exec \"\$@\"" netns "$@"
	else
		"$@"
	fi
}

open_lo() {
	ip link set lo up
	{ echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range ||
		echo "0 0" >/proc/sys/net/ipv4/ping_group_range; } 2>/dev/null
	:
}

# takes_signal PID NAME: by a handler, or by a descriptor while it is blocked.
takes_signal() {
	local number line mask

	number=$(kill -l "$2")
	while IFS=$'\t' read -r line mask; do
		case $line in
		SigBlk: | SigCgt:) ((0x$mask >> (number - 1) & 1)) && return ;;
		esac
	done 2>/dev/null <"/proc/$1/status"
	return 1
}

can_unshare() {
	command -v ip >/dev/null && unshare -rn true 2>/dev/null
}
