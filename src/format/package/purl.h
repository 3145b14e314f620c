/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Package URLs (the purl specification, types deb, rpm and alpm):
 *
 *   pkg:TYPE/OS/NAME@VERSION?arch=ARCH&distro=OS-OSVERSION&epoch=EPOCH
 *
 * An epoch is part of the version, except for rpm. What is not known is left out. Pure.
 */

#include "base/buf.h"

struct purl {
	const char *type; /* deb, rpm, alpm */
	const char *os, *os_version, *arch; /* NULL: not known */
	const char *name, *version; /* VERSION with its epoch, if any: "1:2.3-4" */
};

void purl_add(struct buf *out, const struct purl *p);
