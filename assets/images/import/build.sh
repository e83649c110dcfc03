#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# build.sh - the recipe `import`: somebody's own root file system (--root FILE, a raw ext4), with our kernel and an
# initrd whose init prepares the network and the key and then hands over to the init of that root. lib.sh tells how it
# is called.

set -eu
recipe=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
USERLAND=''
STEPS=6
NEEDS=e2fsck:e2fsprogs
# shellcheck source=assets/images/lib.sh
. "$(dirname "$recipe")/../lib.sh"
[ -z "$packages" ] || fail "the recipe import takes no packages; the recipe debian does"
[ -n "$import" ] || fail "--root is missing"
{ [ -f "$import" ] && [ -r "$import" ]; } || fail "the root file system '$import' is no file that can be read"

resolve_packages() { # resolve_packages KERNEL...
	[ $# -eq 0 ] || resolve_named "$@"
}
make_boot

step 4 "copying the root file system"
cp --sparse=always --reflink=auto "$import" "$out/root.ext4"
chmod 600 "$out/root.ext4"

# A guest that was killed left a journal to replay; -p mends what is safe, and says with 1 that it did.
step 5 "checking the root file system"
status=0
e2fsck -fp "$out/root.ext4" >"$work/e2fsck.log" 2>&1 || status=$?
[ $status -le 1 ] || fail "the file system is damaged: $(sed 's,.*/root.ext4: *,,' "$work/e2fsck.log" | grep . | head -n 1). Run: e2fsck -f '$import'"
# The places where a kernel looks.
own_init=''
for place in /sbin/init /usr/sbin/init /etc/init /bin/init /usr/bin/init; do
	if [ -z "$own_init" ] && debugfs -R "stat $place" "$out/root.ext4" 2>/dev/null | grep -q '^Inode:'; then
		own_init=$place
	fi
done
[ -n "$own_init" ] || fail "there is no /sbin/init in it, so it cannot be started"

step 6 "writing image.json"
write_json
