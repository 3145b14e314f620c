/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/conf.h"
#include "host/config/import/import.h"

/*
 * booster: booster.yaml. Of YAML, its documentation uses "key: value" at the start of a line, and
 * indented lines that belong to the key before; the rest of the language is refused. Source:
 * booster's manual.
 */

#define FILE_PATH "etc/booster.yaml"

static const char *const no_network = "this version has no network";

/* A key whose value "true" is a module of dracut, or a loss. */
static const struct {
	const char *key, *module, *loss;
} switches[] = {
	{"append_all_modaliases", NULL, NULL},
	{"enable_lvm", "lvm", NULL},
	{"enable_mdraid", "mdraid", NULL},
	{"enable_plymouth", "plymouth", NULL},
	{"enable_virtual_console", "i18n", NULL},
	{"enable_zfs", "zfs", NULL},
	{"strip", NULL, NULL},
	{"vconsole", "i18n", NULL},
};

/* Words separated by commas or blanks; "-NAME" is to be left out. */
static void import_modules(struct import *im, struct import_place from, char *value, const char *key)
{
	char *word;

	while ((word = strsep(&value, ", \t"))) {
		if (*word == '-')
			import_set(im, from, "omit_drivers+", word + 1);
		else if (*word && strcmp(word, "*") != 0)
			import_set(im, from, key, word);
	}
}

static void import_files(struct import *im, struct import_place from, char *value)
{
	char *word;

	while ((word = strsep(&value, ", \t")))
		if (*word)
			import_set(im, from, "install_items+", word);
}

/* "180", "180s", "3m" */
static void import_timeout(struct import *im, struct import_place from, const char *value)
{
	size_t digits = strspn(value, "0123456789");
	const char *unit = value + digits;
	uint64_t n;

	if (parse_u64(arena_strndup(im->arena, value, digits), UINT32_MAX / 60, &n) &&
	    (!*unit || strcmp(unit, "s") == 0 || strcmp(unit, "m") == 0))
		import_set(im, from, "kernel_cmdline+",
			   arena_printf(im->arena, "rd.timeout=%llu",
					(unsigned long long)(*unit == 'm' ? n * 60 : n)));
	else
		import_note(im, from, "mount_timeout: %s: write it in seconds, as rd.timeout= in "
				      "kernel_cmdline", value);
}

static void import_switch(struct import *im, struct import_place from, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (strcmp(switches[i].key, key) != 0)
			continue;
		if (switches[i].module && strcmp(value, "true") == 0)
			import_set(im, from, "add_dracutmodules+", switches[i].module);
		return;
	}
	import_note(im, from, "%s is not known", key);
}

static void import_key(struct import *im, struct import_place from, const char *key, char *value)
{
	if (strcmp(key, "universal") == 0)
		import_set(im, from, "hostonly", strcmp(value, "true") == 0 ? "no" : "yes");
	else if (strcmp(key, "modules") == 0)
		import_modules(im, from, value, "add_drivers+");
	else if (strcmp(key, "modules_force_load") == 0)
		import_modules(im, from, value, "force_drivers+");
	else if (strcmp(key, "compression") == 0)
		import_set(im, from, "compress", strcmp(value, "none") == 0 ? "cat" : value);
	else if (strcmp(key, "extra_files") == 0)
		import_files(im, from, value);
	else if (strcmp(key, "mount_timeout") == 0)
		import_timeout(im, from, value);
	else if (strcmp(key, "network") == 0)
		import_note(im, from, "network: %s", no_network);
	else
		import_switch(im, from, key, value);
}

/* Cuts a comment, blanks at the end, and quotes around. */
static char *trim(char *value)
{
	char *hash = strstr(value, " #");
	size_t len;

	if (hash)
		*hash = '\0';
	value += strspn(value, " \t");
	len = strlen(value);
	while (len && isspace((unsigned char)value[len - 1]))
		value[--len] = '\0';
	if (len > 1 && (*value == '"' || *value == '\'') && value[len - 1] == *value) {
		value[len - 1] = '\0';
		value++;
	}
	return value;
}

static int import_line(struct import *im, char *line, unsigned number, struct err *err)
{
	struct import_place from = {"/" FILE_PATH, number};
	size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
	char *value = line + len;

	/* Indented: it belongs to a key that was noted. */
	if (!*trim(line) || *line == '#' || *line == ' ' || *line == '\t' || strcmp(line, "---") == 0)
		return 0;
	if (!len || *value != ':' || (value[1] && value[1] != ' ' && value[1] != '\t')) {
		err_set(err, -EBADMSG, "%s:%u: this is not \"key: value\"", from.file, from.line);
		return err_hint(err, "no other form of YAML is read");
	}
	*value++ = '\0';
	import_key(im, from, line, trim(value));
	return 0;
}

int import_booster(struct import *im, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = root_read(im->root, FILE_PATH, CONF_SIZE_MAX, &text);
	unsigned number = 0;
	char *cursor, *line;

	if (r < 0)
		return err_sys(err, r, "/" FILE_PATH);
	cursor = arena_strdup(im->arena, buf_cstr(&text));
	while (r == 0 && (line = strsep(&cursor, "\n")))
		r = import_line(im, line, ++number, err);
	return r;
}
