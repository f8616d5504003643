/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stands in for the client library until it is there: buffers of memfds in this process, no fences that wait. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sync_file.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <freehold/client.h>

struct local {
	uint64_t id, size;
	ino_t ino;
	char heap[64], name[64];
};
static struct local local[65536];
static unsigned int nr;
struct fhc {
	int fd;
};
int fhc_connect(const char *path, const char *name, struct fhc **c)
{
	(void)path;
	return fhc_connect_fd(-1, 0, name, c);
}
int fhc_connect_fd(int fd, int64_t pid, const char *name, struct fhc **c)
{
	(void)fd, (void)pid, (void)name;
	*c = calloc(1, sizeof(**c));
	(*c)->fd = eventfd(0, EFD_CLOEXEC);
	return 0;
}
void fhc_close(struct fhc *c)
{
	close(c->fd);
	free(c);
}
int fhc_fd(const struct fhc *c)
{
	return c->fd;
}
int fhc_heap_nth(struct fhc *c, unsigned int n, struct fhc_heap *heap)
{
	static const char *const names[] = {"system", "reserved"};

	(void)c;
	if (n > 1)
		return -ENOENT;
	memset(heap, 0, sizeof(*heap));
	strcpy(heap->name, names[n]);
	return 0;
}
int fhc_alloc(struct fhc *c, const char *heap, uint64_t len, int fd_flags, struct fhc_buffer *buf)
{
	struct local *l = &local[nr];
	char path[64];
	struct stat st;
	int fd;

	(void)c;
	len = (len + 4095) / 4096 * 4096;
	if (len > (512UL << 20) || nr == 65536)
		return -ENOMEM;
	fd = memfd_create("freehold", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ftruncate(fd, (off_t)len))
		return -ENOMEM;
	fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	fstat(fd, &st);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	buf->fd = open(path, fd_flags);
	close(fd);
	l->id = buf->id = ++nr;
	l->size = buf->size = len;
	l->ino = st.st_ino;
	strcpy(l->heap, heap);
	return 0;
}
int fhc_import(struct fhc *c, int fd, struct fhc_buffer *buf)
{
	struct stat st;

	(void)c;
	fstat(fd, &st);
	for (unsigned int i = 0; i < nr; i++)
		if (local[i].ino == st.st_ino) {
			*buf = (struct fhc_buffer){fd, i + 1, local[i].size};
			return 0;
		}
	return -EINVAL;
}
int fhc_free(struct fhc *c, uint64_t id)
{
	(void)c, (void)id;
	return 0;
}
int fhc_release(struct fhc *c, struct fhc_buffer *buf)
{
	(void)c;
	close(buf->fd);
	return 0;
}
int fhc_get_info(struct fhc *c, uint64_t id, struct fhc_info *info)
{
	(void)c;
	memset(info, 0, sizeof(*info));
	info->id = id;
	info->size = local[id - 1].size;
	strcpy(info->exp_name, local[id - 1].heap);
	strcpy(info->name, local[id - 1].name);
	return 0;
}
int fhc_set_name(struct fhc *c, uint64_t id, const char *name)
{
	(void)c;
	snprintf(local[id - 1].name, 64, "%s", name);
	return 0;
}
int fhc_export_sync_file(struct fhc *c, uint64_t id, uint32_t flags, int *fd)
{
	int p[2];

	(void)c, (void)id, (void)flags;
	if (pipe2(p, O_CLOEXEC) || write(p[1], "", 1) != 1)
		return -EMFILE;
	close(p[1]);
	*fd = p[0];
	return 0;
}
int fhc_import_sync_file(struct fhc *c, uint64_t id, uint32_t flags, int fd)
{
	(void)c, (void)id, (void)flags, (void)fd;
	return 0;
}
int fhc_fence(int *fence, int *signal)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return -EMFILE;
	*fence = p[0];
	*signal = p[1];
	return 0;
}
void fhc_signal(int signal, int error)
{
	(void)error;
	if (write(signal, "", 1) < 0)
		error = 0;
	close(signal);
}
int fhc_sync_merge(struct fhc *c, const char *name, int fd1, int fd2, int *fd)
{
	(void)name, (void)fd1, (void)fd2;
	return fhc_export_sync_file(c, 0, 0, fd);
}
int fhc_send(struct fhc *c, const struct fhc_request *r, fhc_done *done, void *arg)
{
	struct {
		struct sync_file_info info;
		struct sync_fence_info fence;
	} data = {{"stub", 1, 0, 1, 0, 0}, {"stub", "stub", 1, 0, 1}};
	struct fhc_reply reply = {.data = &data, .len = sizeof(data)};

	(void)c, (void)r;
	done(arg, &reply);
	return 0;
}
int fhc_dispatch(struct fhc *c)
{
	(void)c;
	return 0;
}
