#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold exec --preload` where seccomp is refused, what it says of programs that take no library, and what it leaves alone. What it has
# in common with the other form, exec-preload.t tests.
set -u

. "$(dirname "$0")/tap.sh"
limit=90
build=${O:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
programs=$build/tests/system/programs
refuse=$programs/refuse

skip()
{
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

[ -x "$refuse" ] && [ -e "$build/libfreehold-preload.so" ] || { echo "1..0 # SKIP no library in this build"; exit 0; }

cat >alloc.pl <<'END'
use strict; use warnings; use Fcntl;
sysopen(my $heap, "/dev/dma_heap/system", O_RDWR) or die "open: $!\n";
my $data = pack("QLLQ", 12288, 0, O_RDWR, 0);
ioctl($heap, 0xc0184800, $data) or die "ioctl: $!\n";
open(my $buf, "+<&=", (unpack("QLLQ", $data))[1]) or die "fdopen: $!\n";
print "size ", sysseek($buf, 0, 2), "\n";
END

# ---- where seccomp is refused --------------------------------------------------------------------

if "$refuse" true 2>err; then
	real=$freehold
	freehold=$refuse
	runs 'refused: plain ends' 125 "$real" exec -- true
	says 'refused: plain says why, and what there is' "freehold exec: system calls cannot be held here (seccomp with a supervisor, Linux 5.9 or later: Operation not permitted); --preload does without, but not for static and setuid programs, and those that make system calls themselves, as Go's do; programs that use <freehold/client.h> reach \`freehold serve' without either"
	runs 'refused: --preload' 0 "$real" exec --preload -- perl alloc.pl
	shows 'refused: --preload: a buffer' '^size 12288$'
	runs 'refused: processes, threads, signals, descriptors' 0 "$real" exec --preload -- "$programs/shares"
	cat "$root/tests/conform/exec-differs.txt" "$root/tests/conform/preload-differs.txt" >differs
	# What the filter refuses, it refuses the program as well.
	printf '%s\n' '# the filter' 'buf.*.pidfd*' >>differs
	"$refuse" "$real" exec --preload --ram 768M --bootargs cma=64M --like 6.12 -- "$build/tests/conform/dynamic/dmabuf_calls" >mine 2>err
	"$root/tests/conform/compare" "$root/tests/conform/linux-6.12.txt" differs mine >out
	result $? 'refused: every call as Linux 6.12 answers it, but for what is known'
	freehold=$real
else
	skip 'where seccomp is refused' 'no filters here'
fi

# ---- which programs ------------------------------------------------------------------------------

runs 'a static program' 125 exec --preload -- "$build/tests/conform/dmabuf_calls" heap
says 'a static program: says so' "freehold exec: $build/tests/conform/dmabuf_calls is a static program: no library can be put in front of it; without --preload it may run"
cp /bin/true bits
if [ "$(id -u)" = 0 ] && chown 65534 bits && chmod 4755 bits; then
	runs 'a setuid program' 125 exec --preload -- ./bits
	says 'a setuid program: says so' "freehold exec: ./bits has rights of another user's (setuid): no library can be put in front of it; without --preload it may run"
else
	skip 'a setuid program' 'not root'
fi
cp "$freehold" lonely
./lonely exec --preload -- true 2>err
[ $? = 125 ]
result $? 'no library'
says 'no library: says where it was looked for' 'freehold exec: --preload: libfreehold-preload.so is neither beside this command nor in ../lib/freehold from there'
mkdir -p installed/bin installed/lib/freehold
cp "$freehold" installed/bin/freehold && cp "$build/libfreehold-preload.so" installed/lib/freehold
installed/bin/freehold exec --preload -- perl alloc.pl >out 2>err
shows 'installed: found' '^size 12288$'

# ---- others' libraries ---------------------------------------------------------------------------

LD_PRELOAD=$programs/begins.so "$freehold" exec --preload -- sh -c 'echo "$LD_PRELOAD"; cat /dev/null' >out 2>err
result $? 'a library of the user: runs'
shows 'a library of the user: stays, and comes first' "^$programs/begins.so:$build/libfreehold-preload.so\$"
# The command has it, too, and no heap.
[ "$(sort err | uniq -c | tr -s ' ')" = ' 2 constructor: a heap
 1 constructor: nothing' ]
result $? 'a library of the user: its constructor has a heap'

# ---- other languages -----------------------------------------------------------------------------

cat >streams.cc <<'END'
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
namespace fs = std::filesystem;
int main()
{
	std::set<std::string> names;
	for (const auto &e : fs::directory_iterator("/dev/dma_heap"))
		names.insert(e.path().filename());
	std::ifstream heap("/dev/dma_heap/system"), none("/dev/dma_heap/none");
	std::cout << names.count("system") << names.count(".") << heap.is_open() << none.is_open()
		  << fs::is_character_file("/dev/dma_heap/system") << fs::exists("/dev/dma_heap/none")
		  << fs::canonical("/dev/./dma_heap/system") << '\n';
}
END
if command -v c++ >/dev/null && c++ -std=c++17 -o streams streams.cc 2>err; then
	runs 'C++' 0 exec --preload -- ./streams
	shows 'C++: what it sees' '^101010"/dev/dma_heap/system"$'
else
	skip 'C++' 'no C++ compiler'
	skip 'C++: what it sees' 'no C++ compiler'
fi

# ---- what stays behind ---------------------------------------------------------------------------

echo 'opendir(D, "/proc/self/fd"); print join(" ", sort { $a <=> $b } grep { /\d/ } readdir D), "\n"' >open.pl
perl open.pl >without 2>err
runs 'descriptors' 0 exec --preload -- perl open.pl
cmp without out >err
result $? 'descriptors: none of ours'

"$freehold" exec --preload -- sh -c 'kill -KILL $PPID; sleep 0.5; ls /dev/dma_heap; echo status $?; cat /dev/null && echo runs' >out 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do
	grep -q runs out && break
	sleep 0.3
done
shows 'a supervisor that was killed: no heaps' '^status 2$'
shows 'a supervisor that was killed: the program runs' '^runs$'

echo "1..$n"
