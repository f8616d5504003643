/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What DMA debugging has to show: reports, counts, its state, every mapping; and its check. */
#include "base/string.h"
#include "dma/debug.h"
#include "dma/debug_core.h"

static struct debug_reports *reports_of(struct fh_machine *m)
{
	return m && m->dma && m->dma->debug ? &m->dma->debug->reports : NULL;
}

unsigned int dma_debug_reports(struct fh_machine *m, struct dma_report *out, unsigned int n)
{
	struct debug_reports *r = reports_of(m);
	unsigned int kept;

	if (!r)
		return 0;
	fh_lock(&r->lock);
	kept = r->nr_reports < DMA_MAX_REPORTS ? (unsigned int)r->nr_reports : DMA_MAX_REPORTS;
	for (unsigned int i = 0; i < kept && i < n; i++)
		out[i] = r->report[(r->nr_reports - 1 - i) % DMA_MAX_REPORTS];
	fh_unlock(&r->lock);
	return kept;
}

uint64_t dma_debug_count(struct fh_machine *m, enum dma_report_kind kind)
{
	struct debug_reports *r = reports_of(m);
	uint64_t n;

	if (!r || kind > DMA_NR_REPORTS)
		return 0;
	fh_lock(&r->lock);
	n = kind == DMA_NR_REPORTS ? r->nr_all : r->nr_kind[kind];
	fh_unlock(&r->lock);
	return n;
}

void dma_debug_set_all_errors(struct fh_machine *m, bool all)
{
	struct debug_reports *r = reports_of(m);

	if (!r)
		return;
	fh_lock(&r->lock);
	r->all_errors = all;
	fh_unlock(&r->lock);
}

void dma_debug_set_filter(struct fh_machine *m, const char *device)
{
	struct debug_reports *r = reports_of(m);

	if (!r)
		return;
	fh_lock(&r->lock);
	(void)fh_strcopy(r->filter, device ? device : "", sizeof(r->filter));
	fh_unlock(&r->lock);
}

void dma_debug_state(struct fh_machine *m, struct dma_debug_state *state)
{
	struct debug_reports *r = reports_of(m);
	struct debug_table *t;

	*state = (struct dma_debug_state){.disabled = !r || !debug_of(m)};
	if (!r)
		return;
	fh_lock(&r->lock);
	state->all_errors = r->all_errors;
	memcpy(state->filter, r->filter, sizeof(state->filter));
	state->errors = r->nr_all;
	fh_unlock(&r->lock);
	t = &m->dma->debug->table;
	fh_lock(&t->free_lock);
	state->nr_entries = t->nr_entries;
	state->nr_free = t->nr_free;
	state->min_free = t->min_free;
	fh_unlock(&t->free_lock);
}

struct each {
	void (*fn)(const struct dma_debug_shown *shown, void *arg);
	void *arg;
};

static void show(struct debug_table *t, struct debug_entry *e, void *arg)
{
	const struct each *each = arg;
	const struct dma_debug_shown shown = {
		.device = dev_name(e->dev),
		.type = debug_type_name(e->type),
		.dir = debug_dir_name(e->dir),
		.index = e->chain[BY_BUS],
		.phys = {e->at[BY_PHYS]},
		.handle = {e->at[BY_BUS]},
		.size = e->size,
	};

	(void)t;
	each->fn(&shown, each->arg);
}

void dma_debug_each(struct fh_machine *m,
		    void (*fn)(const struct dma_debug_shown *shown, void *arg), void *arg)
{
	struct each each = {fn, arg};

	if (reports_of(m))
		debug_table_each(&m->dma->debug->table, show, &each);
}

unsigned int dma_debug_check(struct fh_machine *m, struct fh_text *out)
{
	if (!reports_of(m))
		return 0;
	return debug_table_check(&m->dma->debug->table, out) +
	       debug_reports_check(&m->dma->debug->reports, out);
}
