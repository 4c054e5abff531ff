# The names of proxies, for bash completions of all tools.
#
# A pool file is another's text: nothing of it, nor of the line, is ever expanded or evaluated, and what
# is inserted is quoted. (bash quotes names of files itself, but leaves "$" and ")" as they are.)

# Takes the line up to the cursor apart as the shell would, but expands nothing. To _pool_words the
# words before the last one, to _pool_word that one, to _pool_skip how much of it readline leaves as it
# is, which cuts words at quotes and some characters; to _pool_quote the quote that is open.
_pool_split() {
	local line=${COMP_LINE:0:${COMP_POINT:-0}} char next i

	_pool_words=() _pool_word='' _pool_skip=0 _pool_quote=
	for ((i = 0; i < ${#line}; i++)); do
		char=${line:i:1} next=${line:i+1:1}
		case $_pool_quote$char in
		"''" | '""') _pool_quote='' _pool_skip=${#_pool_word} ;;
		\"\\)
			[[ $next == [\$\`\"\\] ]] || _pool_word+=$char
			_pool_word+=$next i=$((i + 1))
			;;
		\'? | \"?) _pool_word+=$char ;;
		\' | \") _pool_quote=$char _pool_skip=${#_pool_word} ;;
		\\) _pool_word+=$next i=$((i + 1)) ;;
		[[:blank:]])
			[ -z "$_pool_word" ] || _pool_words+=("$_pool_word")
			_pool_word='' _pool_skip=0
			;;
		*)
			_pool_word+=$char
			[[ $COMP_WORDBREAKS != *"$char"* ]] || _pool_skip=${#_pool_word}
			;;
		esac
	done
}

# _pool_insert TEXT: what readline is to insert for it, to COMPREPLY. It closes the quote that is open,
# unless the text ends with one.
_pool_insert() {
	local text=$1

	case $_pool_quote in
	"'")
		text=${text//"'"/"'\\''"}
		[[ $1 != *"'" ]] || text=${text%"'"}
		;;
	'"')
		text=${text//\\/\\\\} text=${text//\$/\\\$}
		text=${text//\`/\\\`} text=${text//'"'/'\"'}
		text=${text//!/"\"'!'\""}
		[[ $1 != *'"' ]] || text=${text%'\"'}'"\"'
		[[ $1 != *! ]] || text+='"'
		;;
	*)
		[ -z "$text" ] || printf -v text %q "$text"
		# those between names are no part of a brace
		text=${text//\\,/,}
		;;
	esac
	COMPREPLY+=("$text")
}

# _pool_names list|word: to COMPREPLY the names that begin as the word at the cursor, or as the last of
# the list that it is, in the pool file that the line names, if it does.
_pool_names() {
	local COMP_LINE=${COMP_LINE-} COMP_POINT=${COMP_POINT-} before='' name i
	local _pool_word _pool_skip _pool_quote
	local -a _pool_words file=()

	if [ -z "$COMP_LINE" ]; then
		COMP_LINE="${COMP_WORDS[*]:0:COMP_CWORD + 1}"
		COMP_POINT=${#COMP_LINE}
	fi
	_pool_split
	for ((i = 0; i < ${#_pool_words[@]}; i++)); do
		case ${_pool_words[i]} in
		-f | --file) file=(-f "${_pool_words[i + 1]/#\~\//$HOME/}") ;;
		--file=*) file=(-f "${_pool_words[i]#--file=}") ;;
		esac
	done
	[[ $_pool_word != --*=* ]] || before=${_pool_word%%=*}=
	[[ $1 != list || $_pool_word != *,* ]] || before=${_pool_word%,*},
	[ "$1" != list ] || COMPREPLY=()
	while IFS= read -r name; do
		name=$before$name
		[[ $name == "$_pool_word"* ]] || continue
		_pool_insert "${name:_pool_skip}"
	done < <(pool-status --names "${file[@]}" 2>/dev/null)
}
