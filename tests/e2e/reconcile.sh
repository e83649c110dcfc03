#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the store lost and the host still has: a corrupt or vanished store while
# a VM runs, VMMs and folders without a record, and what must never be touched.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need jq sqlite3
need_image

findings() {
	ok stoker reconcile --dry-run --json
	jq -r "$1" <<<"$OUT"
}

agree() {
	expect_equal "$(findings '.findings | length')" 0 'findings'
}

forget() {
	sqlite3 "$STOKER_STATE_DIR/store.db" "PRAGMA foreign_keys=ON; DELETE FROM vm WHERE name='$1'"
}

new_vm a
ok stoker start a
ok stoker wait a --for ready
pid=$(vm_field a pid)
id=$(vm_field a id)
new_vm b

check 'a store that becomes corrupt: rebuilt, and the VM that runs is known to run'
printf 'this is no database' >"$STOKER_STATE_DIR/store.db"
ok stoker list --json
expect_match "$ERR" 'rebuilt from 2 manifests'
expect_equal "$(vm_field a pid)" "$pid" 'the VMM after the rescue'
expect_equal "$(vm_field a status)" running
expect_equal "$(vm_field b status)" created
ok stoker exec a -- echo still
expect_equal "$OUT" still
agree

check 'a store that vanishes: the same'
rm "$STOKER_STATE_DIR/store.db"
ok stoker exec a -- echo again
expect_equal "$OUT" again
expect_equal "$(vm_field a pid)" "$pid"
agree

check 'a VMM without a record: shown, left alone without a choice, then adopted'
forget a
expect_equal "$(findings '.findings[0] | "\(.kind) \(.ask) \(.pid)"')" "orphan_vmm true $pid"
stoker reconcile --yes >/dev/null 2>&1 || true
[ -d "/proc/$pid" ] || fail 'reconcile --yes ended a VMM that nobody chose'
ok stoker reconcile --adopt "$id"
expect_equal "$(vm_field a pid)" "$pid"
ok stoker exec a -- echo adopted
expect_equal "$OUT" adopted
agree

check 'a VMM without a record: ended, with all it held'
forget a
ok stoker reconcile --end "$id"
wait_until 5 test ! -d "/proc/$pid"
expect_no_file "$STOKER_STATE_DIR/vms/$id"
expect_no_file "$STOKER_RUNTIME_DIR/vms/$id"
agree

check 'a socket that somebody removed: the VM goes on under another supervisor'
new_vm s
ok stoker start s
ok stoker wait s --for ready
ok stoker exec s -- sh -c 'echo kept >/root/file; sync'
pid=$(vm_field s pid)
rm "$STOKER_RUNTIME_DIR/vms/$(vm_field s id)/control.sock"
expect_status 125 stoker exec s -- true
expect_match "$ERR" 'stoker reconcile'
expect_equal "$(findings '.findings[0] | "\(.kind) \(.ask) \(.pid)"')" "lost_supervisor false $pid"
ok stoker reconcile --yes
ok stoker exec s -- cat /root/file
expect_equal "$OUT" kept
expect_equal "$(vm_field s pid)" "$pid"
agree

check 'all its sockets: it is ended when somebody says so, and starts again'
find "$STOKER_RUNTIME_DIR/vms/$(vm_field s id)" -type s -delete
expect_equal "$(findings '.findings[0] | "\(.kind) \(.ask) \(.pid)"')" "lost_supervisor true $pid"
stoker reconcile --yes >/dev/null 2>&1 || true
[ -d "/proc/$pid" ] || fail 'reconcile --yes ended a VM that nobody chose'
ok stoker reconcile --end s
wait_until 5 test ! -d "/proc/$pid"
expect_equal "$(vm_field s status)" stopped
agree
ok stoker start s
ok stoker exec s -- cat /root/file
expect_equal "$OUT" kept
ok stoker delete s --force

check 'a folder without a record: left while somebody uses it, then removed'
id=$(vm_field b id)
forget b
exec 9<"$STOKER_STATE_DIR/vms/$id/disk.ext4"
agree
exec 9<&-
expect_equal "$(findings '.findings[0].kind')" orphan_dir
ok stoker reconcile --yes
expect_no_file "$STOKER_STATE_DIR/vms/$id"
agree

check 'a folder that only looks like ours is not touched'
mkdir -m 0700 "$STOKER_STATE_DIR/vms/0123456789abcdef"
echo precious >"$STOKER_STATE_DIR/vms/0123456789abcdef/disk.ext4"
touch -d '1 hour ago' "$STOKER_STATE_DIR/vms/0123456789abcdef"
agree
ok stoker reconcile --yes
expect_file "$STOKER_STATE_DIR/vms/0123456789abcdef/disk.ext4"
rm -r "$STOKER_STATE_DIR/vms/0123456789abcdef"

check 'a recorded pid that is an innocent process now: it is not signalled'
new_vm c
sleep 1000 &
innocent=$!
boot=$(cat /proc/sys/kernel/random/boot_id)
sqlite3 "$STOKER_STATE_DIR/store.db" "UPDATE vm SET state=2, vmm_pid=$innocent, vmm_ticks=1, vmm_boot='$boot',
	sup_pid=$innocent, sup_ticks=1, sup_boot='$boot' WHERE name='c'"
expect_equal "$(findings '.findings[0].kind')" dead_process
ok stoker reconcile --yes
ok stoker delete c --force
[ -d "/proc/$innocent" ] || fail 'an innocent process was ended'
kill "$innocent"
wait "$innocent" 2>/dev/null || true
agree
