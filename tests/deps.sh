#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The one list of what Stoker needs from the system: to build, to run, to test.
#
#	tests/deps.sh [--no-install] [build] [run] [test]     (default: all three)
#
# Installs what is missing on Debian and Ubuntu, as root or through sudo, and
# says what it does. Elsewhere it lists what is needed; when the tools are
# there under whatever package names, it goes on without a word.
set -euo pipefail

# group  Debian package        how to see that it is there: a program, or a pkg-config module after "pc:"
LIST='
build gcc                  gcc
build libc6-dev            file:/usr/include/stdlib.h
build cmake                cmake
build ninja-build          ninja
build pkg-config           pkg-config
build musl-tools           musl-gcc
build libncurses-dev       pc:ncursesw
build libssh2-1-dev        pc:libssh2
build libssl-dev           pc:libcrypto
build libcjson-dev         pc:libcjson
build libinih-dev          pc:inih
build libnl-3-dev          pc:libnl-3.0
build libnl-route-3-dev    pc:libnl-route-3.0
build libvterm-dev         pc:vterm
build libsqlite3-dev       pc:sqlite3
build libcurl4-openssl-dev pc:libcurl
run   libcurl4             file:/usr/lib/x86_64-linux-gnu/libcurl.so.4
test  libcmocka-dev        pc:cmocka
build scdoc                scdoc
run   qemu-system-x86      qemu-system-x86_64
run   e2fsprogs            mke2fs
run   cpio                 cpio
run   lz4                  lz4
run   perl-base            perl
run   xz-utils             xz
run   zstd                 zstd
run   nftables             nft
test  iproute2             ip
test  jq                   jq
test  sqlite3              sqlite3
test  tmux                 tmux
test  screen               screen
test  zsh                  zsh
test  fish                 fish
test  vim                  vim
test  less                 less
test  htop                 htop
test  btop                 btop
test  vttest               vttest
test  ncurses-term         file:/usr/share/terminfo/a/alacritty
test  foot-terminfo        file:/usr/share/terminfo/f/foot
test  kitty-terminfo       file:/usr/share/terminfo/x/xterm-kitty
test  xvfb                 Xvfb
test  xterm                xterm
test  xdotool              xdotool
test  strace               strace
test  python3              python3
test  openssh-client       ssh
test  dropbear-bin         dropbear
test  shellcheck           shellcheck
test  clang-tidy           clang-tidy
test  util-linux           flock
test  procps               ps
test  mmdebstrap           mmdebstrap
test  kmod                 depmod
test  make                 make
test  flex                 flex
test  bison                bison
test  bc                   bc
test  perl                 perl
test  libelf-dev           file:/usr/include/gelf.h
test  python3-pip          pip3
test  unzip                unzip
'

install=true
groups=' '
for arg in "$@"; do
	case $arg in
	--no-install) install=false ;;
	build | run | test) groups+="$arg " ;;
	-h | --help)
		sed -n '4,11s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*)
		printf 'deps.sh: unknown argument %s\n' "$arg" >&2
		exit 2
		;;
	esac
done
[ "$groups" != ' ' ] || groups=' build run test '

# A user's PATH often lacks the folders in which mke2fs lies.
PATH=$PATH:/usr/sbin:/sbin

# Prints the packages of the wanted groups that are not there.
missing() {
	local group package probe modules='' have_modules=true
	while read -r group package probe; do
		if [[ $groups == *" $group "* && $probe == pc:* ]]; then
			modules+=" ${probe#pc:}"
		fi
	done <<<"$LIST"
	# One call for all of them; only when it fails is each asked for by itself.
	# shellcheck disable=SC2086
	if [ -n "$modules" ] && ! pkg-config --exists $modules 2>/dev/null; then
		have_modules=false
	fi
	while read -r group package probe; do
		[[ -n $group && $groups == *" $group "* ]] || continue
		case $probe in
		pc:*) [ $have_modules = true ] || pkg-config --exists "${probe#pc:}" 2>/dev/null || echo "$package" ;;
		file:*) [ -e "${probe#file:}" ] || echo "$package" ;;
		*) command -v "$probe" >/dev/null || echo "$package" ;;
		esac
	done <<<"$LIST"
}

mapfile -t packages < <(missing)
# Building an image asks apt for packages: it must have its lists, which a fresh machine may lack.
lists=true
if [[ $groups == *' run '* ]] && command -v apt-get >/dev/null && ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
	lists=false
fi
if [ ${#packages[@]} = 0 ] && [ $lists = true ]; then
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	printf 'Stoker needs these (named as Debian names them), and this system is not Debian or Ubuntu.\n' >&2
	printf 'Install what provides them, then run this again:\n' >&2
	printf '  %s\n' "${packages[@]}" >&2
	exit 1
fi
command=(apt-get install -y --no-install-recommends "${packages[@]}")
if [ $install = false ]; then
	[ $lists = true ] || printf "apt's lists are missing. Get them with:\n  sudo apt-get update\n" >&2
	[ ${#packages[@]} = 0 ] || printf 'Missing packages. Install them with:\n  sudo apt-get install --no-install-recommends %s\n' \
		"${packages[*]}" >&2
	exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		printf 'Missing packages, and neither root nor sudo is here. As root, run:\n  %s\n' "${command[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi
if [ $lists = false ]; then
	printf "Getting apt's package lists\n"
	"${as_root[@]}" apt-get update -q
	[ ${#packages[@]} -gt 0 ] || exit 0
fi
printf 'Installing %s\n' "${packages[*]}"
# Old lists name versions that are gone: renew them only then.
if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${command[@]}" -q; then
	printf 'Renewing the package lists and trying again\n'
	"${as_root[@]}" apt-get update -q
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${command[@]}" -q
fi
hash -r
mapfile -t packages < <(missing)
if [ ${#packages[@]} -gt 0 ]; then
	printf 'Still missing after the installation: %s\n' "${packages[*]}" >&2
	exit 1
fi
