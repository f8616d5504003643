#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# /dev/udmabuf under `freehold exec`: that a buffer shows the very pages of the memfds it was made of, wherever and by whom it is mapped, and
# that a thread that maps one can be stopped, killed and interrupted at any moment. What each call answers is tests/conform's.
set -u

. "$(dirname "$0")/tap.sh"
limit=120
user=${O:-build}/tests/stress/udmabuf_user
case $user in /*) ;; *) user=$root/$user ;; esac
[ -x "$user" ] || { echo "Bail out! $user is not built"; exit 1; }

"$freehold" exec -- true 2>err
case $(cat err) in
*'system calls cannot be held here'*)
	echo "1..0 # SKIP no seccomp with a supervisor here"
	exit 0
	;;
esac

# does WHAT NAME: one test of udmabuf_user
does()
{
	runs "$2" 0 exec -- "$user" "$1"
}

runs 'the device' 0 exec -- sh -c 'ls -l /dev/udmabuf && cd /dev && test -c udmabuf && test -r udmabuf && test ! -e udmabuf/x && ! ls udmabuf/'
shows 'the device: a character device' '^crw------- +1 .* /dev/udmabuf$'
does scattered 'scattered pages: each is the memfd'"'"'s, also in a child and in another process'
does places 'at fixed places, locked, and where it cannot be'
does threads 'six threads, and a signal every 3 ms'
does traced 'who is traced is told so'
does full 'without a descriptor to spare'
does sealed 'half of it refused: nothing is left'
does many 'what nobody has is let go'
does middle 'killed, stopped and replaced in the middle of it'

"$freehold" exec -- "$user" huge >out 2>err
got=$?
if [ $got = 77 ]; then
	n=$((n + 1))
	echo "ok $n - whole huge pages # SKIP there are none"
else
	[ $got = 0 ]
	result $? 'whole huge pages'
fi

# ---- a server ------------------------------------------------------------------------------------

listens "$freehold" serve --ram 64M --bootargs cma=16M --socket "$tmp/socket" --state "$tmp/state"
cat >hold.pl <<'END'
use strict; use warnings; use Fcntl;
my $what = "hold"; my $fd = syscall(319, $what, 3);
open(my $mem, "+<&=", $fd) or die "memfd: $!\n";
truncate($mem, 12288) or die "truncate: $!\n";
fcntl($mem, 1033, 2) or die "seals: $!\n";
sysopen(my $dev, "/dev/udmabuf", O_RDWR) or die "open: $!\n";
my $arg = pack("LLQQ", $fd, 1, 4096, 8192);
my $buf = ioctl($dev, 0x40187542, $arg) or die "create: $!\n";
open(my $b, "+<&=", int $buf) or die "fdopen: $!\n";
my $name = "mine\0";
ioctl($b, 0x40086201, $name) or die "name: $!\n";
close($mem);
print readlink("/proc/self/fd/$buf"), "\n";
$| = 1; print "held\n"; <STDIN>; close($b); print "gone\n"; <STDIN>;
END
if [ "$(uname -m)" = x86_64 ]; then
	mkfifo go
	"$freehold" exec --socket "$tmp/socket" -- perl hold.pl <go >held 2>&1 &
	pid=$!
	trap '' PIPE
	exec 7>go
	for i in 1 2 3 4 5 6 7 8 9 10; do
		grep -q '^held' held && break
		sleep 0.2
	done
	"$freehold" stat --socket "$tmp/socket" sys/kernel/debug/dma_buf/bufinfo >out 2>err
	grep -q "udmabuf.*mine" out
	result $? "the server's bufinfo has it"
	grep -q '^/dmabuf:mine$' held
	result $? 'its name'
	[ -s state ] && ! grep -q '^alloc' state
	result $? 'a server after this one is not told of it'
	echo >&7
	for i in 1 2 3 4 5 6 7 8 9 10; do
		sleep 0.2
		"$freehold" stat --socket "$tmp/socket" sys/kernel/debug/dma_buf/bufinfo >out 2>err
		grep -q udmabuf out || break
	done
	! grep -q udmabuf out
	result $? 'and when it is closed, not any more'
	exec 7>&-
	wait $pid
fi
timeout 30 "$freehold" exec --socket "$tmp/socket" -- "$user" give "$tmp/pass" >given 2>&1 &
pid=$!
runs 'taken by a program of another supervisor: not mapped' 0 exec --socket "$tmp/socket" -- "$user" take "$tmp/pass"
wait $pid
result $? 'and its giver goes on'
kill -TERM $server
wait $server
result $? 'the server has nothing left'

echo "1..$n"
