#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Not a scenario: what tests/bench/bench.py has measured in here, ROUNDS times.
# The image `own` (micro on the guest's own kernel) came in with the others.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
expect_file "$STOKER_IMAGE_DIR/own/image.json"
T_DIR=$T python3 "$SOURCE_DIR/tests/lab/bench_inside.py" "$1" "$LAB_RESULTS/bench.json"
