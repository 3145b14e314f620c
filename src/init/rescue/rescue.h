/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happens when the boot cannot go on: the account of it (diagnose.h), then what the policy
 * allows. A root that appears after all is still taken.
 */

#include "init/boot.h"

/* The boot cannot go on; WHY: the reason, empty when the root device did not appear. */
void rescue_enter(struct boot *b, const char *why);

/* Called after every event and when rescue_due() has come. */
void rescue_tick(struct boot *b, int64_t now);

/* When rescue_tick() has something to do. */
int64_t rescue_due(const struct boot *b);
