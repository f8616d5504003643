#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold serve` as its users see it: programs that share buffers, die, ask for too much; the server's ends and returns.
set -u

. "$(dirname "$0")/tap.sh"
. "$root/tests/system/serve.sh"

# ---- two programs and a buffer -------------------------------------------------------------------

serve $machine
result $? 'a server is ready'
cp server.out out
shows 'it says where, and which heaps' "^ready: $tmp/sock, memfd, heaps system default_cma_region reserved"
[ "$(stat -c %a sock)" = 600 ]
result $? 'its socket is for this user alone'

runs 'its machine can be read' 0 stat --socket sock proc/meminfo
shows 'its machine can be read: the text' '^CmaTotal:          65536 kB$'
runs 'a summary' 0 stat --socket ''
shows 'a summary: its text' '^reserved '
runs 'nobody there' 2 stat --socket nowhere proc/meminfo
says 'nobody there: why' "freehold stat: --socket nowhere: no server is there; \`freehold serve --socket PATH' starts one"
user a 4 >/dev/null
user b 5 >/dev/null
asks a 'alloc 0 default_cma_region 100000' 'ok 102400' 'whole pages'
asks a 'check 0 0' ok 'zero when it is handed out'
asks a 'fill 0 7' ok
asks a 'name 0 frame' ok
asks a 'info 0' 'ok 1 default_cma_region frame'
runs 'who has what' 0 stat --socket sock users
shows 'who has what: the sum' '^1 buffer, 100 KiB; of nobody known: 0, 0 B$'
shows 'who has what: a program' "^ *$a +1 +100 KiB +100 KiB +100 KiB +100 KiB +- +-  a$"
shows 'who has what: one that has nothing' "^ *$b +0 +0 B +0 B +0 B +0 B +- +-  b$"
shows 'who has what: a heap' '^default_cma_region +cma +1 +100 KiB +100 KiB +- +64 MiB +0$'
! grep -q 'freehold stat' out
result $? 'who has what: not the reader'
asks b 'info 0' 'error ENOENT' 'the number alone is no key'
echo "take 0 $tmp/pass" >b.in
asks a "give 0 $tmp/pass" ok 'it is passed on'
answer b 3 >/dev/null
asks b 'check 0 7' ok 'the other reads what the first wrote'
asks b 'import 0' 'ok 102400'
asks b 'info 0' 'ok 2 default_cma_region frame' 'two hold it'
runs 'who shares' 0 stat --socket sock users -f json
given='my %u = map { $_->{name} => $_ } @{$j->{users}};'
holds 'who shares: held by both, charged to one' '$u{a}{charged_bytes} == 102400 && $u{b}{charged_bytes} == 0 &&
	$u{b}{held_bytes} == 102400 && $u{a}{pss_bytes} == 51200 && $u{b}{pss_bytes} == 51200 && $j->{buffers} == 1 &&
	@{$j->{users}} == 2 && !@{$j->{unknown}} && !defined $u{a}{limit_bytes} && $u{a}{pid} == '$a
given=
kill -9 $a
wait $a 2>/dev/null
asks b 'check 0 7' ok 'the first is killed, the other goes on reading'
asks b 'info 0' 'ok 1 default_cma_region frame' 'one holds it'
asks b 'heap default_cma_region' 'ok 102400 0'
asks b 'release 0' ok
asks b 'heap default_cma_region' 'ok 0 0' 'the last gives it back'

user c 6 >/dev/null
asks c 'alloc 0 system 8192' 'ok 8192'
asks c 'name 0 some_name' ok
echo "take 1 $tmp/pass" >b.in
asks c "give 0 $tmp/pass" ok
kill -9 $c
wait $c 2>/dev/null
asks b 'heap system' 'ok 8192 0' 'a stranger has it, its maker is dead: it stays'
runs 'what nobody known has' 0 stat --socket sock users
shows 'what nobody known has: the sum' '^1 buffer, 8 KiB; of nobody known: 1, 8 KiB$'
shows 'what nobody known has: which, how old' '^ +[0-9]+ +8 KiB +[0-9.]+ m?s  system +some_name$'
runs 'what nobody known has, for programs' 0 stat --socket sock users -f json
holds 'what nobody known has, for programs: its fields' '@{$j->{unknown}} == 1 && $j->{unknown_bytes} == 8192 &&
	$j->{unknown}[0]{size_bytes} == 8192 && $j->{unknown}[0]{heap} eq "system" && $j->{unknown}[0]{name} eq "some_name" &&
	$j->{unknown}[0]{age_ms} >= 0'
asks b 'check 1 0' ok
asks b 'close 1' ok
asks b 'heap system' 'ok 0 0' 'until he closes it'
asks b 'alloc 2 system 4096' 'ok 4096'
asks b 'close 2' ok
asks b 'heap system' 'ok 0 0' 'closing alone gives it back'
asks b 'alloc 3 nothing 4096' 'error ENOENT'
asks b "alloc 3 $(printf %070d 0) 4096" 'error ENOENT' 'a name that no heap can have'
asks b 'alloc 6 default_cma_region 40000000' 'ok 40001536'
asks b 'alloc 3 default_cma_region 40000000' 'error ENOMEM' 'more than there is'
asks b 'release 6' ok
cp server.err out
[ "$(grep -c 'alloc failed' out)" = 1 ]
result $? 'it is said once'
runs 'what was refused' 0 stat --socket sock sys/kernel/debug/freehold/heaps
shows 'it is counted once' '^default_cma_region .* [0-9]+ +1  reserved'
asks b 'alloc 3 system 0' 'error EINVAL'
asks b 'alloc 3 system 4096 ro' 'ok 4096'
asks b 'fill 3 1' 'error EACCES' 'a descriptor for reading only'

# ---- fences --------------------------------------------------------------------------------------

user w 6 >/dev/null
asks b 'alloc 5 system 4096' 'ok 4096'
echo "take 5 $tmp/pass" >w.in
asks b "give 5 $tmp/pass" ok
sleep 0.1
asks w 'import 5' 'ok 4096'
asks b 'sync 5 1' ok 'nobody is at work: no wait'
asks w 'fence 10 11' ok
asks w 'import_fence 5 2 10' ok 'a writer is at work'
asks b 'export 5 1 20' ok
asks b 'wait 20 100' waiting 'a reader waits for him'
before=$(wc -l <b.out)
echo 'sync 5 1' >b.in
sleep 0.1
[ "$(wc -l <b.out)" = "$before" ]
result $? 'a sync waits, too'
runs 'while the server goes on with others' 0 stat --socket sock proc/meminfo
asks w 'signal 11' ok
[ "$(answer b $((before + 1)))" = ok ]
result $? 'a sync ends when the writer is done'
asks b 'wait 20 2000' ok 'and so does the exported fence'
asks w 'fence 12 13' ok
asks w 'import_fence 5 1 12' ok 'a reader is at work'
asks b 'sync 5 1' ok 'another reader does not wait for him'
asks b 'export 5 2 21' ok
asks b 'wait 21 100' waiting 'a writer does'
asks w 'fence 14 15' ok
asks w 'import_fence 5 2 14' ok
asks b 'export 5 2 22' ok
asks b 'merge 23 21 22' ok 'two fences in one'
asks w 'signal 13 5' ok
asks b 'wait 21 2000' 'error EIO' 'the error it ended with is passed on'
asks b 'wait 23 100' waiting
kill -9 $w
wait $w 2>/dev/null
asks b 'wait 22 2000' 'error EIO' 'a program that dies ends its fences with an error'
asks b 'wait 23 2000' 'error EIO'
asks b 'sync 5 3' ok
asks b 'import_fence 5 2 63' 'error EBADF'
asks b 'sync 5 4' 'error EINVAL'
asks b 'release 5' ok

# ---- who else ------------------------------------------------------------------------------------

runs 'a second server' 2 serve $machine
says 'a second server: why' "freehold serve: $tmp/sock: another server has it"
kill -TERM $server
sleep 0.2
asks b 'alloc 4 system 4096' 'error ESHUTDOWN' 'no new buffers while it drains'
asks b 'close 3' ok
ended 'it ends when all is back' 0
[ ! -e sock ]
result $? 'its socket is gone'
kill $b

# ---- limits, files, permission -------------------------------------------------------------------

serve $machine --limit-client 64K --limit-heap default_cma_region=96K --max-clients 2 --drain 200ms --mode 0660
[ "$(stat -c %a sock)" = 660 ]
result $? 'the mode asked for'
user d 7 >/dev/null
user e 8 >/dev/null
"$user" "$FREEHOLD_SOCKET" third >out 2>err </dev/null
[ "$(cat out)" = 'error EUSERS' ]
result $? 'one client more than it takes'
asks d 'alloc 0 system 65536' 'ok 65536'
asks d 'alloc 1 system 4096' 'error EDQUOT' 'over the limit of a client'
asks e 'alloc 0 system 4096' 'ok 4096' 'another is not concerned'
asks e 'release 0' ok
asks e 'alloc 0 default_cma_region 61440' 'ok 61440'
asks d 'release 0' ok
asks d 'alloc 0 default_cma_region 61440' 'error EDQUOT' 'over the limit of a heap'
kill -TERM $server
ended 'what is left after the time' 3
grep -q 'left: buffer .* 60 KiB of default_cma_region, of e' server.err
result $? 'it says what, and whose'
kill $d $e

serve $machine
kill -9 $server
wait $server 2>/dev/null
[ -S sock ]
result $? 'a killed server leaves its socket'
serve $machine --limit-client 64K --limit-heap default_cma_region=96K
result $? 'the next one takes it'
user f 9 >/dev/null
asks f 'alloc 0 system 4096' 'ok 4096'
asks f 'alloc 1 system 65536' 'error EDQUOT'
runs 'limits' 0 stat --socket sock users
shows 'limits: of a program' '^ *[0-9]+ +1 +4 KiB +4 KiB +4 KiB +4 KiB +64 KiB +-  f$'
shows 'limits: of a heap' '^default_cma_region +cma +0 +0 B +0 B +96 KiB +64 MiB +0$'
shows 'limits: what was refused' '^system +system +1 +4 KiB +4 KiB +- +- +1$'
kill -TERM $server
sleep 0.2
kill -TERM $server
ended 'a second SIGTERM does not wait' 3
kill $f

# ---- restart -------------------------------------------------------------------------------------

serve $machine --state state
user h 5 >/dev/null
user j 6 >/dev/null
asks h keep ok
asks h 'alloc 0 default_cma_region 8192' 'ok 8192'
asks h 'fill 0 9' ok
asks h 'name 0 kept\me' ok
asks j 'alloc 0 system 12288' 'ok 12288'
asks j 'fill 0 8' ok
asks j 'alloc 1 system 4096' 'ok 4096'
asks j 'release 1' ok
kill -9 $server
wait $server 2>/dev/null
asks j 'heap system' 'error ECONNRESET' 'a server that died'
asks j 'heap system' 'error ECONNREFUSED' 'and does not come back'
serve $machine --state state
result $? 'another takes its place'
asks j 'heap system' 'ok 12288 0' 'it has found what its clients have'
asks j 'check 0 8' ok 'nothing is changed'
asks j 'info 0' 'error ENOENT' 'a number of before names nothing'
asks j 'import 0' 'ok 12288'
asks j 'info 0' 'ok 1 system '
asks h 'info 0' 'error ECONNRESET'
asks h 'info 0' 'ok 1 default_cma_region kept\me' 'a client that keeps is known again, by its own number'
asks h 'check 0 9' ok
asks h 'alloc 1 system 4096' 'ok 4096'
asks h 'release 0' ok
asks h 'heap default_cma_region' 'ok 0 0' 'and gives back what it kept'
user k 7 >/dev/null
asks k keep ok
echo "take 0 $tmp/pass" >k.in
asks j "give 0 $tmp/pass" ok
answer k 3 >/dev/null
asks k 'import_async 0' 'ok 12288' 'an import that is not waited for, its descriptor closed at once'
asks j 'release 0' ok
asks j 'heap system' 'ok 16384 0' 'is kept, too'
asks k 'free 0' ok
asks j 'heap system' 'ok 4096 0' 'until it is freed'
asks j 'alloc 0 system 12288' 'ok 12288'
kill $k
kill -TERM $server
sleep 0.2
kill -TERM $server
ended 'ended with two buffers out' 3
[ "$(grep -c '^alloc' state)" = 4 ]
result $? 'the file still has them' # and what was released, with its end
serve $machine
asks h 'heap system' 'error ECONNRESET'
asks h 'heap system' 'ok 4096 0' 'without a file: what is shown by who keeps'
asks j 'heap system' 'error ECONNRESET'
asks j 'heap system' 'ok 4096 0' 'and no more'
asks h 'release 1' ok
kill $h $j
kill -TERM $server
ended 'nothing is left' 0
serve $machine --state state
grep -q 'buffer .* (12 KiB of system) is not found in any process' server.err
result $? 'what is not found is named'
kill -TERM $server
ended 'and that is no reason to fail' 0
sed -i 's/ [-0-9a-f]*$/ 00000000-0000-0000-0000-000000000000/' state
serve $machine --state state
grep -q 'freehold serve: state: of another boot: nothing of it lives' server.err
result $? 'a file of another boot'
kill -TERM $server
ended 'is written anew' 0

head -1 state >good
bad() # LINE WHY
{
	{ cat good; echo "$1"; } >state
	runs "a broken state file: $1" 2 serve $machine --state state
	says "a broken state file: $1: why" "freehold serve: state:2: $2"
}
bad 'gone 5' 'there is no buffer 5'
bad 'alloc 5 1:2 4097 system' "expected \`alloc ID DEVICE:INODE SIZE HEAP'"
bad 'alloc x' "expected \`alloc ID DEVICE:INODE SIZE HEAP'"
bad 'born 5' 'expected alloc, name or gone'
bad 'name 5' 'there is no buffer 5'
echo nonsense >state
runs 'no state file at all' 2 serve $machine --state state
says 'no state file at all: why' 'freehold serve: state:1: expected a state file of freehold serve'
[ ! -e sock ]
result $? 'and no socket is left'

if command -v dtc >/dev/null; then
	region=a-region-whose-name-has-all-the-31
	cat >long.dts <<END
/dts-v1/;
/ {
	#address-cells = <1>; #size-cells = <1>;
	memory@40000000 { device_type = "memory"; reg = <0x40000000 0x10000000>; };
	reserved-memory {
		#address-cells = <1>; #size-cells = <1>; ranges;
		$region { compatible = "shared-dma-pool"; reusable; size = <0x1000000>; };
	};
};
END
	rm -f state
	serve --dtb long.dts
	runs 'a path of more than 63 bytes' 0 stat --socket sock sys/kernel/mm/cma/$region/alloc_pages_success
	shows 'a path of more than 63 bytes: its text' '^0$'
	runs 'one that is not there' 2 stat --socket sock sys/kernel/mm/cma/$region/alloc_pages_succes
	says 'one that is not there: why' "freehold stat: sys/kernel/mm/cma/$region/alloc_pages_succes: No such file or directory"
	runs 'one that nothing can have' 2 stat --socket sock "proc/$(printf %0300d 0)"
	kill -TERM $server
	ended 'and that is that' 0
else
	echo "ok $((n += 1)) - a path of more than 63 bytes # SKIP no dtc"
fi

echo here >file
runs 'a file in the way' 2 serve $machine --socket file
says 'a file in the way: why' 'freehold serve: file: expected a socket or nothing'
rm file.lock
runs 'no folder' 2 serve $machine --socket no/where
says 'no folder: why' 'freehold serve: no/where.lock: No such file or directory'
runs 'a heap that is not there' 2 serve $machine --limit-heap sytem=1M
says 'a heap that is not there: why' \
	'freehold serve: --limit-heap sytem: no such heap, expected system, default_cma_region, reserved, system-dma32, system-uncached, system-uncached-dma32'
runs 'a mode' 2 serve $machine --mode rw
says 'a mode: why' 'freehold serve: --mode rw: expected octal, as 0660'
runs 'a group' 2 serve $machine --group no-such-group
says 'a group: why' 'freehold serve: --group no-such-group: no such group'
runs 'no machine' 2 serve
says 'no machine: why' 'freehold serve: no memory: expected --ram SIZE or --dtb FILE'

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$tmp"
	serve $machine --mode 0666
	setpriv --reuid 65534 --regid 65534 --clear-groups "$user" "$FREEHOLD_SOCKET" nobody >out 2>err </dev/null
	[ "$(cat out)" = 'error EACCES' ]
	result $? 'another user is turned away, whatever the mode'
	kill -TERM $server
	ended 'and that is all' 0
	serve $machine --group 65534
	[ "$(stat -c '%a %g' sock)" = '660 65534' ]
	result $? 'a group: the mode and owner of the socket'
	setpriv --reuid 65534 --regid 65534 --clear-groups "$user" "$FREEHOLD_SOCKET" nobody >out 2>err </dev/null
	[ "$(cat out)" = ok ]
	result $? 'a member of the group is let in'
	kill -TERM $server
	ended 'and that is all, too' 0
else
	echo "ok $((n += 1)) - other users # SKIP needs root and setpriv"
fi

echo "1..$n"
