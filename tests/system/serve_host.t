#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold serve` and the host: sockets handed over by who starts it, notices to him, events that the kernel lost, its file of what
# lives, descriptors that stand for fences.
set -u

. "$(dirname "$0")/tap.sh"
. "$root/tests/system/serve.sh"

# ---- sockets handed over -------------------------------------------------------------------------

# activate.pl VARIABLES TYPE...: opens a socket of each type from descriptor 3 on, as systemd does, and becomes the server. TYPE: seqpacket,
# stream, file, or connected (to a client in a child that asks for nothing); VARIABLES as NAME=VALUE, with PID for its own number.
cat >activate.pl <<'END'
use strict; use warnings; use Socket; use POSIX ();
$^F = 100;
my ($command, $vars, $types, @args) = @ARGV;
my ($fd, @keep) = (3);
POSIX::close($_) for 3 .. 20;
for my $type (split / /, $types) {
	my ($s, $other);
	my $path = ($type eq "stream" ? $type : "sock") . ($fd - 3 || "");
	if ($type eq "file") {
		open($s, "<", "/dev/null") or die;
	} elsif ($type eq "connected") {
		socketpair($s, $other, AF_UNIX, SOCK_SEQPACKET, 0) or die;
		fcntl($other, 2, 1); # FD_CLOEXEC
	} else {
		socket($s, AF_UNIX, $type eq "stream" ? SOCK_STREAM : SOCK_SEQPACKET, 0) or die;
		unlink $path;
		bind($s, pack_sockaddr_un($path)) && listen($s, 5) or die;
	}
	fileno($s) == $fd or POSIX::dup2(fileno($s), $fd);
	push @keep, $s;
	$fd++;
}
for (split / /, $vars) {
	my ($name, $value) = split /=/, $_, 2;
	$value =~ s/PID/$$/;
	$ENV{$name} = $value;
}
exec $command, "serve", @args or die;
END

# activated VARIABLES TYPES ARGUMENT...: serve() by that
activated()
{
	vars=$1 types=$2
	shift 2
	listens perl activate.pl "$freehold" "$vars" "$types" "$@"
}

# refused NAME WHY: it did not begin
refused()
{
	ended "$1" 2
	cp server.err err
	says "$1: why" "freehold serve: $2"
}

activated 'LISTEN_PID=PID LISTEN_FDS=1 LISTEN_FDNAMES=freehold.socket' seqpacket $machine
cp server.out out
cp server.err err
shows 'a socket that was handed over' '^ready: inherited sockets, memfd,'
user a 4 >/dev/null
asks a 'alloc 0 system 4096' 'ok 4096' 'clients come by it'
tr '\0' '\n' <"/proc/$server/environ" >out
cp server.err err
kill $a
wait $a 2>/dev/null
kill -TERM $server
ended 'it ends in order' 0
[ -S sock ]
result $? 'the socket stays: it is of who made it'
rm -f sock

activated 'LISTEN_PID=PID LISTEN_FDS=2 LISTEN_FDNAMES=:::only:one::too:many' 'seqpacket seqpacket' $machine
result $? 'two of them, whatever their names'
FREEHOLD_SOCKET=$tmp/sock1
user b 4 >/dev/null
FREEHOLD_SOCKET=$tmp/sock
user c 5 >/dev/null
asks b 'alloc 0 system 4096' 'ok 4096' 'by the second'
asks c 'heap system' 'ok 4096 0' 'by the first'
kill $b $c
wait $b $c 2>/dev/null
kill -TERM $server
ended 'it ends, too' 0
rm -f sock sock1

activated 'LISTEN_PID=PID LISTEN_FDS=2' 'connected seqpacket' $machine
result $? 'one that is connected already'
kill -TERM $server
ended 'and ends' 0
rm -f sock*

activated 'LISTEN_PID=1 LISTEN_FDS=1' stream $machine
cp server.out out
cp server.err err
shows 'variables that are meant for another process' "^ready: $tmp/sock,"
kill -TERM $server
ended 'are nothing to it' 0
activated 'LISTEN_FDS=1' stream $machine
result $? 'for nobody'
kill -TERM $server
ended 'either' 0
rm -f sock*
activated 'LISTEN_PID=PID LISTEN_FDS=0' '' $machine
cp server.out out
shows 'none' "^ready: $tmp/sock,"
kill -TERM $server
ended 'is none' 0
for n_fds in 1x -1 many 1001 99999999999999999999; do
	activated "LISTEN_PID=PID LISTEN_FDS=$n_fds" seqpacket $machine
	refused "LISTEN_FDS=$n_fds" "LISTEN_FDS=$n_fds: expected a number of at most 1000"
done
activated 'LISTEN_PID=PID LISTEN_FDS=1' stream $machine
refused 'a stream' 'descriptor 3 that was handed over: expected a socket of type SOCK_SEQPACKET'
activated 'LISTEN_PID=PID LISTEN_FDS=2' 'seqpacket file' $machine
refused 'no socket' 'descriptor 4 that was handed over: expected a socket of type SOCK_SEQPACKET'
activated 'LISTEN_PID=PID LISTEN_FDS=2' seqpacket $machine
refused 'fewer than it says' 'descriptor 4 that was handed over: expected a socket of type SOCK_SEQPACKET'
activated 'LISTEN_PID=PID LISTEN_FDS=1' seqpacket $machine --socket "$tmp/other"
refused 'one more of its own' '--socket: expected none, sockets were handed over'
rm -f sock*

# ---- notices -------------------------------------------------------------------------------------

# notified ADDRESS: what a server says to that address (@ for an abstract one) from its beginning to its end
cat >notified.pl <<'END'
use strict; use warnings; use Socket;
my ($command, $address, @args) = @ARGV;
(my $name = $address) =~ s/^@/\0/;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
bind($s, pack_sockaddr_un($name)) or die "$address: $!";
$ENV{NOTIFY_SOCKET} = $address;
defined(my $pid = fork) or die;
exec $command, "serve", @args or die if !$pid;
$SIG{ALRM} = sub { kill "KILL", $pid; print "nothing more\n"; exit 1 };
$| = 1;
alarm 30;
my $text;
recv($s, $text, 1000, 0);
print "$text\n";
kill "TERM", $pid;
recv($s, $text, 1000, 0);
print "$text\n";
waitpid($pid, 0);
print "status ", $? >> 8, "\n";
print recv($s, $text, 1000, 64) ? "and $text\n" : ""; # MSG_DONTWAIT
END
# Perl passes the name of an abstract address as long as it is, as sd_notify(3) wants it.
for address in "$tmp/notify" "@freehold-test-$$"; do
	perl notified.pl "$freehold" "$address" $machine >all 2>err
	grep -v '^ready:' all >out
	[ "$(cat out)" = "$(printf 'READY=1\nSTOPPING=1\nstatus 0')" ]
	result $? "notices to ${address%%[!@]*}${address##*/}"
done
NOTIFY_SOCKET=$tmp/nobody
export NOTIFY_SOCKET
serve $machine
result $? 'nobody to be told'
kill -TERM $server
ended 'is no reason to fail' 0
NOTIFY_SOCKET=$(printf '/%0200d' 0)
serve $machine
result $? 'nor an address that is too long'
kill -TERM $server
ended 'for the end' 0
unset NOTIFY_SOCKET

# ---- events that were lost -----------------------------------------------------------------------

most=$(cat /proc/sys/fs/inotify/max_queued_events 2>/dev/null || echo 0)
if [ "$most" -gt 0 ] && [ "$most" -le 200000 ]; then
	serve $machine
	user d 4 >/dev/null
	for i in 0 1 2 3; do
		asks d "alloc $i system 4096" 'ok 4096'
	done
	kill -STOP $server
	asks d "storm 0 1 $((most + 100))" ok "more closes than the kernel keeps ($most), while the server stands still"
	for i in 0 2 3; do
		asks d "close $i" ok
	done
	kill -CONT $server
	asks d 'heap system' 'ok 4096 0' 'what was closed then is given back all the same'
	asks d 'check 1 0' ok 'what was not, stays'
	asks d 'close 1' ok
	asks d 'heap system' 'ok 0 0' 'and later closes are heard again'
	kill $d
	wait $d 2>/dev/null
	kill -TERM $server
	ended 'nothing is left' 0
else
	echo "ok $((n += 1)) - lost events # SKIP max_queued_events is $most"
fi

# ---- the file of what lives ----------------------------------------------------------------------

serve $machine --state state
user e 5 >/dev/null
asks e 'alloc 0 system 8192' 'ok 8192'
asks e 'fill 0 6' ok
asks e 'name 0 lasting' ok
asks e 'churn system 4096 2000' ok
lines=$(wc -l <state)
[ "$lines" -gt 4000 ]
result $? 'each buffer leaves two lines'
exec 9<state # so that its number is nobody else's
before=$(stat -c %i state)
asks e 'churn system 4096 3000' ok
lines=$(wc -l <state)
[ "$lines" -lt 4200 ]
result $? "more than some 4,096 and it is written anew ($lines lines)"
[ "$(stat -c %i state)" != "$before" ] && [ ! -e state.new ]
result $? 'in one step: it is another file, in the place of the first'
exec 9<&-
[ "$(grep -c '^name .* lasting$' state)" = 1 ] && head -1 state | grep -q '^freehold-state 1 '
result $? 'with what lives'
kill -9 $server
wait $server 2>/dev/null
serve $machine --state state
asks e 'heap system' 'error ECONNRESET'
asks e 'heap system' 'ok 8192 0' 'which the next server finds'
runs 'by its name' 0 stat --socket sock sys/kernel/debug/freehold/buffers
shows 'by its name: there it is' ' 8192 .* lasting '

# In the middle: the server hangs where it opens the new file, which is a pipe that nobody reads.
mkfifo state.new
echo 'churn system 4096 3000' >e.in
sleep 0.2
for i in $(seq 500); do
	[ "$(cat "/proc/$server/wchan" 2>/dev/null)" = fifo_open ] || [ "$(wc -l <state)" -gt 4090 ] && break
	sleep 0.02
done
sleep 0.2
cp state middle
kill -9 $server
wait $server 2>/dev/null
rm state.new
[ "$(wc -l <middle)" -gt 4000 ] && cmp -s state middle
result $? 'killed while it writes the new one: the old one is whole'
sleep 0.1
serve $machine --state state
result $? 'and good for the next server'
sleep 0.1
asks e 'heap system' 'ok 8192 0' 'which finds what lives'

# Where no new file can be made, the old one goes on.
mkdir state.new
asks e 'churn system 4096 5000' ok 'no new file can be made'
lines=$(wc -l <state)
[ "$lines" -gt 9000 ] && [ "$(grep -c '^name .* lasting$' state)" = 1 ]
result $? "the old one goes on ($lines lines)"
rmdir state.new
asks e 'churn system 4096 3000' ok
[ "$(wc -l <state)" -lt 4200 ]
result $? 'until one can'

# At any instant.
for i in 1 2 3 4 5 6; do
	lines=$(wc -l <e.out)
	echo 'churn system 4096 100000' >e.in
	sleep 0.$((i * 37 % 10))$i
	kill -9 $server
	wait $server 2>/dev/null
	answer e $((lines + 1)) >/dev/null
	serve $machine --state state || break
	lines=$(wc -l <e.out)
	echo 'heap system' >e.in
	got=$(answer e $((lines + 1)))
	[ "$got" = 'ok 8192 0' ] || break
done
cp server.err err
[ "$got" = 'ok 8192 0' ]
result $? "killed at any instant, six times: $got"
asks e 'check 0 6' ok

# ---- a mapping alone -----------------------------------------------------------------------------

asks e 'map 0' ok
asks e 'close 0' ok
asks e 'heap system' 'ok 8192 0' 'a mapping keeps it'
kill -9 $server
wait $server 2>/dev/null
range=$(ls "/proc/$e/map_files" 2>/dev/null | head -1)
if [ -n "$range" ] && head -c 1 "/proc/$e/map_files/$range" >/dev/null 2>&1; then
	serve $machine --state state
	asks e 'heap system' 'error ECONNRESET'
	asks e 'heap system' 'ok 8192 0' 'the next server finds a buffer that is only mapped'
	asks e 'see 0' 'ok 6'
	asks e 'unmap 0' ok
	asks e 'heap system' 'ok 0 0' 'and hears of its end'
else
	serve $machine --state state
	asks e 'heap system' 'error ECONNRESET'
	echo "ok $((n += 1)) - a buffer that is only mapped # SKIP needs CAP_CHECKPOINT_RESTORE"
	asks e 'see 0' 'ok 6' 'its bytes are there'
	asks e 'unmap 0' ok
fi

# ---- what stands for a fence ---------------------------------------------------------------------

asks e 'alloc 1 system 4096' 'ok 4096'
asks e 'fence 10 11' ok
asks e 'tell 10' 'ok freehold-e1-1 0 1' 'a fence that is under way'
asks e 'import_fence 1 2 10' ok
asks e 'export 1 1 20' ok
asks e 'wait 20 0' waiting
asks e 'signal 11' ok
asks e 'wait 20 2000' ok
asks e 'tell 20' 'ok freehold-e2-1 1 1' 'and done'
# As a driver's: no word behind it, or others than ours.
for what in 'hang_up 13:error EIO' 'write 13 x:ok' 'write 13 ~~~~and-more:ok'; do
	asks e 'fence 12 13' ok
	asks e 'import_fence 1 2 12' ok
	asks e 'export 1 1 21' ok
	asks e 'wait 21 0' waiting
	asks e "${what%:*}" ok
	asks e 'wait 21 2000' "${what#*:}" "a pipe that does \`${what%% *}': ${what#*:}"
	case $what in hang*) ;; *) asks e 'hang_up 13' ok ;; esac
	asks e 'hang_up 12' ok
done
asks e 'event 14' ok
asks e 'import_fence 1 2 14' ok
asks e 'export 1 1 22' ok
asks e 'wait 22 0' waiting 'an eventfd'
asks e 'write 14 12345678' ok
asks e 'wait 22 2000' ok 'is done when it can be read'
asks e 'tell 1' 'error EINVAL' 'no descriptor'
asks e 'fence 15 16' ok
asks e 'tell 16' 'error EINVAL' 'the end that signals is no fence'
asks e 'release 1' ok
kill $e
wait $e 2>/dev/null
kill -TERM $server
ended 'that is all' 0

echo "1..$n"
