/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "format/bootconf.h"
#include "format/manifest.h"
#include "format/modindex.h"
#include "base/digest.h"
#include "image/verify_early.h"

enum {
	PROBLEMS_MAX = 100,
	CHUNK = 64 * 1024,
	COMPONENT_MAX = 255,
	NAMES_MAX = 256 * 1024 * 1024, /* bytes of names that are kept */
};

/* What the image has at a path. */
struct seen {
	const char *path;
	unsigned mode; /* with the type */
	uint32_t uid, gid, nlink;
	struct content *content;
	bool listed; /* in the manifest */
};

/* What several names may share. */
struct content {
	uint64_t size;
	uint8_t sha256[DIGEST_SIZE];
	unsigned segment; /* of its first name */
	uint32_t names;
};

struct check {
	struct image *image;
	struct arena *arena;
	struct verdict *v;
	struct strset paths;
	struct strset links; /* "archive:device:inode" -> content */
	struct seen **all; /* in the order of the image; a path that comes again stands once */
	size_t n_all;
	struct digest *digest;
	uint64_t name_bytes;
	struct buf manifest, index, conf;
	struct buf early; /* the current entry, if the kernel looks for it early */
};

static void problem(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void problem(struct check *c, const char *fmt, ...)
{
	struct verdict_problem *p;
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (c->v->n_problems++ >= PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p = arena_alloc(c->arena, sizeof(*p));
	p->text = arena_strdup(c->arena, text);
	p->next = c->v->problems;
	c->v->problems = p;
}

/* An image is hostile: what is shown must not drive a terminal. */
static const char *printable(struct check *c, const char *value)
{
	char text[256];

	escape_text(value, text, sizeof(text));
	return arena_strdup(c->arena, text);
}

/* Files of ours whose content is looked into. */
static struct buf *wanted_content(struct check *c, const char *path, uint64_t size)
{
	if (size > MANIFEST_SIZE_MAX)
		return NULL;
	if (strcmp(path, MANIFEST_PATH) == 0)
		return &c->manifest;
	if (strcmp(path, MODINDEX_PATH) == 0)
		return &c->index;
	if (early_is_wanted(path))
		return &c->early;
	return strcmp(path, BOOTCONF_PATH) == 0 ? &c->conf : NULL;
}

/* The content that E is about: that of an earlier name of the same file, or one of its own. */
static struct content *content_of(struct check *c, const struct image_entry *e)
{
	const struct cpio_header *h = &e->header;
	struct content *made;
	const char *key;
	void **slot;

	if (!S_ISREG(h->mode) || h->nlink < 2)
		return arena_alloc(c->arena, sizeof(*made));
	key = arena_printf(c->arena, "%u:%u:%u:%u", e->archive, h->major, h->minor, h->ino);
	slot = strset_find(&c->links, key);
	if (!slot) {
		made = arena_alloc(c->arena, sizeof(*made));
		made->segment = e->segment;
		digest_take(c->digest, made->sha256); /* of nothing, so far */
		strset_add(&c->links, key, made);
		return made;
	}
	made = *slot;
	if (made->segment != e->segment)
		problem(c, "/%s has the number of a file in segment %u, and no trailer lies "
			"between: the kernel would make one file of both", e->path,
			made->segment + 1);
	return made;
}

/* A further name of a file may come without data: then it changes nothing. */
static int read_data(struct check *c, struct seen *s, uint64_t size, bool linked, struct err *err)
{
	struct buf *keep = wanted_content(c, s->path, size);
	uint8_t chunk[CHUNK];
	ssize_t n;

	if (linked && size == 0)
		return 0;
	s->content->size = size;
	if (keep)
		keep->len = 0;
	while ((n = image_read(c->image, chunk, sizeof(chunk), err)) > 0) {
		digest_add(c->digest, chunk, (size_t)n);
		if (keep)
			buf_add(keep, chunk, (size_t)n);
	}
	digest_take(c->digest, s->content->sha256);
	return (int)n;
}

static struct seen *seen_at(struct check *c, const char *path)
{
	void **slot = strset_find(&c->paths, path);
	struct seen *s;

	if (slot)
		return *slot;
	s = arena_alloc(c->arena, sizeof(*s));
	s->path = arena_strdup(c->arena, path);
	strset_add(&c->paths, s->path, s);
	if ((c->n_all & (c->n_all - 1)) == 0)
		c->all = xrealloc(c->all, c->n_all ? c->n_all * 2 : 1, sizeof(struct seen *));
	c->all[c->n_all++] = s;
	return s;
}

static void check_parent(struct check *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	void **slot = dir ? strset_find(&c->paths, dir) : NULL;
	const struct seen *s = slot ? *slot : NULL;

	if (dir && !s)
		problem(c, "/%s comes before its folder /%s: the kernel leaves it out in silence",
			path, dir);
	else if (s && !S_ISDIR(s->mode) && !S_ISLNK(s->mode))
		problem(c, "/%s: /%s is no folder: the kernel leaves it out in silence", path, dir);
	if (strlen(slash ? slash + 1 : path) > COMPONENT_MAX)
		problem(c, "/%.80s...: a name of over %d bytes: the kernel leaves it out in silence",
			path, COMPONENT_MAX);
}

/* What the kernel does without a word, or not at all. OLD: mode of an earlier entry, 0: none. */
static void check_entry(struct check *c, const struct image_entry *e, unsigned old)
{
	unsigned mode = e->header.mode;
	uint32_t size = e->header.filesize;

	if (!S_ISREG(mode) && !S_ISLNK(mode) && size)
		problem(c, "/%s is no file but has %u bytes of data: the kernel leaves it out in "
			"silence", e->path, size);
	if (S_ISLNK(mode) && (size == 0 || size >= CPIO_TARGET_MAX))
		problem(c, "/%s is a link with a target of %u bytes, which the kernel does not make",
			e->path, size);
	if (S_ISDIR(mode) && S_ISLNK(old))
		problem(c, "/%s was a link and becomes an empty folder: what lay behind the link is "
			"lost", e->path);
	if (!S_ISDIR(mode) && S_ISDIR(old))
		problem(c, "/%s was a folder before: the kernel keeps it when it is not empty",
			e->path);
}

/* What the kernel looks for before it unpacks. */
static void check_early(struct check *c, const struct image_entry *e, bool is_first)
{
	const struct image_segment *segments;
	struct err err = {0};
	size_t n;

	if (!early_is_wanted(e->path) || S_ISDIR(e->header.mode))
		return;
	segments = image_segments(c->image, &n);
	if (early_check(e, segments, is_first, &c->early, &err) < 0)
		problem(c, "/%s: %s", printable(c, e->path), err.text);
	else
		c->v->early++;
	c->early.len = 0;
}

static int read_entries(struct check *c, struct err *err)
{
	struct image_entry e;
	int r;

	while ((r = image_next(c->image, &e, err)) > 0) {
		struct seen *s;
		bool is_first;

		c->name_bytes += strlen(e.path);
		if (c->name_bytes > NAMES_MAX)
			return err_set(err, -E2BIG, "the names are longer than %d MiB together",
				       NAMES_MAX >> 20);
		if (!early_is_wanted(e.path))
			check_parent(c, e.path);
		s = seen_at(c, e.path);
		is_first = !s->mode;
		check_entry(c, &e, s->mode);
		s->mode = e.header.mode;
		s->uid = e.header.uid;
		s->gid = e.header.gid;
		s->nlink = e.header.nlink;
		s->content = content_of(c, &e);
		s->content->names++;
		c->v->entries++;
		if (S_ISREG(s->mode)) {
			c->v->files++;
			c->v->modules += strstr(e.path, ".ko") != NULL &&
					 strstr(e.path, "lib/modules/") != NULL;
		}
		r = read_data(c, s, e.header.filesize,
			      S_ISREG(s->mode) && e.header.nlink >= 2, err);
		if (r < 0)
			return r;
		check_early(c, &e, is_first);
	}
	return r;
}

static void check_against_manifest(struct check *c, struct manifest_entry *m)
{
	static const struct {
		char type;
		unsigned mode;
	} types[] = {{'f', S_IFREG}, {'d', S_IFDIR}, {'l', S_IFLNK}};
	void **slot = strset_find(&c->paths, m->path);
	struct seen *s = slot ? *slot : NULL;

	if (!s) {
		problem(c, "/%s is in the manifest but not in the image", m->path);
		return;
	}
	s->listed = true;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == m->type && s->mode != (types[i].mode | m->mode))
			problem(c, "/%s has mode %o, not %o as the manifest says", m->path,
				s->mode, types[i].mode | m->mode);
	if (s->uid || s->gid)
		problem(c, "/%s belongs to user %u and group %u, not to root", m->path, s->uid,
			s->gid);
	if (m->type == 'd')
		return;
	if (s->nlink != s->content->names)
		problem(c, "/%s says that it has %u names, and %u are there", m->path, s->nlink,
			s->content->names);
	if (s->content->size != m->size)
		problem(c, "/%s has %llu bytes, not %llu as the manifest says", m->path,
			(unsigned long long)s->content->size, (unsigned long long)m->size);
	else if (m->has_digest && memcmp(s->content->sha256, m->sha256, sizeof(m->sha256)) != 0)
		problem(c, "/%s has other content than the manifest says", m->path);
}

static void check_manifest(struct check *c, const struct buf *expected)
{
	struct manifest_entry m;
	struct err err = {0};
	unsigned line = 0;
	char *cursor;
	int r;

	if (expected && (c->manifest.len != expected->len ||
			 memcmp(c->manifest.data, expected->data, expected->len) != 0))
		problem(c, "the manifest is not the one that was written");
	buf_cstr(&c->manifest);
	cursor = (char *)c->manifest.data;
	while ((r = manifest_next(&cursor, &line, &m, &err)) > 0)
		check_against_manifest(c, &m);
	if (r < 0)
		problem(c, "/" MANIFEST_PATH ": %s", err.text);
	for (size_t i = 0; i < c->n_all; i++)
		if (!c->all[i]->listed && strcmp(c->all[i]->path, MANIFEST_PATH) != 0)
			problem(c, "/%s is not in the manifest", c->all[i]->path);
}

static void check_index(struct check *c)
{
	struct modindex x;
	struct err err = {0};

	if (modindex_decode(c->index.data, c->index.len, &x, &err) < 0) {
		problem(c, "/" MODINDEX_PATH ": %s", err.text);
		return;
	}
	for (uint32_t m = 0; m < x.n_modules; m++)
		if (!strset_has(&c->paths, modindex_path(&x, m)))
			problem(c, "module %s is in the index, but /%s is not in the image",
				modindex_name(&x, m), modindex_path(&x, m));
}

static const struct seen *find_seen(const struct check *c, const char *path)
{
	void **slot = strset_find(&c->paths, path);

	return slot ? *slot : NULL;
}

/* Does a link stand on the way to PATH? */
static bool is_behind_link(const struct check *c, const char *path)
{
	for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
		_cleanup_free_ char *dir = strndup(path, (size_t)(s - path));
		const struct seen *there = dir ? find_seen(c, dir) : NULL;

		if (there && S_ISLNK(there->mode))
			return true;
	}
	return false;
}

/* What lies behind a link is not looked for. */
static void check_run(struct check *c, char *value)
{
	struct bootconf_run run;
	const struct seen *s;

	if (!bootconf_run(value, &run)) {
		problem(c, "/" BOOTCONF_PATH ": a line \"run=\" that PID 1 cannot read");
		return;
	}
	run.path += strspn(run.path, "/");
	s = find_seen(c, run.path);
	if (!s && !is_behind_link(c, run.path))
		problem(c, "/%s is to be run at boot, but is not in the image", run.path);
	if (s && S_ISREG(s->mode) && !(s->mode & 0111))
		problem(c, "/%s is to be run at boot, but is not executable", run.path);
}

static void check_conf(struct check *c)
{
	struct modindex x;
	char *cursor, *key, *value;
	bool has_index = modindex_decode(c->index.data, c->index.len, &x, NULL) == 0;

	buf_cstr(&c->conf);
	cursor = (char *)c->conf.data;
	while (bootconf_next(&cursor, &key, &value)) {
		if (strcmp(key, "kernel") == 0)
			c->v->kernel = printable(c, value);
		else if (strcmp(key, "mode") == 0)
			c->v->mode = printable(c, value);
		else if (strcmp(key, "run") == 0)
			check_run(c, value);
		else if (strcmp(key, "load") == 0 && has_index &&
			 modindex_find(&x, value) == MODINDEX_NONE)
			problem(c, "module %s is to be loaded at once, but it is not in the image",
				value);
	}
}

static void check_init(struct check *c)
{
	void **slot = strset_find(&c->paths, "init");
	const struct seen *s = slot ? *slot : NULL;

	if (!s)
		problem(c, "there is no /init: the kernel would ignore the image");
	else if (S_ISDIR(s->mode))
		problem(c, "/init is a folder: the kernel would ignore the image");
	else if (S_ISREG(s->mode) && !(s->mode & 0100))
		problem(c, "/init is not executable");
}

int image_verify(struct image *image, const struct buf *expected, struct arena *arena,
		 struct verdict *out, struct err *err)
{
	struct verdict v = {0};
	struct check c = {.image = image, .arena = arena, .v = &v, .digest = digest_new()};
	const struct image_segment *segments;
	int r = read_entries(&c, err);

	if (r == 0) {
		segments = image_segments(image, &v.n_segments);
		v.segments = arena_memdup(arena, segments, v.n_segments * sizeof(*segments));
		v.ours = strset_has(&c.paths, MANIFEST_PATH);
		check_init(&c);
		if (v.ours) {
			check_manifest(&c, expected);
			check_index(&c);
			check_conf(&c);
		} else if (expected) {
			problem(&c, "the manifest is missing");
		}
		*out = v;
	}
	digest_free(c.digest);
	strset_clear(&c.paths);
	strset_clear(&c.links);
	free(c.all);
	buf_clear(&c.manifest);
	buf_clear(&c.index);
	buf_clear(&c.conf);
	buf_clear(&c.early);
	return r < 0 ? r : 0;
}
