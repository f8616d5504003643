/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The socket that clients come to: its path, who may, that there is one server of it; and what systemd is told. */
#ifndef TOOLS_SERVE_LISTEN_H
#define TOOLS_SERVE_LISTEN_H

#include <stdint.h>
#include <sys/types.h>
#include <freehold/boot.h>

struct listening {
	int fd;	  /* -1: none */
	int lock; /* held as long as it is served */
	char path[108];
};

/* $FREEHOLD_SOCKET, else freehold.sock in $XDG_RUNTIME_DIR, else /run/freehold.sock. */
const char *listen_default_path(char *buf, size_t size);
/* group -1: none. A socket file that nobody answers is replaced. 0, or -errno with one line in *why. */
FH_MUST_CHECK int listen_open(struct listening *l, const char *path, mode_t mode, int64_t group,
			      struct boot_why *why);
/* Takes the path away, too. */
void listen_close(struct listening *l);

/* How many descriptors were handed over at start (sd_listen_fds(3)); they begin at 3. -EINVAL with one line in *why: it does not say. */
FH_MUST_CHECK int listen_inherited(struct boot_why *why);
/* sd_notify(3). */
void listen_notify(const char *state);

#endif
