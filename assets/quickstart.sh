#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From a fresh machine to a living microVM.
#
#	assets/quickstart.sh [--no-install]
#
# Installs what is missing (Debian, Ubuntu), builds in build/, builds the guest
# image "micro". On a terminal it then opens the dashboard with a VM "demo"
# starting in it; without one it takes a VM through its whole life once and
# prints how long each phase took.
#
#	--no-install   only say what is missing
#	--help         this text
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

deps=(build run)
for arg in "$@"; do
	case $arg in
	--no-install) deps+=(--no-install) ;;
	-h | --help)
		sed -n '4,14s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*)
		printf 'quickstart.sh: unknown option %s. See quickstart.sh --help\n' "$arg" >&2
		exit 2
		;;
	esac
done

tests/deps.sh "${deps[@]}"

log=build/quickstart.log
mkdir -p build
build() {
	# The preset only once: later runs go straight to what changed.
	if ! grep -qs '^CMAKE_BUILD_TYPE:STRING=RelWithDebInfo' build/CMakeCache.txt; then
		cmake --preset dev || return
	fi
	cmake --build build --target stoker stoker-supervisor guest_init
}
[ -x build/stoker ] || printf 'Building stoker in build/ (a minute or two the first time)\n'
if ! build >$log 2>&1; then
	tail -n 30 $log >&2
	printf 'The build failed; all of its output is in %s\n' $log >&2
	exit 1
fi

stoker=$PWD/build/stoker
"$stoker" image build micro

if [ -t 0 ] && [ -t 1 ]; then
	"$stoker" inspect demo --quiet >/dev/null 2>&1 || "$stoker" create demo --quiet
	exec "$stoker" tui --start demo
fi

# No terminal: one VM through its whole life. Whatever happens, it is not left behind.
vm=quickstart-$$
trap '"$stoker" delete "$vm" --force --quiet >/dev/null 2>&1 || true' EXIT
printf 'One microVM through its whole life:\n'
"$stoker" create "$vm"
"$stoker" start "$vm"
"$stoker" wait "$vm" --for ready
printf '  guest says: %s\n' "$("$stoker" exec "$vm" -- uname -srm)"
printf '  over SSH:   %s\n' "$("$stoker" exec "$vm" --via ssh -- uname -n)"
"$stoker" stop "$vm"
"$stoker" delete "$vm"
trap - EXIT
"$stoker" timings
printf 'Next: %s (the dashboard), or %s help\n' "build/stoker" "build/stoker"
