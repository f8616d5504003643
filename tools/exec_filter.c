/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Writes the filter and puts a process under it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "exec_filter.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0 /* nothing is known of its system calls */
#endif

#define X32 0x40000000 /* calls of the x32 ABI, which has the same architecture */

#define FIELD(name)  ((unsigned int)offsetof(struct seccomp_data, name))
#define ARG_LOW(i)   (FIELD(args) + 8U * (i))
#define ARG_HIGH(i)  (ARG_LOW(i) + 4U)
#define NR_OF(cmd)   ((cmd)&0xff)
#define TYPE_OF(cmd) (((cmd) >> 8) & 0xff)

struct code {
	struct sock_filter *ins;
	size_t n;
};

static void emit(struct code *c, unsigned int op, unsigned int k, unsigned int yes, unsigned int no)
{
	if (c->n < EXEC_FILTER_MAX)
		c->ins[c->n] = (struct sock_filter){(unsigned short)op, (unsigned char)yes,
						    (unsigned char)no, k};
	c->n++;
}

static void load(struct code *c, unsigned int offset)
{
	emit(c, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void hold(struct code *c)
{
	emit(c, BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF, 0, 0);
}

static void allow(struct code *c)
{
	emit(c, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static void hold_if(struct code *c, unsigned int k)
{
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
	hold(c);
}

static void allow_if(struct code *c, unsigned int k)
{
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
	allow(c);
}

/* Number 0 of every type: Linux's heaps look at the number alone. */
static void ioctls(struct code *c)
{
	static const unsigned char types[] = {'H', 'b', '>', 'u', 'W'};
	static const unsigned int others[] = {TCGETS, FIONREAD, FIOQSIZE};

	load(c, ARG_LOW(1));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		hold_if(c, others[i]);
	emit(c, BPF_ALU | BPF_AND | BPF_K, 0xff, 0, 0);
	hold_if(c, 0);
	load(c, ARG_LOW(1));
	emit(c, BPF_ALU | BPF_RSH | BPF_K, 8, 0, 0);
	emit(c, BPF_ALU | BPF_AND | BPF_K, 0xff, 0, 0);
	for (size_t i = 0; i < sizeof(types); i++)
		hold_if(c, types[i]);
	allow(c);
}

static void seeks(struct code *c)
{
	load(c, ARG_LOW(2));
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, SEEK_SET, 2, 0);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, SEEK_END, 1, 0);
	hold(c);
	load(c, ARG_LOW(1));
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	hold(c);
	load(c, ARG_HIGH(1));
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	hold(c);
	allow(c);
}

static void maps(struct code *c)
{
	load(c, ARG_HIGH(4));
	allow_if(c, EXEC_OWN_CALL);
	load(c, ARG_LOW(4));
	allow_if(c, UINT32_MAX);
	load(c, ARG_LOW(3));
	emit(c, BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 0, 1);
	allow(c);
	hold(c);
}

static void fcntls(struct code *c)
{
	static const unsigned int which[] = {F_GETFL, F_ADD_SEALS, F_GET_SEALS, F_SETLEASE};

	load(c, ARG_LOW(1));
	for (size_t i = 0; i < sizeof(which) / sizeof(*which); i++)
		hold_if(c, which[i]);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, F_SETFL, 1, 0);
	allow(c);
	load(c, ARG_LOW(2));
	emit(c, BPF_JMP | BPF_JSET | BPF_K, O_DIRECT, 0, 1);
	hold(c);
	allow(c);
}

static void polls(struct code *c, int nr)
{
	bool first = false;

#ifdef SYS_select
	first = nr == SYS_select;
#endif
	first = first || nr == SYS_pselect6;
	load(c, ARG_LOW(first ? 0 : 1));
	allow_if(c, 0);
	hold(c);
}

static void arguments(struct code *c, const struct exec_trapped *call)
{
	switch (call->when) {
	case EXEC_ALWAYS:
		hold(c);
		break;
	case EXEC_SOME_IOCTLS:
		ioctls(c);
		break;
	case EXEC_SOME_SEEKS:
		seeks(c);
		break;
	case EXEC_FILE_MAPS:
		maps(c);
		break;
	case EXEC_SOME_FCNTLS:
		fcntls(c);
		break;
	case EXEC_POLLS:
		polls(c, call->nr);
		break;
	}
}

/* Programs of another architecture or ABI have other numbers: they are let through. */
size_t exec_filter_build(const struct exec_trapped *calls, size_t n, struct sock_filter *ins)
{
	struct code c = {ins, 0};
	size_t at;

	load(&c, FIELD(arch));
	emit(&c, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	allow(&c);
	load(&c, FIELD(nr));
	emit(&c, BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
	allow(&c);
	for (size_t i = 0; i < n; i++) {
		at = c.n;
		emit(&c, BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)calls[i].nr, 0, 0);
		arguments(&c, &calls[i]);
		if (at < EXEC_FILTER_MAX)
			ins[at].jf = (unsigned char)(c.n - at - 1);
	}
	allow(&c);
	return c.n;
}

/* Since Linux 5.19 a call that the supervisor has taken is not broken off by a signal; before, it may be. */
int exec_filter_install(const struct sock_filter *code, size_t len)
{
	struct sock_fprog prog = {(unsigned short)len, (struct sock_filter *)(uintptr_t)code};
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long fd;

	if (!ARCH)
		return -ENOSYS;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	return fd < 0 ? -errno : (int)fd;
}
