#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# tests/conform: its program runs where there are no heaps too, names each case once, and the captures are of its cases.
set -u

. "$(dirname "$0")/tap.sh"
program=${O:-build}/tests/conform/dmabuf_calls
case $program in /*) ;; *) program=$root/$program ;; esac
captures=$root/tests/conform

[ -x "$program" ] || { echo "1..0 # SKIP no static program in this build"; exit 0; }
echo 1..5

timeout 100 "$program" >all 2>err
status=$?
cp all out
[ $status = 0 ] && [ ! -s err ]
result $? 'runs to its end'

grep -vE '^[a-z]+(\.[^: ]+)+: ' all >out
[ ! -s out ]
result $? 'each line is a case and what came of it'

sed 's/: .*//' all | sort >names
uniq -d names >out
[ ! -s out ]
result $? 'no case has the name of another'

grep -v '^#' "$captures/linux-6.12.txt" | sed 's/: .*//' | sort >captured
comm -23 names captured >out
[ ! -s out ] && [ "$(wc -l <captured)" -gt 2000 ]
result $? 'the capture of Linux 6.12 has all of them'

grep -hE ': (died|absent)|not-lowest' "$captures/linux-6.12.txt" >out
[ ! -s out ]
result $? 'and nothing in it was absent or died'
