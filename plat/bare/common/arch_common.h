/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The parts of arch.h that are the same on every bare machine; see plat/hosted/arch.h for the
 * contract. */
#ifndef FH_PLAT_BARE_ARCH_COMMON_H
#define FH_PLAT_BARE_ARCH_COMMON_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

static inline void arch_yield(void)
{
	arch_relax();
}

/* With interrupts that run a full barrier as plat->sync_cpus(), a compiler barrier is enough here.
 */
static inline void arch_cpu_enter(_Atomic(uint32_t) *w)
{
	atomic_store_explicit(w, 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void arch_cpu_leave(_Atomic(uint32_t) *w)
{
	atomic_store_explicit(w, 0, memory_order_release);
}

static inline uint32_t *arch_held_ranks(void)
{
	return NULL;
}

static inline void arch_copy_page(void *dst, const void *src)
{
	__builtin_memcpy(dst, src, 4096);
}

static inline void arch_zero_page(void *dst)
{
	__builtin_memset(dst, 0, 4096);
}

#endif
