/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All rooms of PID 1 in one piece of memory: there is one, it is static, and its size is bounded.
 */

#include "init/core/boot.h"
#include "init/devices/block.h"
#include "init/devices/discover.h"
#include "init/devices/events.h"
#include "init/devices/modules.h"
#include "init/goal/mounts.h"
#include "init/goal/goal.h"
#include "init/rescue/rescue.h"
#include "init/rescue/shell.h"
#include "init/rescue/watchdog.h"
#include "init/seam/parts.h"

struct rooms {
	struct boot boot;
	struct events events;
	struct modules modules;
	struct devices devices;
	struct discovery discovery;
	struct goal goal;
	struct mounts mounts;
	struct rescue rescue;
	struct shell shell;
	struct watchdog watchdog;
	struct parts parts;
};

/* Leads from the boot to its rooms; ALL is zeroed. Nothing is opened or read yet. */
struct boot *rooms_join(struct rooms *all);

/* What workers do, for jobs_init(). */
extern const struct jobs_kind rooms_jobs[];
