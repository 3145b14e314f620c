/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When each stage, module, device and program began and ended, as PID 1 saw it. Kept in memory of
 * a fixed size, and written as JSON (boot.json, see preroot-boot-report(1)) when the boot ends: to
 * the root's init, or in an account of what failed. Nothing here can stop a boot.
 */

#include <stdbool.h>
#include <stdint.h>

#include "format/ours/manifest_id.h"
#include "format/ours/modindex.h"

enum { TIMELINE_MAX = 1024 };

#define TIMELINE_DIR  "/run/preroot"
#define TIMELINE_PATH TIMELINE_DIR "/boot.json"
/* In the image that PID 1 is of, until the initramfs is emptied. */
#define TIMELINE_MANIFEST "/usr/lib/preroot/manifest"

/* The boot begins. */
void timeline_open(void);

/* A stage is entered; the one before ends. NAME lives as long as the program; NULL: no other
 * stage begins. */
void timeline_stage(const char *name);

/* A module is requested; its load begins; ends. */
void timeline_module_wanted(uint32_t module);
void timeline_module_begins(uint32_t module);
void timeline_module_ends(uint32_t module, int result);

/* A block device appeared or has to be read again; reading begins; ends. For a device that is read
 * more than twice, the first and the last reading are kept, and the number of readings. */
void timeline_device_seen(const char *name);
void timeline_device_begins(const char *name);
void timeline_device_ends(const char *name, int result);

void timeline_program_begins(const char *path);
void timeline_program_ends(const char *path, int status);

/* Since the kernel's start, by CLOCK_MONOTONIC: now, and when PID 1 was started. Microseconds. */
int64_t timeline_now(void);
int64_t timeline_start(void);

/* The identity of the image whose manifest this is, from its last bytes. False: it has none. */
bool timeline_image(const char *manifest, char out[MANIFEST_ID + 1]);

/* How the boot ended. */
struct timeline_end {
	const struct modindex *index; /* of the modules that were noted */
	const char *failure;	      /* NULL: it did not fail */
	const char *init;	      /* of the root, then */
	const char *root;	      /* name of its device; NULL */
};

/* Writes what has happened so far to FD: 0 or -errno. */
int timeline_write(const struct timeline_end *end, int fd);

/* The same to TIMELINE_PATH; an incomplete file is removed after a failure. */
void timeline_save(const struct timeline_end *end);
