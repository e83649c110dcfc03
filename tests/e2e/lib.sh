# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What every script of tests/e2e and tests/tui starts with:
#
#	. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
#
# It gives the script a private state, runtime and configuration folder, the
# shared test images, and an end (also after a failure) that deletes every VM
# of that folder and then looks whether a process, a file, a socket or a lock
# was left behind. A script that leaves something behind fails.
#
#	stoker ARGS...            the program under test, on the private folders
#	need_image                builds the image `micro` (Debian's kernel) once for all scripts
#	need_own_image            the same with the own kernel, called `own`
#	use_own_image             that one, for every VM of the script that names no image: boots in half the time
#	need_debian               the image `debian` with DEBIAN_PACKAGES
#	need_foreign_image        the image `foreign`, imported from a root file system with an init of its own
#	foreign_root MICRO FILE   a root file system that knows nothing of stoker, of the programs of the image micro
#	with_double               $DOUBLE is a Firecracker that runs no guest, and KVM is said to work
#	new_vm NAME [OPTIONS]     create, always with --egress none
#	expect_status N CMD...    runs CMD; its output is then in $OUT and $ERR
#	ok CMD...                 expect_status 0
#	expect_match TEXT REGEX   TEXT contains the extended regular expression
#	expect_no_match, expect_equal A B, expect_file, expect_no_file
#	json FILTER [TEXT]        jq -r on $OUT or TEXT
#	wait_until SECONDS CMD... until CMD succeeds
#	package_cache             the folder of the packages that images are made of
#	skip WHY                  ends the script; in CI (CI=true) that is a failure
#	not_tried WHY             the same for a part of it, and goes on
#	check TITLE               prints what is tested next

set -u -o pipefail
# A command that fails ends the script, as does one inside a function.
set -E -e

LIB_DIR=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
SOURCE_DIR=${STOKER_SOURCE_DIR:-$(cd -- "$LIB_DIR/../.." && pwd)}
BUILD_DIR=${STOKER_BUILD_DIR:-$SOURCE_DIR/build}
STOKER_PROGRAM=${STOKER_PROGRAM:-$BUILD_DIR/stoker}
SCRIPT=$(basename -- "$0" .sh)
OUT='' ERR=''
export SOURCE_DIR BUILD_DIR STOKER_PROGRAM

# Short: the path of a unix socket has 108 bytes. One test (errors.sh) uses a longer one on purpose.
T=$(mktemp -d "${TMPDIR:-/tmp}/stk.XXXXXX")
export STOKER_STATE_DIR=$T/state STOKER_RUNTIME_DIR=$T/run
export STOKER_IMAGE_DIR=${STOKER_TEST_IMAGES:-$BUILD_DIR/test-images}
export XDG_CONFIG_HOME=$T/config XDG_STATE_HOME=$T/xdg-state XDG_RUNTIME_DIR=$T/xdg-run
export LC_ALL=C.UTF-8
unset NO_COLOR 2>/dev/null || true
mkdir -m 0700 "$XDG_CONFIG_HOME" "$XDG_RUNTIME_DIR"
# Ports of its own, so that stokers which run at the same time (other tests, a
# user's) do not race for one; and no guest of a test reaches out by itself.
# The lab runs some scripts again with a backend and network in STOKER_TEST_DEFAULTS.
export STOKER_CONFIG=$T/stoker.conf
PORTS=$((10000 + $$ % 220 * 100))
printf '[network]\nports = %d-%d\n\n[defaults]\negress = none\n%b' $PORTS $((PORTS + 99)) "${STOKER_TEST_DEFAULTS:-}" >"$STOKER_CONFIG"
chmod 600 "$STOKER_CONFIG"

say() {
	printf '%s\n' "$*"
}

check() {
	printf -- '-- %s\n' "$*"
}

# Where in the script the call came from that ended in here.
where_from() {
	local i
	for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
		if [ "${BASH_SOURCE[$i]}" != "${BASH_SOURCE[0]}" ]; then
			printf '%s:%s' "$(basename -- "${BASH_SOURCE[$i]}")" "${BASH_LINENO[$((i - 1))]}"
			return
		fi
	done
	printf '%s' "$SCRIPT"
}

fail() {
	printf 'FAIL %s: %s\n' "$(where_from)" "$*" >&2
	FAILED_SAID=1
	exit 1
}

skip() {
	if [ "${CI:-}" = true ]; then
		fail "would be skipped, which CI does not allow: $*"
	fi
	printf 'SKIP %s: %s\n' "$SCRIPT" "$*"
	exit 77
}

# Part of a script that cannot be tried here. run.sh tells of it as of a skip.
not_tried() {
	if [ "${CI:-}" = true ]; then
		fail "would not be tried, which CI does not allow: $*"
	fi
	printf 'SKIP part of %s: %s\n' "$SCRIPT" "$*"
}

stoker() {
	"$STOKER_PROGRAM" "$@"
}

# ---------------------------------------------------------------- assertions

expect_status() {
	local want=$1 got=0
	shift
	# A file, not $(...): output may hold NUL bytes and background processes keep pipes open.
	"$@" >"$T/out" 2>"$T/err" </dev/null || got=$?
	OUT=$(tr -d '\000' <"$T/out")
	ERR=$(tr -d '\000' <"$T/err")
	if [ "$got" != "$want" ]; then
		printf 'command: %s\nstdout: %.2000s\nstderr: %.2000s\n' "$*" "$OUT" "$ERR" >&2
		fail "exit status $got, expected $want"
	fi
}

ok() {
	expect_status 0 "$@"
}

expect_match() {
	if ! [[ $1 =~ $2 ]]; then
		printf 'text: %.2000s\n' "$1" >&2
		fail "does not match: $2"
	fi
}

expect_no_match() {
	if [[ $1 =~ $2 ]]; then
		printf 'text: %.2000s\n' "$1" >&2
		fail "matches, and must not: $2"
	fi
}

expect_equal() {
	[ "$1" = "$2" ] || fail "'$1' is not '$2'${3:+ ($3)}"
}

expect_file() {
	[ -e "$1" ] || fail "$1 does not exist"
}

expect_no_file() {
	if [ -e "$1" ] || [ -L "$1" ]; then
		fail "$1 exists"
	fi
}

json() {
	local text=${2-$OUT}
	printf '%s' "$text" | jq -er "$1" || fail "jq: '$1' gives nothing in: ${text:0:1000}"
}

wait_until() {
	local until=$((SECONDS + $1)) limit=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$until" ] || fail "not within $limit s: $*"
		sleep 0.05
	done
}

# ------------------------------------------------------------------- things

need() {
	local tool
	for tool in "$@"; do
		command -v "$tool" >/dev/null || skip "$tool is not installed (tests/deps.sh installs it)"
	done
}

build_image() { # build_image ARGS...: for `stoker image build`
	take_image build "$@"
}

# Under one lock, so that scripts which run at the same time build it once.
take_image() { # take_image VERB ARGS...: of `stoker image`
	[ -x "$STOKER_PROGRAM" ] || fail "$STOKER_PROGRAM is not built"
	[ -z "${STOKER_LAB:-}" ] || return 0 # built where apt is, and brought in
	(umask 077 && mkdir -p "$STOKER_IMAGE_DIR")
	if ! flock "$STOKER_IMAGE_DIR/.test-lock" "$STOKER_PROGRAM" image "$@" --quiet >"$T/image.log" 2>&1; then
		tail -n 20 "$T/image.log" >&2
		fail "stoker image $* failed"
	fi
}

# Where stoker keeps the packages that images are made of.
package_cache() {
	if [ -n "${STOKER_CACHE_DIR:-}" ]; then
		echo "$STOKER_CACHE_DIR"
	elif [ "$(id -u)" = 0 ]; then
		echo /var/cache/stoker
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/stoker"
	fi
}

need_image() {
	build_image micro --kernel debian
}

# The same with the guest's own kernel, which is built once: minutes, unless ccache has seen it.
need_own_image() {
	local cc=gcc
	! command -v ccache >/dev/null || cc='ccache gcc'
	CC=$cc build_image micro --kernel source --name own
}

# Half of the scripts take this, the other half Debian's kernel: users have either.
use_own_image() {
	need_own_image
	printf 'image = own\n' >>"$STOKER_CONFIG" # its last section is that of the defaults
}

DEBIAN_PACKAGES='python3-requests python3-numpy vim-tiny htop tmux less'
need_debian() {
	local package options=()
	for package in $DEBIAN_PACKAGES; do
		options+=(--package "$package")
	done
	build_image debian --kernel debian "${options[@]}"
}

foreign_root() { # foreign_root ROOT.EXT4 FILE
	local root=$T/foreign
	mkdir "$root"
	debugfs -R "rdump / $root" "$1" >"$T/rdump" 2>&1
	rm -rf "$root/lost+found" "$root/usr/sbin/init" "$root/etc/dropbear" "$root/etc/hostname" "$root/etc/resolv.conf"
	mkdir -p "$root/etc/dropbear" "$root/dev" "$root/proc" "$root/sys" "$root/run" "$root/tmp"
	cat >"$root/usr/sbin/init" <<'END'
#!/bin/sh
mkdir -p /dev/pts
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs run /run
trap 'echo "foreign init: going down"; sync; mount -o remount,ro /; reboot -f' TERM
[ -f /etc/dropbear/key ] || dropbearkey -t ed25519 -f /etc/dropbear/key >/dev/null 2>&1
dropbearkey -y -f /etc/dropbear/key | grep Fingerprint
dropbear -E -s -r /etc/dropbear/key
while :; do
	sleep 3600 &
	wait $!
done
END
	chmod 755 "$root/usr/sbin/init"
	rm -f "$2"
	mke2fs -q -t ext4 -L foreign -E root_owner=0:0 -d "$root" "$2" 96M >/dev/null 2>&1
	# Whoever runs the test, in the guest it is root's.
	debugfs -w -R 'sif /root uid 0' "$2" >/dev/null 2>&1
	rm -rf "$root"
}

need_foreign_image() { # after need_image
	local made=$STOKER_IMAGE_DIR/foreign/image.json
	if [ -n "${STOKER_LAB:-}" ] || { [ "$made" -nt "$STOKER_IMAGE_DIR/micro/image.json" ] && [ "$made" -nt "$LIB_DIR/lib.sh" ]; }; then
		return
	fi
	foreign_root "$STOKER_IMAGE_DIR/micro/root.ext4" "$T/foreign.ext4"
	take_image import "$T/foreign.ext4" --name foreign --kernel debian
	rm "$T/foreign.ext4"
}

# The answer of the probe is kept in a file, which is written here before stoker does: nothing in stoker is asked to lie.
with_double() {
	DOUBLE=$BUILD_DIR/tests/firecracker_double
	[ -x "$DOUBLE" ] || fail "$DOUBLE is not built"
	[ -e /dev/kvm ] || skip '/dev/kvm is not here: Firecracker is not chosen then'
	[ -d "$STOKER_RUNTIME_DIR" ] || mkdir -m 0700 "$STOKER_RUNTIME_DIR"
	printf '%s %s %s|y|said by the test\n' "$(cat /proc/sys/kernel/random/boot_id)" "$(id -u)" \
		"$(stat -c '%f %u %g %Z' /dev/kvm | (read -r mode rest && printf '%o %s' "$((16#$mode))" "$rest"))" \
		>"$STOKER_RUNTIME_DIR/kvm-probe"
}

# The build folder may be closed to another user, a folder below $T is not.
program_for_others() { # program_for_others FOLDER: to be run with LD_LIBRARY_PATH=FOLDER
	cp -L "$STOKER_PROGRAM" "$(ldd "$STOKER_PROGRAM" | awk '$1 ~ /^libstoker/ { print $3 }')" "$1/"
	cp "$(dirname "$(readlink -f "$STOKER_PROGRAM")")/stoker-supervisor" "$1/"
}

new_vm() {
	local name=$1
	shift
	ok stoker create "$name" --egress none --memory 256 "$@"
}

vm_field() {
	stoker inspect "$1" --json | jq -r "if type == \"array\" then .[0] else . end | .$2"
}

vm_is() { # vm_is NAME FIELD VALUE: for wait_until, which is to look every time
	[ "$(vm_field "$1" "$2")" = "$3" ]
}

# Processes that hold a file, a socket folder or a working directory below the private folder.
holders() {
	# One find, not a readlink per descriptor: thousands of them took seconds each time.
	find /proc/[0-9]*/fd /proc/[0-9]*/cwd -maxdepth 1 -lname "$T/*" 2>/dev/null |
		cut -d/ -f3 | grep -vx -e "$$" -e "$BASHPID" | sort -un || true
}

# A VMM or supervisor may hold nothing below the folder by name but its sockets: those the kernel lists by path.
sockets_left() {
	awk -v t="$T/" 'index($8, t) == 1 { print $8 }' /proc/net/unix
}

describe_process() {
	printf 'pid %s: ' "$1"
	tr '\000' ' ' <"/proc/$1/cmdline" 2>/dev/null | cut -c1-200
	printf '\n'
}

show_why() {
	local console
	printf 'state at the failure:\n'
	"$STOKER_PROGRAM" list 2>&1 | head -n 20 || true
	for console in "$STOKER_STATE_DIR"/vms/*/console.log; do
		[ -f "$console" ] || continue
		printf 'console %s:\n' "$console"
		tail -c 1500 "$console" | tr -cd '\n\t -~'
		printf '\n'
	done
}

# The end of every script. What it finds left over it ends and removes, so that
# a failing test disturbs no other, and then it fails.
finish() {
	local status=$? pid left='' dir
	set +e +E
	trap - EXIT ERR
	if [ "$status" != 0 ] && [ "$status" != 77 ]; then
		[ -n "${FAILED_SAID:-}" ] || printf 'FAIL %s: ended with status %s at line %s\n' "$SCRIPT" "$status" "${ERR_LINE:-?}" >&2
		show_why >&2
	fi
	if declare -F script_finish >/dev/null; then
		script_finish
	fi
	if [ -n "${LAB_RESULTS:-}" ] && [ -d "$STOKER_STATE_DIR" ]; then
		tar -C "$STOKER_STATE_DIR" -cf "$LAB_RESULTS/state.tar" --exclude=templates --exclude='disk.*' .
	fi
	if [ -d "$STOKER_STATE_DIR" ] && [ -x "$STOKER_PROGRAM" ]; then
		# A script may have left the store broken or locked on purpose: then the search below ends what lives.
		timeout 60 "$STOKER_PROGRAM" delete --all --force --yes >"$T/finish.log" 2>&1
	fi
	# The one table for all VMs stays with the host on purpose; the lab's host is left as it was found.
	[ -z "${STOKER_LAB:-}" ] || nft delete table inet stoker 2>/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		left=$(holders)
		[ -n "$left" ] || break
		sleep 0.1
	done
	for pid in $left; do
		printf 'LEFT BEHIND process: ' >&2
		describe_process "$pid" >&2
		kill -9 "$pid" 2>/dev/null
		[ "$status" != 0 ] || status=1
	done
	if [ "$status" = 0 ]; then
		left=$(sockets_left)
		[ -z "$left" ] || printf 'LEFT BEHIND sockets:\n%s\n' "$left" >&2
		[ -z "$left" ] || status=1
		for dir in "$STOKER_STATE_DIR/vms" "$STOKER_RUNTIME_DIR/vms"; do
			if [ -d "$dir" ] && [ -n "$(ls -A "$dir")" ]; then
				printf 'LEFT BEHIND in %s: %s\n' "$dir" "$(find "$dir" | head -n 20 | tr '\n' ' ')" >&2
				status=1
			fi
		done
		[ "$status" = 0 ] || cat "$T/finish.log" >&2
	fi
	if [ -n "${STOKER_TEST_KEEP:-}" ]; then
		printf 'kept: %s\n' "$T"
	else
		chmod -R u+rwX "$T" 2>/dev/null
		rm -rf "$T"
	fi
	[ "$status" != 0 ] || printf 'PASS %s\n' "$SCRIPT"
	exit "$status"
}
trap 'ERR_LINE=$LINENO' ERR
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
