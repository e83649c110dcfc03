# SPDX-License-Identifier: Apache-2.0
"""Runs a program on a terminal and keeps what it writes: lib_programs.py FOLDER ROWS COLS KEYS PROGRAM...
KEYS are steps separated by '|'; after each FOLDER/N holds all bytes so far."""
import fcntl, os, pty, select, signal, struct, sys, termios, time

folder, rows, cols, keys, command = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm-256color"
    os.environ["LINES"], os.environ["COLUMNS"] = str(rows), str(cols)
    time.sleep(0.3)  # until the size below is set
    os.execvp(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
seen = b""


def quiet(wait):
    global seen
    end = time.monotonic() + 20
    while time.monotonic() < end and select.select([fd], [], [], wait)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            return False
        # What a terminal answers, so that a program which asks goes on.
        for ask, answer in ((b"\033[c", b"\033[?1;2c"), (b"\033[0c", b"\033[?1;2c"), (b"\033[>c", b"\033[>0;95;0c"), (b"\033[6n", b"\033[1;1R")):
            if ask in data:
                os.write(fd, answer)
        seen += data
    return True


quiet(1.5)
for number, step in enumerate(keys.split("|")):
    os.write(fd, step.encode().decode("unicode_escape").encode("latin-1"))
    alive = quiet(0.7)
    with open("%s/%02d" % (folder, number), "wb") as out:
        out.write(seen)
    if not alive:
        break
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
