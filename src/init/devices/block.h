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

/* root= and resume=, as the parameters are now. To be called again when they change. */
void block_want_named(struct boot *b);

/* Number of the device that SPEC names; -1: it is not there, or was not looked at (yet). */
int block_find(const struct boot *b, const struct spec *spec);

/* Is D, one of B's, what SPEC names? */
bool block_fits(const struct boot *b, const struct spec *spec, const struct block_device *d);

/* A part of something larger: RAID, LVM, LUKS; or swap. */
bool block_is_member(const struct block_device *d);

/* Are there devices that somebody waits for and that have not been read yet? */
bool block_unsettled(struct boot *b);

/* Tells which other devices SPEC fits as well as device N, which is taken. True when none may be
 * taken, since they are two paths to one disk: WHY says it. */
bool block_is_doubtful(const struct boot *b, const struct spec *spec, size_t n, char *why,
		       size_t size);

/* Size in sectors of 512 bytes; -1 when the kernel does not say. */
int64_t block_sectors(const char *name);

/* Looks at one device, with LINKS also for what udev would call it; blocks. */
int block_probe(const char *name, bool links, struct probe *out);
