#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A real xterm, on a display that nobody sees: its keys, its mouse and its
# answer about the background come to the dashboard as what they are.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

need Xvfb
need xterm
need xdotool
need_image
new_vm fox
new_vm owl

started=()
script_finish() {
	local pid
	for pid in "${started[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
}

Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>"$T/display" >"$T/xvfb.log" 2>&1 &
started+=($!)
wait_until 20 test -s "$T/display"
DISPLAY=:$(cat "$T/display")
export DISPLAY

# on_xterm NAME OPTION...: what is typed is in $T/NAME.typed, what the dashboard wrote in $T/NAME.log
on_xterm() {
	local name=$1
	shift
	xterm -geometry 100x30+0+0 -b 0 -u8 -l -lf "$T/$name.log" "$@" \
		-e "$STOKER_PROGRAM" tui --read-only --record "$T/$name.typed" 2>"$T/$name.err" &
	started+=($!)
	wait_until 20 grep -q owl "$T/$name.log"
	window=$(xdotool search --class xterm | tail -n 1)
	xdotool windowfocus --sync "$window"
}
# They come one by one: Escape at once before another key would be Alt with that key.
press() {
	local key
	for key; do
		xdotool key --clearmodifiers "$key"
		sleep 0.15
	done
}
typed() {
	sed 1d "$T/$1.typed" | cut -d ' ' -f 2- | grep -v '^size' | paste -sd ,
}
expect_typed() {
	local name=$1 what=$2
	for _ in $(seq 50); do
		[ "$(typed "$name")" != "$what" ] || return 0
		sleep 0.1
	done
	expect_equal "$(typed "$name")" "$what" "typed in xterm"
}

check 'keys: arrows and their like, function keys, with Shift and Ctrl, what is not ASCII'
on_xterm keys -xrm '*metaSendsEscape: true'
press Down Up Left Right Home End Prior Next Insert Delete BackSpace Tab F1 F4 F5 F12 Escape
press shift+Tab ctrl+Right shift+F5 ctrl+bracketright alt+x eacute
want='special 6 0,special 5 0,special 7 0,special 8 0,special 11 0,special 12 0,special 13 0,special 14 0,special 9 0'
want+=',special 10 0,special 3 0,special 2 0,special 15 0,special 18 0,special 19 0,special 26 0,special 4 0'
want+=',special 2 1,special 8 4,special 19 1,char 93 4,char 120 2,char 233 0'
expect_typed keys "$want"

check 'the mouse: a click, the right button, the wheel, where they were'
xdotool getwindowgeometry --shell "$window" >"$T/at"
width=$(sed -n 's/^WIDTH=//p' "$T/at") height=$(sed -n 's/^HEIGHT=//p' "$T/at")
at() { # COLUMN ROW, counted from 0
	xdotool mousemove --window "$window" $((width * $1 / 100 + width / 200)) $((height * $2 / 30 + height / 60))
}
at 5 4
xdotool click 1
want+=',mouse 0 1 4 5 0,mouse 1 1 4 5 0'
expect_typed keys "$want"
at 99 29
xdotool click 5
want+=',mouse 4 0 29 99 0'
expect_typed keys "$want"
press q
wait_until 10 test ! -e "/proc/${started[-1]}"

check 'the theme is the one for the ground that xterm tells'
on_xterm light -tn xterm-256color -fg black -bg white
wait_until 10 grep -qF '38;5;24' "$T/light.log"
press q
wait_until 10 test ! -e "/proc/${started[-1]}"
on_xterm dark -tn xterm-256color -fg white -bg black
press question
wait_until 10 grep -q Keys "$T/dark.log"
! grep -qF '38;5;24' "$T/dark.log" || fail 'a light theme on a dark ground'
