#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# All of exec.t, with the preloaded library.
form=--preload
. "$(dirname "$0")/exec.t"
