/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which kernel an image is for, as other builders leave it in there: a folder
 * [usr/]lib/modules/RELEASE, which dracut, initramfs-tools and mkinitcpio make; or the line "kernel:
 * RELEASE" of /etc/booster.init.yaml, since booster's modules lie in one folder. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#define RELEASE_BOOSTER_PATH "etc/booster.init.yaml"

/* PATH is that folder, or lies below: the release, and what of PATH follows it in *BELOW. NULL: it is
 * not. Something else in lib/modules (a module, a folder of modules) is no release. */
const char *release_of_path(const char *path, bool is_folder, size_t *len, const char **below);

/* The same of booster's configuration, which is cut up. NULL: it does not say. */
const char *release_of_booster(char *text);
