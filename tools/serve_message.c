/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a message may be, and what it leads to. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "serve_in.h"
#include "tree.h"

#define MAX_FENCES 256 /* that SYNC_INFO tells of */

/* What an operation takes; all else is 0. */
static const struct rule {
	bool id, size, flags, n, name;
	unsigned int fds;
	uint16_t options;
} rule[PROTO_NR_OPS] = {
	[PROTO_HELLO] = {.id = true, .n = true, .name = true},
	[PROTO_HEAP] = {.n = true},
	[PROTO_ALLOC] = {.size = true, .flags = true, .name = true},
	[PROTO_IMPORT] = {.fds = 1},
	[PROTO_FREE] = {.id = true, .size = true, .n = true, .options = PROTO_SILENT},
	[PROTO_INFO] = {.id = true},
	[PROTO_SET_NAME] = {.id = true, .name = true},
	[PROTO_SYNC] = {.id = true, .flags = true, .size = true, .n = true},
	[PROTO_EXPORT_SYNC] = {.id = true, .flags = true},
	[PROTO_IMPORT_SYNC] = {.id = true, .flags = true, .fds = 1},
	[PROTO_MERGE] = {.name = true, .fds = 2},
	[PROTO_SYNC_INFO] = {.fds = 1},
	[PROTO_READ] = {.name = true},
	[PROTO_EXPORT] = {.id = true, .flags = true},
	[PROTO_WRITTEN] = {.id = true, .size = true, .n = true, .options = PROTO_SILENT},
	[PROTO_USAGE] = {.id = false},
	[PROTO_RECLAIM] = {.name = true, .fds = 1},
	[PROTO_OFFER] = {.name = true, .fds = 1},
};

static bool name_is_whole(const char name[PROTO_NAME])
{
	size_t len = strnlen(name, PROTO_NAME);

	for (size_t i = len; i < PROTO_NAME; i++)
		if (name[i])
			return false;
	return len < PROTO_NAME;
}

static const char *fields(const struct proto_request *r, unsigned int nr_fds)
{
	const struct rule *want = &rule[r->op];

	if (r->options & ~want->options)
		return "options that the operation has not";
	if ((r->id && !want->id) || (r->size && !want->size) || (r->flags && !want->flags) ||
	    (r->n && !want->n))
		return "a field that the operation does not take is not 0";
	if (!name_is_whole(r->name) || (*r->name && !want->name))
		return "a name that the operation does not take, or without an end";
	if (r->nr_fds != nr_fds || nr_fds != want->fds)
		return "not as many descriptors as the operation takes";
	return NULL;
}

const char *message_check(const void *packet, size_t len, unsigned int nr_fds, bool greeted,
			  int *err)
{
	struct proto_request r;
	const char *wrong = NULL;

	*err = -EPROTO;
	if (len != sizeof(r))
		return "a message of another size";
	memcpy(&r, packet, sizeof(r));
	if (r.magic != PROTO_MAGIC)
		return "a message that does not begin as one";
	if (greeted != (r.op != PROTO_HELLO))
		return greeted ? "a second greeting" : "a message before the greeting";
	*err = -EINVAL;
	if (r.op >= PROTO_NR_OPS)
		return "no such operation";
	wrong = fields(&r, nr_fds);
	if (!wrong)
		*err = 0;
	return wrong;
}

/* ---- the operations: 0 and the reply's fields, or a negative error ---- */

struct answer {
	struct proto_reply r;
	int fd; /* to give away; -1: none */
	char *data;
	size_t len;
	bool later; /* somebody else replies */
};

/* Another's number is taken from the same user, and from root: who speaks for a program, as `freehold exec` does. */
static bool may_speak_for(const struct client *c, uint64_t pid)
{
	char path[32];
	struct stat st;

	if (pid == (uint64_t)c->peer || c->uid == 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%" PRIu64, pid);
	return !stat(path, &st) && st.st_uid == c->uid;
}

static int do_hello(struct client *c, struct message *m, struct answer *a)
{
	uint64_t pid = m->r.id ? m->r.id : (uint64_t)c->peer;
	int err;

	if (m->r.n != PROTO_VERSION) {
		c->ending = true;
		a->r.kind = PROTO_VERSION;
		return -EPROTO;
	}
	if (pid > INT32_MAX)
		return -EINVAL;
	if (!may_speak_for(c, pid))
		return -EACCES;
	err = dma_holder_create(c->s->o.m, m->r.name, (int64_t)pid, &c->holder);
	if (err)
		return err;
	c->pid = (int64_t)pid;
	memcpy(c->name, m->r.name, PROTO_NAME);
	dma_holder_set_limit(c->holder, c->s->o.max_bytes);
	a->r.kind = PROTO_VERSION;
	return 0;
}

static int do_heap(struct client *c, struct message *m, struct answer *a)
{
	struct dma_heap *heap = dma_heap_nth(c->s->o.m, m->r.n);
	struct dma_heap_info info;

	if (!heap)
		return -ENOENT;
	closes_catch_up(c);
	dma_heap_get_info(heap, &info);
	a->r.size = info.total;
	a->r.used = info.used;
	a->r.limit = info.limit;
	a->r.kind = (uint32_t)info.kind;
	a->r.traits = info.traits;
	snprintf(a->r.name, sizeof(a->r.name), "%s", info.name);
	return 0;
}

static bool access_flags(uint64_t flags)
{
	return !(flags & ~(uint64_t)(O_ACCMODE | O_CLOEXEC)) && (flags & O_ACCMODE) != O_ACCMODE;
}

static int do_alloc(struct client *c, struct message *m, struct answer *a)
{
	struct sbuf *b;
	int err;

	if (!m->r.size || !access_flags(m->r.flags))
		return -EINVAL;
	err = buffer_alloc(c, m->r.name, m->r.size, (int)m->r.flags, &b, &a->fd);
	if (err)
		return err;
	a->r.id = buffer_id(c->s, b->buf);
	a->r.size = b->buf->size;
	return 0;
}

static int do_import(struct client *c, struct message *m, struct answer *a)
{
	struct sbuf *b = buffer_of_fd(c->s, m->fd[0]);
	int err = b ? buffer_import(c, b, m->fd[0]) : -EINVAL;

	if (err)
		return err;
	a->r.id = buffer_id(c->s, b->buf);
	a->r.size = b->buf->size;
	memcpy(a->r.name, b->heap, sizeof(b->heap));
	return 0;
}

static int do_reclaim(struct client *c, struct message *m, struct answer *a)
{
	struct sbuf *b;
	int err = buffer_reclaim_for(c, m->r.name, m->fd[0], &b);

	if (err)
		return err;
	a->r.id = buffer_id(c->s, b->buf);
	a->r.size = b->buf->size;
	return 0;
}

static int do_offer(struct client *c, struct message *m, struct answer *a)
{
	struct sbuf *b;
	int err = buffer_offer(c, m->r.name, m->fd[0], &b);

	if (err)
		return err;
	a->r.id = buffer_id(c->s, b->buf);
	a->r.size = b->buf->size;
	return 0;
}

/* An open of its own: the last close of it is seen as of any other. */
static int do_export(struct client *c, struct message *m, struct answer *a)
{
	struct hold *h;
	struct sbuf *b = buffer_held(c, m->r.id, &h);

	if (!b)
		return -ENOENT;
	if (!access_flags(m->r.flags) || !dma_heap_shared(b->buf)) /* its bytes are a client's */
		return -EINVAL;
	if (access_of(m->r.flags) & ~h->access)
		return -EACCES;
	a->fd = hosted_share_export(dma_heap_shared(b->buf), (int)m->r.flags);
	return a->fd < 0 ? a->fd : 0;
}

/* What a message says of writes. */
static int note_written(struct client *c, const struct message *m, struct sbuf *b, uint64_t *total)
{
	static const enum dma_written how[PROTO_NR_WRITTEN] = {
		DMA_WRITTEN_UNKNOWN, DMA_WRITTEN_PAGES, DMA_WRITTEN_WHOLE};

	if (m->r.n >= PROTO_NR_WRITTEN)
		return -EINVAL;
	return dma_holder_wrote(c->holder, b->buf, m->r.size, how[m->r.n], total);
}

static int do_written(struct client *c, struct message *m, struct answer *a)
{
	struct hold *h;
	struct sbuf *b = buffer_held(c, m->r.id, &h);

	return b ? note_written(c, m, b, &a->r.size) : -ENOENT;
}

static int do_usage(struct client *c, struct message *m, struct answer *a)
{
	struct dma_holder_info i;
	struct proto_usage u;

	(void)m;
	closes_catch_up(c);
	if (!dma_holder_get_info(c->holder, &i))
		return -EINVAL;
	u = (struct proto_usage){i.buffers, i.rss, i.charged, i.charged_peak, i.limit, i.written};
	a->len = sizeof(u);
	a->data = calloc(1, a->len);
	if (!a->data)
		return -ENOMEM;
	memcpy(a->data, &u, sizeof(u));
	return 0;
}

static int do_free(struct client *c, struct message *m, struct answer *a)
{
	struct hold *h;
	struct sbuf *b = buffer_held(c, m->r.id, &h);
	int err = b ? note_written(c, m, b, NULL) : -ENOENT;

	(void)a;
	if (!err)
		buffer_free(c, b, h);
	return err;
}

static int do_info(struct client *c, struct message *m, struct answer *a)
{
	struct hold *h;
	struct sbuf *b;
	char name[DMA_BUF_NAME_MAX];

	closes_catch_up(c);
	b = buffer_held(c, m->r.id, &h);
	if (!b)
		return -ENOENT;
	dma_buf_get_name(b->buf, name);
	a->r.id = buffer_id(c->s, b->buf);
	a->r.size = b->buf->size;
	a->r.kind = buffer_holders(b);
	snprintf(a->r.name, sizeof(a->r.name), "%s", name);
	snprintf(a->r.exp_name, sizeof(a->r.exp_name), "%s", b->buf->exp_name);
	return 0;
}

static int do_set_name(struct client *c, struct message *m, struct answer *a)
{
	struct hold *h;
	struct sbuf *b = buffer_held(c, m->r.id, &h);

	(void)a;
	if (!b)
		return -ENOENT;
	if (strlen(m->r.name) >= DMA_BUF_NAME_MAX)
		return -EINVAL;
	dma_buf_set_name(b->buf, m->r.name);
	state_name(c->s, b);
	return 0;
}

/* A text that does not fit a message goes into a memfd that nobody can change any more. */
static int in_memfd(struct answer *a)
{
	int fd = memfd_create("freehold-text", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < a->len) {
		ssize_t n = write(fd, a->data + done, a->len - done);

		if (n <= 0) {
			int err = n ? -errno : -EIO;

			close(fd);
			return err;
		}
		done += (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) {
		close(fd);
		return -errno;
	}
	a->fd = fd;
	a->r.len = a->len;
	a->r.options = PROTO_IN_FD;
	a->len = 0;
	return 0;
}

static int do_read(struct client *c, struct message *m, struct answer *a)
{
	struct tree t = tree_of_machine(c->s->o.m);
	const char *path = m->r.name + strspn(m->r.name, "/");
	int err;

	closes_catch_up(c);
	err = tree_read(&t, path, &a->data, &a->len);

	return err || a->len <= PROTO_DATA ? err : in_memfd(a);
}

/* ---- fences ---- */

static enum dma_data_direction direction(uint64_t flags)
{
	flags &= DMA_BUF_SYNC_RW;
	return flags == DMA_BUF_SYNC_RW	     ? DMA_BIDIRECTIONAL
	       : flags == DMA_BUF_SYNC_WRITE ? DMA_TO_DEVICE
					     : DMA_FROM_DEVICE;
}

static bool sync_flags(uint64_t flags, uint64_t all)
{
	return !(flags & ~all) && (flags & DMA_BUF_SYNC_RW);
}

static int do_sync(struct client *c, struct message *m, struct answer *a)
{
	struct hold *h;
	struct sbuf *b = buffer_held(c, m->r.id, &h);
	bool end = m->r.flags & DMA_BUF_SYNC_END;
	int err = 1;

	if (!b)
		return -ENOENT;
	if (!sync_flags(m->r.flags, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END) ||
	    note_written(c, m, b, NULL))
		return -EINVAL;
	if (!end)
		err = fence_wait(c, b, m->r.seq, direction(m->r.flags));
	if (err == 1)
		return dma_buf_sync_caches(b->buf, direction(m->r.flags), !end);
	a->later = !err;
	return err;
}

static int do_export_sync(struct client *c, struct message *m, struct answer *a)
{
	struct hold *h;
	struct sbuf *b = buffer_held(c, m->r.id, &h);
	struct sync_file *sf;
	int err;

	if (!b)
		return -ENOENT;
	if (!sync_flags(m->r.flags, DMA_BUF_SYNC_RW))
		return -EINVAL;
	err = dma_buf_export_sync_file(b->buf, (unsigned int)m->r.flags, &sf);
	return err ? err : fence_export(c, sf, &a->fd);
}

static int do_import_sync(struct client *c, struct message *m, struct answer *a)
{
	struct hold *h;
	struct sbuf *b = buffer_held(c, m->r.id, &h);
	struct sync_file *sf;
	int err;

	(void)a;
	if (!b)
		return -ENOENT;
	if (!sync_flags(m->r.flags, DMA_BUF_SYNC_RW))
		return -EINVAL;
	err = fence_of_fd(c, m->fd[0], &sf);
	if (err)
		return err;
	err = dma_buf_import_sync_file(b->buf, (unsigned int)m->r.flags, sf);
	sync_file_put(sf);
	return err;
}

static int do_merge(struct client *c, struct message *m, struct answer *a)
{
	struct sync_file *one, *two, *both;
	int err = fence_of_fd(c, m->fd[0], &one);

	if (err)
		return err;
	err = fence_of_fd(c, m->fd[1], &two);
	if (!err) {
		err = sync_file_merge(m->r.name, one, two, &both);
		sync_file_put(two);
	}
	sync_file_put(one);
	return err ? err : fence_export(c, both, &a->fd);
}

/* As the kernel's own struct, so that `freehold exec` hands it on as it is. */
static int do_sync_info(struct client *c, struct message *m, struct answer *a)
{
	struct proto_sync_info head = {.name = ""};
	struct sync_fence_info fence[MAX_FENCES];
	struct proto_fence_info *out;
	struct sync_file *sf;
	unsigned int nr;
	int err = fence_of_fd(c, m->fd[0], &sf);

	if (err)
		return err;
	nr = sync_file_info(sf, head.name, &head.status, fence, MAX_FENCES);
	sync_file_put(sf);
	head.num_fences = nr < MAX_FENCES ? nr : MAX_FENCES;
	a->len = sizeof(head) + head.num_fences * sizeof(*out);
	a->data = calloc(1, a->len);
	if (!a->data)
		return -ENOMEM;
	memcpy(a->data, &head, sizeof(head));
	out = (void *)(a->data + sizeof(head));
	for (unsigned int i = 0; i < head.num_fences; i++) {
		memcpy(out[i].obj_name, fence[i].obj_name, sizeof(out[i].obj_name));
		memcpy(out[i].driver_name, fence[i].driver_name, sizeof(out[i].driver_name));
		out[i].status = fence[i].status;
		out[i].timestamp_ns = fence[i].timestamp_ns;
	}
	return 0;
}

static int (*const operation[PROTO_NR_OPS])(struct client *c, struct message *m,
					    struct answer *a) = {
	[PROTO_HELLO] = do_hello,
	[PROTO_HEAP] = do_heap,
	[PROTO_ALLOC] = do_alloc,
	[PROTO_IMPORT] = do_import,
	[PROTO_FREE] = do_free,
	[PROTO_INFO] = do_info,
	[PROTO_SET_NAME] = do_set_name,
	[PROTO_SYNC] = do_sync,
	[PROTO_EXPORT_SYNC] = do_export_sync,
	[PROTO_IMPORT_SYNC] = do_import_sync,
	[PROTO_MERGE] = do_merge,
	[PROTO_SYNC_INFO] = do_sync_info,
	[PROTO_READ] = do_read,
	[PROTO_EXPORT] = do_export,
	[PROTO_WRITTEN] = do_written,
	[PROTO_USAGE] = do_usage,
	[PROTO_RECLAIM] = do_reclaim,
	[PROTO_OFFER] = do_offer,
};

void message_serve(struct client *c, struct message *m)
{
	struct answer a = {.fd = -1};
	bool silent = m->r.options & PROTO_SILENT;
	int err = operation[m->r.op](c, m, &a);

	a.r.seq = m->r.seq;
	a.r.err = err;
	if (!a.later && !silent)
		client_reply(c, &a.r, err ? -1 : a.fd, err ? NULL : a.data, err ? 0 : a.len);
	free(a.data);
	/* A greeting that was refused is the last word. */
	if (m->r.op == PROTO_HELLO && err && !c->dead) {
		c->ending = true;
		if (!c->queue)
			client_end(c);
	}
}
