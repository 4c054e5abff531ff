# bash completion of pool-watch

# Events that begin as the last of the comma list at the cursor.
_pool_watch_events() {
	local list=''
	local events='started stopped transition degraded exhausted recovered panic
		reload rollback target-suspect target-recovered uplink-suspect
		uplink-recovered local-trouble flapping settled'

	[[ $cur != *,* ]] || list=${cur%,*},
	mapfile -t COMPREPLY < <(compgen -P "$list" -W "$events" -- "${cur##*,}")
}

_pool_watch() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --file --trust-file -s --state -x --exchange -t --type --format --concurrency
		--target-rate --ca-file --quorum --listen --allow-host --metrics-file
		--pool-metrics --on-change --webhook --alert-on --alert-window --daemonize --stop
		--restart --reload -q --quiet -v --verbose --log-format -h --help
		-V --version'
	local words=

	# bash takes "--format=jsonl" for three words, and "@file" for two
	case $cur in
	=) cur= ;;
	@) cur='' prev=@ ;;
	*) [ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]} ;;
	esac
	case $prev in
	--log-format) words='text json' ;;
	-t | --type) words='http websocket' ;;
	--format) words='text jsonl' ;;
	--alert-on)
		_pool_watch_events
		return
		;;
	--on-change)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
		;;
	-x | --exchange | --concurrency | --target-rate | --quorum | --listen | --allow-host | --webhook | --alert-window) return ;;
	-f | --file | -s | --state | --metrics-file | --ca-file | @) ;;
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

complete -F _pool_watch pool-watch
