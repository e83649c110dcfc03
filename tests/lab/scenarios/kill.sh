#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 of Firecracker, supervisor and command, then reconcile: what tests/e2e shows for QEMU holds here too.
export STOKER_TEST_DEFAULTS='backend = firecracker\nnetwork = tap\n'
exec bash "$(dirname "${BASH_SOURCE[0]}")/../../e2e/kill.sh"
