/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where the heaps come from, and what stands for them in the program. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "books.h"
#include "../client/fhc_in.h"
#include "exec_machine.h"
#include "no_server.h"
#include "serve.h"

FH_PRINTF(2, 3) static int fail(struct boot_why *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -1;
}

/* A new folder of this user alone. */
static bool temporary(char *path, size_t size)
{
	const char *in[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp", "/dev/shm"};

	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++)
		if (in[i] && (size_t)snprintf(path, size, "%s/freehold.XXXXXX", in[i]) < size &&
		    mkdtemp(path))
			return true;
	return false;
}

/* ---- connections ---- */

/* The socket of a private machine has no name any more: it is reached through our own descriptor of where it was. */
int exec_machine_join(struct exec *x, struct fhc *c)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", x->machine);
	fd = fhc_dial(x->socket ? x->socket : path);
	return fd < 0 ? fd : fhc_join(c, fd);
}

/* ---- a private machine ---- */

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* SIGTERM comes when the supervisor ends, however it does, and only while the loop waits. */
static void end_with_parent(pid_t parent, sigset_t *waiting)
{
	struct sigaction stop = {.sa_handler = on_stop};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	*waiting = all;
	sigdelset(waiting, SIGTERM);
	sigaction(SIGTERM, &stop, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	stopped = getppid() != parent;
}

static void say_why(int ready, const char *text)
{
	if (write(ready, text, strlen(text) + 1) < 0)
		_exit(1);
}

static void run_machine(const struct boot_config *cfg, int listener, int ready, pid_t parent)
{
	struct serve_opts opts = serve_defaults();
	struct books books = {.bytes = true};
	const char *broken = books_open(&books, cfg);
	struct boot_why why = {""};
	struct rlimit files;
	struct server *s;
	sigset_t waiting;

	if (broken) {
		say_why(ready, broken);
		_exit(1);
	}
	end_with_parent(parent, &waiting);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	opts.m = books.m;
	opts.host = books.host;
	opts.sigmask = &waiting;
	if (server_create(&opts, &s, &why) || server_listen(s, listener)) {
		say_why(ready, why.text[0] ? why.text : "the server cannot be made");
		_exit(1);
	}
	say_why(ready, "");
	close(ready);
	while (!stopped)
		if (server_step(s, -1) == -EIO)
			break;
	server_destroy(s);
	books_close(&books);
	_exit(0);
}

/* A listening socket in a folder that is gone at once; `where`: a descriptor of its place. */
static int open_socket(int *where)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), ok;
	char dir[80];

	if (fd < 0 || !temporary(dir, sizeof(dir)))
		return -1;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", dir);
	ok = !bind(fd, (const struct sockaddr *)&a, sizeof(a)) && !listen(fd, SOMAXCONN);
	*where = ok ? open(a.sun_path, O_PATH | O_CLOEXEC) : -1;
	unlink(a.sun_path);
	rmdir(dir);
	if (*where >= 0)
		return fd;
	close(fd);
	return -1;
}

static int start_machine(struct exec *x, const struct boot_config *cfg, struct boot_why *why)
{
	int listener = open_socket(&x->machine), ready[2];
	pid_t self = getpid();
	ssize_t n;

	if (listener < 0 || pipe2(ready, O_CLOEXEC))
		return fail(why, "no socket can be made: %s", strerror(errno));
	x->machine_pid = fork();
	if (x->machine_pid < 0)
		return fail(why, "fork: %s", strerror(errno));
	if (!x->machine_pid) {
		close(ready[0]);
		close(x->epoll);
		close(x->tell);
		run_machine(cfg, listener, ready[1], self);
	}
	close(ready[1]);
	close(listener);
	n = read(ready[0], why->text, sizeof(why->text) - 1);
	close(ready[0]);
	if (n <= 0)
		return fail(why, "the machine's process has died");
	why->text[n] = '\0';
	return why->text[0] ? -1 : 0;
}

/* ---- stand-ins ---- */

static int heap_stand_in(void)
{
	int fd = memfd_create("dma_heap", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0)
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	return fd;
}

/* An empty folder that has no name any more, so that nothing of it stays, however we end. */
static int dir_stand_in(void)
{
	char path[80];
	int fd;

	if (!temporary(path, sizeof(path)))
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rmdir(path);
	return fd;
}

/* Of a heap, or of /dev/udmabuf: one that is open, and one that is a path. */
static int device_stand_ins(struct exec *x, unsigned int id)
{
	int *const fd[] = {&x->heap_fd[id], &x->path_fd[id]};
	struct exec_file *file;

	for (unsigned int i = 0; i < 2; i++) {
		*fd[i] = heap_stand_in();
		file = *fd[i] < 0 ? NULL
				  : exec_files_add(x, *fd[i], i ? EXEC_HEAP_PATH : EXEC_HEAP);
		if (!file)
			return -1;
		file->id = id;
		x->memfd_dev = file->dev;
	}
	return 0;
}

static int stand_ins(struct exec *x, struct boot_why *why)
{
	char path[64];
	struct statx wide;
	struct stat st;
	ssize_t n;

	for (unsigned int i = 0; i <= x->nr_heaps; i++)
		if (device_stand_ins(x, i < x->nr_heaps ? i : EXEC_UDMABUF_ID))
			return fail(why, "memfd_create: %s", strerror(errno));
	x->dir_fd = dir_stand_in();
	if (x->dir_fd < 0)
		return fail(why, "no temporary folder can be made: %s", strerror(errno));
	if (!exec_files_add(x, x->dir_fd, EXEC_DIR))
		return fail(why, "out of memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", x->dir_fd);
	n = readlink(path, x->dir_link, sizeof(x->dir_link) - 1);
	x->dir_link[n > 0 ? n : 0] = '\0';
	x->dev = stat("/dev", &st) ? 0 : st.st_dev;
	if (!statx(AT_FDCWD, "/dev", 0, STATX_MNT_ID, &wide))
		x->mnt = wide.stx_mnt_id;
	x->owner = geteuid();
	return 0;
}

int exec_machine_begin(struct exec *x, const struct load_opts *opts, struct boot_why *why)
{
	static struct boot_config cfg; /* too large for a stack */
	struct fhc *c = fhc_create(0, "freehold exec");
	int err;

	if (!c)
		return fail(why, "out of memory");
	if (!x->socket) {
		if (load_boot_config(opts, &cfg, why) || start_machine(x, &cfg, why))
			return -1;
	}
	err = exec_machine_join(x, c);
	if (err)
		return fail(why, "%s: %s", x->socket ? x->socket : "the machine", no_server(-err));
	while (x->nr_heaps < EXEC_MAX_HEAP && !fhc_heap_nth(c, x->nr_heaps, &x->heap[x->nr_heaps]))
		x->nr_heaps++;
	fhc_close(c);
	return stand_ins(x, why);
}

void exec_machine_end(struct exec *x)
{
	if (x->machine_pid > 0 && !kill(x->machine_pid, SIGTERM))
		waitpid(x->machine_pid, NULL, 0);
}
