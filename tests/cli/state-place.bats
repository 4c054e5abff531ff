# Where an ordinary user's state lies when nobody says where: $XDG_STATE_HOME, else below $HOME.

load ../lib

user=65533

setup() {
	pool_setup
	unset POOL_STATE XDG_STATE_HOME XDG_CONFIG_HOME
	as_user=()
	bin=$POOL_BIN
	home=$TEST_DIR/own
	if [ "$(id -u)" -eq 0 ]; then
		require_tool setpriv
		# root's pool files have another place; and every folder above must be open to others
		home=$(mktemp -d /tmp/pool-place.XXXXXX)
		mkdir "$home/bin"
		cp "$POOL_BIN"/pool-* "$home/bin"
		bin=$home/bin
		as_user=(setpriv --reuid=$user --regid=$user --clear-groups
			--bounding-set=-all --inh-caps=-all)
		chown $user:$user "$home"
	else
		mkdir "$home"
	fi
	chmod 755 "$home"
	cd "$home" || return
	export HOME=$home
	as sh -c 'umask 077; echo "{\"proxies\": [\"http://mira:S3CRETpw@127.0.0.1:1\", \"http://127.0.0.1:2\"]}" >pool.json'
}

teardown() {
	pool_teardown
	[[ "${home:-}" != /tmp/pool-place.* ]] || rm -rf "$home"
}

# as COMMAND...: as an ordinary user
as() {
	"${as_user[@]}" "$@"
}

# Files below FOLDER with their modes, names without the hash.
list() {
	as find "$1" -mindepth 1 -printf '%m %P\n' | sed 's/-[0-9a-f]\{16\}\././' | sort -k 2
}

@test "without HOME/.local/state the folders are made, for the user alone" {
	run -0 --separate-stderr as "$bin/pool-select" pool.json
	assert_output --regexp '^http://(mira:S3CRETpw@)?127\.0\.0\.1:'
	assert_equal "$stderr" ""
	run -0 list .local
	assert_output "700 state
700 state/proxypool
600 state/proxypool/pool.state
600 state/proxypool/pool.state.snap"
	# it is shared by all tools and processes of the user
	run -0 --separate-stderr as "$bin/pool-select" pool.json
	run -0 --separate-stderr as "$bin/pool-status" --format json pool.json
	assert_equal "$(jq '[.proxies[].selections] | add' <<<"$output")" 2
	run -0 --separate-stderr as "$bin/pool-status" --verify pool.json
	assert_output --regexp "^$home/\.local/state/proxypool/pool-[0-9a-f]{16}\.state: whole, 2 proxies in 1 pool, 0 leases$"
}

@test "folders that are there stay as they are" {
	as mkdir -p .local/state
	as chmod 755 .local .local/state
	run -0 --separate-stderr as "$bin/pool-report" -f pool.json 127.0.0.1:2 disable
	assert_equal "$stderr" ""
	run -0 list .local
	assert_line "755 state"
	assert_line "700 state/proxypool"
	assert_line "600 state/proxypool/pool.state"
}

@test "XDG_STATE_HOME comes first, if it is an absolute path" {
	XDG_STATE_HOME=$home/deep/er run -0 --separate-stderr as "$bin/pool-select" pool.json
	assert_equal "$stderr" ""
	assert [ ! -e .local ]
	run -0 list deep
	assert_output "700 er
700 er/proxypool
600 er/proxypool/pool.state
600 er/proxypool/pool.state.snap"
	XDG_STATE_HOME=relative run -0 --separate-stderr as "$bin/pool-select" pool.json
	assert [ ! -e relative ]
	assert [ -d .local/state/proxypool ]
}

@test "POOL_STATE and -s come before it" {
	POOL_STATE=$home/one.state run -0 --separate-stderr as "$bin/pool-select" pool.json
	assert_equal "$stderr" ""
	run -0 --separate-stderr as "$bin/pool-select" -s two.state pool.json
	assert_equal "$stderr" ""
	assert [ -e one.state ]
	assert [ -e two.state ]
	assert [ ! -e .local ]
}

@test "pool-status makes no folder" {
	run -0 --separate-stderr as "$bin/pool-status" --format tsv pool.json
	assert [ ! -e .local ]
}

@test "a place that others can write is refused: selected without shared state, stored not at all" {
	as mkdir open
	as chmod 777 open
	export XDG_STATE_HOME=$home/open
	run -0 --separate-stderr as "$bin/pool-select" pool.json
	assert_output --regexp '^http://(mira:S3CRETpw@)?127\.0\.0\.1:'
	assert_regex "$stderr" "^pool-select: warning: selecting without shared state: state folder '$home/open' is unsafe"
	run -3 --separate-stderr as "$bin/pool-report" -f pool.json 127.0.0.1:2 disable
	assert_output ""
	assert_regex "$stderr" "^pool-report: state folder '$home/open' is unsafe"
}

@test "a home that cannot be written shares no state, and says so" {
	as chmod 555 "$home"
	run -0 --separate-stderr as "$bin/pool-select" pool.json
	assert_output --regexp '^http://(mira:S3CRETpw@)?127\.0\.0\.1:'
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" "^pool-select: warning: selecting without shared state: "
	run -3 --separate-stderr as "$bin/pool-report" -f pool.json 127.0.0.1:2 disable
	as chmod 755 "$home"
	assert [ ! -e .local ]
}
