/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Any text as a command line: an error with a reason, or a boot_config that keeps its promises; and where Linux goes on, it
 * goes on. */
#include <stdlib.h>
#include <string.h>
#include "boot_check.h"
#include "lib/expect.h"

#define ARM32 "CONFIG_ARM=y\nCONFIG_ZONE_DMA=y\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A kernel and its RAM, in two nodes or in one. */
struct board {
	struct boot_bank ram;
	bool nodes;
	const char *kconfig;
};

static int configure(const char *args, const struct board *b, bool as_linux,
		     struct boot_config *cfg, struct boot_why *why)
{
	uint64_t half = b->ram.size / 2;
	int err;

	*why = (struct boot_why){""};
	boot_config_init(cfg);
	cfg->as_linux = as_linux;
	cfg->ram_base = b->ram.base;
	expect(!b->kconfig || !boot_config_kconfig(cfg, b->kconfig, strlen(b->kconfig), why),
	       "a configuration");
	/* As a tree would tell. */
	if (b->nodes) {
		cfg->bank[0] = b->ram;
		cfg->nr_banks = 1;
		cfg->node_range[0] = (struct boot_node_range){b->ram.base, half, 0};
		cfg->node_range[1] = (struct boot_node_range){b->ram.base + half, half, 3};
		cfg->nr_node_ranges = 2;
	}
	err = boot_config_finish(cfg, args, b->ram.size, why);
	expect(!err == !why->text[0], "an error has a reason, success has none");
	return err;
}

static void boot(const char *args, const struct board *b)
{
	static struct boot_config cfg, ours;
	struct boot_why why, our_why;
	int err = configure(args, b, true, &cfg, &why);
	int our_err = configure(args, b, false, &ours, &our_why);
	const char *broken = err ? NULL : boot_check(&cfg);

	expect(!broken, broken);
	expect(!our_err == (!err && !cfg.nr_notes), "an error is an error of Linux's, or a note");
	/* Zones of a machine are whole blocks, those of Linux whole pages. */
	if (cfg.nr_notes && cfg.dma_limit == ours.dma_limit && cfg.dma32_limit == ours.dma32_limit)
		expect(!strcmp(our_why.text, cfg.note[0].text), "the first note is the error");
	broken = our_err ? NULL : boot_check(&ours);
	expect(!broken, broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct board board[] = {
		{{UINT64_C(0x40000000), UINT64_C(3) << 30}, false, NULL},
		{{UINT64_C(6) << 30, UINT64_C(1) << 30}, false, NULL},
		{{UINT64_C(0x40000000), UINT64_C(6) << 30}, true, NULL},
		{{UINT64_C(0x40000000), UINT64_C(6) << 30}, true, "CONFIG_ARM64_64K_PAGES=y\n"},
		{{0, UINT64_C(1) << 30}, false, "CONFIG_ARM64_16K_PAGES=y\n"},
		{{UINT64_C(0x40000000), UINT64_C(2) << 30}, false, ARM32},
		{{UINT64_C(0x40000000), UINT64_C(3) << 30}, true, ARM32 "CONFIG_VMSPLIT_2G=y\n"},
		{{UINT64_C(0x80000000), UINT64_C(6) << 30}, true, ARM32 "CONFIG_ARM_LPAE=y\n"},
	};
	char *args = malloc(size + 1);

	if (!args)
		return 0;
	memcpy(args, data, size);
	args[size] = '\0';
	for (size_t i = 0; i < sizeof(board) / sizeof(board[0]); i++)
		boot(args, &board[i]);
	free(args);
	return 0;
}
