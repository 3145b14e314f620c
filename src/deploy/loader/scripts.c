/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/loader/scripts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "deploy/loader/kit.h"

#define FOLDER "etc/initramfs/post-update.d"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static int check_owner(const struct loader_request *q, const char *path, const struct stat *st,
		       struct err *err)
{
	if ((st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 022))
		return 0;
	err_set(err, -EPERM, "%s/%s is not run: somebody other than root may change it",
		root_prefix(q->root), path);
	return err_hint(err, "chown root and chmod go-w it, if it is what it should be");
}

/* What has failed, of all scripts. */
struct failures {
	int code; /* of the first; 0: none */
	bool is_open; /* others may change one of them */
	struct buf texts, commands;
	size_t n_more; /* commands for which a hint has no room */
};

static void failures_clear(struct failures *f)
{
	buf_clear(&f->texts);
	buf_clear(&f->commands);
}

static void note(struct failures *f, const struct err *err, const char *command)
{
	enum { COMMANDS_MAX = ERR_HINT_MAX - 150 };

	f->code = f->code ? f->code : err->code;
	buf_printf(&f->texts, "%s%s", f->texts.len ? "; " : "", err->text);
	if (f->commands.len && f->commands.len + strlen(command) > COMMANDS_MAX)
		f->n_more++;
	else
		buf_printf(&f->commands, "%s%s", f->commands.len ? "; " : "", command);
}

static void run_one(const struct loader *l, const char *path, const char *image, struct failures *f)
{
	const char *const argv[] = {arena_printf(l->arena, "/%s", path), l->q->version,
				    arena_printf(l->arena, "/%s", image), NULL};
	struct err err = {0};
	struct stat st;
	int e = root_stat(l->q->root, path, &st);

	if (e < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return; /* run-parts, too, takes no notice of it */
	e = check_owner(l->q, path, &st, &err);
	if (e < 0)
		f->is_open = true;
	else
		e = loader_run_tool(l, argv, &err);
	if (e < 0)
		note(f, &err, arena_printf(l->arena, "%s %s %s", argv[0], argv[1], argv[2]));
}

static int fail(struct failures *f, struct err *err)
{
	char more[32] = "";

	if (f->n_more)
		snprintf(more, sizeof(more), "; and %zu more", f->n_more);
	err_set(err, f->code, "%s", buf_cstr(&f->texts));
	return err_hint(err, "%sthe image is in place; once this is mended, run: %s%s",
			f->is_open ? "chown root and chmod go-w what others may change; " : "",
			buf_cstr(&f->commands), more);
}

int loader_run_scripts(const struct loader_request *q, const char *image, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_(failures_clear) struct failures f = {0};
	const struct loader l = {.q = q, .arena = &arena};
	const bool is_theirs = strcmp(q->bootdir->path, q->bootdir->boot) == 0;
	struct stat st;
	char **names;
	int n = is_theirs ? root_listdir(q->root, FOLDER, &arena, &names) : 0;
	int e = n > 0 && root_stat(q->root, FOLDER, &st) == 0 ? check_owner(q, FOLDER, &st, err) : 0;

	for (int i = 0; i < n && e == 0; i++)
		if (strspn(names[i], LETTERS) == strlen(names[i]))
			run_one(&l, arena_printf(&arena, FOLDER "/%s", names[i]), image, &f);
	return f.code ? fail(&f, err) : e;
}
