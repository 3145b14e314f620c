/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/config/dracut_modules.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define ESSENTIAL(name, text) {name, DRACUT_ESSENTIAL, NULL, text, NULL}
#define DONE(name, text) {name, DRACUT_DONE, NULL, text, NULL}
#define DRIVERS(name, sign, text) {name, DRACUT_DONE, NULL, text, sign}
#define FEATURE(name, feature, sign, text) {name, DRACUT_FEATURE, feature, text, sign}
#define DRIVER(name, driver, text) {name, DRACUT_DRIVER, driver, text, "*/" driver ".ko*"}
#define SHELL(name, program) {name, DRACUT_NEEDLESS, NULL, NO_SHELL, "usr/bin/" program}
#define NEEDLESS(name, text) {name, DRACUT_NEEDLESS, NULL, text, NULL}
#define LESS(name, text) {name, DRACUT_LESS, NULL, text, NULL}
#define MISSING(name, text) {name, DRACUT_MISSING, NULL, text, NULL}
#define FOREIGN(name) {name, DRACUT_FOREIGN, NULL, OF_OTHERS, NULL}
/* PROGRAM: what a drop-in feature that takes its place runs. */
#define PROGRAM(name, program) {name, DRACUT_FOREIGN, NULL, OF_OTHERS, "dropin.run=* " program}

#define OWN_EVENTS "PID 1 handles the kernel's events itself"
#define BY_INIT "the root's own init does it"
#define NO_SHELL "PID 1 runs no shell; the feature \"rescue\" packs one"
#define NO_SYSTEMD "PID 1 does without systemd's programs"
#define NO_BUS "PID 1 needs no bus for messages"
#define OWN_COMPRESSION "the image is compressed in its own way"
#define NO_SPLASH "this version has no splash screen"
#define BY_REPORT "preroot boot-report shows where the time goes"
#define NO_SCREENS "this version leaves drivers of screens to the root"
#define LEFT_TO_ROOT "this version leaves it to the root"
#define OF_TESTS "it is part of dracut's own tests"
#define NO_THIN "this version sets up linear and striped volumes of LVM alone"
#define NO_RAID "this version starts no arrays of the firmware"
#define NO_MULTIPATH "this version has no multipath"
#define NO_CRYPT "this version has no keys of LUKS volumes that are encrypted or in a loop device"
#define NO_TOKENS "this version has no keys from a TPM or a token"
#define NO_INTEGRITY "this version checks no integrity of disks and files"
#define NO_FIPS "this version has no FIPS mode"
#define NO_KEYRING "this version loads no keys into the kernel"
#define NO_NETWORK "this version has no network"
#define NO_HOST_FOLDER "this version has no root on a folder of the host"
#define NO_LIVE "this version has no live images"
#define NO_SYSTEMD_SERVICE "this version does not do its work"
#define NO_S390 "this version does not boot s390 machines"
#define OF_OTHERS \
	"it comes from another package, and modules of dracut are scripts, which preroot does not run"

const struct dracut_module dracut_modules[] = {
	ESSENTIAL("base", "PID 1 and the folders around it"),
	SHELL("bash", "bash"),
	FOREIGN("bcache"),
	LESS("biosdevname", LEFT_TO_ROOT),
	MISSING("bluetooth", "this version has no Bluetooth keyboards"),
	PROGRAM("bootc", "/usr/lib/bootc/initramfs-setup"),
	LESS("bootchart", BY_REPORT),
	FOREIGN("brltty"),
	FEATURE("btrfs", "btrfs", "*/btrfs.ko*", "brings a btrfs on several disks together"),
	SHELL("busybox", "busybox"),
	MISSING("caps", "this version takes no capabilities from the root's init"),
	MISSING("cifs", NO_NETWORK),
	MISSING("cio_ignore", NO_S390),
	FOREIGN("clevis"),
	FOREIGN("clevis-pin-null"),
	FOREIGN("clevis-pin-sss"),
	FOREIGN("clevis-pin-tang"),
	FOREIGN("clevis-pin-tpm2"),
	MISSING("cms", NO_S390),
	MISSING("connman", NO_NETWORK),
	MISSING("convertfs", "this version does not merge /usr"),
	FOREIGN("coreos-kernel"),
	FEATURE("crypt", "crypt", "feature=crypt", "opens LUKS volumes"),
	MISSING("crypt-gpg", NO_CRYPT),
	FEATURE("crypt-lib", "crypt", "feature=crypt", "opens LUKS volumes"),
	MISSING("crypt-loop", NO_CRYPT),
	FOREIGN("crypt-ssh"),
	MISSING("dasd", NO_S390),
	MISSING("dasd_mod", NO_S390),
	MISSING("dasd_rules", NO_S390),
	SHELL("dash", "dash"),
	NEEDLESS("dbus", NO_BUS),
	NEEDLESS("dbus-broker", NO_BUS),
	NEEDLESS("dbus-daemon", NO_BUS),
	MISSING("dcssblk", NO_S390),
	LESS("debug", "tools for a shell are packed with install_items"),
	LESS("devicetree-firmware", LEFT_TO_ROOT),
	DRIVER("dm", "dm-mod", "the device mapper"),
	MISSING("dmraid", NO_RAID),
	MISSING("dmsquash-live", NO_LIVE),
	MISSING("dmsquash-live-autooverlay", NO_LIVE),
	MISSING("dmsquash-live-ntfs", NO_LIVE),
	NEEDLESS("dracut-systemd", NO_SYSTEMD),
	LESS("drm", NO_SCREENS),
	FOREIGN("dropbear-sshd"),
	MISSING("ecryptfs", NO_KEYRING),
	FOREIGN("elemental-sysroot"),
	MISSING("fcoe", NO_NETWORK),
	MISSING("fcoe-uefi", NO_NETWORK),
	MISSING("fido2", NO_TOKENS),
	MISSING("fips", NO_FIPS),
	MISSING("fips-crypto-policies", NO_FIPS),
	FEATURE("fs-lib", "fsck", "usr/*bin/fsck.*", "checks filesystems"),
	MISSING("fstab-sys", "this version does not read /etc/fstab.sys"),
	LESS("gensplash", NO_SPLASH),
	NEEDLESS("hwdb", OWN_EVENTS),
	LESS("i18n", "this version has no keymaps and fonts for the console"),
	FOREIGN("ignition"),
	MISSING("img-lib", NO_LIVE),
	NEEDLESS("initqueue", "PID 1 waits for events, not in a loop"),
	MISSING("integrity", NO_INTEGRITY),
	MISSING("iscsi", NO_NETWORK),
	FOREIGN("kdumpbase"),
	ESSENTIAL("kernel-modules", "drivers of the way to the root"),
	LESS("kernel-modules-export", LEFT_TO_ROOT),
	DONE("kernel-modules-extra", "drivers in extra and updates are used like all others"),
	MISSING("kernel-network-modules", NO_NETWORK),
	MISSING("livenet", NO_LIVE),
	MISSING("lunmask", NO_MULTIPATH),
	FEATURE("lvm", "lvm", "feature=lvm", "sets up linear and striped volumes of LVM"),
	MISSING("lvmmerge", NO_THIN),
	MISSING("lvmthinpool-monitor", NO_THIN),
	MISSING("masterkey", NO_KEYRING),
	FEATURE("mdraid", "mdraid", "feature=mdraid", "starts MD arrays"),
	MISSING("memdisk", NO_LIVE),
	NEEDLESS("memstrack", "rd.memdebug is obeyed without it"),
	SHELL("mksh", "mksh"),
	MISSING("modsign", "this version does not load keys for modules"),
	MISSING("multipath", NO_MULTIPATH),
	MISSING("nbd", NO_NETWORK),
	MISSING("net-lib", NO_NETWORK),
	MISSING("network", NO_NETWORK),
	MISSING("network-legacy", NO_NETWORK),
	MISSING("network-manager", NO_NETWORK),
	MISSING("network-wicked", NO_NETWORK),
	MISSING("nfs", NO_NETWORK),
	LESS("numlock", "this version does not set the lock keys"),
	DRIVERS("nvdimm", "*/libnvdimm.ko*", "drivers of persistent memory"),
	MISSING("nvmf", NO_NETWORK),
	PROGRAM("ostree", "/usr/lib/ostree/ostree-prepare-root"),
	DRIVER("overlayfs", "overlay", "the filesystem's driver; rd.overlay is obeyed"),
	MISSING("overlayfs-crypt", NO_LIVE),
	LESS("pcmcia", LEFT_TO_ROOT),
	MISSING("pcsc", NO_TOKENS),
	MISSING("pkcs11", NO_TOKENS),
	LESS("plymouth", NO_SPLASH),
	MISSING("pollcdrom", NO_LIVE),
	LESS("ppcmac", LEFT_TO_ROOT),
	DRIVERS("qemu", "*/virtio*.ko*", "drivers of virtual machines"),
	MISSING("qemu-net", NO_NETWORK),
	FEATURE("rescue", "rescue", "shell=*", "a shell for boots that fail"),
	FEATURE("resume", "resume", "feature=resume", "resumes from hibernation"),
	NEEDLESS("rngd", "the kernel seeds its random numbers itself"),
	ESSENTIAL("rootfs-block", "PID 1 mounts the root"),
	DONE("rootfs-block-fallback", "PID 1 obeys rootfallback="),
	NEEDLESS("securityfs", BY_INIT),
	NEEDLESS("selinux", BY_INIT),
	SHELL("shell-interpreter", "sh"),
	NEEDLESS("shutdown", "a root on plain disks is unmounted without the initramfs"),
	LESS("simpledrm", NO_SCREENS),
	NEEDLESS("squash", OWN_COMPRESSION),
	NEEDLESS("squash-erofs", OWN_COMPRESSION),
	NEEDLESS("squash-lib", OWN_COMPRESSION),
	NEEDLESS("squash-squashfs", OWN_COMPRESSION),
	MISSING("ssh-client", NO_NETWORK),
	FOREIGN("sshd"),
	LESS("syslog", "the kernel's log holds all messages"),
	NEEDLESS("systemd", NO_SYSTEMD),
	LESS("systemd-ac-power", LEFT_TO_ROOT),
	NEEDLESS("systemd-ask-password", NO_SYSTEMD),
	LESS("systemd-battery-check", LEFT_TO_ROOT),
	LESS("systemd-bootchart", BY_REPORT),
	LESS("systemd-bsod", LEFT_TO_ROOT),
	LESS("systemd-coredump", LEFT_TO_ROOT),
	MISSING("systemd-creds", NO_SYSTEMD_SERVICE),
	FEATURE("systemd-cryptsetup", "crypt", "feature=crypt", "opens LUKS volumes"),
	NEEDLESS("systemd-emergency", NO_SYSTEMD),
	LESS("systemd-hostnamed", LEFT_TO_ROOT),
	MISSING("systemd-import", NO_SYSTEMD_SERVICE),
	NEEDLESS("systemd-initrd", NO_SYSTEMD),
	MISSING("systemd-integritysetup", NO_INTEGRITY),
	NEEDLESS("systemd-journald", NO_SYSTEMD),
	NEEDLESS("systemd-ldconfig", "the image has its own ld.so.cache"),
	DONE("systemd-modules-load", "PID 1 loads what modules-load.d names"),
	MISSING("systemd-network-management", NO_NETWORK),
	MISSING("systemd-networkd", NO_NETWORK),
	MISSING("systemd-pcrextend", NO_TOKENS),
	MISSING("systemd-portabled", NO_SYSTEMD_SERVICE),
	NEEDLESS("systemd-pstore", "failed boots are kept in an EFI variable or on the root"),
	MISSING("systemd-repart", NO_SYSTEMD_SERVICE),
	MISSING("systemd-resolved", NO_NETWORK),
	NEEDLESS("systemd-sysctl", NO_SYSTEMD),
	MISSING("systemd-sysext", NO_SYSTEMD_SERVICE),
	NEEDLESS("systemd-sysusers", NO_SYSTEMD),
	NEEDLESS("systemd-sysusers-service", NO_SYSTEMD),
	LESS("systemd-timedated", LEFT_TO_ROOT),
	LESS("systemd-timesyncd", LEFT_TO_ROOT),
	NEEDLESS("systemd-tmpfiles", NO_SYSTEMD),
	NEEDLESS("systemd-udevd", NO_SYSTEMD),
	MISSING("systemd-veritysetup", NO_INTEGRITY),
	NEEDLESS("terminfo", "there is no program that would use it"),
	MISSING("test", OF_TESTS),
	MISSING("test-makeroot", OF_TESTS),
	MISSING("test-root", OF_TESTS),
	MISSING("tpm2-tss", NO_TOKENS),
	NEEDLESS("udev-rules", OWN_EVENTS),
	NEEDLESS("uefi-lib", "there are no scripts that would use it"),
	MISSING("url-lib", NO_NETWORK),
	DONE("usrmount", "PID 1 mounts /usr"),
	MISSING("virtfs", NO_HOST_FOLDER),
	MISSING("virtiofs", NO_HOST_FOLDER),
	LESS("warpclock", "this version leaves the clock to the root"),
	LESS("watchdog", LEFT_TO_ROOT),
	DRIVERS("watchdog-modules", "*/drivers/watchdog/*.ko*", "drivers of watchdogs"),
	MISSING("zfcp", NO_S390),
	MISSING("zfcp_rules", NO_S390),
	FOREIGN("zfs"),
	FOREIGN("zfsbootmenu"),
	MISSING("zipl", NO_S390),
	MISSING("znet", NO_S390),
	FOREIGN("zz-fadumpinit"),
	{0},
};

static int by_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct dracut_module *)row)->name);
}

const struct dracut_module *dracut_module_find(const char *name)
{
	return bsearch(name, dracut_modules, ARRAY_SIZE(dracut_modules) - 1,
		       sizeof(*dracut_modules), by_name);
}

const char *dracut_module_nearest(const char *name)
{
	const char *known[ARRAY_SIZE(dracut_modules)] = {NULL};

	for (size_t i = 0; i < ARRAY_SIZE(dracut_modules) - 1; i++)
		known[i] = dracut_modules[i].name;
	return nearest_word(name, known);
}

bool dracut_module_is_addable(const struct dracut_module *m)
{
	return m->effect != DRACUT_LESS && m->effect != DRACUT_MISSING &&
	       m->effect != DRACUT_FOREIGN;
}
