/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Any bytes as a tree and, behind it, an overlay: an error with a reason, or a merged tree that boots or says why not. */
#include <stdlib.h>
#include <string.h>
#include "boot_check.h"
#include "lib/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the overlay begins: behind as many bytes as the tree's header says, at a multiple of 8. */
static size_t split(const uint8_t *data, size_t size)
{
	size_t n = size >= 8 ? (size_t)data[5] << 16 | (size_t)data[6] << 8 | data[7] : 0;

	n = (n + 7) & ~(size_t)7;
	return n < size ? n : size;
}

static void boot(const void *tree, size_t size)
{
	static struct boot_config cfg;
	struct boot_why why = {""};
	const char *broken;
	int err;

	boot_config_init(&cfg);
	cfg.as_linux = true;
	err = boot_config_fdt(&cfg, tree, size, &why);
	if (!err)
		err = boot_config_finish(&cfg, NULL, 0, &why);
	expect(!err == !why.text[0], "an error has a reason, success has none");
	if (err || cfg.nr_notes)
		return;
	broken = boot_check(&cfg);
	expect(!broken, broken);
	broken = boot_devices_check(tree, size, &cfg);
	expect(!broken, broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = split(data, size), room = (size + 4096) & ~(size_t)7;
	char *tree = calloc(1, room), *over = malloc(size - at + 1); /* so that ASan sees its end */
	struct boot_why why = {""};
	int err;

	if (!tree || !over) {
		free(tree);
		free(over);
		return 0;
	}
	memcpy(tree, data, at);
	memcpy(over, data + at, size - at);
	err = boot_overlay(tree, room, over, size - at, &why);
	expect(!err == !why.text[0], "an error has a reason, success has none");
	expect(strlen(why.text) < sizeof(why.text) - 1, "the reason is not cut");
	if (!err)
		boot(tree, room);
	free(tree);
	free(over);
	return 0;
}
