#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The command line on a terminal, driven in tmux as a person would: shell,
# exec -it, run -it, questions, what is redrawn, and a terminal that is given
# back whatever happens; and what the shells' completion offers.

. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need jq tmux
need_image

SOCKET=$T/tmux
mkdir "$T/bin"
ln -s "$STOKER_PROGRAM" "$T/bin/stoker"

tm() {
	tmux -S "$SOCKET" -f /dev/null "$@"
}

script_finish() {
	tm kill-server 2>/dev/null
}

screen() {
	tm capture-pane -p
}

# sees REGEX: within 20 s some line of the screen matches.
sees() {
	local until=$((SECONDS + 20))
	until screen | grep -qE -- "$1"; do
		if [ "$SECONDS" -ge "$until" ]; then
			screen >&2
			fail "not on the screen: $1"
		fi
		sleep 0.05
	done
}

keys() {
	tm send-keys "$@"
}

# types a command line on a clean screen
types() {
	keys C-l
	keys -l "$1"
	keys Enter
}

# The terminal as a shell wants it: echo, lines, output processing, main screen, cursor.
sane() {
	types 'stty -a | tr " ;" "\n\n" | grep -xE -- "-?(echo|icanon|opost|isig)" | tr "\n" " "; echo .'
	sees '^isig icanon echo opost \.|^opost isig icanon echo \.'
	expect_equal "$(tm display-message -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')" '0 1 0' "$1"
}

shell_pid() {
	pgrep -P "$(tm display-message -p '#{pane_pid}')" -x stoker
}

tm new-session -d -x 100 -y 30 "env PATH='$T/bin:$PATH' PS1='$ ' TERM=tmux-256color bash --norc --noprofile"
sees '^\$'

check 'a shell, its size, full-screen programs, its status'
ok stoker create web --memory 256 --egress none --start
types 'stoker shell web; echo "rc=$?"'
sees '^web:~#$'
keys 'stty size; echo $TERM' Enter
sees '^30 100'
sees '^tmux-256color'
tm resize-window -x 120 -y 40
keys 'until stty size | grep "^40 120"; do sleep 0.1; done' Enter
sees '^40 120'
keys 'vi /tmp/file' Enter
sees '^~'
keys ':q' Enter
keys 'exit 3' Enter
sees '^rc=3'
sane 'after exit'
tm resize-window -x 100 -y 30

check 'ctrl-C and ctrl-Z go to the guest'
types 'stoker shell web; echo "rc=$?"'
sees '^web:~#$'
keys 'cat' Enter
keys 'typed' Enter
sees '^typed'
keys C-c
# The terminal drops what was typed before the shell is back at its prompt.
sees "\^C$"
sleep 0.5
keys 'echo still-$((40 + 2))' Enter
sees '^still-42'

check 'escapes: ~? helps, ~~ is a tilde, ~. ends, also out of a full-screen program'
keys Enter '~?'
sees 'end the session'
keys 'echo a' Enter
keys '~~' BSpace
sleep 0.2
keys 'vi /tmp/file' Enter
sees '^~'
keys ':' Enter
keys '~.'
sees '^rc=0'
sane 'after ~.'

for signal in TERM HUP SEGV ABRT; do
	check "the terminal after SIG$signal"
	types "stoker shell web; echo \"rc=\$?\""
	sees '^web:~#$'
	keys 'vi /tmp/file' Enter
	sees '^~'
	kill -s "$signal" "$(shell_pid)"
	sees '^rc=1[0-9]+'
	sane "after SIG$signal"
done

check 'an escape at a prompt, where the shell asked where the cursor is'
types 'stoker shell web; echo "rc=$?"'
sees '^web:~#$'
keys '~.'
sees '^rc=0'

check 'stopped and continued'
types 'stoker shell web; echo "rc=$?"'
sees '^web:~#$'
PID=$(shell_pid)
kill -TSTP "$PID"
sees 'Stopped'
types 'fg'
sleep 0.3
keys Enter
keys 'echo back-$((40 + 2))' Enter
sees 'back-42'
keys 'exit' Enter
sees '^\$$'
sane 'after a stop'

check 'the connection is cut'
types 'stoker shell web; echo "rc=$?"'
sees '^web:~#$'
ok stoker stop -f web
sees '^stoker: shell in web: it has ended, and its shell with it\. Start it again: stoker start web'
sees '^rc=1'
sane 'after a cut'
ok stoker start web

check 'exec -it'
types 'stoker exec -it web -- sh; echo "rc=$?"'
sees '# ?$'
keys 'stty size; id -un' Enter
sees '^30 100'
tm resize-window -x 110 -y 35
keys 'until stty size | grep "^35 110"; do sleep 0.1; done; exit 4' Enter
sees '^35 110'
sees '^rc=4'
tm resize-window -x 100 -y 30
sane 'after exec -it'

check 'run -it, left by ctrl-C while it boots and in the middle'
types 'stoker run --memory 200 --disk-mode shared --egress none; echo "rc=$?"'
sees '# ?$'
keys 'echo inside-$((40 + 2)); exit 6' Enter
sees '^inside-42'
sees '^rc=6'
types 'stoker run --memory 200 --disk-mode shared --egress none -- sleep 100; echo "rc=$?"'
sleep 0.7
keys C-c
sees 'cancelled'
types 'stoker run --memory 200 --disk-mode shared --egress none -- sh -c "echo up; sleep 100"'
sees '^up'
keys C-c
sees 'cancelled'
sane 'after ctrl-C'
ok stoker list --quiet
expect_equal "$OUT" web

check 'list --watch'
types 'stoker list --watch'
sees '^web +running'
ok stoker stop -f web
sees '^web +stopped'
ok stoker create other --memory 256
sees '^other +created'
keys C-c
sees '^\$$'

check 'logs are harmless on a terminal'
ok stoker start web
ok stoker exec web -- sh -c 'printf "\033]0;owned\007\033[?1049hplain \033[31mtext\n" >/dev/console'
types 'stoker logs --tail 1 web'
sees '^plain text'
expect_equal "$(tm display-message -p '#{alternate_on}')" 0
types 'stoker logs -f web'
sees 'plain text'
keys C-c
sees '^\$$'
ok stoker stop -f web

check 'an image that is built shows how far it is'
types "stoker image build micro --kernel debian --name progress-$$; echo \"rc=\$?\""
sees '(unpacking the kernel|packing the initrd|laying out the root file system|making the root file system)'
sees '^rc=0'
ok stoker image delete "progress-$$"

check 'questions'
types 'stoker delete --all; echo "rc=$?"'
sees 'Delete 2 VMs'
keys Enter
sees 'nothing was deleted'
sees '^rc=1'
types 'stoker delete --all; echo "rc=$?"'
sees 'Delete 2 VMs'
keys C-c
sees '^\$$'
ok stoker list --quiet
expect_equal "$OUT" $'web\nother'
ok stoker start other
kill -9 "$(vm_field other pid)" "$(vm_field other supervisor_pid)"
types 'stoker reconcile; echo "rc=$?"'
sees 'Carry out 1 repair'
keys n Enter
sees '^rc=1'
types 'stoker reconcile; echo "rc=$?"'
sees 'Carry out 1 repair'
keys y Enter
sees '^rc=0'
expect_equal "$(vm_field other status)" crashed

check 'a dumb terminal gets no escapes'
types 'TERM=dumb stoker list --watch | head -n 3; TERM=dumb stoker doctor | cat -v | grep -c "\^\["'
keys C-c
types 'TERM=dumb stoker list | cat -v'
sees '^web +stopped'
expect_equal "$(screen | grep -c '\^\[')" 0

check 'stoker alone opens the dashboard'
types 'stoker; echo "rc=$?"'
sees 'q quit|quit'
sees 'other'
keys q
sees '^rc=0'
sane 'after the dashboard'

types 'stoker delete --all; echo "rc=$?"'
sees 'Delete 2 VMs'
keys y Enter
sees '^rc=0'

check 'completion in bash'
ok stoker create web-1 web-2 gone-1 --memory 256
ok stoker delete --trash gone-1
cat >"$T/complete.sh" <<'END'
source <(stoker completion bash)
offer() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_stoker 2>/dev/null
	echo "${COMPREPLY[*]}"
}
"$@"
END
offer() {
	PATH=$T/bin:$PATH bash "$T/complete.sh" offer "$@"
}
expect_equal "$(offer stoker rec)" reconcile
expect_equal "$(offer stoker start web)" 'web-1 web-2'
expect_equal "$(offer stoker --state "$STOKER_STATE_DIR" rm web-)" 'web-1 web-2'
expect_equal "$(offer stoker --state "$T/empty" rm web-)" ''
expect_equal "$(offer stoker create --disk-mode '')" 'isolated shared copy'
expect_equal "$(offer stoker create --disk-mode = '')" 'isolated shared copy'
expect_equal "$(offer stoker create --mem)" --memory
expect_equal "$(offer stoker wait --for r)" 'running ready'
expect_equal "$(offer stoker image in)" inspect
expect_equal "$(offer stoker image rm mic)" micro
expect_equal "$(offer stoker trash undelete --na)" --name
expect_equal "$(offer stoker networks rm --fo)" --force
expect_equal "$(offer stoker network i)" inspect
expect_equal "$(offer stoker exec web)" 'web-1 web-2'
expect_equal "$(offer stoker exec web-1 web)" ''
expect_equal "$(offer stoker exec -e A=1 web)" 'web-1 web-2'
expect_equal "$(offer stoker help rec)" reconcile
expect_equal "$(offer stoker help images in)" inspect
expect_equal "$(offer stoker help image list '')" ''
expect_equal "$(offer stoker help start w)" ''
expect_equal "$(offer stoker trash restore '')" gone-1
expect_equal "$(offer stoker completion '')" 'bash zsh fish'
expect_equal "$(offer stoker exec web-1 --inter)" --interactive
expect_equal "$(offer stoker exec web-1 ls --inter)" ''
expect_equal "$(offer stoker run --ephem)" ''
expect_equal "$(offer stoker run --disk-m)" --disk-mode
expect_equal "$(offer stoker run -- web)" ''

check 'completion in fish'
if command -v fish >/dev/null; then
	"$STOKER_PROGRAM" completion fish >"$T/stoker.fish"
	offer_fish() { # what is offered for a line, in one line
		PATH=$T/bin:$PATH HOME=$T fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$T/stoker.fish" "$1" | cut -f 1 | tr '\n' ' '
	}
	expect_equal "$(offer_fish 'stoker rec')" 'reconcile '
	expect_equal "$(offer_fish 'stoker start web')" 'web-1 web-2 '
	expect_equal "$(offer_fish "stoker --state $STOKER_STATE_DIR rm web-")" 'web-1 web-2 '
	expect_equal "$(offer_fish "stoker --state $T/empty rm web-")" ''
	expect_equal "$(offer_fish 'stoker create --disk-mode ')" 'copy isolated shared '
	expect_equal "$(offer_fish 'stoker create --mem')" '--memory '
	expect_equal "$(offer_fish 'stoker image in')" 'inspect '
	expect_equal "$(offer_fish 'stoker image rm mic')" 'micro '
	expect_equal "$(offer_fish 'stoker exec web')" 'web-1 web-2 '
	expect_equal "$(offer_fish 'stoker exec web-1 web')" ''
	expect_equal "$(offer_fish 'stoker help rec')" 'reconcile '
	expect_equal "$(offer_fish 'stoker help images in')" 'inspect '
	expect_equal "$(offer_fish 'stoker help start w')" ''
	expect_equal "$(offer_fish 'stoker trash undelete ')" 'gone-1 '
	expect_equal "$(offer_fish 'stoker completion ')" 'bash fish zsh '
else
	not_tried 'fish is not installed (tests/deps.sh installs it)'
fi

check 'completion in zsh'
if command -v zsh >/dev/null; then
	mkdir "$T/functions"
	"$STOKER_PROGRAM" completion zsh >"$T/functions/_stoker"
	tm kill-session
	tm new-session -d -x 100 -y 30 "env HOME='$T' PATH='$T/bin:$PATH' PS1='%% ' zsh -f -i"
	sees '^%'
	types "fpath=($T/functions \$fpath); autoload -U compinit; compinit -u -D; setopt no_beep; echo is-\$((40 + 2))"
	sees '^is-42'
	# completes LINE REGEX: the line with a Tab behind it shows that.
	completes() {
		keys C-c C-l
		keys -l "$1"
		sleep 0.2
		keys Tab
		sees "$2"
	}
	completes 'stoker rec' 'stoker reconcile'
	completes 'stoker start web-' '^web-1 +web-2'
	completes "stoker --state $STOKER_STATE_DIR rm web-" '^web-1 +web-2'
	completes 'stoker create --disk-mode ' '^copy +isolated +shared'
	completes 'stoker create --disk-mode=' '^copy +isolated +shared'
	completes 'stoker create --mem' 'stoker create --memory'
	completes 'stoker image rm mic' 'stoker image rm micro'
	completes 'stoker exec web-' '^web-1 +web-2'
	completes 'stoker help rec' 'stoker help reconcile'
	completes 'stoker trash restore ' 'stoker trash restore gone-1'
	completes 'stoker completion z' 'stoker completion zsh'
else
	not_tried 'zsh is not installed (tests/deps.sh installs it)'
fi
