/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options that say what memory there is: mem= and, without a tree, memmap=; vmalloc=, what is left of it for the linear map of 32-bit ARM. */
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

static bool is_arm(const struct reader *r)
{
	return r->cfg && boot_is_arm(r->cfg);
}

static int add_arm_mem(struct boot_cmdline *c, const struct reader *r, uint64_t size,
		       const uint64_t *base)
{
	if (c->nr_arm_mem == CMDLINE_MAX_MEMMAP)
		return refuse_value(r, FH_ENOSPC, "more than 16 ranges");
	c->arm_mem[c->nr_arm_mem].size = size;
	c->arm_mem[c->nr_arm_mem].base = base ? *base : 0;
	c->arm_mem[c->nr_arm_mem++].has_base = base;
	return 0;
}

/* SIZE[@START], for 32-bit ARM. */
static int parse_arm_mem(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0, base = 0;
	bool at = false;
	int err;

	r->form = "mem=SIZE[@START], as mem=512M";
	err = read_size(r, "size", &size);

	if (!err && *r->at == '@') {
		at = true;
		r->at++;
		err = read_size(r, "start", &base);
	}
	if (!err)
		err = expect_end(r);
	if (err)
		return err;
	if (size < page_bytes(r) || size > UINT64_C(1) << BOOT_PHYS_BITS ||
	    base > UINT64_C(1) << BOOT_PHYS_BITS)
		return refuse_value(r, FH_ERANGE, "expected at least one page, below bit 48");
	return add_arm_mem(c, r, size, at ? &base : NULL);
}

static int linux_arm_mem(struct boot_cmdline *c, struct reader *r)
{
	uint64_t most = UINT64_C(1) << BOOT_PHYS_BITS, size = linux_size(r), base;
	bool at = *r->at == '@';

	if (at)
		r->at++;
	base = at ? linux_size(r) : 0;
	if (size > most || base > most)
		return -FH_ERANGE;
	return add_arm_mem(c, r, size, at ? &base : NULL);
}

static int parse_mem(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0;
	int err;

	if (is_arm(r))
		return parse_arm_mem(c, r);
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
	if (!r->at && is_arm(r))
		return -FH_EINVAL;
	if (!r->at)
		return linux_malformed(c, r);
	if (is_arm(r))
		return linux_arm_mem(c, r);
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

/* Only 32-bit ARM has it. What is too little or too much is brought in line, with a word. */
static void set_vmalloc(struct boot_cmdline *c, const struct reader *r, uint64_t size)
{
	/* The linear map keeps 32 MiB, and a gap of 8. */
	uint64_t least = UINT64_C(16) << 20;
	uint64_t most = UINT64_C(0xff800000) - r->cfg->kernel.page_offset - (UINT64_C(40) << 20);

	size &= UINT32_MAX;
	if (size < least)
		boot_say(r->cfg, "vmalloc area is too small, limiting to %lluMiB\n",
			 (unsigned long long)(least >> 20));
	size = size < least ? least : size;
	if (size > most)
		boot_say(r->cfg, "vmalloc area is too big, limiting to %lluMiB\n",
			 (unsigned long long)(most >> 20));
	c->vmalloc = size < most ? size : most;
}

static int parse_vmalloc(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0;
	int err;

	if (!is_arm(r))
		return 0;
	err = r->at ? read_size(r, "size", &size) : refuse_form(r, FH_EINVAL, "no value");
	if (!err)
		err = expect_end(r);
	if (!err)
		set_vmalloc(c, r, size);
	return err;
}

static int linux_vmalloc(struct boot_cmdline *c, struct reader *r)
{
	if (!r->at)
		return -FH_EINVAL;
	set_vmalloc(c, r, linux_size(r));
	return 0;
}

const struct option_kind cmdline_mem_options[] = {
	{"mem", "mem=SIZE, as mem=512M", parse_mem, false, linux_mem},
	{"vmalloc", "vmalloc=SIZE, as vmalloc=400M", parse_vmalloc, true, linux_vmalloc},
	{"memmap", "memmap=SIZE@START, SIZE$START, SIZE#START, SIZE!START, SIZE or exactmap",
	 parse_memmap, false, NULL},
	{0},
};
