/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/params_absent.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "format/kernel/cmdline.h"

/* Why a parameter is not obeyed; the table in docs/compat.md says which of the three it is. */
#define LACKS(feature) "this image has no feature for " feature
#define LOST(why)      "without effect: " why
#define NEEDLESS       "" /* asks for nothing that PID 1 would do, or for what the root's init does */

/* "rd.x" also covers "rd.x.anything", and "x*" whatever starts with "x". */
static const struct {
	const char *name, *why;
} absent[] = {
	{"BOOTIF", LACKS("the network")},
	{"KEYMAP", LOST("this image has no keymaps or fonts")},
	{"KEYTABLE", LOST("this image has no keymaps or fonts")},
	{"SYSFONT", LOST("this image has no keymaps or fonts")},
	{"SYSTEMD_SULOGIN_FORCE", LOST("the build decides whether the shell asks")},
	{"biosdevname", LOST("the root's udev names the network interfaces")},
	{"bond", LACKS("the network")},
	{"booster.*", LOST("rd.info and rd.debug do that here")},
	{"boot", LACKS("other ways to mount a root, or for FIPS self-tests")},
	{"bootdev", LACKS("the network")},
	{"bridge", LACKS("the network")},
	{"cifspass", LACKS("CIFS")},
	{"cifsuser", LACKS("CIFS")},
	{"cryptdevice", LACKS("LUKS")},
	{"cryptkey", LACKS("LUKS")},
	{"cryptopts", LACKS("LUKS")},
	{"disablehooks", LOST("there are no hooks in this image")},
	{"drop_capabilities", LACKS("capabilities")},
	{"earlymodules", LOST("rd.driver.pre= loads modules before the others")},
	{"fcoe", LACKS("FCoE")},
	{"fips", LACKS("FIPS self-tests")},
	{"ifname", LACKS("the network")},
	{"initramfs.runsize", LOST("/run has the size that the kernel chooses")},
	{"ip", LACKS("the network")},
	{"iscsiroot", LACKS("iSCSI")},
	{"iso-scan/filename", LACKS("live systems")},
	{"luks.*", LACKS("LUKS volumes whose header or key is elsewhere")},
	{"nameserver", LACKS("the network")},
	{"netroot", LACKS("the network")},
	{"nfsroot", LACKS("NFS")},
	{"nvmf.*", LACKS("NVMe over fabrics")},
	{"plymouth.enable", LOST("this image has no splash screen")},
	{"rd.bootif", LACKS("the network")},
	{"rd.caps", LACKS("capabilities")},
	{"rd.cio_accept", LACKS("s390 devices")},
	{"rd.dasd", LACKS("s390 devices")},
	{"rd.dcssblk", LACKS("s390 devices")},
	{"rd.dm", LACKS("device-mapper RAID")},
	{"rd.driver.export", LOST("the root has modules of its own")},
	{"rd.fcoe", LACKS("FCoE")},
	{"rd.fips", LACKS("FIPS self-tests")},
	{"rd.iscsi", LACKS("iSCSI")},
	{"rd.live", LACKS("live systems")},
	{"rd.locale", LOST("PID 1 writes English only")},
	{"rd.luks.data", LACKS("LUKS volumes whose header is elsewhere")},
	{"rd.luks.header", LACKS("LUKS volumes whose header is elsewhere")},
	{"rd.luks.key.tout", LACKS("keys on other devices")},
	{"rd.luks.partuuid", LOST("rd.luks.uuid= names a LUKS volume")},
	{"rd.luks.serial", LOST("rd.luks.uuid= names a LUKS volume")},
	{"rd.luks.smartcard", LACKS("smart cards")},
	{"rd.lvm.conf", NEEDLESS},
	{"rd.lvm.snapshot", LACKS("snapshots of LVM")},
	{"rd.lvm.snapsize", LACKS("snapshots of LVM")},
	{"rd.md.conf", NEEDLESS},
	{"rd.md.ddf", LACKS("arrays of the firmware (DDF)")},
	{"rd.md.imsm", LACKS("arrays of the firmware (IMSM)")},
	{"rd.md.waitclean", LOST("arrays are used while they are being synchronised")},
	{"rd.minmem", LACKS("live systems")},
	{"rd.nbd", LACKS("NBD")},
	{"rd.neednet", LACKS("the network")},
	{"rd.net", LACKS("the network")},
	{"rd.nfs", LACKS("NFS")},
	{"rd.nonvmf", NEEDLESS},
	{"rd.noverifyssl", LACKS("live systems")},
	{"rd.nvmf", LACKS("NVMe over fabrics")},
	{"rd.peerdns", LACKS("the network")},
	{"rd.plymouth", LOST("this image has no splash screen")},
	{"rd.route", LACKS("the network")},
	{"rd.shutdown", LOST("the root's init does the whole shutdown")},
	{"rd.systemd", LOST("there is no systemd in this image")},
	{"rd.udev", LOST("there is no udev in this image")},
	{"rd.vconsole", LOST("this image has no keymaps or fonts")},
	{"rd.veritysetup", LACKS("dm-verity")},
	{"rd.writable", LACKS("live systems")},
	{"rd.zfcp", LACKS("s390 devices")},
	{"rd.zipl", LACKS("s390 devices")},
	{"rd.znet", LACKS("s390 devices")},
	{"rd.znet_ifname", LACKS("s390 devices")},
	{"rd_NO_*", NEEDLESS}, /* before the next one */
	{"rd_*", LACKS("s390 devices")},
	{"rdudev*", LOST("there is no udev in this image")},
	{"rhgb", NEEDLESS},
	{"root.journaldev", LOST("rootflags=logdev=DEVICE names the log of an XFS")},
	{"roothash", LACKS("dm-verity")},
	{"splash", NEEDLESS},
	{"systemd.verity*", LACKS("dm-verity")},
	{"team", LACKS("the network")},
	{"usrhash", LACKS("dm-verity")},
	{"vconsole.*", LOST("the root's init loads keymaps and fonts, this image has none")},
	{"vlan", LACKS("the network")},
};

_Static_assert(ARRAY_SIZE(absent) <= PARAMS_ABSENT_MAX, "a name that the nearest cannot be");

static bool is_below(const char *param, const char *name)
{
	size_t len = strlen(name);

	if (len && name[len - 1] == '*')
		return strncmp(param, name, len - 1) == 0;
	return cmdline_name_is(param, name) ||
	       (str_starts(name, "rd.") && str_starts(param, name) && param[len] == '.');
}

/* "boot=local" of initramfs-tools is its default: the root is on a disk, as here. */
static bool is_default(const char *param, const char *value)
{
	return cmdline_name_is(param, "boot") && strcmp(value, "local") == 0;
}

/* "0" and "off" turn off what is not there anyway; as a hash, they are none that fits. */
static bool is_off(const char *param, const char *value)
{
	return value && (is_default(param, value) || (!cmdline_switch(value) && !cmdline_is_hash(param)));
}

const char *params_absent(const char *param, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		if (is_below(param, absent[i].name))
			return is_off(param, value) ? "" : absent[i].why;
	return NULL;
}

bool params_absent_root(const char *param, const char *value)
{
	static const char *const names[] = {"iscsiroot", "netroot", "nfsroot", "roothash"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (cmdline_name_is(param, names[i]))
			return true;
	/* A device is the one of /boot, for FIPS self-tests; a word is a way to mount the root. */
	return cmdline_name_is(param, "boot") && value && !strpbrk(value, "/=");
}

size_t params_absent_names(const char **out)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		if (str_starts(absent[i].name, "rd."))
			out[n++] = absent[i].name;
	return n;
}
