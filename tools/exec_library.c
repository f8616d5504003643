/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The library that is put in front of a program: where it is, and which programs take none. */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "exec_preload.h"

#define LIBRARY	   "libfreehold-preload.so"
#define MAX_HEADER 128

static char library[PATH_MAX];

/* The folder of this command into dir, without a slash. */
static bool own_folder(char *dir, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", dir, size - 1);
	char *slash;

	if (n <= 0)
		return false;
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	return slash;
}

const char *exec_preload_library(void)
{
	static const char *const in[] = {"%s/" LIBRARY, "%s/../lib/freehold/" LIBRARY};
	char dir[PATH_MAX - 64], path[PATH_MAX];

	if (!own_folder(dir, sizeof(dir)))
		return NULL;
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), i ? in[1] : in[0], dir);
		if (!access(path, R_OK) && realpath(path, library))
			return library;
	}
	return NULL;
}

/* ---- the program ---- */

/* As execvp() finds it. */
static int open_program(const char *name)
{
	const char *at = getenv("PATH"), *end;
	char path[PATH_MAX];
	int fd = -1;

	if (strchr(name, '/'))
		return open(name, O_RDONLY | O_CLOEXEC);
	for (; at && fd < 0; at = *end ? end + 1 : NULL) {
		end = strchrnul(at, ':');
		snprintf(path, sizeof(path), "%.*s%s%s", (int)(end - at), at, end > at ? "/" : "",
			 name);
		if (!access(path, X_OK))
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

static bool has_loader(int fd, const Elf64_Ehdr *h)
{
	Elf64_Phdr p;

	for (unsigned int i = 0; i < h->e_phnum && i < MAX_HEADER; i++) {
		if (pread(fd, &p, sizeof(p), (off_t)(h->e_phoff + i * sizeof(p))) != sizeof(p))
			return true;
		if (p.p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* Nobody's set-user-ID but who runs it anyway. */
static bool gains_rights(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && (((st.st_mode & S_ISUID) && st.st_uid != getuid()) ||
				   ((st.st_mode & S_ISGID) && st.st_gid != getgid()));
}

bool exec_preload_refuses(const char *program, char *why, size_t size)
{
	int fd = open_program(program);
	const char *what = NULL;
	Elf64_Ehdr h;

	if (fd < 0)
		return false;
	if (gains_rights(fd))
		what = "has rights of another user's (setuid)";
	if (pread(fd, &h, sizeof(h), 0) == sizeof(h) && !memcmp(h.e_ident, ELFMAG, SELFMAG)) {
		if (h.e_ident[EI_CLASS] != ELFCLASS64)
			what = "is not a 64-bit program";
		else if (!has_loader(fd, &h))
			what = "is a static program";
	}
	close(fd);
	if (what)
		snprintf(
			why, size,
			"%s %s: no library can be put in front of it; without --preload it may run",
			program, what);
	return what;
}

/* ---- processes ---- */

bool exec_preload_children(pid_t but)
{
	char path[64], text[512];
	siginfo_t none;
	struct dirent *d;
	bool any = false;
	const char *at;
	pid_t pid, parent;
	DIR *dir;
	FILE *f;

	if (waitid(P_ALL, 0, &none, WEXITED | WNOHANG | WNOWAIT) && errno == ECHILD)
		return false;
	dir = opendir("/proc");
	while (dir && !any && (d = readdir(dir))) {
		pid = (pid_t)strtol(d->d_name, NULL, 10);
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		f = pid > 1 && pid != but ? fopen(path, "re") : NULL;
		at = f && fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
		any = at && sscanf(at + 1, " %*c %d", &parent) == 1 && parent == getpid();
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return any;
}
