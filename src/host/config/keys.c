/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/config.h"

struct key {
	const char *name;
	enum config_effect effect;
	const char *harmless; /* a value that asks for what is done anyway, beside ""; or NULL */
};

#define HONOURED(name) {name, CONFIG_HONOURED, NULL}
#define IGNORED(name) {name, CONFIG_IGNORED, NULL}
#define IGNORED_UNLESS(name, value) {name, CONFIG_IGNORED, value}

/* Every key that any release of dracut has read. The last ones are internal variables of its
 * script, which people set there because it worked. */
static const struct key keys[] = {
	HONOURED("preroot_compress_store"), /* our own */
	HONOURED("preroot_keep"),           /* our own */

	IGNORED_UNLESS("acpi_override", "no"),
	IGNORED("acpi_table_dir"),
	IGNORED("add_device"),
	IGNORED("add_dlopen_features"),
	IGNORED("add_dracutmodules"),
	HONOURED("add_drivers"),
	IGNORED("add_fstab"),
	IGNORED_UNLESS("aggressive_strip", "no"),
	HONOURED("compress"),
	IGNORED("compress_level_bzip2"),
	IGNORED("compress_level_gzip"),
	IGNORED("compress_level_lz4"),
	IGNORED("compress_level_lzma"),
	IGNORED("compress_level_lzop"),
	IGNORED("compress_level_xz"),
	IGNORED("compress_level_zstd"),
	IGNORED("depmod_configs"),
	IGNORED("depmod_module_dir"),
	IGNORED("depmod_modules_dep"),
	IGNORED("do_hardlink"),
	IGNORED_UNLESS("do_prelink", "no"),
	IGNORED("do_strip"),
	IGNORED("dracut_rescue_image"),
	IGNORED("dracutmodules"),
	IGNORED("drivers"),
	IGNORED("drivers_dir"),
	HONOURED("early_microcode"),
	IGNORED("early_microcode_image_dir"),
	IGNORED("early_microcode_image_name"),
	IGNORED_UNLESS("enhanced_cpio", "no"),
	HONOURED("fileloglvl"),
	IGNORED("filesystems"),
	IGNORED("force_add_dracutmodules"),
	HONOURED("force_drivers"),
	IGNORED("fscks"),
	IGNORED("fw_dir"),
	HONOURED("hostonly"),
	IGNORED("hostonly_cmdline"),
	IGNORED("hostonly_default_device"),
	HONOURED("hostonly_mode"),
	IGNORED("hostonly_nics"),
	IGNORED("i18n_default_font"),
	IGNORED("i18n_install_all"),
	IGNORED("i18n_vars"),
	IGNORED("initrdname"),
	HONOURED("install_items"),
	HONOURED("install_optional_items"),
	HONOURED("kernel_cmdline"),
	IGNORED("kernel_image"),
	IGNORED_UNLESS("kernel_only", "no"),
	IGNORED_UNLESS("kmsgloglvl", "0"),
	IGNORED("libdirs"),
	HONOURED("logfile"),
	IGNORED("loginstall"),
	IGNORED("lvmconf"),
	IGNORED("machine_id"),
	IGNORED("mdadmconf"),
	IGNORED_UNLESS("no_kernel", "no"),
	IGNORED("nofscks"),
	IGNORED_UNLESS("noimageifnotneeded", "no"),
	IGNORED("nvmf_nbft_mode"),
	IGNORED("omit_dlopen_features"),
	IGNORED("omit_dracutmodules"),
	IGNORED("omit_drivers"),
	IGNORED("parallel"),
	IGNORED("persistent_policy"),
	IGNORED("prefer_dracutmodules"),
	IGNORED("prefix"),
	IGNORED("remove_items"),
	IGNORED_UNLESS("reproducible", "yes"),
	IGNORED_UNLESS("ro_mnt", "no"),
	IGNORED("sbat"),
	IGNORED_UNLESS("show_modules", "no"),
	IGNORED("squash_compress"),
	IGNORED("sshkey"),
	HONOURED("stdloglvl"),
	HONOURED("sysloglvl"),
	IGNORED("tmpdir"),
	IGNORED_UNLESS("uefi", "no"),
	IGNORED("uefi_secureboot_cert"),
	IGNORED("uefi_secureboot_engine"),
	IGNORED("uefi_secureboot_key"),
	IGNORED("uefi_splash_image"),
	IGNORED("uefi_stub"),
	IGNORED("ukify"),
	IGNORED_UNLESS("use_fstab", "no"),

	IGNORED("DRACUT_COMPRESS_BZIP2"),
	IGNORED("DRACUT_COMPRESS_CAT"),
	IGNORED("DRACUT_COMPRESS_GZIP"),
	IGNORED("DRACUT_COMPRESS_LBZIP2"),
	IGNORED("DRACUT_COMPRESS_LZ4"),
	IGNORED("DRACUT_COMPRESS_LZMA"),
	IGNORED("DRACUT_COMPRESS_LZOP"),
	IGNORED("DRACUT_COMPRESS_PIGZ"),
	IGNORED("DRACUT_COMPRESS_XZ"),
	IGNORED("DRACUT_COMPRESS_ZSTD"),
	IGNORED("DRACUT_INSTALL"),
	IGNORED("DRACUT_KMODDIR_OVERRIDE"),
	IGNORED("DRACUT_LDCONFIG"),
	IGNORED("DRACUT_NO_XATTR"),
	IGNORED("INITRD_COMPRESS"),
	IGNORED("SOURCE_DATE_EPOCH"),
	IGNORED("TMPDIR"),
	IGNORED("dbus"),
	IGNORED("dbusconfdir"),
	IGNORED("dbusinterfaces"),
	IGNORED("dbusinterfacesconfdir"),
	IGNORED("dbusservices"),
	IGNORED("dbusservicesconfdir"),
	IGNORED("dbussession"),
	IGNORED("dbussessionconfdir"),
	IGNORED("dbussystem"),
	IGNORED("dbussystemconfdir"),
	IGNORED("dbussystemservices"),
	IGNORED("dbussystemservicesconfdir"),
	IGNORED_UNLESS("debug", "no"),
	IGNORED("depmodconfdir"),
	IGNORED("depmodd"),
	IGNORED("dracut_systemd_enable"),
	IGNORED("environment"),
	IGNORED("environmentconfdir"),
	IGNORED("force"),
	IGNORED("fstab_lines"),
	IGNORED_UNLESS("keep", "no"),
	IGNORED("kbddir"),
	IGNORED("modulesload"),
	IGNORED("modulesloadconfdir"),
	IGNORED("realinitpath"),
	IGNORED("sysctlconfdir"),
	IGNORED("sysctld"),
	IGNORED("systemdcatalog"),
	IGNORED("systemdnetwork"),
	IGNORED("systemdnetworkconfdir"),
	IGNORED("systemdntpunits"),
	IGNORED("systemdntpunitsconfdir"),
	IGNORED("systemdportable"),
	IGNORED("systemdportableconfdir"),
	IGNORED("systemdprefix"),
	IGNORED("systemdsystemconfdir"),
	IGNORED("systemdsystemunitdir"),
	IGNORED("systemduser"),
	IGNORED("systemduserconfdir"),
	IGNORED("systemdutilconfdir"),
	IGNORED("systemdutildir"),
	IGNORED("systemdversion"),
	IGNORED("sysusers"),
	IGNORED("sysusersconfdir"),
	IGNORED("tmpfilesdir"),
	IGNORED("udevconfdir"),
	IGNORED("udevdir"),
	IGNORED("udevrulesdir"),
};

static const struct key *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

enum config_effect config_effect(const char *key)
{
	const struct key *k = find(key);

	return k ? k->effect : CONFIG_UNKNOWN;
}

const char *config_nearest(const char *key)
{
	const char *known[ARRAY_SIZE(keys) + 1] = {NULL};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		known[i] = keys[i].name;
	return nearest_word(key, known);
}

/* The last assignment to KEY that asks for something else than what is done; or NULL. */
static const struct conf_assignment *find_wish(const struct conf *values, const struct key *key)
{
	const struct conf_assignment *a = NULL, *wish = NULL;

	while ((a = conf_next(values, key->name, a)))
		if (a->n_words && !(key->harmless && strcmp(a->text, key->harmless) == 0))
			wish = a;
	return wish;
}

void config_describe_unknown(const struct conf_assignment *a, struct buf *out)
{
	const char *near = config_nearest(a->key);

	buf_printf(out, "%s:%u: there is no key \"%s\"%s%s%s", a->file, a->line, a->key,
		   near ? "; is it meant to be \"" : "", near ? near : "", near ? "\"?" : "");
}

size_t config_ignored(const struct conf *values, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct conf_assignment *a =
			keys[i].effect == CONFIG_IGNORED ? find_wish(values, &keys[i]) : NULL;

		if (a)
			buf_printf(out, "%s%s (%s:%u)", n++ ? ", " : "", a->key, a->file, a->line);
	}
	return n;
}
