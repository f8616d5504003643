/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Why memory lies where it does: what the kernel itself had. */
#ifndef TOOLS_BOOT_EXPLAIN_H
#define TOOLS_BOOT_EXPLAIN_H

#include <jansson.h>
#include <freehold/boot.h>

/* Of --taken: [{"base", "size", "late"}]. */
json_t *boot_explain_taken(const struct boot_config *cfg);

#endif
