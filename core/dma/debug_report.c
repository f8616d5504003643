/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What was found wrong: counted, kept in a ring, and logged, of each kind and device once unless all is asked for. A report is a line
 * as Linux has it, then who called, then the life of each mapping that it is about.
 */
#include "dma/debug_report.h"
#include "base/string.h"

typedef unsigned long long ull;

int debug_reports_init(struct debug_reports *r, struct fh_machine *m)
{
	r->m = m;
	fh_lock_init(&r->lock, RANK_LEAF);
	r->report = machine_alloc(m, DMA_MAX_REPORTS * sizeof(r->report[0]));
	r->past = machine_alloc(m, DEBUG_MAX_PAST * sizeof(r->past[0]));
	if (r->report && r->past)
		return 0;
	debug_reports_fini(r);
	return -FH_ENOMEM;
}

void debug_reports_fini(struct debug_reports *r)
{
	machine_free(r->m, r->report, DMA_MAX_REPORTS * sizeof(r->report[0]));
	machine_free(r->m, r->past, DEBUG_MAX_PAST * sizeof(r->past[0]));
}

/* ---- names and histories ---- */

const char *debug_type_name(unsigned int type)
{
	static const char *const name[] = {
		[DMA_DEBUG_SINGLE] = "single",	   [DMA_DEBUG_SG] = "scatter-gather",
		[DMA_DEBUG_COHERENT] = "coherent", [DMA_DEBUG_RESOURCE] = "resource",
		[DMA_DEBUG_PAGES] = "pages",
	};

	return type < sizeof(name) / sizeof(name[0]) ? name[type] : "?";
}

const char *debug_dir_name(unsigned int dir)
{
	static const char *const name[] = {
		[DMA_BIDIRECTIONAL] = "DMA_BIDIRECTIONAL",
		[DMA_TO_DEVICE] = "DMA_TO_DEVICE",
		[DMA_FROM_DEVICE] = "DMA_FROM_DEVICE",
		[DMA_NONE] = "DMA_NONE",
	};

	return dir < sizeof(name) / sizeof(name[0]) ? name[dir] : "?";
}

static const char *event_name(enum dma_event_kind kind)
{
	static const char *const name[] = {
		[DMA_EVENT_SYNC_FOR_CPU] = "sync for cpu",
		[DMA_EVENT_SYNC_FOR_DEVICE] = "sync for device",
		[DMA_EVENT_DEVICE_READ] = "device reads",
		[DMA_EVENT_DEVICE_WRITE] = "device writes",
		[DMA_EVENT_UNMAP] = "unmapped",
		[DMA_EVENT_LEAK] = "device released",
	};

	return name[kind];
}

void debug_history(struct dma_history *h, const struct debug_entry *e)
{
	unsigned int kept = e->nr_events < DMA_MAX_EVENTS ? e->nr_events : DMA_MAX_EVENTS;

	*h = (struct dma_history){
		.type = (enum dma_debug_type)e->type,
		.dir = (enum dma_data_direction)e->dir,
		.attrs = e->attrs,
		.owner = (enum dma_owner)e->owner,
		.handle = {e->at[BY_BUS]},
		.phys = {e->at[BY_PHYS]},
		.size = e->size,
		.site = e->site,
		.time_ns = e->time_ns,
		.nr_events = kept,
	};
	(void)fh_strcopy(h->device, dev_name(e->dev), sizeof(h->device));
	for (unsigned int i = 0; i < kept; i++)
		h->event[i] = e->event[(e->nr_events - kept + i) % DMA_MAX_EVENTS];
}

/* ---- what went ---- */

void debug_past_add(struct debug_reports *r, const struct device *dev,
		    const struct dma_history *was)
{
	fh_lock(&r->lock);
	r->past[r->nr_past++ % DEBUG_MAX_PAST] = (struct debug_past){dev, *was};
	fh_unlock(&r->lock);
}

bool debug_past_find(struct debug_reports *r, const struct device *dev, dma_t handle, bool start,
		     struct dma_history *was)
{
	bool found = false;

	fh_lock(&r->lock);
	for (uint64_t i = 0; i < r->nr_past && i < DEBUG_MAX_PAST && !found; i++) {
		const struct debug_past *p = &r->past[(r->nr_past - 1 - i) % DEBUG_MAX_PAST];
		uint64_t offset = handle.v - p->was.handle.v;

		found = p->dev == dev && (start ? offset == 0 : offset < p->was.size);
		if (found)
			*was = p->was;
	}
	fh_unlock(&r->lock);
	return found;
}

void debug_past_forget(struct debug_reports *r, const struct device *dev)
{
	fh_lock(&r->lock);
	for (unsigned int i = 0; i < DEBUG_MAX_PAST; i++)
		if (r->past[i].dev == dev)
			r->past[i].dev = NULL;
	for (unsigned int i = 0; i < DEBUG_MAX_DEVICES; i++)
		if (r->told[i].dev == dev)
			r->told[i] = (struct debug_told){0};
	fh_unlock(&r->lock);
}

/* ---- the log ---- */

struct place {
	char text[96];
};

/* A code address for people. */
static const char *place_of(struct fh_machine *m, const void *site, struct place *p)
{
	if (!site)
		return "the device";
	if (!m->plat.symbol || !m->plat.symbol(m->plat.ctx, site, p->text, sizeof(p->text)))
		fh_snprintf(p->text, sizeof(p->text), "%#llx", (ull)(uintptr_t)site);
	return p->text;
}

static void log_history(struct fh_machine *m, const char *device, const struct dma_history *h)
{
	struct place p;

	if (!h->device[0])
		return;
	machine_log(m, PLAT_LOG_WARN,
		    "DMA-API: %s:  %llu.%06llu mapped for %s as %s %s [device address=0x%016llx] "
		    "[size=%llu bytes] by %s",
		    device, (ull)(h->time_ns / 1000000000), (ull)(h->time_ns / 1000 % 1000000),
		    h->device, debug_type_name(h->type), debug_dir_name(h->dir), (ull)h->handle.v,
		    (ull)h->size, place_of(m, h->site, &p));
	for (unsigned int i = 0; i < h->nr_events; i++) {
		const struct dma_event *e = &h->event[i];

		machine_log(m, PLAT_LOG_WARN,
			    "DMA-API: %s:  %llu.%06llu %s [offset=%llu] [size=%llu bytes] "
			    "[times=%u] by %s",
			    device, (ull)(e->time_ns / 1000000000),
			    (ull)(e->time_ns / 1000 % 1000000), event_name(e->kind), (ull)e->offset,
			    (ull)e->size, e->count, place_of(m, e->site, &p));
	}
}

static void log_report(struct fh_machine *m, const struct dma_report *f)
{
	struct place p;

	machine_log(m, PLAT_LOG_WARN, "DMA-API: %s: %s", f->device, f->text);
	if (f->site)
		machine_log(m, PLAT_LOG_WARN, "DMA-API: %s:  called by %s", f->device,
			    place_of(m, f->site, &p));
	log_history(m, f->device, &f->mapping);
	log_history(m, f->device, &f->other);
}

/* Whether it is the first of its kind and device. Called with the lock. */
static bool is_news(struct debug_reports *r, const struct device *dev, enum dma_report_kind kind)
{
	struct debug_told *free = NULL;

	for (unsigned int i = 0; i < DEBUG_MAX_DEVICES; i++) {
		struct debug_told *t = &r->told[i];

		if (t->kinds && t->dev == dev) {
			bool news = !(t->kinds >> kind & 1);

			t->kinds |= 1u << kind;
			return news;
		}
		if (!t->kinds && !free)
			free = t;
	}
	if (free)
		*free = (struct debug_told){dev, 1u << kind};
	return free;
}

_Static_assert(DMA_NR_REPORTS <= 32, "a bit for each kind");

void debug_report(struct debug_reports *r, const struct device *dev, struct dma_report *found,
		  const char *fmt, ...)
{
	bool shown;
	va_list ap;

	va_start(ap, fmt);
	fh_vsnprintf(found->text, sizeof(found->text), fmt, ap);
	va_end(ap);
	found->time_ns = machine_clock(r->m);
	(void)fh_strcopy(found->device, dev ? dev_name(dev) : "NULL", sizeof(found->device));
	fh_lock(&r->lock);
	r->nr_kind[found->kind]++;
	r->nr_all++;
	shown = !r->filter[0] || fh_streq(r->filter, found->device);
	if (shown) {
		r->report[r->nr_reports++ % DMA_MAX_REPORTS] = *found;
		shown = is_news(r, dev, found->kind) || r->all_errors;
	}
	fh_unlock(&r->lock);
	if (shown)
		log_report(r->m, found);
}

unsigned int debug_reports_check(struct debug_reports *r, struct fh_text *out)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < DMA_NR_REPORTS; i++)
		sum += r->nr_kind[i];
	if (sum == r->nr_all && r->nr_reports <= r->nr_all)
		return 0;
	fh_text_add(out, "D8 dma debug: %llu reports, %llu kept, by kind %llu\n", (ull)r->nr_all,
		    (ull)r->nr_reports, (ull)sum);
	return 1;
}
