/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Frames between two ends in one process: who has which slot when, and who is slow. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "framestest.h"
#include "t.h"

static struct fhc_frame with_seq(uint32_t slot, uint64_t seq)
{
	return (struct fhc_frame){.slot = slot, .seq = seq, .fence = -1};
}

static void a_frame_goes_and_comes_back(void)
{
	struct frames_pair p = frames_pair(2, 0);
	struct fhc_frame f = with_seq(0, 7), got;
	struct fhc_format format;
	struct fhc_buffer buf;
	const void *at;
	int signal;

	f.time_ns = 99;
	f.user[7] = 5;
	T_EQ(fhc_fence(&f.fence, &signal), 0);
	T_EQ(fhc_in_next(p.in, &got), -EAGAIN);
	T_EQ(fhc_out_next(p.out), 0);
	T_EQ(fhc_out_send(p.out, &f), 1);
	close(f.fence);
	T_OK(!fhc_out_is_free(p.out, 0), "the consumer has it");
	T_EQ(fhc_out_send(p.out, &f), -EBUSY);
	T_NEED(!fhc_in_next(p.in, &got));
	T_OK(got.seq == 7 && got.time_ns == 99 && got.user[7] == 5 && got.fresh, "as it was sent");
	T_EQ(fhc_in_buffer(p.in, 0, &buf, &format), 0);
	T_EQ(format.width, FRAMES_WIDTH);
	T_EQ(fhc_fence_state(got.fence), 0);
	T_EQ(fhc_fence_wait(got.fence, 1), -ETIMEDOUT);
	p.bytes[0][100] = 42;
	fhc_signal(signal, 0);
	T_EQ(fhc_fence_wait(got.fence, 1000), 0);
	T_EQ(fhc_fence_state(got.fence), 1);
	T_EQ(fhc_fence_state(got.fence), 1);
	close(got.fence);
	T_NEED(!fhc_in_map(p.in, 0, &at));
	T_EQ(((const unsigned char *)at)[100], 42);
	T_EQ(fhc_out_dispatch(p.out), 0);
	T_EQ(fhc_in_release(p.in, 0), 0);
	T_EQ(fhc_in_release(p.in, 0), -ENOENT);
	T_OK(!fhc_out_is_free(p.out, 0), "nobody has looked yet");
	T_EQ(fhc_out_dispatch(p.out), 1);
	T_OK(fhc_out_is_free(p.out, 0), "it is back");
	T_EQ(fhc_out_next(p.out), 1); /* slots take turns */
	frames_pair_end(&p);
}

static void each_buffer_is_shown_once(void)
{
	struct frames_pair p = frames_pair(2, 0);
	struct fhc_frame f, got;

	for (uint64_t i = 0; i < 6; i++) {
		f = with_seq((uint32_t)i % 2, i);
		T_EQ(fhc_out_send(p.out, &f), 1);
		T_NEED(!fhc_in_next(p.in, &got));
		T_EQ(got.fresh, i < 2);
		T_EQ(fhc_in_release(p.in, got.slot), 0);
		T_EQ(fhc_out_dispatch(p.out), 1);
	}
	frames_pair_end(&p);
}

static void a_consumer_can_only_read(void)
{
	struct frames_pair p = frames_pair(1, 0);
	struct fhc_frame f = with_seq(0, 1), got;
	struct fhc_format format = frames_format(0);
	struct fhc_buffer buf;

	T_EQ(fhc_out_send(p.out, &f), 1);
	T_NEED(!fhc_in_next(p.in, &got));
	T_EQ(fhc_in_buffer(p.in, 0, &buf, &format), 0);
	T_OK(mmap(NULL, buf.size, PROT_READ | PROT_WRITE, MAP_SHARED, buf.fd, 0) == MAP_FAILED &&
		     errno == EACCES,
	     "the kernel refuses it a map for writing");
	buf.fd = frames_memfd(FRAMES_BYTES, true);
	T_EQ(fhc_out_show(p.out, 1, &format, &buf, dup(buf.fd)), -EACCES);
	close(buf.fd);
	/* What can shrink under a reader is no buffer. */
	buf.fd = frames_memfd(FRAMES_BYTES, false);
	T_EQ(fhc_out_show(p.out, 1, &format, &buf, frames_reading(buf.fd)), -EINVAL);
	close(buf.fd);
	T_EQ(fhc_out_show(p.out, FHC_SLOTS, &format, &buf, -1), -EINVAL);
	frames_pair_end(&p);
}

static void a_promise_holds_the_slot_until_it_is_kept(void)
{
	struct frames_pair p = frames_pair(1, 0);
	struct fhc_frame f = with_seq(0, 1), got;
	int fence, signal;

	T_EQ(fhc_in_promise(p.in, 0, -1), -ENOENT);
	T_EQ(fhc_out_send(p.out, &f), 1);
	T_NEED(!fhc_in_next(p.in, &got));
	T_EQ(fhc_in_promise(p.in, 0, -1), 0);
	T_EQ(fhc_in_promise(p.in, 0, -1), -EALREADY);
	T_EQ(fhc_out_dispatch(p.out), 1);
	T_EQ(fhc_out_next(p.out), -EAGAIN);
	T_EQ(fhc_in_release(p.in, 0), 0);
	T_EQ(fhc_out_dispatch(p.out), 1);
	T_EQ(fhc_out_next(p.out), 0);
	/* With a fence of somebody else: this side lets go first. */
	T_EQ(fhc_out_send(p.out, &f), 1);
	T_NEED(!fhc_in_next(p.in, &got));
	T_EQ(fhc_in_promise(p.in, 0, p.raw_memfd), -EINVAL);
	T_EQ(fhc_fence(&fence, &signal), 0);
	T_EQ(fhc_in_promise(p.in, 0, fence), 0);
	close(fence);
	T_EQ(fhc_in_release(p.in, 0), 0);
	T_EQ(fhc_out_dispatch(p.out), 1);
	T_EQ(fhc_out_next(p.out), -EAGAIN);
	/* Not even its death makes the promise void: whoever it is that reads, reads on. */
	fhc_in_close(p.in);
	p.in = NULL;
	T_EQ(fhc_out_dispatch(p.out), 1);
	T_EQ(fhc_out_next(p.out), -EAGAIN);
	fhc_signal(signal, -EIO);
	T_EQ(fhc_out_dispatch(p.out), 1);
	T_EQ(fhc_out_next(p.out), 0);
	frames_pair_end(&p);
}

static void of_the_dead_only_promises_stand(void)
{
	struct frames_pair p = frames_pair(2, 0);
	struct fhc_frame f = with_seq(0, 1), got;

	T_EQ(fhc_out_send(p.out, &f), 1);
	f = with_seq(1, 2);
	T_EQ(fhc_out_send(p.out, &f), 1);
	T_NEED(!fhc_in_next(p.in, &got) && !fhc_in_next(p.in, &got));
	T_EQ(fhc_in_promise(p.in, 1, frames_pending(&p)), 0);
	(void)fhc_out_dispatch(p.out);
	/* As a process that is killed: it says nothing more. */
	T_EQ(shutdown(frames_socket(), SHUT_RDWR), 0);
	(void)fhc_out_dispatch(p.out);
	T_OK(fhc_out_is_free(p.out, 0), "what it had");
	T_OK(!fhc_out_is_free(p.out, 1), "what somebody does for it");
	fhc_signal(p.signal, 0);
	p.signal = -1;
	(void)fhc_out_dispatch(p.out);
	T_OK(fhc_out_is_free(p.out, 1), "until it is done");
	frames_pair_end(&p);
}

static void who_is_slow_misses_frames_and_others_do_not(void)
{
	struct frames_pair p = frames_pair(3, 1);
	struct fhc_in *quick = frames_consumer(p.out, 0);
	struct fhc_out_stats stats;
	struct fhc_frame f, got;

	for (uint64_t i = 0; i < 4; i++) {
		int slot = fhc_out_next(p.out);

		T_NEED(slot >= 0);
		f = with_seq((uint32_t)slot, i);
		T_EQ(fhc_out_ready(p.out), i == 0);
		T_EQ(fhc_out_send(p.out, &f), i ? 1 : 2);
		T_NEED(!fhc_in_next(quick, &got));
		T_EQ(got.seq, i);
		T_EQ(fhc_in_release(quick, got.slot), 0);
		(void)fhc_out_dispatch(p.out);
	}
	T_NEED(!fhc_in_next(p.in, &got));
	T_EQ(got.seq, 0);
	T_EQ(fhc_in_release(p.in, got.slot), 0);
	(void)fhc_out_dispatch(p.out);
	T_OK(fhc_out_ready(p.out), "both would take one");
	fhc_out_get_stats(p.out, &stats);
	T_EQ(stats.sent, 5);
	T_EQ(stats.skipped, 3);
	fhc_in_close(quick);
	frames_pair_end(&p);
}

static void who_comes_late_sees_the_next_frame(void)
{
	struct frames_pair p = frames_pair(2, 0);
	struct fhc_frame f = with_seq(0, 1), got;
	struct fhc_in *late;

	T_EQ(fhc_out_send(p.out, &f), 1);
	late = frames_consumer(p.out, 0);
	T_EQ(fhc_in_next(late, &got), -EAGAIN);
	f = with_seq(1, 2);
	T_EQ(fhc_out_send(p.out, &f), 2);
	T_NEED(!fhc_in_next(late, &got));
	T_OK(got.seq == 2 && got.fresh, "with its buffer");
	fhc_in_close(late);
	frames_pair_end(&p);
}

static void the_format_may_change_in_mid_stream(void)
{
	struct frames_pair p = frames_pair(2, 0);
	struct fhc_frame f = with_seq(0, 1), got;
	struct fhc_format format = frames_format(1);
	struct fhc_buffer buf = {-1, 77, FRAMES_BYTES};
	const void *at, *after;

	T_EQ(fhc_out_send(p.out, &f), 1);
	T_NEED(!fhc_in_next(p.in, &got));
	T_EQ(fhc_in_map(p.in, 0, &at), 0);
	T_EQ(fhc_out_hide(p.out, 0), -EBUSY);
	T_EQ(fhc_out_show(p.out, 0, &format, &buf, frames_reading(p.fd[1])), -EBUSY);
	T_EQ(fhc_in_release(p.in, 0), 0);
	(void)fhc_out_dispatch(p.out);
	T_EQ(fhc_out_hide(p.out, 0), 0);
	T_EQ(fhc_out_hide(p.out, 0), -EINVAL);
	T_EQ(fhc_out_send(p.out, &f), -EINVAL);
	T_EQ(fhc_in_next(p.in, &got), -EAGAIN);
	T_EQ(fhc_in_map(p.in, 0, &after), -ENOENT);
	T_EQ(fhc_out_show(p.out, 0, &format, &buf, frames_reading(p.fd[0])), 0);
	f.seq = 2;
	T_EQ(fhc_out_send(p.out, &f), 1);
	T_NEED(!fhc_in_next(p.in, &got));
	T_OK(got.fresh, "another buffer");
	T_EQ(fhc_in_buffer(p.in, 0, &buf, &format), 0);
	T_EQ(buf.id, 77);
	T_EQ(format.width, FRAMES_WIDTH / 2);
	frames_pair_end(&p);
}

static void an_end_is_not_a_death(void)
{
	struct frames_pair p = frames_pair(1, 0);
	struct fhc_frame f = with_seq(0, 1), got;
	struct pollfd poller = {.fd = fhc_in_fd(p.in), .events = POLLIN};
	const void *at;

	T_EQ(fhc_out_send(p.out, &f), 1);
	fhc_out_end(p.out);
	T_EQ(fhc_out_send(p.out, &f), -EINVAL);
	T_NEED(!fhc_in_next(p.in, &got));
	T_EQ(fhc_in_next(p.in, &got), -ENODATA);
	T_EQ(fhc_in_next(p.in, &got), -ENODATA);
	T_EQ(poll(&poller, 1, 0), 1);
	/* What it has it keeps. */
	T_EQ(fhc_in_map(p.in, 0, &at), 0);
	T_EQ(((const unsigned char *)at)[1], 0);
	T_EQ(fhc_in_release(p.in, 0), 0);
	frames_pair_end(&p);

	p = frames_pair(1, 0);
	fhc_out_close(p.out);
	p.out = NULL;
	T_EQ(fhc_in_next(p.in, &got), -ECONNRESET);
	frames_pair_end(&p);
}

static void a_consumer_that_does_not_read_holds_up_nobody(void)
{
	struct frames_pair p = frames_pair_small(FHC_SLOTS);
	struct fhc_format format;
	struct fhc_buffer buf;
	struct fhc_frame f, got;
	int sent = 0, known = 0;

	for (uint32_t i = 0; i < FHC_SLOTS; i++) {
		f = with_seq(i, i);
		sent += fhc_out_send(p.out, &f);
	}
	T_OK(sent > 0 && sent < FHC_SLOTS, "what it has no room for it is not sent");
	for (int i = 0; i < sent; i++) {
		T_NEED(!fhc_in_next(p.in, &got));
		T_EQ(fhc_in_release(p.in, got.slot), 0);
		(void)fhc_out_dispatch(p.out);
	}
	for (uint32_t i = 0; i < FHC_SLOTS; i++) {
		f = with_seq(i, 100 + i);
		T_EQ(fhc_out_send(p.out, &f), 1);
		T_NEED(!fhc_in_next(p.in, &got));
		T_EQ(fhc_in_release(p.in, got.slot), 0);
		(void)fhc_out_dispatch(p.out);
	}
	/* Buffers go whether it hears of that or not. */
	for (uint32_t i = 0; i < FHC_SLOTS; i++)
		T_EQ(fhc_out_hide(p.out, i), 0);
	T_OK(!fhc_out_ready(p.out), "it has not been told all");
	for (unsigned int i = 0; i < FHC_SLOTS; i++) {
		T_EQ(fhc_in_next(p.in, &got), -EAGAIN);
		(void)fhc_out_dispatch(p.out);
	}
	for (uint32_t i = 0; i < FHC_SLOTS; i++)
		known += !fhc_in_buffer(p.in, i, &buf, &format);
	T_EQ(known, 0);
	T_OK(fhc_out_ready(p.out), "and then it has");
	frames_pair_end(&p);
}

static void answers_that_find_no_room_come_later(void)
{
	struct frames_pair p = frames_pair_small(FHC_SLOTS);
	struct fhc_frame f, got;
	unsigned int had = 0;
	int sent = 0, signal, fence;

	for (uint32_t i = 0; i < FHC_SLOTS; i++) {
		f = with_seq(i, i);
		sent += fhc_out_send(p.out, &f);
		while (!fhc_in_next(p.in, &got)) {
			had++;
			if (got.slot % 3 == 0)
				T_EQ(fhc_in_promise(p.in, got.slot, -1), 0);
			if (got.slot % 3 == 1) {
				T_EQ(fhc_fence(&fence, &signal), 0);
				T_EQ(fhc_in_promise(p.in, got.slot, fence), 0);
				close(fence);
				close(signal);
			}
			T_EQ(fhc_in_release(p.in, got.slot), 0);
		}
	}
	T_EQ(had, FHC_SLOTS);
	T_EQ(sent, FHC_SLOTS);
	for (unsigned int i = 0; i < 100; i++) {
		(void)fhc_out_dispatch(p.out);
		(void)fhc_in_next(p.in, &got);
	}
	for (uint32_t i = 0; i < FHC_SLOTS; i++)
		T_OK(fhc_out_is_free(p.out, i), "all came back");
	frames_pair_end(&p);
}

static void a_ring_has_so_many_consumers(void)
{
	struct frames_pair p = frames_pair(1, 0);
	struct fhc_in *in[FHC_CONSUMERS] = {NULL};
	struct fhc_frame f = with_seq(0, 1), got;

	for (unsigned int i = 0; i < FHC_CONSUMERS - 1; i++) {
		in[i] = frames_consumer(p.out, 0);
		T_NEED(in[i]);
	}
	in[FHC_CONSUMERS - 1] = frames_consumer(p.out, 0);
	T_NEED(in[FHC_CONSUMERS - 1]);
	T_EQ(fhc_in_next(in[FHC_CONSUMERS - 1], &got), -EUSERS);
	/* A place of one that left a promise behind is another's when there is no other. */
	T_EQ(fhc_out_send(p.out, &f), FHC_CONSUMERS);
	T_NEED(!fhc_in_next(in[0], &got));
	T_EQ(fhc_in_promise(in[0], 0, frames_pending(&p)), 0);
	fhc_in_close(in[0]);
	in[0] = NULL;
	(void)fhc_out_dispatch(p.out);
	fhc_in_close(in[FHC_CONSUMERS - 1]);
	in[FHC_CONSUMERS - 1] = frames_consumer(p.out, 0);
	T_EQ(fhc_in_next(in[FHC_CONSUMERS - 1], &got), -EAGAIN);
	for (unsigned int i = 0; i < FHC_CONSUMERS; i++)
		fhc_in_close(in[i]);
	fhc_in_close(p.in);
	p.in = NULL;
	(void)fhc_out_dispatch(p.out);
	T_OK(fhc_out_is_free(p.out, 0), "nobody is left");
	frames_pair_end(&p);
}

static void who_cannot_be_let_in_keeps_nobody_waiting(void)
{
	struct frames_pair p = frames_pair(1, 0);
	struct fhc_frame f = with_seq(0, 1), got;
	struct rlimit old, none;
	struct fhc_in *other;
	char path[64];

	snprintf(path, sizeof(path), "/tmp/test-frames-%d", (int)getpid());
	T_NEED(!fhc_out_listen(p.out, path) && !getrlimit(RLIMIT_NOFILE, &old));
	T_EQ(fhc_out_send(p.out, &f), 1);
	T_NEED(!fhc_in_next(p.in, &got) && !fhc_in_connect(path, "other", 0, &other));
	T_EQ(fhc_in_release(p.in, 0), 0);
	none = old;
	none.rlim_cur = 3; /* this process has more already */
	T_NEED(!setrlimit(RLIMIT_NOFILE, &none));
	T_EQ(fhc_out_dispatch(p.out), -EMFILE);
	T_OK(fhc_out_is_free(p.out, 0), "what came behind the other is heard");
	T_NEED(!setrlimit(RLIMIT_NOFILE, &old));
	T_OK(fhc_out_dispatch(p.out) > 0, "now it comes in");
	T_EQ(fhc_out_send(p.out, &f), 2);
	fhc_in_close(other);
	frames_pair_end(&p);
}

static void a_socket_of_a_name(void)
{
	char dir[] = "/tmp/frames-XXXXXX", path[64], longer[200];
	struct fhc_out *o, *other;
	struct fhc_in *in;
	struct fhc_frame f;
	struct stat st;

	T_NEED(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/s", dir);
	memset(longer, 'x', sizeof(longer));
	longer[199] = '\0';
	T_EQ(fhc_in_connect(path, "t", 0, &in), -ENOENT);
	T_NEED(!fhc_out_create(&o) && !fhc_out_create(&other));
	T_EQ(fhc_out_listen(o, longer), -ENAMETOOLONG);
	T_EQ(fhc_out_listen(o, path), 0);
	T_EQ(fhc_out_listen(o, path), -EALREADY);
	T_EQ(stat(path, &st), 0);
	T_EQ(st.st_mode & 0777, 0600);
	T_EQ(fhc_out_listen(other, path), -EADDRINUSE);
	T_EQ(fhc_in_connect(path, "a name that is longer than 31 bytes", 0, &in), -EINVAL);
	T_EQ(fhc_in_connect(path, "t", 0, &in), 0);
	T_OK(fhc_out_dispatch(o) > 0, "it has come");
	fhc_out_end(o);
	T_EQ(fhc_in_next(in, &f), -ENODATA);
	fhc_in_close(in);
	/* One that nobody answers is in nobody's way. */
	fhc_out_close(o);
	T_EQ(stat(path, &st), -1);
	T_EQ(frames_stale(path), 0);
	T_EQ(fhc_out_listen(other, path), 0);
	fhc_out_close(other);
	rmdir(dir);
}

static void sizes_of_pictures(void)
{
	struct fhc_format f;
	uint64_t size;

	T_EQ(fhc_format_fill(&f, FHC_NV12, 1920, 1080, &size), 0);
	T_EQ(size, 3110400);
	T_EQ(f.offset[1], 1920 * 1080);
	T_OK(fhc_format_fits(&f, size) && !fhc_format_fits(&f, size - 1), "to the byte");
	f.offset[1] = UINT32_MAX;
	T_OK(!fhc_format_fits(&f, size), "behind the end");
	T_EQ(fhc_format_fill(&f, FHC_FOURCC('Y', 'U', '1', '2'), 64, 32, &size), 0);
	T_EQ(size, 64 * 32 * 3 / 2);
	T_EQ(f.offset[2], 64 * 32 * 5 / 4);
	T_EQ(fhc_format_fill(&f, FHC_FOURCC('X', 'R', '2', '4'), 5, 3, &size), 0);
	T_EQ(size, 60);
	T_EQ(fhc_format_fill(&f, FHC_NV12, 5, 4, &size), -EINVAL);
	T_EQ(fhc_format_fill(&f, FHC_NV12, 0, 4, &size), -EINVAL);
	T_EQ(fhc_format_fill(&f, FHC_NV12, 65538, 4, &size), -EINVAL);
	T_EQ(fhc_format_fill(&f, 1, 4, 4, &size), -EOPNOTSUPP);
	f = (struct fhc_format){.fourcc = FHC_NV12, .width = 4, .height = 4, .nr_planes = 1};
	f.stride[0] = 4;
	T_OK(!fhc_format_fits(&f, 4096), "a plane is missing");
}

const struct t_case t_cases[] = {
	T(a_frame_goes_and_comes_back),
	T(each_buffer_is_shown_once),
	T(a_consumer_can_only_read),
	T(a_promise_holds_the_slot_until_it_is_kept),
	T(of_the_dead_only_promises_stand),
	T(who_is_slow_misses_frames_and_others_do_not),
	T(who_comes_late_sees_the_next_frame),
	T(the_format_may_change_in_mid_stream),
	T(an_end_is_not_a_death),
	T(a_consumer_that_does_not_read_holds_up_nobody),
	T(answers_that_find_no_room_come_later),
	T(a_ring_has_so_many_consumers),
	T(who_cannot_be_let_in_keeps_nobody_waiting),
	T(a_socket_of_a_name),
	T(sizes_of_pictures),
	T_END,
};
