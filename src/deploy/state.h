/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is known of a kernel's image beside the image itself: var/lib/preroot/VERSION.json below
 * the root, mode 0600, replaced as a whole.
 *
 *   {"preroot-image": 1, "image": "boot/initrd.img-VERSION", "sha256": DIGITS, "bytes": N,
 *    "id": DIGITS, "good": DIGITS, "failed": DIGITS, "trial": DIGITS, "trial-boot": BOOT_ID,
 *    "trial-keep": N}
 *
 * id, good, failed and trial are identities (image/identity.h): of the image that preroot wrote
 * last, of the last one that booted to the end, of one that did not, and of the one that the next
 * boot is to try. trial-boot is the boot in which the trial was requested: any other boot that is
 * not of the trial comes after it. trial-keep is the number of previous images once the trial is
 * kept. Members that are not known are left out.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "format/ours/manifest_id.h"
#include "host/root.h"

enum { STATE_BOOT_ID = 36 };

struct state {
	char image[4096]; /* empty: preroot has written none */
	uint64_t bytes;
	char sha256[2 * DIGEST_SIZE + 1];
	char id[MANIFEST_ID + 1], good[MANIFEST_ID + 1];
	char failed[MANIFEST_ID + 1], trial[MANIFEST_ID + 1];
	char trial_boot[STATE_BOOT_ID + 1];
	unsigned trial_keep; /* at most KEEP_MAX (deploy/place/rotate.h) */
};

/* -EBADMSG; OUT is untouched then. */
int state_decode(const char *text, size_t len, struct state *out, struct err *err);

/* Without a file OUT is empty. A damaged one is -EBADMSG, and OUT is empty too: the caller
 * warns. */
int state_read(const struct root *root, const char *version, struct state *out, struct err *err);

/* Writes nothing if that is what the file holds. */
int state_write(const struct root *root, const char *version, const struct state *s,
		struct err *err);

/* Is anything known of the image of any kernel? */
bool state_is_any(const struct root *root, struct arena *arena);

/* Of a kernel that is gone. */
int state_remove(const struct root *root, const char *version, struct err *err);

/* What the kernel calls this boot of the machine below ROOT; empty: it is not known. */
void state_this_boot(const struct root *root, char out[STATE_BOOT_ID + 1]);
