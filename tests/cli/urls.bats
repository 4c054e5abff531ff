# Proxy URLs on which clients disagree, in every format that is read and printed; and what no message
# may repeat of any URL.

load ../lib

setup() {
	pool_setup
}

teardown() {
	pool_teardown
}

# quoted TEXT: as a string of JSON
quoted() {
	jq -n --arg text "$1" '$text'
}

# write_as READER URL: the file that this reader takes, its name to FILE; the variables of env to
# VARIABLES. A file named after what a person would call it.
write_as() {
	local url

	url=$(quoted "$2")
	VARIABLES=()
	case $1 in
	json) FILE=pool.json && write_pool pool.json "{\"proxies\": [$url]}" ;;
	yaml) FILE=pool.yaml && write_pool pool.yaml "proxies:
  - url: $url" ;;
	cryptofeed) FILE=feed.yaml && write_pool feed.yaml "proxy:
  enabled: true
  default: {http: {url: $url}}" ;;
	list) FILE=list.txt && write_pool list.txt "$2" ;;
	proxychains) FILE=proxychains.conf && write_pool proxychains.conf "[ProxyList]
http $2 8080 $2" ;;
	env)
		FILE=
		VARIABLES=(CRYPTOFEED_PROXY_ENABLED=true "CRYPTOFEED_PROXY_DEFAULT__HTTP__URL=$2")
		;;
	esac
}

# judged READER URL: "error RULE" or "warning RULE" of each diagnostic
judged() {
	write_as "$1" "$2"
	case $1 in
	env) env "${VARIABLES[@]}" pool-validate --env - 2>&1 <<<'{"enabled": true}' ;;
	list) pool-convert -v "$FILE" 2>&1 >/dev/null ;;
	*) pool-validate "$FILE" 2>&1 ;;
	esac | sed -nE 's/.*(error|warning): .* \[([a-z-]+)\]$/\1 \2/p' | sort -u | paste -sd , | sed 's/,/, /g'
}

@test "what clients cut up at different places is an error in every format" {
	require_tool jq
	refused() {
		for reader in json yaml cryptofeed list env; do
			got=$(judged "$reader" "$2")
			[[ ", $got, " == *", error $1, "* ]] || {
				echo "$reader: expected '$1', got '$got' for $2"
				return 1
			}
		done
	}
	rows refused <<'END'
url-at-sign|http://bob:4711#secret@127.0.0.1:8080
url-at-sign|http://bob:pa/ss@127.0.0.1:8080
url-at-sign|http://bob:pa?ss@127.0.0.1:8080
url-at-sign|http://bob/pass@127.0.0.1:8080
url-at-sign|http://127.0.0.1:8080/x@127.0.0.1:8081
url-at-sign|http://127.0.0.1:8080?@127.0.0.1:8081
url-backslash|http://127.0.0.1:8080\x
url-backslash|http://relay\.test:8080
url-backslash|http://u:p@127.0.0.1:8080/a\b
END
}

@test "the error stands where the URL is cut, and says what to do" {
	write_pool pool.json '{"proxies": ["http://bob:4711#secret@127.0.0.1:8080"]}'
	run -1 pool-validate pool.json
	assert_line --index 0 "pool.json:1:30: error: proxies[0]: an @ stands behind the host, and \
clients disagree on where the URL leads (percent-encode / ? # in a password) [url-at-sign]"
	write_pool pool.json '{"proxies": ["http://127.0.0.1:8080\\x"]}'
	run -1 pool-validate pool.json
	assert_output --partial "error: proxies[0]: a backslash stands outside of the user and password, \
and clients disagree on where the URL leads [url-backslash]"
	run -3 --separate-stderr pool-select pool.json
	assert_output --regexp '^http://[a-z-]+\.no-proxy\.invalid:9$'
}

@test "a raw @ or backslash in user and password is accepted with a warning" {
	require_tool jq
	for reader in json yaml cryptofeed list env; do
		for url in 'http://u:p@q@127.0.0.1:8080' 'http://u\v:p\q@127.0.0.1:8080' \
			'http://127.0.0.1:8080\@127.0.0.1:8081'; do
			assert_regex ", $(judged "$reader" "$url")," ", warning url-raw-sign,"
		done
	done
}

@test "every format prints it percent-encoded; pool-convert keeps it as it stands" {
	raw='http://u@x:p\q@y@127.0.0.1:8080' encoded='http://u%40x:p%5Cq%40y@127.0.0.1:8080'
	write_as json "$raw"
	run -0 pool-select pool.json
	assert_output "$encoded"
	for format in env export curlrc json '%{url}'; do
		run -0 pool-select --format "$format" pool.json
		assert_output --partial "$encoded"
		# but of rsync, which decodes nothing and splits at the last @
		refute_output --partial 'http://u@x'
	done
	run -0 pool-select --serve pool.json <<<''
	assert_output "$encoded"
	run -0 pool-exec -f pool.json sh -c 'echo "$http_proxy"'
	assert_output "$encoded"
	run -0 pool-convert --to list pool.json
	assert_output "$raw"
	run -0 --separate-stderr pool-convert pool.json
	assert_equal "$(jq -r '.. | .url? // empty | strings' <<<"$output")$(jq -r \
		'.proxies[0] | strings' <<<"$output")" "$raw"
	for reader in yaml cryptofeed list; do
		write_as "$reader" "$raw"
		run -0 --separate-stderr pool-convert "$FILE"
		assert_output --partial "$(quoted "$raw")"
	done
}

@test "a proxy gets the password that was meant" {
	require_tool curl
	start_stub --user u@x --password 'p\q@y' --log log http-proxy
	write_pool pool.json "{\"health_check\": {\"method\": \"http\", \"url\": \"http://t.test/\",
		\"retry_count\": 1}, \"proxies\": [\"http://u@x:p\\\\q@y@127.0.0.1:$STUB_PORT\"]}"
	run -0 pool-check -q pool.json
	run -0 curl -sS -m 10 -K <(pool-select --format curlrc pool.json) http://t.test/
	assert_output "ok"
	run -0 curl -sS -m 10 -x "$(pool-select pool.json)" http://t.test/
	assert_output "ok"
}

# --- what is the same --------------------------------------------------------------------------

@test "duplicates are found by what they mean" {
	local one other

	while read -r one other; do
		write_pool pool.json "{\"proxies\": [\"$one\", \"$other\"]}"
		run -0 --separate-stderr pool-validate pool.json
		assert_regex "$stderr" "warning: proxies\\[1\\]: '[^']*' stands in this pool more than once \\[duplicate-proxy\\]"
	done <<-'ROWS'
		HTTP://H.test:80 http://h.TEST:80
		http://h.test:80 http://h.test.:80/
		http://[::1]:80 http://[0:0:0:0:0:0:0:1]:80
		http://[2001:DB8::1]:80 http://[2001:db8:0::0.0.0.1]:80
		http://[fe80::1%25lo]:80 http://[fe80:0::1%lo]:80
		http://h%2Etest:80 http://h.test:80
		http://u%41:p%40@h.test:80 http://uA:p@@h.test:80
		http://bücher.test:80 http://xn--bcher-kva.test:80
		http://BÜCHER.test:80 http://bücher.test.:80
		http://${A}:p@h.test:80 http://${A}:%70@h.test:80
	ROWS
	while read -r one other; do
		write_pool pool.json "{\"proxies\": [\"$one\", \"$other\"]}"
		run -0 --separate-stderr pool-validate pool.json
		refute_regex "$stderr" 'duplicate-proxy'
	done <<-'ROWS'
		http://h.test:80 https://h.test:80
		http://h.test:80 http://h.test:81
		http://u:p@h.test:80 http://U:p@h.test:80
		http://u:p@h.test:80 http://h.test:80
		http://[::1]:80 http://[::ffff:0.0.0.1]:80
		http://[::ffff:192.0.2.1]:80 http://192.0.2.1:80
		http://[fe80::1%25lo]:80 http://[fe80::1%25eth0]:80
		http://a:b%3Ac@h.test:80 http://a%3Ab:c@h.test:80
		http://${A}:p@h.test:80 http://%24{A}:p@h.test:80
	ROWS
}

# --- international hosts ------------------------------------------------------------------------

@test "an international host is asked for as punycode, in any locale, and keeps its records" {
	local locale before

	write_pool pool.json '{"proxies": ["http://mira:quartz7@Bücher.invalid:8080"],
		"health_check": {"method": "tcp", "retry_count": 1, "timeout_seconds": 2}}'
	run -0 --separate-stderr pool-validate pool.json
	assert_regex "$stderr" 'warning: proxies\[0\]: the host is not ASCII: checks and clients get its punycode form \[url-host-unicode\]'
	for locale in C C.UTF-8; do
		run -0 env LC_ALL=$locale pool-select pool.json
		assert_output 'http://mira:quartz7@xn--bcher-kva.invalid:8080'
		run -0 env LC_ALL=$locale pool-select --format '%{hostport} %{name}' pool.json
		assert_output 'xn--bcher-kva.invalid:8080 bücher.invalid:8080'
		run -0 env LC_ALL=$locale pool-exec -f pool.json printenv http_proxy
		assert_output 'http://mira:quartz7@xn--bcher-kva.invalid:8080'
	done
	run -0 pool-report -f pool.json 'bücher.invalid:8080' disable
	run -1 pool-select pool.json
	assert_output --partial 'http://none-eligible.no-proxy.invalid:9'
	run -0 pool-convert --to list -q pool.json
	assert_line --index 0 'http://mira:quartz7@Bücher.invalid:8080'
	run -0 pool-convert --to list -q - <<<'bücher.invalid:8080'
	assert_output 'http://bücher.invalid:8080'
}

# The name is answered by the hosts file of a namespace of its own.
@test "a check finds an international host by its punycode" {
	require_namespaces -rm
	start_stub http-proxy
	printf '127.0.0.1 xn--bcher-kva.test localhost\n' >hosts
	write_pool pool.json "{\"proxies\": [\"http://bücher.test:$STUB_PORT\"],
		\"health_check\": {\"method\": \"tcp\", \"retry_count\": 1}}"
	run unshare -rm sh -c 'mount --bind hosts /etc/hosts || exit 99
		LC_ALL=C exec pool-check --format tsv pool.json'
	[ "$status" -ne 99 ] || skip "a mount over /etc/hosts is not allowed"
	assert_equal "$status" 0
	assert_output --partial passed
}

@test "a host that is no international name is an error at its place" {
	local host why

	while IFS='|' read -r host why; do
		printf '{"proxies": ["http://u:quartz7@%s:80"]}' "$host" >pool.json
		run -1 --separate-stderr timeout 10 pool-validate pool.json
		assert_regex "$stderr" "^pool.json:1:32: error: proxies\\[0\\]: the host is no international name: $why \\[url-host\\]"
	done <<-ROWS
		☃.test|.*disallowed.*
		ü-.test|.*hyphen.*
		$(printf 'ü%.0s' {1..64}).test|.*
		x／y.test|it stands for another URL
	ROWS
	# Full-width signs become plain ones: a user, a path, a query.
	for host in a＠b.test:80 a.test／b:80 a.test？b:80; do
		printf '{"proxies": ["http://%s"]}' "$host" >pool.json
		run -1 --separate-stderr timeout 10 pool-validate pool.json
		assert_regex "$stderr" '^[^[]*\[0\]: the host is no international name: it stands for another URL'
	done
	printf '{"proxies": ["http://%s:80"]}' "$(printf 'ü%.0s' {1..150})" >pool.json
	run -1 --separate-stderr timeout 10 pool-validate pool.json
	assert_regex "$stderr" 'url-host\]'
}

# --- what no message repeats --------------------------------------------------------------------

# Each holds parts of a user and a password, which begin with QZ, at a place where a typing error has
# put them.
write_malformed() {
	cat <<'END'
http://QZuser:QZ/QZpw@127.0.0.1:8080
http://QZuser:QZ?QZpw@127.0.0.1:8080
http://QZuser:4711#QZpw@127.0.0.1:8080
http://QZuser/QZpw@127.0.0.1:8080
http://QZuser?QZpw@127.0.0.1:8080
http://QZuser:QZ@QZpw@127.0.0.1:8080
http://QZ\user:QZ\QZpw@127.0.0.1:8080
http://QZuser:QZ QZpw@127.0.0.1:8080
http://QZuser:QZ	QZpw@127.0.0.1:8080
http://QZuser:QZ%00QZpw@127.0.0.1:8080
http://QZuser:QZ%zzpw@127.0.0.1:8080
http://QZuser:QZ[QZpw@127.0.0.1:8080
http://QZuser:${QZpw@127.0.0.1:8080
http://QZuser:${QZ-pw}@127.0.0.1:8080
QZuser:QZpw@127.0.0.1:8080
//QZuser:QZpw@127.0.0.1:8080
http:/QZuser:QZpw@127.0.0.1:8080
http:QZuser:QZpw@127.0.0.1:8080
htp://QZuser:QZpw@127.0.0.1:8080
QZuser://QZpw@127.0.0.1:8080
http://QZuser:QZpw@127.0.0.1:80:90
http://QZuser:QZpw@127.0.0.1
http://QZuser:QZpw@127.0.0.1:
http://QZuser:QZpw@:8080
http://QZuser:QZpw@127.0.0.1:99999
http://QZuser:QZpw@-h:8080
http://QZuser:QZpw@[::1:8080
http://QZuser:QZpw@127.0.0.1:8080\QZ
http://QZuser:QZpw@127.0.0.1:8080/QZ@QZ
http://QZuser:QZpw
http://127.0.0.1:8080:QZuser:QZpw
http://127.0.0.1:8080/QZuser:QZpw@127.0.0.1:8081
127.0.0.1:8080:QZuser:QZpw
127.0.0.1:8080:QZuser:QZpw@127.0.0.1:8081
127.0.0.1:8080@QZuser:QZpw
QZuser:QZpw
http 127.0.0.1 8080 QZuser QZpw QZ
http://QZuser:QZpw@127.0.0.1 http://QZuser:QZpw@127.0.0.1:8080
http://QZuser:QZpw@127.0.0.1:8080,http://QZuser:QZpw@127.0.0.1:8081
"http://QZuser:QZpw@127.0.0.1:8080"
<http://QZuser:QZpw@127.0.0.1:8080>
http://QZuser:QZpw@127.0.0.1:8080 # QZ
END
}

# noted COMMAND...: what it says goes to the file said. However it ends, it ends by itself.
noted() {
	local status=0

	timeout 20 "$@" >>said 2>&1 </dev/null || status=$?
	if [ "$status" -eq 124 ] || [ "$status" -ge 128 ]; then
		echo "$*: status $status"
		wrong=$((wrong + 1))
	fi
}

# On a terminal there are lines with carets.
on_a_terminal() {
	local command

	printf -v command '%q ' "$@"
	timeout 20 script -qec "$command" /dev/null >>said 2>&1 </dev/null || :
}

# tell_of FILE: what is said of a pool file when it is read
tell_of() {
	on_a_terminal pool-validate "$1"
	noted pool-validate --format json "$1"
	noted pool-validate --resolve "$1"
	noted pool-select --format '%{name}' --explain -v --no-state "$1"
	noted bash -c 'exec pool-convert -v --log-format json "$1" >/dev/null' bash "$1"
}

# tell_all_of FILE: and by all tools in all formats
tell_all_of() {
	local format

	for format in text sarif github gitlab; do
		noted pool-validate --format "$format" "$1"
	done
	noted pool-validate --log-format json "$1"
	noted pool-validate --print "$1"
	noted pool-validate --expand -v "$1"
	noted pool-select --format '%{name}' --log-format json "$1"
	noted pool-check --dry-run -v --timeout 0.2 --method tcp --metrics-file metrics "$1"
	noted pool-check --timeout 0.2 --format json --method tcp "$1"
	noted pool-status -v "$1"
	noted pool-status --format prometheus "$1"
	noted pool-report -f "$1" nothing ok
	noted pool-exec -v -f "$1" true
	noted pool-exec --log-format json -f "$1" true
	noted pool-convert --diff "$1"
	noted bash -c 'exec pool-convert -v --to list "$1" >/dev/null' bash "$1"
	[ ! -e metrics ] || cat metrics >>said
}

# assert_untold WHAT: nothing of it was said
assert_untold() {
	[ -s said ] || return
	if grep -iaq qz said; then
		echo "said of $1:"
		grep -ia qz said | head -5
		return 1
	fi
}

@test "no message repeats any part of a user or password, however the URL is broken" {
	require_tool jq script
	write_malformed >malformed
	wrong=0
	while IFS= read -r url; do
		for reader in json yaml cryptofeed list proxychains; do
			: >said
			write_as "$reader" "$url"
			tell_of "$FILE"
			[ "$reader" != json ] || tell_all_of "$FILE"
			assert_untold "$reader: $url" || wrong=$((wrong + 1))
		done
	done <malformed
	[ "$wrong" -eq 0 ]
}

@test "nor of a variable's, nor where something else is wanted" {
	require_tool jq script
	write_malformed >malformed
	wrong=0
	while IFS= read -r url; do
		# of words without a colon nobody can know what they are
		[[ $url != "http 127"* ]] || continue
		: >said
		write_as env "$url"
		for name in CRYPTOFEED_PROXY_DEFAULT__HTTP__URL CRYPTOFEED_PROXY_ENABLED \
			CRYPTOFEED_PROXY_DEFAULT__HTTP__POOL \
			CRYPTOFEED_PROXY_DEFAULT__HTTP__POOL__STRATEGY CRYPTOFEED_PROXY_NOTHING; do
			noted env CRYPTOFEED_PROXY_ENABLED=true "$name=$url" pool-select --explain -v \
				--format '%{name}'
			noted env CRYPTOFEED_PROXY_ENABLED=true "$name=$url" pool-validate -v --env -
			noted env CRYPTOFEED_PROXY_ENABLED=true "$name=$url" pool-check -v --dry-run \
				--timeout 2
		done
		assert_untold "env: $url" || wrong=$((wrong + 1))
	done <malformed
	for url in 'http://QZuser:QZpw@127.0.0.1:8080' 'QZuser:QZpw@127.0.0.1:8080'; do
		for text in "{\"proxies\": [\"http://127.0.0.1:1\"], \"URL\": 1}" \
			'{"proxies": [{"url": "http://127.0.0.1:1", "name": "URL"}]}' \
			'{"proxies": [{"url": "http://127.0.0.1:1", "weight": "URL"}]}' \
			'{"proxies": [{"url": "http://127.0.0.1:1", "URL": "URL"}]}' \
			'{"proxies": "URL"}' '{"proxies": {"URL": 1}}' '"URL"' '["URL"]' '{"URL": "URL"}' \
			'{"proxies": ["http://127.0.0.1:1"], "strategy": "URL"}' \
			'{"proxies": ["http://127.0.0.1:1"], "health_check": {"method": "URL"}}' \
			'{"proxies": ["http://127.0.0.1:1"], "health_check": {"url": "URL/ x", "method": "http"}}' \
			'{"enabled": "URL", "default": {"http": "URL", "URL": {}}}' \
			'{"exchanges": {"URL": {"http": "http://127.0.0.1:1"}}}' \
			'{"proxies": ["http://127.0.0.1:1", "URL" "URL"]}' "{'proxies': ['URL']}" \
			'{"proxies": ["http://127.0.0.1:1\u0000", "URL]}' '{"proxies": [URL]}' \
			'proxies: [URL' 'proxies: URL: URL' '- URL'; do
			for FILE in bad.json bad.yaml bad.txt; do
				: >said
				write_pool "$FILE" "${text//URL/$url}"
				tell_of "$FILE"
				assert_untold "$FILE: $text" || wrong=$((wrong + 1))
			done
		done
	done
	[ "$wrong" -eq 0 ]
}
