/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* base/fmt: the same text and length as the libc's printf, cut where the buffer ends. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "base/fmt.h"
#include "t.h"

/* One format, both printers; size after size, so that every place to cut is tried. */
#define SAME(...)                                                                                  \
	do {                                                                                       \
		char a[200], b[200];                                                               \
		for (size_t size = 1; size < sizeof(a); size++) {                                  \
			size_t la = fh_snprintf(a, size, __VA_ARGS__);                             \
			size_t lb = (size_t)snprintf(b, size, __VA_ARGS__);                        \
			if (!T_EQ(la, lb) || !T_STR(a, b))                                         \
				break;                                                             \
		}                                                                                  \
	} while (0)

static void numbers(void)
{
	SAME("%d %i %u", 0, -1, 4000000000u);
	SAME("%d %d", INT_MIN, INT_MAX);
	SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
	SAME("%lld %llu %llX", LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
	SAME("%zu %zx", SIZE_MAX, (size_t)255);
	SAME("%hd %hu", (short)-5, (unsigned short)65535);
	SAME("%x %X", 0xdeadbeefu, 0xdeadbeefu);
}

static void widths(void)
{
	SAME("[%5d][%-5d][%05d]", 42, 42, 42);
	SAME("[%5d][%-5d][%05d]", -42, -42, -42);
	SAME("[%2d][%02d]", 12345, 12345);
	SAME("[%8.3d][%-8.3d][%.5x]", 7, 7, 0xabu);
	SAME("[%*d][%-*d]", 6, 1, 6, 1);
	SAME("[%#x][%#X][%#x][%#10x][%-#10x][%#010x][%#llx]", 255u, 255u, 0u, 255u, 255u, 255u,
	     ~0ull);
	SAME("[%016llx][%8lx]", 0x123456789abcdefull, 0xfeul);
}

/* With a precision zeros do not fill the width; the compiler would say so. */
static void zeros_and_precision(void)
{
	char a[32];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
	fh_snprintf(a, sizeof(a), "[%08.1d][%-08d]", 77, 7);
#pragma GCC diagnostic pop
	T_STR(a, "[      77][7       ]");
}

static void strings(void)
{
	SAME("%s|%10s|%-10s|%.2s|%10.2s|%.*s", "abc", "abc", "abc", "abc", "abc", 1, "abc");
	SAME("%c%c%%", 'x', 'y');
	SAME("%s", "");
	SAME("%.0s|", "never");
}

static void pointers(void)
{
	char a[64], b[64];

	fh_snprintf(a, sizeof(a), "%p", (void *)a);
	snprintf(b, sizeof(b), "%p", (void *)a);
	T_STR(a, b);
}

static void no_room(void)
{
	char a[4] = "xyz";

	T_EQ(fh_snprintf(a, 0, "abc"), 3);
	T_STR(a, "xyz");
	T_EQ(fh_snprintf(NULL, 0, "%d", 12345), 5);
	T_EQ(fh_snprintf(a, 1, "abc"), 3);
	T_STR(a, "");
}

static void unknown_is_copied(void)
{
	const char *volatile fmt = "a%qb%"; /* not for the compiler's check */
	char a[32];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	fh_snprintf(a, sizeof(a), fmt);
#pragma GCC diagnostic pop
	T_OK(!strncmp(a, "a%qb", 4), a);
}

static void text_grows(void)
{
	char buf[8];
	struct fh_text t = {buf, sizeof(buf), 0};

	fh_text_add(&t, "%s", "abcd");
	T_EQ(t.len, 4);
	fh_text_add(&t, "%d", 123456);
	T_EQ(t.len, 10);
	T_STR(buf, "abcd123");
	fh_text_add(&t, "more");
	T_EQ(t.len, 14);
	T_STR(buf, "abcd123");
}

const struct t_case t_cases[] = {T(numbers),	       T(widths),     T(zeros_and_precision),
				 T(strings),	       T(pointers),   T(no_room),
				 T(unknown_is_copied), T(text_grows), T_END};
