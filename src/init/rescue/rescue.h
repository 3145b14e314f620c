/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happens when the boot cannot go on: the account of it (diagnose.h), then what the policy
 * allows. A root that appears after all is still taken.
 */

#include "init/core/boot.h"

struct rescue {
	bool begun;	    /* the boot has failed, and this room knows it */
	bool explained;	    /* the account is out */
	int64_t explain_by; /* at the latest */
	int64_t reboot_at;  /* or what rd.emergency= says instead; PARAMS_FOREVER: never */
	int64_t next_remind;
	bool record_wanted; /* of the failure, in a variable of the firmware */
};

/* Called once the boot has failed (flow_fail()), after every event and when rescue_due() has come.
 */
void rescue_tick(struct boot *b, int64_t now);

/* When rescue_tick() has something to do. */
int64_t rescue_due(const struct boot *b);
