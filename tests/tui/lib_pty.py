# SPDX-License-Identifier: Apache-2.0
"""A terminal that misbehaves, for torture.sh: lib_pty.py SCENE PROGRAM..."""
import fcntl, os, pty, random, re, select, signal, struct, subprocess, sys, termios, time


class Board:
    def __init__(self, command, rows=30, cols=120, env=None, prepare=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if prepare:
                prepare(0)
            for key, value in (env or {"TERM": "xterm-256color"}).items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value
            os.execvp(command[0], command)
        self.seen = b""
        self.size(rows, cols)

    def size(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def take(self, seconds):
        """Everything that is written for so long; False when the program has ended."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return True
            if not select.select([self.fd], [], [], left)[0]:
                return True
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.seen = (self.seen + data)[-4000000:]

    def until(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, "not seen: %r in %r" % (text, self.seen[-2000:])
            if not self.take(0.05):
                assert text in self.seen, "ended before %r: %r" % (text, self.seen[-2000:])

    def type(self, data):
        os.write(self.fd, data)

    def end(self, seconds=20):
        """Its exit status, once it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if self.fd >= 0:
                self.take(0.05)
            else:
                time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError("it does not end")

    def figure(self, name):
        with open("/proc/%d/status" % self.pid) as f:
            return int([line for line in f if line.startswith(name)][0].split()[1])

    def files(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))


def listed(board):
    board.until(b"fox")
    board.take(0.3)


def sizes(command):
    board = Board(command)
    listed(board)
    random.seed(20261126)
    for turn in range(3):
        for _ in range(150):
            board.size(random.choice((1, 2, 7, 8, 10, 24, 50, 200)), random.choice((1, 2, 20, 35, 36, 40, 80, 132, 500)))
            board.type(random.choice((b"j", b"k", b"?", b"\033[B", b"G")))
            board.take(0.004)
        board.size(200, 500)
        board.take(0.5)
        if turn == 0:  # everything has its greatest size by now
            memory, files = board.figure("VmRSS"), board.files()
    board.size(24, 80)
    board.type(b"\033")
    board.take(0.5)
    assert board.files() == files, "files: %d, were %d" % (board.files(), files)
    assert board.figure("VmRSS") < memory * 1.2 + 2048, "memory: %d KiB, was %d" % (board.figure("VmRSS"), memory)
    board.seen = b""
    board.type(b"\f")
    board.until(b"fox")
    board.type(b"q")
    assert board.end() == 0


def stops(command):
    board = Board(command)
    listed(board)
    for number in range(20):
        os.kill(board.pid, signal.SIGTSTP if number % 2 else signal.SIGSTOP)
        board.take(0.1)
        os.kill(board.pid, signal.SIGCONT)
        board.take(0.1)
    board.seen = b""
    board.type(b"\f")
    board.until(b"fox")
    board.type(b"q")
    assert board.end() == 0


def blocked(command):
    """Output is stopped (as Ctrl-S does) for a minute while VMs come and go; keys typed meanwhile count."""
    stoker, seconds = command[0], int(os.environ.get("BLOCKED_S", "60"))
    board = Board(command)
    listed(board)
    memory, files = board.figure("VmRSS"), board.files()
    line = os.open(os.readlink("/proc/%d/fd/0" % board.pid), os.O_RDWR | os.O_NOCTTY)
    termios.tcflow(line, termios.TCOOFF)
    board.take(0.2)
    board.seen = b""
    end = time.monotonic() + seconds
    board.type(b"s")  # starts the VM that is selected
    number = 0
    while time.monotonic() < end:
        subprocess.run([stoker, "create", "while-%d" % number, "--memory", "128", "--egress", "none", "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        board.size(30 + number % 2, 120)  # every picture is another one
        board.type(b"jk")
        number += 1
        time.sleep(1)
    assert not select.select([board.fd], [], [], 0)[0], "output came through"
    busy = open("/proc/%d/stat" % board.pid).read().rsplit(")", 1)[1].split()
    assert (int(busy[11]) + int(busy[12])) / os.sysconf("SC_CLK_TCK") < seconds * 0.5, "it is busy with nothing"
    assert board.figure("VmRSS") < memory + 8192, "memory: %d KiB, was %d" % (board.figure("VmRSS"), memory)
    assert board.files() <= files + 8, "files: %d, were %d" % (board.files(), files)
    termios.tcflow(line, termios.TCOON)
    os.close(line)
    board.until(b"while-", 5)
    board.take(1)
    assert len(board.seen) < 60000, "%d bytes were kept for later" % len(board.seen)
    board.seen = b""
    board.type(b"\f")
    board.until(b"while-")
    board.type(b"q")
    if not board.take(0.5):
        pass
    board.type(b"\033[C\r")
    assert board.end(60) == 0
    print("created %d" % number)


def slow(command):
    """A line of 9600 baud: keys are answered, and after a storm what is shown is soon what is."""
    stoker, rate = command[0], 960
    board = Board(command, rows=24, cols=80)
    fd, due = board.fd, [time.monotonic(), 0]

    def take(seconds, text=None):
        """Reads as slowly as such a line brings it; the seconds until the text had come."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            room = int((time.monotonic() - due[0]) * rate) - due[1]
            if room > rate // 5:  # nothing came for a while: a line does not save up
                due[0], due[1], room = time.monotonic(), 0, rate // 50
            if room > 0 and select.select([fd], [], [], 0)[0]:
                data = os.read(fd, min(room, 96))
                due[1] += len(data)
                board.seen += data
                if text is not None and text in board.seen:
                    return time.monotonic() - begun
            time.sleep(0.01)
        assert text is None, "not seen within %d s: %r in %r" % (seconds, text, board.seen[-1500:])
        return seconds

    first = take(12, b" quit")
    took = []
    for _ in range(4):  # a VM runs, figures change: the line has room for a key's answer
        for key, answer in ((b"?", b"Keys"), (b"\033", b"fox")):
            take(0.7)
            board.seen = b""
            board.type(key)
            took.append(take(8, answer))
    for number in range(40):
        subprocess.run([stoker, "create", "storm-%d" % number, "--memory", "128", "--egress", "none", "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        take(0.05)
    time.sleep(0.5)  # the last of them is in the list
    board.seen = b""
    board.type(b"G\f")  # all of it anew: what was there already would not be sent
    last = take(20, b"storm-39")
    print("slow: first picture %.1f s, keys at most %.1f s, after a storm %.1f s" % (first, max(took), last))
    assert first < 6 and max(took) < 5 and last < 15, "first picture %.1f s, keys %s, last %.1f s" % (first, took, last)
    os.kill(board.pid, signal.SIGTERM)
    board.end()


def closed(command):
    """The window is closed while an operation is under way."""
    board = Board(command)
    listed(board)
    board.type(b"s")
    time.sleep(0.05)
    os.close(board.fd)
    board.fd = -1
    assert board.end(60) in (-signal.SIGHUP, 128 + signal.SIGHUP)


def odd_settings(fd):
    """Settings that nobody has by default, so that defaults in their place are found out; what they are then."""
    settings = termios.tcgetattr(fd)
    settings[0] &= ~termios.IXON
    settings[3] &= ~termios.ECHOK
    settings[6][termios.VERASE] = b"\x08"
    settings[6][termios.VINTR] = b"\x0b"
    termios.tcsetattr(fd, termios.TCSANOW, settings)
    return termios.tcgetattr(fd)


def sane(command):
    """Whatever ends it, the terminal's settings and modes are as before."""
    _, slave = pty.openpty()
    expected = odd_settings(slave)
    for number in (None, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT):
        board = Board(command, prepare=odd_settings)
        listed(board)
        within = termios.tcgetattr(board.fd)
        assert not within[3] & (termios.ICANON | termios.ECHO), "it reads lines, not keys"
        if number is None:
            board.type(b"q")
        else:
            os.kill(board.pid, number)
        board.take(1)
        board.end()
        assert termios.tcgetattr(board.fd) == expected, "after signal %s the terminal has %r, had %r" % (
            number, termios.tcgetattr(board.fd), expected)
        tail = board.seen[board.seen.rfind(b"\033[?1049l") - 200:]
        for mode in (b"\033[?1049l", b"\033[?25h", b"\033[?2004l", b"\033[?1002l", b"\033[?7h"):
            assert mode in tail, "%s after signal %s: %r" % (mode, number, tail)


def kinds(command):
    """Kinds of terminals: each is served, and none gets what it may not understand."""
    for kind in ("xterm", "xterm-256color", "linux", "tmux-256color", "screen", "screen-256color", "foot", "xterm-kitty",
                 "alacritty", "rxvt-unicode-256color", "vt100"):
        if subprocess.run(["infocmp", kind], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            print("no terminfo for %s" % kind)
            continue
        board = Board(command, env={"TERM": kind, "LC_ALL": "C" if kind == "vt100" else "C.UTF-8"})
        listed(board)
        asked = b"\033]11;?" in board.seen
        assert not asked or kind not in ("linux", "vt100", "screen"), "%s was asked for its background" % kind
        board.type(b"?")
        board.until(b"Keys")
        for keys in (b"\033", b"jkmPte", b"\033"):  # Escape by itself, else it is Alt with the next one
            board.type(keys)
            board.take(0.2)
        if kind in ("linux", "vt100"):
            assert all(byte < 128 for byte in board.seen), "not ASCII"
            # What the Linux console knows (console_codes(4)), private modes apart, which it steps over.
            for sequence in re.findall(rb"\033(?:\[[0-?]*[ -/]*[@-~]|.)", board.seen):
                assert re.fullmatch(rb"\033\[(\d+;\d+H|H|\d*[CJK]|\?\d+[hl]|[0-9;]*m)", sequence), "%s gets %r" % (kind, sequence)
            for colour in re.findall(rb"\033\[([0-9;]*)m", board.seen):
                codes = set(colour.split(b";")) - {b""}
                known = {b"%d" % n for n in (0, 1, 2, 4, 7)} | {b"%d" % n for n in list(range(30, 38)) + list(range(40, 48))}
                assert codes <= known, "%s gets colours %r" % (kind, colour)
                assert kind == "linux" or not any(len(code) > 1 for code in codes), "colours on a terminal without"
        if asked:  # answered late, and in pieces: no key comes of it, and the theme changes
            board.seen = b""
            for part in (b"\033]11;rgb:ff", b"ff/ffff/ff", b"ff\033\\"):
                board.type(part)
                board.take(0.02)
            board.take(0.3)
            assert b"fox" in board.seen, "a light ground changes nothing on %s" % kind
        board.type(b"q")
        assert board.end() == 0


if __name__ == "__main__":
    {"sizes": sizes, "stops": stops, "blocked": blocked, "closed": closed, "sane": sane, "kinds": kinds, "slow": slow}[sys.argv[1]](sys.argv[2:])
