#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Each thing that doctor looks at is broken for real, one at a time: its row
# turns, says why, and names the command that mends it. Boots no VM.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need jq python3 sqlite3 unshare
need_image

# row NAME RESULT REASON FIX [COMMAND...]: doctor's row NAME has that result, and its texts match.
row() {
	local name=$1 result=$2 reason=$3 fix=$4 text
	shift 4
	[ $# -gt 0 ] || set -- "$STOKER_PROGRAM" doctor --json
	"$@" >"$T/doctor.json" 2>"$T/err" || [ $? = 1 ] || fail "doctor: $(cat "$T/err")"
	text=$(jq -r --arg n "$name" '.checks[] | select(.name == $n) | .result, .reason, .fix' "$T/doctor.json")
	[ -n "$text" ] || fail "doctor has no row $name"
	expect_equal "$(sed -n 1p <<<"$text")" "$result" "$text"
	expect_match "$(sed -n 2p <<<"$text")" "$reason"
	expect_match "$(sed -n 3p <<<"$text")" "$fix"
}

check 'the exit status tells whether a row failed'
cp "$STOKER_CONFIG" "$T/good.conf"
row image ok 'kernel' '^$'
ok "$STOKER_PROGRAM" doctor
expect_match "$OUT" ', 0 fail'
mkdir -m 700 "$T/none"
expect_status 1 env STOKER_IMAGE_DIR="$T/none" "$STOKER_PROGRAM" doctor
expect_match "$OUT" ', 1 fail'

check 'no image, no supervisor'
row image fail 'no image micro' '^stoker image build micro$' env STOKER_IMAGE_DIR="$T/none" "$STOKER_PROGRAM" doctor --json
row supervisor fail 'names no program' '' env STOKER_SUPERVISOR=/nonexistent "$STOKER_PROGRAM" doctor --json

check 'a QEMU that is missing, mute, broken, old, without microvm, without its sandbox'
with_qemu() {
	{
		cat "$T/good.conf"
		printf '\n[qemu]\nbinary = %s\n' "$1"
	} >"$T/fake.conf"
	chmod 600 "$T/fake.conf"
	shift
	row qemu "$@" "$STOKER_PROGRAM" --config "$T/fake.conf" doctor --json
}
fake_qemu() {
	printf '%s\n' '#!/bin/sh' "$1" >"$T/fake-qemu"
	chmod 755 "$T/fake-qemu"
	shift
	with_qemu "$T/fake-qemu" "$@"
}
with_qemu /nonexistent/qemu fail 'not installed' 'apt-get install .*qemu-system-x86'
fake_qemu 'exit 0' fail 'does not tell its version' 'reinstall'
fake_qemu 'echo "it broke" >&2; exit 3' fail 'it broke' 'reinstall'
fake_qemu 'kill -9 $$' fail 'does not work' 'reinstall'
fake_qemu 'case $1 in -version) echo "QEMU emulator version 8.1.0" ;; *) echo "q35 PC" ;; esac' \
	fail 'no machine microvm' 'apt-get install'
fake_qemu 'case $1 in -version) echo "QEMU emulator version 4.2.0" ;; *) echo "microvm x" ;; esac' \
	warn 'older than what' 'apt-get install'
fake_qemu 'case $1 in -version) echo "QEMU emulator version 8.1.0" ;; -sandbox) echo "no sandbox" >&2; exit 1 ;; *) echo "microvm x" ;; esac' \
	warn 'without its sandbox: .*no sandbox' 'apt-get install'

check 'the small build of QEMU beside it: of the same version, of another, and where QEMU is named in the settings'
whole=$(command -v qemu-system-x86_64)
mkdir "$T/qemu"
ln -s "$whole" "$T/qemu/qemu-system-x86_64"
small_qemu() {
	printf '%s\n' '#!/bin/sh' "$1" >"$T/qemu/qemu-system-x86_64-microvm"
	chmod 755 "$T/qemu/qemu-system-x86_64-microvm"
	shift
	row qemu ok "$1" '' env PATH="$T/qemu:$PATH" "$STOKER_PROGRAM" doctor --json
}
small_qemu "exec $whole -version" 'run on its small build qemu-system-x86_64-microvm$'
small_qemu 'echo "QEMU emulator version 1.0"' 'small build is not used: it is another version: QEMU emulator version 1.0'
small_qemu 'echo "no library" >&2; exit 127' 'small build is not used: .*no library'
with_qemu "$whole" ok 'with microvm and sandbox' ''
rm "$T/qemu/qemu-system-x86_64-microvm"
row qemu ok 'with microvm and sandbox$' '' env PATH="$T/qemu:$PATH" "$STOKER_PROGRAM" doctor --json

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	check 'programs that images and disks are made with'
	mkdir "$T/bin"
	for tool in bash mke2fs debugfs dpkg-deb tar awk lz4; do
		ln -s "$(PATH=$PATH:/usr/sbin:/sbin command -v $tool)" "$T/bin/$tool"
	done
	cp -L "$(PATH=$PATH:/usr/sbin:/sbin command -v mke2fs)" "$T/mke2fs"
	# The folders of system programs are searched after PATH: they are empty there.
	# shellcheck disable=SC2016
	bare='mount -t tmpfs none /usr/sbin; mount -t tmpfs none /sbin 2>/dev/null
		PATH=$1 exec "$STOKER_PROGRAM" doctor --json'
	row tools fail 'mke2fs.*disks cannot be made' 'apt-get install .*e2fsprogs' unshare -m bash -c "$bare" bare "$T/bin"
	rm "$T/bin/mke2fs"
	mv "$T/mke2fs" "$T/bin/mke2fs"
	row tools warn '(apt-get|debugfs).*needed to build images only' 'apt-get install' unshare -m bash -c "$bare" bare "$T/bin"
	row kernel warn 'known to apt' 'apt-get update' unshare -m bash -c "$bare" bare "$T/bin"

	check 'no KVM, and a processor that nobody describes'
	: >"$T/empty"
	if [ -e /dev/kvm ]; then
		row kvm warn 'emulated \(tcg\)' '' unshare -m bash -c "mount --bind /dev/null /dev/kvm; exec '$STOKER_PROGRAM' doctor --json"
	fi
	row cpu warn 'unknown' 'guests run emulated' unshare -m bash -c "mount --bind '$T/empty' /proc/cpuinfo; exec '$STOKER_PROGRAM' doctor --json"

	check 'a full disk, and disks that would not fit'
	mkdir "$T/small"
	# shellcheck disable=SC2016
	on_disk='mount -t tmpfs -o size="$1",mode=0700 none "$0" && STOKER_STATE_DIR=$0/state STOKER_RUNTIME_DIR=$0/run \
		exec "$STOKER_PROGRAM" doctor --json --vms "$2"'
	row disk fail 'only [0-9]+ MiB free' 'choose another place' unshare -m bash -c "$on_disk" "$T/small" 20m 1
	row disk warn 'sparse' 'create --disk [0-9]+ ' unshare -m bash -c "$on_disk" "$T/small" 300m 2
	row disk ok 'need at most' '^$' unshare -m bash -c "$on_disk" "$T/small" 4g 1
else
	not_tried 'missing tools, KVM, the processor and a full disk need root and a mount namespace'
fi

check 'limits against the number of VMs asked for'
# shellcheck disable=SC2016
row files fail 'RLIMIT_NOFILE' '^ulimit -n 4064$' sh -c 'ulimit -Sn 256; exec "$STOKER_PROGRAM" doctor --json --vms 1000'
# shellcheck disable=SC2016
row files fail 'RLIMIT_NOFILE' 'limits.conf' sh -c 'ulimit -n 256; exec "$STOKER_PROGRAM" doctor --json --vms 1000'
row files ok 'descriptors allowed' '^$'
row memory fail 'may need up to' 'there is room for [0-9]+' "$STOKER_PROGRAM" doctor --json --vms 100000
available=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
row memory warn 'may need up to' 'there is room for [0-9]+' "$STOKER_PROGRAM" doctor --json --vms $((available / 256))
row memory ok 'need at most' '^$'

check 'pools against the number of VMs asked for'
row addresses fail '253 guest addresses are free, 300' 'network.pool' "$STOKER_PROGRAM" doctor --json --vms 300
row ports fail '100 host ports are free, 101' 'network.ports' "$STOKER_PROGRAM" doctor --json --vms 101
row ports ok 'host ports are free' '^$' "$STOKER_PROGRAM" doctor --json --vms 90
python3 -c "
import socket, time
held = []
for port in range($PORTS, $PORTS + 3):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('127.0.0.1', port))
    s.listen(1)
    held.append(s)
print('bound', flush=True)
time.sleep(60)" >"$T/bound" &
squatter=$!
script_finish() { kill "$squatter" 2>/dev/null; }
wait_until 5 grep -q bound "$T/bound"
row ports fail '97 of 100 host ports are free, 98' 'network.ports' "$STOKER_PROGRAM" doctor --json --vms 98

check 'places of ours that are missing, or not as they must be'
: >"$T/file"
row places fail "$T/file" '' env STOKER_IMAGE_DIR="$T/file/images" "$STOKER_PROGRAM" doctor --json
row places fail "$T/file.*(not a folder|Not a directory)" '' env STOKER_IMAGE_DIR="$T/file" "$STOKER_PROGRAM" doctor --json
expect_match "$(cat "$T/err")" '^stoker: the rest can be looked at once that is mended$'
chmod 755 "$STOKER_STATE_DIR"
row places fail "$STOKER_STATE_DIR is open to others .mode 755" "chmod 700 '$STOKER_STATE_DIR'\$"
expect_status 1 stoker doctor
expect_match "$OUT" 'fail  places .*'$'\n''.*fix: .*chmod 700.*'$'\n''0 ok, 0 warn, 1 fail'
chmod 700 "$STOKER_STATE_DIR"
cp "$STOKER_STATE_DIR/store.db" "$T/store.db"
sqlite3 "$STOKER_STATE_DIR/store.db" "PRAGMA user_version = 50; UPDATE meta SET v = '50' WHERE k = 'schema'"
row places fail 'newer' '.'
cp "$T/store.db" "$STOKER_STATE_DIR/store.db"
printf '[defaults]\nmemory_mib = lots\n' >"$T/bad.conf"
expect_status 2 stoker --config "$T/bad.conf" doctor
row state ok "$STOKER_STATE_DIR" '^$'

check 'what a user who is not root meets'
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
	not_tried 'only root can become another user'
else
	chmod 711 "$T"
	mkdir -m 700 "$T/user"
	program_for_others "$T/user"
	cp "$T/good.conf" "$T/user/stoker.conf"
	chown -R 65534:65534 "$T/user"
	user=("${nobody[@]}" env HOME="$T/user" LD_LIBRARY_PATH="$T/user" STOKER_CONFIG="$T/user/stoker.conf" STOKER_STATE_DIR="$T/user/state"
		STOKER_RUNTIME_DIR="$T/user/run" STOKER_IMAGE_DIR="$T/user/images" XDG_CONFIG_HOME="$T/user" "$T/user/stoker")
	ok "${user[@]}" list
	# shellcheck disable=SC2016
	row processes fail 'RLIMIT_NPROC' '^ulimit -u 8000$' bash -c 'ulimit -u 500 && exec "$@"' bash "${user[@]}" doctor --json --vms 1000
	row processes ok 'high enough' '^$' "${user[@]}" doctor --json --vms 1
	if [ -e /dev/kvm ] && ! "${nobody[@]}" test -w /dev/kvm; then
		row kvm warn 'tcg' 'usermod -aG kvm' "${user[@]}" doctor --json
	fi
	for mode in 000 500 300; do
		chmod $mode "$T/user/state"
		expect_status 1 "${user[@]}" create x
		expect_match "$ERR" "^stoker: .*$T/user/state.*(chmod|[Cc]heck)"
		row places fail "$T/user/state" '(chmod|[Cc]heck)' "${user[@]}" doctor --json
	done
	chmod 700 "$T/user/state"
	chown 0 "$T/user/state"
	expect_status 1 "${user[@]}" list
	expect_match "$ERR" '^stoker: .*belongs to user 0'
	chown 65534 "$T/user/state"
	ok "${user[@]}" list
fi
