# A member of the group that shares the state's folder puts things in the place of files there: no
# tool of root's follows them, waits for them or writes into them.

load ../lib
load member

# Something of the member's at $1; of what sort is $2.
put() {
	case $2 in
	link) as_member ln -s "$open/secret" "$1" ;;
	loop) as_member ln -s "$1" "$1" ;;
	fifo) as_member mkfifo -m 666 "$1" ;;
	folder) as_member mkdir "$1" ;;
	full) as_member mkdir "$1" "$1/x" ;;
	locked)
		as_member install -m 644 "$open/mal/forged" "$1"
		hold "$1"
		;;
	esac
}

# hold FILE: the member has its lock, until remove_all.
hold() {
	(exec setpriv --reuid=4001 --regid=4001 --groups 4242 bash -c \
		'exec 9<"$1" && flock 9 && exec sleep 30' bash "$1") 3>&- &
	lockers+=($!)
	wait_until 5 is_locked "$1"
}

is_locked() {
	! flock -n "$1" true
}

remove_all() {
	[ ${#lockers[@]} -eq 0 ] || kill "${lockers[@]}" 2>/dev/null || :
	lockers=()
	rm -rf "$open"/state/*
}

# name_of SUFFIX SORT: root's tools answer rightly, at once, and write nowhere else.
name_of() {
	local began now

	begin_state || return
	rm -f "$state$1"
	put "$state$1" "$2" || return
	# An edit, which a new snapshot is to be written for; and a state to be copied.
	echo >>"$pool"
	printf 'xxxx' | dd of="$state" bs=1 seek=16500 conv=notrunc status=none
	began=${EPOCHREALTIME/./}
	timeout 20 pool-select -q -s "$open/state/" "$pool" >"$open/out" 2>"$open/err" || return
	now=${EPOCHREALTIME/./}
	grep -qE '^http://127\.0\.0\.1:[123]$' "$open/out" || return
	# Not the half second that a lock of our own is waited for, and far from it.
	is_sanitized || [ $((now - began)) -lt 450000 ] || return
	timeout 20 pool-check -q -s "$open/state/" "$pool" >"$open/out" 2>"$open/err" || [ $? -eq 1 ] || return
	pool-status -s "$open/state/" "$pool" >"$open/out" 2>"$open/err" || return
	pool-report -s "$open/state/" -f "$pool" 127.0.0.1:2 disable 2>"$open/err" || return
	pool-report -s "$open/state/" -f "$pool" 127.0.0.1:2 enable 2>"$open/err" || return
	[ "$(cat "$open/secret")" = untouched ] || return
	remove_all
}

@test "what a member puts in the place of files leads nowhere and costs no time" {
	lockers=()
	echo untouched >"$open/secret"
	chmod 600 "$open/secret"
	begin_state
	as_member "$open/bin/member" forge "$pool" "$evil" "$open/mal/forged" >/dev/null
	remove_all
	for suffix in .snap .snap.new .corrupt .corrupt.new .decisions .decisions.new .watch .watch.sock; do
		for sort in link loop fifo folder full locked; do
			name_of "$suffix" "$sort" || {
				echo "$sort at $suffix:"
				cat "$open/out" "$open/err"
				return 1
			} >&2
		done
	done
}

@test "--repair by a member says why it can keep no copy, and what to do" {
	begin_state
	cp "$POOL_BIN/pool-status" "$open/bin"
	mkfifo "$state.corrupt"
	printf 'xxxx' | dd of="$state" conv=notrunc status=none
	run -4 --separate-stderr as_member "$open/bin/pool-status" --repair -s "$state" "$pool"
	assert_output ""
	assert_equal "$stderr" "pool-status: '$state' is left alone: cannot keep a copy as '$state.corrupt' \
(root, or the owner of what is there, can remove that): Operation not permitted"
	rm "$state.corrupt"
	run -0 --separate-stderr as_member "$open/bin/pool-status" --repair -s "$state" "$pool"
	[ -f "$state.corrupt" ]
}

@test "a state that a member makes a terabyte long is used, kept and shown as ever" {
	begin_state
	as_member truncate -s 1T "$state" 2>/dev/null || skip "no file so long here"
	run -0 --separate-stderr pool-select -q -s "$open/state/" "$pool"
	assert_regex "$output" '^http://127\.0\.0\.1:[123]$'
	assert_equal "$stderr" ""
	printf 'xxxx' | dd of="$state" bs=1 seek=16500 conv=notrunc status=none
	run -0 --separate-stderr timeout 10 pool-select -q -s "$open/state/" "$pool"
	assert_regex "$output" '^http://127\.0\.0\.1:[123]$'
	# The disk is not filled with its holes.
	[ "$(du -k "$state.corrupt" | cut -f 1)" -lt 1000 ]
	run -0 --separate-stderr timeout 10 pool-status --verify -s "$open/state/" "$pool"
	assert_output --partial ": whole, 5 proxies in 2 pools"
}

@test "the state file under the names of others is none of them" {
	begin_state
	rm "$state.snap"
	for suffix in .snap .snap.new .corrupt .corrupt.new; do
		as_member ln "$state" "$state$suffix" || skip "a member may not link here"
	done
	lockers=()
	hold "$state"
	began=${EPOCHREALTIME/./}
	run -0 --separate-stderr pool-select -s "$open/state/" "$pool"
	now=${EPOCHREALTIME/./}
	kill "${lockers[@]}"
	wait "${lockers[@]}" || :
	assert_regex "$output" '^http://127\.0\.0\.1:[123]$'
	assert_equal "$stderr" "pool-select: warning: selecting without shared state: state file '$state' is \
unsafe: it has a second name"
	is_sanitized || [ $((now - began)) -lt 450000 ]
	assert_equal "$(stat -c '%U %h' "$state.snap")" "root 1"
	# Without the names all is well again.
	rm "$state.corrupt" "$state.corrupt.new"
	run -0 --separate-stderr pool-select -s "$open/state/" "$pool"
	assert_equal "$stderr" ""
}
