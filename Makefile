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

override CPPFLAGS += -D_GNU_SOURCE -iquote lib -iquote cmd
override CFLAGS   += -std=c11 -fPIC -fvisibility=default $(WARNINGS) $(HARDENING_$(VARIANT)) \
	$(SANITIZE_$(VARIANT))
override LDFLAGS  += $(LINKING_$(VARIANT)) $(SANITIZE_$(VARIANT))

ifeq ($(V),1)
quiet = $(2)
else
quiet = @printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)'; $(2)
endif

# --- sources, one list a room -------------------------------------------------------------------

BASE   := error text clock random hash
CONFIG :=
HEALTH := health reason judge
SELECT := strategy
STATE  := file image snapshot lease session choose store
REPORT :=
PROBE  := engine method transfer request outcome answer classify descriptors ping rate timers

TOOLS  :=
PROBING_TOOLS := pool-check pool-watch

ROOM_SOURCES := $(BASE:%=lib/base/%.c) $(CONFIG:%=lib/config/%.c) $(HEALTH:%=lib/health/%.c) \
	$(SELECT:%=lib/select/%.c) $(STATE:%=lib/state/%.c) $(REPORT:%=lib/report/%.c)
PROBE_SOURCES := $(PROBE:%=lib/probe/%.c)

LIB_OBJECTS   := $(ROOM_SOURCES:%.c=$(BUILD)/obj/%.o)
PROBE_OBJECTS := $(PROBE_SOURCES:%.c=$(BUILD)/obj/%.o)
TOOL_BINARIES := $(TOOLS:%=$(BUILD)/bin/%)

LIBS       := -lcjson -lm
PROBE_LIBS := -lcurl

.PHONY: all help demo test check check-unit check-cli check-integration lint layers asan bench \
	install uninstall clean packages
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/libpool.a $(BUILD)/libpool.so $(BUILD)/libpoolprobe.a $(TOOL_BINARIES)

$(BUILD)/obj/%.o: %.c
	@mkdir -p '$(@D)'
	$(call quiet,CC,$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<)

$(BUILD)/libpool.a: $(LIB_OBJECTS)
	@rm -f $@
	$(call quiet,AR,$(AR) rcs $@ $^)

$(BUILD)/libpoolprobe.a: $(PROBE_OBJECTS)
	@rm -f $@
	$(call quiet,AR,$(AR) rcs $@ $^)

$(BUILD)/libpool.so: $(LIB_OBJECTS)
	$(call quiet,LINK,$(CC) -shared -Wl$(comma)-soname$(comma)libpool.so.0 $(filter-out -pie,$(LDFLAGS)) -o $@ $^ $(LIBS))

comma := ,

$(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(BUILD)/obj/cmd/tool.o $(BUILD)/libpoolprobe.a $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(if $(filter $*,$(PROBING_TOOLS)),$(BUILD)/libpoolprobe.a) $(BUILD)/libpool.a $(if $(filter $*,$(PROBING_TOOLS)),$(PROBE_LIBS)) $(LIBS))

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- tests: tests/unit/test_X.c becomes build/tests/test_X ---------------------------------------

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libpoolprobe.a $(BUILD)/libpool.a
	@mkdir -p '$(@D)'
	$(call quiet,LINK,$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(PROBE_LIBS) -lcmocka)

check-unit: $(UNIT_TESTS)
	@for t in $(UNIT_TESTS); do "$$t" || exit 1; done

clean:
	rm -rf build
