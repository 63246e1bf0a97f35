# Sparklet's build: one non-recursive makefile, out of tree, with dependency files. `make` lists the targets.
#
#   SAN=address | thread   a sanitizer build in build/address or build/thread
#   COV=1                  a build with coverage counters in build/coverage
#   CC=clang               another compiler; V=1 shows the commands; WERROR= lets warnings pass
#   BUILD=dir              another place for everything that is built
#   T=state                with check: only the tests whose path holds the word; VERIFY=1: under re-encoded batches
#
# Layers, their order and what a test may link are the lists under "Layers". Sources are found by looking: a new .c file, a
# new test_*.c or a new .proto needs no change here. How tests are written and run: tests/README.md.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/bash

VERSION := 0.1.0
SOVERSION := 0
PREFIX ?= /usr/local
DESTDIR ?=

# ---- Layers ---------------------------------------------------------------------------------------------------------------
# Lowest first. tools/check-layers is given this list, so the order is written down once.
CORE := core/base core/columnar core/expr
PLANNER := planner/logical planner/optimizer planner/sql planner/physical
LAYERS := $(CORE) $(PLANNER) scheduler state connectors batch checkpoint stream session

# What the tests in a folder are linked with: no more than their layer needs, so that a broken upper layer does not stop the
# tests of a lower one from being built. A folder not named here (stream, session, cli, integration) gets everything.
TEST_LAYERS_core/base := core/base
TEST_LAYERS_core/columnar := core/base core/columnar
TEST_LAYERS_core/expr := $(CORE)
TEST_LAYERS_planner := $(CORE) $(PLANNER)
TEST_LAYERS_scheduler := core/base core/columnar scheduler
TEST_LAYERS_state := core/base core/columnar state
TEST_LAYERS_connectors := $(CORE) connectors
TEST_LAYERS_batch := $(CORE) $(PLANNER) scheduler state connectors batch
TEST_LAYERS_checkpoint := $(CORE) $(PLANNER) scheduler state connectors batch checkpoint
TEST_LAYERS_support := core/base
TEST_LAYERS_tools := core/base
TEST_LAYERS_tools/test_docs.c := $(CORE)
# A single test may need less than its folder.
TEST_LAYERS_integration/test_support_kafka.c := core/base
TEST_LAYERS_integration/test_broker.sh := core/base
TEST_LAYERS_integration/test_kafka_epoch_log.c := $(TEST_LAYERS_checkpoint)
TEST_LAYERS_stream/test_stream_operators.c := $(TEST_LAYERS_checkpoint) stream
TEST_LAYERS_stream/test_normalize.c := $(TEST_LAYERS_checkpoint) stream

# ---- Toolchain and flags --------------------------------------------------------------------------------------------------
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),g++)
endif
AR := ar
WERROR ?= -Werror
OPT ?= $(if $(SAN),-O1,$(if $(COV),-O0,-O2))

ifneq ($(filter-out address thread,$(SAN)),)
$(error SAN=$(SAN): say address or thread)
endif
BUILD ?= build
B := $(BUILD)$(if $(SAN),/$(SAN),$(if $(COV),/coverage))

WARN := -Wall -Wextra -Wshadow -Wconversion
# Floating-point contraction differs between machines; replays must not.
# gcc 12 takes some loops over two arrays of one struct for a null dereference and drops the calls (tests/core/columnar caught it in the
# Arrow import): -fno-delete-null-pointer-checks keeps them.
COMMON := $(OPT) -g -fPIC -fvisibility=hidden -fno-semantic-interposition -ffp-contract=off -fno-delete-null-pointer-checks -pthread
ifeq ($(SAN),address)
MODE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(SAN),thread)
MODE := -fsanitize=thread -fno-omit-frame-pointer
else ifdef COV
MODE := --coverage
else
MODE := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
        $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
endif
MODE_LD := $(filter -fsanitize=% --coverage,$(MODE))
# Instrumented code confuses gcc's flow analysis into false reports.
ifeq ($(if $(SAN),$(findstring clang,$(CC)),none),)
WARN += -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-format-truncation
endif

PACKAGES := rdkafka rocksdb libevent libevent_pthreads libprotobuf-c simdjson jansson libxxhash liblz4 libzstd zlib libcurl
CLI_PACKAGES := libedit
TEST_PACKAGES := cunit
# Asked once, when a recipe first needs it: `make deps` must work where there is no pkg-config yet.
once = $(eval $(1) := $(2))$($(1))
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(shell pkg-config --cflags $(PACKAGES) $(CLI_PACKAGES) $(TEST_PACKAGES)))
PKG_LIBS = $(call once,PKG_LIBS,$(shell pkg-config --libs $(PACKAGES)))
CLI_LIBS = $(call once,CLI_LIBS,$(shell pkg-config --libs $(CLI_PACKAGES)))
TEST_LIBS = $(call once,TEST_LIBS,$(shell pkg-config --libs $(TEST_PACKAGES)))
LIBS = $(PKG_LIBS) -lpg_query -lm -lpthread

INCLUDES := -iquote . -iquote $(B)/gen -Iinclude
CPPFLAGS_ALL = $(INCLUDES) -D_GNU_SOURCE -DSPK_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu17 $(WARN) $(WERROR) $(COMMON) $(MODE) $(CFLAGS)
CXXFLAGS_ALL = -std=c++17 -fno-exceptions -fno-rtti -Wall -Wextra $(WERROR) $(COMMON) $(MODE) $(CXXFLAGS)
# Generated code is not ours to warn about.
GENFLAGS_ALL = -std=gnu17 -w $(COMMON) $(MODE) $(CFLAGS)
LDFLAGS_ALL = -Wl,--as-needed -Wl,-z,relro,-z,now -pthread $(MODE_LD) $(LDFLAGS)

HUSH := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

# All cores unless -j was given, here or by whoever called us.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
ifeq ($(shell tr '\0' ' ' < /proc/$$PPID/cmdline | grep -cE -- ' (-[a-zA-Z]*j|--jobs)'),0)
MAKEFLAGS += -j$(shell nproc)
endif
endif

# ---- Sources --------------------------------------------------------------------------------------------------------------
find = $(if $(wildcard $(1)),$(sort $(shell find $(wildcard $(1)) -type f \( $(2) \))))
archive = $(B)/lib/lib$(subst /,_,$(1)).a
# objects SOURCES: their object files, whether written by hand or generated
objects = $(strip $(patsubst $(B)/gen/%,$(B)/obj/gen/%.o,$(filter $(B)/gen/%,$(1))) $(patsubst %,$(B)/obj/%.o,$(filter-out $(B)/gen/%,$(1))))
generated = $(patsubst %.proto,$(B)/gen/%.pb-c.$(2),$(filter %.proto,$(1)))

ALL_FOUND := $(call find,$(LAYERS) cli tests bench,-name '*.c' -o -name '*.cpp' -o -name '*.proto' -o -name 'test_*.sh' -o -name 'test_*.py')
in_layer = $(filter $(1)/%,$(ALL_FOUND))

define layer
SRCS_$(1) := $(filter %.c %.cpp,$(call in_layer,$(1))) $(call generated,$(call in_layer,$(1)),c)
GEN_H += $(call generated,$(call in_layer,$(1)),h)
OBJS_$(1) := $$(call objects,$$(SRCS_$(1)))
ifneq ($$(OBJS_$(1)),)
PRESENT += $(1)
$(call archive,$(1)): $$(OBJS_$(1)) $(B)/lists/$(subst /,_,$(1))
$$(OBJS_$(1)): | $$(GEN_H)
endif
endef
$(foreach l,$(LAYERS),$(eval $(call layer,$(l))))

LIB_OBJS := $(foreach l,$(PRESENT),$(OBJS_$(l)))
LIB_CXX := $(filter %.cpp.o,$(LIB_OBJS))
CLI_OBJS := $(call objects,$(filter %.c,$(call in_layer,cli)))
TSAN_OBJS := $(if $(filter thread,$(SAN)),$(call objects,tests/support/tsan_threads.c))
PROGRAM := $(if $(CLI_OBJS),$(B)/sparklet)
STATIC := $(if $(LIB_OBJS),$(B)/libsparklet.a)
SHARED := $(if $(LIB_OBJS),$(B)/libsparklet.so)

SUPPORT_SRCS := $(filter tests/support/%.c,$(ALL_FOUND)) $(call generated,$(filter tests/%,$(ALL_FOUND)),c)
SUPPORT_OBJS := $(call objects,$(filter-out %/tsan_threads.c,$(SUPPORT_SRCS)))
SUPPORT := $(if $(SUPPORT_OBJS),$(B)/lib/libtest_support.a)

is_test = $(foreach f,$(1),$(if $(filter test_%,$(notdir $(f))),$(f)))
TEST_SRCS := $(call is_test,$(filter tests/%.c,$(ALL_FOUND)))
TEST_SCRIPTS := $(filter tests/%.sh tests/%.py,$(ALL_FOUND))
BENCH_SRCS := $(foreach f,$(filter bench/%.c,$(ALL_FOUND)),$(if $(filter bench_%,$(notdir $(f))),$(f)))
BENCHES := $(BENCH_SRCS:%.c=$(B)/%)

# T=word or T=path keeps the tests whose path (without its ending) holds it.
chosen = $(if $(T),$(foreach t,$(1),$(if $(findstring $(T),$(basename $(t))),$(t))),$(1))
CHOSEN_SRCS := $(call chosen,$(TEST_SRCS))
CHOSEN_SCRIPTS := $(call chosen,$(TEST_SCRIPTS))
CHOSEN := $(CHOSEN_SRCS:%.c=$(B)/%) $(CHOSEN_SCRIPTS)
TESTS := $(TEST_SRCS:%.c=$(B)/%)
# Tests that are given every layer may start the program as well.
words_of = $(subst /, ,$(patsubst tests/%,%,$(1)))
own_layers = $(or $(TEST_LAYERS_$(word 1,$(words_of))/$(word 2,$(words_of))),$(TEST_LAYERS_$(word 1,$(words_of))))
NEED_PROGRAM := $(strip $(foreach t,$(CHOSEN_SRCS) $(CHOSEN_SCRIPTS),$(if $(call own_layers,$(t)),,$(t))))

# ---- Stamps: files that change only when a command line or a list of files does ------------------------------------------
ifneq ($(filter-out help clean deps format print-% uninstall check-layers,$(or $(MAKECMDGOALS),help)),)
$(shell mkdir -p $(B)/lists)
one_word = x$(subst $() ,_,$(strip $(1)))
stamp = $(if $(and $(wildcard $(1)),$(filter $(call one_word,$(file <$(1))),$(call one_word,$(2)))),,$(file >$(1),$(strip $(2))))
$(foreach l,$(PRESENT),$(call stamp,$(B)/lists/$(subst /,_,$(l)),$(OBJS_$(l))))
$(call stamp,$(B)/lists/all,$(LIB_OBJS))
$(call stamp,$(B)/lists/cli,$(CLI_OBJS))
$(call stamp,$(B)/lists/support,$(SUPPORT_OBJS))
$(call stamp,$(B)/lists/flags,$(CC) $(CXX) $(WARN) $(WERROR) $(COMMON) $(MODE) $(VERSION) $(CPPFLAGS) $(CFLAGS) $(CXXFLAGS))
endif

# ---- Building -------------------------------------------------------------------------------------------------------------
.PHONY: help all bench-batch bench-nexmark deps check run-check check-layers check-long demo run-demo demo-kafka run-demo-kafka demo-cdc run-demo-cdc bench run-bench docs \
        install uninstall clean format coverage tests

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: ## install the Debian packages the build needs, if any is missing
	@tools/deps.sh

all: $(STATIC) $(SHARED) $(PROGRAM) ## the library (static and shared) and the program
	@:

tests: $(TESTS) ## build every test program, run none

archive_rule = $(HUSH)rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)

$(B)/lib/%.a:
	$(call say,AR,$@)
	$(HUSH)mkdir -p $(@D)
	$(archive_rule)

$(SUPPORT): $(SUPPORT_OBJS) $(B)/lists/support

$(B)/libsparklet.a: $(LIB_OBJS) $(B)/lists/all
	$(call say,AR,$@)
	$(archive_rule)

$(B)/libsparklet.so: $(LIB_OBJS) $(B)/lists/all
	$(call say,LINK,$@)
	$(HUSH)$(if $(LIB_CXX),$(CXX),$(CC)) -shared -Wl,-soname,libsparklet.so.$(SOVERSION) -o $@.$(VERSION) $(LIB_OBJS) $(LDFLAGS_ALL) $(LIBS)
	$(HUSH)ln -sf libsparklet.so.$(VERSION) $@.$(SOVERSION) && ln -sf libsparklet.so.$(SOVERSION) $@ && touch -h $@

# -rdynamic: libraries of user functions, loaded at run time, find the public spk_ symbols in the program.
$(B)/sparklet: $(CLI_OBJS) $(TSAN_OBJS) $(STATIC) $(B)/lists/cli
	$(call say,LINK,$@)
	$(HUSH)$(if $(LIB_CXX),$(CXX),$(CC)) -pie -rdynamic -o $@ $(CLI_OBJS) $(TSAN_OBJS) $(STATIC) $(LDFLAGS_ALL) $(LIBS) $(CLI_LIBS)

$(B)/obj/gen/%.c.o: $(B)/gen/%.c $(B)/lists/flags
	$(call say,CC,$<)
	$(HUSH)mkdir -p $(@D)
	$(HUSH)$(CC) $(CPPFLAGS_ALL) $(GENFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/obj/%.c.o: %.c $(B)/lists/flags
	$(call say,CC,$<)
	$(HUSH)mkdir -p $(@D)
	$(HUSH)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/obj/%.cpp.o: %.cpp $(B)/lists/flags
	$(call say,CXX,$<)
	$(HUSH)mkdir -p $(@D)
	$(HUSH)$(CXX) $(CPPFLAGS_ALL) $(CXXFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h: %.proto
	$(call say,PROTO,$<)
	$(HUSH)mkdir -p $(B)/gen
	$(HUSH)protoc-c -I. --c_out=$(B)/gen $<

# Not intermediate: they are read by people and debuggers.
.SECONDARY: $(call generated,$(ALL_FOUND),c) $(call generated,$(ALL_FOUND),h)

$(CLI_OBJS): | $(GEN_H)
$(SUPPORT_OBJS): | $(GEN_H) $(call generated,$(filter tests/%,$(ALL_FOUND)),h)

# Test and benchmark programs: one object, the test support, the archives of the layers that their folder may know.
has_cxx = $(filter %.cpp,$(foreach l,$(1),$(SRCS_$(l))))

# link_rule SOURCE, LAYERS
define link_rule
$(B)/$(basename $(1)): $(B)/obj/$(1).o $(TSAN_OBJS) $(SUPPORT) $(foreach l,$(2),$(call archive,$(l)))
	$$(call say,LINK,$$@)
	$$(HUSH)mkdir -p $$(@D)
	$$(HUSH)$(if $(call has_cxx,$(2)),$$(CXX),$$(CC)) -pie -rdynamic -o $$@ -Wl,--start-group $$^ -Wl,--end-group $$(LDFLAGS_ALL) $$(LIBS) $$(TEST_LIBS)
$(B)/obj/$(1).o: | $(GEN_H) $(call generated,$(filter tests/%,$(ALL_FOUND)),h)
endef
$(foreach t,$(TEST_SRCS) $(BENCH_SRCS),$(eval $(call link_rule,$(t),$(filter $(or $(call own_layers,$(t)),$(LAYERS)),$(PRESENT)))))

-include $(patsubst %.o,%.d,$(B)/obj/tools/conf_markdown.c.o $(LIB_OBJS) $(CLI_OBJS) $(SUPPORT_OBJS) $(call objects,$(TEST_SRCS) $(BENCH_SRCS)))

# ---- Checking -------------------------------------------------------------------------------------------------------------
# Packages are installed before the makefile is read again: pkg-config itself may be among them.
MODE_ARGS := $(if $(SAN),SAN=$(SAN)) $(if $(COV),COV=1)
again = +@$(MAKE) --no-print-directory $(MODE_ARGS)
deps_for_tests = $(if $(filter no,$(DEPS)),@:,@tools/deps.sh test)

check: ## build everything and run the tests; T=word picks some, SAN=address|thread, VERIFY=1, DEPS=no installs nothing
	$(deps_for_tests)
	$(again) run-check

check-long: export SPARKLET_LONG := 1
check-long: ## the same with long randomized runs (SPARKLET_LONG=1)
	$(deps_for_tests)
	$(again) run-check

run-check: export SPARKLET_VERIFY := $(VERIFY)
run-check: $(if $(T),$(if $(NEED_PROGRAM),$(PROGRAM)),all) $(filter $(B)/%,$(CHOSEN))
	@tools/run-tests --build $(B) $(if $(SAN),--sanitizer $(SAN)) $(CHOSEN)

check-layers: ## no include goes up the layers, every folder has its README.md
	@tools/check-layers $(LAYERS) cli

coverage: ## build with counters, run the tests (T=word picks some) and print line coverage per folder and in all
	@find $(BUILD)/coverage -name '*.gcda' -delete 2> /dev/null || true
	+@$(MAKE) --no-print-directory COV=1 check; tests=$$?; tools/coverage $(BUILD)/coverage $(LAYERS) cli && exit $$tests

# ---- Showing --------------------------------------------------------------------------------------------------------------
demo: ## build the program and show it on the flights in examples/data; no network, no Kafka
	@tools/deps.sh
	$(again) run-demo
run-demo: all
	@examples/demo.sh $(B)

demo-kafka: ## the same as a continuous job over a throw-away Kafka broker
	@tools/deps.sh test
	$(again) run-demo-kafka
run-demo-kafka: all
	@examples/demo-kafka.sh $(B)

demo-cdc: ## PostgreSQL's changes through Debezium and Kafka into a table that is kept up to date
	@tools/deps.sh cdc
	$(again) run-demo-cdc
run-demo-cdc: all
	@examples/demo-cdc.sh $(B)

include bench/floor/rules.mk

bench: ## build and run the benchmarks
	@tools/deps.sh test
	$(again) run-bench
bench-batch: all ## TPC-H at scale 1 from CSV beside DuckDB: answers, CPU seconds (SCALE=, MEMORY=)
	@tools/deps.sh test
	@$${SPARKLET_CACHE:-$$HOME/.cache/sparklet}/venv/bin/python bench/tpch.py --program $(B)/sparklet --scale $(or $(SCALE),1) --memory $(or $(MEMORY),1GiB)
bench-nexmark: all $(B)/bench/floor ## Nexmark from Kafka to Kafka, all queries: answers, CPU seconds, ratio to the floor (Q="q0 q5", EVENTS=n, PEER=flink)
	@tools/deps.sh test
	@bench/run $(B) $(if $(EVENTS),--events $(EVENTS)) $(if $(PEER),--peer $(PEER)) $(or $(Q),all)
run-bench: all $(BENCHES) $(B)/bench/floor
	@if [ -x bench/run ]; then bench/run $(B) --events 2000000 --rounds 2; else for b in $(BENCHES); do echo "== $$b"; $$b || exit 1; done; fi

$(B)/tools/conf_markdown: $(B)/obj/tools/conf_markdown.c.o $(call archive,core/base)
	$(call say,LINK,$@)
	$(HUSH)mkdir -p $(@D)
	$(HUSH)$(CC) -pie -o $@ $^ $(LDFLAGS_ALL) $(LIBS)

$(B)/tools/functions_markdown: $(B)/obj/tools/functions_markdown.c.o $(call archive,core/expr) $(call archive,core/columnar) $(call archive,core/base)
	$(call say,LINK,$@)
	$(HUSH)mkdir -p $(@D)
	$(HUSH)$(CC) -pie -o $@ $^ $(LDFLAGS_ALL) $(LIBS)

docs: $(B)/tools/conf_markdown $(B)/tools/functions_markdown ## docs/configuration.md and docs/functions.md from their tables, and the API manual if doxygen is there
	@$(if $(filter no,$(DEPS)),,tools/deps.sh docs)
	@tools/docs.sh $(B)

# ---- Installing -----------------------------------------------------------------------------------------------------------
INSTALL := install
LIBDIR ?= $(PREFIX)/lib
D := $(DESTDIR)
MAN := docs/sparklet.1
HEADERS := $(sort $(wildcard include/sparklet/*.h))
EXAMPLES := $(call find,examples,-true)
EXAMPLE_DIR := $(PREFIX)/share/sparklet

install: all ## program, library, headers, sparklet.pc, man page and examples under PREFIX (default /usr/local; DESTDIR is honoured)
	$(HUSH)$(INSTALL) -d $(D)$(PREFIX)/bin $(D)$(LIBDIR)/pkgconfig $(D)$(PREFIX)/include/sparklet $(D)$(PREFIX)/share/man/man1
	$(if $(PROGRAM),$(HUSH)$(INSTALL) -m 755 $(PROGRAM) $(D)$(PREFIX)/bin/sparklet)
	$(if $(STATIC),$(HUSH)$(INSTALL) -m 644 $(STATIC) $(D)$(LIBDIR)/libsparklet.a)
	$(if $(SHARED),$(HUSH)$(INSTALL) -m 755 $(SHARED).$(VERSION) $(D)$(LIBDIR)/libsparklet.so.$(VERSION))
	$(if $(SHARED),$(HUSH)ln -sf libsparklet.so.$(VERSION) $(D)$(LIBDIR)/libsparklet.so.$(SOVERSION))
	$(if $(SHARED),$(HUSH)ln -sf libsparklet.so.$(SOVERSION) $(D)$(LIBDIR)/libsparklet.so)
	$(if $(HEADERS),$(HUSH)$(INSTALL) -m 644 $(HEADERS) $(D)$(PREFIX)/include/sparklet/)
	$(HUSH)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@PACKAGES@|$(PACKAGES)|' sparklet.pc.in > $(D)$(LIBDIR)/pkgconfig/sparklet.pc
	$(HUSH)sed 's|@VERSION@|$(VERSION)|' $(MAN) > $(D)$(PREFIX)/share/man/man1/sparklet.1
	$(HUSH)for f in $(EXAMPLES); do $(INSTALL) -D -m $$([ -x $$f ] && echo 755 || echo 644) $$f $(D)$(EXAMPLE_DIR)/$$f || exit 1; done

uninstall: ## remove what install put there
	rm -f $(D)$(PREFIX)/bin/sparklet $(D)$(LIBDIR)/libsparklet.a $(D)$(LIBDIR)/libsparklet.so*
	rm -f $(D)$(LIBDIR)/pkgconfig/sparklet.pc $(D)$(PREFIX)/share/man/man1/sparklet.1
	rm -rf $(D)$(PREFIX)/include/sparklet $(D)$(EXAMPLE_DIR)

# ---- The rest -------------------------------------------------------------------------------------------------------------
clean: ## remove build/ (the cache of test dependencies stays)
	rm -rf $(BUILD) compile_commands.json

format: ## clang-format over all C and C++ sources
	clang-format -i $(call find,include $(LAYERS) cli tests bench examples,-name '*.[ch]' -o -name '*.cpp')

# One entry per object that make knows how to build. The quotes of -DSPK_VERSION need escaping in JSON.
json = $(subst ",\",$(1))
DB_SRCS = $(filter %.c %.cpp,$(foreach l,$(PRESENT) cli tests bench,$(call in_layer,$(l))))
db_flags = $(if $(filter %.cpp,$(1)),$(CXX) $(CPPFLAGS_ALL) $(CXXFLAGS_ALL),$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL))
compile_commands.json: $(GEN_H) FORCE ## for clangd and clang-tidy
	$(file >$@.new,[)
	$(foreach s,$(DB_SRCS),$(file >>$@.new,{"directory":"$(CURDIR)"$(,)"file":"$(s)"$(,)"command":"$(call json,$(call db_flags,$(s)) -c -o $(B)/obj/$(s).o $(s))"}$(if $(filter $(s),$(lastword $(DB_SRCS))),,$(,))))
	$(file >>$@.new,])
	@mv $@.new $@
, := ,
.PHONY: FORCE
FORCE:

print-%:
	@echo '$($*)'
