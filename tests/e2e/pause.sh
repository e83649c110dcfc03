#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Pause and resume, and what every other verb makes of a paused VM.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_own_image

check 'paused: nothing runs in it, and exec says how it goes on'
new_vm a
ok stoker start a
ok stoker wait a
ok stoker pause a
expect_equal "$(vm_field a status)" paused
expect_status 125 stoker exec a -- true
expect_match "$ERR" 'stoker resume a'
expect_status 4 stoker pause a
expect_status 4 stoker start a
expect_match "$ERR" 'stoker resume a'
expect_status 4 stoker wait a --for ssh --timeout 2

check 'resumed: as if nothing had been'
ok stoker resume --all
expect_equal "$(vm_field a status)" running
ok stoker exec a -- echo here
expect_equal "$OUT" here
expect_status 4 stoker resume a

check 'a paused VM is stopped by its guest'
ok stoker pause a
ok stoker stop a --timeout 20
ok stoker logs a
expect_match "$OUT" 'reboot: |Power down'
expect_status 4 stoker pause a

check 'a pause that was cut off: reconcile asks the VMM'
ok stoker start a
ok stoker wait a
ok stoker pause a
pid=$(vm_field a pid)
printf '{"execute":"qmp_capabilities"}\n{"execute":"cont"}\n' |
	python3 -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read())
s.settimeout(5); b=b""
while b.count(b"return") < 2: b += s.recv(4096)' "$(stoker inspect a --json | jq -r '.paths.run')/qmp.sock"
expect_equal "$(vm_field a status)" paused
ok stoker reconcile --yes
expect_match "$OUT" 'mark(ed)? (it )?running'
expect_equal "$(vm_field a status)" running
expect_equal "$(vm_field a pid)" "$pid"
ok stoker exec a -- true

check 'paused and deleted'
ok stoker pause a
expect_status 4 stoker delete a
ok stoker delete --force a
