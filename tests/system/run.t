#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold run`: a short job's text and JSON, its options, and what it says to bad input.
set -u

. "$(dirname "$0")/tap.sh"

cat >small.job <<'EOF'
[global]
ram = 96M
bootargs = cma=32M
duration = 300ms

[camera]
kind = device
buffers = 4
size = 720p:nv12 64K
rate = 20
lifetime = 80ms

[programs]
kind = anon
size = 40%
punch = 1%

[io]
kind = pin
size = 1M
pages = 4

[cache]
kind = files
paths = /usr/lib:/usr/share
size = 60%
EOF

runs "a job passes" 0 run small.job
for p in carveout movable guaranteed; do
	grep -q "^$p: 0.3 s, [0-9]* allocations, [0-9]* refused, all bytes right$" err
	result $? "one line of progress for $p"
	grep -Eq "^$p +[0-9]+ ?% +[0-9]+ .* 0$" out
	result $? "one row for $p"
done
grep -Eq "^carveout +0 ?%" out
result $? "a carveout lends nothing"

runs "JSON" 0 run -f json -p guaranteed,movable -s 7 small.job
holds "the machine" '$j->{machine}{ram_bytes} == 96 << 20 && $j->{machine}{bootargs} eq "cma=32M" &&
	!defined $j->{machine}{dtb} && $j->{machine}{engine} eq "host" && $j->{machine}{seed} == 7'
holds "the policies in order" 'join(",", map { $_->{policy} } @{$j->{runs}}) eq "guaranteed,movable"'
holds "every actor" '!grep { join(",", map { "$_->{name}:$_->{kind}" } @{$_->{actors}}) ne
	"camera:device,programs:anon,io:pin,cache:files" } @{$j->{runs}}'
holds "every field of an actor" '!grep { my $a = $_; grep { !defined $a->{$_} } qw(name kind allocs failures
	latency_ns pages_migrated pages_dropped bytes corrupt_bytes) } map { @{$_->{actors}} } @{$j->{runs}}'
holds "latencies in order" '!grep { my $l = $_->{latency_ns}; !($l->{min} <= $l->{p50} &&
	$l->{p50} <= $l->{p99} && $l->{p99} <= $l->{p999} && $l->{p999} <= $l->{max} &&
	$l->{mean} >= $l->{min} && $l->{mean} <= $l->{max} && $l->{max} > 0) }
	map { @{$_->{actors}} } @{$j->{runs}}'
holds "histograms that add up" '!grep { my $n = $_->{operations} // $_->{calls}; my $last = 0;
	for (@{$_->{latency_hist}}) { $n -= $_->{count}; $last = $_->{le_ns} > $last ? $_->{le_ns} : 9e99 }
	my $h = $_->{latency_hist};
	$n || $last == 9e99 || (@$h && !($h->[0]{count} && $h->[-1]{count} &&
	$h->[0]{le_ns} >= $_->{latency_ns}{min} && $h->[-1]{le_ns} >= $_->{latency_ns}{max} &&
	$h->[-1]{le_ns} < 2 * $_->{latency_ns}{max})) }
	map { ($_, @{$_->{by_size} // []}) } map { @{$_->{actors}} } @{$j->{runs}}'
holds "the device worked" '!grep { $_->{actors}[0]{allocs} < 8 } @{$j->{runs}}'
holds "all checks" '!grep { my $c = $_->{checks}; $c->{invariants} || $c->{corrupt_bytes} ||
	$c->{leaked_pages} || !defined $c->{leaked_pages} } @{$j->{runs}}'
holds "something was lent" '!grep { $_->{lent} <= 0 || $_->{lent} > 1 } @{$j->{runs}}'

runs "a board" 0 run -f json -t 0.1 -p carveout -d "$root/boards/imx8mq-evk.dts" -r 512M \
	-b cma=48M small.job
holds "is the board" '$j->{machine}{ram_bytes} == 512 << 20 && $j->{machine}{model} eq "NXP i.MX8MQ EVK" &&
	$j->{runs}[0]{areas}[0]{bytes} == 48 << 20'

runs "--histogram" 0 run -H -t 100ms -p movable,guaranteed small.job
grep -q "^camera, buffers of 16 pages: how long operations took$" out &&
	grep -q "^programs: how long operations took$" out && grep -Eq "^ *[0-9.]+ [um]s .*\|#+ *\|" out
result $? "shows a histogram of each size and actor"

runs "--verbose" 0 run -v -t 100ms -p guaranteed small.job
grep -q "^MemTotal:" out && grep -Eq "^guaranteed +programs +anon " out
result $? "shows the actors and the machine's files"

cat >swap.job <<'END'
[global]
ram = 64M
bootargs = cma=16M
policies = guaranteed
duration = 300ms
swap = 64M
[a]
kind = anon
size = 82M
threads = 2
END
runs "more anonymous memory than RAM" 0 run -v swap.job
grep -q "^pswpout [1-9]" out && grep -q "^pswpin [1-9]" out && grep -q "^SwapTotal: *65536 kB$" out
result $? "goes to swap, and comes back"
grep -q "all bytes right" err && ! grep -q "ENOMEM" out
result $? "and nobody is refused"

"$freehold" run -t 60 -p guaranteed small.job >out 2>err &
pid=$!
sleep 1
kill -INT $pid
wait $pid
[ $? = 130 ]
result $? "an interruption ends it"
grep -q "^guaranteed: interrupted after" out && grep -Eq "^guaranteed +[0-9]+ ?%" out
result $? "and shows what was done"

# bad NAME SED MESSAGE: the job, changed by sed, is refused with the message
bad()
{
	sed "$2" small.job >bad.job
	runs "$1" 2 run bad.job
	says "$1: says so" "freehold run: $3"
	[ ! -s out ]
	result $? "$1: no report"
}

bad "unknown key" 's/^punch/punches/' "bad.job:16: [programs] punches: no such key of kind anon, expected one \
of kind, size, rate, count, threads, access, punch, random, churn"
bad "unknown kind" 's/^kind = pin/kind = pins/' "bad.job:19: [io] kind: found 'pins', expected device, anon, \
files, pin or writeback"
bad "buffer larger than the area" 's/64K/33M/' "bad.job:9: [camera] size: found 34603008 bytes, expected at \
most the area reserved of 33554432 bytes"
bad "no area" 's/^bootargs/;/' "bad.job:6: [camera] area: found 'default', expected an area of this machine \
(none); cma= in bootargs makes a default one"
bad "tenant larger than the memory" 's/^size = 1M/size = 97M/' "bad.job:20: [io] size: found 101711872 bytes, \
expected at most the memory of 100663296 bytes"
bad "no tree there" 's/^ram.*/dtb = no.dtb/' "bad.job:2: [global] dtb: no.dtb: No such file or directory"
bad "command line" 's/cma=32M/cma=32Q/' \
	"bad.job:3: [global] bootargs: cma=32Q: unexpected \`Q'; expected cma=SIZE[@START[-END]], as cma=64M"
bad "no folder" 's/^paths.*/paths = \/nonexistent/' "[cache] paths: /nonexistent: No such file or directory"
runs "more memory than the host has" 2 run -r 3000G small.job
grep -Eq "^freehold run: the host has [0-9]+ MiB free, 3072256 MiB are needed" err
result $? "says how much is needed"

bad "areas without room" 's/^bootargs/areas = far:128M\n&/' "bad.job:3: [global] areas: far: the machine has \
no room for it"

# goals NAME STATUS GOAL MET: a goal decides the exit status, and is shown
goals()
{
	sed "/^duration/a policies = none, guaranteed\\nrepeat = 2\\nexpect = guaranteed: $3" small.job >goal.job
	runs "$1" "$2" run -t 100ms goal.job
	grep -Eq "^the run +guaranteed +$3 +$4 " out
	result $? "$1: is shown"
}
goals "a goal that is met" 0 "refused = 0" met
grep -Eq "^none +- +0 +0 +- " out
result $? "without areas there are no devices"
grep -Eq "^guaranteed +[0-9.]+ m?s +[0-9.]+ m?s +[0-9.]+ " out
result $? "run times are compared"
goals "a goal that is not met" 3 "runtime <= 0.0001" "NOT MET"

runs "no job" 2 run
runs "two jobs" 2 run small.job small.job
runs "no such file" 2 run none.job
says "no such file: says so" "freehold run: none.job: No such file or directory"
for o in "--policy lent" "--duration 0" "--duration soon" "--seed x" "--engine real" "--format xml" \
	"--trace x" "--report x.html" "--policy movable,movable"; do
	# shellcheck disable=SC2086
	runs "$o" 2 run $o small.job
	grep -q "^freehold run: .*${o%% *}" err
	result $? "$o is named"
done
for o in "--repeat 0" "--repeat 33"; do
	# shellcheck disable=SC2086
	runs "$o" 2 run $o small.job
	says "$o: says so" "freehold run: $o: expected a number from 1 to 32"
done
runs "engine sim" 2 run --engine sim small.job
says "engine sim: says so" "freehold run: engine sim is not in this build, expected host"

runs "no command" 2
runs "unknown command" 2 fly
says "unknown command: says so" "freehold: no command 'fly', expected boot, lint, run, stat, explain, serve, exec or bench"
runs "--help" 0 --help
grep -q "^  run " out
result $? "lists the commands"
runs "--version" 0 --version
grep -Eq "^freehold [0-9]+\.[0-9]+\.[0-9]+$" out
result $? "is a version"

printf '[server]\nkind = writeback\nsize = 1M\ndelay = 1ms\n' >>small.job
mkdir tmp
TMPDIR=$tmp/tmp
export TMPDIR
runs "a writeback tenant" 0 run -f json -t 200ms -p movable small.job
holds "wrote" '$j->{runs}[0]{actors}[4]{bytes} > 4096'
rmdir tmp
result $? "no file is left behind"
echo "1..$n"
