# bash completion of pool-status

# shellcheck source=completions/_pool_names.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/_pool_names.bash"

_pool_status() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --file --trust-file -s --state -x --exchange -t --type --only --format --quorum
		--plugin -w --warning -c --critical --timeout --watch --history --names -0
		--null --verify --repair --prune --dry-run -q --quiet -v --verbose --log-format -h --help -V
		--version'
	local words=

	# bash takes "--format=json" for three words
	case $cur in
	=) cur= ;;
	*) [ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]} ;;
	esac
	case $prev in
	-t | --type) words='http websocket' ;;
	--format) words='table tsv json jsonl prometheus' ;;
	--log-format) words='text json' ;;
	--only)
		_pool_names list
		return
		;;
	-x | --exchange | --quorum | -w | --warning | -c | --critical | --timeout) return ;;
	-f | --file | -s | --state) ;;
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

complete -F _pool_status pool-status
