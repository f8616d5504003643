#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `--kconfig`: what a file of a kernel's configuration makes of a layout, whom it suits, and files that cannot be.
set -u

. "$(dirname "$0")/tap.sh"
limit=20

# config LINE...: into k.config
config()
{
	printf '%s\n' "$@" >k.config
}

config 'CONFIG_ARM64_64K_PAGES=y' 'CONFIG_CMA_SIZE_MBYTES=64'
runs 'pages of 64 KiB' 0 boot --ram 2G --kconfig k.config
shows 'pages of 64 KiB: an area is blocks of 512 MiB' '^cma: Reserved 512 MiB at 0x00000000a0000000 on node -1$'
runs 'as 6.1' 0 boot --ram 2G --kconfig k.config --like 6.1
shows 'as 6.1: its words' '^cma: Reserved 512 MiB at 0x00000000a0000000$'
runs 'as 7' 0 boot --ram 2G --kconfig k.config --like 7
shows 'as 7: what was asked' '^cma: Reserved 64 MiB at 0x00000000a0000000$'
runs 'a machine of such pages' 2 explain --ram 2G --size 4K --kconfig k.config
says 'a machine of such pages: refused' \
	'freehold explain: k.config: pages of 64 KiB, blocks of 524288 KiB; expected 4 and 2048, as a machine has (freehold boot lays out others)'

config 'CONFIG_CMDLINE="cma=32M"' 'CONFIG_CMDLINE_FORCE=y' '# CONFIG_HUGETLBFS is not set' 'CONFIG_TRANSPARENT_HUGEPAGE=y'
runs 'a command line of its own' 0 boot --ram 1G --kconfig k.config --bootargs cma=64M --like 6.12
shows 'a command line of its own: counts' '^cma: Reserved 32 MiB '
shows 'a command line of its own: nothing else stands there' '^Kernel command line: cma=32M$'
runs 'a machine has its area' 0 explain --ram 1G --size 8M --kconfig k.config
shows 'a machine has its area: reserved' 'area reserved$'

config 'CONFIG_CMA_AREAS=many'
runs 'no number' 2 boot --ram 1G --kconfig k.config
says 'no number: which line' 'freehold boot: k.config: line 1: CONFIG_CMA_AREAS=many: expected a number from 0 to 65535'
gzip -c k.config >k.config.gz
runs 'compressed' 2 boot --ram 1G --kconfig k.config.gz
says 'compressed: what to do' 'freehold boot: k.config.gz: compressed; expected text, as of: gunzip <FILE >.config'
runs 'no file' 2 boot --ram 1G --kconfig absent
says 'no file: says so' 'freehold boot: absent: No such file or directory'

runs 'as Linux reads' 0 boot --ram 1G --bootargs 'cma=64MB mem=768M'
shows 'as Linux reads: the area is there' '^cma: Reserved 64 MiB at 0x000000006c000000 on node -1$'
shows 'as Linux reads: with a note' "^note: cma=64MB: unexpected .B'; expected cma=SIZE"
runs 'elsewhere it is an error' 2 explain --ram 1G --size 4K --bootargs cma=64MB

echo "1..$n"
