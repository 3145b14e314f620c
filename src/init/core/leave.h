/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The program by the names reboot, poweroff and halt, for who has a shell.
 */

#include <stdbool.h>

/* False when NAME is none of them. Does not return when it works; failures are told. */
bool leave_run(const char *name);
