/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Parameters of dracut, systemd, initramfs-tools and others that PID 1 knows but does not obey, since
 * no image has the feature, or since they have no effect in one: the log names the reason.
 */

#include <stdbool.h>
#include <stddef.h>

enum { PARAMS_ABSENT_MAX = 96 };

/* Why PARAM=VALUE is not obeyed, a sentence without its subject. "": there is nothing to say, such as
 * when it turns off what is not there. NULL: no such parameter is known. */
const char *params_absent(const char *param, const char *value);

/* Does PARAM=VALUE say where the root is, in place of root=? */
bool params_absent_root(const char *param, const char *value);

/* Their names that start with "rd.", at most PARAMS_ABSENT_MAX, to OUT; how many. */
size_t params_absent_names(const char **out);
