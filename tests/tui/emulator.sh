#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The shell pane's emulator beside tmux of the same size: real programs write,
# both get the same bytes, cell by cell they must show the same.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

need python3
here=$(dirname "${BASH_SOURCE[0]}")
play=$BUILD_DIR/tests/term_play
export LC_ALL=C.UTF-8

differ=0
# compare NAME KEYS PROGRAM...: after each step
compare() {
	local name=$1 keys=$2 rows=24 cols=80 file n=0
	shift 2
	mkdir -p "$T/seen-$name"
	python3 "$here/lib_programs.py" "$T/seen-$name" $rows $cols "$keys" "$@"
	for file in "$T/seen-$name"/*; do
		# A screen of 132 columns is one that neither of them is.
		case $(grep -aoE $'\033\\[\\?3[hl]' "$file" | tail -n 1) in
		*h)
			n=$((n + 1))
			continue
			;;
		esac
		# raw: the bytes went through a terminal's line discipline once already
		tm new-session -d -s "p$n" -x $cols -y $rows "stty raw -echo; cat '$file'; sleep 100" \; set -g status off
		tm resize-window -t "p$n" -x $cols -y $rows
		for _ in 1 2 3 4 5 6 7 8; do
			sleep 0.2
			tm capture-pane -t "p$n" -p | sed 's/ *$//' >"$T/theirs"
			"$play" $rows $cols <"$file" | sed 's/ *$//' >"$T/ours"
			cmp -s "$T/theirs" "$T/ours" && break
		done
		tm kill-session -t "p$n"
		if ! cmp -s "$T/theirs" "$T/ours"; then
			printf '%s, step %s (< tmux, > ours):\n' "$name" "$(basename "$file")" >&2
			diff "$T/theirs" "$T/ours" >&2 || true
			differ=$((differ + 1))
		fi
		n=$((n + 1))
	done
	[ $n -gt 0 ] || fail "$name wrote nothing"
}

tm new-session -d -s keep -x 80 -y 24 'sleep 1000'

check 'vim: a file, searching, a split window, a long line'
if command -v vim >/dev/null; then
	seq 1 300 | sed 's/$/ The quick brown fox jumps over the lazy dog. 中文 é/' >"$T/text"
	compare vim 'G|/57\r|:split\r|ihello \x1b|:set nu\r|:q!\r|dd' vim -N -u NONE -n "$T/text"
fi

check 'less: moving, searching, a hint of what is bold'
command -v less >/dev/null && compare less ' |G|/157\r|g|q' less "$T/text"

check 'htop and tmux within'
command -v htop >/dev/null && compare htop 'h|q' htop -d 100 --no-color
compare tmux 'ls /\r|\x02%|\x02"|clear\r' tmux -S "$T/inner" -f /dev/null new-session "PS1='> ' sh"
tmux -S "$T/inner" kill-server 2>/dev/null || true

check 'wide, combining, emoji, right to left'
cat >"$T/page" <<'PAGE'
中文字 日本語 한국어 | e\u0301 a\u0308 | 😀🚀 |
ＦＵＬＬ ｈａｌｆ |
mixed: a中b文c😀d |
80 columns of wide ones: 一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十
PAGE
printf 'printf "%%b" "$(cat %s)"; sleep 5\n' "$T/page" >"$T/show"
compare page '' sh "$T/show"

check 'vttest: the frame of the cursor test, all of insert and delete'
if command -v vttest >/dev/null; then
	# Not the steps behind it: at the last column tmux 3.3 wraps differently from what vttest's own text says must be
	# seen, and its captures show line drawing as letters; there the emulator is right and tmux is no measure.
	compare vttest-1 '1\r' vttest
	compare vttest-8 '8\r|\r|\r|\r|\r|\r|\r' vttest
fi

# seen NAME KEYS STEP...: vttest runs on the emulator, which answers it; each of these steps must look as it does in
# tests/golden/vttest, where a person has held it against what vttest's own text says. GOLDEN_RENEW=1 writes them.
# Steps that are left out are 132 columns wide.
seen() {
	local name=$1 keys=$2 step golden
	shift 2
	mkdir -p "$T/vttest-$name"
	"$play" 24 80 "$keys" "$T/vttest-$name" vttest
	for step; do
		golden=$SOURCE_DIR/tests/golden/vttest/$name-$step.txt
		sed 's/ *$//' "$T/vttest-$name/$step" >"$T/ours"
		if [ -n "${GOLDEN_RENEW:-}" ]; then
			cp "$T/ours" "$golden"
		elif ! diff "$golden" "$T/ours" >&2; then
			printf 'vttest %s, step %s (< kept, > now)\n' "$name" "$step" >&2
			differ=$((differ + 1))
		fi
	done
}

check 'vttest on the emulator itself: cursor, wrapping, tabs, margins, origin, saved cursor, character sets, answers'
if vttest -V 2>&1 | grep -q '20221229'; then
	seen cursor '1\r|\r|\r|\r|\r|\r' 00 02 04 05
	seen screen '2\r|\r|\r|\r|\r|\r|\r|\r|\r|\r|\r|\r|\r|\r|\r' 00 01 03 05 06 07 08 09 10 11 12 13 14
	seen sets '3\r' 00
	seen reports '6\r|4\r|\r|5\r' 01 03
	seen vt102 '8\r|\r|\r|\r|\r|\r|\r' 00 01 02 03 04 05 06
else
	say '   another version of vttest than the frames are from: left out'
fi

[ $differ = 0 ] || fail "$differ screens differ"
