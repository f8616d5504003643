/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What Linux does not show of an area: sys/kernel/debug/freehold/<area>/, a name and a value a
 * line. */
#include "view/view.h"

static void line(struct view *v, const char *name, uint64_t value)
{
	view_add(v, "%s %llu\n", name, (ull)value);
}

void view_area_policy(struct view *v)
{
	view_add(v, "%s\n", cma_policy_name(cma_get_policy(v->cma)));
}

void view_area_compress(struct view *v)
{
	view_add(v, "%u\n", cma_get_compress(v->cma));
}

/* Pages, but for the number of calls. */
void view_area_stats(struct view *v)
{
	struct cma_stats s;

	cma_get_stats(v->cma, &s);
	line(v, "used", s.used);
	line(v, "used_max", s.used_max);
	line(v, "lent", s.lent);
	line(v, "nr_allocs", s.nr_allocs);
	line(v, "nr_fails", s.nr_fails);
	line(v, "pages_migrated", s.pages_migrated);
	line(v, "pages_dropped", s.pages_dropped);
	line(v, "exchanged_out", s.exchanged_out);
	line(v, "exchanged_in", s.exchanged_in);
	line(v, "exchange_ns", s.exchange_ns);
	line(v, "exchange_back_ns", s.exchange_back_ns);
	line(v, "spared", s.spared);
	line(v, "spared_ns", s.spared_ns);
}

/* error 0: none was refused yet. The window is [start, end). */
void view_area_last_failure(struct view *v)
{
	struct cma_failure f;

	cma_last_failure(v->cma, &f);
	view_add(v, "error %d\n", f.error);
	line(v, "count", f.request.count);
	line(v, "window_start", f.window.start);
	line(v, "window_end", f.window.end);
	line(v, "pfn", f.pfn);
	line(v, "time_ns", f.time_ns);
	view_add(v, "owner %s\n", cma_owner_name(f.owner));
	line(v, "owner_id", f.owner_id);
	line(v, "pins", f.pins);
	view_add(v, "pinner %s\n", f.pinner ? f.pinner : "-");
	line(v, "since_ns", f.since_ns);
	view_add(v, "why %s\n", f.why ? f.why : "-");
}
