#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The shared library's interface: what it exports is what its headers declare and exports.map lists, its name, and what it does not do to a process.
set -u

. "$(dirname "$0")/../system/tap.sh"
build=${O:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
so=$build/libfreehold-client.so.0
[ -f "$so" ] || { echo "Bail out! $so is not built"; exit 1; }
headers="$root/include/freehold/client.h"
[ ! -f "$root/include/freehold/frames.h" ] || headers="$headers $root/include/freehold/frames.h"

# same NAME A B: two lists, sorted
same()
{
	diff "$2" "$3" >err
	: >out
	[ -s "$2" ] && [ ! -s err ]
	result $? "$1"
}

# none NAME REGEX: in the file out
none()
{
	grep -E -- "$2" out >err
	: >out
	[ ! -s err ]
	result $? "$1"
}

nm -D --defined-only "$so" | awk '{ print $3 }' | sort >exported
# shellcheck disable=SC2086
perl -0777 -ne 's{/\*.*?\*/}{}gs; s/^\s*#(?:.*\\\n)*.*$//gm; s/extern "C" \{//; s/\{[^{}]*\}//gs;
	for (split /;/) { print "$1\n" if !/\btypedef\b/ && /\b(\w+)\s*\(/ }' $headers | sort >declared
perl -0777 -ne 's{/\*.*?\*/}{}gs; my ($g) = /global:(.*?)local:/s; print "$1\n" while $g =~ /(\w+);/g' \
	"$root/client/exports.map" | sort >listed
same 'each function that a header declares is exported, and nothing else' declared exported
same 'exports.map lists them' declared listed

readelf -d "$so" >out
grep -q 'SONAME.*\[libfreehold-client.so.0\]' out
result $? 'its name is libfreehold-client.so.0'
readelf -d "$so" >out
none 'it needs nothing but the C library' 'NEEDED.*\[(([^lc]|l[^id]|lib[^c]).*)\]'

# What every shared object has by the compiler's start files: frame_dummy and __do_global_dtors_aux.
readelf -SW "$so" | sed -n 's/^ *\[ *[0-9]*\] \(\.[a-z_]*\) *[A-Z_]* *[0-9a-f]* [0-9a-f]* 0*\([0-9a-f]*\) .*/\1 \2/p' >sections
awk '($1 == ".init_array" || $1 == ".fini_array") && $2 != "8" || $1 == ".preinit_array"' sections >err
[ ! -s err ] && grep -q '^\.text ' sections
result $? 'no constructors, no destructors'
nm -D --undefined-only "$so" >out
none 'it makes no thread, handles no signal, registers nothing for the end' \
	' (pthread_create|pthread_atfork|__register_atfork|signal|sigaction|sigaltstack|atexit|on_exit|__cxa_atexit|timer_create|setitimer|alarm)(@|$)'
nm -D --undefined-only "$so" >out
none 'it does not end a process or write to its terminal' ' (exit|_exit|abort|printf|puts|fprintf|perror|vfprintf|system|fork)(@|$)'
# Variables of its own would be shared by all connections.
nm "$build/libfreehold-client.a" >out 2>/dev/null
none 'no variables that can be written' ' [bBdDC] [a-zA-Z_]'

echo "1..$n"
