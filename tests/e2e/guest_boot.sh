#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The guest's half of the contract: init, agent and image under a plain QEMU.
# GUEST_IMAGE names the folder of an image that is there already.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need python3 qemu-system-x86_64 mke2fs ssh ssh-keygen
if [ -z "${GUEST_IMAGE:-}" ]; then
	need_image
	GUEST_IMAGE=$STOKER_IMAGE_DIR/micro
fi
mkdir "$T/guest"
PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 python3 "$(dirname "${BASH_SOURCE[0]}")/guest_boot.py" "$GUEST_IMAGE" "$T/guest" "$@"
