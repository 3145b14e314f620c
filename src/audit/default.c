/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "audit/kit.h"
#include "format/menu/bls.h"
#include "format/kernel/efivar.h"
#include "format/menu/grubenv.h"
#include "format/menu/keyline.h"
#include "host/boot/efi.h"

/* Finds the entry that each loader boots by default. */

enum { WANTED_MAX = 1024 };

/* The configured default: its name, and where it is set. */
struct wanted {
	const char *name;
	const char *where;
};

static void report_missing(struct audit *a, const struct wanted *w, const char *remedy)
{
	audit_add(a, AUDIT_WARNING, "default-entry-missing", NULL,
		  arena_printf(a->arena,
			       "%s says that \"%s\" is booted by default, and the boot menu has no "
			       "such entry: its first one is booted",
			       w->where, w->name),
		  remedy);
}

static bool is_newer(const struct bootmenu_entry *x, const struct bootmenu_entry *y)
{
	if (x->version && y->version)
		return version_compare(x->version, y->version) > 0;
	return version_compare(x->id, y->id) > 0;
}

/* ---- GRUB ---- */

static bool is_of_grub(const struct audit *a, const struct bootmenu_entry *e)
{
	return e->loader == BOOTMENU_GRUB || (a->menu.grub_reads_bls && e->loader == BOOTMENU_BLS);
}

/* The name after the last ">", which separates a submenu from its entries. ">>" is a literal
 * ">". */
static const char *last_name(struct audit *a, const char *wanted)
{
	char *out = arena_strdup(a->arena, wanted), *to = out;

	for (const char *p = wanted; *p; p++) {
		if (*p == '>' && p[1] != '>') {
			to = out;
			continue;
		}
		if (*p == '>')
			p++;
		*to++ = *p;
	}
	*to = '\0';
	return out;
}

static bool is_named(const struct bootmenu_entry *e, const char *name)
{
	return (e->id && strcmp(e->id, name) == 0) || (e->title && strcmp(e->title, name) == 0);
}

static const struct bootmenu_entry *find_in_grub(struct audit *a, const char *wanted)
{
	bool is_number = !wanted[strspn(wanted, "0123456789>")];
	const char *name = last_name(a, wanted);

	for (size_t i = 0; i < a->menu.n; i++) {
		const struct bootmenu_entry *e = &a->menu.entries[i];

		if (!is_of_grub(a, e))
			continue;
		if (is_number ? e->number && strcmp(e->number, wanted) == 0 : is_named(e, name))
			return e;
	}
	return NULL;
}

/* Returns 1 if VARIABLE is set and not empty, with its value in OUT. */
static int from_environment(struct audit *a, const char *variable, struct wanted *out)
{
	const char *file = a->menu.file[BOOTMENU_GRUB], *slash = strrchr(file, '/');
	const char *path = arena_printf(a->arena, "%.*s/grubenv", (int)(slash - file), file);
	_cleanup_buf_ struct buf text = BUF_INIT;
	char value[WANTED_MAX];

	if (root_read(a->root, path, GRUBENV_SIZE_MAX, &text) < 0 ||
	    grubenv_get(buf_cstr(&text), text.len, variable, value, sizeof(value)) <= 0 || !*value)
		return 0;
	*out = (struct wanted){arena_strdup(a->arena, value),
			       arena_printf(a->arena, "%s in /%s", variable, path)};
	return 1;
}

/* The BLS entry with the highest version, which Fedora's GRUB boots by default. */
static const struct bootmenu_entry *newest_of_bls(const struct audit *a)
{
	const struct bootmenu_entry *found = NULL;

	for (size_t i = 0; i < a->menu.n; i++) {
		const struct bootmenu_entry *e = &a->menu.entries[i];

		if (e->loader == BOOTMENU_BLS && e->kernel && !e->is_ours &&
		    (!found || is_newer(e, found)))
			found = e;
	}
	return found;
}

static const struct bootmenu_entry *first_of_grub(struct audit *a)
{
	return a->menu.grub_reads_bls ? newest_of_bls(a) : find_in_grub(a, "0");
}

/* NULL if it cannot be determined. */
static const struct bootmenu_entry *default_of_grub(struct audit *a)
{
	const char *preferred = a->menu.preferred[BOOTMENU_GRUB];
	const struct bootmenu_entry *found;
	struct wanted w = {preferred,
			   arena_printf(a->arena, "default in /%s", a->menu.file[BOOTMENU_GRUB])};
	const char *name;

	if (preferred &&
	    (strcmp(preferred, "${saved_entry}") == 0 || strcmp(preferred, "$saved_entry") == 0) &&
	    !from_environment(a, "saved_entry", &w))
		w.name = NULL;
	if (!w.name || !*w.name || strcmp(w.name, "0") == 0)
		return first_of_grub(a);
	found = find_in_grub(a, w.name);
	name = last_name(a, w.name);
	/* A number also counts entries in conditions and in sourced files, so it may be valid. */
	if (found || strchr(w.name, '$') || !name[strspn(name, "0123456789")])
		return found;
	report_missing(a, &w,
		       "choose one: grub-set-default or grub2-set-default, or GRUB_DEFAULT in "
		       "/etc/default/grub");
	return first_of_grub(a);
}

/* The entry for the next boot only, which overrides the default. */
static const struct bootmenu_entry *next_of_grub(struct audit *a)
{
	struct wanted w;

	return a->menu.grub_keeps_next && from_environment(a, "next_entry", &w)
		       ? find_in_grub(a, w.name)
		       : NULL;
}

/* ---- systemd-boot ---- */

static bool read_variable(struct audit *a, const char *name, char *out, size_t size)
{
	return efi_text(a->root, arena_printf(a->arena, "%s" EFIVAR_LOADER, name), out, size) && *out;
}

/* The parent of the folder "loader". */
static const char *top_of_bls(struct audit *a)
{
	static const char tail[] = "loader/entries";
	const char *folder = a->menu.file[BOOTMENU_BLS];

	return str_ends(folder, tail)
		       ? arena_strndup(a->arena, folder, strlen(folder) - strlen(tail))
		       : NULL;
}

static bool from_loader_conf(struct audit *a, const char *top, struct wanted *out)
{
	const char *path = arena_printf(a->arena, "%sloader/loader.conf", top);
	const char *text = audit_read(a, path), *cursor = text;
	struct keyline line;
	bool found = false;

	while (text && keyline_next(&cursor, text + strlen(text), &line)) {
		if (!bls_line_is(&line, "default") || !line.value_len)
			continue;
		out->name = arena_strndup(a->arena, line.value, line.value_len);
		out->where = arena_printf(a->arena, "default in /%s", path);
		found = true;
	}
	return found;
}

static const char *lower(struct audit *a, const char *text)
{
	char *out = arena_strdup(a->arena, text);

	for (char *p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

/* If several entries match, the one that is first in the menu: the newest. */
static const struct bootmenu_entry *find_in_bls(struct audit *a, const char *pattern)
{
	const struct bootmenu_entry *found = NULL;

	pattern = lower(a, pattern);
	for (size_t i = 0; i < a->menu.n; i++) {
		const struct bootmenu_entry *e = &a->menu.entries[i];
		const char *id;

		if (e->loader != BOOTMENU_BLS || !e->id)
			continue;
		id = lower(a, e->id);
		if ((text_matches(pattern, id) ||
		     text_matches(pattern, arena_printf(a->arena, "%s.conf", id))) &&
		    (!found || is_newer(e, found)))
			found = e;
	}
	return found;
}

/* May PATTERN match an entry without a file: a UKI, another system, "the last one booted"? */
static bool may_be_elsewhere(struct audit *a, const char *top, const char *pattern)
{
	char **names;

	return strchr(pattern, '[') || *pattern == '@' || str_starts(pattern, "auto-") ||
	       str_ends(pattern, ".efi") ||
	       root_listdir(a->root, arena_printf(a->arena, "%sEFI/Linux", top), a->arena, &names) >
		       0;
}

static const struct bootmenu_entry *default_of_bls(struct audit *a)
{
	const char *top = top_of_bls(a);
	const struct bootmenu_entry *found;
	struct wanted w = {NULL, "the EFI variable LoaderEntryDefault"};
	char value[WANTED_MAX];

	if (!top)
		return NULL;
	if (read_variable(a, "LoaderEntryDefault", value, sizeof(value)))
		w.name = value;
	else if (!from_loader_conf(a, top, &w))
		return newest_of_bls(a);
	found = find_in_bls(a, w.name);
	if (found || may_be_elsewhere(a, top, w.name))
		return found;
	report_missing(a, &w, "correct it, or run bootctl set-default");
	return newest_of_bls(a);
}

/* ---- extlinux ---- */

static const struct bootmenu_entry *first_of_extlinux(const struct audit *a)
{
	for (size_t i = 0; i < a->menu.n; i++)
		if (a->menu.entries[i].loader == BOOTMENU_EXTLINUX)
			return &a->menu.entries[i];
	return NULL;
}

static const struct bootmenu_entry *default_of_extlinux(struct audit *a)
{
	struct wanted w = {
		a->menu.preferred[BOOTMENU_EXTLINUX],
		arena_printf(a->arena, "DEFAULT in /%s", a->menu.file[BOOTMENU_EXTLINUX])};

	/* A menu program (menu.c32), which has a default of its own. */
	if (w.name && str_ends(w.name, ".c32"))
		return NULL;
	for (size_t i = 0; w.name && i < a->menu.n; i++)
		if (a->menu.entries[i].loader == BOOTMENU_EXTLINUX &&
		    strcmp(a->menu.entries[i].id, w.name) == 0)
			return &a->menu.entries[i];
	if (w.name)
		report_missing(a, &w, "correct it: it must be the name of a LABEL");
	return first_of_extlinux(a);
}

/* ---- all ---- */

/* The newest complete kernel that is in the menu. */
static const struct audit_kernel *newest_in_menu(const struct audit *a)
{
	for (size_t i = 0; i < a->n_kernels; i++)
		if (a->kernels[i].image && a->kernels[i].modules_dir &&
		    bootmenu_find(&a->menu, a->kernels[i].version, NULL))
			return &a->kernels[i];
	return NULL;
}

static void report_older(struct audit *a, const struct bootmenu_entry *e)
{
	const struct audit_kernel *newest = newest_in_menu(a);

	if (!e->version || !newest || !audit_find(a, e->version) ||
	    version_compare(e->version, newest->version) >= 0)
		return;
	audit_add(a, AUDIT_NOTE, "default-entry-older", NULL,
		  arena_printf(a->arena,
			       "kernel %s is booted by default (\"%s\"), not the newest one, %s",
			       e->version, audit_title(e), newest->version),
		  NULL);
}

void audit_default(struct audit *a)
{
	const struct bootmenu *m = &a->menu;

	if (m->has[BOOTMENU_GRUB]) {
		enum bootmenu_loader loader = m->grub_reads_bls ? BOOTMENU_BLS : BOOTMENU_GRUB;

		a->preferred[loader] = default_of_grub(a);
		a->next = next_of_grub(a);
	}
	if (m->has[BOOTMENU_BLS] && !m->grub_reads_bls)
		a->preferred[BOOTMENU_BLS] = default_of_bls(a);
	if (m->has[BOOTMENU_EXTLINUX])
		a->preferred[BOOTMENU_EXTLINUX] = default_of_extlinux(a);
	for (size_t i = 0; i < BOOTMENU_LOADERS; i++)
		if (a->preferred[i])
			report_older(a, a->preferred[i]);
}
