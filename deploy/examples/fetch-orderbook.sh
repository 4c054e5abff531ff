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

# Each proxy that failed, so that none is asked twice.
failed=

for attempt in 1 2 3; do
	# Without a proxy the status is 1 and the output no-proxy://REASON, which curl refuses: nothing
	# ever goes direct by accident.
	answer=$(pool-select -x "$exchange" --lease --owner $$ ${failed:+--exclude "$failed"} \
		--format $'%{name} %{lease} %{url}\n') || exit 1
	read -r name lease proxy <<<"$answer"

	# The URL of the proxy may hold a password: curl reads it where ps does not see it.
	status=0
	code=$(curl -sS -m 20 -o "$page" -w '%{http_code}' -K <(printf 'proxy = "%s"\n' "$proxy") \
		"$url") || status=$?

	if [ "$status" -ne 0 ]; then
		pool-report "$lease" --from-curl-exit "$status"
	elif [ "$code" -ge 400 ]; then
		pool-report "$lease" fail --status "$code"
	else
		pool-report "$lease" ok --status "$code"
		cat "$page"
		exit 0
	fi
	echo "attempt $attempt: $name failed (curl $status, HTTP $code)" >&2
	failed=${failed:+$failed,}$name
done
exit 1
