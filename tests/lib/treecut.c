/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A flattened tree, or an overlay, cut off and damaged at every byte. */
#include <libfdt.h>
#include <string.h>
#include "boot_check.h"
#include "guard.h"
#include "treecut.h"

const char *treecut_cuts(const void *tree, size_t size, treecut_fn *reads)
{
	const char *broken = NULL;

	for (size_t n = 0; n < size && !broken; n++) {
		void *cut = guard_copy(tree, n);
		fdt32_t total = cpu_to_fdt32((uint32_t)n);

		broken = cut ? reads(cut, n, true) : "no room for a copy";
		if (broken || n < 8)
			continue;
		memcpy((char *)cut + 4, &total, 4); /* as if it were meant to be that short */
		broken = reads(cut, n, false);
	}
	return broken;
}

const char *treecut_flips(const void *tree, size_t size, unsigned int nr, treecut_fn *reads)
{
	static const unsigned char mask[] = {0x01, 0x80, 0xff, 0x10};
	char *copy = guard_copy(tree, size);
	const char *broken = copy ? NULL : "no room for a copy";

	for (size_t i = 0; i < size && !broken; i++) {
		for (unsigned int m = 0; m < nr && m < sizeof(mask) && !broken; m++) {
			copy[i] = (char)(copy[i] ^ mask[nr == 1 ? i % sizeof(mask) : m]);
			broken = reads(copy, size, false);
			copy[i] = ((const char *)tree)[i];
		}
	}
	return broken;
}

static const char *boots(const void *tree, size_t size, bool cut_off, bool as_linux)
{
	static struct boot_config cfg;
	struct boot_why why = {""};
	int err;

	boot_config_init(&cfg);
	cfg.as_linux = as_linux;
	err = boot_config_fdt(&cfg, tree, size, &why);
	if (!err)
		err = boot_config_finish(&cfg, NULL, UINT64_C(512) << 20, &why);
	if (!err != !why.text[0])
		return "an error has a reason, success has none";
	if (cut_off && !err)
		return "a tree that is cut off passes";
	return err ? NULL : boot_check(&cfg);
}

const char *treecut_boots(const void *tree, size_t size, bool cut_off)
{
	const char *broken = boots(tree, size, cut_off, false);

	return broken ? broken : boots(tree, size, cut_off, true);
}
