/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The hot half of the platform contract on bare x86_64: the GS base holds the CPU's number. */
#ifndef FH_PLAT_BARE_ARCH_H
#define FH_PLAT_BARE_ARCH_H

static inline unsigned int arch_cpu_id(void)
{
	unsigned long id;

	__asm__ volatile("rdgsbase %0" : "=r"(id));
	return (unsigned int)id;
}

static inline void arch_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static inline unsigned int arch_ctz64(unsigned long w)
{
	return (unsigned int)__builtin_ctzll(w);
}

#include "../common/arch_common.h"

#endif
