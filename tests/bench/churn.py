# SPDX-License-Identifier: Apache-2.0
"""All VMs of a place change their state so many times a second: churn.py STATE_DIR A_SECOND. The records are changed as the
library would, in one transaction, and the watchers are told. Ended by SIGTERM it prints how many times a second it was.
"""
import os, signal, sqlite3, sys, time

state_dir, interval = sys.argv[1], 1 / float(sys.argv[2])
STOPPED, CRASHED = 5, 6  # neither needs a process, and they look different


def ended(_signal, _frame):
    print("%.2f" % ((done - 1) / (last - begun) if done > 1 else 0))
    sys.stdout.flush()
    os._exit(0)


store = sqlite3.connect(os.path.join(state_dir, "store.db"), timeout=2, isolation_level=None)
done, begun = 0, time.monotonic()
last = due = begun
signal.signal(signal.SIGTERM, ended)
while True:
    store.execute("UPDATE vm SET state = CASE WHEN (seq + ?) % 2 = 0 THEN ? ELSE ? END WHERE name LIKE 'many-%'",
                  (done, STOPPED, CRASHED))
    os.utime(os.path.join(state_dir, "changed"))
    last = time.monotonic()
    begun = last if done == 0 else begun
    done += 1
    due = max(due + interval, last - interval)  # what was missed is not made up for in a burst
    time.sleep(max(0, due - time.monotonic()))
