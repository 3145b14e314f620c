/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/* How others hold a device, never by its slot alone: a slot, like a name, is used again by the next
 * device once the first one was pulled out. */
struct device_ref {
	uint32_t slot;
	uint32_t generation; /* 0: none is held */
};
