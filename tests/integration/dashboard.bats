# The dashboard of pool-watch in a browser, with proxies that die and come back.

load ../lib
load ../browser

SECRET=S3CRETpw
DISABLED='{"profile.managed_default_content_settings.javascript": 2}'

setup() {
	pool_setup
	require_browser
	start_stub --name paris http-proxy
	PARIS=$STUB_PORT
	start_stub --name tokyo http-proxy
	TOKYO=$STUB_PORT
	write_members
	start_watch
}

teardown() {
	stop_browser
	pool_teardown
}

# write_members [MEMBER]...: the pool of paris and tokyo, and of more.
write_members() {
	local more

	printf -v more ', %s' "$@"
	[ $# -gt 0 ] || more=
	write_pool pool.json '{"enabled": true,
		"default": {"http": {"pool": {
			"health_check": {"method": "tcp", "interval_seconds": 5, "timeout_seconds": 2,
				"retry_count": 1, "unhealthy_threshold": 1, "healthy_threshold": 1},
			"limits": {"max_connections": 4},
			"proxies": [
				{"name": "paris", "url": "http://127.0.0.1:'"$PARIS"'"},
				{"name": "tokyo", "url": "http://mira:'"$SECRET@127.0.0.1:$TOKYO"'"}'"$more"']}}},
		"exchanges": {"okx": {"http": {"pool": {
			"health_check": {"method": "tcp", "interval_seconds": 5, "timeout_seconds": 2,
				"retry_count": 1},
			"proxies": [{"name": "<b>bold</b>&amp;", "url": "http://127.0.0.1:'"$PARIS"'"}]}}}}}'
}

# pool-watch with its first round stored; where it listens is in WATCH.
start_watch() {
	printf '%s\0' pool-watch --listen 127.0.0.1:0 pool.json >"$SERVERS/watch.cmd"
	launch watch
	wait_until "$START_SECONDS" says_where_it_listens || {
		cat "$SERVERS/watch.log" >&2
		return 1
	}
	# when it is started again it shall have the same port
	echo "${WATCH##*:}" >"$SERVERS/watch.port"
	printf '%s\0' pool-watch --listen "${WATCH#http://}" pool.json >"$SERVERS/watch.cmd"
	wait_until "$START_SECONDS" curl -sf -o ready "$WATCH/readyz"
}

says_where_it_listens() {
	WATCH=$(sed -n 's|^pool-watch: listening on \(http://127.0.0.1:[0-9]*\)/$|\1|p' \
		"$SERVERS/watch.log")
	[ -n "$WATCH" ]
}

open_page() {
	start_browser "$@"
	visit "$WATCH/"
}

# field NAME FIELD: of the row of a proxy.
field() {
	in_page 'for (const row of document.querySelectorAll("tbody tr"))
		if (row.querySelector("[data-f=proxy]").textContent === arguments[0])
			return row.querySelector("[data-f=" + arguments[1] + "]").textContent;
		return null' "$1" "$2"
}

# says ID TEXT: the text of an element has it.
says() {
	[[ $(in_page 'return document.getElementById(arguments[0])?.textContent' "$1") == *"$2"* ]]
}

is_shown() {
	[ "$(in_page 'return document.getElementById(arguments[0]).checkVisibility()' "$1")" = true ]
}

is_hidden() {
	! is_shown "$1"
}

has_status() {
	[ "$(field "$1" status)" = "$2" ]
}

is_live() {
	says live-text "live, "
}

# The names of the rows that are shown, in the order in which they stand.
rows_shown() {
	in_page 'return [...document.querySelectorAll("tbody tr")].filter((row) => row.checkVisibility())
		.map((row) => row.querySelector("[data-f=proxy]").textContent).join(" ")'
}

rows_are() {
	[ "$(rows_shown)" = "$1" ]
}

no_errors_in_console() {
	run console_messages
	refute_output --partial "SEVERE"
}

badge_is() {
	[ "$(field "$1" badge)" = "$2" ]
}

note_says() {
	[[ $(in_page 'return [...document.querySelectorAll("[data-f=note]")].map((note) => note.textContent)
		.join("\n")') == *"$1"* ]]
}

@test "a proxy that flaps has a badge, and the url beside a pool its share and uses" {
	write_pool pool.json '{"enabled": true, "default": {"http": {
		"url": "http://mira:'"$SECRET"'@127.0.0.1:3", "rollout_percent": 25, "pool": {
			"health_check": {"enabled": false},
			"proxies": [{"name": "paris", "url": "http://127.0.0.1:1"}, {"name": "tokyo", "url": "http://127.0.0.1:2"}]}}}}'
	for number in 1 2 3 4; do
		pool-report -f pool.json paris disable
		pool-report -f pool.json paris enable
		pool-select pool.json >out
	done
	# what a page without scripts says, one with them says as well
	curl -sf "$WATCH/" >page
	run -0 grep -c 'data-f="badge">flapping<' page
	assert_output 1
	run -0 grep -c '1 flapping; 25 % get a proxy, the rest http://127.0.0.1:3 (3 uses, not checked)<' page
	open_page
	wait_until 20 is_live
	wait_until 10 badge_is paris flapping
	badge_is tokyo ''
	note_says '1 flapping; 25 % get a proxy, the rest http://127.0.0.1:3 (3 uses, not checked)'
	pool-select pool.json >out
	wait_until 10 note_says '(4 uses, not checked)'
	no_errors_in_console
}

@test "the page shows every pool and proxy, and asks nobody else" {
	open_page
	wait_until 20 is_live
	run -0 in_page 'return document.title'
	assert_output "3/3 fine - proxypool"
	run -0 in_page 'return document.getElementById("sentence").textContent'
	assert_output "All 2 pools are fine"
	run -0 rows_shown
	assert_output "paris tokyo <b>bold</b>&amp;"
	run -0 field tokyo url
	assert_output "http://127.0.0.1:$TOKYO"
	run -0 field paris status
	assert_output "healthy"
	run -0 field paris leases
	assert_output "0/4"
	# both pools are checked by tcp: on each tile and above each table
	run -0 in_page 'return [...document.querySelectorAll(".note")].map((note) => note.textContent).join()'
	assert_output "checks try the port only,checks try the port only,checks try the port only,checks try the port only"
	run -0 in_page 'return document.querySelectorAll("b b, td b").length'
	assert_output "0"
	no_errors_in_console
	requested_addresses >addresses
	run -0 grep -cx "$WATCH/api/v1/status" addresses
	run -1 grep -vE "^($WATCH/|data:|about:|chrome:)" addresses
	assert_output ""
}

@test "no secret is in the page or in the status" {
	curl -sS "$WATCH/" >page
	curl -sS "$WATCH/api/v1/status" >status
	run -0 jq -r '.proxies | length' status
	assert_output "3"
	run -0 grep -c tokyo page
	run -1 grep -E "$SECRET|mira" page status
}

@test "a proxy that dies and comes back changes on the page, without a reload" {
	open_page
	wait_until 20 is_live
	in_page 'window.untouched = true; return 0'
	stop_server tokyo
	wait_until 30 has_status tokyo unhealthy
	run -0 field tokyo cause
	assert_output "connect-refused"
	run -0 field tokyo text
	assert_output "nothing listens at the proxy's address"
	run -0 field tokyo advice
	assert_output "check that the proxy runs, and its port"
	run -0 field paris status
	assert_output "healthy"
	wait_until 20 says sentence "default.http is degraded"
	# trouble comes first
	wait_until 20 rows_are "tokyo paris <b>bold</b>&amp;"
	wait_until 20 says events "tokyo"

	stop_server paris
	wait_until 30 has_status paris unhealthy
	wait_until 20 says tiles "a selection gets an unhealthy one"

	restart_server tokyo
	restart_server paris
	wait_until 30 has_status tokyo healthy
	wait_until 30 has_status paris healthy
	wait_until 20 says sentence "All 2 pools are fine"
	wait_until 20 rows_are "paris tokyo <b>bold</b>&amp;"
	run -0 in_page 'return window.untouched'
	assert_output "true"
	no_errors_in_console
}

@test "selections, leases and latencies are drawn as they come" {
	open_page
	wait_until 20 is_live
	pool-select --lease --ttl 60 --exclude tokyo -f pool.json >lease
	wait_until 20 shows paris leases 1/4
	wait_until 20 shows paris share "100 %"
	run -0 in_page 'return document.querySelector("[data-f=bar]").getAttribute("width")'
	assert_output "100.00%"
	wait_until 20 has_sparkline
	no_errors_in_console
}

shows() {
	[ "$(field "$1" "$2")" = "$3" ]
}

has_sparkline() {
	[ "$(in_page 'return /L[0-9]/.test(document.querySelector("[data-f=line]").getAttribute("d"))')" = true ]
}

@test "an edit of the pool file shows, and so does one that is wrong" {
	open_page
	wait_until 20 is_live
	write_members '{"name": "lima", "url": "http://127.0.0.1:'"$PARIS"'"}'
	wait_until 20 rows_are "paris tokyo lima <b>bold</b>&amp;"
	wait_until 20 has_status lima healthy
	cp -p pool.json good.json
	write_pool pool.json '{"proxys": []}'
	wait_until 20 is_shown fault
	run -0 says fault-text "pool.json:1:"
	run -0 rows_shown
	assert_output "paris tokyo lima <b>bold</b>&amp;"
	cp -p good.json pool.json
	wait_until 20 is_hidden fault
	write_members
	wait_until 20 rows_are "paris tokyo <b>bold</b>&amp;"
	no_errors_in_console
}

@test "a pool-watch that does not answer is told, and that it does again" {
	open_page
	wait_until 20 is_live
	run -0 is_hidden offline
	stop_server watch
	wait_until 20 is_shown offline
	run -0 says offline-text "No answer since "
	run -0 in_page 'return document.title'
	assert_output "no answer - proxypool"
	restart_server watch
	wait_until 30 is_hidden offline
	wait_until 20 is_live
}

@test "rows are filtered by text and stand in the order asked for" {
	open_page
	wait_until 20 is_live
	type_into '#filter' 'TOK'
	run -0 rows_shown
	assert_output "tokyo"
	says shown "1 of 3 proxies"
	type_into '#filter' 'x'
	run -0 rows_shown
	assert_output ""
	in_page 'const filter = document.getElementById("filter");
		filter.value = ""; filter.dispatchEvent(new Event("input")); return 0'
	stop_server tokyo
	wait_until 30 rows_are "tokyo paris <b>bold</b>&amp;"
	click 'input[name=order][value=file]'
	run -0 rows_shown
	assert_output "paris tokyo <b>bold</b>&amp;"
	click '#pause'
	run -0 says live-text "paused, as of "
	restart_server tokyo
	click '#pause'
	wait_until 30 has_status tokyo healthy
	no_errors_in_console
}

@test "without scripts the table is there, whole" {
	open_page "$DISABLED"
	# it is what was sent, and nothing of the script has run
	run -0 is_hidden controls
	run -0 in_page 'return document.querySelector("meta[http-equiv=refresh]") !== null'
	assert_output "true"
	run -0 rows_shown
	assert_output "paris tokyo <b>bold</b>&amp;"
	run -0 field tokyo status
	assert_output "healthy"
	run -0 field tokyo url
	assert_output "http://127.0.0.1:$TOKYO"
	run -0 in_page 'return document.getElementById("sentence").textContent'
	assert_output "All 2 pools are fine"
	run -0 in_page 'return document.querySelectorAll("table thead th[scope=col]").length'
	assert_output "16"
	no_errors_in_console
}

@test "on a phone nothing is wider than the screen" {
	local long=a-name-that-is-as-long-as-the-names-of-proxies-may-ever-become

	write_members '{"name": "'"$long"'",
		"url": "http://a-host-name-of-some-length.proxies.example.invalid:3128"}'
	open_page
	set_screen 360 740 true
	wait_until 20 is_live
	wait_until 20 shows "$long" leases 0/4
	run -0 in_page 'return document.documentElement.scrollWidth <= innerWidth && innerWidth === 360'
	assert_output "true"
	# rows have become cards: what belongs together stands below each other
	run -0 in_page 'const row = document.querySelector("tbody tr");
		return row.offsetHeight > 100 && getComputedStyle(row).display === "grid"'
	assert_output "true"
	set_screen 820 1180 true
	run -0 in_page 'return document.documentElement.scrollWidth <= innerWidth'
	assert_output "true"
}

# The least contrast of a text with what lies behind it, by WCAG 2.
CONTRAST='
const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
const light = (colour) => {
	const [r, g, b] = parse(colour).map((part) => part / 255)
		.map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
	for (let at = element; at; at = at.parentElement) {
		const colour = getComputedStyle(at).backgroundColor;
		if (parse(colour)[3] !== 0)
			return colour;
	}
	return "rgb(255, 255, 255)";
};
let least = 21;
for (const element of document.querySelectorAll("body *")) {
	if (!element.checkVisibility() || element.closest("svg") || !element.innerText ||
		![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
		continue;
	const a = light(getComputedStyle(element).color), b = light(behind(element));
	least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
}
return least >= 4.5 ? "enough" : "too little: " + least;'

@test "light and dark are both readable" {
	stop_server tokyo
	open_page
	set_scheme light
	wait_until 30 has_status tokyo unhealthy
	run -0 in_page 'return getComputedStyle(document.body).backgroundColor'
	assert_output "rgb(244, 245, 247)"
	run -0 in_page "$CONTRAST"
	assert_output "enough"
	set_scheme dark
	run -0 in_page 'return getComputedStyle(document.body).backgroundColor'
	assert_output "rgb(14, 17, 22)"
	run -0 in_page "$CONTRAST"
	assert_output "enough"
	no_errors_in_console
}

@test "a reader who sees no colour finds words, headings and names" {
	stop_server tokyo
	open_page
	wait_until 30 has_status tokyo unhealthy
	# each status has a shape of its own beside its word
	run -0 in_page 'return [...document.querySelectorAll("tbody .c-status use")]
		.map((use) => use.getAttribute("href")).sort().join(" ")'
	assert_output "#i-healthy #i-healthy #i-unhealthy"
	run -0 in_page 'return [...document.querySelectorAll("use")]
		.every((use) => document.querySelector(use.getAttribute("href")))'
	assert_output "true"
	run -0 in_page 'return [...document.querySelectorAll("table")].every((table) =>
		table.caption && table.caption.textContent &&
		[...table.tBodies[0].rows].every((row) => row.querySelector("th[scope=row]")))'
	assert_output "true"
	run -0 in_page 'return document.getElementById("sentence").getAttribute("aria-live")'
	assert_output "polite"
	run -0 in_page 'return [...document.querySelectorAll("input, button")]
		.every((element) => element.labels && element.labels.length || element.textContent)'
	assert_output "true"
	run -0 in_page 'const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
		return new Set(ids).size === ids.length'
	assert_output "true"
}
