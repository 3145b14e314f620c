/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How tables and kernel parameters name a device: NAME=VALUE (UUID, LABEL, PARTUUID, PARTLABEL),
 * /dev/disk/by-X/VALUE, /dev/mapper/NAME, /dev/VG/LV, /dev/md/NAME, /dev/NAME; and the lines of
 * mdadm.conf. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

enum { AUDIT_SPEC_MAX = 256 };

enum audit_spec_kind {
	AUDIT_SPEC_UUID,
	AUDIT_SPEC_LABEL,
	AUDIT_SPEC_PARTUUID,
	AUDIT_SPEC_PARTLABEL,
	AUDIT_SPEC_NAME,   /* of the kernel: sda1 */
	AUDIT_SPEC_MAPPED, /* of device mapper: the part after /dev/mapper/ */
	AUDIT_SPEC_ARRAY,  /* of MD: the part after /dev/md/ */
	AUDIT_SPEC_LINK,   /* of udev, another than those above: by-id/x */
	AUDIT_SPEC_VOLUME, /* VG/LV; also a kernel's name with a slash (cciss/c0d0) */
};

struct audit_spec {
	enum audit_spec_kind kind;
	char value[AUDIT_SPEC_MAX]; /* without quotes and escapes */
};

/* False for anything else (a longer path, nfs, ZFS=, an incomplete tag), and for names that are too
 * long. */
bool audit_spec_decode(const char *text, struct audit_spec *out);

/* The name that LVM gives to a volume: VG/LV is VG-LV, dashes within doubled. False: it does not
 * fit in SIZE bytes. */
bool audit_spec_mapped(const char *volume, char *out, size_t size);

/* "\x20", as udev writes names of links, becomes the byte. In place. */
void audit_spec_unescape(char *text);

/*
 * ARRAY lines of mdadm.conf. A word at the beginning of a line is a keyword, of which three letters
 * are enough, in upper or lower case; a line that begins with a blank continues the one before.
 * Quotes may be anywhere in a word, and "#" begins a comment where a word may begin. Source:
 * mdadm.conf(5), and mdadm's config.c.
 */
struct audit_mdadm {
	const char *at; /* what is left of the file */
	unsigned line;	/* number of line breaks before that */
};

struct audit_array {
	unsigned line;		     /* counted from 1 */
	char device[AUDIT_SPEC_MAX]; /* /dev/md/home, home, <ignore>; "": none */
	char uuid[AUDIT_SPEC_MAX];   /* as it is written; "": none */
};

/* The next one; what is longer than there is room for is cut. False: there is no other. */
bool audit_array_next(struct audit_mdadm *m, struct audit_array *out);
