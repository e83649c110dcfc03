#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The guest's own kernel: built once for all tests, kept, found again, cut off; and what a guest can do with it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need strace make flex bison bc gcc
need_image
need_own_image
kernels=$STOKER_IMAGE_DIR/.kernels
recipe=$SOURCE_DIR/assets/images/kernel/build.sh

check 'the image says what its kernel is, and is not built again'
ok stoker image inspect own --json
expect_equal "$(json '.kernel_from')" source
expect_match "$(json '.kernel_version')" '^6\.1\..*-stoker$'
ok stoker image build micro --kernel source --name own
expect_match "$OUT" 'up to date.*built by stoker'
size=$(stat -c %s "$STOKER_IMAGE_DIR/own/vmlinux")
[ "$size" -lt $((24 << 20)) ] || fail "the kernel has $size bytes"
[ "$(stat -c %s "$STOKER_IMAGE_DIR/own/initrd")" -lt 300000 ] || fail 'its initrd is not the init alone'

check 'once it is there images are built with it, unless another is asked for'
export STOKER_IMAGE_DIR=$T/images
mkdir -m 0700 "$T/images"
cp -r "$kernels" "$T/images/.kernels"
ok stoker image build micro --name by-itself
expect_match "$OUT" 'built by stoker'
ok stoker image list --json
expect_equal "$(json '[.[].name] | join(" ")')" by-itself
ok stoker image build micro --name asked --kernel debian
expect_equal "$(jq -r .kernel_from "$T/images/asked/image.json")" debian

check 'cut off in the middle, it leaves what reconcile knows'
rm -rf "$T/images/.kernels"
"$STOKER_PROGRAM" image build micro --kernel source --name cut >"$T/cut.log" 2>&1 &
pid=$!
unpacked=work/linux # in the folder of the build
wait_until 60 compgen -G "$T/images/.build-kernel-*/$unpacked"
kill -KILL $pid
wait $pid 2>/dev/null || true
left=("$T"/images/.build-kernel-*)
# The recipe ends when it next has something to say.
wait_until 120 bash -c "! pgrep -f '$T/images/[.]build'"
touch -d '1 hour ago' "${left[@]}"
ok stoker reconcile --yes
expect_no_file "${left[0]}"
expect_no_file "$T/images/cut"

check 'a tool that is missing is named, with the command that installs it'
mkdir "$T/bin"
for tool in sh cat dirname basename sha256sum cut sed head mkdir rm grep gcc ld make perl xz tar dpkg-deb apt-get; do
	ln -s "$(command -v $tool)" "$T/bin/$tool"
done
if (PATH=$T/bin && sh "$recipe" --digest --cache "$T/cache") >/dev/null 2>"$T/err"; then
	fail 'it went on without its tools'
fi
expect_match "$(cat "$T/err")" 'packages are missing: flex bison bc\. Run: sudo apt-get install'

check 'a line of the fragment that the source does not keep is named'
printf 'CONFIG_64BIT=y\nCONFIG_NO_SUCH_THING=y\n' >"$T/fragment"
mkdir "$T/kernel-out"
cache=$(package_cache)
if sh "$recipe" --out "$T/kernel-out" --cache "$cache" --fragment "$T/fragment" >/dev/null 2>"$T/err"; then
	fail 'it built a kernel without what was asked for'
fi
expect_match "$(cat "$T/err")" "does not keep 'CONFIG_NO_SUCH_THING=y'"

check 'a guest boots with it, and has what containers and programs want'
ok stoker create k --image by-itself --memory 256 --egress none --start
ok stoker wait k --for ready
expect_match "$(stoker exec k -- uname -r)" '^6\.1\..*-stoker$'
expect_match "$(stoker exec k -- cat /proc/cmdline)" ' pci=off '
expect_equal "$(stoker exec k -- ls /sys/class/net | tr '\n' ' ')" 'eth0 lo '
ok stoker exec k -- ip link add d0 type dummy
for fs in ext4 overlay tmpfs squashfs fuse 9p cgroup2 autofs; do
	expect_match " $(stoker exec k -- cat /proc/filesystems | tr -s '\t\n' '  ')" " $fs "
done
expect_match "$(stoker exec k -- cat /sys/fs/cgroup/cgroup.controllers)" 'cpuset cpu io memory pids'
expect_equal "$(stoker exec k -- unshare -mnpuUrf sh -c 'echo $$; ip link show lo | head -n 1 | cut -c1-3')" "1
1: "
ok stoker exec k -- sh -c 'ip link add v0 type veth peer name v1 && ip link add b0 type bridge && ip link set v0 master b0'
ok stoker exec k -- sh -c 'test -c /dev/net/tun && test -c /dev/fuse && test -c /dev/loop-control && test -c /dev/random'
expect_equal "$(stoker exec k -- ls /lib/modules 2>/dev/null || true)" ''
ok stoker exec k --via ssh -- true
if [ "$(vm_field k accel)" = tcg ]; then
	check 'it took the frequency of its timer as it was told, and the timer ends when it should'
	expect_match "$(stoker exec k -- dmesg)" 'APIC: the timer counts 1000000 kHz'
	expect_equal "$(stoker exec k -- cat /sys/devices/system/clockevents/clockevent0/current_device)" lapic
	begun=$(date +%s%N)
	ok stoker exec k -- sleep 2
	took=$((($(date +%s%N) - begun) / 1000000))
	if [ $took -lt 1995 ] || [ $took -ge 2500 ]; then fail "two seconds of the guest took $took ms"; fi
fi
ok stoker stop k
ok stoker delete k
