# YAML: the same settings and the same faults as JSON, at the line and column of the YAML.

load ../lib

setup() {
	pool_setup
	validate=$POOL_BIN/pool-validate
	umask 077
}

teardown() {
	pool_teardown
}

# is YAML EXPECTED: "valid", or what stands behind the file's name in the first error. \n in YAML are
# line ends, \t tabs.
is() {
	local status=0 got

	printf '%b' "$1" >pool.yaml
	got=$(timeout 10 "$validate" pool.yaml 2>&1) || status=$?
	case $2 in
	valid) [ "$status" -eq 0 ] ;;
	*) [ "$status" -eq 1 ] && [[ $got == *"pool.yaml:$2"* ]] ;;
	esac && return
	printf '%s: status %s, expected %s\n%s\n' "$1" "$status" "$2" "$got"
	return 1
}

@test "what is no YAML, or no YAML of ours, is told at its place" {
	run rows is <<-'ROWS'
		a: b: c|1:5: error: a ':' cannot stand here
		enabled: true\n  default: {}\n|2:10: error: a ':' cannot stand here
		enabled: "yes|1:10: error: no quote ends what this one begins
		default: {http: {url: "http://h:1"}\n|2:1: error: a ',' or the '}' of the mapping was expected here
		proxies:\n- a\n b: c\n|3:3: error: a ':' cannot stand here
		enabled: @x\n|1:10: error: a value cannot begin with this character: put it in quotes
		enabled: true\n---\nenabled: true\n|2:1: error: a second document begins here: a pool file is one
		--- {enabled: true}\n...\n|valid
		%YAML 1.1\n---\nenabled: true\n|valid
		enabled: !!python/object:os.system x\n|1:10: error: this tag is not supported: put text that begins with '!' in quotes
		enabled: !secret x\n|1:10: error: this tag is not supported: put text that begins with '!' in quotes
		enabled: !!bool "yes"\n|valid
		enabled: !!str yes\n|valid
		default: !!map {http: !!str http://h:1}\n|valid
		default: !!set {a}\n|1:10: error: the tag '!!set' cannot stand here
		enabled: !!int x\n|1:10: error: the tag '!!int' cannot stand here
		enabled: !!int 1\n|valid
		enabled: !!int 1.5\n|1:10: error: the tag '!!int' cannot stand here
		default:\n  http:\n    password: !quartz\n|3:15: error: this tag is not supported: put text that begins with '!' in quotes
		&a enabled: true\n|1:1: error: an anchor cannot stand before a key
		? [a]\n: b\n|1:3: error: a key must be a string
		? {a: b}\n: c\n|1:3: error: a key must be a string
		*a : b\n|1:1: error: a key must be a string
		1: x\n|1:1: error: the key '1' is no string to YAML: put it in quotes
		~: x\n|1:1: error: the key '~' is no string to YAML: put it in quotes
		exchanges: {on: {}}\n|1:13: error: the key 'on' is no string to YAML: put it in quotes
		exchanges: {"on": {}, '1': {}}\n|valid
		log: {1: a, on: b, x: 2026-11-26, a: 1, a: 2}\nproxy: {enabled: true}\n|valid
		enabled: "a\\0b"\n|1:10: error: a NUL character (\0)
		enabled: "\\ud800"\n|1:13: error: found invalid Unicode character escape code
		enabled: \0001 # so long a line that one such byte does not make it a binary file\n|1:10: error: a raw control character
		enabled: \0377\n|1:10: error: this is not UTF-8
		\0357\0273\0277enabled: 2\n|1:10: error: enabled: 2 is not true or false
		enabled: true\r\ndefault: {}\r\nx: 1\r\n|3:1: error: unknown key 'x'
		# \0303\0251\0303\0251\nexchanges: {"\0303\0251": {}, x: 1}\n|2:25: error: x: 1 is not an object with
		\0357\0273\0277enabled: true\n\0357\0273\0277default: {}\n|2:1: error: a byte order mark (U+FEFF) inside the text
		\0357\0273\0277# only\n|valid
		[]|1:1: error: the document must be an object
		just text\n|1:1: error: the document must be an object
		|valid
		# only\n|valid
		null\n|valid
		---\n|valid
	ROWS
	assert_success
	assert_line "43 rows, 0 wrong"
}

@test "tabs stand in quotes and comments only" {
	run rows is <<-'ROWS'
		default:\n\thttp: http://h:1\n|2:1: error: a tab stands where blanks must: indent with blanks [yaml-tab]
		enabled:\ttrue\n|1:9: error: a tab stands where blanks must
		enabled: true\t\n|1:14: error: a tab stands where blanks must
		enabled: true\t# x\n|1:14: error: a tab stands where blanks must
		default: {\n\thttp: "http://h:1"}\n|2:1: error: a tab stands where blanks must
		enabled: true\n\t\ndefault: {}\n|2:1: error: a tab stands where blanks must
		log: a\tb\nproxy: {}\n|1:7: error: a tab stands where blanks must
		log: >\t\n  a\nproxy: {}\n|1:7: error: a tab stands where blanks must
		enabled: true # a\tb\n#\tc\ndefault: {}\n|valid
		log: "a\tb"\nproxy: {}\n|valid
		log: >-\n  a\tb\nproxy: {}\n|valid
	ROWS
	assert_success
}

@test "a key stands once, however it is written" {
	run rows is <<-'ROWS'
		enabled: true\n"enabled": false\n|2:1: error: the key 'enabled' stands here for the second time [duplicate-key]
		default: {http: {url: "http://h:1", 'url': "http://i:1"}}\n|1:37: error: the key 'url' stands here for the second time
		proxy: {}\nproxy: {}\n|2:1: error: the key 'proxy' stands here for the second time
	ROWS
	assert_success
}

@test "anchors, aliases and merge keys" {
	run rows is <<-'ROWS'
		x-a: &a {url: "http://h:1"}\nproxy: {enabled: true, default: {http: *a, websocket: *a}}\n|valid
		proxy: {enabled: true, default: {http: *a}}\n|1:40: error: this alias stands for nothing: put its anchor before it, or text that begins with '*' in quotes [yaml-alias]
		proxy: &a {default: *a}\n|1:21: error: this alias stands inside its own value [yaml-alias]
		x: [&a 1, &a 2]\nproxy: {}\n|1:11: error: 
		default: {http: {<<: http://h:1}}\n|1:22: error: '<<' takes a mapping or a list of mappings [yaml-merge]
		default: {http: {<<: [{url: "http://h:1"}, 5]}}\n|1:22: error: '<<' takes a mapping or a list of mappings [yaml-merge]
		default: {http: {<<: {}, <<: {}}}\n|1:26: error: '<<' stands here for the second time: write one with a list [duplicate-key]
		default: {http: {"<<": 1}}\n|1:18: error: unknown key '<<' in a connection
		x: &a {timeout_seconds: 301}\nproxy: {default: {http: {<<: *a, url: "http://h:1"}}}\n|1:25: error: timeout_seconds: 301 is above 300
		x: &a {timeout_seconds: 301}\nproxy: {default: {http: {<<: *a, url: "http://h:1", timeout_seconds: 5}}}\n|valid
	ROWS
	assert_success
	cat >pool.yaml <<-'END'
		x-pool: &pool
		  strategy: random
		  proxies: &list [http://192.0.2.1:1, http://192.0.2.2:1]
		proxy:
		  enabled: true
		  default: {http: {pool: *pool}}
		  exchanges:
		    okx: {http: {pool: {<<: *pool, strategy: failover}}}
		    kraken: {http: {pool: *list}}
	END
	run -0 "$validate" -q --resolve pool.yaml
	assert_line --regexp '^okx .* failover of 2: http://192.0.2.1:1, http://192.0.2.2:1$'
	assert_line --regexp '^kraken .* round_robin of 2: '
	assert_line --regexp '^default +http .* random of 2: '
}

@test "an alias bomb is refused by name, in little memory" {
	local i limit=200000

	# AddressSanitizer reserves terabytes of addresses.
	! is_sanitized || limit=unlimited
	{
		echo 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]'
		for i in {1..30}; do
			echo "a$i: &a$i [*a$((i - 1)), *a$((i - 1)), *a$((i - 1)), *a$((i - 1)), *a$((i - 1))]"
		done
	} >bomb.yaml
	run -1 --separate-stderr bash -c 'ulimit -v "$1"; exec timeout 10 "$2" bomb.yaml' bash "$limit" "$validate"
	assert_regex "$stderr" "error: this alias makes the document too large: aliases may add 262,144 values \[yaml-expansion\]"
	{
		printf 'a: &a {'
		printf 'k%d: 1, ' {1..40000}
		printf '}\nb: {<<: [*a, *a, *a, *a, *a]}\nproxy: {}\n'
	} >bomb.yaml
	run -1 --separate-stderr timeout 10 "$validate" bomb.yaml
	assert_regex "$stderr" ":2:5: error: this '<<' makes the document too large: .* \[yaml-expansion\]"
	printf '%0.s[' {1..5000} >bomb.yaml
	run -1 --separate-stderr "$validate" bomb.yaml
	assert_regex "$stderr" 'more than 64 levels of nesting \[yaml-depth\]'
	printf 'a: &a %s%s\nb: %s*a%s\n' "$(printf '%0.s[' {1..40})" "$(printf '%0.s]' {1..40})" \
		"$(printf '%0.s[' {1..30})" "$(printf '%0.s]' {1..30})" >bomb.yaml
	run -1 --separate-stderr "$validate" bomb.yaml
	assert_regex "$stderr" '2:34: error: more than 64 levels of nesting \[yaml-depth\]'
	for i in {1..100}; do
		printf '%*sa:\n' "$i" ''
	done >bomb.yaml
	run -1 --separate-stderr "$validate" bomb.yaml
	assert_regex "$stderr" 'more than 64 levels of nesting \[yaml-depth\]'
}

@test "what readers of YAML understand differently is refused where it is used" {
	run rows is <<-'ROWS'
		default: {http: {url: "http://h:1", timeout_seconds: 030}}\n|1:54: error: timeout_seconds: '030' is base 8 to YAML 1.1 and base 10 to YAML 1.2: write it without the leading zero [yaml-scalar]
		default: {http: {url: "http://h:1", timeout_seconds: 1:30}}\n|1:54: error: timeout_seconds: '1:30' is base 60 to YAML 1.1
		default: {http: {url: "http://h:1", timeout_seconds: 0b11}}\n|1:54: error: timeout_seconds: '0b11' is a number to YAML 1.1 and a string to YAML 1.2
		default: {http: {pool: [{url: "http://h:1", name: 2026-11-26}]}}\n|1:51: error: name: '2026-11-26' is a date to YAML 1.1 and a string to YAML 1.2: put it in quotes
		default: {http: {pool: [{url: "http://h:1", name: "2026-11-26"}]}}\n|valid
		default: {http: {pool: [{url: "http://h:1", name: 2026-1-1}, {url: "http://h:2", name: 0:30}]}}\n|valid
		default: {http: {url: "http://h:1", timeout_seconds: 0x10000000000000001}}\n|1:54: error: timeout_seconds: '0x10000000000000001' is longer than any number here
		default: {http: {url: "http://h:1", timeout_seconds: "30"}}\n|valid
		default: {http: {url: 5}}\n|1:23: error: url: 5 is not a URL in a string
		default: {http: {url: yes}}\n|1:23: error: url: true is not a URL in a string
		default: {http: {url: "http://h:1", timeout_seconds: 301}}\n|1:54: error: timeout_seconds: 301 is above 300
		default: {http: {url: "http://h:1", timeout_seconds: 0x12d}}\n|1:54: error: timeout_seconds: 301 is above 300
	ROWS
	assert_success
}

@test "PyYAML reads the same, or the tool refuses" {
	require_python yaml
	run -0 /usr/bin/python3 "$TESTS_DIR/cli/yaml-oracle.py" "$validate"
	assert_output --regexp '^[0-9]+ scalars, [0-9]+ merges, 0 differ$'
}

@test "PyYAML reads made-up documents the same, value by value" {
	require_python yaml
	run -0 /usr/bin/python3 "$TESTS_DIR/yaml/differ" "$POOL_BUILD/tests/yaml-tree" 1 100 400
	assert_line --regexp '^ *[0-9]{4,} same, such as '
	refute_output --partial different
}

@test "no line under a caret shows a password" {
	require_tool script
	cat >pool.yaml <<-'END'
		enabled: true
		default:
		  http:
		    pool:
		      - {url: "http://mira:quartz7@a.test:1", weight: 12}
		      - http://mira:quartz7@h:99999   # quartz7
		      - url: http://mira:quartz7 w@b.test:8
		      - url: 'http://mira:quartz7@c.test:x'
		        weigth: quartz7
		      - url: >-
		          http://mira:quartz7@d.test:0
		    health_check:
		      headers: {Authorization: [quartz7], X: 5}
		      password: quartz7
	END
	run -1 script -qec "'$validate' pool.yaml" /dev/null
	assert_output --partial '    - {url: "http://***@a.test:1", weight: 12}'
	refute_output --partial quartz7
	refute_output --partial mira
	printf 'default: {http: {url: "http://mira:quartz7@h:1\n' >pool.yaml
	run -1 script -qec "'$validate' pool.yaml" /dev/null
	refute_output --partial quartz7
	printf 'url: http://mira:quartz7@h:1: x\n' >pool.yaml
	run -1 script -qec "'$validate' pool.yaml" /dev/null
	refute_output --partial quartz7
}

@test "every tool reads it, and a selection parses it once" {
	require_tool strace
	start_stub http-proxy
	printf 'proxies:\n- {url: "http://127.0.0.1:%s", name: a}\n' "$STUB_PORT" >pool.yml
	export POOL_STATE=$PWD/state
	run -0 "$POOL_BIN/pool-check" -q pool.yml
	settle pool.yml
	run -0 "$POOL_BIN/pool-select" pool.yml
	assert_output "http://127.0.0.1:$STUB_PORT"
	# LeakSanitizer cannot work beside strace.
	ASAN_OPTIONS=detect_leaks=0 run -0 strace -o trace "$POOL_BIN/pool-select" pool.yml
	run -1 grep -E 'libyaml|libcjson' trace
	run -0 "$POOL_BIN/pool-report" -f pool.yml a ok
	run -0 "$POOL_BIN/pool-exec" -f pool.yml -- true
	run -0 --separate-stderr "$POOL_BIN/pool-status" pool.yml
	assert_output --partial healthy
	# An edit is seen; one that is invalid leaves what was good in force.
	printf 'proxies:\n\t- x\n' >pool.yml
	run -0 --separate-stderr "$POOL_BIN/pool-select" pool.yml
	assert_output "http://127.0.0.1:$STUB_PORT"
	assert_regex "$stderr" "'pool.yml' is invalid, its last good version stays in force: pool.yml:2:1: error: a tab stands"
	printf 'proxies: [http://127.0.0.1:9]\n' >pool.yml
	run -0 --separate-stderr "$POOL_BIN/pool-select" pool.yml
	assert_output "http://127.0.0.1:9"
}
