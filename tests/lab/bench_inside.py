# SPDX-License-Identifier: Apache-2.0
#
# bench_inside.py - the figures of the lab, as JSON: `stoker bench` on the real
# Firecracker and on QEMU with KVM (both its builds), and Firecracker by itself, with the very
# configuration that stoker gives it. In milliseconds, one figure per round: of
# stoker the median of three VMs in one process.
#
#	bench_inside.py ROUNDS FILE
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time

STOKER = os.environ["STOKER_PROGRAM"]
# The same for both backends; the peer's figures were taken with this much memory.
OPTIONS = ["--image", "own", "--memory", "256", "--network", "tap", "--egress", "none"]
NS = 1e6
LIMIT_NS = 60 * 10**9
# What Firecracker logs when the guest's processor runs.
STARTED = b"Successfully started microvm"
BELL_PORT, AGENT_PORT = 1024, 1023  # as src/guest/frame.h has them


def run(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **kw).stdout


def say(text):
    print("bench: in the lab: " + text, flush=True)


class Floor:
    """Firecracker with a configuration file, without stoker: of a VM that stoker started once, and stopped."""

    def __init__(self):
        self.dir = os.path.join(os.environ["T_DIR"], "floor")
        os.makedirs(self.dir)
        run(STOKER, "create", "floor", *OPTIONS, "--backend", "firecracker", "--start", "--quiet")
        run(STOKER, "wait", "floor", "--for", "ready", "--quiet")
        vm = json.loads(run(STOKER, "inspect", "floor", "--json"))
        vm = vm[0] if isinstance(vm, list) else vm
        state = os.environ["STOKER_STATE_DIR"]
        key = os.path.join(state, "vms", vm["id"], "key")
        # The first one waits until the guest's sshd listens, which is a little after the agent.
        self.handshakes = [self.handshake(vm["ssh_port"], key) for _ in range(6)][1:]
        api = os.path.join(os.environ["STOKER_RUNTIME_DIR"], "vms", vm["id"], "api.sock")
        config = json.loads(run("curl", "-sS", "--fail", "--unix-socket", api, "http://localhost/vm/config"))
        with open(os.path.join(self.dir, "config.json"), "w") as f:
            json.dump({k: v for k, v in config.items() if v is not None}, f)
        with open("/proc/%d/cmdline" % vm["pid"], "rb") as f:
            self.program = f.read().split(b"\0")[0].decode()
        self.disk = os.path.join(state, "vms", vm["id"], "disk.ext4")
        self.empty = os.path.join(state, "templates", "ext4-%d.img" % vm["disk_mib"])
        run(STOKER, "stop", "floor", "--force", "--quiet")  # its TAP stays until it is deleted

    @staticmethod
    def handshake(port, key):
        program = os.path.join(os.environ["BUILD_DIR"], "tests", "bench_handshake")
        return int(run(program, str(port), key).split()[1]) / NS

    def boots(self):
        """The median of three in a row, as stoker's figures are: the first after QEMU has run takes twice the time, for
        the emulator has to translate Firecracker's code again."""
        three = [self.boot() for _ in range(3)]
        return {key: sorted(times[key] for times in three)[1] for key in three[0]}

    def boot(self):
        """From the exec to the start of the guest, and to the first bytes of its agent."""
        run("cp", "--sparse=always", self.empty, self.disk)
        channel, log = os.path.join(self.dir, "vsock.sock"), os.path.join(self.dir, "log")
        bell_path = "%s_%d" % (channel, BELL_PORT)
        for path in (channel, bell_path, log):
            if os.path.exists(path):
                os.unlink(path)
        os.mkfifo(log)
        log_fd = os.open(log, os.O_RDWR | os.O_CLOEXEC)
        bell, agent = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        bell.bind(bell_path)
        bell.listen(4)
        poll = select.poll()
        poll.register(log_fd, select.POLLIN)
        poll.register(bell, select.POLLIN)
        text = answer = b""
        times, rung = {}, False
        begun = time.monotonic_ns()
        vmm = subprocess.Popen([self.program, "--no-api", "--config-file", "config.json", "--log-path", "log", "--level", "Info"],
                               cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            while len(times) < 2:
                if time.monotonic_ns() - begun > LIMIT_NS or vmm.poll() is not None:
                    raise SystemExit("bench: the bare Firecracker did not get ready: " + text.decode(errors="replace")[-1000:])
                for fd, _ in poll.poll(1000):
                    now = (time.monotonic_ns() - begun) / NS
                    if fd == log_fd:
                        text += os.read(log_fd, 65536)
                        if STARTED in text:
                            times.setdefault("start", now)
                    elif fd == bell.fileno():
                        bell.accept()[0].close()
                        if not rung:
                            agent.connect(channel)
                            agent.sendall(b"CONNECT %d\n" % AGENT_PORT)
                            poll.register(agent, select.POLLIN)
                            rung = True
                    else:
                        data = agent.recv(4096)
                        if not data:
                            raise SystemExit("bench: the bare Firecracker closed the channel")
                        answer += data
                        if b"\n" in answer and answer.split(b"\n", 1)[1]:  # behind Firecracker's own OK
                            times.setdefault("ready", now)
        finally:
            vmm.kill()
            vmm.wait()
            os.close(log_fd)
            bell.close()
            agent.close()
        return times


def measure(backend, config=None):
    """The whole lives of a few VMs in one process, as the page's benchmark has them (the peer's was one process too):
    what a process loads for its first VM is no part of the median."""
    rows = json.loads(run(STOKER, "bench", "--vms", "3", *OPTIONS, "--backend", backend, "--json",
                          env={**os.environ, "STOKER_CONFIG": config or os.environ["STOKER_CONFIG"]}))["rows"]
    return {row["phase"]: row["p50_ms"] for row in rows}


def main():
    rounds, to = int(sys.argv[1]), sys.argv[2]
    # What only the first VM of a state folder costs: the KVM probe, the empty disk, the table of the network;
    # and the first read of each program from the disk.
    say("the first VM of each backend")
    floor = Floor()
    floor.boot()
    measure("qemu")
    # QEMU named in the settings is that very program: the whole build, where by itself the small one is used.
    whole = os.path.join(os.environ["T_DIR"], "whole.conf")
    with open(os.environ["STOKER_CONFIG"]) as of, open(whole, "w") as f:
        f.write(of.read() + "\n[qemu]\nbinary = %s\n" % shutil.which("qemu-system-x86_64"))
    os.chmod(whole, 0o600)
    measure("qemu", whole)
    found = {"floor": [], "firecracker": [], "qemu": [], "qemu_whole": [], "handshake": floor.handshakes}
    # In turns, so that a noisy machine is noisy for all four.
    for i in range(rounds):
        say("round %d of %d" % (i + 1, rounds))
        found["floor"].append(floor.boots())
        found["firecracker"].append(measure("firecracker"))
        # What comes first finds the emulator cold for QEMU.
        for key, config in (("qemu", None), ("qemu_whole", whole))[::1 - i % 2 * 2]:
            found[key].append(measure("qemu", config))
    run(STOKER, "delete", "floor", "--force", "--quiet")
    with open(to, "w") as f:
        json.dump(found, f)


main()
