/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What `freehold boot --format json` prints of a board, against the configuration. */
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "board.h"

int cmd_boot(int argc, char **argv);

/* Runs the command with its output in a file of memory; its descriptor, rewound. */
static int run(const struct board *b, int *status)
{
	int out = memfd_create("json", 0), own = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	int null = open("/dev/null", O_WRONLY);
	char ram[32];
	char *argv[] = {"boot", "--format", "json", "--dtb", (char *)b->file, NULL, NULL, NULL,
			NULL,	NULL,	    NULL,   NULL};
	int n = 5;

	if (b->kernel->file) {
		argv[n++] = "--kconfig";
		argv[n++] = (char *)b->kernel->file;
	}
	if (b->kernel->like) {
		argv[n++] = "--like";
		argv[n++] = (char *)b->kernel->like;
	}
	if (b->ram) {
		argv[n++] = "--ram";
		argv[n++] = ram;
	}
	snprintf(ram, sizeof(ram), "%lluM", (unsigned long long)b->ram >> 20);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	*status = cmd_boot(n, argv);
	dup2(own, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(own);
	close(err);
	close(null);
	lseek(out, 0, SEEK_SET);
	return out;
}

static bool same_regions(const struct boot_config *cfg, const json_t *all)
{
	const json_t *list = json_object_get(all, "regions");

	if (json_array_size(list) != cfg->nr_regions)
		return false;
	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const json_t *r = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(r, "name"));

		if (!name || strcmp(name, cfg->region[i].name) != 0 ||
		    (uint64_t)json_integer_value(json_object_get(r, "base")) !=
			    cfg->region[i].base ||
		    (uint64_t)json_integer_value(json_object_get(r, "size")) != cfg->region[i].size)
			return false;
	}
	return true;
}

void board_json(struct board *b, const struct boot_config *cfg, int err)
{
	json_error_t reason;
	int status;
	FILE *out = fdopen(run(b, &status), "r"); /* json_loadfd() would read byte by byte */
	json_t *all = err ? NULL : json_loadf(out, 0, &reason);

	if (status != (err ? 2 : 0))
		board_fail(b, "freehold boot ended with %d", status);
	else if (!err && !all)
		board_fail(b, "JSON: line %d: %s", reason.line, reason.text);
	else if (!err && (json_array_size(json_object_get(all, "banks")) != cfg->nr_banks ||
			  json_array_size(json_object_get(all, "notes")) != cfg->nr_notes ||
			  !same_regions(cfg, all)))
		board_fail(b, "JSON: other banks, regions or notes");
	json_decref(all);
	fclose(out);
}
