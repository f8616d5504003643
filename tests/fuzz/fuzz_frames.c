/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes become what strangers say to both ends of frames, between calls of good ones: messages whole and broken, with descriptors of every kind. A good
 * consumer beside a hostile one gets its frames, a map that is read stays, and when all are gone nothing is left open.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../../client/frames.h"
#include "framestest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NEED(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static struct {
	const uint8_t *at, *end;
} in;

static unsigned int byte(void)
{
	return in.at < in.end ? *in.at++ : 0;
}

static unsigned int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	NEED(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* What strangers have to send along. */
enum { BUFFER, LOOSE, WRITABLE, FENCE, SIGNAL, EVENT, NOTHING, SOCKET, NR_THINGS };
static int thing[NR_THINGS];

static void make_things(void)
{
	thing[WRITABLE] = frames_memfd(FRAMES_BYTES, true);
	thing[BUFFER] = frames_reading(thing[WRITABLE]);
	thing[LOOSE] = frames_memfd(FRAMES_BYTES, false);
	NEED(!fhc_fence(&thing[FENCE], &thing[SIGNAL]));
	thing[EVENT] = eventfd(0, EFD_CLOEXEC);
	thing[NOTHING] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	thing[SOCKET] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

static int connection(int *theirs)
{
	int fd[2];

	NEED(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd));
	*theirs = fd[1];
	return fd[0];
}

/* One message, right but for what the input says. */
static void say(int fd)
{
	unsigned int op = byte() % (FRAMES_NR_OPS + 1), odd = byte();
	struct frames_msg m = frames_msg(op);
	int with = -1;

	m.slot = byte() % 4;
	if (op == FRAMES_HELLO)
		m.n = FRAMES_VERSION;
	if (op == FRAMES_RELEASE || op == FRAMES_FRAME)
		m.seq = byte();
	if (op == FRAMES_END)
		m.n = byte() % 8 ? 0 : EUSERS;
	if (op == FRAMES_SHOW) {
		m.size = FRAMES_BYTES;
		m.format = frames_format(odd & 1);
		with = thing[BUFFER];
	}
	if ((op == FRAMES_FRAME || op == FRAMES_RELEASE) && (odd & 2))
		with = thing[FENCE];
	if (odd >= 192) {
		uint8_t *at = (uint8_t *)&m + byte() % sizeof(m);

		*at = (uint8_t)(*at ^ byte());
	}
	if ((odd & 0x1c) == 0x1c)
		with = thing[byte() % NR_THINGS];
	if (odd == 191)
		(void)!send(fd, &m, byte() % sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		(void)frames_send(fd, &m, with);
}

static void listen_a_little(int fd)
{
	struct frames_msg m;
	int with;

	if (!frames_receive(fd, &m, &with) && with >= 0)
		close(with);
}

/* ---- a good producer and a good consumer, with strangers beside them ---- */

static void produce(struct frames_pair *p, uint64_t *seq)
{
	struct fhc_frame f = {.fence = byte() & 1 ? thing[FENCE] : -1, .seq = ++*seq}, got;
	int slot = fhc_out_next(p->out), n = 0;

	if (slot < 0)
		return;
	f.slot = (uint32_t)slot;
	NEED(fhc_out_send(p->out, &f) >= 1);
	while (!fhc_in_next(p->in, &got)) {
		const void *at;

		NEED(got.seq == *seq && got.slot == f.slot && (got.fence >= 0) == (f.fence >= 0));
		NEED(!fhc_in_map(p->in, got.slot, &at));
		if (got.fence >= 0)
			close(got.fence);
		NEED(!fhc_in_release(p->in, got.slot));
		n++;
	}
	NEED(n == 1);
}

static void against_a_producer(void)
{
	struct frames_pair p = frames_pair(2, 0);
	int stranger[3] = {-1, -1, -1};
	struct fhc_out_stats stats;
	uint64_t seq = 0;

	while (in.at < in.end) {
		unsigned int what = byte(), who = what >> 4 & 3;

		who = who > 2 ? 0 : who;
		if (stranger[who] < 0) {
			(void)fhc_out_adopt(p.out, connection(&stranger[who]));
			continue;
		}
		switch (what & 7) {
		case 0:
			close(stranger[who]);
			stranger[who] = -1;
			break;
		case 1:
			produce(&p, &seq);
			break;
		case 2:
			listen_a_little(stranger[who]);
			break;
		case 3:
			(void)fhc_out_hide(p.out, 1);
			break;
		default:
			say(stranger[who]);
		}
		NEED(fhc_out_dispatch(p.out) >= 0);
	}
	for (unsigned int i = 0; i < 3; i++)
		if (stranger[i] >= 0)
			close(stranger[i]);
	(void)fhc_out_dispatch(p.out);
	fhc_out_get_stats(p.out, &stats);
	NEED(stats.consumers == 1);
	frames_pair_end(&p);
}

/* ---- a good consumer of a hostile producer ---- */

static void against_a_consumer(void)
{
	const volatile uint8_t *has[FHC_SLOTS] = {NULL};
	struct fhc_in *i;
	int stranger, fd = connection(&stranger), end = 0;

	NEED(!fhc_in_adopt(fd, "fuzz", 0, &i));
	while (in.at < in.end) {
		unsigned int what = byte(), slot = what >> 3 & 3;
		struct fhc_frame f;
		const void *at;
		int err;

		if ((what & 7) > 3)
			say(stranger);
		else if ((what & 7) == 3)
			listen_a_little(stranger);
		else if ((what & 7) == 2)
			NEED((fhc_in_promise(i, slot, what & 128 ? thing[FENCE] : -1) != -ENOENT) ==
			     (has[slot] != NULL));
		else if ((what & 7) == 1) {
			NEED((fhc_in_release(i, slot) == 0) == (has[slot] != NULL));
			has[slot] = NULL;
		}
		err = fhc_in_next(i, &f);
		NEED(!end || err == end);
		end = err && err != -EAGAIN ? err : 0;
		for (unsigned int n = 0; n < FHC_SLOTS; n++)
			NEED(!has[n] || *has[n] == 0);
		if (err)
			continue;
		NEED(f.slot < FHC_SLOTS && !has[f.slot] && !fhc_in_map(i, f.slot, &at));
		has[f.slot] = at;
		if (f.fence >= 0)
			close(f.fence);
	}
	fhc_in_close(i);
	close(stranger);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int before = open_files();

	signal(SIGPIPE, SIG_IGN);
	in.at = data;
	in.end = data + size;
	make_things();
	if (byte() & 1)
		against_a_producer();
	else
		against_a_consumer();
	for (unsigned int i = 0; i < NR_THINGS; i++)
		close(thing[i]);
	NEED(open_files() == before);
	return 0;
}
