#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What Firecracker's guests reach over TAP, and what not: a web server in a
# network namespace beside the host, each other, the host, the metadata
# address; ports published; a second manager with the same devices.
export STOKER_TEST_DEFAULTS='backend = firecracker\nnetwork = tap\n'
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
use_own_image
OTHER=10.99.0.2 # lives in the namespace only

script_finish() {
	local pid
	for pid in ${servers[@]+"${servers[@]}"}; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	"$STOKER_PROGRAM" delete --all --force --yes >/dev/null 2>&1
	ip netns delete web 2>/dev/null
	ip link delete web0 2>/dev/null
	ip link delete meta0 2>/dev/null
}
servers=()

# Says who asked, so that masquerading is seen.
cat >"$T/server.py" <<'EOF'
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(("%s to %s\n" % (self.client_address[0], sys.argv[1])).encode())
    def log_message(self, *args):
        pass
http.server.HTTPServer((sys.argv[1], 8000), Answer).serve_forever()
EOF

# By nc: the wget of Debian's busybox 1.35 ends with a segmentation fault when it is given a time limit (-T).
get() { # get VM ADDRESS
	stoker exec "$1" -- sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | timeout 8 nc -w 6 $2 8000"
}

ask() { # ask VM ADDRESS: what the web server at ADDRESS answers a guest
	get "$1" "$2" | tail -n 1
}

refuses() { # refuses VM ADDRESS
	if get "$1" "$2" >"$T/out" 2>&1 && [ -s "$T/out" ]; then
		fail "$1 reaches $2: $(cat "$T/out")"
	fi
}

check "a web server in a namespace of its own, one on the host, one where clouds keep credentials"
ip netns add web
ip link add web0 type veth peer name eth0 netns web
ip addr add 10.99.0.1/24 dev web0
ip link set web0 up
ip -n web addr add $OTHER/24 dev eth0
ip -n web link set eth0 up
ip -n web link set lo up
ip link add meta0 type dummy
ip addr add 169.254.169.254/32 dev meta0
ip link set meta0 up
ip netns exec web python3 "$T/server.py" $OTHER &
servers+=($!)
python3 "$T/server.py" 0.0.0.0 &
servers+=($!)
wait_until 60 curl -s -o "$T/seen" "http://$OTHER:8000/"
wait_until 60 curl -s -o "$T/seen" http://127.0.0.1:8000/

check "egress all: the guest reaches the server, which sees the host's address"
new_vm open --egress all --publish 18080:8000
new_vm shut --egress none
ok stoker start open shut
ok stoker wait open --for ready
ok stoker wait shut --for ready
expect_equal "$(ask open $OTHER)" "10.99.0.1 to $OTHER"

check "egress none: it does not"
refuses shut $OTHER

check "egress to one block only"
new_vm block --egress 10.99.0.0/24
ok stoker start block --wait
expect_equal "$(ask block $OTHER)" "10.99.0.1 to $OTHER"

check "a published port leads to the guest, and from this host only"
stoker exec open -- sh -c 'mkdir -p /srv; echo from the guest >/srv/index.html; httpd -p 8000 -h /srv'
expect_equal "$(curl -s --max-time 5 http://127.0.0.1:18080/index.html)" "from the guest"
if ip netns exec web curl -s --max-time 2 -o "$T/seen" http://10.99.0.1:18080/; then
	fail "a published port is open to others"
fi

check "guests do not reach each other, the host, nor the metadata address"
host=$(stoker exec open -- ip route | awk '/^default/ { print $3; exit }')
expect_match "$host" '^[0-9.]+$'
for vm in block shut; do
	refuses $vm "$(vm_field open ip)"
	refuses $vm "$host"
done
refuses open 10.99.0.1
refuses open 169.254.169.254

check "a guest cannot pass for another: its source address is checked"
stoker exec block -- ip addr add "$(vm_field shut ip)/32" dev eth0
stoker exec block -- ip route replace default via "$host" dev eth0 src "$(vm_field shut ip)"
refuses block $OTHER
stoker exec block -- ip route replace default via "$host" dev eth0 src "$(vm_field block ip)"
expect_equal "$(ask block $OTHER)" "10.99.0.1 to $OTHER"

check "a second manager on the same devices and addresses is refused; with a pool of its own it is not in the way"
second() {
	env STOKER_STATE_DIR="$T/second" STOKER_RUNTIME_DIR="$T/second/run" "$STOKER_PROGRAM" "$@"
}
devices=$(ip -br link | grep -c '^stk')
expect_status 1 second create intruder --network tap --memory 256
expect_match "$ERR" 'overlaps a VM of another stoker.*pool = '
expect_equal "$(second list --json)" '[]'
expect_equal "$(ip -br link | grep -c '^stk')" "$devices"
sed "s,^\[network\],&\npool = 10.80.0.0/24,; s,^ports = .*,ports = $((PORTS + 50))-$((PORTS + 60))," "$STOKER_CONFIG" >"$T/second.conf"
chmod 600 "$T/second.conf"
ok env STOKER_CONFIG="$T/second.conf" STOKER_STATE_DIR="$T/second" STOKER_RUNTIME_DIR="$T/second/run" \
	"$STOKER_PROGRAM" create beside --network tap --memory 256
expect_equal "$(ip -br link | grep -c '^stk')" $((devices + 1))
ok second network remove --yes
expect_equal "$(ip -br link | grep -c '^stk')" "$devices"
expect_equal "$(ask block $OTHER)" "10.99.0.1 to $OTHER"
ok second delete beside --force
