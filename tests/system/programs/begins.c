/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A library whose constructor opens a heap, before anybody else is there; and one that stands in front of others. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int begins_fd = -1;

__attribute__((constructor)) static void begin(void)
{
	struct stat st;

	begins_fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	if (begins_fd >= 0 && (fstat(begins_fd, &st) || !S_ISCHR(st.st_mode)))
		begins_fd = -2;
	dprintf(STDERR_FILENO, "constructor: %s\n", begins_fd >= 0 ? "a heap" : "nothing");
}
