/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Any bytes as a kernel's configuration: an error with a reason, or a boot_config that keeps its promises. */
#include <stdlib.h>
#include <string.h>
#include "boot_check.h"
#include "lib/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void boot(const char *text, size_t size, unsigned int like, int arch, const char *args)
{
	static struct boot_config cfg;
	struct boot_why why = {""};
	const char *broken;
	int err;

	boot_config_init(&cfg);
	cfg.like = like;
	cfg.as_linux = !args;
	if (arch >= 0)
		expect(!boot_config_arch(&cfg, (enum boot_arch)arch, &why), "an architecture");
	err = boot_config_kconfig(&cfg, text, size, &why);
	expect(!err || !strncmp(why.text, "line ", 5), "an error has a line");
	if (!err)
		err = boot_config_finish(&cfg, args, UINT64_C(2) << 30, &why);
	expect(!err == !why.text[0], "an error has a reason, success has none");
	expect(strlen(why.text) < sizeof(why.text) - 1, "the reason is not cut");
	if (err)
		return;
	broken = boot_check(&cfg);
	expect(!broken, broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1); /* of exactly this size, so that ASan sees its end */

	if (!text)
		return 0;
	memcpy(text, data, size);
	boot(text, size, 6001, -1, NULL);
	boot(text, size, 6012, -1, "cma=64M");
	boot(text, size, 7000, -1, NULL);
	/* What the text says of the architecture may be another. */
	boot(text, size, 6012, size ? (unsigned char)text[0] % BOOT_NR_ARCHES : 0, NULL);
	free(text);
	return 0;
}
