/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Nobody but a thread itself can map something for it. So the thread of a held mmap() is stopped by ptrace as it leaves the call, and from there
 * made to call, with the instruction that it has just used: mmap() of the whole, as it asked; mmap() of each piece over that; close() of the
 * descriptors that the pieces came by. Then its registers are as they were, with the result, and it is let go. Between its stops the loop
 * goes on: each is a SIGCHLD.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "exec_filter.h"
#include "exec_inject.h"
#include "exec_regs.h"
#include "exec_wait.h"

#define IN_A_CALL (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define LOOK_MS	  100
#define MASK_SIZE sizeof(uint64_t)
#define HOW                                                                                        \
	(MAP_LOCKED | MAP_POPULATE | MAP_NONBLOCK |                                                \
	 MAP_NORESERVE) /* of the mmap(), pieces have it too */

enum phase { WHOLE, PIECES, UNDO, CLOSES };

struct exec_inject {
	struct exec_inject *next;
	struct exec *x;
	pid_t tid;
	uint64_t ip;
	uint64_t arg[6]; /* of the program's mmap() */
	bool stopped;	 /* it has been, so `saved` and `mask` are its own */
	bool entered;	 /* it stands before the call that it was made to make, not behind it */
	bool astray;	 /* it is no more in the call that it was held in: let it go */
	enum phase phase;
	size_t done; /* pieces, or closes */
	struct exec_regs saved;
	uint64_t mask;
	int64_t result;
	struct exec_piece *piece; /* fd: the program's number */
	size_t n;
	const struct exec_piece *huge; /* one of huge pages, or NULL */
	int *fd;		       /* the program's numbers, each once */
	size_t nr_fds;
	int stand_in;
	exec_mapped *mapped;
	int64_t look;
};

static void forget(struct exec_inject *i)
{
	struct exec_inject **at = &i->x->injects;

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	close(i->stand_in);
	free(i->piece);
	free(i->fd);
	free(i);
}

/* ---- which call is next ---- */

static long call_whole(const struct exec_inject *i, uint64_t arg[6])
{
	memcpy(arg, i->arg, sizeof(i->arg));
	arg[3] &= ~(uint64_t)(MAP_LOCKED | MAP_POPULATE);
	if (i->huge) { /* the kernel chooses an address that is good for them */
		arg[1] = i->piece[i->n - 1].at + i->piece[i->n - 1].len;
		arg[3] |= MAP_NORESERVE;
		arg[5] = 0;
	}
	arg[4] = (uint64_t)EXEC_OWN_CALL << 32 | (uint32_t)(i->huge ? i->huge->fd : (int)i->arg[4]);
	return SYS_mmap;
}

static long call_piece(const struct exec_inject *i, uint64_t arg[6])
{
	const struct exec_piece *p = &i->piece[i->done];

	arg[0] = (uint64_t)i->result + p->at;
	arg[1] = p->len;
	arg[2] = i->arg[2];
	arg[3] = MAP_SHARED | MAP_FIXED | (i->arg[3] & HOW);
	arg[4] = (uint64_t)EXEC_OWN_CALL << 32 | (uint32_t)p->fd;
	arg[5] = p->offset;
	return SYS_mmap;
}

/* -1: none, it is done. */
static long next_call(struct exec_inject *i, uint64_t arg[6])
{
	if (i->phase == PIECES && i->done == i->n) {
		i->phase = CLOSES;
		i->done = 0;
	}
	switch (i->phase) {
	case WHOLE:
		return call_whole(i, arg);
	case PIECES:
		return call_piece(i, arg);
	case UNDO:
		return SYS_munmap;
	default:
		arg[0] = i->done < i->nr_fds ? (uint64_t)i->fd[i->done] : 0;
		return i->done < i->nr_fds ? SYS_close : -1;
	}
}

static bool failed(int64_t result)
{
	return result < 0 && result >= -4095;
}

static void take_result(struct exec_inject *i, int64_t result)
{
	switch (i->phase) {
	case WHOLE:
		i->result = result;
		i->phase = failed(result) ? CLOSES : PIECES;
		break;
	case PIECES:
		i->done++;
		if (!failed(result))
			break;
		i->arg[0] = (uint64_t)i->result;
		i->arg[1] = i->piece[i->n - 1].at + i->piece[i->n - 1].len;
		i->result = result;
		i->phase = UNDO;
		break;
	case UNDO:
		i->phase = CLOSES;
		i->done = 0;
		break;
	default:
		i->done++;
		break;
	}
}

/* ---- the thread ---- */

/* What goes wrong here, goes wrong because it is being killed: waitpid() says so soon. */
static void go_on(struct exec_inject *i, int sig)
{
	ptrace(PTRACE_SYSCALL, i->tid, NULL, (void *)(intptr_t)sig);
}

/* mlockall() and the like have given the placeholder pages, which nobody sees now. */
static void drop_pages(const struct exec_inject *i, const struct stat *st)
{
	if (st->st_blocks &&
	    fallocate(i->stand_in, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, st->st_size))
		return; /* they are more than need be, no more */
}

static void let_go(struct exec_inject *i)
{
	struct stat st;

	if (i->stopped) {
		exec_regs_return(&i->saved, i->result);
		exec_regs_set(i->tid, &i->saved);
		ptrace(PTRACE_SETSIGMASK, i->tid, (void *)MASK_SIZE, &i->mask);
	}
	ptrace(PTRACE_DETACH, i->tid, NULL, NULL);
	if (i->stopped && !fstat(i->stand_in, &st)) {
		drop_pages(i, &st);
		if (!failed(i->result))
			i->mapped(i->x, st.st_dev, st.st_ino, (uint64_t)i->result);
	}
	forget(i);
}

static void step(struct exec_inject *i)
{
	uint64_t arg[6] = {i->arg[0], i->arg[1]};
	struct exec_regs regs = i->saved;
	long nr = next_call(i, arg);

	if (nr < 0) {
		let_go(i);
		return;
	}
	exec_regs_call(&regs, nr, arg);
	exec_regs_set(i->tid, &regs);
	i->entered = false;
	go_on(i, 0);
}

/* Signals wait until it is done: only SIGSTOP and SIGKILL cannot. */
static void begin(struct exec_inject *i)
{
	uint64_t all = UINT64_MAX;

	if (i->astray || exec_regs_get(i->tid, &i->saved) || !exec_regs_settle(&i->saved, i->ip) ||
	    ptrace(PTRACE_GETSIGMASK, i->tid, (void *)MASK_SIZE, &i->mask)) {
		let_go(i);
		return;
	}
	ptrace(PTRACE_SETSIGMASK, i->tid, (void *)MASK_SIZE, &all);
	i->stopped = true;
	step(i);
}

static void in_a_call(struct exec_inject *i)
{
	struct exec_regs regs;

	i->entered = !i->entered;
	if (i->entered || exec_regs_get(i->tid, &regs)) {
		go_on(i, 0);
		return;
	}
	take_result(i, exec_regs_result(&regs));
	step(i);
}

bool exec_inject_told(struct exec *x, pid_t pid, int status)
{
	struct exec_inject *i = x->injects;

	while (i && i->tid != pid)
		i = i->next;
	if (!WIFSTOPPED(status)) {
		if (i)
			forget(i);
		return false;
	}
	if (!i)
		return true;
	i->look = exec_now() + LOOK_MS;
	if (WSTOPSIG(status) == IN_A_CALL)
		in_a_call(i);
	else if (status >> 16 == PTRACE_EVENT_STOP && !i->stopped)
		begin(i);
	else /* SIGSTOP, and the stop that follows it: it comes when it is let go */
		go_on(i, status >> 16 ? 0 : WSTOPSIG(status));
	return true;
}

/* Who tells the kernel that another thread of its process calls execve() vanishes, and nobody is told. */
void exec_injects_look(struct exec *x)
{
	int64_t now = x->injects ? exec_now() : 0;
	struct exec_inject *next;

	for (struct exec_inject *i = x->injects; i; i = next) {
		struct exec_status st;

		next = i->next;
		if (i->look > now)
			continue;
		i->look = now + LOOK_MS;
		if (exec_status_of(i->tid, &st) || st.tracer != getpid())
			forget(i);
	}
}

/* ---- its beginning ---- */

static struct exec_inject *create(struct trap *t, int stand_in, const struct exec_piece *piece,
				  size_t n)
{
	struct exec_inject *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->piece = calloc(n, sizeof(*piece));
	i->fd = calloc(n, sizeof(int));
	i->stand_in = fcntl(stand_in, F_DUPFD_CLOEXEC, 0);
	if (!i->piece || !i->fd || i->stand_in < 0) {
		if (i->stand_in >= 0)
			close(i->stand_in);
		free(i->piece);
		free(i->fd);
		free(i);
		return NULL;
	}
	memcpy(i->piece, piece, n * sizeof(*piece));
	memcpy(i->arg, t->arg, sizeof(i->arg));
	i->n = n;
	i->x = t->x;
	i->tid = t->tid;
	i->ip = t->ip;
	i->look = exec_now() + LOOK_MS;
	i->next = t->x->injects;
	t->x->injects = i;
	return i;
}

/* The descriptors of the pieces into the program: they are closed by the thread itself, whatever comes of it. */
static int give_fds(struct trap *t, struct exec_inject *i, const struct exec_piece *piece)
{
	for (size_t k = 0; k < i->n; k++) {
		size_t same = 0;

		if (piece[k].huge)
			i->huge = &i->piece[k];

		while (piece[same].fd != piece[k].fd)
			same++;
		if (same == k) {
			int fd = trap_give(t, piece[k].fd, O_CLOEXEC);

			if (fd < 0)
				return fd;
			i->fd[i->nr_fds++] = fd;
			i->piece[k].fd = fd;
		} else {
			i->piece[k].fd = i->piece[same].fd;
		}
	}
	return 0;
}

static int refused(pid_t tid)
{
	struct exec_status st;

	return !exec_status_of(tid, &st) && st.tracer ? -EBUSY : -EPERM;
}

static int64_t mapped_by_caller(struct trap *t, int stand_in, const struct exec_piece *piece,
				size_t n, exec_mapped *mapped)
{
	int64_t at = t->x->form->map(t, stand_in, piece, n);
	struct stat st;

	if (mapped && (at >= 0 || at < -4095) && !fstat(stand_in, &st))
		mapped(t->x, st.st_dev, st.st_ino, (uint64_t)at);
	return at;
}

int64_t exec_inject_map(struct trap *t, int stand_in, const struct exec_piece *piece, size_t n,
			exec_mapped *mapped)
{
	struct exec_inject *i;
	int err;

	if (t->x->form->map)
		return mapped_by_caller(t, stand_in, piece, n, mapped);
	i = create(t, stand_in, piece, n);
	if (!i)
		return -ENOMEM;
	i->mapped = mapped;
	if (ptrace(PTRACE_SEIZE, t->tid, NULL, (void *)PTRACE_O_TRACESYSGOOD)) {
		err = errno == EPERM ? refused(t->tid) : -ENOMEM;
		forget(i);
		return err;
	}
	/* From here on it must be stopped to be let go. */
	i->astray = !trap_valid(t);
	err = i->astray ? 0 : give_fds(t, i, piece);
	if (err) {
		i->result = err;
		i->phase = CLOSES;
	}
	ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL);
	exec_answer(t->x, t->id, 0);
	return TRAP_ANSWERED;
}
