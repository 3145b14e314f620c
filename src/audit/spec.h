/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How tables and kernel parameters name a device: NAME=VALUE (UUID, LABEL, PARTUUID, PARTLABEL),
 * /dev/disk/by-X/VALUE, /dev/mapper/NAME, /dev/VG/LV, /dev/md/NAME, /dev/NAME; and the lines of
 * /etc/crypttab. Pure.
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

/* NAME DEVICE [KEYFILE [OPTIONS]]; Source: crypttab(5). */
struct audit_crypt {
	char *name, *device;
	char *options; /* "" where there are none */
	bool asks;     /* for a passphrase: it has no file, chip or token with a key */
};

/* LINE is cut up; OUT points into it. False: an empty line, a comment, or half a line. */
bool audit_crypt_decode(char *line, struct audit_crypt *out);
