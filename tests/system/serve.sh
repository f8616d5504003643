# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Sourced by tests of the server, after tap.sh: servers, and clients that take commands (tests/stress/serve_user.c).

limit=5
build=${O:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
user=$build/tests/stress/serve_user
[ -x "$user" ] || { echo "Bail out! $user is not built"; exit 1; }
export FREEHOLD_SOCKET="$tmp/sock"
machine='--ram 512M --bootargs cma=64M'

# Nothing of this test outlives it.
trap 'for p in $pids; do kill -9 $p 2>/dev/null; done; rm -rf "$tmp"' EXIT

# serve ARGUMENT...: a server that is ready
serve()
{
	listens "$freehold" serve "$@"
}

# ended NAME STATUS: the server did, so
ended()
{
	wait $server
	got=$?
	cp server.err err
	cp server.out out
	echo "exit status $got, expected $2" >>err
	[ $got = "$2" ]
	result $? "$1"
}

# user NAME FD: a client that takes commands; its number in $NAME
user()
{
	mkfifo "$1.in"
	: >"$1.out"
	"$user" "$FREEHOLD_SOCKET" "$1" <"$1.in" >"$1.out" 2>"$1.err" &
	eval "$1=$!; exec $2<>$1.in"
	pids="$pids $!"
	answer "$1" 1
}

# answer NAME N: its Nth line, when it is there
answer()
{
	for i in $(seq 1000); do
		[ "$(wc -l <"$1.out")" -ge "$2" ] && break
		sleep 0.01
	done
	sed -n "$2p" "$1.out"
}

# asks USER COMMAND WANT [NAME]: what it answers to that
asks()
{
	lines=$(wc -l <"$1.out")
	echo "$2" >"$1.in"
	got=$(answer "$1" $((lines + 1)))
	echo "$1: $2: $got, expected $3" >err
	: >out
	[ "$got" = "$3" ]
	result $? "${4:-$1: $2: $3}"
}
