/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The checks of t.h for programs without t.c (fuzzers, benches): weak, so that t.c's win. */
#include <stdio.h>
#include "../t.h"

__attribute__((weak)) bool t_ok(bool ok, const char *file, int line, const char *expr,
				const char *why)
{
	if (!ok)
		fprintf(stderr, "%s:%d: %s: %s\n", file, line, expr, why);
	return ok;
}

__attribute__((weak)) bool t_eq(int64_t a, int64_t b, const char *file, int line, const char *ea,
				const char *eb)
{
	if (a != b)
		fprintf(stderr, "%s:%d: %s is %lld, %s is %lld\n", file, line, ea, (long long)a, eb,
			(long long)b);
	return a == b;
}

__attribute__((weak)) void t_skip(const char *why)
{
	fprintf(stderr, "skipped: %s\n", why);
}
