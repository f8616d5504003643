/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The account of DESIGN G2: admission. */
#include "mm/budget.h"
#include "mm/policy.h"

bool budget_fits(const struct fh_machine *m, uint64_t need)
{
	return policy_admit(budget_capacity(m), budget_used(m), need);
}

#define OTHERS_TURNS 256

/* One try. *others: somebody else was about to add, too. */
static bool reserve(struct fh_machine *m, uint64_t need, bool *others)
{
	int64_t sum;

	*others = atomic_fetch_add_explicit(&m->reserving, 1, memory_order_seq_cst);
	sum = atomic_fetch_add_explicit(&m->account, (int64_t)need, memory_order_seq_cst);
	if (policy_admit(budget_capacity(m), sum < 0 ? 0 : (uint64_t)sum, need))
		return true;
	budget_done(m, need);
	return false;
}

bool budget_reserve(struct fh_machine *m, uint64_t need)
{
	bool others;

	/* What others are about to add is there twice for a moment, and more than they will use: nobody is refused for
	 * that while it passes. */
	for (unsigned int turn = 0; turn < OTHERS_TURNS; turn++) {
		if (reserve(m, need, &others))
			return true;
		if (!others)
			break;
		fh_spin(turn);
	}
	return false;
}

void budget_done(struct fh_machine *m, uint64_t need)
{
	budget_add(m, -(int64_t)need);
	atomic_fetch_sub_explicit(&m->reserving, 1, memory_order_seq_cst);
}
