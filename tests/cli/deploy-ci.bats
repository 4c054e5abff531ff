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
	run -0 jq -r '.jobs.validate.env.POOL_FILES, (.jobs[].steps[].uses // empty | sub("@.*"; ""))' \
		job.json
	assert_output "pool.json
actions/checkout
actions/checkout
actions/upload-artifact
actions/checkout
actions/download-artifact
github/codeql-action/upload-sarif"
	mapfile -t lines < <(jq -r '.jobs.validate.steps[] | .run // empty
		| select(startswith("pool-validate"))' job.json)
	assert_equal "${#lines[@]}" 2
	judge=${lines[0]} annotate=${lines[1]}
	sarif=$(jq -r '.jobs.upload.steps[].with.sarif_file // empty' job.json)
	run -0 jq -r '.jobs.validate.steps[], .jobs.upload.steps[] | select(.uses // "" |
		test("artifact")).with | "\(.name) \(.path)"' job.json
	assert_output "pool-files $sarif
pool-files null"

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
	assert_line --index 0 "failure() $annotate"
	assert_line --index 1 --regexp '^always\(\) actions/upload-artifact@'
}

@test "GitHub: what runs is pinned, and only the job that uploads may write" {
	as_json github-actions.yml >job.json
	run -0 jq -r '.jobs[].steps[].uses // empty | select(test("@[0-9a-f]{40}$") | not)' job.json
	assert_output ""
	# people see which version that is
	run -1 grep -nE 'uses: ' <(grep -vE 'uses: [a-z/-]+@[0-9a-f]{40} # v[0-9]+(\.[0-9]+){2}$' \
		"$ci/github-actions.yml")
	run -0 jq -c '.permissions, (.jobs | to_entries[] | [.key, .value.permissions])' job.json
	assert_output '{}
["validate",{"contents":"read"}]
["upload",{"actions":"read","contents":"read","security-events":"write"}]'
	run -0 jq -r '.jobs.upload.steps[].run // empty' job.json
	assert_output ""
	run -0 jq -r '.jobs[].steps[] | select(.uses // "" | startswith("actions/checkout"))
		| .with["persist-credentials"]' job.json
	assert_output $'false\nfalse\nfalse'
	# proxypool itself: a version, by a variable
	run -0 jq -r '.jobs.validate.steps[].with.ref // empty, .jobs.validate.env.PROXYPOOL_REF' job.json
	# shellcheck disable=SC2016 # an expression of GitHub's
	assert_output '${{ env.PROXYPOOL_REF }}
v0.1.0'
}

@test "GitLab: a version of proxypool is fetched, a tag as well as a commit" {
	require_tool git
	mkdir origin
	git -C origin init -q
	git -C origin -c user.name=a -c user.email=a@b commit -q --allow-empty -m first
	git -C origin tag v0.1.0
	git -C origin -c user.name=a -c user.email=a@b commit -q --allow-empty -m second
	as_json gitlab-ci.yml >job.json
	assert_equal "$(jq -r '."pool-files".variables.PROXYPOOL_REF' job.json)" v0.1.0
	commit=$(git -C origin rev-parse v0.1.0)
	for ref in v0.1.0 "$commit"; do
		rm -rf fetched
		jq -r '."pool-files".before_script[] | select(startswith("git "))' job.json |
			sed 's|/tmp/proxypool|fetched|' >fetch
		[ "$(wc -l <fetch)" -eq 3 ]
		PROXYPOOL_REPOSITORY=$PWD/origin PROXYPOOL_REF=$ref run -0 bash -e fetch
		assert_equal "$(git -C fetched rev-parse HEAD)" "$commit"
	done
}

@test "a checkout that everybody can write is judged by what is in it" {
	umask 0
	cp good.json open.json
	chmod 666 open.json
	run -1 pool-validate --strict open.json
	grep -ohE 'pool-validate --strict --allow [a-z-]+' "$ci"/* | sort | uniq -c >commands
	assert_equal "$(awk '{ $1 = ""; print }' commands)" \
		" pool-validate --strict --allow file-writable"
	assert_equal "$(awk '{ print $1 }' commands)" 5
	run -0 pool-validate --strict --allow file-writable open.json
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
