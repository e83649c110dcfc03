# SPDX-License-Identifier: Apache-2.0
"""As much of supervisors and agents as the dashboard asks for traffic: guests_standin.py RUNTIME_DIR < IDS. One socket,
which each VM has a name for in its folder, is asked for a guest's counters and answers at once. Serves until it is ended, and says then how many answers it gave.
"""
import os, select, signal, socket, struct, sys

HELLO, STATS, VERSION = 1, 14, 1


def frame(kind, stream, payload):
    length = len(payload)
    check = (length ^ length >> 16 ^ (kind << 8 | VERSION) ^ stream ^ stream >> 16 ^ 0x5354) & 0xffff
    return struct.pack("<IBBHI", length, kind, VERSION, check, stream) + payload


listening = socket.socket(socket.AF_UNIX)
first = None
for vm in sys.stdin.read().split():
    folder = os.path.join(sys.argv[1], "vms", vm)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, "control.sock")
    if first is None:
        first = path
        listening.bind(path)
        listening.listen(64)
    else:
        os.link(first, path)


def ended(_signal, _frame):
    print(answers, flush=True)
    os._exit(0)


clients, answers = {}, 0
signal.signal(signal.SIGTERM, ended)
print("ready", flush=True)

poll = select.poll()
poll.register(listening, select.POLLIN)
while True:
    for fd, _ in poll.poll():
        if fd == listening.fileno():
            client = listening.accept()[0]
            client.sendall(frame(HELLO, 0, b"protocol=1\nagent=1\n"))
            clients[client.fileno()] = client
            poll.register(client, select.POLLIN)
            continue
        try:
            asked = clients[fd].recv(64)
            if asked:
                answers += 1
                clients[fd].sendall(frame(STATS, 1, b"uptime_ms=%d\nrx_bytes=%d\ntx_bytes=%d\n" %
                                          (answers, answers << 10, answers << 9)))
        except ConnectionError:  # who asked has ended
            asked = b""
        if not asked:
            poll.unregister(fd)
            clients.pop(fd).close()
