/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The page fault of a process: SIGSEGV on an address of a space becomes fh_space_fault(), and the
 * instruction is tried again.
 *
 * The signal is synchronous: it interrupts only the very load or store that faulted, never a holder
 * of a lock, so the core runs in the handler as it does in any function. The table is read without
 * a lock and its slots are never freed; a space that is the target of a fault is alive because its
 * user is.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#if defined(__aarch64__)
#include <asm/sigcontext.h>
#endif
#include "state.h"

struct guard {
	sigjmp_buf env;
	int err;
	struct guard *outer;
};

/* [start, end) in pages; end 0: free or being filled in. */
struct slot {
	_Atomic(bool) used;
	_Atomic(uint64_t) start, end;
	_Atomic(struct fh_space *) space;
	struct hosted_space *hs;
};

static struct slot slots[HOSTED_MAX_SPACES];
static struct sigaction old_action;
static __thread struct guard *guard;
static __thread bool in_fault;

bool hosted_in_fault(void)
{
	return in_fault;
}

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_UNKNOWN };

#if defined(__aarch64__)
static enum access access_kind(const ucontext_t *uc)
{
	const char *p = (const char *)uc->uc_mcontext.__reserved;
	const char *end = p + sizeof(uc->uc_mcontext.__reserved);

	while (p + sizeof(struct esr_context) <= end) {
		const struct _aarch64_ctx *c = (const void *)p;

		if (c->magic == ESR_MAGIC) /* WnR: write, not read */
			return ((const struct esr_context *)c)->esr & 1u << 6 ? ACCESS_WRITE
									      : ACCESS_READ;
		if (c->size < sizeof(*c))
			break;
		p += c->size;
	}
	return ACCESS_UNKNOWN;
}
#elif defined(__x86_64__)
static enum access access_kind(const ucontext_t *uc)
{
	return uc->uc_mcontext.gregs[REG_ERR] & 2 ? ACCESS_WRITE : ACCESS_READ;
}
#else
static enum access access_kind(const ucontext_t *uc)
{
	(void)uc;
	return ACCESS_UNKNOWN;
}
#endif

/* Where the machine does not tell, the first fault on a page is a load; if it comes again, a store.
 */
static unsigned int fault_flags(const ucontext_t *uc, uint64_t va)
{
	static __thread uint64_t last_read;

	switch (access_kind(uc)) {
	case ACCESS_READ:
		return 0;
	case ACCESS_WRITE:
		return FH_FAULT_WRITE;
	default:
		if (last_read == va) {
			last_read = 0;
			return FH_FAULT_WRITE;
		}
		last_read = va;
		return 0;
	}
}

static struct slot *find_slot(uint64_t va)
{
	for (unsigned int i = 0; i < HOSTED_MAX_SPACES; i++) {
		struct slot *s = &slots[i];
		/* Acquire: pairs with the releases in hosted_fault_register(). */
		uint64_t end = atomic_load_explicit(&s->end, memory_order_acquire);
		uint64_t start = atomic_load_explicit(&s->start, memory_order_acquire);

		/* The same end again: start was not of a later owner of the slot. */
		if (va >= start && va < end &&
		    atomic_load_explicit(&s->end, memory_order_relaxed) == end)
			return s;
	}
	return NULL;
}

/* Not ours: whoever was there before us decides, and the access comes again. A signal that somebody
 * sent does not come again by itself. */
static void pass_on(const siginfo_t *info)
{
	sigaction(SIGSEGV, &old_action, NULL);
	if (info->si_code <= 0)
		raise(SIGSEGV);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	uint64_t va = (uintptr_t)info->si_addr >> FH_PAGE_SHIFT;
	int saved = errno, err;
	unsigned int flags;
	struct slot *s = info->si_code > 0 && !in_fault ? find_slot(va) : NULL;
	struct fh_space *space = s ? atomic_load_explicit(&s->space, memory_order_acquire) : NULL;

	(void)sig;
	if (!space) {
		pass_on(info);
		return;
	}
	atomic_fetch_add_explicit(&s->hs->h->faults, 1, memory_order_relaxed);
	flags = fault_flags(context, va);
	in_fault = true;
	err = hosted_space_restore(s->hs, va, flags & FH_FAULT_WRITE);
	if (err > 0)
		err = fh_space_fault(space, va, flags);
	in_fault = false;
	errno = saved;
	if (!err)
		return;
	if (guard) {
		/* Who stands between the host and us (ThreadSanitizer) may have blocked signals. */
		pthread_sigmask(SIG_SETMASK, &((const ucontext_t *)context)->uc_sigmask, NULL);
		guard->err = err;
		siglongjmp(guard->env, 1);
	}
	pass_on(info);
}

int hosted_try(void (*access)(void *arg), void *arg)
{
	struct guard g = {.outer = guard};

	/* The mask need not be restored: the handler runs with SA_NODEFER. */
	if (!sigsetjmp(g.env, 0)) {
		guard = &g;
		access(arg);
	}
	guard = g.outer;
	return g.err;
}

static void install(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, &old_action);
}

int hosted_fault_register(struct hosted_space *hs)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t start = hosted_space_va(hs);

	pthread_once(&once, install);
	for (unsigned int i = 0; i < HOSTED_MAX_SPACES; i++) {
		struct slot *s = &slots[i];

		if (atomic_exchange_explicit(&s->used, true, memory_order_acq_rel))
			continue;
		s->hs = hs;
		atomic_store_explicit(&s->space, NULL, memory_order_relaxed);
		/* Release: a reader that sees the start sees that the old end is gone; one that
		 * sees the new end sees the rest. */
		atomic_store_explicit(&s->start, start, memory_order_release);
		atomic_store_explicit(&s->end, start + hs->nr, memory_order_release);
		hs->slot = i;
		return 0;
	}
	return -FH_ENOSPC;
}

void hosted_fault_attach(struct hosted_space *hs, struct fh_space *space)
{
	atomic_store_explicit(&slots[hs->slot].space, space, memory_order_release);
}

void hosted_fault_unregister(struct hosted_space *hs)
{
	struct slot *s = &slots[hs->slot];

	atomic_store_explicit(&s->end, 0, memory_order_release);
	atomic_store_explicit(&s->space, NULL, memory_order_relaxed);
	atomic_store_explicit(&s->used, false, memory_order_release);
}
