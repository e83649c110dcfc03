# SPDX-License-Identifier: Apache-2.0
#
# guest_boot.py IMAGE FOLDER [NAME...] - the init and agent of an image under
# a plain QEMU, without libstoker: what the guest contract promises, and what
# the agent does with a host that breaks it.
import base64
import hashlib
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import time
import traceback

import guest_agent as g

IMAGE, FOLDER = sys.argv[1], sys.argv[2]
KEY = os.path.join(FOLDER, 'key')


def new_disk(name, mib=512):
    path = os.path.join(FOLDER, name)
    with open(path, 'wb') as f:
        f.truncate(mib << 20)
    # With a journal, as stoker makes them: a guest may be killed at any moment.
    subprocess.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1,nodiscard',
                    path], check=True)
    return path


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def public_key():
    if not os.path.exists(KEY):
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', KEY], check=True)
    with open(KEY + '.pub', 'rb') as f:
        return base64.b64encode(f.read().strip()).decode()


def expect(what, wanted, got):
    assert got == wanted, '%s: %r instead of %r' % (what, got, wanted)


def text(s):
    return s.out.decode().replace('\r\n', '\n').strip()


# ---------------------------------------------------------- on one running guest


def test_hello(a):
    expect('protocol', '1', a.hello['protocol'])
    assert a.hello['agent'] and a.hello['host_key'].startswith('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI')
    marks = dict(m.split(':') for m in a.hello['marks'].split(','))
    order = [int(marks[k]) for k in ('init', 'modules', 'root', 'key', 'net', 'sshd', 'hello')]
    assert order == sorted(order) and order[0] > 0, marks


def test_system(a):
    s = a.sh('hostname; cat /etc/resolv.conf; grep quiet-otter /etc/hosts; stat -c %a:%u /root/.ssh '
             '/root/.ssh/authorized_keys; grep -c . /root/.ssh/authorized_keys; ls -d /dev/pts/ptmx /dev/shm /dev/fd/0; '
             'stat -c %a /tmp /dev/shm; ip -4 addr show eth0 | grep -o "inet [0-9./]*"; ip route | grep default; '
             'ip -4 addr show lo | grep -o "inet [0-9./]*"; awk "\\$2 == \\"/\\" { print \\$3 }" /proc/mounts; stat -f -c %T /tmp; id -u; umask; '
             'touch /x && rm /x && echo writable; awk "\\$2 == \\"/sys/fs/cgroup\\" { print \\$3 }" /proc/mounts')
    expect('the system', ['quiet-otter', 'nameserver 10.0.2.3', '10.0.2.15\tquiet-otter', '700:0', '600:0', '1',
                          '/dev/fd/0', '/dev/pts/ptmx', '/dev/shm', '1777', '1777', 'inet 10.0.2.15/24',
                          'default via 10.0.2.2 dev eth0 ', 'inet 127.0.0.1/8', 'overlay', 'tmpfs', '0', '0022',
                          'writable', 'cgroup2'], s.out.decode().rstrip('\n').split('\n'))
    assert s.err == b'', s.err
    skew = abs(int(text(a.run(['date', '+%s']))) - time.time())
    assert skew < 5, 'the clock is off by %d s' % skew


def test_exec(a):
    s = a.run(['echo', 'hello', 'world'])
    expect('echo', (b'hello world\n', b'', (g.EXITED, 0, '')), (bytes(s.out), bytes(s.err), s.exit))
    s = a.sh('echo out; echo err >&2; exit 7')
    expect('both outputs', (b'out\n', b'err\n', (g.EXITED, 7, '')), (bytes(s.out), bytes(s.err), s.exit))
    for code in (0, 1, 127, 255):
        expect('exit code', (g.EXITED, code, ''), a.sh('exit %d' % code).exit)
    s = a.run(['cat'], stdin=b'')
    expect('empty input', (b'', (g.EXITED, 0, '')), (bytes(s.out), s.exit))
    # Ends of output are told together with the status, but do not wait for it.
    s = a.start(['sh', '-c', 'exec >&-; read x; exit 3'], stdin=None)
    a.until(lambda: g.STDOUT in s.eof)
    assert s.exit is None and g.STDERR not in s.eof
    s.stdin = b'\n'
    a.feed(s)
    expect('an output closed early', (g.EXITED, 3, ''), a.wait(s).exit)
    times = sorted(a.run(['true']).ended - a.streams[a.next - 1].started for _ in range(30))
    print('    true: median %.1f ms' % (times[15] * 1000))


def test_not_run(a):
    s = a.run(['no-such-program'])
    assert s.exit[0] == g.NOT_RUN and s.exit[1] == 2 and 'cannot run no-such-program' in s.exit[2], s.exit
    s = a.run(['/etc/passwd'])
    assert s.exit[:2] == (g.NOT_RUN, 13), s.exit
    s = a.run(['true'], cwd='/nowhere')
    assert s.exit[:2] == (g.NOT_RUN, 2) and 'cannot enter /nowhere' in s.exit[2], s.exit
    s = a.run(['true'], user='nobody-here')
    assert s.exit[0] == g.NOT_RUN and 'no user nobody-here' in s.exit[2], s.exit
    s = a.run(['true'], env=['NOEQUALS'])
    assert s.exit[0] == g.NOT_RUN and 'NAME=VALUE' in s.exit[2], s.exit


def test_user_dir_env(a):
    s = a.sh('id -u; id -g; pwd; echo $HOME $USER $LOGNAME $SHELL; echo $PATH; echo "$A|$B"', user='nobody', cwd='/usr/bin',
             env=['A=one two', 'B=', 'HOME=/tmp'])
    expect('user, folder, environment', '65534\n65534\n/usr/bin\n/tmp nobody nobody /bin/false\n'
           '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\none two|', text(s))
    expect('defaults', '0\n/root\n/root root', text(a.sh('id -u; pwd; echo $HOME $USER')))
    expect('no TERM without a terminal', 'none', text(a.sh('echo ${TERM:-none}')))
    expect('a user by number', '1234\n1234', text(a.sh('id -u; id -g', user='1234')))
    s = a.run(['sh', '-c', 'cat /etc/shadow'], user='nobody')
    assert s.exit[:2] == (g.EXITED, 1) and b'denied' in s.err
    s = a.run(['env'], env=['PATH=/nowhere'])
    assert s.exit[:2] == (g.NOT_RUN, 2), s.exit
    s = a.sh('ls /proc/self/fd | wc -l; grep -E "^Sig(Blk|Ign)" /proc/self/status; ps -o pid,sid,pgid | grep "^ *$$ "')
    lines = text(s).split('\n')
    expect('descriptors and signals', ['4', 'SigBlk:\t0000000000000000', 'SigIgn:\t0000000000000000'], lines[:3])


def test_binary(a):
    data = random.Random(1).randbytes(20 << 20)
    begun = time.monotonic()
    s = a.run(['cat'], stdin=data, timeout=120)
    took = time.monotonic() - begun
    expect('checksum', hashlib.sha256(data).hexdigest(), hashlib.sha256(s.out).hexdigest())
    print('    20 MiB in and out: %.1f MiB/s each way' % (20 / took))
    s = a.run(['sha256sum'], stdin=data[:5 << 20])
    expect('checksum in the guest', hashlib.sha256(data[:5 << 20]).hexdigest(), text(s).split()[0])


def test_output_speed(a):
    a.keep_output = False
    begun = time.monotonic()
    s = a.sh('dd if=/dev/zero bs=64k count=2048 2>/dev/null', timeout=120)
    took = time.monotonic() - begun
    a.keep_output = True
    expect('bytes', 128 << 20, s.out_count)
    print('    128 MiB of output: %.0f MiB/s' % (128 / took))


def test_many(a):
    streams = [a.start(['sh', '-c', 'read x; sleep 0.%d; echo got $x; exit %d' % (i % 5, i)], stdin=b'%d\n' % i)
               for i in range(20)]
    for i, s in enumerate(streams):
        a.wait(s)
        expect('command %d' % i, (b'got %d\n' % i, (g.EXITED, i, '')), (bytes(s.out), s.exit))
    streams = [a.start(['cat'], stdin=None) for i in range(256)]
    late = a.run(['true'])
    assert late.exit[0] == g.NOT_RUN and late.exit[1] == 11, late.exit
    for s in streams:
        s.stdin = b'x'
        a.feed(s)
    for s in streams:
        a.wait(s)
        expect('one of 256', (b'x', (g.EXITED, 0, '')), (bytes(s.out), s.exit))
    expect('after them', (g.EXITED, 0, ''), a.run(['true']).exit)


def test_signals(a):
    for number in (15, 9, 10):
        s = a.start(['sleep', '100'], stdin=None)
        a.ping()
        a.send(g.SIGNAL, s.number, struct.pack('<I', number))
        expect('signal', (g.SIGNALED, number, ''), a.wait(s).exit)
    s = a.start(['sh', '-c', 'sleep 1000 & sleep 1000 & echo ready; wait'], stdin=None)
    a.until(lambda: b'ready' in s.out)
    a.send(g.SIGNAL, s.number, struct.pack('<I', 2))
    begun = time.monotonic()
    a.wait(s)
    expect('a signal to the group', (g.SIGNALED, 2), s.exit[:2])
    s = a.start(['sh', '-c', 'trap "echo caught; exit 3" USR1; echo ready; while :; do sleep 0.05; done'], stdin=None)
    a.until(lambda: b'ready' in s.out)
    a.send(g.SIGNAL, s.number, struct.pack('<I', 10))
    a.wait(s)
    assert s.exit == (g.EXITED, 3, '') and b'caught' in s.out, (s.exit, s.out)


def test_tty(a):
    s = a.run(['sh', '-c', 'tty; stty size; echo $TERM; test -t 0 && test -t 1 && test -t 2 && echo terminal'], tty=(33, 101))
    lines = text(s).split('\n')
    assert lines[0].startswith('/dev/pts/') and lines[1:] == ['33 101', 'xterm-256color', 'terminal'], lines
    assert b'\r\n' in s.out and s.err == b''
    s = a.start(['sh', '-c', 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.05; done'], stdin=None, tty=(24, 80))
    a.until(lambda: b'ready' in s.out)
    a.send(g.RESIZE, s.number, struct.pack('<HH', 50, 132))
    a.wait(s)
    assert b'50 132' in s.out, s.out
    for line in (b'whole\n', b'half'):
        s = a.run(['cat'], stdin=line, tty=(24, 80))
        assert s.exit == (g.EXITED, 0, '') and s.out.count(line.strip()) == 2, (s.exit, s.out)
    s = a.start(['cat'], stdin=None, tty=(24, 80))
    a.send(g.STDIN, s.number, b'\x03')
    expect('ctrl-c', (g.SIGNALED, 2), a.wait(s).exit[:2])
    expect('a user on a terminal', '65534', text(a.run(['sh', '-c', 'id -u; : > /dev/tty'], user='nobody', tty=(24, 80))))


def test_fairness(a):
    a.keep_output = False
    floods = [a.start(['yes', 'flood flood flood flood'], stdin=None) for _ in range(3)]
    a.until(lambda: all(s.out_count > 1 << 20 for s in floods))
    pings = sorted(a.ping() for _ in range(20))
    a.keep_output = True
    begun = time.monotonic()
    s = a.run(['echo', 'through'])
    took = time.monotonic() - begun
    a.keep_output = False
    expect('a command beside three floods', b'through\n', bytes(s.out))
    counts = [f.out_count for f in floods]
    print('    under three floods: ping median %.0f ms, max %.0f ms; a command %.0f ms' %
          (pings[10] * 1000, pings[-1] * 1000, took * 1000))
    assert pings[-1] < 5 and took < 10
    assert min(counts) * 4 > max(counts), counts
    for f in floods:
        a.cut(f)
    for f in floods:
        a.until(lambda: f.exit is not None)
    a.keep_output = True


def test_no_credit(a):
    s = a.start(['sh', '-c', 'yes | head -c 4000000; echo end >&2'], hold=True)
    a.until(lambda: s.out_count == g.WINDOW)
    expect('others go on', (g.EXITED, 0, ''), a.run(['true']).exit)
    time.sleep(0.4)
    a.pump()
    assert s.out_count == g.WINDOW and s.exit is None
    s.hold = False
    a.credit(s, g.STDOUT, g.WINDOW)
    a.wait(s)
    expect('all of it came', 4000000, s.out_count)
    # A command that has ended, its pipe full, its host slow: nothing is lost.
    s = a.start(['sh', '-c', 'yes | head -c 1090000'], hold=True)
    a.until(lambda: s.out_count == g.WINDOW)
    time.sleep(0.6)
    s.hold = False
    a.credit(s, g.STDOUT, g.WINDOW)
    a.wait(s)
    expect('all of it came late', (1090000, (g.EXITED, 0, '')), (s.out_count, s.exit))
    # Input of a command that does not read stays within the window.
    s = a.start(['sleep', '100'], stdin=bytes(4 << 20))
    a.ping()
    sent = g.WINDOW + (64 << 10)
    assert (4 << 20) - len(s.stdin) <= sent, 'more than a window and a pipe was taken'
    a.send(g.SIGNAL, s.number, struct.pack('<I', 15))
    a.wait(s)
    s = a.run(['sh', '-c', 'exec <&-; sleep 0.2; echo done'], stdin=bytes(2 << 20))
    expect('input nobody reads', b'done\n', bytes(s.out))


def test_linger(a):
    begun = time.monotonic()
    s = a.run(['sh', '-c', 'sleep 30 & echo started'])
    took = time.monotonic() - begun
    expect('a daemon behind', (b'started\n', (g.EXITED, 0, '')), (bytes(s.out), s.exit))
    assert took < 2, took
    s = a.sh('(yes &) ; sleep 0.1; exit 4', timeout=20)
    expect('a flood behind', (g.EXITED, 4, ''), s.exit)
    expect('is ended by its closed pipe', '', text(a.sh('sleep 0.2; pidof yes')))
    a.sh('killall sleep')


def test_close(a):
    s = a.start(['sh', '-c', 'sleep 4321 & echo ready; exec sleep 4321'], stdin=None)
    a.until(lambda: b'ready' in s.out)
    a.cut(s)
    a.until(lambda: s.exit is not None)
    expect('closed', (g.SIGNALED, 9), s.exit[:2])
    expect('nothing of it lives', '0', text(a.sh('ps -o args | grep -c "[s]leep 4321"')))


def test_orphans(a):
    a.sh('for i in 1 2 3 4 5 6 7 8; do (sh -c "sleep 0.1; exit 5" &) ; done')
    time.sleep(0.8)
    expect('zombies', '0', text(a.sh('grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l')))


def test_stats(a):
    a.send(g.STATS, 77)
    a.until(lambda: 77 in a.stats)
    s = a.stats[77]
    assert set(s) == {'uptime_ms', 'load1', 'load5', 'load15', 'mem_total_kib', 'mem_available_kib', 'disk_total_kib',
                      'disk_free_kib', 'processes', 'rx_bytes', 'tx_bytes'}, s
    assert 150000 < int(s['mem_total_kib']) < 262144 and 0 < int(s['mem_available_kib']) < int(s['mem_total_kib'])
    assert 400000 < int(s['disk_total_kib']) < 524288 and float(s['load1']) >= 0 and int(s['processes']) > 5
    ping = sorted(a.ping() for _ in range(50))
    print('    ping: median %.2f ms' % (ping[25] * 1000))


def test_hostile_host(a):
    for payload in (b'', b'x', bytes(12), struct.pack('<IHHHH', 0, 0, 0, 1, 0) + b'\0\0true',
                    struct.pack('<IHHHH', 0, 0, 0, 2, 0) + b'\0\0true\0', struct.pack('<IHHHH', 0, 0, 0, 65535, 65535),
                    struct.pack('<IHHHH', 2, 0, 0, 1, 0) + b'\0\0true\0', g.exec_payload(['true']) + b'more',
                    g.exec_payload(['']), struct.pack('<IHHHH', 0, 0, 0, 1, 0) + b'\xff' * 65000):
        s = g.Stream(a.next, None, False)
        a.next += 1
        a.streams[s.number] = s
        a.send(g.EXEC, s.number, payload)
        a.wait(s)
        assert s.exit[0] == g.NOT_RUN, (payload[:20], s.exit)
    # Frames nobody waits for, of wrong sizes, to streams that are not there.
    for kind in (g.STDIN, g.CREDIT, g.SIGNAL, g.RESIZE, g.CLOSE, g.EXIT, g.STDOUT, g.HELLO, g.BYE, g.PONG):
        for stream in (0, 999999, 0xffffffff):
            a.send(kind, stream, bytes(random.Random(kind).randrange(40)))
    a.send(g.PING, 5, bytes(65))
    a.ping()
    s = a.start(['cat'], stdin=None)
    a.send(g.EXEC, s.number, g.exec_payload(['true']))
    for payload in (b'', bytes(3), bytes(100)):
        a.send(g.SIGNAL, s.number, payload)
        a.send(g.RESIZE, s.number, payload)
        a.send(g.CREDIT, s.number, payload)
    for number in (0, 65, 0xffffffff):
        a.send(g.SIGNAL, s.number, struct.pack('<I', number))
    for which in (0, 1, 2, 3, 255):
        a.send(g.CREDIT, s.number, struct.pack('<BI', which, 0xffffffff))
    s.stdin = b'alive'
    a.feed(s)
    a.wait(s)
    expect('a stream that was teased', (b'alive', (g.EXITED, 0, '')), (bytes(s.out), s.exit))
    # More input than was allowed: that stream is cut, others are not.
    s = a.start(['sleep', '100'], stdin=None)
    for _ in range(g.WINDOW // (64 << 10) + 4):
        a.send(g.STDIN, s.number, bytes(64 << 10))
    a.wait(s)
    expect('a host that sends too much', (g.SIGNALED, 9), s.exit[:2])
    expect('the agent lives', (g.EXITED, 0, ''), a.run(['true']).exit)


def test_sync(a):
    key = a.hello['host_key']
    s = a.start(['sleep', '9876'], stdin=None)
    flood = a.start(['yes'], stdin=None, hold=True)
    a.until(lambda: flood.out_count > 0)
    # In the middle of a frame of which 60000 bytes are missing.
    a.sync(g.header(65000, g.STDIN, s.number) + bytes(5000))
    expect('the same guest', key, a.hello['host_key'])
    expect('commands are gone', '0', text(a.sh('ps -o args | grep -c "[s]leep 9876"')))
    # Garbage, with headers that look right in it.
    junk = bytearray(random.Random(2).randbytes(100000))
    for at in range(0, 90000, 777):
        junk[at:at + 12] = g.header(16, g.EXEC, 5)
    a.sync(bytes(junk))
    expect('back in step', (g.EXITED, 0, ''), a.run(['true']).exit)
    a.sync()
    a.sync(g.header(16, g.SYNC, 0) + bytes(7))
    expect('and again', b'ok\n', bytes(a.run(['echo', 'ok']).out))


def test_dropbear_respawn(a):
    old = text(a.sh('pidof dropbear'))
    a.sh('kill -9 %s' % old)
    time.sleep(0.6)
    new = text(a.sh('pidof dropbear'))
    assert new and new != old, (old, new)


def test_console_quiet(a, guest):
    lines = [x for x in guest.console_text().splitlines() if 'stoker-init' in x]
    print('    console: %d lines of ours' % len(lines))
    assert not any('cannot' in x for x in lines if 'stream' not in x), lines


def ssh(port, host_key, command, key=None):
    known = os.path.join(FOLDER, 'known')
    with open(known, 'w') as f:
        f.write('[127.0.0.1]:%d %s\n' % (port, host_key))
    return subprocess.run(['ssh', '-F', 'none', '-p', str(port), '-i', key or KEY, '-o', 'IdentitiesOnly=yes', '-o',
                           'IdentityAgent=none', '-o', 'UserKnownHostsFile=' + known, '-o', 'StrictHostKeyChecking=yes',
                           '-o', 'HostKeyAlgorithms=ssh-ed25519', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20',
                           'root@127.0.0.1', command], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


ON_ONE = [test_hello, test_system, test_exec, test_not_run, test_user_dir_env, test_binary, test_output_speed, test_many,
          test_signals, test_tty, test_fairness, test_no_credit, test_linger, test_close, test_orphans, test_stats,
          test_hostile_host, test_sync, test_dropbear_respawn]


def boot_main(chosen):
    """The tests above, a login, a host that goes and comes back, and a clean end."""
    disk = new_disk('own.ext4')
    port = free_port()
    guest = g.Guest(IMAGE, FOLDER, disk=disk, key=public_key(), ssh_port=port)
    try:
        a = guest.agent()
        print('  ready after %.0f ms; %s' % ((time.monotonic() - guest.begun) * 1000, a.hello['marks']))
        for test in ON_ONE:
            if chosen and test.__name__[5:] not in chosen:
                continue
            begun = time.monotonic()
            test(a)
            print('  ok %s (%.1f s)' % (test.__name__[5:], time.monotonic() - begun))
        key = a.hello['host_key']
        done = ssh(port, key, 'echo logged in as $USER; tty || true')
        assert done.returncode == 0 and b'logged in as root' in done.stdout, done
        done = ssh(port, 'ssh-ed25519 ' + base64.b64encode(b'\0\0\0\x0bssh-ed25519\0\0\0\x20' + bytes(32)).decode(), 'true')
        assert done.returncode == 255, 'a wrong host key was accepted'
        other = os.path.join(FOLDER, 'other')
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', other], check=True)
        assert ssh(port, key, 'true', other).returncode == 255, 'a foreign key was accepted'
        print('  ok ssh')

        s = a.start(['sleep', '5555'], stdin=None)
        a.ping()
        a.close()
        time.sleep(0.3)
        a = guest.agent()
        expect('hello again', key, a.hello['host_key'])
        expect('commands went with the host', '0', text(a.sh('ps -o args | grep -c "[s]leep 5555"')))
        print('  ok host gone and back')
        test_console_quiet(a, guest)

        a.sh('echo kept > /root/kept; dd if=/dev/zero of=/root/big bs=1M count=20 2>/dev/null')
        s = a.start(['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'], stdin=None)
        a.until(lambda: b'ready' in s.out)
        begun = time.monotonic()
        a.send(g.POWEROFF)
        a.until_closed()
        expect('exit status', 0, guest.wait(20))
        expect('bye', 'poweroff', a.bye)
        print('  ok poweroff (%.0f ms with a process that ignores SIGTERM)' % ((time.monotonic() - begun) * 1000))
        check = subprocess.run(['e2fsck', '-fn', disk], capture_output=True)
        expect('the disk is clean', 0, check.returncode)

        guest = g.Guest(IMAGE, FOLDER, disk=disk, key=public_key(), ssh_port=port)
        a = guest.agent()
        print('  ready again after %.0f ms; %s' % ((time.monotonic() - guest.begun) * 1000, a.hello['marks']))
        expect('the same host key', key, a.hello['host_key'])
        expect('what was written', 'kept\n20971520', text(a.sh('cat /root/kept; stat -c %s /root/big')))
        expect('one line each', '1\n1', text(a.sh('grep -c quiet-otter /etc/hosts; grep -c . /root/.ssh/authorized_keys')))
        # Killed a moment after its first hello, a guest comes back with the key that was pinned then.
        fresh = new_disk('fresh.ext4')
        for n in range(2):
            other = g.Guest(IMAGE, FOLDER + '/', disk=fresh, name='other', key=public_key())
            try:
                b = other.agent()
                other.end()
                if n == 0:
                    first = b.hello['host_key']
                expect('the key after a kill', first, b.hello['host_key'])
            finally:
                other.end()
        s = a.start(['reboot'])
        a.until_closed()
        expect('bye', 'reboot', a.bye)
        expect('exit status', 0, guest.wait(20))
        print('  ok second boot, reboot from inside')
    except BaseException:
        sys.stderr.write(guest.console_text()[-3000:])
        raise
    finally:
        guest.end()


def boot_shared(_):
    """A tmpfs on top of the base; two at once on the same base; no network."""
    key = {}
    for n in range(2):
        guest = g.Guest(IMAGE, FOLDER, mode='shared', key=public_key(), network=n == 0, host='vm-%d' % n, smp=n + 1)
        try:
            a = guest.agent()
            expect('nothing from before', '1', text(a.sh('test -e /root/mark; echo $?; echo > /root/mark')))
            size = int(text(a.sh('stat -f -c "%b %S" /')).split()[0]) * 4
            total = int(text(a.sh('grep MemTotal: /proc/meminfo')).split()[1])
            assert abs(size - total / 2) < total / 20, (size, total)
            expect('cpus', str(n + 1), text(a.sh('nproc')))
            if n == 1:
                assert 'host_key' not in a.hello
                expect('no card', 'lo', text(a.sh('ls /sys/class/net')))
            key[n] = a.hello.get('host_key')
            a.start(['poweroff'])
            a.until_closed()
            expect('bye', 'poweroff', a.bye)
            expect('exit status', 0, guest.wait(20))
        except BaseException:
            sys.stderr.write(guest.console_text()[-3000:])
            raise
        finally:
            guest.end()
    print('  ok shared, without network, two CPUs, poweroff from inside')


def boot_copy(_):
    """The base itself, copied and writable."""
    root = os.path.join(FOLDER, 'copy.ext4')
    shutil.copyfile(IMAGE + '/root.ext4', root)
    with open(root, 'r+b') as f:
        f.truncate(64 << 20)
    subprocess.run(['e2fsck', '-fp', root], stdout=subprocess.DEVNULL)
    subprocess.run(['resize2fs', root], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    guest = g.Guest(IMAGE, FOLDER, mode='copy', root=root, key=public_key(), append='stoker.ip=bad stoker.dns=1.2.3')
    try:
        a = guest.agent()
        expect('ext4', 'ext2/ext3', text(a.sh('stat -f -c %T /; echo x > /root/x')))
        assert 'bad stoker.ip' in guest.console_text() and 'bad stoker.dns' in guest.console_text()
        a.send(g.POWEROFF)
        a.until_closed()
        expect('exit status', 0, guest.wait(20))
        expect('the disk is clean', 0, subprocess.run(['e2fsck', '-fn', root], capture_output=True).returncode)
    except BaseException:
        sys.stderr.write(guest.console_text()[-3000:])
        raise
    finally:
        guest.end()
    print('  ok copy')


def boot_broken(_):
    """What cannot work says so on the console, and the guest ends."""
    guest = g.Guest(IMAGE, FOLDER, mode='isolated')
    try:
        guest.wait(60)
        assert "stoker-init: the VM's own disk is missing" in guest.console_text(), guest.console_text()
    finally:
        guest.end()
    print('  ok a missing disk is said')


def main():
    chosen = sys.argv[3:]
    for boot in (boot_main, boot_shared, boot_copy, boot_broken):
        if chosen and boot is not boot_main and boot.__name__[5:] not in chosen:
            continue
        try:
            print('-- %s' % boot.__name__[5:], flush=True)
            boot(chosen)
        except Exception:
            traceback.print_exc()
            print('FAIL %s' % boot.__name__, file=sys.stderr)
            return 1
    return 0


sys.exit(main())
