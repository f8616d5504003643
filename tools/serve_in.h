/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the parts of the server know of each other. */
#ifndef TOOLS_SERVE_IN_H
#define TOOLS_SERVE_IN_H

#include <fcntl.h>
#include <sys/types.h>
#include <freehold/heap.h>
#include "../client/proto.h"
#include "serve.h"
#include "serve_hash.h"

struct client;
struct sbuf;

/* A descriptor that the loop looks at, inside of whom it belongs to. */
struct watch {
	int fd;
	uint32_t events;
	void (*ready)(struct watch *w, uint32_t events); /* NULL: it is over */
	struct server *s;
};

#define OF(type, member, p) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* That a client holds a buffer: `count` times. In the list of either. */
struct hold {
	struct client *client;
	struct sbuf *buf;
	unsigned int count;
	unsigned int access; /* ACCESS_: of descriptors that it has shown; who made it has all */
	struct hold *next_of_buf;
	struct hold *next, **pprev; /* of the client */
};

enum { ACCESS_READ = 1, ACCESS_WRITE = 2 };
/* By the flags of open(2). */
static inline unsigned int access_of(uint64_t flags)
{
	flags &= O_ACCMODE;
	return flags == O_RDWR	   ? ACCESS_READ | ACCESS_WRITE
	       : flags == O_WRONLY ? ACCESS_WRITE
				   : ACCESS_READ;
}

/* A buffer that somebody may have: the memfd is open here and, as far as is known, elsewhere. */
struct sbuf {
	struct hash_link by_id, by_inode, by_wd;
	struct dma_buf *buf; /* one reference */
	int fd;		     /* the machine's own; not ours to close */
	bool dmabuf;	     /* it is a DMA-BUF, not a memfd */
	int wd;		     /* what inotify calls it; -1: it is asked for */
	dev_t dev;
	ino_t ino;
	char heap[DMA_HEAP_NAME_MAX];
	struct hold *holds;
	struct sbuf *next, **pprev;
	/* An open is gone, and yet the lease says that there is one. */
	struct sbuf *next_doubt, **pprev_doubt; /* NULL: no doubt */
	unsigned int looks;
	uint64_t look_ns; /* the next one */
};

/* A reply that the socket had no room for. */
struct queued {
	struct queued *next;
	struct proto_reply reply;
	int fd; /* -1: none */
	size_t len;
	char data[];
};

struct client {
	struct watch watch;
	struct server *s;
	struct client *next, **pprev;
	struct dma_holder *holder; /* NULL before HELLO */
	char name[PROTO_NAME];
	int64_t pid; /* for whom */
	pid_t peer;  /* who speaks */
	uid_t uid;
	struct hold *holds;
	unsigned int nr_holds, under_way, nr_syncs;
	struct queued *queue, **queue_end;
	unsigned int nr_queued;
	bool ending; /* it is told why, and cut off then */
	bool dead;
};

struct server {
	struct serve_opts o;
	int epoll, spare; /* spare: given up to refuse a client when there are no descriptors */
	struct watch inotify;
	struct watch *listening;
	struct client *clients;
	struct sbuf *buffers;
	struct sbuf *sweep; /* the next to ask for; NULL: no sweep is under way */
	uint64_t sweep_ns;  /* when it goes on, or the next begins */
	bool sweep_all;	    /* those with a watch, too, and without rest */
	struct sbuf *doubts;
	unsigned int nr_clients;
	uint64_t nr_buffers, nr_unwatched, served;
	struct hash by_id, by_inode, by_wd;
	bool draining, deaf; /* deaf: events were lost; ask for all */
	bool stocked;	     /* nothing to prepare until the next buffer is made */
	bool said_full, said_watches;
	uid_t uid;
	uint64_t salt; /* of the numbers of buffers */
	struct corpse *corpses;
	struct closer *closer;
	struct state *state;
	struct fences *fences;
};

/* ---- loop (serve.c) ---- */
FH_PRINTF(2, 3) void server_log(struct server *s, const char *fmt, ...);
int watch_add(struct server *s, struct watch *w, int fd, uint32_t events,
	      void (*ready)(struct watch *w, uint32_t events));
void watch_change(struct watch *w, uint32_t events);
/* Not looked at any more; the descriptor is closed. */
void watch_end(struct watch *w);
/* free(p), once nobody of this round can have it in hand. */
void server_bury(struct server *s, void *p);

/* ---- descriptors of others (serve_fd.c) ---- */
enum fd_kind {
	FD_FOREIGN, /* what may call into somebody else's file system when touched */
	FD_SOCKET,
	FD_PIPE,
	FD_SYNC_FILE,
	FD_EVENT,
	FD_MEMFD, /* or a file of tmpfs */
};
enum fd_kind fd_kind(int fd);
struct closer *closer_create(void);
/* Closes it, without waiting for whose it is. */
void closer_close(struct closer *k, int fd);
void closer_destroy(struct closer *k);

/* ---- messages (serve_message.c) ---- */
struct message {
	struct proto_request r;
	int fd[PROTO_FDS];
	unsigned int nr_fds;
};
/* NULL: the fields are as they may be; or what is wrong. *err: -EPROTO: not a message at all, whoever sends it is cut off; -EINVAL: it gets that
 * as a reply. */
const char *message_check(const void *packet, size_t len, unsigned int nr_fds, bool greeted,
			  int *err);
/* Does it, and replies, now or later. */
void message_serve(struct client *c, struct message *m);

/* ---- clients (serve_client.c) ---- */
int client_create(struct server *s, int fd);
void client_end(struct client *c);
/* Sends it or queues it. fd is the callee's to close. */
void client_reply(struct client *c, struct proto_reply *r, int fd, const void *data, size_t len);
void client_error(struct client *c, uint64_t seq, int err);
/* Says so in the log and cuts it off. */
void client_drop(struct client *c, const char *why);

/* ---- buffers (serve_buffers.c) ---- */
int buffers_create(struct server *s);
void buffers_destroy(struct server *s);
int buffer_alloc(struct client *c, const char *heap, uint64_t len, int flags, struct sbuf **b,
		 int *fd);
/* The buffer whose memory a descriptor is; NULL: none of ours. */
struct sbuf *buffer_of_fd(struct server *s, int fd);
/* By that descriptor of it. */
int buffer_import(struct client *c, struct sbuf *b, int fd);
/* A buffer of a server that is gone, from its descriptor; holder NULL: nobody's that is known. */
int buffer_reclaim(struct server *s, const char *heap, int fd, struct dma_holder *holder,
		   struct sbuf **b);
int buffer_reclaim_for(struct client *c, const char *heap, int fd, struct sbuf **b);
/* A buffer, without frames, whose bytes are the client's (serve_offer.c). -EINVAL: no memfd of whole pages, sealed against growing and shrinking;
 * -EEXIST: known already; -EBUSY: somebody else has it open. */
int buffer_offer(struct client *c, const char *exp_name, int fd, struct sbuf **b);
/* Takes over the reference of buf, also when it fails. fd: the server's open of its memory, which stays; heap "": of none, not for the state file. */
int buffer_add(struct server *s, const char *heap, struct dma_buf *buf, int fd, struct sbuf **b);
/* The client may have one more: 0, or -EDQUOT. */
int buffer_room(struct client *c);
/* That it holds this one, of which the machine knows already; h is malloc()ed, and taken over. */
void buffer_hold(struct hold *h, struct client *c, struct sbuf *b, unsigned int access);
/* What clients call it: the inode number of read-outs, and above 40 bits a number of this server, so that one of a server before names nothing. */
uint64_t buffer_id(const struct server *s, const struct dma_buf *buf);
/* By that, if this client holds it. */
struct sbuf *buffer_held(struct client *c, uint64_t id, struct hold **hold);
void buffer_free(struct client *c, struct sbuf *b, struct hold *h);
unsigned int buffer_holders(const struct sbuf *b);
/* All that the client holds; it is dead. */
void buffers_let_go(struct client *c);
unsigned int held_check(struct server *s, char *why, size_t size);
/* Nobody has it. */
void buffer_end(struct server *s, struct sbuf *b);

/* ---- who still has them (serve_closes.c) ---- */
int closes_create(struct server *s);
void closes_destroy(struct server *s);
/* From its making, with room reserved in by_wd, to its end. */
void closes_watch(struct server *s, struct sbuf *b);
void closes_forget(struct server *s, struct sbuf *b);
/* Ends it if no open is left but the machine's. True: it is gone. */
bool closes_look(struct server *s, struct sbuf *b);
/* What was closed before now is given back when it returns: who asks after closing sees it. Of those without a watch, what this client closed, of
 * its last 256. */
void closes_catch_up(struct client *c);
/* Somebody has let go of one that has no watch: it may soon be nobody's. */
void closes_suspect(struct server *s, struct sbuf *b);
/* Does some of the asking that is due. */
void closes_sweep(struct server *s);
/* How long that can wait, at most timeout_ms (-1: without end). */
int closes_patience(const struct server *s, int timeout_ms);

/* ---- the state file (serve_state.c) ---- */
/* Takes over what a server before noted. With one line in *why. */
int state_open(struct server *s, struct boot_why *why);
void state_close(struct server *s);
void state_alloc(struct server *s, const struct sbuf *b);
void state_name(struct server *s, const struct sbuf *b);
void state_gone(struct server *s, const struct sbuf *b);

/* ---- fences (serve_fences.c) ---- */
int fences_create(struct server *s);
void fences_destroy(struct server *s);
/* What a descriptor stands for: one of the server's own, or a new fence that is done when it is readable. A reference. -EINVAL: neither;
 * -EMFILE: the client has all it may have. */
int fence_of_fd(struct client *c, int fd, struct sync_file **sf);
/* A descriptor for the client; takes over the reference, also when it fails. */
int fence_export(struct client *c, struct sync_file *sf, int *fd);
/* The reply comes when the fences in the way of that use are done. 1: they are already. */
int fence_wait(struct client *c, struct sbuf *b, uint64_t seq, enum dma_data_direction dir);
/* The client is dead; the buffer is gone. */
void fences_forget_client(struct client *c);
void fences_forget_buffer(struct server *s, struct sbuf *b);
/* Replies that are due, and ends what nobody waits for any more. */
void fences_step(struct server *s);

#endif
