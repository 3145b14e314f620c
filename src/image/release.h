/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which kernel an image of another builder is for. It shows in a folder [usr/]lib/modules/RELEASE,
 * which dracut, initramfs-tools and mkinitcpio make; or in the line "kernel: RELEASE" of
 * /etc/booster.init.yaml, since booster keeps its modules in a single folder. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#define RELEASE_BOOSTER_PATH "etc/booster.init.yaml"

/* If PATH is that folder, or below it: the release, and in *BELOW the rest of PATH. NULL: it is
 * not. Anything else in lib/modules (a module, a folder of modules) is not a release. */
const char *release_of_path(const char *path, bool is_folder, size_t *len, const char **below);

/* The same for booster's configuration, which is cut up. NULL: it does not say. */
const char *release_of_booster(char *text);
