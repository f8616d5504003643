/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What programs do with processes, threads, signals and descriptors, with a buffer in hand. It prints what is wrong, and nothing else.
 * With an argument: it is its own child, and that is the number of a buffer it was left.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 12288

static int wrong;

#define IS(what)                                                                                   \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			wrong++;                                                                   \
			dprintf(STDOUT_FILENO, "%s:%d: not so: %s (%s)\n", __func__, __LINE__,     \
				#what, strerror(errno));                                           \
		}                                                                                  \
	} while (0)

static int buffer(void)
{
	struct dma_heap_allocation_data data = {.len = SIZE, .fd_flags = O_RDWR};
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), err;

	if (heap < 0)
		return -1;
	err = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data);
	close(heap);
	return err ? -1 : (int)data.fd;
}

static bool is_buffer(int fd)
{
	struct dma_buf_sync sync = {.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW};

	return lseek(fd, 0, SEEK_END) == SIZE && !ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) &&
	       lseek(fd, 1, SEEK_SET) == -1 && errno == EINVAL;
}

static bool ended_well(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

/* ---- processes ---- */

static void processes(char *self)
{
	int fd = buffer(), other;
	char number[16], *argv[] = {self, number, NULL};
	extern char **environ;
	pid_t pid;

	IS(fd >= 0);
	snprintf(number, sizeof(number), "%d", fd);
	pid = fork();
	if (!pid) {
		other = buffer();
		_exit(!is_buffer(fd) || !is_buffer(other));
	}
	IS(ended_well(pid));
	pid = vfork();
	if (!pid) {
		execv(self, argv);
		_exit(1);
	}
	IS(ended_well(pid));
	IS(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0);
	IS(ended_well(pid));
	IS(is_buffer(fd));
	close(fd);
}

/* In the memory of its parent, which waits. */
static void vforked(void)
{
	static int fd;
	pid_t pid;

	fd = -1;
	pid = vfork();
	if (!pid) {
		fd = buffer();
		_exit(fd < 0 || !is_buffer(fd));
	}
	IS(ended_well(pid));
	IS(fd >= 0 && fcntl(fd, F_GETFD) == -1);
}

static void sent(void)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
	int pair[2], fd;
	pid_t pid;

	IS(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (!pid) {
		fd = buffer();
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(int));
		_exit(sendmsg(pair[0], &msg, 0) != 1);
	}
	IS(recvmsg(pair[1], &msg, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	IS(ended_well(pid));
	IS(is_buffer(fd));
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

/* ---- descriptors ---- */

static void all_closed(void)
{
	int fd;

	closefrom(3);
	fd = buffer();
	IS(fd == 4 || fd == 3); /* 3 was the heap's */
	IS(is_buffer(fd));
	for (int i = 3; i < 2048; i++)
		close(i);
	fd = buffer();
	IS(is_buffer(fd));
	IS(dup2(fd, 1000) == 1000 && dup2(fd, 999) == 999);
	IS(is_buffer(1000) && is_buffer(999));
	IS(is_buffer(dup(fd)));
	closefrom(3);
	IS(lseek(fd, 0, SEEK_END) == -1 && errno == EBADF);
}

static void none_left(void)
{
	struct dma_heap_allocation_data data = {.len = SIZE, .fd_flags = O_RDWR};
	struct rlimit old, few = {.rlim_cur = 40};
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), fd = buffer(), last = -1, one;
	struct stat st;

	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	while ((one = dup(STDIN_FILENO)) >= 0)
		last = one;
	IS(last == 39);
	IS(is_buffer(fd));
	IS(!stat("/dev/dma_heap/system", &st) && S_ISCHR(st.st_mode));
	IS(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) == -1 && errno == EMFILE);
	IS(open("/dev/dma_heap/system", O_RDWR) == -1 && errno == EMFILE);
	close(last);
	IS(!ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) && data.fd == 39);
	setrlimit(RLIMIT_NOFILE, &old);
	closefrom(3);
}

/* ---- threads and signals ---- */

static void *works(void *arg)
{
	char *at;
	int fd;

	for (int i = 0; i < 40; i++) {
		fd = buffer();
		at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		IS(at != MAP_FAILED && is_buffer(fd) && !at[0] && !at[SIZE - 1]);
		if (at != MAP_FAILED) {
			memset(at, *(char *)arg, SIZE);
			munmap(at, SIZE);
		}
		close(fd);
	}
	return NULL;
}

static void threads(void)
{
	static char number[] = "12345678";
	pthread_t thread[8];

	for (int i = 0; i < 8; i++)
		pthread_create(&thread[i], NULL, works, &number[i]);
	for (int i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
}

static volatile int handled;

static void in_handler(int signal)
{
	int saved = errno, fd = buffer();

	(void)signal;
	if (fd >= 0 && is_buffer(fd))
		handled++;
	close(fd);
	errno = saved;
}

/* In a handler the same calls as in what it interrupts. */
static void handlers(void)
{
	struct sigaction action = {.sa_handler = in_handler, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 700}, {0, 700}}, never = {{0, 0}, {0, 0}};
	char number = '9';

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 1000 && handled < 20; i++)
		works(&number);
	setitimer(ITIMER_REAL, &never, NULL);
	IS(handled >= 20);
}

static void *until_cancelled(void *arg)
{
	for (;;)
		close(open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC));
	return arg;
}

static void cancelled(void)
{
	pthread_t thread;
	void *result;

	for (int i = 0; i < 20; i++) {
		pthread_create(&thread, NULL, until_cancelled, NULL);
		usleep(500);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		IS(result == PTHREAD_CANCELED);
	}
}

static void noted(int signal)
{
	(void)signal;
	handled++;
}

/* A buffer that a fence keeps from being ready. */
static int busy_buffer(int *timeline)
{
	struct {
		unsigned int value;
		char name[32];
		int fence;
	} point = {.value = 1, .name = "never"};
	struct dma_buf_import_sync_file import = {.flags = DMA_BUF_SYNC_WRITE};
	int fd = buffer();

	*timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);
	IS(!ioctl(*timeline, _IOWR('W', 0, point), &point));
	import.fd = point.fence;
	IS(!ioctl(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &import));
	close(point.fence);
	return fd;
}

/* poll() ends with every signal that is handled; the mask of ppoll() is the call's, which only the preloaded library can do. */
static void interrupted(void)
{
	struct sigaction action = {.sa_handler = noted, .sa_flags = SA_RESTART};
	struct itimerval soon = {{0, 0}, {0, 50000}};
	struct timespec short_time = {0, 300000000}, long_time = {20, 0};
	int timeline, fd = busy_buffer(&timeline);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	sigset_t none, alarm;

	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&none);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	handled = 0;
	setitimer(ITIMER_REAL, &soon, NULL);
	IS(poll(&p, 1, 20000) == -1 && errno == EINTR && handled == 1);
	IS(poll(&p, 1, 10) == 0);
	if (getenv("FREEHOLD_PRELOAD")) {
		sigprocmask(SIG_BLOCK, &alarm, NULL);
		setitimer(ITIMER_REAL, &soon, NULL);
		IS(ppoll(&p, 1, &long_time, &none) == -1 && errno == EINTR && handled == 2);
		sigprocmask(SIG_UNBLOCK, &alarm, NULL);
		setitimer(ITIMER_REAL, &soon, NULL);
		IS(ppoll(&p, 1, &short_time, &alarm) == 0);
		IS(handled == 3);
	}
	close(timeline);
	IS(poll(&p, 1, 20000) == 1 && p.revents == POLLIN);
	close(fd);
}

/* ---- other ways to the same calls ---- */

static void ways(void)
{
	char *volatile nowhere = NULL; /* a compiler must not know */
	char text[8192], path[64];
	struct dirent **names;
	struct stat st;
	DIR *dir;
	FILE *f;
	int n, count = 0, fd = buffer();

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	IS(f && (n = (int)fread(text, 1, sizeof(text) - 1, f)) > 0);
	text[f && n > 0 ? n : 0] = '\0';
	IS(strstr(text, "exp_name:\tsystem\n"));
	if (f)
		fclose(f);
	dir = opendir("/dev/dma_heap");
	IS(dir);
	while (dir && readdir(dir))
		count++;
	if (dir) {
		rewinddir(dir);
		for (n = 0; readdir(dir); n++)
			;
		IS(n == count);
		IS(!fstatat(dirfd(dir), "system", &st, 0) && S_ISCHR(st.st_mode));
		closedir(dir);
	}
	n = scandir("/dev/dma_heap", &names, NULL, alphasort);
	IS(n == count && count > 2 && !strcmp(names[0]->d_name, "."));
	while (n > 0)
		free(names[--n]);
	IS(realpath("/dev/../dev/dma_heap/./system", text) &&
	   !strcmp(text, "/dev/dma_heap/system"));
	IS(syscall(SYS_lseek, fd, 0, SEEK_END) == SIZE);
	IS(syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY, 0) == -1 && errno == EFAULT);
	IS(open(nowhere, O_RDONLY) == -1 && errno == EFAULT);
	IS(stat(nowhere + 1, &st) == -1 && errno == EFAULT);
	IS(poll((struct pollfd *)(void *)nowhere, 3, 0) == -1 && errno == EFAULT);
	close(fd);
}

static void loaded(const char *library)
{
	void *handle = dlopen(library, RTLD_NOW);
	const int *fd = handle ? dlsym(handle, "begins_fd") : NULL;
	struct dma_heap_allocation_data data = {.len = SIZE, .fd_flags = O_RDWR};

	IS(fd && *fd >= 0);
	IS(fd && !ioctl(*fd, DMA_HEAP_IOCTL_ALLOC, &data) && is_buffer((int)data.fd));
	if (handle)
		dlclose(handle);
}

int main(int argc, char **argv)
{
	char library[4096];

	if (argc > 1)
		return !is_buffer(atoi(argv[1])) || buffer() < 0;
	snprintf(library, sizeof(library), "%.*s/begins.so", (int)(strrchr(argv[0], '/') - argv[0]),
		 argv[0]);
	processes(argv[0]);
	vforked();
	sent();
	all_closed();
	none_left();
	threads();
	handlers();
	cancelled();
	interrupted();
	ways();
	loaded(library);
	return wrong != 0;
}
