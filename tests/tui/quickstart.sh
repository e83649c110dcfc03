#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The newcomer's one command: without a terminal one VM's whole life and the
# table of its phases; on a terminal the dashboard with a demo VM starting.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need tmux
[ "$BUILD_DIR" -ef "$SOURCE_DIR/build" ] || skip 'quickstart builds in build/, and this is another build folder'
need_image

check 'help, and an option that is not there'
ok "$SOURCE_DIR/assets/quickstart.sh" --help
expect_match "$OUT" '--no-install'
expect_status 2 "$SOURCE_DIR/assets/quickstart.sh" --frob

check 'without a terminal: a whole life, the table, nothing left'
ok "$SOURCE_DIR/assets/quickstart.sh" --no-install
expect_match "$OUT" 'guest says: Linux [0-9]'
for phase in create start boot ssh exec stop delete; do
	expect_match "$OUT" "$phase +[0-9.]+ m?s"
done
ok stoker list --json
expect_equal "$(jq length <<<"$OUT")" 0 'VMs after quickstart'

check 'on a terminal: the dashboard, with the demo VM'
server=stoker-quickstart-$$
script_finish() { tmux -L "$server" kill-server 2>/dev/null; }
screen_has() { tmux -L "$server" capture-pane -p | grep -qE "$1"; }
tmux -L "$server" -f /dev/null new-session -d -x 120 -y 30 "$SOURCE_DIR/assets/quickstart.sh --no-install"
wait_until 60 screen_has 'demo .*(boot|start|running)'
wait_until 60 screen_has 'demo .*running'
tmux -L "$server" send-keys q
wait_until 10 sh -c "! tmux -L $server list-sessions 2>/dev/null | grep -q ."

check 'again, with the demo VM there: it is not made twice'
tmux -L "$server" -f /dev/null new-session -d -x 120 -y 30 "$SOURCE_DIR/assets/quickstart.sh --no-install"
wait_until 60 screen_has 'demo .*running'
tmux -L "$server" send-keys q
wait_until 10 sh -c "! tmux -L $server list-sessions 2>/dev/null | grep -q ."
