/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/rescue/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "init/devices/block.h"
#include "init/devices/events.h"
#include "init/core/log.h"
#include "init/core/settings.h"
#include "init/devices/modules.h"

int ask_line(char *out, size_t size)
{
	static const char prompt[] = "\r\nkernel parameters (an empty line ends): ";
	ssize_t n;

	write_full(STDERR_FILENO, prompt, sizeof(prompt) - 1);
	n = read(STDIN_FILENO, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return n == 0 || !*out || strcmp(out, ".") == 0 ? -ENODATA : 0;
}

static enum stage_step start(struct boot *b)
{
	const struct job job = {.kind = JOB_ASK};

	/* Who types may need the driver of a keyboard. */
	b->modules->late = true;
	events_start(b);
	return flow_task(b, &job);
}

static bool may_ask(const struct boot *b)
{
	if (!b->params.ask)
		return false;
	if (b->settings.has_secrets)
		log_tell("rd.cmdline=ask: not on a machine whose start is measured");
	return !b->settings.has_secrets;
}

enum stage_step ask_step(struct boot *b)
{
	size_t used = strlen(b->settings.typed);

	if (!b->flow.entered && !may_ask(b))
		return STAGE_ENDS;
	if (b->flow.task.state == TASK_NONE)
		return start(b);
	if (b->flow.task.state == TASK_RUNS)
		return STAGE_STAYS;
	if (b->flow.task.result.result == 0 &&
	    used + strlen(b->flow.task.result.text) + 2 <= sizeof(b->settings.typed)) {
		snprintf(b->settings.typed + used, sizeof(b->settings.typed) - used, "%s ",
			 b->flow.task.result.text);
		b->flow.task.state = TASK_NONE;
		return start(b);
	}
	if (b->flow.task.result.result == 0)
		log_tell("too much was typed: %s is left out", b->flow.task.result.text);
	if (used) {
		settings_add(b, b->settings.typed);
		block_want_named(b);
	}
	return STAGE_ENDS;
}
