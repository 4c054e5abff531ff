# deploy/ci: what the jobs and hooks name is there, and what they run ends as it should. YAML is read
# by a package from npm; without it these tests are skipped.

load ../lib

setup_file() {
	install_node_packages
}

setup() {
	pool_setup
	require_node_packages
	require_tool jq
	ci=$SOURCE_DIR/deploy/ci
	umask 022
	echo '{"proxies": ["http://h:1", {"url": "http://u:${P}@i:1"}]}' >good.json
	printf '{\n  "proxies": [{"url": "http://h:1", "weight": 12}, "http://i:1/x"]\n}\n' >bad.json
	sed 's/12/2/' bad.json >warned.json
}

teardown() {
	pool_teardown
}

as_json() {
	node "$TESTS_DIR/schema/yaml.js" "$ci/$1"
}

# run_line FILE LINE: as the job would, on pool.json.
run_line() {
	cp "$1" pool.json
	POOL_FILES=pool.json bash -e -o pipefail -c "$2"
}

@test "each file is YAML, and is told of in the README" {
	for file in "$ci"/*; do
		run -0 --separate-stderr as_json "${file##*/}"
		assert_equal "$stderr" ""
		grep -qF "\`${file##*/}\`" "$SOURCE_DIR/deploy/README.md"
	done
}

@test "the commands have options that there are, and files that there are" {
	cat "$ci"/* | grep -oE '(run|entry): pool-validate.*|- pool-validate.*' |
		sed 's/^.*\(pool-validate\)/\1/' | sort -u >commands
	assert_equal "$(wc -l <commands)" 4
	run -0 pool-validate --help
	while read -r _ words; do
		for word in $words; do
			[[ $word != -* ]] || assert_output --regexp "(^|[ ,])$word([] =,]|$)"
		done
	done <commands
	assert_equal "$(grep -ohE 'proxypool/tests/[a-z-]+ [a-z]+' "$ci"/* | sort -u)" \
		"proxypool/tests/install-packages build"
	run -0 "$SOURCE_DIR/tests/install-packages" --list build
	assert_line libcjson-dev
}

@test "GitHub: the job judges, annotates and uploads" {
	as_json github-actions.yml >job.json
	run -0 jq -r '.permissions["security-events"], (.jobs.validate | .env.POOL_FILES,
		(.steps[] | .uses // empty))' job.json
	assert_output "write
pool.json
actions/checkout@v4
actions/checkout@v4
github/codeql-action/upload-sarif@v3"
	mapfile -t lines < <(jq -r '.jobs.validate.steps[] | .run // empty
		| select(startswith("pool-validate"))' job.json)
	assert_equal "${#lines[@]}" 2
	judge=${lines[0]} annotate=${lines[1]}
	sarif=$(jq -r '.jobs.validate.steps[].with.sarif_file // empty' job.json)

	run -0 --separate-stderr run_line good.json "$judge"
	assert_output "pool.json: valid, 2 proxies in 1 pool"
	assert_equal "$stderr" ""
	assert_equal "$(jq '.runs[0].results | length' "$sarif")" 0
	run -1 --separate-stderr run_line bad.json "$judge"
	assert_regex "$stderr" "^pool.json:2:47: error: weight: 12 is above 10 \[weight-range\]"
	assert_equal "$(jq -r '.runs[0].results[] | .ruleId' "$sarif" | tr '\n' ' ')" \
		"weight-range url-path "
	run -1 --separate-stderr run_line bad.json "$annotate"
	assert_line --index 0 "::error file=pool.json,line=2,col=47,endColumn=49,\
title=weight-range::weight: 12 is above 10"
	run -1 run_line warned.json "$judge"
	run -1 run_line warned.json "$annotate"
	assert_output --regexp '^::warning file=pool.json,.*title=url-path::'
	run -0 run_line good.json "$annotate"
	assert_output ""
	# a step after one that failed has to say so
	run -0 jq -r '.jobs.validate.steps[] | select(.if) | "\(.if) \(.run // .uses)"' job.json
	assert_output "failure() $annotate
always() github/codeql-action/upload-sarif@v3"
}

@test "GitLab: the job judges and leaves its report" {
	as_json gitlab-ci.yml >job.json
	judge=$(jq -r '."pool-files".script[]' job.json)
	report=$(jq -r '."pool-files".artifacts.reports.codequality' job.json)
	run -0 jq -r '."pool-files" | .stage, .artifacts.when, .artifacts.paths[], .variables.POOL_FILES' \
		job.json
	assert_output "test
always
$report
pool.json"
	run -0 --separate-stderr run_line good.json "$judge"
	assert_output "pool.json: valid, 2 proxies in 1 pool"
	assert_equal "$(jq -c . "$report")" "[]"
	run -1 --separate-stderr run_line bad.json "$judge"
	assert_regex "$stderr" "^pool.json:2:47: error: weight: 12 is above 10 \[weight-range\]"
	assert_equal "$(jq -c '.[0] | [.check_name, .severity, .location.path, .location.lines.begin]' \
		"$report")" '["weight-range","major","pool.json",2]'
	run -1 run_line warned.json "$judge"
	assert_equal "$(jq -r '.[].severity' "$report")" minor
}

@test "pre-commit: the hook takes pool files, and refuses a bad one" {
	as_json pre-commit-hooks.yaml >hooks.json
	run -0 jq -c '.repos[0].repo, (.repos[0].hooks | length)' <(as_json pre-commit-config.yaml)
	assert_output $'"local"\n1'
	assert_equal "$(as_json pre-commit-config.yaml | jq -S '.repos[0].hooks[0]')" \
		"$(jq -S '.[0] | del(.description)' hooks.json)"
	run -0 jq -r '.[0].id, .[0].language' hooks.json
	assert_output $'pool-validate\nsystem'
	printf '%s\n' pool.json conf/pool.yaml a/b/pool.yml eu.pool.json conf/eu-pool.yaml package.json \
		mypool.json pool.json.new pool.toml pool-file.5 conf/pool/other.json >names
	run -0 jq -r --rawfile names names '.[0].files as $files | $names | split("\n")[]
		| select(test($files))' hooks.json
	assert_output "pool.json
conf/pool.yaml
a/b/pool.yml
eu.pool.json
conf/eu-pool.yaml"
	entry=$(jq -r '.[0].entry' hooks.json)
	run -0 bash -c "$entry good.json"
	run -1 --separate-stderr bash -c "$entry good.json bad.json"
	assert_regex "$stderr" "^bad.json:2:47: error: "
	run -1 bash -c "$entry warned.json"
}
