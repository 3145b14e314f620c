/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/leave.h"

#include <string.h>

#include "base/cleanup.h"
#include "init/core/log.h"
#include "init/core/sys.h"

bool leave_run(const char *name)
{
	static const struct {
		const char *name;
		int (*leave)(void);
	} ways[] = {{"reboot", sys_reboot}, {"poweroff", sys_power_off}, {"halt", sys_halt}};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (strcmp(name, ways[i].name) == 0) {
			log_show("%s: %s", name, strerror(-ways[i].leave()));
			return true;
		}
	return false;
}
