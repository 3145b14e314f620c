/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where PID 1 learns of devices: the kernel's uevents, and one walk over /sys for those that
 * were there before. Modules are asked for and block devices noted; nothing waits here.
 */

#include "init/boot.h"

/* Opens the netlink socket. Descriptor or -errno. To be opened before events_start(), so that
 * no device falls between. */
int events_open(void);

/* From now on devices ask for their drivers: walks those that are there, and lets b->epoll report
 * what the socket has held and will get. Does nothing when called again. */
void events_start(struct boot *b);

/* Takes what the socket holds. After a lost event all devices are walked again. */
void events_receive(struct boot *b);
