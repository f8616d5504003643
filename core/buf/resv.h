/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FH_BUF_RESV_H
#define FH_BUF_RESV_H

#include <freehold/resv.h>
#include "base/fmt.h"

/* F5 of a reservation that nobody changes meanwhile: how much is broken; a line for each, with the buffer's name, goes to *out. */
FH_MUST_CHECK unsigned int resv_check(struct dma_resv *r, const char *name, struct fh_text *out);

#endif
