# bash completion of pool-exec

# shellcheck source=completions/_pool_names.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/_pool_names.bash"

# The place of the command in the words: behind the options and their values.
_pool_exec_command() {
	local place=1 valued='-f --file -s --state -x --exchange -t --type --strategy --key --exclude
		--scheme --cost --wait --retries --timeout --fail-on --log-format'

	while [ "$place" -lt "$COMP_CWORD" ]; do
		case ${COMP_WORDS[place]} in
		--) place=$((place + 1)) && break ;;
		-*) [[ " ${valued//[[:space:]]/ } " != *" ${COMP_WORDS[place]} "* ]] ||
			place=$((place + 1)) ;;
		=) place=$((place + 1)) ;;
		*) break ;;
		esac
		# bash takes "--type=http" for three words
		[ "${COMP_WORDS[place]-}" = = ] || place=$((place + 1))
	done
	echo "$place"
}

_pool_exec() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --file --trust-file -s --state --no-state --require-state -x --exchange -t --type
		--strategy --key --strict --exclude --scheme --cost --wait --retries --timeout
		--fail-on --buffer --template --keep-no-proxy --direct-ok --clients -q --quiet -v --verbose
		--log-format -h --help -V --version'
	local place words=

	place=$(_pool_exec_command)
	COMPREPLY=()
	if [ "$place" -lt "$COMP_CWORD" ]; then
		if declare -F _command_offset >/dev/null; then
			_command_offset "$place"
		else
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		return
	fi
	case $cur in
	=) cur= ;;
	*) [ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]} ;;
	esac
	case $prev in
	--log-format) words='text json' ;;
	-t | --type) words='http websocket' ;;
	--strategy)
		words='round_robin random least_connections least_latency sticky failover'
		;;
	--scheme) words='http https socks4 socks4a socks5 socks5h' ;;
	--exclude)
		_pool_names list
		return
		;;
	-x | --exchange | --key | --cost | --wait | --retries | --timeout | --fail-on) return ;;
	-f | --file | -s | --state)
		# outside of a completion there is nothing to set
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	*)
		if [[ $cur != -* ]]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			return
		fi
		words=$options
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _pool_exec pool-exec
