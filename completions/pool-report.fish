# fish completion of pool-report

source (status dirname)/__pool_names.fish

complete -c pool-report -f
complete -c pool-report -a '(__pool_names word)' -d 'Proxy'
complete -c pool-report -a 'ok fail done disable enable reset'
complete -c pool-report -s f -l file -r -F -d 'The pool file'
complete -c pool-report -l trust-file -d 'Whoever can write it'
complete -c pool-report -s s -l state -r -F -d 'The state file, or a folder for it'
complete -c pool-report -s x -l exchange -x -d 'Whose pool'
complete -c pool-report -s t -l type -x -a 'http websocket' -d 'Its http or websocket pool'
complete -c pool-report -l all -d 'Disable, enable or reset every proxy'
complete -c pool-report -l status -x -d 'The HTTP status of the answer'
complete -c pool-report -l retry-after -x -d 'Its Retry-After'
complete -c pool-report -l date -x -d 'Its Date'
complete -c pool-report -l latency-ms -x -d 'How long it took, in milliseconds'
complete -c pool-report -l reason -x -a 'ok no-descriptors no-route no-resolver no-permission no-secret no-memory no-ports bad-setup proxy-name connect-refused unreachable connect-timeout ping-timeout reset closed handshake-timeout wrong-protocol proxy-tls denied authentication tls tls-verify bad-gateway target-name target-refused target-unreachable response-timeout empty-answer truncated status body blocked limited run-deadline target-suspect uplink-suspect reported proxy-failed greeting-timeout' -d 'Why'
complete -c pool-report -l from-curl-exit -x -d 'Exit status of curl'
complete -c pool-report -s q -l quiet -d 'No warnings'
complete -c pool-report -s v -l verbose -d 'Say what became of it'
complete -c pool-report -l log-format -x -a 'text json' -d 'How messages look'
complete -c pool-report -s h -l help -d 'Print help'
complete -c pool-report -s V -l version -d 'Print the version'
