# What is written about the tools is what they do: manual pages, completions, examples.

load ../lib

setup_file() {
	pool_setup
	start_stub --name paris http-proxy
	start_stub --name tokyo http-proxy
	start_stub --name lima http-proxy
}

teardown_file() {
	pool_setup
	pool_teardown
}

setup() {
	PARIS=$(cat "$BATS_FILE_TMPDIR/servers/paris.port")
	TOKYO=$(cat "$BATS_FILE_TMPDIR/servers/tokyo.port")
	LIMA=$(cat "$BATS_FILE_TMPDIR/servers/lima.port")
	pool_setup
	man=$SOURCE_DIR/man
	completions=$SOURCE_DIR/completions
	tools=()
	for tool in "$POOL_BIN"/pool-*; do
		tools+=("${tool##*/}")
	done
	[ ${#tools[@]} -ge 3 ]
}

# A pool-watch that an example left in the background, because a line after it failed.
teardown() {
	local lock file

	for lock in "$BATS_TEST_TMPDIR"/run.*/state-*.watch "$BATS_TEST_TMPDIR"/state/*.watch; do
		[ -e "$lock" ] || continue
		file=$BATS_TEST_TMPDIR/pool.json
		[[ $lock != */run.* ]] || file=${lock%/*}/pool.json
		"$POOL_BIN/pool-watch" --stop -s "${lock%.watch}" "$file" >/dev/null 2>&1 || :
	done
}

write_pool_of_three() {
	write_pool "$1" '{"proxies": [
		{"name": "paris", "url": "http://127.0.0.1:'"$PARIS"'"},
		{"name": "tokyo", "url": "http://127.0.0.1:'"$TOKYO"'"},
		{"name": "lima", "url": "http://mira:S3CRETpw@127.0.0.1:'"$LIMA"'"}]}'
}

# --- option sets, one option a line, sorted ----------------------------------------------------

options_of_help() {
	"$POOL_BIN/$1" --help |
		sed -nE '/^Options:/,/^$/s/^  (-(.), |    )--([a-z-]+).*/-\2\n--\3/p' |
		sed '/^-$/d' | sort
}

# .It Fl f , Fl -file Ar file, within the section OPTIONS
options_of_page() {
	sed -n '/^\.Sh OPTIONS/,/^\.Sh OUTPUT/p' "$man/$1.1" |
		sed -nE '/^\.It Fl /{s/ (Ar|Ns) .*//;s/^\.It //;s/ , /\n/;p}' |
		sed -E 's/^Fl /-/' | sort
}

options_of_bash() {
	bash -c 'source "$1"; COMP_WORDS=("$2" -) COMP_CWORD=1; "_${2//-/_}"
		printf "%s\n" "${COMPREPLY[@]}"' bash "$completions/$1.bash" "$1" | sort
}

# The specs that the file hands to _arguments.
zsh_specs() {
	zsh -fc '_arguments() { print -rl -- "$@"; }; source "$1"' zsh "$completions/_$1"
}

options_of_zsh() {
	zsh_specs "$1" | sed -nE 's/^(\([^)]*\))?\*?(-[a-zA-Z0-9]|--[a-z-]+)[[+=:].*/\2/p' | sort
}

# One completion for the short names, since fish has no "--" before those.
options_of_fish() {
	fish --no-config -c 'source $argv[1]; complete -C "$argv[2] -"; complete -C "$argv[2] --"' \
		"$completions/$1.fish" "$1" | cut -f1 | sort -u
}

@test "each tool has a page and three completions, and they have a tool" {
	for tool in "${tools[@]}"; do
		[ -s "$man/$tool.1" ]
		[ -s "$completions/$tool.bash" ]
		[ -s "$completions/_$tool" ]
		[ -s "$completions/$tool.fish" ]
	done
	for file in "$man"/*.1 "$completions"/*; do
		name=${file##*/}
		# what those of all tools share
		[[ $name != *_pool_names* ]] || continue
		name=${name#_}
		[ -x "$POOL_BIN/${name%.*}" ]
	done
}

@test "no line of help is wider than a terminal" {
	for tool in "${tools[@]}"; do
		run -0 awk 'length > 80' <("$POOL_BIN/$tool" --help)
		assert_output ""
	done
}

@test "help, page and completions have the same options" {
	require_tool zsh fish
	for tool in "${tools[@]}"; do
		options_of_help "$tool" >help
		[ "$(wc -l <help)" -ge 10 ]
		for source in page bash zsh fish; do
			"options_of_$source" "$tool" >"$source"
			diff -u --label "$tool --help" --label "$source" help "$source"
		done
	done
}

# The words of an option's line in --help: "tcp, http or ping, for this run".
words_of_help() {
	"$POOL_BIN/$1" --help | tr '\n' ' ' | sed -E 's/ +/ /g' |
		sed -nE "s/.* --$2 [A-Z|]+ ([^(;]*).*/\1/p" | sed -E 's/ (-|--)[a-z].*//' |
		sed -E 's/ or a template.*//; s/, for this run.*//; s/only pools for //; s/ or / /g' |
		tr -d ',' | tr ' ' '\n' | sed '/^$/d' | sort
}

# Formats, methods, strategies: what --help names, the completions offer and the page explains.
@test "help, page and completions have the same words" {
	require_tool zsh fish
	local pair pairs=("${tools[@]/%/:log-format}")

	for pair in "${pairs[@]}" pool-validate:format pool-validate:input pool-check:format \
		pool-check:method pool-select:format pool-select:strategy pool-select:type \
		pool-exec:strategy pool-exec:type pool-status:format pool-watch:format \
		pool-convert:from pool-convert:to pool-convert:check; do
		tool=${pair%:*} option=${pair#*:}
		"$POOL_BIN/$tool" --help >/dev/null
		words_of_help "$tool" "$option" >help
		[ "$(wc -l <help)" -ge 2 ]
		bash -c 'source "$1"; COMP_WORDS=("$2" "--$3" ""); COMP_CWORD=2; "_${2//-/_}"
			printf "%s\n" "${COMPREPLY[@]}"' bash \
			"$completions/$tool.bash" "$tool" "$option" | sort >bash
		zsh_specs "$tool" | sed -nE "s/.*--$option=.*\((.*)\)$/\1/p" | tr ' ' '\n' |
			sort >zsh
		fish --no-config -c 'source $argv[1]; complete -C "$argv[2] --$argv[3] "' \
			"$completions/$tool.fish" "$tool" "$option" | cut -f1 | sort >fish
		for source in bash zsh fish; do
			diff -u --label "$pair in --help" --label "$source" help "$source"
		done
		while IFS= read -r word; do
			grep -qE "^\.(It )?Cm (.*[ ,])?$word([ ,.]|$)" "$man/$tool.1" || {
				echo "$tool.1 does not name $word of --$option"
				false
			}
		done <help
	done
}

events_of_binary() {
	"$POOL_BIN/pool-watch" --alert-on nonsense 2>&1 |
		sed -nE "s/.*--alert-on wants (.*), not 'nonsense'.*/\1/p" |
		sed 's/ or /, /; s/, /\n/g' | sort
}

events_of_page() {
	# those that are never alerts are no words of --alert-on
	sed -n '/^\.Sh EVENTS/,/^\.Sh ALERTS/{/ Ta never Ta /d
		s/^\.It Cm \([a-z-]*\) Ta .*/\1/p}' "$man/pool-watch.1" | sort
}

events_of_bash() {
	complete_bash pool-watch --alert-on '' | sort
}

# What the function that _arguments is told of hands to compadd.
events_of_zsh() {
	zsh -fc '_arguments() { :; }; _sequence() { shift 4; print -rl -- "$@"; }
		source "$1"; _pool_watch_events' zsh "$completions/_pool-watch" | sort
}

events_of_fish() {
	fish --no-config -c 'source $argv[1]; complete -C "pool-watch --alert-on "' \
		"$completions/pool-watch.fish" | cut -f1 | sort
}

@test "binary, page and completions have the same events" {
	require_tool zsh fish
	events_of_binary >binary
	[ "$(wc -l <binary)" -ge 10 ]
	for source in page bash zsh fish; do
		"events_of_$source" >"$source"
		diff -u --label pool-watch --label "$source" binary "$source"
	done
}

@test "pool-exec's page has the table of clients, and the variables that are set" {
	"$POOL_BIN/pool-exec" --clients | tr '\t' '|' >table
	[ "$(wc -l <table)" -ge 10 ]
	sed -nE '/^\.Bl -column "apt-get"/,/^\.El/{s/^\.It //p}' "$man/pool-exec.1" |
		sed -E 's/ Ta /|/g; s/(Cm|Sy|Ev) //g; s/Fl -/--/; s/Fl /-/' >page
	diff -u --label "pool-exec --clients" --label page table page
	write_pool_of_three pool.json
	pool-select --format export | sed -nE 's/^(export|unset) ([A-Za-z0-9_]+).*/\2/p' |
		grep -v '^GIT_CONFIG_[KV]' | sort >variables
	sed -n '/^\.Sh ENVIRONMENT/,/^\.El/p' "$man/pool-exec.1" | sed -n 's/^\.It Ev //p' |
		sed 's/ , /\n/g' | sort >page
	diff -u --label "--format export" --label page variables page
}

# --- pages -------------------------------------------------------------------------------------

@test "each crontab that is shown sets a PATH that leads to what make install installs" {
	run -0 awk 'FNR == 1 { at = -9 }
		/^ *PATH=\/usr\/local\/bin:/ { at = FNR }
		/^ *([*] [*] [*] [*] [*]|@reboot) / { print (FNR - at < 5 ? "good" : "bad"), FILENAME }' \
		"$SOURCE_DIR/README.md" "$man"/* "$SOURCE_DIR/deploy/examples/proxypool.cron"
	refute_output --partial bad
	[ "${#lines[@]}" -ge 5 ]
}

@test "each page is clean" {
	require_tool mandoc
	run -0 mandoc -Tlint -Wwarning "$man"/*
	assert_output ""
}

# columns_of PAGE...: what makes a table hard to read on 80 columns.
columns_of() {
	python3 - "$@" <<-'END'
		import re, sys
		for page in sys.argv[1:]:
		    widths = None
		    for number, line in enumerate(open(page), 1):
		        if line.startswith(".Bl -column "):
		            widths = [len(width) for width in re.findall('"([^"]*)"', line)][:-1]
		            if sum(widths) > 50:
		                print(f"{page}:{number}: no room for the last column")
		        elif line.startswith(".El"):
		            widths = None
		        elif widths and line.startswith(".It "):
		            cells = line[4:].split(" Ta ")[:-1]
		            for cell, width in zip(cells, widths):
		                cell = re.sub(r"\b(No|Sy|Cm|Li|Ev|Ic|Va|Em|Xr|Ar) ", "", cell)
		                cell = re.sub(" ([,.])", r"\1", cell.replace("Fl ", "-"))
		                # a blank of the four between columns is left
		                if len(cell) > width + 3:
		                    print(f"{page}:{number}: wider than its column: {cell}")
	END
}

@test "no table of a page runs into itself" {
	require_tool python3
	run -0 columns_of "$man"/*
	assert_output ""
	printf '%s\n' '.Bl -column "name" "text"' '.It Ic long , name Ta text' '.El' \
		".Bl -column \"$(printf '%060d' 0)\" \"text\"" >narrow
	run -0 columns_of narrow
	assert_output "narrow:2: wider than its column: long, name
narrow:4: no room for the last column"
}

@test "pages refer to pages that are there" {
	sed -nE 's/^\.Xr ([a-z]+-[a-z]+|proxypool) ([0-9]).*/\1.\2/p' "$man"/* | sort -u >names
	[ -s names ]
	while IFS= read -r name; do
		[ -s "$man/$name" ]
	done <names
}

@test "statuses are the same in help, in each page and in the overview" {
	for tool in "${tools[@]}"; do
		# its own are those of other commands that run one
		[ "$tool" != pool-exec ] || continue
		"$POOL_BIN/$tool" --help | grep -qF \
			'Exit status: 0 yes, 1 no, 2 usage, 3 pool file or state unusable, 4 the system'
		sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EX/p' "$man/$tool.1" | sed -n 's/^\.It //p' |
			while IFS= read -r status; do
				sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EX/p' "$man/proxypool.7" |
					grep -qxF ".It $status"
			done
	done
}

# blocks PAGE SECTION: the literal blocks of a section, as FILE.N, as a reader sees them.
blocks() {
	rm -f block.*
	awk -v section="$2" '
	/^\.Sh / { inside = $0 == ".Sh " section }
	inside && /^\.Ed/ { block = 0 }
	block { gsub(/\\e/, "\\"); gsub(/\\&/, ""); print >("block." number) }
	inside && /^\.Bd -literal/ { block = 1; number++ }' "$1"
	[ -s block.1 ]
}

# Programs that would leave this machine: they show what they were given.
write_fakes() {
	mkdir -p fakes
	cat >fakes/curl <<-'END'
		#!/bin/bash
		[ -z "${https_proxy-}" ] || echo "via $https_proxy" >>"$FAKE_LOG"
		while [ $# -gt 0 ]; do
			[ "$1" != -K ] || cat "$2" >>"$FAKE_LOG"
			shift
		done
	END
	cat >fakes/wget <<-'END'
		#!/bin/bash
		echo "$http_proxy" >>"$FAKE_LOG"
	END
	chmod +x fakes/*
	export FAKE_LOG=$PWD/fakes.log
	: >"$FAKE_LOG"
	PATH=$PWD/fakes:$PATH
}

# pool-watch in the foreground never ends. This one does, once it knows that all proxies work.
write_watch() {
	mkdir -p fakes
	cat >fakes/pool-watch <<-END
		#!/bin/bash
		case " \$* " in
		*' --daemonize '* | *' --stop '* | *' --restart '* | *' --reload '*)
			exec '$POOL_BIN/pool-watch' "\$@"
			;;
		esac
		'$POOL_BIN/pool-watch' "\$@" &
		pid=\$!
		exec {pause}<> <(:)
		until pool-status -q --quorum 100% "\${@: -1}" >/dev/null 2>&1; do
			[ "\$SECONDS" -lt 20 ] && kill -0 "\$pid" || break
			read -r -t 0.05 -u "\$pause" || :
		done
		kill "\$pid"
		wait "\$pid"
	END
	chmod +x fakes/pool-watch
	PATH=$PWD/fakes:$PATH
}

# Run each block in a fresh folder with a pool.json; paths of the system are in that folder.
run_blocks() {
	local block number

	for block in block.*; do
		number=${block#*.}
		mkdir "run.$number"
		write_pool_of_three "run.$number/pool.json"
		cp "run.$number/pool.json" "run.$number/pool.json.new"
		sed -e "s|/etc/proxypool/||; s|/var/lib/node_exporter/||" "$block" \
			>"run.$number/script"
		(cd "run.$number" && url=http://example.com/ POOL_STATE=$PWD/state-$number.state \
			bash -euo pipefail script >output 2>errors </dev/null 3>&-) || {
			echo "status $? of $block:"
			cat "run.$number/script" "run.$number/output" "run.$number/errors"
			return 1
		}
		# what goes well says nothing there, unless it is asked to, or runs in a container;
		# what checks of a list will ask for is told to everybody
		sed -i -e '/^pool-watch: listening on /d' -e '/^pool-convert: checks will ask for /d' \
			-e '/: note: .*\[default-check-url\]$/d' -e '/: 0 errors, 0 warnings, 1 note$/d' \
			-e '/^pool-select: warning: process [0-9]* is in a pid namespace of its own/d' \
			"run.$number/errors"
		if [ -s "run.$number/errors" ] && ! grep -q -- --explain "run.$number/script"; then
			cat "run.$number/script" "run.$number/errors"
			return 1
		fi
	done
}

@test "the examples of pool-validate run" {
	blocks "$man/pool-validate.1" EXAMPLES
	run_blocks
	assert_equal "$(cat run.1/output)" "pool.json: valid, 3 proxies in 1 pool"
	assert_equal "$(cat run.3/output)" "-: valid, 3 proxies in 1 pool"
}

@test "the examples of pool-convert run" {
	blocks "$man/pool-convert.1" EXAMPLES
	run_blocks
	assert_equal "$(cat run.1/pool.json)" '{
  "proxies": [
    "http://192.0.2.1:8080",
    "http://mira:quartz7@192.0.2.2:8080"
  ],
  "health_check": {
    "method": "http"
  }
}'
	assert_equal "$(cat run.2/output)" "-: valid, 1 proxy in 1 pool"
	assert_equal "$(cat run.3/output)" ""
	assert_equal "$(cat run.4/output)" "http://127.0.0.1:$PARIS"
}

@test "the migration makes of each shape what its page says" {
	local before after number=0

	blocks "$man/pool-migration.7" SHAPES
	for before in $(printf '%s\n' block.* | sort -t . -k 2n | awk 'NR % 2'); do
		after=block.$((${before#block.} + 1))
		# with -q, since what checks of a list will ask for is told
		run -0 --separate-stderr pool-convert -q --pool --strict "$before"
		assert_output "$(cat "$after")"
		assert_equal "$stderr" ""
		run -0 --separate-stderr pool-convert --pool --diff "$before"
		assert_output ""
		run -0 pool-validate --input json "$after"
		number=$((number + 1))
	done
	[ "$number" -ge 12 ]
	blocks "$man/pool-migration.7" DESCRIPTION
	cat >config.yaml <<-'END'
		proxy: {enabled: true, default: {http: {url: "http://192.0.2.1:8080"}}}
	END
	cat block.* >script
	run -0 --separate-stderr bash -euo pipefail script
	assert_output "pool.json: valid, 1 proxy in 1 pool"
	assert_equal "$stderr" ""
	blocks "$man/pool-migration.7" STEPS
	run -0 pool-validate --strict --input json block.1
}

@test "the examples of pool-check run" {
	blocks "$man/pool-check.1" EXAMPLES
	run_blocks
	grep -q 'paris .* healthy' run.1/output
	assert_equal "$(cat run.2/output)" ""
	assert_equal "$(cat run.3/output)" ""
	grep -q 'default.http: 1 of 1 passed' run.4/output
	grep -q '^POOL OK - 3/3 passed (100%), pool default.http; checks try the port only | passed=100%;80:;50:;' run.5/output
}

@test "the statuses of pool-exec are the same in its help and its page" {
	"$POOL_BIN/pool-exec" --help | sed -n '/^Exit status:/,$p' | grep -oE '[0-9]{3}' >help
	sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EX/p' "$man/pool-exec.1" | sed -n 's/^\.It //p' >page
	assert_equal "$(cat help)" $'124\n125\n126\n127'
	diff -u help page
}

@test "the examples of pool-exec run" {
	require_tool curl wget
	blocks "$man/pool-exec.1" EXAMPLES
	# the stubs answer in the place of any origin
	sed -i '1i url=http://127.0.0.1:9/' block.*
	run_blocks
	assert_equal "$(cat run.1/page.html)" ok
	assert_equal "$(cat run.2/output)" 3
	assert_equal "$(cat run.3/page.html)" ok
	assert_equal "$(cat run.4/output)" "--proxy-host=127.0.0.1 --proxy-port=$PARIS"
}

@test "the examples of pool-select run" {
	write_fakes
	blocks "$man/pool-select.1" EXAMPLES
	run_blocks
	assert_equal "$(cat run.2/output)" "paris is at 127.0.0.1 port $PARIS"
	assert_equal "$(wc -l <"$(grep -l -- '-n 2' run.*/script | sed 's/script/output/')")" 2
	assert_equal "$(wc -l <"$(grep -l -- --serve run.*/script | sed 's/script/output/')")" 3
	# one of curl, one of wget
	grep -q "^proxy = \"http://127.0.0.1:$PARIS\"" fakes.log
	grep -qx "http://127.0.0.1:$PARIS" fakes.log
}

@test "the examples of pool-report run" {
	require_tool curl
	blocks "$man/pool-report.1" EXAMPLES
	# the stubs answer in the place of any origin
	sed -i '1i url=http://127.0.0.1:9/' block.*
	run_blocks
	# what a use came to is in the state, and no lease is left
	for number in 1 2; do
		assert_equal "$(cat "run.$number/page.html")" ok
		(cd "run.$number" && POOL_STATE=$PWD/state-$number.state pool-select --explain --dry-run \
			pool.json) >answer 2>explained
		grep -qE '^[* ] paris +healthy +leases 0 ' explained
	done
	(cd run.3 && POOL_STATE=$PWD/state-3.state pool-select --explain --dry-run) 2>explained >answer
	grep -qE '^  tokyo +disabled ' explained
}

@test "the examples of pool-status run" {
	blocks "$man/pool-status.1" EXAMPLES
	run_blocks
	grep -q '^paris .* healthy' run.1/output
	assert_equal "$(cat run.2/output)" ""
	assert_equal "$(cat run.3/output)" go
	grep -q ' paris  unknown  healthy  *ok$' run.4/output
	grep -q '^POOL OK - 3/3 passed (100%), pool default.http; checks try the port only | ' run.5/output
}

@test "the examples of pool-watch run" {
	require_tool curl
	blocks "$man/pool-watch.1" EXAMPLES
	write_watch
	sed -i "s|9469|$(free_port)|; s|/var/log/|$PWD/|
		1i echo http://127.0.0.1:9/ >webhook; chmod 600 webhook" block.*
	run_blocks
	grep -qE '^[0-9T:-]+Z started: ' run.1/output
	run -1 grep -v '"event":"transition"' run.2/changes.jsonl
	grep -qx ready run.3/output
	grep -q '^paris .* healthy' run.3/output
	assert_equal "$(cat run.5/output)" ""
}

@test "the runbook of the overview runs" {
	require_tool curl
	local port

	blocks "$man/proxypool.7" RUNBOOK
	write_pool_of_three pool.json
	port=$(free_port)
	sed -i "s|/etc/proxypool/||g; s|9469|$port|g" block.*
	pool-watch --daemonize --listen "$port" pool.json >events 2>errors </dev/null 3>&-
	for block in block.*; do
		bash -euo pipefail "$block" >>output 2>>errors </dev/null 3>&- || {
			cat "$block" output errors
			false
		}
	done
	grep -qx ready output
	grep -qx $'pool\tproxy\tcause\tleases\tselections' output
	run -0 pool-watch --stop pool.json
}

@test "the beginning and the examples of the overview run" {
	write_fakes
	blocks "$man/proxypool.7" EXAMPLES
	# a line of a crontab is no command: what is behind the user is; nothing is installed there
	sed -i 's/^\* \* \* \* \* root //; /^PATH=\/usr\/local\/bin:/d' block.*
	run_blocks
	[ -s run.3/proxypool.prom ]
	grep -q '^POOL OK' run.2/output
	blocks "$man/proxypool.7" DESCRIPTION
	# addresses that are nobody's would be waited for
	sed -i "s|http://192.0.2.1:8080|http://127.0.0.1:$PARIS|
		s|socks5h://192.0.2.2:1080|http://127.0.0.1:$TOKYO|" block.1
	rm -rf run.*
	run_blocks
	grep -q 'pool.json: valid, 2 proxies in 1 pool' run.1/output
}

# with_variables FILE COMMAND...: with the lines of FILE in its environment.
with_variables() {
	local lines

	mapfile -t lines <"$1"
	shift
	env -C / "${lines[@]}" "$@"
}

@test "the documents in pool-file are valid" {
	local pages=0 input

	for section in SYNOPSIS DESCRIPTION EXAMPLES; do
		blocks "$man/pool-file.5" "$section"
		for block in block.*; do
			input=yaml
			[[ $(head -c 1 "$block") != '{' ]] || input=json
			# Variables are told by their names, and are no document.
			! grep -q '^CRYPTOFEED_PROXY_' "$block" || input=env
			if [ $input = env ]; then
				run -0 --separate-stderr with_variables "$block" pool-validate --strict
				assert_output "\$CRYPTOFEED_PROXY_*: valid, 2 proxies in 2 pools"
				continue
			fi
			chmod 600 "$block"
			run -0 --separate-stderr pool-validate --input $input \
				--allow literal-credentials "$block"
			assert_regex "$output" ": valid, "
			assert_equal "$stderr" ""
			pages=$((pages + 1))
		done
	done
	[ "$pages" -ge 5 ]
}

@test "the complete example of pool-file has no warning" {
	blocks "$man/pool-file.5" EXAMPLES
	chmod 600 block.1
	run -0 --separate-stderr pool-validate --strict block.1
	assert_output "block.1: valid, 10 proxies in 4 pools"
	assert_equal "$stderr" ""
}

@test "the diagnostic shown in the pages is what is said" {
	printf '%s\n' '{' '' '' '' '' '' '' '' '' '' '"proxies": [{"url": "http://h:1",' \
		'"weight":12}]}' >pool.json
	run -1 --separate-stderr pool-validate pool.json
	blocks "$man/pool-validate.1" OUTPUT
	assert_equal "$stderr" "$(cat block.1)"
	blocks "$man/pool-file.5" DIAGNOSTICS
	assert_equal "${stderr_lines[0]}" "$(cat block.1)"
}

# --- README ------------------------------------------------------------------------------------

@test "the pool file in the README is valid, and what it names is there" {
	sed -n '/^```json/,/^```$/p' "$SOURCE_DIR/README.md" | sed '/^```/d' >pool.json
	chmod 600 pool.json
	run -0 pool-validate --strict pool.json
	for tool in "${tools[@]}"; do
		grep -qF "man/$tool.1" "$SOURCE_DIR/README.md"
	done
	grep -oE 'man/[a-z-]+\.[1-8]' "$SOURCE_DIR/README.md" | sort -u | while IFS= read -r page; do
		[ -s "$SOURCE_DIR/$page" ]
	done
	head -n 20 "$SOURCE_DIR/CHANGELOG.md" |
		grep -qF "$(pool-select --version | sed -n '1s/.* //p')"
}

@test "the commands in the README run" {
	write_fakes
	write_watch
	awk '/^```sh$/ { inside = 1; number++; next } /^```$/ { inside = 0 }
		inside { print >("block." number) }' "$SOURCE_DIR/README.md"
	# what the reader has
	sed -i "1i echo 'proxy: {enabled: true, default: {http: {url: \"http://192.0.2.1:8080\"}}}' >config.yaml" \
		"$(grep -l config.yaml block.*)"
	sed -i '1i echo 192.0.2.1:8080 >proxies.txt' "$(grep -l proxies.txt block.*)"
	run_blocks
	grep -q '^default .* default.http .* http://192.0.2.1:8080$' run.*/output
	[ -s run.7/pool.schema.json ]
	grep -q 'paris .* healthy' run.1/output
	grep -q "^proxy = \"http://127.0.0.1:$PARIS\"" fakes.log
	assert_equal "$(grep -c "^via http://127.0.0.1:$PARIS$" fakes.log)" 2
}

# --- completions -------------------------------------------------------------------------------

@test "each completion can be read by its shell" {
	require_tool zsh fish
	for tool in "${tools[@]}"; do
		bash -n "$completions/$tool.bash"
		zsh -n "$completions/_$tool"
		fish --no-execute "$completions/$tool.fish"
	done
	bash -n "$completions/_pool_names.bash"
	zsh -n "$completions/_pool_names"
	fish --no-execute "$completions/__pool_names.fish"
}

# complete_bash WORD...: what bash offers for the last word.
complete_bash() {
	bash -c 'source "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); "_${1//-/_}"
		printf "%s\n" "${COMPREPLY[@]}"' bash "$completions/$1.bash" "$@"
}

@test "bash completes options, words and files" {
	assert_equal "$(complete_bash pool-select --fo)" --format
	assert_equal "$(complete_bash pool-select --format curl)" curlrc
	assert_equal "$(complete_bash pool-select --format = cur)" curlrc
	assert_equal "$(complete_bash pool-select --format =)" \
		"$(complete_bash pool-select --format '')"
	assert_equal "$(complete_bash pool-check -t w)" websocket
	assert_equal "$(complete_bash pool-select --exclude '')" ""
	assert_equal "$(complete_bash pool-watch --alert-on started,rec)" started,recovered
	assert_equal "$(complete_bash pool-watch --webhook '')" ""
	mkdir files
	touch files/one.json
	for line in "pool-validate files/o" "pool-validate -f files/o" "pool-check --state files/o" \
		"pool-check --metrics-file files/o" "pool-select --file files/o" \
		"pool-watch --webhook @ files/o"; do
		# shellcheck disable=SC2086 # words of a line
		assert_equal "$(complete_bash $line)" files/one.json
	done
}

@test "the names of proxies complete, and are not expanded" {
	require_tool fish
	mkdir fakes
	printf '%s\n' '#!/bin/sh' '[ "$*" = --names ] || exit 2' \
		"printf '%s\n' tokyo h:8001 h:8002 '\$(touch\${IFS}owned)'" >fakes/pool-status
	chmod +x fakes/pool-status
	PATH=$PWD/fakes:$PATH
	assert_equal "$(complete_bash pool-report to)" tokyo
	assert_equal "$(complete_bash pool-report di)" disable
	assert_equal "$(complete_bash pool-report '$')" '\$\(touch\$\{IFS\}owned\)'
	assert_equal "$(complete_bash pool-report --reason tls-)" tls-verify
	# bash cuts the word at the colon, and wants what is behind it
	COMP_LINE='pool-report h:80' COMP_POINT=16 run -0 complete_bash pool-report h : 80
	assert_output "8001
8002"
	run -0 fish --no-config -c 'source $argv[1]; complete -C "pool-report to"' \
		"$completions/pool-report.fish"
	assert_output --regexp '^tokyo'
	[ ! -e owned ]
}

@test "names are those of the pool file that the line names" {
	require_tool fish
	mkdir fakes
	printf '%s\n' '#!/bin/sh' 'echo "n[$*]"' >fakes/pool-status
	chmod +x fakes/pool-status
	PATH=$PWD/fakes:$PATH
	for line in '-f a.json' '--file a.json' '--file=a.json' '-v --file=b.json -f a.json'; do
		run -0 fish --no-config -c 'source $argv[1]; complete -C "pool-select $argv[2] --exclude n"' \
			"$completions/pool-select.fish" "$line"
		assert_output 'n[--names -f a.json]	Never these proxies'
		# shellcheck disable=SC2086 # words of a line
		run -0 complete_bash pool-select $line --exclude n
		assert_output 'n\[--names\ -f\ a.json\]'
	done
	run -0 fish --no-config -c 'source $argv[1]; complete -C "pool-select --file=~/a.json --exclude n"' \
		"$completions/pool-select.fish"
	assert_output --partial "--names -f $HOME/a.json]"
}

@test "fish completes words and files" {
	require_tool fish
	complete_fish() {
		fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
			"$completions/${1%% *}.fish" "$1" | cut -f1
	}
	mkdir files
	touch files/one.json
	assert_equal "$(complete_fish 'pool-select --strategy ra')" random
	assert_equal "$(complete_fish 'pool-check --format=jsonl')" --format=jsonl
	assert_equal "$(complete_fish 'pool-select -f files/o')" files/one.json
	assert_equal "$(complete_fish 'pool-select --exclude files/o')" ""
	assert_equal "$(complete_fish 'pool-watch --alert-on started,rec')" started,recovered
	assert_equal "$(complete_fish 'pool-watch --webhook @files/o')" @files/one.json
}
