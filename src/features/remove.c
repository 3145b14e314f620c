/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "format/ours/bootconf.h"
#include "format/kernel/cpio.h"

enum { PROGRAM_SIZE_MAX = 1024 * 1024 * 1024 };

/* The files and folders without which PID 1 cannot work. */
static const char *const essential[] = {
	"init", BOOTCONF_PATH, MODINDEX_PATH, MODINDEX_KNOWN_PATH, "usr/sbin/modprobe", "dev", "proc",
	"run", "sys", "sysroot", "bin", "sbin", "lib", "lib64",
};

static const char *const merged[] = {"bin", "sbin", "lib", "lib64"};

/* Does PATTERN match PATH itself, or a folder above it? */
static bool matches_upwards(const char *pattern, const char *path)
{
	char part[CPIO_NAME_MAX];
	char *slash;

	snprintf(part, sizeof(part), "%s", path);
	do {
		if (fnmatch(pattern, part, FNM_PATHNAME | FNM_PERIOD) == 0)
			return true;
		slash = strrchr(part, '/');
		if (slash)
			*slash = '\0';
	} while (slash);
	return false;
}

static bool is_below_merged(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(merged); i++)
		if (str_starts(path, merged[i]) && path[strlen(merged[i])] == '/')
			return true;
	return false;
}

bool remove_matches(const char *pattern, const char *path)
{
	char bare[CPIO_NAME_MAX], whole[CPIO_NAME_MAX];
	size_t len;

	pattern += strspn(pattern, "/");
	len = strlen(pattern);
	while (len && pattern[len - 1] == '/')
		len--;
	if (!len || len >= sizeof(bare))
		return false;
	snprintf(bare, sizeof(bare), "%.*s", (int)len, pattern);
	if (matches_upwards(bare, path))
		return true;
	if (str_starts(path, "usr/") && is_below_merged(path + strlen("usr/")))
		return matches_upwards(bare, path + strlen("usr/"));
	if (!is_below_merged(path))
		return false;
	snprintf(whole, sizeof(whole), "usr/%.4000s", path);
	return matches_upwards(bare, whole);
}

/* The first pattern that matches PATH, or NULL. Marks all that match as used. */
static const char *removed_by(struct build *b, const char *path)
{
	const struct request_words *w = &b->request->remove;
	const char *first = NULL;

	for (size_t i = 0; i < w->n; i++)
		if (remove_matches(w->list[i], path)) {
			b->removed[i] = true;
			first = first ? first : w->list[i];
		}
	return first;
}

bool remove_takes(const char *path, void *arg)
{
	return removed_by(arg, path) != NULL;
}

static bool is_removed(const struct plan_entry *e, void *arg)
{
	return removed_by(arg, e->path) != NULL;
}

int remove_modules(struct build *b, struct err *err)
{
	if (!b->request->remove.n)
		return 0;
	b->removed = arena_alloc(&b->plan.arena, b->request->remove.n * sizeof(*b->removed));
	if (modules_drop(b->modules, remove_takes, b, err) < 0)
		return err_prefix(err, "--remove");
	return 0;
}

/* ---- what is needed ---- */

static int refuse(const char *pattern, const char *path, const char *why, struct err *err)
{
	return err_set(err, -EBUSY, "--remove %s: /%s cannot be taken out: %s", pattern, path, why);
}

/* A scratch plan of everything that the remaining programs need. */
struct needs {
	struct plan plan;
	struct binaries *binaries;
};

static int add_needs(struct build *b, struct needs *n, const struct plan_entry *e, struct err *err)
{
	_cleanup_buf_ struct buf file = BUF_INIT;
	int r;

	if (e->type != PLAN_FILE || e->storage != PLAN_BASE || removed_by(b, e->path))
		return 0;
	if (!e->source)
		return binaries_add_needs(n->binaries, e->data, e->len, e->path, err);
	if (!e->outside)
		return binaries_add(n->binaries, e->source, "it stays in the image", err);
	r = read_file_at(AT_FDCWD, e->source, PROGRAM_SIZE_MAX, &file);
	if (r < 0)
		return err_sys(err, r, "%s", e->source);
	return binaries_add_needs(n->binaries, file.data, file.len, e->path, err);
}

/* Adds the needs of the programs that boot.conf has PID 1 run. */
static int add_runs(struct build *b, struct needs *n, struct err *err)
{
	char *cursor = arena_strdup(&n->plan.arena, buf_cstr(&b->boot_conf)), *key, *value;
	struct bootconf_run run;
	int r = 0;

	while (r == 0 && bootconf_next(&cursor, &key, &value))
		if (strcmp(key, "dropin.run") == 0 && bootconf_run(value, &run))
			r = binaries_add(n->binaries, run.path, "a drop-in feature has PID 1 run it",
					 err);
	return r;
}

static int check_needs(struct build *b, struct needs *n, struct err *err)
{
	int r = add_runs(b, n, err);

	for (size_t i = 0; i < b->plan.n_entries && r == 0; i++)
		r = add_needs(b, n, &b->plan.entries[i], err);
	for (size_t i = 0; i < b->plan.n_entries && r == 0; i++) {
		const char *path = b->plan.entries[i].path, *pattern = removed_by(b, path);
		const struct plan_entry *needed = pattern ? plan_find(&n->plan, path) : NULL;

		if (!needed || needed->type == PLAN_DIR)
			continue;
		r = refuse(pattern, path, needed->reason, err);
		err_hint(err, "what needs it can be taken out with it; libraries that are opened later "
			      "are left out with omit_dlopen_features");
	}
	return r;
}

static int check_essential(struct build *b, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(essential); i++) {
		const char *pattern = removed_by(b, essential[i]);

		if (pattern && plan_find(&b->plan, essential[i]))
			return refuse(pattern, essential[i], "PID 1 cannot do without it", err);
	}
	return 0;
}

int remove_files(struct build *b, struct err *err)
{
	const struct request_words *w = &b->request->remove;
	struct needs needs = {.binaries = NULL};
	int r;

	if (!w->n)
		return 0;
	r = check_essential(b, err);
	if (r < 0)
		return r;
	plan_init(&needs.plan);
	r = build_open_binaries(b, &needs.plan, &needs.binaries, err);
	if (r == 0)
		r = check_needs(b, &needs, err);
	binaries_free(needs.binaries);
	plan_clear(&needs.plan);
	if (r < 0)
		return r;
	plan_filter(&b->plan, is_removed, b);
	for (size_t i = 0; i < w->n; i++)
		if (!b->removed[i])
			plan_warn(&b->plan, "--remove %s: nothing in the image has such a path",
				  w->list[i]);
	return 0;
}
