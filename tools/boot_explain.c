/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Why memory lies where it does: what the kernel itself had. */
#include "boot_explain.h"

json_t *boot_explain_taken(const struct boot_config *cfg)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < cfg->nr_taken; i++)
		json_array_append_new(list, json_pack("{sI sI sb}", "base",
						      (json_int_t)cfg->taken[i].base, "size",
						      (json_int_t)cfg->taken[i].size, "late",
						      cfg->taken[i].late));
	return list;
}
