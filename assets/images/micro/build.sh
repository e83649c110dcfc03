#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# build.sh - the recipe of the image `micro`: our init, busybox and dropbear. lib.sh tells how it is called.

set -eu
recipe=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
USERLAND='busybox-static dropbear-bin libtomcrypt1 libtommath1 libgmp10 zlib1g libcrypt1 libc6'
STEPS=6
# shellcheck source=assets/images/lib.sh
. "$(dirname "$recipe")/../lib.sh"
[ -z "$packages" ] || fail "the recipe micro takes no packages; the recipe debian does"

resolve_packages() { # resolve_packages KERNEL...
	# shellcheck disable=SC2086
	resolve_named $USERLAND "$@"
}
make_boot

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

step 5 "making the root file system"
make_root
step 6 "writing image.json"
write_json
