/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Threads as CPUs: their numbers, sleeping and waking, and the barrier on all of them at once. */
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "state.h"
#include "arch.h"

__thread unsigned int hosted_cpu_id = ~0u;
extern __thread uint32_t
	hosted_held_ranks; /* arch.h shows it to the core only with FH_LOCK_CHECK */
__thread uint32_t hosted_held_ranks;
extern bool hosted_has_avx2; /* arch.h shows it where it is of use */
bool hosted_has_avx2;

void hosted_cpu_set(unsigned int n)
{
	hosted_cpu_id = n;
}

void hosted_yield(void)
{
	sched_yield();
}

void hosted_cpu_look(void)
{
#ifdef __x86_64__
	if (!hosted_has_avx2 && __builtin_cpu_supports("avx2"))
		hosted_has_avx2 = true;
#endif
}

bool hosted_sync_register(void)
{
	long have = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	return have >= 0 && have & MEMBARRIER_CMD_PRIVATE_EXPEDITED &&
	       !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

void hosted_sync_cpus(void *ctx)
{
	/* Registered: it cannot fail, and the core could not go on if it did. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
		hosted_stop(ctx, "membarrier(2) failed after it was registered");
}

/* FUTEX_WAIT_BITSET takes the moment, not how long until then. */
void hosted_wait(void *ctx, _Atomic(uint32_t) *word, uint32_t value, uint64_t until_ns)
{
	struct timespec at = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};

	(void)ctx;
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, until_ns ? &at : NULL, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

void hosted_wake(void *ctx, _Atomic(uint32_t) *word)
{
	(void)ctx;
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}
