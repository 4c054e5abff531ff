# proxypool: one Makefile for everything. "make help" lists the targets.

VERSION := $(shell sed -n 's/^.define POOL_VERSION "\(.*\)"/\1/p' lib/pool.h)

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
CFLAGS  ?= -O2 -g
V       ?= 0
DEV     ?= 0

BINDIR  = $(DESTDIR)$(PREFIX)/bin
LIBDIR  = $(DESTDIR)$(PREFIX)/lib
INCDIR  = $(DESTDIR)$(PREFIX)/include/pool
MANDIR  = $(DESTDIR)$(PREFIX)/share/man
DATADIR = $(DESTDIR)$(PREFIX)/share

# --- variants: make asan, make ubsan build beside the normal one ------------------------------

VARIANT ?= release
BUILD   := build$(if $(filter-out release,$(VARIANT)),/$(VARIANT))

HARDENING_release := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection
LINKING_release   := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
SANITIZE_asan     := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer

ifneq ($(shell echo | $(CC) -D_FORTIFY_SOURCE=3 -O2 -dM -E - 2>/dev/null | grep -c 'FORTIFY_SOURCE 3'),0)
HARDENING_release := $(subst FORTIFY_SOURCE=2,FORTIFY_SOURCE=3,$(HARDENING_release))
endif

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla \
	-Wformat=2 -Wconversion -Wno-sign-conversion -Wdouble-promotion -Wnull-dereference \
	-Wimplicit-fallthrough -Wswitch-enum -Wduplicated-cond -Wlogical-op
ifeq ($(DEV),1)
WARNINGS += -Werror
endif

override CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -iquote lib -iquote cmd
override CFLAGS   += -std=c11 -fPIC -fvisibility=default $(WARNINGS) $(HARDENING_$(VARIANT)) \
	$(SANITIZE_$(VARIANT))
override LDFLAGS  += $(LINKING_$(VARIANT)) $(SANITIZE_$(VARIANT))

ifeq ($(V),1)
quiet = $(2)
else
quiet = @printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)'; $(2)
endif

# --- sources, one list a room -------------------------------------------------------------------

BASE   := error text clock random hash http io replace trust
CONFIG := diagnostic excerpt rules json schema url punycode meaning check_url login model source build walk value \
	member connection exchange document tree parsers plain yaml list list_line foreign proxychains environment variables \
	read print convert write_list write_cryptofeed compare pattern json_schema
HEALTH := health reason judge obstacle flap answer
SELECT := strategy budget
STATE  := file guard record prune image former undo decisions follow copy repair snapshot seal lookup lease presence session select demand \
	attach owners choose secrets shortage store feedback locate view instance unpack overlay
REPORT := answer variables explain status summary columns format json exposition metrics plugin gather judged \
	stored history html verdicts finding annotate sarif
PROBE  := engine method transfer request outcome answer classify descriptors multi ping pace \
	resolver timers merge round post wire greeting
WATCH  := event process tally schedule doubt plan jobs timing checks sight reload watcher damp delivery \
	alert command program webhook loop remote notify file_watch host server pages service

TOOLS  := pool-validate pool-convert pool-check pool-select pool-report pool-exec pool-status pool-watch
PROBING_TOOLS := pool-check pool-watch
QUICK_TOOLS   := pool-select pool-report pool-exec pool-status

ROOM_SOURCES := $(BASE:%=lib/base/%.c) $(CONFIG:%=lib/config/%.c) $(HEALTH:%=lib/health/%.c) \
	$(SELECT:%=lib/select/%.c) $(STATE:%=lib/state/%.c) $(REPORT:%=lib/report/%.c)
PROBE_SOURCES := $(PROBE:%=lib/probe/%.c)
WATCH_SOURCES := $(WATCH:%=lib/watch/%.c)

LIB_OBJECTS   := $(ROOM_SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/lib/report/dashboard.o
PROBE_OBJECTS := $(PROBE_SOURCES:%.c=$(BUILD)/obj/%.o)
WATCH_OBJECTS := $(WATCH_SOURCES:%.c=$(BUILD)/obj/%.o)
# what the mains share
TOOL_OBJECTS  := $(patsubst %,$(BUILD)/obj/cmd/%.o,tool tool_options tool_message tool_files tool_guard)
TOOL_BINARIES := $(TOOLS:%=$(BUILD)/bin/%)

LIBS       := -lcjson -lyaml -lm
PROBE_LIBS := -lcurl
WATCH_LIBS := -lmicrohttpd

.PHONY: all help demo test test-in check check-unit check-cli check-integration lint layers asan bench \
	format install uninstall clean packages FORCE check-asan
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/libpool.a $(BUILD)/libpool.so $(BUILD)/libpoolprobe.a $(BUILD)/libpoolwatch.a \
	$(TOOL_BINARIES)

help:
	@printf '%s\n' \
		'make                    build everything, into build/' \
		'make demo               start proxies on loopback, and use them' \
		'make test               install what the tests need, and run all of them' \
		'make test-in            demo and tests in another Debian: RELEASE=trixie' \
		'make check              run all tests: TESTS="--unit --cli" runs some' \
		'make check-unit         run the unit tests' \
		'make check-cli          run the tests of the command line' \
		'make check-integration  run the tests with real proxies and clients' \
		'make asan               build with sanitizers, and run unit and command line tests' \
		'make lint               judge sources, shell scripts and manuals' \
		'make layers             judge what includes and loads what' \
		'make bench              measure starts, selections and checks' \
		'make format             format the sources' \
		'make install            install to PREFIX, /usr/local, below DESTDIR' \
		'make uninstall          remove what was installed' \
		'make packages           install the packages that all of this needs' \
		'make clean              remove build/'

$(BUILD)/obj/%.o: %.c
	@mkdir -p '$(@D)'
	$(call quiet,CC,$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<)

$(BUILD)/obj/%.o: %.S
	@mkdir -p '$(@D)'
	$(call quiet,AS,$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<)

# what it takes in, which no compiler tells
$(BUILD)/obj/lib/report/dashboard.o: lib/report/dashboard.html

$(BUILD)/libpool.a: $(LIB_OBJECTS)
	@rm -f $@
	$(call quiet,AR,$(AR) rcs $@ $^)

$(BUILD)/libpoolprobe.a: $(PROBE_OBJECTS)
	@rm -f $@
	$(call quiet,AR,$(AR) rcs $@ $^)

$(BUILD)/libpoolwatch.a: $(WATCH_OBJECTS)
	@rm -f $@
	$(call quiet,AR,$(AR) rcs $@ $^)

$(BUILD)/libpool.so: $(LIB_OBJECTS)
	$(call quiet,LINK,$(CC) -shared -Wl$(comma)-soname$(comma)libpool.so.0 $(filter-out -pie,$(LDFLAGS)) -o $@ $^ $(LIBS))

comma := ,

# $(call link,TOOL): with libcurl for those that probe; with cJSON on demand for those that
# scripts start often
LAZY := $(BUILD)/obj/lib/config/lazy.o
# before the archive, whose pool_parser_load() is then not wanted
lazy_or_not = $(if $(filter $(1),$(QUICK_TOOLS)),$(LAZY))
libraries   = $(if $(filter $(1),$(QUICK_TOOLS)),$(filter-out -lcjson -lyaml,$(LIBS)),$(LIBS))
probe_or_not = $(if $(filter $(1),$(PROBING_TOOLS)),$(2))
watch_or_not = $(if $(filter $(1),pool-watch),$(2))

$(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(TOOL_OBJECTS) $(LAZY) $(BUILD)/libpoolwatch.a \
		$(BUILD)/libpoolprobe.a $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $(filter-out $(LAZY),$(filter %.o,$^)) \
		$(call lazy_or_not,$*) $(call watch_or_not,$*,$(BUILD)/libpoolwatch.a) \
		$(call probe_or_not,$*,$(BUILD)/libpoolprobe.a) $(BUILD)/libpool.a \
		$(call watch_or_not,$*,$(WATCH_LIBS)) $(call probe_or_not,$*,$(PROBE_LIBS)) \
		$(call libraries,$*))

# objects of single tools
$(BUILD)/bin/pool-check $(BUILD)/bin/pool-status $(BUILD)/bin/pool-watch: \
	$(BUILD)/obj/cmd/tool_report.o
$(BUILD)/bin/pool-check $(BUILD)/bin/pool-watch: $(BUILD)/obj/cmd/tool_probe.o
$(BUILD)/bin/pool-watch: $(patsubst %,$(BUILD)/obj/cmd/watch_%.o,print daemon)
$(BUILD)/bin/pool-status: $(patsubst %,$(BUILD)/obj/cmd/%.o,tool_screen status_prune)
$(BUILD)/bin/pool-select $(BUILD)/bin/pool-exec: $(BUILD)/obj/cmd/tool_select.o
$(BUILD)/bin/pool-exec $(BUILD)/bin/pool-report: $(BUILD)/obj/cmd/tool_look.o
$(BUILD)/bin/pool-select: $(BUILD)/obj/cmd/select_refusal.o
$(BUILD)/bin/pool-exec: $(patsubst %,$(BUILD)/obj/cmd/exec_%.o,attempts child client clients config evidence heads \
	input words)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- tests: tests/unit/test_X.c becomes build/tests/test_X ---------------------------------------

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

$(BUILD)/tests/test_%: $(BUILD)/obj/tests/unit/test_%.o $(BUILD)/obj/tests/unit/fixture.o \
		$(BUILD)/libpoolwatch.a $(BUILD)/libpoolprobe.a $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(WATCH_LIBS) $(PROBE_LIBS) -lcmocka)

# The scripted proxy and origin of the tests, the demo and the benchmarks.
STUB := $(BUILD)/tests/pool-stub

$(STUB): $(BUILD)/obj/tests/stub/pool-stub.o
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^)

# Many processes on one state file.
HAMMER := $(BUILD)/tests/hammer

$(HAMMER): $(BUILD)/obj/tests/concurrency/hammer.o $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^ $(LIBS))

# A hostile member of the state's group, his victim, and damage of any file.
FAULTS := $(BUILD)/tests/member $(BUILD)/tests/victim $(BUILD)/tests/damage

$(FAULTS): $(BUILD)/tests/%: $(BUILD)/obj/tests/fault/%.o $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^ $(LIBS))

# What the exit status of a curl or wget is taken for.
REASON_OF := $(BUILD)/tests/reason-of

$(REASON_OF): $(BUILD)/obj/tests/integration/reason-of.o $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^ $(LIBS))

# What systemd would hear from pool-watch.
NOTIFY_LISTEN := $(BUILD)/tests/notify-listen

$(NOTIFY_LISTEN): $(BUILD)/obj/tests/integration/notify-listen.o
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^)

# A wall clock that jumps, for LD_PRELOAD.
SHIFT_CLOCK := $(BUILD)/tests/shift-clock.so

$(SHIFT_CLOCK): $(BUILD)/obj/tests/integration/shift-clock.o
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) -shared $(filter-out -pie,$(LDFLAGS)) -o $@ $^)

# The N-th call of a function fails, for LD_PRELOAD.
FAULT_LIBRARY := $(BUILD)/tests/fault.so

$(FAULT_LIBRARY): $(BUILD)/obj/tests/fault/fault.o
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) -shared $(filter-out -pie,$(LDFLAGS)) -o $@ $^)

INTEGRATION_PROGRAMS := $(REASON_OF) $(NOTIFY_LISTEN) $(SHIFT_CLOCK)

# The metrics of pools that are made up: for promtool, and to be timed.
METRICS := $(BUILD)/tests/metrics

$(METRICS): $(BUILD)/obj/tests/metrics/metrics.o $(BUILD)/libpoolwatch.a $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^ $(LIBS))

# What the tools understand of YAML, to be compared with PyYAML.
YAML_TREE := $(BUILD)/tests/yaml-tree

$(YAML_TREE): $(BUILD)/obj/tests/yaml/tree.o $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^ $(LIBS))

CLI_PROGRAMS := $(STUB) $(HAMMER) $(FAULTS) $(FAULT_LIBRARY) $(METRICS) $(YAML_TREE)

RUN_TESTS := POOL_BUILD='$(BUILD)' tests/run

# The programs of the benchmarks.
BENCHES := $(BUILD)/tests/starts $(BUILD)/tests/resources $(BUILD)/tests/empty

$(BENCHES): $(BUILD)/tests/%: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^)

$(BUILD)/tests/choose: $(BUILD)/obj/tests/bench/choose.o $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^ $(LIBS))

$(BUILD)/tests/paced: $(BUILD)/obj/tests/bench/paced.o $(BUILD)/libpoolprobe.a $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(PROBE_LIBS))

bench: all $(BENCHES) $(BUILD)/tests/choose $(BUILD)/tests/paced $(HAMMER) $(METRICS) $(STUB)
	@BUILD='$(BUILD)' tests/bench/run

# What the tests need is installed first, then everything is built and run. TESTS='--unit --cli'
# runs these groups alone, and installs no servers for the others.
TESTS ?=
NO_SERVERS := --unit --cli

test:
	@tests/install-packages test $(if $(filter-out $(NO_SERVERS),$(or $(TESTS),all)),integration)
	@$(MAKE) --no-print-directory check

# make demo and make test in another release of Debian, which has only git, gcc and make at first. It
# lies below build/, and is kept.
test-in:
	@tests/install-packages release
	@tests/in-release '$(RELEASE)' '$(TESTS)'

check: all $(UNIT_TESTS) $(CLI_PROGRAMS) $(INTEGRATION_PROGRAMS)
	@$(RUN_TESTS) $(TESTS)

check-unit: $(UNIT_TESTS)
	@$(RUN_TESTS) --unit

check-cli: all $(CLI_PROGRAMS)
	@$(RUN_TESTS) --cli

check-integration: all $(STUB) $(INTEGRATION_PROGRAMS)
	@$(RUN_TESTS) --integration

# The sanitizer build, its unit and command line tests.
asan:
	@$(MAKE) --no-print-directory VARIANT=asan check-asan

check-asan: all $(UNIT_TESTS) $(CLI_PROGRAMS)
	@$(RUN_TESTS) --unit --cli

layers: all
	@tests/layers . '$(BUILD)'

lint:
	@tests/install-packages lint
	@tests/lint

format:
	@git ls-files '*.c' '*.h' | xargs -d '\n' clang-format -i

demo:
	@tests/install-packages demo
	@$(MAKE) --no-print-directory all $(STUB)
	@POOL_BUILD='$(BUILD)' tests/demo

packages:
	@tests/install-packages build test integration lint

# --- installation ---------------------------------------------------------------------------------

MANUALS          := $(wildcard man/*.[1-8])
# what those of bash share keeps its ending, since it is the completion of no command
BASH_COMPLETIONS := $(wildcard completions/pool-*.bash)
BASH_SHARED      := completions/_pool_names.bash
ZSH_COMPLETIONS  := $(filter-out %.bash %.fish,$(wildcard completions/_*))
FISH_COMPLETIONS := $(wildcard completions/*.fish)
# the rules' unit tests stay here
PROMETHEUS       := $(filter-out %.test.yml,$(wildcard deploy/prometheus/*.yml))
GRAFANA          := $(wildcard deploy/grafana/*.json)
CI_FILES         := $(wildcard deploy/ci/*.yml deploy/ci/*.yaml)
UNITS            := $(wildcard deploy/systemd/*.service deploy/systemd/*.timer)
SYSUSERS         := deploy/systemd/proxypool.sysusers.conf
TMPFILES         := deploy/systemd/proxypool.tmpfiles.conf

BASHDIR = $(DATADIR)/bash-completion/completions
ZSHDIR  = $(DATADIR)/zsh/site-functions
FISHDIR = $(DATADIR)/fish/vendor_completions.d
POOLDIR = $(DATADIR)/proxypool
UNITDIR = $(LIBDIR)/systemd/system

# below PREFIX
INSTALLED := $(TOOLS:%=bin/%) lib/libpool.a lib/libpool.so.0 lib/libpool.so \
	lib/pkgconfig/libpool.pc include/pool/pool.h \
	$(foreach page,$(MANUALS),share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page))) \
	$(BASH_COMPLETIONS:completions/%.bash=share/bash-completion/completions/%) \
	$(BASH_SHARED:completions/%=share/bash-completion/completions/%) \
	$(ZSH_COMPLETIONS:completions/%=share/zsh/site-functions/%) \
	$(FISH_COMPLETIONS:completions/%=share/fish/vendor_completions.d/%) \
	$(PROMETHEUS:deploy/%=share/proxypool/%) $(GRAFANA:deploy/%=share/proxypool/%) \
	$(CI_FILES:deploy/%=share/proxypool/%) \
	$(UNITS:deploy/systemd/%=lib/systemd/system/%) lib/sysusers.d/proxypool.conf \
	lib/tmpfiles.d/proxypool.conf

FORCE:

define PKGCONFIG
prefix=$(PREFIX)
libdir=$${prefix}/lib
includedir=$${prefix}/include

Name: libpool
Description: pools of forward proxies shared by all processes of a machine
Version: $(VERSION)
Requires.private: libcjson yaml-0.1
Libs: -L$${libdir} -lpool
Libs.private: -lm
Cflags: -I$${includedir}/pool
endef

# written each time: PREFIX may be another one
$(BUILD)/libpool.pc: FORCE
	@mkdir -p '$(@D)'
	$(file >$@,$(PKGCONFIG))

# units name the tools where they are, DESTDIR apart
$(BUILD)/systemd/%: deploy/systemd/% FORCE
	@mkdir -p '$(@D)'
	@sed 's|/usr/local/bin/|$(PREFIX)/bin/|' $< >$@

# DIR MODE FILE...: nothing to do without a FILE
copy = $(if $(3),install -d '$(1)' && install -m $(2) $(3) '$(1)')

install: all $(BUILD)/libpool.pc $(UNITS:deploy/%=$(BUILD)/%)
	$(call copy,$(BINDIR),755,$(TOOL_BINARIES))
	$(call copy,$(LIBDIR),644,$(BUILD)/libpool.a)
	install -m 755 $(BUILD)/libpool.so '$(LIBDIR)/libpool.so.0'
	ln -sf libpool.so.0 '$(LIBDIR)/libpool.so'
	$(call copy,$(LIBDIR)/pkgconfig,644,$(BUILD)/libpool.pc)
	$(call copy,$(INCDIR),644,lib/pool.h)
	$(foreach page,$(MANUALS),$(call copy,$(MANDIR)/man$(subst .,,$(suffix $(page))),644,$(page))$(newline))
	$(foreach file,$(BASH_COMPLETIONS),install -D -m 644 $(file) '$(BASHDIR)/$(basename $(notdir $(file)))'$(newline))
	$(call copy,$(BASHDIR),644,$(BASH_SHARED))
	$(call copy,$(ZSHDIR),644,$(ZSH_COMPLETIONS))
	$(call copy,$(FISHDIR),644,$(FISH_COMPLETIONS))
	$(call copy,$(POOLDIR)/prometheus,644,$(PROMETHEUS))
	$(call copy,$(POOLDIR)/grafana,644,$(GRAFANA))
	$(call copy,$(POOLDIR)/ci,644,$(CI_FILES))
	$(call copy,$(UNITDIR),644,$(UNITS:deploy/%=$(BUILD)/%))
	install -D -m 644 $(SYSUSERS) '$(LIBDIR)/sysusers.d/proxypool.conf'
	install -D -m 644 $(TMPFILES) '$(LIBDIR)/tmpfiles.d/proxypool.conf'

define newline


endef

uninstall:
	$(foreach file,$(INSTALLED),rm -f '$(DESTDIR)$(PREFIX)/$(file)'$(newline))
	@rmdir '$(INCDIR)' '$(POOLDIR)/prometheus' '$(POOLDIR)/grafana' '$(POOLDIR)/ci' \
		'$(POOLDIR)' 2>/dev/null || :

clean:
	rm -rf build
