# make install and uninstall.

load ../lib

setup() {
	pool_setup
	require_tool make gcc
	variant=release
	[ "${POOL_BUILD##*/}" = build ] || variant=${POOL_BUILD##*/}
	into="$TEST_DIR/root folder"
}

teardown() {
	pool_teardown
}

make_it() {
	make -s -C "$SOURCE_DIR" VARIANT="$variant" DESTDIR="$into" PREFIX=/usr "$@"
}

@test "make help lists the targets" {
	run -0 make_it help
	awk '{ print $2 }' <<<"$output" | grep -v '^build$' | sort >listed
	sed -n '/^\.PHONY:/,/[^\\]$/p' "$SOURCE_DIR/Makefile" | tr -s ' \t\\' '\n' |
		grep -vxE '\.PHONY:|all|help|FORCE|check-asan|' | sort >targets
	diff -u targets listed
}

@test "what is installed works, and uninstall takes all of it away" {
	run -0 make_it install
	for tool in "$POOL_BIN"/pool-*; do
		run -0 cmp "$tool" "$into/usr/bin/${tool##*/}"
	done
	run -0 readlink "$into/usr/lib/libpool.so"
	assert_output libpool.so.0
	run -0 grep -x "prefix=/usr" "$into/usr/lib/pkgconfig/libpool.pc"
	run -0 find "$into" -name '*probe*'
	assert_output ""

	run -0 make_it uninstall
	run -0 find "$into" ! -type d
	assert_output ""
}

@test "installed completions find what they share" {
	require_tool zsh fish
	run -0 make_it install
	share=$into/usr/share
	for tool in pool-check pool-select pool-status pool-report pool-exec; do
		run -0 --separate-stderr bash -c 'source "$1" && declare -F _pool_names' bash \
			"$share/bash-completion/completions/$tool"
		assert_output _pool_names
		assert_equal "$stderr" ""
		run -0 --separate-stderr fish --no-config -c 'source $argv[1]; functions -q __pool_names' \
			"$share/fish/vendor_completions.d/$tool.fish"
		assert_equal "$stderr" ""
		run -0 --separate-stderr zsh -fc 'fpath=("$1" $fpath); autoload -Uz compinit
			compinit -D -u; print -r -- "$_comps[$2] $+functions[_pool_names]"' zsh \
			"$share/zsh/site-functions" "$tool"
		assert_output "_$tool 1"
		assert_equal "$stderr" ""
	done
}

@test "a program links with the installed library, static or shared" {
	local -a flags=()

	[ "$variant" = release ] || flags=(-fsanitize=address,undefined)
	run -0 make_it install
	cat >x.c <<-'END'
		#include <pool.h>
		#include <stdio.h>
		int main(void) { return puts(pool_error_get(POOL_ENONE)->name) < 0; }
	END
	gcc "${flags[@]}" -I"$into/usr/include/pool" x.c -o shared -L"$into/usr/lib" -lpool
	LD_LIBRARY_PATH=$into/usr/lib run -0 ./shared
	shared=$output
	[ -n "$shared" ]
	gcc "${flags[@]}" -I"$into/usr/include/pool" x.c -o static "$into/usr/lib/libpool.a" -lcjson -lm
	run -0 ./static
	assert_output "$shared"
}
