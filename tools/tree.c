/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A file tree to read: of a machine, or a real folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tree.h"

const char *tree_error(int err)
{
	switch (err) {
	case -EFBIG:
		return "larger than 256 MiB";
	case -EINVAL:
		return "neither a file nor a folder";
	default:
		return strerror(-err);
	}
}

/* A live machine's file may grow between asking for its length and reading it. */
static int read_machine(const struct tree *t, const char *path, char **text, size_t *len)
{
	size_t size = 4096;
	int err;

	for (;;) {
		char *buf = malloc(size + 1);

		if (!buf)
			return -ENOMEM;
		err = fh_view_read(t->m, path, buf, size, len);
		if (!err && *len <= size) {
			buf[*len] = '\0';
			*text = buf;
			return 0;
		}
		free(buf);
		if (err)
			return err;
		size = *len + *len / 8;
	}
}

/* Files of proc and sysfs do not know their length: read until the end. What has no end (kmsg) says
 * -EAGAIN once it would wait. */
static int read_file(int fd, char **text, size_t *len)
{
	size_t size = 0;
	char *buf = NULL, *more;
	ssize_t n = 1;
	int err = 0;

	*len = 0;
	while (n && !err) {
		if (*len + 1 >= size) {
			size = size ? size * 2 : 4096;
			more = realloc(buf, size);
			if (!more) {
				err = -ENOMEM;
				break;
			}
			buf = more;
		}
		n = read(fd, buf + *len, size - *len - 1);
		if (n > 0)
			*len += (size_t)n;
		else if (n < 0 && errno != EINTR)
			err = -errno;
		if (*len > TREE_FILE_MAX)
			err = -EFBIG;
	}
	if (err) {
		free(buf);
		return err;
	}
	buf[*len] = '\0';
	*text = buf;
	return 0;
}

static bool is_folder(int dirfd, const struct dirent *e)
{
	struct stat st;

	return !fstatat(dirfd, e->d_name, &st, 0) && S_ISDIR(st.st_mode);
}

static int list_folder(const char *path, char **text, size_t *len)
{
	struct dirent **entry = NULL;
	int n, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FILE *out;

	if (fd < 0)
		return -errno;
	n = scandirat(fd, ".", &entry, NULL, alphasort);
	out = n < 0 ? NULL : open_memstream(text, len);
	if (!out) {
		close(fd);
		return n < 0 ? -errno : -ENOMEM;
	}
	for (int i = 0; i < n; i++) {
		if (strcmp(entry[i]->d_name, ".") && strcmp(entry[i]->d_name, ".."))
			fprintf(out, "%s%s\n", entry[i]->d_name,
				is_folder(fd, entry[i]) ? "/" : "");
		free(entry[i]);
	}
	free(entry);
	close(fd);
	return fclose(out) ? -ENOMEM : 0;
}

static int read_folder(const struct tree *t, const char *path, char **text, size_t *len)
{
	struct stat st;
	char *full;
	int fd, err;

	if (asprintf(&full, "%s/%s", t->dir, path) < 0)
		return -ENOMEM;
	if (stat(full, &st))
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = list_folder(full, text, len);
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if ((fd = open(full, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
		err = -errno;
	else {
		err = read_file(fd, text, len);
		close(fd);
	}
	free(full);
	return err;
}

struct tree tree_of_folder(const char *dir)
{
	return (struct tree){.read = read_folder, .dir = dir};
}

struct tree tree_of_machine(struct fh_machine *m)
{
	return (struct tree){.read = read_machine, .m = m};
}

int tree_read(const struct tree *t, const char *path, char **text, size_t *len)
{
	*text = NULL;
	*len = 0;
	return t->read(t, path, text, len);
}
