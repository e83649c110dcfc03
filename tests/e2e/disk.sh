#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Disks: two VMs on one image are apart and keep what is theirs, shared leaves nothing behind, a copy is the VM's own;
# and a disk grows, whatever happens on the way.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need strace e2fsck python3
use_own_image

size_of() { # size_of VM: of its file system, MiB
	stoker exec "$1" -- sh -c "df -m / | tail -n 1 | awk '{ print \$2 }'"
}
restart() {
	ok stoker stop "$1"
	ok stoker start "$1"
}
places_of() { # places_of FILE: in how many of the file something is written
	python3 - "$1" <<'EOF'
import os, sys
fd, at, n = os.open(sys.argv[1], os.O_RDONLY), 0, 0
try:
    while True:
        at, n = os.lseek(fd, os.lseek(fd, at, os.SEEK_DATA), os.SEEK_HOLE), n + 1
except OSError:
    print(n)
EOF
}
digest=$(sha256sum <"$STOKER_IMAGE_DIR/own/root.ext4")

check 'an empty disk is written in few places, each of which costs a create and a delete'
new_vm empty --disk 2048
places=$(places_of "$STOKER_STATE_DIR/vms/$(vm_field empty id)/disk.ext4")
if [ "$places" -lt 1 ] || [ "$places" -gt 8 ]; then fail "an empty disk is written in $places places"; fi
ok stoker delete empty

check 'two VMs write the same file and read back their own, after a restart too'
new_vm one --disk 64 --start
new_vm two --disk 64 --start
for vm in one two; do
	ok stoker exec $vm -- sh -c "echo $vm >/etc/shared-name; echo $vm >>/etc/passwd; rm /etc/profile"
done
for vm in one two; do
	restart $vm
	expect_equal "$(stoker exec $vm -- sh -c 'cat /etc/shared-name; tail -n 1 /etc/passwd; ls /etc/profile 2>/dev/null')" "$vm"$'\n'"$vm"
done
ok stoker stop two --force
expect_equal "$(sha256sum <"$STOKER_IMAGE_DIR/own/root.ext4")" "$digest"

check 'what a command cannot have: a smaller disk, one of a running VM, one larger than the host'
expect_status 4 stoker resize one --disk 128
expect_match "$ERR" 'it is running.*stoker stop one'
ok stoker stop one
expect_status 2 stoker resize one
expect_status 2 stoker resize one --disk 63
expect_match "$ERR" 'has 64 MiB, and a disk is only ever grown'
expect_status 2 stoker resize one --disk 7000G
expect_match "$ERR" 'MiB'
expect_status 3 stoker resize nobody --disk 128

check 'a growth that fails or is cut off leaves the disk as it was, and the next one succeeds'
disk=$STOKER_STATE_DIR/vms/$(vm_field one id)/disk.ext4
before=$(sha256sum <"$disk")
mkdir "$T/bin"
printf '#!/bin/sh\necho "resize2fs: no" >&2\nexit 1\n' >"$T/bin/resize2fs"
chmod 755 "$T/bin/resize2fs"
expect_status 1 env PATH="$T/bin:$PATH" "$STOKER_PROGRAM" resize one --disk 128
expect_match "$ERR" 'resize2fs: no'
expect_no_file "$disk.new"
expect_equal "$(sha256sum <"$disk")" "$before"
for call in copy_file_range rename; do
	strace -qq -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=1 "$STOKER_PROGRAM" resize one --disk 128 >"$T/cut" 2>&1 || true
	expect_equal "$(vm_field one disk_mib)" 64
done
expect_file "$disk.new"
ok stoker start one # the rename had not happened, or had: either is a whole disk
expect_no_file "$disk.new"
expect_equal "$(stoker exec one -- cat /etc/shared-name)" one
ok stoker stop one --force

check 'it grows, after a guest was killed as well, and keeps what is on it'
ok stoker resize one --disk 300 --json
expect_equal "$(json .disk_mib)" 300
expect_equal "$(stat -c %s "$disk")" $((300 << 20))
ok stoker start one
[ "$(size_of one)" -gt 250 ] || fail "the file system has only $(size_of one) MiB"
expect_equal "$(stoker exec one -- cat /etc/shared-name)" one
ok stoker stop one
e2fsck -fn "$disk" >"$T/fsck" 2>&1 || fail "the disk is not clean: $(cat "$T/fsck")"
ok stoker resize one --disk 300
ok stoker resize one --disk 20G
ok stoker start one
[ "$(size_of one)" -gt 19000 ] || fail "the file system has only $(size_of one) MiB"
expect_equal "$(stoker exec one -- cat /etc/shared-name)" one
ok stoker stop one
[ "$(du -sm "$disk" | cut -f 1)" -lt 60 ] || fail "20 GiB of nothing use $(du -sm "$disk" | cut -f 1) MiB"
e2fsck -fn "$disk" >"$T/fsck" 2>&1 || fail "the disk is not clean: $(cat "$T/fsck")"
ok stoker delete one
ok stoker delete two

check 'shared: nothing stays, neither in the image nor on the host'
new_vm three --disk-mode shared --start
ok stoker exec three -- sh -c 'echo gone >/etc/shared-name'
restart three
expect_status 1 stoker exec three -- cat /etc/shared-name
expect_status 4 stoker resize three --disk 128
ok stoker stop three
expect_match "$(stoker resize three --disk 128 2>&1 || true)" 'no disk of its own'
expect_no_file "$STOKER_STATE_DIR/vms/$(vm_field three id)/disk.ext4"
expect_equal "$(sha256sum <"$STOKER_IMAGE_DIR/own/root.ext4")" "$digest"
ok stoker delete three

check 'copy: the image itself, writable, of the size asked for, and nobody else sees it'
new_vm four --disk 200 --disk-mode copy --start
new_vm five --disk 200 --disk-mode copy
ok stoker exec four -- sh -c 'echo four >/etc/shared-name; mount | head -n 3; cat /proc/mounts'
expect_match "$OUT" '/dev/vda / ext4 rw'
[ "$(size_of four)" -gt 150 ] || fail "the copy has only $(size_of four) MiB"
restart four
expect_equal "$(stoker exec four -- cat /etc/shared-name)" four
ok stoker stop four --force
ok stoker resize four --disk 400
ok stoker start four
[ "$(size_of four)" -gt 350 ] || fail "the grown copy has only $(size_of four) MiB"
expect_equal "$(stoker exec four -- cat /etc/shared-name)" four
ok stoker start five
expect_status 1 stoker exec five -- cat /etc/shared-name
expect_equal "$(sha256sum <"$STOKER_IMAGE_DIR/own/root.ext4")" "$digest"
