/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The front ends, each in a file of its own with its options. */

#include "cli/compat/front.h"

extern const struct front front_dracut;
extern const struct front front_lsinitramfs;
extern const struct front front_lsinitrd;
extern const struct front front_mkinitramfs;
extern const struct front front_mkinitrd;
extern const struct front front_unmkinitramfs;
extern const struct front front_update_initramfs;
