#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold exec`: what a program under it sees of heaps and buffers, that nothing else is other than without it, how it ends, and
# what it says of bad input. By seccomp, and with form=--preload (exec-preload.t) by the preloaded library.
set -u

. "$(dirname "$0")/tap.sh"
limit=90

# execs NAME STATUS ARGUMENT...: runs() of `freehold exec`
form=${form-}
execs()
{
	name=$1 want=$2
	shift 2
	runs "$name" "$want" exec $form "$@"
}

skip()
{
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

build=${O:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
programs=$build/tests/system/programs

# ---- bad input -----------------------------------------------------------------------------------

execs 'no program' 2
says 'no program: says so' "freehold exec: expected a program to run"
execs 'an unknown option' 2 --fly -- true
execs 'a socket and a machine' 2 --socket /nowhere --ram 1G -- true
says 'a socket and a machine: says so' "freehold exec: --socket: the server's machine is as it is; without it, --dtb, --ram, --bootargs, --policy and --like make one"
execs 'no server' 2 --socket /nowhere -- true
says 'no server: says so' "freehold exec: /nowhere: no server is there; \`freehold serve --socket PATH' starts one"
execs 'a bad machine' 2 --ram plenty -- true
says 'a bad machine: says so' 'freehold exec: --ram plenty: expected a size, as 512M or 4G'
execs 'a bad kernel' 2 --like six -- true
says 'a bad kernel: says so' "freehold exec: --like six: expected a kernel's version, as 6.12"
execs 'a kernel without heaps' 2 --like 5.4 -- true
says 'a kernel without heaps: says so' 'freehold exec: like=5.4: kernels before 5.6 have no heaps; expected like=MAJOR[.MINOR], as like=6.12'

"$freehold" exec $form -- true 2>err
case $(cat err) in
*'system calls cannot be held here'*)
	skip 'all else' 'no seccomp with a supervisor here'
	echo "1..$n"
	exit 0
	;;
*'libfreehold-preload.so is neither'*)
	skip 'all else' 'no library in this build'
	echo "1..$n"
	exit 0
	;;
esac

# ---- how it ends ---------------------------------------------------------------------------------

execs 'success' 0 -- true
execs 'failure' 7 -- sh -c 'exit 7'
execs 'killed by a signal' 137 -- sh -c 'kill -9 $$'
execs 'no such program' 127 -- /no/such/program
says 'no such program: says so' 'freehold exec: /no/such/program: No such file or directory'
execs 'not a program' 126 -- /etc/passwd
execs 'heaps of 6.12' 0 --like 6.12 -- ls /dev/dma_heap
shows 'heaps of 6.12: its names' '^reserved$' '^system$'
execs 'heaps of 6.12: no others' 0 --like 6.12 -- sh -c 'test $(ls /dev/dma_heap | wc -l) = 2'
execs 'heaps of 6.17' 0 --like 6.17 -- sh -c 'test $(ls /dev/dma_heap | wc -l) = 3 && test -c /dev/dma_heap/default_cma_region'
execs 'options of the program are its own' 0 -- sh -c 'echo "$1"' sh --ram
shows 'options of the program are its own: it gets them' '^--ram$'
if [ -z "$form" ]; then
	execs 'another one below' 125 -- "$freehold" exec -- true
	says 'another one below: says so' 'freehold exec: another supervisor holds system calls of this process already (seccomp: Device or resource busy); --preload does without'
else
	execs 'another one below' 0 -- "$freehold" exec --preload --like 6.17 -- sh -c 'test $(ls /dev/dma_heap | wc -l) = 3'
fi

"$freehold" exec $form -- sh -c 'trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.05; done' >out 2>err &
pid=$!
while ! grep -q ready out; do sleep 0.05; done
kill -TERM $pid
wait $pid
[ $? = 5 ] && grep -q caught out
result $? 'a signal is passed on'

"$freehold" exec $form -- sh -c '(sleep 0.7; ls /dev/dma_heap >late) & exit 3' >out 2>err
got=$?
[ $got = 3 ] && [ ! -s late ]
result $? 'who outlives the program does not hold it up'
for i in 1 2 3 4 5 6 7 8 9 10; do
	grep -qs system late && break
	sleep 0.3
done
grep -q system late
result $? 'who outlives the program has its heaps all the same'

# ---- heaps and buffers ---------------------------------------------------------------------------

execs 'ls' 0 -- ls -la /dev/dma_heap
shows 'ls: a character device' '^crw------- +1 .* system$'
says 'ls: no complaint' ''
execs 'test -c' 0 -- sh -c 'cd / && test -c dev/dma_heap/system && test ! -e /dev/dma_heap/none'

cat >alloc.pl <<'END'
use strict; use warnings; use Fcntl;
sysopen(my $heap, "/dev/dma_heap/" . ($ARGV[0] // "system"), O_RDWR) or die "open: $!\n";
my $data = pack("QLLQ", 12288, 0, O_RDWR, 0);
ioctl($heap, 0xc0184800, $data) or die "ioctl: $!\n";
my $fd = (unpack("QLLQ", $data))[1];
open(my $buf, "+<&=", $fd) or die "fdopen: $!\n";
print "size ", sysseek($buf, 0, 2), "\n";
print readlink("/proc/self/fd/$fd"), "\n";
system("cat /proc/$$/fdinfo/$fd");
if (!fork) { print "in a child, size ", sysseek($buf, 0, 2), "\n"; exit }
wait;
END
execs 'a buffer' 0 -- perl alloc.pl
shows 'a buffer: its size' '^size 12288$'
shows 'a buffer: its link' '^/dmabuf:$'
shows 'a buffer: fdinfo, read by another process' '^exp_name:.system$'
shows 'a buffer: in a child' '^in a child, size 12288$'
execs 'an area of a tree' 0 --dtb "$root/boards/imx8mq-evk.dts" -- ls /dev/dma_heap

cat >threads.py <<'END'
import fcntl, mmap, os, struct, threading
bad = []
def work(n):
    heap = os.open("/dev/dma_heap/system", os.O_RDWR | os.O_CLOEXEC)
    for i in range(50):
        data = bytearray(struct.pack("QIIQ", 4096 * (n + 1), 0, os.O_RDWR | os.O_CLOEXEC, 0))
        fcntl.ioctl(heap, 0xc0184800, data)
        fd = struct.unpack("QIIQ", data)[1]
        m = mmap.mmap(fd, 4096 * (n + 1))
        if m[0] or m[-1] or os.lseek(fd, 0, os.SEEK_END) != 4096 * (n + 1):
            bad.append(n)
        m[0] = n + 1
        fcntl.ioctl(fd, 0x40086200, struct.pack("Q", 7))
        m.close()
        os.close(fd)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print("bad", bad, "left", len(os.listdir("/proc/self/fd")))
END
if command -v python3 >/dev/null; then
	execs 'eight threads' 0 -- python3 threads.py
	shows 'eight threads: each buffer its own' '^bad \[\] left '
else
	skip 'eight threads' 'no python3'
	skip 'eight threads: each buffer its own' 'no python3'
fi

if [ -x "$programs/shares" ]; then
	execs 'processes, threads, signals, descriptors' 0 -- "$programs/shares"
	says 'processes, threads, signals, descriptors: a constructor, too' 'constructor: a heap'
else
	skip 'processes, threads, signals, descriptors' 'shares is not built'
fi

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$tmp" && mkdir -m 777 other
	(cd other && setpriv --reuid 65534 --regid 65534 --clear-groups "$freehold" exec $form -- perl ../alloc.pl) >out 2>err
	result $? 'for a user without rights'
else
	skip 'for a user without rights' 'not root'
fi

# ---- as Linux, call by call ----------------------------------------------------------------------

conform=$build/tests/conform/${form:+dynamic/}dmabuf_calls
cat "$root/tests/conform/exec-differs.txt" >differs
[ -z "$form" ] || cat "$root/tests/conform/preload-differs.txt" >>differs
if [ -x "$conform" ]; then
	"$freehold" exec $form --ram 768M --bootargs cma=64M --like 6.12 -- "$conform" >mine 2>err
	"$root/tests/conform/compare" "$root/tests/conform/linux-6.12.txt" differs mine >out
	result $? 'every call as Linux 6.12 answers it, but for what is known'
else
	skip 'every call as Linux 6.12 answers it' 'dmabuf_calls is not built'
fi

# ---- what is none of our business ----------------------------------------------------------------

cat >ordinary.sh <<'END'
mkdir -p d/e && cd d && umask 022
echo one >a; ln -s a link; ln -s nowhere broken; mkfifo p; ln -s . round
ls -l --time-style=+ | sed 's/ [0-9]* root/ root/'; ls -d e/../e ./a link/ 2>&1; cat link broken 2>&1; readlink link broken a
stat -c '%F %a %s' a link e p /dev/null /dev /proc/self/fd/0; test -r a && test ! -x a && echo access
dd if=a of=b bs=1 seek=3 2>/dev/null; od -c b; truncate -s 100 b; wc -c b; tail -c 2 b | od -c
perl -e 'open(F, "+<", "b"); seek(F, 5, 0); print tell(F), " "; seek(F, -1, 1); print tell(F), " "; seek(F, 0, 2); print tell(F), "\n";
	print sysopen(G, "none", 0) ? "" : "$!\n"; print opendir(D, "a") ? "" : "$!\n"; print ioctl(F, 0x5401, $x) ? "" : "$!\n";
	print ioctl(F, 0xc0184800, $x = "\0" x 24) ? "" : "$!\n"; print ioctl(F, 0x40086200, $x) ? "" : "$!\n";
	$r = ""; vec($r, fileno(F), 1) = 1; print scalar(select($r, undef, undef, 0.01)), "\n";
	opendir(D, "."); print join(" ", sort readdir D), "\n"; rewinddir D; print scalar(() = readdir D), "\n"'
(cd e && pwd | sed 's|.*/d/|d/|'; cat ../a; cat /proc/self/fdinfo/0 | head -1); echo x | cat /dev/fd/0; cat /dev/stdin <a
find . | sort; cp -r . ../copy 2>&1; cp -a e ../f; tar cf - a e link | tar tf -; rm -rf ../copy; sort -r a b | head -1 | od -c
sh -c 'kill -TERM $$'; echo $?; cat none 2>&1; exec 9<a; cat <&9; timeout 0.1 sleep 1; echo $?; cat /dev/dma_heap 2>/dev/null; echo end
END
(mkdir without && cd without && sh ../ordinary.sh) >without.out 2>&1
(mkdir with && cd with && "$freehold" exec $form -- sh ../ordinary.sh) >with.out 2>&1
diff without.out with.out >out && [ "$(wc -l <with.out)" -gt 50 ]
result $? 'ordinary calls, with and without'

# ---- a server ------------------------------------------------------------------------------------

listens "$freehold" serve --ram 256M --bootargs cma=32M --socket "$tmp/socket"
execs 'a program of a server' 0 --socket "$tmp/socket" -- perl alloc.pl
shows 'a program of a server: a buffer' '^size 12288$'
cat >share.py <<'END'
import array, fcntl, mmap, os, socket, struct, sys
path, role = sys.argv[1:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
if role == "give":
    s.bind(path); s.listen()
    heap = os.open("/dev/dma_heap/system", os.O_RDWR)
    data = bytearray(struct.pack("QIIQ", 8192, 0, os.O_RDWR, 0))
    fcntl.ioctl(heap, 0xc0184800, data)
    fd = struct.unpack("QIIQ", data)[1]
    fcntl.ioctl(fd, 0x40086201, b"given\0")
    m = mmap.mmap(fd, 8192); m[0:4] = b"here"
    c, _ = s.accept()
    socket.send_fds(c, [b"x"], [fd])
    c.recv(1)
else:
    import time
    for i in range(100):
        try:
            s.connect(path); break
        except OSError:
            time.sleep(0.05)
    _, fds, _, _ = socket.recv_fds(s, 1, 1)
    fd = fds[0]
    print(os.lseek(fd, 0, os.SEEK_END), os.readlink("/proc/self/fd/%d" % fd), bytes(mmap.mmap(fd, 8192)[0:4]))
    fcntl.ioctl(fd, 0x40086200, struct.pack("Q", 3))
    s.send(b"x")
END
if command -v python3 >/dev/null; then
	timeout 30 "$freehold" exec $form --socket "$tmp/socket" -- python3 share.py "$tmp/pass" give >give.out 2>&1 &
	execs 'a buffer from a stranger' 0 --socket "$tmp/socket" -- python3 share.py "$tmp/pass" take
	shows 'a buffer from a stranger: known as one' "^8192 /dmabuf:given b'here'$"
	wait $!
else
	skip 'a buffer from a stranger' 'no python3'
	skip 'a buffer from a stranger: known as one' 'no python3'
fi
kill -TERM $server
wait $server
result $? 'the server has nothing left'

echo "1..$n"
