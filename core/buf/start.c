/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a machine has of shared buffers, in the order of its making. */
#include "buf/dmabuf.h"
#include "buf/heap.h"
#include "buf/holder.h"
#include "buf/start.h"

int buf_start(struct fh_machine *m)
{
	m->buf = machine_alloc(m, sizeof(*m->buf));
	if (!m->buf)
		return -FH_ENOMEM;
	fh_lock_init(&m->buf->lock, RANK_SPACE);
	return heaps_start(m);
}

void buf_end(struct fh_machine *m)
{
	if (!m->buf)
		return;
	holders_forget_all(m);
	buffers_forget_all(m);
	heaps_end(m);
	machine_free(m, m->buf, sizeof(*m->buf));
	m->buf = NULL;
}

unsigned int buf_check(struct fh_machine *m, struct fh_text *out)
{
	return buffers_check(m, out) + heaps_check(m, out) + holders_check(m, out);
}
