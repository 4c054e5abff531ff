# fish completion of pool-select

# Names for a comma list, of the pool file that the line names, if it does.
function __pool_select_names
	set -l words (commandline -opc)
	set -l file
	for i in (seq (math (count $words) - 1))
		contains -- $words[$i] -f --file; and set file -f $words[(math $i + 1)]
	end
	set -l before (commandline -ct | string replace -r '^--[a-z]*=' '' | string replace -r '[^,]*$' '')
	for name in (pool-status --names $file 2>/dev/null)
		echo $before$name
	end
end

complete -c pool-select -s f -l file -r -F -d 'The pool file (- is standard input)'
complete -c pool-select -l trust-file -d 'Whoever can write it'
complete -c pool-select -s s -l state -r -F -d 'The state file, or a folder for it'
complete -c pool-select -l no-state -d 'Use no state file'
complete -c pool-select -l require-state -d 'Fail rather than select without state'
complete -c pool-select -s x -l exchange -x -d 'Whose traffic'
complete -c pool-select -s t -l type -x -a 'http websocket' -d 'Connection type'
complete -c pool-select -s n -l count -x -d 'Print so many distinct proxies'
complete -c pool-select -l strategy -x -a 'round_robin random least_connections least_latency sticky failover' -d 'Choose by this strategy'
complete -c pool-select -l key -x -d 'Whose proxy it is'
complete -c pool-select -l strict -d 'With sticky: the key\'s own proxy or none'
complete -c pool-select -l exclude -x -a '(__pool_select_names)' -d 'Never these proxies'
complete -c pool-select -l scheme -x -a 'http https socks4 socks4a socks5 socks5h' -d 'Only these schemes'
complete -c pool-select -l cost -x -d 'Requests to charge the budget with'
complete -c pool-select -l wait -x -d 'Wait so long for an eligible proxy'
complete -c pool-select -l lease -d 'Take a lease and print it'
complete -c pool-select -l owner -x -a '(__fish_complete_pids)' -d 'The lease ends with this process'
complete -c pool-select -l ttl -x -d 'The lease ends after so long'
complete -c pool-select -l format -x -a 'url hostport env export curlrc proxychains json' -d 'What to print'
complete -c pool-select -l serve -d 'Answer a line of input with a line'
complete -c pool-select -l direct-ok -d 'Disabled or not configured: print nothing, exit 0'
complete -c pool-select -l explain -d 'Say why this one, and not others'
complete -c pool-select -l dry-run -d 'Choose, but account for nothing'
complete -c pool-select -s q -l quiet -d 'Say only what is needed'
complete -c pool-select -s v -l verbose -d 'Say more on standard error'
complete -c pool-select -l log-format -x -a 'text json' -d 'How messages look'
complete -c pool-select -s h -l help -d 'Print help'
complete -c pool-select -s V -l version -d 'Print the version'
