/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Calls that are answered later: they end when what they wait for is there, at their time, or by a signal. */
#ifndef TOOLS_EXEC_WAIT_H
#define TOOLS_EXEC_WAIT_H

#include "exec.h"

#define EXEC_RESTARTSYS                                                                            \
	512 /* what makes the kernel repeat the call, or return -EINTR, as the handler of the signal wants it */

struct exec_wait {
	struct exec_wait *next;
	struct exec *x;
	uint64_t id;
	pid_t tid;
	int64_t until;	  /* monotonic ms; INT64_MAX: no end */
	bool seen_shared; /* a signal of the whole process was there the last time, too */
	/* Ends it: why is -ETIMEDOUT, -EINTR (a signal), or -ENOENT (nobody waits any more). */
	void (*stop)(struct exec_wait *w, int why);
};

int64_t exec_now(void);
void exec_wait_begin(struct trap *t, struct exec_wait *w, int64_t until,
		     void (*stop)(struct exec_wait *w, int why));
void exec_wait_end(struct exec_wait *w);
/* How long until the next look, in ms; -1: nobody waits. */
int exec_waits_timeout(const struct exec *x);
void exec_waits_look(struct exec *x);

#endif
