/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/items.h"

/* Modules, files and programs that the user names. One that is missing is an error; but a module
 * from modules-load.d or from settings may be meant for another kernel, so that is a warning. */

enum { TREE_DEPTH_MAX = 64 };

/* The name in WORD, which may be that of the file: dracut takes "dummy.ko" as well. */
static const char *driver_name(struct build *b, const char *word)
{
	const char *end = strstr(word, ".ko");

	return end && end > word && (!end[3] || end[3] == '.') && !strchr(word, '/')
		       ? arena_strndup(&b->plan.arena, word, (size_t)(end - word))
		       : word;
}

/* WORD is a name, or "=FOLDER" for all modules below it, which nobody named one by one: omit_drivers may
 * take some of them out. An enum modules_found or -errno. */
static int add_driver(struct build *b, const char *word, unsigned flags, const char *reason,
		      struct err *err)
{
	if (*word == '=')
		return modules_add_folder(b->modules, word + 1, flags & ~(unsigned)MODULES_NAMED, reason,
					  err);
	return modules_add_name(b->modules, driver_name(b, word), flags, reason, err);
}

static int add_drivers(struct build *b, const struct request_words *names, unsigned flags,
		       const char *option, struct err *err)
{
	const char *reason = arena_printf(&b->plan.arena, "asked for with %s", option);
	int r = 0;

	for (size_t i = 0; i < names->n && r >= 0; i++) {
		r = add_driver(b, names->list[i], flags, reason, err);
		if (r != MODULES_ABSENT)
			continue;
		err_set(err, -ENOENT, "kernel %s has no module \"%s\" (%s)", b->kernel.version,
			names->list[i], reason);
		return err_hint(err, "look for its name with: find %s -name '*.ko*'",
				root_quoted(b->root, b->kernel.modules_dir, &b->plan.arena));
	}
	return r < 0 ? r : 0;
}

/* The libraries of a program from outside the root come from below the root, like everything
 * else. */
static int add_needs(struct build *b, int fd, const struct stat *st, const char *target,
		     struct err *err)
{
	void *data;
	int r;

	if (!st->st_size)
		return 0;
	data = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_sys(err, -errno, "--include for /%s", target);
	r = binaries_add_needs(b->binaries, data, (size_t)st->st_size, target, err);
	munmap(data, (size_t)st->st_size);
	return r;
}

static int add_regular(struct build *b, const char *source, const char *target, struct err *err)
{
	_cleanup_fd_ int fd = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct plan_entry e = {.path = target,
			       .type = PLAN_FILE,
			       .source = source,
			       .outside = true,
			       .reason = arena_printf(&b->plan.arena, "--include %s", source)};
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "--include %s", source);
	e.mode = st.st_mode & 0777;
	r = plan_replace(&b->plan, &e, err);
	return r < 0 ? r : add_needs(b, fd, &st, target, err);
}

static int add_link(struct build *b, const char *source, const char *target, struct err *err)
{
	struct arena *a = &b->plan.arena;
	char to[PATH_MAX];
	ssize_t n = readlink(source, to, sizeof(to));
	struct plan_entry e = {.path = target,
			       .type = PLAN_LINK,
			       .mode = 0777,
			       .reason = arena_printf(a, "--include %s", source)};

	if (n < 0 || (size_t)n == sizeof(to))
		return err_sys(err, n < 0 ? -errno : -ENAMETOOLONG, "--include %s", source);
	e.target = arena_strndup(a, to, (size_t)n);
	return plan_replace(&b->plan, &e, err);
}

static int add_path(struct build *b, const char *source, const char *target, int depth,
		    struct err *err);

static int add_tree(struct build *b, const char *source, const char *target, unsigned mode,
		    int depth, struct err *err)
{
	struct arena *a = &b->plan.arena;
	_cleanup_root_ struct root dir = {.fd = -1};
	char **names;
	int n, r = root_open(source, &dir, err);

	if (r < 0)
		return err_prefix(err, "--include %s", source);
	if (*target)
		r = plan_add_dir(&b->plan, target, mode, arena_printf(a, "--include %s", source), err);
	n = root_listdir(&dir, "", a, &names);
	if (n < 0)
		return err_sys(err, n, "--include %s", source);
	for (int i = 0; i < n && r == 0; i++)
		r = add_path(b, arena_printf(a, "%s/%s", source, names[i]),
			     *target ? arena_printf(a, "%s/%s", target, names[i]) : names[i],
			     depth + 1, err);
	return r;
}

static int add_path(struct build *b, const char *source, const char *target, int depth,
		    struct err *err)
{
	struct stat st;

	if (depth == TREE_DEPTH_MAX)
		return err_set(err, -ELOOP, "--include %s: folders are nested too deeply", source);
	root_note_outside(b->root, source);
	/* A link on the command line is followed; links inside a tree stay links. */
	if (depth == 0 ? stat(source, &st) < 0 : lstat(source, &st) < 0)
		return err_sys(err, -errno, "--include %s", source);
	if (depth == 0 && S_ISREG(st.st_mode)) {
		char real[PATH_MAX];

		if (!realpath(source, real))
			return err_sys(err, -errno, "--include %s", source);
		source = arena_strdup(&b->plan.arena, real);
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return add_regular(b, source, target, err);
	case S_IFLNK:
		return add_link(b, source, target, err);
	case S_IFDIR:
		return add_tree(b, source, target, st.st_mode & 01777, depth, err);
	default:
		return err_set(err, -EINVAL,
			       "--include %s is no file, folder or link: an image cannot hold it",
			       source);
	}
}

static int add_include(struct build *b, const struct request_include *inc, struct err *err)
{
	struct arena *a = &b->plan.arena;
	const char *target = inc->target + strspn(inc->target, "/");
	size_t len = strlen(target);
	const char *slash = strrchr(inc->source, '/');

	root_note_outside(b->root, inc->source);
	if (len && target[len - 1] == '/') {
		struct stat st;

		if (stat(inc->source, &st) == 0 && S_ISREG(st.st_mode))
			target = arena_printf(a, "%s%s", target, slash ? slash + 1 : inc->source);
		else
			target = arena_strndup(a, target, len - 1);
	}
	return add_path(b, inc->source, target, 0, err);
}

static int add_found(struct build *b, const char *path, const char *word, const char *origin,
		     struct err *err)
{
	if (items_add(b, path, arena_printf(&b->plan.arena, "%s %s", origin, word), err) < 0)
		return err_prefix(err, "%s %s", origin, word);
	return 0;
}

/* ORIGIN is the option, or the place in the settings, that names WORD. */
static int add_install(struct build *b, const char *word, bool optional, const char *origin,
		       struct err *err)
{
	const char *path, **matches = NULL;
	int r = items_find(b, word, &path, err), n = 0;

	if (r == 0)
		r = n = items_match(b->root, word, &b->plan.arena, &matches, err);
	if (n > 0)
		r = 0;
	for (int i = 0; i < n && r == 0; i++)
		r = add_found(b, matches[i], word, origin, err);
	if (r < 0 || n)
		return r;
	if (r == 0 && optional) {
		plan_remark(&b->plan, "there is no %s (%s); the image is made without it", word,
			    origin);
		return 0;
	}
	if (r == 0)
		return items_refuse(b->root, word, origin, err);
	return add_found(b, path, word, origin, err);
}

/* Settings may be shared by several kernels, so a module that this one lacks is left out. */
static int add_module(struct build *b, const struct request_wish *w, struct err *err)
{
	unsigned flags = MODULES_NAMED | (w->kind == WISH_LOAD_MODULE ? MODULES_LOAD : 0);
	int r = add_driver(b, w->word, flags, w->from, err);

	if (r == MODULES_ABSENT)
		plan_warn(&b->plan, "%s: kernel %s has no module \"%s\"; the image goes without",
			  w->from, b->kernel.version, w->word);
	return r < 0 ? r : 0;
}

static int add_wish(struct build *b, const struct request_wish *w, struct err *err)
{
	switch (w->kind) {
	case WISH_INSTALL:
	case WISH_INSTALL_OPTIONAL:
		return add_install(b, w->word, w->kind == WISH_INSTALL_OPTIONAL, w->from, err);
	case WISH_PACK_MODULE:
	case WISH_LOAD_MODULE:
		return add_module(b, w, err);
	case WISH_NOTE:
		plan_warn(&b->plan, "%s: %s", w->from, w->word);
		return 0;
	default:
		return 0;
	}
}

int extra_build(struct build *b, struct err *err)
{
	const struct request_words *install = &b->request->install;
	const struct request_words *optional = &b->request->install_optional;
	int r = build_is_hostonly(b) ? modules_add_load_files(b->modules, &b->plan, err) : 0;

	for (size_t i = 0; i < b->request->n_wishes && r == 0; i++)
		r = add_wish(b, &b->request->wishes[i], err);
	for (size_t i = 0; i < install->n && r == 0; i++)
		r = add_install(b, install->list[i], false, "--install", err);
	for (size_t i = 0; i < optional->n && r == 0; i++)
		r = add_install(b, optional->list[i], true, "--install-optional", err);
	if (r == 0)
		r = add_drivers(b, &b->request->drivers, MODULES_NAMED, "--add-drivers", err);
	if (r == 0)
		r = add_drivers(b, &b->request->force_drivers, MODULES_NAMED | MODULES_LOAD,
				"--force-drivers", err);
	for (size_t i = 0; i < b->request->n_includes && r == 0; i++)
		r = add_include(b, &b->request->includes[i], err);
	return r;
}
