/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/bootconf.h"

#include <string.h>

#include "base/text.h"

static const char *const stage_names[RUN_STAGES] = {"pre-trigger", "pre-mount", "post-mount",
						     "pre-pivot"};

bool bootconf_next(char **cursor, char **key, char **value)
{
	char *line, *equals;

	while ((line = strsep(cursor, "\n"))) {
		equals = strchr(line, '=');
		if (*line == '#' || !equals)
			continue;
		*equals = '\0';
		*key = line;
		*value = equals + 1;
		return true;
	}
	return false;
}

const char *bootconf_stage_name(enum bootconf_stage stage)
{
	return stage_names[stage];
}

bool bootconf_run(char *value, struct bootconf_run *out)
{
	const char *stage = strsep(&value, " "), *seconds = strsep(&value, " ");
	const char *need = strsep(&value, " ");
	struct bootconf_run run = {.stage = RUN_STAGES, .path = value};
	uint64_t n;

	for (unsigned i = 0; i < RUN_STAGES; i++)
		if (strcmp(stage, stage_names[i]) == 0)
			run.stage = i;
	if (!value || *value != '/' || run.stage == RUN_STAGES ||
	    !parse_u64(seconds, BOOTCONF_SECONDS_MAX, &n) || n == 0)
		return false;
	run.required = strcmp(need, "required") == 0;
	if (!run.required && strcmp(need, "optional") != 0)
		return false;
	run.seconds = (unsigned)n;
	*out = run;
	return true;
}

bool bootconf_argument(const char *value, struct bootconf_run *run)
{
	if (run->n_arguments == BOOTCONF_ARGUMENTS_MAX)
		return false;
	run->arguments[run->n_arguments++] = value;
	return true;
}
