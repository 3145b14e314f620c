/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Parameters of dracut, systemd and initramfs-tools that PID 1 knows but cannot obey, since no
 * image has the feature: the log names it.
 */

#include <stddef.h>

enum { PARAMS_ABSENT_MAX = 80 };

/* Why PARAM=VALUE is not obeyed, a sentence without its subject. "": it turns off what is not
 * there, and is fine. NULL: no such parameter is known. */
const char *params_absent(const char *param, const char *value);

/* Their names that start with "rd.", at most PARAMS_ABSENT_MAX, to OUT; how many. */
size_t params_absent_names(const char **out);
