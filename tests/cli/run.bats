# tests/run: what passes, fails and is skipped is counted rightly.

load ../lib

setup() {
	pool_setup
	RUN=$TESTS_DIR/run
	# bats looks for tests inside here-documents, too
	at=@
}

teardown() {
	pool_teardown
}

# script NAME LINE...: an executable.
script() {
	local name=$1
	shift
	printf '%s\n' '#!/bin/sh' "$@" >"$name"
	chmod +x "$name"
}

last_line() {
	printf '%s\n' "${lines[-1]}"
}

@test "TAP of several files is added up, skips are told apart" {
	script a 'echo 1..3' 'echo ok 1 x' 'echo ok 2 x' 'echo "ok 3 x # skip no tool"'
	script b 'echo 1..2' 'echo ok 1 x' 'echo "not ok 2 # SKIP y"'
	run -0 "$RUN" "$PWD/a" "$PWD/b"
	assert_equal "$(last_line)" "3 passed, 0 failed, 2 skipped"
}

@test "without skips the last line has two numbers" {
	script a 'echo 1..1' 'echo ok 1 x'
	run -0 "$RUN" "$PWD/a"
	assert_equal "$(last_line)" "1 passed, 0 failed"
}

@test "a failed test fails the run and its output is shown" {
	script a 'echo 1..2' 'echo ok 1 x' 'echo not ok 2 y' 'echo "# because"' 'exit 1'
	run -1 "$RUN" "$PWD/a"
	assert_line --partial "# because"
	assert_equal "$(last_line)" "1 passed, 1 failed"
}

@test "a file that ends early has failed, even with status 0" {
	script a 'echo 1..3' 'echo ok 1 x'
	run -1 "$RUN" "$PWD/a"
	assert_equal "$(last_line)" "1 passed, 1 failed"
}

@test "a file that ends badly after its tests passed has failed" {
	script a 'echo 1..1' 'echo ok 1 x' 'exit 3'
	run -1 "$RUN" "$PWD/a"
	assert_equal "$(last_line)" "1 passed, 1 failed"
}

@test "a crash and a file that prints nothing count as one each" {
	script a 'kill -SEGV $$'
	script b 'exit 0'
	run -1 "$RUN" "$PWD/a" "$PWD/b"
	assert_equal "$(last_line)" "1 passed, 1 failed"
}

@test "a file that takes too long has failed" {
	script a 'echo 1..1' 'echo ok 1 x' 'exec tail -f /dev/null'
	TEST_TIMEOUT=1 run -1 "$RUN" "$PWD/a"
	assert_line --partial "stopped after 1 s"
	assert_equal "$(last_line)" "1 passed, 1 failed"
}

@test "STRICT=1 makes a skip a failure" {
	script a 'echo 1..2' 'echo ok 1 x' 'echo "ok 2 x # skip no tool"'
	STRICT=1 run -1 "$RUN" "$PWD/a"
	assert_equal "$(last_line)" "1 passed, 1 failed"
}

@test "a run of nothing fails" {
	mkdir empty
	POOL_BUILD=$PWD/empty run -1 "$RUN" --unit
	assert_output "0 passed, 0 failed"
}

@test "a bats file's skip without its tool fails under STRICT=1" {
	cat >x.bats <<-END
		load "$TESTS_DIR/lib"
		setup() { pool_setup; }
		teardown() { pool_teardown; }
		${at}test "one" { require_tool no-such-tool; }
		${at}test "two" { [ -d "\$POOL_STATE" ]; }
	END
	STRICT=0 run -0 "$RUN" "$PWD/x.bats"
	assert_equal "$(last_line)" "1 passed, 0 failed, 1 skipped"
	STRICT=1 run -1 "$RUN" "$PWD/x.bats"
	assert_line --partial "no-such-tool is not installed"
	assert_equal "$(last_line)" "1 passed, 1 failed"
}

@test "a server is ended when its test fails" {
	cat >x.bats <<-END
		load "$TESTS_DIR/lib"
		setup() { pool_setup; }
		teardown() { pool_teardown; }
		${at}test "one" { start_stub stall; echo \$STUB_PORT >"$PWD/port"; false; }
	END
	run -1 "$RUN" "$PWD/x.bats"
	run -1 accepts "$(cat port)"
}

@test "nothing is installed when nothing is missing" {
	require_tool apt-get dpkg-query
	run -0 "$TESTS_DIR/install-packages" build
	assert_output ""
}

@test "install-packages without apt-get prints the names and says no" {
	mkdir bin
	for tool in sh sed sort dirname cat id; do
		ln -s "$(command -v "$tool")" "bin/$tool"
	done
	run -1 --separate-stderr env PATH="$PWD/bin" "$TESTS_DIR/install-packages" demo
	assert_equal "$stderr" "install-packages: this system has no apt-get; please install what these Debian packages hold:"
	assert_line libcjson-dev
	refute_line bats
}

@test "install-packages asks apt-get only for what is missing, and lets no daemon start" {
	mkdir bin
	cat >bin/dpkg-query <<-'END'
		#!/bin/sh
		echo "installed gcc"
		echo "config-files make"
	END
	cat >bin/apt-get <<-END
		#!/bin/sh
		echo "apt-get \$*" >>"$PWD/calls"
		ls /usr/sbin/policy-rc.d >>"$PWD/calls" 2>&1
	END
	printf '#!/bin/sh\necho 0\n' >bin/id
	chmod +x bin/*
	[ -e /usr/sbin/policy-rc.d ] || [ -w /usr/sbin ] || skip "needs root"
	before=$(cat /usr/sbin/policy-rc.d 2>/dev/null || echo none)
	PATH=$PWD/bin:$PATH run -0 "$TESTS_DIR/install-packages" build
	assert_output "install-packages: installing: libc6-dev libcjson-dev libcurl4-openssl-dev libmicrohttpd-dev libyaml-dev make "
	run -0 cat calls
	assert_output - <<-'END'
		apt-get -q update
		/usr/sbin/policy-rc.d
		apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install libc6-dev libcjson-dev libcurl4-openssl-dev libmicrohttpd-dev libyaml-dev make
		/usr/sbin/policy-rc.d
	END
	assert_equal "$(cat /usr/sbin/policy-rc.d 2>/dev/null || echo none)" "$before"
}
