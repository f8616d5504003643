#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold explain`: who is asked for which device, what it comes to, JSON, and bad input; and what `freehold boot` shows for devices.
set -u

. "$(dirname "$0")/tap.sh"
limit=20
boards=$root/boards

explains()
{
	name=$1 want=$2
	shift 2
	runs "$name" "$want" explain "$@"
}

bad()
{
	explains "$1" 2 $3
	only_says "$1: one line" "freehold explain: $2"
}

# ---- a device that the options make ---------------------------------------------------------------

explains 'a page' 0 --ram 1G --size 4K
shows 'a page: no area is asked' '^path +the buddy: no area is asked'
shows 'a page: who gave' '^ 1\. buddy, ZONE_DMA +gave +at bus address 0x[0-9a-f]+$'
shows 'a page: where it lies' '^ +physical 0x[0-9a-f]+-0x[0-9a-f]+, zone DMA$'
explains 'more: the default area' 0 --ram 1G --bootargs cma=64M --size 8M
shows 'more: where it lies' '^ +physical 0x[0-9a-f]+-0x[0-9a-f]+, area reserved$'
explains 'in a hurry: refused' 1 --ram 1G --size 64K --gfp atomic --count 100
shows 'in a hurry: by the atomic pool' '^ 1\. atomic pool +ENOMEM +exhausted, 128 KiB'
shows 'in a hurry: after what three pools have' '^refused +ENOMEM, after 6 that were served$'
shows 'in a hurry: what to do' '^try +coherent_pool=SIZE'
explains 'in a hurry, with a larger pool' 0 --ram 1G --bootargs coherent_pool=4M --size 64K --gfp atomic --count 64
explains 'in a hurry, but it snoops' 0 --ram 1G --bootargs cma=64M --size 64K --gfp atomic --coherent
shows 'it snoops: the buddy' '^ 1\. buddy'
explains 'coherent_only: whatever the flags' 1 --ram 1G --bootargs coherent_only=4M --size 2M --count 3
shows 'coherent_only: its pool' '^ 1\. global pool +ENOMEM +coherent_only: 0 of 4096 KiB free'
explains 'a mask below all areas' 1 --ram 1G --bootargs cma=64M --size 8M --mask 30
shows 'a mask: why not the area' '^ 1\. cma +ENOMEM +reserved: 0x7c000000 is above device mask 0x3fffffff$'
shows 'a mask: what to do' '^try +memory that the device reaches'
explains 'a bus with an offset' 0 --ram 1G --bootargs cma=64M --size 8M --mask 30 --bus-offset -0x40000000
shows 'an offset: bus and memory' '^served +bus 0x3c'
explains 'its own area: a single page, too' 0 --ram 1G --bootargs cma=64M --size 4K --area reserved
shows 'its own area: gave' '^ 1\. cma +gave'
explains 'an IOMMU: more than the buddy has together' 0 --ram 64M --size 20M --iommu
shows 'an IOMMU: one run of addresses' '^served +bus 0x[0-9a-f]+-0x[0-9a-f]+$'
explains 'an IOMMU that must not scatter' 1 --ram 64M --size 20M --iommu --attrs force-contiguous

# ---- streaming -------------------------------------------------------------------------------------

explains 'map: what it reaches' 0 --ram 1G --size 64K --stream
shows 'map: direct' '^0x00007fff0000 +zone DMA +direct +bus 0x7fff0000 +0x7fffffff is within its mask'
explains 'map: out of reach, nothing to bounce with' 1 --ram 6G --size 64K --stream --bootargs swiotlb=noforce
shows 'map: refused, and why' '^0x0001bfff0000 +zone Normal +refused +EIO +0x1bfffffff is above its mask, 0xffffffff'
explains 'map: bounced' 0 --ram 6G --size 64K --stream
shows 'map: bounced, and why' '^0x0001bfff0000 +zone Normal +bounced +bus 0x[0-9a-f]+ +0x1bfffffff is above its mask'
explains 'map: too large to be bounced' 1 --ram 6G --size 512K --stream
shows 'map: too large, and how large it may be' 'refused +EIO .*it cannot be bounced: the most is 256 KiB$'
explains 'map: an IOMMU reaches it' 0 --ram 1G --size 64K --stream --iommu
shows 'map: by IOMMU' 'by IOMMU'
bad 'map: not RAM' '--phys 0x1000: no RAM from there for --size bytes' '--ram 1G --size 64K --stream --phys 0x1000'

# ---- nodes of a tree -------------------------------------------------------------------------------

if command -v dtc >/dev/null; then
	cat >restricted.dts <<-'END'
		/dts-v1/;
		/ {
			#address-cells = <1>;
			#size-cells = <1>;
			memory@40000000 { device_type = "memory"; reg = <0x40000000 0x20000000>; };
			reserved-memory {
				#address-cells = <1>;
				#size-cells = <1>;
				ranges;
				wifi: wifi@50000000 { compatible = "restricted-dma-pool"; reg = <0x50000000 0x400000>; };
			};
			radio@1000 { reg = <0x1000 0x100>; memory-region = <&wifi>; };
		};
	END
	explains 'a restricted pool' 0 --dtb restricted.dts --device radio --size 256K
	shows 'a restricted pool: where it lies' '^ +physical 0x50000000-0x5003ffff, region wifi@50000000$'
	explains 'a restricted pool: its segments' 1 --dtb restricted.dts --device radio --size 300K
	shows 'its segments: why' '^ 1\. restricted pool +ENOMEM +wifi@50000000: 300 KiB are more than its largest run, 256 KiB$'
	shows 'its segments: what to do' '^try +buffers of at most 256 KiB'
	explains 'a restricted pool that is full' 1 --dtb restricted.dts --device radio --size 256K --count 20
	shows 'full: after all of it' '^refused +ENOMEM, after 16 that were served$'
	shows 'full: what to do' '^try +a larger restricted-dma-pool region$'
	explains 'a camera' 0 --dtb "$boards/rpi4.dts" --device csi --size 8M
	shows 'a camera: its name and path' '^device +fe801000\.csi \(/soc/csi@7e801000\)$'
	shows 'a camera: its bus' '^ +reaches 0x0-0x3fffffff at bus 0xc0000000$'
	shows 'a camera: its area' '^ +area linux,cma$'
	shows 'a camera: at the bus address' '^served +bus 0xec000000-0xec7fffff$'
	shows 'a camera: in memory' '^ +physical 0x2c000000-0x2c7fffff, area linux,cma$'
	explains 'a processor with firmware and a pool' 0 --dtb "$boards/zcu102.dts" --device r5f@0 --size 64K --region 1
	shows 'a pool: its name' '^ +pool vdev0buffer@3ed48000$'
	shows 'a pool' '^ 1\. device pool +gave'
	explains 'its first region is no pool: the log says so' 0 --dtb "$boards/zcu102.dts" --device r5f@0 --size 64K
	shows 'the log' '^log +ffe00000\.r5f: memory-region 0: memory@3ed00000 is reserved memory without a pool'
	bad 'a region that is no pool' 'ffe00000.r5f: memory-region 0: memory@3ed00000 is reserved memory without a pool: expected shared-dma-pool or restricted-dma-pool' \
		"--dtb $boards/zcu102.dts --device r5f@0 --size 64K --region 0"
	bad 'a region by a name that is none' "ffe00000.r5f: memory-region-names: no entry \`frames'" \
		"--dtb $boards/zcu102.dts --device r5f@0 --size 64K --region frames"
	bad 'a region beyond the last' 'ffe00000.r5f: memory-region 99: the node has 4' \
		"--dtb $boards/zcu102.dts --device r5f@0 --size 64K --region 99"
	bad 'two nodes of one name' 'device csi: 2 nodes have that name, as /soc@0/csi@30a70000 and /soc@0/csi@30a90000; expected a path' \
		"--dtb $boards/imx8mq-evk.dts --device csi --size 1M"
	runs 'boot: devices' 0 boot --dtb "$boards/rpi4.dts"
	shows 'boot: who has which region' '^fe801000\.csi +0x0-0x3fffffff at bus 0xc0000000 +linux,cma$'
	shows 'boot: pools' '^atomic-pool +- +- +1 MiB +DMA32$'
	shows 'boot: bounce buffers' '^bounce-buffers +- +- +64 MiB +swiotlb +1 area$'
	runs 'boot: devices in JSON' 0 boot --dtb "$boards/rpi4.dts" --format json
	holds 'boot: devices in JSON: the camera' \
		'(grep { $_->{name} eq "fe801000.csi" && $_->{windows}[0]{bus} == 0xc0000000 && $_->{regions}[0]{node} eq "linux,cma" } @{$j->{devices}}) == 1'
else
	echo "# nodes of a tree: needs dtc"
fi

# ---- JSON ------------------------------------------------------------------------------------------

explains 'JSON' 0 --ram 1G --bootargs cma=64M --size 8M --format json
holds 'JSON: steps' '$j->{steps}[0]{source} eq "cma" && $j->{steps}[0]{result} eq "gave"'
holds 'JSON: buffer' '$j->{buffer}{runs}[0]{physical} == $j->{buffer}{bus} && $j->{buffer}{runs}[0]{size} == 8 << 20'
explains 'JSON: refused' 1 --ram 1G --size 64M --format json
holds 'JSON: refused, by whom' '$j->{buffer}{result} eq "ENOMEM" && $j->{steps}[0]{why} =~ /largest run/ && !exists $j->{buffer}{bus}'
explains 'JSON: maps' 0 --ram 1G --size 64K --stream --format json
holds 'JSON: maps: direct' '$j->{maps}[0]{how} eq "direct"'

# ---- bad input -------------------------------------------------------------------------------------

bad 'no size' '--size: expected how much the device wants, as --size 8M' '--ram 1G'
bad 'no memory' 'no memory: expected --ram SIZE or --dtb FILE' '--size 8M'
bad 'a size that is none' '--size 8Q: expected a size, as 64K or 0x10000' '--ram 1G --size 8Q'
bad 'a size of 0' '--size 0: expected 1 to 2^48 bytes' '--ram 1G --size 0'
bad 'a mask of no bits' '--mask 0: expected 1 to 64' '--ram 1G --size 8M --mask 0'
bad 'flags that are none' '--gfp kernal: expected kernel, noio, atomic or nowait, and dma or dma32, with commas' \
	'--ram 1G --size 8M --gfp kernal'
bad 'attributes that are none' '--attrs big: expected no-kernel-mapping, force-contiguous or single-pages, with commas' \
	'--ram 1G --size 8M --attrs big'
bad 'an area that is not there' '--area nix: the machine has no area of that name' '--ram 1G --size 8M --area nix'
bad 'a node without a tree' '--device: expected --dtb FILE with it, the tree that has the node' '--ram 1G --size 8M --device csi'
bad 'an offset of no page' '--bus-offset 5: expected whole pages (4K), below 2^48' '--ram 1G --size 8M --bus-offset 5'
bad 'an option of the command line' 'swiotlb=64M: slots of 2 KiB are counted, without a suffix; expected swiotlb=[SLOTS][,AREAS][,force|noforce], as swiotlb=32768 (64 MiB) or swiotlb=force' \
	'--ram 1G --size 8M --bootargs swiotlb=64M'
explains 'output that cannot be written' 0 --ram 1G --size 4K
"$freehold" explain --ram 1G --size 4K >/dev/full 2>err
[ $? = 1 ]
result $? 'output that cannot be written: status 1'

echo "1..$n"
