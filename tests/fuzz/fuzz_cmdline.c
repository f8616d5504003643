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

static int configure(const char *args, struct boot_bank ram, bool as_linux, struct boot_config *cfg,
		     struct boot_why *why)
{
	int err;

	*why = (struct boot_why){""};
	boot_config_init(cfg);
	cfg->as_linux = as_linux;
	cfg->ram_base = ram.base;
	err = boot_config_finish(cfg, args, ram.size, why);
	expect(!err == !why->text[0], "an error has a reason, success has none");
	return err;
}

static void boot(const char *args, struct boot_bank ram)
{
	static struct boot_config cfg, ours;
	struct boot_why why, our_why;
	int err = configure(args, ram, true, &cfg, &why);
	int our_err = configure(args, ram, false, &ours, &our_why);
	const char *broken = err ? NULL : boot_check(&cfg);

	expect(!broken, broken);
	expect(!our_err == (!err && !cfg.nr_notes), "an error is an error of Linux's, or a note");
	if (cfg.nr_notes)
		expect(!strcmp(our_why.text, cfg.note[0].text), "the first note is the error");
	broken = our_err ? NULL : boot_check(&ours);
	expect(!broken, broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *args = malloc(size + 1);

	if (!args)
		return 0;
	memcpy(args, data, size);
	args[size] = '\0';
	boot(args, (struct boot_bank){UINT64_C(0x40000000), UINT64_C(3) << 30});
	boot(args, (struct boot_bank){UINT64_C(6) << 30, UINT64_C(1) << 30});
	free(args);
	return 0;
}
