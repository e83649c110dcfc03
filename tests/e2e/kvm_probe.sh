#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The KVM probe must say yes where KVM runs guests. Most test machines have no
# such KVM, but QEMU emulates a processor that has one: the very same probe is
# run there, by a Debian kernel with kvm-amd.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need qemu-system-x86_64 apt-get dpkg-deb cpio gcc

lab=$STOKER_IMAGE_DIR/kvm-lab
if [ ! -d "$lab" ]; then
	check 'a kernel with its modules, once'
	(umask 077 && mkdir -p "$STOKER_IMAGE_DIR" && mkdir "$T/lab")
	package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends/ { print $2; exit }')
	[ -n "$package" ] || skip 'no package linux-image-cloud-amd64 is known here: the probe is tried on this host only'
	if ! (cd "$T/lab" && apt-get download "$package" >"$T/apt.log" 2>&1); then
		cat "$T/apt.log"
		skip "$package could not be downloaded"
	fi
	dpkg-deb --fsys-tarfile "$T"/lab/*.deb | tar -x -C "$T/lab" --wildcards './boot/vmlinuz-*' '*/irqbypass.ko' \
		'*/kvm.ko' '*/kvm-amd.ko'
	mkdir "$T/lab/out"
	find "$T/lab" -path "$T/lab/out" -prune -o \( -name '*.ko' -o -name 'vmlinuz-*' \) -exec mv {} "$T/lab/out/" \;
	mv -T "$T/lab/out" "$lab" 2>/dev/null || true
fi

check 'the probe as pid 1 of an emulated machine'
mkdir "$T/root"
gcc -static -O1 -std=c11 -D_GNU_SOURCE -I"$SOURCE_DIR/include" -I"$SOURCE_DIR/src" -o "$T/root/init" \
	"$LIB_DIR/kvm_probe_init.c" "$SOURCE_DIR/src/backend/kvm_probe.c" "$SOURCE_DIR/src/backend/tsc.c"
cp "$lab"/*.ko "$T/root/"
(cd "$T/root" && find . | cpio -o -H newc --quiet) >"$T/initrd"
timeout 120 qemu-system-x86_64 -M microvm,acpi=on -accel tcg -cpu max,+svm -m 384 -nodefaults -no-user-config \
	-nographic -no-reboot -serial stdio -kernel "$lab"/vmlinuz-* -initrd "$T/initrd" \
	-append "console=ttyS0 quiet tsc=reliable no_timer_check cryptomgr.notests tsc_early_khz=$("$T/root/init" --tsc) reboot=t panic=-1" \
	</dev/null >"$T/console"
text=$(tr -d '\r' <"$T/console")
expect_match "$text" 'probe-before: 0 /dev/kvm does not exist'
expect_match "$text" 'probe-after: 1 a 64-bit guest ran on /dev/kvm'
expect_no_match "$text" 'not loaded$'
