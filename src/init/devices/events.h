/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How PID 1 learns of devices: the kernel's uevents, and one walk over /sys for devices that were
 * there before. Requests modules and notes block devices; nothing waits here.
 */

#include "format/kernel/uevent.h"
#include "init/core/boot.h"

enum { EVENTS_LISTENERS_MAX = 16 };

/* Who wants to hear of a subsystem besides block. */
struct events_listener {
	const char *subsystem; /* NULL: of all */
	/* U: what the kernel said; NULL: events were lost, anything may have changed. */
	void (*heard)(struct boot *b, const struct uevent *u);
};

struct events {
	int netlink;
	bool lost;	/* an event, and what the socket holds is not worth reading */
	bool triggered; /* devices have been walked */
	struct events_listener listeners[EVENTS_LISTENERS_MAX];
	size_t n_listeners;
};

/* Opens the netlink socket. Descriptor or -errno. To be opened before events_start(), so that
 * no device falls between. */
int events_open(void);

/* HEARD is called for every event of SUBSYSTEM, NULL: of all, and once when events were lost.
 * False: there are too many. */
bool events_listen(struct boot *b, const char *subsystem,
		   void (*heard)(struct boot *b, const struct uevent *u));

/* From now on devices ask for their drivers: walks those that are there, and lets the loop hear of
 * what the socket has held and will get. Does nothing when called again. */
void events_start(struct boot *b);

/* Asks for the drivers of all devices that are in the folder SYS, and takes note of its disks. */
void events_walk(struct boot *b, const char *sys);

/* Handles the queued events. If events were lost, the queued ones are out of date, and may say that
 * a device is gone which is there again: they are dropped, and /sys is walked again. */
void events_receive(struct boot *b);
