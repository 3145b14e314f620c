/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/params_absent.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "format/kernel/cmdline.h"

#define LACKS(feature) "this image has no feature for " feature

/* Each name also covers NAME.anything. */
static const struct {
	const char *name, *why;
} absent[] = {
	{"BOOTIF", LACKS("the network")},
	{"bond", LACKS("the network")},
	{"bootdev", LACKS("the network")},
	{"bridge", LACKS("the network")},
	{"cifsuser", LACKS("CIFS")},
	{"fcoe", LACKS("FCoE")},
	{"fips", LACKS("FIPS self-tests")},
	{"ifname", LACKS("the network")},
	{"ip", LACKS("the network")},
	{"iscsiroot", LACKS("iSCSI")},
	{"nameserver", LACKS("the network")},
	{"netroot", LACKS("the network")},
	{"nfsroot", LACKS("NFS")},
	{"rd.auto", LACKS("LUKS, LVM or RAID")},
	{"rd.bootif", LACKS("the network")},
	{"rd.caps", LACKS("capabilities")},
	{"rd.cio_accept", LACKS("s390 devices")},
	{"rd.dasd", LACKS("s390 devices")},
	{"rd.dcssblk", LACKS("s390 devices")},
	{"rd.dm", LACKS("device-mapper RAID")},
	{"rd.driver.export", LACKS("handing its modules to the root")},
	{"rd.fcoe", LACKS("FCoE")},
	{"rd.fips", LACKS("FIPS self-tests")},
	{"rd.iscsi", LACKS("iSCSI")},
	{"rd.live", LACKS("live systems")},
	{"rd.locale", LACKS("locales")},
	{"rd.luks", LACKS("LUKS")},
	{"rd.lvm", LACKS("LVM")},
	{"rd.md", LACKS("MD RAID")},
	{"rd.minmem", LACKS("live systems")},
	{"rd.nbd", LACKS("NBD")},
	{"rd.neednet", LACKS("the network")},
	{"rd.net", LACKS("the network")},
	{"rd.nfs", LACKS("NFS")},
	{"rd.nonvmf", LACKS("NVMe over fabrics")},
	{"rd.noverifyssl", LACKS("live systems")},
	{"rd.nvmf", LACKS("NVMe over fabrics")},
	{"rd.peerdns", LACKS("the network")},
	{"rd.plymouth", LACKS("splash screens")},
	{"rd.route", LACKS("the network")},
	{"rd.shutdown", LACKS("the shutdown")},
	{"rd.systemd", "there is no systemd in this image"},
	{"rd.udev", "there is no udev in this image, it has no effect"},
	{"rd.vconsole", LACKS("keymaps and fonts")},
	{"rd.writable", LACKS("live systems")},
	{"rd.zfcp", LACKS("s390 devices")},
	{"rd.zipl", LACKS("s390 devices")},
	{"rd.znet", LACKS("s390 devices")},
	{"rd.znet_ifname", LACKS("s390 devices")},
	{"team", LACKS("the network")},
	{"vlan", LACKS("the network")},
};

_Static_assert(ARRAY_SIZE(absent) <= PARAMS_ABSENT_MAX, "a name that the nearest cannot be");

static bool is_below(const char *param, const char *name)
{
	return str_starts(param, name) &&
	       (param[strlen(name)] == '.' || cmdline_name_is(param, name));
}

const char *params_absent(const char *param, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		if (is_below(param, absent[i].name))
			return value && !cmdline_switch(value) ? "" : absent[i].why;
	return NULL;
}

size_t params_absent_names(const char **out)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		if (str_starts(absent[i].name, "rd."))
			out[n++] = absent[i].name;
	return n;
}
