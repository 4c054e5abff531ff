# The acceptance corpus: its own tables decide.

load ../lib

setup() {
	pool_setup
	validate=$POOL_BIN/pool-validate
	select=$POOL_BIN/pool-select
	corpus=$TESTS_DIR/corpus
}

teardown() {
	pool_teardown
}

# judge TABLE: every row of it; names the rows that came out otherwise.
judge() {
	local file expected rest status wanted rows=0 wrong=0

	while IFS=$'\t' read -r file expected rest; do
		[ "$file" != file ] || continue
		rows=$((rows + 1))
		case $expected in
		accept*) wanted=0 ;;
		reject | refuse*) wanted=1 ;;
		*) wanted=unknown ;;
		esac
		status=0
		"$validate" "$corpus/$file" >out 2>err || status=$?
		# A refusal names the place and the rule.
		if [ "$status" != "$wanted" ] ||
			{ [ "$status" = 1 ] &&
				! grep -qE ':[0-9]+:[0-9]+: error: .* \[[a-z0-9-]+\]$' err; }; then
			wrong=$((wrong + 1))
			echo "$file: status $status, expected $wanted: $rest"
			cat err
		fi
	done <"$corpus/$1"
	echo "$rows rows, $wrong wrong"
	[ "$rows" -gt 0 ] && [ "$wrong" -eq 0 ]
}

@test "every row of MANIFEST.tsv" {
	run -0 judge MANIFEST.tsv
	assert_output "$(grep -vc '^file	' "$corpus/MANIFEST.tsv") rows, 0 wrong"
}

@test "every row of policy.tsv" {
	run -0 judge policy.tsv
	assert_output "$(grep -vc '^file	' "$corpus/policy.tsv") rows, 0 wrong"
}

@test "rows of policy.tsv that say so warn" {
	local file

	for file in $(awk -F '\t' '$2 ~ /warn/ { print $1 }' \
		"$corpus/policy.tsv"); do
		run -1 --separate-stderr "$validate" --strict "$corpus/$file"
		assert_regex "$stderr" ': warning: '
	done
}

# select_with ENVIRONMENT OPTION...: pool-select with KEY=VALUE;KEY=VALUE set, or - for none.
select_with() {
	local variables=()

	[ "$1" = - ] || IFS=';' read -ra variables <<<"$1"
	shift
	env "${variables[@]}" "$select" --no-state "$@"
}

# resolve: each lookup of resolve.tsv.
resolve() {
	local file env exchange type expected url direct status rows=0 wrong=0

	while IFS=$'\t' read -r file env exchange type expected; do
		[ "$file" != file ] || continue
		rows=$((rows + 1))
		status=0
		url=$(select_with "$env" -x "$exchange" -t "$type" "$corpus/$file" 2>err) ||
			status=$?
		case $expected in
		NONE)
			direct=$(select_with "$env" --direct-ok -x "$exchange" -t "$type" \
				"$corpus/$file" 2>>err) || direct="status $?"
			[ "$status" = 1 ] && [[ $url == http://*.no-proxy.invalid:9 ]] && [ -z "$direct" ]
			;;
		ERROR)
			# With an environment that is wrong, its variable is named.
			[ "$status" != 0 ] && [[ $url == http://*.no-proxy.invalid:9 ]] &&
				{ [ "$env" = - ] || grep -q '^pool-select: CRYPTOFEED_PROXY_' err; }
			;;
		*) [ "$status" = 0 ] && [[ ,$expected, == *",$url,"* ]] ;;
		esac || {
			wrong=$((wrong + 1))
			echo "$file $env $exchange $type: status $status, '$url'"
			cat err
		}
	done <"$corpus/resolve.tsv"
	echo "$rows rows, $wrong wrong"
	[ "$rows" -gt 0 ] && [ "$wrong" -eq 0 ]
}

@test "every row of resolve.tsv, with its environment" {
	run -0 resolve
	assert_output "$(grep -vc '^file	' "$corpus/resolve.tsv") rows, 0 wrong"
}

@test "pool-validate --resolve leads where resolve.tsv says" {
	local file env exchange type expected line

	while IFS=$'\t' read -r file env exchange type expected; do
		[[ $file != file && $env == - ]] || continue
		run -0 --separate-stderr "$validate" --resolve -x "$exchange" -t "$type" \
			"$corpus/$file"
		line=${lines[1]}
		case $expected in
		NONE) assert_regex "$line" ' http://(disabled|not-configured)\.no-proxy\.invalid:9$' ;;
		ERROR) assert_regex "$line" '\(disabled\)' ;;
		*) refute_regex "$line" 'no-proxy' ;;
		esac
	done <"$corpus/resolve.tsv"
}
