/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* /dev/udmabuf: buffers of pages of the program's own memfds. */
#ifndef TOOLS_EXEC_UDMABUF_H
#define TOOLS_EXEC_UDMABUF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct exec;
struct exec_file;
struct exec_ioctl;
struct exec_source;
struct exec_udmabuf;
struct trap;

struct exec_udmabufs {
	struct exec_udmabuf *first;
	int closes;	     /* inotify: an open of one is gone; 0: there has been none yet */
	unsigned int doubts; /* of which it is not known whether that was the last */
	int64_t look;	     /* when to look at those again, ms */
	struct exec_source *source;
};

/* UDMABUF_CREATE and its list: the descriptor's number in the program, or a negative errno. */
int64_t exec_udmabuf_create(struct trap *t, const struct exec_ioctl *r);
/* The held mmap() of all or part of one, which is right: shared, and not beyond its end. As exec_inject_map(); -EOPNOTSUPP: it would show huge
 * pages in part, which no mapping but the kernel's own can. */
int64_t exec_udmabuf_map(struct trap *t, const struct exec_file *file);
/* Whether what lies at `start` in a program, of that inode, is a mapping of the buffer. */
bool exec_udmabuf_shows(const struct exec_udmabuf *u, uint64_t start, dev_t dev, ino_t ino);
/* With its file; NULL is none. */
void exec_udmabuf_end(struct exec *x, struct exec_udmabuf *u);
/* Lets those go that nobody has any more. */
void exec_udmabufs_look(struct exec *x);

#endif
