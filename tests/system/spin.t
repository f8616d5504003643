#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The Spin models hold, and their broken variants are found wrong.
exec "$(dirname "$0")/../../scripts/spin"
