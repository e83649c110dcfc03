#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every example of assets/examples, run against real VMs in a private place.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need_image

check 'backend chosen in so many words'
ok "$BUILD_DIR/examples/example-backend"
expect_match "$OUT" 'asked for auto/auto, runs on qemu/(tcg|kvm)'
expect_match "$OUT" 'asked for firecracker/auto, (runs on firecracker/kvm|which cannot be had here.  because .*Firecracker)'
expect_match "$OUT" 'asked for qemu/tcg, runs on qemu/tcg'

check 'one VM and many commands'
ok "$BUILD_DIR/examples/example-many_commands"
expect_match "$OUT" 'sh +status 0, +[0-9.]+ ms: 42'
expect_match "$OUT" 'true +status 0'

check 'small and large'
ok "$BUILD_DIR/examples/example-sizing"
expect_match "$OUT" 'small +asked 1 vCPU, 128 MiB memory, 64 MiB disk; the guest sees 1, [0-9]+'
expect_match "$OUT" 'large +asked 2 vCPU, 1024 MiB memory, 8192 MiB disk; the guest sees 2, [0-9]+'

check 'phase timing of a whole life'
ok "$BUILD_DIR/examples/example-phases"
for phase in create start boot ssh exec stop delete; do
	expect_match "$OUT" "$phase +[0-9]+\.[0-9]+ ms"
done

check 'round trips'
ok "$BUILD_DIR/examples/example-round_trip"
expect_match "$OUT" 'channel +50 round trips: p50 [0-9.]+ ms'
expect_match "$OUT" 'ssh +50 round trips: p50 [0-9.]+ ms'

check 'shared disk mode'
ok "$BUILD_DIR/examples/example-shared_disk"
expect_match "$OUT" '->  written'
expect_match "$OUT" '->  gone after a restart'

check 'list, then reconcile and delete the stale'
new_vm steady
new_vm victim
ok stoker start steady
ok stoker start victim
ok "$BUILD_DIR/examples/example-list"
expect_match "$OUT" "steady +running +$(vm_field steady pid) "
# Both die: the VMM and the one who would have recorded its end.
pid=$(vm_field victim pid)
kill -9 "$(vm_field victim supervisor_pid)" "$pid"
wait_until 5 test ! -d "/proc/$pid"
ok "$BUILD_DIR/examples/example-reconcile"
expect_match "$OUT" 'deleted victim \(crashed\)'
ok "$BUILD_DIR/examples/example-list"
expect_match "$OUT" 'steady +running'
expect_no_match "$OUT" 'victim'
