/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Kept inputs, replayed. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "corpus.h"
#include "t.h"

static void replay(const char *path, bool shown,
		   void (*run)(const char *path, uint8_t *data, size_t len, bool shown))
{
	static uint8_t data[CORPUS_MAX_SIZE];
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!T_OK(f, path))
		return;
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	run(path, data, len, shown);
}

void corpus_replay(const char *folder, const char *one,
		   void (*run)(const char *path, uint8_t *data, size_t len, bool shown))
{
	const char *path = getenv(one);
	struct dirent *e;
	unsigned int n = 0;
	char of[512];
	DIR *dir;

	if (path) {
		replay(path, true, run);
		return;
	}
	dir = opendir(folder);
	if (!dir)
		T_SKIP("no corpus here: run from the root of the repository");
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(of, sizeof(of), "%s/%s", folder, e->d_name);
		replay(of, false, run);
		n++;
	}
	closedir(dir);
	T_OK(n > 0, "the corpus has inputs");
	printf("# %u inputs\n", n);
}
