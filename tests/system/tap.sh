# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Sourced by tests: $freehold is the command, $root the repository; $tmp, the current folder, is a new one that goes
# with the test, and a test leaves in out and err there what it ran printed.

root=$(cd "$(dirname "$0")/../.." && pwd)
freehold=${FREEHOLD:-build/freehold}
case $freehold in /*) ;; *) freehold=$root/$freehold ;; esac
[ -x "$freehold" ] || { echo "Bail out! $freehold is not built"; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
n=0

# result STATUS NAME: one test
result()
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		cat "$tmp/out" "$tmp/err" 2>/dev/null | sed 's/^/# /'
	fi
}

# runs NAME STATUS ARGUMENT...: the command ends with that status, within $limit seconds; leaves out and err
limit=300
runs()
{
	name=$1 want=$2
	shift 2
	timeout "$limit" "$freehold" "$@" >out 2>err
	got=$?
	[ $got = "$want" ] || echo "exit status $got, expected $want" >>err
	[ $got = "$want" ]
	result $? "$name"
}

# listens COMMAND...: it runs, and is a server that is ready; its number in $server and added to $pids, what it prints in server.out and server.err
pids=
listens()
{
	: >server.out
	"$@" >server.out 2>server.err &
	server=$!
	pids="$pids $server"
	for _ in $(seq 1000); do
		grep -q '^ready: ' server.out && return 0
		kill -0 $server 2>/dev/null || return 1
		sleep 0.01
	done
	return 1
}

# says NAME TEXT: standard error is this and no more
says()
{
	[ "$(cat err)" = "$2" ] || { echo "expected: $2" >>err; false; }
	result $? "$1"
}

# only_says NAME TEXT: says(), and nothing was shown
only_says()
{
	[ ! -s out ] || echo "and nothing on standard output" >>err
	says "$1" "$2"
}

# shows NAME REGEX: a line of the output is like this
shows()
{
	grep -Eq -- "$2" out || { echo "expected: $2" >>err; false; }
	result $? "$1"
}

# holds NAME PERL: the expression is true of the JSON in out, $j, and of what $given (Perl) makes of it
given=
holds()
{
	perl -MJSON::PP -e '
		local $/;
		open(my $f, "<", "out") or die;
		my $j = decode_json(<$f>);
		'"$given"'
		exit(('"$2"') ? 0 : 1)' 2>>err
	result $? "$1"
}
