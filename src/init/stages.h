/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The boot is a table of stages, passed from top to bottom. A stage is a function that is called
 * after every event and says whether the boot stays in it; what blocks it hands to a worker
 * (flow.h) or to a program (program.h). Any of them may give up: flow_fail().
 */

#include "init/core/boot.h"
#include "init/devices/modules.h"

/* By enum boot_stage. */
extern const struct stage stages[];

/* Goes on as far as possible; called after every event. */
void stages_advance(struct boot *b);

/* Up to which rank may modules be loaded now? Once the root is there, what it does not need is
 * its init's affair. */
enum module_rank stages_loads(const struct boot *b);

/* Handles deadlines, and logs what the boot waits for. */
void stages_tick(struct boot *b, int64_t now);

/* When stages_tick() has something to do. */
int64_t stages_due(const struct boot *b);
