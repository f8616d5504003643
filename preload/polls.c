/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* poll() and select(). Times are copied where the kernel would write what is left of them, and the libc does not. */
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <time.h>
#include "preload.h"

WRAPS int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct timespec time = {timeout / 1000, timeout % 1000 * 1000000L};
	long result;

	if (TRAP(&result, SYS_ppoll, ADDRESS(fds), (long)n, timeout < 0 ? 0 : ADDRESS(&time), 0,
		 KERNEL_SIGSETS))
		return (int)returned(result);
	return NEXT(poll)(fds, n, timeout);
}

WRAPS int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	struct timespec time = timeout ? *timeout : (struct timespec){0, 0};
	long result;

	if (TRAP(&result, SYS_ppoll, ADDRESS(fds), (long)n, timeout ? ADDRESS(&time) : 0,
		 ADDRESS(mask), KERNEL_SIGSETS))
		return (int)returned(result);
	return NEXT(ppoll)(fds, n, timeout, mask);
}

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
WRAPS int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
	return room / sizeof(*fds) < n ? NEXT(__poll_chk)(fds, n, timeout, room)
				       : poll(fds, n, timeout);
}

int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t room);
WRAPS int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		      const sigset_t *mask, size_t room)
{
	return room / sizeof(*fds) < n ? NEXT(__ppoll_chk)(fds, n, timeout, mask, room)
				       : ppoll(fds, n, timeout, mask);
}

struct mask_arg {
	const sigset_t *mask;
	size_t size;
};

WRAPS int select(int n, fd_set *in, fd_set *out, fd_set *odd, struct timeval *timeout)
{
	struct timespec time = {0, 0};
	long result;

	if (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0 || timeout->tv_usec > 999999))
		return NEXT(select)(n, in, out, odd, timeout);
	if (timeout)
		time = (struct timespec){timeout->tv_sec, timeout->tv_usec * 1000L};
	if (!TRAP(&result, SYS_pselect6, n, ADDRESS(in), ADDRESS(out), ADDRESS(odd),
		  timeout ? ADDRESS(&time) : 0, 0))
		return NEXT(select)(n, in, out, odd, timeout);
	if (timeout)
		*timeout = (struct timeval){time.tv_sec, time.tv_nsec / 1000};
	return (int)returned(result);
}

WRAPS int pselect(int n, fd_set *in, fd_set *out, fd_set *odd, const struct timespec *timeout,
		  const sigset_t *mask)
{
	struct timespec time = timeout ? *timeout : (struct timespec){0, 0};
	struct mask_arg last = {mask, KERNEL_SIGSETS};
	long result;

	if (TRAP(&result, SYS_pselect6, n, ADDRESS(in), ADDRESS(out), ADDRESS(odd),
		 timeout ? ADDRESS(&time) : 0, ADDRESS(&last)))
		return (int)returned(result);
	return NEXT(pselect)(n, in, out, odd, timeout, mask);
}
