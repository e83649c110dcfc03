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
	if declare -F nothing_left_besides >/dev/null; then
		nothing_left_besides "$1"
	fi
}

# Runs `stoker ARGS` and kills it at its N-th CALL, for N = 1, 2, ... until it
# gets through. Before each round `before` runs, after each kill host and
# records must agree again and everything must be deletable.
kill_at_each() {
	local call=$1 before=$2 n status
	shift 2
	for ((n = ${FROM:-1}; n <= 40; n++)); do
		$before
		status=0
		# Not -f: only the command itself is to die, not what it starts.
		{
			strace -qq -o /dev/null -e trace="$call" -e inject="$call":signal=KILL:when="$n" \
				"$STOKER_PROGRAM" "$@" >"$T/killed.out" 2>&1 || status=$?
		} 2>/dev/null # or the shell itself says "Killed"
		if [ $status != 137 ]; then
			[ $status = 0 ] || fail "stoker $* with nothing killed: status $status: $(cat "$T/killed.out")"
			settle
			stoker delete --all --force --yes >/dev/null 2>&1 || true
			nothing_left "$* whole"
			break
		fi
		settle
		stoker delete --all --force --yes >/dev/null 2>"$T/delete.err" ||
			fail "killed at $call number $n of $*: cannot delete: $(cat "$T/delete.err")"
		nothing_left "$* killed at $call number $n"
	done
	say "   stoker $1: killed at $((n - 1)) calls of $call"
}
