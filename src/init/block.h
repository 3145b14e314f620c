/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Block devices at boot: which there are, what is on them, and which of them is the root.
 */

#include "init/boot.h"

/* A device has appeared or changed (NAME: its kernel name), or is gone. */
void block_add(struct boot *b, const char *name, bool is_partition);
void block_remove(struct boot *b, const char *name);

/* The next device that should be looked at: its number; -1: none. */
int block_next(struct boot *b);

/* A probe has ended. */
void block_done(struct boot *b, const struct job_result *result);

/* SPEC, which must live as long as B, is waited for: what may be it is looked at. */
void block_want(struct boot *b, const struct spec *spec);

/* All that is there and will be is looked at: somebody wants to explain something. */
void block_want_all(struct boot *b);

/* Number of the device that SPEC names; -1: it is not there, or was not looked at (yet). */
int block_find(const struct boot *b, const struct spec *spec);

/* Size in sectors of 512 bytes; -1 when the kernel does not say. */
int64_t block_sectors(const char *name);

/* Looks at one device; blocks. */
int block_probe(const char *name, struct probe *out);
