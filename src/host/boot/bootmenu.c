/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/bootmenu.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/menu/bls.h"
#include "format/menu/extlinux.h"
#include "format/menu/grubcfg.h"
#include "host/boot/kernels.h"
#include "host/boot/mountpoint.h"

enum {
	FILES_MAX = 64, /* of one menu */
	BLS_ENTRIES_MAX = 1024,
};

struct reader {
	const struct root *root;
	const char *boot;
	struct arena *arena;
	const char *machine; /* its id; NULL: not known */
	struct bootmenu out;
	size_t n_sourced;
};

static void note_problem(struct reader *r, const char *file, const struct err *err)
{
	if (!r->out.problem)
		r->out.problem =
			arena_printf(r->arena, "%s/%s: %s", root_prefix(r->root), file, err->text);
}

static const struct bootmenu_top *top_of(struct reader *r, const char *base, const char *file)
{
	struct bootmenu_top *top = arena_alloc(r->arena, sizeof(*top));
	struct mountpoint mount;

	*top = (struct bootmenu_top){
		.root = r->root, .base = base, .folder = arena_folder(r->arena, file)};
	if (mountpoint_of(r->root, base, r->arena, &mount) == 0) {
		top->target = mount.target;
		top->inside = mount.top;
	}
	return top;
}

/* Returns NULL, with ERR set, if the file cannot be read. */
static const char *read_text(struct reader *r, const char *file, size_t max, size_t *len,
			     struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int e = root_read(r->root, file, max, &text);

	if (e < 0) {
		err_sys(err, e, "cannot be read");
		return NULL;
	}
	*len = text.len;
	return arena_strndup(r->arena, buf_cstr(&text), text.len);
}

/* ---- entries ---- */

static const char *version_of(struct reader *r, const char *kernel)
{
	for (size_t i = 0; i < r->out.n; i++)
		if (r->out.entries[i].kernel && strcmp(r->out.entries[i].kernel, kernel) == 0)
			return r->out.entries[i].version;
	return kernel_version(r->root, kernel, r->arena);
}

bool bootmenu_is_own_id(const char *id)
{
	if (str_starts(id, BOOTMENU_BLS_LAST))
		id += strlen(BOOTMENU_BLS_LAST);
	return str_starts(id, BOOTMENU_TRIAL) || str_starts(id, BOOTMENU_PREVIOUS);
}

/* Several installed systems may share one folder of entries. */
static bool is_foreign(const struct reader *r, const struct bootmenu_entry *e)
{
	return e->machine && r->machine && strcmp(e->machine, r->machine) != 0;
}

/* The paths in ENTRY and INITRDS are as the menu writes them. */
static void add(struct reader *r, struct bootmenu_entry entry, const char *const *initrds, size_t n)
{
	entry.is_foreign = is_foreign(r, &entry);
	entry.is_ours = entry.id && bootmenu_is_own_id(entry.id) && !entry.is_foreign;
	entry.initrds = arena_alloc(r->arena, (n + 1) * sizeof(*entry.initrds));
	for (size_t i = 0; i < n; i++)
		entry.initrds[i] = bootmenu_place(entry.top, initrds[i], r->arena);
	if (entry.kernel) {
		entry.kernel = bootmenu_place(entry.top, entry.kernel, r->arena);
		entry.version = version_of(r, entry.kernel);
	}
	r->out.entries = arena_grow(r->arena, r->out.entries, r->out.n, sizeof(*r->out.entries));
	r->out.entries[r->out.n++] = entry;
}

/* ---- GRUB ---- */

static void add_grub(struct reader *r, const char *file, const struct bootmenu_top *top,
		     const struct grubcfg_entry *e, bool is_counted)
{
	const char **initrds = arena_alloc(r->arena, (e->n_initrds + 1) * sizeof(*initrds));
	struct bootmenu_entry entry = {
		.loader = BOOTMENU_GRUB,
		.top = top,
		.file = file,
		.line = e->line,
		.id = e->id,
		.title = e->title,
		.number = is_counted ? e->number : NULL,
		.kernel = e->kernel,
		.options = e->options,
		.is_plain = e->is_plain && !e->unknown,
	};

	for (size_t i = 0; i < e->n_initrds; i++)
		initrds[i] = e->initrds[i].text;
	add(r, entry, initrds, e->n_initrds);
}

static int read_grub(struct reader *r, const char *file, struct err *err);

/* A missing file is no error: GRUB's own menus guard these lines with "if [ -f ... ]". */
static void follow(struct reader *r, const struct bootmenu_top *top,
		   const struct grubcfg_source *source)
{
	const char *path = source->unknown ? NULL : bootmenu_place(top, source->path, r->arena);
	struct err err = {0};

	if (!path || !root_exists(r->root, path) || r->n_sourced == FILES_MAX ||
	    strcmp(path, r->out.file[BOOTMENU_GRUB]) == 0)
		return;
	for (size_t i = 0; i < r->n_sourced; i++)
		if (strcmp(path, r->out.sourced[i]) == 0)
			return;
	r->out.sourced =
		arena_grow(r->arena, r->out.sourced, r->n_sourced, sizeof(*r->out.sourced));
	r->out.sourced[r->n_sourced++] = path;
	if (read_grub(r, path, &err) < 0)
		note_problem(r, path, &err);
}

static int read_grub(struct reader *r, const char *file, struct err *err)
{
	const char *main_file = r->out.file[BOOTMENU_GRUB];
	const struct bootmenu_top *top = top_of(r, r->boot, main_file);
	const char *folder = arena_printf(r->arena, "/%s", top->folder);
	const struct grubcfg_variable known[] = {
		{"prefix", folder}, {"config_directory", folder}, {"root", NULL}, {0}};
	struct grubcfg menu;
	const char *text;
	bool is_main = strcmp(file, main_file) == 0;
	size_t len, source = 0;

	text = read_text(r, file, GRUBCFG_SIZE_MAX, &len, err);
	if (!text || grubcfg_decode(text, len, known, r->arena, &menu, err) < 0)
		return err->code;
	r->out.grub_reads_bls |= menu.has_blscfg;
	r->out.grub_keeps_next |= menu.keeps_next;
	if (menu.preferred)
		r->out.preferred[BOOTMENU_GRUB] = menu.preferred;
	for (size_t i = 0; i <= menu.n; i++) {
		for (; source < menu.n_sources && menu.sources[source].before == i; source++)
			follow(r, top, &menu.sources[source]);
		if (i < menu.n)
			add_grub(r, file, top, &menu.entries[i], is_main && r->out.n == i);
	}
	return 0;
}

/* EFI/DISTRIBUTION/grub.cfg on the EFI system partition. */
static const char *find_grub_efi(struct reader *r)
{
	static const char *const tops[] = {"boot/efi/EFI", "efi/EFI", "boot/EFI"};
	char **names;

	for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
		if (root_listdir(r->root, tops[i], r->arena, &names) < 0)
			continue;
		for (; *names; names++) {
			const char *path =
				arena_printf(r->arena, "%s/%s/grub.cfg", tops[i], *names);

			path = root_resolve(r->root, path, r->arena);
			if (path)
				return path;
		}
	}
	return NULL;
}

static const char *find_in_boot(struct reader *r, const char *const *names)
{
	for (; *names; names++) {
		const char *path = arena_printf(r->arena, "%s/%s", r->boot, *names);

		path = root_resolve(r->root, path, r->arena);
		if (path)
			return path;
	}
	return NULL;
}

static int read_grub_menu(struct reader *r, struct err *err)
{
	static const char *const names[] = {"grub/grub.cfg", "grub2/grub.cfg", NULL};
	const char *file = find_in_boot(r, names);

	if (!file)
		file = find_grub_efi(r);
	if (!file)
		return 0;
	r->out.has[BOOTMENU_GRUB] = true;
	r->out.file[BOOTMENU_GRUB] = file;
	return read_grub(r, file, err) < 0 ? err_prefix(err, "%s/%s", root_prefix(r->root), file)
					   : 0;
}

/* ---- the Boot Loader Specification ---- */

static void read_bls(struct reader *r, const struct bootmenu_top *top, const char *file,
		     const struct bls_name *name)
{
	struct err err = {0};
	struct bls_entry e;
	const char *text;
	size_t len, n = 0;

	text = read_text(r, file, BLS_SIZE_MAX, &len, &err);
	if (!text || bls_decode(text, len, r->arena, &e, &err) < 0) {
		note_problem(r, file, &err);
		return;
	}
	while (e.initrds[n])
		n++;
	add(r,
	    (struct bootmenu_entry){
		    .loader = BOOTMENU_BLS,
		    .top = top,
		    .file = file,
		    .id = arena_strdup(r->arena, name->id),
		    .title = e.title ? e.title : arena_strdup(r->arena, name->id),
		    .kernel = e.kernel,
		    .options = e.options,
		    .machine = e.machine_id,
		    .is_plain = true,
	    },
	    e.initrds, n);
}

static void read_bls_folder(struct reader *r, const char *base)
{
	const char *folder = arena_printf(r->arena, "%s/loader/entries", base);
	const struct bootmenu_top *top;
	char **names;
	int n;

	base = root_resolve(r->root, base, r->arena);
	folder = base ? root_resolve(r->root, folder, r->arena) : NULL;
	n = folder ? root_listdir(r->root, folder, r->arena, &names) : -1;
	if (n < 0 || (r->out.file[BOOTMENU_BLS] && strcmp(r->out.file[BOOTMENU_BLS], folder) == 0))
		return;
	top = top_of(r, base, arena_printf(r->arena, "%s/x", folder));
	for (int i = 0; i < n && i < BLS_ENTRIES_MAX; i++) {
		struct bls_name name;

		if (!bls_name_decode(names[i], &name))
			continue;
		r->out.has[BOOTMENU_BLS] = true;
		if (!r->out.file[BOOTMENU_BLS])
			r->out.file[BOOTMENU_BLS] = folder;
		read_bls(r, top, arena_printf(r->arena, "%s/%s", folder, names[i]), &name);
	}
}

/* ---- extlinux ---- */

static int read_extlinux(struct reader *r, const char *file, unsigned depth, struct err *err)
{
	const struct bootmenu_top *top = top_of(r, r->boot, file);
	struct extlinux menu;
	const char *text;
	size_t len;

	text = read_text(r, file, EXTLINUX_SIZE_MAX, &len, err);
	if (!text || extlinux_decode(text, len, r->arena, &menu, err) < 0)
		return err->code;
	if (menu.preferred)
		r->out.preferred[BOOTMENU_EXTLINUX] = menu.preferred;
	for (size_t i = 0; i < menu.n; i++) {
		const struct extlinux_label *l = &menu.labels[i];
		size_t n = 0;

		while (l->initrds[n])
			n++;
		add(r,
		    (struct bootmenu_entry){
			    .loader = BOOTMENU_EXTLINUX,
			    .top = top,
			    .file = file,
			    .line = l->line,
			    .id = l->name,
			    .title = l->title,
			    .kernel = l->kernel,
			    .options = l->options,
			    .is_plain = true,
		    },
		    l->initrds, n);
	}
	for (size_t i = 0; menu.includes[i] && i < FILES_MAX && depth < 2; i++) {
		const char *path = bootmenu_place(top, menu.includes[i], r->arena);
		struct err inner = {0};

		if (root_exists(r->root, path) && read_extlinux(r, path, depth + 1, &inner) < 0)
			note_problem(r, path, &inner);
	}
	return 0;
}

static int read_extlinux_menu(struct reader *r, struct err *err)
{
	static const char *const names[] = {"extlinux/extlinux.conf", "extlinux.conf", NULL};
	const char *file = find_in_boot(r, names);

	if (!file)
		return 0;
	r->out.has[BOOTMENU_EXTLINUX] = true;
	r->out.file[BOOTMENU_EXTLINUX] = file;
	return read_extlinux(r, file, 0, err) < 0
		       ? err_prefix(err, "%s/%s", root_prefix(r->root), file)
		       : 0;
}

int bootmenu_read(const struct root *r, const char *boot, struct arena *arena,
		  struct bootmenu *out, struct err *err)
{
	struct reader reader = {.root = r,
				.boot = boot,
				.arena = arena,
				.machine = root_read_line(r, "etc/machine-id", arena)};
	struct err own = {0};
	int e;

	if (!err)
		err = &own;
	e = read_grub_menu(&reader, err);
	if (e < 0)
		return e;
	read_bls_folder(&reader, boot);
	read_bls_folder(&reader, "efi");
	read_bls_folder(&reader, "boot/efi");
	e = read_extlinux_menu(&reader, err);
	if (e < 0)
		return e;
	reader.out.sourced = arena_grow(arena, reader.out.sourced, reader.n_sourced,
					sizeof(*reader.out.sourced));
	reader.out.sourced[reader.n_sourced] = NULL;
	*out = reader.out;
	return 0;
}

bool bootmenu_names(const struct bootmenu_entry *e, const char *path)
{
	for (const char **initrd = e->initrds; *initrd; initrd++)
		if (strcmp(*initrd, path) == 0)
			return true;
	return false;
}

const struct bootmenu_entry *bootmenu_find(const struct bootmenu *m, const char *version,
					   const char *path)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct bootmenu_entry *e = &m->entries[i];

		if (e->version && strcmp(e->version, version) == 0 &&
		    (!path || bootmenu_names(e, path)))
			return e;
	}
	return NULL;
}
