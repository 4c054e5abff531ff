# A browser for the bats files: headless Chromium, driven over WebDriver by curl and jq.
#
#	load ../lib
#	load ../browser
#	setup() { pool_setup; require_browser; start_browser; }
#	teardown() { stop_browser; pool_teardown; }
#
# One browser a test. Its profile is a folder of the test's, and both its processes are ended by pid.
#
# shellcheck shell=bash disable=SC2034

require_browser() {
	require_tool chromium chromedriver curl jq
}

# ask_driver METHOD PATH [JSON]: the value of the answer.
ask_driver() {
	local answer

	answer=$(curl -sS -m 60 -X "$1" -H 'Content-Type: application/json' ${3+-d "$3"} \
		"http://127.0.0.1:$DRIVER_PORT$2") || return
	if jq -e '.value | objects | has("error")' <<<"$answer" >/dev/null; then
		jq -r '.value | "chromedriver: \(.error): \(.message)"' <<<"$answer" >&2
		return 1
	fi
	jq -c '.value' <<<"$answer"
}

# start_browser [PREFERENCES]: a new one, with these preferences (JSON).
start_browser() {
	local arguments answer

	DRIVER_PORT=$(free_port)
	start_server chromedriver "$DRIVER_PORT" chromedriver --port="$DRIVER_PORT" --log-level=WARNING
	arguments=$(jq -nc --arg profile "$TEST_DIR/profile" '["--headless=new", "--no-sandbox",
		"--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--window-size=1280,900", "--user-data-dir=" + $profile]')
	answer=$(ask_driver POST /session "{\"capabilities\": {\"alwaysMatch\": {
		\"browserName\": \"chrome\",
		\"goog:loggingPrefs\": {\"browser\": \"ALL\", \"performance\": \"ALL\"},
		\"goog:chromeOptions\": {\"binary\": \"$(command -v chromium)\", \"prefs\": ${1:-{\}},
			\"args\": $arguments}}}}") || return
	SESSION=/session/$(jq -r .sessionId <<<"$answer")
	# stop_server finds it there
	jq -r '.capabilities["goog:processID"]' <<<"$answer" >"$SERVERS/chromium.pid"
	echo 0 >"$SERVERS/chromium.port"
}

stop_browser() {
	[ -z "${SESSION:-}" ] || ask_driver DELETE "$SESSION" >/dev/null 2>&1 || :
	SESSION=
}

visit() {
	ask_driver POST "$SESSION/url" "$(jq -nc --arg url "$1" '{url: $url}')" >/dev/null
}

# in_page SCRIPT [ARGUMENT]...: what the script returns; strings without quotes.
in_page() {
	local script=$1
	shift

	ask_driver POST "$SESSION/execute/sync" \
		"$(jq -nc --arg script "$script" '{script: $script, args: $ARGS.positional}' --args "$@")" |
		jq -r 'if type == "string" then . else tojson end'
}

# devtools COMMAND [PARAMETERS]
devtools() {
	ask_driver POST "$SESSION/goog/cdp/execute" \
		"{\"cmd\": \"$1\", \"params\": ${2:-{\}}}" >/dev/null
}

# type_into SELECTOR TEXT
type_into() {
	local element

	element=$(ask_driver POST "$SESSION/element" \
		"$(jq -nc --arg value "$1" '{using: "css selector", value: $value}')" | jq -r '.[]') || return
	ask_driver POST "$SESSION/element/$element/value" \
		"$(jq -nc --arg text "$2" '{text: $text}')" >/dev/null
}

click() {
	local element

	element=$(ask_driver POST "$SESSION/element" \
		"$(jq -nc --arg value "$1" '{using: "css selector", value: $value}')" | jq -r '.[]') || return
	ask_driver POST "$SESSION/element/$element/click" '{}' >/dev/null
}

# set_screen WIDTH HEIGHT MOBILE
set_screen() {
	devtools Emulation.setDeviceMetricsOverride \
		"{\"width\": $1, \"height\": $2, \"deviceScaleFactor\": 2, \"mobile\": $3}"
}

# set_scheme light|dark
set_scheme() {
	devtools Emulation.setEmulatedMedia \
		"{\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"$1\"}]}"
}

# What the console said since it was asked last, a message a line.
console_messages() {
	ask_driver POST "$SESSION/se/log" '{"type": "browser"}' | jq -r '.[] | "\(.level) \(.message)"'
}

# The addresses that were asked for since, a line each.
requested_addresses() {
	ask_driver POST "$SESSION/se/log" '{"type": "performance"}' |
		jq -r '.[].message | fromjson.message |
			select(.method == "Network.requestWillBeSent" or
				.method == "Network.webSocketCreated") |
			.params.request.url // .params.url'
}
