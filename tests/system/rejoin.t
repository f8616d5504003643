#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Programs under `freehold exec --socket` whose server is killed or ended while they run, and the one that comes after it.
set -u

. "$(dirname "$0")/tap.sh"
limit=60
trap 'for p in $pids; do kill -9 $p 2>/dev/null; done; rm -rf "$tmp"' EXIT
sock=$tmp/sock

form=${form-}
"$freehold" exec $form -- true 2>err
case $(cat err) in
*'system calls cannot be held here'*)
	echo "1..0 # SKIP no seccomp with a supervisor here"
	exit 0
	;;
esac
command -v python3 >/dev/null || { echo "1..0 # SKIP no python3"; exit 0; }

cat >again.py <<'END'
import errno, fcntl, mmap, os, select, signal, struct, sys, threading, time
buf, maps, fences, line = {}, {}, {}, None
def do(word, n="", *arg):
    global line
    if word == "alloc":
        heap = os.open("/dev/dma_heap/" + (arg[1:] or ("system",))[0], os.O_RDWR | os.O_CLOEXEC)
        data = bytearray(struct.pack("QIIQ", int(arg[0]), 0, os.O_RDWR | os.O_CLOEXEC, 0))
        try:
            fcntl.ioctl(heap, 0xc0184800, data)
        finally:
            os.close(heap)
        buf[n] = struct.unpack("QIIQ", data)[1]
        maps[n] = mmap.mmap(buf[n], int(arg[0]))
    elif word == "offer":  # of pages of its own
        memfd = os.memfd_create(n, os.MFD_ALLOW_SEALING)
        os.ftruncate(memfd, int(arg[0]))
        fcntl.fcntl(memfd, 1033, 2)
        dev = os.open("/dev/udmabuf", os.O_RDWR)
        data = bytearray(struct.pack("IIQQ", memfd, 1, 0, int(arg[0])))
        try:
            buf[n] = fcntl.ioctl(dev, 0x40187542, data)
        finally:
            os.close(dev)
            os.close(memfd)
        maps[n] = mmap.mmap(buf[n], int(arg[0]))
    elif word == "fill":
        maps[n][0:4] = arg[0].encode()
    elif word == "look":
        return bytes(maps[n][0:4]).decode()
    elif word == "close":
        os.close(buf.pop(n))
    elif word == "unmap":
        maps.pop(n).close()
    elif word == "sync":
        fcntl.ioctl(buf[n], 0x40086200, struct.pack("Q", int(arg[0])))
    elif word == "name":
        fcntl.ioctl(buf[n], 0x40086201, arg[0].encode() + b"\0")
    elif word == "info":
        text = dict(l.rstrip("\n").split(":\t", 1) for l in open("/proc/self/fdinfo/%d" % buf[n]))
        return "%d %s %s" % (int(text["ino"]) & 0xffffffffff, text["exp_name"], text.get("name", "-"))
    elif word == "ino":
        return [l.split()[1] for l in open("/proc/self/fdinfo/%d" % buf[n]) if l[:4] == "ino:"][0]
    elif word == "link":
        return os.readlink("/proc/self/fd/%d" % buf[n])
    elif word == "size":
        return str(os.lseek(buf[n], 0, os.SEEK_END))
    elif word == "work":  # a writer is at work until `done`
        line = os.open("/sys/kernel/debug/sync/sw_sync", os.O_RDWR)
        data = bytearray(struct.pack("I32si", 1, b"", 0))
        fcntl.ioctl(line, 0xc0285700, data)
        fence = struct.unpack("I32si", data)[2]
        fcntl.ioctl(buf[n], 0x40086203, struct.pack("Ii", 2, fence))
        os.close(fence)
    elif word == "done":
        fcntl.ioctl(line, 0x40045701, struct.pack("I", 1))
    elif word == "done_when":  # that file is there
        def wait():
            while not os.path.exists(n):
                time.sleep(0.01)
            do("done")
        threading.Thread(target=wait, daemon=True).start()
    elif word == "export":
        data = bytearray(struct.pack("Ii", int(arg[0]), 0))
        fcntl.ioctl(buf[n], 0xc0086202, data)
        fences[n] = struct.unpack("Ii", data)[1]
    elif word == "status":
        data = bytearray(struct.pack("32siIIIQ", b"", 0, 0, 0, 0, 0))
        fcntl.ioctl(fences[n], 0xc0383e04, data)
        return str(struct.unpack("32siIIIQ", data)[1])
    elif word == "poll":
        p = select.poll()
        p.register(fences[n] if arg[1:] else buf[n], select.POLLIN)
        return str(len(p.poll(int(arg[0]))))
    elif word == "child":  # has all, and says nothing
        pid = os.fork()
        if pid == 0:
            signal.alarm(120)
            signal.pause()
        return str(pid)
    elif word == "alarm":  # a signal whose handler lets nothing be repeated
        def ring(*x):
            raise InterruptedError(errno.EINTR, "")
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, float(n))
    return ""
for l in iter(sys.stdin.readline, ""):
    try:
        print(("ok " + do(*l.split())).rstrip(), flush=True)
    except OSError as e:
        print("error", errno.errorcode[e.errno], flush=True)
END

# serve ARGUMENT...: a server that is ready
serve()
{
	listens "$freehold" serve --ram 256M --bootargs cma=32M --socket "$sock" "$@"
}

# killed, ended: the server is no more; it gives no time to who has buffers
killed()
{
	kill -9 $server
	wait $server 2>/dev/null
}

ended()
{
	kill -TERM $server
	wait $server
	[ $? = "$1" ]
	result $? "$2"
}

# program NAME FD ARGUMENT...: one that takes commands, under exec
program()
{
	who=$1 fd=$2
	shift 2
	mkfifo "$who.in"
	: >"$who.out"
	"$freehold" exec $form --socket "$sock" "$@" -- python3 again.py <"$who.in" >"$who.out" 2>"$who.err" &
	eval "$who=$!; exec $fd<>$who.in"
	pids="$pids $!"
}

# answer NAME N: its Nth line, when it is there
answer()
{
	for i in $(seq 3000); do
		[ "$(wc -l <"$1.out")" -ge "$2" ] && break
		sleep 0.01
	done
	sed -n "$2p" "$1.out"
}

# says_to NAME COMMAND: without waiting for the answer, which is line $line of what it says
says_to()
{
	line=$(($(wc -l <"$1.out") + 1))
	echo "$2" >"$1.in"
}

# got WANT NAME: the answer to that
got()
{
	answer=$(answer "$1" $line)
	{ echo "$1: $answer, expected $2"; cat "$1.err"; } >err
	: >out
	[ "$answer" = "$2" ]
	result $? "$3"
}

# asks NAME COMMAND WANT [TEST]
asks()
{
	says_to "$1" "$2"
	got "$1" "$3" "${4:-$1: $2: $3}"
}

# counts NAME REGEX: a line of the server's list of buffers is like this, soon
counts()
{
	for i in $(seq 300); do
		"$freehold" stat --socket "$sock" sys/kernel/debug/freehold/buffers >out 2>err
		grep -Eq -- "$2" out && break
		sleep 0.02
	done
	shows "$1" "$2"
}

# ---- killed, and nothing written down ------------------------------------------------------------

serve
result $? 'a server is ready'
program p 5
asks p 'alloc a 12288' ok
asks p 'fill a abcd' ok
asks p 'name a frame' ok
asks p 'alloc b 4096 reserved' ok
says_to p 'ino a'
ino=$(answer p $line)
says_to p child
child=$(answer p $line | cut -d' ' -f2)
killed
asks p 'look a' 'ok abcd' 'without a server its bytes are there'
asks p 'size a' 'ok 12288' 'and its size'
says_to p 'alloc c 8192'
sleep 0.3
[ "$(wc -l <p.out)" -lt $line ]
result $? 'who allocates meanwhile waits'
serve
got p ok 'for the next server'
counts 'which is told of all that it has' ' 12288 .* system +frame '
counts 'of whose it is' ' 4096 .* reserved .* python3\([0-9]+\)\*'
counts 'and of a child that has said nothing' ' 12288 .* frame .*python3\([0-9]+\).*python3\([0-9]+\)'
asks p 'ino a' "$ino" 'the number that the program sees stays'
asks p 'link a' 'ok /dmabuf:frame' 'and the name'
asks p 'look a' 'ok abcd'
asks p 'sync a 1' ok
asks p 'close c' ok
asks p 'unmap c' ok
killed
serve
counts 'without a call of the program, too' ' 12288 .* system +frame '
asks p 'close b' ok
asks p 'unmap b' ok
exec 5>&-
kill -9 $child

# ---- fences --------------------------------------------------------------------------------------

program f 6
asks f 'alloc a 4096' ok
asks f 'work a' ok
asks f 'poll a 0' 'ok 0'
asks f 'export a 1' ok
asks f 'poll a 0 fence' 'ok 0'
killed
serve
counts 'it is there again' ' 4096 .* system '
asks f 'poll a 0' 'ok 0' 'a writer who is at work still is'
asks f 'poll a 0 fence' 'ok 1' 'what the server before had exported has ended'
asks f "done_when $tmp/go" ok
says_to f 'sync a 1'
sleep 0.2
killed
serve
counts 'it is there once more' ' 4096 .* system '
[ "$(wc -l <f.out)" -lt $line ]
result $? 'who waits for him goes on waiting with the next server'
touch go
got f ok 'until he is done'
asks f 'poll a 0' 'ok 1'
exec 6>&-

# ---- buffers of a program's own pages ------------------------------------------------------------

program u 5
asks u 'offer a 20480' ok
asks u 'fill a page' ok
asks u 'name a mine' ok
asks u 'work a' ok
says_to u 'ino a'
ino=$(answer u $line)
says_to u child
child=$(answer u $line | cut -d' ' -f2)
killed
asks u 'look a' 'ok page' 'of pages of its own: without a server its bytes are there'
says_to u 'offer b 8192'
sleep 0.2
[ "$(wc -l <u.out)" -lt $line ]
result $? 'who makes one meanwhile waits'
serve
got u ok 'for the next server'
counts 'which is told of it, its name and its holders' ' 20480 .* udmabuf +mine .*python3\([0-9]+\).*python3\([0-9]+\)'
asks u 'ino a' "$ino" 'the number stays'
asks u 'link a' 'ok /dmabuf:mine'
asks u 'poll a 0' 'ok 0' 'and who is at work'
asks u done ok
asks u 'sync a 1' ok
killed
serve
counts 'and the one after it' ' 20480 .* udmabuf +mine '
kill -9 $child
for x in a b; do
	asks u "close $x" ok
	asks u "unmap $x" ok
done
for i in $(seq 300); do
	"$freehold" stat --socket "$sock" sys/kernel/debug/freehold/buffers >out 2>err
	grep -q udmabuf out || break
	sleep 0.02
done
! grep -q udmabuf out
result $? 'what is closed is gone there, too'
exec 5>&-

# ---- ended in order, and from a state file ------------------------------------------------------

killed
serve --state state --drain 1s
program s 7
asks s 'alloc a 4096' ok
asks s 'fill a text' ok
kill -TERM $server
sleep 0.3
says_to s 'alloc b 8192'
sleep 0.2
[ "$(wc -l <s.out)" -lt $line ]
result $? 'who allocates while the server drains waits'
wait $server
[ $? = 3 ]
result $? 'the server ends'
serve --state state
got s ok 'for the next one'
counts 'what the next one found in its file has its holder' ' 4096 .* system .* python3\([0-9]+\)'
[ "$(grep -c ' 4096 ' out)" = 1 ]
result $? 'and is there once'
asks s 'look a' 'ok text'
killed
serve --state state
counts 'killed, with a file' ' 8192 .* system .* python3\([0-9]+\)'
for x in a b; do
	asks s "close $x" ok
	asks s "unmap $x" ok
done
exec 7>&-
ended 0 'nothing is left'

# ---- patience ------------------------------------------------------------------------------------

serve
program q 8 --rejoin 300ms
program i 9
asks q 'alloc a 4096' ok
asks i 'alloc a 4096' ok
killed
asks q 'alloc b 4096' 'error ENOMEM' 'who allocates is refused when the time is over'
asks q 'sync a 1' 'error EIO' 'other calls fail'
asks q 'size a' 'ok 4096' 'what needs no server does not'
asks i 'alarm 0.3' ok
asks i 'alloc b 4096' 'error EINTR' 'a signal ends the wait'
serve
asks i 'alloc b 4096' ok
counts 'the server is found again, however late' ' 4096 '
asks q 'alloc b 4096' ok
asks q 'sync a 1' ok
killed
# Another machine, without that heap's area.
"$freehold" serve --ram 64M --socket "$sock" >server.out 2>server.err &
server=$!
pids="$pids $server"
asks i 'alloc c 4096 reserved' 'error ENOMEM' 'a heap that the next server does not have'
asks i 'alloc c 4096' ok

runs 'patience with a machine of its own' 2 exec --rejoin 1s -- true
says 'patience with a machine of its own: why' \
	"freehold exec: --rejoin: expected --socket with it: a machine of the program's own ends with it"
runs 'no time' 2 exec --rejoin soon --socket "$sock" -- true
says 'no time: why' 'freehold exec: --rejoin soon: expected a time, as 15s or 0'

echo "1..$n"
