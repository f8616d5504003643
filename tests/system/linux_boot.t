#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold boot` held to what real kernels said of the same trees: the logs of tests/linux/cases, without QEMU (scripts/test-linux has it).
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use lib dirname(abs_path($0)) . '/../linux';
use Held qw(read_kept ours differences read_differs judge);

my $linux = dirname(abs_path($0)) . '/../linux';
my $freehold = abs_path($ENV{FREEHOLD} // 'build/freehold') // '';
-x $freehold or print("Bail out! $freehold is not built\n"), exit 1;
my @logs = glob "$linux/cases/*.log";
print '1..', @logs + 1, "\n";
my ($n, $bad) = (0, 0);

sub result
{
	my ($good, $name, @lines) = @_;
	$n++;
	chomp @lines;
	print $good ? '' : 'not ', "ok $n - $name\n", map { "# $_\n" } map { split /\n/ } @lines;
	$bad ||= !$good;
}

# A comparison that finds nothing is no use: one line less, and one more, is seen.
my $f = @logs ? read_kept($logs[0]) : { lines => [] };
my @less = @{$f->{lines}}[1 .. $#{$f->{lines}}];
result(@less > 5 && "@{[differences($f->{lines}, \@less)]}" eq "- $f->{lines}[0]" &&
	"@{[differences(\@less, $f->{lines})]}" eq "+ $f->{lines}[0]", 'a line that only one side has is found');
my $differs = read_differs("$linux/differs");
for my $log (@logs) {
	my $name = basename($log, '.log');
	my $f = read_kept($log);
	my $kconfig = "$linux/" . ($f->{kernel} =~ /^(\d+\.\d+).*?(-16k|-armmp)?$/ ? $1 . ($2 // '') : '') . '.config';
	my @lines = differences($f->{lines}, ours($freehold, $log =~ s/log$/dts/r, $f, $kconfig));
	my @left = judge($name, $differs, @lines);
	result(!@left, $name, @left ? @lines : ());
}
exit($bad ? 1 : 0);
