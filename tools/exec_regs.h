/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A stopped thread's registers, as far as system calls go; for each architecture that the filter knows. */
#ifndef TOOLS_EXEC_REGS_H
#define TOOLS_EXEC_REGS_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

struct exec_regs {
	struct user_regs_struct r;
};

static inline int exec_regs_get(pid_t tid, struct exec_regs *regs)
{
	struct iovec v = {&regs->r, sizeof(regs->r)};

	return ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &v) ? -1 : 0;
}

static inline int exec_regs_set(pid_t tid, const struct exec_regs *regs)
{
	struct iovec v = {(void *)(uintptr_t)&regs->r, sizeof(regs->r)};

	return ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &v) ? -1 : 0;
}

/*
 * exec_regs_settle: the thread has just left the call before `ip`, or is about to repeat it. Then it stands behind it, and nothing is repeated;
 *	false: it is somewhere else.
 * exec_regs_call: it makes this call next, with the instruction of that one.
 * exec_regs_result: what a call has returned; exec_regs_return: what it shall return.
 */
#if defined(__x86_64__)

#define EXEC_CALL_BYTES 2 /* syscall */

static inline bool exec_regs_settle(struct exec_regs *regs, uint64_t ip)
{
	if (regs->r.rip != ip && regs->r.rip != ip - EXEC_CALL_BYTES)
		return false;
	regs->r.rip = ip;
	regs->r.orig_rax = UINT64_MAX;
	return true;
}

static inline void exec_regs_call(struct exec_regs *regs, long nr, const uint64_t arg[6])
{
	regs->r.rip -= EXEC_CALL_BYTES;
	regs->r.rax = (uint64_t)nr;
	regs->r.rdi = arg[0];
	regs->r.rsi = arg[1];
	regs->r.rdx = arg[2];
	regs->r.r10 = arg[3];
	regs->r.r8 = arg[4];
	regs->r.r9 = arg[5];
}

static inline int64_t exec_regs_result(const struct exec_regs *regs)
{
	return (int64_t)regs->r.rax;
}

static inline void exec_regs_return(struct exec_regs *regs, int64_t result)
{
	regs->r.rax = (uint64_t)result;
}

#elif defined(__aarch64__)

#define EXEC_CALL_BYTES 4 /* svc */

static inline bool exec_regs_settle(struct exec_regs *regs, uint64_t ip)
{
	if (regs->r.pc != ip && regs->r.pc != ip - EXEC_CALL_BYTES)
		return false;
	regs->r.pc = ip;
	return true;
}

static inline void exec_regs_call(struct exec_regs *regs, long nr, const uint64_t arg[6])
{
	regs->r.pc -= EXEC_CALL_BYTES;
	regs->r.regs[8] = (uint64_t)nr;
	for (unsigned int i = 0; i < 6; i++)
		regs->r.regs[i] = arg[i];
}

static inline int64_t exec_regs_result(const struct exec_regs *regs)
{
	return (int64_t)regs->r.regs[0];
}

static inline void exec_regs_return(struct exec_regs *regs, int64_t result)
{
	regs->r.regs[0] = (uint64_t)result;
}

#else /* nothing is held there: exec_filter.c */

static inline bool exec_regs_settle(struct exec_regs *regs, uint64_t ip)
{
	(void)regs, (void)ip;
	return false;
}

static inline void exec_regs_call(struct exec_regs *regs, long nr, const uint64_t arg[6])
{
	(void)regs, (void)nr, (void)arg;
}

static inline int64_t exec_regs_result(const struct exec_regs *regs)
{
	(void)regs;
	return 0;
}

static inline void exec_regs_return(struct exec_regs *regs, int64_t result)
{
	(void)regs, (void)result;
}

#endif

#endif
