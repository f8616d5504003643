/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From a test's tree to a configuration that keeps its promises. */
#include <libfdt.h>
#include <string.h>
#include "t.h"
#include "boot_check.h"
#include "treeboot.h"

struct treeboot tb;

void tb_begin(uint32_t addr_cells, uint32_t size_cells)
{
	tm_create(tb.blob, sizeof(tb.blob));
	TM_CELLS("#address-cells", addr_cells);
	TM_CELLS("#size-cells", size_cells);
}

void tb_end(void)
{
	tm_done();
	tb.size = fdt_totalsize(tb.blob);
}

void tb_reserved(void)
{
	tm_begin("reserved-memory");
	TM_CELLS("#address-cells", 2);
	TM_CELLS("#size-cells", 2);
	tm_flag("ranges");
}

void tb_memory(void)
{
	tm_begin("memory@40000000");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0, 0x40000000, 0, 0x40000000);
	tm_end();
}

int tb_read(void)
{
	boot_config_init(&tb.cfg);
	return boot_config_fdt(&tb.cfg, tb.blob, tb.size, &tb.why);
}

bool tb_boots(const char *args, uint64_t ram)
{
	int err = tb_read();
	const char *broken;

	if (!err)
		err = boot_config_finish(&tb.cfg, args, ram, &tb.why);
	if (!T_EQ(err, 0)) {
		T_OK(false, tb.why.text);
		return false;
	}
	broken = boot_check(&tb.cfg);
	return T_OK(!broken, broken ? broken : "");
}

void tb_fails(int err, const char *reason)
{
	T_EQ(tb_read(), err);
	T_OK(!strcmp(tb.why.text, reason), tb.why.text);
}

void tb_goes_on(enum err err, const char *note)
{
	boot_config_init(&tb.cfg);
	tb.cfg.as_linux = true;
	T_EQ(boot_config_fdt(&tb.cfg, tb.blob, tb.size, &tb.why), 0);
	T_EQ(boot_config_finish(&tb.cfg, NULL, 0, &tb.why), 0);
	T_EQ(tb.cfg.nr_notes, 1);
	T_EQ(tb.cfg.note[0].err, err);
	T_OK(!strcmp(tb.cfg.note[0].text, note), tb.cfg.note[0].text);
}

bool tb_said(const char *line)
{
	return T_OK(strstr(tb.cfg.dmesg, line), line);
}
