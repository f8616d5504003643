// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about a buffer with fences: what waits for which, and what a process sees of it.
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "sync.h"

#define READ  DMA_BUF_SYNC_READ
#define WRITE DMA_BUF_SYNC_WRITE

static int buffer, timeline;

static void begin(void)
{
	buffer = heap_buffer(system_heap(), PAGE, O_RDWR | O_CLOEXEC);
	timeline = new_timeline();
	absent = buffer < 0 || timeline < 0;
}

static long import(unsigned int flags, int fd)
{
	struct dma_buf_import_sync_file arg = {flags, fd};

	return sys(ioctl(buffer, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg));
}

static int export(unsigned int flags)
{
	struct dma_buf_export_sync_file arg = {flags, -1};

	return ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg) == 0 ? arg.fd : -1;
}

static long cpu(unsigned long long flags)
{
	struct dma_buf_sync sync = {flags};

	return sys(ioctl(buffer, DMA_BUF_IOCTL_SYNC, &sync));
}

static void report_polls(const char *when)
{
	report(events_of(buffer, POLLIN, 0), "%s.in", when);
	report(events_of(buffer, POLLOUT, 0), "%s.out", when);
	report(events_of(buffer, POLLIN | POLLOUT, 0), "%s.in-out", when);
}

static void used(unsigned int flags, const char *name)
{
	char when[64];

	begin();
	report(import(flags, new_fence(timeline, 1)), "%s.import", name);
	snprintf(when, sizeof(when), "%s.pending", name);
	report_polls(when);
	report(detail_info(export(READ)), "%s.export-read", name);
	report(detail_info(export(WRITE)), "%s.export-write", name);
	report(detail_info(export(READ | WRITE)), "%s.export-rw", name);
	report(cpu(DMA_BUF_SYNC_END | READ | WRITE), "%s.cpu-end", name);
	report_fdinfo(buffer, "fdinfo-while-pending");
	step(timeline, 1);
	snprintf(when, sizeof(when), "%s.signalled", name);
	report_polls(when);
	report(detail_info(export(READ)), "%s.export-read-after", name);
	report(detail_info(export(WRITE)), "%s.export-write-after", name);
	report_fdinfo(buffer, "fdinfo-after");
	close(buffer);
	close(timeline);
}

static void read_cases(void)
{
	used(READ, "read");
}

static void write_cases(void)
{
	used(WRITE, "write");
}

static void rw_cases(void)
{
	used(READ | WRITE, "rw");
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// Access by the CPU while a fence is pending that is signalled in 300 ms.
static void waits(unsigned int fence, unsigned long long access, const char *name)
{
	long long from;
	long r;
	int pid;

	begin();
	import(fence, new_fence(timeline, 1));
	pid = step_later(timeline, 300);
	from = now_ms();
	r = cpu(access);
	detail("%s", now_ms() - from >= 150 ? "waited" : "at-once");
	report(r, "%s", name);
	reap(pid);
	close(buffer);
	close(timeline);
}

static void nothing(int signal)
{
	(void)signal;
}

// A signal comes after 100 ms, the fence after 400.
static void interrupted(int flags, const char *name)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = flags};
	struct itimerval in = {.it_value = {.tv_usec = 100000}};
	int pid;

	begin();
	import(WRITE, new_fence(timeline, 1));
	pid = step_later(timeline, 400);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &in, NULL);
	report(cpu(READ), "%s", name);
	reap(pid);
	signal(SIGALRM, SIG_DFL);
	close(buffer);
	close(timeline);
}

static void wait_cases(void)
{
	waits(READ, READ, "read-fence.start-r");
	waits(READ, WRITE, "read-fence.start-w");
	waits(READ, READ | WRITE, "read-fence.start-rw");
	waits(WRITE, READ, "write-fence.start-r");
	waits(WRITE, WRITE, "write-fence.start-w");
	waits(WRITE, READ | WRITE, "write-fence.start-rw");
	waits(WRITE, DMA_BUF_SYNC_END | READ | WRITE, "write-fence.end-rw");
	waits(READ, DMA_BUF_SYNC_END | WRITE, "read-fence.end-w");
	interrupted(0, "signal");
	interrupted(SA_RESTART, "signal-restart");
	alarm(20);
}

static void wake_cases(void)
{
	int pid, ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT}, got = {0};
	long r;

	begin();
	import(WRITE, new_fence(timeline, 1));
	pid = step_later(timeline, 50);
	report(events_of(buffer, POLLIN, 10000), "poll-in");
	reap(pid);
	import(READ, new_fence(timeline, 2));
	pid = step_later(timeline, 50);
	report(events_of(buffer, POLLOUT, 10000), "poll-out");
	reap(pid);
	import(WRITE, new_fence(timeline, 3));
	report(sys(epoll_ctl(ep, EPOLL_CTL_ADD, buffer, &event)), "epoll-add");
	report(sys(epoll_wait(ep, &got, 1, 0)), "epoll-pending");
	pid = step_later(timeline, 50);
	r = sys(epoll_wait(ep, &got, 1, absent ? 0 : 10000));
	detail("events=%#x", got.events);
	report(r, "epoll-wait");
	reap(pid);
	r = sys(epoll_wait(ep, &got, 1, 0));
	detail("events=%#x", got.events);
	report(r, "epoll-after");
}

static void more_cases(void)
{
	int one, two, other;

	begin();
	one = new_fence(timeline, 1);
	two = new_fence(timeline, 2);
	report(import(READ, one), "import-read-1");
	report(import(WRITE, two), "import-write-2");
	report(detail_info(export(READ)), "export-read");
	report(detail_info(export(WRITE)), "export-write");
	step(timeline, 1);
	report_polls("after-1");
	step(timeline, 1);
	report_polls("after-2");
	report(import(WRITE, one), "import-signalled");
	report_polls("import-signalled");
	other = new_timeline();
	absent = buffer < 0 || timeline < 0;
	two = (int)merge(new_fence(timeline, 3), new_fence(other, 1), "merged");
	report(import(READ, two), "import-merged");
	report(detail_info(export(WRITE)), "import-merged.export-write");
	report(detail_info(export(READ)), "import-merged.export-read");
	import(WRITE, new_fence(timeline, 9));
	close(timeline);
	report_polls("timeline-closed");
	step(other, 1);
	report_polls("all-signalled");
	report(cpu(READ | WRITE), "all-signalled.cpu-start");
	report(detail_info(export(WRITE)), "all-signalled.export-write");
}

// The fence outlives the buffer, and a poll that waits keeps the buffer.
static void life_cases(void)
{
	int fence, other;

	begin();
	fence = new_fence(timeline, 1);
	import(WRITE, fence);
	other = export(READ);
	report(events_of(buffer, POLLIN, 0), "poll");
	report(sys(close(buffer)), "close-buffer");
	report(detail_info(other), "exported-after-close");
	report(step(timeline, 1), "step");
	report(events_of(other, POLLIN, 0), "exported-signalled");
	report(events_of(fence, POLLIN, 0), "fence-signalled");
}

const struct group fence_groups[] = {
	{"fence.read", read_cases, ALWAYS}, {"fence.write", write_cases, ALWAYS},
	{"fence.rw", rw_cases, ALWAYS},	    {"fence.wait", wait_cases, ALWAYS},
	{"fence.wake", wake_cases, ALWAYS}, {"fence.more", more_cases, ALWAYS},
	{"fence.life", life_cases, ALWAYS}, {NULL, NULL, ALWAYS},
};
