#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# All of rejoin.t, with the preloaded library.
form=--preload
. "$(dirname "$0")/rejoin.t"
