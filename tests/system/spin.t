#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The Spin models hold, and their broken variants are found wrong.
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
"$(dirname "$0")/../../scripts/spin" "$out"
