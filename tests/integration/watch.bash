# Helpers of the files that run pool-watch; to be loaded behind lib.
#
#	load ../lib
#	load watch
#	setup() { pool_setup; }
#	teardown() { watch_teardown; }
#
# An instance is known by a name, "watch" where none is given: its events are in NAME.jsonl, its
# messages in NAME.err, its pid where lib.bash keeps those of servers.
#
# shellcheck shell=bash disable=SC2034,SC2154

# What lib.bash started, and every instance that found its way into the background.
watch_teardown() {
	local file

	# one that is stopped does not hear SIGTERM
	for file in "$SERVERS"/*.pid; do
		[ ! -e "$file" ] || kill -CONT "$(cat "$file")" 2>/dev/null || :
	done
	for file in "$TEST_DIR"/state/*.watch; do
		[ -e "$file" ] || continue
		file=$(tr -cd 0-9 <"$file")
		[ "$(cat "/proc/${file:-0}/comm" 2>/dev/null)" != pool-watch ] || kill -KILL "$file"
	done
	pool_teardown
}

# write_proxies INTERVAL URL...: named p0, p1, ...; more of health_check in CHECK
write_proxies() {
	local url number=0 list=

	for url in "${@:2}"; do
		list="$list${list:+, }{\"name\": \"p$number\", \"url\": \"$url\"}"
		number=$((number + 1))
	done
	write_pool pool.json "{\"health_check\": {\"interval_seconds\": $1, \"retry_count\": 1
		${CHECK:+, $CHECK}}, \"proxies\": [$list]}"
}

# Milliseconds since some moment.
now_ms() {
	local now=$EPOCHREALTIME

	echo $((${now/./} / 1000))
}

# hold_for MILLISECONDS COMMAND...: it succeeds all the time.
hold_for() {
	local end=$(($(now_ms) + $1))
	shift

	while (($(now_ms) < end)); do
		"$@" || return
		pause
	done
}

# launch_watch [--name NAME] [--before COMMAND...] -- ARGUMENT...: an instance in the background. The
# command stands before pool-watch, and has to end as it.
launch_watch() {
	local name=watch
	local -a before=()

	while [ "$1" != -- ]; do
		case $1 in
		--name)
			name=$2
			shift 2
			;;
		--before)
			shift
			while [ "$1" != -- ]; do
				before+=("$1")
				shift
			done
			;;
		esac
	done
	shift
	: >>"$name.jsonl"
	: >"$name.err"
	"${before[@]}" pool-watch --format jsonl "$@" >>"$name.jsonl" 2>>"$name.err" </dev/null 3>&- &
	WATCH_PID=$!
	echo "$WATCH_PID" >"$SERVERS/$name.pid"
	echo 0 >"$SERVERS/$name.port"
}

# start_watch, with the same arguments: and wait until its first round is stored. It listens at
# WATCH_URL.
start_watch() {
	local name=watch

	[ "$1" != --name ] || name=$2
	launch_watch "$@" --listen 0
	await_listening "$name"
	if ! wait_until 20 answers 200 readyz; then
		show_watch "$name"
		return 1
	fi
}

await_listening() {
	if ! wait_until "$START_SECONDS" is_listening "$1" || [ -z "$WATCH_URL" ]; then
		show_watch "$1"
		return 1
	fi
}

# The address goes to WATCH_URL.
is_listening() {
	WATCH_URL=$(sed -n 's|^pool-watch: listening on \(http://.*/\)$|\1|p' "$1.err")
	[ -n "$WATCH_URL" ] || has_ended "$SERVERS/$1.pid"
}

show_watch() {
	cat "$1.jsonl" "$1.err" >&2
}

# end_watch [SIGNAL [NAME]]: its exit status goes to WATCH_STATUS, the time it took to WATCH_MS.
end_watch() {
	local name=${2:-watch} began pid

	pid=$(cat "$SERVERS/$name.pid")
	began=$(now_ms)
	kill -"${1:-TERM}" "$pid"
	WATCH_STATUS=0
	wait "$pid" || WATCH_STATUS=$?
	WATCH_MS=$(($(now_ms) - began))
	rm "$SERVERS/$name.pid"
}

# get PATH [OPTION...]: what pool-watch answers.
get() {
	curl -sS -m 10 "${@:2}" "$WATCH_URL$1"
}

# answers STATUS PATH [OPTION...]
answers() {
	[ "$(get "$2" -o answer -w '%{http_code}' "${@:3}" 2>/dev/null)" = "$1" ]
}

# metric SERIES: its value now, nothing if there is no such series.
metric() {
	get metrics | awk -v name="$1" '$1 == name { print $2 }'
}

metric_is() {
	[ "$(metric "$1")" = "$2" ]
}

# Events are told by filters of jq. mark: from now on those before are not looked at.
mark() {
	MARK=$(wc -l <"${1:-watch}.jsonl")
}

# count_events FILTER [NAME]
count_events() {
	tail -n "+$((${MARK:-0} + 1))" "${2:-watch}.jsonl" | jq -s "map(select($1)) | length"
}

has_event() {
	[ "$(count_events "$@" 2>/dev/null || echo 0)" -gt 0 ]
}

# no_event FILTER [NAME]: there is none, and the file is whole.
no_event() {
	[ "$(count_events "$@")" = 0 ] || show_events
}

show_events() {
	tail -n "+$((${MARK:-0} + 1))" watch.jsonl >&2
	return 1
}

# await_event SECONDS FILTER; the looks are not so many that they are a load of their own.
await_event() {
	local end=$(($(now_ms) + $1 * 1000))

	until has_event "$2"; do
		if (($(now_ms) > end)); then
			echo "no event in $1 s: $2" >&2
			show_events
			return 1
		fi
		pause_for 80
	done
}

# pause_for MILLISECONDS
pause_for() {
	local nothing seconds

	printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
	[ -n "${PAUSE_FD:-}" ] || exec {PAUSE_FD}<> <(:)
	read -r -t "$seconds" -u "$PAUSE_FD" nothing || :
}

# went PROXY [TO [FROM]]: the filter for a transition.
went() {
	echo ".event == \"transition\" and .proxy == \"$1\"${2:+ and .to == \"$2\"}${3:+ and .from == \"$3\"}"
}

# await_within MILLISECONDS SINCE FILTER: SINCE as now_ms says it.
await_within() {
	local took

	await_event $((($1 + 999) / 1000 + 2)) "$3" || return
	took=$(($(now_ms) - $2))
	((took <= $1)) && return
	echo "took $took ms, $1 allowed: $3" >&2
	return 1
}

# Each transition begins where the one before of its proxy ended. FROM is where the first begins.
assert_in_order() {
	# shellcheck disable=SC2016
	run -0 jq -rn --arg first "${1:-unknown}" '
		[inputs | select(.event == "transition")]
		| group_by([.pool, .proxy])[]
		| . as $list
		| range(length)
		| select($list[.].from != (if . == 0 then $first else $list[. - 1].to end)
			or $list[.].from == $list[.].to)
		| $list[.]
		| "\(.time) \(.proxy): \(.from) -> \(.to)"' watch.jsonl
	assert_output ""
}

# The names that a selection may get now, but for what fallback allows.
eligible_names() {
	pool-select -q --dry-run -n 100 --format '%{status} %{name}' 2>/dev/null |
		sed -n 's/^\(unknown\|healthy\|recovering\) //p' | sort
}

# A process with this pid is gone, or nothing but a zombie.
pid_ended() {
	local state

	state=$(sed -n 's/^[0-9]* (.*) \(.\).*/\1/p' "/proc/$1/stat" 2>/dev/null) || :
	[ -z "$state" ] || [ "$state" = Z ]
}

# count_fds PID: the fewest descriptors of some looks, for checks under way have some.
count_fds() {
	local look fds fewest=1000000

	for ((look = 0; look < 40; look++)); do
		fds=("/proc/$1/fd"/*)
		((${#fds[@]} >= fewest)) || fewest=${#fds[@]}
		pause
	done
	echo "$fewest"
}

# resident_kb PID
resident_kb() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"
}

# A process that holds namespaces of its own, network and mounts; inside COMMAND... runs something in
# them. Needs the right to make some.
start_namespaces() {
	require_tool nsenter ip
	require_namespaces -rnm
	printf '%s\0' unshare -rnm bash -c 'ip link set lo up; echo ready; exec tail -f /dev/null' \
		>"$SERVERS/namespaces.cmd"
	launch namespaces
	echo 0 >"$SERVERS/namespaces.port"
	NAMESPACES=$(cat "$SERVERS/namespaces.pid")
	wait_until "$START_SECONDS" grep -q ready "$SERVERS/namespaces.log"
	# the folder is entered behind the switch, or it would be that without the mounts
	# shellcheck disable=SC2016
	INSIDE=(nsenter -t "$NAMESPACES" -U -n -m --preserve-credentials
		bash -c 'cd "$0" && exec "$@"' "$TEST_DIR")
}

inside() {
	"${INSIDE[@]}" "$@"
}
