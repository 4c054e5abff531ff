# bash completion of pool-check

# Names that begin as the last of the comma list at the cursor, of the pool file that the line
# names, if it does. They are not expanded: a name is only text.
_pool_check_names() {
	local word=${COMP_LINE:0:${COMP_POINT:-0}} name list='' i
	local -a file=()

	for ((i = 1; i < COMP_CWORD - 1; i++)); do
		case ${COMP_WORDS[i]} in
		-f | --file)
			[ "${COMP_WORDS[i + 1]}" != = ] || i=$((i + 1))
			file=(-f "${COMP_WORDS[i + 1]/#\~\//$HOME/}")
			;;
		esac
	done
	word=${word##*[[:blank:]=]}
	[ -n "${COMP_LINE-}" ] || word=$cur
	[[ $word != *,* ]] || list=${word%,*},
	COMPREPLY=()
	while IFS= read -r name; do
		name=$list$name
		[[ $name == "$word"* ]] || continue
		# bash cuts words up at each colon
		[[ $word != *:* ]] || name=${name#"${word%:*}:"}
		COMPREPLY+=("$name")
	done < <(pool-status --names "${file[@]}" 2>/dev/null)
}

_pool_check() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --file --trust-file -s --state --no-state -x --exchange -t --type --only --method
		--url --concurrency --target-rate --timeout --quorum --plugin -w
		--warning -c --critical --format --metrics-file --dry-run --ca-file -q
		--quiet -v --verbose --log-format -h --help -V --version'
	local words=

	# bash takes "--format=json" for three words
	case $cur in
	=) cur= ;;
	*) [ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]} ;;
	esac
	case $prev in
	--log-format) words='text json' ;;
	-t | --type) words='http websocket' ;;
	--method) words='tcp http ping tunnel websocket' ;;
	--format) words='table tsv json jsonl' ;;
	-x | --exchange | --url | --concurrency | --target-rate | --timeout | --quorum | -w | --warning | -c | --critical) return ;;
	--only)
		_pool_check_names
		return
		;;
	-f | --file | -s | --state | --metrics-file | --ca-file) ;;
	*) [[ $cur != -* ]] || words=$options ;;
	esac
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	else
		# outside of a completion there is nothing to set
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

complete -F _pool_check pool-check
