/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/strset.h"
#include "base/text.h"
#include "format/ours/bootconf.h"
#include "format/ours/manifest.h"
#include "format/ours/modindex.h"
#include "image/release.h"
#include "image/tree.h"
#include "image/verify_early.h"

enum {
	PROBLEMS_MAX = 100,
	CHUNK = 64 * 1024,
	COMPONENT_MAX = 255,
	NAMES_MAX = 256 * 1024 * 1024, /* bytes of names that are kept */
};

struct check {
	struct image *image;
	struct arena *arena;
	struct verdict *v;
	struct tree tree;
	struct strset links; /* "archive:device:inode:type" -> content */
	struct digest *digest;
	const struct verify_extent *extents, *extents_end; /* those that were not passed yet */
	uint64_t name_bytes;
	struct buf manifest, index, conf, booster;
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

/* An image is hostile: what is shown must be safe on a terminal. */
static const char *printable(struct check *c, const char *value)
{
	char text[256];

	escape_text(value, text, sizeof(text));
	return arena_strdup(c->arena, text);
}

/* Where to keep the content of PATH if it is one of our files that are checked later. */
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
	if (strcmp(path, RELEASE_BOOSTER_PATH) == 0)
		return &c->booster;
	return strcmp(path, BOOTCONF_PATH) == 0 ? &c->conf : NULL;
}

/* The content of E: that of an earlier name of the same file, or one of its own. */
static struct tree_content *content_of(struct check *c, const struct image_entry *e)
{
	const struct cpio_header *h = &e->header;
	struct tree_content *made;
	const char *key;
	void **slot;

	if (h->nlink < 2 || S_ISDIR(h->mode) || S_ISLNK(h->mode))
		return arena_alloc(c->arena, sizeof(*made));
	key = arena_printf(c->arena, "%u:%u:%u:%u:%o", e->archive, h->major, h->minor, h->ino,
			   h->mode & S_IFMT);
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
		problem(c, "/%s has the inode number of a file in segment %u, and no end of an "
			"archive (TRAILER!!!) is between them: the kernel makes them one file",
			e->path, made->segment + 1);
	return made;
}

/* The digest of the SIZE bytes of data that come next, if the caller knows it; NULL. */
static const uint8_t *known_digest(struct check *c, uint64_t size)
{
	const struct verify_extent *x;
	uint64_t at;

	if (!image_data_place(c->image, &at))
		return NULL;
	while (c->extents < c->extents_end && c->extents->offset < at)
		c->extents++;
	x = c->extents;
	return x < c->extents_end && x->offset == at && x->size == size ? x->sha256 : NULL;
}

/* A further name of a file may have no data: then it changes nothing. */
static int read_data(struct check *c, struct tree_node *s, uint64_t size, bool linked, struct err *err)
{
	struct buf *keep = wanted_content(c, s->path, size);
	const uint8_t *known = keep ? NULL : known_digest(c, size);
	uint8_t chunk[CHUNK];
	ssize_t n;

	if (linked && size == 0)
		return 0;
	s->content->size = size;
	if (known) {
		memcpy(s->content->sha256, known, DIGEST_SIZE);
		return 0;
	}
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

/* Keeps the target of a link: where links lead is checked at the end. */
static int read_target(struct check *c, struct tree_node *s, struct err *err)
{
	char target[CPIO_TARGET_MAX + 1];
	ssize_t n = image_read(c->image, target, CPIO_TARGET_MAX, err);

	if (n < 0)
		return (int)n;
	target[n] = '\0';
	c->name_bytes += (uint64_t)n;
	digest_add(c->digest, target, (size_t)n);
	digest_take(c->digest, s->content->sha256);
	s->content->size = (uint64_t)n;
	s->target = arena_strdup(c->arena, target);
	return 0;
}

/* Where the entry ends up. NULL: nowhere, which is reported. */
static const char *find_place(struct check *c, const struct image_entry *e)
{
	const char *path = e->path, *slash = strrchr(path, '/'), *place;
	int r = tree_place(&c->tree, path, &place), dir = slash ? (int)(slash - path) : 0;

	if (strlen(slash ? slash + 1 : path) > COMPONENT_MAX)
		problem(c, "/%.80s...: a name of over %d bytes: the kernel leaves it out in silence",
			path, COMPONENT_MAX);
	else if (e->has_slash && !S_ISDIR(e->header.mode))
		problem(c, "/%s is no folder, but its name ends with a slash: the kernel leaves it "
			"out in silence", path);
	else if (r == -ENOENT && early_is_wanted(path))
		return arena_strdup(c->arena, path); /* the kernel finds it without unpacking it */
	else if (r == -ENOENT)
		problem(c, "/%s comes before its folder /%.*s: the kernel leaves it out in silence",
			path, dir, path);
	else if (r < 0)
		problem(c, "/%s: /%.*s is no folder: the kernel leaves it out in silence", path, dir,
			path);
	else
		return place;
	return NULL;
}

static bool has_type(unsigned mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode) ||
	       S_ISFIFO(mode) || S_ISSOCK(mode);
}

/* Things that the kernel ignores or does silently. OLD: mode of an earlier entry, 0: none. False
 * when the kernel leaves the entry out. */
static bool check_entry(struct check *c, const struct image_entry *e, unsigned old)
{
	unsigned mode = e->header.mode;
	uint32_t size = e->header.filesize;
	bool left_out = !S_ISREG(mode) && !S_ISLNK(mode) && size;

	if (!has_type(mode)) {
		problem(c, "/%s is of no type (mode %07o): the kernel leaves it out in silence",
			e->path, mode);
		return false;
	}
	if (left_out)
		problem(c, "/%s is no file but has data (%u bytes): the kernel leaves it out in "
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
	return !left_out;
}

/* What the kernel looks for before it unpacks anything. */
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

static int read_one(struct check *c, const struct image_entry *e, struct err *err)
{
	const struct cpio_header *h = &e->header;
	const char *place = find_place(c, e);
	const struct tree_node *behind;
	struct tree_node *s;
	bool is_first;
	int r;

	if (!place)
		return 0;
	s = tree_find(&c->tree, place);
	/* mkdir("lib/") does not replace a link to a folder, mkdir("lib") does. */
	if (s && S_ISLNK(s->mode) && e->has_slash) {
		behind = tree_follow(&c->tree, place);
		if (behind && S_ISDIR(behind->mode))
			return 0;
	}
	if (!check_entry(c, e, s ? s->mode : 0))
		return 0;
	s = tree_add(&c->tree, place);
	is_first = !s->mode;
	s->mode = h->mode;
	s->uid = h->uid;
	s->gid = h->gid;
	s->nlink = h->nlink;
	s->content = content_of(c, e);
	s->content->names++;
	if (S_ISREG(s->mode)) {
		c->v->files++;
		c->v->modules += strstr(e->path, ".ko") != NULL &&
				 strstr(e->path, "lib/modules/") != NULL;
	}
	if (S_ISLNK(h->mode))
		r = read_target(c, s, err);
	else
		r = read_data(c, s, h->filesize, S_ISREG(h->mode) && h->nlink >= 2, err);
	if (r == 0)
		check_early(c, e, is_first);
	return r;
}

static int read_entries(struct check *c, struct err *err)
{
	struct image_entry e;
	int r;

	while ((r = image_next(c->image, &e, err)) > 0) {
		c->name_bytes += strlen(e.path);
		if (c->name_bytes > NAMES_MAX)
			return err_set(err, -E2BIG, "the names are longer than %d MiB together",
				       NAMES_MAX >> 20);
		c->v->entries++;
		r = read_one(c, &e, err);
		if (r < 0)
			return r;
	}
	return r;
}

static void check_against_manifest(struct check *c, struct manifest_entry *m)
{
	static const struct {
		char type;
		unsigned mode;
	} types[] = {{'f', S_IFREG}, {'d', S_IFDIR}, {'l', S_IFLNK}};
	struct tree_node *s = tree_find(&c->tree, m->path);

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
	if (manifest_open(cursor, c->manifest.len, &err) < 0) {
		problem(c, "/" MANIFEST_PATH ": %s%s%s", err.text, err.hint[0] ? "; " : "", err.hint);
		return; /* what it says about the files means nothing now */
	}
	while ((r = manifest_next(&cursor, &line, &m, &err)) > 0)
		check_against_manifest(c, &m);
	if (r < 0)
		problem(c, "/" MANIFEST_PATH ": %s", err.text);
	for (size_t i = 0; i < c->tree.n; i++)
		if (!c->tree.all[i]->listed && strcmp(c->tree.all[i]->path, MANIFEST_PATH) != 0)
			problem(c, "/%s is not in the manifest", c->tree.all[i]->path);
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
		if (!tree_find(&c->tree, modindex_path(&x, m)))
			problem(c, "module %s is in the index, but /%s is not in the image",
				modindex_name(&x, m), modindex_path(&x, m));
}

static void check_run(struct check *c, char *value)
{
	const struct tree_node *program;
	struct bootconf_run run;

	if (!bootconf_run(value, &run)) {
		problem(c, "/" BOOTCONF_PATH ": a line \"dropin.run=\" that PID 1 cannot read");
		return;
	}
	run.path += strspn(run.path, "/");
	program = tree_follow(&c->tree, run.path);
	if (!program)
		problem(c, "/%s is to be run at boot, but is not in the image", run.path);
	else if (!S_ISREG(program->mode) || !(program->mode & 0111))
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
		else if (strcmp(key, "dropin.run") == 0)
			check_run(c, value);
		else if (strcmp(key, "load") == 0 && has_index &&
			 modindex_find(&x, value) == MODINDEX_NONE)
			problem(c, "module %s is to be loaded at once, but it is not in the image",
				value);
	}
}

/* The kernel that another builder made the image for; none if it has modules of several. */
static void find_kernel(struct check *c)
{
	const char *found = NULL, *below;
	size_t len = 0, found_len = 0;

	for (size_t i = 0; i < c->tree.n; i++) {
		const struct tree_node *s = c->tree.all[i];
		const char *release = release_of_path(s->path, S_ISDIR(s->mode), &len, &below);

		if (!release)
			continue;
		if (found && (len != found_len || memcmp(found, release, len) != 0))
			return;
		found = release;
		found_len = len;
	}
	buf_cstr(&c->booster);
	if (found)
		c->v->kernel = printable(c, arena_strndup(c->arena, found, found_len));
	else if ((found = release_of_booster((char *)c->booster.data)))
		c->v->kernel = printable(c, found);
}

static void check_init(struct check *c)
{
	const struct tree_node *s = tree_find(&c->tree, "init"), *behind = tree_follow(&c->tree, "init");

	if (!s)
		problem(c, "there is no /init: the kernel would ignore the image");
	else if (!behind)
		problem(c, "/init is a link to %s, which leads nowhere in the image: the kernel would "
			"ignore the image", s->target ? s->target : "nothing");
	else if (S_ISDIR(behind->mode))
		problem(c, "/init is a folder: the kernel would ignore the image");
	else if (!S_ISREG(behind->mode))
		problem(c, "/init is no program");
	else if (!(behind->mode & 0111))
		problem(c, "/init is not executable");
}

int image_verify(struct image *image, const struct verify_expected *expected, struct arena *arena,
		 struct verdict *out, struct err *err)
{
	struct verdict v = {0};
	struct check c = {.image = image, .arena = arena, .v = &v, .digest = digest_new(),
			  .tree = {.arena = arena}};
	const struct image_segment *segments;
	int r;

	if (expected && expected->n_extents) {
		c.extents = expected->extents;
		c.extents_end = c.extents + expected->n_extents;
	}
	r = read_entries(&c, err);
	if (r == 0) {
		segments = image_segments(image, &v.n_segments);
		v.segments = arena_memdup(arena, segments, v.n_segments * sizeof(*segments));
		v.ours = tree_find(&c.tree, MANIFEST_PATH) != NULL;
		check_init(&c);
		if (v.ours) {
			check_manifest(&c, expected ? expected->manifest : NULL);
			check_index(&c);
			check_conf(&c);
		} else {
			find_kernel(&c);
		}
		if (expected && !v.ours)
			problem(&c, "the manifest is missing");
		*out = v;
	}
	digest_free(c.digest);
	tree_clear(&c.tree);
	strset_clear(&c.links);
	buf_clear(&c.manifest);
	buf_clear(&c.index);
	buf_clear(&c.conf);
	buf_clear(&c.booster);
	buf_clear(&c.early);
	return r < 0 ? r : 0;
}
