/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"

/* Drivers of this machine's keyboards, or of all, and of their buses. */

enum {
	ALWAYS = REACH_GENERIC | REACH_SLOPPY,
	/* Nobody types before there is a prompt, so disks come first. */
	LATE = ALWAYS | RULE_LATE,
};

static const struct modules_rule rules[] = {
	{"kernel/drivers/hid/", "keyboards", LATE, 0},
	{"kernel/drivers/input/keyboard/", "keyboards", LATE, 0},
	{"kernel/drivers/input/misc/xen-kbdfront.ko", "keyboards of Xen machines", LATE, 0},
	{"kernel/drivers/input/mouse/psmouse.ko", "keyboards and mice on one chip", LATE, 0},
	{"kernel/drivers/input/serio/", "keyboards", LATE, 0},
	{"kernel/drivers/usb/host/", "USB controllers", ALWAYS, 0},
	{"kernel/drivers/usb/common/", "USB", ALWAYS, 0},
	{"kernel/", NULL, 0, 0},
	{"", "keyboards with drivers from outside the kernel", REACH_GENERIC | RULE_LATE,
	 FACTS_INPUT},
	{0},
};

/* Only the driver in use: others that match the modalias (evdev, serio_raw) are not for the console
 * but for programs that read keyboards. */
static int add_device(struct build *b, const struct hw_device *d, struct err *err)
{
	const char *reason = arena_printf(&b->plan.arena, "keyboard at /sys/%s", d->path);
	const char *driver = d->module ? d->module : d->driver;
	int r = driver ? modules_add_name(b->modules, driver, MODULES_LATE, reason, err)
		       : MODULES_BUILTIN;

	/* A driver may have a separate module for each bus: xhci_hcd and xhci_pci. */
	if (r >= 0 && r != MODULES_BUILTIN && d->modalias)
		r = modules_add_alias(b->modules, d->modalias, driver, MODULES_LATE, reason, err);
	return r;
}

int input_build(struct build *b, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < b->hardware.n_devices && r >= 0; i++)
		if (strcmp(b->hardware.devices[i].needed_for, "keyboard") == 0)
			r = add_device(b, &b->hardware.devices[i], err);
	return r < 0 ? r : modules_add_rules(b->modules, rules, build_reach(b), err);
}
