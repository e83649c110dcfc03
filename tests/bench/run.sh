#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The table of figures, measured on real VMs in a private place. Everything in
# one table is from one run on one machine, the floors it is compared with too.
# Fails when a figure was missed, and names it.
#
# STOKER_BENCH_K9S is a k9s to measure beside the dashboard; otherwise the one in PATH, if there is one.
#
#	tests/bench/run.sh [--rounds N] [--only boots|kernels|images|commands|quickstart|many|dashboard|network|double|lab]
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need python3 ssh jq
need_image
case " $* " in
*' --only network '* | *' --only double '* | *' --only quickstart '*) ;; # no other image is needed
*' --only lab '* | *' --only dashboard '*) need_own_image ;;
*)
	need_own_image
	need_debian
	;;
esac
export T_DIR=$T
status=0
python3 "$SOURCE_DIR/tests/bench/bench.py" "$@" || status=$?
if [ $status = 3 ]; then
	# All was measured, and the table says what was missed: no state of anything explains that.
	# shellcheck disable=SC2317 # called at the end, by lib.sh
	show_why() { :; }
	FAILED_SAID=1
fi
exit $status
