#!/bin/bash
# Fetch a page through a proxy, and through the next one if that fails; tell how each did.
#
# usage: fetch-orderbook.sh URL [EXCHANGE]
#
# The pool file and its state are found as by the tools ($POOL_FILE, $POOL_STATE). What the
# target answers is printed. Status: 0 fetched, 1 no proxy did it.
set -euo pipefail

url=$1
exchange=${2:-default}
page=$(mktemp)
trap 'rm -f "$page"' EXIT

# report ARGUMENT...: of the proxy, by its lease, or by its name where there was no room for one.
report() {
	if [ -n "$lease" ]; then
		pool-report "$lease" "$@" || :
	else
		pool-report -x "$exchange" "$name" "$@" || :
	fi
}

# Each proxy that failed, so that none is asked twice.
failed=

for attempt in 1 2 3; do
	# A configuration for curl: no password in ps, no NO_PROXY or ~/.curlrc that leads around the
	# proxy, and its name and lease as comments. Without a proxy the status is 1, and the proxy in it
	# http://REASON.no-proxy.invalid:9, which leads nowhere: nothing ever goes direct by accident.
	# The lease ends with this script, and at the latest after a minute: in a container others
	# cannot see a script end. Where there is no room for one it is missing.
	answer=$(pool-select -x "$exchange" --lease --owner $$ --ttl 60 ${failed:+--exclude "$failed"} \
		--format curlrc) || exit 1
	name=$(sed -n 's/^# name //p' <<<"$answer")
	lease=$(sed -n 's/^# lease //p' <<<"$answer")

	status=0
	code=$(curl -sS -m 20 -o "$page" -w '%{http_code}' -K <(printf '%s\n' "$answer") \
		"$url") || status=$?

	if [ "$status" -ne 0 ]; then
		report --from-curl-exit "$status"
	elif [ "$code" -ge 400 ]; then
		report fail --status "$code"
	else
		report ok --status "$code"
		cat "$page"
		exit 0
	fi
	echo "attempt $attempt: $name failed (curl $status, HTTP $code)" >&2
	failed=${failed:+$failed,}$name
done
exit 1
