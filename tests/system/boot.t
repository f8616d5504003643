#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold boot`: one layout as text, JSON, a picture for terminals and SVG; what standard output is; exit statuses.
set -u

. "$(dirname "$0")/tap.sh"
limit=20
LC_ALL=C
export LC_ALL
unset COLUMNS NO_COLOR

boots()
{
	name=$1 want=$2
	shift 2
	runs "$name" "$want" boot "$@"
}

# perl_says NAME PROGRAM: it is true of the lines in out, @l
perl_says()
{
	perl -Mutf8 -CSD -e 'open(my $f, "<", "out") or die; my @l = <$f>; chomp @l; exit((eval { '"$2"' }) ? 0 : 1)' 2>>err
	result $? "$1"
}

skip()
{
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

finish()
{
	echo "1..$n"
	exit 0
}

# ---- usage ---------------------------------------------------------------------------------------

boots 'bad form' 2 --ram 1G --format xml
only_says 'bad form: one line' 'freehold boot: --format xml: expected text, json or svg'
boots 'a tree where none belongs' 2 board.dtb
only_says 'it is told where' "freehold boot: unexpected argument \`board.dtb'; expected --dtb board.dtb"
boots 'an overlay where none belongs' 2 --ram 1G camera.dtbo
only_says 'it is told where as well' "freehold boot: unexpected argument \`camera.dtbo'; expected --overlay camera.dtbo"
boots 'any other word' 2 board
only_says 'it is told nothing' "freehold boot: unexpected argument \`board'"
boots 'bad picture' 2 --ram 1G --map=often
only_says 'bad picture: one line' 'freehold boot: --map=often: expected auto, always or never'
boots 'no memory' 2
only_says 'no memory: one line' 'freehold boot: no memory: expected --ram SIZE or --dtb FILE'
echo '/dts-v1/; / { #address-cells = <1>; #size-cells = <1>; memory@0 { device_type = "memory"; reg = <0 0>; }; };' >unsized.dts
boots 'memory that firmware fills in' 2 --dtb unsized.dts
only_says 'memory that firmware fills in: what to give' \
	'freehold boot: unsized.dts: no memory: its nodes have no size, which firmware fills in; expected --ram SIZE'
boots 'a version' 0 --ram 1G --like 6.1
shows 'a version: the command line stays as it is' '^Kernel command line: $'
boots 'a version on the command line goes over it' 0 --ram 1G --bootargs 'cma=16M like=6.12' --like 6.1
shows 'a version on the command line: its words' '^cma: Reserved 16 MiB at 0x[0-9a-f]+ on node -1$'

# ---- without a tree ------------------------------------------------------------------------------

boots 'RAM alone' 0 --ram 1G
shows 'the log comes first' '^Zone ranges:$'
shows 'a bank' '^bank +0x40000000 +0x7fffffff +1 GiB +RAM 0$'
perl_says 'no picture where it is not a terminal' '!grep { /a row is/ } @l'
boots 'an area' 0 --ram 1G --bootargs cma=64M --map
shows 'an area: its row' '^cma +0x7c000000 +0x7fffffff +64 MiB +reserved +reusable,cma-default,cmdline,policy=guaranteed$'
shows 'an area: in the picture, below what is nobody'"'"'s' '^DMA +\+ +\+-+\+ +1 GiB  RAM 0, a row is 128 MiB$'
shows 'an area: to scale' '^       \| 0x7c000000 \|###### +\| +64 MiB  reserved$'
shows 'an area: what it comes to' '^# cma 64 MiB   \. nobody.s 960 MiB$'
boots 'an area that Linux goes on without' 0 --ram 1G --bootargs cma=4G --map
perl_says 'notes come last, before what lint counts' '$l[-1] =~ /^lint: / && $l[-3] =~ /^Linux goes on where these are/ && $l[-4] =~ /^note: /'
boots 'the same as JSON' 0 --ram 1G --bootargs cma=4G --format json
holds 'notes of the JSON' '@{$j->{notes}} >= 1'

boots 'and as SVG' 0 --ram 1G --bootargs 'cma=4G swiotlb=64M' --format svg
shows 'notes of the SVG are numbered' '>1\.</text>$'
perl_says 'as many as there are, within the picture' 'my ($h) = join("", @l) =~ /<svg [^>]*height="(\d+)"/;
	(grep { />\d+\.<\/text>/ } @l) >= 2 && !grep { / y="([\d.]+)"/ && $1 > $h - 4 } grep { /<text/ } @l'

# ---- what cannot be written ----------------------------------------------------------------------

for form in text json svg; do
	"$freehold" boot --ram 1G --format $form >/dev/full 2>err
	[ $? = 1 ] && [ "$(cat err)" = 'freehold boot: standard output: No space left on device' ]
	result $? "$form: a disk that is full"
	perl -e 'pipe(R, W) && close(R) && open(STDOUT, ">&W") or die; close(W); $SIG{PIPE} = "IGNORE"; exec @ARGV' \
		"$freehold" boot --ram 1G --format $form 2>err
	[ $? = 1 ] && [ "$(cat err)" = 'freehold boot: standard output: Broken pipe' ]
	result $? "$form: nobody reads"
done

# ---- boards --------------------------------------------------------------------------------------

command -v dtc >/dev/null || { skip 'boards' 'needs dtc (device-tree-compiler)'; finish; }

# Rows of the table, by what begins them: kind, start, end, name, users.
table='
	my (%row, $in);
	local $/ = "\n";
	open(my $t, "<", "text") or die;
	while (<$t>) {
		$in = 1 if /^kind /;
		last if $in && /^$/;
		my @c = split;
		next if !$in || @c < 6 || $c[1] !~ /^0x/;
		$row{"$c[0] $c[1] $c[2] $c[5]"} = join(" ", @c[6 .. $#c]);
	}
	my $w = 8;
	for my $m (@{$j->{map}}) { my $n = length(sprintf("%x", $m->{base} + $m->{size} - 1)); $w = $n if $n > $w; }
	sub row { my ($k, $r, $n) = @_; sprintf("%s 0x%0*x 0x%0*x %s", $k, $w, $r->{base}, $w, $r->{base} + $r->{size} - 1, $n); }
	sub users { join(",", map { $_->{device} . (defined $_->{name} ? "[$_->{index}=$_->{name}]" : $_->{index} ? "[$_->{index}]" : "") } @{$_[0]{users}}); }
'
for board in boards/rpi4 boards/zcu102 boards/imx8mq-evk tests/system/phone; do
	b=${board##*/}
	dts=$root/$board.dts
	boots "$b: text" 0 --dtb "$dts" --map=always
	cp out text
	perl_says "$b: the picture has 80 columns at most" 'my $m = join("\n", @l) =~ s/.*?(?=^\S* *\+ +\+-)//msr; $m && !grep { length > 80 } split /\n/, $m'
	perl_says "$b: in ASCII" '!grep { /[^ -~]/ } @l'
	boots "$b: JSON" 0 --dtb "$dts" --format json
	cp out "$b.json"
	given=$table
	holds "$b: the table has every region, with its users" \
		'@{$j->{regions}} && !grep { my $k = row($_->{kind}, $_, $_->{name}); my $u = users($_); !exists $row{$k} || ($u && $row{$k} !~ /(^| )\Q$u\E$/) } @{$j->{regions}}'
	holds "$b: and every zone and hole, and no more rows" \
		'!(grep { !exists $row{row("zone", $_, $_->{name})} } @{$j->{zones}}) && !(grep { !exists $row{row("hole", $_, "-")} } @{$j->{holes}})
			&& keys %row == @{$j->{regions}} + @{$j->{zones}} + @{$j->{holes}} + grep { /^bank/ } keys %row'
	given='my ($at, $ram, @of) = ($j->{map}[0]{base}, 0);
		for my $m (@{$j->{map}}) { $bad++ if $m->{base} != $at; $at += $m->{size}; $ram += $m->{size} if $m->{what} eq "ram"; $of[$_] += $m->{size} for @{$m->{regions}}; }'
	holds "$b: the map has no gap, all RAM, and all of each region" \
		'$j->{version} == 1 && !$bad && $ram == $j->{ram_bytes} && !grep { $of[$_] != $j->{regions}[$_]{size} } 0 .. $#{$j->{regions}}'
	given=
	for locale in C C.UTF-8; do
		LC_ALL=$locale
		for COLUMNS in 60 80 140; do
			export COLUMNS
			boots "$b: picture, $locale, $COLUMNS columns" 0 --dtb "$dts" --map
			sed -n '/, a row is /,$p' out >picture && mv picture out
			perl -MJSON::PP -Mutf8 -CSD -e '
				local $/;
				open(my $f, "<", $ARGV[0]) or die;
				my $j = decode_json(<$f>);
				open($f, "<", "out") or die;
				my $p = <$f>;
				for (split /\n/, $p) { die "too long: $_" if length > $ARGV[1]; }
				for my $r (@{$j->{regions}}) { my $n = substr($r->{name}, 0, 12); die "not there: $n" if index($p, $n) < 0; }
				die "no box" if $p !~ ($ARGV[2] eq "C" ? qr/^[ -~\n]+$/ : qr/\x{2514}\x{2500}+\x{2518}/);' "$b.json" $COLUMNS $locale 2>>err
			result $? "$b: every region in lines that fit, $locale, $COLUMNS columns"
		done
		unset COLUMNS
	done
	LC_ALL=C

	boots "$b: SVG" 0 --dtb "$dts" --format svg
	cp out "$b.svg"
	"$freehold" boot --dtb "$dts" --format svg | cmp -s - "$b.svg"
	result $? "$b: SVG: the same each time"
	shows "$b: SVG: its title" '^<title id="title">Physical memory of '
	perl_says "$b: SVG: stands alone" '!grep { /<script|href=|\@import|<image|url\((?!#)/ } @l'
	perl -MJSON::PP -e '
		local $/;
		open(my $f, "<", $ARGV[0]) or die;
		my $j = decode_json(<$f>);
		open($f, "<", "out") or die;
		my $svg = <$f>;
		for my $r (@{$j->{regions}}) {
			die "no region $r->{name}" if index($svg, $r->{name}) < 0;
			for (@{$r->{users}}) { die "no device $_->{path}" if index($svg, "<title>$_->{path}</title>") < 0; }
		}
		my $arrows = () = $svg =~ /class="to /g;
		my $users = 0;
		$users += @{$_->{users}} for @{$j->{regions}};
		die "$arrows arrows for $users users" if $arrows != $users;' "$b.json" 2>>err
	result $? "$b: SVG: every region, every device, an arrow for each entry"
	if command -v xmllint >/dev/null; then
		xmllint --noout --nonet "$b.svg" 2>>err
		result $? "$b: SVG: well-formed"
	else
		skip "$b: SVG: well-formed" 'needs xmllint (libxml2-utils)'
	fi
done

cp phone.svg out
shows 'what XML does not take as it is' '^<title id="title">Physical memory of Phone &lt;6 &amp; 2&gt; GiB</title>$'
cp phone.json out
holds 'two owners' 'join(" ", sort map { $_->{name} } grep { $_->{overlaps} } @{$j->{regions}}) eq "demura\@9f700000 framebuffer\@9d400000"'
holds 'not RAM' 'join(" ", map { $_->{name} } grep { !$_->{ram} } @{$j->{regions}}) eq "imem\@fe000000"'
holds 'kinds' 'join(" ", sort keys %{{map { $_->{kind} => 1 } @{$j->{regions}}}}) eq "carveout cma memreserve nomap reserved restricted-dma-pool"'
boots 'two owners, in the picture' 0 --dtb "$root/tests/system/phone.dts" --map
shows 'an overlap' '^ +\| 0x09f700000 \|! +\| +1 MiB  framebuffer@9d400000 \+ demura'
shows 'an entry by its name' '^ +\| +\| +\| +< 4080000\.remoteproc\[metadata\]$'
shows 'a region that is not RAM' '^ +0x0fe000000 :x +: +256 KiB  imem@fe000000 \(not RAM\)$'
shows 'the table says so, too' '^nomap +0x09f700000 +0x09f8fffff +2 MiB +demura@9f700000 +no-map,OVERLAPS +ae00000.display-subsystem\[1=demura\]$'

# What people read; after a change that is meant: `freehold boot --dtb boards/zcu102.dts --format svg >docs/boot-zcu102.svg`.
cmp "$root/docs/boot-zcu102.svg" zcu102.svg >out 2>&1
result $? 'docs/boot-zcu102.svg is what it prints'
LC_ALL=C.UTF-8 "$freehold" boot --dtb "$root/boards/zcu102.dts" --map | sed -n '/, a row is /,$s/^\(.\)/    \1/p' >out
sed -n '/^    \$ freehold boot .* --map$/,/^[^ ]/s/^    \([^$]\)/    \1/p' "$root/README.md" >readme
[ -s readme ] && cmp -s out readme
result $? 'README.md shows what it prints'

# Bytes that are no UTF-8, and an escape sequence.
cat >bytes.dts <<'END'
/dts-v1/;
/ {
	model = "\xe9\x1b[31m";
	#address-cells = <1>;
	#size-cells = <1>;
	memory@40000000 { device_type = "memory"; reg = <0x40000000 0x20000000>; };
	reserved-memory {
		#address-cells = <1>;
		#size-cells = <1>;
		ranges;
		fw: fw@50000000 { reg = <0x50000000 0x400000>; };
	};
	dsp@1000 { reg = <0x1000 0x100>; memory-region = <&fw>; memory-region-names = "caf\xe9<\x1b[31m"; };
};
END
boots 'bytes' 0 --dtb bytes.dts --map
perl -ne 'exit 1 if /\x1b/' out
result $? 'bytes: no escape sequence comes through'
boots 'bytes: JSON' 0 --dtb bytes.dts --format json
holds 'bytes: JSON: the device is there' '$j->{devices}[0]{name} eq "1000.dsp" && $j->{regions}[0]{users}[0]{name} =~ /^caf\?<\?/'
boots 'bytes: SVG' 0 --dtb bytes.dts --format svg
shows 'bytes: SVG: what is not ASCII' 'caf\?&lt;\?'
perl -ne 'exit 1 if /[^ -~\n]/' out
result $? 'bytes: SVG: is ASCII'

# Addresses that an IOMMU must not hand out.
cat >iova.dts <<'END'
/dts-v1/;
/ {
	#address-cells = <1>;
	#size-cells = <1>;
	memory@40000000 { device_type = "memory"; reg = <0x40000000 0x20000000>; };
	reserved-memory {
		#address-cells = <1>;
		#size-cells = <1>;
		ranges;
		fb: framebuffer@50000000 { reg = <0x50000000 0x400000>; iommu-addresses = <&dc 0x50000000 0x400000>; };
		low: addresses { iommu-addresses = <&dc 0 0x100000>, <&dc 0x80000000 0x1000>; };
	};
	mmu: iommu { #iommu-cells = <0>; };
	dc: display@1000 { reg = <0x1000 0x100>; iommus = <&mmu>; memory-region = <&fb &low>; };
	cam@2000 { reg = <0x2000 0x100>; dma-coherent; memory-region = <&fb>; };
};
END
boots 'kept addresses' 0 --dtb iova.dts
shows 'of a device, beside its regions' '^1000\.display +IOMMU +framebuffer@50000000, addresses \(addresses only\); keeps 0x50000000-0x503fffff one to one, 0x0-0xfffff, 0x80000000-0x80000fff$'
shows 'not of another' '^2000\.cam +all RAM +framebuffer@50000000; coherent$'
boots 'kept addresses: JSON' 0 --dtb iova.dts --format json
holds 'kept addresses: JSON: all of it' 'join("; ", map { join(" ", "$_->{name}:", map { "$_->{base}+$_->{size}" . ($_->{direct} ? "d" : "") . "=$_->{index}" } @{$_->{iommu_addresses}}) }
	@{$j->{devices}}) eq "1000.display: 1342177280+4194304d=0 0+1048576=1 2147483648+4096=1; 2000.cam:"'

# ---- a terminal ----------------------------------------------------------------------------------

if ! command -v script >/dev/null; then
	skip 'a terminal' 'needs script'
	finish
fi

# on_terminal NAME: `freehold boot` of a board on a terminal of 80 columns, into out
on_terminal()
{
	script -qec "stty cols 80 && '$freehold' boot --dtb '$root/boards/zcu102.dts'" /dev/null </dev/null 2>err | tr -d '\r' >out
	[ -s out ]
	result $? "$1"
}

TERM=xterm
export TERM
on_terminal 'a terminal'
perl_says 'the picture is drawn, in colours' 'my $s = join("\n", @l); $s =~ /a row is/ && $s =~ /\e\[32m#+\e\[0m/'
perl_says 'rows are broken where lines end' '!grep { s/\e\[[0-9;]*m//gr =~ /^.{81}/ } grep { (/^kind/ .. /^$/) || (/, a row is/ .. /^never/) } @l'
shows 'users are below' '^    no-map; used by ffe00000\.r5f\[2\]$'
perl_says 'devices, too' '(grep { /^device +reaches$/ } @l) == 1 && !grep { length > 80 } grep { /^device +reaches/ .. /^$/ } @l'
shows 'their regions are below' '^    memory@3ed00000, vdev0buffer@3ed48000, vdev0vring0@3ed40000,$'
NO_COLOR=1
export NO_COLOR
on_terminal 'NO_COLOR'
perl_says 'NO_COLOR: no colours' '!grep { /\e/ } @l'
unset NO_COLOR
TERM=dumb
on_terminal 'a terminal without colours'
perl_says 'without colours' 'grep { /a row is/ } @l and !grep { /\e/ } @l'
finish
