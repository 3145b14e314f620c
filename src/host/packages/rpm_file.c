/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/package/bdbhash.h"
#include "format/package/rpmndb.h"
#include "host/packages/kit.h"

/*
 * Either file holds all headers by number. They lie in no order and are taken in that of the
 * numbers. Nothing is locked: rpm itself may be who runs us, and holds the lock. What it changes
 * while we read is seen as damage, or is not seen yet.
 */

enum { RPM_FILE_MAX = 1024 * 1024 * 1024 };

struct found {
	uint32_t number;
	struct span where; /* the header, or the item that has it */
};

struct reading {
	struct packages *p;
	const char *path;
	struct buf file;
	struct found *found;
	size_t n;
};

static void say(struct reading *r, int code, const char *what)
{
	packages_damaged(r->p, code, "/%s: %s", r->path, what);
}

static void add(struct reading *r, uint32_t number, struct span where)
{
	if ((r->n & (r->n - 1)) == 0)
		r->found = xrealloc(r->found, r->n ? r->n * 2 : 1, sizeof(*r->found));
	r->found[r->n++] = (struct found){number, where};
}

/* What has the same number stays in the order of the file. */
static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->where.s < y->where.s ? -1 : x->where.s > y->where.s;
}

static void sort(struct reading *r)
{
	if (r->n)
		qsort(r->found, r->n, sizeof(*r->found), compare);
}

static void take(struct reading *r, int read, struct span blob)
{
	if (read < 0 || packages_rpm_header(r->p, blob.s, blob.len) < 0)
		say(r, -EBADMSG, "the header of a package is damaged");
}

static int read_ndb(struct reading *r)
{
	struct rpmndb db;
	struct span blob;
	uint32_t number;
	int k = rpmndb_open(r->file.data, r->file.len, &db);

	if (k < 0)
		return k;
	while ((k = rpmndb_next(&db, &number, &blob)) != 0) {
		if (k < 0)
			say(r, k, "the entry of a package is damaged");
		else
			add(r, number, blob);
	}
	sort(r);
	for (size_t i = 0; i < r->n; i++)
		take(r, 0, r->found[i].where);
	return 0;
}

static int read_bdb(struct reading *r)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;
	struct bdbhash_item item;
	struct bdbhash db;
	uint32_t number;
	int k = bdbhash_open(r->file.data, r->file.len, &db);

	if (k < 0)
		return k;
	while ((k = bdbhash_next(&db, &item)) != 0) {
		if (k < 0 || item.key.len != sizeof(number)) {
			say(r, -EBADMSG, "a page or the entry of a package is damaged");
			continue;
		}
		/* Number 0 is no package: it says which number is the next. */
		number = bdbhash_number(&db, item.key.s);
		if (number)
			add(r, number, item.value);
	}
	sort(r);
	for (size_t i = 0; i < r->n; i++) {
		item.value = r->found[i].where;
		k = bdbhash_value(&db, &item, &blob);
		take(r, k, (struct span){(const char *)blob.data, blob.len});
	}
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct reading *r);
	const char *is_none;
} files[] = {
	{"Packages.db", read_ndb, "it is no ndb database of rpm, or its start is damaged"},
	{"Packages", read_bdb, "it is no hash database of Berkeley DB, or its start is damaged"},
};

bool packages_read_rpm_file(struct packages *p, const char *folder)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct reading r = {
			.p = p, .path = arena_printf(&p->arena, "%s/%s", folder, files[i].name)};
		int k = root_read(p->root, r.path, RPM_FILE_MAX, &r.file), bad = 0;

		if (k == 0)
			bad = files[i].read(&r);
		if (k < 0 && k != -ENOENT && k != -ENOTDIR)
			say(&r, k, k == -E2BIG ? "it is larger than 1 GiB" : strerror(-k));
		else if (bad < 0)
			say(&r, bad,
			    bad == -EPROTONOSUPPORT ? "no version or kind that is read"
						    : files[i].is_none);
		buf_clear(&r.file);
		free(r.found);
		if (k != -ENOENT && k != -ENOTDIR)
			return true;
	}
	return false;
}
