/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Why nobody answers at a socket, and what to do about it. */
#ifndef TOOLS_NO_SERVER_H
#define TOOLS_NO_SERVER_H

#include <errno.h>
#include <string.h>

/* For a message "PATH: %s"; err: what connecting failed with, above 0. */
static inline const char *no_server(int err)
{
	switch (err) {
	case ENOENT:
	case ECONNREFUSED:
		return "no server is there; `freehold serve --socket PATH' starts one";
	case EACCES:
		return "its owner is another user (Permission denied)";
	default:
		return strerror(err);
	}
}

#endif
