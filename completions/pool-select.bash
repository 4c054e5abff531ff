# bash completion of pool-select

# shellcheck source=completions/_pool_names.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/_pool_names.bash"

_pool_select() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --file --trust-file -s --state --no-state --require-state -x --exchange -t --type
		-n --count --strategy --key --strict --exclude --scheme --cost --wait --lease
		--owner --ttl --format --serve --direct-ok --explain --dry-run -q --quiet
		-v --verbose --log-format -h --help -V --version'
	local words=

	# bash takes "--format=json" for three words
	case $cur in
	=) cur= ;;
	*) [ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]} ;;
	esac
	case $prev in
	--log-format) words='text json' ;;
	-t | --type) words='http websocket' ;;
	--strategy) words='round_robin random least_connections least_latency sticky failover' ;;
	--scheme) words='http https socks4 socks4a socks5 socks5h' ;;
	--format) words='url hostport env export curlrc proxychains json' ;;
	-x | --exchange | -n | --count | --key | --cost | --wait | --owner | --ttl) return ;;
	--exclude)
		_pool_names list
		return
		;;
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

complete -F _pool_select pool-select
