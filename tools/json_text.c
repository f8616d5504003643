/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes as JSON's text. */
#include <stdlib.h>
#include <string.h>
#include "json_text.h"

json_t *json_text(const char *s)
{
	json_t *j = json_string(s);
	char *copy;

	if (j)
		return j;
	copy = strdup(s);
	for (char *c = copy; copy && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	j = copy ? json_string(copy) : NULL;
	free(copy);
	return j;
}
