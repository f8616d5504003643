/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Each call of a library to the system fails once. The program is linked with --wrap of those calls, says which they are by WRAP(), and has a
 * scenario(), which each() runs until there is no call left to fail.
 */
#ifndef FREEHOLD_TESTS_CLIENT_FAULT_H
#define FREEHOLD_TESTS_CLIENT_FAULT_H

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool armed;
static unsigned int nth, calls; /* which one fails; how many there were */
static int with;

/* Whether this call is the one. */
static bool fails(int by)
{
	if (!armed || ++calls != nth)
		return false;
	errno = with ? with : by;
	return true;
}

#define WRAP(type, name, params, args, by, bad)                                                    \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		return fails(by) ? bad : __real_##name args;                                       \
	}
/* The last argument, if there is one, is as wide as a pointer in all calls of the library. */
#define WRAP_MORE(type, name, head, params, args, by)                                              \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		va_list ap;                                                                        \
		void *more;                                                                        \
                                                                                                   \
		va_start(ap, head);                                                                \
		more = va_arg(ap, void *);                                                         \
		va_end(ap);                                                                        \
		return fails(by) ? -1 : __real_##name args;                                        \
	}
static unsigned int nr_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* Maps of buffers; those of the test itself, which stay. */
static unsigned int own_maps;

static unsigned int nr_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, "memfd:freehold") != NULL;
	if (f)
		fclose(f);
	return n;
}

/* How it went: nothing claims to be what it is not. */
static bool wrong;

static void note(int err, const char *what)
{
	if (err > 0 || err < -4095) {
		wrong = true;
		printf("# call %u fails: %s returns %d\n", nth, what, err);
	}
}

static void scenario(void);

/* Every n-th call fails, until there are not so many. 0: as that call would. */
static unsigned int each(int error)
{
	unsigned int before = nr_fds(), n = 0;

	with = error;
	for (nth = 1; !wrong; nth++) {
		calls = 0;
		armed = true;
		scenario();
		armed = false;
		if (nr_fds() != before || nr_maps() != own_maps) {
			wrong = true;
			printf("# call %u fails: %u descriptors, %u before, %u maps\n", nth,
			       nr_fds(), before, nr_maps());
		}
		if (calls < nth)
			break;
		n++;
	}
	return n;
}

#endif
