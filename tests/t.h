/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A TAP runner small enough to run without a libc.
 *
 *	static void merges(void) { T_EQ(f(2), 4); T_OK(ptr, "made"); }
 *	const struct t_case t_cases[] = { T(merges), T_END };
 *
 * One file, one program: t.c holds main(), which runs t_cases[] in order and prints TAP. A failed
 * check says where and both values, marks the case "not ok", and goes on; T_NEED ends the case.
 * T_SKIP ends it as "ok # SKIP why".
 */
#ifndef FH_TEST_T_H
#define FH_TEST_T_H

#include <stdbool.h>
#include <stdint.h>

struct t_case {
	const char *name;
	void (*run)(void);
};

#define T(fn)                                                                                      \
	{                                                                                          \
#fn, fn                                                                            \
	}
#define T_END                                                                                      \
	{                                                                                          \
		0, 0                                                                               \
	}

extern const struct t_case t_cases[];

bool t_ok(bool ok, const char *file, int line, const char *expr, const char *why);
bool t_eq(int64_t a, int64_t b, const char *file, int line, const char *ea, const char *eb);
bool t_str(const char *a, const char *b, const char *file, int line, const char *ea);
void t_skip(const char *why);

#define T_OK(expr, why) t_ok((expr), __FILE__, __LINE__, #expr, (why))
#define T_EQ(a, b)	t_eq((int64_t)(a), (int64_t)(b), __FILE__, __LINE__, #a, #b)
#define T_STR(a, b)	t_str((a), (b), __FILE__, __LINE__, #a)
#define T_NEED(expr)                                                                               \
	do {                                                                                       \
		if (!T_OK(expr, "needed to go on"))                                                \
			return;                                                                    \
	} while (0)
#define T_SKIP(why)                                                                                \
	do {                                                                                       \
		t_skip(why);                                                                       \
		return;                                                                            \
	} while (0)

#endif
