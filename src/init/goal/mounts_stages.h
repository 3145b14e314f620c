/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The stages (stages.h) that mount what mounts.h is about.
 */

#include "init/core/boot.h"

enum stage_step mounts_fstab(struct boot *b);
enum stage_step mounts_wait(struct boot *b);
enum stage_step mounts_driver(struct boot *b);
enum stage_step mounts_mount(struct boot *b);

/* The next one cannot be mounted: the boot cannot go on, or, if it may be missing, goes on without
 * it. STAGE_MOVED. */
enum stage_step mounts_cannot(struct boot *b, const char *reason);
void mounts_what(const struct boot *b, char *out, size_t size);
