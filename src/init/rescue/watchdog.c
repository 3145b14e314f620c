/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/rescue/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/core/boot.h"
#include "init/core/log.h"
#include "init/core/sys.h"
#include "init/devices/events.h"

#define DEVICE "/dev/watchdog0"
#define STATE  "/sys/class/watchdog/watchdog0/state"

enum { FEED_MIN_MS = 250, SECONDS_USUAL = 60 };

static void appeared(struct boot *b, const struct uevent *u)
{
	if ((!u || strcmp(u->action, "remove") != 0) && b->watchdog->state == WATCHDOG_NONE)
		b->watchdog->state = WATCHDOG_LOOK;
}

void watchdog_init(struct boot *b)
{
	*b->watchdog = (struct watchdog){.fd = -1, .state = WATCHDOG_LOOK};
	events_listen(b, "watchdog", appeared);
}

/* "active" once somebody has opened it, even if it was closed again and keeps running. */
static int read_state(char out[16])
{
	_cleanup_fd_ int fd = open(STATE, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : read_full(fd, out, 15);

	out[n > 0 ? n : 0] = '\0';
	return n < 0 ? (int)n : 0;
}

static void open_watchdog(struct boot *b, int64_t now)
{
	struct watchdog *w = b->watchdog;
	unsigned seconds = (unsigned)b->params.watchdog;
	char state[16];

	w->state = WATCHDOG_NONE;
	if (read_state(state) < 0)
		return;
	w->state = WATCHDOG_OFF;
	if (b->params.watchdog == 0 ||
	    (b->params.watchdog < 0 && !str_starts(state, "active")))
		return;
	if (b->params.watchdog < 0)
		seconds = 0; /* keep the current timeout */
	w->fd = sys_watchdog(DEVICE, &seconds);
	if (w->fd < 0) {
		log_show(DEVICE " cannot be fed: %s", strerror(-w->fd));
		w->fd = -1;
		return;
	}
	w->seconds = seconds ? seconds : SECONDS_USUAL;
	w->state = WATCHDOG_FED;
	w->next = now;
	log_info("feeding " DEVICE ", which resets the machine after %u second%s", w->seconds,
		 text_plural(w->seconds));
}

void watchdog_tick(struct boot *b, int64_t now)
{
	struct watchdog *w = b->watchdog;
	int64_t pause;

	if (w->state == WATCHDOG_LOOK)
		open_watchdog(b, now);
	if (w->state != WATCHDOG_FED || now < w->next)
		return;
	sys_feed(w->fd);
	pause = (int64_t)w->seconds * 1000 / 3;
	w->next = now + (pause < FEED_MIN_MS ? FEED_MIN_MS : pause);
}

int64_t watchdog_due(const struct boot *b)
{
	return b->watchdog->state == WATCHDOG_FED ? b->watchdog->next : INT64_MAX;
}

void watchdog_leave(struct boot *b)
{
	struct watchdog *w = b->watchdog;

	if (b->params.watchdog > 0 && w->state == WATCHDOG_NONE)
		log_show("rd.watchdog=: there is no " DEVICE);
	if (w->state != WATCHDOG_FED)
		return;
	sys_feed(w->fd);
	w->fd = close_fd(w->fd);
	w->state = WATCHDOG_LOOK; /* in case the handover fails */
	log_info(DEVICE " is left running: the root's init has %u second%s to take it", w->seconds,
		 text_plural(w->seconds));
}
