// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about mapping a buffer: which mappings are refused, what is behind them, what may be done to them.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

#define RW    (PROT_READ | PROT_WRITE)
#define BYTES (3 * PAGE)

static int buffer;

static const struct {
	const char *name;
	size_t len;
	int prot, flags;
	unsigned int fd_flags;
	off_t offset;
} maps[] = {
	{"shared-rw", BYTES, RW, MAP_SHARED, O_RDWR, 0},
	{"shared-r", BYTES, PROT_READ, MAP_SHARED, O_RDWR, 0},
	{"shared-w", BYTES, PROT_WRITE, MAP_SHARED, O_RDWR, 0},
	{"shared-none", BYTES, PROT_NONE, MAP_SHARED, O_RDWR, 0},
	{"shared-exec", BYTES, RW | PROT_EXEC, MAP_SHARED, O_RDWR, 0},
	{"private-rw", BYTES, RW, MAP_PRIVATE, O_RDWR, 0},
	{"private-r", BYTES, PROT_READ, MAP_PRIVATE, O_RDWR, 0},
	{"private-part", PAGE, RW, MAP_PRIVATE, O_RDWR, 0},
	{"no-kind", BYTES, RW, 0, O_RDWR, 0},
	{"both-kinds-validate", BYTES, RW, MAP_SHARED_VALIDATE, O_RDWR, 0},
	{"validate-sync", BYTES, RW, MAP_SHARED_VALIDATE | MAP_SYNC, O_RDWR, 0},
	{"validate-unknown", BYTES, RW, MAP_SHARED_VALIDATE | 1 << 30, O_RDWR, 0},
	{"shared-unknown", BYTES, RW, MAP_SHARED | 1 << 30, O_RDWR, 0},
	{"populate", BYTES, RW, MAP_SHARED | MAP_POPULATE, O_RDWR, 0},
	{"locked", BYTES, RW, MAP_SHARED | MAP_LOCKED, O_RDWR, 0},
	{"noreserve", BYTES, RW, MAP_SHARED | MAP_NORESERVE, O_RDWR, 0},
	{"hugetlb", BYTES, RW, MAP_SHARED | MAP_HUGETLB, O_RDWR, 0},
	{"growsdown", BYTES, RW, MAP_SHARED | MAP_GROWSDOWN, O_RDWR, 0},
#ifdef MAP_32BIT /* x86's */
	{"32bit", BYTES, RW, MAP_SHARED | MAP_32BIT, O_RDWR, 0},
#endif
	{"anonymous", BYTES, RW, MAP_SHARED | MAP_ANONYMOUS, O_RDWR, 0},
	{"fixed-0", BYTES, RW, MAP_SHARED | MAP_FIXED, O_RDWR, 0},
	{"len-0", 0, RW, MAP_SHARED, O_RDWR, 0},
	{"len-1", 1, RW, MAP_SHARED, O_RDWR, 0},
	{"len-8193", 8193, RW, MAP_SHARED, O_RDWR, 0},
	{"len-beyond", BYTES + PAGE, RW, MAP_SHARED, O_RDWR, 0},
	{"len-huge", 1UL << 40, RW, MAP_SHARED, O_RDWR, 0},
	{"len-max", ~0UL, RW, MAP_SHARED, O_RDWR, 0},
	{"offset-1-page", 2 * PAGE, RW, MAP_SHARED, O_RDWR, (off_t)PAGE},
	{"offset-last-page", PAGE, RW, MAP_SHARED, O_RDWR, 2 * (off_t)PAGE},
	{"offset-end", PAGE, RW, MAP_SHARED, O_RDWR, 3 * (off_t)PAGE},
	{"offset-beyond", PAGE, RW, MAP_SHARED, O_RDWR, 4 * (off_t)PAGE},
	{"offset-plus-len", 2 * PAGE, RW, MAP_SHARED, O_RDWR, 2 * (off_t)PAGE},
	{"offset-unaligned", PAGE, RW, MAP_SHARED, O_RDWR, 512},
	{"offset-negative", PAGE, RW, MAP_SHARED, O_RDWR, -(off_t)PAGE},
	{"rdonly-r", BYTES, PROT_READ, MAP_SHARED, O_RDONLY, 0},
	{"rdonly-rw", BYTES, RW, MAP_SHARED, O_RDONLY, 0},
	{"rdonly-none", BYTES, PROT_NONE, MAP_SHARED, O_RDONLY, 0},
	{"rdonly-exec", BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, O_RDONLY, 0},
	{"rdonly-private-rw", BYTES, RW, MAP_PRIVATE, O_RDONLY, 0},
	{"rdonly-beyond-rw", 2 * BYTES, RW, MAP_SHARED, O_RDONLY, 0},
	{"wronly-r", BYTES, PROT_READ, MAP_SHARED, O_WRONLY, 0},
	{"wronly-w", BYTES, PROT_WRITE, MAP_SHARED, O_WRONLY, 0},
	{"wronly-rw", BYTES, RW, MAP_SHARED, O_WRONLY, 0},
	{"wronly-private-w", BYTES, PROT_WRITE, MAP_PRIVATE, O_WRONLY, 0},
	{"accmode-3-rw", BYTES, RW, MAP_SHARED, 3, 0},
	{"accmode-3-none", BYTES, PROT_NONE, MAP_SHARED, 3, 0},
};

struct span {
	char *at;
	size_t len;
};

static int read_ends(void *arg)
{
	volatile const struct span *span = arg;

	return span->at[0] | span->at[span->len - 1];
}

static int write_ends(void *arg)
{
	struct span *span = arg;

	*(volatile char *)span->at = 1;
	*(volatile char *)(span->at + span->len - 1) = 1;
	return 0;
}

static void mmap_cases(void)
{
	struct span span;
	int fd;

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		fd = new_buffer_flags(BYTES, maps[i].fd_flags | O_CLOEXEC);
		span.len = maps[i].len;
		span.at = (char *)syscall(SYS_mmap, NULL, maps[i].len, maps[i].prot, maps[i].flags,
					  fd, maps[i].offset);
		report_map(sys((long)span.at), "%s", maps[i].name);
		if (span.at != MAP_FAILED) {
			report_child(read_ends, &span, "%s.read", maps[i].name);
			report_child(write_ends, &span, "%s.write", maps[i].name);
			munmap(span.at, span.len);
		}
		close(fd);
	}
}

// A mapping of all of a new buffer, in place of what anonymous memory would be there.
static char *whole(size_t len)
{
	char *at;

	buffer = new_buffer(len);
	at = mmap(NULL, len, RW, MAP_SHARED, buffer, 0);
	// Where there is none, the cases go on with memory that answers, and print `absent`.
	return at != MAP_FAILED ? at : mmap(NULL, len, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void content_cases(void)
{
	char *at = whole(MIB), *two = mmap(NULL, PAGE, RW, MAP_SHARED, buffer, 0);
	size_t dirty = 0;
	int status = 0;
	pid_t child;

	for (size_t i = 0; i < MIB; i++)
		dirty += at[i] != 0;
	report((long)dirty, "not-zero");
	at[5] = 42;
	report(two == MAP_FAILED ? -1 : two[5], "second-mapping");
	child = fork();
	if (child == 0) {
		at[6] = 43;
		_exit(at[5]);
	}
	waitpid(child, &status, 0);
	report(WEXITSTATUS(status), "child-reads");
	report(at[6], "child-wrote");
	close(buffer);
	report(at[6], "after-close");
	if (two != MAP_FAILED)
		munmap(two, PAGE);
	memset(at, 0x55, MIB);
	report(sys(munmap(at, MIB)), "munmap");
	at = whole(MIB);
	dirty = 0;
	for (size_t i = 0; i < MIB; i++)
		dirty += at[i] != 0;
	report((long)dirty, "not-zero-again");
}

static int touch(void *arg)
{
	return *(volatile char *)arg;
}

static int poke(void *arg)
{
	*(volatile char *)arg = 1;
	return 0;
}

static void change_cases(void)
{
	char *at = whole(4 * PAGE), *there, *other;
	int rd;

	report(sys(mprotect(at, PAGE, PROT_READ)), "mprotect-r");
	report_child(poke, at, "mprotect-r.write");
	report(sys(mprotect(at, PAGE, RW)), "mprotect-rw");
	report_child(poke, at, "mprotect-rw.write");
	report(sys(mprotect(at, PAGE, RW | PROT_EXEC)), "mprotect-exec");
	report(sys(mprotect(at, 8 * PAGE, PROT_READ)), "mprotect-beyond");
	report(sys(mprotect(at, 4 * PAGE, RW)), "mprotect-all-rw");
	report(sys(munmap(at + PAGE, PAGE)), "munmap-middle");
	report_child(touch, at + PAGE, "munmap-middle.read");
	report_child(touch, at + 2 * PAGE, "munmap-middle.read-behind");
	there = mmap(at + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, buffer, (off_t)PAGE);
	report_map(sys((long)there), "fixed-back");
	report(there == at + PAGE, "fixed-back.same-place");
	there = mmap(at, PAGE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, buffer, 0);
	report_map(sys((long)there), "fixed-noreplace");
	there = mremap(at + 3 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	report_map(sys((long)there), "mremap-grow");
	other = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	there = mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other);
	report_map(sys((long)there), "mremap-move");
	if (there != MAP_FAILED)
		report_child(touch, there, "mremap-move.read");
	else
		report(0, "mremap-move.read");
	at = whole(4 * PAGE);
	there = mremap(at, 4 * PAGE, 2 * PAGE, 0);
	report_map(sys((long)there), "mremap-shrink");
	there = mremap(at, 0, PAGE, MREMAP_MAYMOVE);
	report_map(sys((long)there), "mremap-copy");
	rd = new_buffer_flags(PAGE, O_RDONLY | O_CLOEXEC);
	other = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, rd, 0);
	report(sys(mprotect(other, PAGE, RW)), "rdonly-mprotect-rw");
}

static void advice_cases(void)
{
	static const struct {
		const char *name;
		int advice;
	} kinds[] = {{"normal", MADV_NORMAL},
		     {"random", MADV_RANDOM},
		     {"willneed", MADV_WILLNEED},
		     {"dontneed", MADV_DONTNEED},
		     {"remove", MADV_REMOVE},
		     {"dontfork", MADV_DONTFORK},
		     {"dofork", MADV_DOFORK},
		     {"free", MADV_FREE},
		     {"mergeable", MADV_MERGEABLE},
		     {"dontdump", MADV_DONTDUMP},
		     {"dodump", MADV_DODUMP},
		     {"wipeonfork", MADV_WIPEONFORK},
		     {"cold", MADV_COLD},
		     {"pageout", MADV_PAGEOUT},
		     {"populate-read", 22},
		     {"populate-write", 23},
		     {"unknown", 999}};
	char *at = whole(4 * PAGE);
	unsigned char in_core[4] = {0};

	at[0] = 7;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		report(sys(madvise(at, 4 * PAGE, kinds[i].advice)), "madvise-%s", kinds[i].name);
		if (kinds[i].advice == MADV_DONTFORK) {
			report_child(touch, at, "dontfork.child");
			madvise(at, 4 * PAGE, MADV_DOFORK);
		}
	}
	report(at[0], "content");
	report(sys(mlock(at, 4 * PAGE)), "mlock");
	report(sys(munlock(at, 4 * PAGE)), "munlock");
	report(sys(msync(at, 4 * PAGE, MS_SYNC)), "msync");
	report(sys(msync(at, 4 * PAGE, MS_ASYNC)), "msync-async");
	report(sys(msync(at, 4 * PAGE, MS_INVALIDATE)), "msync-invalidate");
	report(sys(mincore(at, 4 * PAGE, in_core)), "mincore");
}

// The kernel reading and writing such memory for the program.
static void kernel_cases(void)
{
	char *at = whole(4 * PAGE), bytes[8] = "abc";
	int pipes[2], memfd = new_memfd(PAGE, 0);
	struct iovec local = {bytes, 4}, remote = {at, 4};
	FILE *maps;
	char text[256], perms[8];
	unsigned long start, offset;

	if (pipe(pipes) != 0)
		return;
	memcpy(at, "xyz", 4);
	report(sys(write(pipes[1], at, 4)), "write-from");
	report(sys(read(pipes[0], at + 8, 4)), "read-into");
	report(memcmp(at, at + 8, 4), "read-into.differs");
	report(sys(vmsplice(pipes[1], &remote, 1, SPLICE_F_NONBLOCK)), "vmsplice");
	report(sys(process_vm_readv(getpid(), &local, 1, &remote, 1, 0)), "process-vm-readv");
	report(sys(process_vm_writev(getpid(), &local, 1, &remote, 1, 0)), "process-vm-writev");
	report(sys(pwrite(memfd, at, PAGE, 0)), "pwrite-from");
	maps = fopen("/proc/self/maps", "re");
	while (maps && fgets(text, sizeof(text), maps))
		if (sscanf(text, "%lx-%*x %7s %lx", &start, perms, &offset) == 3 &&
		    start == (unsigned long)at) {
			text[strcspn(text, "\n")] = '\0';
			detail("%s %lx %s", perms, offset,
			       strchr(text, '/') ? strchr(text, '/') : "none");
		}
	if (maps)
		fclose(maps);
	report_text("proc-maps");
}

const struct group map_groups[] = {
	{"map", mmap_cases, PER_SOURCE},      {"content", content_cases, PER_SOURCE},
	{"change", change_cases, PER_SOURCE}, {"advice", advice_cases, PER_SOURCE},
	{"kernel", kernel_cases, PER_SOURCE}, {NULL, NULL, ALWAYS},
};
