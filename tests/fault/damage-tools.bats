# The other tools beside a snapshot whose bytes are not as they were written: each does what it should,
# and no message shows a credential.

load ../lib
load damage

@test "every tool does what it should beside a damaged snapshot" {
	cat >watch_once <<-'END'
		#!/bin/bash
		# until it has begun, with all proxies of the pool file
		rm -f events
		pool-watch pool.json >events 2>messages &
		for ((i = 0; i < 500; i++)); do
			grep -qs 'started: .* of 4 proxies' events && break
			sleep 0.01
		done
		kill $! && wait $! && grep -q 'started: .* of 4 proxies' events
		status=$?
		cat messages >&2
		exit $status
	END
	chmod +x watch_once
	while IFS='|' read -r expected how command; do
		# shellcheck disable=SC2086
		run -0 "$damage" "${HIDE[@]}" --keep "$state" --status "$expected" "$snap" $how -- \
			bash -c "$command" bash
		assert_output --regexp ", 0 faults: [0-9]+ with status $expected\$"
	done <<-'END'
		0|flip 16|[ "$(pool-status --names pool.json)" = "$(printf '%s\n' 127.0.0.1:3 127.0.0.1:4 ünïcode-α 二)" ]
		0|flip 16|[ "$(pool-status --format tsv pool.json | wc -l)" -eq 5 ]
		0|flip 16|pool-report -f pool.json -x default -t http 二 ok
		0|flip 16|[ "$(pool-exec -f pool.json -x binance bash -c 'echo $https_proxy')" = https://mira:S3CRET%3A3@127.0.0.1:3 ]
		0|flip 16|[ "$(echo binance | pool-select --serve pool.json)" = https://mira:S3CRET%3A3@127.0.0.1:3 ]
		1|flip 16|pool-check --format tsv pool.json >out; s=$?; [ "$(wc -l <out)" -eq 5 ] || exit 99; exit $s
		0|flip 16|./watch_once
		0|overwrite 20|pool-validate pool.json && pool-status pool.json
	END
}
