#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The dashboard in tmux, with the shell pane in a guest of Firecracker.
export STOKER_TEST_DEFAULTS='backend = firecracker\nnetwork = tap\n'
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../../tui/lib_tmux.sh"
use_own_image

new_vm fox
check "started from the dashboard, its phases are seen"
terminal board 120x30 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
see 'fox .*created' 40
keys s
see 'fox .*(boot|running)' 60
see 'fox .*running' 180
see 'boot .*[0-9] ?(s|ms)' 20

check "Enter: a shell in the guest"
keys Enter
see 'fox:~#' 60
typed 'uname -m; hostname; dmesg | grep -c "Hypervisor detected: KVM"'
keys Enter
see 'x86_64
.*fox
.*1' 20

check "killed under the pane: the dashboard says so and goes on"
keys 'C-]'
kill -9 "$(vm_field fox pid)"
see 'fox .*crashed' 30
keys q # puts the shell away
sleep 1
keys q
see 'Leave the dashboard\?' 20
keys Right Enter
see 'ended with 0' 60
