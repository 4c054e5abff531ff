# The Prometheus text of pool-watch, rendered from pools that are made up.

load ../lib

setup() {
	pool_setup
	metrics=$POOL_BUILD/tests/metrics
}

teardown() {
	pool_teardown
}

@test "promtool has nothing to say about what pool-watch serves" {
	require_tool promtool
	for part in all pools own; do
		run -0 "$metrics" "$part" 30
		run -0 promtool check metrics <<<"$output"
		assert_output ""
	done
}

@test "no family and no series stands twice, each series behind its TYPE" {
	for part in all pools; do
		"$metrics" "$part" 30 >pool.prom
		run -0 uniq -d <(grep '^#' pool.prom | cut -d ' ' -f 1-3 | sort)
		assert_output ""
		run -0 uniq -d <(grep -v '^#' pool.prom | sed 's/ [^ ]*$//' | sort)
		assert_output ""
		run -0 awk '/^# TYPE/ { type = $3; series = 0; next } /^#/ { if (type && !series) exit 1 }
			!/^#/ { split($1, name, "{"); sub("^" type "(_bucket|_sum|_count)?$", "", name[1])
				if (name[1] != "") exit 1; series++ }' pool.prom
	done
}

@test "no series of a proxy with --pool-metrics" {
	run -1 grep 'proxy="' <("$metrics" pools 30)
	run -0 grep -c '^proxypool_pool_eligible{' <("$metrics" pools 30)
	assert_output 10
}

# The list of the section, not what others of the page name.
listed_in() {
	sed -n '/^\.Ss Metrics/,/^\.Sh /s/^\.It Li \(proxypool_[a-z_]*\).*/\1/p' "$1"
}

@test "the manual page names every metric and label of pool-watch" {
	page=$SOURCE_DIR/man/proxypool.7
	"$metrics" own 30 >own.prom
	run -0 diff <(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' own.prom | sort) \
		<(listed_in "$page" | sort)
	grep -v '^#' own.prom | grep -oE '[{,][a-z_]+=' | tr -d '{,=' | sort -u >labels
	run -0 diff labels <(sed -n '/^Labels of these are/,/^No label/p' "$page" |
		sed -n 's/^\.Li //p' | tr -d '.,' | tr -s ' ' '\n' | sort)
	for result in $(grep -o 'result="[a-z]*' own.prom | sed 's/.*"//' | sort -u); do
		grep -q "^\.Li $result\b" "$page"
	done
}

# The rest of what it serves is what pool-status prints.
@test "all metrics are in one manual page" {
	"$metrics" all 30 | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort >names
	run -0 diff names <({ listed_in "$SOURCE_DIR/man/proxypool.7"
		sed -n 's/^\.It Li \(proxypool_[a-z_]*\).*/\1/p' "$SOURCE_DIR/man/pool-status.1"; } | sort)
}
