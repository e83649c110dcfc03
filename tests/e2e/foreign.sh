#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A root file system of somebody else's: its own init, its own SSH server, no agent. What is taken and what is not; a
# writable copy per VM; ready when SSH answers; nothing is said to a host key that nobody accepted.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need mke2fs debugfs e2fsck
need_image
micro=$STOKER_IMAGE_DIR/micro
STOKER_IMAGE_DIR=$T/images
mkdir -m 0700 "$STOKER_IMAGE_DIR"
cp -r "$micro" "$STOKER_IMAGE_DIR/micro"

# Busybox and dropbear of the image micro, and an init that never heard of stoker.
foreign_root "$micro/root.ext4" "$T/web.ext4"

check 'only a raw ext4 with an init is taken'
cp "$T/web.ext4" "$T/two-faced.img"
printf 'QFI\373' | dd of="$T/two-faced.img" conv=notrunc status=none # an ext4 behind the mark of a qcow2
expect_status 2 stoker image import "$T/two-faced.img"
expect_match "$ERR" 'qcow2.*only a raw ext4.*qemu-img convert -O raw'
truncate -s 1M "$T/parts.img"
printf '\125\252' | dd of="$T/parts.img" bs=1 seek=510 conv=notrunc status=none
expect_status 2 stoker image import "$T/parts.img"
expect_match "$ERR" 'partition table.*dd if='
expect_status 2 stoker image import "${BASH_SOURCE[0]}" --name x
expect_match "$ERR" 'no ext4 file system'
expect_status 2 stoker image import /dev/null --name x
expect_status 3 stoker image import "$T/nowhere.ext4"
expect_match "$ERR" 'stoker image import root.ext4$'
expect_status 2 stoker image build import
expect_match "$ERR" 'stoker image import FILE'
mke2fs -q -t ext4 "$T/empty.ext4" 8M >/dev/null 2>&1
expect_status 1 stoker image import "$T/empty.ext4"
expect_match "$ERR" 'no /sbin/init in it'
expect_equal "$(find "$STOKER_IMAGE_DIR" -mindepth 1 -maxdepth 1 -printf "%f\n")" micro

check 'it becomes an image without agent, and the file stays as it was'
sum=$(sha256sum <"$T/web.ext4")
ok stoker image import "$T/web.ext4" --kernel debian
expect_match "$OUT" '^web  imported in'
ok stoker image inspect web --json
expect_equal "$(json '[.recipe, .agent, .init] | join(" ")')" 'import false /sbin/init'
expect_equal "$(sha256sum <"$T/web.ext4")" "$sum"
ok stoker image import "$T/web.ext4" --kernel debian
expect_match "$OUT" 'up to date'
base=$(sha256sum <"$STOKER_IMAGE_DIR/web/root.ext4")

check 'what a VM of it cannot be'
expect_status 2 stoker create no --image web --disk-mode isolated
expect_match "$ERR" 'no agent, so its disk mode can only be copy'
expect_status 2 stoker create no --image web --disk 64
expect_match "$ERR" 'larger \(96 MiB\) than the disk \(64 MiB\).*--disk 96'
expect_status 2 stoker create no --image web --host-key 'ssh-rsa AAAA'
expect_status 2 stoker create no --image micro --host-key "ssh-ed25519 AAAA"
expect_match "$ERR" 'has an agent'

check 'a copy, grown to the size of the disk; ready when its SSH server speaks'
new_vm one --image web --disk 300
expect_equal "$(vm_field one '| [.disk_mode, .agent | tostring] | join(" ")')" 'copy false'
ok stoker start one
ok stoker wait one
expect_equal "$(vm_field one ready)" true
ok stoker timings one --json
expect_equal "$(json .phases.boot.n)" 1

check 'nothing is said to a host key that nobody accepted'
expect_status 125 stoker exec one -- true
expect_match "$ERR" 'shows the SSH host key SHA256:.*none was recorded.*stoker host-key one --accept SHA256:'
key=$(stoker host-key one --quiet)
stoker logs one | grep -qF "Fingerprint: $key" || fail 'the console says another' # what a person would compare it with
expect_status 1 stoker host-key one --accept "${key%?}"
expect_match "$ERR" "shows the SSH host key .*, not SHA256:"
expect_status 125 stoker exec one -- true
ok stoker host-key one --accept "$key"
ok stoker exec one -- sh -c 'cat /proc/1/comm; hostname; df -m / | tail -n 1; cat /proc/mounts; ps'
expect_match "$OUT" $'^init\none\n'
expect_match "$OUT" '/dev/vda / ext4 rw'
expect_no_match "$OUT" 'stoker-init'
size=$(stoker exec one -- sh -c "df -m / | tail -n 1 | awk '{ print \$2 }'")
[ "$size" -gt 250 ] || fail "a disk of 300 MiB shows $size MiB"
expect_equal "$(printf 'a\nb\n' | stoker exec -i one -- wc -l)" 2
expect_status 3 stoker exec one -- sh -c 'exit 3'
expect_status 125 stoker exec --via channel one -- true
expect_match "$ERR" 'has no agent.*--via ssh'

check 'it is asked to go down over SSH, and keeps what it wrote and its key'
ok stoker exec one -- sh -c 'echo kept >/root/file'
ok stoker stop one --timeout 20
expect_match "$(stoker logs one | tail -n 5)" 'foreign init: going down'
expect_equal "$(vm_field one status)" stopped
ok stoker start one --wait
expect_equal "$(stoker exec one -- cat /root/file)" kept

check 'another VM of the image sees nothing of it; its key is known beforehand'
ok stoker stop one --force
new_vm two --image web
disk_of() { vm_field "$1" paths.disk; }
e2fsck -fp "$(disk_of one)" >"$T/fsck" 2>&1 || [ $? = 1 ] || fail "$(cat "$T/fsck")"
debugfs -R "dump /etc/dropbear/key $T/key" "$(disk_of one)" 2>/dev/null
line=$(vm_field one host_key)
ok stoker delete two
new_vm two --image web --host-key "$line root@web"
debugfs -w -R "write $T/key /etc/dropbear/key" "$(disk_of two)" >/dev/null 2>&1
ok stoker start two --wait
ok stoker exec two -- test ! -e /root/file
ok stoker host-key two --json
expect_equal "$(json '.shown == .recorded')" true
expect_equal "$(sha256sum <"$STOKER_IMAGE_DIR/web/root.ext4")" "$base"

check 'one that does not come up is told with its console, long before the time is over'
debugfs -w -R 'rm /usr/sbin/init' "$(disk_of one)" >/dev/null 2>&1
ok stoker start one
begun=$SECONDS
code=0
stoker wait one --timeout 55 >"$T/out" 2>"$T/err" || code=$?
[ $code != 0 ] || fail 'it was ready'
[ $((SECONDS - begun)) -lt 40 ] || fail "told only after $((SECONDS - begun)) s"
expect_match "$(stoker logs one)" '/sbin/init cannot be run: No such file.*the image.s own init does not start'
