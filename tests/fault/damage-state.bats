# A state file whose bytes are not as they were written: every tool answers rightly or refuses, and no
# message shows a credential.

load ../lib
load damage

# --- the state file -----------------------------------------------------------------------------------------

@test "one bit flipped at each byte of the state file: a proxy of the pool file, or none" {
	{
		cat right
		pool-select --format "$F" missing.json || :
		pool-select --format "$F" --exclude ünïcode-α,二 pool.json | sed s/filtered/none-eligible/
	} >answers 2>/dev/null
	# a tool of a sanitizer takes ten times as long to start
	ways=('flip 1' 'cut 64' 'zero 4' 'overwrite 200' 'swap 8' 'swap 256')
	! is_sanitized || ways=('flip 16' 'cut 512' 'zero 64' 'overwrite 100' 'swap 128' 'swap 1024')
	for how in "${ways[@]}"; do
		# shellcheck disable=SC2086
		run -0 "$damage" "${HIDE[@]}" --keep "$snap" --right answers --status 0,1,3,4 \
			"$state" $how -- pool-select --format "$F" pool.json
		assert_output --regexp ', 0 faults: '
	done
}

@test "every tool ends by itself beside a damaged state file" {
	step=16
	! is_sanitized || step=128
	while IFS='|' read -r statuses command; do
		run -0 "$damage" "${HIDE[@]}" --keep "$snap" --status "$statuses" "$state" flip "$step" -- \
			bash -c "$command"
		assert_output --regexp ', 0 faults: '
	done <<-'END'
		0,3|pool-status --format json pool.json >out; s=$?; [ $s -ne 0 ] || grep -q '"proxies"' out || exit 99; exit $s
		0,1,3|pool-status --verify pool.json
		0,3|pool-report -f pool.json -x default -t http 二 fail
		0,125|pool-exec -f pool.json true
		0|echo - | pool-select --serve pool.json >out && [[ $(<out) =~ ^(http|socks5h)://[^[:space:]]+$ ]]
	END
}
