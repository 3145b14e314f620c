/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What PID 1 reads besides the kernel's own: the programs that boot.conf names, mount options as they
 * are typed, and a rule of rd.degraded= a line.
 */

#include <errno.h>
#include <string.h>

#include "format/ours/bootconf.h"
#include "format/ours/degraded.h"
#include "format/machine/mountopts.h"
#include "fuzz.h"

static void runs(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor = text, *key, *value;

	while (bootconf_next(&cursor, &key, &value)) {
		struct bootconf_run run = {.stage = RUN_STAGES};

		if (!bootconf_run(value, &run)) {
			HOLDS(run.stage == RUN_STAGES && !run.path);
			continue;
		}
		HOLDS(run.stage < RUN_STAGES && bootconf_stage_name(run.stage));
		HOLDS(run.seconds <= BOOTCONF_SECONDS_MAX && run.path[0] == '/');
		HOLDS(run.path > text && run.path + strlen(run.path) <= text + size);
	}
	free(text);
}

static void hold_degraded(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor = text, *line;

	while ((line = strsep(&cursor, "\n"))) {
		struct degraded d = {.wait = -7};

		if (!degraded_parse(line, &d)) {
			HOLDS(d.wait == -7);
			continue;
		}
		HOLDS(d.wait >= -1 && d.wait <= DEGRADED_SECONDS_MAX * 1000LL);
		HOLDS(strlen(d.kind) < sizeof(d.kind) && strncmp(line, d.kind, strlen(d.kind)) == 0);
	}
	free(text);
}

static void options(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *out = malloc(size + 2), *again = malloc(size + 2);
	char *small = malloc(8);
	unsigned long flags = 0, none = 0;
	int r;

	HOLDS(out && again && small);
	HOLDS(mountopts_split(text, &flags, out, size + 2) == 0);
	HOLDS(strlen(out) <= size);
	/* What is left is the filesystem's: taken apart again it is the same. */
	HOLDS(mountopts_split(out, &none, again, size + 2) == 0 && none == 0);
	HOLDS(strcmp(out, again) == 0);
	r = mountopts_split(out, &flags, small, 8);
	HOLDS(r == 0 ? strcmp(out, small) == 0 : r == -E2BIG && strlen(out) > 5);
	free(text);
	free(again);
	free(out);
	free(small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	runs(data, size);
	options(data, size);
	hold_degraded(data, size);
	return 0;
}
