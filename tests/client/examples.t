#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Each of examples/ runs against a server and prints what its first comment says: as built here, and as a user builds it, with pkg-config against what was
# installed in $O/stage, where there is one. C++ can include client.h.
set -u

. "$(dirname "$0")/../system/tap.sh"
build=${O:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
[ -x "$build/examples/alloc" ] || { echo "Bail out! examples are not built"; exit 1; }
export FREEHOLD_SOCKET="$tmp/sock"
server= example=
trap 'kill -9 $server $example 2>/dev/null; rm -rf "$tmp"' EXIT

start()
{
	listens "$freehold" serve --ram 256M --bootargs cma=64M --drain 0
}

# without waiting for buffers
stop()
{
	kill $server
	wait $server
}

# prints SOURCE: what it is to print, by its first comment
prints()
{
	awk '/^ \* Prints:$/ { on = 1; next } on && / \*\/$/ { exit } on { sub(/^ \*\t/, ""); print }' "$1"
}

# the server has gone and come while it ran
over_restart()
{
	mkfifo go
	timeout 60 "$1" <go >out 2>err &
	example=$!
	exec 9>go
	for i in $(seq 1000); do
		grep -q restart out && break
		sleep 0.01
	done
	stop 2>/dev/null
	start
	echo >&9
	exec 9>&-
	wait $example
	got=$?
	example=
	rm go
	return $got
}

# example NAME PROGRAM HOW
example()
{
	prints "$root/examples/$1.c" >want
	if [ "$1" = restart ]; then
		over_restart "$2"
	else
		timeout 60 "$2" >out 2>err
	fi
	got=$?
	if [ $got = 77 ]; then
		n=$((n + 1))
		echo "ok $n - $1 # SKIP $(cat out)"
		return
	fi
	[ $got = 0 ] || echo "exit status $got" >>err
	[ $got = 0 ] && [ -s want ] && diff want out >>err
	result $? "examples/$1, $3"
}

start
result $? 'a server is ready'
for source in "$root"/examples/*.c; do
	name=$(basename "$source" .c)
	example "$name" "$build/examples/$name" 'as built here'
done

stage=$build/stage
if [ -f "$stage/usr/lib/pkgconfig/freehold-client.pc" ]; then
	export PKG_CONFIG_PATH="$stage/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$stage"
	export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
	LD_LIBRARY_PATH=$stage/usr/lib
	export LD_LIBRARY_PATH
	for source in "$root"/examples/*.c; do
		name=$(basename "$source" .c)
		# shellcheck disable=SC2046
		${CC:-gcc} -std=gnu11 -Wall -Wextra -Werror "$source" -o "$name" \
			$(pkg-config --cflags --libs freehold-client) 2>err
		result $? "examples/$name is built with pkg-config"
		example "$name" "./$name" 'as a user builds it'
	done
	for page in fhc_alloc fhc_unmap freehold-client; do
		[ -s "$stage/usr/share/man/man3/$page.3" ] || echo "no $page.3" >>pages
	done
	[ ! -s pages ] && grep -qx '.so man3/fhc_map.3' "$stage/usr/share/man/man3/fhc_unmap.3"
	result $? 'man pages of section 3 are installed'
else
	n=$((n + 1))
	echo "ok $n - as a user builds them # SKIP nothing is installed in $stage"
fi

cat >plus.cc <<'E2'
#include <freehold/client.h>
#include <freehold/frames.h>
int main()
{
	fhc_buffer buf = {-1, 0, 0};
	fhc_close(nullptr);
	fhc_in_close(nullptr);
	return static_cast<int>(buf.size);
}
E2
if command -v g++ >/dev/null; then
	g++ -Wall -Wextra -Wpedantic -Werror -I"$root/include" plus.cc "$build/libfreehold-client.a" -o plus 2>err &&
		./plus
	result $? 'C++ can include client.h, and links'
fi

kill -TERM $server
wait $server
[ $? = 0 ]
result $? "nothing is left at the server's end"
server=
echo "1..$n"
