/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of one boot: what core knows, and where each room above it has its own. A room's
 * structure is declared in that room's headers: whoever does not include them cannot look into it.
 * init/boot.h puts all of them together.
 */

#include <stdint.h>

#include "init/core/flow.h"
#include "init/core/jobs.h"
#include "init/core/params.h"
#include "init/core/program.h"
#include "init/core/prompt.h"
#include "init/core/settings.h"
#include "init/core/sources.h"

struct boot {
	struct params params;
	struct settings settings;
	struct jobs jobs;
	struct flow flow;
	struct programs programs;
	struct prompts prompts;
	struct sources sources;
	int signals;
	int64_t start; /* of the wait for the root: when the devices were walked */

	/* devices/ */
	struct events *events;
	struct modules *modules;
	struct devices *devices;
	struct discovery *discovery;
	/* goal/ */
	struct goal *goal;
	struct mounts *mounts;
	/* seam/ */
	struct parts *parts;
	/* rescue/ */
	struct rescue *rescue;
	struct shell *shell;
	struct watchdog *watchdog;
};
