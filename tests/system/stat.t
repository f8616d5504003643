#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold stat`: a machine's files, what it makes of a copy of them, of a real kernel's, and of bad input.
set -u

. "$(dirname "$0")/tap.sh"
limit=20

# stats NAME STATUS ARGUMENT...: runs() of `freehold stat`
stats()
{
	name=$1 want=$2
	shift 2
	runs "$name" "$want" stat "$@"
}
captures=${FREEHOLD_CAPTURES:-$root/../shared/captures}

skip()
{
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

machine='--ram 512M --bootargs cma=64M --policy movable'

# ---- a machine, and a copy of its tree -----------------------------------------------------------

stats 'one file' 0 $machine proc/meminfo
shows 'one file: its text' '^CmaTotal:          65536 kB$'
stats 'a folder' 0 $machine /sys/kernel/mm/cma/
[ "$(cat out)" = reserved/ ]
result $? 'a folder: its entries'
stats 'a file as JSON' 0 $machine --format json sys/kernel/mm/cma/reserved/total_pages
holds 'a file as JSON: its text' '$j->{text} eq "16384\n" && $j->{path} =~ /total_pages$/'
stats 'a summary' 0 $machine
shows 'a summary: memory' '^memory   512 MiB, free 512 MiB, available '
shows 'a summary: zones' '^DMA +512 MiB .* 448 MiB .* 64 MiB '
shows 'a summary: areas' '^reserved +0x[0-9a-f]{12} +movable +64 MiB +64 MiB +0 B +0 B +64 MiB +1 +0 %'
says 'a summary: nothing is missing' ''

copy() # PATH: what lies below, into the folder `copy`
{
	"$freehold" stat $machine "$1" >list.$$ || return 1
	while read -r entry; do
		case $entry in
		*/) mkdir -p "copy/$1$entry" && echo "$1$entry" >>folders ;;
		*) "$freehold" stat $machine "$1$entry" >"copy/$1$entry" ;;
		esac
	done <list.$$
}

mkdir copy && echo >folders && copy ''
while [ -s folders ]; do
	mv folders level
	while read -r folder; do
		[ -z "$folder" ] || copy "$folder"
	done <level
done
[ "$(find copy -type f | wc -l)" = 50 ]
result $? 'every file can be copied'
"$freehold" stat $machine --format json >machine.json
stats 'a copy' 0 --root copy --format json
cmp -s out machine.json
result $? 'a copy says what the machine says'
holds 'a copy: nothing is missing' '@{$j->{missing}} == 0 && $j->{areas}[0]{policy} eq "movable"'
for path in '' proc sys/kernel/debug/cma/reserved proc/iomem; do
	"$freehold" stat $machine "$path" >one
	"$freehold" stat --root copy/ "$path" >two
	cmp -s one two
	result $? "a copy answers for '$path' as the machine does"
done

# More RAM than most hosts have: the machine's frames have no bytes.
stats 'a machine larger than this host' 0 --ram 64G --bootargs cma=512M
shows 'a machine larger than this host: its zones' '^Normal +61 GiB '

# ---- boards and kernels --------------------------------------------------------------------------

stats 'the sample' 0 --root "$root/tests/corpus/root"
shows 'the sample: what is lent, of all areas' "^areas    80 MiB, free 29.3 MiB, lent 11.7 MiB, devices' 39.0 MiB$"
shows 'the sample: holes' '^linux,cma +0x000058000000 +- +64 MiB +- +- +24.0 MiB +20.0 MiB +3 +50 % +20 MiB$'
stats 'the sample as JSON' 0 --root "$root/tests/corpus/root" --format json
holds 'the sample as JSON: figures' '$j->{areas}[1]{largest_hole_bytes} == 5118 * 4096 &&
	$j->{areas}[1]{holes} == 3 && !defined $j->{areas}[1]{lent_bytes} &&
	$j->{memory}{area_lent_bytes} == 3000 * 4096 && $j->{zones}[0]{free_by_type_bytes}{CMA} == 7494 * 4096 &&
	$j->{page_size} == 4096 && !$j->{zones}[0]{runs_capped}'

if [ -f "$captures/proc/meminfo_par.txt" ]; then
	mkdir -p board/proc board/sys/kernel/mm board/sys/kernel/debug
	for f in meminfo zoneinfo pagetypeinfo buddyinfo; do
		cp "$captures/proc/${f}_boot.txt" board/proc/$f
	done
	stats 'a kernel 6.12' 0 --root board
	shows 'a kernel 6.12: memory' '^memory   736 MiB, free 688 MiB, available 655 MiB'
	shows 'a kernel 6.12: its zone' '^DMA32 +736 MiB +27.5 MiB +688 MiB +686 MiB +2.90 MiB +437 MiB +0 B +0 B +248 MiB +0 B$'
	says 'a kernel 6.12: what was not copied' \
		'freehold stat: board/sys/kernel/mm/cma: No such file or directory
freehold stat: board/sys/kernel/debug/cma: No such file or directory'
	stats 'a kernel 6.12 as JSON' 0 --root board --format json
	holds 'a kernel 6.12 as JSON: figures' '$j->{memory}{total_bytes} == 753488 * 1024 &&
		$j->{zones}[0]{free_bytes} == 176211 * 4096 && $j->{zones}[0]{free_runs_by_order}[10] == 171 &&
		@{$j->{areas}} == 0 && @{$j->{missing}} == 2 && !defined $j->{memory}{area_device_bytes}'
else
	skip 'a kernel 6.12' 'no files of one: FREEHOLD_CAPTURES names their folder'
fi

stats 'the kernel that runs here' 0 --root /
shows 'the kernel that runs here: memory' '^memory   [0-9.]+ [KMGT]iB, free '

# ---- who has which buffers -----------------------------------------------------------------------

stats 'a machine without buffers' 0 $machine users
shows 'a machine without buffers: says so' '^0 buffers, 0 B; of nobody known: 0, 0 B$'
mkdir nothing
stats 'a copy without them' 2 --root nothing users
says 'a copy without them: why' 'freehold stat: nothing/sys/kernel/debug/freehold/holders: No such file or directory
freehold stat: a kernel does not tell who has its buffers; machines of freehold do'
mkdir -p held/sys/kernel/debug/freehold
for f in holders heaps buffers; do
	"$freehold" stat $machine sys/kernel/debug/freehold/$f >held/sys/kernel/debug/freehold/$f
done
cat >>held/sys/kernel/debug/freehold/buffers <<'END'
       7         4096       1500     1            0  system                   a name of more words           nobody known
       8         8192    3600000     1         4096  a-heap-whose-name-is-longer-than-it -                                nobody known
       9        12288          5     2            0  system                   not nobody known                 x(5)* y z(6)
END
cat >>held/sys/kernel/debug/freehold/holders <<'END'
       6            0            0            0        12288         6144        1            0       -  y z
       5        12288        20480        40960        12288         6144        1         8192   pages  x
END
stats 'a copy' 0 --root held users
shows 'a copy: the sum' '^3 buffers, 24 KiB; of nobody known: 2, 12 KiB$'
[ "$(sed -n '/^ *pid/,/^$/p' out | awk '{print $1}' | tr '\n' ' ')" = 'pid 5 6  ' ]
result $? 'a copy: who is charged most first'
[ "$(sed -n '/^of nobody known/,$p' out | awk '{print $1}' | tr '\n' ' ')" = 'of ino 8 7 ' ]
result $? 'a copy: the oldest first'
shows 'a copy: a name of more words' '^ +7 +4 KiB +1.50* s +system +a name of more words$'
shows 'a copy: a program of more words' '^ +6 +1 +12 KiB +0 B +6 KiB +0 B +- +-  y z$'
shows 'a copy: who counts what he writes' '^ +5 +1 .* +40 KiB +8 KiB  x$'
stats 'a copy as JSON' 0 --root held users --format json
holds 'a copy as JSON: names' '$j->{unknown}[1]{name} eq "a name of more words" && !defined $j->{unknown}[0]{name} &&
	$j->{unknown}[0]{heap} eq "a-heap-whose-name-is-longer-than-it" && $j->{unknown}[0]{age_ms} == 3600000 && $j->{unknown}[0]{written_bytes} == 4096'
holds 'a copy as JSON: what was written' '$j->{users}[0]{written_bytes} == 8192 && $j->{users}[0]{written_counted} eq "pages" &&
	!defined $j->{users}[1]{written_bytes} && exists $j->{users}[1]{written_counted} && !defined $j->{users}[1]{written_counted}'
echo 'some 5' >>held/sys/kernel/debug/freehold/heaps
lines=$(wc -l <held/sys/kernel/debug/freehold/heaps)
stats 'a broken copy' 2 --root held users
says 'a broken copy: why' "freehold stat: held/sys/kernel/debug/freehold/heaps:$lines: expected a line as freehold has it there"

# ---- bad input -----------------------------------------------------------------------------------

stats 'neither machine nor tree' 2
says 'neither machine nor tree: why' 'freehold stat: no machine: expected --root DIR, --ram SIZE or --dtb FILE'
stats 'both' 2 --root copy --ram 1G
says 'both: why' 'freehold stat: --root copy/: expected no --dtb, --ram, --bootargs, --policy or --like with it'
stats 'an empty root' 2 --root ''
says 'an empty root: why' "freehold stat: --root '': expected a folder"
stats 'no such file' 2 $machine proc/cpuinfo
says 'no such file: why' 'freehold stat: proc/cpuinfo: No such file or directory'
stats 'no such file in a copy' 2 --root copy proc/cpuinfo
says 'no such file in a copy: why' 'freehold stat: copy/proc/cpuinfo: No such file or directory'
stats 'two paths' 2 $machine proc sys
says 'two paths: why' 'freehold stat: sys: expected one path'
stats 'a format' 2 $machine --format yaml
says 'a format: why' 'freehold stat: --format yaml: expected text or json'
stats 'a machine that cannot be' 2 --ram 512M --bootargs cma=1G
stats 'no such folder' 2 --root nowhere
says 'no such folder: why' 'freehold stat: nowhere/: expected proc/meminfo, proc/pagetypeinfo, sys/kernel/mm/cma or sys/kernel/debug/cma in it'

cp -r copy bad
sed -i 's/^MemFree:.*/MemFree:  plenty/' bad/proc/meminfo
stats 'a file that is not what it should be' 2 --root bad
says 'a file that is not what it should be: why' 'freehold stat: bad/proc/meminfo:2: expected a number of kB'
shows 'a file that is not what it should be: the rest is shown' '^reserved '
rm bad/proc/meminfo && mkfifo bad/proc/meminfo
stats 'a pipe does not hold it up' 0 --root bad
says 'a pipe does not hold it up: why' 'freehold stat: bad/proc/meminfo: neither a file nor a folder
freehold stat: bad/proc/zoneinfo: no `managed'"'"' that goes with MemTotal of proc/meminfo: the page size is assumed to be 4 KiB'
rm bad/proc/meminfo && truncate -s 257M bad/proc/meminfo
stats 'a file far too large' 2 --root bad proc/meminfo
says 'a file far too large: why' 'freehold stat: bad/proc/meminfo: larger than 256 MiB'
if [ "$(id -u)" = 0 ]; then
	skip 'a file that may not be read' 'root may'
else
	cp copy/proc/meminfo bad/proc && chmod 0 bad/sys/kernel/debug/cma
	stats 'a file that may not be read' 0 --root bad
	says 'a file that may not be read: why' 'freehold stat: bad/sys/kernel/debug/cma: Permission denied'
	chmod 755 bad/sys/kernel/debug/cma
fi
"$freehold" stat $machine >/dev/full 2>err
[ $? = 1 ] && grep -q 'standard output' err
result $? 'a full disk: why'

echo "1..$n"
