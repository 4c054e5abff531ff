# Real clients, in a network of their own whose name server has a wildcard for the search domain:
# with the refusal nothing of theirs gets out; under pool-exec all of it goes through the pool's
# proxy, whatever their own files and the caller's environment say.

load ../lib

setup_file() {
	install_node_packages clients
	[ -n "$NODE_MISSING" ] || cp "$TESTS_DIR/clients/client.mjs" "${NODE_PATH%/*}"
	pool_setup
	export LAB_LOG=$BATS_FILE_TMPDIR/lab.log LAB_FLAGS='-n -m' LAB_PID=
	[ "$(id -u)" -eq 0 ] || LAB_FLAGS='-U --preserve-credentials -n -m'
	can_unshare && command -v nsenter python3 >/dev/null || return 0
	: >"$LAB_LOG"
	unshare -rnm bash -c "$(declare -f build_lab); build_lab"' "$@"' lab \
		"$BATS_FILE_TMPDIR" /usr/bin/python3 "$TESTS_DIR/clients/lab.py" "$LAB_LOG" \
		"$BATS_FILE_TMPDIR/ready" >"$BATS_FILE_TMPDIR/lab.err" 2>&1 3>&- &
	LAB_PID=$!
	wait_until "$START_SECONDS" test -e "$BATS_FILE_TMPDIR/ready" || {
		cat "$BATS_FILE_TMPDIR/lab.err" >&2
		return 1
	}
}

teardown_file() {
	[ -z "$LAB_PID" ] || kill "$LAB_PID"
}

# Addresses, a name server, nothing else: build_lab FOLDER COMMAND... becomes the command.
build_lab() {
	set -e
	ip link set lo up
	for address in 203.0.113.10 203.0.113.20 203.0.113.30; do
		ip address add "$address/32" dev lo
	done
	printf '%s\n' 'nameserver 127.0.0.1' 'search corp.test' 'options timeout:1 attempts:1' \
		>"$1/resolv.conf"
	echo '127.0.0.1 localhost' >"$1/hosts"
	echo 'hosts: files dns' >"$1/nsswitch.conf"
	for file in resolv.conf hosts nsswitch.conf; do
		[ ! -e "/etc/$file" ] || mount --bind "$1/$file" "$(readlink -f "/etc/$file")"
	done
	shift
	exec "$@"
}

setup() {
	local name

	pool_setup
	if [ -z "$LAB_PID" ]; then
		[ "${STRICT:-0}" != 1 ] || return 1
		skip "a network namespace of our own is not allowed"
	fi
	# what the user has set for clients is none of the test's
	for name in ${!npm_config_@} ${!NPM_CONFIG_@} ${!PIP_@} ${!CARGO_@} ${!GIT_@} ${!GLOBAL_AGENT_@}; do
		unset "$name"
	done
	export GIT_TERMINAL_PROMPT=0
	write_pool none.json '{"enabled": false}'
	write_pool pool.json '{"proxies": [{"name": "one", "url": "http://mira:S3CRETpw@127.0.0.1:3128"}]}'
	mkdir -p apt/{lists/partial,cache/archives/partial,etc}
	: >apt/status
	printf '%s "%s";\n' Dir::State "$PWD/apt" Dir::State::status "$PWD/apt/status" \
		Dir::Cache "$PWD/apt/cache" Dir::Etc "$PWD/apt/etc" APT::Sandbox::User root \
		Acquire::Retries 0 Acquire::http::Timeout 5 Acquire::https::Timeout 5 \
		Acquire::https::Verify-Peer false >apt/conf
}

# Run in the network.
in_lab() {
	# shellcheck disable=SC2086,SC2016 # words of a line; the inner shell expands it
	timeout -k 5 30 nsenter -t "$LAB_PID" $LAB_FLAGS bash -c 'cd "$0" && exec "$@"' "$PWD" "$@" \
		>out 2>&1 </dev/null 3>&-
}

# seen: where connections have come to since it was asked last, one a line; those that a proxy made
# for a client are not counted.
seen() {
	in_lab bash -c 'read -r line </dev/tcp/127.0.0.1/7'
	awk '$1 != "dns" && $3 != "says" && $3 != "203.0.113.30" { print $1, $2 }' "$LAB_LOG" | sort -u
	: >"$LAB_LOG"
}

# ask CLIENT URL: its command line, into the array "command".
ask() {
	case $1 in
	curl) command=(curl -sk -m 5 -o page "$2") ;;
	wget) command=(wget -q -t 1 -T 5 --no-check-certificate -O page "$2") ;;
	wget2) command=(wget2 -q --tries=1 -T 5 --no-check-certificate -O page "$2") ;;
	aria2c)
		command=(aria2c -q --max-tries=1 --connect-timeout=5 --timeout=5 --check-certificate=false
			--allow-overwrite=true -d . -o page "$2")
		;;
	lftp)
		command=(lftp -c "set net:max-retries 1; set net:timeout 5
			set ssl:verify-certificate no; cat $2")
		;;
	git) command=(git -c http.sslVerify=false ls-remote "$2") ;;
	apt-get)
		echo "deb [trusted=yes] ${2%/*}/ ./" >apt/etc/sources.list
		command=(env "APT_CONFIG=$PWD/apt/conf" apt-get update)
		[ ! -e in-place ] || command=(apt-get update)
		;;
	npm) command=(npm view --registry "$2" --fetch-retries 0 --strict-ssl=false something) ;;
	pip)
		command=(/usr/bin/python3 -m pip download -q --no-deps --retries 0 --timeout 5 -d .
			--disable-pip-version-check -i "$2" --trusted-host origin.test something)
		;;
	cargo)
		mkdir -p crate/src .cargo
		: >crate/src/lib.rs
		printf '%s\n' '[package]' 'name = "a"' 'version = "0.1.0"' '[dependencies]' 'b = "1"' \
			>crate/Cargo.toml
		printf '%s\n' '[source.crates-io]' 'replace-with = "m"' '[source.m]' \
			"registry = \"sparse+$2/\"" '[net]' 'retry = 0' >.cargo/config.toml
		command=(cargo fetch --manifest-path crate/Cargo.toml)
		;;
	rsync) command=(rsync --contimeout=5 "rsync://${2#*://}") ;;
	ffmpeg | ffprobe) command=("$1" -v quiet -rw_timeout 5000000 -i "$2") ;;
	lwp | tiny) command=(perl "$TESTS_DIR/clients/client.pl" "$1" "$2") ;;
	requests | urllib | httpx | aiohttp | websocket)
		command=(/usr/bin/python3 -W ignore "$TESTS_DIR/clients/client.py" "$1" "$2")
		;;
	*)
		command=(env NODE_TLS_REJECT_UNAUTHORIZED=0 node --no-warnings
			"${NODE_PATH%/*}/client.mjs" "$1" "$2")
		;;
	esac
}

# --- nothing gets out with the refusal ---------------------------------------------------------

# check_closed CLIENT: with the refusal of "env" in its environment. Before that it is seen that a
# client that goes direct, or asks for a bare word, would be found out.
check_closed() {
	local scheme port
	local -a command refusal

	mapfile -t refusal < <(pool-select -q --format env none.json 2>/dev/null)
	[ ${#refusal[@]} -ge 30 ]
	for scheme in http https; do
		port=80
		[ "$scheme" = http ] || port=443
		ask "$1" "$scheme://origin.test/x"
		in_lab "${command[@]}" || :
		assert_equal "$1 direct: $(seen)" "$1 direct: origin $port"
		in_lab env "${refusal[@]/disabled.no-proxy.invalid:9/all-disabled:8080}" \
			"${command[@]}" || :
		assert_equal "$1 with a bare word: $(seen)" "$1 with a bare word: wildcard 8080"
		in_lab env "${refusal[@]}" "${command[@]}" || :
		assert_equal "$1, $scheme, refused: $(seen)" "$1, $scheme, refused: "
	done
}

@test "with the refusal curl reaches nothing" {
	require_tool curl
	check_closed curl
	url=$(pool-select -q none.json 2>/dev/null) || :
	in_lab curl -s -x "$url" http://origin.test/x || :
	in_lab curl -sk -x "$url" https://origin.test/x || :
	pool-select --format curlrc none.json >rc 2>/dev/null || :
	in_lab curl -s -K rc http://origin.test/x || :
	assert_equal "$(seen)" ""
}

@test "with the refusal wget reaches nothing" {
	require_tool wget
	check_closed wget
}

@test "with the refusal wget2 reaches nothing" {
	require_tool wget2
	check_closed wget2
}

@test "with the refusal aria2c reaches nothing" {
	require_tool aria2c
	check_closed aria2c
	url=$(pool-select -q none.json 2>/dev/null) || :
	in_lab aria2c -q --max-tries=1 -d . -o page --all-proxy="$url" http://origin.test/x || :
	assert_equal "$(seen)" ""
}

@test "with the refusal lftp reaches nothing" {
	require_tool lftp
	check_closed lftp
}

@test "with the refusal git reaches nothing" {
	require_tool git
	check_closed git
	url=$(pool-select -q none.json 2>/dev/null) || :
	in_lab git -c "http.proxy=$url" ls-remote http://origin.test/x || :
	assert_equal "$(seen)" ""
}

@test "with the refusal apt reaches nothing" {
	require_tool apt-get
	check_closed apt-get
}

@test "with the refusal ffmpeg reaches nothing" {
	require_tool_if_large ffmpeg
	check_closed ffmpeg
}

@test "with the refusal Python's requests reach nothing" {
	require_python requests
	check_closed requests
}

@test "with the refusal Python's urllib reaches nothing" {
	check_closed urllib
}

@test "with the refusal Python's httpx reaches nothing" {
	require_python httpx
	check_closed httpx
}

@test "with the refusal Python's aiohttp reaches nothing" {
	require_python aiohttp
	check_closed aiohttp
}

@test "with the refusal Python's websocket-client reaches nothing" {
	require_python websocket
	check_closed websocket
}

@test "with the refusal Perl's LWP reaches nothing" {
	require_perl LWP::Protocol::https
	check_closed lwp
}

@test "with the refusal Perl's HTTP::Tiny reaches nothing" {
	require_perl HTTP::Tiny IO::Socket::SSL
	check_closed tiny
}

@test "with the refusal npm reaches nothing" {
	require_tool npm
	check_closed npm
}

@test "with the refusal node's fetch reaches nothing" {
	require_tool node
	node -e 'process.exit(process.allowedNodeEnvironmentFlags.has("--use-env-proxy") ? 0 : 1)' ||
		skip "this node has no NODE_USE_ENV_PROXY"
	check_closed fetch
}

@test "with the refusal node's undici reaches nothing" {
	require_node_packages
	check_closed undici
}

@test "with the refusal node's axios reaches nothing" {
	require_node_packages
	check_closed axios
}

@test "with the refusal node's got with agents reaches nothing" {
	require_node_packages
	check_closed got
}

@test "with the refusal node's global-agent reaches nothing" {
	require_node_packages
	check_closed global-agent
}

# Skip without what is too large to be installed for a test.
require_tool_if_large() {
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

require_perl() {
	local module

	for module; do
		perl -M"$module" -e 1 2>/dev/null && continue
		[ "${STRICT:-0}" != 1 ] || return 1
		skip "Perl's $module is not installed"
	done
}

# --- under pool-exec it goes through the pool's proxy ------------------------------------------

# check_obeys CLIENT: its own files, which are there already, lead elsewhere; with "fails" they are
# first seen to do so.
check_obeys() {
	local scheme
	local -a command
	local elsewhere=http://127.0.0.1:3129 pool=http://127.0.0.1:3128

	for scheme in http https; do
		ask "$1" "$scheme://origin.test/x"
		if [ "${2-}" = leads ]; then
			in_lab env http_proxy=$pool https_proxy=$pool "${command[@]}" || :
			run -0 seen
			refute_line "pool 3128"
			assert_output
		fi
		in_lab env NO_PROXY='*' no_proxy='*' http_proxy=$elsewhere HTTP_PROXY=$elsewhere \
			https_proxy=$elsewhere HTTPS_PROXY=$elsewhere all_proxy=$elsewhere \
			ALL_PROXY=$elsewhere ftp_proxy=$elsewhere pool-exec -q -f pool.json --retries 0 \
			"${command[@]}" || :
		assert_equal "$1, $scheme: $(seen)" "$1, $scheme: pool 3128"
	done
}

@test "curl goes through the pool's proxy, whatever ~/.curlrc says" {
	require_tool curl
	printf 'noproxy = "*"\nproxy = "http://127.0.0.1:3129"\n' >"$HOME/.curlrc"
	check_obeys curl leads
	printf 'proxy = ""\n' >"$HOME/.curlrc"
	check_obeys curl leads
}

@test "the configuration for curl holds up to --next, and pool-exec beyond it" {
	local elsewhere=http://origin.test/y

	require_tool curl
	pool-select --format curlrc pool.json >rc
	in_lab curl -s -K rc http://origin.test/x --next "$elsewhere" || :
	assert_equal "$(seen)" $'origin 80\npool 3128'
	in_lab curl -s -K rc http://origin.test/x --next -K rc "$elsewhere" || :
	assert_equal "$(seen)" "pool 3128"
	in_lab env NO_PROXY='*' pool-exec -q -f pool.json --retries 0 \
		curl -s http://origin.test/x --next "$elsewhere" || :
	assert_equal "$(seen)" "pool 3128"
}

@test "the variables alone do not overrule ~/.wgetrc, and wget --no-config does" {
	require_tool wget
	echo 'use_proxy = off' >"$HOME/.wgetrc"
	mapfile -t variables < <(pool-select --scheme http --format env pool.json)
	in_lab env "${variables[@]}" wget -q -t 1 -T 5 -O page http://origin.test/x || :
	assert_equal "$(seen)" "origin 80"
	in_lab env NO_PROXY='*' "${variables[@]}" wget -q -t 1 -T 5 -O page --no-config \
		http://origin.test/x || :
	assert_equal "$(seen)" "pool 3128"
}

@test "wget goes through the pool's proxy, whatever ~/.wgetrc says" {
	require_tool wget
	echo 'use_proxy = off' >"$HOME/.wgetrc"
	check_obeys wget leads
	printf '%s\n' 'http_proxy = http://127.0.0.1:3129' 'https_proxy = http://127.0.0.1:3129' \
		>"$HOME/.wgetrc"
	check_obeys wget leads
	echo 'no_proxy = origin.test' >"$HOME/.wgetrc"
	check_obeys wget leads
}

@test "wget2 goes through the pool's proxy, whatever ~/.wget2rc says" {
	local leads=

	require_tool wget2
	# its file beats the variables in 1.99, and not in 2
	[[ $(wget2 --version | head -n 1) != *' 1.'* ]] || leads=leads
	echo 'proxy = off' >"$HOME/.wget2rc"
	check_obeys wget2 $leads
	printf '%s\n' 'http-proxy = http://127.0.0.1:3129' 'https-proxy = http://127.0.0.1:3129' \
		>"$HOME/.wget2rc"
	check_obeys wget2 $leads
	echo 'no-proxy = origin.test' >"$HOME/.wget2rc"
	check_obeys wget2 $leads
}

@test "aria2c goes through the pool's proxy, whatever aria2.conf says" {
	require_tool aria2c
	mkdir -p "$HOME/.aria2"
	printf '%s\n' 'all-proxy=http://127.0.0.1:3129' 'no-proxy=origin.test' 'http-proxy-user=other' \
		'http-proxy-passwd=OTHERpw' >"$HOME/.aria2/aria2.conf"
	check_obeys aria2c
}

@test "apt goes through the pool's proxy, whatever its files say" {
	require_tool apt-get
	printf '%s "DIRECT";\n' Acquire::http::Proxy Acquire::https::Proxy \
		Acquire::http::Proxy::origin.test Acquire::https::Proxy::origin.test >apt/etc/apt.conf
	export APT_CONFIG=$PWD/apt/conf
	touch in-place
	check_obeys apt-get leads
	printf '%s "http://127.0.0.1:3129";\n' Acquire::http::Proxy Acquire::https::Proxy >apt/etc/apt.conf
	check_obeys apt-get leads
}

@test "git goes through the pool's proxy, whatever ~/.gitconfig says" {
	require_tool git
	printf '[http]\n\tproxy = http://127.0.0.1:3129\n' >"$HOME/.gitconfig"
	check_obeys git leads
	printf '[http]\n\tproxy = ""\n' >"$HOME/.gitconfig"
	check_obeys git leads
}

@test "npm goes through the pool's proxy, whatever ~/.npmrc says" {
	require_tool npm
	printf '%s\n' 'proxy=http://127.0.0.1:3129' 'https-proxy=http://127.0.0.1:3129' >"$HOME/.npmrc"
	check_obeys npm leads
	echo 'noproxy=origin.test' >"$HOME/.npmrc"
	check_obeys npm leads
}

@test "pip goes through the pool's proxy, whatever pip.conf says" {
	require_python pip
	mkdir -p "$XDG_CONFIG_HOME/pip"
	printf '[global]\nproxy = http://127.0.0.1:3129\n' >"$XDG_CONFIG_HOME/pip/pip.conf"
	check_obeys pip leads
}

@test "cargo goes through the pool's proxy, whatever its configuration says" {
	local rustup=${RUSTUP_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.rustup}

	require_tool_if_large cargo
	[ ! -d "$rustup" ] || export RUSTUP_HOME=$rustup
	export CARGO_HOME=$PWD/cargo
	mkdir -p "$CARGO_HOME"
	printf '[http]\nproxy = "http://127.0.0.1:3129"\n' >"$CARGO_HOME/config.toml"
	check_obeys cargo leads
}

@test "ffmpeg and ffprobe go through the pool's proxy" {
	require_tool_if_large ffmpeg
	check_obeys ffmpeg
	check_obeys ffprobe
}

@test "a scheme in upper case leads nobody around the proxy" {
	require_tool lftp
	write_pool pool.json '{"proxies": [{"name": "one", "url": "HTTP://mira:S3CRETpw@127.0.0.1:3128"}]}'
	check_obeys lftp
	require_tool_if_large ffmpeg
	check_obeys ffmpeg
	check_obeys ffprobe
}

@test "rsync goes through the pool's proxy, or nowhere" {
	local elsewhere

	require_tool_if_large rsync
	ask rsync http://origin.test:80/x
	elsewhere=(RSYNC_PROXY=127.0.0.1:3129 "RSYNC_CONNECT_PROG=bash -c 'echo >/dev/tcp/127.0.0.1/3129'")
	in_lab env "${elsewhere[0]}" "${command[@]}" || :
	assert_equal "$(seen)" "elsewhere 3129"
	in_lab env "${elsewhere[@]}" pool-exec -q -f pool.json "${command[@]}" || :
	assert_equal "$(seen)" "pool 3128"
	write_pool socks.json '{"proxies": ["socks5h://127.0.0.1:3128"]}'
	in_lab env "${elsewhere[@]}" pool-exec -q -f socks.json "${command[@]}" || :
	assert_equal "$(seen)" ""
}

@test "Python's requests and urllib go through the pool's proxy" {
	check_obeys urllib
	require_python requests
	check_obeys requests
}

@test "node's global-agent goes through the pool's proxy" {
	require_node_packages
	check_obeys global-agent
}
