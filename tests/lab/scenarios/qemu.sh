#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM's whole life under QEMU with KVM, by the command line, with its phases;
# once on QEMU's own network, once on a TAP, each with the build of QEMU that
# it can have.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
need_image

whole=$(command -v qemu-system-x86_64)
memory() { awk '/^Pss:/ { print $2 }' "/proc/$(vm_field "$1" pid)/smaps_rollup"; }
filters() { sed -n 's/^Seccomp_filters:[[:space:]]*//p' "/proc/$(vm_field "$1" pid)/status"; }

check "create and start: KVM is chosen, and why is kept"
new_vm a --backend qemu
ok stoker start a --wait
ok stoker inspect a --json
expect_equal "$(vm_field a accel)" kvm
expect_match "$(vm_field a choice)" 'kvm: a 64-bit guest ran'
pid=$(vm_field a pid)
line=$(tr '\0' ' ' <"/proc/$pid/cmdline")
expect_match "$line" '-accel kvm -cpu host'
expect_match "$line" '-sandbox on'
expect_equal "$(vm_field a paths.vmm)" "$whole" "the small build has no user-mode network"
expect_equal "$(filters a)" 1

check "exec over the channel and over SSH"
ok stoker exec a -- sh -c 'uname -m; cat /proc/cpuinfo | grep -m1 "model name"; dmesg | grep -i -m1 hypervisor'
expect_match "$OUT" x86_64
ok stoker exec --via ssh a -- id -u
expect_equal "$OUT" 0

check "stop and delete, and the phases of it all"
ok stoker timings a
ok stoker stop a
ok stoker start a
ok stoker stop --force a
ok stoker delete a

check "the same on a TAP, beside a Firecracker on one: apart from each other"
new_vm b --backend qemu --network tap
new_vm c --backend firecracker --network tap
ok stoker start b c
ok stoker wait b --for ssh
ok stoker wait c --for ready
expect_equal "$(vm_field b backend) $(vm_field b accel) $(vm_field b network)" 'qemu kvm tap'
expect_equal "$(vm_field b paths.vmm)" "$whole-microvm"
expect_equal "$(filters b)" 1 "the small build is in a sandbox all the same"
expect_match "$(stoker network list)" 'b'
expect_equal "$(stoker exec --via ssh b -- hostname)" b
expect_status 1 stoker exec b -- ping -c 1 -W 2 "$(vm_field c ip)"
ok stoker pause b
expect_equal "$(vm_field b status)" paused
ok stoker resume b
ok stoker stop b --timeout 20
expect_equal "$(vm_field b status)" stopped
ok stoker start b --wait
expect_equal "$(vm_field b paths.vmm)" "$whole-microvm"

small=$(memory b)

check "a supervisor that dies, and one that takes over: the VM on the small build goes on"
pid=$(vm_field b pid)
kill -9 "$(vm_field b supervisor_pid)"
ok stoker reconcile --yes
expect_equal "$(stoker exec b -- hostname)" b
expect_equal "$(vm_field b pid) $(vm_field b paths.vmm)" "$pid $whole-microvm"

check "a small build that does not do: the whole one, and an event that says so"
ok stoker stop --force b
mkdir "$T/bin"
ln -s "$whole" "$T/bin/qemu-system-x86_64"
printf '#!/bin/sh\n[ "$1" != -version ] || exec %s -version\necho "of no use" >&2\nexit 1\n' "$whole" >"$T/bin/qemu-system-x86_64-microvm"
chmod 755 "$T/bin/qemu-system-x86_64-microvm"
PATH=$T/bin:$PATH ok stoker start b --wait
expect_equal "$(vm_field b paths.vmm)" "$whole"
expect_match "$(stoker events 2>&1)" 'small build of the VMM did not do: .*of no use'

check "qemu.binary is what runs, and nothing else; without a network it is the small one again"
ok stoker stop --force b
cp "$STOKER_CONFIG" "$T/good.conf"
printf '\n[qemu]\nbinary = %s\n' "$whole" >>"$STOKER_CONFIG"
ok stoker start b --wait
expect_equal "$(vm_field b paths.vmm)" "$whole"
[ $(($(memory b) - small)) -gt 8000 ] || fail "the small build takes $small kB, the whole one $(memory b)"
printf 'memory of a VM: %d kB with the small build, %d kB with the whole one\n' "$small" "$(memory b)"
expect_match "$(stoker doctor --json | jq -r '.checks[] | select(.name == "qemu") | .reason')" 'not used: qemu.binary is set'
cp "$T/good.conf" "$STOKER_CONFIG"
new_vm d --backend qemu --network none
ok stoker start d --wait
expect_equal "$(vm_field d paths.vmm)" "$whole-microvm"
expect_match "$(stoker doctor --json | jq -r '.checks[] | select(.name == "qemu") | .reason')" 'run on its small build'
ok stoker delete --force b c d
expect_no_match "$(ip -br link)" stk
