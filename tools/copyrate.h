/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What this host needs to copy a page, for figures to be put in relation to. */
#ifndef FREEHOLD_TOOLS_COPYRATE_H
#define FREEHOLD_TOOLS_COPYRATE_H

/* memcpy() of pages that no cache holds: ns[0] a page by one thread, ns[1] effectively by two. Zeros:
 * no memory or thread to measure with. Takes some tenths of a second and 256 MiB meanwhile. */
void copyrate_measure(double ns[2]);

#endif
