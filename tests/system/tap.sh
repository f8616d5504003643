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
