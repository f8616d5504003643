/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Each argument of the client library wrong once: one clear error, and everything goes on; sizes that are part of its interface. */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <freehold/client.h>
#include "../stress/lib/server.h"

_Static_assert(sizeof(void *) != 8 ||
		       (sizeof(struct fhc_buffer) == 24 && sizeof(struct fhc_heap) == 96 &&
			sizeof(struct fhc_info) == 152 && sizeof(struct fhc_usage) == 48 &&
			sizeof(struct fhc_request) == 56 && sizeof(struct fhc_reply) == 352),
	       "client.h states these sizes");
_Static_assert(FHC_HEAP == 0 && FHC_READ == 11 && FHC_EXPORT == 12 && FHC_USAGE == 14 &&
		       FHC_NR_OPS == 15,
	       "operations keep their numbers");

#define NOBODYS UINT64_C(0x7f0000000000001)
#define CLOSED	999 /* no descriptor */

static struct fhc *c;
static struct fhc_buffer buf;
static int null, foreign, sock[2];

static void gives(int err, int want, const char *what)
{
	if (err != want)
		printf("# %s: %d (%s), expected %d\n", what, err, strerror(abs(err)), want);
	result(err == want, what);
}

#define GIVES(call, want) gives(call, want, #call)

static void connecting(void)
{
	static const char nowhere[] = "/nowhere/freehold.sock";
	char file[] = "/tmp/freehold-misuse-XXXXXX", path[200] = "/";
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct fhc *other;
	int fd = mkstemp(file), stream[2];

	GIVES(fhc_connect(nowhere, "x", &other), -ENOENT);
	result(!other, "no connection");
	GIVES(fhc_connect(file, "x", &other), -ECONNREFUSED);
	close(fd);
	unlink(file);
	memset(path + 1, 'x', sizeof(path) - 2);
	GIVES(fhc_connect(path, "x", &other), -ENAMETOOLONG);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(a.sun_path, file, sizeof(file));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1))
		exit(2);
	GIVES(fhc_connect(file, "x", &other), -EPROTO);
	close(fd);
	unlink(file);
	GIVES(fhc_connect_fd(-1, 0, "x", &other), -EBADF);
	GIVES(fhc_connect_fd(CLOSED, 0, "x", &other), -EBADF);
	GIVES(fhc_connect_fd(open("/dev/null", O_RDWR | O_CLOEXEC), 0, "x", &other), -ENOTSOCK);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream))
		exit(2);
	GIVES(fhc_connect_fd(stream[0], 0, "x", &other), -EPROTO);
	result(fcntl(stream[0], F_GETFD) < 0, "the socket is taken also when that fails");
	close(stream[1]);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, stream))
		exit(2);
	close(stream[1]);
	GIVES(fhc_connect_fd(stream[0], 0, "x", &other), -ECONNRESET);
	result(!other, "nobody at the other end: no connection");
	GIVES(fhc_connect(server_path(), NULL, &other), 0);
	fhc_close(other);
	fhc_close(NULL);
}

static void buffers(void)
{
	struct fhc_buffer b = {.fd = -1, .id = NOBODYS};
	struct fhc_heap heap;
	struct fhc_info info;
	char name[100];
	int fd = -1;

	memset(name, 'n', sizeof(name));
	name[99] = '\0';
	GIVES(fhc_heap_nth(c, UINT32_MAX, &heap), -ENOENT);
	GIVES(fhc_alloc(c, "system", 0, O_RDWR, &b), -EINVAL);
	GIVES(fhc_alloc(c, "system", UINT64_MAX, O_RDWR, &b), -EINVAL);
	GIVES(fhc_alloc(c, "system", UINT64_C(1) << 40, O_RDWR, &b), -ENOMEM);
	GIVES(fhc_alloc(c, "system", 4096, O_RDWR | O_APPEND, &b), -EINVAL);
	GIVES(fhc_alloc(c, "system", 4096, O_ACCMODE, &b), -EINVAL);
	GIVES(fhc_alloc(c, "system", 4096, -1, &b), -EINVAL);
	GIVES(fhc_alloc(c, "nothing", 4096, O_RDWR, &b), -ENOENT);
	GIVES(fhc_alloc(c, "", 4096, O_RDWR, &b), -ENOENT);
	GIVES(fhc_alloc(c, name, 4096, O_RDWR, &b), -ENOENT);
	result(b.fd == -1 && b.id == NOBODYS, "what failed leaves the caller's struct alone");
	GIVES(fhc_import(c, -1, &b), -EBADF);
	GIVES(fhc_import(c, CLOSED, &b), -EBADF);
	GIVES(fhc_import(c, null, &b), -EINVAL);
	GIVES(fhc_import(c, foreign, &b), -EINVAL);
	GIVES(fhc_import(c, sock[0], &b), -EINVAL);
	GIVES(fhc_free(c, 0), -ENOENT);
	GIVES(fhc_free(c, NOBODYS), -ENOENT);
	GIVES(fhc_release(c, &b), 0);
	GIVES(fhc_export(c, NOBODYS, O_RDONLY, &fd), -ENOENT);
	GIVES(fhc_export(c, buf.id, O_RDWR | O_TRUNC, &fd), -EINVAL);
	GIVES(fhc_export(c, buf.id, O_ACCMODE, &fd), -EINVAL);
	result(fd == -1, "no descriptor");
	GIVES(fhc_get_info(c, NOBODYS, &info), -ENOENT);
	GIVES(fhc_set_name(c, NOBODYS, "x"), -ENOENT);
	name[32] = '\0';
	GIVES(fhc_set_name(c, buf.id, name), -EINVAL);
	name[32] = 'n';
	GIVES(fhc_set_name(c, buf.id, name), -EINVAL);
	name[31] = '\0';
	GIVES(fhc_set_name(c, buf.id, name), 0);
}

static void maps(void)
{
	struct fhc_buffer b = buf;
	uint64_t bytes = 7;
	char at[1];
	void *p = NULL;

	GIVES(fhc_map(c, &buf, 0, &p), -EINVAL);
	GIVES(fhc_map(c, &buf, PROT_WRITE, &p), -EINVAL);
	GIVES(fhc_map(c, &buf, PROT_READ | PROT_EXEC, &p), -EINVAL);
	b.size = 0;
	GIVES(fhc_map(c, &b, PROT_READ, &p), -EINVAL);
	b = buf;
	b.fd = -1;
	GIVES(fhc_map(c, &b, PROT_READ, &p), -EBADF);
	b.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	GIVES(fhc_map(c, &b, PROT_READ | PROT_WRITE, &p), -EACCES);
	close(b.fd);
	result(!p, "no map");
	GIVES(fhc_unmap(c, NULL), -EINVAL);
	GIVES(fhc_unmap(c, at), -EINVAL);
	GIVES(fhc_written(c, NOBODYS, &bytes), -ENOENT);
	result(bytes == 7, "no number");
}

static void fences(void)
{
	char name[80];
	int fd = -1;

	memset(name, 'n', sizeof(name));
	name[79] = '\0';
	GIVES(fhc_sync(c, NOBODYS, DMA_BUF_SYNC_READ), -ENOENT);
	GIVES(fhc_sync(c, buf.id, 0), -EINVAL);
	GIVES(fhc_sync(c, buf.id, DMA_BUF_SYNC_END), -EINVAL);
	GIVES(fhc_sync(c, buf.id, DMA_BUF_SYNC_READ | 8), -EINVAL);
	GIVES(fhc_sync(c, buf.id, UINT64_C(1) << 40 | 1), -EINVAL);
	GIVES(fhc_export_sync_file(c, NOBODYS, DMA_BUF_SYNC_READ, &fd), -ENOENT);
	GIVES(fhc_export_sync_file(c, buf.id, 0, &fd), -EINVAL);
	GIVES(fhc_export_sync_file(c, buf.id, DMA_BUF_SYNC_END | 1, &fd), -EINVAL);
	GIVES(fhc_import_sync_file(c, NOBODYS, DMA_BUF_SYNC_READ, sock[0]), -ENOENT);
	GIVES(fhc_import_sync_file(c, buf.id, 8, sock[0]), -EINVAL);
	GIVES(fhc_import_sync_file(c, buf.id, DMA_BUF_SYNC_READ, -1), -EBADF);
	GIVES(fhc_import_sync_file(c, buf.id, DMA_BUF_SYNC_READ, CLOSED), -EBADF);
	GIVES(fhc_import_sync_file(c, buf.id, DMA_BUF_SYNC_READ, null), -EINVAL);
	GIVES(fhc_import_sync_file(c, buf.id, DMA_BUF_SYNC_READ, buf.fd), -EINVAL);
	GIVES(fhc_sync_merge(c, "x", -1, sock[0], &fd), -EBADF);
	GIVES(fhc_sync_merge(c, "x", sock[0], -1, &fd), -EBADF);
	GIVES(fhc_sync_merge(c, "x", null, null, &fd), -EINVAL);
	GIVES(fhc_sync_merge(c, name, null, null, &fd), -EINVAL);
	result(fd == -1, "no descriptor of a fence");
}

static void nobody(void *arg, const struct fhc_reply *reply)
{
	*(int *)arg = reply->err;
}

static int asked(struct fhc_request r)
{
	int got = 1, err = fhc_send(c, &r, nobody, &got);

	if (err)
		return err;
	while (got == 1 && fhc_dispatch(c) >= 0)
		usleep(1000);
	return got;
}

#define ASKED(...) asked((struct fhc_request){__VA_ARGS__})

static void requests(void)
{
	char text[16] = "", path[80];
	size_t len = 0;

	memset(path, 'p', sizeof(path));
	path[79] = '\0';
	GIVES(fhc_read(c, "nothing", text, sizeof(text), &len), -ENOENT);
	GIVES(fhc_read(c, "sys/kernel/debug/dma_buf", text, sizeof(text), &len), 0);
	result(!strcmp(text, "bufinfo\n") && len == 8, "a folder is what is in it");
	memset(text, 0, sizeof(text));
	GIVES(fhc_read(c, path, text, sizeof(text), &len), -ENOENT);
	GIVES(fhc_read(c, "proc/meminfo", text, 0, &len), 0);
	result(len > 100 && !*text, "what there is no room for is cut off, the length told");
	GIVES(ASKED(.op = FHC_NR_OPS, .fd = -1, .fd2 = -1), -EINVAL);
	GIVES(ASKED(.op = (enum fhc_op) - 1, .fd = -1, .fd2 = -1), -EINVAL);
	GIVES(ASKED(.op = FHC_INFO, .id = buf.id, .fd = null, .fd2 = -1), -EINVAL);
	GIVES(ASKED(.op = FHC_INFO, .id = buf.id, .flags = 1, .fd = -1, .fd2 = -1), -EINVAL);
	GIVES(ASKED(.op = FHC_USAGE, .name = "x", .fd = -1, .fd2 = -1), -EINVAL);
	GIVES(ASKED(.op = FHC_EXPORT, .id = NOBODYS, .fd = -1, .fd2 = -1), -ENOENT);
	GIVES(ASKED(.op = FHC_WRITTEN, .id = NOBODYS, .fd = -1, .fd2 = -1), -ENOENT);
	GIVES(ASKED(.op = FHC_WRITTEN, .id = buf.id, .n = 3, .fd = -1, .fd2 = -1), -EINVAL);
	GIVES(ASKED(.op = FHC_WRITTEN, .id = buf.id, .size = 1, .fd = -1, .fd2 = -1), -EINVAL);
	GIVES(ASKED(.op = FHC_IMPORT, .fd = CLOSED, .fd2 = -1), -EBADF);
	GIVES(fhc_dispatch(c), 0);
}

static void without_a_server(struct fhc *handed)
{
	struct fhc_request r = {.op = FHC_INFO, .fd = -1, .fd2 = -1};
	struct fhc_usage usage;
	struct fhc_heap heap;
	void *at = NULL;
	int got = 1;

	(void)fhc_release(c, &buf);
	buf = (struct fhc_buffer){foreign, NOBODYS, 4096}; /* to map it nobody is asked */
	GIVES(fhc_map(c, &buf, PROT_READ | PROT_WRITE, &at), 0);
	GIVES(fhc_send(c, &r, nobody, &got), 0);
	server_stop();
	GIVES(fhc_dispatch(c) < 0 ? 0 : fhc_dispatch(c), 0);
	result(got == -ENOENT || got == -ECONNRESET, "who waits for a reply is told");
	GIVES(fhc_fd(c), -1);
	GIVES(fhc_get_usage(c, &usage), -ENOENT); /* nobody is there to connect to */
	GIVES(fhc_send(c, &r, nobody, &got), -ENOENT);
	GIVES(fhc_heap_nth(handed, 0, &heap), -ECONNRESET);
	GIVES(fhc_heap_nth(handed, 0, &heap), -ECONNRESET);
	GIVES(fhc_count_writes(c, true), 0);
	memset(at, 1, buf.size);
	GIVES(fhc_unmap(c, at), 0);
	GIVES(fhc_release(c, &buf), 0);
	GIVES(fhc_dispatch(c), -ECONNRESET);
}

int main(void)
{
	struct fhc *handed = NULL;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	server_start("misuse", "128M", "8", NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	foreign = memfd_create("foreign", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (null < 0 || foreign < 0 || ftruncate(foreign, 4096) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) ||
	    fhc_connect(server_path(), "misuse", &c) ||
	    fhc_alloc(c, "system", 8192, O_RDWR | O_CLOEXEC, &buf))
		return 1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", server_path());
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return 1;
	GIVES(fhc_connect_fd(fd, 0, "handed", &handed), 0);
	connecting();
	buffers();
	maps();
	fences();
	requests();
	result(server_used(c) == buf.size, "after all this there is the one buffer");
	without_a_server(handed);
	fhc_close(handed);
	fhc_close(c);
	return results();
}
