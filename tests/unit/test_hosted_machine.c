/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine in one call: what is asked for is there, and what cannot be is said in one line. */
#include <string.h>
#include <freehold/cma.h>
#include <freehold/hosted.h>
#include <freehold/mem.h>
#include "t.h"

#define MIB (UINT64_C(1) << 20)

static void made(void)
{
	struct hosted_why why = {""};
	struct fh_mem_info info;
	struct fh_machine *m;
	struct hosted *h;

	T_NEED(!hosted_machine(&h, &m, "cma=16M", 64 * MIB, &why));
	fh_mem_info(m, &info);
	T_EQ(info.total, 64 * MIB >> FH_PAGE_SHIFT);
	T_EQ(cma_get_size(cma_default(m)), 16 * MIB);
	fh_machine_destroy(m);
	hosted_destroy(h);
}

static void refused(void)
{
	static const struct {
		const char *args, *says;
		uint64_t ram;
	} bad[] = {
		{"cma=16Q", "cma=", 64 * MIB},
		{"", "memory node", 0},
		{"", "pass bit 48", UINT64_C(1) << 52},
	};
	struct fh_machine *m;
	struct hosted *h;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hosted_why why = {""};

		T_OK(hosted_machine(&h, &m, bad[i].args, bad[i].ram, &why) < 0, "refused");
		T_OK(strstr(why.text, bad[i].says) && !strchr(why.text, '\n'), why.text);
	}
}

const struct t_case t_cases[] = {T(made), T(refused), T_END};
