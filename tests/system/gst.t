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
	: >served
	"$freehold" serve --socket "$FREEHOLD_SOCKET" --drain 0s "$@" >served 2>&1 &
	server=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		grep -q ^ready served && return
		sleep 0.1
	done
	echo 'Bail out! no server'
	cat served
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
	name=$1 want=$2
	shift 2
	timeout 60 "$pipe" "$@" >out 2>err
	got=$?
	[ $got = "$want" ] || echo "exit status $got, expected $want" >>err
	[ $got = "$want" ]
	result $? "$name"
}

# is NAME LINE FIELD VALUE: in the line that begins so, the field has this value
is()
{
	value=$(sed -n "s/^$2 \(.* \)\{0,1\}$3=\([^ ]*\).*/\2/p" out)
	[ "$value" = "$4" ] || echo "$2 $3: $value, expected $4" >>err
	[ "$value" = "$4" ]
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

serve --ram 512M --bootargs cma=256M
flows 'a test source' 0 -p p.src "videotestsrc num-buffers=20 ! $raw ! freeholdpool name=p copy=never ! fakesink"
ours 'a test source' p.src 20
is 'a test source: each byte is written once' p bytes-written $((20 * page))
is 'a test source: nothing is copied' p copied 0
flows 'no such heap' 1 'videotestsrc ! freeholdpool name=p heap=nowhere ! fakesink'
shows 'no such heap: which there are' '^error p: no heap nowhere at .*: expected heap= one of system default_cma_region'

echo "1..$n"
