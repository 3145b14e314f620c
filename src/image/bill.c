/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/bill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "base/strset.h"
#include "format/package/purl.h"

enum { CHUNK = 64 * 1024, NAMES_MAX = 256 * 1024 * 1024 };

/* The content that the image has at a path. */
struct content {
	uint8_t sha256[DIGEST_SIZE], sha1[DIGEST_SHA1_SIZE];
};

struct reader {
	struct image *image;
	struct arena *arena;
	struct bill *bill;
	struct strset contents, packages;
	struct strset inodes; /* "archive inode device" -> the content of a file with several names */
	struct digest *sha256, *sha1;
	struct buf manifest;
	bool has_manifest;
	const char *kind, *os, *os_version;
};

/* The content of a file with several names: one of its entries has the data, and in our images it
 * comes first. */
static struct content *linked_content(struct reader *r, const struct image_entry *e,
				      struct content *own)
{
	const struct cpio_header *h = &e->header;
	const char *inode;
	void **slot;

	if (h->nlink < 2)
		return own;
	inode = arena_printf(r->arena, "%u %u %u %u", e->archive, h->ino, h->major, h->minor);
	slot = strset_find(&r->inodes, inode);
	if (slot && !h->filesize)
		return *slot;
	if (h->filesize)
		strset_add(&r->inodes, inode, own);
	return own;
}

static int read_file(struct reader *r, const struct image_entry *e, struct err *err)
{
	bool is_manifest = strcmp(e->path, MANIFEST_PATH) == 0 &&
			   e->header.filesize <= MANIFEST_SIZE_MAX;
	struct content *c = arena_alloc(r->arena, sizeof(*c));
	void **slot = strset_find(&r->contents, e->path);
	uint8_t chunk[CHUNK];
	ssize_t n;

	if (is_manifest) {
		r->manifest.len = 0;
		r->has_manifest = true;
	}
	while ((n = image_read(r->image, chunk, sizeof(chunk), err)) > 0) {
		digest_add(r->sha256, chunk, (size_t)n);
		digest_add(r->sha1, chunk, (size_t)n);
		if (is_manifest)
			buf_add(&r->manifest, chunk, (size_t)n);
	}
	digest_take(r->sha256, c->sha256);
	digest_take(r->sha1, c->sha1);
	c = linked_content(r, e, c);
	if (slot)
		*slot = c;
	else
		strset_add(&r->contents, arena_strdup(r->arena, e->path), c);
	return (int)n;
}

static int read_image(struct reader *r, struct err *err)
{
	uint64_t names = 0;
	struct image_entry e;
	int n;

	while ((n = image_next(r->image, &e, err)) > 0) {
		if (!S_ISREG(e.header.mode))
			continue;
		names += strlen(e.path);
		if (names > NAMES_MAX)
			return err_set(err, -E2BIG, "the names are longer than %d MiB together",
				       NAMES_MAX >> 20);
		n = read_file(r, &e, err);
		if (n < 0)
			return n;
	}
	return n < 0 ? n : buf_status(&r->manifest) < 0 ? err_set(err, -ENOMEM, "no memory left") : 0;
}

static void take_fact(struct reader *r, const char *key, const char *value)
{
	if (strcmp(key, "kernel") == 0)
		r->bill->kernel = value;
	else if (strcmp(key, "packages") == 0)
		r->kind = value;
	else if (strcmp(key, "os") == 0)
		r->os = value;
	else if (strcmp(key, "os-version") == 0)
		r->os_version = value;
}

/* The one entry of a package, however many files it has. Sorting moves the entries: files get
 * theirs at the end, by number. */
static void *package_of(struct reader *r, const struct manifest_package *m)
{
	struct bill *b = r->bill;
	_cleanup_buf_ struct buf url = BUF_INIT;
	struct bill_package *p;
	const char *key;
	void **slot;

	if (!m->name)
		return NULL;
	key = arena_printf(r->arena, "%s\n%s\n%s", m->name, m->version, m->arch ? m->arch : "");
	slot = strset_find(&r->packages, key);
	if (slot)
		return *slot;
	p = arena_alloc(r->arena, sizeof(*p));
	*p = (struct bill_package){.name = m->name, .version = m->version, .arch = m->arch};
	if (r->kind) {
		purl_add(&url, &(struct purl){r->kind, r->os, r->os_version, m->arch, m->name,
					      m->version});
		p->purl = arena_strdup(r->arena, buf_cstr(&url));
	}
	strset_add(&r->packages, key, p);
	b->n_packages++;
	return p;
}

static int add_file(struct reader *r, const struct manifest_entry *m, struct err *err)
{
	void **slot = strset_find(&r->contents, m->path);
	const struct content *c = slot ? *slot : NULL;
	struct bill *b = r->bill;
	struct bill_file *f;

	if (!c)
		return err_set(err, -EBADMSG, "/%s is in the manifest but not in the image", m->path);
	if (m->has_digest && memcmp(c->sha256, m->sha256, sizeof(c->sha256)) != 0)
		return err_set(err, -EBADMSG, "/%s has other content than the manifest says",
			       m->path);
	if ((b->n_files & (b->n_files - 1)) == 0)
		b->files = xrealloc(b->files, b->n_files ? b->n_files * 2 : 1, sizeof(*b->files));
	f = &b->files[b->n_files++];
	*f = (struct bill_file){.path = m->path,
				.source = m->source,
				.reason = m->reason,
				.package = package_of(r, &m->package)};
	memcpy(f->sha256, c->sha256, sizeof(f->sha256));
	memcpy(f->sha1, c->sha1, sizeof(f->sha1));
	return 0;
}

static int read_manifest(struct reader *r, struct err *err)
{
	const char *key, *value;
	struct manifest_entry m;
	unsigned line = 0;
	char *cursor;
	int n;

	digest_of(buf_cstr(&r->manifest), r->manifest.len, r->bill->id);
	n = manifest_open((char *)r->manifest.data, r->manifest.len, err);
	if (n < 0)
		return n;
	cursor = arena_strndup(r->arena, buf_cstr(&r->manifest), r->manifest.len);
	while ((n = manifest_next_fact(&cursor, &line, &key, &value, err)) > 0)
		take_fact(r, key, value);
	while (n == 0 && (n = manifest_next(&cursor, &line, &m, err)) > 0)
		n = m.type == 'f' ? add_file(r, &m, err) : 0;
	m = (struct manifest_entry){
		.type = 'f', .path = MANIFEST_PATH, .reason = "says what is in the image, and why"};
	return n < 0 ? n : add_file(r, &m, err);
}

/* ---- order ---- */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct bill_file *)a)->path, ((const struct bill_file *)b)->path);
}

static int by_name(const void *a, const void *b)
{
	const struct bill_package *x = *(void *const *)a, *y = *(void *const *)b;
	int order = strcmp(x->name, y->name);

	if (!order)
		order = strcmp(x->version, y->version);
	return order ? order : strcmp(x->arch ? x->arch : "", y->arch ? y->arch : "");
}

static void sort_packages(struct reader *r)
{
	_cleanup_free_ void **list = xrealloc(NULL, r->packages.count + 1, sizeof(void *));
	struct bill *b = r->bill;
	size_t n = strset_values(&r->packages, list);

	if (n)
		qsort(list, n, sizeof(void *), by_name);
	b->packages = arena_alloc(r->arena, (n + 1) * sizeof(*b->packages));
	for (size_t i = 0; i < n; i++)
		b->packages[i] = *(struct bill_package *)list[i];
	for (size_t i = 0; i < b->n_files; i++) {
		struct bill_file *f = &b->files[i];
		void **at = f->package ? bsearch(&f->package, list, n, sizeof(void *), by_name)
				       : NULL;

		f->package = at ? &b->packages[at - list] : NULL;
	}
}

static int by_sum(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SHA1_SIZE);
}

static void make_code(struct reader *r)
{
	struct bill *b = r->bill;
	_cleanup_free_ uint8_t *sums = xrealloc(NULL, b->n_files + 1, DIGEST_SHA1_SIZE);
	char hex[3];

	for (size_t i = 0; i < b->n_files; i++)
		memcpy(sums + i * DIGEST_SHA1_SIZE, b->files[i].sha1, DIGEST_SHA1_SIZE);
	if (b->n_files)
		qsort(sums, b->n_files, DIGEST_SHA1_SIZE, by_sum);
	for (size_t i = 0; i < b->n_files * DIGEST_SHA1_SIZE; i++) {
		snprintf(hex, sizeof(hex), "%02x", sums[i]);
		digest_add(r->sha1, hex, 2);
	}
	digest_take(r->sha1, b->code);
}

static void settle(struct reader *r)
{
	struct bill *b = r->bill;
	struct bill_file *files = b->files;

	if (b->n_files)
		qsort(files, b->n_files, sizeof(*files), by_path);
	b->files = arena_memdup(r->arena, files, b->n_files * sizeof(*files));
	free(files);
	sort_packages(r);
	make_code(r);
}

int bill_read(struct image *image, const char *name, struct arena *arena, struct bill *out,
	      struct err *err)
{
	struct bill bill = {0};
	struct reader r = {.image = image,
			   .arena = arena,
			   .bill = &bill,
			   .sha256 = digest_new(),
			   .sha1 = digest_new_sha1()};
	int n = read_image(&r, err);

	if (n == 0 && !r.has_manifest)
		n = err_set(err, -ENOENT, "%s has no manifest: preroot did not make it", name);
	else if (n == 0 && (n = read_manifest(&r, err)) < 0) {
		err_prefix(err, "%s", name);
		err_hint(err, "see: preroot verify %s", quote_word(name, arena));
	}
	if (n == 0) {
		settle(&r);
		*out = bill;
	} else {
		free(bill.files);
	}
	digest_free(r.sha256);
	digest_free(r.sha1);
	strset_clear(&r.contents);
	strset_clear(&r.packages);
	strset_clear(&r.inodes);
	buf_clear(&r.manifest);
	return n;
}
