/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options that ask for areas: cma=, numa_cma=, cma_pernuma=, hugetlb_cma=. */
#include "boot/cmdline.h"
#include "boot/cmdline_value.h"
#include "boot/say.h"

#define NOT_GIVEN UINT64_MAX /* what Linux's variable is before any cma= */

static void set_cma(struct boot_cmdline *c, uint64_t size, uint64_t base, uint64_t limit)
{
	c->has_cma = true;
	c->cma_size = size;
	c->cma_base = base;
	c->cma_limit = limit;
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
	if (size == NOT_GIVEN)
		return refuse_value(r, FH_ERANGE, "2^64-1 means to Linux that none was given");
	if (!at && (c->cma_base || c->cma_limit))
		return refuse_form(r, FH_EINVAL,
				   "Linux keeps the start and the end that a cma= before has");
	if (base + size < base)
		return refuse_value(r, FH_ERANGE, "start plus size do not fit 64 bits");
	if (to && limit < base + size)
		return refuse_form(r, FH_EINVAL, "the end lies below start plus size");
	if (at && !to)
		limit = base + size;
	set_cma(c, size, base, limit);
	return 0;
}

static int linux_cma(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size, base = c->cma_base, limit = c->cma_limit;

	if (!r->at) {
		boot_say(r->cfg, "cma: Config string not provided\n");
		return linux_malformed(c, r);
	}
	size = linux_size(r);
	if (*r->at == '@') {
		r->at++;
		base = linux_size(r);
		limit = base + size;
		if (*r->at == '-') {
			r->at++;
			limit = linux_size(r);
		}
	}
	set_cma(c, size, base, limit);
	c->has_cma = size != NOT_GIVEN;
	return 0;
}

/* NODE:SIZE[,NODE:SIZE...]; every pair is told to `add`. */
static int read_nodes(struct boot_cmdline *c, struct reader *r,
		      void (*add)(struct boot_cmdline *c, unsigned int node, uint64_t size))
{
	const char *end = r->option->value + r->option->value_len;
	uint64_t node = 0, size = 0;
	int err;

	for (;;) {
		err = read_count(r, "node", 0, BOOT_MAX_NODES - 1, &node);
		if (!err && (r->at == end || *r->at++ != ':'))
			err = refuse_form(r, FH_EINVAL, "a node is not followed by its size");
		if (!err)
			err = read_size(r, "size", &size);
		if (err)
			return err;
		add(c, (unsigned int)node, size);
		if (r->at == end)
			return 0;
		if (*r->at++ != ',')
			return refuse_form(r, FH_EINVAL, "pairs are divided by commas");
	}
}

/* A decimal number, of which what does not fit is cut off; false: there is none. */
static bool linux_decimal(struct reader *r, uint64_t *v)
{
	const char *from = r->at;

	for (*v = 0; *r->at >= '0' && *r->at <= '9'; r->at++)
		*v = *v * 10 + (uint64_t)(*r->at - '0');
	return r->at != from;
}

/* Stops, with what it has, at the first thing that is not a pair. */
static void linux_nodes(struct boot_cmdline *c, struct reader *r,
			void (*add)(struct boot_cmdline *c, unsigned int node, uint64_t size))
{
	uint64_t node;

	while (linux_decimal(r, &node) && *r->at == ':' && node < BOOT_MAX_NODES) {
		r->at++;
		add(c, (unsigned int)node, linux_size(r));
		if (*r->at != ',')
			break;
		r->at++;
	}
}

static void add_numa(struct boot_cmdline *c, unsigned int node, uint64_t size)
{
	c->numa[node] = size;
}

static void add_hugetlb(struct boot_cmdline *c, unsigned int node, uint64_t size)
{
	c->hugetlb_node[node] = size;
	c->hugetlb += size;
}

static int parse_numa(struct boot_cmdline *c, struct reader *r)
{
	int err = read_nodes(c, r, add_numa);

	if (!err)
		c->has_numa = true;
	return err;
}

/* Without a value Linux follows a null pointer: that stays an error, here and below. */
static int linux_numa(struct boot_cmdline *c, struct reader *r)
{
	if (!r->at)
		return -FH_EINVAL;
	linux_nodes(c, r, add_numa);
	c->has_numa = true;
	return 0;
}

static int parse_pernuma(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0;
	int err = read_size(r, "size", &size);

	if (!err)
		err = expect_end(r);
	if (err)
		return err;
	c->has_numa = true;
	c->pernuma = size;
	return 0;
}

static int linux_pernuma(struct boot_cmdline *c, struct reader *r)
{
	if (!r->at)
		return -FH_EINVAL;
	c->has_numa = true;
	c->pernuma = linux_size(r);
	return 0;
}

static bool names_node(const char *s, const char *end)
{
	while (s < end && *s >= '0' && *s <= '9')
		s++;
	return s < end && *s == ':';
}

static int parse_hugetlb(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0;
	int err;

	if (names_node(r->at, r->option->value + r->option->value_len))
		return read_nodes(c, r, add_hugetlb);
	err = read_size(r, "size", &size);
	if (!err)
		err = expect_end(r);
	if (!err)
		c->hugetlb = size;
	return err;
}

static int linux_hugetlb(struct boot_cmdline *c, struct reader *r)
{
	uint64_t count;
	const char *from = r->at;

	if (!r->at)
		return -FH_EINVAL;
	if (names_node(r->at, r->option->value + r->option->value_len)) {
		linux_nodes(c, r, add_hugetlb);
	} else if (linux_decimal(r, &count)) {
		r->at = from;
		c->hugetlb = linux_size(r);
	}
	return 0;
}

/* Only says where huge pages come from later. */
static int parse_hugetlb_only(struct boot_cmdline *c, struct reader *r)
{
	bool on;

	(void)c;
	return read_switch(r, &on);
}

const struct option_kind cmdline_area_options[] = {
	{"cma", "cma=SIZE[@START[-END]], as cma=64M", parse_cma, false, linux_cma},
	{"numa_cma", "numa_cma=NODE:SIZE[,NODE:SIZE...], as numa_cma=0:64M,1:32M", parse_numa,
	 false, linux_numa},
	{"cma_pernuma", "cma_pernuma=SIZE, as cma_pernuma=64M", parse_pernuma, false,
	 linux_pernuma},
	{"hugetlb_cma", "hugetlb_cma=SIZE or hugetlb_cma=NODE:SIZE[,NODE:SIZE...]", parse_hugetlb,
	 false, linux_hugetlb},
	{"hugetlb_cma_only", "hugetlb_cma_only=on or hugetlb_cma_only=off", parse_hugetlb_only,
	 false, linux_malformed},
	{0},
};
