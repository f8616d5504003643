/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One descriptor beside a message (SCM_RIGHTS): how those here that pass one or take one fill in a msghdr. */
#ifndef FREEHOLD_CLIENT_FDMSG_H
#define FREEHOLD_CLIENT_FDMSG_H

#include <string.h>
#include <sys/socket.h>

union fd_room {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* fd goes with the message; -1: none does. The room is needed until it is sent. */
static inline void fd_beside(struct msghdr *msg, union fd_room *room, int fd)
{
	if (fd < 0)
		return;
	memset(room, 0, sizeof(*room));
	room->head.cmsg_level = SOL_SOCKET;
	room->head.cmsg_type = SCM_RIGHTS;
	room->head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&room->head), &fd, sizeof(int));
	msg->msg_control = room->bytes;
	msg->msg_controllen = sizeof(room->bytes);
}

/* The one that came into msg_control with a message that was received; -1: none. */
static inline int fd_taken(struct msghdr *msg)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(int));
	return fd;
}

#endif
