#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# freehold bench: what it names it measures, in JSON that says so, and bad usage is refused by name.
set -u

. "$(dirname "$0")/tap.sh"

bench() { "$freehold" bench "$@" >"$tmp/out" 2>"$tmp/err"; }

# refuses STATUS TEXT ARGUMENT...: one line on standard error that contains TEXT, nothing printed
refuses()
{
	want=$1 text=$2
	shift 2
	bench "$@"
	[ $? = "$want" ] && [ "$(wc -l <"$tmp/err")" = 1 ] && [ ! -s "$tmp/out" ] &&
		grep -qF -- "$text" "$tmp/err"
	result $? "refuses $*"
}

# JSON is read without another program: a pretty-printed file has a key a line.
values() { sed -n 's/^ *"'"$1"'": "\{0,1\}\([^",]*\)"\{0,1\},\{0,1\}$/\1/p' "$tmp/out"; }

bench --list
result $? 'lists'
cut -d' ' -f1 "$tmp/out" >"$tmp/names"
missing=
for name in frames.pair.order0.threads1 frames.bulk_alloc.order0.threads1 frames.bulk_free.order0.threads1 \
	frames.bulk_free_random.order0.threads2 frames.random.order3.threads1 frames.pair.order9.threads2 \
	frames.free_blocks.order0.threads1 frames.setup frames.metadata.gib cma.idle.16384.alloc \
	cma.idle.4096.release cma.full.4096.alloc cma.full.4096.alloc.movable cma.hosted.full.4096.alloc \
	contig.half.threads1 migrate.page.threads2 migrate.copy.threads1 dma.coherent.pool.threads1 \
	dma.coherent.pool.zero.threads2 dma.coherent.pool.aged.rest.threads1 dma.coherent.atomic.caches.threads1 \
	dma.coherent.area.64k.caches.threads2 dma.map.direct.threads1 dma.map.direct.sg16.threads2 \
	dma.map.direct.debug.threads1 dma.map.bounce.4k.over_memcpy.threads1 dma.map.bounce.64k.cold.memcpy.threads2 \
	dma.map.iommu.strict.threads1 dma.map.iommu.deferred.64k.threads2 dma.object.64.threads1; do
	grep -qx "$name" "$tmp/names" || missing="$missing $name"
done
echo "missing:$missing" >"$tmp/out"
[ -z "$missing" ]
result $? 'names the measures that the manual and the goals name'
[ -z "$(sort "$tmp/names" | uniq -d)" ]
result $? 'no name twice'
bench --list --threads 1 frames
! grep -q 'threads2' "$tmp/out" && grep -q '^frames.pair.order0.threads1 ns$' "$tmp/out" &&
	! grep -qv '^frames\.' "$tmp/out"
result $? 'a group, and one thread only'

# Small, so that the whole path runs in moments; every case of `cma` and `contig` once.
bench cma contig migrate --runs 1 --ram 64M --format json
result $? 'measures areas with bytes, JSON'
"$freehold" bench --list cma contig migrate --ram 64M | cut -d' ' -f1 >"$tmp/names"
values name | cmp -s - "$tmp/names"
result $? 'measures what it lists'
values median | awk '!($1 > 0) { bad = 1 } END { exit bad || !NR }'
result $? 'every figure is above 0'
grep -q '"ram_bytes": 67108864' "$tmp/out" && grep -q '"runs": 1' "$tmp/out"
result $? 'says in which setting'

bench dma --runs 1 --format json
result $? 'measures devices'
"$freehold" bench --list dma | cut -d' ' -f1 >"$tmp/names"
values name | cmp -s - "$tmp/names"
result $? 'all that it lists of them'
# A difference of two may be less than nothing on a busy host.
values name >"$tmp/names"
values median | paste -d' ' "$tmp/names" - | awk '$1 !~ /[.]rest[.]/ && !($2 > 0) { bad = 1 } END { exit bad || !NR }'
result $? 'every time is above 0'
grep -q '"dma_bytes": 402653184' "$tmp/out"
result $? 'says how much memory devices had'

bench --runs 3 --format json --filter 'frames.metadata.*'
[ $? = 0 ] && [ "$(values name | wc -l)" = 3 ] && [ "$(values runs | sort -u)" = 3 ]
result $? 'a filter, three runs of each'
values median >"$tmp/median"
values min | cmp -s - "$tmp/median" && values max | cmp -s - "$tmp/median"
result $? 'what does not vary has one value'

bench --runs 2 --filter frames.pair.order0.threads2
[ $? = 0 ] && grep -q '^frames\.pair\.order0\.threads2 ' "$tmp/out" && grep -q '  3\.3$' "$tmp/out"
result $? 'text: a row with its goal'

refuses 2 '--runs 0: expected a number from 1 to 1000' --runs 0
refuses 2 '--threads 65: expected' --threads 65
refuses 2 '--ram 100M: expected a power of two' --ram 100M
refuses 2 '--format xml: expected text or json' --format xml
refuses 2 'page: expected frames, cma, contig, migrate, dma or buf' page
refuses 2 'cma: given twice' cma cma
refuses 2 '--filter nothing.*: no measure has such a name' --filter 'nothing.*'

echo "1..$n"
