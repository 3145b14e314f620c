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
 * Both formats hold the packages' headers by number, in no order; they are read in the order of
 * their numbers. No lock is taken: rpm itself may be running us, and holds it. A change while we
 * read shows up as damage, or not at all.
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

static void report_damage(struct reading *r, int code, const char *what)
{
	packages_damaged(r->p, code, "/%s: %s", r->path, what);
}

static void add(struct reading *r, uint32_t number, struct span where)
{
	if ((r->n & (r->n - 1)) == 0)
		r->found = xrealloc(r->found, r->n ? r->n * 2 : 1, sizeof(*r->found));
	r->found[r->n++] = (struct found){number, where};
}

/* Equal numbers stay in the order of the file. */
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

static void add_header(struct reading *r, int read, struct span blob)
{
	if (read < 0 || packages_rpm_header(r->p, blob.s, blob.len) < 0)
		report_damage(r, -EBADMSG, "the header of a package is damaged");
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
			report_damage(r, k, "the entry of a package is damaged");
		else
			add(r, number, blob);
	}
	sort(r);
	for (size_t i = 0; i < r->n; i++)
		add_header(r, 0, r->found[i].where);
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
			report_damage(r, -EBADMSG, "a page or the entry of a package is damaged");
			continue;
		}
		/* Number 0 is no package: it holds the next free number. */
		number = bdbhash_number(&db, item.key.s);
		if (number)
			add(r, number, item.value);
	}
	sort(r);
	for (size_t i = 0; i < r->n; i++) {
		item.value = r->found[i].where;
		k = bdbhash_value(&db, &item, &blob);
		add_header(r, k, (struct span){(const char *)blob.data, blob.len});
	}
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct reading *r);
	const char *is_none;
} files[] = {
	{"Packages.db", read_ndb, "it is not an rpm ndb database, or its start is damaged"},
	{"Packages", read_bdb, "it is not a Berkeley DB hash database, or its start is damaged"},
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
			report_damage(&r, k,
				      k == -E2BIG ? "it is larger than 1 GiB" : strerror(-k));
		else if (bad < 0)
			report_damage(&r, bad,
				      bad == -EPROTONOSUPPORT
					      ? "its version or kind is not supported"
					      : files[i].is_none);
		buf_clear(&r.file);
		free(r.found);
		if (k != -ENOENT && k != -ENOTDIR)
			return true;
	}
	return false;
}
