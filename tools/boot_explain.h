/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Why regions lie where they do, in sentences and in JSON. */
#ifndef TOOLS_BOOT_EXPLAIN_H
#define TOOLS_BOOT_EXPLAIN_H

#include <jansson.h>
#include <freehold/boot.h>

/* A sentence a region, to standard output. */
void boot_explain_text(const struct boot_config *cfg);
/* {"found"} and, of a region that was searched a place for, {"start", "end", "window", "align", "align_of", "against",
 * "beside", "gap"}. */
json_t *boot_explain_json(const struct boot_config *cfg, unsigned int region);
/* Of --taken and the tree: [{"base", "size", "late", "name"}]. */
json_t *boot_explain_taken(const struct boot_config *cfg);

#endif
