/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the boot parts whose devices come of device mapper (LUKS, LVM) have in common.
 */

enum { MAPPER_TEXT_MAX = 256 };

/* An attribute of the device dm-N in /sys: "dm/name", "dm/uuid", "dev". What is not there is "". */
void mapper_read(const char *device, const char *attribute, char out[MAPPER_TEXT_MAX]);

/* Leaves a note for the root's udev for each device whose UUID begins with PREFIX. Without it, its rules take a device that
 * they have not seen being made for one that is not ready, and units wait for it. Source: its 55-dm.rules, or 10-dm.rules. */
void mapper_note_all(const char *prefix);

/* The same for one device: "8:1", and lines as udev writes them; for one of device mapper: MAPPER_NOTE. */
#define MAPPER_NOTE "E:DM_UDEV_PRIMARY_SOURCE_FLAG=1\nV:1\n"
void mapper_note(const char *number, const char *lines);
