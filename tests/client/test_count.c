/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes written into buffers: by whom, by page, told to the server; and what is counted where the kernel cannot tell. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dma-buf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../client/fhc_in.h"
#include "../stress/lib/server.h"

#define P     UINT64_C(4096)
#define PAGES 64

static struct fhc *c;

struct mapped {
	struct fhc_buffer buf;
	char *at;
};

static struct mapped make(int prot)
{
	struct mapped m = {.buf = {.fd = -1}};
	void *at = NULL;
	int err = fhc_alloc(c, "system", PAGES * P, O_RDWR | O_CLOEXEC, &m.buf);

	if (!err)
		err = fhc_map(c, &m.buf, prot, &at);
	if (err) {
		printf("Bail out! no buffer: %s\n", strerror(-err));
		exit(1);
	}
	m.at = at;
	return m;
}

static void end(struct mapped *m)
{
	(void)fhc_unmap(c, m->at);
	(void)fhc_release(c, &m->buf);
}

/* Pages; -1: it does not say. */
static int64_t pages(const struct mapped *m)
{
	uint64_t bytes;

	return fhc_written(c, m->buf.id, &bytes) || bytes % P ? -1 : (int64_t)(bytes / P);
}

/* Whether a file of the read-outs has that text. */
static bool shows(const char *path, const char *text)
{
	static char all[1 << 16];
	size_t len;

	if (fhc_read(c, path, all, sizeof(all) - 1, &len))
		return false;
	all[len < sizeof(all) ? len : sizeof(all) - 1] = '\0';
	return strstr(all, text);
}

#define BUFFERS "sys/kernel/debug/freehold/buffers"
#define HOLDERS "sys/kernel/debug/freehold/holders"

static bool ask_usage(struct fhc_usage *u)
{
	return !fhc_get_usage(c, u);
}

static void a_copy_shows(void)
{
	struct mapped a = make(PROT_READ | PROT_WRITE), b = make(PROT_READ | PROT_WRITE);
	struct fhc_usage before = {0}, after = {0};
	char who[64];

	result(pages(&a) == 0 && pages(&b) == 0, "nothing is written yet");
	ask_usage(&before);
	memset(a.at, 7, a.buf.size);
	result(!fhc_sync(c, a.buf.id, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE) && ask_usage(&after) &&
		       after.written - before.written == a.buf.size,
	       "END tells what was written");
	memcpy(b.at, a.at, b.buf.size);
	result(pages(&a) == PAGES && pages(&b) == PAGES, "a copy counts where it goes to");
	snprintf(who, sizeof(who), "count(%d)*=%" PRIu64 "\n", (int)getpid(), PAGES * P);
	result(shows(BUFFERS, who), "the read-out of buffers has it");
	result(shows(HOLDERS, "pages  count\n"), "and that of holders");
	result(ask_usage(&after) && after.buffers == 2 && after.held == 2 * PAGES * P &&
		       after.charged == after.held && after.charged_peak >= after.charged &&
		       !after.limit,
	       "what this program has");
	end(&a);
	end(&b);
	result(ask_usage(&after) && !after.buffers && !after.held && !after.charged &&
		       after.charged_peak == 2 * PAGES * P &&
		       after.written - before.written == 2 * PAGES * P,
	       "its sum stays when they are gone");
}

static void *write_a_half(void *arg)
{
	memset(arg, 1, PAGES / 2 * P);
	return NULL;
}

/* Each of several threads writes while this one looks: no page is lost, none counts twice. */
static void of_threads(void)
{
	struct mapped a = make(PROT_READ | PROT_WRITE);
	pthread_t t[2];
	int64_t n = 0;

	for (unsigned int i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, write_a_half, a.at + i * (PAGES / 2 * P)))
			exit(1);
	for (unsigned int i = 0; i < 50 && n >= 0; i++)
		n = pages(&a);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	n = pages(&a);
	/* A page that is looked at while it is being written may be written again behind the look. */
	result(n >= PAGES && n <= PAGES + 100, "threads of this program");
	end(&a);
}

static void by_page(void)
{
	struct mapped a = make(PROT_READ | PROT_WRITE);
	volatile char *at = a.at;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), sum = 0;

	for (unsigned int i = 0; i < PAGES; i++)
		sum += at[i * P];
	result(!sum && pages(&a) == 0, "reading is not writing, also of pages that were not there");
	at[5 * P + 17] = 1;
	at[5 * P + 18] = 1;
	result(pages(&a) == 1, "a byte or two of a page count as the page");
	at[5 * P] = 2;
	result(pages(&a) == 2, "a page that is written again counts again");
	sum = at[5 * P];
	result(sum == 2 && pages(&a) == 2, "a page that was written is read: nothing");
	result(read(fd, a.at + 7 * P - 1, 2 * P) == 2 * (ssize_t)P && pages(&a) == 5,
	       "what the kernel writes for this program: three pages");
	close(fd);
	end(&a);
}

static void by_others(void)
{
	struct mapped a = make(PROT_READ | PROT_WRITE), b = make(PROT_READ);
	void *other = mmap(NULL, a.buf.size, PROT_READ | PROT_WRITE, MAP_SHARED, a.buf.fd, 0);
	pid_t child = fork();

	if (child == 0) {
		memset(a.at, 3, a.buf.size);
		_exit(a.at[0] == 3 ? 0 : 1);
	}
	waitpid(child, NULL, 0);
	result(a.at[P] == 3 && pages(&a) == 0, "a child's writes are not this program's");
	memset(other, 4, P);
	result(pages(&a) == 0, "another map's are not counted");
	a.at[0] = 1;
	result(pages(&a) == 1, "after a fork counting goes on");
	result(pages(&b) == 0 && shows(BUFFERS, "=0\n"), "who only looks is counted too: 0");
	munmap(other, a.buf.size);
	end(&a);
	end(&b);
}

static void on_and_off(void)
{
	struct mapped a = make(PROT_READ | PROT_WRITE);
	void *twice = NULL;

	a.at[0] = 1;
	result(!fhc_count_writes(c, true) && pages(&a) == 1, "on twice is on");
	a.at[P] = 1;
	result(!fhc_count_writes(c, false) && pages(&a) == 2, "off tells what was written");
	memset(a.at, 1, a.buf.size);
	result(pages(&a) == 2 && !fhc_count_writes(c, false), "off: nothing is counted");
	result(!fhc_count_writes(c, true) && pages(&a) == 2,
	       "on again: what is in the map counts from now on");
	a.at[2 * P] = 1;
	result(pages(&a) == 3, "and does");
	result(!fhc_map(c, &a.buf, PROT_READ | PROT_WRITE, &twice) && twice != a.at &&
		       !fhc_sync(c, a.buf.id, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW),
	       "mapped twice");
	((char *)twice)[0] = 1;
	a.at[P] = 1;
	result(!fhc_unmap(c, twice) && pages(&a) == 5, "either map counts");
	result(fhc_unmap(c, twice) == -EINVAL && fhc_unmap(c, a.at + P) == -EINVAL,
	       "what is no map's beginning cannot be unmapped");
	end(&a);
}

/* ---- two programs ---- */

static int write_and_die(const struct mapped *a)
{
	struct fhc *other;
	struct fhc_buffer b;
	uint64_t bytes = 0;
	void *at;
	int err = fhc_connect(server_path(), "dies", &other);

	if (!err)
		err = fhc_count_writes(other, true);
	if (!err)
		err = fhc_import(other, a->buf.fd, &b);
	if (!err)
		err = fhc_map(other, &b, PROT_READ | PROT_WRITE, &at);
	if (err)
		return 1;
	memset(at, 1, 3 * P);
	if (fhc_written(other, b.id, &bytes) || bytes != 3 * P)
		return 2;
	memset((char *)at + 10 * P, 1, 5 * P);
	return 0;
}

static void each_its_own(void)
{
	struct mapped a = make(PROT_READ | PROT_WRITE);
	char total[32];
	int status = -1;
	pid_t child;

	a.at[0] = 1;
	child = fork();
	if (child == 0)
		_exit(write_and_die(&a));
	waitpid(child, &status, 0);
	result(status == 0, "another program counts what it writes");
	result(pages(&a) == 1, "and this one its own");
	snprintf(total, sizeof(total), " %" PRIu64 "  system", 4 * P);
	result(shows(BUFFERS, total),
	       "of who died without END, the buffer's sum has what he had told");
	end(&a);
}

/* ---- a kernel that cannot tell ---- */

static void declared(void)
{
	struct mapped a, b;
	void *twice;

	(void)fhc_count_writes(c, false);
	c->blind = true;
	result(fhc_count_writes(c, true) == -EOPNOTSUPP && fhc_count_writes(c, true) == -EOPNOTSUPP,
	       "a kernel that cannot tell");
	a = make(PROT_READ | PROT_WRITE);
	b = make(PROT_READ);
	memset(a.at, 1, P);
	result(pages(&a) == 0, "nobody has said that anything was written");
	result(!fhc_sync(c, a.buf.id, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE) && pages(&a) == PAGES,
	       "what is said to be written counts whole");
	result(!fhc_sync(c, a.buf.id, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ) &&
		       !fhc_sync(c, a.buf.id, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE) &&
		       pages(&a) == PAGES,
	       "not with READ alone, not at its beginning");
	result(!fhc_map(c, &a.buf, PROT_READ | PROT_WRITE, &twice) &&
		       !fhc_sync(c, a.buf.id, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW) &&
		       pages(&a) == 2 * PAGES,
	       "once, however often it is mapped");
	result(shows(BUFFERS, "*~") && shows(HOLDERS, "whole  count\n"), "read-outs say so");
	(void)!fhc_sync(c, b.buf.id, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
	result(pages(&b) == 0, "a map for reading cannot have been written");
	(void)fhc_unmap(c, twice);
	end(&a);
	end(&b);
	(void)fhc_count_writes(c, false);
	c->blind = false;
}

/* ---- another descriptor ---- */

static void exported(void)
{
	struct mapped a = make(PROT_READ | PROT_WRITE);
	struct fhc *other = NULL;
	struct fhc_buffer b = {.fd = -1};
	uint64_t size = a.buf.size, id = a.buf.id;
	void *at;
	int fd = -1, more = -1;

	a.at[0] = 9;
	result(!fhc_export(c, id, O_RDONLY, &fd) && !(fcntl(fd, F_GETFD) & FD_CLOEXEC),
	       "another descriptor, to look");
	result(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
		       errno == EACCES,
	       "the kernel refuses a map for writing");
	result(!fhc_connect(server_path(), "other", &other) && !fhc_import(other, fd, &b) &&
		       b.id == id && fhc_map(other, &b, PROT_READ | PROT_WRITE, &at) == -EACCES &&
		       !fhc_map(other, &b, PROT_READ, &at) && *(char *)at == 9,
	       "who has it can look");
	result(fhc_export(other, id, O_RDWR | O_CLOEXEC, &more) == -EACCES &&
		       fhc_export(other, id, O_WRONLY | O_CLOEXEC, &more) == -EACCES &&
		       !fhc_export(other, id, O_RDONLY | O_CLOEXEC, &more),
	       "and pass on no more than that");
	result(fcntl(more, F_GETFD) & FD_CLOEXEC, "O_CLOEXEC as asked");
	end(&a);
	fhc_close(other);
	close(b.fd);
	result(server_used(c) == size, "a descriptor is left: its memory stays");
	close(more);
	result(server_used(c) == 0, "until that is closed");
}

int main(void)
{
	server_start("count", "128M", "8", NULL);
	if (fhc_connect(server_path(), "count", &c)) {
		printf("Bail out! no server\n");
		return 1;
	}
	if (fhc_count_writes(c, true)) {
		result(true, "pages # SKIP this kernel cannot tell which pages are written");
	} else {
		a_copy_shows();
		by_page();
		of_threads();
		by_others();
		on_and_off();
		each_its_own();
	}
	declared();
	exported();
	fhc_close(c);
	server_stop();
	return results();
}
