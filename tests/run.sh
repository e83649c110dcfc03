#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, builds, and runs the tests.
#
#	tests/run.sh [SUITE...]      the default is everything but bench
#
#	unit     the modules, one program each, and the rules about layers
#	golden   the dashboard's screens, drawn in memory and compared
#	e2e      every verb on real VMs
#	tui      the dashboard in tmux, on real VMs
#	lab      real KVM and Firecracker, in a host under emulation
#	bench    the table of figures and what they must reach
#	all      all of these
#
# A name with a dot runs one test: tests/run.sh e2e.lifecycle
# CI=true makes a skipped test a failure. STOKER_BUILD_JOBS sets how many
# compilers run at once.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

suites=()
one=()
bench=false
for arg in "$@"; do
	case $arg in
	unit | golden | e2e | tui | lab) suites+=("$arg") ;;
	bench) bench=true ;;
	all)
		suites=(unit golden e2e tui lab)
		bench=true
		;;
	*.*) one+=("${arg//./\\.}") ;;
	-h | --help)
		sed -n '4,20s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*)
		printf 'run.sh: unknown suite %s; they are unit golden e2e tui lab bench all\n' "$arg" >&2
		exit 2
		;;
	esac
done
if [ ${#suites[@]} = 0 ] && [ ${#one[@]} = 0 ] && [ $bench = false ]; then
	suites=(unit golden e2e tui lab)
fi

started=$SECONDS
tests/deps.sh
mkdir -p build
jobs=${STOKER_BUILD_JOBS:-$(nproc)}
printf 'Building in build/\n'
if ! { cmake --preset dev && cmake --build build -j "$jobs"; } >build/build.log 2>&1; then
	grep -E 'error|Error|FAILED|warning' -A 3 build/build.log | head -n 60
	printf 'The build failed; all of its output is in build/build.log\n' >&2
	exit 1
fi

status=0
run_ctest() {
	# In CI a test gets a second chance: real VMs under emulation on a shared machine now and then miss a deadline.
	# Both runs are printed, so that what failed once is seen.
	local again=()
	[ "${CI:-}" != true ] || again=(--repeat until-pass:2)
	# One more than there are cores: scripts wait for a quarter of their time.
	ctest --test-dir build --output-on-failure --no-tests=error -j $(($(nproc) + 1)) "${again[@]}" "$@" || status=1
	# ctest does not say why a test was skipped; the test itself does.
	local skipped
	skipped=$(grep -h '^SKIP ' build/Testing/Temporary/LastTest.log || true)
	if [ -n "$skipped" ]; then
		printf '\nSkipped, and why:\n%s\n' "$skipped"
		[ "${CI:-}" != true ] || status=1
	fi
}
if [ ${#suites[@]} -gt 0 ]; then
	run_ctest -L "^($(IFS='|' && printf '%s' "${suites[*]}"))\$"
fi
if [ ${#one[@]} -gt 0 ]; then
	run_ctest -R "^($(IFS='|' && printf '%s' "${one[*]}"))\$"
fi
if [ $bench = true ]; then
	STOKER_BUILD_DIR=$PWD/build STOKER_SOURCE_DIR=$PWD bash tests/bench/run.sh || status=1
fi
printf '%s after %d s\n' "$([ $status = 0 ] && echo passed || echo FAILED)" $((SECONDS - started))
exit $status
