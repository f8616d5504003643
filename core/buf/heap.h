/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FH_BUF_HEAP_H
#define FH_BUF_HEAP_H

#include "buf/heap_buffer.h"

/* The heaps of the machine's configuration. -FH_ENOMEM: heaps_end() ends what was made. */
FH_MUST_CHECK int heaps_start(struct fh_machine *m);
void heaps_end(struct fh_machine *m);
/* F2 and F4. */
unsigned int heaps_check(struct fh_machine *m, struct fh_text *out);
const char *heap_kind_name(enum dma_heap_kind kind);

#endif
