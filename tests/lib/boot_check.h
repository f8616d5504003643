/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What <freehold/boot.h> promises of a finished boot_config, asked of one. */
#ifndef FH_TEST_BOOT_CHECK_H
#define FH_TEST_BOOT_CHECK_H

#include <freehold/boot.h>

/* NULL, or the promise that is broken. */
const char *boot_check(const struct boot_config *cfg);

#endif
