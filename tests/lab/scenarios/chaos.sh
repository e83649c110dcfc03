#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What people do at random, and kills: tests/e2e/chaos.sh with the real Firecracker, at the pace of an emulated host.
export STOKER_TEST_DEFAULTS='backend = firecracker\n' CHAOS_NETWORK=none CHAOS_CALM=12 CHAOS_SECONDS=35
exec bash "$(dirname "${BASH_SOURCE[0]}")/../../e2e/chaos.sh"
