/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The names of dracut's modules, and what they mean here: of every module of dracut's own, and of
 * those that other packages are known to bring.
 */

#include <stdbool.h>
#include <stddef.h>

enum dracut_effect {
	DRACUT_ESSENTIAL, /* every image does it, and cannot do without */
	DRACUT_DONE,	  /* every image does it where the machine needs it */
	DRACUT_FEATURE,	  /* a feature of ours */
	DRACUT_DRIVER,	  /* no more than a driver of that kernel */
	DRACUT_NEEDLESS,  /* solves a problem that there is not here */
	DRACUT_LESS,	  /* not here; the machine boots without, and TEXT says what is missing */
	DRACUT_MISSING,	  /* not in this version: an image that was to have it may not boot */
	DRACUT_FOREIGN,	  /* a script of another package: a drop-in feature may take its place */
};

struct dracut_module {
	const char *name;
	enum dracut_effect effect;
	const char *target; /* the feature or the driver; else NULL */
	const char *text;   /* what it is here, or why it is not: the rest of a sentence */
	const char *sign;   /* a pattern of a file, or of a line of boot.conf, by which an image shows
			     * that it does the module's work; NULL: ESSENTIAL and DONE always do */
};

/* Sorted by name; ends with a row without one. */
extern const struct dracut_module dracut_modules[];

/* NULL: no release of dracut and no package known here has a module NAME. */
const struct dracut_module *dracut_module_find(const char *name);

/* The known name that NAME was most likely meant to be; NULL: none is close enough. */
const char *dracut_module_nearest(const char *name);

/* Does an image that was to have M do what M is for? */
bool dracut_module_is_addable(const struct dracut_module *m);
