/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A disk may have the signatures of several things: a filesystem that was made over an older one, or
 * over a former member of an array. libblkid then trusts none of them, or only the array. Which of
 * them is meant is taken from root= alone, and only where it cannot be mistaken; for the rest there
 * is an account with the commands to type (rescue/unclear.h). Nothing is ever removed.
 */

#include "format/kernel/spec.h"
#include "init/devices/block.h"

/* Something that can be mounted? */
bool signatures_is_filesystem(const struct signature *s);

/* Is it a filesystem that SPEC names by its UUID or label? */
bool signatures_is_meant(const struct spec *spec, const struct signature *s);

/* If SPEC means just one of the filesystems on D, of which libblkid trusts none, that becomes what D
 * is. Not for a member of an array: a mirror has the UUID and the label of its members' content. */
void signatures_resolve(const struct spec *spec, struct block_device *d);

/* Does SPEC, which names D, name it by anything but what is on it, and is one of TYPES (by commas; NULL) a
 * filesystem whose signature D has? Whoever writes that knows what is on it. */
bool signatures_are_named(const struct spec *spec, const char *types, const struct block_device *d);

/* "xfs and iso9660". */
void signatures_list(const struct probe *p, char *out, size_t size);
