# The names of proxies, for fish completions of all tools: "__pool_names list" or "__pool_names word", of
# the pool file that the line names, if it does. A name is only text: it is quoted, never expanded.

function __pool_names
	set -l words (commandline -opc)
	set -l file
	set -l before
	for i in (seq (count $words))
		set -l given
		switch $words[$i]
			case -f --file
				set given $words[(math $i + 1)]
			case '--file=*'
				set given (string replace -- --file= '' $words[$i])
		end
		test -n "$given"; and set file -f (string replace -r '^~/' "$HOME/" -- $given)
	end
	if test "$argv[1]" = list
		set -l word (commandline -ct | string replace -r '^--[a-z]*=' '')
		set -l plain (string unescape -- $word; or string trim -l -c '\'"' -- $word)
		set before (string match -r '.*,' -- $plain)
	end
	for name in (pool-status --names $file 2>/dev/null)
		# fish takes this for somebody's home, and quotes it for nobody
		string match -q '~*' -- "$before$name"; and continue
		printf '%s%s\n' "$before" $name
	end
end
