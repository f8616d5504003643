/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the parts of `freehold exec` know of each other: the supervisor, and a system call of the program that is
 * held up until it has been answered.
 *
 *	program: ioctl() ... held by the kernel > exec_loop: a trap > exec_calls: its handler > an answer
 *
 * A handler returns what the call shall return: a value, a negative errno, or one of the words below.
 */
#ifndef TOOLS_EXEC_H
#define TOOLS_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <freehold/client.h>
#include "exec_call.h"
#include "exec_files.h"
#include "exec_mem.h"
#include "exec_proc.h"
#include "exec_udmabuf.h"

#define TRAP_CONTINUE INT64_MIN	      /* none of our business: the kernel does it */
#define TRAP_ANSWERED (INT64_MIN + 1) /* there is an answer already, or it comes later */

#define EXEC_HEAPS    "/dev/dma_heap"
#define EXEC_SW_SYNC  "/sys/kernel/debug/sync/sw_sync"
#define EXEC_PAGE     UINT64_C(4096)
#define EXEC_MAX_HEAP 128 /* as many minors as Linux has */

#define EXEC_UDMABUF_PATH "/dev/udmabuf"
#define EXEC_UDMABUF_NAME "udmabuf"	/* the exporter's */
#define EXEC_UDMABUF_ID	  EXEC_MAX_HEAP /* behind the heaps, which it is a device like */
#define EXEC_DEVICES	  (EXEC_MAX_HEAP + 1)

/* Who waits for events: in epoll's data. Events are taken one at a time, so a source may free any other. */
struct exec_source {
	void (*ready)(struct exec_source *source, uint32_t events);
};

struct exec_again;
struct exec_entry;
struct exec_inject; /* a thread that maps something for itself, at our word: exec_inject.h */
struct exec_pending;
struct exec_wait; /* an answer that comes later: exec_wait.h */
struct pl_shared;

struct exec {
	const struct exec_form *form; /* how calls come: exec_call.h */
	int epoll, listener;
	struct pl_shared *shared; /* what a preloaded library may know; NULL: there is none */

	/* the program */
	int word;	/* to it, before it runs */
	int tell;	/* where the command hears how it ended */
	int64_t root;	/* its process id */
	bool root_done; /* it has ended, with: */
	int root_status;
	bool unused; /* nobody is left whose calls could come */

	/* the server */
	const char *socket; /* NULL: a private machine: */
	int machine;	    /* where connections to it are had */
	pid_t machine_pid;  /* the process that it is */
	bool joined;	    /* the server has other clients: buffers may come from strangers */
	struct {	    /* while it is away, or is about to go: exec_join.h */
		int64_t patience; /* ms that calls wait for another one */
		int64_t since;	  /* monotonic ms; 0: it is there */
		int64_t next;	  /* when to look for another one */
		bool found;	  /* there is one, and it is not shown everything yet */
		struct exec_again *again;
	} join;

	/* /dev */
	struct fhc_heap heap[EXEC_MAX_HEAP];
	unsigned int nr_heaps;
	int heap_fd
		[EXEC_DEVICES]; /* stands for the device: an empty memfd with an inode of its own */
	int path_fd[EXEC_DEVICES]; /* the same, for who opens it with O_PATH */
	int dir_fd;		   /* stands for the folder */
	char dir_link[256];	   /* what /proc/PID/fd/N says of it */
	unsigned int owner;	   /* whose the heaps are */
	dev_t dev;		   /* of /dev */
	uint64_t mnt;		   /* of /dev */
	dev_t memfd_dev;	   /* of all memfds */

	/* what the program has */
	bool given; /* anything at all: before, no descriptor can be ours */
	struct exec_files files;
	struct exec_procs procs;
	struct exec_udmabufs udmabufs;

	/* fences */
	bool fences_given;	      /* the program has sync files */
	unsigned int fences;	      /* imported and not signalled yet */
	struct exec_pending *pending; /* these */
	struct exec_timeline *timelines;
	uint64_t nr_timelines; /* ever */
	int done;	       /* a fence that is signalled; 0: none yet */

	/* calls under way */
	struct exec_wait *waits;
	struct exec_inject *injects;
	struct exec_entry *entries; /* of epolls */
};

/* A system call of the program, held. */
struct trap {
	struct exec *x;
	uint64_t id;
	pid_t tid;
	int nr;
	uint64_t arg[6];
	uint64_t ip; /* where it goes on behind the call */
	struct exec_mem mem;
	int64_t until; /* it waits for a server until then; 0: it does not yet */
};

typedef int64_t trap_handler(struct trap *t);

/* ---- exec_loop.c ---- */

/* Until nobody is left whose calls could come. The program's status is written to x->tell, as wait(2) gives it. */
int exec_loop(struct exec *x);
/* A call has come in, or is done again: has it answered, now or later. */
void exec_take(struct trap *t);
int exec_watch(struct exec *x, int fd, struct exec_source *source);
void exec_unwatch(struct exec *x, int fd);
/* -ENOENT: nobody waits for the answer any more. */
int exec_answer(struct exec *x, uint64_t id, int64_t result);
/* Is the call still held? What was read from /proc/PID and the process's memory is the caller's own only if so. */
bool trap_valid(const struct trap *t);
/* A descriptor for the program, the lowest free one: its number or a negative errno (-EMFILE: the program's limit). The
 * call is still held. flags: O_CLOEXEC or 0. fd stays the caller's. */
int trap_give(struct trap *t, int fd, int flags);
/* The same as the call's result, in one step: TRAP_ANSWERED or a negative errno. */
int64_t trap_give_result(struct trap *t, int fd, int flags);

/* ---- handlers, by file ---- */

trap_handler exec_open, exec_openat, exec_openat2, exec_creat;		  /* exec_open.c */
trap_handler exec_stat, exec_lstat, exec_fstat, exec_fstatat, exec_statx; /* exec_stat.c */
trap_handler exec_access, exec_faccessat, exec_faccessat2;
trap_handler exec_readlink, exec_readlinkat, exec_getdents; /* exec_dir.c */
trap_handler exec_ioctl;				    /* exec_call_ioctl.c */
trap_handler exec_lseek, exec_mmap, exec_fcntl, exec_ftruncate, exec_fallocate; /* exec_buffer.c */
trap_handler exec_poll, exec_ppoll, exec_select, exec_pselect;			/* exec_poll.c */

trap_handler exec_fsync, exec_sync_range, exec_readahead, exec_fsetxattr; /* exec_refuse.c */
trap_handler exec_flistxattr, exec_getxattr, exec_lgetxattr, exec_truncate, exec_fstatfs;
trap_handler exec_getcwd;

trap_handler exec_epoll_ctl; /* exec_epoll.c */

/* Whether descriptor fd is only a path (O_PATH). exec_buffer.c */
bool exec_opened_as_path(struct trap *t, const struct exec_file *file, int fd);

/* The handler of a call that the filter traps; NULL: none. */
trap_handler *exec_handler(int nr);

#endif
