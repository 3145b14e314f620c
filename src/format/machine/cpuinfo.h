/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * /proc/cpuinfo of x86: for each processor lines "key<tab>: value", then an empty line. Other
 * architectures use other keys: their processors have no vendor here. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

struct cpuinfo {
	const char *vendor; /* as CPUID reports it: GenuineIntel, AuthenticAMD; NULL: none */
	uint32_t number;    /* of the processor */
	uint32_t family, model, stepping;
	bool is_guest;      /* the hypervisor flag: inside a virtual machine */
};

/* Takes the next processor from *CURSOR, writable text that is cut up; OUT points into it. True
 * when there was one. Numbers that cannot be read are 0; unknown keys are skipped. */
bool cpuinfo_next(char **cursor, struct cpuinfo *out);
