/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `freehold bench buf`: buffers from a server in a process of its own, as another program has them, beside what the host alone takes
 * for the same. What is compared is taken by turns.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <freehold/client.h>
#include <freehold/heap.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "../client/fdmsg.h"
#include "bench.h"
#include "serve.h"

#define MIB	 (UINT64_C(1) << 20)
#define AREA_MIB 64
#define RAM_MIB	 256
#define READY	 (16 * MIB)
#define BURST	 20 /* operations between two looks at the clock */

/* ---- the server, and a program that is shown buffers -------------------------------------------- */

struct there {
	cpu_set_t before;
	pid_t server, peer;
	int peer_fd, inotify, loop[2];
	struct fhc *c;
	char area[FHC_NAME_MAX];
};

static int cannot(const char *what)
{
	fprintf(stderr, "freehold bench: the server: %s\n", what);
	return 1;
}

/* All of the area in tenants' use, but for what watermarks keep, while nothing else is free; and then a part of it ready. */
static bool lend(struct fh_machine *m, struct cma *area)
{
	const uint64_t pages = AREA_MIB * MIB >> FH_PAGE_SHIFT;
	static pfn_t held[RAM_MIB * MIB / (FH_PAGE_SIZE << FH_BLOCK_ORDER)];
	struct fh_object *object;
	struct fh_space *space;
	struct cma_stats stats;
	unsigned int n = 0;

	if (cma_set_policy(area, CMA_POLICY_MOVABLE) || fh_space_create(m, NULL, &space) ||
	    fh_object_create(m, 2 * pages, NULL, NULL, &object) ||
	    fh_space_map(space, 0, object, 0, 2 * pages))
		return false;
	while (n < sizeof(held) / sizeof(held[0]) &&
	       !fh_alloc_pages(m, __GFP_NOWARN, FH_BLOCK_ORDER, &held[n]))
		n++;
	for (uint64_t i = 0; i < 2 * pages && !fh_space_fault(space, i, FH_FAULT_WRITE); i++)
		;
	while (n--)
		if (fh_free_pages(m, held[n], FH_BLOCK_ORDER))
			return false;
	cma_get_stats(area, &stats);
	return stats.lent + FH_BLOCK_PAGES > pages &&
	       !cma_set_policy(area, CMA_POLICY_GUARANTEED) &&
	       !cma_set_ready(area, READY >> FH_PAGE_SHIFT);
}

/* Serves one client until it goes. In between, an area that must keep something ready works at it. */
static int serve(int fd, bool full)
{
	struct serve_opts o = serve_defaults();
	struct boot_why why = {""};
	struct hosted_why hw = {""};
	struct server *s;
	struct cma *area;
	char bootargs[32];

	snprintf(bootargs, sizeof(bootargs), "cma=%dM", AREA_MIB);
	if (hosted_machine(&o.host, &o.m, bootargs, RAM_MIB * MIB, &hw))
		return cannot(hw.text);
	area = cma_default(o.m);
	if (full && !lend(o.m, area))
		return cannot("the area cannot be filled and 16 MiB of it kept ready");
	if (server_create(&o, &s, &why) || server_adopt(s, fd))
		return cannot(why.text);
	do {
		while (full && cma_background(o.m))
			;
		(void)server_step(s, -1);
	} while (server_clients(s));
	return 0; /* the process ends, and all with it */
}

/* ---- descriptors over a socket, with a number ---- */

static bool send_fd(int sock, int fd, uint64_t size)
{
	struct iovec iov = {&size, sizeof(size)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union fd_room room;

	fd_beside(&msg, &room, fd);
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == sizeof(size);
}

static bool receive_fd(int sock, int *fd, uint64_t *size)
{
	union fd_room room;
	struct iovec iov = {size, sizeof(*size)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = room.bytes,
			     .msg_controllen = sizeof(room.bytes)};

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != sizeof(*size))
		return false;
	*fd = fd_taken(&msg);
	return *fd >= 0;
}

/* Maps each descriptor it is sent, reads a byte of it, and says so. */
static int be_shown(int fd)
{
	uint64_t size;
	int got;

	while (receive_fd(fd, &got, &size)) {
		volatile const char *p = mmap(NULL, size, PROT_READ, MAP_SHARED, got, 0);

		if (p == MAP_FAILED)
			return 1;
		(void)p[0];
		munmap((void *)(uintptr_t)p, size);
		close(got);
		if (write(fd, &size, 1) != 1)
			break;
	}
	return 0;
}

static bool show(int fd, int buffer, uint64_t size)
{
	char done;

	return send_fd(fd, buffer, size) && read(fd, &done, 1) == 1;
}

/* Both sides on one CPU: what is measured is work, not how long another CPU takes to wake up, which on a virtual machine is most of a
 * round trip, and changes. */
static void one_cpu(cpu_set_t *before)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(before);
	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(*before), before) || cpu < 0)
		return;
	CPU_SET((size_t)cpu, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

/* A child of ours on the other end of *fd; it dies with us. */
static pid_t child(int (*fn)(int fd, bool arg), bool arg, int *fd)
{
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() == parent ? fn(pair[1], arg) : 1);
	}
	close(pair[1]);
	*fd = pair[0];
	if (pid < 0)
		close(pair[0]);
	return pid;
}

static int peer(int fd, bool arg)
{
	(void)arg;
	return be_shown(fd);
}

static void end(struct there *t)
{
	(void)sched_setaffinity(0, sizeof(t->before), &t->before);
	if (t->c)
		fhc_close(t->c);
	if (t->peer_fd >= 0)
		close(t->peer_fd);
	if (t->inotify >= 0)
		close(t->inotify);
	for (int i = 0; i < 2; i++)
		if (t->loop[i] >= 0)
			close(t->loop[i]);
	if (t->server > 0)
		waitpid(t->server, NULL, 0);
	if (t->peer > 0)
		waitpid(t->peer, NULL, 0);
}

static bool start(struct bench *b, struct there *t, bool full)
{
	struct fhc_heap heap;
	int fd = -1, err;

	*t = (struct there){.peer_fd = -1, .loop = {-1, -1}};
	t->inotify = inotify_init1(IN_CLOEXEC);
	one_cpu(&t->before);
	if (t->inotify < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, t->loop))
		return bench_fail(b, BENCH_OK, "no inotify, or no sockets: %s", strerror(errno));
	t->server = child(serve, full, &fd);
	if (t->server > 0)
		t->peer = child(peer, false, &t->peer_fd);
	if (t->server < 0 || t->peer < 0)
		return bench_fail(b, BENCH_OK, "no other process can be made");
	err = fhc_connect_fd(fd, 0, "bench", &t->c);
	if (err)
		return bench_fail(b, BENCH_OK, "the server: %s", strerror(-err));
	for (unsigned int n = 0; !fhc_heap_nth(t->c, n, &heap); n++)
		if (heap.kind == DMA_HEAP_CMA)
			snprintf(t->area, sizeof(t->area), "%s", heap.name);
	return t->area[0] || bench_fail(b, BENCH_OK, "the server has no area");
}

/* ---- operations ---------------------------------------------------------------------------------- */

static bool host_alone(struct there *t, uint64_t size)
{
	int fd = memfd_create("alone", MFD_CLOEXEC);

	(void)t;
	if (fd < 0 || ftruncate(fd, (off_t)size))
		return false;
	return !close(fd);
}

/* All that the host has to do for a buffer whose last close the kernel tells of, in one process: opens of their own for both sides, seals, a
 * watch, the way through a socket, the event, the lease. What no server of such buffers can save. */
static bool counted_alone(struct there *t, uint64_t size)
{
	int fd = memfd_create("alone", MFD_CLOEXEC | MFD_ALLOW_SEALING), own, given, got = -1;
	_Alignas(struct inotify_event) char event[256];
	char path[32];
	bool ok;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDWR | O_CLOEXEC);
	given = open(path, O_RDWR | O_CLOEXEC);
	close(fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", own);
	ok = own >= 0 && given >= 0 && !ftruncate(own, (off_t)size) &&
	     !fcntl(own, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) &&
	     inotify_add_watch(t->inotify, path, IN_CLOSE) >= 0 &&
	     send_fd(t->loop[0], given, size) && receive_fd(t->loop[1], &got, &size);
	close(given); /* the socket's and ours: only the last one is told of */
	close(got);
	ok = ok && read(t->inotify, event, sizeof(event)) > 0 && !fcntl(own, F_SETLEASE, F_WRLCK) &&
	     !fcntl(own, F_SETLEASE, F_UNLCK);
	close(own);
	return ok && read(t->inotify, event, sizeof(event)) > 0; /* IN_IGNORED */
}

static bool round_trip(struct there *t, uint64_t size)
{
	struct fhc_heap heap;

	(void)size;
	return !fhc_heap_nth(t->c, 0, &heap);
}

static bool pair(struct there *t, uint64_t size)
{
	struct fhc_buffer buf;

	return !fhc_alloc(t->c, "system", size, O_RDWR | O_CLOEXEC, &buf) &&
	       !fhc_release(t->c, &buf);
}

static bool pair_area(struct there *t, uint64_t size)
{
	struct fhc_buffer buf;

	return !fhc_alloc(t->c, t->area, size, O_RDWR | O_CLOEXEC, &buf) &&
	       !fhc_release(t->c, &buf);
}

/* ---- cases ---------------------------------------------------------------------------------------- */

typedef bool (*operation)(struct there *t, uint64_t size);

/* Operations by turns, in bursts, until the first has had its span; ns of each. */
static bool by_turns(struct there *t, uint64_t size, const operation *op, unsigned int nr,
		     double *ns)
{
	struct watch watch[5] = {{0}};
	bool ok = true;

	for (unsigned int i = 0; i < nr && ok; i++)
		ok = op[i](t, size);
	while (ok && watch[0].ns < BENCH_SPAN_NS && watch[0].lost_ns < BENCH_LOST_NS)
		for (unsigned int i = 0; i < nr && ok; i++) {
			watch_start(&watch[i]);
			for (unsigned int k = 0; k < BURST && ok; k++)
				ok = op[i](t, size);
			watch_stop(&watch[i], BURST);
		}
	for (unsigned int i = 0; i < nr; i++)
		ns[i] = watch_mean(&watch[i]);
	return ok;
}

static const struct {
	const char *name;
	uint64_t size;
} sizes[] = {{"64K", 64 << 10}, {"1M", MIB}, {"16M", 16 * MIB}};

static enum bench_status run_pair(struct bench *b, const struct bench_case *c, double *value)
{
	static const operation op[] = {host_alone, counted_alone, round_trip, pair, pair_area};
	struct there t;
	bool ok = start(b, &t, false);

	if (ok && !by_turns(&t, sizes[c->variant].size, op, 5, value))
		ok = bench_fail(b, BENCH_OK, "buf: an operation failed");
	value[5] = (value[3] - value[2]) / value[0];
	value[6] = (value[3] - value[2]) / value[1];
	end(&t);
	return ok ? BENCH_OK : BENCH_FAIL;
}

static struct fhc_buffer shown;

static bool pass(struct there *t, uint64_t size)
{
	return show(t->peer_fd, shown.fd, size);
}

static bool map(struct there *t, uint64_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, shown.fd, 0);

	(void)t;
	if (p == MAP_FAILED)
		return false;
	*(volatile char *)p = 1;
	return !munmap(p, size);
}

static enum bench_status run_pass(struct bench *b, const struct bench_case *c, double *value)
{
	static const operation op[] = {pass, map};
	struct there t;
	bool ok = start(b, &t, false);

	if (ok && (fhc_alloc(t.c, "system", sizes[c->variant].size, O_RDWR | O_CLOEXEC, &shown) ||
		   !by_turns(&t, sizes[c->variant].size, op, 2, value) || fhc_release(t.c, &shown)))
		ok = bench_fail(b, BENCH_OK, "buf: a buffer could not be passed");
	end(&t);
	return ok ? BENCH_OK : BENCH_FAIL;
}

/* 16 MiB at once, out of an area that is full of tenants but for what it keeps ready; and then every page of it touched. The
 * area has the time to get ready again. */
static enum bench_status run_ready(struct bench *b, const struct bench_case *c, double *value)
{
	struct there t;
	uint64_t least = UINT64_MAX, touch = 0, dirt = 0;
	bool ok = true;
	int err = 0;

	(void)c;
	if (!start(b, &t, true)) {
		end(&t);
		return BENCH_FAIL;
	}
	for (unsigned int i = 0; ok && i < 9; i++) {
		struct fhc_buffer buf;
		uint64_t at;
		char *p;

		usleep(20000);
		ok = round_trip(&t, 0); /* so that it is awake */
		if (!ok)
			break;
		at = bench_now();
		err = fhc_alloc(t.c, t.area, READY, O_RDWR | O_CLOEXEC, &buf);
		ok = !err;
		at = bench_now() - at;
		if (!ok)
			break;
		if (at < least)
			least = at;
		p = mmap(NULL, READY, PROT_READ | PROT_WRITE, MAP_SHARED, buf.fd, 0);
		ok = p != MAP_FAILED;
		at = bench_now();
		for (uint64_t o = 0; ok && o < READY; o += FH_PAGE_SIZE) {
			dirt += p[o] != 0;
			p[o] = 1;
		}
		touch = bench_now() - at;
		ok = ok && !munmap(p, READY) && !fhc_release(t.c, &buf);
	}
	if (!ok || dirt)
		ok = bench_fail(b, BENCH_OK, "buf: 16 MiB of the ready reserve: %s",
				dirt ? "not zero" : strerror(-err));
	value[0] = (double)least;
	value[1] = (double)touch;
	end(&t);
	return ok ? BENCH_OK : BENCH_FAIL;
}

void bench_add_buf(struct bench *b)
{
	struct bench_case *c;

	for (int i = 0; i < 3; i++) {
		c = bench_add(b, (struct bench_case){.run = run_pair, .variant = i});
		bench_measure(c, "ns", "buf.host_alone.%s", sizes[i].name);
		bench_measure(c, "ns", "buf.counted_alone.%s", sizes[i].name);
		bench_measure(c, "ns", "buf.round_trip.beside.%s", sizes[i].name);
		bench_measure(c, "ns", "buf.pair.system.%s", sizes[i].name);
		bench_measure(c, "ns", "buf.pair.area.%s", sizes[i].name);
		bench_measure(c, "times", "buf.pair.system.over_host.%s", sizes[i].name);
		bench_measure(c, "times", "buf.pair.system.over_counted.%s", sizes[i].name);
	}
	c = bench_add(b, (struct bench_case){.run = run_pass, .variant = 1});
	bench_measure(c, "ns", "buf.pass.1M");
	bench_measure(c, "ns", "buf.map.1M");
	c = bench_add(b, (struct bench_case){.run = run_ready});
	bench_measure(c, "ns", "buf.ready.16M");
	bench_measure(c, "ns", "buf.ready.16M.touch");
}
