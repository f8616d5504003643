/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A user of `freehold serve` for scripts: one command a line on standard input, one line of answer each. N numbers the buffers it has.
 *
 *	alloc N HEAP SIZE [ro]	ok SIZE		close N, free N, release N	ok
 *	fill N BYTE		ok		check N BYTE			ok, or what it found
 *	give N PATH, take N PATH ok: the descriptor over a socket, take listens
 *	import N		ok SIZE		info N				ok HOLDERS EXPORTER NAME
 *	name N TEXT		ok		heap NAME			ok USED LIMIT
 *	keep			ok		many HEAP SIZE COUNT		ok ALLOCATED
 *	sync N FLAGS		ok		export N FLAGS F, import_fence N FLAGS F	ok
 *	fence F G, signal G [ERR], wait F MS	ok, or what it found
 *	import_async N		ok SIZE; its descriptor is closed before the reply
 *	map N, unmap N		ok		see N				ok BYTE, the last of the mapping
 *	event F, write F TEXT, hang_up F	ok: an eventfd; the end of a pipe
 *	tell F			ok NAME STATUS FENCES
 *	churn HEAP SIZE COUNT	ok		storm N N COUNT			ok: opens and closes
 * Else `error NAME`.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <freehold/client.h>
#include "../../client/proto.h"

#define MAX 64

static struct fhc *c;
static struct fhc_buffer buf[MAX];
static int pipes[MAX];
static unsigned char *maps[MAX];

static void say(int err)
{
	if (err)
		printf("error %s\n", strerrorname_np(-err));
	else
		printf("ok\n");
}

static int unix_socket(const char *path, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(a->sun_path, sizeof(a->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int move_fd(int sock, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	if (fd < 0) {
		if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
			return -EIO;
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
		return fd;
	}
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int give(const char *path, int fd)
{
	struct sockaddr_un a;
	int err = -ECONNREFUSED, s = unix_socket(path, &a);

	for (unsigned int i = 0; i < 500 && err; i++) {
		err = connect(s, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
		if (err)
			usleep(10000);
	}
	if (!err)
		err = move_fd(s, fd);
	close(s);
	return err;
}

static int take(const char *path)
{
	struct sockaddr_un a;
	int fd, peer, s = unix_socket(path, &a);

	unlink(path);
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 1))
		return -errno;
	peer = accept(s, NULL, NULL);
	fd = move_fd(peer, -1);
	close(peer);
	close(s);
	return fd;
}

static void touch(const struct fhc_buffer *b, unsigned int byte, bool write)
{
	unsigned char *p = mmap(NULL, b->size, write ? PROT_READ | PROT_WRITE : PROT_READ,
				MAP_SHARED, b->fd, 0);
	uint64_t i = 0;

	if (p == MAP_FAILED) {
		say(-errno);
		return;
	}
	if (write)
		memset(p, (int)byte, b->size);
	while (i < b->size && p[i] == byte)
		i++;
	if (i < b->size)
		printf("byte %" PRIu64 " is %u\n", i, p[i]);
	else
		printf("ok\n");
	munmap(p, b->size);
}

/* Opens and closes two buffers in turn: so many that the kernel has more to tell of than it keeps. */
static void storm(const struct fhc_buffer *x, const struct fhc_buffer *y, unsigned long count)
{
	char path[2][32];

	snprintf(path[0], sizeof(path[0]), "/proc/self/fd/%d", x->fd);
	snprintf(path[1], sizeof(path[1]), "/proc/self/fd/%d", y->fd);
	for (unsigned long i = 0; i < count; i++)
		close(open(path[i % 2], O_RDONLY | O_CLOEXEC));
	say(0);
}

/* Makes and ends buffers, one after the other. */
static void churn(const char *heap_name, uint64_t size, unsigned int count)
{
	struct fhc_buffer b;
	int err = 0;

	for (unsigned int i = 0; !err && i < count; i++) {
		err = fhc_alloc(c, heap_name, size, O_RDWR, &b);
		if (!err)
			err = fhc_release(c, &b);
	}
	say(err);
}

static void heap(const char *name)
{
	struct fhc_heap h;
	int err;

	for (unsigned int n = 0; !(err = fhc_heap_nth(c, n, &h)); n++) {
		if (strcmp(h.name, name))
			continue;
		printf("ok %" PRIu64 " %" PRIu64 "\n", h.used, h.limit);
		return;
	}
	say(err);
}

static void many(const char *name, uint64_t size, unsigned int count)
{
	struct fhc_buffer b;
	unsigned int n = 0;
	int err = 0;

	while (n < count && !(err = fhc_alloc(c, name, size, O_RDWR, &b)))
		n++;
	printf("%s %u\n", err ? strerrorname_np(-err) : "ok", n);
}

/* Reads the four bytes that a fence ends with, if it is done. */
static void wait_fence(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int32_t e = 0;

	if (poll(&p, 1, ms) <= 0)
		printf("waiting\n");
	else if (!(p.revents & POLLIN))
		printf("died\n");
	else if (read(fd, &e, sizeof(e)) == (ssize_t)sizeof(e))
		say(e);
	else
		printf("odd\n");
}

static void tell(int fd);

static bool of_fences(const char *cmd, unsigned int n, const char *a, const char *b)
{
	unsigned int m = (unsigned int)strtoul(a, NULL, 0) % MAX,
		     k = (unsigned int)strtoul(b, NULL, 0) % MAX;

	if (!strcmp(cmd, "sync"))
		say(fhc_sync(c, buf[n].id, m));
	else if (!strcmp(cmd, "export"))
		say(fhc_export_sync_file(c, buf[n].id, m, &pipes[k]));
	else if (!strcmp(cmd, "import_fence"))
		say(fhc_import_sync_file(c, buf[n].id, m, pipes[k]));
	else if (!strcmp(cmd, "merge"))
		say(fhc_sync_merge(c, "merged", pipes[m], pipes[k], &pipes[n]));
	else if (!strcmp(cmd, "fence"))
		say(fhc_fence(&pipes[n], &pipes[m]));
	else if (!strcmp(cmd, "signal")) {
		fhc_signal(pipes[n], -(int)strtol(a, NULL, 0));
		say(0);
	} else if (!strcmp(cmd, "event")) {
		pipes[n] = eventfd(0, EFD_CLOEXEC);
		say(pipes[n] < 0 ? -errno : 0);
	} else if (!strcmp(cmd, "write")) { /* of an eventfd: 8 characters */
		say(write(pipes[n], a, strlen(a)) < 0 ? -errno : 0);
	} else if (!strcmp(cmd, "hang_up")) {
		say(close(pipes[n]) ? -errno : 0);
	} else if (!strcmp(cmd, "tell")) {
		tell(pipes[n]);
	} else if (!strcmp(cmd, "wait")) {
		wait_fence(pipes[n], (int)strtol(a, NULL, 0));
	} else {
		return false;
	}
	return true;
}

/* Of what a reply said, after waiting for it. */
static struct fhc_reply replied;
static struct proto_sync_info sync_info;

static void arrived(void *arg, const struct fhc_reply *reply)
{
	*(bool *)arg = true;
	replied = *reply;
	if (reply->len >= sizeof(sync_info))
		memcpy(&sync_info, reply->data, sizeof(sync_info));
}

/* Without waiting, but for its end; what it needs of this side's is closed meanwhile. */
static int post(struct fhc_request *r, bool close_fd)
{
	bool done = false;
	int err = fhc_send(c, r, arrived, &done);

	if (close_fd)
		close(r->fd);
	while (!err && !done) {
		struct pollfd p = {.fd = fhc_fd(c), .events = POLLIN};

		(void)poll(&p, 1, -1);
		if (fhc_dispatch(c) < 0)
			break;
	}
	return err ? err : replied.err;
}

/* A sync file: what it says of itself. */
static void tell(int fd)
{
	struct fhc_request r = {.op = FHC_SYNC_INFO, .fd = fd, .fd2 = -1};
	int err = post(&r, false);

	err ? say(err)
	    : (void)printf("ok %s %d %u\n", sync_info.name, sync_info.status, sync_info.num_fences);
}

static void of_buffer(const char *cmd, unsigned int n, const char *a, const char *b, const char *d)
{
	struct fhc_buffer *f = &buf[n];
	struct fhc_info info;
	int err;

	if (!strcmp(cmd, "alloc")) {
		err = fhc_alloc(c, a, strtoull(b, NULL, 0), *d ? O_RDONLY : O_RDWR, f);
		err ? say(err) : (void)printf("ok %" PRIu64 "\n", f->size);
	} else if (!strcmp(cmd, "import")) {
		err = fhc_import(c, f->fd, f);
		err ? say(err) : (void)printf("ok %" PRIu64 "\n", f->size);
	} else if (!strcmp(cmd, "import_async")) {
		struct fhc_request r = {.op = FHC_IMPORT, .fd = f->fd, .fd2 = -1};

		err = post(&r, true);
		*f = (struct fhc_buffer){-1, replied.buf.id, replied.buf.size};
		err ? say(err) : (void)printf("ok %" PRIu64 "\n", f->size);
	} else if (!strcmp(cmd, "info")) {
		err = fhc_get_info(c, f->id, &info);
		err ? say(err)
		    : (void)printf("ok %" PRIu64 " %s %s\n", info.holders, info.exp_name,
				   info.name);
	} else if (!strcmp(cmd, "take")) {
		*f = (struct fhc_buffer){.fd = take(a)};
		if (f->fd >= 0)
			f->size = (uint64_t)lseek(f->fd, 0, SEEK_END);
		say(f->fd < 0 ? f->fd : 0);
	} else if (!strcmp(cmd, "give")) {
		say(give(a, f->fd));
	} else if (!strcmp(cmd, "map")) {
		maps[n] = mmap(NULL, f->size, PROT_READ, MAP_SHARED, f->fd, 0);
		say(maps[n] == MAP_FAILED ? -errno : 0);
	} else if (!strcmp(cmd, "unmap")) {
		say(munmap(maps[n], f->size) ? -errno : 0);
	} else if (!strcmp(cmd, "see")) {
		printf("ok %u\n", maps[n][f->size - 1]);
	} else if (!strcmp(cmd, "close")) {
		say(close(f->fd) ? -errno : 0);
	} else if (!strcmp(cmd, "free")) {
		say(fhc_free(c, f->id));
	} else if (!strcmp(cmd, "release")) {
		say(fhc_release(c, f));
	} else if (!strcmp(cmd, "name")) {
		say(fhc_set_name(c, f->id, a));
	} else if (!strcmp(cmd, "fill") || !strcmp(cmd, "check")) {
		touch(f, (unsigned int)strtoul(a, NULL, 0), *cmd == 'f');
	} else {
		printf("what?\n");
	}
}

int main(int argc, char **argv)
{
	char line[512], cmd[32], n[128], a[128], b[128], d[32];
	int err = argc == 3 ? fhc_connect(argv[1], argv[2], &c) : -EINVAL;

	for (unsigned int i = 0; i < MAX; i++)
		pipes[i] = buf[i].fd = -1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	say(err);
	while (!err && fgets(line, sizeof(line), stdin)) {
		*cmd = *n = *a = *b = *d = '\0';
		(void)!sscanf(line, "%31s %127s %127s %127s %31s", cmd, n, a, b, d);
		if (!strcmp(cmd, "keep")) {
			fhc_keep(c, true);
			say(0);
		} else if (!strcmp(cmd, "heap")) {
			heap(n);
		} else if (!strcmp(cmd, "churn")) {
			churn(n, strtoull(a, NULL, 0), (unsigned int)strtoul(b, NULL, 0));
		} else if (!strcmp(cmd, "storm")) {
			storm(&buf[strtoul(n, NULL, 0) % MAX], &buf[strtoul(a, NULL, 0) % MAX],
			      strtoul(b, NULL, 0));
		} else if (!strcmp(cmd, "many")) {
			many(n, strtoull(a, NULL, 0), (unsigned int)strtoul(b, NULL, 0));
		} else if (!of_fences(cmd, (unsigned int)strtoul(n, NULL, 0) % MAX, a, b)) {
			of_buffer(cmd, (unsigned int)strtoul(n, NULL, 0) % MAX, a, b, d);
		}
	}
	if (!err)
		fhc_close(c);
	return err ? 1 : 0;
}
