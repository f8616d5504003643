/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine in one call, for who needs no device tree and no log. */
#include <freehold/mem.h>
#include <freehold/hosted.h>
#include <stdio.h>
#include <stdlib.h>

int hosted_machine(struct hosted **h, struct fh_machine **m, const char *bootargs, uint64_t ram,
		   struct hosted_why *why)
{
	struct boot_config *cfg = malloc(sizeof(*cfg));
	struct hosted_opts opts = {0};
	struct boot_why boot_why;
	int err = -FH_ENOMEM;

	snprintf(why->text, sizeof(why->text), "out of memory");
	if (!cfg)
		return err;
	boot_config_init(cfg);
	err = boot_config_finish(cfg, bootargs, ram, &boot_why);
	if (err) {
		snprintf(why->text, sizeof(why->text), "%s", boot_why.text);
		goto free;
	}
	opts.banks = cfg->bank;
	opts.nr_banks = cfg->nr_banks;
	err = hosted_create(&opts, h, why);
	if (err)
		goto free;
	err = fh_machine_create(hosted_plat(*h), cfg, m);
	if (err) {
		snprintf(why->text, sizeof(why->text), "no memory for the machine's own records");
		hosted_destroy(*h);
	}
free:
	free(cfg);
	return err;
}
