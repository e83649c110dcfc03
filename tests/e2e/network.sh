#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Network tap with real guests, in a network namespace of this test's own, beside
# a second one that plays the other host. No packet leaves the two.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_net.sh"
use_own_image
need python3 ssh nsenter

# The other host: 10.99.0.2, with a web server that says who asked.
other_host 169.254.169.254
cat >"$T/web.py" <<'PY'
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(("hello " + self.client_address[0]).encode())
    def log_message(self, *a): pass
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), H).serve_forever()
PY
# Not by there(): of a function in the background $! is a shell's, and the server would outlive it.
nsenter --net="/proc/$OTHER/ns/net" -- python3 "$T/web.py" 0.0.0.0 80 &
WEB=$!
python3 "$T/web.py" 0.0.0.0 8000 & # a service of this host
LOCAL=$!
script_finish() {
	kill $WEB $LOCAL $OTHER 2>/dev/null
	wait $WEB $LOCAL $OTHER 2>/dev/null
}
wait_until 10 there bash -c 'exec 3<>/dev/tcp/10.99.0.2/80'
# Somebody else's rules, which must be the same afterwards.
nft -f - <<'NFT'
table ip theirs {
	chain c { type filter hook forward priority 10; policy accept; counter; }
}
NFT
theirs() { nft list table ip theirs | sed 's/packets [0-9]* bytes [0-9]*//'; }
before=$(theirs)

# By nc: the wget of Debian's busybox 1.35 falls over its own option -T.
get() {
	local host=${2%:*} port=80
	[ "$host" = "$2" ] || port=${2#*:}
	stoker exec "$1" -- sh -c "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 4 nc -w 3 $host $port" 2>&1 | tail -n 1
}
reaches() { expect_equal "$(get "$1" "$2")" "hello $3" "$1 to $2"; }
blocked() {
	local got
	got=$(get "$1" "$2") || true
	expect_no_match "$got" 'hello'
}

check 'guests with every kind of egress'
ok stoker create open --network tap --egress all --publish 18080:80 --memory 160 --start
ok stoker create shut --network tap --egress none --memory 160 --start
ok stoker create part --network tap --egress 10.99.0.0/24,192.0.2.1 --allow host:8000 --allow guests --memory 160 --start
ok stoker create mate --network tap --egress none --allow guests --allow metadata --memory 160 --start
ok stoker wait --for ready open shut part mate --timeout 120
ok stoker exec open -- ip addr
say "$OUT"

check 'SSH by the port of 127.0.0.1, commands over both ways'
ok stoker exec open --via ssh -- echo by ssh
expect_equal "$OUT" 'by ssh'
ok stoker exec shut --via ssh -- echo by ssh
expect_equal "$OUT" 'by ssh'

check 'egress: all, none, networks; masqueraded as this host'
reaches open 10.99.0.2 10.99.0.1
blocked shut 10.99.0.2
reaches part 10.99.0.2 10.99.0.1
there ip addr add 10.98.0.2/32 dev lo
reaches open 10.98.0.2 10.99.0.1
blocked part 10.98.0.2
expect_equal "$(cat /proc/sys/net/ipv4/ip_forward)" 0 'ip_forward of the host'
expect_equal "$(cat /proc/sys/net/ipv4/conf/up0/forwarding)" 1 'forwarding of the way out'
ok stoker exec open -- true

check 'the host, other guests and link-local are closed, unless allowed'
gateway=172.16.0.1
for name in open shut mate; do blocked $name $gateway:8000; done
blocked open 10.99.0.1:8000
reaches part $gateway:8000 "$(vm_field part ip)"
blocked open 169.254.169.254
reaches mate 169.254.169.254 10.99.0.1
for name in open part mate; do
	stoker exec "$name" -- sh -c 'while true; do echo -e "HTTP/1.0 200 OK\r\n\r\nhello guest" | nc -l -p 80; done >/dev/null 2>&1 &'
done
blocked open "$(vm_field part ip)"
blocked part "$(vm_field open ip)"
reaches part "$(vm_field mate ip)" guest

check 'a published port, on 127.0.0.1 only'
wait_until 10 sh -c "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:18080/\", timeout=2).read())' | grep -q 'hello guest'"
if there python3 -c 'import socket; socket.create_connection(("10.99.0.1", 18080), 2)' 2>/dev/null; then
	fail 'a published port is open to another host'
fi

check 'a guest sends as itself only'
ok stoker exec open -- ip addr add 172.16.0.77/32 dev eth0
ok stoker exec open -- ip route replace default via $gateway dev eth0 src 172.16.0.77
blocked open 10.99.0.2
ok stoker exec open -- ip route replace default via $gateway dev eth0
reaches open 10.99.0.2 10.99.0.1
ok stoker exec shut -- ip link set eth0 down
ok stoker exec shut -- ip link set eth0 address 52:54:00:00:00:01
ok stoker exec shut -- ip link set eth0 up
expect_equal "$(ip neigh show "$(vm_field shut ip)" | grep -c PERMANENT)" 1

check 'stop, start; and what a restart of the host takes away comes back'
ok stoker stop mate --force
tap=stk$(vm_field mate id | cut -c1-12)
ip link delete "$tap"
nft delete table inet stoker
ok stoker start mate
ok stoker wait --for ready mate --timeout 60
ok stoker exec mate --via ssh -- true
reaches open 10.99.0.2 10.99.0.1

check 'a device of that name that is not ours is refused, and left'
ok stoker stop mate --force
ip link set "$tap" alias 'somebody'
expect_status 4 stoker start mate
expect_match "$ERR" 'not of this stoker'
expect_equal "$(ip -d link show "$tap" | grep -c somebody)" 1
ip link delete "$tap"

check 'a pool that a route overlaps is refused with the clash named'
ip route add 172.16.0.128/25 dev up0
expect_status 1 stoker create late --network tap --egress none
expect_match "$ERR" '172\.16\.0\.128/25.*up0'
ip route delete 172.16.0.128/25
expect_status 1 stoker --state "$T/second" create second --network tap --egress none
expect_match "$ERR" 'another stoker'

check 'without the right to: at once, and nothing is made'
expect_status 5 setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$STOKER_PROGRAM" create late --network tap --egress none
expect_match "$ERR" 'CAP_NET_ADMIN.*root.*network user'
expect_status 3 stoker inspect late

check 'deleted without a trace; the rules of others are as they were'
ok stoker delete --all --force --yes
expect_equal "$(ip -o link | grep -c stk || true)" 0
expect_equal "$(ip route show proto 83 | wc -l)" 0
expect_equal "$(elements)" 0
expect_equal "$(theirs)" "$before"
