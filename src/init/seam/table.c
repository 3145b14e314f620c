/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "features/list.h"
#include "init/seam/parts.h"

#define BUILD_ONLY(name, summary, flags)
#define BOOT_DECLARE(name, summary, flags) extern const struct feature_boot name##_boot;
#define BOOT_ROW(name, summary, flags)        &name##_boot,

FEATURES(BUILD_ONLY, BOOT_DECLARE)

const struct feature_boot *const parts_table[] = {FEATURES(BUILD_ONLY, BOOT_ROW) NULL};
