# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # recipe and root are set by the recipe
#
# lib.sh - what the recipes of images have in common. A recipe sets `recipe` to its own path, USERLAND to the packages
# that its root file system is made of and STEPS to the number of its steps, and sources this with its arguments.
#
#   build.sh --out DIR --init FILE --cache DIR [--kernel FILE] [--kernel-from WORD] [--name NAME] [--package NAME]...
#            [--root FILE]
#       fills the empty folder DIR with vmlinux, initrd, root.ext4 and image.json
#   build.sh --digest --init FILE --cache DIR [--kernel FILE] [--package NAME]...
#       prints the digest of the inputs; downloads nothing
#
# It needs neither root nor a loop device, nor a network once the packages are in the cache. What it reports on
# stdout are lines "progress N TOTAL text"; errors go to stderr as sentences.
#
# FILE of --kernel is a vmlinux (ELF) or a bzImage; where it is from (WORD) is noted in image.json. Its modules are
# taken from /lib/modules/VERSION when they are there; else its drivers (virtio_mmio, virtio_blk, virtio_net,
# virtio_console, overlay, ext4) must be built in, and the initrd holds the init alone.

set -eu
umask 022
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin

EPOCH=1700000000 # of every file in the image, so that equal inputs give equal bytes
UUID=73746f6b-6572-4d00-8000-6d6963726f00
KERNELS='linux-image-cloud-amd64 linux-image-virtual' # Debian, Ubuntu

fail() {
	echo "$*" >&2
	exit 1
}

step() {
	echo "progress $1 $STEPS $2"
}

mode=build out='' init='' cache='' kernel='' kernel_from='' name='' packages='' import=''
while [ $# -gt 0 ]; do
	case $1 in
	--digest) mode=digest ;;
	--out | --init | --cache | --kernel | --kernel-from | --name | --package | --root)
		[ $# -ge 2 ] || fail "the option $1 needs a value"
		case $1 in
		--out) out=$2 ;;
		--init) init=$2 ;;
		--cache) cache=$2 ;;
		--kernel) kernel=$2 ;;
		--kernel-from) kernel_from=$2 ;;
		--name) name=$2 ;;
		--package) packages="$packages $2" ;;
		--root) import=$2 ;;
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
[ -n "$name" ] || name=$(basename "$(dirname "$recipe")")
kind=debian
[ -z "$kernel" ] || kind=own
case $kernel_from in
debian | source | file) ;;
'') [ $kind = own ] && kernel_from="file" || kernel_from=debian ;;
*) fail "bad --kernel-from '$kernel_from'" ;;
esac

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
need perl perl-base
for pair in ${NEEDS:-}; do # of the recipe: TOOL:PACKAGE
	need "${pair%%:*}" "${pair#*:}"
done
[ -z "$missing" ] || fail "these packages are missing:$missing. Run: sudo apt-get install$missing"

# ---- inputs: which packages, exactly

mkdir -p "$cache"
# What apt says is taken down in files of this process's own, which go with it, also when it fails.
forget() {
	rm -f "$cache/new.$$" "$cache/uris.$$" "$cache/err.$$" "$cache/lines.$$"
}
trap forget EXIT
trap 'exit 1' HUP INT TERM

# Debian's kernel, and its modules where they are a package of their own: prints their names.
kernel_packages() {
	[ $kind = debian ] || return 0
	image=''
	for meta in $KERNELS; do
		image=$(apt-cache --no-all-versions show "$meta" 2>/dev/null |
			sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1) || true
		[ -z "$image" ] || break
	done
	[ -n "$image" ] || fail "apt knows no kernel package ($KERNELS). Run: sudo apt-get update"
	modules=linux-modules-${image#linux-image-}
	apt-cache --no-all-versions show "$modules" >/dev/null 2>&1 || modules=''
	echo "$image $modules"
}

# "'URI' FILE SIZE SHA256:SUM" to "NAME FILE SHA256".
uris_to_lines() {
	sed -n "s/^'[^']*' \([^ ]*\) [0-9]* SHA256:\([0-9a-f]*\)\$/\1 \2/p" | sed 's/^\([^_]*\)_/\1 \1_/' | sort
}

# $resolved gets one line "NAME FILE SHA256" per package. apt knows all three without a network, but takes up to a
# second to say so; its answer is kept as long as its lists stay the same. The recipe's resolve_packages prints them.
resolve() {
	stamp=$({
		stat -c '%n %s %Y' /var/lib/apt/lists/* /var/lib/dpkg/arch 2>/dev/null || true # the latter need not exist
		echo "$USERLAND $packages $KERNELS"
		sha256sum <"$recipe"
	} | sha256sum | cut -c1-32)
	resolved=$cache/resolved-$(basename "$(dirname "$recipe")")-$kind-$stamp
	[ ! -s "$resolved" ] || return 0
	kernels=$(kernel_packages) || exit 1
	# shellcheck disable=SC2086
	resolve_packages $kernels >"$cache/new.$$" || exit 1
	# Answers to lists that are gone are of no use any more, nor is what one that was killed left.
	find "$cache" -maxdepth 1 \( -name 'resolved-*' -mtime +30 -o -name 'new.[0-9]*' -mtime +0 -o -name 'uris.[0-9]*' -mtime +0 \
		-o -name 'err.[0-9]*' -mtime +0 -o -name 'lines.[0-9]*' -mtime +0 \) -delete
	mv "$cache/new.$$" "$resolved"
}

# Apt's reason for a failure: warnings may stand before it.
apt_error() { # apt_error FILE
	grep -m 1 '^E:' "$1" || head -n 1 "$1"
}

# The packages that are named, and no more: prints their lines.
resolve_named() {
	# Lists may have several digests of a package, as Ubuntu's do: apt would name the longest.
	apt-get --print-uris -o Acquire::ForceHash=SHA256 download "$@" >"$cache/uris.$$" 2>"$cache/err.$$" ||
		fail "apt cannot find the packages: $(apt_error "$cache/err.$$"). Run: sudo apt-get update"
	uris_to_lines <"$cache/uris.$$" >"$cache/lines.$$"
	[ "$(wc -l <"$cache/lines.$$")" -eq $# ] || fail "apt names no SHA256 for some of: $*. Run: sudo apt-get update"
	cat "$cache/lines.$$"
}

# Sets $digest; in mode digest it is all there is to do.
take_digest() {
	kernel_digest=debian
	[ $kind = debian ] || kernel_digest=$(sha256sum <"$kernel" | cut -c1-64)
	digest=sha256:$({
		echo "stoker image 2 kernel $kernel_digest $kernel_from packages $packages"
		sha256sum <"$recipe"
		sha256sum <"$(dirname "$recipe")/../lib.sh"
		sha256sum <"$(dirname "$recipe")/../trim-kernel.pl"
		sha256sum <"$init"
		[ -z "$import" ] || sha256sum <"$import"
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
	trap 'forget && rm -rf "$work"' EXIT
}

# ---- the steps of a build

fetched() { # fetched FILE SHA256: it is in the cache, whole
	[ -f "$cache/$1" ] && [ "$(sha256sum <"$cache/$1" | cut -c1-64)" = "$2" ]
}

# Every package of $resolved into the cache, checked. What is there already is not fetched again, so that a build
# that was cut off goes on where it was.
get_packages() {
	wanted=''
	while read -r package file sum; do
		fetched "$file" "$sum" && continue
		# With its version: apt may have been told to prefer another.
		wanted="$wanted $package=$(echo "$file" | cut -d _ -f 2 | sed 's/%3a/:/g')"
	done <"$resolved"
	[ -n "$wanted" ] || return 0
	mkdir "$work/get"
	count=0
	total=$(echo "$wanted" | wc -w)
	# A few at a time: what has arrived is kept.
	echo "$wanted" | xargs -n 16 >"$work/wanted"
	while read -r some; do
		# shellcheck disable=SC2086
		(cd "$work/get" && apt-get -qq -o APT::Sandbox::User= download $some) >/dev/null 2>"$work/apt.err" ||
			fail "the packages $some could not be downloaded: $(apt_error "$work/apt.err"). Run: sudo apt-get update"
		for file in "$work/get"/*.deb; do
			mv "$file" "$cache/"
		done
		count=$((count + $(echo "$some" | wc -w)))
		step 1 "getting packages ($count of $total)"
	done <"$work/wanted"
	while read -r package file sum; do
		fetched "$file" "$sum" || fail "the package $package is not what apt's lists promise. Run: sudo apt-get update"
	done <"$resolved"
}

# What kernels and modules are packed with differs from distribution to distribution: asked for when one is met.
unpacker() { # unpacker TOOL WHAT
	command -v "$1" >/dev/null 2>&1 ||
		fail "$1 is missing, with which $2 is packed. Run: sudo apt-get install $(echo "$1" | sed 's/^xz$/xz-utils/')"
}

field() { # field FILE OFFSET SIZE: a little-endian number of a bzImage's header
	od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '
}
magic() { # magic FILE OFFSET COUNT: as hex digits
	od -An -t x1 -j "$2" -N "$3" "$1" | tr -d ' \n'
}

OTHER_KERNEL='Give --kernel a vmlinux or bzImage that is whole, or leave it out'
# The payload of a bzImage is the kernel's ELF file, compressed. QEMU and Firecracker start the ELF directly, which
# saves the guest from unpacking it.
unpack_kernel() { # unpack_kernel FROM TO
	if [ "$(magic "$1" 0 4)" = 7f454c46 ]; then
		cp "$1" "$2"
		return
	fi
	[ "$(magic "$1" 514 4)" = 48647253 ] || fail "the kernel '$1' is neither a vmlinux nor a bzImage. $OTHER_KERNEL"
	start=$((($(field "$1" 497 1) + 1) * 512 + $(field "$1" 584 4)))
	length=$(field "$1" 588 4)
	trailer=4 # the build appends the unpacked size to all but gzip, which has it anyway
	case $(magic "$1" $start 4) in
	02214c18) tool=lz4 ;;
	1f8b*) tool=gzip trailer=0 ;;
	fd377a58) tool=xz ;;
	28b52ffd) tool=zstd ;;
	*) fail "the kernel '$1' is compressed in a way this recipe does not know. $OTHER_KERNEL" ;;
	esac
	unpacker $tool "the kernel '$1'"
	tail -c +$((start + 1)) "$1" | head -c $((length - trailer)) | $tool -dc >"$2" 2>/dev/null ||
		fail "the payload of the kernel '$1' is damaged. $OTHER_KERNEL"
	[ "$(magic "$2" 0 4)" = 7f454c46 ] || fail "the payload of the kernel '$1' is no ELF file. $OTHER_KERNEL"
}

# What a VMM must load of it, and no zeros: each MiB costs a start time.
trim_kernel() { # trim_kernel WHOLE TO NAME
	status=0
	why=$(perl "$(dirname "$recipe")/../trim-kernel.pl" "$1" "$2" 2>&1) || status=$?
	case $status in
	0) ;;
	3) fail "the kernel '$3' $why. $OTHER_KERNEL" ;;
	*) fail "the kernel '$3' cannot be trimmed: $why" ;;
	esac
}

# $out/vmlinux, from the kernel that was given or from Debian's package.
make_kernel() {
	mkdir "$work/kernel"
	if [ $kind = debian ]; then
		while read -r package file sum; do
			case $package in linux-*) dpkg-deb --fsys-tarfile "$cache/$file" | tar -x -C "$work/kernel" \
				--exclude='./usr/share' --exclude='./boot/System.map*' ;; esac
		done <"$resolved"
		kernel=$(echo "$work"/kernel/boot/vmlinu[xz]-*)
		[ -f "$kernel" ] || fail "the kernel package holds no kernel"
	fi
	unpack_kernel "$kernel" "$work/vmlinux"
	trim_kernel "$work/vmlinux" "$out/vmlinux" "$kernel"
	rm "$work/vmlinux"
	version=$(grep -a -m 1 -o 'Linux version [0-9][^ ]*' "$out/vmlinux" | head -n 1 | cut -d ' ' -f 3 | tr -dc 'A-Za-z0-9.+~_-')
	[ -n "$version" ] || version=unknown

	own_modules=''
	[ $kind = debian ] || own_modules=/lib/modules/$version
}

# ---- the initrd: the init, and the modules it may need, in groups

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
	*.xz) unpacker xz "the module $2" && xz -dc "$from" >"$to" ;;
	*.zst) unpacker zstd "the module $2" && zstd -qdc "$from" >"$to" ;;
	*.gz) gzip -dc "$from" >"$to" ;;
	*) cp "$from" "$to" ;;
	esac
	unsign "$to"
	for dependency in $(tr '\0' '\n' <"$to" | sed -n 's/^depends=//p' | head -n 1 | tr ',-' ' _'); do
		add_module "$1" "$dependency"
	done
	echo "$1 $2.ko" >>"$tree/modules/list"
}

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
make_initrd() {
	tree=$work/initrd
	mkdir -p "$tree/modules" "$tree/dev" "$tree/proc" "$tree/sys"
	cp "$init" "$tree/init"
	chmod 755 "$tree/init"
	base=''
	for d in "$work"/kernel/lib/modules/* "$work"/kernel/usr/lib/modules/* "${own_modules:-none}"; do
		[ ! -d "$d/kernel" ] || base=$d
	done
	[ -z "$base" ] || find "$base/kernel" -name '*.ko*' | sort >"$work/modules"

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
	archive >"$out/initrd"
}

# ---- root.ext4

# From the folder $root, whose files are the builder's own: $work/owners, when it is there, has lines
# "UID GID /path" for those that are not root's in the guest.
make_root() {
	find "$root" -exec touch -h -d "@$EPOCH" {} +
	find "$root" -printf '%y %s\n' >"$work/sizes"
	nodes=$(wc -l <"$work/sizes")
	# Data and folders, inode tables (256 bytes each), bitmaps and a little slack: it is mounted read-only, and never grows.
	blocks=$(awk -v nodes="$nodes" '$1 == "f" || $1 == "d" { n += int(($2 + 4095) / 4096) + ($1 == "d") }
		END { printf "%d", n + n / 200 + nodes / 16 + 512 }' "$work/sizes")
	E2FSPROGS_FAKE_TIME=$EPOCH SOURCE_DATE_EPOCH=$EPOCH mke2fs -q -F -t ext4 -b 4096 -I 256 -m 0 -N $((nodes + 64)) \
		-L stoker-base -U $UUID -O '^has_journal,^resize_inode,^metadata_csum,^64bit,extent,dir_index,filetype' \
		-E "root_owner=0:0,hash_seed=$UUID,lazy_itable_init=0" -d "$root" "$out/root.ext4" "$blocks" >"$work/mke2fs.log" 2>&1 ||
		fail "mke2fs: $(tail -n 1 "$work/mke2fs.log")"
	# mke2fs -d takes over the builder's uid and the time of the build: neither belongs in an image.
	[ -f "$work/owners" ] || : >"$work/owners"
	(cd "$root" && find . -mindepth 1 | sed 's,^\.,,') | sort | awk -v t="@$EPOCH" -v owners="$work/owners" '
		function set(path, field, value) { printf "sif \"%s\" %s %s\n", path, field, value }
		BEGIN { while ((getline line <owners) > 0) { split(line, w, " "); at = index(line, "/")
				uid[substr(line, at)] = w[1]; gid[substr(line, at)] = w[2] }
			path = "/"; set(path, "ctime", t); set(path, "crtime", t); set(path, "atime", t); set(path, "mtime", t)
			set("/lost+found", "ctime", t); set("/lost+found", "crtime", t); set("/lost+found", "atime", t)
			set("/lost+found", "mtime", t) }
		/"/ { next } # a name that cannot be quoted for debugfs stays as it is
		{ set($0, "uid", uid[$0] + 0); set($0, "gid", gid[$0] + 0); set($0, "ctime", t); set($0, "crtime", t)
		  set($0, "atime", t); set($0, "mtime", t) }' >"$work/debugfs.cmd"
	E2FSPROGS_FAKE_TIME=$EPOCH debugfs -w -f "$work/debugfs.cmd" "$out/root.ext4" >"$work/debugfs.log" 2>&1 ||
		fail "debugfs: $(tail -n 1 "$work/debugfs.log")"
	if grep -v -e '^debugfs' "$work/debugfs.log" | grep -q .; then
		fail "debugfs: $(grep -v -e '^debugfs' "$work/debugfs.log" | head -n 1)"
	fi
}

# All that is not the root file system: what every recipe begins with.
make_boot() {
	resolve
	take_digest
	step 1 "getting packages"
	get_packages
	step 2 "unpacking the kernel"
	make_kernel
	step 3 "packing the initrd"
	make_initrd
}

# ---- image.json

entry() { # entry KEY FILE
	printf '    "%s": {"file": "%s", "bytes": %s, "sha256": "%s"}' "$1" "$2" "$(stat -c %s "$out/$2")" \
		"$(sha256sum <"$out/$2" | cut -c1-64)"
}
write_json() {
	{
		printf '{\n  "format": 1,\n  "name": "%s",\n  "recipe": "%s",\n  "digest": "%s",\n' "$name" \
			"$(basename "$(dirname "$recipe")")" "$digest"
		printf '  "kernel_version": "%s",\n  "kernel_from": "%s",\n' "$version" "$kernel_from"
		# A root of somebody else's has an init of its own.
		if [ -n "${own_init:-}" ]; then
			printf '  "agent": false,\n  "init": "%s",\n' "$own_init"
		else
			printf '  "agent": true,\n'
		fi
		printf '  "built_at_ms": %s,\n' "$(date +%s%3N)"
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
}
