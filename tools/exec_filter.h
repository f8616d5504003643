/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The seccomp filter: which system calls are held for the supervisor. */
#ifndef TOOLS_EXEC_FILTER_H
#define TOOLS_EXEC_FILTER_H

#include <stddef.h>
#include <linux/filter.h>

#define EXEC_FILTER_MAX 256

/* Above the descriptor of an mmap(), where the kernel does not look: the call is ours (exec_inject.c), and goes on untouched. */
#define EXEC_OWN_CALL UINT32_C(0x66687632)

/* Which calls of that number are meant. */
enum exec_when {
	EXEC_ALWAYS,
	EXEC_SOME_IOCTLS, /* by number: of heaps, buffers, sync files, and what they answer as no other file */
	EXEC_SOME_SEEKS,  /* not to the beginning or end, which a memfd answers in the same way */
	EXEC_FILE_MAPS,	  /* not of anonymous memory */
	EXEC_SOME_FCNTLS, /* flags, seals, leases */
	EXEC_POLLS,	  /* of any descriptor at all */
};

struct exec_trapped {
	int nr;
	enum exec_when when;
};

/* The program for n calls into code[EXEC_FILTER_MAX]; its length. */
size_t exec_filter_build(const struct exec_trapped *calls, size_t n, struct sock_filter *code);
/* Puts this process under it: the listener, close on exec; a negative errno. */
int exec_filter_install(const struct sock_filter *code, size_t len);

#endif
