/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/parallel.h"
#include "base/text.h"
#include "format/decode_all.h"
#include "format/kconfig.h"
#include "format/modinfo.h"
#include "format/unpack.h"
#include "plan/modules_priv.h"

/*
 * Firmware: the "firmware=" names of each module, looked up where the kernel will look:
 * /lib/firmware/updates/VERSION, updates, VERSION and /lib/firmware itself; plain, .zst, .xz.
 * What the target kernel cannot decompress is stored plain. Links are kept.
 */

enum { MODULE_SIZE_MAX = 256 * 1024 * 1024 };

struct wanted {
	char *names; /* NUL-separated */
	size_t len;
	struct err err;
};

struct scan {
	struct modules *m;
	const char **files;
	struct wanted *wanted;
};

static int take_names(const void *data, size_t len, struct wanted *out, struct err *err)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	const char *section, *name;
	size_t section_len, offset = 0;
	int r = modinfo_find(data, len, &section, &section_len, err);

	if (r < 0)
		return r;
	while ((name = modinfo_next(section, section_len, "firmware", &offset)))
		buf_add(&names, name, strlen(name) + 1);
	out->len = names.len;
	out->names = (char *)TAKE_PTR(names.data);
	return buf_status(&names);
}

static int scan_packed(const void *data, size_t len, enum codec codec, struct wanted *out,
		       struct err *err)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;
	const struct decoder_ops *ops = decoder_find(codec);
	int r;

	if (codec_detect(data, len) != codec)
		return err_set(err, -EBADMSG, "is not %s data, as its name says",
			       codec_info(codec)->name);
	r = unpack(ops, data, len, MODULE_SIZE_MAX, &plain, NULL, err);
	return r < 0 ? r : take_names(plain.data, plain.len, out, err);
}

static int scan_one(size_t item, unsigned worker, void *arg)
{
	struct scan *s = arg;
	const char *file = s->files[item];
	struct wanted *out = &s->wanted[item];
	_cleanup_fd_ int fd = root_openat(s->m->root, file, O_RDONLY | O_NONBLOCK);
	enum codec codec = codec_by_suffix(file);
	struct stat st;
	void *data;
	int r;

	(void)worker;
	if (fd < 0)
		return err_sys(&out->err, fd, "module /%s", file);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(&out->err, -EBADMSG, "module /%s is not a file with content", file);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_sys(&out->err, -errno, "module /%s", file);
	if (codec == CODEC_NONE)
		r = take_names(data, (size_t)st.st_size, out, &out->err);
	else
		r = scan_packed(data, (size_t)st.st_size, codec, out, &out->err);
	munmap(data, (size_t)st.st_size);
	if (r < 0) {
		err_prefix(&out->err, "module /%s", file);
		err_hint(&out->err, "reinstall the kernel's modules");
	}
	return r;
}

/* ---- finding and adding ---- */

struct finder {
	struct modules *m;
	struct plan *plan;
	const char *config;
	size_t config_len;
	const char *dirs[4];
	size_t missing;
};

static bool kernel_unpacks(const struct finder *f, enum codec codec)
{
	const char *option = codec_info(codec)->fw;

	return option && kconfig_get(f->config, f->config_len, option) == KCONFIG_YES;
}

static const char *merged(struct arena *a, const char *path)
{
	return str_starts(path, "lib/") ? arena_printf(a, "usr/%s", path) : path;
}

/* Up from FROM's folder to the top, and down to TO. */
static const char *link_between(struct arena *a, const char *from, const char *to)
{
	const char *up = "";

	for (const char *p = strchr(merged(a, from), '/'); p; p = strchr(p + 1, '/'))
		up = arena_printf(a, "../%s", up);
	return arena_printf(a, "%s%s", up, merged(a, to));
}

/* Adds PATH and, when it is a link, what it leads to. */
static int add_path(struct finder *f, const char *path, const char *reason, struct err *err)
{
	struct arena *a = f->m->arena;
	enum codec codec = codec_by_suffix(path);
	bool plain = codec != CODEC_NONE && !kernel_unpacks(f, codec);
	const char *end;
	struct plan_entry e = {.type = PLAN_FILE,
			       .mode = 0644,
			       .storage = PLAN_STORE,
			       .reason = reason,
			       .unpack = plain ? codec : CODEC_NONE};

	/* A link is packed as one to the file at its very end: what lies between need not be. */
	end = root_resolve(f->m->root, path, a);
	if (!end)
		return err_set(err, -ENOENT, "firmware /%s is a link to nowhere", path);
	if (!plain && root_readlink(f->m->root, path, a)) {
		int r = plan_add_link(f->plan, path, link_between(a, path, end), reason, err);

		if (r < 0)
			return r;
		path = end;
	}
	e.source = path;
	e.path = plain ? arena_strndup(a, path, strlen(path) - strlen(codec_info(codec)->suffix))
		       : path;
	return plan_add(f->plan, &e, err);
}

static int add_glob(struct finder *f, const char *dir, const char *pattern, const char *reason,
		    struct err *err)
{
	struct arena *a = f->m->arena;
	const char *whole = arena_printf(a, "%s/%s", dir, pattern);
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
		if (fnmatch(slash + 1, bare, 0) != 0 ||
		    root_stat(f->m->root, path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		r = add_path(f, path, reason, err);
		if (r < 0)
			return r;
		found++;
	}
	return found;
}

/* 1 found and added, 0 not there, -errno. */
static int add_name(struct finder *f, const char *name, const char *reason, struct err *err)
{
	static const char *const suffixes[] = {"", ".zst", ".xz"};
	struct arena *a = f->m->arena;

	for (size_t d = 0; d < ARRAY_SIZE(f->dirs); d++) {
		if (strpbrk(name, "*?[")) {
			int r = add_glob(f, f->dirs[d], name, reason, err);

			if (r)
				return r;
			continue;
		}
		for (size_t s = 0; s < ARRAY_SIZE(suffixes); s++) {
			const char *path =
				arena_printf(a, "%s/%s%s", f->dirs[d], name, suffixes[s]);
			int r;

			if (!root_exists(f->m->root, path))
				continue;
			r = add_path(f, path, reason, err);
			return r < 0 ? r : 1;
		}
	}
	return 0;
}

static int add_wanted(struct finder *f, const struct module *mod, const struct wanted *w,
		      struct err *err)
{
	const char *reason = arena_printf(f->m->arena, "firmware of module %s", mod->name);

	for (size_t at = 0; at < w->len; at += strlen(w->names + at) + 1) {
		const char *name = w->names + at;
		int r;

		if (!path_is_clean(name))
			continue;
		r = add_name(f, name, reason, err);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		/* Names of hardware that never shipped stand beside those that matter: which are
		 * which only the driver knows. Those of the root chain are told one by one. */
		if (mod->flags & MODULES_REQUIRED)
			plan_warn(f->plan, "module %s asks for firmware %s, which is not installed",
				  mod->name, name);
		else
			f->missing++;
	}
	return 0;
}

int firmware_add(struct modules *m, struct plan *plan, const char *config, size_t config_len,
		 struct err *err)
{
	const char **files = arena_alloc(m->arena, (m->count + 1) * sizeof(*files));
	struct scan s = {.m = m, .files = files};
	struct finder f = {.m = m, .plan = plan, .config = config, .config_len = config_len};
	int r;

	for (size_t i = 0; i < m->count; i++)
		files[i] = module_file(m, m->list[i]);
	s.wanted = arena_alloc(m->arena, (m->count + 1) * sizeof(*s.wanted));
	r = parallel_run(m->count, parallel_cores(), scan_one, &s);
	for (size_t i = 0; i < m->count && r < 0; i++)
		if (s.wanted[i].err.code == r && err) {
			*err = s.wanted[i].err;
			break;
		}
	f.dirs[0] = arena_printf(m->arena, "lib/firmware/updates/%s", m->kernel->version);
	f.dirs[1] = "lib/firmware/updates";
	f.dirs[2] = arena_printf(m->arena, "lib/firmware/%s", m->kernel->version);
	f.dirs[3] = "lib/firmware";
	for (size_t i = 0; i < m->count && r == 0; i++)
		r = add_wanted(&f, m->list[i], &s.wanted[i], err);
	for (size_t i = 0; i < m->count; i++)
		free(s.wanted[i].names);
	if (f.missing)
		plan_warn(plan, "%zu firmware files that optional modules name are not installed",
			  f.missing);
	return r;
}
