/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/codec/encode.h"
#include "format/kernel/cpio.h"
#include "format/ours/manifest.h"

void plan_init(struct plan *p)
{
	*p = (struct plan){.store_level = PLAN_STORE_LEVEL};
}

void plan_clear(struct plan *p)
{
	strset_clear(&p->by_path);
	free(p->entries);
	arena_clear(&p->arena);
	*p = (struct plan){0};
}

/* Is PATH below a folder that is a link into /usr? The links themselves are not. */
static bool is_merged(const char *path)
{
	static const char *const moved[] = {"bin/", "sbin/", "lib/", "lib64/"};

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++)
		if (str_starts(path, moved[i]))
			return true;
	return false;
}

static struct plan_entry *find(const struct plan *p, const char *path)
{
	void **slot = strset_find(&p->by_path, path);

	return slot ? &p->entries[(uintptr_t)*slot - 1] : NULL;
}

const struct plan_entry *plan_find(const struct plan *p, const char *path)
{
	char merged[CPIO_NAME_MAX];

	if (!is_merged(path))
		return find(p, path);
	snprintf(merged, sizeof(merged), "usr/%s", path);
	return find(p, merged);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_content(const struct plan_entry *a, const struct plan_entry *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == PLAN_DIR)
		return true;
	if (a->type == PLAN_LINK)
		return same_text(a->target, b->target);
	if (a->source || b->source)
		return same_text(a->source, b->source);
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void append(struct plan *p, const struct plan_entry *e)
{
	if ((p->n_entries & (p->n_entries - 1)) == 0)
		p->entries = xrealloc(p->entries, p->n_entries ? p->n_entries * 2 : 1,
				      sizeof(*p->entries));
	p->entries[p->n_entries++] = *e;
	strset_add(&p->by_path, e->path, (void *)(uintptr_t)p->n_entries);
}

static int add_parents(struct plan *p, const struct plan_entry *e, struct err *err)
{
	for (const char *s = strchr(e->path, '/'); s; s = strchr(s + 1, '/')) {
		const char *dir = arena_strndup(&p->arena, e->path, (size_t)(s - e->path));
		const struct plan_entry *there = find(p, dir);

		if (there && there->type != PLAN_DIR)
			return err_set(err, -EEXIST,
				       "/%s cannot be added: /%s is in the plan and is no directory (%s)",
				       e->path, dir, there->reason);
		if (!there)
			append(p, &(struct plan_entry){.path = dir,
						       .type = PLAN_DIR,
						       .mode = 0755,
						       .implied = true,
						       .reason = arena_printf(&p->arena, "holds /%s",
									      e->path)});
	}
	return 0;
}

static const char *origin(struct plan *p, const struct plan_entry *e)
{
	if (e->type != PLAN_FILE || !e->source)
		return e->reason;
	return arena_printf(&p->arena, "%s (%s%s)", e->reason, e->outside ? "" : "/", e->source);
}

static int add(struct plan *p, const struct plan_entry *entry, bool replace, struct err *err)
{
	struct plan_entry e = *entry;
	struct plan_entry *there;
	char shown[256];
	int r;

	/* A folder "bin" means the target of the link "bin". */
	if (is_merged(e.path) || (e.type == PLAN_DIR && is_merged(arena_printf(&p->arena, "%s/", e.path))))
		e.path = arena_printf(&p->arena, "usr/%s", e.path);
	if (!path_is_clean(e.path)) {
		escape_text(entry->path, shown, sizeof(shown));
		return err_set(err, -EINVAL, "\"%s\" cannot be a path in an image", shown);
	}
	if (strlen(e.path) >= CPIO_NAME_MAX ||
	    (e.target && (!*e.target || strlen(e.target) >= CPIO_TARGET_MAX)))
		return err_set(err, -E2BIG, "/%.80s...: the path or its link target is longer than the "
			       "kernel unpacks (%d bytes)", e.path, CPIO_NAME_MAX - 1);
	if (strcmp(e.path, MANIFEST_PATH) == 0)
		return err_set(err, -EEXIST, "/%s is written by the builder itself", e.path);
	there = find(p, e.path);
	/* A file never replaces one of the links of the merged /usr. */
	if (there && (there->type == PLAN_DIR) == (e.type == PLAN_DIR) &&
	    (replace || there->implied) &&
	    !(there->type == PLAN_LINK && e.type == PLAN_FILE && !strchr(e.path, '/'))) {
		*there = e;
		return 0;
	}
	if (there && !same_content(there, &e))
		return err_set(err, -EEXIST, "/%s is wanted twice with different content: %s; and: %s",
			       e.path, origin(p, there), origin(p, &e));
	if (there)
		return 0;
	r = add_parents(p, &e, err);
	if (r == 0)
		append(p, &e);
	return r;
}

int plan_add(struct plan *p, const struct plan_entry *entry, struct err *err)
{
	return add(p, entry, false, err);
}

int plan_replace(struct plan *p, const struct plan_entry *entry, struct err *err)
{
	return add(p, entry, true, err);
}

int plan_add_dir(struct plan *p, const char *path, unsigned mode, const char *reason,
		 struct err *err)
{
	return plan_add(p,
			&(struct plan_entry){
				.path = path, .type = PLAN_DIR, .mode = mode, .reason = reason},
			err);
}

int plan_add_link(struct plan *p, const char *path, const char *target, const char *reason,
		  struct err *err)
{
	return plan_add(p,
			&(struct plan_entry){.path = path,
					     .type = PLAN_LINK,
					     .mode = 0777,
					     .target = target,
					     .reason = reason},
			err);
}

int plan_add_text(struct plan *p, const char *path, unsigned mode, const void *data, size_t len,
		  const char *reason, struct err *err)
{
	return plan_add(p,
			&(struct plan_entry){.path = path,
					     .type = PLAN_FILE,
					     .mode = mode,
					     .data = arena_memdup(&p->arena, data, len),
					     .len = len,
					     .reason = reason},
			err);
}

static void add_note(struct plan *p, struct plan_note **list, const char *fmt, va_list ap)
{
	struct plan_note *note = arena_alloc(&p->arena, sizeof(*note));
	char text[ERR_TEXT_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	note->text = arena_strdup(&p->arena, text);
	note->next = *list;
	*list = note;
}

void plan_protect(struct plan *p, const char *path)
{
	struct plan_entry *e = find(p, path);

	if (e)
		e->mode = 0600;
}

const char *plan_secret(const struct plan *p)
{
	for (size_t i = 0; i < p->n_entries; i++) {
		const struct plan_entry *e = &p->entries[i];

		if (e->type == PLAN_FILE && !(e->mode & 04))
			return e->path;
	}
	return NULL;
}

int plan_parse_shell(const char *who, enum request_shell *out, struct err *err)
{
	static const char *const names[] = {
		[RESCUE_SHELL_PASSWORD] = "password", [RESCUE_SHELL_OPEN] = "open"};

	for (unsigned i = RESCUE_SHELL_PASSWORD; i < ARRAY_SIZE(names); i++)
		if (strcmp(who, names[i]) == 0) {
			*out = i;
			return 0;
		}
	return err_set(err, -EINVAL, "the rescue shell is for password or open, not \"%s\"", who);
}

int plan_parse_store(const char *text, int *level, struct err *err)
{
	static const char *const codecs[] = {"zstd", "none", "auto"};
	size_t len = strcspn(text, ":"), i = 0;
	enum codec codec;
	int parsed, r;

	while (i < ARRAY_SIZE(codecs) &&
	       (strlen(codecs[i]) != len || memcmp(codecs[i], text, len) != 0))
		i++;
	if (i == ARRAY_SIZE(codecs))
		return err_set(err, -EINVAL,
			       "modules and firmware are compressed with zstd, none or auto, not "
			       "with \"%.*s\"", (int)len, text);
	r = encode_parse(text, &codec, &parsed, err);
	if (r < 0)
		return r;
	if (codec == CODEC_NONE)
		*level = PLAN_STORE_PLAIN;
	else if (codec == CODEC_ZSTD)
		*level = parsed == ENCODE_LEVEL_DEFAULT ? PLAN_STORE_LEVEL : parsed;
	else
		*level = PLAN_STORE_AUTO;
	return 0;
}

void plan_warn(struct plan *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_note(p, &p->notes, fmt, ap);
	va_end(ap);
	p->warnings++;
}

void plan_remark(struct plan *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_note(p, &p->remarks, fmt, ap);
	va_end(ap);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct plan_entry *)a)->path, ((const struct plan_entry *)b)->path);
}

static void index_paths(struct plan *p)
{
	strset_clear(&p->by_path);
	for (size_t i = 0; i < p->n_entries; i++)
		strset_add(&p->by_path, p->entries[i].path, (void *)(uintptr_t)(i + 1));
}

void plan_sort(struct plan *p)
{
	if (p->n_entries)
		qsort(p->entries, p->n_entries, sizeof(*p->entries), by_path);
	index_paths(p);
}

static const char *parent_of(struct plan *p, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? arena_strndup(&p->arena, path, (size_t)(slash - path)) : "";
}

void plan_filter(struct plan *p, bool (*gone)(const struct plan_entry *e, void *arg), void *arg)
{
	_cleanup_strset_ struct strset used = STRSET_INIT;
	size_t n = p->n_entries;

	/* Backwards, since a folder comes before its content. Kept entries move to the end. */
	for (size_t i = p->n_entries; i > 0; i--) {
		const struct plan_entry *e = &p->entries[i - 1];

		if (gone(e, arg) || (e->implied && !strset_has(&used, e->path)))
			continue;
		strset_add(&used, parent_of(p, e->path), NULL);
		p->entries[--n] = *e;
	}
	p->n_entries -= n;
	memmove(p->entries, p->entries + n, p->n_entries * sizeof(*p->entries));
	index_paths(p);
}
