#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Ten VMs on Firecracker at once: started by ten commands at the same time, all
# answering, each itself, all gone by one command.
export STOKER_TEST_DEFAULTS='backend = firecracker\nnetwork = tap\n'
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
use_own_image

check "created and started at the same time"
pids=()
for i in 0 1 2 3 4 5 6 7 8 9; do
	stoker create "vm$i" --memory 128 --disk-mode shared --start >"$T/start.$i" 2>&1 &
	pids+=($!)
done
for i in 0 1 2 3 4 5 6 7 8 9; do
	wait "${pids[$i]}" || fail "vm$i: $(cat "$T/start.$i")"
done
ok stoker list --json
expect_equal "$(json '[.[] | select(.status == "running" and .backend == "firecracker")] | length')" 10
expect_equal "$(json '[.[].ip] | unique | length')" 10
expect_equal "$(json '[.[].ssh_port] | unique | length')" 10

check "all become ready, and each is itself"
for i in 0 1 2 3 4 5 6 7 8 9; do
	ok stoker wait "vm$i" --for ready --timeout 180
	expect_equal "$(stoker exec "vm$i" -- hostname)" "vm$i"
done

check "one of them is reached over its own forwarded port"
expect_equal "$(stoker exec --via ssh vm7 -- hostname)" vm7

check "all gone at once"
ok stoker delete --all --force --yes
expect_equal "$(stoker list --json)" '[]'
