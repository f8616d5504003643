/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The socket's file, its lock, and systemd's two variables. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "serve_listen.h"

#define FIRST_INHERITED 3
#define MAX_INHERITED	1000u

FH_PRINTF(3, 4) static int fail(struct boot_why *why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -err;
}

const char *listen_default_path(char *buf, size_t size)
{
	const char *path = getenv("FREEHOLD_SOCKET"), *dir = getenv("XDG_RUNTIME_DIR");

	if (path && *path)
		snprintf(buf, size, "%s", path);
	else
		snprintf(buf, size, "%s/freehold.sock", dir && *dir ? dir : "/run");
	return buf;
}

static int take_lock(struct listening *l, struct boot_why *why)
{
	char path[sizeof(l->path) + 8];

	snprintf(path, sizeof(path), "%s.lock", l->path);
	l->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->lock < 0)
		return fail(why, errno, "%s: %s", path, strerror(errno));
	if (!flock(l->lock, LOCK_EX | LOCK_NB))
		return 0;
	return fail(why, EADDRINUSE, "%s: another server has it", l->path);
}

/* Whoever had it before is dead, or it is something else and stays. */
static int clear_path(const struct sockaddr_un *a, struct boot_why *why)
{
	struct stat st;
	int fd, err;

	if (lstat(a->sun_path, &st))
		return errno == ENOENT ? 0
				       : fail(why, errno, "%s: %s", a->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail(why, EEXIST, "%s: expected a socket or nothing", a->sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(why, errno, "no socket: %s", strerror(errno));
	err = connect(fd, (const struct sockaddr *)a, sizeof(*a)) ? errno : 0;
	close(fd);
	if (err != ECONNREFUSED && err != ENOENT)
		return fail(why, EADDRINUSE, "%s: another server answers there", a->sun_path);
	if (unlink(a->sun_path) && errno != ENOENT)
		return fail(why, errno, "%s: %s", a->sun_path, strerror(errno));
	return 0;
}

static int bind_path(struct listening *l, const struct sockaddr_un *a, mode_t mode, int64_t group,
		     struct boot_why *why)
{
	mode_t old;
	int err;

	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return fail(why, errno, "no socket: %s", strerror(errno));
	old = umask(0777); /* nobody may, until it is known who */
	err = bind(l->fd, (const struct sockaddr *)a, sizeof(*a)) ? errno : 0;
	umask(old);
	if (err)
		return fail(why, err, "%s: %s", a->sun_path, strerror(err));
	if ((group >= 0 && chown(a->sun_path, (uid_t)-1, (gid_t)group)) ||
	    chmod(a->sun_path, mode) || listen(l->fd, SOMAXCONN)) {
		err = errno;
		unlink(a->sun_path);
		return fail(why, err, "%s: %s", a->sun_path, strerror(err));
	}
	return 0;
}

int listen_open(struct listening *l, const char *path, mode_t mode, int64_t group,
		struct boot_why *why)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int err;

	*l = (struct listening){.fd = -1, .lock = -1};
	if (!*path || strlen(path) >= sizeof(a.sun_path))
		return fail(why, ENAMETOOLONG,
			    "--socket %.80s: expected a path of at most %zu bytes", path,
			    sizeof(a.sun_path) - 1);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	snprintf(l->path, sizeof(l->path), "%s", path);
	err = take_lock(l, why);
	if (!err)
		err = clear_path(&a, why);
	if (!err)
		err = bind_path(l, &a, mode, group, why);
	if (err) {
		if (l->fd >= 0)
			close(l->fd);
		if (l->lock >= 0)
			close(l->lock);
		l->fd = l->lock = -1;
	}
	return err;
}

void listen_close(struct listening *l)
{
	if (l->fd < 0)
		return;
	unlink(l->path); /* while it is locked: the next server's is not there yet */
	close(l->lock);
	l->fd = -1;
}

int listen_inherited(struct boot_why *why)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	unsigned long n;
	char *end;

	if (!pid || !fds || strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	n = strtoul(fds, &end, 10);
	if (*fds < '0' || *fds > '9' || *end || n > MAX_INHERITED)
		return fail(why, EINVAL, "LISTEN_FDS=%.40s: expected a number of at most %u", fds,
			    MAX_INHERITED);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES"); /* all are the same to us */
	for (int fd = FIRST_INHERITED; fd < FIRST_INHERITED + (int)n; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return (int)n;
}

void listen_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, path, len);
	if (*path == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		      (const struct sockaddr *)&a,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}
