# bash completion of pool-check

# shellcheck source=completions/_pool_names.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/_pool_names.bash"

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
		_pool_names list
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
