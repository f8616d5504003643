/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* sync_files of <freehold/fence.h>: names, what they show, merges, counts. */
#include <string.h>
#include <freehold/fence.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static struct dma_fence *f[3]; /* of timelines 11, 12, 13 */

static bool start(void)
{
	static const char *const driver[] = {"gpu", "isp",
					     "a driver with a name longer than thirty-one"};

	m = testplat_start(&tp, 8, 0, CMA_POLICY_GUARANTEED, 1);
	for (unsigned int i = 0; m && i < 3; i++)
		T_EQ(dma_fence_create(m, driver[i], "ring", i + 11, 345, &f[i]), 0);
	return m;
}

static void end(void)
{
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(f[i]);
	testplat_end(&tp, m);
}

static struct sync_file *make(struct dma_fence *of)
{
	struct sync_file *s = NULL;

	T_EQ(sync_file_create(of, &s), 0);
	return s;
}

static void of_one_fence(void)
{
	struct sync_fence_info info[2];
	char name[SYNC_FILE_NAME_MAX];
	struct dma_fence *inside;
	struct sync_file *s;
	int32_t status;

	T_NEED(start());
	T_EQ(sync_file_create(NULL, &s), -FH_EINVAL);
	s = make(f[0]);
	T_EQ(sync_file_info(s, name, &status, info, 2), 1);
	T_STR(name, "gpu-ring11-345");
	T_EQ(status, 0);
	T_STR(info[0].driver_name, "gpu");
	T_STR(info[0].obj_name, "ring");
	T_EQ(info[0].status, 0);
	T_EQ(info[0].timestamp_ns, 0);
	T_EQ(dma_fence_signal_at(f[0], 777), 0);
	T_EQ(sync_file_info(s, name, &status, info, 2), 1);
	T_EQ(status, 1);
	T_EQ(info[0].status, 1);
	T_EQ(info[0].timestamp_ns, 777);
	inside = sync_file_get_fence(s);
	T_OK(inside == f[0], "a reference of its own");
	T_OK(sync_file_get(s) == s, "another");
	sync_file_put(s);
	T_EQ(sync_file_info(s, name, &status, NULL, 0), 1);
	sync_file_put(s);
	sync_file_put(NULL);
	T_OK(!sync_file_get(NULL), "NULL in, NULL out");
	dma_fence_put(inside);
	end();
}

static void names_are_cut(void)
{
	struct sync_fence_info info[1];
	char name[SYNC_FILE_NAME_MAX];
	struct sync_file *s, *both;
	int32_t status;

	T_NEED(start());
	s = make(f[2]);
	T_EQ(sync_file_info(s, name, &status, info, 1), 1);
	T_STR(info[0].driver_name, "a driver with a name longer tha");
	T_STR(name, "a driver with a name longer tha");
	T_EQ(sync_file_merge("0123456789012345678901234567890123456789", s, s, &both), 0);
	T_EQ(sync_file_info(both, name, &status, info, 1), 1);
	T_STR(name, "0123456789012345678901234567890");
	sync_file_put(both);
	sync_file_put(s);
	end();
}

static void merged(void)
{
	struct sync_file *a, *b, *ab, *abc, *c;
	struct sync_fence_info info[4];
	char name[SYNC_FILE_NAME_MAX];
	struct dma_fence *inside;
	int32_t status;

	T_NEED(start());
	a = make(f[0]);
	b = make(f[1]);
	c = make(f[2]);
	T_EQ(sync_file_merge("ab", a, b, &ab), 0);
	T_EQ(sync_file_merge("abc", c, ab, &abc), 0);
	sync_file_put(a);
	sync_file_put(b);
	sync_file_put(c);
	sync_file_put(ab);
	memset(info, 0xff, sizeof(info));
	T_EQ(sync_file_info(abc, name, &status, info, 2), 3);
	T_STR(name, "abc");
	T_EQ((unsigned char)info[2].obj_name[0], 0xff); /* no more than there is room for */
	T_EQ(dma_fence_set_error(f[1], -FH_EIO), 0);
	T_EQ(dma_fence_signal(f[1]), 0);
	T_EQ(dma_fence_signal(f[0]), 0);
	T_EQ(sync_file_info(abc, name, &status, info, 4), 3);
	T_EQ(status, 0);
	T_EQ(info[0].status + info[1].status + info[2].status, 1 - FH_EIO);
	T_EQ(dma_fence_signal(f[2]), 0);
	T_EQ(sync_file_info(abc, name, &status, info, 4), 3);
	T_EQ(status, -FH_EIO);
	inside = sync_file_get_fence(abc);
	sync_file_put(abc);
	T_EQ(dma_fence_get_status(inside), -FH_EIO);

	/* Nothing is left of what is done. */
	a = make(f[0]);
	T_EQ(sync_file_merge("done", a, a, &b), 0);
	T_EQ(sync_file_info(b, name, &status, info, 4), 1);
	T_EQ(status, 1);
	T_EQ(info[0].timestamp_ns, f[0]->timestamp_ns);
	sync_file_put(a);
	sync_file_put(b);
	dma_fence_put(inside);
	end();
}

const struct t_case t_cases[] = {T(of_one_fence), T(names_are_cut), T(merged), T_END};
