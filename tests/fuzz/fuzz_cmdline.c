/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Any text as a command line: an error with a reason, or a boot_config that keeps its promises. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "boot_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void boot(const char *args, uint64_t ram_base, uint64_t ram, bool as_linux,
		 const char *kconfig)
{
	static struct boot_config cfg;
	struct boot_why why = {""};
	const char *broken;
	int err;

	boot_config_init(&cfg);
	cfg.ram_base = ram_base;
	cfg.as_linux = as_linux;
	expect(!kconfig || !boot_config_kconfig(&cfg, kconfig, strlen(kconfig), &why),
	       "a configuration");
	/* Two nodes, as a tree would tell. */
	if (as_linux) {
		cfg.bank[0] = (struct boot_bank){ram_base, ram};
		cfg.nr_banks = 1;
		cfg.node_range[0] = (struct boot_node_range){ram_base, ram / 2, 0};
		cfg.node_range[1] = (struct boot_node_range){ram_base + ram / 2, ram / 2, 3};
		cfg.nr_node_ranges = 2;
	}
	err = boot_config_finish(&cfg, args, ram, &why);
	expect(!err == !why.text[0], "an error has a reason, success has none");
	if (err)
		return;
	broken = boot_check(&cfg);
	expect(!broken, broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *args = malloc(size + 1);

	if (!args)
		return 0;
	memcpy(args, data, size);
	args[size] = '\0';
	boot(args, UINT64_C(0x40000000), UINT64_C(3) << 30, false, NULL);
	boot(args, UINT64_C(6) << 30, UINT64_C(1) << 30, false, NULL);
	boot(args, UINT64_C(0x40000000), UINT64_C(6) << 30, true, NULL);
	boot(args, UINT64_C(0x40000000), UINT64_C(6) << 30, true, "CONFIG_ARM64_64K_PAGES=y\n");
	boot(args, 0, UINT64_C(1) << 30, false, "CONFIG_ARM64_16K_PAGES=y\n");
	free(args);
	return 0;
}
