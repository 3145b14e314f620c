/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * extlinux.conf, syslinux.cfg: the menu of the Syslinux family and of U-Boot. A line is a keyword,
 * in any letter case, and its argument; "#" begins a comment; LABEL begins an entry:
 *
 *   DEFAULT name          APPEND text            (before any label: for those without their own)
 *   LABEL name            MENU LABEL text        KERNEL or LINUX path     APPEND text
 *   INITRD path[,path]    FDT path               INCLUDE path
 *
 * APPEND may hold initrd=path[,path]; "APPEND -" means no options at all. TEXT HELP ... ENDTEXT is
 * skipped, as is every other keyword. Source: the Syslinux wiki's page Config, U-Boot's
 * doc/README.pxe. Pure; what is found lives in the arena.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "format/menu/keyline.h"

enum { EXTLINUX_SIZE_MAX = 256 * 1024, EXTLINUX_LABELS_MAX = 1024, EXTLINUX_INITRDS_MAX = 64 };

struct extlinux_label {
	const char *name;
	const char *title; /* of MENU LABEL, without the marks of its hot key; otherwise the name */
	const char *kernel;   /* NULL: it does not boot Linux */
	const char *fdt;      /* NULL: none */
	const char *options;  /* as written, "" for none */
	const char **initrds; /* ends with NULL */
	size_t begin, end;    /* bytes of the text: from its LABEL to the next, or to the end */
	unsigned line;
};

struct extlinux {
	const char *preferred; /* of DEFAULT; NULL: not given */
	struct extlinux_label *labels;
	size_t n;
	const char **includes; /* ends with NULL */
};

/* -EBADMSG: a label without a name, or a NUL; -E2BIG: over one of the limits. OUT is unchanged on
 * failure. */
int extlinux_decode(const char *text, size_t len, struct arena *arena, struct extlinux *out,
		    struct err *err);

/* Is KEY the line's keyword? "menu label" compares two words. *REST, if given, is what follows. */
bool extlinux_line_is(const struct keyline *line, const char *key, const char **rest,
		      size_t *rest_len);
