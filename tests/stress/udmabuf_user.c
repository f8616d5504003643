/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A program with buffers of its own pages (/dev/udmabuf), for tests/system/udmabuf.t, which runs it under `freehold exec`. Its argument names what
 * it does; a line on standard output for each thing that is wrong, and the exit status 1 if there was any.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  ((size_t)4096)
#define MOST  1024
#define RW    (PROT_READ | PROT_WRITE)
#define A_LOT 300

static atomic_int wrong;
static int dev;

static bool expect(bool ok, const char *what, long got)
{
	if (!ok) {
		printf("wrong: %s (%ld)\n", what, got);
		fflush(stdout);
		wrong++;
	}
	return ok;
}

/* Of so many pages, each full of its number and a base. */
static int memfd_of(size_t pages, unsigned char base)
{
	int fd = memfd_create("user", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char page[PAGE];

	if (fd < 0 || ftruncate(fd, (off_t)(pages * PAGE)) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		exit(2);
	for (size_t i = 0; i < pages; i++) {
		memset(page, (int)(base + i), PAGE);
		if (pwrite(fd, page, PAGE, (off_t)(i * PAGE)) != (ssize_t)PAGE)
			exit(2);
	}
	return fd;
}

/* Single pages: descriptors and numbers of pages, n of each. */
static int list_of(const int *fd, const size_t *page, unsigned int n)
{
	static _Thread_local struct {
		unsigned int flags, count; /* as struct udmabuf_create_list */
		struct udmabuf_create_item item[MOST];
	} list;

	list.flags = UDMABUF_FLAGS_CLOEXEC;
	list.count = n;
	for (unsigned int i = 0; i < n; i++)
		list.item[i] = (struct udmabuf_create_item){
			.memfd = (unsigned int)fd[i], .offset = page[i] * PAGE, .size = PAGE};
	return ioctl(dev, UDMABUF_CREATE_LIST, &list);
}

static unsigned char *map(int fd, size_t pages, size_t from)
{
	return mmap(NULL, pages * PAGE, RW, MAP_SHARED, fd, (off_t)(from * PAGE));
}

static unsigned int open_in(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* ---- scattered ---- */

#define NR 6
static const size_t page[NR] = {3, 1, 2, 0, 1, 0};
static const unsigned char first[NR] = {13, 101, 102, 10, 11, 100};

static int receive_fd(int sock)
{
	char text[1], control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {text, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(sock, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void in_another(int sock)
{
	int fd = receive_fd(sock);
	unsigned char *at;

	at = map(fd, NR, 0);
	if (at == MAP_FAILED || at[5 * PAGE] != 77)
		_exit(4);
	at[4 * PAGE + 1] = 88;
	_exit(0);
}

static void send_fd(int sock, int fd)
{
	char text[1] = "", control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {text, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	sendmsg(sock, &msg, 0);
}

static int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static void scattered(void)
{
	int a = memfd_of(8, 10), b = memfd_of(4, 100), pair[2];
	const int fds[NR] = {a, b, b, a, a, b};
	unsigned char *own_a = map(a, 8, 0), *own_b = map(b, 4, 0), *at, *part;
	int buf = list_of(fds, page, NR);
	unsigned int before = open_in("/proc/self/fd");
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		exit(2);
	pid = fork();
	if (!pid)
		in_another(pair[0]);
	close(pair[0]);
	at = map(buf, NR, 0);
	if (!expect(at != MAP_FAILED, "mmap", errno))
		return;
	for (size_t i = 0; i < NR; i++)
		expect(at[i * PAGE] == first[i] && at[(i + 1) * PAGE - 1] == first[i], "a page",
		       (long)i);
	part = map(buf, 3, 2);
	for (size_t i = 0; part != MAP_FAILED && i < 3; i++)
		expect(part[i * PAGE] == first[2 + i], "a page of a part", (long)i);
	expect(part != MAP_FAILED, "mmap of a part", errno);
	own_a[3 * PAGE + 5] = 55;
	expect(at[5] == 55, "a write to the memfd is seen", at[5]);
	at[3 * PAGE + 6] = 66;
	expect(own_a[6] == 66 && part[PAGE + 6] == 66, "a write to the buffer is seen", own_a[6]);
	close(a);
	close(b);
	own_b[0] = 77;
	send_fd(pair[1], buf);
	expect(status_of(pid) == 0, "another process", pid);
	expect(at[4 * PAGE + 1] == 88 && own_a[PAGE + 1] == 88, "what it wrote is seen",
	       own_a[PAGE + 1]);
	pid = fork();
	if (!pid) {
		at[2] = 99;
		part = map(buf, NR, 0); /* in the child, after the memfds were closed */
		_exit(part == MAP_FAILED || part[2] != 99);
	}
	expect(status_of(pid) == 0, "a child", pid);
	expect(own_a[3 * PAGE + 2] == 99, "what it wrote is seen", own_a[3 * PAGE + 2]);
	close(buf);
	expect(own_a[3 * PAGE + 2] == at[2], "the mapping after all is closed", at[2]);
	expect(open_in("/proc/self/fd") == before - 2, "no descriptor is left",
	       (long)open_in("/proc/self/fd"));
}

/* ---- between two supervisors of one server ---- */

static struct sockaddr_un place;

static void give(void)
{
	int a = memfd_of(2, 1), buf = list_of((int[]){a, a}, (size_t[]){0, 1}, 2), sock, peer;
	char byte;

	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(sock, (const struct sockaddr *)&place, sizeof(place)) || listen(sock, 1))
		exit(2);
	peer = accept(sock, NULL, NULL);
	send_fd(peer, buf);
	expect(read(peer, &byte, 1) == 1, "it was taken", errno);
}

static void take(void)
{
	int sock = socket(AF_UNIX, SOCK_STREAM, 0), buf;

	for (int i = 0; i < 200; i++) {
		if (!connect(sock, (const struct sockaddr *)&place, sizeof(place)))
			break;
		usleep(50000);
	}
	buf = receive_fd(sock);
	expect(lseek(buf, 0, SEEK_END) == (off_t)(2 * PAGE), "its size", buf);
	expect(map(buf, 2, 0) == MAP_FAILED && errno == ENODEV, "whose pages nobody here knows",
	       errno);
	expect(write(sock, "", 1) == 1, "done", errno);
}

/* ---- places ---- */

static void places(void)
{
	int a = memfd_of(4, 1), buf = list_of((int[]){a, a}, (size_t[]){2, 0}, 2);
	unsigned char *room = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		      *at;

	at = mmap(room + PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, buf, 0);
	expect(at == room + PAGE && at[0] == 3 && at[PAGE] == 1, "MAP_FIXED", errno);
	at = mmap(room, PAGE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, buf, 0);
	expect(at == MAP_FAILED && errno == EEXIST, "MAP_FIXED_NOREPLACE", errno);
	at = mmap(NULL, PAGE + 1, PROT_READ, MAP_SHARED | MAP_POPULATE, buf, 0);
	expect(at != MAP_FAILED && at[2 * PAGE - 1] == 1, "MAP_POPULATE", errno);
	expect(!mlockall(MCL_FUTURE), "mlockall", errno);
	at = map(buf, 2, 0);
	expect(at != MAP_FAILED && at[0] == 3, "with mlockall", errno);
	munlockall();
	at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, buf, (off_t)(2 * PAGE));
	expect(at == MAP_FAILED && errno == EINVAL, "beyond the end", errno);
	at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, buf, 0);
	expect(at == MAP_FAILED && errno == EINVAL, "private", errno);
	munmap(room, 4 * PAGE);
	expect(!fcntl(a, F_ADD_SEALS, F_SEAL_GROW), "the memfd is sealed", errno);
}

/* ---- huge pages ---- */

#define HUGE_SIZE ((size_t)2 << 20)
#define NO_HUGE	  77 /* exit status: there are none */

static int huge_list(int fd, const size_t *huge, size_t size)
{
	struct {
		unsigned int flags, count;
		struct udmabuf_create_item item[2];
	} list = {.count = 2};

	for (size_t i = 0; i < 2; i++)
		list.item[i] = (struct udmabuf_create_item){
			.memfd = (unsigned int)fd, .offset = huge[i] * HUGE_SIZE, .size = size};
	return ioctl(dev, UDMABUF_CREATE_LIST, &list);
}

static void huge(void)
{
	int fd = memfd_create("huge", MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_HUGE_2MB), buf;
	unsigned char *own, *at;

	if (fd < 0 || ftruncate(fd, 3 * HUGE_SIZE) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		exit(NO_HUGE);
	own = mmap(NULL, 3 * HUGE_SIZE, RW, MAP_SHARED, fd, 0);
	if (own == MAP_FAILED)
		exit(NO_HUGE);
	for (size_t i = 0; i < 3; i++)
		own[i * HUGE_SIZE] = (unsigned char)(i + 1);
	buf = huge_list(fd, (size_t[]){2, 0}, HUGE_SIZE);
	at = mmap(NULL, 2 * HUGE_SIZE, RW, MAP_SHARED, buf, 0);
	if (!expect(at != MAP_FAILED, "mmap of huge pages", errno))
		return;
	expect(at[0] == 3 && at[HUGE_SIZE] == 1, "a huge page", at[0]);
	at[HUGE_SIZE + 5] = 44;
	expect(own[5] == 44, "a write to the buffer is seen", own[5]);
	at = mmap(NULL, HUGE_SIZE, RW, MAP_SHARED, buf, (off_t)HUGE_SIZE);
	expect(at != MAP_FAILED && at[5] == 44, "the second alone", errno);
	at = mmap(NULL, PAGE, RW, MAP_SHARED, buf, 0);
	expect(at == MAP_FAILED && errno == EOPNOTSUPP, "a part of one", errno);
	buf = huge_list(fd, (size_t[]){0, 1}, 4 * PAGE);
	at = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, buf, 0);
	expect(at == MAP_FAILED && errno == EOPNOTSUPP, "made of parts", errno);
}

/* ---- threads, and signals all the while ---- */

static atomic_long signals;

static void on_alarm(int sig)
{
	(void)sig;
	signals++;
}

static void *work(void *arg)
{
	unsigned char base = (unsigned char)(20 * (size_t)arg + 1), *at;
	int a = memfd_of(8, base), fd[4] = {a, a, a, a}, buf;
	size_t order[4] = {(size_t)arg % 8, 7, 0, 5};

	for (int i = 0; i < A_LOT / 3; i++) {
		buf = list_of(fd, order, 4);
		at = buf < 0 ? MAP_FAILED : map(buf, 4, 0);
		if (!expect(at != MAP_FAILED, "mmap in a thread", errno))
			break;
		for (size_t k = 0; k < 4; k++)
			expect(at[k * PAGE] == (unsigned char)(base + order[k]),
			       "a page in a thread", at[k * PAGE]);
		munmap(at, 4 * PAGE);
		close(buf);
	}
	close(a);
	return NULL;
}

static void threads(void)
{
	struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
	pthread_t thread[6];

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (size_t i = 0; i < 6; i++)
		pthread_create(&thread[i], NULL, work, (void *)i);
	for (size_t i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	expect(signals > 0, "signals came", signals);
}

/* ---- who cannot be driven ---- */

/* Exit status: the errno of its mmap(). */
static int map_errno(void)
{
	int a = memfd_of(1, 7), buf = list_of(&a, (size_t[]){0}, 1);

	return map(buf, 1, 0) == MAP_FAILED ? errno : 0;
}

static void traced(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(map_errno());
	}
	status = status_of(pid);
	expect(WIFSTOPPED(status), "it stops", status);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	status = status_of(pid);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == EBUSY, "who is traced: EBUSY", status);
}

static void full(void)
{
	int a = memfd_of(1, 7), buf = list_of(&a, (size_t[]){0}, 1), last = -1, fd;
	struct rlimit few = {32, 32};
	unsigned char *at;

	setrlimit(RLIMIT_NOFILE, &few);
	while ((fd = dup(0)) >= 0)
		last = fd;
	at = map(buf, 1, 0);
	expect(at == MAP_FAILED && errno == EMFILE, "no descriptor is free: EMFILE", errno);
	close(last);
	at = map(buf, 1, 0);
	expect(at != MAP_FAILED && at[0] == 7, "one is", errno);
	expect(dup(0) == last, "and again", errno);
}

/* Sealed after the buffer was made: half of it is mapped when the kernel says no. */
static void sealed(void)
{
	int fd[2] = {memfd_of(1, 7), memfd_of(1, 8)}, buf = list_of(fd, (size_t[]){0, 0}, 2);
	unsigned int before = open_in("/proc/self/fd"), maps;
	unsigned char *at;

	expect(!fcntl(fd[1], F_ADD_SEALS, F_SEAL_WRITE), "sealed", errno);
	maps = open_in("/proc/self/map_files");
	at = map(buf, 2, 0);
	expect(at == MAP_FAILED && errno == EPERM, "mmap of a sealed one", errno);
	expect(open_in("/proc/self/fd") == before, "no descriptor is left", before);
	expect(open_in("/proc/self/map_files") == maps, "nothing stays mapped", maps);
}

/* ---- what the supervisor keeps ---- */

static unsigned int kept(void)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)getppid());
	return open_in(dir);
}

/* As many as before, in a moment. */
static void expect_kept(unsigned int before)
{
	unsigned int now = 0;

	for (int i = 0; i < 100; i++) {
		now = kept();
		if (now <= before + 4)
			return;
		usleep(30000);
	}
	expect(false, "the supervisor keeps what nobody has", (long)now - before);
}

static void many(void)
{
	unsigned int before = kept();
	unsigned char *at;
	int a, buf;

	for (int i = 0; i < A_LOT; i++) {
		a = memfd_of(2, 3);
		buf = list_of(&a, (size_t[]){1}, 1);
		at = map(buf, 1, 0);
		if (!expect(at != MAP_FAILED && at[0] == 4, "one of many", errno))
			return;
		close(buf);
		close(a);
		munmap(at, PAGE);
	}
	expect_kept(before);
}

/* ---- the middle of it ---- */

static int long_list(unsigned char *expected)
{
	static int fd[MOST];
	static size_t pages[MOST];
	int a = memfd_of(8, 1), b = memfd_of(8, 50);

	for (unsigned int i = 0; i < MOST; i++) {
		fd[i] = i % 3 ? a : b;
		pages[i] = i % 5 + i % 3;
		expected[i] = (unsigned char)((i % 3 ? 1 : 50) + pages[i]);
	}
	return list_of(fd, pages, MOST);
}

static int map_for_ever(void)
{
	unsigned char expected[MOST], *at;
	int buf = long_list(expected);

	for (;;) {
		at = map(buf, MOST, 0);
		if (at == MAP_FAILED)
			_exit(1);
		for (size_t i = 0; i < MOST; i++)
			if (at[i * PAGE] != expected[i])
				_exit(2);
		munmap(at, MOST * PAGE);
	}
}

static void *map_too(void *arg)
{
	(void)arg;
	map_for_ever();
	return NULL;
}

/* One that is killed, one that is stopped and goes on, one whose other thread becomes another program. */
static void middle(void)
{
	unsigned int before;
	pthread_t thread;
	pid_t pid;

	expect(map_errno() == 0, "one that is kept all the while", 0);
	before = kept();

	for (int i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			map_for_ever();
		usleep(20000 + (useconds_t)(i * 777));
		if (i % 2) {
			kill(pid, SIGSTOP);
			usleep(2000);
			kill(pid, SIGCONT);
			usleep(10000);
		}
		kill(pid, SIGKILL);
		pid = status_of(pid);
		expect(WIFSIGNALED(pid), "killed, and nothing else", pid);
	}
	for (int i = 0; i < 5; i++) {
		pid = fork();
		if (!pid) {
			pthread_create(&thread, NULL, map_too, NULL);
			usleep(20000);
			execl("/bin/true", "true", NULL);
			_exit(3);
		}
		pid = status_of(pid);
		expect(pid == 0, "another program in its place", pid);
	}
	/* The first thread is the one that maps: its number is then the other's. */
	for (int i = 0; i < 5; i++) {
		pid = fork();
		if (!pid) {
			execl("/proc/self/exe", "udmabuf_user", "exec", NULL);
			_exit(3);
		}
		pid = status_of(pid);
		expect(pid == 0, "another program in the first thread's place", pid);
	}
	expect(map_errno() == 0, "and all goes on", 0);
	expect_kept(before);
}

static void *become(void *arg)
{
	(void)arg;
	usleep(20000);
	execl("/bin/true", "true", NULL);
	_exit(3);
}

static void exec_from_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, become, NULL);
	map_for_ever();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} all[] = {{"scattered", scattered}, {"places", places},
		   {"threads", threads},     {"traced", traced},
		   {"full", full},	     {"sealed", sealed},
		   {"many", many},	     {"huge", huge},
		   {"middle", middle},	     {"exec", exec_from_thread},
		   {"give", give},	     {"take", take}};

	place.sun_family = AF_UNIX;
	snprintf(place.sun_path, sizeof(place.sun_path), "%s", argc > 2 ? argv[2] : "");
	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev < 0) {
		perror("/dev/udmabuf");
		return 2;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(argv[1], all[i].name)) {
			all[i].run();
			return wrong ? 1 : 0;
		}
	fprintf(stderr, "usage: udmabuf_user WHAT [SOCKET]\n");
	return 2;
}
