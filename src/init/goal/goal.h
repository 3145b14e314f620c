/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The stages (stages.h) from the first device to the mounted root.
 */

#include "init/core/boot.h"
#include "init/core/timeline.h"
#include "init/devices/block.h"

struct goal {
	struct device_ref device;
	const char *fstype; /* being tried; NULL: there is no root device yet */
	char fstypes[JOBS_VALUE_MAX];
	int64_t waiting_since; /* for the device: the last time */
	int64_t settle_until; /* a device was found; others that may fit are still read */
	char init[JOBS_TEXT_MAX];
	bool is_systemd; /* that init */
	bool left;	 /* the initramfs: nothing of it is there any more */
};

/* When the time limit for the root ends, if it begins now; PARAMS_FOREVER. */
int64_t goal_deadline(const struct boot *b);

enum stage_step goal_wait(struct boot *b);
void goal_wait_what(const struct boot *b, char *out, size_t size);

/* The root device's name; "tmpfs" where it has none. */
const char *goal_name(const struct boot *b);

/* What the account of the boot's times (core/timeline.h) says of its end. */
struct timeline_end goal_timeline_end(const struct boot *b);

enum stage_step goal_driver(struct boot *b);
void goal_driver_what(const struct boot *b, char *out, size_t size);

/* What mounts the root device with the parameters' flags and options; false when they do not
 * fit. */
bool goal_mount_job(const struct boot *b, struct job *out);

enum stage_step goal_mount(struct boot *b);
void goal_mount_what(const struct boot *b, char *out, size_t size);

enum stage_step goal_check(struct boot *b);

enum stage_step goal_settle(struct boot *b);
