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
cache=$(package_cache)
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

check 'a kernel is trimmed to what must be loaded: its memory is the same to the byte, and a third is not in the file'
while read -r package file; do
	case $package in linux-image-*) dpkg-deb --fsys-tarfile "$cache/$file" | tar -x -C "$T" --wildcards './boot/vmlinu[xz]-*' ;; esac
done < <(jq -r '.packages | to_entries[] | "\(.key) \(.value.file)"' "$made/image.json")
cat >"$T/memory.py" <<'PY'
import struct, subprocess, sys

def whole(path):
    data = open(path, "rb").read()
    if data[:4] == b"\x7fELF":
        return data
    begin = (data[497] + 1) * 512 + struct.unpack_from("<I", data, 584)[0]
    packed = data[begin:begin + struct.unpack_from("<I", data, 588)[0] - 4]
    return subprocess.run([{b"\x02\x21": "lz4", b"\xfd7": "xz", b"\x28\xb5": "zstd"}[packed[:2]], "-dc"], input=packed,
                          stdout=subprocess.PIPE).stdout

def memory(elf):
    table, count = struct.unpack_from("<Q", elf, 32)[0], struct.unpack_from("<H", elf, 56)[0]
    pages, notes = {}, []
    for i in range(count):
        kind, _, at, _, to, size, _, _ = struct.unpack_from("<IIQQQQQQ", elf, table + 56 * i)
        if kind == 4:
            notes.append(elf[at:at + size])
        if kind != 1:
            continue
        assert to % 4096 == 0, hex(to)
        for page in range(0, size, 4096):
            content = elf[at + page:at + min(page + 4096, size)].rstrip(b"\0")
            if content:
                pages[to + page] = content
    return pages, notes, struct.unpack_from("<Q", elf, 24)

a, b = whole(sys.argv[1]), whole(sys.argv[2])
assert memory(a) == memory(b), "the memory differs"
assert len(memory(a)[0]) > 1000 and memory(a)[1], "the kernel was not read"
print(len(b) * 100 // len(a))
PY
percent=$(python3 "$T/memory.py" "$T"/boot/vmlinu[xz]-* "$made/vmlinux") || fail 'the trimmed kernel is another one'
[ "$percent" -lt 70 ] || fail "it still has $percent % of the bytes"
trim() { # trim OFFSET BYTES WHY: the kernel with these bytes in its place is refused
	cp "$made/vmlinux" "$T/other"
	printf '%b' "$2" | dd of="$T/other" bs=1 seek="$1" conv=notrunc 2>/dev/null
	expect_status 1 stoker image build micro --name other --kernel "$T/other"
	expect_match "$ERR" "the kernel '.*' $3\. Give --kernel"
	expect_equal "$(ls "$T/images")" ''
}
trim 4 '\001' 'is no 64-bit x86 program'
trim 18 '\003\000' 'is no 64-bit x86 program'
trim 39 '\377' 'is cut off'                # where the headers are
trim 79 '\377' 'is cut off'                # where the first segment is
trim 103 '\377' '(is cut off|loads more than it holds)' # how long it is
trim 56 '\000\000' 'has nothing to load'
head -c 5000000 "$made/vmlinux" >"$T/other"
expect_status 1 stoker image build micro --name other --kernel "$T/other"
expect_match "$ERR" 'is cut off'
(
	ulimit -f 4000 # KiB
	trap '' XFSZ
	status=0
	perl "$SOURCE_DIR/assets/images/trim-kernel.pl" "$made/vmlinux" "$T/short" 2>"$T/err" || status=$?
	expect_equal $status 1
	expect_match "$(cat "$T/err")" 'short: File too large'
)

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
