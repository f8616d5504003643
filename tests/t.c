/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* main() of every test program: runs t_cases[] and prints TAP. An argument runs the cases it names.
 */
#include <stdio.h>
#include <string.h>
#include "t.h"

static bool failed;
static const char *skipped;

bool t_ok(bool ok, const char *file, int line, const char *expr, const char *why)
{
	if (!ok) {
		failed = true;
		printf("# %s:%d: %s: %s\n", file, line, expr, why);
	}
	return ok;
}

bool t_eq(int64_t a, int64_t b, const char *file, int line, const char *ea, const char *eb)
{
	if (a != b) {
		failed = true;
		printf("# %s:%d: %s is %lld, %s is %lld\n", file, line, ea, (long long)a, eb,
		       (long long)b);
	}
	return a == b;
}

bool t_str(const char *a, const char *b, const char *file, int line, const char *ea)
{
	bool same = a && b && !strcmp(a, b);

	if (!same) {
		failed = true;
		printf("# %s:%d: %s is\n#   %s\n# not\n#   %s\n", file, line, ea, a ? a : "NULL",
		       b ? b : "NULL");
	}
	return same;
}

void t_skip(const char *why)
{
	skipped = why;
}

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	int n = 0, bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (const struct t_case *c = t_cases; c->name; c++) {
		if (!wanted(c->name, argc, argv))
			continue;
		failed = false;
		skipped = NULL;
		c->run();
		n++;
		bad += failed;
		printf("%s %d - %s%s%s\n", failed ? "not ok" : "ok", n, c->name,
		       skipped && !failed ? " # SKIP " : "", skipped && !failed ? skipped : "");
	}
	printf("1..%d\n", n);
	return bad ? 1 : 0;
}
