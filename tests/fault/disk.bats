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
	assert_output "no-proxy://error"
	assert_regex "$stderr" "cannot make state file 'disk/.*' larger: No space left on device"
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
