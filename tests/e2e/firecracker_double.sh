#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Stoker's own part of a VM on Firecracker where KVM runs no guest: against
# tests/unit/firecracker_double.c, which answers as Firecracker's API does and
# runs nothing. The real one is in the lab.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need jq sqlite3
need_image
with_double

fc() { stoker --firecracker "$DOUBLE" "$@"; }
# The double adds the same with each line, and each look makes it write one.
LINES_SO_FAR=0
expect_counters() { # MORE-LINES [IO_IN-BESIDE-THEM]
	LINES_SO_FAR=$((LINES_SO_FAR + $1))
	ok stoker inspect f --json
	expect_equal "$(json '.counters | [.exits.io_in, .exits.mmio_write, .read_bytes, .write_bytes, .rx_bytes] | map(tostring) | join(" ")')" \
		"$((LINES_SO_FAR * 10 + ${2:-0})) $((LINES_SO_FAR * 40)) $((LINES_SO_FAR * 4096)) $((LINES_SO_FAR * 8192)) null"
}

check 'the whole of it but the guest'
ok fc create f --backend firecracker --network none --memory 256 --start --json
expect_equal "$(json '[.backend, .accel, .status] | join(" ")')" 'firecracker kvm running'

check 'counters: summed up over what it tells, from the start on'
expect_counters 1
RUN=$(json .paths.run)
expect_equal "$(json '[.counters.startup_ms, .counters.boot_ms] | map(tostring) | join(" ")')" '8.123 null'
expect_match "$(json .counters.at)" "^$(date -u +%Y-%m)-..T"
expect_counters 1
ok stoker inspect f
expect_match "$OUT" 'counters of the VMM.*start-up +8\.1 ms to its API.*exits +30 io in, 60 io out, 90 mmio read, 120 mmio write.*disks +12K read, 24K written'
expect_no_match "$OUT" 'received'
expect_counters 2
# What is no line of counters changes nothing, one that comes in pieces counts.
{
	printf 'nonsense\n{"vcpu":{"exit_io_in":99}\n{"vcpu":{"exit_io_in":-5},"net":[{"rx_bytes_count":7}]}\n{"vcpu":{"exit_io_'
	sleep 0.1
	printf 'in":1000}}\n'
} 1<>"$RUN/vmm.metrics"
expect_counters 1 1000

check 'counters in the dashboard'
printf 'stoker-input 1\n0 size 60 120\n0 wait 20 f \n0 char 105 0\n0 wait 20 Counters of the VMM\n' >"$T/look.input"
ok stoker tui --once --replay "$T/look.input"
expect_match "$OUT" 'start-up +8\.1 ms to its API.*exits +1060 io in, 120 io out.*disks +24K read, 48K written'
LINES_SO_FAR=$((LINES_SO_FAR + 1))

check 'counters: paused, adopted, hung'
ok stoker pause f
expect_counters 1 1000
ok stoker resume f --json
kill -9 "$(json .supervisor_pid)"
ok stoker reconcile --yes
expect_counters 1 1000
kill -STOP "$(json .pid)"
SECONDS=0
expect_counters 0 1000
[ $SECONDS -le 5 ] || fail "it took $SECONDS s"
kill -CONT "$(json .pid)"

check 'none where nothing runs, and where the VMM keeps none'
ok stoker stop --force f
ok stoker inspect f --json
expect_equal "$(json '.counters == null')" true
ok stoker create q --backend qemu --accel tcg --network none --memory 256 --start
ok stoker inspect q --json
expect_equal "$(json '.counters == null')" true
ok stoker delete --force q

check 'a new run begins at nothing'
ok fc start f
LINES_SO_FAR=0
expect_counters 1

check 'a crash: its errors are the reason, what it warned of is not'
resumed='2026-11-26T15:27:36.794150975 [f:fc_vcpu 0:WARN] Received a VcpuEvent::Resume message with immediate_exit enabled. immediate_exit was disabled before proceeding'
error='2026-11-26T15:27:36.803460355 [f:main:ERROR] RunWithApiError error: something broke'
crash() { # LAST-WORDS
	ok stoker stop --force f
	FC_DOUBLE_LAST=$1 fc start f >/dev/null || fail 'start'
	ok stoker pause f
	ok stoker resume f --json
	kill -TERM "$(json .pid)"
	wait_until 5 vm_is f status crashed
	ok stoker inspect f --json
}
crash "$resumed"$'\n'
expect_match "$(json .reason)" 'exit(ed with| code| status)? ?1|ended'
expect_no_match "$(json .reason)" 'VcpuEvent|immediate'
expect_match "$(cat "$(json .paths.dir)/vmm.log")" 'VcpuEvent::Resume'
ok fc start f
crash "$error"$'\n'"$resumed"$'\n'
expect_match "$(json .reason)" 'something broke'
expect_no_match "$(json .reason)" 'VcpuEvent|immediate'

check 'a version that is newer than any that was tried: used, and told once'
export FC_DOUBLE_VERSION=1.99.0
ok fc start f
expect_match "$ERR" '^stoker: Firecracker 1\.99\.0 is newer than what stoker was tried with \(1\.7 to 1\.17\); it is used all the same$'
expect_counters "$((1 - LINES_SO_FAR))"
ok stoker stop --force f
ok fc start f
expect_equal "$ERR" ''
ok fc create g --backend firecracker --network none --memory 256 --start
expect_equal "$ERR" ''
expect_equal "$(sqlite3 "$STOKER_STATE_DIR/history.db" "SELECT count(*) FROM event WHERE kind = 'warned'")" 1
