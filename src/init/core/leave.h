/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The program under the names reboot, poweroff and halt, for users of the rescue shell.
 */

#include <stdbool.h>

/* False if NAME is none of them. Does not return on success; a failure is logged. */
bool leave_run(const char *name);
