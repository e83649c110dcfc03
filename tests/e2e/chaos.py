#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# chaos.py - several people at once at a handful of VMs, with whatever verb comes to mind, while commands, supervisors and
# VMMs are killed or stand still. Says what no command may do: hang, end with a status that is not in the manual, or
# speak of damage. What state things are in afterwards is looked at by chaos.sh.
#
#	chaos.py SECONDS SEED
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

STOKER = os.environ["STOKER_PROGRAM"]
RUN = os.environ["STOKER_RUNTIME_DIR"]
# Two without a TAP, by QEMU's own network or with none, and two with one.
PLAIN = os.environ.get("CHAOS_NETWORK", "user")
VMS = {"ash": PLAIN, "birch": PLAIN, "cedar": "tap", "elm": "tap"}
PEOPLE, HANG_S = 3, 120
CALM_S = float(os.environ.get("CHAOS_CALM", 2))
# As stoker(1) has them; 125 of exec and run; killed by us, or by the signal that was sent.
STATUSES = {0, 1, 2, 3, 4, 6, 125, 130, 137, 143}
DAMAGE = ("corrupt", "malformed", "not a database", "assert", "sanitizer", "internal error")

seconds, seed = float(sys.argv[1]), sys.argv[2]
ends = time.monotonic() + seconds
faults, counts = [], {}
lock = threading.Lock()


def spec(vm):
    return ["--memory", "128", "--disk", "64", "--egress", "none", "--network", VMS[vm]]


VERBS = [
    (12, lambda vm, dice: ["create", vm, *spec(vm)] + (["--start"] if dice.random() < 0.5 else [])),
    (10, lambda vm, dice: ["start", vm] + (["--wait"] if dice.random() < 0.4 else [])),
    (12, lambda vm, dice: ["exec", vm, "--timeout", "20", "--", "echo", "x"]),
    (6, lambda vm, dice: ["stop", vm, "--force"]),
    (4, lambda vm, dice: ["stop", vm]),
    (6, lambda vm, dice: ["delete", vm, "--force"]),
    (3, lambda vm, dice: ["run", *spec(vm), "--", "true"]),
    (3, lambda vm, dice: ["restart", vm]),
    (3, lambda vm, dice: ["pause", vm]),
    (4, lambda vm, dice: ["resume", vm]),
    (3, lambda vm, dice: ["reconcile", "--yes"]),
    (2, lambda vm, dice: ["trash", dice.choice(["list", "empty"])]),
    (4, lambda vm, dice: ["list", "--json"]),
]


def do(dice):
    verb = dice.choices([v for _, v in VERBS], [weight for weight, _ in VERBS])[0]
    argv = verb(dice.choice(list(VMS)), dice)
    child = subprocess.Popen([STOKER, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sent = None
    if dice.random() < 0.3:
        time.sleep(dice.random() ** 2)
        if child.poll() is None:
            sent = dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
            child.send_signal(sent)
    try:
        out, err = child.communicate(timeout=HANG_S)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        faults.append("%s did not end within %d s: %s" % (argv, HANG_S, err))
    with lock:
        counts[argv[0]] = counts.get(argv[0], 0) + (child.returncode == 0)
    if child.returncode not in STATUSES and not (sent and child.returncode == -sent):
        faults.append("%s ended with %d: %s" % (argv, child.returncode, err))
    if any(word in err.lower() for word in DAMAGE):
        faults.append("%s said: %s" % (argv, err))
    if argv[0] == "list" and child.returncode == 0:
        json.loads(out)


# Nothing is proven where nothing worked, or nothing was in its way.
WANTED = (("create",), ("start", "restart"), ("exec", "run"), ("delete",), ("killed",))


def missing():
    with lock:
        return [names for names in WANTED if not any(counts.get(name) for name in names)]


def goes_on():
    """A slow machine gets up to three times as long, until each of them has been."""
    now = time.monotonic()
    return now < ends or (now < ends + 2 * seconds and bool(missing()))


def person(number):
    dice = random.Random("%s %d" % (seed, number))
    while goes_on():
        do(dice)


def processes():
    """Supervisors and VMMs of ours: a supervisor is started with the VM's runtime folder as its first argument, and its
    VMM is its child, or was."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                argv = f.read().decode(errors="replace").split("\0")
            if argv[0].endswith("stoker-supervisor") and argv[2].startswith(RUN + "/"):
                found.append(int(pid))
            elif re.search("qemu-system|firecracker", argv[0]) and os.readlink("/proc/%s/cwd" % pid).startswith(RUN + "/"):
                found.append(int(pid))
        except (OSError, IndexError):
            pass
    return found


def reaper():
    dice = random.Random("%s reaper" % seed)
    while goes_on():
        time.sleep(dice.random() * CALM_S)
        alive = processes()
        if not alive:
            continue
        try:
            os.kill(dice.choice(alive), dice.choice([signal.SIGKILL] * 5 + [signal.SIGSTOP]))
            with lock:
                counts["killed"] = counts.get("killed", 0) + 1
        except OSError:
            pass


threads = [threading.Thread(target=person, args=(i,)) for i in range(PEOPLE)] + [threading.Thread(target=reaper)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for pid in processes():  # what stood still may go on
    os.kill(pid, signal.SIGCONT)
print("succeeded: " + ", ".join("%s %d" % item for item in sorted(counts.items())))
for wanted in missing():
    faults.append("%s never happened" % " or ".join(wanted))
for fault in faults:
    print("FAULT " + fault)
sys.exit(bool(faults))
