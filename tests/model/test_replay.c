/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every kept input of tests/corpus/ops, once. FH_OPS=file runs that one and shows its operations. */
#include <stdio.h>
#include "corpus.h"
#include "ops.h"
#include "t.h"

static void run_file(const char *path, uint8_t *data, size_t len, bool shown)
{
	struct ops_result result = {.show_from = 0};

	if (ops_run(data, len, shown ? OPS_VERBOSE : OPS_QUIET, &result))
		return;
	printf("# %s, operation %u:\n", path, result.op);
	t_ok(false, __FILE__, __LINE__, "the machine does as the model says", result.wrong);
}

static void corpus(void)
{
	corpus_replay("tests/corpus/ops", "FH_OPS", run_file);
}

const struct t_case t_cases[] = {T(corpus), T_END};
