/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FH_BUF_START_H
#define FH_BUF_START_H

#include "buf/buf.h"

/* m->buf, with the heaps of the machine's configuration. -FH_ENOMEM: buf_end() ends what was made. */
FH_MUST_CHECK int buf_start(struct fh_machine *m);
/* Drops all buffers that still live, holders, heaps. NULL-safe. */
void buf_end(struct fh_machine *m);
/* F1 to F5: how many are broken. */
unsigned int buf_check(struct fh_machine *m, struct fh_text *out);

#endif
