/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a block device is named on the kernel command line, in fstab and in the configuration:
 *
 *   /dev/NAME                            the kernel's name
 *   MAJ:MIN, /dev/block/MAJ:MIN, fe01    its number; the last form is the kernel's, hexadecimal
 *   UUID= LABEL= PARTUUID= PARTLABEL=    what is on it, or in the partition table
 *   PARTUUID=.../PARTNROFF=N             the partition N numbers after that one
 *   /dev/disk/by-uuid/... and so on      the same four; udev's links are read as names only
 *   /dev/disk/by-id/... by-path, by-diskseq   what udev would call it (links.h)
 *   /dev/mapper/NAME, /dev/VG/LV         a name that a boot part of a feature gives
 *   gpt-auto                             found by the type of its partition (discover.h)
 *   tmpfs                                no device at all
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum spec_kind {
	SPEC_NONE, /* nothing was named */
	SPEC_NAME, /* a kernel name: vda1 */
	SPEC_NUMBER,
	SPEC_UUID,
	SPEC_LABEL,
	SPEC_PARTUUID,
	SPEC_PARTLABEL,
	SPEC_LINK,  /* by-id/... */
	SPEC_ALIAS, /* a name that a program or PID 1 gives: mapper/root, vg/lv, md/name */
	SPEC_AUTO,
	SPEC_TMPFS,
	SPEC_OTHER, /* something that we do not know how to reach, or a UUID= without one */
};

enum { SPEC_VALUE_MAX = 512, SPEC_NUMBER_MAX = (1 << 20) - 1 };

struct spec {
	const char *text; /* as given; NULL with SPEC_NONE. Not owned */
	enum spec_kind kind;
	char value[SPEC_VALUE_MAX]; /* the name, UUID, label or link alone */
	uint32_t major, minor;      /* NUMBER */
	int offset;                 /* PARTUUID: of the partition's number */
};

/* TEXT must outlive OUT. A kind that is not known is SPEC_OTHER, and so is a value that has no room. */
void spec_parse(const char *text, struct spec *out);

/* Can PID 1 find S without a name that a boot part of a feature gives? */
bool spec_is_reachable(const struct spec *s);

/* Is S the kernel's name of a device that a program must set up first: an array, or a volume? */
bool spec_is_set_up(const struct spec *s);

/* Replaces \xNN in S, as udev has blanks and slashes of a label in its links. */
void spec_decode_link(char *s);
