# What pool-validate prints for other programs, judged by theirs: the JSON Schema and SARIF. Their
# packages come from npm; without it these tests are skipped.

load ../lib

setup_file() {
	install_node_packages
}

setup() {
	pool_setup
	require_node_packages
	programs=$TESTS_DIR/schema
	pool-validate --schema >schema.json
}

teardown() {
	pool_teardown
}

@test "the schema gives each file of the corpus the verdict of its table" {
	run -0 --separate-stderr node "$programs/agree.js" corpus schema.json "$TESTS_DIR/corpus"
	assert_output "$(cat "$TESTS_DIR"/corpus/{MANIFEST,policy}.tsv | grep -vc '^file	') files, 0 wrong"
	assert_equal "$stderr" ""
}

@test "the schema and the tool agree on documents with each key at each edge, and on URLs" {
	mkdir documents
	run -0 --separate-stderr node "$programs/agree.js" documents schema.json \
		"$POOL_BIN/pool-validate" documents
	assert_output --regexp '^[0-9]{4} valid, [0-9]{5} invalid, [0-9]+ beyond a schema, 0 wrong$'
	assert_equal "$stderr" ""
}

@test "a schema that is wrong is found out" {
	mkdir documents
	sed 's/"maximum": 300$/"maximum": 301/' schema.json >wider.json
	run -1 cmp -s schema.json wider.json
	run -1 --separate-stderr node "$programs/agree.js" documents wider.json \
		"$POOL_BIN/pool-validate" documents connection
	assert_output --partial "the schema accepts; the tool says timeout-range timeout_seconds: 301 is above 300"
	sed 's/"enabled": {/"enable": {/' schema.json >narrower.json
	run -1 --separate-stderr node "$programs/agree.js" corpus narrower.json "$TESTS_DIR/corpus"
	assert_output --partial "valid/lax-enabled-yes.yaml: false, expected true"
}

@test "SARIF is what its standard's schema wants" {
	write_pool bad.json '{"proxies": [{"url": "http://ä:1/x", "weight": 12}], "stratgy": 1}'
	write_pool good.json '{"proxies": ["http://h:1"]}'
	export CRYPTOFEED_PROXY_DEFAULT__HTTP__TIMEOUT_SECONDS=0
	run -0 pool-validate --format sarif -o good.sarif good.json
	run -1 pool-validate --env --format sarif -o bad.sarif bad.json
	run -3 pool-validate --format sarif -o missing.sarif "$PWD/missing: 1.json"
	run -0 node "$programs/sarif.js" good.sarif bad.sarif missing.sarif
	assert_output ""
	sed 's/"startLine": 1/"startLine": 0/' bad.sarif >wrong.sarif
	run -1 node "$programs/sarif.js" wrong.sarif
	assert_output --partial startLine
}
