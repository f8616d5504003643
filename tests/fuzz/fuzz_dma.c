/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* libFuzzer's way into the operations of the DMA API: any bytes, a machine with devices and the oracle. */
#include <stdio.h>
#include <stdlib.h>
#include "dma_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dma_ops_result result;

	if (dma_ops_run(data, size, DMA_OPS_QUIET, &result))
		return 0;
	fprintf(stderr, "operation %u: %s\n", result.op, result.wrong);
	dma_ops_run(data, size, DMA_OPS_VERBOSE, &result);
	abort();
}
