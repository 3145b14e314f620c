/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What consists of several devices may be of use without all of them. When a boot part is told to do with
 * less, if at all: by rd.degraded=, of which the last one counts that is for its kind, and otherwise once a
 * wait has taken two thirds of the time limit for the root, as in dracut. Some are not told without a rule.
 *
 * With "then:fail" it is not told. If it still lacks something then, the wait for the root, or for another
 * filesystem without which the boot fails, is over. The waits for a hibernation image and for an overlay end
 * as without it: the boot would go on without these.
 */

#include "init/core/part.h"

/* Makes rd.degraded= known. */
void degrade_init(struct boot *b);

/* Logs which of them have no effect. */
void degrade_begin(const struct boot *b);

/* When a part is due to be told, or its wait to end; INT64_MAX: none is. */
int64_t degrade_due(const struct boot *b);
void degrade_tick(struct boot *b, int64_t now);

/* The boot is tried again: all members are waited for. */
void degrade_forget(struct boot *b);
