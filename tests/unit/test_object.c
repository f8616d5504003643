/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/object.h>: objects: bytes, files, punching, and every bad argument. */
#include <stdlib.h>
#include <string.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/objects.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static struct fh_object *o;
static unsigned char disk[8][FH_PAGE_SIZE];
static int read_error, write_error;
static unsigned int reads, writes;

static int disk_read(void *priv, uint64_t index, void *page)
{
	T_OK(priv == disk, "the priv that was given");
	reads++;
	if (!read_error)
		memcpy(page, disk[index], FH_PAGE_SIZE);
	return read_error;
}

static int disk_write(void *priv, uint64_t index, const void *page)
{
	T_OK(priv == disk, "the priv that was given");
	writes++;
	if (!write_error)
		memcpy(disk[index], page, FH_PAGE_SIZE);
	return write_error;
}

static const struct fh_object_ops ops = {disk_read, disk_write};

static bool start(const struct fh_object_ops *with)
{
	read_error = write_error = 0;
	reads = writes = 0;
	for (int i = 0; i < 8; i++)
		memset(disk[i], 'a' + i, FH_PAGE_SIZE);
	m = testplat_start(&tp, 32, 8, CMA_POLICY_GUARANTEED, 1);
	return m && T_EQ(fh_object_create(m, 8, with, disk, &o), 0);
}

static void end(void)
{
	fh_object_destroy(o);
	testplat_end(&tp, m);
}

static void bad_arguments(void)
{
	struct fh_object *p = NULL;
	char b[1];
	pfn_t pfn;

	T_NEED(start(NULL));
	T_EQ(fh_object_create(NULL, 1, NULL, NULL, &p), -FH_EINVAL);
	T_EQ(fh_object_create(m, 1, NULL, NULL, NULL), -FH_EINVAL);
	T_EQ(fh_object_create(m, 0, NULL, NULL, &p), -FH_EINVAL);
	T_EQ(fh_object_create(m, (UINT64_C(1) << 32) - 1, NULL, NULL, &p), -FH_EINVAL);
	T_EQ(fh_object_create(m, UINT64_MAX, NULL, NULL, &p), -FH_EINVAL);
	T_OK(!p, "nothing is made");
	T_EQ(fh_object_read(NULL, 0, 0, b, 1), -FH_EINVAL);
	T_EQ(fh_object_read(o, 8, 0, b, 1), -FH_EINVAL);
	T_EQ(fh_object_read(o, UINT64_MAX, 0, b, 1), -FH_EINVAL);
	T_EQ(fh_object_read(o, 0, FH_PAGE_SIZE, b, 1), -FH_EINVAL);
	T_EQ(fh_object_read(o, 0, 1, b, FH_PAGE_SIZE), -FH_EINVAL);
	T_EQ(fh_object_read(o, 0, 1, b, SIZE_MAX), -FH_EINVAL);
	T_EQ(fh_object_read(o, 0, SIZE_MAX, b, 1), -FH_EINVAL);
	T_EQ(fh_object_write(NULL, 0, 0, b, 1), -FH_EINVAL);
	T_EQ(fh_object_write(o, 8, 0, b, 1), -FH_EINVAL);
	T_EQ(fh_object_write(o, 0, FH_PAGE_SIZE - 1, b, 2), -FH_EINVAL);
	T_EQ(fh_object_where(o, 8, &pfn), -FH_EINVAL);
	T_EQ(fh_object_where(o, 0, &pfn), -FH_ENOENT);
	T_EQ(fh_object_punch(NULL, 0, 1), 0);
	T_EQ(fh_object_punch(o, 8, 1), 0);
	T_EQ(fh_object_read(o, 7, FH_PAGE_SIZE - 1, b, 1), 0);
	T_EQ(fh_object_read(o, 0, FH_PAGE_SIZE, b, 0), 0);
	fh_object_destroy(NULL);
	end();
}

static void anonymous(void)
{
	unsigned char page[FH_PAGE_SIZE], zero[FH_PAGE_SIZE] = {0};

	T_NEED(start(NULL));
	memset(page, 1, sizeof(page));
	T_EQ(fh_object_read(o, 0, 0, page, sizeof(page)), 0);
	T_OK(!memcmp(page, zero, sizeof(page)), "read as zero");
	T_EQ(fh_object_write(o, 3, 4090, "tenant", 6), 0);
	T_EQ(fh_object_read(o, 3, 4090, page, 6), 0);
	T_OK(!memcmp(page, "tenant", 6), "what was written");
	T_EQ(fh_object_read(o, 3, 0, page, 4090), 0);
	T_OK(!memcmp(page, zero, 4090), "and nothing else");
	T_EQ(fh_object_writeback(o, 3), -FH_EINVAL);
	TP_CHECK(m);
	end();
}

static void a_file(void)
{
	unsigned char b[2];

	T_NEED(start(&ops));
	T_EQ(fh_object_read(o, 2, 100, b, 2), 0);
	T_EQ(b[0], 'c');
	T_EQ(fh_object_read(o, 2, 0, b, 2), 0);
	T_EQ(reads, 1);
	T_EQ(fh_object_write(o, 2, 1, "Z", 1), 0);
	T_EQ(disk[2][1], 'c');
	T_EQ(fh_object_writeback(o, 2), 0);
	T_EQ(disk[2][1], 'Z');
	T_EQ(disk[2][0], 'c');
	T_EQ(fh_object_writeback(o, 2), 0);
	T_EQ(fh_object_writeback(o, 5), 0);
	T_EQ(writes, 1);
	T_EQ(fh_object_writeback(o, 8), -FH_EINVAL);
	T_EQ(fh_object_writeback(NULL, 0), -FH_EINVAL);
	end();
}

static void errors_of_the_file(void)
{
	unsigned char b = 0;
	pfn_t pfn;

	T_NEED(start(&ops));
	read_error = -FH_EIO;
	T_EQ(fh_object_read(o, 0, 0, &b, 1), -FH_EIO);
	T_EQ(fh_object_write(o, 0, 0, &b, 1), -FH_EIO);
	T_EQ(fh_object_pin(o, 0, &pfn), -FH_EIO);
	T_EQ(fh_object_where(o, 0, &pfn), -FH_ENOENT);
	read_error = 0;
	T_EQ(fh_object_write(o, 0, 0, "Q", 1), 0);
	write_error = -FH_ENOSPC;
	T_EQ(fh_object_writeback(o, 0), -FH_ENOSPC);
	TP_CHECK(m);
	write_error = 0;
	T_EQ(fh_object_writeback(o, 0), 0); /* it stayed dirty */
	T_EQ(disk[0][0], 'Q');
	end();
}

static void punching(void)
{
	unsigned char b = 1;
	pfn_t pfn;

	T_NEED(start(&ops));
	for (uint64_t i = 0; i < 6; i++)
		T_EQ(fh_object_write(o, i, 0, "!", 1), 0);
	T_EQ(fh_object_pin(o, 2, &pfn), 0);
	T_EQ(fh_object_punch(o, 1, 3), 2);
	T_EQ(fh_object_where(o, 1, &pfn), -FH_ENOENT);
	T_EQ(fh_object_where(o, 2, &pfn), 0);
	T_EQ(fh_object_read(o, 1, 0, &b, 1), 0);
	T_EQ(b, 'b');				    /* the dirty byte is lost */
	T_EQ(fh_object_punch(o, 0, UINT64_MAX), 4); /* all but the pinned */
	T_EQ(fh_object_unpin(o, 2), 0);
	T_EQ(fh_object_punch(o, 0, 8), 1);
	T_EQ(fh_object_punch(o, 0, 8), 0);
	TP_CHECK(m);
	end();
}

/* A punch longer than one batch. */
static void punching_much(void)
{
	struct fh_object *big;

	T_NEED(start(NULL));
	T_EQ(fh_object_create(m, 100000, NULL, NULL, &big), 0);
	for (uint64_t i = 0; i < 300; i++)
		T_EQ(fh_object_write(big, i * 300, 0, "x", 1), 0);
	T_EQ(fh_object_punch(big, 300, 100000), 299);
	T_EQ(fh_object_punch(big, 0, 300), 1);
	fh_object_destroy(big);
	end();
}

static void destroyed_while_held(void *arg)
{
	(void)arg;
	fh_object_destroy(o);
}

static void destroying_what_is_held_stops(void)
{
	pfn_t pfn;

	T_NEED(start(NULL));
	T_EQ(fh_object_pin(o, 0, &pfn), 0);
	T_OK(testplat_dies(destroyed_while_held, NULL), "the caller owes the unpin");
	T_EQ(fh_object_unpin(o, 0), 0);
	end();
}

/* Out of frames is an ordinary result, and giving some up helps. */
static void no_memory(void)
{
	struct fh_object *big;
	uint64_t n = 0;
	int err = 0;

	T_NEED(start(NULL));
	T_EQ(fh_object_create(m, 20000, NULL, NULL, &big), 0);
	while (!(err = fh_object_write(big, n, 0, &n, 8)) && n < 20000)
		n++;
	T_EQ(err, -FH_ENOMEM);
	TP_CHECK(m);
	T_EQ(fh_object_punch(big, 0, 200), 200);
	T_EQ(fh_object_write(big, n, 0, &n, 8), 0);
	for (uint64_t i = 200, v; i <= n; i++)
		if (!T_OK(!fh_object_read(big, i, 0, &v, 8) && v == i, "its bytes"))
			break;
	fh_object_destroy(big);
	end();
}

const struct t_case t_cases[] = {T(bad_arguments),
				 T(anonymous),
				 T(a_file),
				 T(errors_of_the_file),
				 T(punching),
				 T(punching_much),
				 T(destroying_what_is_held_stops),
				 T(no_memory),
				 T_END};
