/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /dev/mapper holds devices of LUKS, of LVM and of others. An image reaches what a name refers to only if
 * it opens a volume of that name: one that it lists itself, or one that kernel parameters name.
 */

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/crypt/kit.h"
#include "features/items.h"
#include "format/kernel/cmdline.h"
#include "format/machine/fstab.h"

#define MAPPER "mapper/"
#define NAMELESS "luks-" /* in front of the UUID: a volume that nothing gives a name */

enum { FSTAB_SIZE_MAX = 1024 * 1024 };

bool crypt_reaches(const struct spec *spec)
{
	return spec->kind == SPEC_ALIAS && str_starts(spec->value, MAPPER);
}

/* ---- kernel parameters ---- */

static bool is_one_of(const char *param, const char *const names[3])
{
	for (int i = 0; i < 3 && names[i]; i++)
		if (cmdline_name_is(param, names[i]))
			return true;
	return false;
}

/* VALUE is the beginning of a UUID, perhaps with "luks-" in front of it. */
static bool has_beginning(const char *value, const char *name)
{
	value += str_starts(value, NAMELESS) ? strlen(NAMELESS) : 0;
	return *value && str_starts(name, NAMELESS) &&
	       strncasecmp(name + strlen(NAMELESS), value, strlen(value)) == 0;
}

/* Do the kernel parameters of LINE have a volume opened that gets this name? */
static bool line_names(const char *line, const char *name, struct arena *a)
{
	static const char *const off[3] = {"rd.luks", "luks"}, *const names[3] = {"rd.luks.name", "luks.name"},
				 *const uuids[3] = {"rd.luks.uuid", "luks.uuid", "rd_LUKS_UUID"};
	char *cursor = arena_strdup(a, line), *param, *value;
	bool is_named = false, is_off = false;

	while (cmdline_next(&cursor, &param, &value)) {
		const char *own = value ? strchr(value, '=') : NULL;

		if (cmdline_name_is(param, "rd.auto"))
			is_named |= (!value || cmdline_switch(value)) && str_starts(name, NAMELESS);
		else if (!value)
			continue;
		else if (is_one_of(param, off))
			is_off = !cmdline_switch(value);
		else if (is_one_of(param, names))
			is_named |= own && strcmp(own + 1, name) == 0;
		else if (is_one_of(param, uuids))
			is_named |= has_beginning(value, name);
	}
	return is_named && !is_off;
}

/* ---- the machine ---- */

bool crypt_is_machine(const struct request *q)
{
	return !q->hardware_file && !(q->mode == MODE_GENERIC && q->elsewhere);
}

/* "initramfs" is Debian's. */
bool crypt_is_marked(const char *options)
{
	return fstab_has(options, "x-initrd.attach") || fstab_has(options, "initramfs");
}

bool crypt_is_in_fstab(const struct root *root, const char *name)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct fstab f = {0};
	struct fstab_entry e;
	struct spec spec;
	bool is = false;

	if (root_read(root, "/etc/fstab", FSTAB_SIZE_MAX, &text) < 0)
		return false;
	f.cursor = (char *)buf_cstr(&text);
	while (fstab_next(&f, &e)) {
		if (e.flaw || (!fstab_is_at(&e, "/") && !fstab_is_at(&e, "/usr")))
			continue;
		spec_parse(e.source, &spec);
		is = is || (crypt_reaches(&spec) && strcmp(spec.value + strlen(MAPPER), name) == 0);
	}
	return is;
}

/* Does an image of Q open the volume NAME because of crypttab? */
static bool table_has(const struct root *root, const struct request *q, const char *name)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct crypttab table = {0};
	struct crypttab_entry e;
	const char *why;
	bool has = false;
	int r;

	if (root_read(root, "/etc/crypttab", CRYPTTAB_SIZE_MAX, &text) < 0)
		return false;
	table.cursor = (char *)buf_cstr(&text);
	while ((r = crypttab_next(&table, &e, &why)))
		if (r > 0 && strcmp(e.name, name) == 0)
			has = has || (crypt_is_marked(e.options) && crypt_is_machine(q)) ||
			      crypt_is_in_fstab(root, name);
	return has;
}

bool crypt_finds_open(const struct root *root, const char *name, struct arena *a)
{
	char **devices;
	int n = root_listdir(root, "/sys/devices/virtual/block", a, &devices);

	for (int i = 0; i < n; i++) {
		const char *folder = arena_printf(a, "/sys/devices/virtual/block/%s/dm", devices[i]);
		const char *own, *uuid;

		if (!str_starts(devices[i], "dm-"))
			continue;
		own = root_read_line(root, arena_printf(a, "%s/name", folder), a);
		uuid = root_read_line(root, arena_printf(a, "%s/uuid", folder), a);
		if (own && uuid && str_starts(uuid, "CRYPT-LUKS") && (!name || strcmp(own, name) == 0))
			return true;
	}
	return false;
}

bool crypt_knows(const struct root *root, const struct request *q, const char *line, const struct spec *spec)
{
	_cleanup_arena_ struct arena a = ARENA_INIT;
	const char *name, *program;

	if (!crypt_reaches(spec) || !root || items_locate(root, "cryptsetup", &a, &program, NULL) <= 0)
		return false;
	name = spec->value + strlen(MAPPER);
	return (line && line_names(line, name, &a)) || table_has(root, q, name) ||
	       (crypt_is_machine(q) && crypt_finds_open(root, name, &a));
}

bool crypt_opens(struct build *b, const char *line, const struct spec *spec)
{
	const char *name = spec->value + strlen(MAPPER);

	if (!crypt_reaches(spec) || !b->crypt)
		return false;
	for (size_t i = 0; i < b->crypt->n; i++)
		if (strcmp(b->crypt->list[i].name, name) == 0) {
			b->crypt->list[i].way = "the way to /";
			b->crypt->list[i].is_optional = false;
			return true;
		}
	return line && line_names(line, name, &b->plan.arena);
}
