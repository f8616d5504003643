/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The processes of the program that have to do with buffers: each is a connection to the server, until it ends. */
#ifndef TOOLS_EXEC_PROC_H
#define TOOLS_EXEC_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct exec;
struct exec_file;
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

/* Who makes the call, or has that number; with a connection, if the server is there. NULL: it has ended, or the server does not want it. */
struct exec_proc *exec_proc_of(struct trap *t);
struct exec_proc *exec_proc_at(struct exec *x, pid_t pid);
/* Connects it, if it is not: 1: it is now, 0: it was; a negative errno. */
int exec_proc_join(struct exec_proc *proc);
/* A descriptor of it, as one of ours (the same open file); a negative errno. */
int exec_proc_getfd(const struct exec_proc *proc, int fd);
/* The same of one that makes no call now; where that is not allowed, another open of the same. */
int exec_proc_take(const struct exec_proc *proc, int fd);
void exec_procs_end(struct exec *x);

/* ---- what they have: exec_held.c ---- */

/* The server counts this buffer as this process's. */
void exec_proc_hold(struct exec_proc *proc, uint64_t id);
bool exec_proc_holds(const struct exec_proc *proc, const struct exec_file *file);
/* The process uses a buffer by its descriptor fd; if it came by fork or from another process of the program, or the server is another
 * one than before, the server is told now. 0 or a negative errno. */
int exec_proc_use(struct exec_proc *proc, struct exec_file *file, int fd);
/* The same by a descriptor of ours. */
int exec_proc_show(struct exec_proc *proc, struct exec_file *file, int own);
/* What the server says of it to any process that has it; what is known here if none has. */
void exec_procs_info(struct exec *x, const struct exec_file *file, struct fhc_info *info);
/* No process has it and the server does not know it. */
bool exec_procs_forgotten(struct exec *x, const struct exec_file *file);
/* Nobody has any more what the server calls so: it is told so for all who held it. */
void exec_procs_drop(struct exec *x, uint64_t there);

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
