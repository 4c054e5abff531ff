# fish completion of pool-watch

# Events for a comma list.
function __pool_watch_events
	set -l before (commandline -ct | string replace -r '^--[a-z-]*=' '' | string replace -r '[^,]*$' '')
	for event in started stopped transition degraded exhausted recovered panic reload \
			rollback target-suspect target-recovered uplink-suspect uplink-recovered \
			local-trouble flapping settled
		echo $before$event
	end
end

# A URL, or a file behind an @.
function __pool_watch_webhook
	set -l word (commandline -ct | string replace -r '^--[a-z-]*=' '')
	string match -q '@*' -- $word; or return
	for file in (__fish_complete_path (string sub -s 2 -- $word))
		echo @$file
	end
end

complete -c pool-watch -s f -l file -r -F -d 'The pool file'
complete -c pool-watch -l trust-file -d 'Whoever can write it'
complete -c pool-watch -s s -l state -r -F -d 'The state file, or a folder for it'
complete -c pool-watch -s x -l exchange -x -d 'Only the pools of this exchange'
complete -c pool-watch -s t -l type -x -a 'http websocket' -d 'Only pools of this type'
complete -c pool-watch -l format -x -a 'text jsonl' -d 'How events look'
complete -c pool-watch -l concurrency -x -d 'Checks at once'
complete -c pool-watch -l target-rate -x -d 'Requests a second to one target host at most'
complete -c pool-watch -l ca-file -r -F -d 'Certificates to trust'
complete -c pool-watch -l quorum -x -d 'A pool with fewer eligible proxies is degraded'
complete -c pool-watch -l listen -x -d 'Serve metrics, status and the dashboard'
complete -c pool-watch -l allow-host -x -d 'Serve them by this name too'
complete -c pool-watch -l metrics-file -r -F -d 'Write Prometheus text to this file'
complete -c pool-watch -l pool-metrics -d 'Metrics without a series for each proxy'
complete -c pool-watch -l on-change -x -a '(__fish_complete_command)' -d 'Run this program for alerts'
complete -c pool-watch -l webhook -x -a '(__pool_watch_webhook)' -d 'Post alerts to this URL (or @FILE)'
complete -c pool-watch -l alert-on -x -a '(__pool_watch_events)' -d 'Which events are alerts'
complete -c pool-watch -l alert-window -x -d 'Gather alerts for so long'
complete -c pool-watch -l daemonize -d 'Go to the background once the first round is stored'
complete -c pool-watch -l stop -d 'End the instance that watches this pool file'
complete -c pool-watch -l restart -d 'End it, and start anew in the background'
complete -c pool-watch -l reload -d 'Have it read the pool file now'
complete -c pool-watch -s q -l quiet -d 'Print only events that are bad news'
complete -c pool-watch -s v -l verbose -d 'Print every check as well'
complete -c pool-watch -l log-format -x -a 'text json' -d 'How messages look'
complete -c pool-watch -s h -l help -d 'Print help'
complete -c pool-watch -s V -l version -d 'Print the version'
