# Alerts of pool-watch: the program, the webhook, and what neither may do or learn.

load ../lib
load watch

setup() {
	pool_setup
	require_tool jq curl
}

teardown() {
	local file

	# children of programs that hang
	for file in "$TEST_DIR"/told/*.pid; do
		[ ! -e "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || :
	done
	watch_teardown
}

# Where programs of alerts may lie: in no folder that others can write.
make_program() {
	mkdir -p told
	cat >"$1"
	chmod 755 "$1"
}

# write_idle NAME...: proxies that nobody checks, so that only persons change them
write_idle() {
	local name list=

	for name; do
		list="$list${list:+, }{\"name\": \"$name\", \"url\": \"http://127.0.0.1:1\"}"
	done
	write_pool pool.json "{\"health_check\": {\"enabled\": false}, \"proxies\": [$list]}"
}

# start_receiver NAME: a real web server; what is posted to /secret-hook is in NAME.posts, a line each
# post. RECEIVER_PORT is its port. Answers 204.
start_receiver() {
	local file=$SERVERS/$1.conf dir=$SERVERS/$1.nginx port

	require_tool nginx
	RECEIVER_PORT=$(free_port)
	mkdir -p "$dir"
	cat >"$file" <<-END
		daemon off;
		pid "$dir/pid";
		error_log stderr warn;
		worker_processes 1;
		events { worker_connections 64; }
		http {
			log_format post escape=none '\$request_body';
			log_format head escape=none '\$request_method \$uri \$content_type';
			client_body_temp_path "$dir/body";
			client_body_buffer_size 1m;
			proxy_temp_path "$dir/proxy";
			fastcgi_temp_path "$dir/fastcgi";
			uwsgi_temp_path "$dir/uwsgi";
			scgi_temp_path "$dir/scgi";
			server {
				listen 127.0.0.1:$RECEIVER_PORT;
				location = /secret-hook {
					access_log "$TEST_DIR/$1.posts" post;
					access_log "$TEST_DIR/$1.heads" head;
					proxy_pass http://127.0.0.1:$RECEIVER_PORT/sink;
				}
				location = /sink { access_log off; return 204; }
			}
		}
	END
	start_server "$1" "$RECEIVER_PORT" nginx -p "$dir" -e stderr -c "$file"
}

# has_lines FILE COUNT: so many or more
has_lines() {
	(($(cat "$1" 2>/dev/null | wc -l) >= $2))
}

has_file() {
	compgen -G "$1" >/dev/null
}

@test "the program gets one batch on its input, and nothing in its environment but POOL_* and few more" {
	write_idle one two three
	make_program hook <<-END
		#!/bin/sh
		ls /proc/\$\$/fd >"$TEST_DIR/told/\$\$.fds"
		exec 3>"$TEST_DIR/told/\$\$.new"
		{
			echo "arguments \$#"
			echo "folder \$(pwd -P)"
			echo "umask \$(umask)"
			echo "group \$(cut -d ' ' -f 5 /proc/\$\$/stat) \$\$"
			echo "input \$(readlink /proc/\$\$/fd/0 | grep -c pipe)"
			tr '\\0' '\\n' </proc/\$\$/environ | sed 's/^/env /'
			sed 's/^/event /'
		} >&3
		echo "printed by the program"
		mv "$TEST_DIR/told/\$\$.new" "$TEST_DIR/told/\$\$.batch"
	END
	start_watch --before env SECRET_TOKEN=hush-hush http_proxy=http://u:hush-hush@h:1 TZ=UTC -- \
		--on-change ./hook --alert-window 2 pool.json
	pool-report one disable
	pool-report two disable
	pool-report three disable
	wait_until 8 has_file 'told/*.batch'
	batch=$(echo told/*.batch)
	run -0 grep -v '^e' "$batch"
	number=${batch##*/}
	number=${number%.batch}
	assert_output "$(printf '%s\n' "arguments 0" "folder /" "umask 0077" \
		"group $number $number" "input 0")"
	# the shell keeps some of its own further up
	assert_equal "$(grep -vxE '10|11' "told/$number.fds" | xargs)" "0 1 2"
	# the names, and nothing that came from the caller
	run -0 sed -n 's/^env \([^=]*\)=.*/\1/p' "$batch"
	for name in "${lines[@]}"; do
		[[ "$name" =~ ^(POOL_(EVENT|LEVEL|MESSAGE|TIME|POOL|PROXY|FROM|TO|REASON|LATENCY_SECONDS|ELIGIBLE|TOTAL|COUNT|DETAIL|EVENTS|FILE)|PATH|HOME|LANG|TZ)$ ]]
	done
	run -1 grep hush-hush "$batch"
	for line in "env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
		"env HOME=$HOME" "env TZ=UTC" "env POOL_POOL=default.http"; do
		run -0 grep -Fx "$line" "$batch"
	done
	# absolute: it is in another folder
	run -0 grep -Fx "env POOL_FILE=$PWD/pool.json" "$batch"
	events=$(grep -c '^event ' "$batch")
	run -0 grep -Fx "env POOL_EVENTS=$events" "$batch"
	# those that were told, as they were told
	sed -n 's/^event //p' "$batch" | jq -S -c . | sort >got
	jq -S -c 'select(.event != "started")' watch.jsonl | sort >expected
	run -0 diff expected got
	((events >= 3))
	assert_equal "$(find told -name '*.batch' | wc -l)" 1
	run -0 grep -c "printed by the program" watch.err
	end_watch
	assert_equal "$WATCH_STATUS" 0
}

@test "the worst event of a batch is that of the environment" {
	start_stub http-proxy
	write_pool pool.json '{
		"health_check": {"interval_seconds": 5, "retry_count": 1},
		"proxies": [{"name": "only", "url": "http://127.0.0.1:'"$STUB_PORT"'"}]}'
	make_program hook <<-END
		#!/bin/sh
		env >"$TEST_DIR/told/\$POOL_EVENT"
	END
	start_watch -- --on-change "$TEST_DIR/hook" --alert-on transition,exhausted,recovered --alert-window 1 pool.json
	stop_server stub
	wait_until 10 has_file told/exhausted
	wait_until 2 grep -q '^POOL_LEVEL=' told/exhausted
	run -0 grep -E '^POOL_(EVENT|LEVEL|ELIGIBLE|TOTAL|EVENTS|PROXY|COUNT)=' told/exhausted
	assert_equal "$(printf '%s\n' "${lines[@]}" | sort | xargs)" \
		"POOL_ELIGIBLE=0 POOL_EVENT=exhausted POOL_EVENTS=2 POOL_LEVEL=error POOL_TOTAL=1"
}

@test "a program that others can write is refused" {
	write_idle one
	make_program hook <<<'#!/bin/sh'
	chmod 757 hook
	run -2 --separate-stderr timeout 10 pool-watch --on-change ./hook pool.json
	assert_output ""
	assert_regex "$stderr" "^pool-watch: .*hook"
	chmod 755 hook
	mkdir open
	mv hook open
	chmod 777 open
	run -2 --separate-stderr timeout 10 pool-watch --on-change open/hook pool.json
	assert_output ""
	[ -n "$stderr" ]
	run -2 --separate-stderr timeout 10 pool-watch --on-change no-such-program-anywhere pool.json
	assert_output ""
	assert_regex "$stderr" "no-such-program-anywhere"
	run -2 --separate-stderr timeout 10 pool-watch --on-change /bin/true --alert-on check pool.json
	assert_output ""
	[ -n "$stderr" ]
}

@test "a webhook gets what happened as one document, and its address stays a secret" {
	start_receiver receiver
	write_idle one two three
	(
		umask 077
		echo "http://127.0.0.1:$RECEIVER_PORT/secret-hook" >address
	)
	start_watch -- -v --webhook @address --alert-window 1 --alert-on transition pool.json
	pool-report one disable
	pool-report two disable
	wait_until 6 has_lines receiver.posts 1
	assert_equal "$(cat receiver.heads)" "POST /secret-hook application/json"
	run -1 grep "shows its URL" watch.err
	run -0 jq -r '[.source, .file, (.events | length), ([.events[].proxy] | sort | join(",")),
		(.text | split("\n") | map(select(. != "")) | length)] | map(tostring) | join(" ")' receiver.posts
	assert_output --regexp '^proxypool [^ ]*pool\.json 2 one,two 2$'
	assert_equal "$(jq -r .host receiver.posts)" "$(uname -n)"
	jq -r .text receiver.posts >text
	run -0 grep -E '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z transition default\.http one: .* -> disabled' text
	wait_until 3 metric_is 'proxypool_alerts_total{receiver="webhook",result="sent"}' 2

	# what waits when it ends is sent
	pool-report three disable
	await_event 3 "$(went three disabled)"
	end_watch
	assert_equal "$WATCH_STATUS" 0
	((WATCH_MS <= 1300))
	wait_until 2 has_lines receiver.posts 2
	run -0 jq -r '[.events[].proxy] | join(",")' <(tail -n 1 receiver.posts)
	assert_output three
	run -1 grep -rl secret-hook watch.jsonl watch.err
}

@test "receivers that are dead or stall delay no check, and alert-failed is told after 5 attempts" {
	start_stub stall --max-seconds 600
	stalling=$STUB_PORT
	start_stub --name checked http-proxy
	start_stub refuse
	dead=$STUB_PORT
	write_pool pool.json '{
		"health_check": {"interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1},
		"proxies": [{"name": "p", "url": "http://127.0.0.1:'"$(server_port checked)"'"}]}'
	make_program hook <<-END
		#!/bin/sh
		echo \$\$ >"$TEST_DIR/told/\$\$.pid"
		exec tail -f /dev/null
	END
	mkdir -m 700 other
	start_watch --name second -- -s other --webhook "http://127.0.0.1:$dead/secret-hook" \
		--alert-window 0 --on-change /bin/false pool.json
	start_watch -- -v --webhook "http://127.0.0.1:$stalling/secret-hook" --alert-window 0 --on-change ./hook \
		pool.json
	pool-report p disable
	await_event 3 "$(went p disabled)"
	pool-report p enable
	pool-report -s other p disable
	failing=$(now_ms)
	wait_until 3 has_file 'told/*.pid'
	mark
	for _ in 1 2; do
		began=$(now_ms)
		stop_server checked
		await_within 7500 "$began" "$(went p unhealthy healthy)"
		began=$(now_ms)
		restart_server checked
		await_within 10000 "$began" "$(went p healthy recovering)"
		began=$(now_ms)
		answers 200 healthz
		(($(now_ms) - began < 500))
	done
	no_event '.event == "alert-failed" and (.detail | test("secret-hook"))'
	end_watch
	assert_equal "$WATCH_STATUS" 0
	((WATCH_MS <= 1300))
	# nor does its program outlive it
	for file in told/*.pid; do
		wait_until 3 pid_ended "$(cat "$file")"
	done

	# 1, 2, 4 and 8 seconds, more or less
	MARK=0
	wait_until 30 has_event '.event == "alert-failed" and (.detail | test("webhook http://127[.]0[.]0[.]1"))' second
	took=$(($(now_ms) - failing))
	echo "failed after $took ms" >&2
	((took > 7000))
	wait_until 10 has_event '.event == "alert-failed" and (.detail | test("false"))' second
	assert_equal "$(count_events '.event == "alert-failed" and (.detail | test("secret-hook"))' second)" 0
	end_watch TERM second
	assert_equal "$WATCH_STATUS" 0
	run -1 grep -l secret-hook watch.jsonl watch.err second.jsonl second.err
	# given literally, they were warned about
	run -0 grep -c "^pool-watch: warning: --webhook: ps shows its URL to everybody" watch.err second.err
	assert_output $'watch.err:1\nsecond.err:1'
}

@test "a proxy that flaps is told once, and further alerts about it are held" {
	start_receiver receiver
	write_idle flappy calm other
	start_watch -- --webhook "http://127.0.0.1:$RECEIVER_PORT/secret-hook" --alert-window 0 --quorum 1 pool.json
	for ((number = 0; number < 5; number++)); do
		for to in disable enable; do
			before=$(count_events "$(went flappy)")
			pool-report flappy "$to"
			wait_until 4 has_more_than "$before"
		done
	done
	assert_equal "$(count_events '.event == "flapping" and .proxy == "flappy" and .level == "warning"')" 1
	assert_equal "$(count_events "$(went flappy)")" 10
	pool-report calm disable
	await_event 4 "$(went calm disabled)"
	wait_until 4 posted calm
	run -0 jq -r '.events[] | "\(.event) \(.proxy)"' receiver.posts
	assert_equal "$(grep -c '^flapping flappy$' <<<"$output")" 1
	count=$(grep -c '^transition flappy$' <<<"$output")
	echo "$count alerts before it was held" >&2
	((count >= 6 && count <= 7))
	assert_equal "$(grep -c '^transition calm$' <<<"$output")" 1
	assert_in_order
}

@test "flapping is an event without anybody to alert, and counted" {
	write_idle flappy calm
	start_watch -- --quorum 1 pool.json
	for ((number = 0; number < 4; number++)); do
		for to in disable enable; do
			before=$(count_events "$(went flappy)")
			pool-report flappy "$to"
			wait_until 4 has_more_than "$before"
		done
		# six changes are none too many
		((number != 2)) || assert_equal "$(count_events '.event == "flapping"')" 0
	done
	assert_equal "$(count_events '.event == "flapping" and .proxy == "flappy" and .level == "warning"')" 1
	get metrics >page
	run -0 grep -c '^proxypool_events_total{event="flapping"} 1$' page
	run -0 grep -c '^proxypool_events_total{event="settled"} 0$' page
	get api/v1/status >answer
	run -0 jq -r '.events[] | select(.event == "flapping") | "\(.pool) \(.proxy)"' answer
	assert_output "default.http flappy"
}

has_more_than() {
	(($(count_events "$(went flappy)") > $1))
}

posted() {
	jq -e --arg name "$1" 'select(any(.events[]; .proxy == $name))' receiver.posts >/dev/null
}

@test "user names, passwords and the webhook's address are nowhere to be seen" {
	start_receiver receiver
	start_stub --name proxies http-proxy --count 2 --user agent-user-1 --password sesame-1
	inline=$STUB_PORT
	wrong=${STUB_PORTS[1]}
	start_stub --name other http-proxy --user agent-user-2 --password sesame-2
	start_stub origin
	(
		umask 077
		echo sesame-2 >password
		echo "http://127.0.0.1:$RECEIVER_PORT/secret-hook" >address
	)
	write_pool pool.json '{
		"health_check": {"method": "http", "url": "http://127.0.0.1:'"$STUB_PORT"'/",
			"interval_seconds": 5, "timeout_seconds": 1, "retry_count": 1,
			"headers": {"X-Key": "sesame-3"}},
		"proxies": [
			{"name": "inline", "url": "http://agent-user-1:sesame-1@127.0.0.1:'"$inline"'"},
			{"name": "wrong", "url": "http://agent-user-1:${WRONG}@127.0.0.1:'"$wrong"'"},
			{"name": "file", "url": "http://agent-user-2@127.0.0.1:'"$(server_port other)"'",
				"password_file": "password"}]}'
	make_program hook <<-END
		#!/bin/sh
		env >"$TEST_DIR/told/\$\$.env"
		cat >"$TEST_DIR/told/\$\$.input"
	END
	WRONG=sesame-4 start_watch -- -v --webhook @address --on-change ./hook --alert-window 0 \
		--metrics-file metrics pool.json
	await_event 3 "$(went inline healthy)"
	await_event 3 "$(went file healthy)"
	await_event 3 "$(went wrong unhealthy) and .reason == \"authentication\""
	stop_server other
	await_event 9 "$(went file unhealthy)"
	# an invalid edit shows no secret either
	sed 's/"name": "inline"/"name": "inline", "weight": 12/; s|@127|@12 7|' pool.json >pool.new
	cat pool.new >pool.json
	await_event 3 '.event == "rollback"'
	run -1 pool-watch --reload pool.json
	printf '%s\n' "$output" >reload
	get metrics >page.metrics
	get api/v1/status >page.status
	get '' >page.html
	tr '\0' '\n' <"/proc/$WATCH_PID/cmdline" >page.arguments
	wait_until 5 has_lines receiver.posts 2
	wait_until 20 test -s metrics
	end_watch
	for file in page.metrics page.status page.html watch.jsonl metrics receiver.posts; do
		[ -s "$file" ]
	done
	has_file 'told/*.env'
	has_file 'told/*.input'
	run -1 grep -rE 'sesame|agent-user|secret-hook' page.* watch.jsonl watch.err metrics receiver.posts told reload
	assert_output ""
}
