#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# build.sh - the recipe of the image `micro`: Debian's cloud kernel, our init, busybox and dropbear.
#
#   build.sh --out DIR --init FILE --cache DIR [--kernel FILE] [--name NAME]
#       fills the empty folder DIR with vmlinux, initrd, root.ext4 and image.json
#   build.sh --digest --init FILE --cache DIR [--kernel FILE]
#       prints the digest of the inputs; downloads nothing
#
# It needs neither root nor a loop device nor a network once the packages are in the cache. What it reports on
# stdout are lines "progress N TOTAL text"; errors go to stderr as sentences.
#
# FILE of --kernel is a vmlinux (ELF) or a bzImage. Its modules are taken from /lib/modules/VERSION when they are there;
# else its drivers (virtio_mmio, virtio_blk, virtio_net, virtio_console, overlay, ext4) must be built in.

set -eu
umask 022
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin

EPOCH=1700000000 # of every file in the image, so that equal inputs give equal bytes
UUID=73746f6b-6572-4d00-8000-6d6963726f00
USERLAND='busybox-static dropbear-bin libtomcrypt1 libtommath1 libgmp10 zlib1g libcrypt1 libc6'
KERNELS='linux-image-cloud-amd64 linux-image-virtual' # Debian, Ubuntu
STEPS=6

mode=build out='' init='' cache='' kernel='' name=micro
here=$(cd "$(dirname "$0")" && pwd)
recipe=$here/$(basename "$0")

fail() {
	echo "$*" >&2
	exit 1
}

step() {
	echo "progress $1 $STEPS $2"
}

while [ $# -gt 0 ]; do
	case $1 in
	--digest) mode=digest ;;
	--out | --init | --cache | --kernel | --name)
		[ $# -ge 2 ] || fail "the option $1 needs a value"
		case $1 in
		--out) out=$2 ;;
		--init) init=$2 ;;
		--cache) cache=$2 ;;
		--kernel) kernel=$2 ;;
		--name) name=$2 ;;
		esac
		shift
		;;
	*) fail "unknown option $1" ;;
	esac
	shift
done
[ -f "$init" ] || fail "the init program '$init' is not there: build the target stoker-init first"
[ -n "$cache" ] || fail "--cache is missing"
[ -z "$kernel" ] || { [ -f "$kernel" ] && [ -r "$kernel" ]; } || fail "the kernel '$kernel' is no file that can be read"

# ---- tools

missing=''
need() { # need TOOL PACKAGE
	command -v "$1" >/dev/null 2>&1 || case " $missing " in *" $2 "*) ;; *) missing="$missing $2" ;; esac
}
need mke2fs e2fsprogs
need debugfs e2fsprogs
need dpkg-deb dpkg
need apt-get apt
need tar tar
need awk mawk
need lz4 lz4
[ -z "$missing" ] || fail "these packages are missing:$missing. Run: sudo apt-get install$missing"

# ---- inputs: which packages, exactly

mkdir -p "$cache"

# One line per package: "NAME FILE SHA256". apt knows all three without a network, but takes up to a second to say so;
# its answer is kept as long as its lists stay the same.
resolve() {
	stamp=$({
		stat -c '%n %s %Y' /var/lib/apt/lists/* /var/lib/dpkg/arch 2>/dev/null
		echo "$USERLAND $KERNELS $1"
	} | sha256sum | cut -c1-32)
	resolved=$cache/resolved-$1-$stamp
	[ ! -s "$resolved" ] || return 0
	list=$USERLAND
	if [ "$1" = debian ]; then
		image=''
		for meta in $KERNELS; do
			image=$(apt-cache --no-all-versions show "$meta" 2>/dev/null |
				sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1) || true
			[ -z "$image" ] || break
		done
		[ -n "$image" ] || fail "apt knows no kernel package ($KERNELS). Run: sudo apt-get update"
		list="$list $image"
		modules=linux-modules-${image#linux-image-}
		if apt-cache --no-all-versions show "$modules" >/dev/null 2>&1; then
			list="$list $modules"
		fi
	fi
	# shellcheck disable=SC2086
	apt-get --print-uris download $list >"$cache/uris.$$" 2>"$cache/err.$$" ||
		fail "apt cannot find the packages: $(head -n 1 "$cache/err.$$"). Run: sudo apt-get update"
	sed -n "s/^'[^']*' \([^ ]*\) [0-9]* SHA256:\([0-9a-f]*\)\$/\1 \2/p" "$cache/uris.$$" |
		sed 's/^\([^_]*\)_/\1 \1_/' | sort >"$cache/new.$$"
	rm -f "$cache/uris.$$" "$cache/err.$$"
	count=$(wc -l <"$cache/new.$$")
	# shellcheck disable=SC2086
	[ "$count" -eq "$(set -- $list && echo $#)" ] ||
		fail "apt names no SHA256 for some of: $list. Run: sudo apt-get update"
	rm -f "$cache/resolved-$1-"*
	mv "$cache/new.$$" "$resolved"
}

if [ -n "$kernel" ]; then
	kind=own
	kernel_digest=$(sha256sum <"$kernel" | cut -c1-64)
else
	kind=debian
	kernel_digest=debian
fi
resolve $kind
digest=sha256:$({
	echo "stoker image 1 kernel $kernel_digest"
	sha256sum <"$recipe"
	sha256sum <"$init"
	cat "$resolved"
} | sha256sum | cut -c1-64)

if [ $mode = digest ]; then
	echo "$digest"
	exit 0
fi

[ -d "$out" ] || fail "the folder '$out' is not there"
case $name in *[!a-z0-9._-]* | '') fail "bad image name '$name'" ;; esac
work=$out/work
mkdir "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# ---- 1. packages

fetch() { # fetch FILE SHA256: into the cache, checked
	[ -f "$cache/$1" ] && [ "$(sha256sum <"$cache/$1" | cut -c1-64)" = "$2" ] && return 0
	return 1
}

step 1 "getting packages"
wanted=''
while read -r package file sum; do
	fetch "$file" "$sum" || wanted="$wanted $package"
done <"$resolved"
if [ -n "$wanted" ]; then
	mkdir "$work/get"
	# shellcheck disable=SC2086
	(cd "$work/get" && apt-get -qq -o APT::Sandbox::User= download $wanted) >/dev/null 2>"$work/apt.err" ||
		fail "the packages$wanted could not be downloaded: $(head -n 1 "$work/apt.err"). Run: sudo apt-get update"
	for file in "$work/get"/*.deb; do
		mv "$file" "$cache/"
	done
	while read -r package file sum; do
		fetch "$file" "$sum" || fail "the package $package is not what apt's lists promise. Run: sudo apt-get update"
	done <"$resolved"
fi

# ---- 2. kernel

field() { # field FILE OFFSET SIZE: a little-endian number of a bzImage's header
	od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '
}
magic() { # magic FILE OFFSET COUNT: as hex digits
	od -An -t x1 -j "$2" -N "$3" "$1" | tr -d ' \n'
}

# The payload of a bzImage is the kernel's ELF file, compressed. QEMU and Firecracker start the ELF directly, which
# saves the guest from unpacking it.
unpack_kernel() { # unpack_kernel FROM TO
	if [ "$(magic "$1" 0 4)" = 7f454c46 ]; then
		cp "$1" "$2"
		return
	fi
	[ "$(magic "$1" 514 4)" = 48647253 ] || fail "the kernel '$1' is neither a vmlinux nor a bzImage"
	start=$((($(field "$1" 497 1) + 1) * 512 + $(field "$1" 584 4)))
	length=$(field "$1" 588 4)
	trailer=4 # the build appends the unpacked size to all but gzip, which has it anyway
	case $(magic "$1" $start 4) in
	02214c18) tool=lz4 ;;
	1f8b*) tool=gzip trailer=0 ;;
	fd377a58) tool=xz ;;
	28b52ffd) tool=zstd ;;
	*) fail "the kernel '$1' is compressed in a way this recipe does not know" ;;
	esac
	command -v $tool >/dev/null 2>&1 || fail "the tool $tool is missing. Run: sudo apt-get install ${tool%zip}"
	tail -c +$((start + 1)) "$1" | head -c $((length - trailer)) | $tool -dc >"$2" 2>/dev/null ||
		fail "the payload of the kernel '$1' is damaged"
	[ "$(magic "$2" 0 4)" = 7f454c46 ] || fail "the payload of the kernel '$1' is no ELF file"
}

step 2 "unpacking the kernel"
mkdir "$work/kernel"
if [ $kind = debian ]; then
	while read -r package file sum; do
		case $package in linux-*) dpkg-deb --fsys-tarfile "$cache/$file" | tar -x -C "$work/kernel" \
			--exclude='./usr/share' --exclude='./boot/System.map*' ;; esac
	done <"$resolved"
	kernel=$(echo "$work"/kernel/boot/vmlinu[xz]-*)
	[ -f "$kernel" ] || fail "the kernel package holds no kernel"
fi
unpack_kernel "$kernel" "$out/vmlinux"
version=$(grep -a -m 1 -o 'Linux version [0-9][^ ]*' "$out/vmlinux" | head -n 1 | cut -d ' ' -f 3 | tr -dc 'A-Za-z0-9.+~_-')
[ -n "$version" ] || version=unknown

own_modules=''
[ $kind = debian ] || own_modules=/lib/modules/$version

# ---- 3. initrd: the init, and the modules it may need, in groups

step 3 "packing the initrd"
tree=$work/initrd
mkdir -p "$tree/modules" "$tree/dev" "$tree/proc" "$tree/sys"
cp "$init" "$tree/init"
chmod 755 "$tree/init"
base=''
for d in "$work"/kernel/lib/modules/* "$work"/kernel/usr/lib/modules/* "${own_modules:-none}"; do
	[ ! -d "$d/kernel" ] || base=$d
done
[ -z "$base" ] || find "$base/kernel" -name '*.ko*' | sort >"$work/modules"

# A guest's kernel would check each module's signature: a fifth of all that it computes to boot, to find that a file
# of ours is the one that was packed here. It loads unsigned ones. The signature is what stands before
# "~Module signature appended~\n": its bytes, then a header of 12 that ends in their number, big-endian.
unsign() { # unsign FILE
	[ "$(tail -c 28 "$1" | tr -d '\0')" = '~Module signature appended~' ] || return 0
	length=$(tail -c 32 "$1" | od -An -t u1 -N 4 | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }')
	truncate -s "-$((28 + 12 + length))" "$1"
}

# Module files are named with - or _, modules always with _.
add_module() { # add_module GROUP NAME: its dependencies first, each module once
	case " $added " in *" $2 "*) return 0 ;; esac
	pattern=$(echo "$2" | sed 's/_/[-_]/g')
	from=$(grep -E "/$pattern\.ko(\.xz|\.zst|\.gz)?\$" "$work/modules" | head -n 1) || true
	[ -n "$from" ] || return 0 # built in, or this kernel has none
	added="$added $2"
	to=$tree/modules/$2.ko
	case $from in
	*.xz) xz -dc "$from" >"$to" ;;
	*.zst) zstd -qdc "$from" >"$to" ;;
	*.gz) gzip -dc "$from" >"$to" ;;
	*) cp "$from" "$to" ;;
	esac
	unsign "$to"
	for dependency in $(tr '\0' '\n' <"$to" | sed -n 's/^depends=//p' | head -n 1 | tr ',-' ' _'); do
		add_module "$1" "$dependency"
	done
	echo "$1 $2.ko" >>"$tree/modules/list"
}

# The init loads `core` first, then a group per kind of virtio device that is there, then `root`.
added=''
: >"$tree/modules/list"
if [ -n "$base" ]; then
	for pair in core:virtio_mmio net:virtio_net blk:virtio_blk console:virtio_console rng:virtio_rng \
		vsock:vmw_vsock_virtio_transport root:ext4 root:overlay; do
		add_module "${pair%%:*}" "${pair#*:}"
	done
	for file in "$tree"/modules/*.ko; do
		[ -f "$file" ] || fail "no module of the kernel could be found"
	done
fi

# A cpio archive in newc format, all of uid 0; written here so that no cpio program is needed.
archive() {
	number=0
	for entry in $(cd "$tree" && find . -mindepth 1 | sed 's,^\./,,' | sort) TRAILER!!!; do
		number=$((number + 1)) size=0 links=1 bits=0
		if [ -d "$tree/$entry" ]; then
			bits=$((0040755)) links=2
		elif [ -f "$tree/$entry" ]; then
			bits=$((0100644)) size=$(stat -c %s "$tree/$entry")
			[ ! -x "$tree/$entry" ] || bits=$((0100755))
		fi
		printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' $number $bits 0 0 $links $EPOCH "$size" \
			0 0 0 0 $((${#entry} + 1)) 0 "$entry"
		pad $((110 + ${#entry} + 1))
		if [ "$size" -gt 0 ]; then
			cat "$tree/$entry"
			pad "$size"
		fi
	done
}
pad() {
	case $(($1 % 4)) in 1) printf '\0\0\0' ;; 2) printf '\0\0' ;; 3) printf '\0' ;; esac
}
archive >"$out/initrd"

# ---- 4. root file system

step 4 "laying out the root file system"
root=$work/root
mkdir "$root" "$work/packages"
while read -r package file sum; do
	case $package in linux-*) ;; *) dpkg-deb -x "$cache/$file" "$work/packages" ;; esac
done <"$resolved"
for d in usr/bin usr/sbin usr/lib/x86_64-linux-gnu usr/lib64 usr/local/bin usr/local/sbin dev proc sys run tmp mnt opt \
	root home etc/dropbear var/log var/tmp var/lib/misc var/spool; do
	mkdir -p "$root/$d"
done
for d in bin sbin lib lib64; do
	ln -s usr/$d "$root/$d"
done
ln -s ../run "$root/var/run"
chmod 700 "$root/root" "$root/etc/dropbear"
chmod 1777 "$root/tmp" "$root/var/tmp"

copy() { # copy MODE NAME TO: a file of the packages, wherever it lies there
	found=$(cd "$work/packages" && find . -name "$2" ! -type d ! -path '*/share/*' | sort | head -n 1)
	[ -n "$found" ] || fail "the packages hold no $2"
	cp -L "$work/packages/$found" "$root/$3"
	chmod "$1" "$root/$3"
}
copy 755 busybox usr/bin/busybox
copy 755 dropbear usr/sbin/dropbear
copy 755 dropbearkey usr/bin/dropbearkey
copy 755 ld-linux-x86-64.so.2 usr/lib64/ld-linux-x86-64.so.2
for library in libc.so.6 libcrypt.so.1 libtomcrypt.so.1 libtommath.so.1 libgmp.so.10 libz.so.1; do
	copy 644 $library usr/lib/x86_64-linux-gnu/$library
done
for program in sbin/dropbear bin/dropbearkey; do
	lost=$("$root/usr/lib64/ld-linux-x86-64.so.2" --inhibit-cache \
		--library-path "$root/usr/lib/x86_64-linux-gnu" --list "$root/usr/$program" 2>&1 |
		grep -E 'not found|=> /' | grep -v "$root" | head -n 1) || true
	[ -z "$lost" ] || fail "$program needs a library that this recipe does not know of:$lost"
done
ln -s x86_64-linux-gnu/libc.so.6 "$root/usr/lib/libc.so.6"
"$root/usr/bin/busybox" --list-full | while read -r applet; do
	case $applet in
	usr/*) path=$applet ;;
	bin/* | sbin/*) path=usr/$applet ;;
	*) path=usr/bin/$(basename "$applet") ;;
	esac
	case $path in usr/bin/busybox) continue ;; esac
	[ -e "$root/$path" ] || [ -L "$root/$path" ] || ln -s /usr/bin/busybox "$root/$path"
done

cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
nobody:x:65534:65534:nobody:/:/bin/false
END
cat >"$root/etc/group" <<'END'
root:x:0:
daemon:x:1:
tty:x:5:
disk:x:6:
wheel:x:10:
nogroup:x:65534:
END
printf 'root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n' >"$root/etc/shadow"
chmod 600 "$root/etc/shadow"
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
printf '/bin/sh\n/bin/ash\n' >"$root/etc/shells"
# No hosts and no hostname: the init makes them, and changing a file of the base would copy it first.
ln -s ../run/resolv.conf "$root/etc/resolv.conf"
: >"$root/etc/fstab"
cat >"$root/etc/os-release" <<END
NAME="Stoker micro"
ID=stoker-micro
ID_LIKE=debian
PRETTY_NAME="Stoker micro (busybox, dropbear)"
END
cat >"$root/etc/profile" <<'END'
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
[ -n "$HOME" ] || export HOME=/root
if [ -n "$PS1" ]; then
	PS1='\h:\w\# '
	[ "$(id -u)" = 0 ] || PS1='\h:\w\$ '
	alias ll='ls -l'
fi
for file in /etc/profile.d/*.sh; do
	[ -r "$file" ] && . "$file"
done
unset file
END
mkdir "$root/etc/profile.d"

# ---- 5. root.ext4

step 5 "making the root file system"
find "$root" -exec touch -h -d "@$EPOCH" {} +
kib=$(du -sk --apparent-size "$root" | cut -f 1)
nodes=$(find "$root" | wc -l)
# Data, inode tables (256 bytes each), block bitmaps and a little slack; it is mounted read-only and never grows.
blocks=$(((kib + nodes * 2 + 1024) / 4 + nodes / 16 + 256))
E2FSPROGS_FAKE_TIME=$EPOCH SOURCE_DATE_EPOCH=$EPOCH mke2fs -q -F -t ext4 -b 4096 -I 256 -m 0 -N $((nodes + 64)) \
	-L stoker-base -U $UUID -O '^has_journal,^resize_inode,^metadata_csum,^64bit,extent,dir_index,filetype' \
	-E "root_owner=0:0,hash_seed=$UUID,lazy_itable_init=0" -d "$root" "$out/root.ext4" $blocks >"$work/mke2fs.log" 2>&1 ||
	fail "mke2fs: $(tail -n 1 "$work/mke2fs.log")"
# mke2fs -d takes over the builder's uid and the time of the build: neither belongs in an image.
(cd "$root" && find . -mindepth 1 | sed 's,^\.,,') | sort | awk -v t="@$EPOCH" '
	function set(path, field, value) { printf "sif \"%s\" %s %s\n", path, field, value }
	BEGIN { path = "/"; set(path, "ctime", t); set(path, "crtime", t); set(path, "atime", t); set(path, "mtime", t)
		set("/lost+found", "ctime", t); set("/lost+found", "crtime", t); set("/lost+found", "atime", t)
		set("/lost+found", "mtime", t) }
	{ set($0, "uid", 0); set($0, "gid", 0); set($0, "ctime", t); set($0, "crtime", t); set($0, "atime", t)
	  set($0, "mtime", t) }' >"$work/debugfs.cmd"
E2FSPROGS_FAKE_TIME=$EPOCH debugfs -w -f "$work/debugfs.cmd" "$out/root.ext4" >"$work/debugfs.log" 2>&1 ||
	fail "debugfs: $(tail -n 1 "$work/debugfs.log")"
if grep -v -e '^debugfs' "$work/debugfs.log" | grep -q .; then
	fail "debugfs: $(grep -v -e '^debugfs' "$work/debugfs.log" | head -n 1)"
fi

# ---- 6. image.json

step 6 "writing image.json"
entry() { # entry KEY FILE
	printf '    "%s": {"file": "%s", "bytes": %s, "sha256": "%s"}' "$1" "$2" "$(stat -c %s "$out/$2")" \
		"$(sha256sum <"$out/$2" | cut -c1-64)"
}
{
	printf '{\n  "format": 1,\n  "name": "%s",\n  "recipe": "micro",\n  "digest": "%s",\n' "$name" "$digest"
	printf '  "kernel_version": "%s",\n  "agent": true,\n  "built_at_ms": %s,\n' "$version" "$(date +%s%3N)"
	printf '  "files": {\n'
	entry kernel vmlinux
	printf ',\n'
	entry initrd initrd
	printf ',\n'
	entry root root.ext4
	printf '\n  },\n  "packages": {\n'
	awk '{ printf "%s    \"%s\": {\"file\": \"%s\", \"sha256\": \"%s\"}", (NR > 1 ? ",\n" : ""), $1, $2, $3 }
		END { print "" }' "$resolved"
	printf '  }\n}\n'
} >"$out/image.json"
chmod 600 "$out/vmlinux" "$out/initrd" "$out/root.ext4" "$out/image.json"
