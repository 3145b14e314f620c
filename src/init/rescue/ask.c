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
	b->late = true;
	events_start(b);
	return stages_task(b, &job);
}

static bool may_ask(const struct boot *b)
{
	if (!b->params.ask)
		return false;
	if (b->has_secrets)
		log_tell("rd.cmdline=ask: not on a machine whose start is measured");
	return !b->has_secrets;
}

enum stage_step ask_step(struct boot *b)
{
	size_t used = strlen(b->typed);

	if (!b->entered && !may_ask(b))
		return STAGE_ENDS;
	if (b->task.state == TASK_NONE)
		return start(b);
	if (b->task.state == TASK_RUNS)
		return STAGE_STAYS;
	if (b->task.result.result == 0 &&
	    used + strlen(b->task.result.text) + 2 <= sizeof(b->typed)) {
		snprintf(b->typed + used, sizeof(b->typed) - used, "%s ", b->task.result.text);
		b->task.state = TASK_NONE;
		return start(b);
	}
	if (b->task.result.result == 0)
		log_tell("too much was typed: %s is left out", b->task.result.text);
	if (used) {
		settings_add(b, b->typed);
		block_want_named(b);
	}
	return STAGE_ENDS;
}
