/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Any bytes as a device tree: an error with a reason, or a boot_config that keeps its promises, and devices that do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "boot_check.h"
#include "guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

/* kconfig: how the kernel was built, that goes on as Linux's does; NULL: as a machine's, that does not. */
static void boot(const void *tree, size_t size, const char *bootargs, uint64_t ram,
		 const char *kconfig)
{
	static struct boot_config cfg;
	struct boot_why why = {""};
	const char *broken;
	int err;

	boot_config_init(&cfg);
	cfg.as_linux = kconfig;
	expect(!kconfig || !boot_config_kconfig(&cfg, kconfig, strlen(kconfig), &why),
	       "a configuration");
	err = boot_config_fdt(&cfg, tree, size, &why);
	if (!err)
		err = boot_config_finish(&cfg, bootargs, ram, &why);
	expect(!err == !why.text[0], "an error has a reason, success has none");
	expect(strlen(why.text) < sizeof(why.text) - 1, "the reason is not cut");
	if (err)
		return;
	broken = boot_check(&cfg);
	expect(!broken, broken);
	broken = boot_devices_check(tree, size, &cfg);
	expect(!broken, broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *tree = malloc(size ? size : 1); /* of exactly this size, so that ASan sees its end */
	void *guarded = guard_copy(data, size);

	if (!tree)
		return 0;
	memcpy(tree, data, size);
	boot(tree, size, NULL, 0, NULL);
	boot(tree, size, "cma=16M", UINT64_C(512) << 20, NULL);
	boot(tree, size, NULL, UINT64_C(3) << 30, "CONFIG_ARM64_64K_PAGES=y\n");
	boot(tree, size, "numa_cma=0:8M,1:8M movablecore=30% like=7", 0, "");
	free(tree);
	if (guarded)
		boot(guarded, size, "mem=64M", 0, NULL);
	return 0;
}
