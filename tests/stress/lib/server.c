/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The server of a stress test. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "server.h"

static unsigned int nr, failed;
static char path[SERVER_PATH];
static pid_t server;

uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

void result(bool ok, const char *what)
{
	nr++;
	failed += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", nr, what);
	fflush(stdout);
}

int results(void)
{
	printf("1..%u\n", nr);
	return failed ? 1 : 0;
}

const char *server_path(void)
{
	return path;
}

static const char *ram, *clients;

static bool start(void (*before)(void))
{
	const char *freehold = getenv("FREEHOLD"), *backing = getenv("BACKING"),
		   *boot = getenv("BOOTARGS");
	char line[256];
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		exit(2);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (before)
			before();
		dup2(fd[1], STDOUT_FILENO);
		execl(freehold ? freehold : "build/freehold", "freehold", "serve", "--ram", ram,
		      "--bootargs", boot ? boot : "cma=64M", "--socket", path, "--drain", "5s",
		      "--max-clients", clients, "--backing", backing ? backing : "memfd",
		      (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	/* fd[0] stays open: the server may say more. */
	return read(fd[0], line, sizeof(line)) > 0;
}

void server_start(const char *name, const char *with_ram, const char *max_clients,
		  void (*before)(void))
{
	ram = with_ram;
	clients = max_clients;
	snprintf(path, sizeof(path), "/tmp/freehold-%s-%d.sock", name, (int)getpid());
	result(start(before), "a server is ready");
}

/* It lists what is left. */
static void quietly(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(fd, STDERR_FILENO);
}

bool server_again(bool killed, unsigned int away_us)
{
	int status;

	kill(server, killed ? SIGKILL : SIGTERM);
	usleep(away_us);
	kill(server, SIGTERM); /* it does not wait for buffers any longer */
	waitpid(server, &status, 0);
	usleep(away_us);
	/* 3: buffers were left. */
	return (killed ||
		(WIFEXITED(status) && (!WEXITSTATUS(status) || WEXITSTATUS(status) == 3))) &&
	       start(quietly);
}

uint64_t server_used(struct fhc *c)
{
	struct fhc_heap h;
	uint64_t sum = 0;
	int err;

	for (unsigned int n = 0; !(err = fhc_heap_nth(c, n, &h)); n++)
		sum += h.used;
	return err == -ENOENT ? sum : UINT64_MAX;
}

bool server_is_empty(unsigned int looks)
{
	uint64_t used = 1;
	struct fhc *c;

	if (fhc_connect(path, "judge", &c))
		return false;
	for (unsigned int i = 0; i < looks && used; i++) {
		used = server_used(c);
		if (used)
			usleep(10000);
	}
	if (used)
		printf("# %" PRIu64 " bytes are used\n", used);
	fhc_close(c);
	return !used;
}

uint64_t server_kib(void)
{
	char line[128];
	uint64_t kib = 0;
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%d/status", (int)server);
	f = fopen(line, "re");
	while (f && !kib && fgets(line, sizeof(line), f))
		(void)!sscanf(line, "VmRSS: %" SCNu64, &kib);
	if (f)
		fclose(f);
	return kib;
}

unsigned long server_ticks(void)
{
	char text[512] = "";
	unsigned long user = 0, sys = 0;
	const char *at;
	FILE *f;

	snprintf(text, sizeof(text), "/proc/%d/stat", (int)server);
	f = fopen(text, "re");
	at = f && fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	if (at)
		(void)!sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			      &sys);
	if (f)
		fclose(f);
	return user + sys;
}

void server_stop(void)
{
	char lock[SERVER_PATH + 8];
	int status;

	kill(server, SIGTERM);
	waitpid(server, &status, 0);
	result(WIFEXITED(status) && !WEXITSTATUS(status),
	       "the server's books are right at the end");
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
}
