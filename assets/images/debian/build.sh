#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# build.sh - the recipe of the image `debian`: a minimal system of the machine's own release (Debian or Ubuntu), dropbear,
# our init, and the packages that were asked for. lib.sh tells how it is called.
#
# It is mmdebstrap's work, which needs no root where user namespaces can be had. Every package comes from the cache,
# so a build that is cut off fetches none twice.

set -eu
recipe=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
USERLAND='dropbear-bin openssh-sftp-server ca-certificates iproute2 iputils-ping procps less'
NEEDS='mmdebstrap:mmdebstrap xz:xz-utils'
STEPS=8
# shellcheck source=assets/images/lib.sh
. "$(dirname "$recipe")/../lib.sh"
# In one order, each once: the same packages are the same image.
packages=$(echo "$packages" | tr ' ' '\n' | sed '/^$/d' | sort -u | tr '\n' ' ')

# All that will be in the image with its exact version: what apt would install where there is nothing yet.
resolve_packages() { # resolve_packages KERNEL...
	[ $# -eq 0 ] || resolve_named "$@"
	# shellcheck disable=SC2086
	apt-get --print-uris -qq -o Dir::State::status=/dev/null -o APT::Install-Recommends=false \
		-o APT::Install-Suggests=false -o Debug::NoLocking=true -o Acquire::ForceHash=SHA256 install '?essential' apt $USERLAND $packages \
		>"$cache/uris.$$" 2>"$cache/err.$$" ||
		fail "apt cannot find the packages: $(apt_error "$cache/err.$$"). Check their names, or run: sudo apt-get update"
	uris_to_lines <"$cache/uris.$$"
}
make_boot

step 4 "installing $(wc -l <"$resolved") packages"
# The machine's own sources, of its distribution only.
# shellcheck disable=SC2016
apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)' 'Created-By: Packages' |
	awk -F'|' '$4 == "Debian" || $4 == "Ubuntu" { print "deb", $1, $2, $3 }' | sort -u >"$work/sources.list"
[ -s "$work/sources.list" ] || fail "apt's sources name neither Debian nor Ubuntu. Run: sudo apt-get update"
release=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
set --
for file in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/ubuntu-archive-keyring.gpg; do
	[ ! -f $file ] || set -- "$@" "--keyring=$file"
done
mkdir "$work/archives"
while read -r package file sum; do
	case $package in
	linux-image-* | linux-modules-*) ;;
	*) ln "$cache/$file" "$work/archives/$file" 2>/dev/null || cp "$cache/$file" "$work/archives/$file" ;;
	esac
done <"$resolved"
chmod 755 "$work" "$work/archives"
# shellcheck disable=SC2086
include=$(echo $USERLAND $packages | tr ' ' ',')
mmdebstrap --variant=minbase --include="$include" --format=tar --skip=download/empty \
	--setup-hook='mkdir -p "$1/var/cache/apt/archives"' \
	--setup-hook="sync-in $work/archives /var/cache/apt/archives" \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
	--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
	"$@" "$release" "$work/root.tar" "$work/sources.list" >"$work/mmdebstrap.log" 2>&1 ||
	fail "mmdebstrap: $(grep -v '^I:' "$work/mmdebstrap.log" | grep -E -m 1 '^(E:|W: .*fail|.*rror)' || tail -n 1 "$work/mmdebstrap.log")"

step 5 "unpacking the system"
root=$work/root
mkdir "$root"
tar -x -p -f "$work/root.tar" -C "$root" --no-same-owner --exclude='./dev/*' || fail "the system cannot be unpacked"
# Whose each file is, for those that are not root's: numbers of the guest, not of this machine.
tar -t -v --numeric-owner -f "$work/root.tar" | awk '$2 != "0/0" { split($2, id, "/"); at = index($0, " ./")
	path = substr($0, at + 2); sub(/ -> .*| link to .*/, "", path); sub(/\/$/, "", path); print id[1], id[2], path }' >"$work/owners"
rm -f "$work/root.tar"

step 6 "laying out the system"
rm -rf "$root/var/lib/apt/lists"/* "$root/var/cache/apt"/* "$root/etc/machine-id" "$root/var/log"/*.log
: >"$root/etc/machine-id"
mkdir -p "$root/etc/dropbear" "$root/etc/profile.d"
chmod 700 "$root/etc/dropbear"
# The init makes them for each guest.
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
ln -s ../run/resolv.conf "$root/etc/resolv.conf"
grep -q '^root:\*' "$root/etc/shadow" || sed -i 's/^root:[^:]*:/root:*:/' "$root/etc/shadow"
# A user's own apt in the guest knows where its packages are from.
cp "$work/sources.list" "$root/etc/apt/sources.list"

step 7 "making the root file system"
make_root
step 8 "writing image.json"
write_json
