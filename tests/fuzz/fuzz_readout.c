/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Any file tree is decoded, or what is wrong with it noted; and what was decoded can be printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memtree.h"
#include "readout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct readout r;
	struct memtree mt = memtree((const char *)data, size);
	char *out = NULL;
	size_t len;
	FILE *f;

	if (!readout_read(&mt.tree, &r))
		return 0;
	f = open_memstream(&out, &len);
	if (!f)
		abort();
	readout_text(&r, f);
	if (!readout_json(&r, f) || fclose(f))
		abort();
	/* Whatever the names were, a terminal can show the text. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)out[i] < ' ' && out[i] != '\n')
			abort();
	if (r.bad && !r.nr_notes)
		abort();
	free(out);
	return 0;
}
