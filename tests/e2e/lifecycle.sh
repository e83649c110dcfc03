#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM's life on real QEMU: states, locks, disk modes, what survives a restart, what crashed and errors do.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need jq
need_image

state_of() {
	vm_field "$1" status
}

is_state() {
	[ "$(state_of "$1")" = "$2" ]
}

in_guest() {
	local vm=$1
	shift
	stoker exec "$vm" -- sh -c "$*"
}

check "created, running, stopped, running again: what was written stays"
new_vm a
expect_equal "$(state_of a)" created
ok stoker start a
expect_equal "$(state_of a)" running
expect_status 4 stoker start a
expect_match "$ERR" "already running"
ok stoker exec a -- sh -c 'echo kept > /root/file; sync; cat /proc/cmdline; hostname'
expect_match "$OUT" "stoker.host=a "
expect_match "$OUT" $'\n'"a$"
if [ "$(vm_field a accel)" = tcg ]; then
	# Without it about one boot in ten never ends on a loaded host.
	expect_match "$OUT" "tsc_early_khz=[1-9][0-9]+"
fi
host_key=$(vm_field a host_key)
expect_match "$host_key" "^ssh-ed25519 "
expect_status 4 stoker delete a
expect_match "$ERR" "running"
ok stoker stop a
expect_equal "$(state_of a)" stopped
expect_status 4 stoker stop a
ok stoker start a --wait
expect_equal "$(in_guest a 'cat /root/file')" kept
expect_equal "$(vm_field a host_key)" "$host_key" "an isolated disk keeps its host key"

check "restart: another process, the same disk; one that does not run is started; an ephemeral one is left"
pid=$(vm_field a pid)
ok stoker restart a --wait
[ "$(vm_field a pid)" != "$pid" ] || fail "the process is the same"
expect_equal "$(in_guest a 'cat /root/file')" kept
expect_match "$(stoker logs a)" 'Power down'
ok stoker stop a --force
ok stoker restart a --force --wait
is_state a running || fail "a stopped VM is not started"
new_vm short --ephemeral
expect_status 4 stoker restart short
expect_match "$ERR" 'restart short: it is ephemeral'
ok stoker delete short
expect_status 3 stoker restart nobody

check "QEMU runs the microvm machine, in its sandbox, with no shell in between"
pid=$(vm_field a pid)
line=$(tr '\0' ' ' <"/proc/$pid/cmdline")
expect_match "$line" "-M microvm"
expect_match "$line" "-sandbox on"
supervisor=$(vm_field a supervisor_pid)
expect_equal "$(awk '{ print $4 }' "/proc/$pid/stat")" "$supervisor" "the VMM is the supervisor's child"
expect_match "$(cat "/proc/$supervisor/status")" "PPid:[[:space:]]1"

check "another VM sees neither files nor disk of the first"
new_vm b
ok stoker start b
in_guest b 'test ! -e /root/file && echo other > /root/file'
expect_equal "$(in_guest a 'cat /root/file')" kept
expect_equal "$(in_guest b 'cat /root/file')" other
expect_no_match "$(vm_field b ip)" "^$(vm_field a ip)$"
ok stoker delete --force b

check "a VMM that dies by itself is crashed, with its exit kept, and starts again"
kill -9 "$pid"
wait_until 5 is_state a crashed
ok stoker inspect a --json
expect_match "$OUT" "signal 9"
ok stoker start a --wait
expect_equal "$(in_guest a 'cat /root/file')" kept

check "a guest that powers itself off is stopped; one that resets is crashed"
stoker exec a -- poweroff >/dev/null 2>&1 || true
wait_until 10 is_state a stopped
ok stoker start a --wait
stoker exec a -- sh -c 'echo b > /proc/sysrq-trigger' >/dev/null 2>&1 || true
wait_until 10 is_state a crashed
ok stoker start a

check "the VM goes on without its supervisor, and the next command adopts it"
ok stoker wait a --for ready
old=$(vm_field a supervisor_pid)
boot_id=$(in_guest a 'cat /proc/sys/kernel/random/boot_id')
kill -9 "$old"
# Until it is gone its socket takes connections, and an exec then says that it was closed.
wait_until 5 test ! -d "/proc/$old"
expect_equal "$(in_guest a 'cat /proc/sys/kernel/random/boot_id')" "$boot_id"
expect_no_match "$(vm_field a supervisor_pid)" "^($old|null)$"
kill -9 "$(vm_field a pid)"
wait_until 5 is_state a crashed
ok stoker delete a

check "two starts at once: one running VM, one clear no"
new_vm c
first=0 second=0
stoker start c >"$T/1" 2>&1 &
one=$!
stoker start c >"$T/2" 2>&1 || second=$?
wait $one || first=$?
expect_equal $((first + second)) 4
expect_match "$(cat "$T/1" "$T/2")" "already running"
expect_equal "$(state_of c)" running

check "two deletes at once: one does it, the other says that it was done"
new_vm twice
flock "$STOKER_STATE_DIR/vms/$(vm_field twice id)" sleep 1 & # so that both wait for it
sleep 0.3
first=0 second=0
stoker delete twice >"$T/1" 2>&1 &
one=$!
stoker delete twice >"$T/2" 2>&1 || second=$?
wait $one || first=$?
expect_equal $((first + second)) 3
expect_match "$(cat "$T/1" "$T/2")" "delete twice: it was deleted just now"

check "ten parallel creates of one name: one wins; of no name: ten VMs with their own address and port"
for i in 1 2 3 4 5 6 7 8 9 10; do
	(stoker create same --memory 128 && echo won) >"$T/same.$i" 2>&1 &
	stoker create --memory 128 --label batch=x >"$T/free.$i" 2>&1 &
done
for job in $(jobs -p); do wait "$job" || true; done
expect_equal "$(cat "$T"/same.* | grep -c '^won$')" 1
ok stoker list --label batch=x --json
expect_equal "$(json length)" 10
expect_equal "$(json '[.[].ip] | unique | length')" 10
expect_equal "$(json '[.[].ssh_port] | unique | length')" 10
ok stoker delete --all --yes --force
ok stoker list --json
expect_equal "$OUT" "[]"

check "disk mode shared: nothing persists, nothing leaks, no disk is made"
new_vm s --disk-mode shared
expect_no_file "$STOKER_STATE_DIR/vms/$(vm_field s id)/disk.ext4"
ok stoker start s
in_guest s 'echo gone > /root/file'
new_vm s2 --disk-mode shared
ok stoker start s2
in_guest s2 'test ! -e /root/file'
ok stoker delete --force s2
ok stoker stop s
ok stoker start s
in_guest s 'test ! -e /root/file'
in_guest s 'df -h / | tail -1'
ok stoker delete --force s

check "disk mode copy: the root file system itself, writable and grown"
new_vm d --disk-mode copy --disk 128
ok stoker start d
in_guest d 'echo mine > /root/file; sync'
size=$(in_guest d 'df -k / | tail -1' | awk '{ print $2 }')
[ "$size" -gt 90000 ] || fail "the copy was not grown: $size KiB"
disk=$STOKER_STATE_DIR/vms/$(vm_field d id)/disk.ext4
ok stoker stop --force d
PATH=$PATH:/sbin:/usr/sbin dumpe2fs -h "$disk" 2>/dev/null | grep -q has_journal || fail "a writable copy without a journal"
ok stoker start d
expect_equal "$(in_guest d 'cat /root/file')" mine
ok stoker delete --force d

check "isolated: the disk has the size asked for"
new_vm e --disk 300
ok stoker start e
size=$(in_guest e 'df -k / | tail -1' | awk '{ print $2 }')
{ [ "$size" -gt 230000 ] && [ "$size" -lt 307200 ]; } || fail "a disk of 300 MiB shows $size KiB"

check "stop: asked first, killed at the deadline, at once with --force"
in_guest e 'echo unsynced > /root/late'
ok stoker stop e
ok stoker start e
expect_equal "$(in_guest e 'cat /root/late')" unsynced
kill -STOP "$(vm_field e pid)"
before=$(date +%s%N)
ok stoker stop e --timeout 0.5
took=$((($(date +%s%N) - before) / 1000000))
[ "$took" -lt 3000 ] || fail "a hung VMM was killed only after $took ms"
expect_equal "$(state_of e)" stopped
# hung_stop FROM TO ARGS...: stopping a VM whose VMM hangs takes so many ms.
hung_stop() {
	local from=$1 to=$2
	shift 2
	kill -STOP "$(vm_field e pid)"
	before=$(date +%s%N)
	ok stoker stop e "$@"
	took=$((($(date +%s%N) - before) / 1000000))
	{ [ "$took" -ge "$from" ] && [ "$took" -le "$to" ]; } || fail "stop $* took $took ms"
}
ok stoker start e
ok stoker wait e
hung_stop 2900 6000
ok stoker start e
ok stoker wait e
hung_stop 0 1500 --force

check "no network card: a way in all the same, by the channel"
new_vm n --network none
expect_equal "$(vm_field n ssh_port)" null
ok stoker start n
expect_equal "$(in_guest n 'ls /sys/class/net')" lo
expect_status 125 stoker exec --via ssh n -- true
# What is advised fits whoever wanted SSH: exec, shell and wait.
expect_status 5 stoker wait --for ssh n
expect_match "$ERR" 'Use the channel: stoker exec n -- COMMAND'
ok stoker delete --force n e

check "an ephemeral VM leaves nothing, however it ends"
new_vm f --ephemeral
ok stoker start f
kill -9 "$(vm_field f pid)"
gone() { [ "$(stoker list --json | jq length)" = 0 ]; }
wait_until 5 gone
new_vm g --ephemeral
ok stoker start g
ok stoker wait g
kill -STOP "$(vm_field g pid)"
before=$(date +%s%N)
ok stoker stop g
took=$((($(date +%s%N) - before) / 1000000))
[ "$took" -lt 1500 ] || fail "an ephemeral VM is not asked, and took $took ms"
wait_until 1 gone

check "a broken VMM is an error with its own words, and can be started when mended"
new_vm h
printf '#!/bin/sh\necho "this QEMU is broken" >&2\nexit 1\n' >"$T/qemu"
chmod +x "$T/qemu"
cp "$STOKER_CONFIG" "$T/good.conf"
printf '\n[qemu]\nbinary = %s\n' "$T/qemu" >>"$STOKER_CONFIG"
expect_status 1 stoker start h
expect_match "$ERR" "this QEMU is broken"
expect_equal "$(state_of h)" error
printf '[qemu]\nbinary = no-such-qemu\n' >"$STOKER_CONFIG"
expect_status 5 stoker start h
expect_match "$ERR" "no-such-qemu.*apt-get install"
cp "$T/good.conf" "$STOKER_CONFIG"
ok stoker start h --wait
expect_equal "$(in_guest h 'echo well')" well

check "a QEMU that was built without the sandbox is used without it"
ok stoker stop h
cat >"$T/qemu" <<'EOF'
#!/bin/sh
case " $* " in *" -sandbox "*) echo "qemu: -sandbox: There is no option group 'sandbox'" >&2; exit 1 ;; esac
exec qemu-system-x86_64 "$@"
EOF
printf '\n[qemu]\nbinary = %s\n' "$T/qemu" >>"$STOKER_CONFIG"
ok stoker start h
expect_no_match "$(tr '\0' ' ' <"/proc/$(vm_field h pid)/cmdline")" "-sandbox"
stoker doctor --json >"$T/doctor" || [ $? = 1 ]
expect_equal "$(json '.checks[] | select(.name == "qemu") | .result' "$(cat "$T/doctor")")" warn
expect_match "$(json '.checks[] | select(.name == "kernel") | .result' "$(cat "$T/doctor")")" '^(ok|warn)$'
cp "$T/good.conf" "$STOKER_CONFIG"

check "a port that somebody else took is named"
ok stoker stop h
port=$(vm_field h ssh_port)
python3 -c "
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', $port)); s.listen(1)
open('$T/bound', 'w').close(); time.sleep(60)" &
taker=$!
wait_until 5 test -e "$T/bound"
expect_status 1 stoker start h
expect_match "$ERR" "port $port"
kill $taker
wait $taker 2>/dev/null || true
ok stoker start h

check "a full disk: a clear error, and nothing is lost or left"
if [ "$(id -u)" = 0 ] && mkdir "$T/small" && mount -t tmpfs -o size=900k,mode=700 tmpfs "$T/small" 2>/dev/null; then
	status=0
	STOKER_STATE_DIR=$T/small/s STOKER_RUNTIME_DIR=$T/small/r stoker create full >"$T/out" 2>&1 || status=$?
	left=$(find "$T/small/s/vms" -mindepth 1 2>/dev/null | wc -l)
	text=$(cat "$T/out")
	umount "$T/small"
	expect_equal "$status" 1
	expect_match "$text" "[Nn]o space|disk"
	expect_equal "$left" 0
else
	not_tried 'a small file system needs root and the right to mount it'
fi

check "an ordinary user: the places of a user, a whole life, nothing open to others"
if [ "$(id -u)" = 0 ]; then
	home=$T/user
	ordinary=(setpriv --reuid 65534 --regid 65534 --clear-groups env -i HOME="$home" PATH="$PATH" LC_ALL=C.UTF-8
		LD_LIBRARY_PATH="$home" "$home/stoker")
	chmod 711 "$T"
	mkdir -m 700 "$home" "$home/.config" "$home/.config/stoker" "$home/.local" "$home/.local/state" "$home/.local/state/stoker" \
		"$home/.local/state/stoker/images"
	cp "$STOKER_CONFIG" "$home/.config/stoker/stoker.conf"
	cp -r "$STOKER_IMAGE_DIR/micro" "$home/.local/state/stoker/images/"
	program_for_others "$home"
	chown -R 65534:65534 "$home"
	cd /
	ok "${ordinary[@]}" config --json
	expect_equal "$(json '.places | [.state, .runtime, .config] | join(" ")')" \
		"$home/.local/state/stoker $home/.local/state/stoker/run $home/.config/stoker/stoker.conf"
	ok "${ordinary[@]}" create u --memory 256 --start --wait
	ok "${ordinary[@]}" inspect u --json
	for process in .pid .supervisor_pid; do
		expect_equal "$(stat -c %u "/proc/$(json $process)")" 65534 "whose $process is"
	done
	for via in channel ssh; do
		ok "${ordinary[@]}" exec u --via $via -- id -u
		expect_equal "$OUT" 0
	done
	expect_equal "$(find "$home/.local/state/stoker" ! -type l -perm /077)" '' 'open to others'
	expect_equal "$(find "$home" ! -user 65534)" '' 'not of the user'
	ok "${ordinary[@]}" stop u
	ok "${ordinary[@]}" reconcile --dry-run --json
	expect_equal "$(json '.findings | length')" 0
	ok "${ordinary[@]}" delete u
	expect_equal "$(find "$home/.local/state/stoker/vms" "$home/.local/state/stoker/run/vms" -mindepth 1)" ''
fi
