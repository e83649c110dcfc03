# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the scripts that kill share: after each crash one reconcile must make
# host and records agree, and everything must be deletable without a trace.

# After a crash: one reconcile, then host and records agree.
settle() {
	ok stoker reconcile --yes
	ok stoker reconcile --dry-run --json
	expect_equal "$(jq '.findings | length' <<<"$OUT")" 0 "findings after reconcile: $OUT"
}

nothing_left() {
	local pid dir
	for _ in {1..40}; do
		[ -n "$(holders)" ] || break
		sleep 0.05
	done
	for pid in $(holders); do
		fail "after $1: left behind $(describe_process "$pid")"
	done
	for dir in "$STOKER_STATE_DIR/vms" "$STOKER_RUNTIME_DIR/vms"; do
		[ -z "$(ls -A "$dir")" ] || fail "after $1: left in $dir: $(find "$dir" | tr '\n' ' ')"
	done
	for dir in "$STOKER_STATE_DIR"/templates/*; do
		[[ $dir =~ /ext4-[0-9]+\.img$ || ! -e $dir ]] || fail "after $1: left $dir"
	done
	ok stoker list --json
	expect_equal "$(jq length <<<"$OUT")" 0 "records after $1"
}
