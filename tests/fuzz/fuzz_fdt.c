/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Any bytes as a device tree: an error with a reason, or a boot_config that keeps its promises, and devices that do; where
 * Linux goes on and we would not, the first such place is our error. */
#include <stdlib.h>
#include <string.h>
#include "boot_check.h"
#include "guard.h"
#include "lib/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct boot {
	const char *bootargs;
	uint64_t ram;
	const char *kconfig; /* how the kernel was built; NULL: as a machine's */
	enum boot_arch arch; /* without kconfig; arm64: as the tree says */
};

static int configure(const void *tree, size_t size, const struct boot *b, bool as_linux,
		     struct boot_config *cfg, struct boot_why *why)
{
	int err;

	*why = (struct boot_why){""};
	boot_config_init(cfg);
	cfg->as_linux = as_linux;
	expect(!b->kconfig || !boot_config_kconfig(cfg, b->kconfig, strlen(b->kconfig), why),
	       "a configuration");
	expect(!b->arch || !boot_config_arch(cfg, b->arch, why), "an architecture");
	err = boot_config_fdt(cfg, tree, size, why);
	if (!err)
		err = boot_config_finish(cfg, b->bootargs, b->ram, why);
	expect(!err == !why->text[0], "an error has a reason, success has none");
	expect(strlen(why->text) < sizeof(why->text) - 1, "the reason is not cut");
	return err;
}

static void check(const void *tree, size_t size, const struct boot_config *cfg)
{
	const char *broken = boot_check(cfg);

	expect(!broken, broken);
	broken = boot_devices_check(tree, size, cfg);
	expect(!broken, broken);
}

static void boot(const void *tree, size_t size, const struct boot *b)
{
	static struct boot_config cfg, ours;
	struct boot_why why, our_why;
	int err = configure(tree, size, b, true, &cfg, &why);
	int our_err = configure(tree, size, b, false, &ours, &our_why);
	/* Zones of a machine are whole blocks, those of Linux whole pages. */
	bool same = cfg.dma_limit == ours.dma_limit && cfg.dma32_limit == ours.dma32_limit;

	expect(!our_err == (!err && !cfg.nr_notes), "an error is an error of Linux's, or a note");
	if (cfg.nr_notes) {
		expect(our_err == -(int)cfg.note[0].err, "the first note has the error");
		expect(!same || !strcmp(our_why.text, cfg.note[0].text),
		       "the first note is the error");
	}
	if (!err)
		check(tree, size, &cfg);
	if (!our_err && same)
		expect(!memcmp(cfg.region, ours.region, sizeof(cfg.region)) &&
			       !strcmp(cfg.dmesg, ours.dmesg),
		       "without notes all is the same");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *tree = malloc(size ? size : 1); /* of exactly this size, so that ASan sees its end */
	void *guarded = guard_copy(data, size);

	if (!tree)
		return 0;
	memcpy(tree, data, size);
	boot(tree, size, &(struct boot){NULL, 0, NULL, BOOT_ARCH_ARM64});
	boot(tree, size, &(struct boot){"cma=16M", UINT64_C(512) << 20, NULL, BOOT_ARCH_ARM64});
	boot(tree, size,
	     &(struct boot){NULL, UINT64_C(3) << 30, "CONFIG_ARM64_64K_PAGES=y\n",
			    BOOT_ARCH_ARM64});
	boot(tree, size,
	     &(struct boot){"numa_cma=0:8M,1:8M movablecore=30% like=7", 0, "", BOOT_ARCH_ARM64});
	/* 32-bit ARM, of the kind that the bytes choose. */
	if (size && data[size - 1] & 1)
		boot(tree, size, &(struct boot){"cma=16M", UINT64_C(2) << 30, NULL, BOOT_ARCH_ARM});
	else if (size && data[size - 1] & 2)
		boot(tree, size, &(struct boot){"like=6.1 cma=64M", 0, NULL, BOOT_ARCH_ARM_LPAE});
	else
		boot(tree, size,
		     &(struct boot){
			     "vmalloc=400M", 0,
			     "CONFIG_ARM=y\nCONFIG_ZONE_DMA=y\n# CONFIG_HIGHMEM is not set\n",
			     BOOT_ARCH_ARM64});
	free(tree);
	if (guarded)
		boot(guarded, size, &(struct boot){"mem=64M", 0, NULL});
	return 0;
}
