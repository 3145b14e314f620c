/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"

/* Somebody may have to type: drivers of this machine's keyboards, or of all. */

static const char *wants(const char *path)
{
	static const char *const dirs[] = {
		"kernel/drivers/hid/",
		"kernel/drivers/input/serio/",
		"kernel/drivers/input/keyboard/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (str_starts(path, dirs[i]))
			return "keyboards";
	return NULL;
}

int keyboard_build(struct build *b, struct err *err)
{
	int r = 0;

	if (b->request->mode == MODE_GENERIC) {
		r = modules_add_tree(b->modules, wants, err);
		return r < 0 ? r : 0;
	}
	for (size_t i = 0; i < b->hardware.n_devices && r >= 0; i++) {
		const struct hw_device *d = &b->hardware.devices[i];

		if (strcmp(d->needed_for, "keyboard") == 0 && d->modalias)
			r = modules_add_alias(b->modules, d->modalias,
					      d->module ? d->module : d->driver, 0,
					      arena_printf(&b->plan.arena, "keyboard at /sys/%s",
							   d->path),
					      err);
	}
	return r < 0 ? r : 0;
}
