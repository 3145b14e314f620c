/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Something writable over the mounted root (rd.overlay). What was the root goes to /run/rootfsbase
 * and is the lower layer; the upper layer is
 *
 *   in memory    /run/overlayfs, a tmpfs with the folders upper and work
 *   on a device  /run/overlayfs-backing, with the folders overlay and ovlwork, dracut's names
 *
 * With rd.overlay.readonly what the device has is read, and changes go to memory. A device that
 * does not come or cannot be mounted is told, and memory takes its place.
 */

#include "init/core/boot.h"
#include "init/devices/block.h"

struct overlay {
	struct device_ref device; /* where there is one */
	bool mounted;
};

enum stage_step overlay_wait(struct boot *b);
void overlay_what(const struct boot *b, char *out, size_t size);
enum stage_step overlay_step(struct boot *b);

/* In a worker. JOB->name: the device, "": in memory. OUT->text: what went wrong, also with a result
 * of 0, when memory took the place of the device. -ESTALE: it is another device now. */
int overlay_mount(const struct boot *b, const struct job *job, struct job_result *out);
