/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/features.h"

/*
 * Neither disks nor keyboards, but what these are connected to, or what a machine needs early:
 * buses of virtual machines, bridges, serial consoles, watchdogs.
 */

enum {
	ALWAYS = REACH_GENERIC | REACH_SLOPPY,
	/* No disk depends on it, so it is loaded after the drivers of disks. */
	LATE = ALWAYS | RULE_LATE,
};

static const struct modules_rule rules[] = {
	{"kernel/drivers/hv/hv_vmbus.ko", "bus of Hyper-V machines", ALWAYS, 0},
	{"kernel/drivers/xen/", "devices of Xen machines", ALWAYS, FACTS_BUS},
	{"kernel/drivers/firewire/firewire-ohci.ko", "FireWire", ALWAYS, 0},
	{"kernel/drivers/i2c/busses/i2c-designware", "keyboards on I2C", LATE, 0},
	{"kernel/drivers/mfd/intel-lpss", "buses of Intel chipsets", ALWAYS, 0},
	{"kernel/drivers/pci/host/", "PCI bridges", ALWAYS, 0},
	{"kernel/drivers/pci/controller/", "PCI bridges", ALWAYS, 0},
	{"kernel/drivers/pcmcia/", "PCMCIA and CardBus", REACH_GENERIC, 0},
	{"kernel/drivers/pinctrl/", "pins that other devices hang on", ALWAYS, 0},
	{"kernel/drivers/platform/chrome/cros_ec", "keyboards of Chromebooks", LATE, 0},
	{"kernel/drivers/platform/surface/surface_aggregator", "keyboards of Surface machines",
	 LATE, 0},
	{"kernel/drivers/spi/spi-pxa2xx", "buses of Intel chipsets", ALWAYS, 0},
	{"kernel/drivers/thunderbolt/", "docks on Thunderbolt and USB4", ALWAYS, 0},
	{"kernel/drivers/tty/serial/", "serial consoles", LATE, 0},
	{"kernel/drivers/usb/typec/", "USB-C ports", LATE, 0},
	{"kernel/drivers/watchdog/", "watchdogs", LATE, 0},
	{"kernel/drivers/char/", "consoles of virtual machines", LATE, FACTS_BUS},
	{"kernel/drivers/hv/", "devices of virtual machines", REACH_GENERIC, FACTS_BUS},
	{"kernel/drivers/iommu/", "devices of virtual machines", REACH_GENERIC, FACTS_BUS},
	{"kernel/drivers/pci/", "devices of virtual machines", REACH_GENERIC, FACTS_BUS},
	{"kernel/drivers/virt/", "devices of virtual machines", REACH_GENERIC, FACTS_BUS},
	{0},
};

int bus_build(struct build *b, struct err *err)
{
	return modules_add_rules(b->modules, rules, build_reach(b), err);
}
