/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A kernel uevent, from the netlink socket ("ACTION@DEVPATH" NUL, then KEY=VALUE NUL ...) or
 * from a "uevent" file in /sys (KEY=VALUE newline ...). Source: lib/kobject_uevent.c. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

struct uevent {
	const char *action; /* NULL where the message has no such key */
	const char *devpath;
	const char *subsystem;
	const char *devtype;
	const char *devname;
	const char *modalias;
	const char *partn;
	int major; /* -1: none */
	int minor;
};

/* Both cut DATA up and point into it; DATA[LEN] must be writable. Unknown keys are ignored. */
bool uevent_decode_message(char *data, size_t len, struct uevent *out);
void uevent_decode_file(char *data, size_t len, struct uevent *out);
