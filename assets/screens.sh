#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the screens in README.md and stoker.1 with the program itself: VMs of a
# private state folder, input that is played (stoker tui --once --replay).
#
#	assets/screens.sh           writes them anew
#	assets/screens.sh --check   fails when their structure is not the program's any more
#
# STOKER_PROGRAM (build/stoker) is asked; it needs the image micro, which
# STOKER_IMAGE_DIR may name the place of.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${STOKER_PROGRAM:-build/stoker}
check=false
[ "${1:-}" != --check ] || check=true

T=$(mktemp -d "${TMPDIR:-/tmp}/stk.XXXXXX")
images=${STOKER_IMAGE_DIR:-}
export STOKER_STATE_DIR=$T/state STOKER_RUNTIME_DIR=$T/run STOKER_CONFIG=$T/conf LC_ALL=C.UTF-8
[ -z "$images" ] || export STOKER_IMAGE_DIR=$images
printf '[network]\nports = 23900-23999\n' >"$T/conf"
chmod 600 "$T/conf"
# Called by the trap:
# shellcheck disable=SC2317
finish() {
	"$program" delete --all --force --yes --quiet >/dev/null 2>&1 || true
	rm -rf "$T"
}
trap finish EXIT

[ -n "$images" ] || "$program" image build micro >/dev/null
for name in quiet-otter build-7 old-heron test-3; do
	"$program" create "$name" --memory 256 --egress none --quiet >/dev/null
done
"$program" start quiet-otter build-7 old-heron --quiet >/dev/null
for name in quiet-otter build-7 old-heron; do
	"$program" wait "$name" --for ready --timeout 120 --quiet >/dev/null
done
"$program" exec quiet-otter -- true
pid=$("$program" inspect old-heron --json | jq -r 'if type == "array" then .[0] else . end | .pid')
kill -9 "$pid"

cat >"$T/main.input" <<'INPUT'
stoker-input 1
0 wait 60 crashed
0 special 13 0
0 special 1 0
0 wait 60 quiet-otter:~#
500 paste 756e616d65202d73726d3b206466202d68202f
100 special 1 0
0 wait 30 overlay
1500 special 13 0
INPUT
# Home by its number in screen.h, whatever that is; the list is in the order of creation.
sed -i -E '/special 13 0/d' "$T/main.input"
"$program" tui --once --size 120x26 --replay "$T/main.input" | sed 's/ *$//' >"$T/main.txt"
"$program" tui --once --size 80x14 | sed 's/ *$//' >"$T/small.txt"

# What stands between two marks of a file, without the fences around it.
between() { # FILE NAME
	awk -v from="screen $2 begins" -v to="screen $2 ends" 'index($0, to) { on = 0 } on && !/^```/ { print } index($0, from) { on = 1 }' "$1"
}

# What a screen consists of, whatever the figures: its columns, its phases, its keys.
structure() {
	awk '
		/NAME +STATUS/ { sub(/│.*/, ""); $1 = $1; print }
		/Ctrl-\]|↵ shell/ { $1 = $1; print }
		/: phases/ { print "phases" }
		/^ +(create|start|boot|ssh|exec|stop|delete) / { print $1 }'
}

put() { # FILE NAME TEXT
	awk -v from="screen $2 begins" -v to="screen $2 ends" -v text="$3" '
		index($0, to) { on = 0 }
		!on { print }
		index($0, from) { on = 1; print "```"; while ((getline line < text) > 0) print line; print "```" }' "$1" >"$T/new"
	cat "$T/new" >"$1"
}

status=0
one() { # FILE NAME
	if $check; then
		if ! diff <(between "$1" "$2" | structure) <(structure <"$T/$2.txt"); then
			printf '%s: the screen "%s" is not what the program shows any more. Run assets/screens.sh\n' "$1" "$2" >&2
			status=1
		fi
		return
	fi
	put "$1" "$2" "$T/$2.txt"
}
one README.md main
one assets/man/stoker.1.scd small
exit $status
