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
# compare NAME STEPS PROGRAM...: after each step (lib_cells.py) every cell, its colours and attributes
compare() {
	local name=$1 steps=$2
	shift 2
	mkdir -p "$T/seen-$name"
	printf '   %s: ' "$name"
	if ! python3 "$here/lib_cells.py" emulator "$T/tmux" "$play" "$T/seen-$name" "${SIZE:-80x24}" "$steps" "$@"; then
		printf '%s differs from tmux\n' "$name" >&2
		differ=$((differ + 1))
	fi
}

tm new-session -d -s keep -x 80 -y 24 'sleep 1000'
for program in vim less htop vttest; do
	command -v $program >/dev/null || not_tried "$program is not installed"
done

check 'vim: a file, searching, a split window, a long line, another size'
if command -v vim >/dev/null; then
	seq 1 300 | sed 's/$/ The quick brown fox jumps over the lazy dog. 中文 é/' >"$T/text"
	compare vim 'G|/57\r|:split\r|ihello \x1b|:set nu\r|:q!\r|dd|100x30|60x16' vim -N -u NONE -n "$T/text"
	# 256 colours, then those of the terminal, then true ones: a visual block, what a search found, a menu, a difference.
	cp "$SOURCE_DIR/tests/tui/term_play.c" "$T/play.c"
	compare vim-colours ':syn on\r|:set hls nu cul list ls=2\r|/term\r|n|\x06|V3j|\x1b:colo desert\r|:set tgc\r|:colo habamax\r|:hi Comment gui=italic,underline cterm=italic\r|gg|132x40|:vs\r' \
		vim -N -u NONE -n "$T/play.c"
	sed 's/term/TERM/; 7d' "$T/play.c" >"$T/play2.c"
	compare vim-diff ':syn on\r|]c|\x06|i\x0e|\x1b\x1b|90x20' vim -d -N -u NONE -n "$T/play.c" "$T/play2.c"
fi

check 'less: moving, searching, overstruck and coloured text, another size'
if command -v less >/dev/null; then
	compare less ' |G|/157\r|g|q' less "$T/text"
	for i in $(seq 1 120); do
		printf '\033[3%dm%d\033[0m bold: b\bbo\bol\bld\bd under: _\bu_\bn_\bd 中\b中 \033[1;4;38;5;%dmpalette\033[0m \033[48;2;%d;10;20mtrue\033[m\033[7mreversed \033[K\033[m\n' \
			$((i % 8)) "$i" $((i + 100)) $((i * 2))
	done >"$T/coloured"
	compare less-colours ' |/bold\r|n|G|b|-N\r|100x30|50x12|g' less -R "$T/coloured"
fi

check 'htop: colours, help, setup, tree, another size'
command -v htop >/dev/null && compare htop 'h|q|\x1bOR|\x1b|t|j|100x30|60x20' htop -d 100

check 'tmux within: colours, splits, copying, choosing, another size'
compare tmux 'cat '"$T/coloured"'\r|\x02%|\x02"|clear\r|\x02[|\x15|q|\x02w|q|100x30|\x02t|q|60x20' \
	tmux -S "$T/inner" -f /dev/null new-session "PS1='> ' sh"
tmux -S "$T/inner" kill-server 2>/dev/null || true

check 'wide, combining, emoji, right to left'
cat >"$T/page" <<'PAGE'
中文字 日本語 한국어 | e\u0301 a\u0308 | 😀🚀 |
ＦＵＬＬ ｈａｌｆ |
mixed: a中b文c😀d |
80 columns of wide ones: 一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十
\033[1;31m中文\033[7m字😀\033[27;4m e\u0301\033[m \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 |
\033[48;5;24m😀🚀\033[38;2;250;200;10m日本\033[K\033[m
half overwritten: 中文字\033[3D|\033[5D# and inserted: 😀😀\033[2D\033[@x
PAGE
# Whole ones are erased and deleted: of a half tmux 3.3 keeps the other half's column, which its captures leave out.
# shellcheck disable=SC2016 # the script below is what runs them
printf 'printf "%%b" "$(cat %s)"; read x; printf "%%b" "\\033[3;5H一二三\\033[1K\\033[1;4Hx\\033[5;5H\\033[4P"; read x; cat %s; read x\n' \
	"$T/page" "$T/text" >"$T/show"
compare page '|\r|\r|80x10|80x20' bash "$T/show"

check 'every attribute and colour, what is erased, inserted and scrolled in them'
cat >"$T/looks" <<'LOOKS'
import sys, time
w = sys.stdout.write
for code in (1, 2, 3, 4, "4:3", 5, 7, 8, "1;2", "1;4;7", "3;5", "1;22", "4;24", "7;27", "3;23", "5;25", "8;28", "1;2;22", 21):
    w("\033[%smlook\033[m " % code)
w("\r\n")
for colour in list(range(30, 38)) + list(range(90, 98)):
    w("\033[%dmf\033[%dmb\033[1mB\033[39;49m.\033[m" % (colour, colour + 10))
w("\r\n")
for colour in range(0, 256, 3):
    w("\033[38;5;%dmf\033[48;5;%dmb\033[m" % (colour, 255 - colour))
w("\r\n")
for part in range(0, 256, 9):
    w("\033[38;2;%d;%d;3mf\033[48;2;1;%d;%dmb\033[m" % (part, 255 - part, part, part))
    w("\033[38:2::%d:9:9mc\033[48:2:%d:8:8md\033[48:5:%dme\033[m" % (part, part, part))
w("\r\n")
sys.stdout.flush(); sys.stdin.readline()
w("\033[44mto the end\033[K\r\n\033[7;41mreversed to the end\033[K\033[m\r\n")
w("\033[42mten:\033[10X|\033[m\r\nabcdefgh\033[4D\033[45m\033[2@\033[m\r\nabcdefgh\033[4D\033[46m\033[2P\033[m\r\n")
w("\033[4mline\033[100m\033[L\033[m\033[B\033[1;35ma\033[20b\033[m")
sys.stdout.flush(); sys.stdin.readline()
w("\033[8;16r\033[16;1H\033[43m\n\n\033[m\033[8;1H\033[48;5;99m\033M\033[m\033[r\033[20;1H")
w("\033(0lqqk\033[31mx\033[m x\033(B \0337\033[1;32m\0338as before\033[5;10H\033[104m\033[1K\033[m")
sys.stdout.flush(); sys.stdin.readline()
w("\033[41m\033[2J\033[3;3Hred\033[m\033[?1049h\033[42m\033[Jgreen\033[?1049l")
sys.stdout.flush(); sys.stdin.readline()
LOOKS
compare looks '|\r|\r|\r' sh -c "stty -echo; python3 '$T/looks'"

check 'vttest: the frame of the cursor test, attributes, all of insert and delete'
if command -v vttest >/dev/null; then
	# Not the steps behind it: at the last column tmux 3.3 wraps differently from what vttest's own text says must be
	# seen; there the emulator is right and tmux is no measure.
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
elif command -v vttest >/dev/null; then
	not_tried "vttest on the emulator itself: the frames are from 20221229, this is $(vttest -V 2>&1 | head -n 1)"
fi

[ $differ = 0 ] || fail "$differ screens differ"
