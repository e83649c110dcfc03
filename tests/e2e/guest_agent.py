# SPDX-License-Identifier: Apache-2.0
#
# guest_agent.py - the host's side of the agent protocol (src/guest/frame.h),
# small and strict, for tests that talk to a guest without libstoker.
import errno
import os
import select
import socket
import struct
import subprocess
import time

(HELLO, SYNC, EXEC, STDIN, STDOUT, STDERR, CREDIT, EXIT, SIGNAL, RESIZE, CLOSE, PING, PONG, STATS, POWEROFF,
 BYE) = range(1, 17)
PAYLOAD_MAX = 64 * 1024
WINDOW = 1024 * 1024
EXITED, SIGNALED, NOT_RUN = range(3)


def header(length, kind, stream, version=1):
    check = (length & 0xffff) ^ (length >> 16) ^ (kind << 8 | version) ^ (stream & 0xffff) ^ (stream >> 16) ^ 0x5354
    return struct.pack('<IBBHI', length, kind, version, check & 0xffff, stream)


def exec_payload(argv, user='', cwd='', env=(), tty=None):
    rows, cols = tty or (0, 0)
    head = struct.pack('<IHHHH', 1 if tty else 0, rows, cols, len(argv), len(env))
    return head + b''.join(s.encode() + b'\0' for s in [user, cwd, *argv, *env])


class Stream:
    def __init__(self, number, stdin, hold):
        self.number, self.stdin, self.hold = number, stdin, hold
        self.room, self.sent_eof = WINDOW, False
        self.out, self.err = bytearray(), bytearray()
        self.out_count = 0
        self.eof = set()
        self.exit, self.cut = None, False
        self.window = {STDOUT: WINDOW, STDERR: WINDOW}  # what the guest may still send
        self.started = time.monotonic()
        self.ended = None

    @property
    def done(self):
        return self.exit is not None and self.eof == {STDOUT, STDERR}


class Agent:
    """One connection to a guest's port."""

    def __init__(self, path, timeout=60):
        end = time.monotonic() + timeout
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
        self.sock.setblocking(False)
        self.inbuf, self.outbuf = bytearray(), bytearray()
        self.streams, self.next = {}, 1
        self.hello = None
        self.pongs, self.stats, self.bye = {}, {}, None
        self.closed = False
        self.keep_output = True

    def close(self):
        self.sock.close()

    # ---- bytes

    def pump(self, wait=0.0):
        """Moves what can be moved; waits at most so long for something to do."""
        want = [self.sock] if self.outbuf else []
        got, can, _ = select.select([self.sock], want, [], wait)
        if can:
            try:
                n = self.sock.send(self.outbuf[:256 * 1024])
                del self.outbuf[:n]
            except BlockingIOError:
                pass
        if got:
            try:
                data = self.sock.recv(256 * 1024)
            except OSError as e:
                if e.errno != errno.ECONNRESET:
                    raise
                data = b''
            if not data:
                self.closed = True
            self.inbuf += data
            self.parse()

    def until(self, what, timeout=30.0):
        end = time.monotonic() + timeout
        while not what():
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError('waited %.1f s in vain' % timeout)
            if self.closed:
                raise EOFError('the guest closed the port')
            self.pump(left)

    def until_closed(self, timeout=20.0):
        try:
            self.until(lambda: False, timeout)
        except EOFError:
            pass

    def send(self, kind, stream=0, payload=b''):
        self.outbuf += header(len(payload), kind, stream) + payload

    # ---- frames

    def parse(self):
        at = 0
        while len(self.inbuf) - at >= 12:
            length, kind, version, _, stream = struct.unpack_from('<IBBHI', self.inbuf, at)
            if bytes(self.inbuf[at:at + 12]) != header(length, kind, stream) or length > PAYLOAD_MAX:
                raise AssertionError('a wrong header from the guest: %r' % bytes(self.inbuf[at:at + 12]))
            if len(self.inbuf) - at - 12 < length:
                break
            payload = bytes(self.inbuf[at + 12:at + 12 + length])
            at += 12 + length
            self.frame(kind, stream, payload)
        del self.inbuf[:at]

    def frame(self, kind, stream, payload):
        if kind == HELLO:
            assert stream == 0 and len(payload) <= 4096
            self.hello = dict(line.split('=', 1) for line in payload.decode().splitlines())
        elif kind == PONG:
            self.pongs[stream] = (payload, time.monotonic())
        elif kind == STATS:
            self.stats[stream] = dict(line.split('=', 1) for line in payload.decode().splitlines())
        elif kind == BYE:
            self.bye = payload.decode()
        elif kind in (STDOUT, STDERR, EXIT, CREDIT):
            self.stream_frame(kind, self.streams[stream], payload)
        else:
            raise AssertionError('the guest sent a frame of type %d' % kind)

    def stream_frame(self, kind, s, payload):
        assert not s.done, 'a frame after the end of stream %d' % s.number
        if s.cut and kind != EXIT:
            return  # was on its way
        if kind == CREDIT:
            which, n = struct.unpack('<BI', payload)
            assert which == 0
            s.room += n
            self.feed(s)
        elif kind == EXIT:
            s.exit = (payload[0], struct.unpack('<i', payload[1:5])[0], payload[5:].decode(errors='replace'))
            s.ended = time.monotonic()
        elif not payload:
            assert kind not in s.eof
            s.eof.add(kind)
        else:
            assert kind not in s.eof, 'data after the end of file'
            s.window[kind] -= len(payload)
            assert s.window[kind] >= 0, 'the guest exceeded its credit'
            if kind == STDOUT:
                s.out_count += len(payload)
            if self.keep_output:
                (s.out if kind == STDOUT else s.err).extend(payload)
            if not s.hold and WINDOW - s.window[kind] >= WINDOW // 4:
                self.credit(s, kind, WINDOW - s.window[kind])

    def credit(self, s, kind, n):
        s.window[kind] += n
        self.send(CREDIT, s.number, struct.pack('<BI', 1 if kind == STDOUT else 2, n))

    def feed(self, s):
        while s.stdin and s.room > 0:
            part = bytes(s.stdin[:min(len(s.stdin), s.room, PAYLOAD_MAX)])
            s.stdin = s.stdin[len(part):]
            s.room -= len(part)
            self.send(STDIN, s.number, part)
        if s.stdin is not None and not s.stdin and not s.sent_eof:
            s.sent_eof = True
            self.send(STDIN, s.number)

    # ---- verbs

    def start(self, argv, stdin=b'', hold=False, **more):
        """stdin None keeps it open. hold: give no credit."""
        s = Stream(self.next, None if stdin is None else memoryview(stdin), hold)
        self.next += 1
        self.streams[s.number] = s
        self.send(EXEC, s.number, exec_payload(argv, **more))
        self.feed(s)
        return s

    def wait(self, s, timeout=60.0):
        self.until(lambda: s.done, timeout)
        return s

    def run(self, argv, stdin=b'', timeout=60.0, **more):
        return self.wait(self.start(argv, stdin, **more), timeout)

    def cut(self, s):
        """The client is gone: nothing but the exit may follow."""
        s.cut, s.eof = True, {STDOUT, STDERR}
        self.send(CLOSE, s.number)

    def sh(self, script, timeout=60.0, **more):
        return self.run(['sh', '-c', script], timeout=timeout, **more)

    def ping(self, timeout=30.0):
        number = self.next
        self.next += 1
        begun = time.monotonic()
        self.send(PING, number, b'%d' % number)
        self.until(lambda: number in self.pongs, timeout)
        payload, at = self.pongs.pop(number)
        assert payload == b'%d' % number
        return at - begun

    def sync(self, junk=b''):
        """Finds the step again: what stands before the nonce is dropped."""
        nonce = os.urandom(16)
        self.streams = {}
        self.hello = None
        self.outbuf += junk + bytes(PAYLOAD_MAX) + header(16, SYNC, 0) + nonce
        seen = bytearray(self.inbuf)
        self.inbuf = bytearray()
        parse, self.parse = self.parse, lambda: None
        end = time.monotonic() + 30
        while nonce not in seen:
            assert time.monotonic() < end, 'no nonce came back'
            self.pump(1)
            seen += self.inbuf
            self.inbuf.clear()
        self.parse = parse
        self.inbuf = seen[seen.index(nonce) + 16:]
        self.parse()
        self.until(lambda: self.hello is not None)


class Guest:
    """A plain QEMU, as bare as it can be."""

    def __init__(self, image, folder, disk=None, mode='isolated', network=True, key='', ssh_port=0, append='',
                 root=None, host='quiet-otter', memory=256, smp=1, name='agent'):
        self.folder = folder
        self.sock = os.path.join(folder, name + '.sock')
        self.console = os.path.join(folder, name + '.console')
        tsc = ''
        with open('/proc/cpuinfo') as f:
            for line in f:
                if line.startswith('cpu MHz'):
                    tsc = ' tsc_early_khz=%d' % round(float(line.split(':')[1]) * 1000)
                    break
        kernel = ('console=ttyS0 quiet reboot=t panic=1 cryptomgr.notests no_timer_check tsc=reliable '
                  'random.trust_cpu=on' + tsc + ' stoker.disk=' + mode + ' stoker.host=' + host)
        command = ['qemu-system-x86_64', '-M', 'microvm,acpi=on,rtc=on', '-accel', 'tcg', '-cpu', 'max,-erms', '-m',
                   str(memory), '-smp', str(smp), '-nodefaults', '-no-user-config', '-nographic', '-no-reboot',
                   '-kernel', image + '/vmlinux', '-initrd', image + '/initrd']
        if network:
            kernel += ' stoker.ip=10.0.2.15/24 stoker.gw=10.0.2.2 stoker.dns=10.0.2.3'
            forward = ',hostfwd=tcp:127.0.0.1:%d-:22' % ssh_port if ssh_port else ''
            command += ['-netdev', 'user,id=n,restrict=on' + forward, '-device', 'virtio-net-device,netdev=n']
        if key:
            kernel += ' stoker.key=' + key
        base = 'if=none,id=base,format=raw,file=' + (root or image + '/root.ext4') + ('' if root else ',readonly=on')
        command += ['-drive', base, '-device', 'virtio-blk-device,drive=base']
        if disk:
            command += ['-drive', 'if=none,id=own,format=raw,cache=unsafe,file=' + disk, '-device',
                        'virtio-blk-device,drive=own']
        command += ['-device', 'virtio-serial-device', '-chardev', 'socket,id=a,server=on,wait=off,path=' + self.sock,
                    '-device', 'virtserialport,chardev=a,name=stoker.agent', '-chardev',
                    'file,id=c,path=' + self.console, '-serial', 'chardev:c', '-append', kernel + ' ' + append]
        self.begun = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def agent(self):
        a = Agent(self.sock)
        a.until(lambda: a.hello is not None, 90)
        return a

    def wait(self, timeout=30):
        return self.process.wait(timeout)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def console_text(self):
        with open(self.console, errors='replace') as f:
            return f.read()
