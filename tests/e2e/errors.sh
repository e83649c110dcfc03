#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What bad input and a broken host get: a sentence that says what, why and what
# to do, the documented exit code, and nothing changed or lost.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need jq python3
need_image

# refused STATUS REGEX ARGS...: stderr is one line "stoker: what: why. what to do" that matches, stdout is empty, no
# record is made.
refused() {
	local status=$1 regex=$2 before after
	shift 2
	before=$(ls -A "$STOKER_STATE_DIR/vms" 2>/dev/null || true)
	expect_status "$status" "$STOKER_PROGRAM" "$@"
	expect_match "$ERR" '^stoker: .+[.?!)] [A-Za-z`].+'
	expect_equal "$(wc -l <"$T/err")" 1 "lines on stderr of $*"
	expect_match "$ERR" "$regex"
	expect_equal "$OUT" '' "stdout of $*"
	expect_no_match "$ERR" $'[\001-\011\013-\037\177]'
	after=$(ls -A "$STOKER_STATE_DIR/vms" 2>/dev/null || true)
	expect_equal "$after" "$before" "VM folders after $*"
}

check 'verbs and options that are not there, with the nearest that is'
refused 2 'no verb "lst".*"list"' lst
refused 2 'no option --memry.*--memory' create --memry 5
refused 2 'no verb "frobnicate"' frobnicate
refused 2 'VM' start
refused 2 'isolated' create x --disk-mode sideways
refused 2 'state "asleep"' list --status asleep

check 'names'
long=$(printf 'a%.0s' {1..300})
for name in '../x' '-oProxyCommand=x' $'a\nb' $'a\tb' $'\033[31mred' 'A' 'a b' 'a-' '.' '' 'ä' "$long"; do
	refused 2 'is no name for a VM' create -- "$name"
done
new_vm taken
refused 4 'already a VM called taken' create taken
ok stoker list --json
expect_equal "$(jq length <<<"$OUT")" 1

check 'sizes'
refused 2 'memory.*Allowed here: 96 to [0-9]+ MiB' create x --memory 5
refused 2 'memory.*Allowed here' create x --memory 999999999
refused 2 'vCPUs.*Allowed here: 1 to' create x --vcpus 4000
refused 2 'disk.*Allowed here: 64 to' create x --disk 1
refused 2 '' create x --memory banana
refused 2 '' create x --memory -5
refused 2 'label' create x --label 'no label'

check 'more than there is to check'
refused 2 'check takes nothing more, and there is "extra". Leave it away: .*stoker help config' config check extra
refused 2 'there is "defaults.memory_mib"' --json config check defaults.memory_mib

check 'labels that none can be'
for label in = =x a=b=c 'a,' 'a b' $'a\033[31m'; do
	for verb in list start stop 'delete --yes' inspect wait pause resume; do
		# shellcheck disable=SC2086 # a verb and its options
		refused 2 'is no label. A label is key or key=value' $verb --label "$label"
	done
	refused 125 'is no label. A label is key or key=value' exec --label "$label" -- true
	refused 2 'is no label. A label is key=value' create x --label "x=1,$label"
done
refused 2 '--label needs a value. Give it as --label K' list --label=
refused 2 '--label needs a value. Give it as --label K=V' create x --label ''

check 'what is not there'
refused 3 'no VM ghost' start ghost
refused 3 'no VM ghost' stop ghost
refused 3 'no VM ghost' delete ghost --force
refused 3 'no VM ghost' inspect ghost
refused 3 'look at a VM: there is no VM without a name' inspect ''
refused 125 'no VM ghost' exec ghost -- true
refused 4 'not running .created.. Nothing needs doing' stop taken
refused 4 'never started|it is created' pause taken
refused 4 'it is created' resume taken
refused 4 'taken: it is created\. Start it: stoker start taken$' wait taken
refused 4 'never started' shell taken
refused 4 'never started' ping taken
refused 3 'no VM ghost' wait ghost
refused 3 'no VM ghost' logs ghost
refused 3 'no VM ghost' ping ghost
refused 3 'no VM ghost' shell ghost
refused 3 'no VM ghost' timings ghost
refused 3 'no VM ghost' events ghost
refused 3 'no VM ghost' pause ghost
refused 3 'no VM ghost' resize ghost --disk 3G
refused 3 'no ghost in the trash' trash restore ghost
refused 3 'nothing to adopt' reconcile --adopt ghost
refused 3 'no image nosuch' image delete nosuch
refused 3 'no file that can be read' image build micro --name kk --kernel /nowhere
refused 1 'neither a vmlinux nor a bzImage. Give --kernel' image build micro --name kk --kernel /etc/passwd
refused 2 'takes no packages' image build micro --name kk --package vim
refused 125 'no VM ghost' exec ghost -- true
refused 125 'image nosuch' run --image nosuch -- true
refused 125 'no command' run
refused 125 'no VM is named' exec
refused 5 'image nosuch' create x --image nosuch

check 'places that are none'
for option in --state --runtime --image-dir --config; do
	refused 2 "$option needs a value" $option '' list
	refused 2 "$option needs a value" $option= list
done
expect_no_file "$PWD/store.db"
refused 1 "cannot make the folder /proc/nowhere.*--state DIR" --state /proc/nowhere list
refused 1 "cannot make the folder /proc/nowhere.*--runtime DIR" --runtime /proc/nowhere list
refused 1 "passwd is not a folder.*--state DIR" --state /etc/passwd list
long=$T/$(printf 'x%.0s' {1..250})/$(printf 'y%.0s' {1..250})
mkdir -p "$long"
chmod 700 "$long"
refused 1 'Choose a folder with a shorter path: SQLite takes at most 512 bytes' --state "$long" list
refused 1 "passwd is not a folder.*--image-dir DIR" --image-dir /etc/passwd list
refused 2 'backend' create x --backend nosuch
refused 3 'recipe nosuch' image build nosuch

check 'the wrong state'
refused 4 'not running' stop taken
refused 125 'never started' exec taken -- true
ok stoker start taken
refused 4 'already running' start taken
refused 4 'running' delete taken
refused 4 'use' image delete micro
ok stoker wait taken
expect_status 127 stoker exec taken -- no-such-program
expect_match "$ERR" 'no-such-program'
expect_status 7 stoker exec taken -- sh -c 'exit 7'
expect_status 137 stoker exec taken -- sh -c 'kill -9 $$'
expect_status 125 stoker exec taken --timeout 1 -- sleep 60
expect_match "$ERR" '(time|1 s|second)'
ok stoker exec taken -- true

id=$(vm_field taken id)
ok stoker delete taken --force
[ ! -e "$STOKER_STATE_DIR/vms/$id" ] || fail 'its folder is still there'

check 'QEMU missing, broken, and hanging'
new_vm q
cp "$STOKER_CONFIG" "$T/good.conf"
broken_qemu() {
	{
		cat "$T/good.conf"
		printf '\n[qemu]\nbinary = %s\n' "$1"
	} >"$T/broken.conf"
	chmod 600 "$T/broken.conf"
}
broken_qemu /nonexistent/qemu
refused 5 'QEMU|qemu' --config "$T/broken.conf" start q
refused 5 'QEMU|qemu' --config "$T/broken.conf" create other
expect_match "$ERR" 'apt-get install|qemu.binary'
printf '#!/bin/sh\necho "qemu: something is rotten" >&2\nexit 3\n' >"$T/fake-qemu"
chmod 755 "$T/fake-qemu"
broken_qemu "$T/fake-qemu"
refused 1 'something is rotten' --config "$T/broken.conf" start q
expect_equal "$(vm_field q status)" error
printf '#!/bin/sh\nexec sleep 1000\n' >"$T/fake-qemu"
expect_status 6 stoker --config "$T/broken.conf" start q --timeout 2
[ -z "$(holders)" ] || fail "a hanging VMM was left: $(holders)"
expect_status 1 stoker --config "$T/broken.conf" doctor
expect_match "$OUT" 'fail +qemu'
ok stoker start q
ok stoker delete q --force

check 'settings that make no sense'
printf '[defaults]\nmemory_mib = lots\n' >"$T/bad.conf"
refused 2 "bad.conf:2" --config "$T/bad.conf" create x
status=0
"$STOKER_PROGRAM" --config "$T/not-there.conf" create x >"$T/out" 2>"$T/err" || status=$?
[ "$status" != 0 ] || fail 'a named configuration file that does not exist was ignored'
expect_match "$(cat "$T/err")" 'not-there.conf'

check 'no free port, no free address'
sed "s/^ports = .*/ports = $PORTS-$PORTS/" "$T/good.conf" >"$T/one.conf"
chmod 600 "$T/one.conf"
ok stoker --config "$T/one.conf" create first
expect_status 1 stoker --config "$T/one.conf" create second
expect_match "$ERR" 'port'
ok stoker delete first
python3 -c "
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', $PORTS)); s.listen(1)
print('bound', flush=True); time.sleep(60)" >"$T/bound" &
squatter=$!
script_finish() { kill "$squatter" 2>/dev/null; }
wait_until 5 grep -q bound "$T/bound"
expect_status 1 stoker --config "$T/one.conf" create second
expect_match "$ERR" 'port'
# With the port taken only after the create: QEMU cannot bind it, and the sentence says which.
kill $squatter
wait $squatter 2>/dev/null || true
ok stoker --config "$T/one.conf" create second --egress none
python3 -c "
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', $PORTS)); s.listen(1)
print('bound again', flush=True); time.sleep(60)" >"$T/bound" &
squatter=$!
wait_until 5 grep -q again "$T/bound"
expect_status 1 stoker start second
expect_match "$ERR" "$PORTS|port|hostfwd|forward"
kill $squatter
wait $squatter 2>/dev/null || true
ok stoker start second
ok stoker delete second --force

check 'a VM that never becomes ready: its last console lines are in the message'
mkdir "$T/mute"
cat >"$T/mute.c" <<'C'
#include <stdio.h>
#include <unistd.h>
int main(void)
{
	puts("mute guest: I shall never say hello");
	fflush(stdout);
	for (;;)
		pause();
}
C
musl-gcc -static -o "$T/mute/init" "$T/mute.c"
cp -r "$STOKER_IMAGE_DIR/micro" "$T/images-micro"
(cd "$T/mute" && mkdir dev && find . | cpio -o -H newc --quiet) >"$T/images-micro/initrd"
mkdir -m 700 "$T/images"
mv "$T/images-micro" "$T/images/micro"
ok stoker --image-dir "$T/images" create mute --memory 256
ok stoker --image-dir "$T/images" start mute
wait_until 60 grep -q 'never say hello' "$STOKER_STATE_DIR/vms/$(vm_field mute id)/console.log"
expect_status 6 stoker --image-dir "$T/images" wait mute --timeout 1
expect_match "$ERR" 'I shall never say hello'
expect_status 125 stoker --image-dir "$T/images" exec mute --timeout 1 -- true
ok stoker delete mute --force

check 'a guest whose init dies'
printf 'int main(void) { return 3; }\n' >"$T/mute.c"
musl-gcc -static -o "$T/mute/init" "$T/mute.c"
(cd "$T/mute" && find . | cpio -o -H newc --quiet) >"$T/images/micro/initrd"
ok stoker --image-dir "$T/images" create dying --memory 256 --start
status=0
"$STOKER_PROGRAM" --image-dir "$T/images" wait dying --timeout 60 >"$T/out" 2>"$T/err" || status=$?
[ "$status" != 0 ] || fail 'a guest whose init died counts as ready'
expect_match "$(cat "$T/err")" 'dying'
ok stoker delete dying --force

check 'agents that lie, stall, flood or send garbage: that VM alone is affected'
cp "$STOKER_IMAGE_DIR/micro/initrd" "$T/honest.cpio"
rm -r "$T/mute" && mkdir -p "$T/mute/dev" "$T/mute/proc" "$T/mute/sys"
(cd "$T/mute" && cpio -id --quiet 'modules/*' <"$T/honest.cpio")
musl-gcc -static -O1 -Wall -Werror -I "$SOURCE_DIR/src/guest" -o "$T/mute/init" "$SOURCE_DIR/tests/e2e/hostile_init.c"
(cd "$T/mute" && find . | cpio -o -H newc --quiet) >"$T/images/micro/initrd"
new_vm honest --start
ok stoker wait honest
for name in garbage half stall flood liar; do
	ok stoker --image-dir "$T/images" create $name --memory 128 --disk-mode shared --network none --start
	# Long enough to boot: what is told then is of what the guest did, not that it did nothing yet.
	expect_status 125 stoker --image-dir "$T/images" exec $name --timeout 8 -- true
	expect_match "$ERR" "^stoker: "
	expect_match "$ERR" "$name"
	expect_no_match "$ERR" $'[\001-\011\013-\037\177]'
	say "   $name: $ERR"
	expect_equal "$(timeout 20 "$STOKER_PROGRAM" exec honest -- echo as ever)" 'as ever' "beside $name"
	expect_equal "$(vm_field $name status)" running
	pss=$(awk '/^Pss:/ { print $2 }' "/proc/$(vm_field $name supervisor_pid)/smaps_rollup")
	[ "$pss" -lt 4096 ] || fail "$name made its supervisor grow to $pss KiB"
	ok stoker stop $name --timeout 1
	ok stoker delete $name
done
ok stoker delete honest --force

check 'a full disk'
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	mkdir "$T/small"
	cat >"$T/full.sh" <<'S'
set -e
mount -t tmpfs -o size=1200k,mode=0700 none "$T/small"
export STOKER_STATE_DIR=$T/small/state STOKER_RUNTIME_DIR=$T/small/run
"$STOKER_PROGRAM" list >/dev/null
dd if=/dev/zero of="$T/small/filler" bs=1k 2>/dev/null || true
status=0
"$STOKER_PROGRAM" create full --disk 64 >"$T/out" 2>"$T/err" || status=$?
rm "$T/small/filler"
echo "status $status, records $("$STOKER_PROGRAM" list --json | jq length), folders $(ls "$T/small/state/vms" | wc -l)"
S
	export T
	ok unshare -m bash "$T/full.sh"
	expect_match "$OUT" 'status 1, records 0, folders 0'
	expect_match "$(cat "$T/err")" 'only [0-9]+ MiB are free in'
else
	not_tried 'a full disk needs root and a mount namespace'
fi

check 'a limit on the size of files'
cut_short() {
	(ulimit -f 512 && exec "$STOKER_PROGRAM" "$@") # bash counts KiB
}
expect_status 1 cut_short create small --quiet
expect_match "$ERR" 'File too large'
ok stoker reconcile --dry-run --json
expect_equal "$(json '.findings | length')" 0
ok stoker list --json
expect_equal "$(json 'map(select(.name == "small")) | length')" 0

# Its supervisor lives on when the console's log has reached it, and so does the VM.
ok stoker create chatty --memory 128 --disk-mode shared --network none --quiet
ok cut_short start chatty --wait --quiet
stoker exec chatty -- sh -c 'i=0; while [ $i -lt 12000 ]; do echo "$i: what a chatty service says, over and over again"; i=$((i + 1)); done >/dev/console'
log=$STOKER_STATE_DIR/vms/$(vm_field chatty id)/console.log
wait_until 20 bash -c "[ \$(stat -c %s '$log') = $((512 << 10)) ]"
ok stoker exec chatty -- echo still here
expect_equal "$OUT" 'still here'
ok stoker list --json
expect_equal "$(json '.[] | select(.name == "chatty") | [.status, .stale] | join(" ")')" 'running false'
ok stoker delete chatty --force

check 'places that are not ours, or open to others'
new_vm keeper
chmod 755 "$STOKER_STATE_DIR"
expect_status 1 stoker list
expect_match "$ERR" 'open to others.*chmod 700'
chmod 700 "$STOKER_STATE_DIR"
if [ "$(id -u)" = 0 ]; then
	chown 65534 "$STOKER_STATE_DIR"
	expect_status 1 stoker list
	expect_match "$ERR" 'belongs to user'
	chown 0 "$STOKER_STATE_DIR"
fi
ok stoker inspect keeper

check 'a folder or a disk in whose place something else stands'
folder=$STOKER_STATE_DIR/vms/$(vm_field keeper id)
mv "$folder/disk.ext4" "$T/kept"
mkfifo "$folder/disk.ext4"
refused 5 'no file.*stoker delete keeper' start keeper --timeout 20
rm "$folder/disk.ext4"
mv "$T/kept" "$folder/disk.ext4"
mv "$folder" "$T/kept"
ln -s "$T/kept" "$folder"
refused 4 'no folder of its own.*stoker reconcile' start keeper
refused 4 'no folder of its own.*stoker reconcile' delete keeper
rm "$folder"
mv "$T/kept" "$folder"
ok stoker reconcile --dry-run --json
expect_equal "$(json '.findings | length')" 0

check 'places whose paths a shell, an option list or a socket would take amiss'
odd="$T/a,b=c 'd\" \$(id);é%s$(printf 'x%.0s' {1..120})"
mkdir -m 700 "$odd" "$odd/images"
cp -r "$STOKER_IMAGE_DIR/micro" "$odd/images/micro"
places=(--state "$odd/state" --runtime "$odd/run" --image-dir "$odd/images")
ok stoker "${places[@]}" create odd --memory 256 --egress none --start
for via in channel ssh; do
	ok stoker "${places[@]}" exec odd --via $via -- sh -c 'echo "$0"; df -m / | tail -n 1' $via
	expect_match "$OUT" "$via"
done
# Two stokers beside each other know nothing of each other, and mend nothing of each other's.
ok stoker reconcile --yes
ok stoker list --json
expect_equal "$(jq '[.[] | select(.name == "odd")] | length' <<<"$OUT")" 0
expect_status 3 stoker stop odd
ok stoker "${places[@]}" exec odd -- true
ok stoker "${places[@]}" pause odd
ok stoker "${places[@]}" resume odd
ok stoker "${places[@]}" stop odd
ok stoker "${places[@]}" start odd --wait
kill -9 "$(stoker "${places[@]}" inspect odd --json | jq .pid)"
wait_until 5 sh -c '"$@" | jq -e ".[0].status == \"crashed\""' sh "$STOKER_PROGRAM" "${places[@]}" list --json
ok stoker "${places[@]}" reconcile --dry-run --json
expect_equal "$(jq '.findings | length' <<<"$OUT")" 0
ok stoker "${places[@]}" delete odd
expect_equal "$(find "$odd/state/vms" "$odd/run/vms" -mindepth 1)" ''

check 'a corrupt store is rebuilt from the manifests, and says so'
dd if=/dev/urandom of="$STOKER_STATE_DIR/store.db" bs=4096 count=6 conv=notrunc 2>/dev/null
ok stoker list
expect_match "$OUT" 'keeper'
expect_match "$ERR" 'corrupt|damaged|rebuilt'
ok stoker inspect keeper --json
[ -n "$(find "$STOKER_STATE_DIR" -maxdepth 1 -name 'store.db?*' ! -name '*-journal')" ] || fail 'the corrupt store was not kept'

check 'a store of a newer stoker is refused and left alone'
store_version() {
	python3 - "$STOKER_STATE_DIR/store.db" "$1" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
was = db.execute("PRAGMA user_version").fetchone()[0]
db.execute("UPDATE meta SET v = ? WHERE k = 'schema'", (sys.argv[2],))
db.execute("PRAGMA user_version = %d" % int(sys.argv[2]))
db.commit()
print(was)
PY
}
was=$(store_version 50)
sum=$(sha256sum <"$STOKER_STATE_DIR/store.db")
expect_status 1 stoker list
expect_match "$ERR" 'newer'
expect_status 1 stoker create another
expect_match "$ERR" 'newer'
expect_equal "$(sha256sum <"$STOKER_STATE_DIR/store.db")" "$sum" 'the newer store'
store_version "$was" >/dev/null
ok stoker delete keeper
