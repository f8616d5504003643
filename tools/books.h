/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine as it is after boot, with all its books and no bytes of RAM: a board may have more than this host. */
#ifndef TOOLS_BOOKS_H
#define TOOLS_BOOKS_H

#include <freehold/hosted.h>

struct books {
	/* What is wanted; set before books_open(). */
	bool caches; /* that devices do not snoop unless they say so, as on a board; they do nothing here */
	bool bytes;		     /* real RAM after all: tables of an IOMMU lie in it */
	enum hosted_backing backing; /* of buffers */
	void (*log)(void *arg, int level, const char *line); /* NULL: nobody listens */
	void *log_arg;

	struct hosted *host;
	struct plat plat;
	struct fh_machine *m;
};

/* NULL, or why the machine cannot be had. The calling thread is CPU 0. */
const char *books_open(struct books *b, const struct boot_config *cfg);
void books_close(struct books *b);

#endif
