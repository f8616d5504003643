/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The processes of the program that have to do with buffers: each is a connection to the server, until it ends. */
#ifndef TOOLS_EXEC_PROC_H
#define TOOLS_EXEC_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct exec;
struct exec_proc;
struct fhc;
struct fhc_info;
struct trap;

/* What /proc/TID/status says. */
struct exec_status {
	pid_t tgid, tracer; /* 0: nobody */
	unsigned int fsuid, fsgid;
	uint64_t pending, shared, blocked; /* signals */
};
/* -ESRCH: it is gone. */
int exec_status_of(pid_t tid, struct exec_status *st);

struct exec_procs {
	struct exec_proc *first;
	unsigned int nr;
};

struct exec_proc *exec_proc_of(struct trap *t);
/* A descriptor of it, as one of ours (the same open file); a negative errno. */
int exec_proc_getfd(const struct exec_proc *proc, int fd);
/* The server counts this buffer as this process's. */
void exec_proc_hold(struct exec_proc *proc, uint64_t id);
/* The process uses buffer `id` by its descriptor fd; if it came by fork or from another process of the program, the server is
 * told now. 0 or a negative errno. */
int exec_proc_use(struct exec_proc *proc, uint64_t id, int fd);
/* What the server says of it to any process that has it; all zero if none has. */
void exec_procs_info(struct exec *x, uint64_t id, struct fhc_info *info);
/* No process has it and the server does not know it. */
bool exec_procs_forgotten(struct exec *x, uint64_t id);
/* Nobody has it any more: the server is told so for all who held it. */
void exec_procs_drop(struct exec *x, uint64_t id);
void exec_procs_end(struct exec *x);

struct exec_proc_source;
struct exec_proc {
	struct exec_proc *next;
	struct exec *x;
	pid_t pid;
	int pidfd;
	uint64_t
		began; /* if that is a timer, where there are no pidfds: of this process, as /proc says it; else 0 */
	struct trap *by; /* its call that is being answered: who is asked for its descriptors */
	struct fhc *c;
	struct exec_proc_source *ended, *reply;
	uint64_t *held; /* sorted */
	size_t nr_held, room;
};

#endif
