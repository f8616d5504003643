/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options of buffers: which kernel's heaps there are. */
#include "boot/cmdline.h"
#include "boot/cmdline_value.h"

static int parse_like(struct boot_cmdline *c, struct reader *r)
{
	const char *end = r->option->value + r->option->value_len;
	uint64_t major = 0, minor = 0;
	int err = read_count(r, "version", 5, 99, &major);

	if (!err && r->at != end && *r->at != '.')
		err = refuse_form(r, FH_EINVAL, "not a kernel's version");
	if (!err && r->at != end) {
		r->at++;
		err = read_count(r, "minor version", 0, 999, &minor);
	}
	if (!err)
		err = expect_end(r);
	if (!err && major * 1000 + minor < BOOT_LIKE_FIRST)
		err = refuse_form(r, FH_ERANGE, "kernels before 5.6 have no heaps");
	if (!err)
		c->like = (unsigned int)(major * 1000 + minor);
	return err;
}

static int parse_heaps(struct boot_cmdline *c, struct reader *r)
{
	static const char *const words[] = {"all", "linux"};
	int word = read_word(r, words, 2);

	if (word < 0)
		return word;
	c->heaps_linux_only = word == 1;
	return 0;
}

/* Buffers here are always charged to who holds them. */
static int parse_accounting(struct boot_cmdline *c, struct reader *r)
{
	bool on;

	(void)c;
	return r->at ? read_switch(r, &on) : 0;
}

const struct option_kind cmdline_buf_options[] = {
	{"like", "like=MAJOR[.MINOR], as like=6.12", parse_like, false, NULL},
	{"heaps", "heaps=all or heaps=linux", parse_heaps, false, NULL},
	{"dma_heap.mem_accounting", "dma_heap.mem_accounting=on or dma_heap.mem_accounting=off",
	 parse_accounting, true, linux_ignores},
	{0},
};
