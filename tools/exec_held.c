/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which buffers each process has, as the server counts; and what is told to a server that does not know them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../client/fhc_in.h"
#include "exec.h"
#include "exec_fence.h"
#include "exec_join.h"

/* Where `id` is, or would be. */
static size_t place(const struct exec_proc *p, uint64_t id)
{
	size_t low = 0, high = p->nr_held, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (p->held[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool holds(const struct exec_proc *p, uint64_t id)
{
	size_t at = place(p, id);

	return at < p->nr_held && p->held[at] == id;
}

bool exec_proc_holds(const struct exec_proc *p, const struct exec_file *file)
{
	return fhc_fd(p->c) >= 0 && holds(p, file->there);
}

void exec_proc_hold(struct exec_proc *p, uint64_t id)
{
	size_t at = place(p, id);
	uint64_t *more;

	if (holds(p, id))
		return;
	if (p->nr_held == p->room) {
		more = reallocarray(p->held, p->room ? 2 * p->room : 16, sizeof(uint64_t));
		if (!more)
			return; /* it is imported again the next time */
		p->held = more;
		p->room = p->room ? 2 * p->room : 16;
	}
	memmove(p->held + at + 1, p->held + at, (p->nr_held - at) * sizeof(uint64_t));
	p->held[at] = id;
	p->nr_held++;
}

/* A server that does not know it has come after the one that did. */
int exec_proc_show(struct exec_proc *p, struct exec_file *file, int own)
{
	struct exec *x = p->x;
	struct fhc_buffer buf;
	uint64_t before = file->there;
	int err = fhc_import(p->c, own, &buf);

	if (err == -EINVAL && x->joined && file->heap < x->nr_heaps)
		err = fhc_reclaim(p->c, x->heap[file->heap].name, own, &buf);
	else if (err == -EINVAL && x->joined && file->pages)
		err = exec_udmabuf_offer(p, file->pages, true, &buf);
	if (err)
		return err;
	exec_proc_hold(p, buf.id);
	if (before == buf.id)
		return 0;
	file->there = buf.id;
	if (file->named)
		(void)fhc_set_name(p->c, file->there, file->name);
	exec_fences_again(p, file);
	return 0;
}

int exec_proc_use(struct exec_proc *p, struct exec_file *file, int fd)
{
	int own, err;

	if (exec_proc_holds(p, file))
		return 0;
	own = exec_proc_getfd(p, fd);
	if (own < 0)
		return own;
	err = exec_proc_show(p, file, own);
	close(own);
	return err;
}

void exec_procs_info(struct exec *x, const struct exec_file *file, struct fhc_info *info)
{
	for (struct exec_proc *p = x->procs.first; p; p = p->next)
		if (holds(p, file->there) && !fhc_get_info(p->c, file->there, info))
			return;
	memset(info, 0, sizeof(*info));
	memcpy(info->name, file->name, sizeof(file->name));
	if (file->heap < x->nr_heaps)
		memcpy(info->exp_name, x->heap[file->heap].name, sizeof(info->exp_name));
	else if (file->udmabuf)
		memcpy(info->exp_name, EXEC_UDMABUF_NAME, sizeof(EXEC_UDMABUF_NAME));
}

static void unhold(struct exec_proc *p, uint64_t there)
{
	size_t at = place(p, there);

	memmove(p->held + at, p->held + at + 1, (p->nr_held - at - 1) * sizeof(uint64_t));
	p->nr_held--;
}

void exec_procs_drop(struct exec *x, uint64_t there)
{
	for (struct exec_proc *p = x->procs.first; p; p = p->next)
		if (holds(p, there)) {
			unhold(p, there);
			(void)fhc_release(p->c, &(struct fhc_buffer){.fd = -1, .id = there});
		}
}

bool exec_procs_forgotten(struct exec *x, const struct exec_file *file)
{
	struct fhc_info info;
	bool gone = true;

	for (struct exec_proc *p = x->procs.first; p; p = p->next) {
		if (!holds(p, file->there))
			continue;
		if (fhc_get_info(p->c, file->there, &info) != -ENOENT) {
			gone = false;
			continue;
		}
		unhold(p, file->there);
	}
	exec_join_check(x);
	return gone && !x->join.since;
}
