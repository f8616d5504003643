/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options about what pages are used for: kernelcore=, movablecore=, movable_node, page_owner=. */
#include "boot/cmdline.h"
#include "boot/cmdline_value.h"
#include "base/string.h"

/* SIZE or N%; of the same knob a size takes the place of a percentage, not the other way round. */
static int parse_core(struct reader *r, struct core_size *core)
{
	const char *end = r->option->value + r->option->value_len, *s = r->at;
	uint64_t v = 0;
	int err;

	while (s < end && *s >= '0' && *s <= '9')
		s++;
	if (s < end && *s == '%') {
		err = read_count(r, "percentage", 0, 100, &v);
		if (!err && *r->at++ == '%')
			err = expect_end(r);
		if (!err)
			core->percent = v;
		return err;
	}
	err = read_size(r, "size", &v);
	if (!err)
		err = expect_end(r);
	if (!err)
		*core = (struct core_size){v, 0};
	return err;
}

static void linux_core(struct reader *r, struct core_size *core)
{
	const char *from = r->at;
	uint64_t v = linux_count(r);

	if (*r->at == '%') {
		core->percent = v;
		return;
	}
	r->at = from;
	*core = (struct core_size){linux_size(r), 0};
}

static int parse_kernelcore(struct boot_cmdline *c, struct reader *r)
{
	if (r->option->value_len == 6 && !memcmp(r->at, "mirror", 6)) {
		c->kernelcore_mirror = true;
		return 0;
	}
	return parse_core(r, &c->kernelcore);
}

/* Without a value Linux follows a null pointer. */
static int linux_kernelcore(struct boot_cmdline *c, struct reader *r)
{
	if (!r->at)
		return -FH_EINVAL;
	linux_core(r, &c->kernelcore);
	return 0;
}

static int parse_movablecore(struct boot_cmdline *c, struct reader *r)
{
	return parse_core(r, &c->movablecore);
}

static int linux_movablecore(struct boot_cmdline *c, struct reader *r)
{
	if (!r->at)
		return linux_malformed(c, r);
	linux_core(r, &c->movablecore);
	return 0;
}

/* A value makes no difference. */
static int parse_movable_node(struct boot_cmdline *c, struct reader *r)
{
	(void)r;
	c->movable_node = true;
	return 0;
}

static int parse_page_owner(struct boot_cmdline *c, struct reader *r)
{
	return read_switch(r, &c->page_owner);
}

const struct option_kind cmdline_movable_options[] = {
	{"kernelcore", "kernelcore=SIZE, kernelcore=N% or kernelcore=mirror", parse_kernelcore,
	 false, linux_kernelcore},
	{"movablecore", "movablecore=SIZE or movablecore=N%", parse_movablecore, false,
	 linux_movablecore},
	{"movable_node", "movable_node", parse_movable_node, true, NULL},
	{"page_owner", "page_owner=on or page_owner=off", parse_page_owner, false, linux_malformed},
	{0},
};
