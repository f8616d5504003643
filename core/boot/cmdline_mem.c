/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options that say what memory there is: mem= and, without a tree, memmap=. */
#include "boot/cmdline.h"
#include "boot/cmdline_value.h"
#include "boot/say.h"
#include "base/string.h"

static void set_mem(struct boot_cmdline *c, const struct reader *r, uint64_t size)
{
	c->has_mem = true;
	c->mem = size & ~(page_bytes(r) - 1);
	if (r->cfg)
		boot_say(r->cfg, "Memory limited to %lluMB\n", (unsigned long long)(c->mem >> 20));
}

static int parse_mem(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0;
	int err;

	err = read_size(r, "size", &size);
	if (!err)
		err = expect_end(r);
	if (err)
		return err;
	if (size < page_bytes(r))
		return refuse_value(r, FH_EINVAL,
				    page_bytes(r) == FH_PAGE_SIZE
					    ? "expected at least one page (4K)"
					    : "expected at least one page");
	set_mem(c, r, size);
	return 0;
}

/* mem=0 says so and limits nothing. */
static int linux_mem(struct boot_cmdline *c, struct reader *r)
{
	if (!r->at)
		return linux_malformed(c, r);
	set_mem(c, r, linux_size(r));
	return 0;
}

/* SIZE@START, SIZE$START, SIZE#START, SIZE!START, SIZE or exactmap, as x86 reads them. */
static int parse_memmap_one(struct boot_cmdline *c, struct reader *r)
{
	struct memmap m = {.what = MEMMAP_END, .base = 0, .size = 0};
	const char *end = r->option->value + r->option->value_len;
	int err;

	if (c->nr_memmap == CMDLINE_MAX_MEMMAP)
		return refuse_value(r, FH_ENOSPC, "more than 16 parts");
	if (end - r->at >= 8 && !memcmp(r->at, "exactmap", 8)) {
		r->at += 8;
		m.what = MEMMAP_EXACT;
	} else {
		err = read_size(r, "size", &m.size);
		if (!err && r->at < end &&
		    (*r->at == '@' || *r->at == '$' || *r->at == '#' || *r->at == '!')) {
			m.what = *r->at++ == '@' ? MEMMAP_RAM : MEMMAP_TAKEN;
			err = read_size(r, "start", &m.base);
		}
		if (err)
			return err;
		if (!m.size || ((m.base | m.size) & (page_bytes(r) - 1)) ||
		    m.base + m.size < m.base || m.base + m.size > UINT64_C(1) << BOOT_PHYS_BITS)
			return refuse_value(r, FH_ERANGE,
					    "expected whole pages, at least one, below bit 48");
	}
	c->memmap[c->nr_memmap++] = m;
	return 0;
}

/* arm64 does not know it: where a tree says what memory there is, it passes by. */
static int parse_memmap(struct boot_cmdline *c, struct reader *r)
{
	const char *end = r->option->value + r->option->value_len;
	int err;

	if (r->cfg && r->cfg->nr_banks)
		return 0;
	for (;;) {
		err = parse_memmap_one(c, r);
		if (err || r->at == end || *r->at != ',')
			break;
		r->at++;
	}
	return err ? err : expect_end(r);
}

const struct option_kind cmdline_mem_options[] = {
	{"mem", "mem=SIZE, as mem=512M", parse_mem, false, linux_mem},
	{"memmap", "memmap=SIZE@START, SIZE$START, SIZE#START, SIZE!START, SIZE or exactmap",
	 parse_memmap, false, NULL},
	{0},
};
