#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# build.sh - the guest's own kernel, from Debian's kernel source, the fragment and the piece of C beside this file.
#
#   build.sh --out DIR --cache DIR [--fragment FILE]
#       fills the empty folder DIR with vmlinux, config and kernel.json
#   build.sh --digest --cache DIR [--fragment FILE]
#       prints the digest of the inputs: source package, fragment, piece of C, compiler, this recipe
#
# Some four minutes on two cores, 1 GB of room in DIR while it goes on. It needs no root, and no network once the
# source is in the cache. What it reports on stdout are lines "progress N TOTAL text"; errors go to stderr as sentences.
# The compiler is $CC, else gcc; $CC may be "ccache gcc".

set -eu
umask 022
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin

SOURCE=linux-source-6.1
OBJECTS=1330 # what make says it makes, about: for the progress only

mode=build out='' cache='' fragment=''
recipe=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
cc=${CC:-gcc}

fail() {
	echo "$*" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--digest) mode=digest ;;
	--out | --cache | --fragment)
		[ $# -ge 2 ] || fail "the option $1 needs a value"
		case $1 in
		--out) out=$2 ;;
		--cache) cache=$2 ;;
		--fragment) fragment=$2 ;;
		esac
		shift
		;;
	*) fail "unknown option $1" ;;
	esac
	shift
done
[ -n "$cache" ] || fail "--cache is missing"
[ -n "$fragment" ] || fragment=$(dirname "$recipe")/kernel.fragment
[ -f "$fragment" ] || fragment=$(dirname "$recipe")/../../guest/kernel.fragment # in the source tree
[ -f "$fragment" ] || fail "the fragment '$fragment' is not there"
piece=$(dirname "$recipe")/apic_timer.c
[ -f "$piece" ] || fail "the file '$piece' is not there"

# ---- tools

missing=''
need() { # need TOOL PACKAGE
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need make make
need "${cc%% *}" gcc
need gcc gcc # for the tools that the build makes for itself
need ld binutils
need flex flex
need bison bison
need bc bc
need perl perl
need xz xz-utils
need dpkg-deb dpkg
need apt-get apt
need tar tar
# Through the compiler: distributions keep headers in different folders.
for pair in gelf.h:libelf-dev stdlib.h:libc6-dev; do
	echo "#include <${pair%%:*}>" | gcc -E -x c - >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -z "$missing" ] || fail "these packages are missing:$missing. Run: sudo apt-get install --no-install-recommends$missing"

# ---- inputs

mkdir -p "$cache"
line=$(apt-get --print-uris download $SOURCE 2>/dev/null |
	sed -n "s/^'[^']*' \([^ ]*\) [0-9]* SHA256:\([0-9a-f]*\)\$/\1 \2/p" | head -n 1) || true
[ -n "$line" ] || fail "apt knows no package $SOURCE, which Debian 12 has. Run: sudo apt-get update"
file=${line% *} sum=${line#* }
digest=sha256:$({
	echo "stoker kernel 1 $file $sum"
	cat "$recipe" "$fragment" "$piece"
	$cc --version | head -n 1
	ld --version | head -n 1
} | sha256sum | cut -c1-64)

if [ $mode = digest ]; then
	echo "$digest"
	exit 0
fi

[ -d "$out" ] || fail "the folder '$out' is not there"
work=$out/work
mkdir "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
total=$((OBJECTS + 30))

# ---- the source: only what an x86 build without modules reads

echo "progress 0 $total getting the kernel's source"
whole() {
	[ -f "$cache/$file" ] && [ "$(sha256sum <"$cache/$file" | cut -c1-64)" = "$sum" ]
}
if ! whole; then
	mkdir "$work/get"
	(cd "$work/get" && apt-get -qq -o APT::Sandbox::User= download $SOURCE) >/dev/null 2>"$work/apt.err" ||
		fail "the package $SOURCE could not be downloaded: $(head -n 1 "$work/apt.err"). Run: sudo apt-get update"
	mv "$work/get"/*.deb "$cache/"
	whole || fail "the package $SOURCE is not what apt's lists promise. Run: sudo apt-get update"
fi
echo "progress 10 $total unpacking the kernel's source"
mkdir "$work/linux"
# Of what is never compiled the Kconfig files are needed all the same: nothing but C is left out.
{
	dpkg-deb --fsys-tarfile "$cache/$file" | tar -xO ./usr/src/$SOURCE.tar.xz | xz -dc -T2 |
		tar -x -C "$work/linux" --strip-components=1 --wildcards \
			--exclude="$SOURCE/Documentation/[a-z]*" --exclude="$SOURCE/tools/testing" --exclude="$SOURCE/tools/perf" \
			--exclude="$SOURCE/arch/[!x]*.[chS]" --exclude="$SOURCE/drivers/gpu/*.[ch]" --exclude="$SOURCE/drivers/media/*.[ch]" \
			--exclude="$SOURCE/drivers/staging/*.[ch]" --exclude="$SOURCE/drivers/net/ethernet/*.[ch]" \
			--exclude="$SOURCE/drivers/net/wireless/*.[ch]" --exclude="$SOURCE/drivers/scsi/*.[ch]" \
			--exclude="$SOURCE/drivers/infiniband/*.[ch]" --exclude="$SOURCE/drivers/iio/*.[ch]" --exclude="$SOURCE/sound/*.[ch]"
} 2>"$work/tar.err" || fail "the kernel's source could not be unpacked: $(head -n 1 "$work/tar.err")"
[ -f "$work/linux/Makefile" ] || fail "the package $SOURCE holds no kernel source"
cat "$piece" >>"$work/linux/arch/x86/kernel/apic/apic.c"

# ---- the configuration

echo "progress 25 $total configuring the kernel"
cd "$work/linux"
# Equal inputs give equal bytes: nothing of who, where and when.
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970' KBUILD_BUILD_USER=stoker KBUILD_BUILD_HOST=stoker \
	KBUILD_BUILD_VERSION=1
unset MAKEFLAGS MAKELEVEL KBUILD_OUTPUT ARCH CROSS_COMPILE LOCALVERSION
kmake() {
	make ARCH=x86_64 CC="$cc" LOCALVERSION=-stoker "$@"
}
{
	kmake tinyconfig && ./scripts/kconfig/merge_config.sh -m .config "$fragment" && kmake olddefconfig
} >"$work/config.log" 2>&1 || fail "the kernel cannot be configured: $(grep -v '^make' "$work/config.log" | tail -n 1)"
# What a kernel of another version no longer has would be missed much later, in some guest.
grep -E '^(CONFIG_[A-Za-z0-9_]+=|# CONFIG_[A-Za-z0-9_]+ is not set)' "$fragment" | while read -r wanted; do
	case $wanted in
	'#'*)
		name=${wanted#\# }
		! grep -q "^${name%% *}=" .config || fail "the kernel's configuration does not keep '$wanted'"
		;;
	*) grep -qxF "$wanted" .config || fail "the kernel's configuration does not keep '$wanted'" ;;
	esac
done || exit 1

# ---- the build

jobs=$(nproc)
status=$work/status
{
	kmake -j"$jobs" vmlinux 2>"$work/make.err" && echo ok >"$status"
} | awk -v total=$total -v max=$((total - 1)) '
	{ n++; what = $2; for (i = 3; i <= NF; i++) what = $i }
	n % 8 == 0 { at = 30 + n; if (at > max) at = max
		print "progress " at, total, "compiling the kernel: " what; fflush() }' || true
[ -f "$status" ] || fail "the kernel cannot be compiled: $(grep -m 1 -E 'error|Error' "$work/make.err" || tail -n 1 "$work/make.err")"

version=$(kmake -s kernelrelease)
objcopy --strip-all -R .comment -R '.note.GNU-stack' vmlinux "$out/vmlinux" || fail "the kernel cannot be stripped"
cp .config "$out/config"
cp System.map "$out/System.map"
cd /
printf '{"version": "%s", "digest": "%s", "source": "%s", "sha256": "%s", "compiler": "%s"}\n' "$version" "$digest" \
	"$file" "$(sha256sum <"$out/vmlinux" | cut -c1-64)" "$($cc --version | head -n 1 | tr -dc 'A-Za-z0-9 .+~()_-')" >"$out/kernel.json"
chmod 600 "$out"/vmlinux "$out"/config "$out"/System.map "$out"/kernel.json
echo "progress $total $total the kernel $version is built"
