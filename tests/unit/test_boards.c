/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The trees of boards/: boot at many sizes, and cut off and damaged at every byte. */
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "boot_check.h"
#include "treecut.h"

static struct boot_config cfg;
static struct boot_why why;
static _Alignas(8) char blob[16384];
static size_t blob_size;

static bool boots(uint64_t ram)
{
	const char *broken;
	int err;

	boot_config_init(&cfg);
	err = boot_config_fdt(&cfg, blob, blob_size, &why);
	if (!err)
		err = boot_config_finish(&cfg, NULL, ram, &why);
	if (!T_EQ(err, 0)) {
		T_STR(why.text, "");
		return false;
	}
	broken = boot_check(&cfg);
	return T_OK(!broken, broken ? broken : "");
}

/* Compiles boards/NAME.dts into `blob`; false: there is no dtc, or no such folder from here. */
static bool load_board(const char *name)
{
	char command[160];
	FILE *dtc;
	int status;

	snprintf(command, sizeof(command), "dtc -q -I dts -O dtb -o - boards/%s.dts 2>/dev/null",
		 name);
	dtc = popen(command, "r");
	if (!dtc)
		return false;
	blob_size = fread(blob, 1, sizeof(blob), dtc);
	status = pclose(dtc);
	return !status && blob_size && blob_size < sizeof(blob);
}

static void survives(const char *broken)
{
	T_OK(!broken, broken);
}

static void board(const char *name, uint64_t ram, const char *zones)
{
	static const uint64_t sizes[] = {0, 64, 512, 1024, 2048, 4096, 16384};

	if (!load_board(name))
		T_SKIP("needs dtc (device-tree-compiler) and to run where boards/ is");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t total = 0;

		T_NEED(boots(sizes[i] << 20));
		for (unsigned int b = 0; b < cfg.nr_banks; b++)
			total += cfg.bank[b].size;
		T_EQ(total, i ? sizes[i] << 20 : ram);
		if (!i)
			T_OK(strstr(cfg.dmesg, zones), zones);
	}
	survives(treecut_cuts(blob, blob_size, treecut_boots));
	survives(treecut_flips(blob, blob_size, 4, treecut_boots));
}

static void board_imx8mq(void)
{
	board("imx8mq-evk", UINT64_C(3) << 30,
	      "  DMA      [mem 0x0000000040000000-0x00000000ffffffff]\n");
}

static void board_rpi4(void)
{
	board("rpi4", 0x1f7400000,
	      "  DMA      [mem 0x0000000000000000-0x000000003fffffff]\n"
	      "  DMA32    [mem 0x0000000040000000-0x00000000ffffffff]\n"
	      "  Normal   [mem 0x0000000100000000-0x00000001ffffffff]\n");
}

static void board_zcu102(void)
{
	board("zcu102", 0xfff00000,
	      "  DMA      [mem 0x0000000000000000-0x00000000ffffffff]\n"
	      "  DMA32    empty\n"
	      "  Normal   [mem 0x0000000100000000-0x000000087fffffff]\n");
}

const struct t_case t_cases[] = {
	T(board_imx8mq),
	T(board_rpi4),
	T(board_zcu102),
	T_END,
};
