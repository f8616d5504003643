/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Any text and bytes as a command line and a tree ("bootargs\n" and the rest): findings that are whole and in order, whatever boot makes of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lint.h"
#include "lib/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lint(const void *tree, size_t size, const struct boot_config *cfg, const char *why)
{
	struct lint_board board = {.cfg = cfg, .why = why, .tree = tree, .tree_size = size};
	struct lint *l = lint_new(&board, NULL);

	expect(l && lint_run(l), "memory for findings");
	expect(!lint_saw_tree(l) == !tree || why, "a tree that boots is seen");
	for (size_t i = 0; i < lint_count(l); i++) {
		const struct lint_finding *f = lint_finding(l, i);

		expect(f->rule && f->node && f->property, "a finding has a rule and a place");
		expect(f->text[0] && f->cure[0], "it says what is wrong, and the cure");
		expect(!i || lint_finding(l, i - 1)->rule->id <= f->rule->id,
		       "findings are in order");
	}
	lint_free(l);
}

static void boot(const char *args, const void *tree, size_t size, uint64_t ram)
{
	static struct boot_config cfg;
	struct boot_why why = {""};
	int err = 0;

	boot_config_init(&cfg);
	cfg.as_linux = true;
	if (tree)
		err = boot_config_fdt(&cfg, tree, size, &why);
	if (!err)
		err = boot_config_finish(&cfg, args, ram, &why);
	expect(!err == !why.text[0], "an error has a reason, success has none");
	if (err) /* as tools/lint_report.c has it */
		snprintf(cfg.bootargs, sizeof(cfg.bootargs), "%s", args);
	lint(tree, size, &cfg, err ? why.text : NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	size_t n = line ? (size_t)(line - data) : size;
	char *args = malloc(n + 1);
	void *tree;

	if (!args)
		return 0;
	memcpy(args, data, n);
	args[n] = '\0';
	boot(args, NULL, 0, UINT64_C(3) << 30);
	n = line ? n + 1 : n;
	tree = malloc(size - n ? size - n : 1);
	if (tree && size > n) {
		memcpy(tree, data + n, size - n);
		boot(args, tree, size - n, 0);
		boot(args, tree, size - n, UINT64_C(5) << 30);
	}
	free(tree);
	free(args);
	return 0;
}
