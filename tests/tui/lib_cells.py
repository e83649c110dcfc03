# SPDX-License-Identifier: Apache-2.0
"""Holds the shell pane's emulator against tmux, cell by cell: characters, colours and attributes.

    lib_cells.py emulator SOCKET TERM_PLAY FOLDER COLSxROWS STEPS PROGRAM...
    lib_cells.py windows SOCKET WINDOW COLUMN ROW OTHER [FIRST LAST]

emulator: the program runs on a terminal of that size. STEPS are separated by '|': keys (as in a Python string), or COLSxROWS for
another size, or '' to look only. What it wrote up to the end of each step goes to a tmux window and to the emulator, of
the size of that step, and every cell of both must be the same.

windows: the part of one tmux window that begins at COLUMN and ROW must become the same as all of another (of its rows
FIRST to LAST, counted from the end when negative) within a while. They are two runs of a program, each of which draws
over what it had drawn before: what nobody can see of a blank (its letter's colour and weight) need not be the same.

Ends with 1 when a cell is not the same, and says which.
"""
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time, unicodedata

PLAIN = ("default", "default", frozenset())
NOTHING = "", PLAIN  # never written to
ATTRIBUTES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 5: "blink", 7: "reverse", 8: "hidden", 9: "struck"}
OFF = {22: {"bold", "dim"}, 23: {"italic"}, 24: {"underline"}, 25: {"blink"}, 27: {"reverse"}, 28: {"hidden"}, 29: {"struck"}}
# The alternate character set, in which captures show what tmux keeps of line drawing.
DRAWING = dict(zip("`afgijklmnopqrstuvwxyz{|}~", "◆▒°±␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"))


def is_size(step):
    return re.fullmatch(r"(\d+)x(\d+)", step)


# ---- recording

def record(program, steps, size):
    """The bytes of each step, with the size that they were written for."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        time.sleep(0.3)  # until the size below is set
        os.execvp(program[0], program)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    parts = []

    def until_quiet(wait):
        seen, end = b"", time.monotonic() + 20
        while time.monotonic() < end and select.select([fd], [], [], wait)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                return seen, False
            # What a terminal answers, so that a program which asks goes on.
            for ask, answer in ((b"\033[c", b"\033[?1;2c"), (b"\033[0c", b"\033[?1;2c"), (b"\033[>c", b"\033[>0;95;0c"),
                                (b"\033[6n", b"\033[1;1R")):
                if ask in data:
                    os.write(fd, answer)
            seen += data
        return seen, True

    seen, alive = until_quiet(1)
    for step in steps:
        if is_size(step):
            parts.append((size, seen))  # what came before belongs to the old size
            size, seen = tuple(int(n) for n in step.split("x")), b""
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        else:
            os.write(fd, step.encode().decode("unicode_escape").encode("latin-1"))
        more, alive = until_quiet(0.5)
        parts.append((size, seen + more))
        seen = b""
        if not alive:
            break
    os.kill(pid, signal.SIGKILL)  # our own child
    os.waitpid(pid, 0)
    os.close(fd)
    return parts


# ---- what a capture of tmux means

def colour(values):
    """Of what follows 38 or 48; how many values it takes, too."""
    if values[:1] == [5]:
        return values[1], 2
    return "#%02x%02x%02x" % tuple(values[1:4]), 4


def restyle(style, text):
    fg, bg, attributes = style
    # 4:3 is a curled underline; a colour of the underline is neither's.
    values = [[int(v or 0) for v in part.split(":")] for part in text.split(";")]
    flat = [part[0] if part[0] == 4 else v for part in values for v in (part[:1] if part[0] == 4 else part)]
    i = 0
    while i < len(flat):
        value, taken = flat[i], 0
        if value == 0:
            fg, bg, attributes = PLAIN
        elif value in ATTRIBUTES:
            attributes = attributes | {ATTRIBUTES[value]}
        elif value in OFF:
            attributes = attributes - OFF[value]
        elif value in (38, 48, 58):
            found, taken = colour(flat[i + 1:])
            fg, bg = (found, bg) if value == 38 else (fg, found) if value == 48 else (fg, bg)
        elif 30 <= value <= 37 or 90 <= value <= 97:
            fg = value - 30 if value < 40 else value - 82
        elif 40 <= value <= 47 or 100 <= value <= 107:
            bg = value - 40 if value < 50 else value - 92
        elif value == 39:
            fg = "default"
        elif value == 49:
            bg = "default"
        i += 1 + taken
    return fg, bg, attributes


def width(ch):
    if unicodedata.combining(ch) or unicodedata.category(ch) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(ch) in "WF" else 1


def capture_cells(text, cols, rows):
    cells = {}
    style, drawing = PLAIN, False
    for row, line in enumerate(text.split("\n")[:rows]):
        col, last = 0, None
        for token in re.finditer(r"\033\[([\d;:]*)m|\033\][^\033]*\033\\|(.)", line):
            if token[1] is not None:
                style = restyle(style, token[1] or "0")
            elif token[2] in ("\016", "\017"):
                drawing = token[2] == "\016"
            elif token[2] is not None:
                ch = DRAWING.get(token[2], token[2]) if drawing else token[2]
                if width(ch) == 0 and last is not None:
                    cells[last] = (cells[last][0] + ch, cells[last][1])
                    continue
                last = row, col
                cells[last] = (ch, style)
                col += width(ch)
    return {(r, c): cells.get((r, c), NOTHING) for r in range(rows) for c in range(cols)
            if (r, c) in cells or (r, c - 1) not in cells or width(cells[r, c - 1][0][0]) != 2}


def comparable(cell):
    """Neither a right nor a wrong of either: the dashboard shows nothing in the place of hidden text, tmux leaves the
    hiding to its terminal."""
    text, (fg, bg, attributes) = cell
    if "hidden" in attributes:
        text, attributes = " ", attributes - {"hidden"}
    return text, fg, bg, tuple(sorted(attributes))


def blank(cell):
    return cell if cell[0] else (" ", cell[1])


# ---- both sides

def tmux(socket, *arguments):
    return subprocess.run(["tmux", "-S", socket, "-f", "/dev/null"] + list(arguments), check=True,
                          stdout=subprocess.PIPE).stdout.decode()


def capture(socket, window, size):
    return capture_cells(tmux(socket, "capture-pane", "-t", window, "-e", "-p", "-N"), *size)


class Window:
    """A tmux window that shows what it is given."""

    def __init__(self, socket, folder, size):
        self.socket, self.name, self.fed, self.size = socket, "cells-%d" % os.getpid(), 0, size
        self.fifo = os.path.join(folder, "feed")
        os.mkfifo(self.fifo)
        # raw: the bytes went through a terminal's line discipline once already
        self.call("new-session", "-d", "-s", self.name, "-x", str(size[0]), "-y", str(size[1]),
                  "stty raw -echo; cat '%s'; sleep 100" % self.fifo, ";", "set", "-g", "status", "off")
        self.feed = open(self.fifo, "wb", buffering=0)
        self.resize(size)

    def call(self, *arguments):
        return tmux(self.socket, *arguments)

    def resize(self, size):
        self.size = size
        self.call("resize-window", "-t", self.name, "-x", str(size[0]), "-y", str(size[1]))

    def show(self, data):
        # A title of ours behind it: once the window has it, it has all that came before.
        self.fed += 1
        self.feed.write(data + b"\033]2;fed %d\033\\" % self.fed)
        end = time.monotonic() + 20
        while self.call("display", "-p", "-t", self.name, "#{pane_title}") != "fed %d\n" % self.fed:
            if time.monotonic() > end:
                sys.exit("lib_cells.py: tmux did not take what it was given")
            time.sleep(0.02)

    def capture(self):
        return capture(self.socket, self.name, self.size)

    def cells(self):
        """What is on it, and the places that tmux does not tell. The window is spoilt by it: a capture leaves out what
        was erased in a colour behind the last cell that was written, so the last column is written to."""
        cols, rows = self.size
        cells = self.capture()
        last = [max([0] + [c + 1 for (r, c), cell in cells.items() if r == row and cell != NOTHING]) for row in range(rows)]
        self.show(b"\033[r\033[?6l\033[4l\033(B\017\033[m" +
                  b"".join(b"\033[%d;%dH#" % (row + 1, cols) for row in range(rows) if last[row] < cols))
        for place, cell in self.capture().items():
            if last[place[0]] <= place[1] < cols - 1:
                cells[place] = cell
        unknown = {(row, cols - 1) for row in range(rows) if last[row] < cols}
        return {place: blank(cell) for place, cell in cells.items() if place not in unknown}, unknown

    def close(self):
        self.call("kill-session", "-t", self.name)
        self.feed.close()
        os.remove(self.fifo)


def emulator_cells(play, parts, folder):
    arguments = []
    for number, (size, data) in enumerate(parts):
        path = os.path.join(folder, "%02d" % number)
        with open(path, "wb") as out:
            out.write(data)
        arguments += ["%dx%d" % size, path]
    cells = {}
    for line in subprocess.run([play, "cells"] + arguments, check=True, stdout=subprocess.PIPE).stdout.decode().split("\n")[:-1]:
        row, col, fg, bg, attributes, text = line.split("\t")
        fg, bg = (int(c) if c.isdigit() else c for c in (fg, bg))
        cells[int(row), int(col)] = text, (fg, bg, frozenset(attributes.split()))
    return cells


def visible(cell):
    text, (_, bg, attributes) = cell
    return cell if text != " " or attributes & {"underline", "reverse", "struck"} else (text, ("default", bg, frozenset()))


def differences(theirs, ours):
    """One line for each run of cells that differ in the same way."""
    said, last = [], None
    for place in sorted(set(theirs) | set(ours)):
        a, b = (comparable(cells[place]) if place in cells else "no cell" for cells in (theirs, ours))
        if a == b:
            continue
        what = (place[0], a[1:], b[1:])
        if what != last or a[0] != b[0]:
            said.append("  row %d column %d: tmux %r, ours %r" % (*place, a, b))
        last = what
    return said


def windows(socket, window, left, top, other, first=0, last=-1):
    left, top, first, last = int(left), int(top), int(first), int(last)
    end = time.monotonic() + 20
    while True:
        sizes = [tuple(int(n) for n in tmux(socket, "display", "-p", "-t", name, "#{pane_width} #{pane_height}").split())
                 for name in (window, other)]
        rows = range(sizes[1][1])[first:last + 1 or None]
        ours = {(row - top, col - left): cell for (row, col), cell in capture(socket, window, sizes[0]).items()
                if row - top in rows and 0 <= col - left < sizes[1][0]}
        theirs = {place: cell for place, cell in capture(socket, other, sizes[1]).items() if place[0] in rows}
        # Behind the last cell that was written a capture does not tell the colour.
        unknown = {place for place in theirs if NOTHING in (theirs[place], ours.get(place)) and
                   {theirs[place][0], ours.get(place, NOTHING)[0]} <= {"", " "}}
        said = differences(*({place: visible(cell) for place, cell in cells.items() if place not in unknown}
                              for cells in (theirs, ours)))
        if not said:
            written = [cell for place, cell in theirs.items() if place not in unknown]
            print("%d cells, %d looks" % (len(written), len({style for _, style in written})))
            return
        if time.monotonic() > end:
            sys.exit("%d differences\n%s" % (len(said), "\n".join(said[:20])))
        time.sleep(0.2)


def emulator(socket, play, folder, size, steps, *program):
    size, steps = tuple(int(n) for n in size.split("x")), steps.split("|")
    parts = record(program, steps, size)
    if len(parts) < len(steps) or not any(data for _, data in parts):
        sys.exit("lib_cells.py: the program ended too early")
    bad, seen, looks = 0, 0, set()
    for number in range(len(parts)):
        # A screen of 132 columns is one that neither of them is.
        if re.findall(rb"\033\[\?3([hl])", b"".join(data for _, data in parts[:number + 1]))[-1:] == [b"h"]:
            continue
        window = Window(socket, folder, parts[0][0])
        for size, data in parts[:number + 1]:
            if size != window.size:
                window.resize(size)
            window.show(data)
        theirs, unknown = window.cells()
        window.close()
        ours = emulator_cells(play, parts[:number + 1], folder)
        seen += 1
        looks |= {style for _, style in ours.values()}
        said = differences(theirs, {place: cell for place, cell in ours.items() if place not in unknown})
        if said:
            bad += 1
            print("\nstep %d (%dx%d): %d differences\n%s" % (number, *size, len(said), "\n".join(said[:20])), file=sys.stderr)
    print("%d screens, %d looks" % (seen, len(looks)))
    sys.exit(1 if bad else 0)


{"emulator": emulator, "windows": windows}[sys.argv[1]](*sys.argv[2:])
