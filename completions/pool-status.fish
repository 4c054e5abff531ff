# fish completion of pool-status

# Names for a comma list, of the pool file that the line names, if it does.
function __pool_status_names
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

complete -c pool-status -s f -l file -r -F -d 'The pool file (- is standard input)'
complete -c pool-status -l trust-file -d 'Whoever can write it'
complete -c pool-status -s s -l state -r -F -d 'The state file, or a folder for it'
complete -c pool-status -s x -l exchange -x -d 'Only the pools of this exchange'
complete -c pool-status -s t -l type -x -a 'http websocket' -d 'Only pools of this type'
complete -c pool-status -l only -x -a '(__pool_status_names)' -d 'Only these proxies'
complete -c pool-status -l format -x -a 'table tsv json jsonl prometheus' -d 'What to print'
complete -c pool-status -l quorum -x -d 'Exit 1 unless so many of each pool work'
complete -c pool-status -l plugin -d 'Answer as a monitoring plugin'
complete -c pool-status -s w -l warning -x -d 'With --plugin: warn by the percentage that works'
complete -c pool-status -s c -l critical -x -d 'With --plugin: critical by it'
complete -c pool-status -l timeout -x -d 'How long to wait for the lock'
complete -c pool-status -l watch -d 'Show the table again and again'
complete -c pool-status -l history -d 'Show the last changes of status'
complete -c pool-status -l names -d 'Print the names of the proxies'
complete -c pool-status -s 0 -l null -d 'With --names: end each with a NUL byte'
complete -c pool-status -l verify -d 'Say whether the state file and the snapshot are whole'
complete -c pool-status -l repair -d 'Set right what is wrong in them'
complete -c pool-status -s q -l quiet -d 'Print only what is not as it should be'
complete -c pool-status -s v -l verbose -d 'Say why of each proxy'
complete -c pool-status -l log-format -x -a 'text json' -d 'How messages look'
complete -c pool-status -s h -l help -d 'Print help'
complete -c pool-status -s V -l version -d 'Print the version'
