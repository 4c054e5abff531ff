# What deploy/ holds is right: rules and alerts, the dashboard, the units.

load ../lib

setup() {
	pool_setup
	require_tool promtool jq
	deploy=$SOURCE_DIR/deploy
	prometheus=$deploy/prometheus
	rules=$prometheus/proxypool.rules.yml
	alerts=$prometheus/proxypool.alerts.yml
	tests=$prometheus/proxypool.test.yml
	dashboard=$deploy/grafana/proxypool.json
}

teardown() {
	pool_teardown
}

# --- what the files name -----------------------------------------------------------------------

# expressions FILE...: of rules and their tests, one a line.
expressions() {
	awk '
	function indent(line) { match(line, /[^ ]/); return RSTART - 1 }
	inside && NF && indent($0) <= inside { print text; inside = 0 }
	inside { text = text " " $0; next }
	/^ *(- )?expr: [|>]/ { inside = indent($0); text = ""; next }
	sub(/^ *(- )?expr: /, "") { gsub(/^\047|\047$/, ""); print }
	END { if (inside) print text }' "$@"
}

# What the dashboard asks for: panels, annotations, and the metrics of its variables.
queries() {
	jq -r '.. | .expr? // empty | gsub("\n"; " ")' "$dashboard"
	jq -r '.templating.list[].query | .query? // empty
		| capture("^label_values\\((?<metric>.*), *[a-z_]+\\)$").metric' "$dashboard"
}

# The names of metrics in expressions of standard input, one a line. What is not a name is taken
# away: strings, matchers, ranges, lists of labels, numbers; then what is called, and the operators.
names_in() {
	sed -E "s/\"(\\\\.|[^\"\\\\])*\"//g
		s/'(\\\\.|[^'\\\\])*'//g
		s/\{[^}]*\}/ /g
		s/\[[^]]*\]/ /g
		s/\b(by|without|on|ignoring|group_left|group_right) *\([^)]*\)/ /g
		s/\boffset +-?[0-9a-z]+/ /g
		s/(^|[^a-zA-Z0-9_:.])[0-9.][a-zA-Z0-9.]*(e[-+][0-9]+)?/\1 /g" |
		grep -oE '[a-zA-Z_:][a-zA-Z0-9_:]*( *\()?' |
		grep -vE '\($|^(and|or|unless|bool|atan2|Inf|NaN)$' | sort -u
}

# The names of series in the tests' input.
series_names() {
	sed -nE "s/^ *- series: '([a-zA-Z0-9_:]+).*/\1/p" "$tests" | sort -u
}

recorded_names() {
	sed -nE 's/^ *- record: //p' "$rules" | sort -u
}

alert_names() {
	sed -nE 's/^ *- alert: //p' "$alerts" | sort -u
}

# --- what the tools export ---------------------------------------------------------------------

# The names of all series of pool-status and pool-watch.
metric_names() {
	start_stub http-proxy
	# one that fails: failures have a series once there is one
	write_pool pool.json '{"limits": {"requests": 1000, "per_seconds": 60}, "proxies": [
		"http://127.0.0.1:'"$STUB_PORT"'", "http://127.0.0.1:1"]}'
	pool-check -q pool.json
	pool-status --format prometheus pool.json >metrics
	if [ -x "$POOL_BIN/pool-watch" ]; then
		watch_metrics >>metrics
	fi
	awk '$1 == "#" && $2 == "TYPE" {
		if ($4 == "histogram") { print $3 "_bucket"; print $3 "_sum"; print $3 "_count" }
		else print $3
	}' metrics | sort -u
}

watch_metrics() {
	# a state of its own, where nothing is fresh
	printf '%s\0' "$POOL_BIN/pool-watch" --listen 127.0.0.1:0 -s "$PWD/watch.state" \
		pool.json >"$SERVERS/watch.cmd"
	: >"$SERVERS/watch.log"
	echo 0 >"$SERVERS/watch.port"
	launch watch
	if ! wait_until "$START_SECONDS" listens_or_ended || [ -z "$(watch_url)" ]; then
		cat "$SERVERS/watch.log" >&2
		return 1
	fi
	wait_until "$START_SECONDS" curl -fsS -o /dev/null "$(watch_url)readyz" 2>/dev/null
	curl -fsS "$(watch_url)metrics"
	stop_server watch
}

watch_url() {
	sed -n 's|^pool-watch: listening on \(http://.*/\)$|\1|p' "$SERVERS/watch.log"
}

listens_or_ended() {
	[ -n "$(watch_url)" ] || ! is_running "$SERVERS/watch.pid"
}

# nothing_but KNOWN: what standard input has besides, which must be nothing.
nothing_but() {
	local more

	more=$(comm -23 <(sort -u) <(sort -u "$1"))
	[ -z "$more" ] || {
		printf 'not known: %s\n' "$more"
		return 1
	}
}

# --- Prometheus --------------------------------------------------------------------------------

@test "promtool takes each file of rules" {
	for file in "$rules" "$alerts"; do
		run -0 --separate-stderr promtool check rules "$file"
		assert_output "Checking $file
  SUCCESS: $(grep -cE '^ *- (record|alert): ' "$file") rules found"
		assert_equal "$stderr" ""
	done
}

@test "promtool takes the example of a configuration, which loads all of them" {
	run -0 --separate-stderr promtool check config "$prometheus/prometheus.example.yml"
	assert_line " SUCCESS: $prometheus/prometheus.example.yml is valid prometheus config file syntax"
	assert_line "Checking $rules"
	assert_line "Checking $alerts"
	assert_equal "$stderr" ""
}

@test "the unit tests of the rules pass" {
	run -0 --separate-stderr promtool test rules "$tests"
	assert_equal "${lines[*]}" "Unit Testing:  $tests   SUCCESS"
	assert_equal "$stderr" ""
}

@test "each alert is tested both firing and silent, and each recorded name is tested" {
	awk '$1 == "alertname:" { name = $2 }
		/exp_alerts: \[\]$/ { silent[name] }
		/- exp_labels:$/ { firing[name] }
		END { for (name in firing) if (name in silent) print name }' "$tests" | sort >both
	alert_names | diff -u - both
	expressions "$tests" | sort -u >tested
	recorded_names | diff -u - tested
	[ "$(wc -l <both)" -ge 15 ]
}

@test "each alert has a severity, a summary and a description" {
	for word in severity: summary: description:; do
		assert_equal "$(grep -cE "^ +$word" "$alerts")" "$(alert_names | wc -l)"
	done
	sed -nE 's/^ +severity: //p' "$alerts" | nothing_but <(printf '%s\n' critical info warning)
}

@test "the commands that the alerts advise are there" {
	tr -s '\n ' ' ' <"$alerts" | grep -oE '`pool-[^`]+`' | tr -d '`' | sort -u >commands
	[ "$(wc -l <commands)" -ge 10 ]
	while read -r tool words; do
		run -0 "$POOL_BIN/$tool" --help
		for word in $words; do
			[[ $word != -* ]] || assert_output --regexp "(^|[ ,])$word([] =,]|$)"
			[[ $word != [a-z]* ]] || assert_output --partial "$word"
		done
	done <commands
}

# --- names -------------------------------------------------------------------------------------

@test "names are found in an expression, and nothing else" {
	run -0 names_in <<-'END'
		sum by (pool, le) (rate(a_bucket{pool=~"$pool", x="} b{"}[$__rate_interval] offset 5m)) / 1e-9
		(c == 0) * 3 or d:e:f > bool 0.5 unless on (pool) group_left (g) h{i='j "k" l'} and m
		histogram_quantile(0.99, n) / ignoring (proxy) group_left () (sum without (proxy) (o) > 0)
		label_p + up
	END
	assert_output "a_bucket
c
d:e:f
h
label_p
m
n
o
up"
}

@test "expressions are found in a file of rules" {
	cat >some.yml <<-'END'
		groups:
		  - name: a
		    rules:
		      - record: b
		        expr: c / d

		      - alert: e
		        expr: |
		          f
		            and g

		        for: 1m
		      - expr: 'h{i="j"}'
		        record: k
	END
	run -0 expressions some.yml
	assert_equal "$(names_in <<<"$output" | tr '\n' ' ')" "c d f g h "
	assert_equal "${#lines[@]}" 3
}

@test "what the rules, their tests and the dashboard name is exported or recorded" {
	metric_names >known
	recorded_names >>known
	# Prometheus' own
	echo up >>known
	expressions "$rules" "$alerts" "$tests" | names_in >named
	[ "$(wc -l <named)" -ge 20 ]
	nothing_but known <named
	series_names | nothing_but known
	queries | names_in >asked
	[ "$(wc -l <asked)" -ge 30 ]
	nothing_but known <asked
}

# --- Grafana -----------------------------------------------------------------------------------

@test "the dashboard is JSON with ids of its own, and knows no address and no data source" {
	run -0 --separate-stderr jq -r '[.panels[].id] | length, (unique | length)' "$dashboard"
	assert_equal "$stderr" ""
	assert_equal "${lines[0]}" "${lines[1]}"
	[ "${lines[0]}" -ge 20 ]
	run -1 grep -nE '//|[a-z0-9]\.(com|org|net|io)\b' "$dashboard"
	assert_output ""
	run -0 jq -r '[.. | .datasource? // empty | .uid] | unique[]' "$dashboard"
	# shellcheck disable=SC2016 # Grafana's variable
	assert_output '${datasource}'
	run -0 jq -r '.templating.list[] | "\(.type) \(.name)"' "$dashboard"
	assert_output "datasource datasource
query instance
query pool
query proxy"
}

@test "each panel has a title, a description, a unit and legends, and a place of its own" {
	run -0 jq -r '.panels[] | select(.type != "row")
		| select((.title and .description and (.targets | length > 0)
			and all(.targets[]; .legendFormat)
			and (.fieldConfig.defaults.unit or .options.yAxis.unit
				or (.type | IN("table", "state-timeline")))) | not).title' "$dashboard"
	assert_output ""
	run -0 jq -r '[.panels[].gridPos | . as $at | range(.x; .x + .w) as $x
		| range($at.y; $at.y + $at.h) | "\($x) \(.)"]
		| (length == (unique | length)), all(.[]; split(" ")[0] | tonumber < 24)' "$dashboard"
	assert_output "true
true"
}

@test "Prometheus understands each expression of the dashboard" {
	{
		printf '%s\n' "groups:" "- name: dashboard" "  rules:"
		queries | sed -E 's/\$__(rate_interval|interval|range)/5m/g' |
			jq -Rr '"  - record: panel:\(input_line_number)", "    expr: \(tojson)"'
	} >panels.yml
	run -0 --separate-stderr promtool check rules panels.yml
	assert_line "  SUCCESS: $(queries | wc -l) rules found"
	assert_equal "$stderr" ""
}

@test "the dashboard uses no variable that is not there" {
	# shellcheck disable=SC2016 # Grafana's variables
	queries | grep -oE '\$[a-z_]+' | sort -u |
		nothing_but <(printf '$%s\n' __interval __range __rate_interval instance pool proxy)
}

# --- systemd -----------------------------------------------------------------------------------

install_deploy() {
	local variant=release

	[ "${POOL_BUILD##*/}" = build ] || variant=${POOL_BUILD##*/}
	make -s -C "$SOURCE_DIR" VARIANT="$variant" DESTDIR="$TEST_DIR/root" PREFIX=/opt/pool install
}

@test "what is installed names the tools where they will be" {
	require_tool make gcc
	install_deploy
	cd root/opt/pool
	assert_equal "$(find share/proxypool lib/systemd lib/sysusers.d lib/tmpfiles.d -type f | sort)" "\
lib/systemd/system/pool-check.service
lib/systemd/system/pool-check.timer
lib/systemd/system/pool-watch.service
lib/sysusers.d/proxypool.conf
lib/tmpfiles.d/proxypool.conf
share/proxypool/ci/github-actions.yml
share/proxypool/ci/gitlab-ci.yml
share/proxypool/ci/pre-commit-config.yaml
share/proxypool/ci/pre-commit-hooks.yaml
share/proxypool/grafana/proxypool.json
share/proxypool/prometheus/prometheus.example.yml
share/proxypool/prometheus/proxypool.alerts.yml
share/proxypool/prometheus/proxypool.rules.yml"
	run -0 grep -rh ^ExecStart= lib/systemd/system/pool-check.service \
		lib/systemd/system/pool-watch.service
	assert_output "\
ExecStart=/opt/pool/bin/pool-check -q /etc/proxypool/pool.json
ExecStart=/opt/pool/bin/pool-watch --listen 127.0.0.1:9469 /etc/proxypool/pool.json"
	run -1 grep -rn /usr/local lib/systemd
	assert_output ""
	run -0 --separate-stderr promtool check config share/proxypool/prometheus/prometheus.example.yml
	assert_equal "$stderr" ""
}

@test "systemd understands the units" {
	require_tool systemd-analyze
	mkdir units
	for file in "$deploy"/systemd/*.{service,timer}; do
		# whether the tools are installed is not the question
		sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$file" >"units/${file##*/}"
	done
	run -0 --separate-stderr systemd-analyze verify --man=no units/*
	assert_output ""
	assert_equal "$stderr" ""
}

@test "the units' user and folder are made, and an earlier folder becomes sticky" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	require_tool systemd-sysusers systemd-tmpfiles
	for before in none 2770; do
		mkdir -p "$before/etc" "$before/var/lib"
		if [ "$before" != none ]; then
			printf 'root:x:0:0::/root:/bin/sh\n' >"$before/etc/passwd"
			printf 'root:x:0:\nproxypool:x:777:\n' >"$before/etc/group"
			mkdir "$before/var/lib/proxypool"
			chgrp 777 "$before/var/lib/proxypool"
			chmod 2770 "$before/var/lib/proxypool"
		fi
		run -0 systemd-sysusers --root="$PWD/$before" "$deploy/systemd/proxypool.sysusers.conf"
		run -0 --separate-stderr systemd-tmpfiles --root="$PWD/$before" --create \
			"$deploy/systemd/proxypool.tmpfiles.conf"
		assert_equal "$stderr" ""
		IFS=: read -r name _ user group _ <<<"$(grep ^proxypool: "$before/etc/passwd")"
		assert_equal "$name" proxypool
		[ "$user" -gt 0 ]
		assert_equal "$(stat -c '%a %u %g' "$before/var/lib/proxypool")" "3770 0 $group"
	done
	assert_equal "$group" 777
}

@test "the units run as a user without capabilities, in a folder that stays root's" {
	for unit in pool-check pool-watch; do
		for line in User=proxypool Group=proxypool UMask=0077 CapabilityBoundingSet= \
			AmbientCapabilities= LimitCORE=0 ReadWritePaths=/var/lib/proxypool; do
			grep -qxF "$line" "$deploy/systemd/$unit.service"
		done
	done
	run -1 grep -n ^StateDirectory "$deploy"/systemd/*.service
}

@test "the options in the units are those of the tools" {
	sed -n 's|^ExecStart=/usr/local/bin/||p' "$deploy"/systemd/*.service >started
	assert_equal "$(cut -d ' ' -f 1 started | tr '\n' ' ')" "pool-check pool-watch "
	while read -r tool words; do
		run -0 "$POOL_BIN/$tool" --help
		for word in $words; do
			[[ $word != -* ]] || assert_output --regexp "(^|[ ,])$word([] =,]|$)"
		done
	done <started
}
