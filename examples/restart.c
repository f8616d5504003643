/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Outliving the server: with fhc_keep() a program shows its buffers to the server that comes after.
 * When it says so, restart the server and press return.
 *
 * Prints:
 *	restart the server now
 *	fhc_get_info: Connection reset by peer
 *	the server of now knows it: 65536 bytes, 1 holder
 *	and the bytes are there: kept
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <freehold/client.h>

static void check(int err, const char *what)
{
	if (err)
		errx(1, "%s: %s", what, strerror(-err));
}

int main(void)
{
	struct fhc_buffer buf;
	struct fhc_info info;
	struct fhc *c;
	void *at;
	int err;

	check(fhc_connect(NULL, "camera", &c), "fhc_connect");
	fhc_keep(c, true);
	check(fhc_alloc(c, "system", 65536, O_RDWR | O_CLOEXEC, &buf), "fhc_alloc");
	check(fhc_map(c, &buf, PROT_READ | PROT_WRITE, &at), "fhc_map");
	strcpy(at, "kept");

	printf("restart the server now\n");
	fflush(stdout);
	getchar();

	/* The call that finds the server gone fails. The one after it connects again; until somebody is there, that fails, too. */
	err = fhc_get_info(c, buf.id, &info);
	printf("fhc_get_info: %s\n", strerror(-err));
	for (int i = 0; i < 500; i++) {
		err = fhc_get_info(c, buf.id, &info);
		if (!err)
			break;
		usleep(10000);
	}
	check(err, "fhc_get_info");
	printf("the server of now knows it: %" PRIu64 " bytes, %" PRIu64 " holder\n", info.size,
	       info.holders);
	printf("and the bytes are there: %s\n", (const char *)at);
	check(fhc_unmap(c, at), "fhc_unmap");
	check(fhc_release(c, &buf), "fhc_release");
	fhc_close(c);
	return 0;
}
