/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What boot parts of features (core/part.h) say of block devices: that they hold one, since
 * something will come of it, or refuse it; and other names of those that they made.
 */

#include "init/devices/block.h"

/* D was read: whose is it? A partition is nobody's until its disk was read or takes too long for that,
 * and never if it is that of an array of which the disk is a member (leg.h). */
void claims_ask(struct boot *b, struct block_device *d);

/* A disk was read, or takes too long: whose are those partitions that had to wait for it? One that turns out to be
 * an array's is nobody's. */
void claims_ask_late(struct boot *b);

/* When the first of them need not wait any more; INT64_MAX: none does. */
int64_t claims_due(const struct boot *b);

/* Whose are those that were read before? For parts that begin late. */
void claims_ask_all(struct boot *b);

/* Another root is wanted: whose are the members of something now? One that root= names together with rootfstype=
 * is no boot part's. */
void claims_ask_members(struct boot *b);

/* D is about to be forgotten, or to become another one. */
void claims_forget(struct boot *b, struct block_device *d);

/* Does a feature hold device N? */
bool claims_hold(const struct boot *b, size_t n);

/* Has one refused D? */
bool claims_refuse(const struct block_device *d);

/* Adds the option to those of JOB, which mounts D, that a feature wants there. False: there is no room. */
bool claims_add_option(const struct block_device *d, struct job *job);

/* Why nothing can be mounted from device N, which is a member of something. */
void claims_explain(const struct boot *b, size_t n, char *why, size_t size);

/* Is SPEC of a kind that this image can find? */
bool claims_can_find(const struct boot *b, const struct spec *spec);

/* From now on SPEC_ALIAS with NAME is the device REF; more than once is the same. False: it is
 * gone, or has too many. */
bool claims_name(struct boot *b, struct device_ref ref, const char *name);

/* Is NAME one of D? */
bool claims_is_name(const struct block_device *d, const char *name);
