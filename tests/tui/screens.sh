#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The screens in README.md and stoker.1 are those of the program.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

need_image
check 'what is printed has the columns, phases and keys that the program shows'
ok bash "$SOURCE_DIR/assets/screens.sh" --check
