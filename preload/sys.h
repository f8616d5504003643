/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* System calls made directly: no errno, no cancellation, no other library in between, in signal handlers as well. */
#ifndef PRELOAD_SYS_H
#define PRELOAD_SYS_H

#include <errno.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long sys_call(long nr, const long *a)
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long r = nr;

	__asm__ volatile("syscall"
			 : "+a"(r)
			 : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}
#elif defined(__aarch64__)
static inline long sys_call(long nr, const long *a)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a[0];
	register long x1 __asm__("x1") = a[1];
	register long x2 __asm__("x2") = a[2];
	register long x3 __asm__("x3") = a[3];
	register long x4 __asm__("x4") = a[4];
	register long x5 __asm__("x5") = a[5];

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "freehold exec --preload knows the system calls of x86_64 and aarch64"
#endif

/* Up to six arguments, of any type: a value or a negative errno. */
#define SYS(nr, ...) sys_call(nr, (const long[6]){__VA_ARGS__})

#endif
