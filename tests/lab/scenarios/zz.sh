#!/bin/bash
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
need_image
for i in 1 2 3; do for m in n l; do echo $m; "$BUILD_DIR/tests/bench_zz_dl" $m; done; done
O="--image own --memory 256 --network tap --egress none --backend firecracker"
stoker bench --vms 1 $O --no-ssh --json >/dev/null
stoker bench --vms 6 $O --no-ssh -v 2>&1 | grep -v '^$'
for i in 1 2 3; do stoker bench --vms 1 $O --no-ssh -v 2>&1 | grep 1/1; done
stoker timings | head -9
strace -f -c -o $LAB_RESULTS/c.txt "$STOKER_PROGRAM" bench --vms 1 $O --no-ssh --commands 1 >/dev/null
strace -f -r -o $LAB_RESULTS/r.txt "$STOKER_PROGRAM" bench --vms 1 $O --no-ssh --commands 1 >/dev/null
