/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "features/features.h"
#include "format/ours/bootconf.h"
#include "format/kernel/cmdline.h"
#include "format/kernel/efivar.h"

/*
 * The overlay filesystem, which a hostonly image needs only with rd.overlay among its kernel
 * parameters; and efivarfs, which PID 1 reads to find the disk of a root that nothing names. A
 * generic image has all filesystems anyway.
 */

static bool asks_for_overlay(char *words)
{
	char *param, *value;

	while (cmdline_next(&words, &param, &value))
		if (strcmp(param, "rd.overlay") == 0 && cmdline_switch(value))
			return true;
	return false;
}

static bool has_overlay(const struct build *b)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *key, *value;

	buf_add(&text, b->boot_conf.data, b->boot_conf.len);
	buf_cstr(&text);
	cursor = (char *)text.data;
	while (cursor && bootconf_next(&cursor, &key, &value))
		if (strcmp(key, "cmdline") == 0 && asks_for_overlay(value))
			return true;
	return false;
}

int overlay_build(struct build *b, struct err *err)
{
	int r = 0;

	/* rd.overlay may come from the boot loader, and the boot must fail without the overlay. */
	buf_printf(&b->boot_conf, "feature=overlay\n");
	if (!build_is_hostonly(b))
		return 0;
	if (has_overlay(b)) {
		r = modules_add_name(b->modules, "overlay", MODULES_REQUIRED,
				     "rd.overlay among the kernel parameters of the image", err);
		if (r == MODULES_ABSENT) {
			err_set(err, -ENOENT, "kernel %s has no overlay filesystem, which rd.overlay "
				"needs", b->kernel.version);
			return err_hint(err, "leave rd.overlay out, or build for another kernel");
		}
	}
	if (r >= 0 && !b->request->hardware_file &&
	    root_exists(b->root, EFIVAR_DIR "/" EFIVAR_LOADER_PARTITION))
		r = modules_add_name(b->modules, "efivarfs", 0,
				     "the boot loader stores there which disk it started from",
				     err);
	return r < 0 ? r : 0;
}
