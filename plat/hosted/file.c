/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Real files behind file objects: a page is read and written with pread(2) and pwrite(2). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <freehold/hosted.h>

int hosted_file_open(struct hosted_file *f, const char *path, int flags)
{
	/* Not to hang on a FIFO that nobody writes to. */
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -FH_EINVAL;
	}
	*f = (struct hosted_file){.fd = fd, .size = (uint64_t)st.st_size};
	return 0;
}

void hosted_file_close(struct hosted_file *f)
{
	close(f->fd);
	f->fd = -1;
}

uint64_t hosted_file_pages(const struct hosted_file *f)
{
	uint64_t nr = (f->size + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT;

	return nr ? nr : 1;
}

/* How much of page `index` lies in the file. */
static size_t bytes_inside(const struct hosted_file *f, uint64_t index)
{
	uint64_t at = index << FH_PAGE_SHIFT;

	if (at >= f->size)
		return 0;
	return f->size - at < FH_PAGE_SIZE ? (size_t)(f->size - at) : (size_t)FH_PAGE_SIZE;
}

static int file_read(void *priv, uint64_t index, void *page)
{
	const struct hosted_file *f = priv;
	size_t want = bytes_inside(f, index), got = 0;

	while (got < want) {
		ssize_t n = pread(f->fd, (char *)page + got, want - got,
				  (off_t)((index << FH_PAGE_SHIFT) + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n) /* somebody cut the file shorter since it was opened */
			break;
		got += (size_t)n;
	}
	memset((char *)page + got, 0, (size_t)FH_PAGE_SIZE - got);
	return 0;
}

static int file_write(void *priv, uint64_t index, const void *page)
{
	const struct hosted_file *f = priv;
	size_t want = bytes_inside(f, index), done = 0;

	while (done < want) {
		ssize_t n = pwrite(f->fd, (const char *)page + done, want - done,
				   (off_t)((index << FH_PAGE_SHIFT) + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

const struct fh_object_ops hosted_file_ops = {.read = file_read, .write = file_write};
