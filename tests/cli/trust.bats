# Who may be believed: pool files and password files that others can write, or that belong to
# somebody else.

load ../lib

setup() {
	pool_setup
	umask 022
	folder=$TEST_DIR
	file=$folder/pool.json
	echo '{"proxies": [{"name": "a", "url": "http://127.0.0.1:1"}],
		"health_check": {"retry_count": 1, "timeout_seconds": 1}}' >pool.json
}

teardown() {
	pool_teardown
	[ -z "${open:-}" ] || rm -rf "$open"
}

# The pool file in a folder that others can enter, with the tools.
open_etc() {
	open_folder trust "$POOL_BIN"/pool-*
	mkdir "$open/etc"
	PATH=$open/bin:$PATH
	folder=$open/etc file=$open/etc/pool.json
	cp pool.json "$file"
}

# as UID COMMAND...: as that user, alone in his group, with a home of his own
as() {
	mkdir -p -m 700 "$open/home.$1"
	chown "$1:$1" "$open/home.$1"
	HOME=$open/home.$1 POOL_STATE=$open/home.$1 \
		setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}"
}

# a line a tool: its name, and a command that succeeds on $file
users_of_a_pool_file() {
	cat <<-'END'
		pool-select pool-select -f FILE
		pool-exec pool-exec -f FILE true
		pool-check pool-check --dry-run --quorum 0 -f FILE
		pool-report pool-report -f FILE a ok
		pool-status pool-status -f FILE
		pool-convert pool-convert -f FILE
	END
}

# --- files -------------------------------------------------------------------------------------

@test "every tool refuses a pool file that everybody can write, whatever snapshot there is" {
	run -0 pool-select -f pool.json
	run -0 ls state
	assert_output --partial .snap
	chmod 666 pool.json
	for tool in "$POOL_BIN"/pool-*; do
		[[ $tool != */pool-validate && $tool != */pool-watch ]] || continue
		run -0 grep -c "^${tool##*/} " <(users_of_a_pool_file)
	done
	while read -r tool words; do
		status_wanted=3
		[ "$tool" != pool-exec ] || status_wanted=125
		words=${words/FILE/pool.json}
		run "-$status_wanted" --separate-stderr $words
		assert_regex "$stderr" "^$tool: .*'pool.json' is not (used|converted): everybody can \
write it \(mode 0666\) \(chmod go-w it, or see --trust-file\)\$"
		case $tool in
		pool-select) assert_output "http://error.no-proxy.invalid:9" ;;
		*) assert_output "" ;;
		esac
		run -0 --separate-stderr "$tool" --trust-file ${words#* }
		refute_regex "$stderr" "write it"
	done < <(users_of_a_pool_file)
	run -3 --separate-stderr pool-watch pool.json
	assert_regex "$stderr" "^pool-watch: pool file 'pool.json' is not used: everybody can write it"
}

@test "a pool file with another group is warned about once, and refused by root" {
	open_etc
	chgrp 4242 "$file"
	chmod 664 "$file"
	run -3 --separate-stderr pool-select -f "$file"
	assert_output "http://error.no-proxy.invalid:9"
	assert_equal "$stderr" \
		"pool-select: pool file '$file' is not used: group 4242 can write it (mode 0664) \
(chmod g-w it, or see --trust-file)"
	run -0 --separate-stderr pool-select --trust-file -f "$file"
	assert_output "http://127.0.0.1:1"
	assert_equal "$stderr" ""
	run -0 --separate-stderr as 4001 pool-select -f "$file"
	assert_output "http://127.0.0.1:1"
	assert_equal "$stderr" \
		"pool-select: warning: pool file '$file': group 4242 can write it (mode 0664)"
	run -0 --separate-stderr as 4001 pool-select -q -f "$file"
	assert_equal "$stderr" ""
	run -0 --separate-stderr as 4001 pool-select --trust-file -f "$file"
	assert_equal "$stderr" ""
	run -0 --separate-stderr as 4001 pool-convert "$file"
	assert_equal "$stderr" "pool-convert: warning: '$file': group 4242 can write it (mode 0664)"
	printf '\n\n\n' >lines
	run -0 --separate-stderr as 4001 pool-select --serve -f "$file" <lines
	assert_equal "${#lines[@]}" 3
	assert_equal "${#stderr_lines[@]}" 1
}

# in a mount namespace with other users: as root, in the shell
with_users() {
	unshare -m bash -euc '
		mount --bind "$1" /etc/passwd
		mount --bind "$2" /etc/group
		shift 2
		"$@"' bash "$open/passwd" "$open/group" "$@"
}

@test "a group of one's own is none of others" {
	open_etc
	require_tool unshare
	chown 4001:0 "$file"
	chmod 664 "$file"
	run -3 --separate-stderr pool-select -f "$file"
	chgrp 4001 "$file"
	run -0 --separate-stderr pool-select -f "$file"
	assert_equal "$stderr" ""
	# of another number: by what is known of users
	chgrp 4242 "$file"
	cp /etc/passwd "$open/passwd"
	cp /etc/group "$open/group"
	echo 'mira:x:4001:4242::/:/bin/sh' >>"$open/passwd"
	echo 'mira:x:4242:mira' >>"$open/group"
	run -0 --separate-stderr with_users pool-select -f "$file"
	assert_output "http://127.0.0.1:1"
	assert_equal "$stderr" ""
	# not his primary group
	sed -i 's/4001:4242/4001:4001/' "$open/passwd"
	run -3 --separate-stderr with_users pool-select -f "$file"
	assert_regex "$stderr" "group 4242 can write it"
	# another member
	sed -i 's/4001:4001/4001:4242/' "$open/passwd"
	echo 'nora:x:4002:4002::/:/bin/sh' >>"$open/passwd"
	run -0 --separate-stderr with_users pool-select -f "$file"
	sed -i 's/4242:mira/4242:mira,nora/' "$open/group"
	run -3 --separate-stderr with_users pool-select -f "$file"
	# the primary group of another, who is not listed as member
	sed -i 's/4242:mira,nora/4242:/' "$open/group"
	run -0 --separate-stderr with_users pool-select -f "$file"
	sed -i 's/4002:4002/4002:4242/' "$open/passwd"
	run -3 --separate-stderr with_users pool-select -f "$file"
}

@test "one that becomes writable while it is used is used no longer" {
	mkfifo ask
	start_serving
	answer_of
	assert_equal "$answer" "http://127.0.0.1:1"
	chmod 666 pool.json
	answer_of
	assert_equal "$answer" "http://error.no-proxy.invalid:9"
	chmod 600 pool.json
	answer_of
	assert_equal "$answer" "http://127.0.0.1:1"
	exec {ask}>&-
	wait "$serving"
	run -0 cat told
	assert_output "pool-select: pool file 'pool.json' is not used: everybody can write it \
(mode 0666) (chmod go-w it, or see --trust-file)"
}

start_serving() {
	mkfifo answers
	pool-select --serve -f pool.json <ask >answers 2>told 3>&- &
	serving=$!
	exec {ask}>ask {answers}<answers
}

answer_of() {
	echo >&"$ask"
	read -r -t 10 answer <&"$answers"
}

@test "pool-watch goes on with what it had" {
	start_watch
	wait_until 10 grep -q '"event":"started"' events
	chmod 666 pool.json
	wait_until 10 grep -q '"event":"rollback"' events
	run -0 grep '"event":"rollback"' events
	assert_output --partial "pool file 'pool.json' is not used: everybody can write it"
	chmod 600 pool.json
	wait_until 10 grep -q '"event":"reload"' events
	stop_server watch
}

start_watch() {
	printf '%s\0' "$POOL_BIN/pool-watch" --format jsonl pool.json >"$SERVERS/watch.cmd"
	echo 0 >"$SERVERS/watch.port"
	"$POOL_BIN/pool-watch" --format jsonl pool.json >events 2>told 3>&- &
	echo $! >"$SERVERS/watch.pid"
}

@test "what is handed over open is not judged" {
	chmod 666 pool.json
	run -0 --separate-stderr pool-select - <pool.json
	assert_output "http://127.0.0.1:1"
	assert_equal "$stderr" ""
	exec {removed}<pool.json
	rm pool.json
	run -0 --separate-stderr pool-select -f "/dev/fd/$removed"
	assert_output "http://127.0.0.1:1"
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-select -f <(echo '{"proxies": ["http://127.0.0.1:2"]}')
	assert_output "http://127.0.0.1:2"
	assert_equal "$stderr" ""
}

@test "the environment is the caller's" {
	rm pool.json
	export CRYPTOFEED_PROXY_ENABLED=true \
		CRYPTOFEED_PROXY_DEFAULT__HTTP__URL='http://u:${SECRET}@127.0.0.1:1'
	SECRET=word run -0 --separate-stderr pool-select
	assert_output "http://u:word@127.0.0.1:1"
	assert_equal "$stderr" ""
}

# --- folders -----------------------------------------------------------------------------------

@test "a folder in which others can put another file counts, a sticky or read-only one does not" {
	mkdir -m 777 shared
	cp pool.json shared
	run -3 --separate-stderr pool-select -f shared/pool.json
	assert_equal "$stderr" "pool-select: pool file 'shared/pool.json' is not used: everybody can \
write its folder '$PWD/shared' (mode 0777) (chmod +t that folder, or see --trust-file)"
	run -0 --separate-stderr pool-select --trust-file -f shared/pool.json
	assert_equal "$stderr" ""
	chmod 1777 shared
	run -0 --separate-stderr pool-select -f shared/pool.json
	assert_equal "$stderr" ""
	# what the name leads through counts
	chmod 777 shared
	ln -s ../pool.json shared/link
	run -3 --separate-stderr pool-select -f shared/link
	ln -s shared/pool.json link
	run -3 --separate-stderr pool-select -f link
	POOL_FILE=link run -3 --separate-stderr pool-select
	cd shared
	run -3 --separate-stderr pool-select
	assert_equal "${stderr_lines[0]}" "pool-select: warning: passing over 'pool.json': everybody \
can write its folder '$PWD' (mode 0777) (chmod +t that folder, or name it with -f and --trust-file)"
	chmod +t .
	run -0 --separate-stderr pool-select
	assert_equal "$stderr" ""
}

@test "a pool.json that is passed over but not refused is used with -f" {
	open_etc
	cd "$folder"
	chgrp 4242 pool.json
	chmod 664 pool.json
	run -3 --separate-stderr as 4001 pool-select
	assert_regex "${stderr_lines[0]}" "group 4242 can write it \(mode 0664\) \(name it with -f\)\$"
	run -0 --separate-stderr as 4001 pool-select -f pool.json
}

@test "a folder of another group is warned about, and refused by root" {
	open_etc
	chgrp 4242 "$folder"
	chmod 2775 "$folder"
	run -3 --separate-stderr pool-select -f "$file"
	assert_regex "$stderr" "group 4242 can write its folder '$folder' \(mode 2775\)"
	run -0 --separate-stderr as 4001 pool-select -f "$file"
	assert_equal "$stderr" "pool-select: warning: pool file '$file': group 4242 can write its \
folder '$folder' (mode 2775)"
}

# ..data and what it leads to, as Kubernetes mounts it
@test "a ConfigMap can be used" {
	open_etc
	require_tool unshare
	mkdir -m 777 "$open/map"
	mkdir "$open/map/..1"
	cp pool.json "$open/map/..1"
	ln -s ..1 "$open/map/..data"
	ln -s ..data/pool.json "$open/map/pool.json"
	run -3 --separate-stderr pool-select -f "$open/map/pool.json"
	run -0 --separate-stderr unshare -m bash -euc '
		mount --bind "$1/map" "$1/map"
		mount -o remount,bind,ro "$1/map"
		pool-select -f "$1/map/pool.json"' bash "$open"
	assert_output "http://127.0.0.1:1"
	assert_equal "$stderr" ""
	# with fsGroup
	chgrp 4242 "$open/map"
	chmod 3777 "$open/map"
	run -0 --separate-stderr as 4001 pool-select -f "$open/map/pool.json"
	assert_output "http://127.0.0.1:1"
	assert_equal "$stderr" ""
}

# --- somebody else's ---------------------------------------------------------------------------

asks_for_secrets() {
	echo '{"proxies": [{"name": "a", "url": "http://u:${SECRET}@127.0.0.1:1"}],
		"health_check": {"retry_count": 1, "timeout_seconds": 1}}' >"$file"
	echo '{"proxies": [{"name": "a", "url": "http://u@127.0.0.1:1", "password_file": "word"}],
		"health_check": {"retry_count": 1, "timeout_seconds": 1}}' >"$folder/by-file.json"
	echo from-file >"$folder/word"
	chmod 600 "$folder/word"
	export SECRET=from-variable
}

@test "a stranger's pool file gets no secret" {
	open_etc
	asks_for_secrets
	chown 4001:4001 "$file" "$folder/by-file.json"
	why="the pool file belongs to user 4001, neither root nor you (see --trust-file)"
	run -3 --separate-stderr pool-select -f "$file"
	assert_output "http://no-secret.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: no proxy of 'default.http' is left: 'a' is skipped: \
the variable of a proxy's URL is not used: $why"
	run -3 --separate-stderr pool-select -f "$folder/by-file.json"
	assert_output "http://no-secret.no-proxy.invalid:9"
	assert_equal "$stderr" "pool-select: no proxy of 'default.http' is left: 'a' is skipped: \
the password file of a proxy is not used: $why"
	for one in "$file" "$folder/by-file.json"; do
		run -125 --separate-stderr pool-exec -f "$one" env
		assert_output ""
		run -4 --separate-stderr pool-check -f "$one"
		assert_output --partial "is not used: $why"
		refute_output --partial from-
		run -0 --separate-stderr pool-status -f "$one"
		assert_output --partial "a pool file of somebody else's gets neither without --trust-file"
		run -0 --separate-stderr pool-select --trust-file -f "$one"
		assert_output --regexp '^http://u:from-(variable|file)@127.0.0.1:1$'
		assert_equal "$stderr" ""
		run -0 --separate-stderr pool-exec --trust-file -f "$one" sh -c 'echo $http_proxy'
		assert_output --regexp '^http://u:from-(variable|file)@127.0.0.1:1/?$'
	done
	# for himself it is his own, and root's is everybody's
	run -0 --separate-stderr as 4001 pool-select -f "$file"
	assert_output "http://u:from-variable@127.0.0.1:1"
	chown 0:0 "$file"
	run -0 --separate-stderr as 4001 pool-select -f "$file"
	assert_output "http://u:from-variable@127.0.0.1:1"
	# without a secret it is used
	chown 4001:4001 "$file"
	sed -i 's/u:[^@]*@//' "$file"
	run -0 --separate-stderr pool-select -f "$file"
	assert_output "http://127.0.0.1:1"
	assert_equal "$stderr" ""
}

@test "so does one in a stranger's folder, or behind his link" {
	open_etc
	asks_for_secrets
	chown 4001:4001 "$folder"
	run -3 --separate-stderr pool-select -f "$file"
	assert_regex "$stderr" "the pool file's folder '$folder' belongs to user 4001, neither root nor you"
	chown 0:0 "$folder"
	run -0 --separate-stderr pool-select -f "$file"
	ln -s pool.json "$folder/link.json"
	chown -h 4001:4001 "$folder/link.json"
	run -3 --separate-stderr pool-select -f "$folder/link.json"
	assert_regex "$stderr" "the pool file's link '$folder/link.json' belongs to user 4001"
	POOL_FILE=$folder/link.json run -3 --separate-stderr pool-select
	cd "$folder"
	mv pool.json real.json
	ln -s real.json pool.json
	chown -h 4001:4001 pool.json
	run -3 --separate-stderr pool-select
	assert_regex "${stderr_lines[0]}" "passing over 'pool.json': its link '.*' belongs to user 4001, \
neither root nor you \\(name it with -f\\)\$"
}

@test "the caller's environment gets its secrets on top of a stranger's file" {
	open_etc
	asks_for_secrets
	chown 4001:4001 "$file"
	export CRYPTOFEED_PROXY_EXCHANGES__OKX__HTTP__URL='http://own:${SECRET}@127.0.0.1:2' \
		CRYPTOFEED_PROXY_EXCHANGES__ITS__HTTP__POOL='{"proxies": "default"}'
	run -0 --separate-stderr pool-select -x okx -f "$file"
	assert_output "http://own:from-variable@127.0.0.1:2"
	run -3 --separate-stderr pool-select -x its -f "$file"
	run -3 --separate-stderr pool-select -f "$file"
	refute_output --partial from-variable
}

# --- password files ----------------------------------------------------------------------------

@test "a password file that others can write is refused" {
	open_etc
	asks_for_secrets
	mv "$folder/by-file.json" "$file"
	run -0 --separate-stderr pool-select -f "$file"
	assert_output "http://u:from-file@127.0.0.1:1"
	assert_equal "$stderr" ""
	refused=("chmod 602 word" "chgrp 4242 word; chmod 620 word" "chown 4001:4001 word")
	said=("everybody can write it (mode 0602) (chmod o-w it)"
		"group 4242 can write it (mode 0620) (chmod g-w it)"
		"it belongs to user 4001, neither root nor you")
	for way in 0 1 2; do
		pushd "$folder" >/dev/null
		eval "${refused[way]}"
		popd >/dev/null
		run -3 --separate-stderr pool-select -f "$file"
		assert_output "http://no-secret.no-proxy.invalid:9"
		assert_equal "$stderr" "pool-select: no proxy of 'default.http' is left: 'a' is skipped: \
the password file '$folder/word' is not used: ${said[way]}"
		run -4 --separate-stderr pool-check -f "$file"
		run -0 --separate-stderr pool-select --trust-file -f "$file"
		assert_output "http://u:from-file@127.0.0.1:1"
		chown 0:0 "$folder/word"
		chmod 600 "$folder/word"
	done
	# one that only others can read, or a group, is used
	chgrp 4242 "$folder/word"
	chmod 644 "$folder/word"
	run -0 --separate-stderr pool-select -f "$file"
	assert_equal "$stderr" ""
}

# --- pool-validate -----------------------------------------------------------------------------

@test "pool-validate warns of it, in each format, and --allow passes over it" {
	chmod 666 pool.json
	line="pool.json:1:1: warning: everybody can write it (mode 0666) [file-writable]"
	run -0 --separate-stderr pool-validate pool.json
	assert_equal "${stderr_lines[0]}" "$line"
	run -1 --separate-stderr pool-validate --strict pool.json
	run -0 --separate-stderr pool-validate --strict --allow file-writable pool.json
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-validate --format sarif pool.json
	assert_equal "$(jq -r '.runs[0].results[] | "\(.ruleId) \(.level) \(.message.text)"' \
		<<<"$output")" "file-writable warning everybody can write it (mode 0666)"
	run -0 --separate-stderr pool-validate --format github pool.json
	assert_output --partial "title=file-writable::everybody can write it (mode 0666)"
	run -0 --separate-stderr pool-validate - <pool.json
	assert_equal "$stderr" ""
	chmod 644 pool.json
	chmod 777 .
	run -0 --separate-stderr pool-validate pool.json
	assert_equal "${stderr_lines[0]}" "pool.json:1:1: warning: everybody can write its folder \
'$PWD' (mode 0777) [file-writable]"
}

@test "pool-validate warns of a stranger's file that asks for secrets" {
	open_etc
	asks_for_secrets
	chown 4001:4001 "$file" "$folder/by-file.json"
	for one in "$file" "$folder/by-file.json"; do
		run -0 --separate-stderr pool-validate "$one"
		assert_equal "${stderr_lines[0]}" "$one:1:1: warning: it belongs to user 4001, neither \
root nor you: its proxies get no secret [file-writable]"
		run -0 --separate-stderr pool-validate --expand "$one"
		assert_regex "${stderr_lines[0]}" "neither root nor you: its proxies get no secret"
	done
	chown 0:0 "$folder/by-file.json"
	chown 4001:4001 "$folder/word"
	run -0 --separate-stderr pool-validate --expand "$folder/by-file.json"
	assert_regex "${stderr_lines[0]}" "password_file: it belongs to user 4001, neither root nor you: \
it is not used \[file-writable\]"
	sed -i 's/u:[^@]*@//' "$file"
	run -0 --separate-stderr pool-validate "$file"
	assert_equal "$stderr" ""
}

@test "pool-validate --expand warns of a password file that others can write or read" {
	open_etc
	asks_for_secrets
	one=$folder/by-file.json
	run -0 --separate-stderr pool-validate --expand "$one"
	assert_equal "$stderr" ""
	chmod 646 "$folder/word"
	run -0 --separate-stderr pool-validate "$one"
	assert_equal "$stderr" ""
	run -0 --separate-stderr pool-validate --expand "$one"
	at="$one:1:76: warning: password_file: everybody can"
	assert_equal "${stderr_lines[0]}" "$at write it (mode 0646) [file-writable]"
	assert_equal "${stderr_lines[1]}" "$at read it (mode 0646) [literal-credentials]"
	run -1 --separate-stderr pool-validate --strict --expand "$one"
}

@test "pool and password files of root and a group that reads them are as they should be" {
	open_etc
	asks_for_secrets
	chgrp 4242 "$file" "$folder/by-file.json" "$folder/word"
	chmod 640 "$file" "$folder/by-file.json" "$folder/word"
	sed -i 's/\${SECRET}/literal/' "$file"
	run -0 --separate-stderr pool-validate --strict --expand "$file" "$folder/by-file.json"
	assert_equal "$stderr" ""
	# of a user's own group as well, and not of another that he happens to be in
	chown 4001:4001 "$file"
	run -0 --separate-stderr pool-validate --strict "$file"
	chgrp 4242 "$file"
	run -1 --separate-stderr pool-validate --strict "$file"
	assert_regex "$stderr" "literal-credentials"
}
