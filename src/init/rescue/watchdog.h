/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The machine's watchdog resets it when nobody feeds it. PID 1 feeds /dev/watchdog0 with
 * rd.watchdog=, or if it is running already; otherwise it is left alone, since the root's init
 * might not feed it. It is left running for the root's init, which has to take over before the
 * timeout. A watchdog that the firmware started is fed by the kernel until PID 1 opens it.
 */

#include <stdint.h>

struct boot;

struct watchdog {
	int fd;            /* -1: not fed */
	unsigned seconds;  /* after which it resets the machine */
	int64_t next;      /* when it is fed */
	uint8_t state;     /* enum watchdog_state */
};

enum watchdog_state {
	WATCHDOG_LOOK, /* there may be one */
	WATCHDOG_NONE, /* none (yet) */
	WATCHDOG_FED,
	WATCHDOG_OFF,  /* there is one that is none of our business, or that cannot be opened */
};

/* Looks for one from now on, and again when the kernel has a new one. */
void watchdog_init(struct boot *b);

/* Looks for it or feeds it, when that is due; to be called again at watchdog_due(). */
void watchdog_tick(struct boot *b, int64_t now);
int64_t watchdog_due(const struct boot *b);

/* Feeds it for the last time and leaves it running. */
void watchdog_leave(struct boot *b);
