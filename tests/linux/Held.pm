# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What a boot log of Linux says about where memory lies, what `freehold boot` says of the same tree, and where the two differ.
#
# A case kept in cases/ is NAME.dts (or .dtb), the tree as the kernel got it, and NAME.log, the lines of its log that count, behind
# three kinds of head lines: `# kernel RELEASE`, `# until WHAT` (how far it goes: layout, allocator, initcalls) and `# taken START-END[,late]`,
# what the kernel itself had when regions were placed.
package Held;
use strict;
use warnings;
no warnings 'portable'; # addresses have 64 bits
use Exporter 'import';
use File::Basename;
use JSON::PP;
our @EXPORT_OK = qw(keep facts read_kept write_kept ours differences read_differs judge);

# Lines about the layout. `Device` is a zone that only Linux has, and always empty at boot.
my $about = qr/^(?:
	OF:\ reserved\ mem:\ | OF:\ fdt:\ | Reserved\ memory:\ | cma:\ | hugetlb_cma:\ | software\ IO\ TLB:\ | Memory\ limited |
	Zone\ ranges: | Movable\ zone\ start | Early\ memory\ node | Initmem\ setup\ node | Kernel\ command\ line: | Machine\ model: |
	.*\ \(0x[0-9a-f]+--0x[0-9a-f]+\)\ overlaps\ with\ | DMA:\ preallocated | DMA:\ failed | Malformed\ early\ option |
	Ignoring\ RAM | Consider\ using | vmalloc\ area |
	\ \ (?:DMA|DMA32|Normal|HighMem|Movable)\ | \ \ [Nn]ode\ +\d+: )/x;

# Who reserves for regions: all others are the kernel itself.
my $regions = qr/^(?:fdt_scan_reserved_mem|__reserved_mem\w*|fdt_init_reserved_mem|early_init_dt_reserve_memory\w*|
	early_init_dt_alloc_reserved_memory\w*|early_init_fdt_scan_reserved_mem|early_init_fdt_reserve\w*|cma_declare\w*|rmem_\w*)$/x;

sub plain
{
	my ($line) = @_;
	$line =~ s/\r?\n?$//;
	$line =~ s/^\[ *\d+\.\d+\] //;
	return $line;
}

# Joins [start, end, late] that adjoin or overlap, for each of early and late.
sub join_ranges
{
	my @out;
	for my $r (sort { $a->[2] <=> $b->[2] || $a->[0] <=> $b->[0] } @_) {
		my $last = $out[-1];
		if ($last && $last->[2] == $r->[2] && $r->[0] <= $last->[1] + 1) {
			$last->[1] = $r->[1] if $r->[1] > $last->[1];
		} else {
			push @out, [@$r];
		}
	}
	return @out;
}

sub without
{
	my ($from, $to, @ranges) = @_;
	return map {
		my ($s, $e, $late) = @$_;
		$e < $from || $s > $to ? $_ :
			(($s < $from ? [$s, $from - 1, $late] : ()), ($e > $to ? [$to + 1, $e, $late] : ()))
	} @ranges;
}

# facts(LOG, TREE): LOG a reference to the lines of a boot with memblock=debug, TREE [start, bytes] of the tree in memory.
# Lines before the one that names the kernel are of a boot that was asked for memory only.
# Returns { kernel, until, taken => [[start, end, late]...], lines => [...] }; dies where the log is not one.
sub facts
{
	my ($log, $tree) = @_;
	my %f = (taken => [], lines => [], until => 'layout');
	my @taken = ([$tree->[0], $tree->[0] + $tree->[1] - 1, 0]);
	my ($late, $ended, $who, $open, $reserved, $bounce, $areas, $adjusted, @no_room) = (0, 0, '');
	for (map { plain($_) } @$log) {
		$f{kernel} //= $1 if /^Linux version (\S+)/;
		$ended = 1 if /^MEMBLOCK configuration:/;
		if (!$ended && /^memblock_(?:phys_alloc_range|alloc\w*): .* (\w+)\+0x/) {
			$who = $1;
			# The first that the kernel allocates is for the linear map, when regions lie.
			$late = 1 unless $who =~ $regions;
			next;
		}
		if (!$ended && /^(?:__)?memblock_reserve: \[0x([0-9a-f]+)-0x([0-9a-f]+)\] (?:nid=\S+ flags=\S+ )?(\w+)/) {
			my $by = $3 eq 'memblock_alloc_range_nid' ? $who : $3;
			my $range = [hex $1, hex $2, $late];
			push @taken, $range unless $by =~ $regions;
			# An area says so only in the line behind.
			$open = $who eq '' ? $range : undef;
			$who = '';
			next;
		}
		if (!$ended && /^memblock_(?:phys_)?free: \[0x([0-9a-f]+)-0x([0-9a-f]+)\]/) {
			@taken = without(hex $1, hex $2, @taken) if hex $2 >= hex $1;
			next;
		}
		if ($open && /^cma: Reserved \d+ MiB at 0x([0-9a-f]+)/ && hex $1 == $open->[0]) {
			@taken = grep { $_ != $open } @taken;
			$open = undef;
		}
		if (/^Memory: \d+K\/(\d+)K available .* (\d+)K cma-reserved/) {
			$reserved = "cma-reserved: $2K";
			next;
		}
		# Said while options are read, and on the way to the size that counts.
		if (/^software IO TLB: (?!Reserved memory)/) {
			$adjusted = $_ if /size adjusted to/;
			push @no_room, $_ if /swiotlb_memblock_alloc: Failed/;
			$areas = $_ if /area num/;
			$bounce = "software IO TLB: mapped $1" if /mapped .* (\(\d+MB\))/;
			next;
		}
		$f{until} = 'allocator' if /^SLUB: / && $f{until} eq 'layout';
		$f{until} = 'initcalls' if /^DMA: preallocated|^audit: initializing/;
		push @{$f{lines}}, $_ if /$about/ && $f{kernel};
	}
	push @{$f{lines}}, (defined $adjusted ? $adjusted : ()), $areas, $bounce if $bounce;
	push @{$f{lines}}, @no_room;
	push @{$f{lines}}, $reserved if $reserved;
	defined $f{kernel} or die "not a boot log: it names no kernel\n";
	grep { /^Initmem/ } @{$f{lines}} or die "a boot that ended before memory was laid out\n";
	$f{taken} = [join_ranges(@taken)];
	return \%f;
}

sub like_of
{
	my ($release) = @_;
	return $release =~ /^(\d+\.\d+)/ ? $1 : die "kernel $release: expected a version\n";
}

sub write_kept
{
	my ($path, $f) = @_;
	open(my $out, '>', $path) or die "$path: $!\n";
	print $out "# kernel $f->{kernel}\n# until $f->{until}\n";
	printf $out "# taken 0x%x-0x%x%s\n", $_->[0], $_->[1], $_->[2] ? ',late' : '' for @{$f->{taken}};
	print $out "$_\n" for @{$f->{lines}};
	close $out or die "$path: $!\n";
}

sub read_kept
{
	my ($path) = @_;
	my %f = (taken => [], lines => []);
	open(my $in, '<', $path) or die "$path: $!\n";
	while (<$in>) {
		chomp;
		if (/^# kernel (\S+)$/) {
			$f{kernel} = $1;
		} elsif (/^# until (layout|allocator|initcalls)$/) {
			$f{until} = $1;
		} elsif (/^# taken 0x([0-9a-f]+)-0x([0-9a-f]+)(,late)?$/) {
			push @{$f{taken}}, [hex $1, hex $2, $3 ? 1 : 0];
		} elsif (/^#/) {
			die "$path:$.: expected `# kernel RELEASE', `# until WHAT' or `# taken START-END[,late]'\n";
		} else {
			push @{$f{lines}}, $_;
		}
	}
	$f{kernel} && $f{until} or die "$path: no line `# kernel RELEASE' or `# until WHAT'\n";
	return \%f;
}

# Options that this command may not have yet.
my $help;

# ours(FREEHOLD, TREE, FACTS, KCONFIG): what the command says, as facts() would. KCONFIG may be undef.
sub ours
{
	my ($freehold, $tree, $f, $kconfig) = @_;
	$help //= `$freehold boot --help`;
	my @command = ($freehold, 'boot', '--format', 'json', '--like', like_of($f->{kernel}), '--dtb', $tree);
	push @command, '--kconfig', $kconfig if defined $kconfig && $help =~ /--kconfig/;
	push @command, "--taken", sprintf('0x%x-0x%x%s', $_->[0], $_->[1], $_->[2] ? ',late' : '') for $help =~ /--taken/ ? @{$f->{taken}} : ();
	my $pid = open(my $out, '-|') // die "cannot fork: $!\n";
	if (!$pid) {
		open(STDERR, '>&', \*STDOUT);
		exec @command or die "$freehold: $!\n";
	}
	my $text = do { local $/; <$out> } // '';
	close $out;
	my $json = $? ? undef : eval { decode_json($text) };
	return ["exit status " . ($? >> 8) . ($? & 127 ? ' signal ' . ($? & 127) : '') . ": $text"] unless $json;
	my @lines;
	for (@{$json->{dmesg}}) {
		# At the end of boot only, and by then most boards' trees have led a virtual machine astray.
		next if /^cma: CMA area .* could not be activated/ && $f->{until} ne 'initcalls';
		next if /^software IO TLB: .* (?:adjusted to|Failed)/; # told_later()
		push @lines, $_ if /$about/;
	}
	return [@lines, told_later($json, $f)];
}

# What Linux says when memory is given out already, and we know from the plan; only where its log goes so far.
sub told_later
{
	my ($json, $f) = @_;
	my @lines;
	return () if $f->{until} eq 'layout';
	if (my $bounce = $json->{dma}{bounce_buffers}) {
		push @lines, grep({ /^software IO TLB: .* adjusted to/ } @{$json->{dmesg}}), (grep({ /^software IO TLB: area num/ } @{$f->{lines}}) ? "software IO TLB: area num $bounce->{areas}." : ()),
			sprintf 'software IO TLB: mapped (%dMB)', $bounce->{size} >> 20;
	}
	push @lines, grep { /^software IO TLB: .* Failed/ } @{$json->{dmesg}};
	my $pools = $json->{dma}{atomic_pools};
	if ($f->{until} eq 'initcalls' && $f->{kernel} =~ /armmp/) {
		push @lines, map { sprintf 'DMA: preallocated %d KiB pool for atomic coherent allocations', $_->{size} >> 10 } @$pools;
	} elsif ($f->{until} eq 'initcalls') {
		my %gfp = (Normal => 'GFP_KERNEL', DMA => 'GFP_KERNEL|GFP_DMA', DMA32 => 'GFP_KERNEL|GFP_DMA32');
		my %size = map { $_->{zone} => $_->{size} } @$pools;
		push @lines, sprintf 'DMA: preallocated %d KiB %s pool for atomic allocations', $size{$_} >> 10, $gfp{$_}
			for grep { $size{$_} } qw(Normal DMA DMA32);
	}
	my $cma = 0;
	/^Reserved memory: created CMA .* size (\d+) MiB|^cma: Reserved (\d+) MiB/ and $cma += $1 // $2 for @{$json->{dmesg}};
	push @lines, sprintf 'cma-reserved: %dK', $cma << 10 if grep { /^cma-reserved/ } @{$f->{lines}};
	return @lines;
}

# differences(THEIRS, OURS): lines that only one side has, in order: "- Linux's", "+ ours".
sub differences
{
	my ($x, $y) = @_;
	my @len = map { [(0) x (@$y + 1)] } 0 .. @$x;
	for my $i (reverse 0 .. $#$x) {
		for my $k (reverse 0 .. $#$y) {
			my ($down, $right) = ($len[$i + 1][$k], $len[$i][$k + 1]);
			$len[$i][$k] = $x->[$i] eq $y->[$k] ? $len[$i + 1][$k + 1] + 1 : $down > $right ? $down : $right;
		}
	}
	my ($i, $k, @out) = (0, 0);
	while ($i < @$x || $k < @$y) {
		if ($i < @$x && $k < @$y && $x->[$i] eq $y->[$k]) {
			$i++, $k++;
		} elsif ($k >= @$y || $i < @$x && $len[$i + 1][$k] >= $len[$i][$k + 1]) {
			push @out, "- $x->[$i++]";
		} else {
			push @out, "+ $y->[$k++]";
		}
	}
	return @out;
}

# read_differs(PATH): [{ case, line, text, used }...]. An entry is `CASE | LINE`, both with `*` for any text; LINE begins with the
# sign of the side that has it, or with `?` for any. A line that begins with `#` is the reason of those behind it.
sub read_differs
{
	my ($path) = @_;
	my @entries;
	open(my $in, '<', $path) or die "$path: $!\n";
	while (<$in>) {
		chomp;
		next if /^\s*(?:#|$)/;
		my ($case, $line) = /^(\S+) \| (.*)$/ or die "$path:$.: expected `CASE | LINE'\n";
		my $sign = $line =~ s{^\?}{} ? "[-+?]" : "";
		my @re = map { join '.*', map { quotemeta } split /\*/, $_, -1 } $case, $line;
		push @entries, { case => qr/^$re[0]$/, line => qr/^$sign$re[1]$/, text => $_, used => 0 };
	}
	return \@entries;
}

# judge(CASE, DIFFERS, DIFFERENCES...): those that no entry explains.
sub judge
{
	my ($case, $differs, @lines) = @_;
	return grep {
		my $line = $_;
		my @why = grep { $case =~ $_->{case} && $line =~ $_->{line} } @$differs;
		$_->{used}++ for @why;
		!@why;
	} @lines;
}

# The source of what the layout depends on: memory, its reserve map and reserved-memory, the command line, CPUs, buses with dma-ranges.
sub trimmed
{
	my ($tree) = @_;
	my ($root, @open, @head) = ({ kids => [] });
	push @open, $root;
	for (split /\n/, `dtc -q -I dtb -O dts \Q$tree\E`) {
		if (m{^/}  && !/\{$/) {
			push @head, $_;
		} elsif (/^\t*(\S.*) \{$/) {
			push @{$open[-1]{kids}}, { name => $1, properties => [], kids => [] };
			push @open, $open[-1]{kids}[-1];
		} elsif (/^\t*\};$/) {
			pop @open;
		} elsif (/^\t*(\S.*;)$/) {
			push @{$open[-1]{properties}}, $1;
		}
	}
	return join '', map { "$_\n" } @head, kept_lines($root->{kids}[0], 0);
}

sub kept_lines
{
	my ($n, $depth) = @_;
	my @properties = @{$n->{properties}};
	my $whole = $depth == -1 || $depth == 1 && $n->{name} =~ /^(?:memory(?:\@.*)?|reserved-memory)$/;
	my @kids = map { kept_lines($_, $whole ? -1 : $depth + 1) } @{$n->{kids}};
	if ($depth == 2 && grep { /^device_type = "cpu"/ } @properties) {
		@properties = grep { /^(?:device_type|enable-method)\b/ } @properties;
		@kids = ();
	} elsif ($depth == 1 && $n->{name} eq 'chosen') {
		@properties = grep { /^bootargs/ } @properties;
	} elsif (!$whole) {
		return () if $depth && !@kids && !grep { /^dma-ranges/ } @properties;
		@properties = grep { /^(?:#address-cells|#size-cells|ranges|dma-ranges|model|status)\b/ || !$depth && /^compatible\b/ } @properties;
	}
	return ("$n->{name} {", (map { "\t$_" } @properties, @kids), '};');
}

# Keeps a case in a folder.
sub keep
{
	my ($dir, $name, $f, $tree) = @_;
	my $path = "$dir/" . $name =~ s{/}{-}gr;
	write_kept("$path.log", $f);
	open(my $out, '>', "$path.dts") or die "$path.dts: $!\n";
	print $out trimmed($tree);
	close $out or die "$path.dts: $!\n";
}

1;
