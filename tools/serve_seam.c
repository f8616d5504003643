/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stands in for heaps and holders of the core until they are there: memfds, counted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "serve_in.h"

struct seam_buf {
	struct dma_buf b;
	unsigned int refs;
	int fd;
	char name[DMA_BUF_NAME_MAX];
	struct dma_holder *payer;
};
struct seam_hold {
	struct seam_hold *next;
	struct dma_buf *buf;
};
struct dma_heap {
	const char *name;
	uint64_t used, buffers, limit;
	enum dma_heap_kind kind;
};
struct dma_holder {
	char name[32];
	int64_t pid;
	uint64_t limit, charged;
	struct seam_hold *holds;
};
static struct dma_heap heaps[] = {{.name = "system"},
				  {.name = "default_cma_region", .kind = DMA_HEAP_CMA},
				  {.name = "reserved", .kind = DMA_HEAP_CMA}};
static uint64_t numbers;

struct dma_heap *dma_heap_nth(struct fh_machine *m, unsigned int n)
{
	(void)m;
	return n < 3 ? &heaps[n] : NULL;
}
struct dma_heap *dma_heap_find(struct fh_machine *m, const char *name)
{
	(void)m;
	for (unsigned int i = 0; i < 3; i++)
		if (!strcmp(heaps[i].name, name))
			return &heaps[i];
	return NULL;
}
void dma_heap_get_info(struct dma_heap *h, struct dma_heap_info *i)
{
	*i = (struct dma_heap_info){
		.kind = h->kind, .used = h->used, .buffers = h->buffers, .limit = h->limit};
	snprintf(i->name, sizeof(i->name), "%s", h->name);
}
void dma_heap_set_limit(struct dma_heap *h, uint64_t bytes)
{
	h->limit = bytes;
}
int dma_heap_alloc(struct dma_heap *h, uint64_t len, struct dma_holder *holder,
		   struct dma_buf **buf)
{
	struct seam_buf *s;
	int fd;
	char path[32];

	if (len > (UINT64_C(1) << 40))
		return -ENOMEM;
	len = (len + 4095) & ~UINT64_C(4095);
	if ((holder->limit && holder->charged + len > holder->limit) ||
	    (h->limit && h->used + len > h->limit))
		return -EDQUOT;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	fd = memfd_create("freehold:0", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)len) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) {
		free(s);
		return -ENOMEM;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	s->fd = open(path, O_RDWR | O_CLOEXEC);
	close(fd);
	s->refs = 1;
	s->b.ino = ++numbers;
	s->b.size = len;
	s->b.exp_name = h->name;
	s->b.priv = h;
	s->payer = holder;
	holder->charged += len;
	h->used += len;
	h->buffers++;
	*buf = &s->b;
	return dma_holder_add(holder, *buf);
}
void *dma_heap_shared(struct dma_buf *b)
{
	return b;
}
int hosted_share_fd(void *b)
{
	return ((struct seam_buf *)b)->fd;
}
int hosted_share_export(void *b, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", hosted_share_fd(b));
	fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}
struct dma_buf *get_dma_buf(struct dma_buf *b)
{
	((struct seam_buf *)(void *)b)->refs++;
	return b;
}
void dma_buf_put(struct dma_buf *b)
{
	struct seam_buf *s = (void *)b;
	struct dma_heap *h = b->priv;

	if (--s->refs)
		return;
	close(s->fd);
	h->used -= b->size;
	h->buffers--;
	free(s);
}
void dma_buf_set_name(struct dma_buf *b, const char *name)
{
	snprintf(((struct seam_buf *)(void *)b)->name, DMA_BUF_NAME_MAX, "%s", name);
}
void dma_buf_get_name(struct dma_buf *b, char name[DMA_BUF_NAME_MAX])
{
	snprintf(name, DMA_BUF_NAME_MAX, "%s", ((struct seam_buf *)(void *)b)->name);
}
int dma_holder_create(struct fh_machine *m, const char *name, int64_t pid, struct dma_holder **h)
{
	(void)m;
	*h = calloc(1, sizeof(**h));
	if (!*h)
		return -ENOMEM;
	snprintf((*h)->name, 32, "%.31s", name);
	(*h)->pid = pid;
	return 0;
}
void dma_holder_destroy(struct dma_holder *h)
{
	while (h->holds)
		if (dma_holder_drop(h, h->holds->buf))
			abort();
	free(h);
}
void dma_holder_set_limit(struct dma_holder *h, uint64_t bytes)
{
	h->limit = bytes;
}
int dma_holder_add(struct dma_holder *h, struct dma_buf *b)
{
	struct seam_hold *l = malloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->buf = get_dma_buf(b);
	l->next = h->holds;
	h->holds = l;
	return 0;
}
int dma_holder_drop(struct dma_holder *h, struct dma_buf *b)
{
	for (struct seam_hold **at = &h->holds; *at; at = &(*at)->next) {
		struct seam_hold *l = *at;
		struct seam_buf *s = (void *)b;

		if (l->buf != b)
			continue;
		*at = l->next;
		free(l);
		if (s->payer == h) {
			h->charged -= b->size;
			s->payer = NULL;
		}
		dma_buf_put(b);
		return 0;
	}
	return -ENOENT;
}
bool dma_holder_has(struct dma_holder *h, struct dma_buf *b)
{
	struct seam_hold *l = h->holds;

	while (l && l->buf != b)
		l = l->next;
	return l;
}
