/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A whole machine: memory, then what devices and programs have of it; its end, and its check, in this order. */
#include "buf/start.h"
#include "dma/start.h"
#include "mm/machine.h"

int fh_machine_create(const struct plat *plat, const struct boot_config *cfg,
		      struct fh_machine **machine)
{
	struct boot_dma_plan plan;
	struct fh_machine *m;
	int err;

	if (!plat || !cfg || !machine || !plat->alloc || !plat->free || !plat->stop ||
	    !plat->clock_ns || !plat->cache_clean != !plat->cache_inval ||
	    (plat->cache_clean && (plat->cache_line & (plat->cache_line - 1) || !plat->cache_line)))
		return -FH_EINVAL;
	if (cfg->nr_notes || cfg->kernel.page_shift != FH_PAGE_SHIFT || !boot_config_blocks(cfg) ||
	    !cfg->kernel.zone_dma || !cfg->kernel.zone_dma32)
		return -FH_EINVAL;
	err = machine_birth(plat, cfg, &m);
	if (err)
		return err;
	boot_config_dma(cfg, &plan);
	err = dma_start(m, &plan);
	if (!err)
		err = buf_start(m);
	if (err) {
		fh_machine_destroy(m);
		return err;
	}
	*machine = m;
	return 0;
}

void fh_machine_destroy(struct fh_machine *m)
{
	if (!m)
		return;
	buf_end(m);
	dma_end(m);
	machine_death(m);
}

unsigned int fh_check(struct fh_machine *m, char *why, size_t size)
{
	struct fh_text out = {why, size, 0};
	unsigned int broken;

	if (size)
		why[0] = '\0';
	broken = machine_check(m, &out);
	broken += dma_check(m, &out);
	return broken + buf_check(m, &out);
}
