# fish completion of pool-check

# Names for a comma list, of the pool file that the line names, if it does.
function __pool_check_names
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

complete -c pool-check -s f -l file -r -F -d 'The pool file (- is standard input)'
complete -c pool-check -l trust-file -d 'Whoever can write it'
complete -c pool-check -s s -l state -r -F -d 'The state file, or a folder for it'
complete -c pool-check -l no-state -d 'Use no state file; only with --dry-run'
complete -c pool-check -s x -l exchange -x -d 'Only the pools of this exchange'
complete -c pool-check -s t -l type -x -a 'http websocket' -d 'Only pools of this type'
complete -c pool-check -l only -x -a '(__pool_check_names)' -d 'Only these proxies'
complete -c pool-check -l method -x -a 'tcp http ping tunnel websocket' -d 'Check by this method'
complete -c pool-check -l url -x -d 'What to ask for'
complete -c pool-check -l concurrency -x -d 'Checks at once'
complete -c pool-check -l target-rate -x -d 'Requests a second to one target host at most'
complete -c pool-check -l timeout -x -d 'How long the run may take'
complete -c pool-check -l quorum -x -d 'How many of a pool must pass'
complete -c pool-check -l plugin -d 'Answer as a monitoring plugin'
complete -c pool-check -s w -l warning -x -d 'With --plugin: warn by the percentage passed'
complete -c pool-check -s c -l critical -x -d 'With --plugin: critical by it'
complete -c pool-check -l format -x -a 'table tsv json jsonl' -d 'What to print'
complete -c pool-check -l metrics-file -r -F -d 'Write Prometheus text to this file as well'
complete -c pool-check -l dry-run -d 'Check, but store nothing'
complete -c pool-check -l ca-file -r -F -d 'Certificates to trust'
complete -c pool-check -s q -l quiet -d 'Print nothing unless the answer is no'
complete -c pool-check -s v -l verbose -d 'Say what to do about each failure'
complete -c pool-check -l log-format -x -a 'text json' -d 'How messages look'
complete -c pool-check -s h -l help -d 'Print help'
complete -c pool-check -s V -l version -d 'Print the version'
