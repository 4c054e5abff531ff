# tests/layers finds what it is there to find.

load ../lib

setup() {
	pool_setup
	mkdir -p lib/{base,config,health,select,state,probe,report} cmd build/bin
}

teardown() {
	pool_teardown
}

# plant FILE LINE...: a file of these lines.
plant() {
	local file=$1
	shift
	printf '%s\n' "$@" >"$file"
}

@test "the project's own sources pass" {
	run -0 --separate-stderr "$TESTS_DIR/layers" "$SOURCE_DIR" "$POOL_BUILD"
	assert_output ""
	assert_equal "$stderr" ""
}

@test "an include inwards, a comment and a string pass" {
	plant lib/pool.h
	plant lib/health/step.c '#include "pool.h"' '#include "base/text.h"' '#include <string.h>' \
		'/* once flock(' ' * mmap(fd) */' 'const char *text = "mmap(it)";'
	plant lib/state/map.c '#include <sys/mman.h>' '#include "health/step.h"' 'mmap(0);'
	plant cmd/tool.c '#include "probe/engine.h"' '#include <stdio.h>'
	run -0 "$TESTS_DIR/layers" .
	assert_output ""
}

@test "an include outwards is found, with its line" {
	plant lib/select/pick.c '#include <string.h>' '#include "state/state.h"'
	plant lib/base/text.c '  #  include "config/model.h"'
	plant lib/probe/engine.c '#include "report/table.h"'
	run -1 "$TESTS_DIR/layers" .
	assert_output - <<-'END'
		lib/base/text.c:1: base/ must not include "config/model.h"
		lib/probe/engine.c:1: probe/ must not include "report/table.h"
		lib/select/pick.c:2: select/ must not include "state/state.h"
	END
}

@test "an include without its room is found" {
	plant lib/base/text.c '#include "text.h"'
	run -1 "$TESTS_DIR/layers" .
	assert_output 'lib/base/text.c:1: "text.h" names no room'
}

@test "a foreign library in the wrong room is found" {
	plant lib/config/json.c '#include <cjson/cJSON.h>' '#include <yaml.h>' '#include <curl/curl.h>'
	plant lib/report/table.c '#include <cjson/cJSON.h>' '#include <yaml.h>'
	plant lib/base/lock.c '#include <sys/file.h>'
	plant cmd/pool-x.c '#include <curl/curl.h>'
	run -1 "$TESTS_DIR/layers" .
	assert_output - <<-'END'
		lib/base/lock.c:1: base/ must not include <sys/file.h>
		lib/config/json.c:3: config/ must not include <curl/curl.h>
		lib/report/table.c:2: report/ must not include <yaml.h>
		cmd/pool-x.c:1: cmd/ must not include <curl/curl.h>
	END
}

@test "a mapping or a lock outside state/ is found" {
	plant lib/base/lock.c 'int x;' 'int r = flock(fd, 2);'
	run -1 "$TESTS_DIR/layers" .
	assert_output "lib/base/lock.c:2: only state/ calls mmap|munmap|flock|msync|mremap"
}

@test "a system header in a pure room is found" {
	plant lib/health/step.c '#include <time.h>'
	plant lib/select/pick.c '#include <stdio.h>' '#include <unistd.h>' '#include <sys/types.h>'
	run -1 "$TESTS_DIR/layers" .
	assert_output - <<-'END'
		lib/health/step.c:1: health/ is pure, no <time.h>
		lib/select/pick.c:1: select/ is pure, no <stdio.h>
		lib/select/pick.c:2: select/ is pure, no <unistd.h>
		lib/select/pick.c:3: select/ is pure, no <sys/types.h>
	END
}

@test "a folder that is no room and a file in none are found" {
	mkdir lib/utils
	plant lib/utils/x.c 'int x;'
	plant lib/y.c 'int y;'
	run -1 "$TESTS_DIR/layers" .
	assert_output - <<-'END'
		lib/utils/x.c: utils/ is no room
		lib/y.c: belongs into a room
	END
}

@test "an exported symbol without pool_ is found in the archives and the shared library" {
	require_tool gcc nm
	plant x.c 'int pool_good(void) { return 0; }' 'int helper(void) { return 1; }' \
		'static int hidden(void) { return 2; }' 'int (*pool_f)(void) = hidden;'
	gcc -fPIC -c x.c
	ar rcs build/libpool.a x.o
	gcc -shared -o build/libpool.so x.o
	run -1 "$TESTS_DIR/layers" .
	assert_output - <<-'END'
		build/libpool.a: exported symbol helper does not begin with pool_
		build/libpool.so: exported symbol helper does not begin with pool_
	END
}

@test "libcurl in a binary that checks nothing is found" {
	require_tool gcc readelf
	plant x.c 'int main(void) { return 0; }'
	gcc -Wl,--no-as-needed -o build/bin/pool-select x.c -lcurl
	cp build/bin/pool-select build/bin/pool-check
	run -1 "$TESTS_DIR/layers" .
	assert_output "build/bin/pool-select: needs libcurl"
}

@test "a library beside libc in a tool that scripts start often is found" {
	require_tool gcc readelf
	plant x.c 'int main(void) { return 0; }'
	gcc -Wl,--no-as-needed -o build/bin/pool-exec x.c -lm
	cp build/bin/pool-exec build/bin/pool-validate
	run -1 "$TESTS_DIR/layers" .
	assert_output "build/bin/pool-exec: needs more than libc"
}
