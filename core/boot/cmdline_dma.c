/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options of the DMA API: pools, bounce buffers, the order of the path, IOMMU and debugging. */
#include "boot/cmdline.h"
#include "boot/cmdline_value.h"
#include "boot/say.h"
#include "base/string.h"

#define MAX_SLABS   (UINT64_C(1) << 37) /* of 2 KiB: 2^48 bytes */
#define SEGMENT	    128			/* slots */
#define MAX_AREAS   4096
#define MAX_ENTRIES (UINT64_C(1) << 24)

static int parse_coherent_pool(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0;
	int err = read_pages(r, &size);

	if (!err)
		c->dma.coherent_pool = size;
	return err;
}

/* Up to a power of two, as Linux; 0 areas are 1 there. */
static unsigned int whole_areas(uint64_t n)
{
	unsigned int areas = 1;

	while (areas < n)
		areas *= 2;
	return areas;
}

/* [slabs][,areas][,force|noforce]: a part may be missing, with its comma or without. */
static int parse_swiotlb(struct boot_cmdline *c, struct reader *r)
{
	static const char *const words[] = {"force", "noforce"};
	const char *end = r->option->value + r->option->value_len;
	struct boot_dma *dma = &c->dma;
	uint64_t n;
	int word, err;

	dma->swiotlb_slabs = 0;
	dma->swiotlb_areas = 0;
	dma->swiotlb_force = dma->swiotlb_noforce = false;
	if (r->at < end && *r->at >= '0' && *r->at <= '9') {
		err = read_count(r, "number of slots (2 KiB each)", 1, MAX_SLABS, &n);
		if (err)
			return err;
		dma->swiotlb_slabs = (n + SEGMENT - 1) / SEGMENT * SEGMENT;
		if (r->at == end)
			return 0;
		if (*r->at != ',')
			return refuse_form(r, FH_EINVAL,
					   "slots of 2 KiB are counted, without a suffix");
	}
	if (r->at < end && *r->at == ',')
		r->at++;
	if (r->at < end && *r->at >= '0' && *r->at <= '9') {
		err = read_count(r, "number of areas", 0, MAX_AREAS, &n);
		if (err)
			return err;
		dma->swiotlb_areas = whole_areas(n);
		if (r->at == end)
			return 0;
		if (*r->at != ',')
			return expect_end(r);
	}
	if (r->at < end && *r->at == ',')
		r->at++;
	word = read_word(r, words, 2);
	if (word < 0)
		return word;
	dma->swiotlb_force = word == 0;
	dma->swiotlb_noforce = word == 1;
	return 0;
}

/* Without a value Linux follows a null pointer, here and below. */
static int linux_coherent_pool(struct boot_cmdline *c, struct reader *r)
{
	if (!r->at)
		return -FH_EINVAL;
	c->dma.coherent_pool = linux_size(r);
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool rest_is(const struct reader *r, const char *word)
{
	size_t left = (size_t)(r->option->value + r->option->value_len - r->at);

	return fh_strlen(word) == left && !memcmp(word, r->at, left);
}

static int linux_swiotlb(struct boot_cmdline *c, struct reader *r)
{
	struct boot_dma *dma = &c->dma;
	uint64_t n;

	if (!r->at)
		return -FH_EINVAL;
	if (is_digit(*r->at)) {
		n = linux_count(r);
		dma->swiotlb_slabs =
			n > MAX_SLABS ? MAX_SLABS : (n + SEGMENT - 1) / SEGMENT * SEGMENT;
		if (!dma->swiotlb_slabs)
			dma->swiotlb_slabs = SEGMENT; /* a segment for each area is the least */
	}
	r->at += *r->at == ',';
	if (is_digit(*r->at)) {
		n = linux_count(r);
		dma->swiotlb_areas = whole_areas(n < MAX_AREAS ? n : MAX_AREAS);
	}
	r->at += *r->at == ',';
	dma->swiotlb_force |= rest_is(r, "force");
	dma->swiotlb_noforce |= rest_is(r, "noforce");
	return 0;
}

static int parse_coherent_only(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0;
	int err = r->at ? read_pages(r, &size) : 0;

	if (err)
		return err;
	c->dma.coherent_only = true;
	c->dma.coherent_only_pool = size;
	return 0;
}

static int parse_dynamic(struct boot_cmdline *c, struct reader *r)
{
	static const char *const words[] = {"off", "on"};
	int word = r->at ? read_word(r, words, 2) : 1;

	if (word < 0)
		return word;
	c->dma.swiotlb_dynamic = word == 1;
	return 0;
}

static int parse_order(struct boot_cmdline *c, struct reader *r)
{
	static const char *const words[] = {"linux", "legacy"};
	int word = read_word(r, words, 2);

	if (word < 0)
		return word;
	c->dma.legacy_order = word == 1;
	return 0;
}

static int parse_strict(struct boot_cmdline *c, struct reader *r)
{
	static const char *const words[] = {"0", "n", "off", "1", "y", "on"};
	int word = read_word(r, words, 6);

	if (word < 0)
		return word;
	c->dma.iommu_strict = word >= 3;
	return 0;
}

static int parse_debug(struct boot_cmdline *c, struct reader *r)
{
	static const char *const words[] = {"off", "on"};
	int word = r->at ? read_word(r, words, 2) : 1;

	if (word < 0)
		return word;
	c->dma.debug = word == 1;
	return 0;
}

static int parse_debug_entries(struct boot_cmdline *c, struct reader *r)
{
	uint64_t n = 0;
	int err = read_count(r, "number of entries", 1, MAX_ENTRIES, &n);

	if (!err)
		err = expect_end(r);
	if (!err)
		c->dma.debug_entries = (unsigned int)n;
	return err;
}

static int parse_debug_driver(struct boot_cmdline *c, struct reader *r)
{
	size_t len = r->option->value_len;

	if (!len || len >= sizeof(c->dma.debug_driver))
		return refuse_form(r, FH_EINVAL, "not a name of 1 to 63 characters");
	memcpy(c->dma.debug_driver, r->at, len);
	c->dma.debug_driver[len] = '\0';
	return 0;
}

const struct option_kind cmdline_dma_options[] = {
	{"coherent_pool", "coherent_pool=SIZE, as coherent_pool=2M", parse_coherent_pool, false,
	 linux_coherent_pool},
	{"swiotlb",
	 "swiotlb=[SLOTS][,AREAS][,force|noforce], as swiotlb=32768 (64 MiB) or swiotlb=force",
	 parse_swiotlb, false, linux_swiotlb},
	{"swiotlb_dynamic", "swiotlb_dynamic, swiotlb_dynamic=on or swiotlb_dynamic=off",
	 parse_dynamic, true, NULL},
	{"coherent_only", "coherent_only or coherent_only=SIZE, as coherent_only=64M",
	 parse_coherent_only, true, NULL},
	{"dma_order", "dma_order=linux or dma_order=legacy", parse_order, false, NULL},
	{"iommu.strict", "iommu.strict=0 or iommu.strict=1", parse_strict, false, linux_malformed},
	{"dma_debug", "dma_debug, dma_debug=on or dma_debug=off", parse_debug, true, linux_ignores},
	{"dma_debug_entries", "dma_debug_entries=N, as dma_debug_entries=65536",
	 parse_debug_entries, false, linux_ignores},
	{"dma_debug_driver", "dma_debug_driver=NAME", parse_debug_driver, false, linux_ignores},
	{0},
};
