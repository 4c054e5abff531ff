# Loops over the places at which a call can fail, one run each.
#
#	faults_setup
#	sweep JUDGE CALLS ERROR once|all [STEP] COMMAND...
#
# runs COMMAND with the first, the second, ... of CALLS failing with ERROR (see fault.c), "all": with
# all from that one on, until a run meets no fault; with STEP only each so-manieth. Before each run
# "prepare N" is called, after it JUDGE, with the exit status in $status, standard output in the
# file out and messages in the file err; 1 from it ends the loop, and all is shown.
#
# shellcheck shell=bash disable=SC2034,SC2154,SC2317

faults_setup() {
	umask 077
	declare -gA met=()
	# by its name alone: LD_PRELOAD ends a name at a blank, which a folder may hold
	FAULT_LIBRARY=fault.so
	export LD_LIBRARY_PATH=$POOL_BUILD/tests
	[ -e "$LD_LIBRARY_PATH/$FAULT_LIBRARY" ] || skip "tests/fault.so is not built"
	! grep -q __asan_init "$POOL_BIN/pool-select" || skip "a sanitizer has its own allocator"
}

setup() {
	pool_setup
	faults_setup
	vary_pool 0
}

teardown() { pool_teardown; }

prepare() { :; }

sweep() {
	local judge=$1 calls=$2 error=$3 all=$4 step=1 n following=()
	shift 4
	[ "$all" = once ] || following=(FAULT_ALL=1)
	if [[ $1 == [0-9]* ]]; then
		step=$1
		shift
	fi
	for ((n = 1; n < 100000; n += step)); do
		prepare "$n"
		: >hit
		status=0
		timeout -k 2 "${LIMIT:-20}" env LD_PRELOAD="$FAULT_LIBRARY" FAULT_CALLS="$calls" FAULT_AT="$n" \
			FAULT_ERROR="$error" "${following[@]}" FAULT_HIT="$PWD/hit" \
			"$@" >out 2>err <"${INPUT:-/dev/null}" || status=$?
		[ -s hit ] || break
		"$judge" && continue
		echo "$* (call $n of $calls, $error, $all): status $status"
		head -c 2000 out
		echo "--"
		head -c 2000 err
		return 1
	done
	[ "$n" -eq 1 ] || met[$calls]=1
	[ "$n" -gt 1 ] || [ "$calls" != memory ] || { echo "no fault was met: $*"; return 1; }
}

# assert_met CALL...: each of them has failed in one of the test's sweeps.
assert_met() {
	local call

	for call; do
		[ -n "${met[$call]-}" ] || { echo "$call has never failed"; return 1; }
	done
}

# vary_pool N: the same proxies, in another text for each N of a row
vary_pool() {
	printf '{"proxies": [{"name": "a", "url": "http://mira:pw@127.0.0.1:1"}]%*s}\n' \
		$(($1 % 2)) "" >pool.json
}

# The pool file is edited before each run, so that each compiles it; or it is as it was.
edited() { prepare() { vary_pool "$1"; }; }
unchanged() { prepare() { :; }; }
# Each run makes a state of its own.
new_state() { prepare() { rm -rf state && mkdir -m 700 state; }; }

# An answer or the refusal, whole, in $good and $bad, and a status that goes with it.
is_answer() {
	local got
	got=$(cat out && echo .)
	case $status in
	0) [ "$got" = "$good" ] ;;
	[345]) [ "$got" = "$bad" ] || { [ "$status" = 4 ] && [ "$got" = "$good" ]; } ;;
	*) return 1 ;;
	esac || return 1
	[ "$status" = 0 ] || [ -s err ]
}

# A line for each of three requests, or up to the error one that refuses.
is_served() {
	local line count=0 last=
	while IFS= read -r line; do
		count=$((count + 1))
		last=$line
		[ "$line" = "$good" ] || [ "$line" = "$bad" ] || return 1
	done <out
	[ -z "$line" ] || return 1
	case $status in
	0) [ $count = 3 ] ;;
	[345]) [ "$last" = "$bad" ] && [ $count -le 4 ] && [ -s err ] ;;
	*) return 1 ;;
	esac
}

# The command ran once with the proxy, or not at all.
is_run() {
	case $status in
	0) [ "$(<out)" = "ran http://mira:pw@127.0.0.1:1" ] ;;
	125 | 126) [ ! -s out ] && [ -s err ] ;;
	*) return 1 ;;
	esac
}

# A whole document and its usual status, or none, or one that says that there was no memory.
is_document() {
	case $status in
	"$want") cmp -s out good ;;
	4) [ ! -s out ] || cmp -s out good || grep -qi 'memory' out ;;
	*) return 1 ;;
	esac || return 1
	[ "$status" = "$want" ] || [ -s err ] || [ -s out ]
}

# assert_clean [STATUS]: nothing is left over, nobody is blamed, and the state is whole. The proxy is
# "unknown" where nothing was reported.
assert_clean() {
	unchanged
	vary_pool 0
	run -0 --separate-stderr pool-select pool.json
	assert_equal "$output|$stderr" "http://mira:pw@127.0.0.1:1|"
	run -0 pool-status --verify pool.json
	assert_equal "$(status_field a status) $(status_field a reports_down)" "${1:-unknown} 0"
	run -0 bash -c 'ls state | sed "s/pool-[0-9a-f]*//"'
	assert_output ".state
.state.snap"
}

learn_answers() {
	good=$(pool-select "$@" pool.json && echo .)
	bad=$(pool-select "$@" missing.json 2>/dev/null || echo .)
}

calls='open:EIO open:EMFILE read:EIO mmap:ENOMEM flock:ENOLCK fstat:EIO stat:EIO stat:ENOMEM lstat:EIO
	readlink:EIO realpath:ENOMEM getcwd:ENOMEM fopen:EMFILE rename:EIO unlink:EIO mkdir:EROFS
	fsync:EIO fdatasync:EIO ftruncate:EIO posix_fallocate:ENOSPC fchmod:EPERM dlopen:ENOMEM
	getrandom:ENOSYS fcntl:EINVAL close:EIO'
# Those of them that every selection makes, beginning with a pool file that was edited.
always='open read mmap flock fstat stat lstat readlink realpath getcwd rename fdatasync fchmod dlopen
	getrandom fcntl close'
