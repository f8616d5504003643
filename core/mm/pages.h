/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Inside page allocation. (The public calls: freehold/page.h.) */
#ifndef FH_MM_PAGES_H
#define FH_MM_PAGES_H

#include <freehold/page.h>

/* fh_free_pages() for frames that are known to be the caller's: a frame that is free is a bug. */
void page_free(struct fh_machine *m, pfn_t pfn, unsigned int order);

#endif
