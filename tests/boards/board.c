/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A tree at several sizes of RAM: as Linux goes on and as we would not, and whether each decision was told. */
#include <ctype.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "board.h"
#include "boot_check.h"
#include "load.h"
#include "treecut.h"

#define TREE_MAX  ((size_t)4 << 20)
#define FIXED_RAM (UINT64_C(2) << 30) /* one of the sizes that every tree is booted at */

/* ---- what is told ---- */

void board_count(struct board *b, const char *what, unsigned int n)
{
	if (n)
		fprintf(b->out, "count\t%u\t%s\n", n, what);
}

void board_fail(struct board *b, const char *fmt, ...)
{
	va_list ap;

	if (b->ram)
		fprintf(b->out, "fail\t1\tat %llu MiB: ", (unsigned long long)b->ram >> 20);
	else
		fprintf(b->out, "fail\t1\tat its own size: ");
	va_start(ap, fmt);
	vfprintf(b->out, fmt, ap);
	va_end(ap);
	putc('\n', b->out);
}

/* What comes near to a limit of boot.h. */
static void say_most(struct board *b, const char *what, size_t n)
{
	fprintf(b->out, "most\t%zu\t%s\n", n, what);
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || strchr("_-+.,@/", c);
}

static bool is_name(const char *name, const char *word, size_t n)
{
	return memchr(word, '@', n) || (n > 17 && !strncmp(word, "/reserved-memory/", 17)) ||
	       (strlen(name) == n && !strncmp(name, word, n));
}

void board_say(struct board *b, const char *kind, const char *name, const char *text)
{
	fprintf(b->out, "%s\t1\t", kind);
	while (*text) {
		size_t n = 0;

		while (text[n] && word_char(text[n]) && !(text[n] == '-' && text[n + 1] == '0'))
			n++;
		if (!n)
			putc(*text++, b->out);
		else if (is_name(name, text, n))
			fputs("NAME", b->out);
		else if (isdigit((unsigned char)*text))
			fputs("N", b->out);
		else
			fwrite(text, 1, n, b->out);
		text += n;
	}
	putc('\n', b->out);
}

/* ---- each decision is told ---- */

/* Whether the name stands there as a word of its own. */
static bool mentions(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
		if ((at == text || !word_char(at[-1]) || at[-1] == '/') &&
		    (!word_char(at[n]) || (at[n] == ',' && at[n + 1] == ' ')))
			return true;
	return false;
}

static bool told(const struct boot_config *cfg, const char *name)
{
	if (mentions(cfg->dmesg, name))
		return true;
	for (unsigned int i = 0; i < cfg->nr_notes && i < BOOT_MAX_NOTES; i++)
		if (mentions(cfg->note[i].text, name))
			return true;
	return false;
}

static bool available(const void *tree, int node)
{
	const char *status = fdt_getprop(tree, node, "status", NULL);

	return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

static unsigned int regions_of_tree(const struct boot_config *cfg)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		n += !(cfg->region[i].flags &
		       (BOOT_REGION_MORE | BOOT_REGION_MEMRESERVE | BOOT_REGION_CMDLINE));
	return n;
}

static bool placed(const struct boot_config *cfg, const char *name)
{
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (!strcmp(cfg->region[i].name, name))
			return true;
	return false;
}

/* The last line that has the name says how it ended. */
static void say_dropped(struct board *b, const struct boot_config *cfg, const char *name)
{
	char line[BOOT_ARGS_MAX] = "";

	for (const char *s = cfg->dmesg; *s; s += strcspn(s, "\n") + 1) {
		char copy[sizeof(line)];

		snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(s, "\n"), s);
		if (mentions(copy, name))
			memcpy(line, copy, sizeof(line));
	}
	board_say(b, b->ram ? "dropped" : "dropped at its own size", name, line);
}

/* Every node that the tree offers was placed, dropped or ignored with its name in a line. */
static void check_told(struct board *b, const struct boot_config *cfg)
{
	int parent = fdt_path_offset(b->tree, "/reserved-memory"), node;
	unsigned int nodes = 0;

	if (parent < 0)
		return;
	if (strstr(cfg->dmesg, "unsupported node format, ignoring")) {
		board_count(b, "boots: reserved memory in a format that Linux ignores", 1);
		return;
	}
	fdt_for_each_subnode(node, b->tree, parent)
	{
		char name[BOOT_NAME_MAX];

		if (!available(b->tree, node))
			continue;
		nodes++;
		snprintf(name, sizeof(name), "%s", fdt_get_name(b->tree, node, NULL));
		if (told(cfg, name)) {
			if (!placed(cfg, name))
				say_dropped(b, cfg, name);
			continue;
		}
		/* Kernels before 6.12 have no word for memory that is only kept free. */
		if (cfg->like < 6012 && placed(cfg, name)) {
			board_count(b, "regions: placed without a word", 1);
			continue;
		}
		if (fdt_getprop(b->tree, node, "reg", NULL) ||
		    fdt_getprop(b->tree, node, "size", NULL))
			board_fail(b, "nothing is told of /reserved-memory/%s", name);
		else
			board_count(b, "regions: neither reg nor size", 1);
	}
	board_count(b, "regions: offered by the tree", nodes);
	board_count(b, "regions: placed", regions_of_tree(cfg));
}

/* ---- one size ---- */

static int configure(const struct board *b, bool as_linux, struct boot_config *cfg,
		     struct boot_why *why)
{
	int err;

	why->text[0] = '\0';
	boot_config_init(cfg);
	cfg->as_linux = as_linux;
	err = b->kernel->like ? boot_config_like(cfg, b->kernel->like, why) : 0;
	if (!err && b->kernel->text)
		err = boot_config_kconfig(cfg, b->kernel->text, strlen(b->kernel->text), why);
	if (!err)
		err = boot_config_fdt(cfg, b->tree, b->size, why);
	return err ? err : boot_config_finish(cfg, NULL, b->ram, why);
}

static void check_reason(struct board *b, int err, const struct boot_why *why)
{
	size_t n = strlen(why->text);

	if (!err != !n)
		board_fail(b, "error %d with the reason `%s'", err, why->text);
	if (strchr(why->text, '\n') || n >= sizeof(why->text) - 1)
		board_fail(b, "not one whole line: %s", why->text);
}

static bool count_device(void *arg, const struct boot_device *dev, int err,
			 const struct boot_why *why)
{
	struct board *b = arg;

	if (err) {
		board_fail(b, "device %s: %s", dev->path, why->text);
		return false;
	}
	say_most(b, "entries of a memory-region (BOOT_DEVICE_REGIONS)", dev->nr_regions);
	say_most(b, "windows of a device (DEVICE_MAX_RANGES)", dev->nr_ranges);
	if (b->ram == FIXED_RAM)
		board_count(b, "devices with regions", dev->nr_regions != 0);
	return false;
}

static void check_devices(struct board *b, const struct boot_config *cfg)
{
	const char *broken = boot_devices_list_check(b->tree, b->size, cfg);
	struct boot_why why;

	if (!broken && b->ram == 0 && !b->quick)
		broken = boot_devices_check(b->tree, b->size, cfg);
	if (broken)
		board_fail(b, "devices: %s", broken);
	if (boot_devices_for_each(b->tree, b->size, cfg, count_device, b, &why))
		board_fail(b, "devices: %s", why.text);
}

static void count_kinds(struct board *b, const struct boot_config *cfg)
{
	static const char *const kind[] = {
		[BOOT_REGION_RESERVED] = "regions: placed: reserved",
		[BOOT_REGION_NOMAP] = "regions: placed: no-map",
		[BOOT_REGION_CMA] = "regions: placed: areas",
		[BOOT_REGION_DMA_POOL] = "regions: placed: pools of devices",
		[BOOT_REGION_RESTRICTED_POOL] = "regions: placed: restricted pools",
	};

	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		board_count(b, kind[cfg->region[i].kind], 1);
	for (unsigned int i = 0; i < cfg->nr_notes && i < BOOT_MAX_NOTES; i++)
		board_say(b, "note", "", cfg->note[i].text);
	say_most(b, "regions (BOOT_MAX_REGIONS)", cfg->nr_regions);
	say_most(b, "banks (BOOT_MAX_BANKS)", cfg->nr_banks);
	say_most(b, "alloc-ranges (BOOT_MAX_WINDOWS)", cfg->nr_windows);
	say_most(b, "notes (BOOT_MAX_NOTES)", cfg->nr_notes);
	say_most(b, "bytes of boot log (BOOT_DMESG_MAX)", cfg->dmesg_len);
	if (cfg->nr_notes > BOOT_MAX_NOTES)
		board_fail(b, "%u notes, at most %d are kept", cfg->nr_notes, BOOT_MAX_NOTES);
	if (cfg->dmesg_dropped)
		board_fail(b, "%u lines of dmesg dropped", cfg->dmesg_dropped);
}

/* What Linux lets pass is noted, and the first of it is the error that a machine would have; nothing else is. */
static void check_strict(struct board *b, const struct boot_config *lx, int err,
			 const struct boot_why *why)
{
	static struct boot_config strict;
	struct boot_why own;
	int strict_err = configure(b, false, &strict, &own);
	const char *expected = err ? why->text : lx->nr_notes ? lx->note[0].text : "";

	check_reason(b, strict_err, &own);
	if (strcmp(own.text, expected) != 0)
		board_fail(b, "error `%s', but as Linux `%s'", own.text, expected);
	if (strict_err) {
		board_say(b, "error", "", own.text);
		return;
	}
	if (memcmp(strict.region, lx->region, sizeof(strict.region)) != 0 ||
	    strcmp(strict.dmesg, lx->dmesg) != 0)
		board_fail(b, "laid out differently as Linux, without a note");
	if (!b->quick)
		board_machine(b, &strict);
}

static void boot_at(struct board *b, uint64_t ram)
{
	static struct boot_config cfg;
	struct boot_why why;
	const char *broken;
	int err;

	b->ram = ram;
	err = configure(b, true, &cfg, &why);
	check_reason(b, err, &why);
	if (err && !ram && strstr(why.text, "no memory: expected a memory node or a size")) {
		board_count(b, "trees: no size of their own", 1);
		return;
	}
	board_count(b, "boots", 1);
	if (!err) {
		board_count(b, "boots: nothing to say against", !cfg.nr_notes);
		broken = boot_check(&cfg);
		if (broken)
			board_fail(b, "%s", broken);
		check_told(b, &cfg);
		count_kinds(b, &cfg);
		check_devices(b, &cfg);
	}
	check_strict(b, &cfg, err, &why);
	if (!b->quick)
		board_json(b, &cfg, err);
}

static void count_tree(struct board *b)
{
	int parent = fdt_path_offset(b->tree, "/reserved-memory"), node;
	bool any = false, pools = false, reusable = false;

	board_count(b, "trees", 1);
	if (parent < 0)
		return;
	fdt_for_each_subnode(node, b->tree, parent)
	{
		any = true;
		if (fdt_node_check_compatible(b->tree, node, "shared-dma-pool"))
			continue;
		pools = true;
		if (fdt_getprop(b->tree, node, "reusable", NULL))
			reusable = true;
	}
	board_count(b, "trees: reserved memory", any);
	board_count(b, "trees: shared-dma-pool", pools);
	board_count(b, "trees: shared-dma-pool, reusable", reusable);
}

static void cut(struct board *b)
{
	const char *broken = treecut_cuts(b->tree, b->size, treecut_boots);

	if (!broken)
		broken = treecut_flips(b->tree, b->size, 1, treecut_boots);
	if (broken)
		board_fail(b, "cut off or damaged: %s", broken);
	board_count(b, "bytes: cut off and damaged", (unsigned int)b->size);
}

void board_boot(const char *file, const struct board_kernel *kernel, enum board_how how, FILE *out)
{
	static const uint64_t mib[] = {0, 512, 2048, 8192};
	struct board b = {.file = file, .quick = how != BOARD_ALL, .kernel = kernel, .out = out};
	struct boot_why why = {""};

	b.tree = load_file(file, TREE_MAX, &b.size, &why);
	if (!b.tree || fdt_check_full(b.tree, b.size)) {
		board_fail(&b, "not a tree: %s", why.text);
	} else {
		count_tree(&b);
		if (how == BOARD_CUT)
			cut(&b);
		for (size_t i = 0; i < sizeof(mib) / sizeof(mib[0]) && how != BOARD_CUT; i++)
			boot_at(&b, mib[i] << 20);
	}
	free(b.tree);
}
