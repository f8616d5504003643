/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every kept input of tests/corpus/ops, once. FH_OPS=file runs that one and shows its operations.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ops.h"
#include "t.h"

#define CORPUS	 "tests/corpus/ops"
#define MAX_SIZE 65536

static bool run_file(const char *path, enum ops_flags flags)
{
	static uint8_t data[MAX_SIZE];
	FILE *f = fopen(path, "rb");
	struct ops_result result = {.show_from = 0};
	size_t len;

	if (!T_OK(f, path))
		return false;
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	if (ops_run(data, len, flags, &result))
		return true;
	printf("# %s, operation %u:\n", path, result.op);
	return t_ok(false, __FILE__, __LINE__, "the machine does as the model says", result.wrong);
}

static void corpus(void)
{
	const char *one = getenv("FH_OPS");
	struct dirent *e;
	unsigned int n = 0;
	char path[512];
	DIR *dir;

	if (one) {
		run_file(one, OPS_VERBOSE);
		return;
	}
	dir = opendir(CORPUS);
	if (!dir)
		T_SKIP("no " CORPUS " here: run from the root of the repository");
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CORPUS "/%s", e->d_name);
		run_file(path, OPS_QUIET);
		n++;
	}
	closedir(dir);
	T_OK(n > 0, "the corpus has inputs");
	printf("# %u inputs\n", n);
}

const struct t_case t_cases[] = {T(corpus), T_END};
