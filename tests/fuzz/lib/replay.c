/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A fuzz target without a fuzzer: replay_fuzz_NAME runs each file of tests/corpus/NAME once, in the order of their names, and the empty input. So
 * every compiler and sanitizer can run them; `make fuzz` looks for new ones.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_input(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* False: it cannot be read. */
static bool replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	bool ok = false;
	long size;

	if (f && !fseek(f, 0, SEEK_END) && (size = ftell(f)) >= 0 && !fseek(f, 0, SEEK_SET)) {
		data = malloc((size_t)size +
			      !size); /* of its very size: what is read behind it is seen */
		ok = data && fread(data, 1, (size_t)size, f) == (size_t)size;
		if (ok)
			(void)LLVMFuzzerTestOneInput(data, (size_t)size);
	}
	free(data);
	if (f)
		fclose(f);
	return ok;
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "replay_fuzz_");
	struct dirent **file;
	char folder[256], path[600];
	int n, failed = 0;

	(void)argc;
	if (!name || snprintf(folder, sizeof(folder), "tests/corpus/%s",
			      name + strlen("replay_fuzz_")) >= (int)sizeof(folder)) {
		fprintf(stderr, "%s: expected to be called replay_fuzz_NAME\n", argv[0]);
		return 2;
	}
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	n = scandir(folder, &file, is_input, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, file[i]->d_name);
		if (!replay(path)) {
			printf("# %s: %s\n", path, strerror(errno));
			failed++;
		}
		free(file[i]);
	}
	if (n >= 0)
		free(file);
	printf("%sok 1 - the empty input and %d of %s\n1..1\n", failed ? "not " : "", n < 0 ? 0 : n,
	       folder);
	return failed ? 1 : 0;
}
