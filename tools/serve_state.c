/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The state file: what buffers live, for the server that comes after this one.
 *
 *	freehold-state 1 BOOT-ID
 *	alloc ID DEVICE:INODE SIZE HEAP		of the memfd; ID and DEVICE hexadecimal
 *	name ID NAME				bytes that are not printable as \xHH
 *	gone ID
 *
 * Nothing is synced: a memfd does not outlive the kernel either. The next server looks for each in /proc/PID/fd of the processes that it
 * may look at, takes over what it finds, and writes the file anew.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "load.h"
#include "serve_in.h"

#define FILE_MAX   ((size_t)256 << 20)
#define DEAD_LINES 4096 /* so many more than live ones, and the file is written anew */
#define BOOT_ID	   37
#define MEMFD	   "/memfd:freehold:"

struct state {
	int fd;
	char *path, *new_path;
	char boot_id[BOOT_ID];
	uint64_t lines; /* of buffers, in the file */
	bool said;
};

/* A buffer that the file knows. */
struct noted {
	struct hash_link by_id;
	uint64_t id, size;
	dev_t dev;
	ino_t ino;
	bool gone, found;
	char heap[DMA_HEAP_NAME_MAX];
	char name[DMA_BUF_NAME_MAX];
};

/* A file that is read. */
struct reading {
	const char *path;
	unsigned int line;
	struct hash by_id;
	struct noted **noted;
	size_t nr, room;
	struct boot_why *why;
};

FH_PRINTF(2, 3) static int broken(struct reading *r, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(r->why->text, sizeof(r->why->text), "%.80s:%u: %.150s", r->path, r->line, text);
	return -EINVAL;
}

/* What a client offered has no heap, and its bytes are not here: a server after this one could do nothing with it. */
static bool noted_down(const struct server *s, const struct sbuf *b)
{
	return s->state && s->state->fd >= 0 && *b->heap;
}

/* ---- writing ---- */

static void escape(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from && n + 5 < size; from++) {
		unsigned char ch = (unsigned char)*from;

		if (ch > ' ' && ch < 0x7f && ch != '\\')
			to[n++] = (char)ch;
		else
			n += (size_t)snprintf(to + n, size - n, "\\x%02x", ch);
	}
	to[n] = '\0';
}

static bool unescape(char *to, size_t size, const char *from)
{
	size_t n = 0;

	while (*from) {
		unsigned int ch = (unsigned char)*from++;

		if (ch == '\\') {
			if (sscanf(from, "x%2x", &ch) != 1 || !from[1] || !from[2] || !ch)
				return false;
			from += 3;
		}
		if (n + 1 >= size)
			return false;
		to[n++] = (char)ch;
	}
	to[n] = '\0';
	return true;
}

FH_PRINTF(2, 3) static void put_line(struct server *s, const char *fmt, ...)
{
	struct state *x = s->state;
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	x->lines++;
	if (write(x->fd, line, (size_t)n) == n || x->said)
		return;
	x->said = true;
	server_log(s, "%s: %s: a server after this one will not find every buffer", x->path,
		   strerror(errno));
}

static void put_alloc(struct server *s, const struct sbuf *b)
{
	char heap[4 * DMA_HEAP_NAME_MAX];

	escape(heap, sizeof(heap), b->heap);
	put_line(s, "alloc %" PRIx64 " %jx:%ju %" PRIu64 " %s\n", buffer_id(s, b->buf),
		 (uintmax_t)b->dev, (uintmax_t)b->ino, b->buf->size, heap);
}

static void put_name(struct server *s, const struct sbuf *b)
{
	char name[DMA_BUF_NAME_MAX], text[4 * DMA_BUF_NAME_MAX + 8];

	dma_buf_get_name(b->buf, name);
	escape(text, sizeof(text), name);
	if (*text)
		put_line(s, "name %" PRIx64 " %s\n", buffer_id(s, b->buf), text);
}

/* The file of what lives, in place of the one there is. */
static int write_anew(struct server *s)
{
	struct state *x = s->state;
	int old = x->fd;

	x->fd = open(x->new_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (x->fd < 0) {
		x->fd = old;
		return -errno;
	}
	put_line(s, "freehold-state 1 %s\n", x->boot_id);
	x->lines = 0;
	for (const struct sbuf *b = s->buffers; b; b = b->next) {
		if (!*b->heap)
			continue;
		put_alloc(s, b);
		put_name(s, b);
	}
	if (x->said || rename(x->new_path, x->path)) {
		close(x->fd);
		unlink(x->new_path);
		x->fd = old;
		return -EIO;
	}
	if (old >= 0)
		close(old);
	return 0;
}

static void tidy(struct server *s)
{
	if (s->state->lines < DEAD_LINES + 2 * s->nr_buffers)
		return;
	if (write_anew(s))
		s->state->lines = 0; /* not at each line again */
}

void state_alloc(struct server *s, const struct sbuf *b)
{
	if (noted_down(s, b))
		put_alloc(s, b);
}

void state_name(struct server *s, const struct sbuf *b)
{
	if (noted_down(s, b))
		put_name(s, b);
}

void state_gone(struct server *s, const struct sbuf *b)
{
	if (!noted_down(s, b))
		return;
	put_line(s, "gone %" PRIx64 "\n", buffer_id(s, b->buf));
	tidy(s);
}

/* ---- reading ---- */

static struct noted *find_noted(struct reading *r, uint64_t id)
{
	struct hash_link *l = hash_find(&r->by_id, id);

	return l ? OF(struct noted, by_id, l) : NULL;
}

static int add_noted(struct reading *r, const struct noted *from)
{
	struct noted *n;

	if (r->nr == r->room) {
		size_t room = r->room ? r->room * 2 : 64;
		struct noted **more = realloc(r->noted, room * sizeof(struct noted *));

		if (!more)
			return -ENOMEM;
		r->noted = more;
		r->room = room;
	}
	n = hash_reserve(&r->by_id) ? malloc(sizeof(*n)) : NULL;
	if (!n)
		return -ENOMEM;
	*n = *from;
	r->noted[r->nr++] = n;
	hash_add(&r->by_id, &n->by_id, n->id);
	return 0;
}

static int read_alloc(struct reading *r, const char *text)
{
	struct noted n = {.gone = false};
	char heap[4 * DMA_HEAP_NAME_MAX];
	uintmax_t dev, ino;
	int end = -1;

	if (sscanf(text, "%" SCNx64 " %jx:%ju %" SCNu64 " %255s%n", &n.id, &dev, &ino, &n.size,
		   heap, &end) != 5 ||
	    end < 0 || text[end] || !unescape(n.heap, sizeof(n.heap), heap) || !n.size ||
	    n.size & (FH_PAGE_SIZE - 1))
		return broken(r, "expected `alloc ID DEVICE:INODE SIZE HEAP'");
	n.dev = (dev_t)dev;
	n.ino = (ino_t)ino;
	if (find_noted(r, n.id))
		return broken(r, "buffer %" PRIx64 " is there already", n.id);
	return add_noted(r, &n);
}

static struct noted *read_id(struct reading *r, const char *text, int *end)
{
	struct noted *n;
	uint64_t id;

	*end = -1;
	if (sscanf(text, "%" SCNx64 "%n", &id, end) != 1 || *end < 0) {
		(void)broken(r, "expected the number of a buffer");
		return NULL;
	}
	n = find_noted(r, id);
	if (n && !n->gone)
		return n;
	(void)broken(r, "there is no buffer %" PRIx64, id);
	return NULL;
}

static int read_gone(struct reading *r, const char *text)
{
	int end;
	struct noted *n = read_id(r, text, &end);

	if (!n)
		return -EINVAL;
	if (text[end])
		return broken(r, "expected `gone ID'");
	n->gone = true;
	hash_del(&r->by_id, &n->by_id);
	return 0;
}

static int read_name(struct reading *r, const char *text)
{
	int end;
	struct noted *n = read_id(r, text, &end);

	if (!n)
		return -EINVAL;
	if (text[end] != ' ' || !unescape(n->name, sizeof(n->name), text + end + 1))
		return broken(r, "expected `name ID NAME', of at most %d bytes",
			      DMA_BUF_NAME_MAX - 1);
	return 0;
}

static int read_line(struct reading *r, const char *line)
{
	if (!strncmp(line, "alloc ", 6))
		return read_alloc(r, line + 6);
	if (!strncmp(line, "name ", 5))
		return read_name(r, line + 5);
	if (!strncmp(line, "gone ", 5))
		return read_gone(r, line + 5);
	return broken(r, "expected alloc, name or gone");
}

/* 1: of another boot. */
static int read_head(struct reading *r, const char *line, const char *boot_id)
{
	if (strncmp(line, "freehold-state ", 15))
		return broken(r, "expected a state file of freehold serve");
	if (strncmp(line + 15, "1 ", 2))
		return broken(r, "expected version 1");
	return strcmp(line + 17, boot_id) ? 1 : 0;
}

static int read_all(struct server *s, struct reading *r, char *text)
{
	int err = 0;

	for (char *end; !err && *text; text = end + 1) {
		end = strchr(text, '\n');
		r->line++;
		if (!end) {
			server_log(s, "%s:%u: the last line has no end: it does not count", r->path,
				   r->line);
			break;
		}
		*end = '\0';
		err = r->line == 1 ? read_head(r, text, s->state->boot_id) : read_line(r, text);
	}
	return err;
}

/* ---- finding ---- */

static struct noted *wanted(struct reading *r, const struct stat *st)
{
	for (size_t i = 0; i < r->nr; i++) {
		struct noted *n = r->noted[i];

		if (!n->gone && !n->found && n->ino == st->st_ino && n->dev == st->st_dev &&
		    n->size == (uint64_t)st->st_size)
			return n;
	}
	return NULL;
}

static void take_over(struct server *s, struct noted *n, int fd)
{
	struct sbuf *b;
	int err = buffer_reclaim(s, n->heap, fd, NULL, &b);

	if (err) {
		server_log(s, "buffer %" PRIx64 " (%" PRIu64 " KiB of %s) cannot be taken over: %s",
			   n->id, n->size >> 10, n->heap, strerror(-err));
		return;
	}
	if (*n->name)
		dma_buf_set_name(b->buf, n->name);
}

/* Descriptors, or files that are mapped; the latter can be opened by who has CAP_CHECKPOINT_RESTORE. */
static void search(struct server *s, struct reading *r, const char *pid, const char *which)
{
	char path[300], to[64];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, which);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), e->d_name, to, sizeof(to) - 1);
		struct noted *n;
		struct stat st;
		int fd;

		if (len < (ssize_t)strlen(MEMFD) || strncmp(to, MEMFD, strlen(MEMFD)) ||
		    fstatat(dirfd(dir), e->d_name, &st, 0))
			continue;
		n = wanted(r, &st);
		fd = n ? openat(dirfd(dir), e->d_name, O_RDWR | O_CLOEXEC) : -1;
		if (fd < 0)
			continue;
		n->found = true;
		take_over(s, n, fd);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

static void search_all(struct server *s, struct reading *r)
{
	DIR *proc = r->nr ? opendir("/proc") : NULL;
	struct dirent *e;
	char self[16];

	snprintf(self, sizeof(self), "%d", (int)getpid());
	while (proc && (e = readdir(proc))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !strcmp(e->d_name, self))
			continue;
		search(s, r, e->d_name, "fd");
		search(s, r, e->d_name, "map_files");
	}
	if (proc)
		closedir(proc);
	for (size_t i = 0; i < r->nr; i++)
		if (!r->noted[i]->gone && !r->noted[i]->found)
			server_log(s,
				   "buffer %" PRIx64 " (%" PRIu64
				   " KiB of %s) is not found in any process",
				   r->noted[i]->id, r->noted[i]->size >> 10, r->noted[i]->heap);
}

/* ---- beginning and end ---- */

static void read_boot_id(char id[BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, BOOT_ID - 1);

	id[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		snprintf(id, BOOT_ID, "unknown");
	if (fd >= 0)
		close(fd);
}

static int recover(struct server *s, struct boot_why *why)
{
	struct reading r = {.path = s->state->path, .why = why};
	size_t size;
	char *text;
	int err;

	if (access(r.path, F_OK) && errno == ENOENT)
		return 0;
	text = load_file(r.path, FILE_MAX, &size, why);
	if (!text)
		return -EIO;
	text[size] = '\0';
	err = read_all(s, &r, text);
	if (!err)
		search_all(s, &r);
	else if (err == 1)
		server_log(s, "%s: of another boot: nothing of it lives", r.path);
	free(text);
	for (size_t i = 0; i < r.nr; i++)
		free(r.noted[i]);
	free(r.noted);
	hash_end(&r.by_id);
	return err == 1 ? 0 : err;
}

int state_open(struct server *s, struct boot_why *why)
{
	struct state *x;
	int err;

	if (!s->o.state)
		return 0;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	s->state = x;
	x->fd = -1;
	read_boot_id(x->boot_id);
	x->path = strdup(s->o.state);
	if (!x->path || asprintf(&x->new_path, "%s.new", s->o.state) < 0) {
		x->new_path = NULL;
		return -ENOMEM;
	}
	err = recover(s, why);
	if (!err)
		err = write_anew(s);
	if (err && !*why->text)
		snprintf(why->text, sizeof(why->text), "%.200s: %s", x->path, strerror(-err));
	return err;
}

void state_close(struct server *s)
{
	struct state *x = s->state;

	if (!x)
		return;
	if (x->fd >= 0)
		close(x->fd);
	free(x->path);
	free(x->new_path);
	free(x);
	s->state = NULL;
}
