// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Asks the kernel what it does with /dev/dma_heap, DMA-BUFs, sync files and udmabuf; one line a case.
// usage: dmabuf_calls [PREFIX...]
// The groups whose names begin so, all without one. What a machine may suffer from wants its whole name.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

#define SECONDS 30 // for a group, on a machine that is emulated

static bool asked(const struct group *group, const char *name, int argc, char **argv)
{
	bool whole = group->when == WHEN_NAMED;

	for (int i = 1; i < argc; i++)
		if (strncmp(name, argv[i], strlen(whole ? name : argv[i])) == 0)
			return true;
	return argc == 1 && !whole;
}

static bool run(const struct group *group, int argc, char **argv)
{
	char name[64];
	int status;
	pid_t child;

	snprintf(name, sizeof(name), group->when == PER_SOURCE ? "buf.%s.%s" : "%.0s%s",
		 source_name[source], group->name);
	if (!asked(group, name, argc, argv))
		return true;
	child = fork();
	if (child < 0)
		return false;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(SECONDS);
		group_name = name;
		group->run();
		exit(0);
	}
	if (waitpid(child, &status, 0) == child && status == 0)
		return true;
	// A line that no capture has: whoever compares sees it.
	printf("%s: died of %s %d\n", name, WIFSIGNALED(status) ? "signal" : "exit",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	fflush(stdout);
	return false;
}

static const struct group *const all[] = {heap_groups, alloc_groups, wide_groups,   file_groups,
					  poll_groups, map_groups,   ioctl_groups,  share_groups,
					  sync_groups, fence_groups, udmabuf_groups};

int main(int argc, char **argv)
{
	bool good = true;

	if (argc == 3 && strcmp(argv[1], "--fd") == 0)
		return exec_child(argv[2]);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct group *group = all[i]; group->name; group++)
			for (source = 0; source < (group->when == PER_SOURCE ? N_SOURCES : 1);
			     source++)
				good &= run(group, argc, argv);
	return good ? 0 : 1;
}
