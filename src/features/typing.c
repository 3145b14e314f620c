/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "format/kernel/cmdline.h"
#include "format/machine/osrelease.h"
#include "format/ours/bootconf.h"

/* Whether somebody can type what a boot asks for, and whether the keys are where they seem to be. */

enum { KEYMAP_MAX = 64, KEYMAP_FILE_MAX = 64 * 1024 };

void build_warn_of_keymap(struct build *b, const char *what)
{
	static const struct {
		const char *path, *key;
	} files[] = {{"/etc/vconsole.conf", "KEYMAP"}, {"/etc/default/keyboard", "XKBLAYOUT"}};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		char keymap[KEYMAP_MAX] = "";

		if (root_read(b->root, files[i].path, KEYMAP_FILE_MAX, &text) < 0 ||
		    !osrelease_get(buf_cstr(&text), text.len, files[i].key, keymap, sizeof(keymap)) ||
		    !*keymap)
			continue;
		if (!str_starts(keymap, "us"))
			plan_warn(&b->plan,
				  "%s is asked with the kernel's own keymap, which is that "
				  "of US keyboards: this version loads no %s=%s (%s)",
				  what, files[i].key, keymap, files[i].path);
		return;
	}
}

/* Where no keyboard is known, as on a server without one, somebody may bring one for USB. */
bool build_has_keyboard(const struct build *b)
{
	bool is_known = false;

	for (size_t i = 0; i < b->plan.n_entries; i++) {
		const char *reason = b->plan.entries[i].reason;

		if (reason && str_starts(reason, "keyboard"))
			return true;
	}
	for (size_t i = 0; i < b->hardware.n_devices; i++) {
		const struct hw_device *d = &b->hardware.devices[i];

		if (strcmp(d->needed_for, "keyboard") != 0)
			continue;
		if (modules_describe(b->modules, d->modalias, d->module ? d->module : d->driver))
			return true;
		is_known = true;
	}
	return !is_known && modules_has(b->modules, "usbhid");
}

static bool is_screen(const char *console)
{
	return str_starts(console, "tty") && (!console[3] || (console[3] >= '0' && console[3] <= '9'));
}

/* A serial console among the parameters of the image itself. */
static bool names_line(struct build *b)
{
	char *cursor = arena_strdup(&b->plan.arena, buf_cstr(&b->boot_conf)), *key, *line, *param, *value;
	bool names = false;

	while (bootconf_next(&cursor, &key, &line))
		while (strcmp(key, "cmdline") == 0 && cmdline_next(&line, &param, &value))
			names = names || (strcmp(param, "console") == 0 && value && *value && !is_screen(value));
	return names;
}

enum build_line build_has_line(struct build *b)
{
	const char *text = b->request->hardware_file
				   ? NULL : root_read_line(b->root, "/sys/class/tty/console/active", &b->plan.arena);
	char *cursor = text ? arena_strdup(&b->plan.arena, text) : NULL, *word;

	if (names_line(b))
		return LINE_THERE;
	while ((word = strsep(&cursor, " ")))
		if (*word && !is_screen(word))
			return LINE_THERE;
	return text ? LINE_ABSENT : LINE_UNKNOWN;
}
