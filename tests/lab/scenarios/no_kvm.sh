#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Who may use KVM and who not: without it QEMU is chosen, and the reason kept;
# with nothing but access to it a user who is not root has Firecracker without
# a network.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
need_image
script_finish() {
	chmod 660 /dev/kvm
	for user in op plain; do
		as "$user" delete --all --force --yes >/dev/null 2>&1
	done
}

# as USER ARGS...: stoker, as that user, in a place of their own
as() {
	local user=$1
	shift
	setpriv --reuid="$user" --regid="$user" --init-groups env -u STOKER_CONFIG -u XDG_CONFIG_HOME -u XDG_STATE_HOME \
		-u XDG_RUNTIME_DIR HOME="/home/$user" STOKER_STATE_DIR="$T/$user/state" STOKER_RUNTIME_DIR="$T/$user/run" \
		"$STOKER_PROGRAM" "$@"
}
chmod 755 "$T"
for user in op plain; do
	mkdir "$T/$user"
	chown $user:$user "$T/$user"
done
field() {
	as "$1" inspect vm --json | jq -r "if type == \"array\" then .[0] else . end | .$2"
}

check "a user with access to /dev/kvm and nothing else: Firecracker, exec, no network"
ok as op create vm --network none --memory 256
ok as op start vm
ok as op wait vm --for ready
expect_equal "$(field op backend) $(field op accel)" 'firecracker kvm'
ok as op exec vm -- sh -c 'id -u; ls /sys/class/net'
expect_equal "$OUT" $'0\nlo'
[ "$(stat -c %u "/proc/$(field op pid)")" = 1000 ] || fail "Firecracker runs as somebody else"
ok as op delete --force vm

check "a user without access: QEMU emulates, and the reason is kept"
ok as plain create vm --memory 128 --egress none
expect_equal "$(field plain backend) $(field plain accel)" 'qemu tcg'
expect_match "$(field plain choice)" 'may not be opened'
as plain doctor --json >"$T/doctor" || [ $? = 1 ]
expect_match "$(json '.checks[] | select(.name == "kvm") | .reason' "$(cat "$T/doctor")")" 'may not be opened|group'
ok as plain delete vm

check "taken away while nobody looks: the next create sees it"
chmod 000 /dev/kvm
ok as op create vm --memory 128 --egress none
expect_equal "$(field op backend) $(field op accel)" 'qemu tcg'
ok as op delete vm
chmod 660 /dev/kvm
ok as op create vm --memory 128 --network none
expect_equal "$(field op backend) $(field op accel)" 'firecracker kvm'
ok as op delete vm

check "asked for, it is refused with what to do"
expect_status 5 as plain create vm --backend firecracker --network none
expect_match "$ERR" '/dev/kvm'
