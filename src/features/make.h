/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From a request to a plan: chooses the kernel, reads its configuration, chooses the codec,
 * reads the hardware, lets every feature add its part, and settles the modules.
 */

#include "features/features.h"

enum { HARDWARE_FILE_MAX = 64 * 1024 * 1024 };

/* Clear OUT with build_clear(), even after a failure. ROOT and REQUEST must outlive it. */
int build_make(const struct request *request, const struct root *root, struct build *out,
	       struct err *err);
void build_clear(struct build *b);
#define _cleanup_build_ __attribute__((cleanup(build_clear)))

/* Reads the request's hardware file, or this machine (the root's). */
int build_read_hardware(const struct request *request, const struct root *root,
			struct arena *arena, struct hardware *out, struct err *err);
