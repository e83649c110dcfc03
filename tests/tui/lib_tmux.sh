# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A terminal to drive the dashboard in, as a person would: tmux on a socket of
# the test's own. After ../e2e/lib.sh:
#
#	terminal NAME COLSxROWS COMMAND   a window that runs the command
#	use NAME                          the one that the following are about
#	keys KEY...                       as tmux names them: Enter, C-], PPage
#	press KEY...                      the same with a pause after each (Escape)
#	typed TEXT                        character by character, as it is
#	screen                            what is on it now, trailing blanks cut
#	see REGEX [SECONDS]               waits until the screen matches
#	unseen REGEX [SECONDS]            waits until it does not
#	size COLSxROWS                    resizes it
#	click TEXT [BUTTON]               clicks where TEXT stands; 2 is the right button

need tmux
WINDOW=

tm() {
	tmux -S "$T/tmux" -f /dev/null "$@"
}

script_finish() {
	tm kill-server >/dev/null 2>&1
	# The server goes after its programs have.
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		tm list-sessions >/dev/null 2>&1 || break
		sleep 0.1
	done
}

terminal() {
	local name=$1 cols=${2%x*} rows=${2#*x} command=$3
	tm new-session -d -s "$name" -x "$cols" -y "$rows" "$command" \; set -g status off \; set -g escape-time 0 \; \
		set -g remain-on-exit on
	tm resize-window -t "$name" -x "$cols" -y "$rows"
	WINDOW=$name
}

use() {
	WINDOW=$1
}

keys() {
	tm send-keys -t "$WINDOW" "$@"
}

# One by one, as fingers do: Escape at once before another key is Alt with that key.
press() {
	local key
	for key; do
		keys "$key"
		sleep 0.1
	done
}

typed() {
	tm send-keys -t "$WINDOW" -l "$1"
}

screen() {
	tm capture-pane -t "$WINDOW" -p | sed 's/ *$//'
}

size() {
	tm resize-window -t "$WINDOW" -x "${1%x*}" -y "${1#*x}"
}

see() {
	local until=$((SECONDS + ${2:-10})) now
	while :; do
		now=$(screen)
		if [[ $now =~ $1 ]]; then
			return 0
		fi
		[ "$SECONDS" -lt "$until" ] || break
		sleep 0.03
	done
	printf 'the screen:\n%s\n' "$now" >&2
	fail "not seen within ${2:-10} s: $1"
}

unseen() {
	local until=$((SECONDS + ${2:-10})) now
	while :; do
		now=$(screen)
		if ! [[ $now =~ $1 ]]; then
			return 0
		fi
		[ "$SECONDS" -lt "$until" ] || break
		sleep 0.03
	done
	printf 'the screen:\n%s\n' "$now" >&2
	fail "still there after ${2:-10} s: $1"
}

# A mouse action as xterm reports it: BUTTON COLUMN ROW M|m, counted from one.
mouse() {
	local bytes
	bytes=$(printf '\033[<%d;%d;%d%s' "$@" | od -An -v -tx1)
	# shellcheck disable=SC2086 # one word for each byte
	tm send-keys -t "$WINDOW" -H $bytes
}

# Row and column, counted from one, where a text stands on the screen.
place_of() {
	local line number=0 before
	while IFS= read -r line; do
		number=$((number + 1))
		before=${line%%"$1"*}
		if [ "$before" != "$line" ]; then
			printf '%d %d\n' $number $((${#before} + 1))
			return
		fi
	done < <(screen)
}

# With a button (0 left, 2 right), down and up, where a text stands: click TEXT [BUTTON]
click() {
	local row col
	read -r row col < <(place_of "$1")
	[ -n "$row" ] || fail "not on the screen: $1"
	mouse "${2:-0}" "$col" "$row" M
	mouse "${2:-0}" "$col" "$row" m
}
