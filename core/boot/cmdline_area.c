/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options that ask for areas: cma=, numa_cma=, cma_pernuma=, hugetlb_cma=. */
#include "boot/cmdline.h"
#include "boot/cmdline_value.h"
#include "boot/like.h"
#include "boot/say.h"
#include "base/string.h"

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

/* What follows `NODE:`. Linux's readers return false at what they stop at. */
typedef int read_fn(struct boot_cmdline *c, struct reader *r, unsigned int node);
typedef bool linux_fn(struct boot_cmdline *c, struct reader *r, unsigned int node);

/* NODE:SIZE[,NODE:SIZE...] */
static int read_nodes(struct boot_cmdline *c, struct reader *r, read_fn *read)
{
	const char *end = r->option->value + r->option->value_len;
	uint64_t node = 0;
	int err;

	for (;;) {
		err = read_count(r, "node", 0, BOOT_MAX_NODES - 1, &node);
		if (!err && (r->at == end || *r->at++ != ':'))
			err = refuse_form(r, FH_EINVAL, "a node is not followed by its size");
		if (!err)
			err = read(c, r, (unsigned int)node);
		if (err || r->at == end)
			return err;
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
static void linux_nodes(struct boot_cmdline *c, struct reader *r, linux_fn *read)
{
	uint64_t node;

	while (linux_decimal(r, &node) && *r->at == ':' && node < BOOT_MAX_NODES) {
		r->at++;
		if (!read(c, r, (unsigned int)node) || *r->at != ',')
			break;
		r->at++;
	}
}

static int read_numa(struct boot_cmdline *c, struct reader *r, unsigned int node)
{
	return read_size(r, "size", &c->numa[node]);
}

static bool linux_read_numa(struct boot_cmdline *c, struct reader *r, unsigned int node)
{
	c->numa[node] = linux_size(r);
	return true;
}

static int parse_numa(struct boot_cmdline *c, struct reader *r)
{
	int err = read_nodes(c, r, read_numa);

	if (!err)
		c->has_numa = true;
	return err;
}

/* Without a value Linux follows a null pointer: that stays an error, here and below. */
static int linux_numa(struct boot_cmdline *c, struct reader *r)
{
	if (!r->at)
		return -FH_EINVAL;
	linux_nodes(c, r, linux_read_numa);
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

static void set_hugetlb(struct boot_cmdline *c, struct core_size part)
{
	c->hugetlb = part.bytes;
	c->hugetlb_7 = part;
	memset(c->hugetlb_7_node, 0, sizeof(c->hugetlb_7_node));
}

static void set_hugetlb_node(struct boot_cmdline *c, unsigned int node, struct core_size part)
{
	c->hugetlb_node[node] = part.bytes;
	c->hugetlb += part.bytes;
	c->hugetlb_7_node[node] = part;
	c->hugetlb_7 = (struct core_size){0};
}

/* SIZE, or from 7.3 on N%. */
static int read_part(struct reader *r, struct core_size *part)
{
	int err = read_size(r, "size", &part->bytes);

	if (err || *r->at != '%')
		return err;
	if (r->like < LIKE_HUGETLB_SHARES)
		return refuse_value(
			r, FH_EINVAL,
			"kernels before 7.3 know no percentage (like=7.3 has to come first)");
	if (part->bytes > 100)
		return refuse_form(r, FH_ERANGE, "a percentage above 100");
	r->at++;
	*part = (struct core_size){.percent = part->bytes};
	return 0;
}

static int read_hugetlb(struct boot_cmdline *c, struct reader *r, unsigned int node)
{
	struct core_size part = {0};
	int err = read_part(r, &part);

	if (!err)
		set_hugetlb_node(c, node, part);
	return err;
}

static int parse_hugetlb(struct boot_cmdline *c, struct reader *r)
{
	struct core_size part = {0};
	int err;

	if (names_node(r->at, r->option->value + r->option->value_len))
		return read_nodes(c, r, read_hugetlb);
	err = read_part(r, &part);
	if (!err)
		err = expect_end(r);
	if (!err)
		set_hugetlb(c, part);
	return err;
}

/* False: more than all. */
static bool linux_part(struct reader *r, struct core_size *part)
{
	*part = (struct core_size){.bytes = linux_size(r)};
	if (r->like < LIKE_HUGETLB_SHARES || *r->at != '%')
		return true;
	r->at++;
	*part = (struct core_size){.percent = part->bytes};
	return part->percent <= 100;
}

static bool linux_read_hugetlb(struct boot_cmdline *c, struct reader *r, unsigned int node)
{
	struct core_size part;

	c->hugetlb_7 = (struct core_size){0};
	if (linux_part(r, &part)) {
		set_hugetlb_node(c, node, part);
		return true;
	}
	boot_say(r->cfg, "hugetlb_cma: invalid percentage %llu for node %u\n",
		 (unsigned long long)part.percent, node);
	return false;
}

static int linux_hugetlb(struct boot_cmdline *c, struct reader *r)
{
	struct core_size part;
	uint64_t count;
	const char *from = r->at;

	if (!r->at)
		return -FH_EINVAL;
	if (names_node(r->at, r->option->value + r->option->value_len)) {
		linux_nodes(c, r, linux_read_hugetlb);
	} else if (linux_decimal(r, &count)) {
		r->at = from;
		if (linux_part(r, &part))
			set_hugetlb(c, part);
		else
			boot_say(r->cfg, "hugetlb_cma: invalid percentage %llu\n",
				 (unsigned long long)part.percent);
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
	{"hugetlb_cma",
	 "hugetlb_cma=SIZE or hugetlb_cma=NODE:SIZE[,NODE:SIZE...], from 7.3 on also PERCENT%",
	 parse_hugetlb, false, linux_hugetlb},
	{"hugetlb_cma_only", "hugetlb_cma_only=on or hugetlb_cma_only=off", parse_hugetlb_only,
	 false, linux_malformed},
	{0},
};
