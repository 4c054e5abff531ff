# bash completion of pool-report

# shellcheck source=completions/_pool_names.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/_pool_names.bash"

_pool_report() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --file --trust-file -s --state -x --exchange -t --type --all --status --retry-after
		--date --latency-ms --reason --from-curl-exit -q --quiet -v --verbose --log-format
		-h --help -V --version'
	local words='ok fail done disable enable reset' kind=operand

	# bash takes "--reason=tls" for three words
	case $cur in
	=) cur= ;;
	*) [ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]} ;;
	esac
	case $prev in
	--log-format) kind=word words='text json' ;;
	-t | --type) kind=word words='http websocket' ;;
	--reason)
		kind=word words='ok no-descriptors no-route no-resolver no-permission no-secret
			no-memory no-ports bad-setup proxy-name connect-refused unreachable
			connect-timeout ping-timeout reset closed handshake-timeout
			wrong-protocol proxy-tls denied authentication tls tls-verify
			bad-gateway target-name target-refused target-unreachable
			response-timeout empty-answer truncated status body blocked limited
			run-deadline target-suspect uplink-suspect reported proxy-failed
			greeting-timeout'
		;;
	-x | --exchange | --status | --retry-after | --date | --latency-ms | --from-curl-exit) return ;;
	-f | --file | -s | --state) kind=path ;;
	*) [[ $cur != -* ]] || kind=word words=$options ;;
	esac
	COMPREPLY=()
	if [ "$kind" = path ]; then
		# outside of a completion there is nothing to set
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[ "$kind" = word ] || _pool_names word
}

complete -F _pool_report pool-report
