#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Half a minute in which several people do whatever comes to mind to the same
# few VMs, on both kinds of network, while commands, supervisors and VMMs are
# killed. No command hangs or ends in a way the manual does not know; one
# reconcile later records and host agree, each VM that is left can be started,
# answers and is deleted, and nothing of any of them stays.
#
#	CHAOS_SECONDS   how long
#	CHAOS_SEED      whose choices to repeat: they are printed; what meets what is up to the machine
#	CHAOS_NETWORK   of the VMs without a TAP: user, or none
#	CHAOS_CALM      seconds, at most, between two kills
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_net.sh"
need python3 sqlite3
use_own_image

seed=${CHAOS_SEED:-$RANDOM}
check "${CHAOS_SECONDS:-30} seconds, CHAOS_SEED=$seed"
python3 "$SOURCE_DIR/tests/e2e/chaos.py" "${CHAOS_SECONDS:-30}" "$seed" || fail 'see above'

check 'one reconcile, and records and host agree'
ok stoker reconcile --yes
ok stoker reconcile --dry-run --json
expect_equal "$(json '.findings | length')" 0
ok stoker list --json
expect_equal "$(json 'map(select(.status | IN("starting", "stopping"))) | length')" 0
expect_equal "$(sqlite3 "$STOKER_STATE_DIR/store.db" 'PRAGMA integrity_check; SELECT count(*) FROM op')" $'ok\n0'

check 'every VM that is left can be used and deleted'
left=$(jq -r '.[] | .name + " " + .status' <<<"$OUT") # which may be none
while read -r name status; do
	case $status in
	'') continue ;;
	paused) ok stoker resume "$name" ;;
	running) ;;
	*) ok stoker start "$name" ;;
	esac
	ok stoker exec "$name" --timeout 60 -- echo "it is $name"
	expect_equal "$OUT" "it is $name"
done <<<"$left"
ok stoker delete --all --force --yes --quiet
ok stoker trash empty --yes
expect_equal "$(sqlite3 "$STOKER_STATE_DIR/store.db" 'SELECT (SELECT count(*) FROM vm) + (SELECT count(*) FROM port)')" 0
expect_equal "$(ip -br link | grep -c '^stk')" 0 'TAP devices that are left'
expect_equal "$(find "$STOKER_STATE_DIR/vms" "$STOKER_RUNTIME_DIR/vms" -mindepth 1 -maxdepth 1 | wc -l)" 0 'folders that are left'
