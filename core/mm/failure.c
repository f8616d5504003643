/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What an area could not do, and why: its records. */
#include "mm/contig.h"
#include "mm/failure.h"
#include "mm/machine.h"

void failure_note(struct cma *cma, int err, const struct cma_request *req, struct range window,
		  const struct contig_result *res)
{
	struct cma_failure f = {
		.error = err,
		.request = *req,
		.window = res->why ? window : (struct range){0, 0},
		.pfn = res->pfn,
		.time_ns = machine_clock(cma->m),
		.why = res->why ? res->why : "no window of that size is free",
		.owner = res->owner,
		.owner_id = res->owner_id,
		.pins = res->pins,
		.pinner = res->pinner,
		.since_ns = res->since_ns,
	};

	f.request.cancel = NULL; /* the caller's, and perhaps gone */
	fh_lock(&cma->lock);
	cma->failure[cma->nr_failures++ % CMA_MAX_FAILURES] = f;
	fh_unlock(&cma->lock);
}

/* An owner's number, or a name: only objects have one, only some pinners the other. */
static void add_owner(struct fh_text *t, const struct contig_result *res)
{
	if (res->owner == CMA_OWNER_OBJECT)
		fh_text_add(t, ", of object %llu", (unsigned long long)res->owner_id);
	else if (res->owner == CMA_OWNER_DRIVER)
		fh_text_add(t, ", of a driver");
	if (res->pins)
		fh_text_add(t, ", pins: %u", res->pins);
	if (res->pinner)
		fh_text_add(t, ", by %s", res->pinner);
	if (res->since_ns)
		fh_text_add(t, ", since %llu ns", (unsigned long long)res->since_ns);
}

void failure_say(struct cma *cma, const struct contig_result *res)
{
	char owner[160];
	struct fh_text t = {owner, sizeof(owner), 0};

	if (!res->why || !res->pfn)
		return;
	owner[0] = '\0';
	add_owner(&t, res);
	machine_log(cma->m, PLAT_LOG_ERR, "cma: %s: pfn %#llx: %s%s", cma->name,
		    (unsigned long long)res->pfn, res->why, owner);
}

unsigned int cma_failures(struct cma *cma, struct cma_failure *out, unsigned int n)
{
	fh_lock(&cma->lock);
	n = n < cma->nr_failures ? n : (unsigned int)cma->nr_failures;
	n = n < CMA_MAX_FAILURES ? n : CMA_MAX_FAILURES;
	for (unsigned int i = 0; i < n; i++)
		out[i] = cma->failure[(cma->nr_failures - 1 - i) % CMA_MAX_FAILURES];
	fh_unlock(&cma->lock);
	return n;
}

void cma_last_failure(struct cma *cma, struct cma_failure *f)
{
	if (!cma_failures(cma, f, 1))
		*f = (struct cma_failure){.error = 0};
}

const char *cma_owner_name(enum cma_owner owner)
{
	static const char *const names[] = {"none", "raw", "object", "driver"};

	return (unsigned int)owner < sizeof(names) / sizeof(names[0]) ? names[owner] : "?";
}
