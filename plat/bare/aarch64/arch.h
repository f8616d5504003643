/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The hot half of the platform contract on bare aarch64: TPIDR_EL1 holds the CPU's number. */
#ifndef FH_PLAT_BARE_ARCH_H
#define FH_PLAT_BARE_ARCH_H

static inline unsigned int arch_cpu_id(void)
{
	unsigned long id;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(id));
	return (unsigned int)id;
}

static inline void arch_relax(void)
{
	__asm__ volatile("yield" ::: "memory");
}

static inline unsigned int arch_ctz64(unsigned long w)
{
	return (unsigned int)__builtin_ctzll(w);
}

#include "../common/arch_common.h"

#endif
