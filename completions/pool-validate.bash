# bash completion of pool-validate

_pool_validate() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --file --input --format -o --output --env --expand --strict --allow
		--max-errors --print --resolve --rules --schema -x --exchange
		-t --type -q --quiet -v --verbose --log-format -h --help -V --version'
	local words=

	# bash takes "--format=json" for three words
	case $cur in
	=) cur= ;;
	*) [ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]} ;;
	esac
	case $prev in
	--input) words='json yaml' ;;
	--format) words='text json sarif github gitlab' ;;
	--log-format) words='text json' ;;
	-t | --type) words='http websocket' ;;
	--allow | --max-errors | -x | --exchange) return ;;
	-f | --file | -o | --output) ;;
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

complete -F _pool_validate pool-validate
