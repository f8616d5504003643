/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * producer PATH KIND: a program of freehold/frames.h that is not GStreamer's, for freeholdsrc to find there; 10 frames, or until its consumer goes.
 *
 * KIND plain: NV12 of 320x240; tiled: the same with a modifier; short: a format that the library does not know, in a buffer that it does not fit.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <freehold/frames.h>

static struct fhc_format format_of(const char *kind, uint64_t *size)
{
	struct fhc_format f;

	if (!strcmp(kind, "short")) {
		*size = 4096;
		return (struct fhc_format){.fourcc = FHC_FOURCC('P', '0', '1', '0'),
					   .width = 1920,
					   .height = 1080,
					   .nr_planes = 2,
					   .stride = {3840, 3840}};
	}
	(void)fhc_format_fill(&f, FHC_NV12, 320, 240, size);
	f.modifier = !strcmp(kind, "tiled");
	return f;
}

static int film(struct fhc_out *o)
{
	struct fhc_out_stats stats = {0};
	struct fhc_frame f = {.fence = -1};

	while (f.seq < 10 && !stats.left) {
		struct pollfd p = {.fd = fhc_out_fd(o), .events = POLLIN};

		if (fhc_out_dispatch(o) < 0)
			return 1;
		if (fhc_out_next(o) == 0 && fhc_out_send(o, &f) > 0) {
			f.seq++;
			(void)poll(NULL, 0, 10); /* frames are not all of one time */
		} else if (poll(&p, 1, 10000) <= 0) {
			return 1;
		}
		fhc_out_get_stats(o, &stats);
	}
	fhc_out_end(o);
	while (!stats.left && fhc_out_dispatch(o) >= 0) {
		(void)poll(NULL, 0, 10);
		fhc_out_get_stats(o, &stats);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct fhc_format format;
	struct fhc_buffer buf;
	struct fhc_out *o;
	struct fhc *c;
	uint64_t size;
	int fd, err;

	if (argc != 3)
		return 2;
	format = format_of(argv[2], &size);
	if (fhc_connect(NULL, "producer", &c) || fhc_out_create(&o) ||
	    fhc_alloc(c, "reserved", size, O_RDWR | O_CLOEXEC, &buf) ||
	    fhc_export(c, buf.id, O_RDONLY | O_CLOEXEC, &fd) ||
	    fhc_out_show(o, 0, &format, &buf, fd) || fhc_out_listen(o, argv[1]))
		return 1;
	err = film(o);
	fhc_out_close(o);
	fhc_close(c);
	return err;
}
