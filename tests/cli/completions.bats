# What the completions insert: names as they stand, of which nothing is ever run or expanded.

load ../lib

setup() {
	pool_setup
	completions=$SOURCE_DIR/completions
	# what a terminal has today; in C zsh quotes an umlaut for its own eyes
	export LC_ALL=C.UTF-8
	write_names >names
}

teardown() {
	pool_teardown
}

# Each begins with n, so that it can be told from the words that pool-report takes.
write_names() {
	cat <<'END'
n$(touch${IFS}pwned)
n`touch${IFS}pwned`
nit's"quoted"
n*
na\b\\c
n;touch
n&touch
n127.0.0.1:8080
n[::1]:8080
n!touch
n{1..3}
n<names>
n#hash
n$HOME
n~root
nünï
n(e:'touch${IFS}pwned':)
n'$(touch${IFS}pwned)'
n"$(touch${IFS}pwned)"
END
}

# completed SHELL TOOL OPTION [NOT]: behind each way to begin, and with nothing typed; but those like
# NOT, which then are not offered.
completed() {
	local prefix count=0

	for prefix in n "'n" '"n'; do
		timeout 100 /usr/bin/python3 "$TESTS_DIR/cli/complete.py" "$1" "$completions" \
			"$2" "$3" "$prefix" <names || count=$((count + 1))
	done
	# not behind pool-report, which takes other words there
	if [ -n "$3" ]; then
		sed 's/^n//' names | grep -v "${4:-^\$}" | timeout 100 /usr/bin/python3 "$TESTS_DIR/cli/complete.py" "$1" \
			"$completions" "$2" "$3" "" || count=$((count + 1))
	fi
	[ ! -e pwned ] || {
		echo "a name was run"
		count=$((count + 1))
	}
	[ "$count" -eq 0 ]
}

TABLE='pool-check|--only
pool-select|--exclude
pool-exec|--exclude
pool-status|--only
pool-report|'

@test "the pool file that names them is valid" {
	/usr/bin/python3 -c '
import json
names = open("names", encoding="utf-8").read().splitlines()
print(json.dumps({"enabled": True, "default": {"http": {"pool": {"proxies": [
    {"name": name, "url": f"http://127.0.0.1:{number + 1}"} for number, name in enumerate(names)]}}}}))
' >pool.json
	chmod 600 pool.json
	run -0 pool-validate --strict pool.json
	LC_ALL=C run -0 pool-status --names -f pool.json
	assert_output "$(LC_ALL=C sort names)"
}

for_each_tool() {
	local tool option wrong=0

	while IFS='|' read -r tool option; do
		echo "$tool:"
		completed "$1" "$tool" "$option" "${2-}" || wrong=$((wrong + 1))
	done <<<"$TABLE"
	[ "$wrong" -eq 0 ]
}

@test "bash inserts a name as it stands, and runs nothing of it" {
	for_each_tool bash
}

@test "zsh inserts a name as it stands, and runs nothing of it" {
	require_tool zsh
	for_each_tool zsh
}

@test "fish inserts a name as it stands, and runs nothing of it" {
	require_tool fish
	# which takes "~root" for a home, however it is offered
	for_each_tool fish '^~'
}
