#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The images that the guests in the lab are made of, built outside of it, where apt is.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need_image
need_own_image
need_foreign_image
