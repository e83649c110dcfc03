#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The disk fills up, or fails, at every write of every verb. The command says
# so and fails; what it had begun is undone or left for reconcile; a VM that
# runs goes on; and once there is room again everything works.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_kill.sh"
need strace jq
use_own_image

nothing_before() { :; }
created_before() { stoker create f --egress none --memory 128 --quiet >/dev/null; }
running_before() {
	created_before
	stoker start f --quiet >/dev/null
}

# Runs `stoker ARGS` and lets its N-th CALL fail with ERROR, for N = 1, 2, ... until there is no N-th; of the many
# calls that copy a disk every ninth will do.
fail_at_each() {
	local call=$1 error=$2 before=$3 n status failed=0
	shift 3
	for ((n = 1; n <= 400; n += n < 30 ? 1 : 9)); do
		$before
		status=0
		strace -qq -o "$T/trace" -e trace="$call" -e inject="$call":error="$error":when="$n" \
			"$STOKER_PROGRAM" "$@" >"$T/out" 2>"$T/err" || status=$?
		if ! grep -q INJECTED "$T/trace"; then
			[ $status = 0 ] || fail "stoker $* with nothing failing: status $status: $(cat "$T/err")"
		elif [ $status != 0 ]; then
			failed=$((failed + 1))
			expect_equal "$status" 1 "status of $* with $error at $call number $n"
			# One sentence for people, no trace of SQLite's or errno's names alone.
			expect_match "$(head -n 1 "$T/err")" '^stoker: .+: .+'
		fi
		settle
		if [ "$1" = start ] && [ $status != 0 ]; then
			# It is not lost: the next start brings it up.
			ok stoker start f
		fi
		if ! stoker delete --all --force --yes >/dev/null 2>"$T/delete.err"; then
			fail "$error at $call number $n of $*: cannot delete: $(cat "$T/delete.err")"
		fi
		nothing_left "$* with $error at $call number $n"
		grep -q INJECTED "$T/trace" || break
	done
	[ "$n" -le 400 ] || fail "stoker $1 makes more than 400 calls of $call"
	[ "$failed" -gt 0 ] || fail "stoker $1 never minded $error at $call"
	say "   stoker $1: $error at up to $((n - 1)) calls of $call, $failed times it was refused"
}

check 'ENOSPC at every write'
fail_at_each pwrite64 ENOSPC nothing_before create f --egress none --memory 128
fail_at_each write ENOSPC nothing_before create f --egress none --memory 128 --quiet
fail_at_each pwrite64 ENOSPC created_before start f
fail_at_each pwrite64 ENOSPC running_before stop f --force
fail_at_each pwrite64 ENOSPC created_before delete f

check 'EIO when the store is made durable'
fail_at_each fdatasync EIO nothing_before create f --egress none --memory 128
fail_at_each fdatasync EIO created_before start f
fail_at_each fdatasync EIO running_before stop f --force
fail_at_each fdatasync EIO created_before delete f

check 'a disk that is really full, at a start and while a VM runs'
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	mkdir "$T/small"
	cat >"$T/full.sh" <<'S'
set -e
fill() { dd if=/dev/zero of="$T/small/filler" bs=4k 2>/dev/null || true; dd if=/dev/zero bs=64 >>"$T/small/filler" 2>/dev/null || true; }
mount -t tmpfs -o size=96m,mode=0700 none "$T/small"
export STOKER_STATE_DIR=$T/small/state STOKER_RUNTIME_DIR=$T/small/run
"$STOKER_PROGRAM" create full --disk 64 --egress none --memory 128 --quiet
fill
status=0
"$STOKER_PROGRAM" start full >"$T/inner.out" 2>"$T/inner.err" || status=$?
echo "start on a full disk: status $status: $(cat "$T/inner.err")"
rm "$T/small/filler"
"$STOKER_PROGRAM" reconcile --yes >/dev/null
"$STOKER_PROGRAM" start full --quiet
"$STOKER_PROGRAM" wait full --quiet
fill
"$STOKER_PROGRAM" exec full -- sh -c 'echo lives; dmesg >/dev/console'
status=0
"$STOKER_PROGRAM" list --json | jq -r '.[0] | "while it is full: \(.status)"'
"$STOKER_PROGRAM" stop full --force >"$T/inner.out" 2>"$T/inner.err" || status=$?
echo "stop on a full disk: status $status: $(cat "$T/inner.err")"
"$STOKER_PROGRAM" list --json | jq -r '.[0] | "after it: \(.status)"'
rm "$T/small/filler"
"$STOKER_PROGRAM" reconcile --yes >/dev/null
"$STOKER_PROGRAM" delete full --force
echo "left: $("$STOKER_PROGRAM" list --json | jq length) records, $(ls "$T/small/state/vms" "$T/small/run/vms" | grep -c '^[0-9a-f]\{16\}') folders"
S
	export T
	ok unshare -m bash "$T/full.sh"
	expect_match "$OUT" 'start on a full disk: status 1: stoker: start full: .*([Nn]o space|full).*'
	expect_match "$OUT" 'lives'
	expect_match "$OUT" 'while it is full: running'
	# The store's journal keeps its room, so that what is recorded already can be changed.
	expect_match "$OUT" 'stop on a full disk: status 0: *'$'\n'
	expect_match "$OUT" 'after it: stopped'
	expect_match "$OUT" 'left: 0 records, 0 folders'
else
	not_tried 'a full disk needs root and a mount namespace'
fi
