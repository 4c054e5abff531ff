# A full disk, a read-only one: each ends in one line, and nothing stored is lost.

load ../lib

setup() {
	pool_setup
	[ "$(id -u)" -eq 0 ] || skip "needs root to mount"
	unshare -m true 2>/dev/null || skip "needs mount namespaces"
	select=$POOL_BIN/pool-select
	write_pool pool.json '{"proxies": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}'
	mkdir disk
}

teardown() {
	pool_teardown
}

# on_disk SCRIPT: bash with a disk of 64 KB mounted; its state file exists, and "fill" fills it.
on_disk() {
	cat >script <<-E
		fill() {
			head -c 100000 /dev/zero >disk/fill 2>/dev/null
		}
		mount -t tmpfs -o size=64k,mode=700 tmpfs disk || exit 99
		'$select' -q -s disk/ pool.json >/dev/null || exit 98
		$1
	E
	run --separate-stderr unshare -m bash script
}

edit='echo "{\"proxies\": [\"http://127.0.0.1:3\", \"http://127.0.0.1:2\"]}" >pool.json'

@test "a full disk does not hinder what is there already" {
	on_disk "fill; for i in 1 2 3; do '$select' -s disk/ pool.json || exit; done"
	assert_equal "$status" 0
	assert_output "http://127.0.0.1:2
http://127.0.0.1:1
http://127.0.0.1:2"
	assert_equal "$stderr" ""
}

@test "an edit on a full disk is in force at once, with one warning" {
	on_disk "fill; $edit; for i in 1 2 3; do '$select' -s disk/ pool.json || exit; done"
	assert_equal "$status" 0
	for line in "${lines[@]}"; do
		assert_regex "$line" '^http://127\.0\.0\.1:[23]$'
	done
	assert_equal "${#lines[@]}" 3
	assert_equal "$(grep -c . <<<"$stderr")" 3
	assert_regex "$stderr" "^pool-select: warning: .*No space left on device"
}

@test "what was counted before the disk was full is there afterwards" {
	on_disk "$edit
		'$select' -s disk/ pool.json
		fill; echo '{\"proxies\": [\"http://127.0.0.1:4\"]}' >pool.json
		'$select' -q -s disk/ pool.json
		rm disk/fill; $edit
		'$select' -s disk/ --strategy round_robin pool.json"
	assert_equal "$status" 0
	assert_equal "$stderr" ""
}

@test "--require-state on a full disk is 4, and says why" {
	on_disk "fill; rm disk/pool*; exec '$select' --require-state -s disk/ pool.json"
	assert_equal "$status" 0
	on_disk "rm disk/pool*; fill; exec '$select' --require-state -s disk/ pool.json"
	assert_equal "$status" 4
	assert_output "http://error.no-proxy.invalid:9"
	assert_regex "$stderr" "cannot make state file 'disk/.*' larger: No space left on device"
}

@test "a file system without an inode left is 4, and says why" {
	cat >script <<-E
		mount -t tmpfs -o nr_inodes=2,mode=700 tmpfs disk || exit 99
		mkdir disk/last || exit 98
		exec '$POOL_BIN/pool-report' -s disk/ -f pool.json 127.0.0.1:1 ok
	E
	run -4 --separate-stderr unshare -m bash script
	assert_output ""
	assert_regex "$stderr" "^pool-report: cannot open state file 'disk/.*': No space left on device\$"
}

@test "a read-only file system is called one" {
	on_disk "mount -o remount,ro disk; exec '$POOL_BIN/pool-report' -s disk/ -f pool.json 127.0.0.1:1 ok"
	assert_equal "$status" 3
	assert_regex "$stderr" "^pool-report: cannot write state file 'disk/.*': Read-only file system\$"
	on_disk "mount -o remount,ro disk; exec '$POOL_BIN/pool-status' --repair -s disk/ pool.json"
	assert_equal "$status" 3
	assert_regex "$stderr" "^pool-status: cannot write state file 'disk/.*': Read-only file system\$"
	on_disk "mount -o remount,ro disk; exec '$select' -s disk/ pool.json"
	assert_equal "$status" 0
	assert_regex "$stderr" "state file 'disk/.*' cannot be written: Read-only file system\$"
}

@test "a folder that cannot be examined is told as such" {
	require_tool strace
	mkdir -m 700 folder
	# the search for leaks cannot be traced
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	for tool in 'pool-status' 'pool-report -f' 'pool-check'; do
		set -- $tool
		run --separate-stderr strace -f -qq -o /dev/null -P folder -e trace=newfstatat,stat \
			-e inject=newfstatat:error=EIO "$POOL_BIN/$1" -s folder ${2:-} pool.json \
			$([ "$1" != pool-report ] || echo 127.0.0.1:1 ok)
		assert_equal "$status" 4
		assert_regex "$stderr" "cannot examine 'folder': Input/output error\$"
	done
}

@test "without room for a lease there is a proxy all the same, in every format, with one warning" {
	on_disk "for i in {1..64}; do '$select' -q --lease --ttl 1000 -s disk/ pool.json >/dev/null || exit 97; done
		fill
		for format in url hostport json '%{name} [%{lease}]'; do
			'$select' -s disk/ --lease --ttl 5 --format \"\$format\" pool.json || exit
			echo
		done
		'$select' -s disk/ --lease --ttl 5 -n 2 pool.json || exit
		'$select' -s disk/ --lease --ttl 5 --format env pool.json | grep ^POOL_LEASE"
	assert_equal "$status" 0
	assert_regex "${lines[0]}" '^http://127\.0\.0\.1:[12]$'
	assert_regex "${lines[1]}" '^127\.0\.0\.1:[12]$'
	assert_regex "${lines[2]}" '^\{"url":"http://127\.0\.0\.1:[12]"'
	[[ "${lines[2]}" != *lease* ]]
	assert_regex "${lines[3]}" '^127\.0\.0\.1:[12] \[\]$'
	assert_regex "${lines[4]} ${lines[5]}" '^http://127\.0\.0\.1:[12] http://127\.0\.0\.1:[12]$'
	assert_line --index 6 POOL_LEASE=
	assert_equal "${#lines[@]}" 7
	assert_equal "$(grep -c "^pool-select: warning: no lease: cannot make state file 'disk/.*' larger: \
No space left on device$" <<<"$stderr")" 6
	assert_equal "${#stderr_lines[@]}" 6
}

@test "without room for a lease pool-exec runs its command, and --require-state does not" {
	local full="for i in {1..64}; do '$select' -q --lease --ttl 1000 -s disk/ pool.json >/dev/null || exit 97; done; fill"

	on_disk "$full; exec '$POOL_BIN/pool-exec' -s disk/ -f pool.json sh -c 'echo ran [\$POOL_LEASE]'"
	assert_equal "$status" 0
	assert_output "ran []"
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" "^pool-exec: warning: no lease: cannot make state file 'disk/.*' larger: No space left on device$"
	# what came of it is known all the same
	on_disk "$full; '$POOL_BIN/pool-exec' -q -s disk/ -f pool.json --retries 0 --fail-on 7 sh -c 'exit 7'
		'$POOL_BIN/pool-status' -s disk/ --format tsv pool.json |
			awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[\$i] = i; next }
				{ sum += \$at[\"reports_down\"] } END { print sum }'"
	assert_equal "$status" 0
	assert_output 1
	on_disk "$full; exec '$select' -s disk/ --require-state --lease --ttl 5 pool.json"
	assert_equal "$status" 4
	assert_output "http://error.no-proxy.invalid:9"
	assert_regex "$stderr" "^pool-select: cannot make state file 'disk/.*' larger: No space left on device$"
	on_disk "$full; exec '$POOL_BIN/pool-exec' -s disk/ --require-state -f pool.json echo ran"
	assert_equal "$status" 125
	assert_output ""
	# with room on the disk there are leases again
	on_disk "$full; read -r url lease < <('$select' -q --lease --ttl 9 -s disk/ pool.json); [ -z \"\$lease\" ] || exit 96
		rm disk/fill; '$select' --lease --ttl 5 -s disk/ pool.json"
	assert_equal "$status" 0
	assert_output --regexp '^http://127\.0\.0\.1:[12] [0-9a-f]{16}$'
	assert_equal "$stderr" ""
}

@test "pool-check on a full disk is 4 before any check" {
	on_disk "rm disk/pool*; fill; exec '$POOL_BIN/pool-check' -s disk/ pool.json"
	assert_equal "$status" 4
	assert_output ""
	assert_regex "$stderr" "No space left on device"
}

@test "a read-only disk is read" {
	on_disk "mount -o remount,ro disk; exec '$select' -s disk/ pool.json"
	assert_equal "$status" 0
	assert_regex "$output" '^http://127\.0\.0\.1:[12]$'
	assert_equal "$(grep -c . <<<"$stderr")" 1
	assert_regex "$stderr" "selecting without shared state: state file 'disk/.*' cannot be written"
}

@test "an edit on a read-only disk is in force at once" {
	on_disk "mount -o remount,ro disk; $edit; for i in 1 2 3; do '$select' -s disk/ pool.json || exit; done"
	assert_equal "$status" 0
	assert_equal "${#lines[@]}" 3
	assert_equal "$(grep -c . <<<"$stderr")" 3
}

@test "--require-state and pool-check on a read-only disk are 3" {
	on_disk "mount -o remount,ro disk; exec '$select' --require-state -s disk/ pool.json"
	assert_equal "$status" 3
	on_disk "mount -o remount,ro disk; exec '$POOL_BIN/pool-check' -s disk/ pool.json"
	assert_equal "$status" 3
	assert_regex "$stderr" "cannot be written|cannot write"
}
