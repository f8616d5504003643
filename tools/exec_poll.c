/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* poll() and select() of buffers that have fences. */
#include "exec.h"

int64_t exec_poll(struct trap *t)
{
	(void)t;
	return TRAP_CONTINUE;
}
int64_t exec_ppoll(struct trap *t)
{
	(void)t;
	return TRAP_CONTINUE;
}
int64_t exec_select(struct trap *t)
{
	(void)t;
	return TRAP_CONTINUE;
}
int64_t exec_pselect(struct trap *t)
{
	(void)t;
	return TRAP_CONTINUE;
}
