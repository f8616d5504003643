/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options that say how much memory there is and where the default area goes: mem= and cma=. */
#include "boot/cmdline.h"
#include "boot/cmdline_value.h"

static int parse_mem(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0;
	int err;

	err = read_size(r, "size", &size);
	if (!err)
		err = expect_end(r);
	if (err)
		return err;
	if (size < FH_PAGE_SIZE)
		return refuse_value(r, FH_EINVAL, "expected at least one page (4K)");
	c->has_mem = true;
	c->mem = size & ~(FH_PAGE_SIZE - 1);
	return 0;
}

static int parse_cma(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0, base = 0, limit = 0;
	bool at = false, to = false;
	int err;

	err = read_size(r, "size", &size);
	if (!err && *r->at == '@') {
		at = true;
		r->at++;
		err = read_size(r, "start", &base);
	}
	if (!err && at && *r->at == '-') {
		to = true;
		r->at++;
		err = read_size(r, "end", &limit);
	}
	if (!err)
		err = expect_end(r);
	if (err)
		return err;
	if (base + size < base)
		return refuse_value(r, FH_ERANGE, "start plus size do not fit 64 bits");
	if (to && limit < base + size)
		return refuse_form(r, FH_EINVAL, "the end lies below start plus size");
	if (at && !to)
		limit = base + size;
	c->has_cma = true;
	c->cma_size = size;
	c->cma_base = base;
	c->cma_limit = limit;
	return 0;
}

const struct option_kind cmdline_mem_options[] = {
	{"mem", "mem=SIZE, as mem=512M", parse_mem, false},
	{"cma", "cma=SIZE[@START[-END]], as cma=64M", parse_cma, false},
	{0},
};
