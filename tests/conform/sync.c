// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about sync files and the sw_sync timelines that signal them.
#include <ctype.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "sync.h"

int new_timeline(void)
{
	int fd = open(SW_SYNC, O_RDWR | O_CLOEXEC);

	absent = fd < 0;
	return fd;
}

int new_fence(int timeline, unsigned int value)
{
	struct new_fence fence = {.value = value, .name = "point"};

	return ioctl(timeline, TIMELINE_FENCE, &fence) == 0 ? fence.fence : -1;
}

long step(int timeline, unsigned int by)
{
	return sys(ioctl(timeline, TIMELINE_STEP, &by));
}

int step_later(int timeline, int ms)
{
	int pid = absent ? -1 : fork();

	if (pid == 0) {
		pause_ms(ms);
		_exit(step(timeline, 1) != 0);
	}
	return pid;
}

void reap(int pid)
{
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

long events_of(int fd, short events, int ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	long r = sys(poll(&p, 1, absent ? 0 : ms));

	return r < 0 ? r : p.revents;
}

long merge(int a, int b, const char *name)
{
	struct sync_merge_data data = {.fd2 = b};

	snprintf(data.name, sizeof(data.name), "%s", name);
	return ioctl(a, SYNC_IOC_MERGE, &data) == 0 ? data.fence : -(long)errno;
}

// A timeline's number differs from run to run.
static const char *masked(char *name)
{
	char *dash = strrchr(name, '-'), *from = dash;

	if (!dash || strncmp(name, "stub", 4) == 0)
		return name;
	while (from > name && isdigit((unsigned char)from[-1]))
		from--;
	if (from < dash) {
		*from++ = '#';
		memmove(from, dash, strlen(dash) + 1);
	}
	return name;
}

static void detail_fences(struct sync_fence_info *fences, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		detail("[%s %s status=%d flags=%#x time=%s]", fences[i].driver_name,
		       fences[i].obj_name, fences[i].status, fences[i].flags,
		       fences[i].timestamp_ns ? "set" : "0");
}

static long info_with(int fd, unsigned int room, unsigned int flags, unsigned int pad)
{
	struct sync_fence_info fences[8];
	struct sync_file_info info = {.num_fences = room, .flags = flags, .pad = pad};
	long r;

	memset(fences, 0, sizeof(fences));
	strcpy(fences[room < 8 ? room : 7].obj_name, "untouched");
	info.sync_fence_info = (uint64_t)(uintptr_t)fences;
	r = sys(ioctl(fd, SYNC_IOC_FILE_INFO, &info));
	detail("name=%s status=%d flags=%#x n=%u pad=%u", masked(info.name), info.status,
	       info.flags, info.num_fences, info.pad);
	if (r == 0 && room)
		detail_fences(fences, info.num_fences <= room ? info.num_fences : 0);
	return r;
}

long detail_info(int fd)
{
	return info_with(fd, 4, 0, 0);
}

static void timeline_cases(void)
{
	struct new_fence fence = {.value = 1, .name = "x"};
	struct stat st = {0};
	int timeline = new_timeline(), low = lowest_fd(), one, byte = 0;

	report_fd(low, sys(ioctl(timeline, TIMELINE_FENCE, &fence) == 0 ? fence.fence : -1),
		  "fence");
	report(sys(fcntl(fence.fence, F_GETFD)), "fence.getfd");
	report(sys(fcntl(fence.fence, F_GETFL)), "fence.getfl");
	report(sys(ioctl(timeline, TIMELINE_FENCE, NULL)), "fence-null");
	report(sys(ioctl(timeline, TIMELINE_STEP, NULL)), "step-null");
	report(sys(ioctl(timeline, _IO('W', 9), NULL)), "unknown");
	report(sys(read(timeline, &byte, 1)), "read");
	report(events_of(timeline, POLLIN | POLLOUT, 0), "poll");
	report(sys(fstat(timeline, &st)), "fstat");
	report(step(timeline, 0), "step-0");
	report(step(timeline, 1), "step-1");
	one = new_fence(timeline, 1);
	report(events_of(one, POLLIN, 0), "fence-in-the-past");
	one = new_fence(timeline, 0);
	report(events_of(one, POLLIN, 0), "fence-0");
	one = new_fence(timeline, 1U << 31);
	report(events_of(one, POLLIN, 0), "fence-far");
	report(step(timeline, ~0U), "step-max");
	report(events_of(one, POLLIN, 0), "fence-far-after-step-max");
	one = new_fence(timeline, 100);
	close(timeline);
	report(events_of(one, POLLIN, 0), "fence-of-closed-timeline");
	report(detail_info(one), "fence-of-closed-timeline.info");
}

static void poll_cases(void)
{
	static const short asks[] = {POLLIN,  POLLOUT, POLLRDNORM,
				     POLLPRI, 0,       POLLIN | POLLOUT | POLLPRI};
	int timeline = new_timeline(), fence = new_fence(timeline, 1), pid;
	size_t n = sizeof(asks) / sizeof(*asks);

	for (size_t i = 0; i < n; i++)
		report(events_of(fence, asks[i], 0), "pending-%#x", (unsigned int)asks[i]);
	report(events_of(fence, POLLIN, 20), "pending-20-ms");
	report(detail_info(fence), "pending.info");
	report(step(timeline, 1), "step");
	for (size_t i = 0; i < n; i++)
		report(events_of(fence, asks[i], 0), "signalled-%#x", (unsigned int)asks[i]);
	report(detail_info(fence), "signalled.info");
	fence = new_fence(timeline, 2);
	pid = step_later(timeline, 50);
	report(events_of(fence, POLLIN, 10000), "waited");
	reap(pid);
}

static void file_cases(void)
{
	int timeline = new_timeline(), fence = new_fence(timeline, 1);
	struct stat st = {0};
	char byte = 0;
	long r;

	report(sys(read(fence, &byte, 1)), "read");
	report(sys(write(fence, &byte, 1)), "write");
	report(sys(lseek(fence, 0, SEEK_END)), "lseek-end");
	report(sys(lseek(fence, 0, SEEK_SET)), "lseek-set");
	report_map(sys((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fence, 0)), "mmap");
	r = sys(fstat(fence, &st));
	detail("mode=%#o size=%ld", st.st_mode, (long)st.st_size);
	report(r, "fstat");
	detail_link(fence);
	report(0, "link");
	report_fdinfo(fence, "fdinfo");
	for (unsigned int nr = 0; nr < 8; nr++)
		report(sys(ioctl(fence, _IO('>', nr), NULL)), "io-%u", nr);
	report(sys(ioctl(fence, _IOC(3U, '>', 3, 40), NULL)), "merge-of-40-bytes");
	report(sys(ioctl(fence, DMA_BUF_IOCTL_SYNC, &st)), "dma-buf-sync");
	report(sys(fcntl(fence, F_SETFL, O_NONBLOCK)), "setfl");
}

static void info_cases(void)
{
	int timeline = new_timeline(), other = new_timeline();
	int a = new_fence(timeline, 1), b = new_fence(other, 1), c = new_fence(timeline, 2), both,
	    mixed;
	struct sync_file_info info = {.num_fences = 2};

	both = (int)merge(a, b, "both");
	for (unsigned int room = 0; room < 4; room++) {
		report(info_with(a, room, 0, 0), "one.room-%u", room);
		report(info_with(both, room, 0, 0), "two.room-%u", room);
	}
	report(info_with(a, 1, 1, 0), "flags");
	report(info_with(a, 1, 0, 1), "pad");
	report(info_with(a, 1, 1, 1), "flags-and-pad");
	report(sys(ioctl(a, SYNC_IOC_FILE_INFO, NULL)), "null");
	report(sys(ioctl(a, SYNC_IOC_FILE_INFO, bad_pointer())), "unmapped");
	report(sys(ioctl(a, SYNC_IOC_FILE_INFO, read_only(&info, sizeof(info)))), "read-only");
	report(sys(ioctl(a, SYNC_IOC_FILE_INFO, &info)), "no-array");
	info.num_fences = 0;
	report(sys(ioctl(a, SYNC_IOC_FILE_INFO, &info)), "no-array-no-room");
	mixed = (int)merge(both, c, "mixed");
	report(detail_info(mixed), "merged-same-timeline");
	report(step(timeline, 1), "step");
	report(detail_info(both), "half-signalled");
	report(events_of(both, POLLIN, 0), "half-signalled.poll");
	report(detail_info(mixed), "mixed-after-step");
	report(step(other, 1), "step-other");
	report(detail_info(both), "all-signalled");
	report(events_of(both, POLLIN, 0), "all-signalled.poll");
}

static void merge_cases(void)
{
	int timeline = new_timeline(), other = new_timeline(), a = new_fence(timeline, 1);
	int b = new_fence(timeline, 2), c = new_fence(other, 1), low = lowest_fd(), fd;
	struct sync_merge_data data = {.fd2 = c};

	fd = (int)merge(a, c, "merged");
	report_fd(low, fd, "two-timelines");
	report(sys(fcntl(fd, F_GETFD)), "getfd");
	report(detail_info(fd), "two-timelines.info");
	report(detail_info((int)merge(a, b, "ab")), "same-timeline.info");
	report(detail_info((int)merge(b, a, "ba")), "same-timeline-reversed.info");
	report(detail_info((int)merge(a, a, "aa")), "itself.info");
	report(detail_info((int)merge(a, c, "")), "no-name.info");
	memset(data.name, 'n', sizeof(data.name));
	report(sys(ioctl(a, SYNC_IOC_MERGE, &data)), "name-of-32");
	report(detail_info(data.fence), "name-of-32.info");
	data = (struct sync_merge_data){.fd2 = c, .flags = 1};
	report(sys(ioctl(a, SYNC_IOC_MERGE, &data)), "flags");
	data = (struct sync_merge_data){.fd2 = c, .pad = 1};
	report(sys(ioctl(a, SYNC_IOC_MERGE, &data)), "pad");
	report(merge(a, -1, "x") < 0 ? merge(a, -1, "x") : 0, "fd-minus-1");
	report(merge(a, timeline, "x") < 0 ? merge(a, timeline, "x") : 0, "fd-of-timeline");
	data = (struct sync_merge_data){.fd2 = -1, .flags = 1};
	report(sys(ioctl(a, SYNC_IOC_MERGE, &data)), "fd-and-flags");
	report(sys(ioctl(a, SYNC_IOC_MERGE, NULL)), "null");
	report(sys(ioctl(a, SYNC_IOC_MERGE,
			 read_only(&(struct sync_merge_data){.fd2 = c}, sizeof(data)))),
	       "read-only");
	step(timeline, 2);
	report(detail_info((int)merge(a, c, "one-done")), "one-signalled.info");
	report(detail_info((int)merge(a, b, "all-done")), "all-signalled.info");
}

static void deadline_cases(void)
{
	int timeline = new_timeline(), fence = new_fence(timeline, 1);
	struct deadline when = {.deadline_ns = 1000};
	struct fence_deadline got = {.fence = fence};
	long r;

	report(sys(ioctl(timeline, TIMELINE_DEADLINE, &got)), "get-none");
	report(sys(ioctl(fence, SET_DEADLINE, &when)), "set");
	r = sys(ioctl(timeline, TIMELINE_DEADLINE, &got));
	detail("%llu", (unsigned long long)got.deadline_ns);
	report(r, "get");
	when.deadline_ns = 500;
	report(sys(ioctl(fence, SET_DEADLINE, &when)), "set-earlier");
	when.deadline_ns = 2000;
	report(sys(ioctl(fence, SET_DEADLINE, &when)), "set-later");
	r = sys(ioctl(timeline, TIMELINE_DEADLINE, &got));
	report(r, "get-into-what-is-set");
	got.deadline_ns = 0;
	r = sys(ioctl(timeline, TIMELINE_DEADLINE, &got));
	detail("%llu", (unsigned long long)got.deadline_ns);
	report(r, "get-earliest");
	when.pad = 1;
	report(sys(ioctl(fence, SET_DEADLINE, &when)), "pad");
	report(sys(ioctl(fence, SET_DEADLINE, NULL)), "null");
	step(timeline, 1);
	when = (struct deadline){.deadline_ns = 1};
	report(sys(ioctl(fence, SET_DEADLINE, &when)), "signalled");
}

// What an idle buffer gives is signalled for ever: no timeline is needed for it.
static void stub_cases(void)
{
	struct dma_buf_export_sync_file stub = {DMA_BUF_SYNC_RW, -1};
	int buffer = heap_buffer(system_heap(), PAGE, O_RDWR | O_CLOEXEC);
	struct deadline when = {.deadline_ns = 1000};

	absent = buffer < 0;
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &stub)), "export");
	for (unsigned int room = 0; room < 3; room++)
		report(info_with(stub.fd, room, 0, 0), "info-room-%u", room);
	report(info_with(stub.fd, 1, 1, 0), "info-flags");
	report(info_with(stub.fd, 1, 0, 1), "info-pad");
	report(events_of(stub.fd, POLLIN | POLLOUT, 0), "poll");
	report(detail_info((int)merge(stub.fd, stub.fd, "merged")), "merged.info");
	report(detail_info((int)merge(stub.fd, stub.fd, "")), "merged-no-name.info");
	report(merge(stub.fd, -1, "x"), "merge-fd-minus-1");
	report(merge(stub.fd, buffer, "x"), "merge-fd-of-buffer");
	report(sys(ioctl(stub.fd, SET_DEADLINE, &when)), "set-deadline");
	report(sys(ioctl(stub.fd, _IO('>', 9), NULL)), "unknown");
	report(sys(lseek(stub.fd, 0, SEEK_END)), "lseek-end");
	report_map(sys((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, stub.fd, 0)), "mmap");
	detail_link(stub.fd);
	report(0, "link");
	report_fdinfo(stub.fd, "fdinfo");
}

const struct group sync_groups[] = {
	{"sync.timeline", timeline_cases, ALWAYS}, {"sync.poll", poll_cases, ALWAYS},
	{"sync.file", file_cases, ALWAYS},	   {"sync.info", info_cases, ALWAYS},
	{"sync.merge", merge_cases, ALWAYS},	   {"sync.deadline", deadline_cases, ALWAYS},
	{"sync.stub", stub_cases, ALWAYS},	   {NULL, NULL, ALWAYS},
};
