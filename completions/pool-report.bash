# bash completion of pool-report

# Names that begin as the word at the cursor, which bash cuts up at each colon, of the pool file that
# the line names, if it does. They are not expanded: a name is only text.
_pool_report_names() {
	local word=${COMP_LINE:0:${COMP_POINT:-0}} name i
	local -a file=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-f | --file)
			[ "${COMP_WORDS[i + 1]}" != = ] || i=$((i + 1))
			file=(-f "${COMP_WORDS[i + 1]/#\~\//$HOME/}")
			;;
		esac
	done
	word=${word##*[[:blank:]]}
	[ -n "${COMP_LINE-}" ] || word=${COMP_WORDS[COMP_CWORD]}
	while IFS= read -r name; do
		[[ $name == "$word"* ]] || continue
		[[ $word != *:* ]] || name=${name#"${word%:*}:"}
		COMPREPLY+=("$name")
	done < <(pool-status --names "${file[@]}" 2>/dev/null)
}

_pool_report() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --file --trust-file -s --state -x --exchange -t --type --all --status --retry-after
		--latency-ms --reason --from-curl-exit -q --quiet -v --verbose --log-format
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
			run-deadline target-suspect uplink-suspect reported proxy-failed'
		;;
	-x | --exchange | --status | --retry-after | --latency-ms | --from-curl-exit) return ;;
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
	[ "$kind" = word ] || _pool_report_names
}

complete -F _pool_report pool-report
