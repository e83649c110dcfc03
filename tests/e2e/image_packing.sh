#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Kernels and modules packed as other distributions pack them, and a machine
# whose apt knows packages named and laid out as Ubuntu's: each gives the very
# bytes that Debian's packages give. Boots no VM.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need python3 jq apt-get dpkg-deb gzip xz zstd lz4
need_image
recipe=$SOURCE_DIR/assets/images/micro/build.sh
# A copy: another script may have it built anew, with another kernel, while this one runs.
made=$T/image-of-debian
cp -r "$STOKER_IMAGE_DIR/micro" "$made"
init=$BUILD_DIR/stoker-init
cache=${STOKER_CACHE_DIR:-$([ "$(id -u)" = 0 ] && echo /var/cache/stoker || echo "${XDG_CACHE_HOME:-$HOME/.cache}/stoker")}
export STOKER_IMAGE_DIR=$T/images
mkdir -m 0700 "$T/images"

# A bzImage of the image's kernel: a header that says where the payload lies, and the payload as TOOL packs it.
wrap() { # wrap TOOL TO
	python3 - "$1" "$made/vmlinux" "$2" <<'PY'
import struct, subprocess, sys
tool, kernel, to = sys.argv[1:]
command = {"gzip": ["gzip", "-1c"], "xz": ["xz", "-0c"], "zstd": ["zstd", "-q1c"], "lz4": ["lz4", "-ql1c"]}[tool]
packed = subprocess.run(command + [kernel], stdout=subprocess.PIPE, check=True).stdout
if tool != "gzip":  # which says it itself
    with open(kernel, "rb") as f:
        packed += struct.pack("<I", f.seek(0, 2))
head = bytearray(1024 + 64)
head[497] = 1  # sectors of setup code besides the first
head[514:518] = b"HdrS"
struct.pack_into("<II", head, 584, 64, len(packed))  # from the protected-mode code on
with open(to, "wb") as f:
    f.write(head + packed + b"signature")
PY
}

check 'a bzImage of the user, packed in each way'
for tool in lz4 xz gzip; do
	wrap $tool "$T/bzImage"
	ok stoker image build micro --name packed --kernel "$T/bzImage"
	cmp "$T/images/packed/vmlinux" "$made/vmlinux" || fail "$tool: another kernel"
	expect_equal "$(jq -r .kernel_version "$T/images/packed/image.json")" "$(jq -r .kernel_version "$made/image.json")"
	ok stoker image delete packed
done
printf 'rot' | dd of="$T/bzImage" bs=1 seek=1500000 conv=notrunc 2>/dev/null
expect_status 1 stoker image build micro --name packed --kernel "$T/bzImage"
expect_match "$ERR" 'payload of the kernel .* is damaged'
expect_equal "$(ls "$T/images")" ''

check "packages as Ubuntu's: their names, the kernel's modules in one of their own, all of it packed with zstd or xz"
mkdir "$T/repo" "$T/kernel" "$T/image" "$T/modules" "$T/meta"
n=0
while read -r package file; do
	case $package in
	linux-image-*) kernel_deb=$cache/$file ;;
	*) cp "$cache/$file" "$T/repo/$((n += 1)).deb" ;;
	esac
done < <(jq -r '.packages | to_entries[] | "\(.key) \(.value.file)"' "$made/image.json")
dpkg-deb -x "$kernel_deb" "$T/kernel"
version=$(ls "$T/kernel/lib/modules")
mkdir -p "$T/image/boot" "$T/modules/lib/modules"
mv "$T/kernel/lib/modules/$version" "$T/modules/lib/modules/"
find "$T/modules" -path '*/kernel/fs/*' -name '*.ko' -exec xz -0 {} +
find "$T/modules" -path '*/kernel/lib/*' -name '*.ko' -exec gzip -1 {} + -o -name '*.ko' -exec zstd -q1 --rm {} +
wrap zstd "$T/image/boot/vmlinuz-$version"
as_deb() { # as_deb FOLDER PACKAGE DEPENDS
	mkdir "$1/DEBIAN"
	printf 'Package: %s\nVersion: 6.8.0-1.1\nArchitecture: amd64\nMaintainer: nobody <nobody@localhost>\nDepends: %s\nDescription: for a test\n' \
		"$2" "$3" >"$1/DEBIAN/control"
	dpkg-deb --root-owner-group -Znone --build "$1" "$T/repo/$2.deb" >/dev/null
}
as_deb "$T/image" "linux-image-$version" 'kmod, linux-base'
as_deb "$T/modules" "linux-modules-$version" 'wireless-regdb'
as_deb "$T/meta" linux-image-virtual "linux-image-$version, linux-firmware"
# With the digests that Ubuntu's lists have.
for deb in "$T/repo"/*.deb; do
	dpkg-deb -f "$deb"
	printf 'Filename: ./%s\nSize: %s\n' "${deb##*/}" "$(stat -c %s "$deb")"
	for sum in MD5sum SHA1 SHA256 SHA512; do
		tool=${sum,,}
		printf '%s: %s\n' $sum "$("${tool%sum}sum" "$deb" | cut -d' ' -f 1)"
	done
	echo
done >"$T/repo/Packages"
mkdir -p "$T/apt/state/lists/partial" "$T/apt/cache/archives/partial" "$T/apt/etc"
printf 'deb [trusted=yes] file:%s ./\n' "$T/repo" >"$T/apt/etc/sources.list"
: >"$T/apt/state/status"
cat >"$T/apt.conf" <<END
Dir::State "$T/apt/state";
Dir::State::status "$T/apt/state/status";
Dir::Cache "$T/apt/cache";
Dir::Etc "$T/apt/etc";
APT::Sandbox::User "root";
END
export APT_CONFIG=$T/apt.conf
ok apt-get -q update
mkdir "$T/made" "$T/cache"
ok sh "$recipe" --out "$T/made" --init "$init" --cache "$T/cache"
for file in vmlinux initrd root.ext4; do
	cmp "$T/made/$file" "$made/$file" || fail "$file is not what Debian's packages give"
done
expect_equal "$(jq -r '.packages | has("linux-modules-'"$version"'")' "$T/made/image.json")" true

check 'without the tool that its kernel is packed with: it is named, and nothing is left'
cp -rs /usr/bin "$T/bin"
rm "$T/bin/zstd"
mkdir "$T/out2"
status=0
PATH=$T/bin sh "$recipe" --out "$T/out2" --init "$init" --cache "$T/cache" >"$T/progress" 2>"$T/err" || status=$?
expect_equal $status 1
expect_match "$(cat "$T/err")" "^zstd is missing, with which the kernel '.*vmlinuz-$version' is packed\. Run: sudo apt-get install zstd\$"
expect_no_file "$T/out2/work"

check 'a question to apt that fails leaves nothing in the cache, and what a killed one left goes with the next'
mkdir "$T/cache2"
rm -r "$T/apt/state/lists" && mkdir -p "$T/apt/state/lists/partial"
for kernel in '' "$made/vmlinux"; do
	status=0
	sh "$recipe" --digest --init "$init" --cache "$T/cache2" ${kernel:+--kernel "$kernel"} >"$T/digest" 2>"$T/err" || status=$?
	expect_equal $status 1
	expect_match "$(cat "$T/err")" '^apt (knows no kernel package|cannot find the packages: E: ).*Run: sudo apt-get update$'
	expect_equal "$(ls -A "$T/cache2")" ''
done
touch -d '3 days ago' "$T/cache2/err.1234" "$T/cache2/uris.1234"
touch "$T/cache2/new.1235"
unset APT_CONFIG
ok sh "$recipe" --digest --init "$init" --cache "$T/cache2"
expect_equal "$(find "$T/cache2" -type f -printf '%f\n' | sed 's/^resolved-.*/resolved/' | sort | tr '\n' ' ')" 'new.1235 resolved '
