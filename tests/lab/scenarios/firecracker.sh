#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM's whole life on the real Firecracker with a TAP device, by the command
# line, with its phases; pause and resume; every rung of the stop ladder.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
need_image

boot_id() {
	stoker exec "$1" -- cat /proc/sys/kernel/random/boot_id
}

check "create and start: Firecracker is chosen by itself, and why is kept"
new_vm a
ok stoker start a --wait
expect_equal "$(vm_field a backend) $(vm_field a accel)" "firecracker kvm"
expect_match "$(vm_field a choice)" 'firecracker: preferred'
pid=$(vm_field a pid)
expect_equal "$(cat "/proc/$pid/comm")" firecracker
expect_equal "$(vm_field a network)" tap

check "the VMM has no right to the host's network"
expect_match "$(cat "/proc/$pid/status")" 'NoNewPrivs:	1'
caps=$(sed -n 's/^CapEff:\t//p' "/proc/$pid/status")
expect_equal $((0x$caps >> 12 & 1)) 0

check "the guest sees KVM, and its address"
ok stoker exec a -- sh -c 'dmesg | grep -i -m1 "hypervisor detected"; ip -4 -o addr show dev eth0'
expect_match "$OUT" 'KVM'
expect_match "$OUT" "$(vm_field a ip)"

check "its counters: of this boot, and of what the guest reads and sends"
ok stoker inspect a --json
expect_equal "$(json '.counters | .startup_ms > 0 and .boot_ms > 0 and .exits.io_out > 0 and .exits.mmio_write > 0 and .read_bytes > 100000')" true
sent=$(json .counters.rx_bytes) read=$(json .counters.read_bytes)
head -c 200000 /dev/zero | stoker exec --via ssh -i a -- sh -c 'cat >/dev/null; dd if=/dev/vda of=/dev/null bs=64k count=64 2>/dev/null'
ok stoker inspect a --json
expect_equal "$(json ".counters | .rx_bytes - $sent > 200000 and .rx_bytes - $sent < 1000000 and .read_bytes >= $read")" true

check "exec over vsock, over SSH through the forwarded port, and a file through both"
ok stoker exec --via ssh a -- cat /proc/sys/kernel/random/boot_id
expect_equal "$OUT" "$(boot_id a)"
head -c 300000 /dev/urandom >"$T/in"
stoker exec -i a -- sh -c 'cat >/root/in' <"$T/in"
stoker exec --via ssh a -- cat /root/in >"$T/back"
cmp "$T/in" "$T/back" || fail "a file came back changed"

check "pause and resume: the guest stands still, and goes on where it was"
old=$(boot_id a)
ok stoker pause a
expect_equal "$(vm_field a status)" paused
expect_status 4 stoker pause a
ok stoker resume a
expect_equal "$(vm_field a status)" running
expect_equal "$(boot_id a)" "$old"

check "stop asks the guest; what it wrote stays"
stoker exec a -- sh -c 'echo kept >/root/file'
ok stoker stop a
expect_equal "$(vm_field a status)" stopped
expect_match "$(stoker logs a | tail -n 5)" '.'
ok stoker start a --wait
expect_equal "$(stoker exec a -- cat /root/file)" kept

check "stop: a guest that does not listen is ended at the deadline, a stopped VMM too"
stoker exec a -- sh -c 'kill -STOP 1' >/dev/null 2>&1 || true
pid=$(vm_field a pid)
before=$SECONDS
ok stoker stop a --timeout 2
[ $((SECONDS - before)) -lt 12 ] || fail "a deaf guest was stopped only after $((SECONDS - before)) s"
[ ! -d "/proc/$pid" ] || fail "Firecracker still runs"
ok stoker start a
kill -STOP "$(vm_field a pid)"
before=$SECONDS
ok stoker stop a --timeout 1
[ $((SECONDS - before)) -lt 10 ] || fail "a stopped VMM was ended only after $((SECONDS - before)) s"

check "a guest that powers itself off is stopped; force is at once"
ok stoker start a --wait
stoker exec a -- poweroff >/dev/null 2>&1 || true
ok stoker wait a --for stopped --timeout 20
expect_equal "$(vm_field a status)" stopped
ok stoker start a
ok stoker stop --force a

check "all phases were measured"
ok stoker timings a --json
for phase in create start boot ssh exec stop; do
	[ "$(json ".phases.$phase.n")" -ge 1 ] || fail "no phase $phase: $OUT"
done

check "delete leaves no device"
ok stoker delete a
expect_no_match "$(ip -br link)" stk
