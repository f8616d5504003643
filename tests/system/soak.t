#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `make soak` in short: all that jobs/soak.job mixes, for some seconds, with more faults than in the hour. No
# device is refused, no byte is wrong, nothing leaks, and what tenants are refused is what the contract allows.
set -u

. "$(dirname "$0")/tap.sh"
given='
	my $r = $j->{runs}[0];
	my %a = map { $_->{name} => $_ } @{$r->{actors}};
	my %f = %{$r->{faults}{calls}};'

"$freehold" run -f json -t 9 --faults 1/300 --check 2 "$root/jobs/soak.job" >out 2>err
got=$?
[ $got = 0 ]
result $? "the goal is met and all checks hold ($got)"
[ "$(grep -Ec '^guaranteed: (2|4|6|8) of 9 s, .* 0 refused, .* made to fail$' err)" = 4 ]
result $? "four lines of progress"
holds "no device is refused" '!grep { $_->{kind} eq "device" && (%{$_->{failures}} || !$_->{allocs}) } values %a'
holds "every check" '!grep { $_ } @{$r->{checks}}{qw(invariants corrupt_bytes leaked_pages leaked_bytes)}'
holds "and four meanwhile" '$r->{checks}{while_working} == 4'
holds "tenants are refused with ENOMEM and EIO, and nothing else" 'do {
	my %e = map { %{$_->{failures}} } values %a;
	%e && !grep { $_ ne "ENOMEM" && $_ ne "EIO" } keys %e }'
holds "every tenant works on" '!grep { $_->{kind} ne "device" && ($_->{operations} < 15 || !$_->{bytes}) } values %a'
holds "calls of each kind are made" '!grep { !$f{$_}{calls} && $_ ne "compress" && $_ ne "vmap" && $_ ne "share" } keys %f'
holds "and one in 300 fails" '$r->{faults}{one_in} == 300 && !grep { $f{$_}{calls} > 6000 &&
	($f{$_}{failed} < $f{$_}{calls} / 600 || $f{$_}{failed} > $f{$_}{calls} / 150) } keys %f'
holds "most of a day of the camera" '$a{raw}{loops} > 200 && $a{isp}{loops} > 200'

"$freehold" run -t 0.5 --check 0 --faults 0 "$root/jobs/soak.job" >out 2>err
got=$?
[ $got = 0 ] && ! grep -q "made to fail\|was checked" out
result $? "without faults and checks ($got)"
"$freehold" run --faults 1/2 -t 2 --check 0.5 "$root/jobs/soak.job" >out 2>err
got=$?
[ $got = 0 ] && grep -q "fail: 1 in 2$" out && grep -Eq "^guaranteed: the machine was checked 3 times " out
result $? "every other call fails, and the text says how many ($got)"
echo "1..$n"
