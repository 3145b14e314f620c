/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What goes into an image, from the command line and from dracut's configuration. The command line
 * decides what has one value, and comes behind the configuration in lists. Only keys that mean here
 * what they mean to dracut; two differ where it is left to them:
 *
 *   add_drivers, force_drivers  a module that the kernel does not have is a warning: the file may
 *                               be for several kernels
 *   compress                    of a command line the codec and -LEVEL; it is not run
 */

#include "cli/cli.h"
#include "format/machine/conf.h"

/* OUT: what Q asks for, and what VALUES add to that. It borrows from Q, VALUES and ARENA. A bad
 * value is -EINVAL with file and line. */
int configure_request(const struct cli_request *q, const struct conf *values, struct arena *arena,
		      struct request *out, struct err *err);

/* Warns of parts of values that have no effect. */
void configure_report(const struct conf *values);
