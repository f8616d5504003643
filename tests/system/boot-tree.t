#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold boot`: overlays, what the kernel itself has, whose rules, and why a region lies where it does.
set -u

. "$(dirname "$0")/tap.sh"
limit=20

# lacks NAME REGEX: no line of the output is like this
lacks()
{
	! grep -Eq -- "$2" out
	result $? "$1"
}

boots()
{
	name=$1 want=$2
	shift 2
	runs "$name" "$want" boot "$@"
}

cat >board.dts <<'END'
/dts-v1/;
/ {
	#address-cells = <1>;
	#size-cells = <1>;
	memory@40000000 { device_type = "memory"; reg = <0x40000000 0x40000000>; };
	reserved-memory {
		#address-cells = <1>;
		#size-cells = <1>;
		ranges;
		cma: linux,cma { compatible = "shared-dma-pool"; reusable; size = <0x4000000>; linux,cma-default; };
		small { size = <0x3000>; };
	};
};
END
cat >cma.dtso <<'END'
/dts-v1/;
/plugin/;
&cma { size = <0x10000000>; };
END
cat >pool.dtso <<'END'
/dts-v1/;
/plugin/;
/ {
	fragment@0 {
		target-path = "/reserved-memory";
		__overlay__ { pool@50000000 { compatible = "shared-dma-pool"; reg = <0x50000000 0x100000>; no-map; }; };
	};
};
END
sed 's/&cma/\&isp/' cma.dtso >isp.dtso

# ---- overlays -------------------------------------------------------------------------------------

boots 'two overlays' 0 --dtb board.dts --overlay cma.dtso --overlay pool.dtso
shows 'two overlays: the first' '^cma +0x70000000  0x7fffffff   +256 MiB  linux,cma'
shows 'two overlays: the second' '^dma-pool +0x50000000  0x500fffff +1 MiB  pool@50000000'
dtc -q -@ -I dts -O dtb -o cma.dtbo cma.dtso
dtc -q -I dts -O dtb -o plain.dtb board.dts
boots 'a tree without symbols' 2 --dtb plain.dtb --overlay cma.dtbo
says 'a tree without symbols: says so' \
	"freehold boot: cma.dtbo: overlay: fragment@0: cma: the tree has no __symbols__ to find it by: compile it with \`dtc -@'"
boots 'an unknown label' 2 --dtb board.dts --overlay isp.dtso
says 'an unknown label: says so' 'freehold boot: isp.dtso: overlay: fragment@0: isp: the tree has no such symbol'
head -c 100 cma.dtbo >cut.dtbo
boots 'an overlay that is cut off' 2 --dtb board.dts --overlay cut.dtbo
says 'an overlay that is cut off: says so' \
	"freehold boot: cut.dtbo: device tree: cut off, 100 of $(wc -c <cma.dtbo) bytes"
boots 'an overlay of nothing' 2 --ram 1G --overlay cma.dtbo
says 'an overlay of nothing: says so' 'freehold boot: --overlay: expected a tree for it, as --dtb FILE'
boots 'no such overlay' 2 --dtb board.dts --overlay none.dtbo
says 'no such overlay: says so' 'freehold boot: none.dtbo: No such file or directory'
boots 'an overlay of no file' 2 --dtb board.dts --overlay .
says 'an overlay of no file: says so' 'freehold boot: .: Is a directory'
runs 'other commands: a machine of it' 0 stat --dtb board.dts --overlay cma.dtso proc/meminfo
shows 'other commands: its area' '^CmaTotal: +262144 kB$'
printf '[global]\ndtb = board.dts\nram = 256M\nduration = 50ms\n[programs]\nkind = anon\nsize = 10%%\n' >tree.job
sed 's/0x10000000/0x2000000/' cma.dtso >small.dtso
runs 'a job: a machine of it' 0 run --overlay small.dtso tree.job
shows 'a job: its area' '256 MiB, areas 32 MiB'
runs 'a job: no such overlay' 2 run --overlay none.dtbo tree.job
says 'a job: says so' 'freehold run: tree.job: [global]: none.dtbo: No such file or directory'

# ---- what the kernel itself has -------------------------------------------------------------------

boots 'taken' 0 --ram 1G --bootargs cma=16M --taken 0x7ff00000-0x7fffffff --taken 0x7f000000+1M,late
shows 'taken: below both' '^cma +0x7e000000  0x7effffff +16 MiB  reserved'
for range in 1 1-x 5-4 5+0 1-2,lat 0xffffffffffffffff+2; do
	boots "--taken $range" 2 --ram 1G --taken $range
done
says 'taken: past the end' 'freehold boot: --taken 0xffffffffffffffff+2: passes the end of 64 bits'

# ---- whose rules, and why -------------------------------------------------------------------------

boots 'as 6.12' 0 --dtb board.dts --explain
shows 'as 6.12: in the order of the tree' '^cma +0x7c000000 '
shows 'as 6.12: a line a region' '^OF: reserved mem: 0x000000007c000000\.\.0x000000007fffffff \(65536 KiB\) map reusable linux,cma$'
shows 'why: the end of RAM' '^linux,cma: 64 MiB at 0x7c000000: the highest free run of RAM, at the end of RAM; a multiple of 2 MiB, as areas are whole blocks\.$'
shows 'why: a neighbour' '^small: 12 KiB at 0x7bffd000: the highest free run of RAM, below linux,cma; a multiple of 64 B, for nobody asked for more\.$'
boots 'as 6.1' 0 --dtb board.dts --like 6.1
shows 'as 6.1: in the order of its sort' '^cma +0x7be00000 '
lacks 'as 6.1: no such line' '^OF: reserved mem: 0x'
boots 'as 7' 0 --dtb board.dts --like 7 --bootargs cma=32M
shows 'as 7: its words' '^Skipping dt linux,cma-default node in favor for "cma=" kernel param\.$'

echo "1..$n"
