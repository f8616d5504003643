/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The server of `freehold serve`: a machine's heaps for other programs, over a socket. One thread, one loop; no call but server_step()
 * waits, and that only for something to happen. Errors are negative errnos. The process ignores SIGPIPE.
 */
#ifndef TOOLS_SERVE_H
#define TOOLS_SERVE_H

#include <signal.h>
#include <freehold/hosted.h>

struct server;

struct serve_opts {
	struct fh_machine *m;
	struct hosted *host;
	unsigned int max_clients;
	unsigned int max_buffers;   /* that one client holds */
	unsigned int max_under_way; /* requests of one client that wait for fences */
	unsigned int max_syncs;	    /* descriptors of fences that one client has made or given */
	uint64_t max_bytes;	    /* that one client is charged for; 0: no limit */
	int64_t group;		 /* whose members may connect beside this user and root; -1: none */
	bool dmabufs;		 /* buffers are DMA-BUFs of the host, where it makes them */
	const char *state;	 /* the state file; NULL: none */
	const sigset_t *sigmask; /* while it waits; NULL: unchanged */
	void (*log)(void *arg, const char *line);
	void *log_arg;
};
/* Every limit at what `freehold serve` has if nothing else is asked for. */
struct serve_opts serve_defaults(void);

/* -ENOMEM, -EMFILE, ...; -EINVAL: the state file is broken. One line in *why. */
FH_MUST_CHECK int server_create(const struct serve_opts *opts, struct server **s,
				struct boot_why *why);
/* Ends all: clients are cut off, what is left is given back. */
void server_destroy(struct server *s);

/* A listening socket, or one that is connected to a client; the server's from now on, closed also when this fails. */
FH_MUST_CHECK int server_listen(struct server *s, int fd);
FH_MUST_CHECK int server_adopt(struct server *s, int fd);

/* Waits up to timeout_ms (-1: without end) for something and does it. 0, or -EINTR. */
int server_step(struct server *s, int timeout_ms);

/* No new buffers from now on. */
void server_drain(struct server *s);
unsigned int server_clients(const struct server *s);
uint64_t server_buffers(const struct server *s);
/* Recounts the server's own books and the machine's (it is quiet then): how many things are wrong, the first of them in why[size]. */
unsigned int server_check(struct server *s, char *why, size_t size);
/* A line of the log for each buffer that is left, at most `most`. */
void server_list(struct server *s, unsigned int most);

#endif
