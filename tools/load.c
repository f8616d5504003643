/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options and files into one boot_config. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "load.h"

#define TREE_MAX   ((size_t)2 << 20) /* arm64 takes no larger tree either */
#define CONFIG_MAX ((size_t)4 << 20)

static const char *const policy_name[CMA_NR_POLICIES] = {
	[CMA_POLICY_CARVEOUT] = "carveout",
	[CMA_POLICY_MOVABLE] = "movable",
	[CMA_POLICY_GUARANTEED] = "guaranteed",
	[CMA_POLICY_DISCARD] = "discard",
};

FH_PRINTF(3, 4) static int fail(struct boot_why *why, enum err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -(int)err;
}

bool load_policy(const char *name, enum cma_policy *policy)
{
	for (unsigned int i = 0; i < CMA_NR_POLICIES; i++) {
		if (!policy_name[i] || strcmp(name, policy_name[i]))
			continue;
		*policy = (enum cma_policy)i;
		return true;
	}
	return false;
}

const char *load_policy_name(enum cma_policy policy)
{
	return (unsigned int)policy < CMA_NR_POLICIES ? policy_name[policy] : NULL;
}

/* Reads to the end of `fd`, or one byte past `max`. */
static char *read_all(int fd, size_t max, size_t *size)
{
	char *buf = malloc(max + 1);
	ssize_t n = 1;

	*size = 0;
	while (buf && n > 0 && *size <= max) {
		n = read(fd, buf + *size, max + 1 - *size);
		if (n > 0)
			*size += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (buf && n < 0) {
		free(buf);
		return NULL;
	}
	return buf;
}

void *load_file(const char *path, size_t max, size_t *size, struct boot_why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *buf;

	if (fd < 0) {
		(void)fail(why, FH_ENOENT, "%s: %s", path, strerror(errno));
		return NULL;
	}
	buf = read_all(fd, max, size);
	if (!buf)
		(void)fail(why, FH_EIO, "%s: %s", path, strerror(errno));
	close(fd);
	if (buf && *size > max) {
		(void)fail(why, FH_EINVAL, "%s: larger than %zu KiB", path, max >> 10);
		free(buf);
		return NULL;
	}
	return buf;
}

/* Runs dtc; what it says goes into `said` (one line of it is shown). */
static int run_dtc(const char *dts, const char *out, bool symbols, char *said, size_t size)
{
	int fd[2], status = -1;
	size_t n;
	char *text;
	pid_t pid;

	*said = '\0';
	if (pipe2(fd, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], STDOUT_FILENO);
		dup2(fd[1], STDERR_FILENO);
		execlp("dtc", "dtc", symbols ? "-q@" : "-q", "-I", "dts", "-O", "dtb", "-o", out,
		       "--", dts, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	text = read_all(fd[0], 4096, &n);
	close(fd[0]); /* a longer complaint ends dtc by SIGPIPE: it failed anyway */
	snprintf(said, size, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
	free(text);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	return status;
}

static void *compile(const char *dts, bool symbols, size_t *size, struct boot_why *why)
{
	const char *dir = getenv("TMPDIR");
	char out[256], said[160];
	void *tree = NULL;
	int fd, status;

	if (access(dts, R_OK)) {
		(void)fail(why, FH_ENOENT, "%s: %s", dts, strerror(errno));
		return NULL;
	}
	snprintf(out, sizeof(out), "%s/freehold-XXXXXX", dir && strlen(dir) < 200 ? dir : "/tmp");
	fd = mkstemp(out);
	if (fd < 0) {
		(void)fail(why, FH_EIO, "%s: %s", out, strerror(errno));
		return NULL;
	}
	close(fd);
	status = run_dtc(dts, out, symbols, said, sizeof(said));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		(void)fail(why, FH_ENOENT,
			   "%s: dtc is needed to read it: install device-tree-compiler", dts);
	else if (status)
		(void)fail(why, FH_EINVAL, "%s: dtc: %s", dts, *said ? said : "failed");
	else
		tree = load_file(out, TREE_MAX, size, why);
	unlink(out);
	return tree;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

/* A tree or an overlay; symbols: overlays are to find its nodes by name. */
static void *load_blob(const char *path, bool symbols, size_t *size, struct boot_why *why)
{
	return ends_with(path, ".dts") || ends_with(path, ".dtso")
		       ? compile(path, symbols, size, why)
		       : load_file(path, TREE_MAX, size, why);
}

/* With `room` bytes in place of the tree; -FH_ENOSPC: they do not do. */
static int try_overlay(struct load_tree *tree, const struct load_tree *over, size_t room,
		       struct boot_why *why)
{
	char *merged = calloc(1, room), *copy = malloc(over->size ? over->size : 1);
	int err = -FH_ENOMEM;

	if (merged && copy) {
		memcpy(merged, tree->blob, tree->size);
		memcpy(copy, over->blob, over->size);
		err = boot_overlay(merged, room, copy, over->size, why);
	}
	free(copy);
	if (err) {
		free(merged);
		return err;
	}
	free(tree->blob);
	*tree = (struct load_tree){merged, room};
	return 0;
}

static int add_overlay(const char *path, struct load_tree *tree, struct boot_why *why)
{
	struct boot_why over_why = {"out of memory"};
	struct load_tree over;
	size_t room;
	int err;

	over.blob = load_blob(path, true, &over.size, why);
	if (!over.blob)
		return -FH_ENOENT;
	room = (tree->size + 2 * over.size + 4096) & ~(size_t)7;
	while ((err = try_overlay(tree, &over, room, &over_why)) == -FH_ENOSPC &&
	       room < 8 * TREE_MAX)
		room *= 2;
	free(over.blob);
	return err ? fail(why, (enum err) - err, "%.80s: %.*s", path, 165, over_why.text) : 0;
}

static int load_tree(const struct load_opts *opts, struct boot_config *cfg, struct load_tree *tree,
		     struct boot_why *why)
{
	struct boot_why tree_why = {""};
	int err = 0;

	tree->blob = load_blob(opts->dtb, opts->nr_overlays, &tree->size, why);
	if (!tree->blob)
		return -FH_ENOENT;
	for (unsigned int i = 0; i < opts->nr_overlays && !err; i++)
		err = add_overlay(opts->overlay[i], tree, why);
	if (err)
		return err;
	err = boot_config_fdt(cfg, tree->blob, tree->size, &tree_why);
	return err ? fail(why, (enum err) - err, "%s: %.*s", opts->dtb, 180, tree_why.text) : 0;
}

static int load_kconfig(const char *path, struct boot_config *cfg, struct boot_why *why)
{
	struct boot_why said = {""};
	size_t size;
	char *text = load_file(path, CONFIG_MAX, &size, why);
	int err;

	if (!text)
		return -FH_ENOENT;
	if (size >= 2 && !memcmp(text, "\x1f\x8b", 2))
		err = fail(why, FH_EINVAL,
			   "%.180s: compressed; expected text, as of: gunzip <FILE >.config", path);
	else if ((err = boot_config_kconfig(cfg, text, size, &said)))
		(void)fail(why, FH_EINVAL, "%.80s: %.170s", path, said.text);
	free(text);
	return err;
}

static int read_like(const char *text, struct boot_config *cfg, struct boot_why *why)
{
	if (strspn(text, "0123456789.") != strlen(text))
		return fail(why, FH_EINVAL, "--like %.80s: expected a kernel's version, as 6.12",
			    text);
	return boot_config_like(cfg, text, why);
}

const char *load_arch_name(enum boot_arch arch)
{
	static const char *const names[BOOT_NR_ARCHES] = {"arm64", "arm", "arm-lpae"};

	return names[arch];
}

static int read_arch(const char *name, struct boot_config *cfg, struct boot_why *why)
{
	for (unsigned int i = 0; i < BOOT_NR_ARCHES; i++)
		if (!strcmp(name, load_arch_name((enum boot_arch)i)))
			return boot_config_arch(cfg, (enum boot_arch)i, why);
	return fail(why, FH_EINVAL, "--arch %.80s: expected arm64, arm or arm-lpae", name);
}

/* A machine is built one way only; what was built another way can be laid out. */
static int check_machine(const struct load_opts *opts, const struct boot_config *cfg,
			 struct boot_why *why)
{
	const struct boot_kernel *k = &cfg->kernel;

	if (cfg->as_linux || !opts->kconfig)
		return 0;
	if (k->page_shift != FH_PAGE_SHIFT || !boot_config_blocks(cfg))
		return fail(why, FH_EINVAL,
			    "%.80s: pages of %u KiB, blocks of %llu KiB; expected 4 and 2048, as a "
			    "machine has (freehold boot lays out others)",
			    opts->kconfig, 1u << (k->page_shift - 10),
			    (unsigned long long)(boot_block_bytes(cfg) >> 10));
	if (!k->zone_dma || !k->zone_dma32)
		return fail(
			why, FH_EINVAL,
			"%.80s: expected CONFIG_ZONE_DMA=y and CONFIG_ZONE_DMA32=y, as a machine "
			"has (freehold boot lays out others)",
			opts->kconfig);
	return 0;
}

static int read_ram(const char *text, uint64_t *ram, struct boot_why *why)
{
	const char *end;
	int err = boot_memparse(text, &end, ram);

	if (err == -FH_ERANGE)
		return fail(why, FH_ERANGE, "--ram %.80s: does not fit 64 bits", text);
	if (err || *end)
		return fail(why, FH_EINVAL, "--ram %.80s: expected a size, as 512M or 4G", text);
	if (!*ram)
		return fail(why, FH_EINVAL, "--ram %.80s: expected more than 0", text);
	return 0;
}

static int add_areas(const struct load_opts *opts, struct boot_config *cfg, struct boot_why *why)
{
	for (unsigned int i = 0; i < opts->nr_areas; i++) {
		struct boot_region *r = &cfg->region[cfg->nr_regions];

		if (cfg->nr_regions == BOOT_MAX_REGIONS)
			return fail(why, FH_ENOSPC, "areas: more than %d regions",
				    BOOT_MAX_REGIONS);
		*r = (struct boot_region){
			.size = opts->areas[i].bytes,
			.align = (uint64_t)FH_BLOCK_PAGES << FH_PAGE_SHIFT,
			.kind = BOOT_REGION_CMA,
			.flags = BOOT_REGION_DYNAMIC | BOOT_REGION_SHARED | BOOT_REGION_REUSABLE,
		};
		snprintf(r->name, sizeof(r->name), "%s", opts->areas[i].name);
		cfg->nr_regions++;
	}
	return 0;
}

/* START-END (the last byte, as logs show it) or START+SIZE, and ",late". */
static int add_taken(const char *text, struct boot_config *cfg, struct boot_why *why)
{
	struct boot_taken t = {0};
	const char *s = text;
	int err = boot_memparse(s, &s, &t.base);
	char sep = *s;

	if (!err && (sep == '-' || sep == '+'))
		err = boot_memparse(s + 1, &s, &t.size);
	else
		err = err ? err : -FH_EINVAL;
	t.late = !err && !strcmp(s, ",late");
	if (err == -FH_ERANGE)
		return fail(why, FH_ERANGE, "--taken %.80s: does not fit 64 bits", text);
	if (err || (*s && !t.late))
		return fail(why, FH_EINVAL,
			    "--taken %.80s: expected START-END or START+SIZE, and maybe \",late\"",
			    text);
	if (sep == '-' ? t.size < t.base : !t.size)
		return fail(why, FH_EINVAL, "--taken %.80s: nothing lies in there", text);
	if (sep == '-')
		t.size = t.size - t.base + 1;
	if (!t.size || t.base + t.size < t.base)
		return fail(why, FH_ERANGE, "--taken %.80s: passes the end of 64 bits", text);
	cfg->taken[cfg->nr_taken++] = t; /* there are as many as options */
	return 0;
}

int load_boot_config(const struct load_opts *opts, struct boot_config *cfg, struct boot_why *why)
{
	struct load_tree tree = {NULL, 0};
	uint64_t ram = 0;
	int err = 0;

	if (opts->keep)
		*opts->keep = tree;
	boot_config_init(cfg);
	cfg->as_linux = opts->as_linux;
	if (opts->policy && !load_policy(opts->policy, &cfg->policy))
		return fail(why, FH_EINVAL,
			    "--policy %.80s: expected carveout, movable, guaranteed or discard",
			    opts->policy);
	if (!opts->dtb && !opts->ram)
		return fail(why, FH_EINVAL, "no memory: expected --ram SIZE or --dtb FILE");
	if (!opts->dtb && opts->nr_overlays)
		return fail(why, FH_EINVAL, "--overlay: expected a tree for it, as --dtb FILE");
	if (opts->ram)
		err = read_ram(opts->ram, &ram, why);
	if (!err && opts->like)
		err = read_like(opts->like, cfg, why);
	if (!err && opts->arch)
		err = read_arch(opts->arch, cfg, why);
	if (!err && opts->kconfig)
		err = load_kconfig(opts->kconfig, cfg, why);
	if (!err && opts->dtb)
		err = load_tree(opts, cfg, &tree, why);
	for (unsigned int i = 0; i < opts->nr_taken && !err; i++)
		err = add_taken(opts->taken[i], cfg, why);
	if (!err)
		err = add_areas(opts, cfg, why);
	if (!err && !ram && !cfg->nr_banks)
		err = fail(why, FH_EINVAL,
			   "%.160s: no memory: its nodes have no size, which firmware fills in; "
			   "expected --ram SIZE",
			   opts->dtb);
	if (!err)
		err = boot_config_finish(cfg, opts->bootargs, ram, why);
	if (!err)
		err = check_machine(opts, cfg, why);
	if (opts->keep && (!err || opts->keep_failed))
		*opts->keep = tree;
	else
		free(tree.blob);
	return err;
}
