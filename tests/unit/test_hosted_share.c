/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers on the hosted platform: a memfd each, what another program sees of it, what it cannot do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <freehold/heap.h>
#include <freehold/hosted.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "buf/heap_buffer.h"
#include "state.h"
#include "t.h"
#include "testplat.h"

#define MIB UINT64_C(0x100000)

static struct hosted *h;
static struct fh_machine *m;
static char said[512];

static void hear(void *arg, int level, const char *line)
{
	(void)arg;
	if (level == PLAT_LOG_WARN && strstr(line, "buffers:"))
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", line);
}

static bool start_on(struct hosted_opts opts)
{
	struct boot_config *cfg = testplat_config(64, 16, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);
	struct hosted_why why = {""};
	bool ok;

	said[0] = '\0';
	opts.banks = cfg->bank;
	opts.nr_banks = cfg->nr_banks;
	opts.log = hear;
	m = NULL;
	hosted_cpu_set(0);
	ok = T_OK(!hosted_create(&opts, &h, &why), why.text) &&
	     T_EQ(fh_machine_create(hosted_plat(h), cfg, &m), 0);
	free(cfg);
	return ok;
}

static bool start(void)
{
	return start_on((struct hosted_opts){0});
}

static void check(void)
{
	char why[512];

	T_OK(!fh_check(m, why, sizeof(why)), why);
}

static void end(void)
{
	fh_cpu_quiesce(m);
	check();
	fh_machine_destroy(m);
	hosted_destroy(h);
}

static struct dma_buf *alloc(const char *heap, uint64_t bytes)
{
	struct dma_buf *buf = NULL;

	T_EQ(dma_heap_alloc(dma_heap_find(m, heap), bytes, NULL, &buf), 0);
	return buf;
}

/* Another program's view: an open file of its own, mapped; NULL: it cannot. */
static unsigned char *other(struct dma_buf *buf, int prot)
{
	int fd = hosted_share_export(dma_heap_shared(buf), O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, buf->size, prot, MAP_SHARED, fd, 0);

	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static bool all(const unsigned char *p, uint64_t n, unsigned char byte)
{
	for (uint64_t i = 0; i < n; i++)
		if (p[i] != byte)
			return false;
	return true;
}

/* How many mappings this process has of files of that name. */
static unsigned int mapped(const char *name)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned int n = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, name) != NULL;
	if (f)
		fclose(f);
	return n;
}

static void sealed(void)
{
	struct dma_buf *buf;
	struct stat st;
	char path[64], name[128] = "";
	int fd;

	T_NEED(start());
	buf = alloc("system", 3 * FH_PAGE_SIZE);
	T_NEED(buf);
	fd = hosted_share_fd(dma_heap_shared(buf));
	T_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	T_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	T_EQ(fstat(fd, &st), 0);
	T_EQ(st.st_size, 3 * FH_PAGE_SIZE);
	T_EQ(ftruncate(fd, 4 * FH_PAGE_SIZE), -1);
	T_EQ(ftruncate(fd, FH_PAGE_SIZE), -1);
	T_EQ(pwrite(fd, "x", 1, 3 * FH_PAGE_SIZE), -1);
	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T_OK(readlink(path, name, sizeof(name) - 1) > 0 && strstr(name, "/memfd:freehold:"), name);
	dma_buf_put(buf);
	end();
}

/* Neither another's bytes, nor a former owner's. */
static void alone(void)
{
	struct dma_buf *a, *b;
	unsigned char *see_a, *see_b;
	void *cpu;

	T_NEED(start());
	for (unsigned int i = 0; i < 2; i++) {
		const char *heap = i ? "area" : "system";

		a = alloc(heap, 40 * FH_PAGE_SIZE);
		b = alloc(heap, 40 * FH_PAGE_SIZE);
		T_NEED(a && b);
		see_a = other(a, PROT_READ | PROT_WRITE);
		see_b = other(b, PROT_READ | PROT_WRITE);
		T_NEED(see_a && see_b);
		T_OK(all(see_a, a->size, 0), "zero");
		memset(see_a, 0xaa, a->size);
		T_EQ(dma_buf_vmap(b, &cpu), 0);
		T_OK(all(cpu, b->size, 0), "the machine sees its own");
		memset(cpu, 0xbb, b->size);
		T_OK(all(see_a, a->size, 0xaa) && all(see_b, b->size, 0xbb), "and only that");
		dma_buf_vunmap(b);
		check();
		dma_buf_put(a);
		dma_buf_put(b);
		T_OK(all(see_a, 40 * FH_PAGE_SIZE, 0xaa), "who has it keeps it");
		a = alloc(heap, 40 * FH_PAGE_SIZE);
		T_EQ(dma_buf_vmap(a, &cpu), 0);
		T_OK(all(cpu, a->size, 0), "zero after reuse");
		memset(cpu, 0xcc, a->size);
		dma_buf_vunmap(a);
		T_OK(all(see_a, a->size, 0xaa) && all(see_b, a->size, 0xbb),
		     "and no longer theirs");
		munmap(see_a, 40 * FH_PAGE_SIZE);
		munmap(see_b, 40 * FH_PAGE_SIZE);
		dma_buf_put(a);
	}
	T_EQ(mapped("memfd:freehold:"), 0);
	end();
}

/* Nothing is mapped before the machine needs it; then the linear map shows it, to devices as well. */
static void shown_late(void)
{
	struct dma_buf_attachment *att;
	struct device dev = {0};
	struct sg_table *sgt;
	struct dma_buf *buf;
	unsigned char *see, byte = 0;

	T_NEED(start());
	dev.machine = m;
	buf = alloc("area", MIB);
	see = other(buf, PROT_READ | PROT_WRITE);
	T_NEED(see);
	see[MIB - 1] = 0x77;
	T_EQ(mapped("memfd:freehold:"), 1);
	T_EQ(dma_buf_attach(buf, &dev, &att), 0);
	T_EQ(dma_buf_map_attachment_unlocked(att, DMA_BIDIRECTIONAL, &sgt), 0);
	T_EQ(mapped("memfd:freehold:"), 2);
	T_EQ(hosted_bus_read(h, (phys_t){sgt->sgl[0].dma_address.v + MIB - 1}, &byte, 1), 0);
	T_EQ(byte, 0x77);
	byte = 0x11;
	T_EQ(hosted_bus_write(h, (phys_t){sgt->sgl[0].dma_address.v}, &byte, 1), 0);
	T_EQ(see[0], 0x11);
	dma_buf_unmap_attachment_unlocked(att, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(buf, att);
	dma_buf_put(buf);
	T_EQ(mapped("memfd:freehold:"), 1);
	munmap(see, MIB);
	end();
}

/* In a tenant's space, and at an address of the machine's own: the object, in the order of the buffer. */
static void all_views(void)
{
	struct hosted_space *hs;
	struct fh_space *space;
	struct hosted_stats st;
	struct dma_buf *buf;
	unsigned char *see;
	volatile unsigned char *user;
	void *cpu;

	T_NEED(start());
	T_NEED(!hosted_space_create(h, 600, &hs));
	T_NEED(!fh_space_create(m, hs, &space));
	hosted_space_attach(hs, space);
	user = hosted_space_base(hs);
	buf = alloc("system", 300 * FH_PAGE_SIZE);
	see = other(buf, PROT_READ | PROT_WRITE);
	T_NEED(see);
	for (unsigned int i = 0; i < 300; i++)
		see[i * FH_PAGE_SIZE] = (unsigned char)(i * 7);
	T_EQ(dma_buf_mmap(buf, space, hosted_space_va(hs) + 10, (struct range){5, 300}), 0);
	for (unsigned int i = 5; i < 300; i++)
		if (user[(i + 5) * FH_PAGE_SIZE] != (unsigned char)(i * 7)) {
			T_EQ(user[(i + 5) * FH_PAGE_SIZE], (unsigned char)(i * 7));
			break;
		}
	user[10 * FH_PAGE_SIZE + 1] = 0x55;
	T_EQ(see[5 * FH_PAGE_SIZE + 1], 0x55);
	T_EQ(dma_buf_vmap(buf, &cpu), 0);
	T_OK(!memcmp(cpu, see, buf->size), "the same");
	dma_buf_vunmap(buf);
	dma_buf_munmap(buf, space, hosted_space_va(hs) + 10, (struct range){5, 300});
	dma_buf_put(buf);
	munmap(see, 300 * FH_PAGE_SIZE);
	fh_space_destroy(space);
	hosted_space_destroy(hs);
	hosted_stats(h, &st);
	T_EQ(st.mappings, 0);
	end();
}

static bool is_at(struct dma_buf *buf, pfn_t pfn)
{
	struct range run;

	return dma_heap_runs(buf, &run, 1) == 1 && run.start == pfn;
}

/* Four buffers of 4 MiB fill the area; two that do not lie together go. There is no hole of 8 MiB, unless one moves. */
static bool fill_area(struct dma_buf *buf[4], unsigned char *see[4], struct range run[4])
{
	for (unsigned int i = 0; i < 4; i++) {
		buf[i] = alloc("area", 4 * MIB);
		see[i] = buf[i] ? other(buf[i], PROT_READ | PROT_WRITE) : NULL;
		if (!see[i] || dma_heap_runs(buf[i], &run[i], 1) != 1)
			return false;
		memset(see[i], (int)(0x10 + i), 4 * MIB);
	}
	/* By address. */
	for (unsigned int i = 1; i < 4; i++)
		if (!T_OK(run[i].start > run[i - 1].start, "from the lower end"))
			return false;
	dma_buf_put(buf[0]);
	dma_buf_put(buf[2]);
	return true;
}

static void idle_ones_move(void)
{
	unsigned char *see[4];
	struct dma_buf *buf[4], *large;
	struct range run[4];
	void *cpu;

	for (unsigned int seen = 0; seen < 2; seen++) {
		T_NEED(start() && fill_area(buf, see, run));
		if (seen) { /* shown before it moves */
			T_EQ(dma_buf_vmap(buf[1], &cpu), 0);
			dma_buf_vunmap(buf[1]);
		}
		large = alloc("area", 8 * MIB);
		T_NEED(large);
		T_OK(!is_at(buf[1], run[1].start) || !is_at(buf[3], run[3].start), "one moved");
		check();
		for (unsigned int i = 1; i < 4; i += 2) {
			T_OK(all(see[i], 4 * MIB, (unsigned char)(0x10 + i)), "its bytes");
			see[i][100] = 0x99;
			T_EQ(dma_buf_vmap(buf[i], &cpu), 0);
			T_EQ(((unsigned char *)cpu)[100], 0x99);
			T_EQ(((unsigned char *)cpu)[101], 0x10 + i);
			dma_buf_vunmap(buf[i]);
		}
		T_EQ(dma_buf_vmap(large, &cpu), 0);
		T_OK(all(cpu, 8 * MIB, 0), "zero");
		dma_buf_vunmap(large);
		dma_buf_put(large);
		dma_buf_put(buf[1]);
		dma_buf_put(buf[3]);
		for (unsigned int i = 0; i < 4; i++)
			munmap(see[i], 4 * MIB);
		end();
	}
}

/* Who has a static importer, an address, or a fence at work stays; when that is over it goes. */
static void busy_ones_stay(void)
{
	struct dma_buf_attachment *att[2];
	unsigned char *see[4];
	struct dma_buf *buf[4], *large = NULL;
	struct sg_table *sgt[2];
	struct device dev = {0};
	struct range run[4];

	T_NEED(start() && fill_area(buf, see, run));
	dev.machine = m;
	for (unsigned int i = 0; i < 2; i++) {
		T_EQ(dma_buf_attach(buf[1 + 2 * i], &dev, &att[i]), 0);
		T_EQ(dma_buf_map_attachment_unlocked(att[i], DMA_TO_DEVICE, &sgt[i]), 0);
	}
	T_EQ(dma_heap_alloc(dma_heap_find(m, "area"), 8 * MIB, NULL, &large), -FH_ENOMEM);
	T_OK(is_at(buf[1], run[1].start) && is_at(buf[3], run[3].start), "neither moved");
	check();
	dma_buf_unmap_attachment_unlocked(att[0], sgt[0], DMA_TO_DEVICE);
	dma_heap_set_movable(buf[1], false);
	T_EQ(dma_heap_alloc(dma_heap_find(m, "area"), 8 * MIB, NULL, &large), -FH_ENOMEM);
	dma_heap_set_movable(buf[1], true);
	T_EQ(dma_heap_alloc(dma_heap_find(m, "area"), 8 * MIB, NULL, &large), 0);
	T_OK(!is_at(buf[1], run[1].start) && is_at(buf[3], run[3].start), "only the idle one");
	T_OK(all(see[1], 4 * MIB, 0x11), "its bytes");
	check();
	dma_buf_unmap_attachment_unlocked(att[1], sgt[1], DMA_TO_DEVICE);
	for (unsigned int i = 0; i < 2; i++) {
		dma_buf_detach(buf[1 + 2 * i], att[i]);
		dma_buf_put(buf[1 + 2 * i]);
	}
	if (large)
		dma_buf_put(large);
	for (unsigned int i = 0; i < 4; i++)
		munmap(see[i], 4 * MIB);
	end();
}

/* ---- descriptors ---- */

static void exports(void)
{
	struct dma_buf *buf;
	int fd;
	char byte = 'x';

	T_NEED(start());
	buf = alloc("system", FH_PAGE_SIZE);
	fd = hosted_share_export(dma_heap_shared(buf), O_RDONLY | O_CLOEXEC);
	T_OK(fd >= 0, "an open of its own");
	T_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	T_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	T_EQ(pwrite(fd, &byte, 1, 0), -1);
	T_OK(mmap(NULL, FH_PAGE_SIZE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED, "read only");
	T_EQ(lseek(fd, 100, SEEK_SET), 100);
	T_EQ(lseek(hosted_share_fd(dma_heap_shared(buf)), 0, SEEK_CUR), 0);
	close(fd);
	fd = hosted_share_export(dma_heap_shared(buf), O_RDWR);
	T_EQ(fcntl(fd, F_GETFD), 0);
	close(fd);
	T_EQ(hosted_share_export(dma_heap_shared(buf), O_RDWR | O_TRUNC), -FH_EINVAL);
	T_EQ(hosted_share_export(dma_heap_shared(buf), O_ACCMODE), -FH_EINVAL);
	dma_buf_put(buf);
	end();
}

/* A server before this one left a memfd: the buffer has its bytes. */
static void adopts(void)
{
	int fd = memfd_create("freehold:9", MFD_ALLOW_SEALING | MFD_CLOEXEC), plain;
	struct dma_buf *a, *b;
	unsigned char *see;

	T_NEED(start());
	plain = memfd_create("other", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	T_EQ(ftruncate(plain, 2 * FH_PAGE_SIZE), 0);
	T_EQ(hosted_share_adopt(h, plain), -FH_EINVAL);
	close(plain);
	T_EQ(ftruncate(fd, 2 * FH_PAGE_SIZE), 0);
	T_EQ(pwrite(fd, "kept", 4, FH_PAGE_SIZE), 4);
	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), 0);
	T_EQ(hosted_share_adopt(h, fd), 0);
	a = alloc("system", FH_PAGE_SIZE);
	b = alloc("system", 2 * FH_PAGE_SIZE);
	T_NEED(a && b);
	T_OK(hosted_share_fd(dma_heap_shared(a)) != fd, "of another size");
	T_EQ(hosted_share_fd(dma_heap_shared(b)), fd);
	see = other(b, PROT_READ);
	T_OK(see && !memcmp(see + FH_PAGE_SIZE, "kept", 4), "its bytes");
	if (see)
		munmap(see, b->size);
	dma_buf_put(a);
	dma_buf_put(b);
	T_EQ(fcntl(fd, F_GETFD), -1);
	fd = memfd_create("freehold:10", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	T_EQ(ftruncate(fd, FH_PAGE_SIZE), 0);
	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), 0);
	T_EQ(hosted_share_adopt(h, fd), 0);
	T_EQ(hosted_share_adopt(h, -1), 0);
	T_EQ(fcntl(fd, F_GETFD), -1);
	end();
}

/* Of what is no DMA-BUF nothing is known; of others scripts/test-vm asks. */
static void no_dmabuf(void)
{
	struct dma_buf *buf;
	int fd;

	T_NEED(start());
	buf = alloc("system", FH_PAGE_SIZE);
	T_NEED(buf);
	fd = hosted_share_export(dma_heap_shared(buf), O_RDWR | O_CLOEXEC);
	T_EQ(hosted_share_dmabuf(dma_heap_shared(buf)), -1);
	T_EQ(hosted_dmabuf_others(fd), -FH_EINVAL);
	T_OK(!hosted_dmabuf_like(fd, fd), "a memfd is none");
	T_EQ(close(fd), 0);
	T_EQ(hosted_dmabuf_others(fd), -FH_EINVAL);
	T_OK(!hosted_dmabuf_like(fd, fd), "nor is what is closed");
	dma_buf_put(buf);
	end();
}

/* Where the host has none, memfds, and one line in the log. */
static void other_backings(void)
{
	for (enum hosted_backing b = HOSTED_HUGETLB; b <= HOSTED_UDMABUF; b++) {
		struct dma_buf *buf[2];
		unsigned char *see;
		void *cpu;
		const char *nl;

		T_NEED(start_on((struct hosted_opts){.backing = b}));
		/* Huge pages can stand where blocks begin. */
		T_EQ(((uintptr_t)h->ram - (h->bank[0].start << FH_PAGE_SHIFT)) % (2 * MIB), 0);
		buf[0] = alloc("area", 4 * MIB);
		buf[1] = alloc("area", 12 * MIB - FH_PAGE_SIZE);
		for (unsigned int i = 0; i < 2; i++) {
			T_NEED(buf[i]);
			see = other(buf[i], PROT_READ | PROT_WRITE);
			T_NEED(see);
			see[buf[i]->size - 1] = 0x42;
			T_EQ(dma_buf_vmap(buf[i], &cpu), 0);
			T_EQ(((unsigned char *)cpu)[buf[i]->size - 1], 0x42);
			dma_buf_vunmap(buf[i]);
			munmap(see, buf[i]->size);
		}
		nl = strchr(said, '\n');
		T_OK(!nl || !nl[1], said);
		check();
		dma_buf_put(buf[0]);
		dma_buf_put(buf[1]);
		end();
	}
}

/* ---- refusals of the host ---- */

static void no_room_to_show(void)
{
	struct dma_buf *a, *b, *c;
	struct hosted_stats st;
	void *cpu;

	T_NEED(start_on((struct hosted_opts){.max_mappings = 4}));
	a = alloc("area", FH_PAGE_SIZE);
	b = alloc("area", FH_PAGE_SIZE);
	c = alloc("area", FH_PAGE_SIZE);
	T_NEED(a && b && c);
	T_EQ(dma_buf_vmap(a, &cpu), 0);
	T_EQ(dma_buf_vmap(b, &cpu), 0);
	T_EQ(dma_buf_vmap(c, &cpu), -FH_ENOMEM);
	hosted_stats(h, &st);
	T_EQ(st.mappings, 4);
	check();
	dma_buf_vunmap(a);
	dma_buf_put(a);
	T_EQ(dma_buf_vmap(c, &cpu), 0);
	T_EQ(*(char *)cpu, 0);
	dma_buf_vunmap(c);
	dma_buf_vunmap(b);
	dma_buf_put(b);
	dma_buf_put(c);
	hosted_stats(h, &st);
	T_EQ(st.mappings, 0);
	end();
}

/* ---- caches ---- */

/* A program's stores are a CPU's: a device that does not snoop sees them after end_cpu_access, and the program the device's after
 * begin. Nothing of the frames' last owner comes up. */
static void with_caches(void)
{
	struct hosted_opts opts = {.cache_line = 64, .cache_size = 4096, .cache_seed = 7};
	static unsigned char line[FH_PAGE_SIZE];
	struct dma_buf_attachment *att;
	struct device dev = {0};
	struct sg_table *sgt;
	struct dma_buf *buf;
	unsigned char *see;

	T_NEED(start_on(opts));
	dev.machine = m;
	for (unsigned int round = 0; round < 3; round++) {
		buf = alloc("area", 16 * FH_PAGE_SIZE);
		see = other(buf, PROT_READ | PROT_WRITE);
		T_NEED(see);
		T_EQ(dma_buf_attach(buf, &dev, &att), 0);
		T_EQ(dma_buf_map_attachment_unlocked(att, DMA_BIDIRECTIONAL, &sgt), 0);
		T_EQ(hosted_bus_read(h, (phys_t){sgt->sgl[0].dma_address.v}, line, sizeof(line)),
		     0);
		T_OK(all(line, sizeof(line), 0), "a device sees zeros");
		T_OK(all(see, buf->size, 0), "a program sees zeros");
		T_EQ(dma_buf_begin_cpu_access(buf, DMA_BIDIRECTIONAL, 0), 0);
		memset(see, 0xa0, buf->size);
		T_EQ(dma_buf_end_cpu_access(buf, DMA_BIDIRECTIONAL), 0);
		T_EQ(hosted_bus_read(h, (phys_t){sgt->sgl[0].dma_address.v}, line, sizeof(line)),
		     0);
		T_OK(all(line, sizeof(line), 0xa0), "what the program wrote");
		memset(line, 0xd0, sizeof(line));
		T_EQ(hosted_bus_write(h, (phys_t){sgt->sgl[0].dma_address.v}, line, sizeof(line)),
		     0);
		T_EQ(dma_buf_begin_cpu_access(buf, DMA_FROM_DEVICE, 0), 0);
		T_OK(all(see, sizeof(line), 0xd0), "what the device wrote");
		T_OK(all(see + sizeof(line), buf->size - sizeof(line), 0xa0), "and the rest");
		T_EQ(dma_buf_end_cpu_access(buf, DMA_FROM_DEVICE), 0);
		memset(line, 0xee, sizeof(line));
		T_EQ(hosted_bus_write(h, (phys_t){sgt->sgl[0].dma_address.v + FH_PAGE_SIZE}, line,
				      sizeof(line)),
		     0); /* and nobody fetches it */
		dma_buf_unmap_attachment_unlocked(att, sgt, DMA_BIDIRECTIONAL);
		dma_buf_detach(buf, att);
		dma_buf_put(buf);
		munmap(see, 16 * FH_PAGE_SIZE);
	}
	end();
}

/* Whether no open is left but the machine's. */
static bool nobody(struct dma_buf *buf)
{
	int fd = hosted_share_open(dma_heap_shared(buf));

	if (fcntl(fd, F_SETLEASE, F_WRLCK))
		return false;
	return T_EQ(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
}

/* What was prepared is a buffer like any: zero, sealed, of its own size; and an open that nobody asked for is none. */
static void stock(void)
{
	static const int flags[] = {O_RDWR | O_CLOEXEC, O_RDONLY | O_CLOEXEC, O_RDWR};
	struct stat st;

	if (!start())
		return;
	T_OK(hosted_share_stock(h), "one is made");
	while (hosted_share_stock(h))
		;
	for (unsigned int i = 0; i < 3; i++) {
		struct dma_buf *buf = alloc("system", (i + 1) * FH_PAGE_SIZE);
		int fd = hosted_share_export(dma_heap_shared(buf), flags[i]);

		T_OK(fd >= 0 && !fstat(fd, &st), "given");
		T_EQ(st.st_size, (int64_t)((i + 1) * FH_PAGE_SIZE));
		T_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, flags[i] & O_ACCMODE);
		T_EQ(fcntl(fd, F_GETFD), flags[i] & O_CLOEXEC ? FD_CLOEXEC : 0);
		T_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
		T_OK(!nobody(buf), "somebody has it");
		close(fd);
		T_OK(nobody(buf), "nobody has it");
		dma_buf_put(buf);
	}
	T_OK(hosted_share_stock(h), "three are missing");
	end();
}

const struct t_case t_cases[] = {
	T(sealed),	    T(alone),	    T(shown_late), T(all_views), T(idle_ones_move),
	T(busy_ones_stay),  T(exports),	    T(adopts),	   T(no_dmabuf), T(other_backings),
	T(no_room_to_show), T(with_caches), T(stock),	   T_END};
