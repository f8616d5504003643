/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A fence of a driver of the kernel's (vgem) in a buffer of ours: its sync_file, imported, holds up who waits with the server, until the driver
 * signals. As root. $FREEHOLD.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../stress/lib/server.h"
#include "vgem.h"

static struct fhc *c;
static int card;

/* A buffer of the kernel's with vgem at work on it, and that as a sync_file; -1: no. */
static int at_work(uint32_t *fence)
{
	struct dma_heap_allocation_data a = {.len = 4096, .fd_flags = O_RDWR | O_CLOEXEC};
	struct dma_buf_export_sync_file e = {.flags = DMA_BUF_SYNC_READ, .fd = -1};
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	uint32_t handle;

	if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &a) || vgem_import(card, (int)a.fd, &handle) ||
	    vgem_attach(card, handle, fence) ||
	    ioctl((int)a.fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &e))
		return -1;
	close(heap);
	close((int)a.fd);
	return e.fd;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1 && p.revents & POLLIN;
}

/* Another client that waits for it; what it can read from tells when it is through. */
static pid_t waiter(const struct fhc_buffer *b, int *through)
{
	int done[2];
	pid_t pid;

	if (pipe(done))
		return -1;
	pid = fork();
	if (pid == 0) {
		struct fhc_buffer mine;
		struct fhc *w;

		close(card);
		if (fhc_connect(server_path(), "waiter", &w) || fhc_import(w, b->fd, &mine) ||
		    fhc_sync(w, mine.id, DMA_BUF_SYNC_READ))
			_exit(1);
		(void)!write(done[1], "x", 1);
		_exit(0);
	}
	close(done[1]);
	*through = done[0];
	return pid;
}

static void one(bool dies)
{
	struct fhc_buffer b;
	uint32_t fence = 0;
	int sync, through = -1, out = -1, status = 1;
	pid_t pid;

	sync = at_work(&fence);
	result(sync >= 0 && !readable(sync, 0), "vgem at work, as a sync_file");
	result(!fhc_alloc(c, "system", 4096, O_RDWR | O_CLOEXEC, &b) &&
		       !fhc_import_sync_file(c, b.id, DMA_BUF_SYNC_WRITE, sync),
	       "imported into a buffer of ours");
	close(sync);
	pid = waiter(&b, &through);
	result(!fhc_export_sync_file(c, b.id, DMA_BUF_SYNC_READ, &out) && !readable(out, 300) &&
		       !readable(through, 0),
	       "who reads waits");
	if (dies) /* its fences end with the file */
		close(card);
	else
		result(!vgem_signal(card, fence), "vgem signals");
	result(readable(out, 5000), "our fence is done");
	result(readable(through, 5000) && waitpid(pid, &status, 0) == pid && !status,
	       dies ? "the driver's file closed: the waiter is through" : "the waiter is through");
	close(out);
	close(through);
	fhc_release(c, &b);
}

int main(void)
{
	card = vgem_open();
	server_start("fence", "512M", "16", NULL);
	if (fhc_connect(server_path(), "fence", &c))
		return 2;
	one(false);
	one(true);
	result(!server_used(c), "all is back");
	fhc_close(c);
	server_stop();
	return results();
}
