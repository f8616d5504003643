/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Compression as the hosted platform does it, and what the contents of a job's tenants come to by it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/hosted.h>
#include "pattern.h"
#include "t.h"

static const struct boot_bank bank = {.base = 0x40000000, .size = 2 << 20};
static uint64_t page[FH_PAGE_SIZE / 8], back[FH_PAGE_SIZE / 8];
static unsigned char small[FH_PAGE_SIZE];
static struct hosted *h;
static const struct plat *p;

static bool start(void)
{
	struct hosted_opts opts = {.banks = &bank, .nr_banks = 1};
	struct hosted_why why = {""};

	if (!T_OK(!hosted_create(&opts, &h, &why), why.text))
		return false;
	p = hosted_plat(h);
	return true;
}

static size_t squeeze(size_t room)
{
	return p->compress(p->ctx, page, small, room);
}

static void there_and_back(void)
{
	size_t n;

	T_NEED(start());
	for (unsigned int words = 0; words <= PATTERN_LINE; words += 4) {
		pattern_fill_partly(page, sizeof(page), 4711, words);
		n = squeeze(3072);
		T_EQ(n != 0, words <= 22);
		memset(back, 0xff, sizeof(back));
		if (n)
			T_EQ(p->decompress(p->ctx, small, n, back), 0);
		if (n)
			T_EQ(memcmp(page, back, sizeof(page)), 0);
	}
	hosted_destroy(h);
}

static void room(void)
{
	size_t n;

	T_NEED(start());
	pattern_fill_partly(page, sizeof(page), 1, 8);
	n = squeeze(3072);
	T_OK(n > 1024 && n < 1300, "a quarter, and a little");
	memset(small, 0xee, sizeof(small));
	T_EQ(squeeze(n - 40), 0);
	T_EQ(small[n - 40], 0xee); /* not a byte too many */
	hosted_destroy(h);
}

/* What cannot have been compressed is an error, and writes nothing beyond the page. */
static void rubbish(void)
{
	unsigned char *guarded = malloc(FH_PAGE_SIZE);
	size_t n;

	T_NEED(start());
	pattern_fill_partly(page, sizeof(page), 1, 8);
	n = squeeze(3072);
	T_EQ(p->decompress(p->ctx, small, n - 1, guarded), -FH_EIO);
	for (unsigned int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(small); k++)
			small[k] = (unsigned char)rand();
		(void)p->decompress(p->ctx, small, 1 + i, guarded);
	}
	free(guarded);
	hosted_destroy(h);
}

/* docs/protocols.md states these. */
static void contents(void)
{
	uint64_t sum = 0, least = FH_PAGE_SIZE, most = 0;
	size_t n;

	T_NEED(start());
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		uint64_t s = pattern_seed(seed, 0, 0);

		pattern_fill_partly(page, sizeof(page), s, pattern_words(s, 0.35));
		n = squeeze(FH_PAGE_SIZE - 1);
		sum += n;
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	printf("# 35 %%: %llu bytes on average, %llu to %llu\n", (unsigned long long)sum / 2000,
	       (unsigned long long)least, (unsigned long long)most);
	T_OK(sum / 2000 > 1530 && sum / 2000 < 1620, "38 % on average");
	T_OK(least > 820 && least < 900 && most > 2250 && most < 2380, "from 21 to 57 %");
	pattern_fill(page, sizeof(page), 3);
	T_EQ(squeeze(FH_PAGE_SIZE - 1), 0);
	T_EQ(pattern_words(77, 1), PATTERN_LINE);
	T_EQ(pattern_words(77, 0), 0);
	hosted_destroy(h);
}

/* Verified to the last byte, the repeated ones too. */
static void wrong_bytes(void)
{
	for (unsigned int words = 0; words <= PATTERN_LINE; words += 8) {
		pattern_fill_partly(page, sizeof(page), 99, words);
		T_EQ(pattern_check_partly(page, sizeof(page), 99, words), 0);
		for (unsigned int at = 0; at < FH_PAGE_SIZE; at += 123) {
			((unsigned char *)page)[at] ^= 4;
			T_EQ(pattern_check_partly(page, sizeof(page), 99, words), 1);
			((unsigned char *)page)[at] ^= 4;
		}
		T_OK(pattern_check_partly(page, sizeof(page), pattern_seed(1, 2, 3), words) > 3000,
		     "another page");
	}
}

const struct t_case t_cases[] = {T(there_and_back), T(room),	    T(rubbish),
				 T(contents),	    T(wrong_bytes), T_END};
