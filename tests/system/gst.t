#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The GStreamer plugin: which pipelines run in buffers of ours, proven by whose each buffer is and by how many bytes were written.
set -u

. "$(dirname "$0")/tap.sh"
build=${O:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
pipe=$build/tests/gst/pipe
if [ ! -f "$build/gst/libgstfreehold.so" ] || [ ! -x "$pipe" ] || ! command -v gst-inspect-1.0 >/dev/null; then
	echo '1..0 # SKIP GStreamer is not installed here'
	exit 0
fi

export GST_PLUGIN_PATH="$build/gst" GST_REGISTRY="$tmp/registry" G_DEBUG=fatal-criticals
export FREEHOLD_SOCKET="$tmp/socket"
server=
trap 'kill $server 2>/dev/null; wait; rm -rf "$tmp"' EXIT

# serve OPTION...: a server, once it listens
serve()
{
	listens "$freehold" serve --socket "$FREEHOLD_SOCKET" --drain 0s "$@" && return
	echo 'Bail out! no server'
	cat server.out server.err
	exit 1
}

# has ELEMENT...: these elements are here, or the test is skipped
has()
{
	for element; do
		gst-inspect-1.0 --exists "$element" && continue
		n=$((n + 1))
		echo "ok $n - $name # SKIP no $element"
		return 1
	done
}

# flows NAME STATUS ARGUMENT... PIPELINE: it ends so; what it says is in out
flows()
{
	flow=$1 want=$2
	shift 2
	timeout 60 "$pipe" "$@" >out 2>err
	got=$?
	[ $got = "$want" ] || echo "exit status $got, expected $want" >>err
	[ $got = "$want" ]
	result $? "$flow"
}

# is NAME LINE FIELD VALUE: in the line that begins so, the field has this value
is()
{
	value=$(sed -n "s/^$2 \(.* \)\{0,1\}$3=\([^ ]*\).*/\2/p" out)
	[ "$value" = "$4" ] || echo "$2 $3: $value, expected $4" >>err
	[ "$value" = "$4" ]
	result $? "$1"
}

# within NAME LINE FIELD LEAST MOST: in the line that begins so, the field lies between
within()
{
	value=$(sed -n "s/^$2 \(.* \)\{0,1\}$3=\([^ ]*\).*/\2/p" out)
	[ "${value:-0}" -ge "$4" ] && [ "${value:-0}" -le "$5" ] || echo "$2 $3: $value, expected $4 to $5" >>err
	[ "${value:-0}" -ge "$4" ] && [ "${value:-0}" -le "$5" ]
	result $? "$1"
}

# ours NAME PAD FRAMES: all that came by were DMA-BUFs that the server knows as this program's
ours()
{
	is "$1: frames" "$2" buffers "$3"
	is "$1: DMA-BUFs" "$2" dmabuf "$3"
	is "$1: known to the server" "$2" known "$3"
}

# A frame in I420 is 640 * 360 * 3 / 2 = 345600 bytes: 85 pages.
raw=video/x-raw,format=I420,width=640,height=360
page=$((85 * 4096))

# ---- without a server ----------------------------------------------------------------------------

flows 'no server' 1 'videotestsrc ! freeholdpool name=p ! fakesink'
shows 'no server: what to do' "^error p: no server at $tmp/socket: start .freehold serve."

# ---- what runs in our buffers --------------------------------------------------------------------

serve --ram 512M --bootargs cma=256M --state "$tmp/state"
flows 'a test source' 0 -p p.src "videotestsrc num-buffers=20 ! $raw ! freeholdpool name=p copy=never ! fakesink"
ours 'a test source' p.src 20
is 'a test source: each byte is written once' p bytes-written $((20 * page))
is 'a test source: nothing is copied' p copied 0
is 'a test source: its format' p drm-fourcc 842093913
flows 'no such heap' 1 'videotestsrc ! freeholdpool name=p heap=nowhere ! fakesink'
shows 'no such heap: which there are' '^error p: no heap nowhere at .*: expected heap= one of system default_cma_region'
flows 'a heap by name' 0 "videotestsrc num-buffers=3 ! $raw ! freeholdpool name=p heap=system copy=never ! appsink wait-on-eos=false"
is 'a heap by name: that one' p heap system
"$freehold" stat --socket "$FREEHOLD_SOCKET" sys/kernel/debug/freehold/heaps >out
shows 'buffers have all gone back' '^default_cma_region +cma +268435456 +0 '

name='x264enc and avdec_h264'
if has x264enc avdec_h264; then
	encode="x264enc tune=zerolatency speed-preset=ultrafast"
	flows "$name" 0 -p p.src -p q.src "videotestsrc num-buffers=20 ! $raw ! freeholdpool name=p copy=never ! $encode !
		avdec_h264 direct-rendering=false ! freeholdpool name=q copy=never ! filesink location=$tmp/yuv"
	ours "$name: encoded" p.src 20
	ours "$name: decoded" q.src 20
	is "$name: what the encoder reads is written once" p bytes-written $((20 * page))
	is "$name: what the decoder makes is written once" q bytes-written $((20 * page))
	[ "$(wc -c <yuv)" = $((20 * 345600)) ]
	result $? "$name: the sink has whole frames"
	# The decoder's own pictures in our buffers: it asks for room around them, 91 pages in all, and writes some of that.
	flows 'direct rendering' 0 -p q.src "videotestsrc num-buffers=20 ! $raw ! $encode ! avdec_h264 max-threads=1 !
		freeholdpool name=q copy=never ! $encode ! fakesink"
	ours 'direct rendering' q.src 20
	within 'direct rendering: what the decoder makes is written once' q bytes-written $((20 * page)) $((20 * 91 * 4096))
	within 'direct rendering: pictures that it refers to come back to the pool, too' q allocations 2 12
fi
name='vp8enc and vp8dec'
if has vp8enc vp8dec jpegenc; then
	flows "$name" 0 -p p.src -p q.src "videotestsrc num-buffers=20 ! $raw ! freeholdpool name=p copy=never ! vp8enc deadline=1 !
		vp8dec ! freeholdpool name=q copy=never ! jpegenc ! fakesink"
	ours "$name: encoded" p.src 20
	ours "$name: decoded" q.src 20
	is "$name: what the decoder makes is written once" q bytes-written $((20 * page))
fi
name='decodebin'
if has x264enc matroskamux decodebin avdec_h264; then
	flows "$name: a file" 0 "videotestsrc num-buffers=20 ! $raw ! x264enc speed-preset=ultrafast ! matroskamux ! filesink location=$tmp/mkv"
	flows "$name" 0 -p p.src "filesrc location=$tmp/mkv ! decodebin ! freeholdpool name=p copy=never ! fakesink"
	ours "$name" p.src 20
fi
name='a compositor'
if has compositor; then
	flows "$name" 0 -p p.src -p q.src "compositor name=c sink_1::xpos=320 ! $raw ! freeholdpool name=q copy=never ! fakesink
		videotestsrc num-buffers=20 ! $raw ! freeholdpool name=p copy=never ! c.
		videotestsrc num-buffers=20 ! $raw ! freeholdpool name=r copy=never ! c."
	ours "$name: above it" p.src 20
	ours "$name: below it" q.src 20
	is "$name: what it makes is written once" q bytes-written $((20 * page))
fi

flows 'queue and tee' 0 -p p.src "videotestsrc num-buffers=20 ! $raw ! queue ! freeholdpool name=p copy=never !
	tee name=t ! queue ! fakesink t. ! queue ! fakesink"
ours 'queue and tee' p.src 20
is 'queue and tee: each byte is written once' p bytes-written $((20 * page))

# A driver's way: downstream's pool or none, by descriptor, in strides that the other driver asks for. Both elements are in the test's program.
flows 'v4l2 dmabuf-import' 0 -p p.src 'importsrc num-buffers=10 ! freeholdpool name=p copy=never ! importsink'
ours 'v4l2 dmabuf-import' p.src 10
is 'v4l2 dmabuf-import: at least as many as both want' p allocations 4
flows 'v4l2 dmabuf-import without us' 1 'importsrc num-buffers=10 ! importsink'

# ---- caps, strides, seeks, want of buffers -------------------------------------------------------

flows 'strides' 0 -p p.src "videotestsrc num-buffers=5 ! video/x-raw,format=NV12,width=636,height=360 !
	freeholdpool name=p copy=never stride-align=256 ! videoconvert ! video/x-raw,format=I420 ! fakesink"
is 'strides: as asked for' p.src stride 768
flows 'strides that nobody below takes' 0 -p p.src "videotestsrc num-buffers=5 ! video/x-raw,format=NV12,width=636,height=360 !
	freeholdpool name=p copy=never stride-align=256 ! fakesink"
shows 'strides that nobody below takes: a warning' '^warning p: stride-align=256 is not in force'
flows 'memory:DMABuf' 0 -p p.src "videotestsrc num-buffers=5 ! $raw ! freeholdpool name=p copy=never dmabuf-caps=true !
	video/x-raw(memory:DMABuf) ! fakesink"
ours 'memory:DMABuf' p.src 5
flows 'memory:DMABuf is not plain' 2 "videotestsrc num-buffers=5 ! $raw ! freeholdpool dmabuf-caps=true ! video/x-raw(memory:SystemMemory) ! fakesink"
flows 'other caps in mid-stream' 0 -p p.src -a '10:caps:f:video/x-raw,format=NV12,width=320,height=240' \
	"videotestsrc num-buffers=40 ! capsfilter name=f caps=$raw ! freeholdpool name=p copy=never ! fakesink sync=true"
ours 'other caps in mid-stream' p.src 40
is 'other caps in mid-stream: the last format' p drm-fourcc 842094158
flows 'a flush and a seek' 0 -p p.src -a 5:seek "videotestsrc num-buffers=20 ! $raw ! freeholdpool name=p max-buffers=3 copy=never ! fakesink sync=true"
flows 'a slow sink and few buffers' 0 -s 20 -p k.sink "videotestsrc num-buffers=20 ! $raw ! freeholdpool name=p max-buffers=2 copy=never ! queue !
	fakesink name=k"
ours 'a slow sink and few buffers' k.sink 20
is 'a slow sink and few buffers: no more than that' p allocations 2
flows 'no room' 1 'videotestsrc ! video/x-raw,width=16000,height=9000 ! freeholdpool name=p ! fakesink'
shows 'no room: what to do' '^error p: [0-9]+ bytes of heap default_cma_region at .*: it has no room: use fewer buffers'

# ---- a pipeline that copies is seen --------------------------------------------------------------

same="videotestsrc num-buffers=20 ! $raw ! freeholdpool name=p copy=never"
flows 'nothing converted' 0 -p q.src "$same ! videoconvert ! freeholdpool name=q copy=never ! fakesink"
is 'nothing converted: one stage writes' p bytes-written $((20 * page))
is 'nothing converted: the other does not' q bytes-written 0
flows 'converted' 0 -p q.src "$same ! videoconvert ! video/x-raw,format=NV12 ! freeholdpool name=q copy=never ! fakesink"
is 'converted: one stage writes' p bytes-written $((20 * page))
is 'converted: the other too' q bytes-written $((20 * page))
foreign="filesrc location=$tmp/yuv num-buffers=3 blocksize=345600 ! rawvideoparse format=i420 width=640 height=360"
name='what asks for no pool'
if [ -s yuv ] && has rawvideoparse; then
	flows "$name, copy=never" 1 "$foreign ! freeholdpool name=p copy=never ! fakesink"
	shows "$name, copy=never: who, and why" '^error p: copy=never, but .*parse.* gives a buffer in memory of its own .SystemMemory.:'
	flows "$name, copy=allow" 0 -p p.src "$foreign ! freeholdpool name=p ! fakesink"
	ours "$name, copy=allow" p.src 3
	is "$name, copy=allow: counted" p copied 3
	is "$name, copy=allow: written" p bytes-written $((3 * page))
fi
flows 'a tee above' 1 "videotestsrc ! $raw ! tee ! freeholdpool name=p copy=never ! fakesink"
shows 'a tee above: who, and why' '^error p: copy=never, but videotestsrc.* a tee lets no pool through'

# ---- to another process --------------------------------------------------------------------------

"$pipe" -p k.sink "videotestsrc num-buffers=20 ! $raw ! freeholdsink name=k path=$tmp/cam wait=true consumers=1 sync=false" >producer 2>&1 &
producer=$!
flows 'from another process' 0 -p r.src "freeholdsrc name=r path=$tmp/cam ! freeholdpool name=p copy=never ! videoconvert ! fakesink sync=false"
ours 'from another process' r.src 20
is 'from another process: nothing is written here' p bytes-written 0
wait $producer
mv producer out
ours 'to another process' k.sink 20
is 'to another process: nothing is copied' k copied 0
# Each frame's bytes are its number; they are looked at 20 ms after they came, while the producer goes on.
"$pipe" "importsrc num-buffers=30 ! freeholdpool copy=never stride-align=128 max-buffers=4 ! freeholdsink name=k path=$tmp/cam wait=true consumers=1 sync=false" \
	>producer 2>&1 &
producer=$!
flows 'frames of another process are what it wrote' 0 -s 20 -p i.sink "freeholdsrc name=r path=$tmp/cam ! importsink name=i sync=false"
is 'frames of another process are what it wrote: all' i.sink buffers 30
wait $producer
result $? 'frames of another process are what it wrote: its end'
flows 'no producer' 1 "freeholdsrc name=r path=$tmp/nobody timeout=100 ! fakesink"
shows 'no producer: what to do' "^error r: path=$tmp/nobody: no producer there .*freeholdsink path="
"$pipe" "videotestsrc is-live=true ! $raw ! freeholdsink path=$tmp/cam consumers=1" >producer 2>&1 &
producer=$!
flows 'the producer is killed' 0 -p r.src -a "5:kill:$producer" "freeholdsrc name=r path=$tmp/cam ! fakesink sync=false"
shows 'the producer is killed: the end, and why' '^warning r: .*the producer is gone without a word'
wait $producer 2>/dev/null

# from_program NAME KIND STATUS: a pipeline takes what the program `producer` sends
from_program()
{
	"$build/tests/gst/producer" "$tmp/prog" "$2" >producer 2>&1 &
	producer=$!
	flows "$1" "$3" -p r.src "freeholdsrc name=r path=$tmp/prog ! videoconvert ! video/x-raw,format=RGB ! fakesink sync=false"
	wait $producer
}
from_program 'frames of a program' plain 0
is 'frames of a program: all' r.src buffers 10
from_program 'frames in tiles are not read as lines' tiled 1
shows 'frames in tiles: expected' '^error r: .*NV12 of 320x240, modifier 0x1: expected modifier 0'
from_program 'lines behind the end of a buffer are not read' short 1
shows 'lines behind the end: expected' '^error r: .*P010_10LE of 1920x1080, .* within a buffer of 4096 bytes'

# ---- the server goes, and comes back -------------------------------------------------------------

flows 'the server restarts' 0 -p p.src -a "10:kill:$server" \
	-a "15:run:'$freehold' serve --socket '$FREEHOLD_SOCKET' --ram 512M --bootargs cma=256M --state '$tmp/state' --drain 0s >again 2>&1 & echo \$! >pid; sleep 1" \
	-a '20:caps:f:video/x-raw,format=NV12,width=320,height=240' \
	"videotestsrc num-buffers=60 ! capsfilter name=f caps=$raw ! freeholdpool name=p copy=never ! fakesink sync=true"
is 'the server restarts: frames' p.src dmabuf 60
server=$(cat pid)
"$freehold" stat --socket "$FREEHOLD_SOCKET" sys/kernel/debug/freehold/heaps >out
shows 'the server restarts: buffers have all gone back' '^default_cma_region +cma +268435456 +0 '

# ---- GStreamer's own eyes ------------------------------------------------------------------------

GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_NO_COLOR=1 timeout 60 "$pipe" \
	"videotestsrc num-buffers=10 ! $raw ! freeholdpool copy=never ! videoconvert ! video/x-raw,format=NV12 ! freeholdpool ! fakesink" >out 2>&1 &&
	! grep -q 'object-alive, type-name=(string)[^%]' out
result $? 'no leaks'
for element in freeholdpool freeholdsink freeholdsrc; do
	gst-inspect-1.0 $element >out 2>err && grep -q 'Author *freehold developers' out && [ ! -s err ]
	result $? "$element describes itself"
done

echo "1..$n"
