/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

enum { PROGRESS_WIDTH = 30 };

#define REDRAW_SECONDS 0.1

/* Is somebody watching? */
static bool is_watched(void)
{
	return cli_shows(RUNLOG_INFO) && isatty(STDERR_FILENO);
}

void progress_begin(struct progress *p, const char *label)
{
	*p = (struct progress){.label = label, .next = clock_now() + 1};
}

void progress_step(size_t done, size_t total, void *progress)
{
	struct progress *p = progress;
	size_t filled = total ? done * PROGRESS_WIDTH / total : 0;
	char bar[PROGRESS_WIDTH + 1], line[256];

	if (clock_now() < p->next || !is_watched())
		return;
	p->shown = true;
	p->next = clock_now() + REDRAW_SECONDS;
	for (size_t i = 0; i < PROGRESS_WIDTH; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[PROGRESS_WIDTH] = '\0';
	/* A single write, since standard error is unbuffered and a partial bar would flicker. */
	snprintf(line, sizeof(line), "\r%s [%s] %zu/%zu", p->label, bar, done, total);
	fputs(line, stderr);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}

/* ---- steps ---- */

static void show_packing(struct teller *t, const struct step *step)
{
	if (!t->packing) {
		snprintf(t->label, sizeof(t->label), "packing %s", step->kernel);
		progress_begin(&t->bar, t->label);
		t->packing = true;
	}
	progress_step(step->done, step->total, &t->bar);
}

void teller_end(struct teller *t)
{
	progress_end(&t->bar);
	t->packing = false;
}

void teller_tell(const struct step *step, void *teller)
{
	struct teller *t = teller;

	if (step->kind == STEP_PACKING) {
		show_packing(t, step);
		return;
	}
	teller_end(t);
	switch (step->kind) {
	case STEP_DETAIL:
		cli_explain(RUNLOG_DEBUG, "%s %s: %s", step->kernel, step->name, step->text);
		break;
	case STEP_RUNNING:
		if (is_watched())
			fprintf(stderr, "\rwaiting for %s", step->text);
		t->bar.shown = is_watched();
		break;
	case STEP_NOTE:
		if (!t->json && cli_shows(RUNLOG_INFO))
			printf("%s\n", step->text);
		break;
	case STEP_WAITING:
		cli_tell_waiting(step->text, NULL);
		break;
	case STEP_LOADER:
		if (!t->json && cli_shows(RUNLOG_INFO))
			printf("%s\n", step->text);
		break;
	case STEP_WARNING:
		cli_warn("%s", step->text);
		break;
	case STEP_ALARM:
		cli_alarm("%s", step->text);
		break;
	case STEP_PACKING:
	case STEP_KERNEL:
		break;
	}
}
