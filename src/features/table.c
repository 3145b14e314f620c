/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/features.h"

#define BUILD_ROW(name, summary, flags) {#name, summary, name##_build, flags},

const struct feature features[] = {FEATURES(BUILD_ROW, BUILD_ROW){0}};
