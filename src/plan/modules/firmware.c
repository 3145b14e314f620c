/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/kernel/kconfig.h"
#include "plan/modules/kit.h"

/*
 * Firmware: the "firmware=" names of each module and built-in driver, looked up where the kernel
 * looks: /lib/firmware/updates/VERSION, updates, VERSION and /lib/firmware itself; plain, .zst,
 * .xz. Links are kept. What is found in a further folder (fw_dir) goes to /lib/firmware.
 *
 * A driver names the firmware of every device that it ever served, and of some that never
 * shipped; only the driver knows which of them it needs. So it is an error if a driver on the way
 * to root has none of its firmware installed, but only a warning if that driver serves the device
 * right now. Everything else is counted.
 */

static const char *const suffixes[] = {"", ".zst", ".xz"};

struct finder {
	struct modules *m;
	struct plan *plan;
	const char *config;
	size_t config_len;
	const char **dirs; /* the first of them are further ones */
	size_t n_dirs, n_further;
	struct strset folders; /* struct strset of the names in each that was looked at */
	size_t missing;
};

/* Before 5.19 there was a single option, which meant xz. */
static bool kernel_unpacks(const struct finder *f, enum codec codec)
{
	static const char one[] = "CONFIG_FW_LOADER_COMPRESS", later[] = "CONFIG_FW_LOADER_COMPRESS_";
	const char *option = codec_info(codec)->fw;

	if (option && kconfig_get(f->config, f->config_len, option) == KCONFIG_YES)
		return true;
	return codec == CODEC_XZ && kconfig_get(f->config, f->config_len, one) == KCONFIG_YES &&
	       !memmem(f->config, f->config_len, later, sizeof(later) - 1);
}

static const char *merged(struct arena *a, const char *path)
{
	return str_starts(path, "lib/") ? arena_printf(a, "usr/%s", path) : path;
}

/* The relative target of a link at FROM to TO: up to the top, and down again. */
static const char *link_between(struct arena *a, const char *from, const char *to)
{
	const char *up = "";

	for (const char *p = strchr(merged(a, from), '/'); p; p = strchr(p + 1, '/'))
		up = arena_printf(a, "../%s", up);
	return arena_printf(a, "%s%s", up, merged(a, to));
}

/* How the file at PATH is packed: as it is if the kernel can decompress it, or if nothing is to be
 * compressed; compressed alone if the kernel can read that; else uncompressed, in the base
 * segment. */
static struct plan_entry form_of(struct finder *f, const char *path, const char *reason)
{
	enum codec codec = codec_by_suffix(path);
	struct plan_entry e = {.type = PLAN_FILE, .mode = 0644, .path = path, .reason = reason};

	if (codec != CODEC_NONE && kernel_unpacks(f, codec)) {
		e.storage = PLAN_STORE;
	} else if (codec != CODEC_NONE) {
		e.unpack = codec;
		e.path = arena_strndup(f->m->arena, path,
				       strlen(path) - strlen(codec_info(codec)->suffix));
	} else if (!f->m->level) {
		e.storage = PLAN_STORE;
	} else if (kernel_unpacks(f, CODEC_ZSTD)) {
		e.storage = PLAN_STORE;
		e.compress = true;
		e.path = arena_printf(f->m->arena, "%s%s", path, codec_info(CODEC_ZSTD)->suffix);
	}
	return e;
}

static const char *suffix_of(const char *path)
{
	const char *suffix = codec_info(codec_by_suffix(path))->suffix;

	return suffix ? suffix : "";
}

/* "adapter/a.bin" of PATH in one of the kernel's folders, without its suffix; NULL: it is in none. */
static const char *bare_name(struct arena *a, const char *path)
{
	static const char folder[] = "lib/firmware/";
	const char *below = str_starts(path, "usr/") ? path + strlen("usr/") : path;

	if (!str_starts(below, folder))
		return NULL;
	below += sizeof(folder) - 1;
	return arena_strndup(a, below, strlen(below) - strlen(suffix_of(below)));
}

/* The file NAME of a further folder, with any suffix; NULL: none has it. */
static const char *find_further(const struct finder *f, const char *name)
{
	for (size_t d = 0; name && d < f->n_further; d++)
		for (size_t s = 0; s < ARRAY_SIZE(suffixes); s++) {
			const char *path = arena_printf(f->m->arena, "%s/%s%s", f->dirs[d], name,
							suffixes[s]);

			if (root_exists(f->m->root, path))
				return path;
		}
	return NULL;
}

/* The file PATH of a further folder, as NAME, by which the kernel will ask for it. */
static int add_as(struct finder *f, const char *name, const char *path, const char *reason,
		  struct err *err)
{
	struct arena *a = f->m->arena;
	struct plan_entry e = form_of(f, arena_printf(a, "lib/firmware/%s", name), reason);

	e.source = root_resolve(f->m->root, path, a);
	return e.source ? plan_add(f->plan, &e, err)
			: err_set(err, -ENOENT, "firmware /%s is a dangling link", path);
}

/* The link PATH leads to a file whose name INSTEAD has in a further folder, which comes first. */
static int add_instead(struct finder *f, const char *path, const char *instead, const char *reason,
		       struct err *err)
{
	struct arena *a = f->m->arena;
	const char *name = bare_name(a, path);

	return add_as(f, arena_printf(a, "%s%s", name, suffix_of(instead)), instead, reason, err);
}

/* Adds PATH and, if it is a link, the link's target. */
static int add_path(struct finder *f, const char *path, const char *reason, struct err *err)
{
	struct arena *a = f->m->arena;
	struct plan_entry e = form_of(f, path, reason);
	const char *end, *instead;

	/* A chain of links is packed as one link to the final file. */
	end = root_resolve(f->m->root, path, a);
	if (!end)
		return err_set(err, -ENOENT, "firmware /%s is a dangling link", path);
	instead = root_readlink(f->m->root, path, a) ? find_further(f, bare_name(a, end)) : NULL;
	if (instead)
		return add_instead(f, path, instead, reason, err);
	if (e.unpack == CODEC_NONE && root_readlink(f->m->root, path, a)) {
		struct plan_entry target = form_of(f, end, reason);
		int r = plan_add_link(f->plan, e.path, link_between(a, e.path, target.path), reason,
				      err);

		if (r < 0)
			return r;
		path = end;
		e = target;
	}
	e.source = path;
	return plan_add(f->plan, &e, err);
}

static int add_found(struct finder *f, size_t d, const char *path, const char *reason, struct err *err)
{
	return d < f->n_further ? add_as(f, path + strlen(f->dirs[d]) + 1, path, reason, err)
				: add_path(f, path, reason, err);
}

static const struct strset unreadable; /* names of a folder that can be entered, but not listed */

static const struct strset *names_in(struct finder *f, const char *folder);

/* Is PATH, below lib/firmware, listed by its folder? */
static bool is_listed(struct finder *f, const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct strset *names =
		names_in(f, arena_strndup(f->m->arena, path, (size_t)(slash - path)));

	return names == &unreadable || (names && strset_has(names, slash + 1));
}

/* What is listed once answers for all the names that drivers ask for; NULL: there is no such
 * folder. */
static const struct strset *names_in(struct finder *f, const char *folder)
{
	void **slot = strset_find(&f->folders, folder);
	struct strset *names = NULL;
	char **list;
	int n = -1;

	if (slot)
		return *slot;
	if (strcmp(folder, "lib/firmware") == 0 || is_listed(f, folder))
		n = root_listdir(f->m->root, folder, f->m->arena, &list);
	if (n == -EACCES) {
		names = (struct strset *)&unreadable;
	} else if (n >= 0) {
		names = arena_alloc(f->m->arena, sizeof(*names));
		*names = (struct strset)STRSET_INIT;
	}
	for (int i = 0; i < n; i++)
		strset_add(names, list[i], NULL);
	strset_add(&f->folders, folder, names);
	return names;
}

static void forget_folders(struct finder *f)
{
	void **list = xrealloc(NULL, f->folders.count + 1, sizeof(*list));
	size_t n = strset_values(&f->folders, list);

	for (size_t i = 0; i < n; i++)
		if (list[i] && list[i] != &unreadable)
			strset_clear(list[i]);
	free(list);
	strset_clear(&f->folders);
}

/* The names that PATTERN matches and an earlier folder does not have. */
static int add_glob(struct finder *f, size_t d, const char *pattern, struct strset *seen,
		    const char *reason, struct err *err)
{
	struct arena *a = f->m->arena;
	const char *whole = arena_printf(a, "%s/%s", f->dirs[d], pattern);
	const char *slash = strrchr(whole, '/');
	const char *folder = arena_strndup(a, whole, (size_t)(slash - whole));
	char **names;
	int n = root_listdir(f->m->root, folder, a, &names), found = 0;

	for (int i = 0; i < n; i++) {
		enum codec codec = codec_by_suffix(names[i]);
		size_t len = strlen(names[i]);
		struct stat st;
		const char *bare, *path = arena_printf(a, "%s/%s", folder, names[i]);
		int r;

		if (codec != CODEC_NONE)
			len -= strlen(codec_info(codec)->suffix);
		bare = arena_strndup(a, names[i], len);
		if (fnmatch(slash + 1, bare, 0) != 0 || strset_has(seen, bare) ||
		    root_stat(f->m->root, path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		strset_add(seen, bare, NULL);
		r = add_found(f, d, path, reason, err);
		if (r < 0)
			return r;
		found++;
	}
	return found;
}

static int add_globs(struct finder *f, const char *pattern, const char *reason, struct err *err)
{
	_cleanup_strset_ struct strset seen = STRSET_INIT;
	int found = 0;

	for (size_t d = 0; d < f->n_dirs; d++) {
		int r = add_glob(f, d, pattern, &seen, reason, err);

		if (r < 0)
			return r;
		found += r;
	}
	return found > 0;
}

/* 1: found and added, 0: not found, -errno. */
static int add_name(struct finder *f, const char *name, const char *reason, struct err *err)
{
	struct arena *a = f->m->arena;

	if (strlen(name) >= PATH_MAX)
		return 0;
	if (strpbrk(name, "*?["))
		return add_globs(f, name, reason, err);
	for (size_t d = 0; d < f->n_dirs; d++) {
		for (size_t s = 0; s < ARRAY_SIZE(suffixes); s++) {
			const char *path =
				arena_printf(a, "%s/%s%s", f->dirs[d], name, suffixes[s]);
			int r;

			if ((d >= f->n_further && !is_listed(f, path)) ||
			    !root_exists(f->m->root, path))
				continue;
			r = add_found(f, d, path, reason, err);
			return r < 0 ? r : 1;
		}
	}
	return 0;
}

/* A driver on the way to root has none of its firmware installed. */
static int none_found(struct finder *f, const char *module, unsigned flags, const char *names,
		      struct err *err)
{
	if (flags & MODULES_IN_USE) {
		plan_warn(f->plan,
			  "module %s, which drives a device on the way to /, asks for firmware %s, "
			  "which is not installed; right now it works without",
			  module, names);
		return 0;
	}
	err_set(err, -ENOENT,
		"module %s is on the way to / and asks for firmware %s, which is not installed "
		"below %s/lib/firmware",
		module, names, root_prefix(f->m->root));
	return err_hint(err, "install the package that has this firmware");
}

static int add_wanted(struct finder *f, const char *module, unsigned flags, const char *names,
		      size_t len, struct err *err)
{
	const char *reason = arena_printf(f->m->arena, "firmware of module %s", module);
	size_t missing = 0, found = 0;
	const char *first = NULL;

	for (size_t at = 0; at < len; at += strlen(names + at) + 1) {
		const char *name = names + at;
		int r;

		if (!path_is_clean(name))
			continue;
		r = add_name(f, name, reason, err);
		if (r < 0)
			return r;
		found += (size_t)r;
		missing += !r;
		if (!r && !first)
			first = name;
	}
	if (flags & MODULES_REQUIRED && missing && !found)
		return none_found(f, module, flags,
				  missing == 1 ? first
					       : arena_printf(f->m->arena, "%s and %zu more", first,
							      missing - 1),
				  err);
	f->missing += missing;
	return 0;
}

/* MODINFO is modules.builtin.modinfo: NUL-terminated "NAME.KEY=VALUE" strings. */
static int add_builtin(struct finder *f, const struct builtin *b, const struct buf *modinfo,
		       struct err *err)
{
	const char *key = arena_printf(f->m->arena, "%s.firmware=", b->name);
	const char *pair = (const char *)modinfo->data, *end = pair + modinfo->len;
	_cleanup_buf_ struct buf names = BUF_INIT;

	for (; pair < end; pair += strlen(pair) + 1)
		if (str_starts(pair, key))
			buf_add(&names, pair + strlen(key), strlen(pair + strlen(key)) + 1);
	return add_wanted(f, b->name, b->flags, (const char *)names.data, names.len, err);
}

static int add_builtins(struct finder *f, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct builtin **list;
	size_t n = modules_builtins(f->m, &list);
	int r = modules_read_builtin_modinfo(f->m, &text, err);

	for (size_t i = 0; i < n && r == 0; i++)
		r = add_builtin(f, list[i], &text, err);
	return r;
}

void modules_search_firmware(struct modules *m, const char *const *folders, size_t n)
{
	m->firmware = folders;
	m->n_firmware = n;
}

/* Is the further folder DIR, or "usr/" and DIR, one where the kernel looks itself? It is searched
 * in any case. */
static bool is_own(const char *const *own, size_t n, const char *dir)
{
	const char *path = str_starts(dir, "usr/") ? dir + strlen("usr/") : dir;

	for (size_t i = 0; i < n; i++)
		if (strcmp(path, own[i]) == 0)
			return true;
	return false;
}

size_t modules_firmware_folders(const struct modules *m, const char ***out)
{
	const char *const own[MODULES_FIRMWARE_OWN] = {
		arena_printf(m->arena, "lib/firmware/updates/%s", m->kernel->version),
		"lib/firmware/updates",
		arena_printf(m->arena, "lib/firmware/%s", m->kernel->version),
		"lib/firmware",
	};

	const char **list = arena_alloc(m->arena, (m->n_firmware + ARRAY_SIZE(own)) * sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < m->n_firmware; i++) {
		const char *dir = m->firmware[i] + strspn(m->firmware[i], "/");

		if (!is_own(own, ARRAY_SIZE(own), dir))
			list[n++] = dir;
	}
	memcpy(list + n, own, sizeof(own));
	*out = list;
	return n + ARRAY_SIZE(own);
}

/* Leaves further folders out that are not there. */
static void set_dirs(struct finder *f)
{
	size_t n = modules_firmware_folders(f->m, &f->dirs);

	for (size_t i = 0; i < n; i++) {
		bool is_further = i < n - MODULES_FIRMWARE_OWN;

		f->dirs[f->n_dirs] = f->dirs[i];
		if (is_further && !root_exists(f->m->root, f->dirs[i])) {
			plan_remark(f->plan, "there is no folder /%s to search for firmware (fw_dir)",
				    f->dirs[i]);
			continue;
		}
		f->n_dirs++;
		f->n_further += is_further;
	}
}

int firmware_add(struct modules *m, struct plan *plan, const char *config, size_t config_len,
		 struct err *err)
{
	struct finder f = {.m = m,
			   .plan = plan,
			   .config = config,
			   .config_len = config_len};
	int r = 0;

	set_dirs(&f);
	for (size_t i = 0; i < m->count && r == 0; i++) {
		const struct facts *facts = facts_of(m->facts, module_file(m, m->list[i]));

		r = add_wanted(&f, m->list[i]->name, m->list[i]->flags, facts->firmware,
			       facts->firmware_len, err);
	}
	if (r == 0)
		r = add_builtins(&f, err);
	forget_folders(&f);
	if (f.missing)
		plan_warn(plan, "%zu firmware file%s that modules name %s not installed", f.missing,
			  f.missing == 1 ? "" : "s", f.missing == 1 ? "is" : "are");
	return r;
}
