/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* libFuzzer's way into the operations: any bytes, a machine and its model. */
#include <stdio.h>
#include <stdlib.h>
#include "ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ops_result result = {.show_from = 0};

	if (ops_run(data, size, OPS_QUIET, &result))
		return 0;
	fprintf(stderr, "operation %u: %s\n", result.op, result.wrong);
	ops_run(data, size, OPS_VERBOSE, &result);
	abort();
}
