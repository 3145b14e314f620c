/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "audit/kit.h"
#include "audit/spec.h"
#include "format/kernel/cmdline.h"
#include "format/machine/crypttab.h"
#include "format/machine/fstab.h"
#include "format/machine/osrelease.h"

/* Do the devices that fstab, crypttab and kernel command lines name exist? They are looked up in
 * udev's /dev/disk/by-*; plain names and those of device mapper in /sys/class/block. */

enum { LINE_MAX_BYTES = 4096, TOLD_MAX = 256 };

static const char *const folders[] = {
	[AUDIT_SPEC_UUID] = "by-uuid",
	[AUDIT_SPEC_LABEL] = "by-label",
	[AUDIT_SPEC_PARTUUID] = "by-partuuid",
	[AUDIT_SPEC_PARTLABEL] = "by-partlabel",
};

struct devices {
	struct audit *a;
	char **names[AUDIT_SPEC_NAME]; /* names of the links, by kind; NULL if there is no folder */
	bool knows_names;	       /* udev has made links */
	bool knows_kernel;	       /* there is a /sys */
	const char **mapped;	       /* device mapper names, unescaped; ends with NULL */
	bool knows_mapped;	       /* the names of all device mapper devices could be read */
	bool is_asked;		       /* some device is named by one of udev's links */
	char told[TOLD_MAX][AUDIT_SPEC_MAX + 16];
	size_t n_told;
};

/* ---- is it there? ---- */

static bool has_link(const struct devices *d, const struct audit_spec *s)
{
	for (char **name = d->names[s->kind]; name && *name; name++)
		/* The UUID of a FAT is written in either case. */
		if (s->kind == AUDIT_SPEC_UUID || s->kind == AUDIT_SPEC_PARTUUID
			    ? strcasecmp(*name, s->value) == 0
			    : strcmp(*name, s->value) == 0)
			return true;
	return false;
}

static void read_links(struct devices *d)
{
	struct audit *a = d->a;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		int n = root_listdir(a->root, arena_printf(a->arena, "dev/disk/%s", folders[i]),
				     a->arena, &d->names[i]);

		if (n < 0)
			d->names[i] = NULL;
		for (int k = 0; k < n; k++)
			audit_spec_unescape(d->names[i][k]);
	}
	d->knows_names = d->names[AUDIT_SPEC_UUID];
}

static void read_kernel(struct devices *d)
{
	struct audit *a = d->a;
	char **kernel;
	int n = root_listdir(a->root, "sys/class/block", a->arena, &kernel);
	size_t found = 0;

	d->knows_kernel = d->knows_mapped = n > 0;
	d->mapped = arena_alloc(a->arena, ((size_t)(n > 0 ? n : 0) + 1) * sizeof(*d->mapped));
	for (int i = 0; i < n; i++) {
		char *name;

		if (!str_starts(kernel[i], "dm-"))
			continue;
		name = root_read_line(
			a->root, arena_printf(a->arena, "sys/class/block/%s/dm/name", kernel[i]),
			a->arena);
		if (name) {
			audit_spec_unescape(name);
			d->mapped[found++] = name;
		} else {
			d->knows_mapped = false;
		}
	}
}

static bool is_mapped(const struct devices *d, const char *name)
{
	for (const char **mapped = d->mapped; *mapped; mapped++)
		if (strcmp(*mapped, name) == 0)
			return true;
	return !d->knows_mapped;
}

static bool is_in_dev(const struct devices *d, const char *path)
{
	struct stat st;

	return root_lstat(d->a->root, arena_printf(d->a->arena, "dev/%s", path), &st) == 0;
}

static bool is_volume(const struct devices *d, const char *volume)
{
	char mapped[2 * AUDIT_SPEC_MAX], *kernel = arena_strdup(d->a->arena, volume);

	*strchr(kernel, '/') = '!';
	return !audit_spec_mapped(volume, mapped, sizeof(mapped)) || is_mapped(d, mapped) ||
	       root_exists(d->a->root, arena_printf(d->a->arena, "sys/class/block/%s", kernel)) ||
	       is_in_dev(d, volume);
}

/* udev's link may have the host's name in front of the array's. */
static bool is_array(const struct devices *d, const char *name)
{
	static const char start[] = "md-name-";
	struct audit *a = d->a;
	char **ids;
	int n = root_listdir(a->root, "dev/disk/by-id", a->arena, &ids);

	for (int i = 0; i < n; i++) {
		const char *id = ids[i] + strlen(start), *colon;

		if (!str_starts(ids[i], start))
			continue;
		audit_spec_unescape(ids[i]);
		colon = strchr(id, ':');
		if (strcmp(id, name) == 0 || (colon && strcmp(colon + 1, name) == 0))
			return true;
	}
	return is_in_dev(d, arena_printf(a->arena, "md/%s", name)) || !d->knows_names;
}

static bool is_link(const struct devices *d, const char *link)
{
	struct audit *a = d->a;
	const char *name = strchr(link, '/') + 1;
	char **names;
	int n = root_listdir(a->root,
			     arena_printf(a->arena, "dev/disk/%.*s", (int)(name - 1 - link), link),
			     a->arena, &names);

	for (int i = 0; i < n; i++) {
		audit_spec_unescape(names[i]);
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return !d->knows_names;
}

/* Is the device there? True as well if it cannot be determined. */
static bool is_there(struct devices *d, const struct audit_spec *s)
{
	struct audit *a = d->a;

	if (a->q->request->hardware_file)
		return true;
	if (s->kind == AUDIT_SPEC_NAME)
		/* /dev also has links, such as cdrom. */
		return !d->knows_kernel ||
		       root_exists(a->root,
				   arena_printf(a->arena, "sys/class/block/%s", s->value)) ||
		       root_exists(a->root, arena_printf(a->arena, "dev/%s", s->value));
	if (s->kind == AUDIT_SPEC_MAPPED)
		return is_mapped(d, s->value) ||
		       is_in_dev(d, arena_printf(a->arena, "mapper/%s", s->value));
	if (s->kind == AUDIT_SPEC_VOLUME)
		return is_volume(d, s->value);
	d->is_asked = true;
	if (s->kind == AUDIT_SPEC_ARRAY)
		return is_array(d, s->value);
	if (s->kind == AUDIT_SPEC_LINK)
		return is_link(d, s->value);
	return !d->knows_names || has_link(d, s);
}

/* ---- telling, each device once ---- */

static bool is_reported(struct devices *d, const char *id, const char *spec)
{
	char key[sizeof(d->told[0])];

	snprintf(key, sizeof(key), "%s %s", id, spec);
	for (size_t i = 0; i < d->n_told; i++)
		if (strcmp(d->told[i], key) == 0)
			return true;
	if (d->n_told == TOLD_MAX)
		return true;
	memcpy(d->told[d->n_told++], key, sizeof(key));
	return false;
}

/* A hostonly image has the array's number with its UUID. */
static void check_number(struct devices *d, const struct audit_spec *s, const char *text, const char *use,
			 const char *where)
{
	size_t len = strspn(str_starts(s->value, "md") ? s->value + 2 : "", "0123456789");
	struct audit *a = d->a;
	const char *kernel = arena_strndup(a->arena, s->value, 2 + len), *name;

	if (s->kind != AUDIT_SPEC_NAME || !len || a->q->request->mode != MODE_GENERIC)
		return;
	name = audit_array_name(a, kernel);
	if (!name || strcmp(name, kernel + 2) == 0 || is_reported(d, "array-number", text))
		return;
	audit_add(a, AUDIT_WARNING, "array-number", NULL,
		  arena_printf(a->arena,
			       "%s names %s%s, but the name of this MD array is %s: a generic image does not "
			       "know its number", where, use, text, name),
		  arena_printf(a->arena, "name the filesystem on it by its UUID, or the array /dev/md/%s", name));
}

/* USE is how WHERE names the device: "root=", "resume=", "fstab", ... */
static void check(struct devices *d, const char *text, const char *use, const char *where)
{
	bool is_root = strcmp(use, "root=") == 0;
	const char *id = is_root ? "root-device-missing" : "device-missing";
	struct audit *a = d->a;
	struct audit_spec s;

	if (!audit_spec_decode(text, &s))
		return;
	if (str_ends(use, "=") && !a->q->request->hardware_file)
		check_number(d, &s, text, use, where);
	if (is_there(d, &s) || is_reported(d, id, text))
		return;
	audit_add(a, is_root ? AUDIT_ERROR : AUDIT_WARNING, id, NULL,
		  arena_printf(a->arena, "%s names %s%s, and there is no such device", where,
			       is_root || strcmp(use, "resume=") == 0 ? use : "", text),
		  arena_printf(a->arena,
			       "correct it (blkid lists what there is), or attach the device%s",
			       is_root ? "" : "; in a table, nofail says that it may be missing"));
}

/* ---- where they stand ---- */

static void check_line(struct audit *a, const char *line, const char *where, void *arg)
{
	char *cursor = arena_strdup(a->arena, line), *param, *value;

	while (cmdline_next(&cursor, &param, &value)) {
		if (!value || strchr(value, '$') || strchr(value, '`'))
			continue;
		if (strcmp(param, "root") == 0)
			check(arg, value, "root=", where);
		else if (strcmp(param, "resume") == 0)
			check(arg, value, "resume=", where);
	}
}

static void
each_of_grub(struct audit *a,
	     void (*fn)(struct audit *a, const char *line, const char *where, void *arg), void *arg)
{
	static const char *const keys[] = {"GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"};
	char *text = audit_read(a, "etc/default/grub"), line[LINE_MAX_BYTES];

	for (size_t i = 0; text && i < ARRAY_SIZE(keys); i++)
		if (osrelease_get(text, strlen(text), keys[i], line, sizeof(line)))
			fn(a, line, arena_printf(a->arena, "%s in /etc/default/grub", keys[i]),
			   arg);
}

static void read_line(struct audit *a, const char *path,
		      void (*fn)(struct audit *a, const char *line, const char *where, void *arg),
		      void *arg)
{
	char *text = audit_read(a, path);

	for (char *p = text; p && *p; p++)
		if (*p == '\n')
			*p = ' ';
	if (text)
		fn(a, text, arena_printf(a->arena, "/%s", path), arg);
}

void audit_next_cmdlines(struct audit *a,
			 void (*fn)(struct audit *a, const char *line, const char *where, void *arg),
			 void *arg)
{
	each_of_grub(a, fn, arg);
	read_line(a, "etc/kernel/cmdline", fn, arg);
}

void audit_cmdlines(struct audit *a,
		    void (*fn)(struct audit *a, const char *line, const char *where, void *arg),
		    void *arg)
{
	for (size_t i = 0; a->has_menu && i < a->menu.n; i++) {
		const struct bootmenu_entry *e = &a->menu.entries[i];

		if (e->kernel && e->options)
			fn(a, e->options, audit_entry_place(a, e), arg);
	}
	audit_next_cmdlines(a, fn, arg);
	read_line(a, "proc/cmdline", fn, arg);
}

const char *audit_entry_place(struct audit *a, const struct bootmenu_entry *e)
{
	return arena_printf(a->arena, "the entry \"%s\" of the boot menu (/%s)", audit_title(e),
			    e->file);
}

/* Reports a line that mount(8) skips; some versions of systemd do not. */
static void check_fstab_line(struct audit *a, const struct fstab_entry *e)
{
	static const char *const needed[] = {"/", "/usr", "/boot", "/boot/efi", "/efi"};
	enum audit_severity severity = AUDIT_WARNING;

	if (!e->flaw)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (fstab_is_at(e, needed[i]))
			severity = AUDIT_ERROR;
	audit_add(a, severity, "fstab-line-malformed", NULL,
		  arena_printf(a->arena, "%s/etc/fstab, line %u%s%s: %s, and mount(8) skips it",
			       root_prefix(a->root), e->line, *e->target ? ", for " : "",
			       e->target, e->flaw),
		  "correct the line as fstab(5) says; a comment needs a line of its own");
}

static void check_fstab(struct devices *d)
{
	struct fstab f = {.cursor = audit_read(d->a, "etc/fstab")};
	struct fstab_entry e;

	while (fstab_next(&f, &e)) {
		check_fstab_line(d->a, &e);
		if (fstab_is_at(&e, "/usr") ||
		    (!fstab_has(e.options, "nofail") && !fstab_has(e.options, "noauto")))
			check(d, e.source, "fstab", "/etc/fstab");
	}
}

static void check_crypttab(struct devices *d)
{
	struct crypttab table = {.cursor = audit_read(d->a, "etc/crypttab")};
	struct crypttab_entry e;
	const char *why;
	int r;

	while ((r = crypttab_next(&table, &e, &why)))
		if (r > 0 && !fstab_has(e.options, "nofail") && !fstab_has(e.options, "noauto"))
			check(d, e.device, "crypttab", "/etc/crypttab");
}

void audit_devices(struct audit *a)
{
	struct devices *d = arena_alloc(a->arena, sizeof(*d));

	d->a = a;
	read_links(d);
	read_kernel(d);
	audit_cmdlines(a, check_line, d);
	check_fstab(d);
	check_crypttab(d);
	if (d->is_asked && !d->knows_names)
		audit_add(a, AUDIT_NOTE, "device-names-unknown", NULL,
			  arena_printf(a->arena,
				       "%s/dev/disk is not there: whether the devices of "
				       "fstab, crypttab and kernel parameters exist was not "
				       "checked",
				       root_prefix(a->root)),
			  NULL);
}
