#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the rules let through and what not, frame by frame: guest_frames.py plays
# the guests on their devices, right frames and forged ones. No guest is booted.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_net.sh"
need python3 nsenter

# The other host, which also is what clouds call the metadata service.
other_host 10.98.0.2 10.97.0.2 169.254.169.254
# Replies to each datagram, from the address that it came to, and writes down who it came from.
cat >"$T/echo.py" <<'PY'
import select, socket, sys
socks = []
for word in sys.argv[2:]:
    host, _, port = word.rpartition(":")
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    if s.family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    else:
        s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    s.bind((host, int(port)))
    socks.append(s)
with open(sys.argv[1], "a") as log:
    print("up", file=log, flush=True)
    while True:
        for s in select.select(socks, [], [])[0]:
            data, extra, _, who = s.recvmsg(2000, 64)
            print(data.decode(), "from", who[0], file=log, flush=True)
            s.sendmsg([b"echo-" + data], [(level, kind, bytes(4) + info[8:12] + bytes(4)) for level, kind, info in extra], 0, who)
PY
nsenter --net="/proc/$OTHER/ns/net" -- python3 "$T/echo.py" "$T/there" 0.0.0.0:9000 &
ECHO_THERE=$!
python3 "$T/echo.py" "$T/here" 0.0.0.0:8000 0.0.0.0:8001 :::8000 &
ECHO_HERE=$!
python3 "$T/echo.py" "$T/loop" 127.0.0.1:8002 &
ECHO_LOOP=$!
coproc GUESTS { exec python3 "$SOURCE_DIR/tests/e2e/guest_frames.py"; }
PLAYER=$GUESTS_PID
script_finish() {
	kill $ECHO_THERE $ECHO_HERE $ECHO_LOOP "$PLAYER" $OTHER 2>/dev/null
	wait $ECHO_THERE $ECHO_HERE $ECHO_LOOP "$PLAYER" $OTHER 2>/dev/null
}
wait_until 20 grep -q up "$T/there"
wait_until 20 grep -q up "$T/here"
wait_until 20 grep -q up "$T/loop"

guests() { # guests LINE: what guest_frames.py answers
	printf '%s\n' "$*" >&"${GUESTS[1]}"
	IFS= read -r -t 20 ANSWER <&"${GUESTS[0]}" || fail "guest_frames.py does not answer to: $*"
}
expect_answer() { # expect_answer ANSWER LINE
	local want=$1
	shift
	guests "$@"
	expect_equal "$ANSWER" "$want" "$*"
}
TOKEN=0
passes() { # passes NAME DST PORT LOG SEEN_FROM [FORGED...]
	local name=$1 dst=$2 port=$3 log=$4 from=$5
	shift 5
	TOKEN=$((TOKEN + 1))
	expect_answer "udp echo-t$TOKEN" udp "$name" "$dst" "$port" t$TOKEN wait=10 "$@"
	expect_match "$(cat "$T/$log")" "t$TOKEN from $from"
}
# What comes after it on a way that is open has arrived, so that it itself has not.
stopped() { # stopped ANSWER NAME DST PORT [FORGED...]
	local want=$1 name=$2 dst=$3 port=$4 mark
	shift 4
	mark=t$((++TOKEN))
	expect_answer "$want" udp "$name" "$dst" "$port" $mark "$@"
	passes free 172.16.0.1 8000 here 172.16.0.6
	if grep -q "^$mark " "$T/there" "$T/here" "$T/loop"; then
		fail "arrived, and must not: $name $dst $port $*"
	fi
}
refused() { stopped 'icmp 3/13' "$@" wait=10; }
dropped() { stopped nothing "$@"; }

check 'five guests'
ok stoker create open --network tap --egress all --memory 96
ok stoker create shut --network tap --egress none --memory 96
ok stoker create part --network tap --egress 10.99.0.0/24,10.98.0.2 --allow host:8001 --allow guests --memory 96
ok stoker create mate --network tap --egress none --allow guests --allow metadata --memory 96
ok stoker create free --network tap --egress none --allow host --memory 96
declare -A MAC=()
for name in open shut part mate free; do
	id=$(vm_field $name id)
	MAC[$name]=52:54:00:${id:0:2}:${id:2:2}:${id:4:2}
	expect_answer ok open $name "$(device_of $name)" "${MAC[$name]}" "$(vm_field $name ip)"
done
expect_equal "$(vm_field free ip)" 172.16.0.6

check 'a guest is told of the gateway, and of no other address of the host'
expect_answer "$(ip -j link show "$(device_of open)" | jq -r '.[0].address')" arp open 172.16.0.1 10
for address in 10.99.0.1 172.16.0.3 127.0.0.1 10.99.0.2; do
	expect_answer nothing arp open $address
done

check 'egress all, none, networks; seen as this host'
passes open 10.99.0.2 9000 there 10.99.0.1
passes open 10.97.0.2 9000 there 10.99.0.1
passes part 10.99.0.2 9000 there 10.99.0.1
passes part 10.98.0.2 9000 there 10.99.0.1
refused part 10.97.0.2 9000
refused mate 10.99.0.2 9000
# Where nothing at all may be reached the device does not even forward.
for name in shut free; do dropped $name 10.99.0.2 9000; done

check 'the host: closed, one port of it, all of it; its loopback never'
for name in open shut part mate; do
	refused $name 172.16.0.1 8000
	refused $name 10.99.0.1 8000
done
passes part 172.16.0.1 8001 here 172.16.0.4
passes part 10.99.0.1 8001 here 172.16.0.4
passes free 172.16.0.1 8000 here 172.16.0.6
passes free 10.99.0.1 8001 here 172.16.0.6
for name in open part free; do dropped $name 127.0.0.1 8002; done

check 'other guests: both must allow it'
guests udp open "$(vm_field part ip)" 9 g1 wait=10
expect_equal "$ANSWER" 'icmp 3/13'
guests udp part "$(vm_field open ip)" 9 g2 wait=10
expect_equal "$ANSWER" 'icmp 3/13'
expect_answer nothing udp free "$(vm_field part ip)" 9 g3
guests udp part "$(vm_field mate ip)" 9 g4
expect_answer g4 heard mate 10
for name in open shut free part; do expect_answer nothing heard $name; done

check 'link-local: closed to all but one; a wide egress does not open it'
for name in open part; do refused $name 169.254.169.254 9000; done
for name in shut free; do dropped $name 169.254.169.254 9000; done
passes mate 169.254.169.254 9000 there 10.99.0.1

check 'forged: another address, another MAC, another guest, a VLAN, IPv6'
# By the rules alone: the kernel's own filter of return paths would stop some of it as well.
echo 0 >"/proc/sys/net/ipv4/conf/$(device_of open)/rp_filter"
dropped open 10.99.0.2 9000 from=172.16.0.77
dropped open 10.99.0.2 9000 "from=$(vm_field part ip)"
dropped open 10.99.0.2 9000 from=10.99.0.1
dropped open 10.99.0.2 9000 from=127.0.0.1
dropped free 172.16.0.1 8000 from=0.0.0.0
dropped open 10.99.0.2 9000 mac=52:54:00:00:00:01
dropped open 10.99.0.2 9000 "mac=${MAC[part]}"
dropped open 10.99.0.2 9000 "mac=${MAC[part]}" "from=$(vm_field part ip)"
dropped free 172.16.0.1 8000 vlan=7
expect_answer sent udp6 free v6
passes free 172.16.0.1 8000 here 172.16.0.6
expect_no_match "$(cat "$T/here")" 'v6'

check 'nobody outside reaches a guest; what a guest asked for comes back to it'
there ip route add 172.16.0.0/24 via 10.99.0.1
from_outside() {
	there python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for last in range(2, 7):
    s.sendto(b'outside', ('172.16.0.%d' % last, 9))"
}
from_outside
for name in open shut part mate free; do expect_answer nothing heard $name; done
passes open 10.99.0.2 9000 there 10.99.0.1

check 'the table gone: the frames of before would pass; made again they do not'
ok stoker delete mate part --force
nft delete table inet stoker
guests udp shut 172.16.0.1 8000 bare wait=10
expect_equal "$ANSWER" 'udp echo-bare' 'without rules: this test sees what it should'
guests udp open 10.99.0.2 9000 bare2 from=172.16.0.77
wait_until 5 grep -q '^bare2 from 172.16.0.77' "$T/there"
from_outside
expect_answer outside heard open 10
ok stoker reconcile --yes
from_outside
expect_answer nothing heard open
refused shut 172.16.0.1 8000
dropped open 10.99.0.2 9000 from=172.16.0.77
