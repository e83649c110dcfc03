#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The layer rules of the design, as a test: who may include what, who may link
# what, what is exported, which functions nobody may call. It proves itself:
# it plants a breach of every rule in a copy of the sources (in memory) and
# expects to see it.
#
#	tests/layers.py [--sources-only]     STOKER_BUILD_DIR tells where the build is
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("STOKER_BUILD_DIR", os.path.join(HERE, "build"))

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
BANNED = re.compile(r"(?<![\w>.])(strcpy|strcat|sprintf|vsprintf|gets|system|popen|alloca|strtok|tmpnam|mktemp)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.S)
LICENCE = "SPDX-License-Identifier: Apache-2.0"

# A header from outside, and the only files that may include it.
ONLY_IN = (
    (r"(n?cursesw?|panel)\.h|ncursesw/.*", r"ui/tui/screen_curses\.c"),
    (r"vterm.*", r"ui/tui/term(_private|_cells|_input)?\.[ch]"),
    (r"libssh2.*", r"src/guest/ssh[a-z_]*\.[ch]|tests/.*"),
    (r"sqlite3\.h", r"src/store[a-z_]*\.[ch]|tests/.*"),
    (r"curl/.*", r"src/backend/http[a-z_]*\.c"),
    (r"netlink/.*|linux/(rtnetlink|netlink|if_tun)\.h|linux/netfilter/.*", r"src/net/.*"),
)
SUPERVISOR_MUST_NOT = re.compile(r"(libssh2|sqlite3|curl/|netlink/|openssl/|ini\.h|n?curses|vterm|c[jJ]son)|(.*/)?(store|handle|session)\.h")
# Which key does what is the keymap's: nobody else looks for one. These read, write or translate keys.
KEYS = re.compile(r"\bSK_(?!NONE)[A-Z0-9_]+|(?:->|\.)ch\s*[=!]=\s*'")
KEYS_OF = re.compile(r"ui/tui/(keys|keymap_text|actions|term_input|term_keys|record|hot|loop|shell_copy|screen)\.[ch]")
PURE = re.compile(r"ui/tui/(model|update|view)[a-z_]*\.[ch]")
IMPURE = re.compile(r"(common/now|pthread|unistd|fcntl|poll|time|signal|dirent|sys/(stat|time|socket|epoll|inotify|file))\.h")


def sources():
    found = {}
    for top in ("src", "ui", "include", "assets", "tests"):
        for folder, _, names in os.walk(os.path.join(HERE, top)):
            for name in names:
                if name.endswith((".c", ".h")):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as f:
                        found[os.path.relpath(path, HERE)] = f.read()
    return found


def check(files):
    """Sentences about what breaks a rule; none is good."""
    bad = []
    ours = {os.path.basename(p) for p in files if p.startswith("src/") and p.endswith(".h")}
    theirs = {os.path.basename(p) for p in files if p.startswith("ui/") and p.endswith(".h")}
    for path, text in sorted(files.items()):
        if LICENCE not in text[:1000]:
            bad.append("%s: does not name its licence" % path)
        for match in INCLUDE.finditer(text):
            kind, header = match.groups()
            name = os.path.basename(header)

            def say(what):
                bad.append("%s:%d: %s: %s" % (path, text.count("\n", 0, match.start()) + 1, what, header))

            if path.startswith("ui/"):
                if re.search(r"(^|/)(src|supervisor|backend|net|guest)/", header):
                    say("ui/ includes something of src/")
                elif kind == '"' and name in ours and name not in theirs:
                    say("ui/ includes something of src/")
            if path.startswith("src/"):
                if re.match(r"(.*/)?(ui|cli|tui|common)/", header):
                    say("src/ includes something of ui/")
            if path.startswith("src/supervisor/") and SUPERVISOR_MUST_NOT.match(header):
                say("the supervisor includes something big")
            if kind == "<":
                for what, where in ONLY_IN:
                    if re.fullmatch(what, header) and not re.fullmatch(where, path):
                        say("only %s may include" % where)
            if PURE.fullmatch(path) and IMPURE.fullmatch(header):
                say("model, update and views know neither files, threads nor clocks")
            if path.startswith("assets/examples/") and kind == '"':
                say("an example sees nothing but stoker.h")
        if not path.startswith("tests/"):
            # Comments and strings may name them.
            code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
            if path.startswith("ui/tui/") and not KEYS_OF.fullmatch(path):
                for match in KEYS.finditer(code):
                    bad.append("%s:%d: looks for a key by itself, not by the keymap" % (path, code.count("\n", 0, match.start()) + 1))
            for match in BANNED.finditer(code):
                bad.append("%s:%d: calls %s" % (path, code.count("\n", 0, match.start()) + 1, match.group(1)))
    lines = files.get("include/stoker.h", "").splitlines()
    for n, line in enumerate(lines):
        # A comment of its own, right above it.
        if line.startswith("STOKER_API") and not lines[n - 1].rstrip().endswith("*/"):
            bad.append("include/stoker.h:%d: not documented: %s" % (n + 1, line))
    return bad


def prove(files):
    """Each planted breach must be seen."""
    head = "/* %s */\n" % LICENCE
    for path, text in (
        ("ui/cli/planted.c", '#include "../../src/store.h"'),
        ("ui/cli/planted.c", '#include "store.h"'),
        ("ui/tui/planted.c", "#include <curses.h>"),
        ("ui/tui/screen_curses.c", "#include <vterm.h>"),
        ("ui/tui/view_planted.c", "#include <unistd.h>"),
        ("ui/tui/update.c", "  #  include <pthread.h>"),
        ("src/planted.c", '#include "tui/screen.h"'),
        ("src/planted.c", "#include <libssh2.h>"),
        ("src/guest/planted.c", "#include <sqlite3.h>"),
        ("src/planted.c", "#include <netlink/netlink.h>"),
        ("src/supervisor/planted.c", '#include "../store.h"'),
        ("src/planted.c", "int f(char *s);\nint f(char *s) { return system(s); }"),
        ("src/planted.c", "static void f(char *a, char *b) { strcpy(a, b); }"),
        ("ui/tui/update_planted.c", "int f(const struct key *key) { return key->special == SK_ENTER; }"),
        ("ui/tui/form.c", "int f(const struct key *key) { return key->ch == 'q'; }"),
        ("assets/examples/planted.c", '#include "../../src/handle.h"'),
        ("include/stoker.h", "/** One. */\nSTOKER_API int stoker_one(void);\nSTOKER_API int stoker_planted(void);"),
        ("include/stoker.h", "struct planted {\n\tint x;\n};\nSTOKER_API int stoker_planted(void);"),
    ):
        planted = dict(files)
        planted[path] = head + planted.get(path, "") + "\n" + text + "\n"
        if not check(planted):
            sys.exit("layers: the rules do not see %r in %s" % (text, path))
    if not check({**files, "src/planted.c": "int x;\n"}):
        sys.exit("layers: the rules do not see a missing licence")


def run(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, cwd=BUILD).stdout


def needed(program):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", program))


def links(files):
    bad = []
    for library in needed("stoker-supervisor"):
        if not re.match(r"libc\.so|ld-linux", library):
            bad.append("stoker-supervisor links %s" % library)
    for library in needed("stoker"):
        if re.match(r"lib(sqlite|ssh2|crypto|ssl|curl|nl-|inih)", library):
            bad.append("stoker links %s itself" % library)
    for library in needed("libstoker.so"):
        if re.match(r"lib(n?curses|tinfo|vterm)", library):
            bad.append("libstoker links %s" % library)
    if needed("stoker-init"):
        bad.append("stoker-init is not static")
    exported = {line.split()[2].split("@")[0] for line in run("nm", "-D", "--defined-only", "libstoker.so").splitlines()
                if line.split()[1] != "A"}
    bad += ["libstoker exports %s" % name for name in sorted(exported) if not name.startswith("stoker_")]
    promised = set(re.findall(r"STOKER_API[^;]*?\b(stoker_\w+)\(", files["include/stoker.h"]))
    bad += ["stoker.h promises %s, libstoker does not have it" % name for name in sorted(promised - exported)]
    bad += ["libstoker exports %s, stoker.h does not know it" % name for name in sorted(exported - promised)]
    return bad


def main():
    files = sources()
    bad = check(files)
    prove(files)
    if "--sources-only" not in sys.argv:
        bad += links(files)
    if bad:
        sys.exit("layers:\n  " + "\n  ".join(bad))
    print("layers: all rules hold for %d files" % len(files))


main()
