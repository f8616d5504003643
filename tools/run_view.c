/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a run reads of the machine's own files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run_state.h"

#define READOUT_MAX ((size_t)64 << 10)

uint64_t run_vmstat(struct fh_machine *m, const char *name)
{
	char *buf = malloc(READOUT_MAX), *at = buf;
	uint64_t v = 0;
	size_t len, n = strlen(name);

	if (!buf || fh_view_read(m, "proc/vmstat", buf, READOUT_MAX - 1, &len)) {
		free(buf);
		return 0;
	}
	buf[len < READOUT_MAX - 1 ? len : READOUT_MAX - 1] = '\0';
	while (at && (strncmp(at, name, n) || at[n] != ' ')) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (at)
		v = strtoull(at + n, NULL, 10);
	free(buf);
	return v;
}

uint64_t run_reclaimed(struct fh_machine *m)
{
	return run_vmstat(m, "pgsteal_file") + run_vmstat(m, "pgsteal_anon");
}

char *run_read_outs(struct fh_machine *m)
{
	static const char *const paths[] = {"proc/meminfo", "proc/buddyinfo", "proc/pagetypeinfo",
					    "proc/vmstat", "proc/zoneinfo"};
	char *text = NULL, *buf = malloc(READOUT_MAX);
	size_t size = 0, len;
	FILE *f = buf ? open_memstream(&text, &size) : NULL;

	for (size_t i = 0; f && i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (fh_view_read(m, paths[i], buf, READOUT_MAX, &len))
			continue;
		fprintf(f, "==> %s <==\n%.*s\n", paths[i],
			(int)(len < READOUT_MAX ? len : READOUT_MAX), buf);
	}
	if (f)
		fclose(f);
	free(buf);
	return text;
}
