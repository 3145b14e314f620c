/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What becomes of an array, or of anything else that consists of several devices, while some of them are
 * missing. The value of the kernel parameter rd.degraded= and a word of the setting preroot_degraded=:
 *
 *   [KIND:][wait:SECONDS,]then:start   start it without them, after this time
 *   [KIND:][wait:SECONDS,]then:fail    do not start it, and wait no longer than this
 *   [KIND:]wait:SECONDS                the same as with then:start
 *
 * KIND is the name of a feature; without it, all are meant. SECONDS may end with "s". Pure.
 */

#include <stdbool.h>
#include <stdint.h>

enum { DEGRADED_KIND_MAX = 32, DEGRADED_SECONDS_MAX = 24 * 3600 };

struct degraded {
	char kind[DEGRADED_KIND_MAX]; /* "": all */
	int64_t wait;		      /* ms; -1: not given */
	bool fails;		      /* it is not to be started */
};

/* False, OUT unchanged, if TEXT is malformed. */
bool degraded_parse(const char *text, struct degraded *out);
