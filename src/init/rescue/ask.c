/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/rescue/ask.h"

#include <stdio.h>
#include <string.h>

#include "init/core/log.h"
#include "init/core/prompt.h"
#include "init/core/settings.h"
#include "init/devices/block.h"
#include "init/devices/events.h"
#include "init/devices/modules.h"

static prompt_handler answered;

static void ask(struct boot *b)
{
	int r = prompt_ask(b, &(struct prompt_request){
				      .text = "kernel parameters (an empty line ends)",
				      .tries = PROMPT_NO_LIMIT,
				      .seconds = PROMPT_NO_LIMIT,
				      .handler = answered,
			      });

	b->settings.typing = r == 0;
	if (r < 0)
		log_show("rd.cmdline=ask: %s", strerror(-r));
}

static enum prompt_verdict answered(struct boot *b, unsigned tag, enum prompt_end end,
				    const char *answer, size_t len)
{
	struct settings *s = &b->settings;
	size_t used = strlen(s->typed);
	int n = (int)strnlen(answer, len);

	(void)tag, (void)end; /* the prompt has no limits, so there is only one end */
	s->typing = false;
	if (n == 0 || (n == 1 && *answer == '.'))
		return PROMPT_RIGHT;
	if (used + (size_t)n + 2 > sizeof(s->typed)) {
		log_show("the line is too long: %.*s is ignored", n, answer);
		return PROMPT_RIGHT;
	}
	snprintf(s->typed + used, sizeof(s->typed) - used, "%.*s ", n, answer);
	ask(b);
	return PROMPT_RIGHT;
}

static bool may_ask(const struct boot *b)
{
	if (!b->params.ask)
		return false;
	if (b->settings.has_secrets)
		log_show("rd.cmdline=ask: not on a machine whose start is measured");
	return !b->settings.has_secrets;
}

enum stage_step ask_step(struct boot *b)
{
	if (!b->flow.entered) {
		if (!may_ask(b))
			return STAGE_ENDS;
		/* Typing may need the driver of a keyboard. */
		b->modules->late = true;
		events_start(b);
		ask(b);
	}
	if (b->settings.typing)
		return STAGE_STAYS;
	if (b->settings.typed[0]) {
		settings_add(b, b->settings.typed);
		block_want_named(b);
	}
	return STAGE_ENDS;
}
