#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# tests/conform: its program runs where there are no heaps too, names each case once, and the captures are of its cases. `freehold exec --like 6.1`
# is held to the capture of 6.1 (exec.t: of 6.12).
set -u

. "$(dirname "$0")/tap.sh"
program=${O:-build}/tests/conform/dmabuf_calls
case $program in /*) ;; *) program=$root/$program ;; esac
captures=$root/tests/conform

[ -x "$program" ] || { echo "1..0 # SKIP no static program in this build"; exit 0; }
echo 1..6

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

for capture in "$captures"/linux-*.txt; do
	grep -v '^#' "$capture" | sed 's/: .*//' | sort >captured
	comm -23 names captured | sed "s|^|not in $(basename "$capture"): |"
	[ "$(wc -l <captured)" -gt 2000 ] || echo "$capture is cut short"
done >out
[ ! -s out ]
result $? 'each capture has all of them'

grep -HE ': died|not-lowest' "$captures"/linux-*.txt >out
grep -H ': absent' "$captures/linux-6.12.txt" >>out
[ ! -s out ]
result $? 'and nothing in them died, nor was absent from Linux 6.12 with everything on'

"$freehold" exec --ram 768M --bootargs cma=64M --like 6.1 -- "$program" >mine 2>err
cat "$captures/exec-differs.txt" "$captures/exec-differs-6.1.txt" >differs
"$captures/compare" "$captures/linux-6.1.txt" differs mine >out
result $? 'every call as Linux 6.1 answers it, but for what is known'
