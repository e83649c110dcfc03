# SPDX-License-Identifier: Apache-2.0
#
# control.py - runs scripts in the lab's outer host on behalf of host.py, which
# speaks to it over a virtio-serial port.
#
# A request is one line of JSON: id, argv, env, files (path: text). The answer
# begins with a mark and the id, then come frames: a letter, a length (4 bytes,
# big-endian), a payload. "o": output; "t": a piece of a tar of the results;
# "x": JSON, the end. What a script leaves behind on the host makes it fail.
import json
import os
import select
import signal
import subprocess
import sys
import tarfile
import time

MARK = b"\0lab-answer "
CGROUP = "/sys/fs/cgroup/scenario"
RESULTS = "/scratch/results"
CORES = "/scratch/cores"
IDLE_S = 1800  # nobody wants this host any more


def open_port():
    base = "/sys/class/virtio-ports"
    for port in os.listdir(base):
        with open("%s/%s/name" % (base, port)) as f:
            if f.read().strip() == "lab.control":
                return os.open("/dev/" + port, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    raise SystemExit("lab: there is no control port")


class Port:
    def __init__(self):
        self.fd = open_port()
        self.buffer = b""

    def gone(self, wait_ms):
        """Whether the other side has left."""
        poll = select.poll()
        poll.register(self.fd, 0)
        return any(events & select.POLLHUP for _, events in poll.poll(wait_ms))

    def request(self):
        last = time.monotonic()
        while b"\n" not in self.buffer:
            if time.monotonic() - last > IDLE_S:
                raise SystemExit("lab: nobody asked anything for %d s" % IDLE_S)
            if self.gone(0):
                self.buffer = b""
                time.sleep(0.05)  # a port without a peer is always readable: 0 bytes
                continue
            if not select.select([self.fd], [], [], 1)[0]:
                continue
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                continue
            if data:
                last = time.monotonic()
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def send(self, data):
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view[:32768]):]
            except BlockingIOError:
                if self.gone(0):
                    return False
                select.select([], [self.fd], [], 1)
            except OSError:
                return False
        return True

    def frame(self, letter, payload):
        return self.send(letter + len(payload).to_bytes(4, "big") + payload)


def cgroup_pids():
    """Every process of the script, wherever below its group."""
    pids = []
    for folder, _, _ in os.walk(CGROUP):
        with open(folder + "/cgroup.procs") as f:
            pids += [int(line) for line in f]
    return pids


def host_state():
    """What a script must leave as it was."""
    state = set("link " + name for name in os.listdir("/sys/class/net"))
    state |= set("network namespace " + name for name in os.listdir("/run/netns"))
    state |= set("nftables " + line for line in subprocess.run(
        ["nft", "list", "tables"], stdout=subprocess.PIPE, text=True).stdout.splitlines())
    with open("/proc/mounts") as f:
        state |= set("mount " + line.split()[1] for line in f)
    for place in ("/run/stoker", "/var/lib/stoker"):
        for folder, _, files in os.walk(place):
            state |= set("file %s/%s" % (folder, name) for name in files)
    for name in ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/conf/all/route_localnet"):
        with open(name) as f:
            state.add("%s = %s" % (name, f.read().strip()))
    return state


def describe(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return "%d: %s" % (pid, f.read().replace(b"\0", b" ").decode(errors="replace")[:200])
    except OSError:
        return None


def restore(added):
    """So that the next script starts on a clean host, as far as that goes."""
    for thing in added:
        kind, _, name = thing.partition(" ")
        if kind == "link":
            subprocess.run(["ip", "link", "delete", name], stderr=subprocess.DEVNULL)
        elif kind == "nftables":
            subprocess.run(["nft", "delete", *name.split()], stderr=subprocess.DEVNULL)
        elif kind == "network":
            subprocess.run(["ip", "netns", "delete", name.split()[1]], stderr=subprocess.DEVNULL)
        elif kind == "mount":
            subprocess.run(["umount", "-l", name], stderr=subprocess.DEVNULL)
        elif kind == "file":
            os.unlink(name)


class Pieces:
    """A file for tarfile to write into."""

    def __init__(self, port):
        self.port = port

    def write(self, data):
        self.port.frame(b"t", bytes(data))
        return len(data)


def enter_cgroup():
    os.setsid()
    with open(CGROUP + "/cgroup.procs", "w") as f:
        f.write(str(os.getpid()))


def serve(port, request):
    for path, text in request.get("files", {}).items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
    subprocess.run(["rm", "-rf", RESULTS])
    os.makedirs(RESULTS, mode=0o777)
    os.chmod(RESULTS, 0o777)
    os.makedirs(CGROUP, exist_ok=True)
    before = host_state()
    begun = time.monotonic()
    read, write = os.pipe()
    child = subprocess.Popen(request["argv"], env={**os.environ, "LAB_RESULTS": RESULTS, **request.get("env", {})},
                             cwd="/scratch", stdin=subprocess.DEVNULL, stdout=write, stderr=write, preexec_fn=enter_cgroup)
    os.close(write)
    lost = False
    while not lost:
        # Not until the pipe closes: a process that was left behind may hold it.
        if select.select([read], [], [], 0.02)[0]:
            data = os.read(read, 65536)
            if data:
                port.frame(b"o", data)
            elif child.wait() is not None:
                break
        elif child.poll() is not None:
            break
        lost = port.gone(0)
    os.close(read)
    took = time.monotonic() - begun

    left = []
    for _ in range(20):  # those that are just ending
        pids = [pid for pid in cgroup_pids() if describe(pid)]
        if not pids or lost:
            break
        time.sleep(0.05)
    left += ["process " + (describe(pid) or str(pid)) for pid in pids]
    with open(CGROUP + "/cgroup.kill", "w") as f:
        f.write("1")
    status = child.wait()
    added = sorted(host_state() - before)
    left += added
    restore(added)
    subprocess.run("find /scratch/tmp -mindepth 1 -maxdepth 1 -exec rm -rf {} +", shell=True)
    for core in os.listdir(CORES):
        os.rename(os.path.join(CORES, core), os.path.join(RESULTS, "core." + core))
    if status != 0:
        with open(RESULTS + "/dmesg", "w") as f:
            subprocess.run(["dmesg"], stdout=f)
    with tarfile.open(fileobj=Pieces(port), mode="w|") as tar:
        tar.add(RESULTS, arcname=".")
    port.frame(b"x", json.dumps({"status": status, "left": left, "seconds": took}).encode())


def main():
    port = Port()
    print("lab: up after %s s" % open("/proc/uptime").read().split()[0], file=sys.stderr, flush=True)
    while True:
        request = port.request()
        port.send(MARK + request["id"].encode() + b"\n")
        if request.get("argv"):
            serve(port, request)


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
main()
