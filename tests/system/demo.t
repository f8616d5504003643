#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold-demo`, short and small: every byte checked, copies counted, each process killed in the middle of a frame, memory under pressure; `freehold
# serve --job`.
set -u

. "$(dirname "$0")/tap.sh"
build=${O:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
demo=$build/freehold-demo
[ -x "$demo" ] || { echo "Bail out! $demo is not built"; exit 1; }
export FREEHOLD="$freehold" TMPDIR="$tmp/stages"
mkdir "$TMPDIR"
unset FREEHOLD_SOCKET
small='--size 320x192 --frames 60 --ram 64M --area 32M'

# demo NAME STATUS ARGUMENT...: it ends with that status, leaves out and err, and nothing else
demo()
{
	name=$1 want=$2
	shift 2
	timeout 100 "$demo" "$@" >out 2>err
	got=$?
	left=$(ls "$TMPDIR")
	[ $got = "$want" ] || echo "exit status $got, expected $want" >>err
	[ -z "$left" ] || echo "left behind: $left" >>err
	[ $got = "$want" ] && [ -z "$left" ]
	result $? "$name"
}

# stage NAME STAGE PERL: true of what its row of the table says: $in, $out, $dropped, $wrong, $copies, $end
stage()
{
	perl -ne '
		next unless /^  '"$2"' +(\S+) +(\S+) +(\S+) +(\S+) +(-|\S+ MB) +(\S+) +\S+ s +\S+ %  (.*)$/;
		my ($in, $out, $dropped, $wrong, $written, $copies, $end) = ($1, $2, $3, $4, $5, $6, $7);
		$good = '"$3"';
		END { exit($good ? 0 : 1) }' out || { echo "$2: expected $3" >>err; false; }
	result $? "$1"
}

# stage_pid N: the N-th stage, from 0: its process of the demo in this test's folder
stage_pid()
{
	grep -lzx -e "--stage=$1" /proc/[0-9]*/cmdline 2>/dev/null | while IFS=/ read -r _ _ pid _; do
		[ "$(readlink "/proc/$pid/cwd")" = "$PWD" ] && echo "$pid"
	done
}

# ---- as it should be -----------------------------------------------------------------------------

demo 'four processes' 0 $small --no-encoder --sheet sheet.png
stage 'capture makes frames, each byte written once' capture '$out > 0 && $copies eq "0" && $end eq "all frames made"'
stage 'encode reads them, and writes nothing' encode '$in > 0 && $wrong == 0 && $written eq "0.0 MB" && $copies eq "0"'
stage 'composite makes its own of them' composite '$out > 0 && $copies eq "0" && $wrong == 0'
stage 'display sees the source in each' display '$out > 0 && $wrong == 0 && $written eq "0.0 MB" && $end eq "composite: end of the stream"'
shows 'nothing is left' '^  left behind: nothing'
shows 'without an encoder it says so' 'no encoder: encode only reads and checksums'
perl -e 'local $/; open(F, "<", "sheet.png"); $_ = <F>; exit(/^\x89PNG\r\n\x1a\n....IHDR(....)(....)/s && unpack("N", $1) > 900 && unpack("N", $2) > 100 ? 0 : 1)'
result $? 'a contact sheet'

demo 'double buffering, buffers that come and go' 0 $small --no-encoder --buffers 2 --churn 5
shows 'more were allocated than two rings have' 'a buffer is allocated +([6-9]|[1-9][0-9]) '
stage 'and nothing was copied' composite '$out > 0 && $copies eq "0"'

# ---- who copies is found out -----------------------------------------------------------------------

demo 'a compositor that copies fails' 1 $small --no-encoder --copy
stage 'by each frame' composite '$copies > 0 && $copies == $out'
shows 'and is named' '^  composite: wrote [0-9]+ bytes more than its pictures have: it COPIES'

# ---- kill -9 in the middle of a frame ----------------------------------------------------------------

demo 'capture is killed' 0 $small --no-encoder --kill capture@20
stage 'its death' capture '$out > 0 && $out < 60 && $end eq "killed by signal 9"'
stage 'encode says why it ends' encode '$wrong == 0 && $end eq "capture: gone without a word"'
stage 'so does composite' composite '$wrong == 0 && $end eq "capture: gone without a word"'
stage 'display has the end of a stream' display '$wrong == 0 && $end eq "composite: end of the stream"'
shows 'nothing is left' '^  left behind: nothing'

demo 'encode is killed' 0 $small --no-encoder --kill encode@20
stage 'capture goes on to the end' capture '$out > 19 && $end eq "all frames made"'
stage 'and so does display' display '$wrong == 0 && $end eq "composite: end of the stream"'
stage 'its death' encode '$end eq "killed by signal 9"'
shows 'nothing is left' '^  left behind: nothing'

demo 'composite is killed' 0 $small --no-encoder --kill composite@20
stage 'its death' composite '$end eq "killed by signal 9"'
stage 'display says why it ends' display '$wrong == 0 && $end eq "composite: gone without a word"'
stage 'capture and encode go on' encode '$wrong == 0 && $end eq "capture: end of the stream"'
shows 'nothing is left' '^  left behind: nothing'

demo 'display is killed' 0 $small --no-encoder --kill display@20
stage 'its death' display '$end eq "killed by signal 9"'
stage 'composite goes on' composite '$wrong == 0 && $copies eq "0" && $end eq "capture: end of the stream"'
shows 'nothing is left' '^  left behind: nothing'

demo 'composite is killed and comes again' 0 $small --no-encoder --kill composite@10 --restart
stage 'display goes on with another' display '$wrong == 0 && $end eq "composite: end of the stream"'
shows 'after a while' '^  display: another compositor after [0-9]+ ms'
shows 'nothing is left' '^  left behind: nothing'

# ---- pressure ----------------------------------------------------------------------------------------

cat >small.job <<END
[global]
ram = 64M
bootargs = cma=32M
[programs]
kind = anon
size = 25%
rate = 3000
punch = 20%
[cache]
kind = files
paths = /usr/lib:/usr/share
size = 60%
rate = 2000
[rest]
kind = anon
size = fill
rate = 1000
END
demo 'under each policy, with tenants' 0 $small --no-encoder --job small.job --churn 8 --policy carveout,movable,guaranteed
shows 'a carveout is lent to nobody' '^  carveout +0 % .* [0-9.]+ [um]s$'
shows 'movable is' '^  movable +([5-9].|100) % '
shows 'guaranteed is, and refuses nobody' '^  guaranteed +([5-9].|100) % +[0-9]+ +0 '

# ---- GStreamer, where it is ----------------------------------------------------------------------------

# Slowly, so that it has each frame: an encoder that is late misses some.
demo 'with what encoder there is' 0 $small --rate 15 --out video.mkv
if [ -s video.mkv ]; then
	shows 'an encoder reads where frames lie' 'encoder: (x264enc|vp8enc)'
	stage 'and nobody copies' capture '$copies eq "0"'
	timeout 100 "$demo" --file video.mkv --frames 30 --ram 64M --area 32M >out 2>err
	got=$?
	if grep -q 'no picture in it that can be decoded' err; then
		echo "ok $((n += 1)) - display sees the file # SKIP no decoder for it"
	else
		[ $got = 0 ]
		result $? 'from a file'
		stage 'display sees what the decoder gave' display '$out > 0 && $wrong == 0'
		shows 'it writes into the ring' '^  capture: the decoder writes into the ring; [0-9]+ buffers, of which consumers have 3 at most'
		stage 'once' capture '$out > 0 && $copies eq "0" && $written ne "0.0 MB"'
		shows 'its format goes through the chain' '^freehold demo: 320x192 (I420|NV12), '
		stage 'encode sees it, too' encode '$in > 0 && $wrong == 0'
		demo 'in another size' 0 --file video.mkv --size 640x384 --frames 30 --ram 64M --area 32M --no-encoder
		shows 'that is one write, and said so' '^  capture: converted into the ring: the camera.s one write'
		stage 'and still no copy' capture '$out > 0 && $copies eq "0"'
		demo 'capture is killed while it decodes' 0 --file video.mkv --frames 30 --ram 64M --area 32M --no-encoder --kill capture@10
		stage 'its death' capture '$end eq "killed by signal 9"'
		stage 'composite says why it ends' composite '$wrong == 0 && $end eq "capture: gone without a word"'
		shows 'nothing is left' '^  left behind: nothing'
		demo 'composite is killed while it reads the decoder' 0 --file video.mkv --frames 30 --ram 64M --area 32M --no-encoder --kill composite@10
		stage 'capture goes on' capture '$copies eq "0" && $end eq "all frames made"'
		shows 'nothing is left' '^  left behind: nothing'
		# Stopped with a picture that it has not looked at, while the decoder goes through its buffers more than once.
		timeout 100 "$demo" --file video.mkv --rate 15 --frames 90 --ram 64M --area 32M --no-encoder >out 2>err &
		conductor=$!
		encode=
		for i in $(seq 500); do
			encode=$(stage_pid 1)
			[ -n "$encode" ] && break
			sleep 0.01
		done
		sleep 1
		kill -STOP $encode && sleep 1.5 && kill -CONT $encode
		result $? 'encode is stopped for a while'
		wait $conductor
		[ $? = 0 ]
		result $? 'and goes on'
		stage 'what it had was not written meanwhile' encode '$in > 0 && $wrong == 0'
		stage 'the decoder went on' capture '$out > 30 && $copies eq "0"'
		demo 'an area without room for the decoder' 2 --file video.mkv --size 1920x1088 --frames 30 --ram 64M --area 4M --no-encoder
		grep -q 'it has no room' err
		result $? 'is told'
	fi
else
	echo "ok $((n += 1)) - files # SKIP no encoder of GStreamer here"
fi

# ---- bad input -----------------------------------------------------------------------------------------

demo 'a size that is none' 2 --size 100x100
says 'is told' "freehold-demo: --size 100x100: expected WIDTHxHEIGHT, 128x64 to 8192x8192, the width a multiple of 64, the height of 4"
demo 'a stage that there is not' 2 --kill sound@3
says 'is told' 'freehold-demo: --kill sound@3: expected capture, encode, composite or display, @ and a frame, as composite@100'
demo 'a frame that is none' 2 --kill encode@0
says 'is told' 'freehold-demo: --kill encode@0: expected capture, encode, composite or display, @ and a frame, as composite@100'
demo 'a policy that there is not' 2 --policy nice
demo 'a file that is not there' 2 --file nowhere.mkv
says 'is told' 'freehold-demo: nowhere.mkv: No such file or directory'
demo 'a place where nothing can be written' 2 --out nowhere/video.mkv
says 'is told' 'freehold-demo: nowhere/video.mkv: No such file or directory'
demo 'a heap that there is not' 2 $small --no-encoder --heap nowhere
says 'is told' 'freehold-demo: --heap nowhere: expected one of system default_cma_region reserved system-dma32 system-uncached system-uncached-dma32'
demo 'what the server does not take' 2 $small --no-encoder --area 1x
says 'is told' "freehold-demo: freehold serve: cma=1x: unexpected \`x'; expected cma=SIZE[@START[-END]], as cma=64M"

demo 'a picture a second' 0 --size 128x64 --no-encoder --rate 1 --frames 2
stage 'is shown' display '$out == 2 && $wrong == 0'

: >out
"$demo" $small --no-encoder --frames 6000 >out 2>err &
sleep 1
kill -INT $!
wait $!
[ $? = 1 ] && [ -z "$(ls "$TMPDIR")" ]
result $? 'one that is interrupted leaves nothing behind'

# ---- freehold serve --job --------------------------------------------------------------------------------

limit=20
runs 'a job that is not there' 2 serve --job nowhere.job --socket sock
says 'is told' 'freehold serve: nowhere.job: No such file or directory'
printf '[global]\nram = 64M\n[camera]\nkind = device\nsize = 1M\nbuffers = 1\nrate = 1\nlifetime = 1s\n' >device.job
runs 'a job without tenants' 2 serve --job device.job --bootargs cma=16M --socket sock
says 'is told' 'freehold serve: device.job: no tenant in it, expected a section of kind anon, files, pin or writeback'

listens "$freehold" serve --job small.job --policy movable --socket "$tmp/sock"
cp server.out out
cp server.err err
shows 'a server with tenants is ready when they have what they want' '^ready: '
"$freehold" stat --socket "$tmp/sock" proc/meminfo >out 2>err
perl -ne '/^CmaTotal: +(\d+)/ and $t = $1; /^CmaFree: +(\d+)/ and $f = $1; END { exit($t == 32768 && $f < $t / 4 ? 0 : 1) }' out
result $? 'the machine is of the job, and its area lent'
kill $server
wait $server
got=$?
[ $got = 0 ]
result $? 'it ends well: nothing wrong in what tenants read, nothing left'

echo "1..$n"
