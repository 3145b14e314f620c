/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/config.h"

struct key {
	const char *name;
	enum config_effect effect;
	bool is_switch;       /* yes or no */
	const char *harmless; /* a value that requests what is done anyway, beside ""; or NULL */
	const char *reason;   /* why it has no effect; NULL unless CONFIG_LOST */
};

#define HONOURED(name) {name, CONFIG_HONOURED, false, NULL, NULL}
#define SWITCH(name) {name, CONFIG_HONOURED, true, NULL, NULL}
#define MET(name) {name, CONFIG_MET, false, NULL, NULL}
#define LOST(name, reason) {name, CONFIG_LOST, false, NULL, reason}
#define LOST_UNLESS(name, value, reason) {name, CONFIG_LOST, false, value, reason}

#define NO_NETWORK "this version has no network"
#define WHOLE "an image is made whole, to boot"

/* Every key that any release of dracut has read, internal variables of its script that people set
 * because it worked, and those of modules of other packages. */
static const struct key keys[] = {
	HONOURED("preroot_compress_store"), /* our own */
	HONOURED("preroot_degraded"),       /* our own */
	HONOURED("preroot_keep"),           /* our own */
	HONOURED("preroot_rescue_shell"),   /* our own */

	SWITCH("acpi_override"),
	HONOURED("acpi_table_dir"),
	LOST("add_device", "the boot waits for the devices of the mounts that it makes, and for no others: "
			   "add_drivers packs a device's driver, x-initrd.mount in /etc/fstab makes a mount"),
	HONOURED("add_dlopen_features"),
	HONOURED("add_dracutmodules"),
	HONOURED("add_drivers"),
	LOST("add_fstab", "mark the mounts with x-initrd.mount in /etc/fstab instead"),
	LOST_UNLESS("aggressive_strip", "no", "programs are packed as they are installed"),
	HONOURED("compress"),
	HONOURED("compress_level_bzip2"),
	HONOURED("compress_level_gzip"),
	HONOURED("compress_level_lz4"),
	HONOURED("compress_level_lzma"),
	HONOURED("compress_level_lzop"),
	HONOURED("compress_level_xz"),
	HONOURED("compress_level_zstd"),
	LOST_UNLESS("dracut_rescue_image", "no",
	     "preroot build --generic --add rescue makes an image for rescue"),
	HONOURED("dracutmodules"),
	HONOURED("drivers"),
	SWITCH("early_microcode"),
	HONOURED("fileloglvl"),
	HONOURED("filesystems"),
	HONOURED("force_add_dracutmodules"),
	HONOURED("force_drivers"),
	HONOURED("fw_dir"),
	SWITCH("hostonly"),
	SWITCH("hostonly_cmdline"),
	LOST_UNLESS("hostonly_default_device", "yes",
	     "what the machine needs to reach its root is always in the image"),
	HONOURED("hostonly_mode"),
	LOST_UNLESS("i18n_install_all", "no", "this version has no keymaps and fonts for the console"),
	HONOURED("install_items"),
	HONOURED("install_optional_items"),
	LOST_UNLESS("keep", "no", "there is no temporary folder; see: preroot extract"),
	HONOURED("kernel_cmdline"),
	LOST_UNLESS("kernel_only", "no", WHOLE),
	LOST_UNLESS("kmsgloglvl", "0", "nothing is logged to the kernel's buffer"),
	LOST("libdirs", "libraries are found as the machine's own linker finds them"),
	HONOURED("logfile"),
	LOST("loginstall", "preroot list shows the files of an image"),
	LOST_UNLESS("lvmconf", "no", "volumes of LVM are set up by what is on their disks"),
	LOST_UNLESS("mdadmconf", "no", "arrays are started by what is on their members"),
	LOST_UNLESS("no_kernel", "no", WHOLE),
	SWITCH("nofscks"),
	LOST("nvmf_nbft_mode", NO_NETWORK),
	HONOURED("omit_dlopen_features"),
	HONOURED("omit_dracutmodules"),
	HONOURED("omit_drivers"),
	LOST("prefer_dracutmodules", "there is only one way to do each thing"),
	LOST_UNLESS("prefix", "/", "files are in the same place in the image as on the machine"),
	HONOURED("remove_items"),
	SWITCH("ro_mnt"),
	LOST("sshkey", NO_NETWORK),
	HONOURED("stdloglvl"),
	HONOURED("sysloglvl"),
	LOST_UNLESS("uefi", "no",
	     "this version makes no unified kernel images, but images for the boot loader"),

	/* Programs are packed as they are installed, and once. */
	MET("do_hardlink"),
	MET("do_prelink"),
	MET("do_strip"),

	/* Images are written in one way, and always the same. */
	MET("enhanced_cpio"),
	MET("reproducible"),
	MET("squash_compress"),

	/* How dracut works, not what it makes. */
	MET("TMPDIR"),
	MET("debug"),
	MET("force"),
	MET("noimageifnotneeded"),
	MET("parallel"),
	MET("show_modules"),
	MET("tmpdir"),

	/* It is for uefi=yes alone. */
	MET("kernel_image"),
	MET("machine_id"),
	MET("sbat"),
	MET("uefi_secureboot_cert"),
	MET("uefi_secureboot_engine"),
	MET("uefi_secureboot_key"),
	MET("uefi_splash_image"),
	MET("uefi_stub"),
	MET("ukify"),

	/* Devices are found by whatever name /etc/fstab and the kernel's parameters have for them. */
	MET("persistent_policy"),

	/* The checker of each filesystem is found by its type. */
	MET("fscks"),

	/* The machine itself is looked at. */
	MET("depmod_configs"),
	MET("depmod_module_dir"),
	MET("depmod_modules_dep"),
	MET("drivers_dir"),
	MET("hostonly_nics"),

	/* Microcode is read from /lib/firmware. */
	MET("early_microcode_image_dir"),
	MET("early_microcode_image_name"),

	/* An internal variable of dracut's script. */
	MET("DRACUT_INSTALL"),
	MET("DRACUT_KMODDIR_OVERRIDE"),
	MET("DRACUT_LDCONFIG"),
	MET("DRACUT_NO_XATTR"),
	MET("SOURCE_DATE_EPOCH"),
	MET("dbus"),
	MET("dbusconfdir"),
	MET("dbusinterfaces"),
	MET("dbusinterfacesconfdir"),
	MET("dbusservices"),
	MET("dbusservicesconfdir"),
	MET("dbussession"),
	MET("dbussessionconfdir"),
	MET("dbussystem"),
	MET("dbussystemconfdir"),
	MET("dbussystemservices"),
	MET("dbussystemservicesconfdir"),
	MET("depmodconfdir"),
	MET("depmodd"),
	MET("dracut_systemd_enable"),
	MET("environment"),
	MET("environmentconfdir"),
	MET("fstab_lines"),
	MET("kbddir"),
	MET("modulesload"),
	MET("modulesloadconfdir"),
	MET("realinitpath"),
	MET("sysctlconfdir"),
	MET("sysctld"),
	MET("systemdcatalog"),
	MET("systemdnetwork"),
	MET("systemdnetworkconfdir"),
	MET("systemdntpunits"),
	MET("systemdntpunitsconfdir"),
	MET("systemdportable"),
	MET("systemdportableconfdir"),
	MET("systemdprefix"),
	MET("systemdsystemconfdir"),
	MET("systemdsystemunitdir"),
	MET("systemduser"),
	MET("systemduserconfdir"),
	MET("systemdutilconfdir"),
	MET("systemdutildir"),
	MET("systemdversion"),
	MET("sysusers"),
	MET("sysusersconfdir"),
	MET("tmpfilesdir"),
	MET("udevconfdir"),
	MET("udevdir"),
	MET("udevrulesdir"),

	/* No program is run to compress. */
	MET("DRACUT_COMPRESS_BZIP2"),
	MET("DRACUT_COMPRESS_CAT"),
	MET("DRACUT_COMPRESS_GZIP"),
	MET("DRACUT_COMPRESS_LBZIP2"),
	MET("DRACUT_COMPRESS_LZ4"),
	MET("DRACUT_COMPRESS_LZMA"),
	MET("DRACUT_COMPRESS_LZOP"),
	MET("DRACUT_COMPRESS_PIGZ"),
	MET("DRACUT_COMPRESS_XZ"),
	MET("DRACUT_COMPRESS_ZSTD"),
	MET("INITRD_COMPRESS"),

	/* It is read by a module of another package alone. */
	MET("embedded_kcl"),
	MET("release_build"),

	/* The mounts and /etc/fstab are both read. */
	MET("use_fstab"),

	/* Where keymaps and fonts are: the module i18n says that there are none. */
	MET("i18n_default_font"),
	MET("i18n_vars"),

	/* An image keeps the name under which the machine boots it. */
	MET("initrdname"),
};

/* How the keys begin that modules of other packages read, and nobody else. */
static const char *const foreign[] = {"dropbear_", "kiwi_", "tailscale_", "zfsbootmenu_"};

static const struct key *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static bool is_foreign(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (str_starts(name, foreign[i]))
			return true;
	return false;
}

enum config_effect config_effect(const char *key)
{
	const struct key *k = find(key);

	if (k)
		return k->effect;
	return is_foreign(key) ? CONFIG_MET : CONFIG_UNKNOWN;
}

const char *config_lost(const char *key, const char *value)
{
	const struct key *k = find(key);

	if (!k || k->effect != CONFIG_LOST || (k->harmless && strcmp(value, k->harmless) == 0))
		return NULL;
	return k->reason;
}

const char *config_key(size_t i)
{
	return i < ARRAY_SIZE(keys) ? keys[i].name : NULL;
}

const char *config_nearest(const char *key)
{
	const char *known[ARRAY_SIZE(keys) + 1] = {NULL};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		known[i] = keys[i].name;
	return nearest_word(key, known);
}

/* ---- what is not done ---- */

struct notes {
	struct arena *arena;
	struct config_note *list;
	size_t n;
};

static void add_note(struct notes *n, const struct conf_assignment *from, const char *text)
{
	n->list = arena_grow(n->arena, n->list, n->n, sizeof(*n->list));
	n->list[n->n++] = (struct config_note){from, text};
}

static void note_unknown(struct notes *n, const struct conf *values)
{
	for (size_t i = 0; i < values->n; i++) {
		const struct conf_assignment *a = &values->list[i];
		const char *near = config_nearest(a->key);

		if (a->is_used || config_effect(a->key) != CONFIG_UNKNOWN)
			continue;
		add_note(n, a, arena_printf(n->arena, "there is no key \"%s\"%s%s%s", a->key,
					    near ? "; is it meant to be \"" : "", near ? near : "",
					    near ? "\"?" : ""));
	}
}

/* The last assignment that asks for something else than what is done. */
static void note_lost(struct notes *n, const struct conf *values, const struct key *key)
{
	const struct conf_assignment *a = NULL, *wish = NULL;

	while ((a = conf_next(values, key->name, a)))
		if (a->n_words && !(key->harmless && strcmp(a->words[0], key->harmless) == 0))
			wish = a;
	if (wish)
		add_note(n, wish,
			 arena_printf(n->arena, "%s has no effect: %s", key->name, key->reason));
}

bool config_is_hostonly(const struct conf_assignment *a)
{
	return conf_is_yes(a) || strcmp(a->text, "-h") == 0;
}

/* An empty value is the default, which is no but for two keys: early_microcode="" is yes to dracut, too;
 * hostonly="" is no to it. */
static void note_switch(struct notes *n, const struct conf *values, const struct key *key)
{
	const struct conf_assignment *a = conf_find(values, key->name);
	bool is_hostonly = strcmp(key->name, "hostonly") == 0;

	if (!a || (!a->n_words && !is_hostonly) || (is_hostonly && config_is_hostonly(a)))
		return;
	if (!(a->n_words == 1 && strcmp(a->words[0], "no") == 0) && !conf_is_yes(a))
		add_note(n, a,
			 arena_printf(n->arena, "%s=\"%s\" is neither yes nor no: as in dracut, "
						"it is taken for no", a->key, a->text));
}

/* Is it the argument of an option such as "-p" of "pigz -p 4"? */
static bool is_argument(const struct conf_assignment *a, size_t i)
{
	const char *before = a->words[i - 1];

	return before[0] == '-' && isalpha((unsigned char)before[1]) && !before[2];
}

/* Of a command that compresses, the program and the level count, and "-T0" and the like are only
 * about how it works. */
static void note_compress(struct notes *n, const struct conf *values)
{
	const struct conf_assignment *a = conf_find(values, "compress");

	for (size_t i = 1; a && i < a->n_words; i++)
		if (a->words[i][0] != '-' && !is_argument(a, i))
			add_note(n, a, arena_printf(n->arena, "compress: \"%s\" has no effect",
						    a->words[i]));
}

size_t config_notes(const struct conf *values, struct arena *arena, struct config_note **out)
{
	struct notes n = {.arena = arena};

	note_unknown(&n, values);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].effect == CONFIG_LOST)
			note_lost(&n, values, &keys[i]);
		else if (keys[i].is_switch)
			note_switch(&n, values, &keys[i]);
	note_compress(&n, values);
	*out = n.list;
	return n.n;
}
