/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* libfdt's writer, with its errors gathered. */
#include <libfdt.h>
#include <string.h>
#include "t.h"
#include "treemake.h"

static void *out;
static int failed; /* the first error */

static void step(int err)
{
	if (err && !failed)
		failed = err;
}

void tm_create_reserving(void *blob, int size, uint64_t base, uint64_t bytes)
{
	out = blob;
	failed = 0;
	step(fdt_create(out, size));
	if (bytes)
		step(fdt_add_reservemap_entry(out, base, bytes));
	step(fdt_finish_reservemap(out));
	tm_begin("");
}

void tm_create(void *blob, int size)
{
	tm_create_reserving(blob, size, 0, 0);
}

void tm_done(void)
{
	tm_end();
	step(fdt_finish(out));
	T_EQ(failed, 0);
}

void tm_begin(const char *name)
{
	step(fdt_begin_node(out, name));
}

void tm_end(void)
{
	step(fdt_end_node(out));
}

void tm_bytes(const char *name, const void *value, int n)
{
	step(fdt_property(out, name, value, n));
}

void tm_text(const char *name, const char *value)
{
	tm_bytes(name, value, (int)strlen(value) + 1);
}

void tm_flag(const char *name)
{
	tm_bytes(name, NULL, 0);
}

void tm_cells(const char *name, int n, const uint32_t *v)
{
	fdt32_t be[16];

	for (int i = 0; i < n; i++)
		be[i] = cpu_to_fdt32(v[i]);
	tm_bytes(name, be, n * 4);
}
