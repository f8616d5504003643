/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The file tree of the machine that a server has. */
#ifndef TOOLS_TREE_SERVER_H
#define TOOLS_TREE_SERVER_H

#include <freehold/client.h>
#include "tree.h"

struct tree_server {
	struct tree t;
	struct fhc *c;
};

/* As fhc_connect(). */
FH_MUST_CHECK int tree_server_open(struct tree_server *s, const char *socket);
void tree_server_close(struct tree_server *s);

#endif
