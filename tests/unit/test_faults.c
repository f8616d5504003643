/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Calls of a platform that fail at random: how many, which, and what they leave behind. */
#include <stdlib.h>
#include <string.h>
#include "faults.h"
#include "t.h"

#define CALLS 100000

static unsigned int waits, writes;
static unsigned char written[FH_PAGE_SIZE];

static void *real_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return calloc(1, size);
}

static void real_free(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)size;
	free(p);
}

static void real_wait(void *ctx, _Atomic(uint32_t) *word, uint32_t value, uint64_t until_ns)
{
	(void)ctx, (void)word, (void)value, (void)until_ns;
	waits++;
}

static int real_write(void *priv, uint64_t index, const void *page)
{
	(void)priv, (void)index;
	writes++;
	memcpy(written, page, FH_PAGE_SIZE);
	return 0;
}

static int real_read(void *priv, uint64_t index, void *page)
{
	(void)priv, (void)index;
	memset(page, 7, FH_PAGE_SIZE);
	return 0;
}

static const struct plat real = {.alloc = real_alloc,
				 .free = real_free,
				 .wait = real_wait,
				 .swap_write = real_write,
				 .swap_read = real_read};
static const struct fh_object_ops file = {real_read, real_write};

static void how_many(void)
{
	static bool hit[CALLS];
	struct faults f;
	uint64_t n = 0;

	faults_init(&f, &real, 100, 1);
	for (unsigned int i = 0; i < CALLS; i++)
		n += faults_hit(&f, FAULT_MAP);
	T_EQ(n, 0);
	T_EQ(f.calls[FAULT_MAP], 0);
	faults_set(&f, true);
	for (unsigned int i = 0; i < CALLS; i++)
		n += hit[i] = faults_hit(&f, FAULT_MAP);
	T_OK(n > 850 && n < 1150, "about one in a hundred");
	T_EQ(f.calls[FAULT_MAP], CALLS);
	T_EQ(f.failed[FAULT_MAP], n);
	T_EQ(faults_failed(&f), n);
	T_EQ(f.failed[FAULT_ALLOC], 0);
	/* The same seed: the same calls, whatever else is called in between. Another: others. */
	for (uint64_t seed = 1; seed < 3; seed++) {
		uint64_t same = 0;

		faults_init(&f, &real, 100, seed);
		faults_set(&f, true);
		for (unsigned int i = 0; i < CALLS; i++) {
			(void)faults_hit(&f, FAULT_ALLOC);
			same += faults_hit(&f, FAULT_MAP) && hit[i];
		}
		T_OK(seed == 1 ? same == n : same < n / 10, "by the seed");
	}
	faults_init(&f, &real, 0, 1);
	faults_set(&f, true);
	for (n = 0; n < CALLS && !faults_hit(&f, FAULT_MAP); n++)
		;
	T_EQ(n, CALLS);
}

static void memory(void)
{
	unsigned int refused = 0;
	struct faults f;
	void *p[64];

	faults_init(&f, &real, 2, 1);
	faults_set(&f, true);
	for (unsigned int i = 0; i < 64; i++) {
		p[i] = f.plat.alloc(f.plat.ctx, 100);
		refused += !p[i];
	}
	T_OK(refused > 10 && refused < 54, "about half");
	T_EQ(f.bytes, (64 - refused) * 100);
	for (unsigned int i = 0; i < 64; i++)
		if (p[i])
			f.plat.free(f.plat.ctx, p[i], 100);
	T_EQ(f.bytes, 0);
	T_OK(!f.plat.map && !f.plat.log, "what the platform does not have");
}

static bool all(const unsigned char *p, unsigned char byte)
{
	for (unsigned int i = 0; i < FH_PAGE_SIZE; i++)
		if (p[i] != byte)
			return false;
	return true;
}

/* A call that fails does harm where the contract lets it. */
static void harm(void)
{
	static unsigned char page[FH_PAGE_SIZE], mine[FH_PAGE_SIZE];
	_Atomic(uint32_t) word = 0;
	struct faults f;

	memset(mine, 3, sizeof(mine));
	faults_init(&f, &real, 2, 1);
	faults_set(&f, true);
	for (unsigned int i = 0; i < 64; i++) {
		int err = i % 2 ? f.plat.swap_read(f.plat.ctx, 0, page)
				: faults_read(&f, &file, NULL, 0, page);

		T_OK(err ? err == -FH_EIO && !all(page, 7) : all(page, 7), "read");
		err = i % 2 ? f.plat.swap_write(f.plat.ctx, 0, mine)
			    : faults_write(&f, &file, NULL, 0, mine);
		T_OK(err ? err == -FH_EIO && !all(written, 3) : all(written, 3), "write");
		f.plat.wait(f.plat.ctx, &word, 0, 0);
	}
	T_EQ(writes, 64);
	T_EQ(f.calls[FAULT_SWAP_READ], 32);
	T_EQ(f.calls[FAULT_FILE_WRITE], 32);
	T_OK(f.failed[FAULT_FILE_READ] && f.failed[FAULT_SWAP_WRITE], "some of each");
	T_EQ(waits, 64 - f.failed[FAULT_WAIT]);
	T_OK(f.failed[FAULT_WAIT] > 10, "returns early");
}

const struct t_case t_cases[] = {T(how_many), T(memory), T(harm), T_END};
