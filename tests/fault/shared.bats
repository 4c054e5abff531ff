# One state for several users, and who may read what.

load ../lib

setup() {
	pool_setup
	open_folder shared "$POOL_BIN"/pool-{select,check,report}
	mkdir "$open/state"
	chgrp 5000 "$open/state"
	chmod 3770 "$open/state"
	start_stub refuse
	pool=$open/pool.json
	cat >"$pool" <<-POOL
		{"proxies": ["http://mira:S3CRETpw@127.0.0.1:$STUB_PORT",
			"http://nora:S3CRETpw@127.0.0.1:1"], "breaker": {"open_seconds": 300}}
	POOL
	chgrp 5000 "$pool"
	chmod 640 "$pool"
}

teardown() {
	pool_teardown
	[ -z "${open:-}" ] || rm -rf "$open"
}

# as UID COMMAND...: as that user, in the group that shares the folder
as() {
	setpriv --reuid="$1" --regid="$1" --groups 5000 "${@:2}"
}


@test "what one user stored all see, and nobody undoes it" {
	run -1 --separate-stderr "$open/bin/pool-check" -q -s "$open/state/" "$pool"
	for user in 0 5001 5002 0 5002 5001 0; do
		run -0 --separate-stderr as $user "$open/bin/pool-select" -s "$open/state/" \
			--dry-run --explain "$pool"
		assert_regex "$stderr" "127.0.0.1:$STUB_PORT +unhealthy"
		refute_regex "$stderr" "not checked yet"
	done
}

@test "an edit that a user sees first keeps the history" {
	run -1 --separate-stderr "$open/bin/pool-check" -q -s "$open/state/" "$pool"
	sed 's/"breaker"/"strategy": "random", "breaker"/' "$pool" >"$open/new"
	cat "$open/new" >"$pool"
	for user in 5001 5002 0 5001; do
		run -0 --separate-stderr as $user "$open/bin/pool-select" -s "$open/state/" \
			--dry-run --explain "$pool"
		assert_regex "$stderr" "127.0.0.1:$STUB_PORT +unhealthy"
	done
}

@test "what one of them disables stays so for all, whatever becomes of the state file" {
	local first=127.0.0.1:$STUB_PORT owner user

	# made by root and changed by a member, and the other way round
	for owner in 0 5001; do
		rm -f "$open/state"/*
		as $owner "$open/bin/pool-report" -s "$open/state/" -f "$pool" "$first" disable
		assert_equal "$(stat -c '%a %u %g' "$open/state/"*.decisions)" "660 $owner 5000"
		as 5002 "$open/bin/pool-report" -s "$open/state/" -f "$pool" --all disable
		as 0 "$open/bin/pool-report" -s "$open/state/" -f "$pool" 127.0.0.1:1 enable
		for user in 5002 0 5001; do
			head -c 5000 /dev/urandom |
				dd of="$(echo "$open/state/"*.state)" bs=1 seek=8 conv=notrunc status=none
			for i in 1 2 3; do
				run -0 --separate-stderr as $user "$open/bin/pool-select" -s "$open/state/" \
					--format hostport "$pool"
				assert_output "127.0.0.1:1"
			done
		done
	done
}

@test "a member who spoils the second copy spoils no command" {
	local first=127.0.0.1:$STUB_PORT second

	as 0 "$open/bin/pool-report" -s "$open/state/" -f "$pool" "$first" disable
	second=$(echo "$open/state/"*.decisions)
	head -c 100000 /dev/urandom | as 5001 tee "$second" >/dev/null
	run -0 --separate-stderr as 0 "$open/bin/pool-report" -s "$open/state/" -f "$pool" 127.0.0.1:1 disable
	assert_equal "$stderr" ""
	run -0 --separate-stderr as 0 "$open/bin/pool-report" -s "$open/state/" -f "$pool" 127.0.0.1:1 enable
	as 0 rm "$second"
	as 5001 ln -s "$pool" "$second"
	run -0 --separate-stderr as 0 "$open/bin/pool-report" -s "$open/state/" -f "$pool" 127.0.0.1:1 enable
	assert_regex "$stderr" "not a second time.*Too many levels of symbolic links$"
	run -0 --separate-stderr as 0 "$open/bin/pool-select" -s "$open/state/" --format hostport "$pool"
	assert_output "127.0.0.1:1"
	grep -q nora "$pool"
}

@test "two users select in turn from one cursor" {
	sed -i 's/:1"/:2"/' "$pool"
	for user in 5001 5002 0 5001 5002 0; do
		as $user "$open/bin/pool-select" -s "$open/state/" --format hostport "$pool"
	done >out
	run -0 bash -c 'sort out | uniq -c | sed "s/^ *//; s/ .*//"'
	assert_output "3
3"
}

@test "who cannot come to the pool file cannot read its snapshot" {
	mkdir -m 1777 "$open/sticky"
	mkdir -m 700 "$open/private"
	install -m 644 "$pool" "$open/private/pool.json"
	"$open/bin/pool-select" -s "$open/sticky/x.state" "$open/private/pool.json"
	assert_equal "$(stat -c %a "$open/sticky/x.state.snap")" 600
	chmod 755 "$open/private"
	touch "$open/private/pool.json"
	"$open/bin/pool-select" -s "$open/sticky/y.state" "$open/private/pool.json"
	assert_equal "$(stat -c %a "$open/sticky/y.state.snap")" 644
}

# --- who writes the snapshot -----------------------------------------------------------------------

# The user of the units is neither root nor the pool file's owner: a member with a name.
unit=5010

# choose UID: what that user's pool-select answers, host and port
choose() {
	as "$1" "$open/bin/pool-select" -q -s "$open/state/" --format hostport --strategy failover "$pool"
}

# inode OWNER MODE GROUP of the snapshot, or "none"
snapshot() {
	local files=("$open"/state/*.snap)

	[ -e "${files[0]}" ] && stat -c '%i %u %a %g' "${files[0]}" || echo none
}

edit() {
	sed "2s/127\.0\.0\.1:[0-9]*/127.0.0.1:$1/" "$pool" >"$open/new"
	cat "$open/new" >"$pool"
	settle "$pool"
}

@test "only root and the pool file's owner write the snapshot; the others follow each edit without" {
	edit 1001
	for user in 5001 $unit; do
		assert_equal "$(choose $user)" "127.0.0.1:$STUB_PORT"
		assert_equal "$(snapshot)" none
	done
	assert_equal "$(choose 0)" "127.0.0.1:$STUB_PORT"
	assert_regex "$(snapshot)" '^[0-9]+ 0 640 5000$'
	before=$(snapshot)
	# Root's check fails the first; so everybody's choice is the second, which edits move.
	run -1 --separate-stderr "$open/bin/pool-check" -q -s "$open/state/" "$pool"
	for port in 1002 1003; do
		edit $port
		for user in 5001 $unit 5002 5001; do
			assert_equal "$(choose $user)" "127.0.0.1:$port"
			assert_equal "$(snapshot)" "$before"
		done
	done
	# The next tool of root's gives them a new one.
	assert_equal "$(choose 0)" 127.0.0.1:1003
	assert_regex "$(snapshot)" '^[0-9]+ 0 640 5000$'
	[ "$(snapshot)" != "$before" ]
	before=$(snapshot)
	for user in 5001 $unit; do
		assert_equal "$(choose $user)" 127.0.0.1:1003
		as $user cat "$open"/state/*.snap >/dev/null
	done
	assert_equal "$(snapshot)" "$before"
	run -0 "$open/bin/pool-select" -q --dry-run --explain -s "$open/state/" "$pool"
	# The owner of the pool file, where that is not root.
	chown 5002 "$pool"
	edit 1004
	for user in 5001 5002; do
		assert_equal "$(choose $user)" 127.0.0.1:1004
		assert_equal "$(snapshot)" "$before"
	done
	# What is root's only root replaces; where there is none the owner writes one.
	rm "$open"/state/*.snap
	assert_equal "$(choose 5001)" 127.0.0.1:1004
	assert_equal "$(snapshot)" none
	assert_equal "$(choose 5002)" 127.0.0.1:1004
	assert_regex "$(snapshot)" '^[0-9]+ 5002 640 5000$'
	assert_equal "$(choose 5001)" 127.0.0.1:1004
}

@test "the records are found again whoever has compiled the pool file, with passwords in it" {
	local port=1001

	run -1 as 5001 "$open/bin/pool-check" -q -s "$open/state/" --quorum 0 "$pool"
	for user in $unit 0 5002 0 $unit 5001; do
		run -0 --separate-stderr as $user "$open/bin/pool-select" -s "$open/state/" \
			--dry-run --explain "$pool"
		assert_regex "$stderr" "127.0.0.1:$STUB_PORT +unhealthy"
		[ $user -ne 0 ] || edit $((port++))
	done
}

@test "a snapshot that a member left is believed by nobody else, until root's replaces it" {
	echo '{"proxies": ["http://127.0.0.1:66"]}' >"$open/evil.json"
	"$POOL_BUILD/tests/member" forge "$pool" "$open/evil.json" "$open/forged" >/dev/null
	chmod 644 "$open/forged"
	choose 5001
	state=$(echo "$open"/state/*.state)
	as 5001 install -m 644 "$open/forged" "$state.snap"
	before=$(snapshot)
	assert_regex "$before" '^[0-9]+ 5001 644 '
	for user in 5002 $unit; do
		assert_equal "$(choose $user)" "127.0.0.1:$STUB_PORT"
		assert_equal "$(snapshot)" "$before"
	done
	# None of them could take it away; root's tool does.
	run -1 as 5002 rm -f "$state.snap"
	assert_equal "$(choose 0)" "127.0.0.1:$STUB_PORT"
	assert_regex "$(snapshot)" '^[0-9]+ 0 640 5000$'
	run -1 as 5001 rm -f "$state.snap"
	# A second name of root's own is none that it can keep.
	ln "$state.snap" "$open/state/second"
	before=$(snapshot)
	assert_equal "$(choose 0)" "127.0.0.1:$STUB_PORT"
	[ "$(snapshot)" != "$before" ]
}

# allow UID FILE: reads it by an access list, in which the file's group has nothing.
allow() {
	/usr/bin/python3 - "$@" <<-'PYTHON'
		import os, struct, sys
		entries = [(1, 6, -1), (2, 4, int(sys.argv[1])), (4, 0, -1), (16, 4, -1), (32, 0, -1)]
		acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
		os.setxattr(sys.argv[2], "system.posix_acl_access", acl)
	PYTHON
}

@test "who is kept from the pool file by an access list cannot read its snapshot" {
	require_python os
	allow 5001 "$pool" 2>/dev/null || skip "no access lists here"
	assert_equal "$(stat -c %a "$pool")" 640
	run -1 as 5002 cat "$pool"
	assert_equal "$(choose 0)" "127.0.0.1:$STUB_PORT"
	assert_regex "$(snapshot)" '^[0-9]+ 0 600 '
	# Who is allowed to read the pool file selects by it, and leaves the records alone, which
	# without the salt are of others.
	run -1 --separate-stderr "$open/bin/pool-check" -q -s "$open/state/" "$pool"
	run -0 --separate-stderr as 5001 "$open/bin/pool-select" -s "$open/state/" "$pool"
	assert_regex "$output" '^http://(mira|nora):S3CRETpw@127\.0\.0\.1:[0-9]+$'
	assert_regex "$stderr" "^pool-select: warning: selecting without shared state: cannot read snapshot \
'.*snap', whose salt tells whose the records are: Permission denied\$"
	run -0 --separate-stderr "$open/bin/pool-select" --dry-run --explain -s "$open/state/" "$pool"
	assert_regex "$stderr" "127.0.0.1:$STUB_PORT +unhealthy"
}

# --- the folder of root's pool files ---------------------------------------------------------------

# in_system SCRIPT: bash with a /var/lib of its own, in which proxypool/ is as earlier versions made it.
in_system() {
	run --separate-stderr env -u POOL_STATE unshare -m bash -c "
		mount -t tmpfs -o mode=755 tmpfs /var/lib || exit 99
		mkdir /var/lib/proxypool
		chgrp 5000 /var/lib/proxypool
		chmod 2770 /var/lib/proxypool
		mode() { stat -c '%a %u %g' /var/lib/proxypool; }
		pool='$pool'
		PATH='$open/bin':\$PATH
		$1"
}

@test "root's first tool makes the system's folder sticky, and nobody else's" {
	unshare -m true 2>/dev/null || skip "needs mount namespaces"
	cp "$POOL_BIN/pool-status" "$open/bin"
	in_system 'pool-select -q "$pool" >/dev/null; mode'
	assert_equal "$status" 0
	assert_output "3770 0 5000"
	assert_equal "$stderr" ""
	in_system 'pool-check -q -s /var/lib/proxypool "$pool" >/dev/null; mode'
	assert_output "3770 0 5000"
	# One that is another user's, or open to all, is not root's to correct.
	in_system 'chown 5001 /var/lib/proxypool; pool-select -q "$pool" >/dev/null; mode'
	assert_output "2770 5001 5000"
	in_system 'chmod 2777 /var/lib/proxypool; pool-select -q "$pool" >/dev/null; mode'
	assert_output "2777 0 5000"
	in_system 'mkdir /var/lib/mine; chmod 2770 /var/lib/mine; pool-select -q -s /var/lib/mine/ "$pool" \
		>/dev/null; mode; stat -c %a /var/lib/mine'
	assert_output "2770 0 5000
2770"
	# Who is not root can only refuse it, and who only looks only says so.
	in_system 'setpriv --reuid=5001 --regid=5001 --groups 5000 pool-select --require-state "$pool"; mode'
	assert_line "2770 0 5000"
	assert_regex "$stderr" "state folder '/var/lib/proxypool' is unsafe: its group can replace files"
	in_system 'pool-status -q "$pool" >/dev/null; mode'
	assert_line "2770 0 5000"
}
