/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "format/ours/bootconf.h"
#include "format/codec/decode_all.h"
#include "format/ours/modindex.h"
#include "format/kernel/modinfo.h"
#include "format/codec/unpack.h"
#include "image/diff.h"
#include "image/release.h"

enum {
	CHUNK = 64 * 1024,
	NAMES_MAX = 256 * 1024 * 1024,
	INDEX_MAX = 16 * 1024 * 1024,
};

struct reader {
	struct image *image;
	struct arena *arena;
	struct diff_side *side;
	struct strset paths;
	struct strset inodes; /* "archive inode device" -> the entry that has the data */
	struct digest *digest;
	uint64_t names, texts;
	struct buf data, plain; /* of the current file, if its content matters */
};

/* Folders and files, of this project and of other builders, that control how to boot. */
static bool is_configuration(const char *path)
{
	static const char *const starts[] = {
		"etc/preroot/",	     "etc/modprobe.d/",	 "usr/lib/modprobe.d/", "lib/modprobe.d/",
		"etc/cmdline.d/",    "etc/cmdline",	 "etc/conf.d/",		"etc/crypttab",
		"etc/fstab",	     "etc/mdadm",	 "etc/lvm/",		"etc/multipath",
		"etc/modules-load.d", "usr/lib/modules-load.d", "etc/vconsole.conf", "etc/hostname",
		"etc/booster.init.yaml", "conf/",	 "config",		"buildconfig",
		"cryptroot/",	     "etc/initrd-release", "usr/lib/initrd-release",
		"etc/sysctl.d/",     "usr/lib/dracut/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (str_starts(path, starts[i]))
			return true;
	return false;
}

static void find_kernel(struct reader *r, struct diff_entry *e)
{
	size_t len;
	const char *release = release_of_path(e->path, S_ISDIR(e->mode), &len, &e->below);

	e->kernel = release ? arena_strndup(r->arena, release, len) : NULL;
}

/* The part of PATH after lib/modules, with its slash; NULL: PATH is not below lib/modules. */
static const char *below_modules(const char *path)
{
	static const char folder[] = "lib/modules";

	path += str_starts(path, "usr/") ? strlen("usr/") : 0;
	return str_starts(path, folder) && path[strlen(folder)] == '/' ? path + strlen(folder) : NULL;
}

/* booster's modules are all in one folder, and its configuration says which kernel they are for. */
static void find_kernel_of_booster(struct reader *r)
{
	const char *release = NULL;

	for (size_t i = 0; i < r->side->n_entries && !r->side->n_kernels; i++) {
		const struct diff_entry *e = r->side->entries[i];

		if (e->text && strcmp(e->path, RELEASE_BOOSTER_PATH) == 0)
			release = release_of_booster(arena_strdup(r->arena, e->text));
	}
	if (!release)
		return;
	r->side->kernels[r->side->n_kernels++] = release;
	for (size_t i = 0; i < r->side->n_entries; i++) {
		struct diff_entry *e = r->side->entries[i];
		const char *below = below_modules(e->path);

		if (below) {
			e->kernel = release;
			e->below = below;
		}
	}
}

/* The name of a module without folder and suffix; NULL when PATH is not a module. */
static const char *module_name(struct reader *r, const struct diff_entry *e)
{
	const char *name = strrchr(e->path, '/'), *dot = NULL;
	char text[MODINDEX_NAME_MAX];

	if (!below_modules(e->path) || !S_ISREG(e->mode) || !name)
		return NULL;
	for (const char *p = name; (p = strstr(p, ".ko")); p++)
		dot = p;
	if (!dot || (dot[3] && (dot[3] != '.' ||
				(codec_by_suffix(e->path) == CODEC_NONE))))
		return NULL;
	name = arena_strndup(r->arena, name + 1, (size_t)(dot - name - 1));
	return modindex_normalise(name, text) ? arena_strdup(r->arena, text) : NULL;
}

static const char *info_of(struct reader *r, const char *section, size_t len, const char *key)
{
	size_t at = 0;
	const char *value = modinfo_next(section, len, key, &at);

	return value ? arena_strdup(r->arena, value) : NULL;
}

/* Reads a module. One that is damaged, or compressed in an unknown way, is compared by its bytes
 * only. */
static int read_module(struct reader *r, struct diff_entry *e, const char *name, struct err *err)
{
	enum codec codec = codec_by_suffix(e->path);
	const struct decoder_ops *ops = decoder_find(codec);
	struct diff_module *m = arena_alloc(r->arena, sizeof(*m));
	struct buf *plain = &r->data;
	const char *section;
	struct err damage;
	size_t len;
	int unpacked;

	m->name = name;
	memcpy(m->plain, e->sha256, sizeof(m->plain));
	e->module = m;
	if (codec != CODEC_NONE) {
		if (!ops)
			return 0;
		r->plain.len = 0;
		unpacked = unpack(ops, buf_cstr(&r->data), r->data.len, DIFF_MODULE_MAX, &r->plain, NULL,
				  &damage);
		if (image_add_work(r->image, r->plain.len, err) < 0)
			return -E2BIG;
		if (unpacked < 0)
			return 0;
		plain = &r->plain;
		digest_of(plain->data, plain->len, m->plain);
	}
	if (modinfo_find(plain->data, plain->len, &section, &len, &damage) < 0)
		return 0;
	m->vermagic = info_of(r, section, len, "vermagic");
	m->srcversion = info_of(r, section, len, "srcversion");
	m->version = info_of(r, section, len, "version");
	return 0;
}

static bool is_text(const struct buf *b)
{
	return !memchr(b->data ? (const char *)b->data : "", '\0', b->len);
}

/* Keeps the content that is needed later. */
static void keep(struct reader *r, struct diff_entry *e, bool is_index)
{
	if (is_index) {
		r->side->index = arena_memdup(r->arena, r->data.data, r->data.len);
		r->side->index_len = r->data.len;
	} else if (r->texts + e->size <= DIFF_TEXTS_MAX && is_text(&r->data)) {
		r->texts += e->size;
		e->text = arena_strdup(r->arena, buf_cstr(&r->data));
	}
}

static int read_data(struct reader *r, struct diff_entry *e, struct err *err)
{
	const char *module = e->size <= DIFF_MODULE_MAX ? module_name(r, e) : NULL;
	bool is_index = strcmp(e->path, MODINDEX_PATH) == 0 && e->size <= INDEX_MAX;
	bool is_conf = S_ISREG(e->mode) && e->size <= DIFF_TEXT_MAX && is_configuration(e->path);
	uint8_t chunk[CHUNK];
	int unpacked = 0;
	ssize_t n;

	r->data.len = 0;
	while ((n = image_read(r->image, chunk, sizeof(chunk), err)) > 0) {
		digest_add(r->digest, chunk, (size_t)n);
		if (module || is_index || is_conf)
			buf_add(&r->data, chunk, (size_t)n);
	}
	digest_take(r->digest, e->sha256);
	if (n < 0)
		return (int)n;
	if (buf_status(&r->data) < 0)
		return err_set(err, -ENOMEM, "no memory left to read a module");
	if (module)
		unpacked = read_module(r, e, module, err);
	if (is_index || is_conf)
		keep(r, e, is_index);
	return unpacked;
}

/* If a path occurs several times, the kernel keeps the last one. */
static struct diff_entry *entry_at(struct reader *r, const char *path)
{
	void **slot = strset_find(&r->paths, path);
	struct diff_side *s = r->side;
	struct diff_entry *e;

	if (slot) {
		e = *slot;
		*e = (struct diff_entry){.path = e->path};
		return e;
	}
	e = arena_alloc(r->arena, sizeof(*e));
	e->path = arena_strdup(r->arena, path);
	strset_add(&r->paths, e->path, e);
	if ((s->n_entries & (s->n_entries - 1)) == 0)
		s->entries = xrealloc(s->entries, s->n_entries ? s->n_entries * 2 : 1,
				      sizeof(struct diff_entry *));
	s->entries[s->n_entries++] = e;
	return e;
}

/* Of files with several names only one has the data. OTHERS get it when all are read. */
struct linked {
	struct linked *next;
	struct diff_entry *entry;
	const char *inode;
};

static void note_link(struct reader *r, const struct image_entry *i, struct diff_entry *e,
		      struct linked **list)
{
	const struct cpio_header *h = &i->header;
	struct linked *l;
	char *inode;

	if (!S_ISREG(h->mode) || h->nlink < 2)
		return;
	inode = arena_printf(r->arena, "%u %u %u %u", i->archive, h->ino, h->major, h->minor);
	if (h->filesize) {
		strset_add(&r->inodes, inode, e);
		return;
	}
	l = arena_alloc(r->arena, sizeof(*l));
	*l = (struct linked){.next = *list, .entry = e, .inode = inode};
	*list = l;
}

static void follow_links(struct reader *r, const struct linked *l)
{
	for (; l; l = l->next) {
		void **slot = strset_find(&r->inodes, l->inode);
		const struct diff_entry *from = slot ? *slot : NULL;

		if (!from || l->entry->size)
			continue;
		l->entry->size = from->size;
		l->entry->text = from->text;
		memcpy(l->entry->sha256, from->sha256, sizeof(from->sha256));
		if (l->entry->module && from->module)
			*l->entry->module = (struct diff_module){
				l->entry->module->name, from->module->vermagic,
				from->module->srcversion, from->module->version, {0}};
		if (l->entry->module)
			memcpy(l->entry->module->plain,
			       from->module ? from->module->plain : from->sha256,
			       sizeof(from->sha256));
	}
}

static int add_kernel(struct diff_side *s, const char *kernel, struct err *err)
{
	for (size_t i = 0; i < s->n_kernels; i++)
		if (strcmp(s->kernels[i], kernel) == 0)
			return 0;
	if (s->n_kernels == DIFF_KERNELS_MAX)
		return err_set(err, -E2BIG, "modules of more than %d kernels", DIFF_KERNELS_MAX);
	s->kernels[s->n_kernels++] = kernel;
	return 0;
}

static int read_entries(struct reader *r, struct err *err)
{
	struct linked *links = NULL;
	struct image_entry i;
	int n;

	while ((n = image_next(r->image, &i, err)) > 0) {
		struct diff_entry *e;

		r->names += strlen(i.path);
		if (r->names > NAMES_MAX)
			return err_set(err, -E2BIG, "the names are longer than %d MiB together",
				       NAMES_MAX >> 20);
		e = entry_at(r, i.path);
		e->mode = i.header.mode;
		e->uid = i.header.uid;
		e->gid = i.header.gid;
		e->major = i.header.rmajor;
		e->minor = i.header.rminor;
		e->size = i.header.filesize;
		find_kernel(r, e);
		if (e->kernel && (n = add_kernel(r->side, e->kernel, err)) < 0)
			return n;
		n = read_data(r, e, err);
		if (n < 0)
			return n;
		note_link(r, &i, e, &links);
	}
	if (n == 0) {
		follow_links(r, links);
		find_kernel_of_booster(r);
	}
	return n;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int diff_read(struct image *image, struct arena *arena, struct diff_side *out, struct err *err)
{
	struct diff_side side = {0};
	struct reader r = {
		.image = image, .arena = arena, .side = &side, .digest = digest_new()};
	const struct image_segment *segments;
	struct diff_entry **entries;
	int n = read_entries(&r, err);

	if (n == 0) {
		segments = image_segments(image, &side.n_segments);
		side.segments = arena_memdup(arena, segments, side.n_segments * sizeof(*segments));
		side.bytes = image_size(image);
		qsort(side.kernels, side.n_kernels, sizeof(*side.kernels), by_text);
		entries = side.entries;
		side.entries = arena_memdup(arena, entries, side.n_entries * sizeof(*entries));
		*out = side;
		free(entries);
	} else {
		free(side.entries);
	}
	digest_free(r.digest);
	strset_clear(&r.paths);
	strset_clear(&r.inodes);
	buf_clear(&r.data);
	buf_clear(&r.plain);
	return n;
}
