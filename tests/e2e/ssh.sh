#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# SSH into a real guest: commands, streams, a terminal, time limits, the pinned
# host key, and OpenSSH's own client with the same key.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_own_image
new_vm bee
ok stoker start bee --wait

check 'a command, its streams and its status'
expect_status 42 stoker exec bee --via ssh -- sh -c 'echo out; echo problem >&2; exit 42'
expect_equal "$OUT" out
expect_equal "$ERR" problem
expect_status 127 stoker exec bee --via ssh -- no-such-program
expect_status 137 stoker exec bee --via ssh -- sh -c 'kill -9 $$'

check 'arguments arrive as they are'
ok stoker exec bee --via ssh -- printf '%s|' "it's" 'a  b' '$HOME' $'two\nlines' '*' ''
expect_equal "$OUT" "it's|a  b|\$HOME|two
lines|*||"

check 'bytes both ways'
head -c 3000000 /dev/urandom >"$T/bytes"
"$STOKER_PROGRAM" exec bee --via ssh -i -- cat <"$T/bytes" >"$T/back"
cmp "$T/bytes" "$T/back"

check 'a time limit ends the command in the guest, and nothing else'
expect_status 125 stoker exec bee --via ssh --timeout 2 -- sh -c 'trap "" TERM; sleep 4321; sleep 4322'
ok stoker exec bee -- sh -c 'ps | grep -c "[s]leep 432" || true'
expect_equal "$OUT" 0

check 'OpenSSH takes the key and finds the pinned host key'
ok stoker inspect bee --json
PORT=$(json .ssh_port)
KEY=$STOKER_STATE_DIR/vms/$(json .id)/key
printf '[127.0.0.1]:%s %s\n' "$PORT" "$(json .host_key)" >"$T/known"
ok ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$T/known" -o LogLevel=ERROR \
	-i "$KEY" -p "$PORT" root@127.0.0.1 echo hello
expect_equal "$OUT" hello

check 'a guest that changes its host key is refused, and told so'
ok stoker exec bee -- sh -c 'rm /etc/dropbear/dropbear_ed25519_host_key &&
	dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key >/dev/null && kill $(pidof dropbear)'
changed() {
	! stoker exec bee --via ssh -- true >"$T/said" 2>&1 && grep -q 'host key changed' "$T/said"
}
wait_until 10 changed
expect_match "$(cat "$T/said")" 'SHA256:.*SHA256:'
ok stoker exec bee -- true
