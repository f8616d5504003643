# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The whole build, non-recursive; sources are found by wildcard. `make help` lists the targets.

VERSION := 0.1.0
O ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 3600
LIBFDT_INCLUDE ?= /usr/include
SANITIZE ?=
CFLAGS ?= -O2 -g
ifeq ($(origin CC),default)
CC := gcc
endif
PKG_CONFIG ?= pkg-config
CLANG ?= clang

# V=1 shows the commands.
Q := $(if $(V),,@)
say = @printf '  %-7s %s\n' $(1) $(2)
is_clang = $(findstring clang,$(CC))
comma := ,

# ---- sources -------------------------------------------------------------------------------------

CORE_SRC := $(sort $(wildcard core/*/*.c core/*/*/*.c))
HOSTED_SRC := $(sort $(wildcard plat/hosted/*.c))
TOOL_SRC := $(sort $(wildcard tools/*.c))
CLIENT_SRC := $(sort $(wildcard client/*.c))
GST_SRC := $(sort $(wildcard gst/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
MODEL_SRC := $(sort $(wildcard tests/model/*.c))
DRIVE_SRC := $(sort $(wildcard tests/drive/*.c))
FAULT_SRC := $(sort $(wildcard tests/fault/*.c))
RACE_SRC := $(sort $(wildcard tests/race/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*.c))
BENCH_SRC := $(sort $(wildcard bench/*.c))
CONFORM_SRC := $(sort $(wildcard tests/conform/*.c))
PRELOAD_SRC := $(sort $(wildcard preload/*.c))
SYSTEM_SRC := $(sort $(wildcard tests/system/programs/*.c))
STRESS_SRC := $(sort $(wildcard tests/stress/*.c))
EXAMPLE_SRC := $(sort $(wildcard examples/*.c))
CLIENT_TEST_SRC := $(sort $(wildcard tests/client/*.c))
STRESS_LIB := $(sort $(wildcard tests/stress/lib/*.c))
VM_SRC := $(sort $(wildcard tests/vm/*.c))
TEST_SRC := $(UNIT_SRC) $(MODEL_SRC) $(DRIVE_SRC) $(FAULT_SRC) $(RACE_SRC)
HELP_SRC := $(sort $(wildcard tests/lib/*.c))
BOARD_SRC := $(sort $(wildcard tests/boards/*.c))
# Of GStreamer or without it.
DEMO_GST_PC := gstreamer-app-1.0 gstreamer-video-1.0 gstreamer-allocators-1.0
DEMO_MEDIA := $(if $(shell $(PKG_CONFIG) --exists $(DEMO_GST_PC) 2>/dev/null && echo yes),gst,none)
DEMO_SRC := $(sort $(filter-out demo/media_%,$(wildcard demo/*.c)) $(wildcard demo/media_$(DEMO_MEDIA)*.c))
# Its decoder writes into buffers of the plugin's pool.
DEMO_POOL := $(if $(filter gst,$(DEMO_MEDIA)),gst/allocator.c gst/memory.c gst/pool.c)
MAN_SRC := $(sort $(wildcard tools/*.[1-9].scd docs/*.[1-9].scd))
# Headers that are the manual of what they declare, a page a function.
MAN3_H := include/freehold/client.h include/freehold/frames.h
PUBLIC_H := $(sort $(wildcard include/freehold/*.h))
ALL_CH = $(sort $(shell find include core plat client preload examples gst tools demo tests bench -name '*.[ch]'))

obj = $(patsubst %.c,$(O)/%.o,$(1))
bin = $(patsubst %.c,$(O)/%,$(1))
LIB := $(O)/libfreehold.a
LIB_OBJ := $(call obj,$(CORE_SRC) $(HOSTED_SRC))
# All of the command but its main(), so that tests can reach its parts.
PARTS := $(O)/parts.a
PARTS_OBJ := $(call obj,$(filter-out tools/freehold.c,$(TOOL_SRC)) $(CLIENT_SRC))
# For programs that have buffers of `freehold serve`: nothing of the machine is in it.
CLIENT_SO := $(O)/libfreehold-client.so.0
CLIENT_LIB := $(O)/libfreehold-client.a
# What `freehold exec --preload' puts in front of programs; a sanitizer's own library would have to stand before it.
# It makes system calls itself, so it knows the machine.
PRELOAD_SO := $(if $(SANITIZE),,$(if $(filter x86_64-% aarch64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),$(O)/libfreehold-preload.so))
FDT_H := $(O)/libfdt/libfdt.h
# Static, for kernels without a libc; no sanitizer is.
CONFORM := $(if $(SANITIZE),,$(O)/tests/conform/dmabuf_calls)
# The same with the libc's library, for what stands in front of it.
CONFORM += $(if $(CONFORM),$(O)/tests/conform/dynamic/dmabuf_calls)
# What tests/system runs under the command: plain programs, and a library for them.
SYSTEM := $(if $(SANITIZE),,$(filter-out %/begins,$(SYSTEM_SRC:%.c=$(O)/%)) $(O)/tests/system/programs/begins.so)
# The GStreamer plugin, where GStreamer is; the client library's code is in it.
GST_PC := gstreamer-1.0 gstreamer-base-1.0 gstreamer-video-1.0 gstreamer-allocators-1.0
GST_TEST := tests/gst/pipe.c tests/gst/producer.c
GST := $(if $(SANITIZE),,$(shell $(PKG_CONFIG) --exists $(GST_PC) 2>/dev/null && echo $(O)/gst/libgstfreehold.so))
MAN := $(MAN_SRC:%.scd=$(O)/%)
MAN3 := $(O)/man3/done

# ---- flags ---------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wconversion -Werror
# Lock ranks are checked in all of these builds. Their warnings are no errors: a sanitizer's own code gives
# false ones (GCC manual, -fsanitize=), and -Wno-tsan is about fences, which it does not see.
SAN_FLAGS = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -Wno-error \
	-fno-omit-frame-pointer -DFH_LOCK_CHECK $(if $(is_clang),,-Wno-tsan))
BASE_FLAGS = -std=gnu11 $(WARN) $(CFLAGS) $(SAN_FLAGS)
# Asked once, and only when something is compiled: `make deps` must run without a compiler.
cc_include = $(eval cc_include := $$(shell $(CC) -print-file-name=include))$(cc_include)
# GCC's <limits.h> asks for the libc's as well, unless told that it is there already.
FREE_CFLAGS ?= -O2 -g
FREE := -ffreestanding -nostdinc -D_LIBC_LIMITS_H_ -isystem
FREE_FLAGS = $(FREE) $(cc_include)
CORE_INC := -Iinclude -Icore
# libfdt's header, with an environment of ours in place of the libc (core/boot only).
FDT_INC := -Icore/boot/fdt_env -isystem $(O)/libfdt
core_inc = $(CORE_INC) $(if $(filter core/boot/%,$(1)),$(FDT_INC))
HOST_FLAGS = -D_GNU_SOURCE -pthread $(CORE_INC) -Iplat/hosted $(if $(DW),-DFH_HAVE_LIBDW)
TOOL_FLAGS = -D_GNU_SOURCE -DFREEHOLD_VERSION='"$(VERSION)"' -pthread -Iinclude -Iplat/hosted -Itools
CLIENT_FLAGS = -D_GNU_SOURCE -fPIC -pthread -Iinclude
GST_FLAGS = -D_GNU_SOURCE -DFREEHOLD_VERSION='"$(VERSION)"' -fPIC -pthread -Iinclude \
	$(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(GST_PC)))
# Its functions have the libc's names: what a header says of their arguments is not to be relied on.
PRELOAD_FLAGS = -D_GNU_SOURCE -fPIC -fvisibility=hidden -U_FORTIFY_SOURCE -fno-builtin -fno-delete-null-pointer-checks
TEST_FLAGS = $(HOST_FLAGS) -Itools -Itests -Itests/lib
TOOL_LIBS = $(shell $(PKG_CONFIG) --libs inih jansson liblz4) $(DW) -lfdt -pthread -lm
DEMO_PC = libpng $(if $(filter gst,$(DEMO_MEDIA)),$(DEMO_GST_PC))
DEMO_FLAGS = -D_GNU_SOURCE -pthread -Iinclude $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(DEMO_PC)))
# Without it call sites have no file and line (plat/hosted/symbol.c).
DW := $(shell $(PKG_CONFIG) --libs libdw 2>/dev/null)

# Writes text to a file when it differs, so that what depends on it is rebuilt only then.
define keep
	@mkdir -p $(dir $(1)); printf '%s\n' $(2) | cmp -s - $(1) || printf '%s\n' $(2) >$(1)
endef

# ---- targets -------------------------------------------------------------------------------------

.PHONY: all help run demo test check-fast programs threaded bench test-gst test-libcamera test-vm test-linux soak soak-buf fuzz fuzzers asan tsan clean deps FORCE
.PHONY: lint format tidy cppcheck layers headers man freestanding install readme-example
.DELETE_ON_ERROR:

all: $(O)/freehold $(LIB) $(CLIENT_LIB) $(CLIENT_SO) $(PRELOAD_SO) $(GST) $(MAN) $(MAN3) ## build/freehold, build/libfreehold.a and the man pages
	$(if $(DW),,@echo '  NOTE    libdw-dev is not installed: code addresses are shown without file and line')
	$(if $(GST)$(SANITIZE),,@echo '  NOTE    libgstreamer-plugins-base1.0-dev is not installed: no GStreamer plugin')

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile
	@echo "Variables: O=build CC=gcc CFLAGS='-O2 -g' V=1 PREFIX=/usr/local DESTDIR= FUZZ_SECONDS=60 SOAK_SECONDS=3600 TIDY_NODES=12000"

run: ## install what is missing, build, run the camera-and-display job
	@scripts/deps build
	+$(Q)$(MAKE) --no-print-directory all
	$(O)/freehold run jobs/camera-display.job

DEMO_ARGS ?= --policy carveout,movable,guaranteed --pressure --churn 12 --seconds 10 --realtime --sheet $(O)/demo.png
demo: ## install what is missing, build, run camera, encoder, compositor and display, four processes; DEMO_ARGS='--help' and others
	@scripts/deps build demo
	+$(Q)$(MAKE) --no-print-directory all $(O)/freehold-demo
	$(O)/freehold-demo $(DEMO_ARGS)

test: ## install what is missing, then everything that CI checks
	@scripts/deps build test demo
	+@scripts/test -o $(O)

check-fast: ## build, unit and model tests: seconds
	+@scripts/test -o $(O) build unit model

asan: ## unit, model, drive and fault tests under AddressSanitizer and UBSan
	+@scripts/test -o $(O) asan

tsan: ## tests that have threads under ThreadSanitizer
	+@scripts/test -o $(O) tsan

deps: ## install the Debian packages that build and tests need
	@scripts/deps build test

programs: $(call bin,$(TEST_SRC) $(BENCH_SRC) $(STRESS_SRC) $(CLIENT_TEST_SRC)) ## build every test program
programs: $(O)/tests/boards/boot_boards $(call bin,$(EXAMPLE_SRC) $(VM_SRC) $(if $(GST),$(GST_TEST))) $(CONFORM) $(SYSTEM) $(O)/freehold-demo
# What has threads, of its own or of what it runs.
threaded: $(call bin,$(RACE_SRC) $(filter-out tests/unit/test_reclaim.c,$(shell grep -lE 'pthread|testplat_helpers|run_policy|parallel|simdev' tests/unit/*.c)))
fuzzers: $(call bin,$(FUZZ_SRC)) # in an O of their own: see fuzz

fuzz: ## fuzz each target of tests/fuzz for FUZZ_SECONDS=60 (0: replay its corpus only)
	+$(Q)$(MAKE) --no-print-directory O=$(O)/fuzz CC=$(CLANG) \
		SANITIZE=fuzzer-no-link,address,undefined CFLAGS='-O1 -gline-tables-only' fuzzers
	@scripts/fuzz -o $(O)/fuzz -s $(FUZZ_SECONDS) $(basename $(notdir $(FUZZ_SRC)))

test-libcamera: $(O)/freehold ## as root: libcamera of a newer Debian, run by `freehold exec`, captures from its virtual camera
	scripts/linux-libcamera -t -j $(abspath $(O)/freehold) --ram 256M --bootargs cma=64M

test-boards: $(O)/tests/boards/boot_boards ## boot every device tree of Debian's arm64 and armmp kernels at four sizes of RAM; SETS='6.1-arm64 ...'
	scripts/test-boards -o $(O) $(SETS)

test-gst: all ## GStreamer's own checks of memory, buffers and pools (Debian's source packages), with our allocator
	scripts/gst-check $(O)

bench: all $(call bin,$(BENCH_SRC)) ## measure; figures go to standard output
	$(Q)for b in $(call bin,$(BENCH_SRC)); do $$b || exit 1; done
	$(O)/freehold bench

test-vm: all $(call bin,$(STRESS_SRC) $(VM_SRC)) $(CONFORM) ## what needs another kernel, in virtual machines: minutes; PARTS='hugetlb udmabuf ...'
	scripts/test-vm -o $(O) $(PARTS)

test-linux: $(O)/freehold ## the layout against Debian's arm64 kernels in QEMU (needs qemu-system-arm): half an hour, and goes on where it ended; LINUX_ARGS='-t 600 boards'
	scripts/test-linux -o $(O) $(LINUX_ARGS)

soak: all ## all protocols at once with faults, for SOAK_SECONDS=3600: a camera's day, nothing refused, nothing wrong
	$(O)/freehold run --duration $(SOAK_SECONDS) jobs/soak.job

soak-buf: all $(call bin,$(STRESS_SRC)) ## clients of a server killed at random for SOAK_SECONDS (10 minutes unless given), 1,000 clients, 100,000 buffers
	FREEHOLD=$(O)/freehold $(O)/tests/stress/serve_kill $(if $(filter 3600,$(SOAK_SECONDS)),600,$(SOAK_SECONDS)) 24
	FREEHOLD=$(O)/freehold $(O)/tests/stress/serve_many 1000 100000

clean: ## remove what was built
	$(Q)if [ -f $(O)/objects ]; then rm -rf $(O); fi

# ---- library, command, man pages -----------------------------------------------------------------

$(O)/flags: FORCE
	$(call keep,$@,'$(CC) $(BASE_FLAGS) $(VERSION) $(DW)')
$(O)/objects: FORCE
	$(call keep,$@,'$(LIB_OBJ) $(PARTS_OBJ)')
FORCE:

$(LIB): $(LIB_OBJ)
$(PARTS): $(PARTS_OBJ)
$(CLIENT_LIB): $(call obj,$(CLIENT_SRC))
$(LIB) $(PARTS) $(CLIENT_LIB): $(O)/objects
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(call obj,$(CORE_SRC)): $(O)/%.o: %.c $(O)/flags | $(FDT_H)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_FLAGS) $(FREE_FLAGS) $(call core_inc,$<) -Iplat/hosted -MMD -MP -c $< -o $@

$(call obj,$(HOSTED_SRC)): KIND_FLAGS = $(HOST_FLAGS)
$(call obj,$(TOOL_SRC)): KIND_FLAGS = $(TOOL_FLAGS)
$(call obj,$(CLIENT_SRC)): KIND_FLAGS = $(CLIENT_FLAGS)
$(call obj,$(GST_SRC) $(GST_TEST) tests/gst/shapes.c): KIND_FLAGS = $(GST_FLAGS)
$(call obj,$(PRELOAD_SRC)): KIND_FLAGS = $(PRELOAD_FLAGS)
$(call obj,$(DEMO_SRC)): KIND_FLAGS = $(DEMO_FLAGS)
$(call obj,$(TEST_SRC) $(FUZZ_SRC) $(BENCH_SRC) $(STRESS_SRC) $(CLIENT_TEST_SRC) $(STRESS_LIB) $(VM_SRC) $(HELP_SRC) $(BOARD_SRC) tests/t.c tests/fuzz/lib/replay.c): KIND_FLAGS = $(TEST_FLAGS)
# As their readers compile them.
$(call obj,$(EXAMPLE_SRC)): KIND_FLAGS = -Iinclude
$(call obj,$(CONFORM_SRC)): KIND_FLAGS = -D_GNU_SOURCE -pthread
$(call obj,$(SYSTEM_SRC)): KIND_FLAGS = -D_GNU_SOURCE -fPIC -pthread
# A fuzzer that traces each byte an oracle compares, or each frame that is checked, does little else.
$(call obj,$(HELP_SRC) $(wildcard core/*/check*.c core/*/*_check.c)): BASE_FLAGS += $(if $(findstring fuzzer,$(SANITIZE)),-fno-sanitize-coverage=trace-cmp)
$(O)/%.o: %.c $(O)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_FLAGS) $(KIND_FLAGS) -MMD -MP -c $< -o $@

# Only these two headers of the host are visible to core/boot, not the folder they lie in.
$(FDT_H):
	@mkdir -p $(@D)
	$(Q)cp $(LIBFDT_INCLUDE)/libfdt.h $(LIBFDT_INCLUDE)/fdt.h $(@D)

# Only what the header declares can be seen from outside.
$(CLIENT_SO): $(call obj,$(CLIENT_SRC)) client/exports.map
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) -shared -Wl,-soname,$(notdir $@) -Wl,--version-script=client/exports.map \
		$(filter %.o,$^) -pthread -o $@

# GStreamer asks for the plugin's description; nothing else is to be seen.
$(O)/gst/libgstfreehold.so: $(call obj,$(GST_SRC)) $(CLIENT_LIB) gst/exports.map
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) -shared -Wl,--version-script=gst/exports.map -Wl,-z,defs $(filter %.o %.a,$^) \
		$(shell $(PKG_CONFIG) --libs $(GST_PC)) -pthread -o $@

$(O)/libfreehold-preload.so: $(call obj,$(PRELOAD_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) -shared -Wl,-z,now $^ -ldl -o $@

$(O)/freehold: $(O)/tools/freehold.o $(PARTS) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $^ $(TOOL_LIBS) -o $@

# Client of a server, and nothing else.
$(O)/freehold-demo: $(call obj,$(DEMO_SRC) $(DEMO_POOL)) $(CLIENT_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $^ $(shell $(PKG_CONFIG) --libs $(DEMO_PC)) -pthread -o $@

$(O)/%: %.scd
	$(call say,MAN,$<)
	@mkdir -p $(@D)
	$(Q)scdoc <$< >$@

$(MAN3): $(MAN3_H) scripts/man3 $(O)/flags
	$(call say,MAN,'$(MAN3_H)')
	@rm -rf $(@D) && mkdir -p $(@D)
	$(Q)scripts/man3 -v $(VERSION) -o $(@D) $(MAN3_H) && touch $@

# ---- tests ---------------------------------------------------------------------------------------

# Where the scheduler of tests/drive changes threads, besides the calls of the platform.
$(O)/tests/drive/test_schedules: wrapped := $(addprefix -Wl$(comma)--wrap=,\
	fh_lock fh_unlock block_lock block_trylock machine_copy hosted_yield)
# Where a device's address leads without an IOMMU and debugging: tests/unit/test_bus.c stands in for them.
$(O)/tests/unit/test_bus: wrapped := $(addprefix -Wl$(comma)--wrap=,\
	iommu_translate debug_dma_device_access)
$(O)/tests/unit/test_phys_map: wrapped := $(addprefix -Wl$(comma)--wrap=,realloc calloc)
$(call bin,$(TEST_SRC)): $(O)/%: $(O)/%.o $(call obj,tests/t.c $(HELP_SRC)) $(PARTS) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $(wrapped) $^ $(TOOL_LIBS) -o $@

$(O)/tests/boards/boot_boards: $(call obj,$(BOARD_SRC) $(HELP_SRC)) $(PARTS) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $^ $(TOOL_LIBS) -o $@

$(call bin,$(BENCH_SRC)): $(O)/%: $(O)/%.o $(call obj,$(HELP_SRC)) $(PARTS) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $^ $(TOOL_LIBS) -o $@

$(O)/tests/conform/dmabuf_calls: $(call obj,$(CONFORM_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) -static -pthread $^ -o $@

$(O)/tests/conform/dynamic/dmabuf_calls: $(call obj,$(CONFORM_SRC))
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_FLAGS) -pthread $^ -o $@

$(filter-out %.so,$(SYSTEM)): $(O)/%: $(O)/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $^ -pthread -ldl -o $@

$(O)/tests/system/programs/begins.so: $(O)/tests/system/programs/begins.o
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) -shared $^ -o $@

# Clients of `freehold serve`: nothing but its library.
$(O)/tests/client/test_fault: wrapped := $(addprefix -Wl$(comma)--wrap=,\
	malloc calloc strdup mmap ioctl syscall open fcntl socket connect sendmsg recvmsg pipe2 getsockopt)
$(O)/tests/client/test_fault_frames: wrapped := $(addprefix -Wl$(comma)--wrap=,\
	malloc calloc mmap socket bind listen accept4 connect sendmsg recvmsg pipe2 epoll_create1 epoll_ctl epoll_wait fstat readlink fcntl)
$(call bin,$(STRESS_SRC) $(CLIENT_TEST_SRC)): $(O)/%: $(O)/%.o $(call obj,$(STRESS_LIB)) $(CLIENT_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $(wrapped) $^ -pthread -o $@

$(call bin,$(EXAMPLE_SRC)): $(O)/%: $(O)/%.o $(CLIENT_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $^ -pthread -o $@

# The same, on a kernel of their own: scripts/test-vm.
$(call bin,$(VM_SRC)): $(O)/%: $(O)/%.o $(call obj,$(STRESS_LIB)) $(CLIENT_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $^ -pthread -o $@

$(call bin,$(GST_TEST)): $(O)/%: $(O)/%.o $(O)/tests/gst/shapes.o $(CLIENT_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $^ $(shell $(PKG_CONFIG) --libs $(GST_PC)) -pthread -o $@

# Each target without a fuzzer, for any compiler: what is kept, once.
REPLAY := $(FUZZ_SRC:tests/fuzz/%.c=$(O)/tests/fuzz/replay_%)
$(REPLAY): $(O)/tests/fuzz/replay_%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/lib/replay.o $(call obj,$(HELP_SRC)) $(PARTS) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) $^ $(TOOL_LIBS) -o $@

$(call bin,$(FUZZ_SRC)): $(O)/%: $(O)/%.o $(call obj,$(HELP_SRC)) $(PARTS) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE_FLAGS) -fsanitize=fuzzer $^ $(TOOL_LIBS) -o $@

# ---- the core without a host: compiled for each machine, and its symbols checked -------------------

ARCHES := x86_64 aarch64 riscv64
cross = $(1)-linux-gnu-
arch_x86_64 := -mno-red-zone -mgeneral-regs-only
arch_aarch64 := -mno-outline-atomics -mgeneral-regs-only
arch_riscv64 :=

freestanding: $(ARCHES:%=$(O)/freestanding/%/core.o) ## the core for x86_64, aarch64, riscv64, no libc

define freestanding_rules
$(O)/freestanding/$(1)/core/%.o: core/%.c $(O)/flags | $(FDT_H)
	$$(call say,CC,'$$< ($(1))')
	@mkdir -p $$(@D)
	$$(Q)$(call cross,$(1))gcc -std=gnu11 $(WARN) $(FREE_CFLAGS) $(arch_$(1)) \
		$(FREE) $$(shell $(call cross,$(1))gcc -print-file-name=include) \
		$$(call core_inc,$$<) -Iplat/bare/$(1) -Iplat/bare/common -MMD -MP -c $$< -o $$@

$(O)/freestanding/$(1)/core.o: $(CORE_SRC:%.c=$(O)/freestanding/$(1)/%.o) \
		scripts/undef scripts/undef.allow $(O)/objects
	$$(call say,LD,$$@)
	$$(Q)$(call cross,$(1))ld -r -o $$@ $(CORE_SRC:%.c=$(O)/freestanding/$(1)/%.o)
	$$(Q)scripts/undef $(call cross,$(1)) $$@
endef
$(foreach a,$(ARCHES),$(eval $(call freestanding_rules,$(a))))

# ---- lint ----------------------------------------------------------------------------------------

lint: format layers headers tidy cppcheck man ## format, layers, headers, clang-tidy, cppcheck, man pages

format:
	$(Q)clang-format --dry-run -Werror $(ALL_CH)
layers:
	$(Q)scripts/layers
headers: $(FDT_H)
	$(Q)scripts/headers -i $(O)/libfdt $(CC) $(CLANG)
man: $(MAN) $(MAN3) # empty paragraphs are scdoc's habit; what only leads to another page is no page; examples compile
	$(Q)$(if $(MAN),! mandoc -T lint -W warning $(MAN) | grep -v 'skipping paragraph macro')
	$(Q)! mandoc -T lint -W warning $$(grep -L '^\.so ' $(O)/man3/*.3) | grep .
	$(Q)scripts/man3 -x $(MAN3_H) >$(O)/man3/examples.c
	$(Q)$(CC) -std=gnu11 $(WARN) -Iinclude -c $(O)/man3/examples.c -o /dev/null

# How many states of a function the analyzer looks at; its own default, 225000, takes three times as long.
TIDY_NODES = 12000
TIDY_EFFORT = $(patsubst %,--extra-arg=%,-Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES))

# A file is read again only after it or one of its headers changed, as its object knows.
TIDY_SRC := $(CORE_SRC) $(HOSTED_SRC) $(CLIENT_SRC) $(PRELOAD_SRC) $(if $(GST),$(GST_SRC)) $(TOOL_SRC) $(DEMO_SRC)
tidy: $(TIDY_SRC:%.c=$(O)/%.tidy)
tidy_flags = $(if $(filter core/%,$(1)),$(FREE) \
	$(shell $(CLANG) -print-file-name=include) $(call core_inc,$(1)) -Iplat/hosted,$(KIND_FLAGS))
$(HOSTED_SRC:%.c=$(O)/%.tidy): KIND_FLAGS = $(HOST_FLAGS)
$(TOOL_SRC:%.c=$(O)/%.tidy): KIND_FLAGS = $(TOOL_FLAGS)
$(CLIENT_SRC:%.c=$(O)/%.tidy): KIND_FLAGS = $(CLIENT_FLAGS)
$(GST_SRC:%.c=$(O)/%.tidy): KIND_FLAGS = $(GST_FLAGS)
$(DEMO_SRC:%.c=$(O)/%.tidy): KIND_FLAGS = $(DEMO_FLAGS)
$(PRELOAD_SRC:%.c=$(O)/%.tidy): KIND_FLAGS = $(PRELOAD_FLAGS)
$(O)/%.tidy: %.c .clang-tidy $(O)/%.o
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet $(TIDY_EFFORT) $< -- -std=gnu11 $(filter-out -Werror,$(WARN)) $(call tidy_flags,$<) >$@ 2>&1 || \
		{ cat $@; rm -f $@; exit 1; }

cppcheck: $(O)/flags
	@mkdir -p $(O)/cppcheck
	$(Q)cppcheck -j 2 --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppressions-list=scripts/cppcheck.suppress --error-exitcode=1 --template=gcc \
		--cppcheck-build-dir=$(O)/cppcheck '-D__attribute__(x)=' \
		'-DG_DEFINE_FINAL_TYPE(a,b,c)=' '-DG_DEFINE_TYPE(a,b,c)=' \
		$(CORE_INC) -Iplat/hosted -Itests -Itests/lib \
		core plat/hosted client preload examples gst tools demo tests

# ---- install -------------------------------------------------------------------------------------

# Where GStreamer looks for plugins, under PREFIX in place of its own.
GST_DIR = $(shell $(PKG_CONFIG) --define-variable=prefix=$(PREFIX) --variable=pluginsdir gstreamer-1.0)
install: all ## DESTDIR=, PREFIX=/usr/local: command, libraries, headers, .pc files, man pages
	$(Q)install -D -m 755 $(O)/freehold $(DESTDIR)$(PREFIX)/bin/freehold
	$(Q)install -D -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib/libfreehold.a
	$(Q)install -m 644 $(CLIENT_LIB) $(DESTDIR)$(PREFIX)/lib
	$(Q)install -m 755 $(CLIENT_SO) $(DESTDIR)$(PREFIX)/lib
	$(Q)$(if $(PRELOAD_SO),install -D -m 755 $(PRELOAD_SO) $(DESTDIR)$(PREFIX)/lib/freehold/$(notdir $(PRELOAD_SO)))
	$(Q)ln -sf $(notdir $(CLIENT_SO)) $(DESTDIR)$(PREFIX)/lib/libfreehold-client.so
	$(Q)install -d $(DESTDIR)$(PREFIX)/include/freehold
	$(Q)install -m 644 $(PUBLIC_H) $(DESTDIR)$(PREFIX)/include/freehold
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@DW@| $(DW)|' freehold.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/freehold.pc
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' freehold-client.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/freehold-client.pc
	$(if $(GST),$(Q)install -D -m 755 $(GST) $(DESTDIR)$(GST_DIR)/libgstfreehold.so)
	$(Q)for m in $(MAN); do \
		install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/} || exit 1; \
	done
	$(Q)install -d $(DESTDIR)$(PREFIX)/share/man/man3 && install -m 644 $(O)/man3/*.3 $(DESTDIR)$(PREFIX)/share/man/man3

readme-example: ## the examples of README.md, docs/devices.md, docs/buffers.md and docs/pipelines.md, built against the installed library, and run
	+$(Q)$(MAKE) --no-print-directory install DESTDIR=$(abspath $(O))/stage PREFIX=/usr
	$(Q)scripts/readme-example README.md $(abspath $(O))/stage /usr $(O)/readme-example
	$(Q)scripts/readme-example docs/devices.md $(abspath $(O))/stage /usr $(O)/devices-example
	$(Q)dir=$$(mktemp -d); export FREEHOLD_SOCKET=$$dir/sock PACKAGE=freehold-client; \
		$(abspath $(O))/stage/usr/bin/freehold serve --ram 256M --bootargs cma=64M >$$dir/out & server=$$!; \
		for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; [ ! -s $$dir/out ] || break; done; \
		scripts/readme-example docs/buffers.md $(abspath $(O))/stage /usr $(O)/buffers-example && \
		scripts/readme-example docs/pipelines.md $(abspath $(O))/stage /usr $(O)/pipelines-example; status=$$?; \
		kill $$server; wait $$server || status=1; rm -rf $$dir; exit $$status

-include $(shell [ -d $(O) ] && find $(O) -name '*.d' -type f -not -path '$(O)/asan/*' \
	-not -path '$(O)/tsan/*' -not -path '$(O)/fuzz/*' -not -path '$(O)/clang/*' -not -path '$(O)/vm/*' -not -path '$(O)/arm64/*')
