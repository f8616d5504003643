/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which system calls are trapped, and who answers each. Older ones exist on some architectures only. */
#include <sys/syscall.h>
#include "exec.h"
#include "exec_calls.h"

static const struct {
	int nr;
	enum exec_when when;
	trap_handler *handler;
} call[] = {
#ifdef SYS_open
	{SYS_open, EXEC_ALWAYS, exec_open},
	{SYS_creat, EXEC_ALWAYS, exec_creat},
	{SYS_stat, EXEC_ALWAYS, exec_stat},
	{SYS_lstat, EXEC_ALWAYS, exec_lstat},
	{SYS_access, EXEC_ALWAYS, exec_access},
	{SYS_readlink, EXEC_ALWAYS, exec_readlink},
	{SYS_poll, EXEC_POLLS, exec_poll},
	{SYS_select, EXEC_POLLS, exec_select},
#endif
	{SYS_openat, EXEC_ALWAYS, exec_openat},
	{SYS_openat2, EXEC_ALWAYS, exec_openat2},
	{SYS_fstat, EXEC_ALWAYS, exec_fstat},
	{SYS_newfstatat, EXEC_ALWAYS, exec_fstatat},
	{SYS_statx, EXEC_ALWAYS, exec_statx},
	{SYS_faccessat, EXEC_ALWAYS, exec_faccessat},
	{SYS_faccessat2, EXEC_ALWAYS, exec_faccessat2},
	{SYS_readlinkat, EXEC_ALWAYS, exec_readlinkat},
	{SYS_getdents64, EXEC_ALWAYS, exec_getdents},
	{SYS_ioctl, EXEC_SOME_IOCTLS, exec_ioctl},
	{SYS_lseek, EXEC_SOME_SEEKS, exec_lseek},
	{SYS_mmap, EXEC_FILE_MAPS, exec_mmap},
	{SYS_fcntl, EXEC_SOME_FCNTLS, exec_fcntl},
	{SYS_ftruncate, EXEC_ALWAYS, exec_ftruncate},
	{SYS_fallocate, EXEC_ALWAYS, exec_fallocate},
	{SYS_epoll_ctl, EXEC_ALWAYS, exec_epoll_ctl},
	{SYS_fsync, EXEC_ALWAYS, exec_fsync},
	{SYS_fdatasync, EXEC_ALWAYS, exec_fsync},
	{SYS_sync_file_range, EXEC_ALWAYS, exec_sync_range},
	{SYS_readahead, EXEC_ALWAYS, exec_readahead},
	{SYS_fsetxattr, EXEC_ALWAYS, exec_fsetxattr},
	{SYS_flistxattr, EXEC_ALWAYS, exec_flistxattr},
	{SYS_getxattr, EXEC_ALWAYS, exec_getxattr},
	{SYS_lgetxattr, EXEC_ALWAYS, exec_lgetxattr},
	{SYS_truncate, EXEC_ALWAYS, exec_truncate},
	{SYS_fstatfs, EXEC_ALWAYS, exec_fstatfs},
	{SYS_getcwd, EXEC_ALWAYS, exec_getcwd},
	{SYS_ppoll, EXEC_POLLS, exec_ppoll},
	{SYS_pselect6, EXEC_POLLS, exec_pselect},
};
#define NR_CALLS (sizeof(call) / sizeof(call[0]))

size_t exec_calls_trapped(struct exec_trapped *calls, size_t room)
{
	size_t n;

	for (n = 0; n < NR_CALLS && n < room; n++)
		calls[n] = (struct exec_trapped){call[n].nr, call[n].when};
	return n;
}

trap_handler *exec_handler(int nr)
{
	for (size_t i = 0; i < NR_CALLS; i++)
		if (call[i].nr == nr)
			return call[i].handler;
	return NULL;
}
