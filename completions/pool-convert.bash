# bash completion of pool-convert

_pool_convert() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --file --trust-file --from --to --pool --scheme --check -x --exchange -t --type
		--diff -o --output --strict -q --quiet -v --verbose --log-format -h --help
		-V --version'
	local words=

	# bash takes "--format=json" for three words
	case $cur in
	=) cur= ;;
	*) [ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]} ;;
	esac
	case $prev in
	--from | --to) words='pool cryptofeed env list proxychains' ;;
	--check) words='tcp http ping' ;;
	--scheme) words='http https socks4 socks4a socks5 socks5h' ;;
	--log-format) words='text json' ;;
	-t | --type) words='http websocket' ;;
	-x | --exchange) return ;;
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

complete -F _pool_convert pool-convert
