/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The hot half of the platform contract on bare riscv64: tp holds the hart's number. */
#ifndef FH_PLAT_BARE_ARCH_H
#define FH_PLAT_BARE_ARCH_H

static inline unsigned int arch_cpu_id(void)
{
	unsigned long id;

	__asm__ volatile("mv %0, tp" : "=r"(id));
	return (unsigned int)id;
}

static inline void arch_relax(void)
{
	__asm__ volatile(".insn i 0x0F, 0, x0, x0, 0x010" ::: "memory");
}

/* Base rv64 has no count-trailing-zeros, and GCC would call libgcc for it. */
static inline unsigned int arch_ctz64(unsigned long w)
{
	unsigned int n = 0;

	for (unsigned int step = 32; step; step >>= 1) {
		unsigned long low = w & ((1ul << step) - 1);

		if (!low) {
			w >>= step;
			n += step;
		} else {
			w = low;
		}
	}
	return n;
}

#include "../common/arch_common.h"

#endif
