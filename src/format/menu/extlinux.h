/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * extlinux.conf, syslinux.cfg: the menu of the Syslinux family and of U-Boot. A line is a keyword,
 * in any case, and what belongs to it; "#" begins a comment; LABEL begins an entry:
 *
 *   DEFAULT name          APPEND text            (before any label: for those without their own)
 *   LABEL name            MENU LABEL text        KERNEL or LINUX path     APPEND text
 *   INITRD path[,path]    FDT path               INCLUDE path
 *
 * APPEND may hold initrd=path[,path]; "APPEND -" is none at all. TEXT HELP ... ENDTEXT is
 * passed over, as is every other keyword. Source: the Syslinux wiki's page Config, U-Boot's
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
	const char *title;    /* of MENU LABEL, without the marks of its hot key; else the name */
	const char *kernel;   /* NULL: it boots no Linux */
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

/* -EBADMSG: a label without a name, or a NUL; -E2BIG: over one of the limits. OUT is
 * untouched then. */
int extlinux_decode(const char *text, size_t len, struct arena *arena, struct extlinux *out,
		    struct err *err);

/* Is its keyword KEY? "menu label" asks for both. *REST, if given, is what stands behind. */
bool extlinux_line_is(const struct keyline *line, const char *key, const char **rest,
		      size_t *rest_len);
