/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers whose bytes a client keeps, as udmabuf does in Linux: the server has their number, name, fences and account, and no frames. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "serve_in.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

struct offered {
	int fd; /* the memfd that stands for it */
	char exp_name[PROTO_NAME];
};

/* ---- the exporter ---- */

/* No device of the machine reaches what is not the machine's memory. */
static int no_device(struct dma_buf *buf, struct dma_buf_attachment *att)
{
	(void)buf, (void)att;
	return -FH_EINVAL;
}

static int no_map(struct dma_buf_attachment *att, enum dma_data_direction dir,
		  struct sg_table **sgt)
{
	(void)att, (void)dir, (void)sgt;
	return -FH_EINVAL;
}

static void no_unmap(struct dma_buf_attachment *att, struct sg_table *sgt,
		     enum dma_data_direction dir)
{
	(void)att, (void)sgt, (void)dir;
}

static void release(struct dma_buf *buf)
{
	struct offered *o = buf->priv;

	close(o->fd);
	free(o);
}

static const struct dma_buf_ops ops = {
	.attach = no_device,
	.map_dma_buf = no_map,
	.unmap_dma_buf = no_unmap,
	.release = release,
};

/* ---- the offer ---- */

/* A lease is had only while nobody else has it open: so it is known later when the last open is gone. */
static int check(struct server *s, int fd, uint64_t *size)
{
	struct stat st;

	if (fd_kind(fd) != FD_MEMFD || (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS ||
	    fstat(fd, &st) || st.st_size <= 0 || st.st_size % (off_t)FH_PAGE_SIZE)
		return -EINVAL;
	if (buffer_of_fd(s, fd))
		return -EEXIST;
	if (fcntl(fd, F_SETLEASE, F_WRLCK))
		return errno == EAGAIN ? -EBUSY : -errno;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	*size = (uint64_t)st.st_size;
	return 0;
}

static int export(struct server *s, const char *exp_name, int fd, uint64_t size,
		  struct dma_buf **buf)
{
	struct offered *o = malloc(sizeof(*o));
	struct dma_buf_export_info info = {.machine = s->o.m, .ops = &ops, .size = size, .priv = o};
	int err;

	if (!o)
		return -ENOMEM;
	snprintf(o->exp_name, sizeof(o->exp_name), "%s", exp_name);
	info.exp_name = o->exp_name;
	o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	err = o->fd < 0 ? -EMFILE : dma_buf_export(&info, buf);
	if (!err)
		return 0;
	if (o->fd >= 0)
		close(o->fd);
	free(o);
	return err;
}

/* buf: a reference that stays the caller's. */
static int take(struct client *c, struct dma_buf *buf, struct sbuf **b)
{
	struct offered *o = buf->priv;
	struct hold *h = malloc(sizeof(*h));
	int err = h ? dma_holder_add(c->holder, buf) : -ENOMEM;

	if (!err)
		err = buffer_add(c->s, "", get_dma_buf(buf), o->fd, b);
	if (!err) {
		buffer_hold(h, c, *b, ACCESS_READ | ACCESS_WRITE);
		return 0;
	}
	if (h)
		(void)!dma_holder_drop(c->holder, buf);
	free(h);
	return err;
}

int buffer_offer(struct client *c, const char *exp_name, int fd, struct sbuf **b)
{
	struct dma_buf *buf;
	uint64_t size = 0;
	int err;

	if (c->s->draining)
		return -ESHUTDOWN;
	if (!*exp_name)
		return -EINVAL;
	err = buffer_room(c);
	if (!err)
		err = check(c->s, fd, &size);
	if (!err)
		err = export(c->s, exp_name, fd, size, &buf);
	if (err)
		return err;
	err = take(c, buf, b);
	dma_buf_put(buf);
	return err;
}
