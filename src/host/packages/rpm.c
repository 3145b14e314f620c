/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/packages/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/package/rpmheader.h"

/* rpm's SQLite database has the packages' headers in the table Packages; the table Basenames maps
 * the last part of a path to the packages with a file of that name, in any folder. */

static const char *const folders[] = {"usr/lib/sysimage/rpm", "var/lib/rpm"};

enum { QUERY_LONG_MS = 2000 }; /* how long to wait for a writer */

struct reading {
	struct packages *p;
	const char *path;
	sqlite3 *db;
	sqlite3_stmt *by_name, *by_number;
};

static void report_damage(struct reading *r, const char *what)
{
	packages_damaged(r->p, -EBADMSG, "/%s: %s", r->path, what);
}

/* Opens the file behind FD, which was opened below our root. Its name in the URI has no character
 * that SQLite would read as a parameter. */
static bool open_database(struct reading *r, int fd)
{
	char uri[96], wal[PATH_MAX];
	struct stat st;
	bool log;

	/* Committed changes may still be in the write-ahead log. Without a log the database is
	 * opened as immutable, so that SQLite creates no files beside it. */
	snprintf(wal, sizeof(wal), "%s-wal", r->path);
	log = root_stat(r->p->root, wal, &st) == 0 && st.st_size > 0;
	snprintf(uri, sizeof(uri), "file:/proc/self/fd/%d?%s", fd, log ? "mode=ro" : "immutable=1");
	if (sqlite3_open_v2(uri, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK)
		return false;
	sqlite3_busy_timeout(r->db, QUERY_LONG_MS);
	return sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK &&
	       sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) == SQLITE_OK &&
	       sqlite3_prepare_v2(r->db, "SELECT DISTINCT hnum FROM Basenames WHERE key = ?", -1,
				  &r->by_name, NULL) == SQLITE_OK &&
	       sqlite3_prepare_v2(r->db, "SELECT blob FROM Packages WHERE hnum = ?", -1,
				  &r->by_number, NULL) == SQLITE_OK;
}

struct claim {
	struct packages *p;
	uint32_t number;
};

static void claim_file(struct span path, void *arg)
{
	struct claim *c = arg;

	packages_claim(c->p, path, c->number);
}

static void add_name(struct packages *p, const struct rpmheader_package *k)
{
	struct package *o;

	if ((p->n_names & (p->n_names - 1)) == 0) {
		size_t n = p->n_names ? p->n_names * 2 : 16;

		p->names = xrealloc(p->names, n, sizeof(*p->names));
		o = arena_alloc(&p->arena, n * sizeof(*o));
		if (p->n_names)
			memcpy(o, p->owners, p->n_names * sizeof(*o));
		p->owners = o;
	}
	p->names[p->n_names++] = arena_strndup(&p->arena, k->name.s, k->name.len);
}

int packages_rpm_header(struct packages *p, const void *blob, size_t len)
{
	struct rpmheader h;
	struct rpmheader_package k;
	struct claim c = {p, (uint32_t)p->n_names};
	char version[512];
	int n, bad = rpmheader_decode(blob, len, &h);

	if (bad == 0)
		bad = rpmheader_package(&h, &k);
	if (bad < 0)
		return bad;
	n = k.has_epoch ? snprintf(version, sizeof(version), "%u:", k.epoch) : 0;
	n += snprintf(version + n, sizeof(version) - (size_t)n, "%.*s-%.*s", (int)k.version.len,
		      k.version.s, (int)k.release.len, k.release.s);
	add_name(p, &k);
	if ((size_t)n >= sizeof(version) ||
	    !packages_is(p, c.number, k.name, (struct span){version, (size_t)n}, k.arch))
		return -EBADMSG;
	return rpmheader_files(&h, claim_file, &c);
}

static void read_header(struct reading *r, int64_t number)
{
	int step;

	sqlite3_reset(r->by_number);
	sqlite3_bind_int64(r->by_number, 1, number);
	step = sqlite3_step(r->by_number);
	if (step != SQLITE_ROW ||
	    packages_rpm_header(r->p, sqlite3_column_blob(r->by_number, 0),
				(size_t)sqlite3_column_bytes(r->by_number, 0)) < 0)
		report_damage(r, step == SQLITE_ROW || step == SQLITE_DONE
					 ? "the header of a package is missing or damaged"
					 : sqlite3_errmsg(r->db));
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Collects, sorted, the numbers of all packages that have a file of a wanted name. */
static size_t collect_headers(struct reading *r, int64_t **out)
{
	size_t n = 0;

	for (const struct wanted *w = r->p->all; w; w = w->before) {
		const char *slash = memrchr(w->key, '/', w->len);
		const char *name = slash ? slash + 1 : w->key;
		int step;

		sqlite3_reset(r->by_name);
		sqlite3_bind_text(r->by_name, 1, name, (int)(w->key + w->len - name),
				  SQLITE_STATIC);
		while ((step = sqlite3_step(r->by_name)) == SQLITE_ROW) {
			if ((n & (n - 1)) == 0)
				*out = xrealloc(*out, n ? n * 2 : 1, sizeof(**out));
			(*out)[n++] = sqlite3_column_int64(r->by_name, 0);
		}
		if (step != SQLITE_DONE) {
			report_damage(r, sqlite3_errmsg(r->db));
			break;
		}
	}
	if (n)
		qsort(*out, n, sizeof(**out), compare_numbers);
	return n;
}

static void read_packages(struct reading *r)
{
	_cleanup_free_ int64_t *headers = NULL;
	size_t n = collect_headers(r, &headers);

	for (size_t i = 0; i < n; i++)
		if (i == 0 || headers[i] != headers[i - 1])
			read_header(r, headers[i]);
}

static bool read_sqlite(struct packages *p, const char *folder)
{
	struct reading r = {.p = p, .path = arena_printf(&p->arena, "%s/rpmdb.sqlite", folder)};
	_cleanup_fd_ int fd = root_openat(p->root, r.path, O_RDONLY | O_NONBLOCK);
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return false;
	if (fd < 0)
		packages_damaged(p, fd, "/%s: %s", r.path, strerror(-fd));
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		report_damage(&r, "it is no regular file");
	else if (!open_database(&r, fd))
		report_damage(&r, r.db ? sqlite3_errmsg(r.db) : "no memory left");
	else
		read_packages(&r);
	sqlite3_finalize(r.by_name);
	sqlite3_finalize(r.by_number);
	sqlite3_close(r.db);
	return true;
}

bool packages_read_rpm(struct packages *p, unsigned threads)
{
	(void)threads;
	p->n_names = 0;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (read_sqlite(p, folders[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (packages_read_rpm_file(p, folders[i]))
			return true;
	return false;
}
