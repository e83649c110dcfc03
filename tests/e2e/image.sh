#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Images: built by whom, from what, again, cut off, in use.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need mke2fs debugfs lz4 dpkg-deb strace
need_image
recipe=$SOURCE_DIR/assets/images/micro/build.sh
made=$STOKER_IMAGE_DIR/micro
cache=$(package_cache)
init=$BUILD_DIR/stoker-init
export STOKER_IMAGE_DIR=$T/images

check 'what image.json says is so'
for pair in kernel:vmlinux initrd:initrd root:root.ext4; do
	sum=$(sha256sum <"$made/${pair#*:}" | cut -c1-64)
	expect_equal "$(jq -r ".files.${pair%%:*} | [.file, .sha256, .bytes] | join(\" \")" "$made/image.json")" \
		"${pair#*:} $sum $(stat -c %s "$made/${pair#*:}")"
done
expect_equal "$(jq -r '.packages | [has("busybox-static", "dropbear-bin", "libc6")] | all' "$made/image.json")" true
expect_equal "$(jq -r .digest "$made/image.json")" "$(sh "$recipe" --digest --init "$init" --cache "$cache")"

check 'equal inputs give equal bytes, for an ordinary user too'
mkdir -m 0777 "$T/other"
cp -r "$cache" "$T/other/cache"
cp -r "$SOURCE_DIR/assets/images" "$init" "$T/other/"
mkdir "$T/other/out"
as=()
if [ "$(id -u)" = 0 ]; then
	chmod 0711 "$T"
	chown -R nobody "$T/other"
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
"${as[@]}" sh "$T/other/images/micro/build.sh" --out "$T/other/out" --init "$T/other/stoker-init" --cache "$T/other/cache" >"$T/progress" ||
	fail 'an ordinary user cannot build it'
chmod 0700 "$T"
cmp "$T/other/out/initrd" "$made/initrd" || fail 'the initrd differs'
cmp "$T/other/out/root.ext4" "$made/root.ext4" || fail 'the root file system differs'
cmp "$T/other/out/vmlinux" "$made/vmlinux" || fail 'the kernel differs'
expect_match "$(tail -n 1 "$T/progress")" '^progress 6 6 '
e2fsck -fn "$made/root.ext4" >/dev/null 2>&1 || fail 'the root file system is not clean'
expect_equal "$(debugfs -R 'stat /usr/bin/busybox' "$T/other/out/root.ext4" 2>/dev/null | grep -c 'User:     0   Group:     0')" 1

check 'a second build does nothing, and that fast and without a network'
mkdir -m 0700 "$T/images"
ok stoker image build micro
expect_match "$OUT" 'built'
before=$(stat -c '%i %Y' "$T/images/micro")
ok strace -f -o "$T/trace" -e trace=connect "$STOKER_PROGRAM" image build micro
expect_match "$OUT" 'up to date'
expect_equal "$(stat -c '%i %Y' "$T/images/micro")" "$before"
if grep -q 'AF_INET' "$T/trace"; then
	fail 'it used the network'
fi

check 'a kernel of the user'
ok stoker image build micro --name own --kernel "$T/images/micro/vmlinux"
expect_equal "$(jq -r .kernel_version "$T/images/own/image.json")" "$(jq -r .kernel_version "$T/images/micro/image.json")"
cmp "$T/images/own/vmlinux" "$T/images/micro/vmlinux" || fail 'the kernel was changed'
expect_status 1 stoker image build micro --name bad --kernel "$recipe"
expect_match "$ERR" 'neither a vmlinux nor a bzImage'
expect_no_file "$T/images/bad"
expect_status 3 stoker image build micro --name bad --kernel /nowhere

check 'a tool that is missing is named, with the command that installs it'
mkdir "$T/bin"
for tool in sh cat dirname basename stat sha256sum cut sort sed head wc mkdir rm mv tr grep od tail; do
	ln -s "$(command -v $tool)" "$T/bin/$tool"
done
if PATH=$T/bin sh "$recipe" --digest --init "$init" --cache "$cache" >/dev/null 2>"$T/err"; then
	# /usr/sbin and /sbin are always looked at; the others must be missed.
	fail 'it went on without its tools'
fi
expect_match "$(cat "$T/err")" 'packages are missing:.* lz4.* Run: sudo apt-get install .*lz4'

check 'cut off in the middle, nothing is changed and nothing is left'
printf '#!/bin/sh\nexit 0\n' >"$T/init2"
for signal in TERM KILL; do
	STOKER_INIT=$T/init2 "$STOKER_PROGRAM" image build micro >"$T/cut.log" 2>&1 &
	pid=$!
	wait_until 20 compgen -G "$T/images/.build-micro-*/vmlinux"
	kill -s $signal $pid
	wait $pid 2>/dev/null || true
	expect_equal "$(stat -c '%i %Y' "$T/images/micro")" "$before"
	if [ $signal = KILL ]; then
		# The recipe outlives its parent until it has something to say.
		wait_until 30 bash -c "! pgrep -f '$T/images/[.]build'"
		left=("$T"/images/.build-*)
		touch -d '1 hour ago' "${left[@]}"
		ok stoker reconcile --yes
	fi
	wait_until 5 bash -c "[ -z \"\$(ls -d '$T'/images/.build-* 2>/dev/null)\" ]"
done

check 'an image in use is neither deleted nor replaced'
ok stoker create user-of-it
expect_status 4 stoker image delete micro
expect_match "$ERR" '1 VM uses it'
expect_status 4 env STOKER_INIT="$T/init2" "$STOKER_PROGRAM" image build micro
expect_match "$ERR" '1 VM uses it.*--name'
ok stoker image build micro
ok stoker delete user-of-it
ok stoker image delete own
ok stoker image delete micro
expect_equal "$(ls -A "$T/images")" ''
