/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The platform contract, hot half, in a Linux process: threads are CPUs.
 *
 * Every platform's arch.h provides, inline:
 *   arch_cpu_id()       which CPU this thread is; any value not below nr_cpus means "none"
 *   arch_relax()        in a spin loop
 *   arch_yield()        in a spin loop that has lasted: the holder may not be running
 *   arch_cpu_enter(w)   *w = 1 by the one CPU that owns w, then nothing that follows moves above it
 *                       once plat->sync_cpus() has run on another CPU (the cheap half of an
 * asymmetric fence; the dear half is sync_cpus) arch_cpu_leave(w)   *w = 0, after all before it
 *   arch_ctz64(w)       index of the lowest set bit; w is not 0
 *   arch_held_ranks()   where this CPU keeps the ranks of the locks it holds, or NULL: unchecked
 *   arch_copy_page(), arch_zero_page()
 */
#ifndef FH_PLAT_HOSTED_ARCH_H
#define FH_PLAT_HOSTED_ARCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern __thread unsigned int hosted_cpu_id; /* ~0u until hosted_cpu_set() */

void hosted_yield(void);

static inline unsigned int arch_cpu_id(void)
{
	return hosted_cpu_id;
}

static inline void arch_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static inline void arch_yield(void)
{
	hosted_yield();
}

#ifdef __SANITIZE_THREAD__
#define ARCH_ENTER_ORDER memory_order_seq_cst /* ThreadSanitizer does not know membarrier(2) */
#else
#define ARCH_ENTER_ORDER memory_order_relaxed
#endif

static inline void arch_cpu_enter(_Atomic(uint32_t) *w)
{
	atomic_store_explicit(w, 1, ARCH_ENTER_ORDER);
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void arch_cpu_leave(_Atomic(uint32_t) *w)
{
	atomic_store_explicit(w, 0, memory_order_release);
}

static inline unsigned int arch_ctz64(uint64_t w)
{
	return (unsigned int)__builtin_ctzll(w);
}

#ifdef FH_LOCK_CHECK
extern __thread uint32_t hosted_held_ranks;

static inline uint32_t *arch_held_ranks(void)
{
	return &hosted_held_ranks;
}
#else
static inline uint32_t *arch_held_ranks(void)
{
	return NULL;
}
#endif

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
extern bool hosted_has_avx2; /* once hosted_create() has looked */

static inline void arch_copy_128(char *to, const char *from)
{
	__asm__ volatile("movdqu (%1), %%xmm0\n\t"
			 "movdqu 16(%1), %%xmm1\n\t"
			 "movdqu 32(%1), %%xmm2\n\t"
			 "movdqu 48(%1), %%xmm3\n\t"
			 "movdqu 64(%1), %%xmm4\n\t"
			 "movdqu 80(%1), %%xmm5\n\t"
			 "movdqu 96(%1), %%xmm6\n\t"
			 "movdqu 112(%1), %%xmm7\n\t"
			 "movntdq %%xmm0, (%0)\n\t"
			 "movntdq %%xmm1, 16(%0)\n\t"
			 "movntdq %%xmm2, 32(%0)\n\t"
			 "movntdq %%xmm3, 48(%0)\n\t"
			 "movntdq %%xmm4, 64(%0)\n\t"
			 "movntdq %%xmm5, 80(%0)\n\t"
			 "movntdq %%xmm6, 96(%0)\n\t"
			 "movntdq %%xmm7, 112(%0)"
			 :
			 : "r"(to), "r"(from)
			 : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7");
}

static inline void arch_copy_128_avx2(char *to, const char *from)
{
	__asm__ volatile("vmovdqu (%1), %%ymm0\n\t"
			 "vmovdqu 32(%1), %%ymm1\n\t"
			 "vmovdqu 64(%1), %%ymm2\n\t"
			 "vmovdqu 96(%1), %%ymm3\n\t"
			 "vmovntdq %%ymm0, (%0)\n\t"
			 "vmovntdq %%ymm1, 32(%0)\n\t"
			 "vmovntdq %%ymm2, 64(%0)\n\t"
			 "vmovntdq %%ymm3, 96(%0)"
			 :
			 : "r"(to), "r"(from)
			 : "memory", "xmm0", "xmm1", "xmm2", "xmm3");
}

/* Past the caches: a page that moves is as a rule cold, and reading its new place first would cost a third more. The
 * fence makes the bytes visible before whatever says where they are. */
static inline void arch_copy_page(void *dst, const void *src)
{
	char *to = dst;
	const char *from = src, *end = from + 4096;

	if (hosted_has_avx2) {
		for (; from < end; from += 128, to += 128)
			arch_copy_128_avx2(to, from);
		__asm__ volatile("vzeroupper" ::: "memory");
	} else {
		for (; from < end; from += 128, to += 128)
			arch_copy_128(to, from);
	}
	__asm__ volatile("sfence" ::: "memory");
}
#else
static inline void arch_copy_page(void *dst, const void *src)
{
	__builtin_memcpy(dst, src, 4096);
}
#endif

static inline void arch_zero_page(void *dst)
{
	__builtin_memset(dst, 0, 4096);
}

#endif
