/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The stages (stages.h) from the first device to the mounted root.
 */

#include "init/core/boot.h"
#include "init/core/part.h"
#include "init/core/timeline.h"
#include "init/devices/block.h"

struct goal {
	struct device_ref device;
	const char *fstype; /* being tried; NULL: there is no root device yet */
	char fstypes[JOBS_VALUE_MAX];
	int64_t waiting_since; /* for the device: the last time */
	int64_t settle_until; /* a device was found; others that may fit are still read */
	struct spec named;    /* root=, while one of rootfallback= is tried instead */
	size_t n_tried;	      /* of rootfallback= */
	char init[JOBS_TEXT_MAX];
	bool is_systemd; /* that init */
	bool left;	 /* the initramfs: nothing of it is there any more */
	bool is_covered; /* mounted read-only, since something writable will cover it */
	/* What boot parts of features (core/part.h) have to do with it. */
	bool is_claimed; /* root= is of a kind of theirs */
	bool is_given;	 /* it needs no device, but is mounted from SOURCE with OPTIONS */
	char source[JOBS_VALUE_MAX];
	char options[JOBS_OPTIONS_MAX];
	bool (*claim)(struct boot *b,
		      const char *text); /* does a boot part claim root=TEXT? may be NULL */
	void (*held)(const struct boot *b, char *out, size_t size); /* what they hold; NULL */
};

/* Is the root there, so that it could be mounted? */
bool goal_is_there(const struct boot *b);

/* The root that was claimed is what TEXT names, as in root=TEXT, and lives as long as B. */
void goal_is(struct boot *b, const char *text);

/* The root that was claimed is mounted from SOURCE, without a device. False: it is too long. */
bool goal_set_source(struct boot *b, const char *source, const char *type, const char *options);

/* When the time limit for the root ends, if it begins now; PARAMS_FOREVER. */
int64_t goal_deadline(const struct boot *b);

enum stage_step goal_wait(struct boot *b);
void goal_wait_what(const struct boot *b, char *out, size_t size);

/* The root device's name; "tmpfs" where it has none. */
const char *goal_name(const struct boot *b);

/* What is mounted as the root, for boot parts. False if it is not on a device. */
bool goal_describe(const struct boot *b, struct part_mount *out);

/* Is D the root, and mounted with OPTION, whatever its value, by the user's wish? */
bool goal_has_option(const struct boot *b, const struct block_device *d, const char *option);

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
void goal_check_what(const struct boot *b, char *out, size_t size);
