/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/loader/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "deploy/place/atomic.h"

void loader_say(const struct loader *l, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (l->q->say)
		l->q->say(text, l->q->arg);
}

/* ---- files ---- */

const char *loader_host_path(const struct loader *l, const char *path)
{
	return arena_printf(l->arena, "%s/%s", l->q->root->path, path);
}

static int write_whole(const char *path, const void *data, size_t len,
		       const struct loader_saved *like, struct err *err)
{
	struct atomic file;
	int e = atomic_begin(path, &file, err);

	if (e < 0)
		return e;
	e = write_full(file.fd, data, len);
	/* FAT has no owners, so chown fails with EPERM, and there is nothing to keep. */
	if (e == 0 && fchown(file.fd, like->uid, like->gid) < 0 && errno != EPERM)
		e = -errno;
	if (e == 0 && fchmod(file.fd, like->mode) < 0 && errno != EPERM)
		e = -errno;
	if (e < 0)
		err_sys(err, e, "%s", path);
	if (e == 0)
		e = atomic_sync(&file, err);
	if (e == 0)
		e = atomic_commit(&file, err);
	atomic_end(&file);
	return e;
}

static int read_saved(const struct loader *l, const char *path, struct loader_saved *out,
		      struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct loader_saved s = {.path = arena_strdup(l->arena, path), .mode = 0600};
	struct stat st;
	int e = root_stat(l->q->root, path, &st);

	if (e == -ENOENT) {
		*out = s;
		return 0;
	}
	if (e == 0)
		e = root_read(l->q->root, path, LOADER_TEXT_MAX, &text);
	if (e < 0)
		return err_sys(err, e, "%s/%s", root_prefix(l->q->root), path);
	s.existed = true;
	s.data = arena_memdup(l->arena, buf_cstr(&text), text.len);
	s.len = text.len;
	s.mode = st.st_mode & 07777;
	s.uid = st.st_uid;
	s.gid = st.st_gid;
	*out = s;
	return 0;
}

static const struct loader_saved *find_saved(const struct loader *l, const char *path)
{
	for (size_t i = 0; i < l->n_saved; i++)
		if (strcmp(l->saved[i].path, path) == 0)
			return &l->saved[i];
	return NULL;
}

int loader_save(struct loader *l, const char *path, struct err *err)
{
	struct loader_saved s;
	int e = find_saved(l, path) ? 0 : read_saved(l, path, &s, err);

	if (e < 0 || find_saved(l, path))
		return e;
	l->saved = arena_grow(l->arena, l->saved, l->n_saved, sizeof(*l->saved));
	l->saved[l->n_saved++] = s;
	return 0;
}

int loader_write(struct loader *l, const char *path, const char *like, const struct buf *text,
		 struct err *err)
{
	struct loader_saved now, model;
	int e = buf_status(text);

	if (e < 0)
		return err_set(err, e, "no memory left");
	e = read_saved(l, path, &now, err);
	if (e < 0)
		return e;
	if (now.existed && now.len == text->len && memcmp(now.data, text->data, now.len) == 0)
		return 0;
	e = read_saved(l, like, &model, err);
	if (e == 0)
		e = loader_save(l, path, err);
	if (e == 0)
		e = write_whole(loader_host_path(l, path), text->data, text->len, &model, err);
	if (e < 0)
		return e;
	loader_say(l, "%s/%s is written", root_prefix(l->q->root), path);
	return 1;
}

static int unlink_below(const struct loader *l, const char *path)
{
	return unlink(loader_host_path(l, path)) < 0 && errno != ENOENT ? -errno : 0;
}

int loader_remove(struct loader *l, const char *path, struct err *err)
{
	int e;

	if (!root_exists(l->q->root, path))
		return 0;
	e = loader_save(l, path, err);
	if (e < 0)
		return e;
	e = unlink_below(l, path);
	if (e < 0)
		return err_sys(err, e, "%s/%s cannot be removed", root_prefix(l->q->root), path);
	loader_say(l, "%s/%s is removed", root_prefix(l->q->root), path);
	return 1;
}

void loader_undo(struct loader *l, struct err *err)
{
	while (l->n_saved) {
		const struct loader_saved *s = &l->saved[--l->n_saved];
		struct loader_saved now;
		struct err own = {0};
		int e = read_saved(l, s->path, &now, &own);

		if (e == 0 && !s->existed)
			e = now.existed ? unlink_below(l, s->path) : 0;
		else if (e == 0 && (!now.existed || now.len != s->len ||
				    memcmp(now.data, s->data, s->len) != 0))
			e = write_whole(loader_host_path(l, s->path), s->data, s->len, s, &own);
		if (e < 0)
			err_hint(err, "%s/%s is not as it was: see to it before you restart",
				 root_prefix(l->q->root), s->path);
	}
}

/* ---- entries ---- */

int loader_read_menu(struct loader *l, struct err *err)
{
	return bootmenu_read(l->q->root, l->q->bootdir->boot, l->arena, &l->menu, err);
}

const struct bootmenu_entry *loader_template(const struct loader *l, enum bootmenu_loader loader,
					     const struct loader_wanted *w)
{
	for (size_t i = 0; i < l->menu.n; i++) {
		const struct bootmenu_entry *e = &l->menu.entries[i];

		if (e->loader == loader && !e->is_ours && e->is_plain && e->version &&
		    strcmp(e->version, w->version) == 0 && bootmenu_names(e, w->current))
			return e;
	}
	return NULL;
}

const char *loader_title(const struct loader *l, const struct bootmenu_entry *from,
			 const struct loader_wanted *w)
{
	return strstr(from->title, w->version)
		       ? arena_printf(l->arena, "%s, %s", from->title, w->what)
		       : arena_printf(l->arena, "%s, Linux %s, %s", from->title, w->version,
				      w->what);
}

const char *loader_rename(const struct loader *l, const struct bootmenu_entry *from,
			  const struct loader_wanted *w, const char *written)
{
	if (strcmp(bootmenu_place(from->top, written, l->arena), w->current) != 0)
		return NULL;
	return bootmenu_rename(from->top, written, w->current, w->path, l->arena);
}

/* ---- tools ---- */

const char *loader_find_tool(const struct loader *l, const char *const *names)
{
	static const char *const folders[] = {"usr/local/sbin", "usr/sbin", "sbin",
					      "usr/local/bin",	"usr/bin",  "bin"};

	if (l->q->run_tool && strcmp(l->q->run_tool, "never") == 0)
		return NULL;
	for (; *names; names++)
		for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
			char *path = arena_printf(l->arena, "/%s/%s", folders[i], *names);
			struct stat st;

			if (root_stat(l->q->root, path, &st) == 0 && S_ISREG(st.st_mode) &&
			    (st.st_mode & 0111))
				return path;
		}
	return NULL;
}

/* The last line of a tool's output. */
static const char *last_line(struct buf *said)
{
	char *text = (char *)buf_cstr(said), *newline;

	while (said->len && (text[said->len - 1] == '\n' || text[said->len - 1] == ' '))
		text[--said->len] = '\0';
	newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

int loader_run_tool(const struct loader *l, const char *const *argv, struct err *err)
{
	enum { MINUTES_5 = 300 }; /* os-prober probes every partition */
	_cleanup_buf_ struct buf said = BUF_INIT;
	const struct process p = {
		.argv = argv,
		.folder = l->q->root->is_host ? NULL : l->q->root->path,
		.seconds = MINUTES_5,
	};
	char line[256];
	int status;

	if (l->q->running)
		l->q->running(argv[0], l->q->arg);
	status = process_run(&p, NULL, &said, err);
	if (status == 0)
		loader_say(l, "%s has run", argv[0]);
	if (status <= 0)
		return status;
	escape_text(last_line(&said), line, sizeof(line));
	err_set(err, -EIO, "%s ended with status %d%s%s", argv[0], status, *line ? ": " : "", line);
	return err_hint(err, "run it yourself to see what is wrong; the menu is what it was");
}
