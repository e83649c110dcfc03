#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# host.py - the lab: a Debian under QEMU's TCG whose emulated processor has
# AMD's virtualization, so that there /dev/kvm runs real guests and Firecracker
# is the real one. Scripts run in it with the stoker just built.
#
#	host.py run SCENARIO [ARGS]   runs tests/lab/[scenarios/]SCENARIO.sh in it, brings its output and status back;
#	                              boots a host for it unless one is up
#	host.py exec COMMAND...       any command in it
#	host.py up | down             keeps one host alive for many runs; a new build makes it anew
#	host.py image                 builds what is cached, and no more
#
# What a script puts into $LAB_RESULTS comes back to BUILD/lab/results/SCENARIO,
# with the state folder without its disks, with core files, and after a failure
# with the kernel's log.
import argparse
import fcntl
import glob
import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("STOKER_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("STOKER_BUILD_DIR") or os.path.join(SOURCE, "build")
LAB = os.path.join(BUILD, "lab")
IMAGES = os.environ.get("STOKER_TEST_IMAGES") or os.path.join(BUILD, "test-images")
MARK = b"\0lab-answer "
INSIDE = "/src"  # where the tree lies in the host
MEMORY_MIB = 3072
CPUS = os.environ.get("STOKER_LAB_CPUS", "1")
PROGRAMS = ("stoker", "stoker-supervisor", "libstoker.so.0")
SKIP = 77


class Failure(Exception):
    pass


def say(text):
    print("lab: " + text, file=sys.stderr, flush=True)


def skip(why):
    """A missing tool; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        raise Failure("would be skipped, which CI does not allow: " + why)
    print("SKIP lab: " + why)
    raise SystemExit(SKIP)


def need(*tools):
    for tool in tools:
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            skip("%s is not installed (tests/deps.sh installs it)" % tool)


def place(name):
    return os.path.join(LAB, name)


# ---------------------------------------------------------------- what goes in

def tree():
    """What the host gets of this build, as (path in it, file here)."""
    files = []
    for name in PROGRAMS + ("stoker-init",):
        files.append(("build/" + name, os.path.join(BUILD, name)))
    files += [("build/tests/" + os.path.basename(p), p) for p in glob.glob(os.path.join(BUILD, "tests", "bench_*"))]
    for folder in ("assets", "tests"):
        for path, _, names in os.walk(os.path.join(SOURCE, folder)):
            files += [(os.path.relpath(os.path.join(path, n), SOURCE), os.path.join(path, n)) for n in names]
    for image in glob.glob(os.path.join(IMAGES, "*", "image.json")):
        folder = os.path.dirname(image)
        if not os.path.basename(folder).startswith("."):
            files += [("images/%s/%s" % (os.path.basename(folder), n), os.path.join(folder, n)) for n in os.listdir(folder)]
    return files


def scripts():
    """Those are sent with every run: editing one needs no new host."""
    found = {}
    for pattern in ("tests/lab/*.sh", "tests/lab/*.py", "tests/lab/scenarios/*.sh", "tests/e2e/*.sh", "tests/tui/*.sh"):
        for path in glob.glob(os.path.join(SOURCE, pattern)):
            with open(path) as f:
                found["%s/%s" % (INSIDE, os.path.relpath(path, SOURCE))] = f.read()
    return found


def fingerprint(files, image):
    with open(__file__, "rb") as f:
        digest = hashlib.sha256(image.encode() + f.read() + CPUS.encode())
    sent = scripts()
    for name, path in sorted(files):
        if "%s/%s" % (INSIDE, name) in sent:
            continue
        info = os.stat(path)
        digest.update(("%s %d %d\n" % (name, info.st_size, info.st_mtime_ns)).encode())
    return digest.hexdigest()


def pack(files):
    """The lab's disk: its layout is laid over the image's root."""
    with tempfile.TemporaryDirectory(dir=LAB) as work:
        root = os.path.join(work, "root")
        for name, path in files:
            to = os.path.join(root, INSIDE[1:], name)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copy(path, to)
            os.chmod(to, os.stat(to).st_mode | 0o444)  # for its ordinary users as well
        for name in ("init", "control.py"):
            os.makedirs(os.path.join(root, "lab"), exist_ok=True)
            shutil.copy(os.path.join(HERE, "inside", name), os.path.join(root, "lab", name))
        os.chmod(os.path.join(root, "lab/init"), 0o755)
        for folder, _, _ in os.walk(root):
            os.chmod(folder, 0o755)
        size = sum(os.stat(path).st_size for _, path in files)
        mke2fs(os.path.join(work, "disk"), size * 5 // 4 + (32 << 20), "-d", root, "-O", "^has_journal")
        os.rename(os.path.join(work, "disk"), place("lab.ext4"))


def mke2fs(path, size, *options):
    with open(path, "wb") as f:
        f.truncate(size)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0",
                    *options, path],
                   check=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})


def image():
    need("mmdebstrap", "mke2fs", "cpio", "pip3", "unzip", "depmod", "apt-get", "dpkg-deb", "ldd")
    done = subprocess.run(["bash", os.path.join(HERE, "image.sh"), *(os.path.join(BUILD, p) for p in PROGRAMS)],
                          stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure("the image of the outer host could not be built")
    return done.stdout.strip()


# ------------------------------------------------------------------- the host

def start_ticks(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return int(f.read().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


class Host:
    """The one outer host of this build folder; whoever uses it holds its lock."""

    def __init__(self):
        os.makedirs(LAB, mode=0o700, exist_ok=True)
        self.lock = open(place("lock"), "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def record(self):
        try:
            with open(place("host.json")) as f:
                return json.load(f)
        except (OSError, ValueError):
            return None

    def alive(self):
        record = self.record()
        return bool(record) and start_ticks(record["pid"]) == record["start_ticks"]

    def down(self):
        record = self.record()
        if record and start_ticks(record["pid"]) == record["start_ticks"]:
            fd = os.pidfd_open(record["pid"])
            # Once more: between the look and the open it might have become another's.
            if start_ticks(record["pid"]) == record["start_ticks"]:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                deadline = time.monotonic() + 10
                while start_ticks(record["pid"]) is not None and time.monotonic() < deadline:
                    time.sleep(0.02)
            os.close(fd)
        for name in ("host.json", "control", "lab.ext4", "scratch.ext4"):
            if os.path.lexists(place(name)):
                os.unlink(place(name))

    def up(self):
        """Boots a host with this build, unless that is what is up."""
        need("qemu-system-x86_64")
        for program in PROGRAMS:
            if not os.path.exists(os.path.join(BUILD, program)):
                raise Failure("%s is not built" % program)
        base = image()
        self.need_guest_image()
        files = tree()
        mark = fingerprint(files, base)
        if self.alive() and self.record()["fingerprint"] == mark:
            return
        self.down()
        begun = time.monotonic()
        pack(files)
        packed = time.monotonic()
        mke2fs(place("scratch.ext4"), 16 << 30)
        try:
            self.boot(base, mark)
        except BaseException:
            self.down()
            raise
        say("outer host up in %.1f s (and %.1f s for its disks)" % (time.monotonic() - packed, packed - begun))

    def need_guest_image(self):
        """The guests' images are built here, where apt is."""
        done = subprocess.run(["bash", os.path.join(HERE, "images.sh")],
                              env={**os.environ, "STOKER_TEST_IMAGES": IMAGES, "STOKER_BUILD_DIR": BUILD,
                                   "STOKER_SOURCE_DIR": SOURCE}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise Failure("the guests' images could not be built: " + done.stdout[-800:])

    def boot(self, base, mark):
        # A guest of TCG counts the host's own clock cycles: told how fast they are, it need not measure.
        khz = subprocess.run([os.path.join(BUILD, "tests", "lab_tsc")], stdout=subprocess.PIPE, text=True)
        append = ("console=ttyS0 quiet loglevel=4 tsc=reliable no_timer_check cryptomgr.notests random.trust_cpu=on "
                  "mitigations=off panic=1")
        if khz.returncode == 0:
            append += " tsc_early_khz=" + khz.stdout.strip()
        drive = "if=none,format=raw,cache=unsafe,id=%s,file=%s"
        argv = ["qemu-system-x86_64", "-M", "microvm,acpi=on,rtc=on", "-accel", "tcg",
                # Left out is what costs emulated code time and gains it nothing.
                "-cpu", "max,+svm,-erms,-la57,-smap,-smep", "-smp", CPUS, "-m", str(MEMORY_MIB),
                "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
                "-kernel", base + "/vmlinuz", "-initrd", base + "/initrd", "-append", append,
                "-serial", "file:console.log",
                "-drive", drive % ("base", base.replace(",", ",,") + "/root.ext4,read-only=on,file.locking=off"),
                "-device", "virtio-blk-device,drive=base",
                "-drive", drive % ("lab", "lab.ext4,read-only=on"), "-device", "virtio-blk-device,drive=lab",
                "-drive", drive % ("scratch", "scratch.ext4"), "-device", "virtio-blk-device,drive=scratch",
                "-chardev", "socket,id=control,path=control,server=on,wait=off",
                "-device", "virtio-serial-device", "-device", "virtserialport,chardev=control,name=lab.control"]
        # The paths are short because they are relative: that of a socket has 108 bytes.
        with open(place("qemu.log"), "wb") as log:
            qemu = subprocess.Popen(argv, cwd=LAB, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    start_new_session=True, close_fds=True)
        record = {"pid": qemu.pid, "start_ticks": start_ticks(qemu.pid), "fingerprint": mark}
        with open(place("host.json.new"), "w") as f:
            json.dump(record, f)
        os.rename(place("host.json.new"), place("host.json"))
        deadline = time.monotonic() + 120
        while True:
            try:
                return Connection(self, deadline).close()
            except (FileNotFoundError, ConnectionRefusedError):
                if qemu.poll() is not None or time.monotonic() > deadline:
                    raise Failure("QEMU did not start: " + self.tail("qemu.log"))
                time.sleep(0.02)

    def tail(self, name, size=2000):
        try:
            with open(place(name), "rb") as f:
                f.seek(max(0, os.path.getsize(place(name)) - size))
                return "".join(c for c in f.read().decode(errors="replace") if c.isprintable() or c == "\n")
        except OSError:
            return ""


class Connection:
    """To the control program inside; it answers nothing before it runs."""

    def __init__(self, host, deadline, request=None):
        self.host = host
        self.socket = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(LAB)
        try:
            self.socket.connect("control")
        finally:
            os.chdir(here)
        name = os.urandom(8).hex()
        self.deadline = deadline
        self.socket.sendall(json.dumps({**(request or {}), "id": name}).encode() + b"\n")
        # What an earlier client left unread comes first.
        mark = MARK + name.encode() + b"\n"
        self.buffer = b""
        while mark not in self.buffer:
            self.buffer = self.buffer[-len(mark):] + self.receive()
        self.buffer = self.buffer.split(mark, 1)[1]

    def receive(self):
        while True:
            if self.deadline and time.monotonic() > self.deadline:
                raise Failure("the outer host did not answer in time; its console ends:\n" + self.host.tail("console.log"))
            if not self.host.alive():
                raise Failure("the outer host ended; its console ends:\n" + self.host.tail("console.log") + self.host.tail("qemu.log"))
            self.socket.settimeout(1)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            if not data:
                raise Failure("the outer host closed the connection; its console ends:\n" + self.host.tail("console.log"))
            return data

    def exactly(self, size):
        while len(self.buffer) < size:
            self.buffer += self.receive()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def frames(self):
        while True:
            head = self.exactly(5)
            yield head[:1], self.exactly(int.from_bytes(head[1:], "big"))
            if head[:1] == b"x":
                return

    def close(self):
        self.socket.close()


def run(host, name, argv, env=None):
    """Runs argv in the host; returns its status as a shell would."""
    results = place("results/" + name)
    shutil.rmtree(results, ignore_errors=True)
    os.makedirs(results)
    request = {"argv": argv, "files": scripts(), "env": {
        "STOKER_BUILD_DIR": INSIDE + "/build", "STOKER_SOURCE_DIR": INSIDE, "STOKER_TEST_IMAGES": INSIDE + "/images",
        "STOKER_LAB": "1", "CI": os.environ.get("CI", ""), **(env or {})}}
    connection = Connection(host, time.monotonic() + 60, request)
    connection.deadline = None
    results_tar = b""
    for letter, payload in connection.frames():
        if letter == b"o":
            sys.stdout.buffer.write(payload)
            sys.stdout.buffer.flush()
        elif letter == b"t":
            results_tar += payload
        else:
            end = json.loads(payload)
    connection.close()
    with tarfile.open(fileobj=io.BytesIO(results_tar)) as tar:
        tar.extractall(results, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(results)
    status = end["status"]
    cores = [n for n in os.listdir(results) if n.startswith("core.")]
    if end["left"] and status in (0, SKIP):
        status = 1
    for thing in end["left"]:
        print("LEFT BEHIND on the outer host: " + thing)
    if cores:
        print("CORE FILES in %s: %s" % (results, " ".join(cores)))
        status = status or 1
    print("lab: %s ended with status %d after %.1f s" % (name, status, end["seconds"]), flush=True)
    return 128 - status if status < 0 else status


def main():
    parser = argparse.ArgumentParser(usage="host.py run SCENARIO [ARGS] | exec COMMAND... | up | down | image")
    parser.add_argument("verb", choices=("run", "exec", "up", "down", "image"))
    parser.add_argument("args", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.verb in ("run", "exec") and not options.args:
        parser.error("what shall run?")
    if options.verb == "image":
        print(image())
        return 0
    host = Host()
    if options.verb == "down":
        host.down()
        return 0
    kept = host.alive()
    try:
        host.up()
        if options.verb == "up":
            return 0
        if options.verb == "exec":
            return run(host, "exec", options.args)
        for folder in ("scenarios/", ""):
            script = "tests/lab/%s%s.sh" % (folder, options.args[0])
            if os.path.exists(os.path.join(SOURCE, script)):
                return run(host, options.args[0], ["bash", os.path.join(INSIDE, script), *options.args[1:]])
        raise Failure("there is no scenario %s in tests/lab/scenarios" % options.args[0])
    finally:
        if not kept and options.verb != "up":
            host.down()


def ended(number, _frame):
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, ended)
    try:
        raise SystemExit(main())
    except Failure as why:
        print("FAIL lab: %s" % why, file=sys.stderr)
        raise SystemExit(1)
