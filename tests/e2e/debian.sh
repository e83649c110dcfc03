#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The recipe debian: the same packages are the same image, and they run in a guest that reaches no network; with either kernel.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need mmdebstrap
need_debian

check 'what was asked for is in it, and asked for in another order it is the same image'
expect_equal "$(jq -r '.recipe, (.packages | has("python3-numpy"))' "$STOKER_IMAGE_DIR/debian/image.json" | tr '\n' ' ')" 'debian true '
reversed=()
for package in $DEBIAN_PACKAGES; do
	reversed=(--package "$package" "${reversed[@]}")
done
ok stoker image build debian --kernel debian "${reversed[@]}"
expect_match "$OUT" 'up to date'
e2fsck -fn "$STOKER_IMAGE_DIR/debian/root.ext4" >"$T/fsck" 2>&1 || fail "its root file system is not clean: $(tail -n 3 "$T/fsck")"
expect_equal "$(debugfs -R 'stat /etc/shadow' "$STOKER_IMAGE_DIR/debian/root.ext4" 2>/dev/null | grep -c 'User:     0   Group:    42')" 1

check 'a package that does not exist, or is no name, is said so and leaves nothing'
expect_status 1 stoker image build debian --name bad --package no-such-package-anywhere
expect_match "$ERR" 'no-such-package-anywhere'
expect_status 2 stoker image build debian --name bad --package '../etc'
expect_status 2 stoker image build micro --name bad --package vim
expect_no_file "$STOKER_IMAGE_DIR/bad"

check 'its programs run, without a network'
new_vm d --image debian --network none --memory 512
ok stoker start d
ok stoker wait d --for ready
ok stoker exec d -- python3 -c 'import requests, numpy; print(requests.__name__, int(numpy.arange(5).sum()))'
expect_equal "$OUT" 'requests 10'
expect_match "$(stoker exec d -- cat /etc/os-release)" 'ID=(debian|ubuntu)'
expect_equal "$(stoker exec d -- stat -c '%U:%G %a' /etc/shadow /usr/bin/passwd | tr '\n' ' ')" 'root:shadow 640 root:root 4755 '
id=$(vm_field d id)
used=$(du -sk "$STOKER_STATE_DIR/vms/$id" | cut -f 1)
[ "$used" -lt 20000 ] || fail "a VM on it uses $used KiB"
ok stoker delete d --force

check 'a VM on it is made of nothing: less than 1 MB'
new_vm e --image debian
used=$(du -sk "$STOKER_STATE_DIR/vms/$(vm_field e id)" | cut -f 1)
[ "$used" -lt 1024 ] || fail "a new VM uses $used KiB"
ok stoker start e --wait
expect_equal "$(stoker exec e --via ssh -- id -u)" 0
