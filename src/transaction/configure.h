/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What goes into an image, from the command line and from dracut's configuration. The command line
 * overrides single values, and comes after the configuration in lists. Keys mean here what they mean
 * to dracut, except for these:
 *
 *   add_drivers, force_drivers  a module that the kernel does not have is a warning: the file may
 *                               be for several kernels
 *   omit_drivers, drivers       never touch what the way to the root needs
 *   compress                    of a command line the codec and -LEVEL; it is not run
 */

#include "base/err_list.h"
#include "format/machine/conf.h"
#include "host/root.h"
#include "transaction/transaction.h"

struct configure_from {
	const struct root *root; /* with the drop-in features, which can be named as well */
	const struct request *given;
	const struct conf *values;
};

/* OUT is the request that was given with the values of the configuration added. It borrows from both
 * and from ARENA. A bad value is -EINVAL with file and line. */
int configure_request(const struct configure_from *from, struct arena *arena, struct request *out,
		      struct err *err);

/* The same without a command line, but collects ERRORS and goes on behind each: what is right is in
 * OUT, which borrows from the arena of ERRORS. */
void configure_check(const struct root *root, const struct conf *values, struct err_list *errors,
		     struct request *out);

/* Collects an error for each file and program that the configuration has installed, and that is not
 * below ROOT. */
void configure_check_items(const struct root *root, const struct request *q, struct err_list *errors);

/* configure_request() for the image of the kernel VERSION (NULL: the one that kernel_find() chooses),
 * with the configuration read for it. OUT borrows from ARENA and T->given. */
int configure_for(const struct transaction *t, const char *version, struct arena *arena,
		  struct request *out, struct err *err);
