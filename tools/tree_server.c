/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Files read from a server, one request each. */
#include <errno.h>
#include <stdlib.h>
#include "tree_server.h"

/* A file may grow between two requests for it. */
static int read_served(const struct tree *t, const char *path, char **text, size_t *len)
{
	const struct tree_server *s = (const void *)t; /* its first member */
	size_t size = 65536;

	for (;;) {
		char *buf = malloc(size + 1);
		int err = buf ? fhc_read(s->c, path, buf, size, len) : -ENOMEM;

		if (!err && *len <= size) {
			buf[*len] = '\0';
			*text = buf;
			return 0;
		}
		free(buf);
		if (err)
			return err;
		if (*len > TREE_FILE_MAX)
			return -EFBIG;
		size = *len + *len / 8;
	}
}

int tree_server_open(struct tree_server *s, const char *socket)
{
	s->t = (struct tree){.read = read_served};
	return fhc_connect(*socket ? socket : NULL, "freehold stat", &s->c);
}

void tree_server_close(struct tree_server *s)
{
	fhc_close(s->c);
}
