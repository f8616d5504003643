/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes -> operations: areas, their buffers and policies. */
#include "mm/machine.h"
#include "ops.h"

uint64_t ops_in_units(const struct model_area *a, uint64_t count)
{
	uint64_t unit = UINT64_C(1) << a->order_per_bit;

	return (count + unit - 1) & ~(unit - 1);
}

/* Pages in the area that need not move when asked. */
static uint64_t blockers(struct ops *r, const struct model_area *a)
{
	struct model *md = &r->md;
	uint64_t n = 0;

	for (unsigned int i = 0; i < md->nr_drivers; i++)
		n += md->driver[i]->refuses && model_area_has(a, md->driver[i]->pfn);
	for (unsigned int k = 0; k < MODEL_OBJECTS; k++)
		for (uint64_t i = 0; md->object[k].o && i < md->object[k].nr; i++) {
			struct model_page *p = &md->object[k].page[i];
			pfn_t pfn;

			n += (p->pins || p->writing) &&
			     !fh_object_where(md->object[k].o, i, &pfn) && model_area_has(a, pfn);
		}
	return n;
}

static void refused_buffer(struct ops *r, const struct model_area *a, int err, pfn_t window)
{
	struct model_census c;

	ops_must(r, err == -FH_ENOMEM || err == -FH_EBUSY, "an error of the contract");
	if (!window || ops_injected(r))
		return;
	ops_must(r, !r->md.guaranteed_only, "a guaranteed area with room refuses nobody");
	if (err == -FH_EBUSY) {
		ops_must(r, blockers(r, a), "busy only when a page would not move");
		return;
	}
	model_census(&r->md, &c);
	ops_must(r, r->pages_outside - c.used_outside + c.droppable_outside <= c.used_inside + 64,
		 "refused with a window only when tenants have nowhere to go");
}

static uint64_t pages_of(const struct model_area *a)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < a->nr_ranges; i++)
		n += a->range[i].count;
	return n;
}

static void check_zero(struct ops *r, pfn_t pfn, uint64_t count)
{
	static const uint32_t none[MODEL_WORDS];

	for (uint64_t i = 0; i < count && !r->md.no_bytes; i++)
		ops_must(r, model_words_same(fh_page_address(r->md.m, pfn + i), none),
			 "CMA_ZERO gives zeros");
}

static void forget_prepared(struct ops *r, struct model_area *a)
{
	if (a->nr_prepared)
		model_move(&r->md, a->prepared, ops_in_units(a, a->nr_prepared), MODEL_DEVICE,
			   MODEL_NOBODY);
	a->nr_prepared = 0;
}

void ops_expect(struct ops *r, struct ops_request *q)
{
	struct model *md = &r->md;
	struct model_area *a = q->a;
	uint64_t nr = ops_in_units(a, q->req.count);

	q->blocked = blockers(r, a);
	q->moves = r->moves;
	q->kept = a->nr_prepared == q->req.count;
	if (q->kept) { /* if it is not what is wished for, it stays */
		model_move(md, a->prepared, nr, MODEL_DEVICE, MODEL_NOBODY);
		q->kept = model_is_window(md, a, &q->req, a->prepared);
		q->window = q->kept ? model_window(md, a, &q->req) : 0;
		model_move(md, a->prepared, nr, MODEL_NOBODY, MODEL_DEVICE);
	}
	if (!q->kept)
		q->window = model_window(md, a, &q->req);
}

/* Buffers that were moved for a request. */
static void compare_moves(struct ops *r, const struct ops_request *q, bool had)
{
	unsigned int moved = r->moves - q->moves;

	ops_must(r, moved <= 1, "one buffer at most is moved for a request");
	ops_must(r, !moved || !(q->req.flags & CMA_NOWAIT), "nothing moves for who cannot wait");
	ops_must(r, !moved || !q->window || !r->md.guaranteed_only,
		 "nothing is moved for who has a window");
	ops_must(r, !had || q->window || moved, "where there was no window one was made");
}

static void compare_refusal(struct ops *r, const struct ops_request *q, int err, pfn_t pfn)
{
	ops_must(r, pfn == 1, "a refusal leaves *pfn alone");
	if (q->req.deadline_ns == 1 || q->req.flags & CMA_NOWAIT)
		ops_must(r, err == (q->req.flags & CMA_NOWAIT ? -FH_EAGAIN : -FH_ETIMEDOUT),
			 "nothing was free at once");
	else
		refused_buffer(r, q->a, err, q->window);
}

struct model_buffer *ops_compare(struct ops *r, const struct ops_request *q, int err, pfn_t pfn)
{
	struct model *md = &r->md;
	struct model_area *a = q->a;
	const struct cma_request *req = &q->req;
	struct model_buffer *b;

	ops_say(r, " area %u count %lu align %u -> %d, pfn %#llx", (unsigned int)(a - md->area),
		req->count, req->align_order, err, (unsigned long long)pfn);
	compare_moves(r, q, !err);
	if (q->kept) {
		ops_must(r, pfn == a->prepared, "a prepared window is had");
		forget_prepared(r, a);
	}
	if (err) {
		compare_refusal(r, q, err, pfn);
		return NULL;
	}
	ops_must(r, model_range_of(a, pfn, req->count) < MODEL_RANGES, "a buffer lies in its area");
	ops_must(r, model_is_window(md, a, req, pfn), "a buffer lies in a window");
	if (a->policy == CMA_POLICY_MOVABLE && !q->blocked && !q->kept && req->deadline_ns != 1 &&
	    !(req->flags & CMA_NOWAIT))
		ops_must(r, pfn == q->window, "policy movable takes the lowest window, as Linux");
	model_move(md, pfn, ops_in_units(a, req->count), MODEL_NOBODY, MODEL_DEVICE);
	if (md->wrong)
		return NULL;
	if (req->flags & CMA_ZERO)
		check_zero(r, pfn, req->count);
	b = &md->buffer[md->nr_buffers++];
	*b = (struct model_buffer){(unsigned int)(a - md->area), pfn, req->count, ops_stamp(r),
				   NULL};
	model_stamp(md, pfn, req->count, b->stamp);
	return b;
}

static struct model_buffer *alloc_request(struct ops *r, struct model_area *a,
					  const struct cma_request *req)
{
	struct ops_request q = {.a = a, .req = *req};
	pfn_t pfn = 1;
	int err;

	if (r->md.nr_buffers + ops_nr_async(r) >= MODEL_BUFFERS ||
	    (r->nested && a->policy == CMA_POLICY_MOVABLE))
		return NULL;
	ops_expect(r, &q);
	err = cma_alloc_request(a->cma, req, &pfn);
	return ops_compare(r, &q, err, pfn);
}

static void alloc_plain(struct ops *r, struct model_area *a, unsigned int b)
{
	struct cma_request req = {
		.count = 1 + (ops_u8(r) | (b >> 4 & 7u) << 8),
		.align_order = b & 15,
		.flags = CMA_NO_WARN,
	};

	alloc_request(r, a, &req);
}

/* With every wish there is; some are asked for later, and some buffers may move from then on. */
static void alloc_wish(struct ops *r, struct model_area *a, unsigned int b)
{
	struct cma_request req = {
		.count = 1 + ops_pick(r, 700),
		.align_order = b & 7,
		.flags = CMA_NO_WARN | (b & 8 ? CMA_NOWAIT : 0) | (b & 32 ? CMA_ZERO : 0),
		.deadline_ns = b & 16 ? 1 : 0, /* long over */
	};
	unsigned int limits = ops_u8(r);
	struct model_buffer *got;

	if (limits & 1)
		req.low = a->range[0].base - 300 + ops_pick(r, (unsigned int)pages_of(a));
	if (limits & 2)
		req.high =
			(req.low ? req.low : a->range[0].base) + req.count + 8 + ops_pick(r, 2000);
	if (limits & 4)
		req.boundary = UINT64_C(16) << (limits >> 3 & 7);
	if (req.boundary && ops_in_units(a, req.count) > req.boundary) {
		pfn_t pfn;

		ops_must(r, cma_alloc_request(a->cma, &req, &pfn) == -FH_EINVAL,
			 "no buffer is longer than its boundary");
		return;
	}
	if (limits & 64) {
		ops_ask_later(r, a, &req, limits & 128, b & 64);
		return;
	}
	got = alloc_request(r, a, &req);
	if (got && limits & 128)
		ops_agree(r, got, b & 64);
}

void op_cma_alloc(struct ops *r)
{
	struct model_area *a = &r->md.area[ops_pick(r, r->md.nr_areas)];
	unsigned int b = ops_u8(r);

	if (r->all && b & 128)
		alloc_wish(r, a, b & 127);
	else
		alloc_plain(r, a, b);
}

static void release(struct ops *r, unsigned int i, uint64_t count)
{
	struct model *md = &r->md;
	struct model_buffer *b = &md->buffer[i];
	struct model_area *a = &md->area[b->area];
	uint64_t whole = ops_in_units(a, count);

	ops_say(r, " area %u pfn %#llx count %llu of %llu", b->area, (unsigned long long)b->pfn,
		(unsigned long long)count, (unsigned long long)b->count);
	model_stamped(md, b->pfn, b->count, b->stamp);
	ops_disagree(r, b);
	ops_must(r, cma_release(a->cma, b->pfn, count), "a buffer can be given back");
	model_move(md, b->pfn, whole, MODEL_DEVICE, MODEL_NOBODY);
	if (whole >= b->count) {
		*b = md->buffer[--md->nr_buffers];
		return;
	}
	b->pfn += whole;
	b->count -= whole;
	b->stamp += (uint32_t)whole;
}

/* Back, or, of what the byte has beside the buffer's number, another use for it. */
static void op_cma_release(struct ops *r)
{
	unsigned int n = r->md.nr_buffers, b = n ? ops_u8(r) : 0;
	struct model_buffer *buffer = &r->md.buffer[n ? b % n : 0];

	if (n && r->all && (b / n & 3) == 3 && !buffer->importer)
		ops_agree(r, buffer, b / n & 4);
	else if (n)
		release(r, b % n, buffer->count);
}

static void op_cma_release_part(struct ops *r)
{
	unsigned int i;

	if (!r->md.nr_buffers)
		return;
	i = ops_pick(r, r->md.nr_buffers);
	release(r, i, 1 + ops_pick(r, 256) % r->md.buffer[i].count);
}

static void op_cma_release_bad(struct ops *r)
{
	struct model *md = &r->md;
	struct model_area *a = &md->area[ops_pick(r, md->nr_areas)];
	unsigned int at = ops_pick(r, (unsigned int)a->range[0].count + 64);
	uint64_t count = ops_u8(r), whole = ops_in_units(a, count), bad = 0;
	/* The second range for large counts. */
	pfn_t base = a->range[count >> 7 ? a->nr_ranges - 1 : 0].base, pfn = base + at;

	bad = model_range_of(a, pfn, whole) == MODEL_RANGES;
	for (uint64_t i = 0; i < whole && !bad; i++)
		bad = md->owner[pfn + i - md->base] != MODEL_DEVICE;
	if (count && !bad && !((pfn - base) & ((1u << a->order_per_bit) - 1)))
		return;
	ops_say(r, " pfn %#llx count %llu", (unsigned long long)pfn, (unsigned long long)count);
	ops_must(r, !cma_release(a->cma, pfn, count), "what is no buffer is not released");
}

/* What a change of an area's terms returned: 0, or a reason that the model knows. */
static bool changed(struct ops *r, int err)
{
	struct model_census c;
	uint64_t stuck;

	ops_say(r, " -> %d", err);
	if (!err || ops_injected(r))
		return ops_must(r, !err || err == -FH_ENOMEM, "an error of the contract") && !err;
	ops_must(r, err == -FH_ENOMEM, "nobody is in the way for good");
	model_census(&r->md, &c);
	stuck = c.used_outside + c.used_inside - c.droppable;
	ops_must(r, stuck + 192 * (r->nr_cpus + 1) >= r->pages_outside,
		 "terms are refused only when tenants do not fit outside");
	return false;
}

static void set_policy(struct ops *r, struct model_area *a, enum cma_policy policy)
{
	/* Who stays would be waited for: unit tests do that. */
	if (r->md.guaranteed_only || (policy != CMA_POLICY_MOVABLE && blockers(r, a)))
		return;
	ops_say(r, " area %u %s", (unsigned int)(a - r->md.area), cma_policy_name(policy));
	if (changed(r, cma_set_policy(a->cma, policy)))
		a->policy = policy;
	ops_must(r, cma_get_policy(a->cma) == a->policy, "a policy is what was set last");
}

static void set_share(struct ops *r, struct model_area *a, unsigned int percent)
{
	if (blockers(r, a))
		return;
	ops_say(r, " area %u share %u", (unsigned int)(a - r->md.area), percent);
	if (changed(r, cma_set_share(a->cma, percent)))
		a->share = percent;
	ops_must(r, cma_get_share(a->cma) == a->share, "a share is what was set last");
}

static void set_ready(struct ops *r, struct model_area *a, unsigned int b)
{
	uint64_t pages = pages_of(a) * (b % 5) / 4;

	ops_say(r, " area %u ready %llu", (unsigned int)(a - r->md.area),
		(unsigned long long)pages);
	ops_must(r, !cma_set_ready(a->cma, pages), "a reserve can be asked for");
}

static void background(struct ops *r, unsigned int steps)
{
	ops_say(r, " background");
	while (steps-- && !r->md.wrong && ops_background_step(r))
		ops_say(r, " .");
}

static void prepare(struct ops *r, struct model_area *a, uint64_t count)
{
	pfn_t window;
	int err;

	forget_prepared(r, a); /* whatever becomes of the new one */
	window = count ? model_window(&r->md, a, &(struct cma_request){.count = count}) : 0;
	err = cma_prepare(a->cma, count, 0);
	ops_say(r, " area %u prepare %llu -> %d", (unsigned int)(a - r->md.area),
		(unsigned long long)count, err);
	if (err) {
		ops_must(r, count, "to forget a window cannot fail");
		refused_buffer(r, a, err, window);
	} else if (count) {
		a->prepared = a->cma->prepared.pfns.start;
		a->nr_prepared = count;
		model_move(&r->md, a->prepared, ops_in_units(a, count), MODEL_NOBODY, MODEL_DEVICE);
	}
}

static void later(struct ops *r, struct model_area *a, unsigned int b)
{
	switch (b % 8) {
	case 0:
		set_policy(r, a, CMA_POLICY_DISCARD);
		break;
	case 1:
		set_policy(r, a, (enum cma_policy)(b / 8 % CMA_NR_POLICIES));
		break;
	case 2:
		set_share(r, a, b / 8 * 100 / 31);
		break;
	case 3:
		set_ready(r, a, b / 8);
		break;
	case 4:
		background(r, 1 + b / 8);
		break;
	case 5:
		if (ops_nr_async(r))
			ops_cancel(r, b / 8);
		else
			background(r, 1 + b / 8);
		break;
	case 6:
		prepare(r, a, 1 + b / 8 * 40);
		break;
	default:
		prepare(r, a, 0);
		break;
	}
}

static void op_policy(struct ops *r)
{
	struct model *md = &r->md;
	struct model_area *a = &md->area[ops_pick(r, md->nr_areas)];
	unsigned int b = ops_u8(r);
	enum cma_policy policy = (enum cma_policy)(b % 3);

	if (r->all && b >= 32) {
		later(r, a, b);
		return;
	}
	set_policy(r, a, policy);
}

void ops_area_finish(struct ops *r)
{
	while (ops_nr_async(r) && !r->md.wrong)
		ops_cancel(r, 0);
	for (unsigned int i = 0; i < r->md.nr_areas; i++)
		prepare(r, &r->md.area[i], 0);
	while (r->md.nr_buffers && !r->md.wrong)
		release(r, 0, r->md.buffer[0].count);
}

const struct ops_entry ops_area_entries[] = {
	{"cma-alloc", op_cma_alloc, 7},
	{"cma-release", op_cma_release, 5},
	{"cma-release-part", op_cma_release_part, 2},
	{"cma-release-bad", op_cma_release_bad, 1},
	{"policy", op_policy, 1},
	{NULL, NULL, 0},
};
