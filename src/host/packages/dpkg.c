/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/packages/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/strset.h"

#define DPKG "var/lib/dpkg"

struct lists {
	struct packages *p;
	int folder;
	struct buf *buffers; /* one per worker */
};

static struct span text_of(const struct buf *b)
{
	return (struct span){(const char *)b->data, b->len};
}

static int read_list(size_t item, unsigned worker, void *arg)
{
	struct lists *l = arg;
	struct packages *p = l->p;
	struct buf *b = &l->buffers[worker];
	struct span line;
	char name[NAME_MAX + 8];
	size_t at = 0;
	int r;

	snprintf(name, sizeof(name), "%s.list", p->names[item]);
	b->len = 0;
	r = read_file_at(l->folder, name, PACKAGES_FILE_MAX, b);
	if (r < 0) {
		packages_damaged(p, r, "/" DPKG "/info/%s: %s", name, strerror(-r));
		return 0;
	}
	while (span_line(text_of(b), &at, &line)) {
		if (!line.len || line.s[0] != '/') {
			packages_damaged(p, -EBADMSG, "/" DPKG "/info/%s: a line that is no path",
					 name);
			break;
		}
		packages_claim(p, line, (uint32_t)item);
	}
	return 0;
}

static void read_lists(struct packages *p, unsigned threads)
{
	_cleanup_fd_ int fd = root_openat(p->root, DPKG "/info", O_RDONLY | O_DIRECTORY);
	struct lists l = {.p = p, .folder = fd};

	if (fd < 0) {
		packages_damaged(p, fd, "/" DPKG "/info: %s", strerror(-fd));
		return;
	}
	l.buffers = arena_alloc(&p->arena, (threads + 1) * sizeof(*l.buffers));
	parallel_run(p->n_names, threads, read_list, &l);
	for (unsigned i = 0; i <= threads; i++)
		buf_clear(&l.buffers[i]);
}

/* The file that all packages but the diverting one install at FROM is at TO. */
static void divert(struct packages *p, const struct dpkg_diversion *d)
{
	struct span from = packages_key(p, d->from), to = packages_key(p, d->to);
	struct wanted *w = packages_entry(p, from, false), *target = packages_entry(p, to, false);

	if (!w && !target)
		return;
	if (!w)
		w = packages_entry(p, from, true);
	w->diverter = arena_strndup(&p->arena, d->package.s, d->package.len);
	w->diverted_to = target;
}

static void read_diversions(struct packages *p)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct dpkg_diversion d;
	size_t at = 0;
	int r = root_read(p->root, DPKG "/diversions", PACKAGES_FILE_MAX, &text);

	if (r == -ENOENT)
		return;
	while (r == 0 && (r = dpkg_diversion_next(text_of(&text), &at, &d)) > 0) {
		divert(p, &d);
		r = 0;
	}
	if (r < 0)
		packages_damaged(p, r, "/" DPKG "/diversions: %s",
				 r == -EBADMSG ? "it is malformed" : strerror(-r));
}

/* Indexes the owners by the names of their lists: "PACKAGE" or "PACKAGE:ARCH". */
static void collect_owners(const struct packages *p, struct strset *out)
{
	for (const struct wanted *w = p->all; w; w = w->before)
		if (w->owner != PACKAGES_NOBODY)
			strset_add(out, p->names[w->owner], (void *)(uintptr_t)(w->owner + 1));
}

static void add_owner(struct packages *p, const struct strset *owners, const struct dpkg_stanza *s)
{
	char name[NAME_MAX];
	void **slot;

	/* The names of lists are file names, so a longer one cannot be among them. */
	if (s->name.len + s->arch.len + 2 > sizeof(name))
		return;
	snprintf(name, sizeof(name), "%.*s:%.*s", (int)s->name.len, s->name.len ? s->name.s : "",
		 (int)s->arch.len, s->arch.len ? s->arch.s : "");
	slot = strset_find(owners, name);
	if (!slot) {
		name[s->name.len] = '\0';
		slot = strset_find(owners, name);
	}
	if (slot && !p->owners[(uintptr_t)*slot - 1].name)
		packages_is(p, (uint32_t)((uintptr_t)*slot - 1), s->name, s->version, s->arch);
}

static void read_status(struct packages *p)
{
	_cleanup_strset_ struct strset owners = STRSET_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct dpkg_stanza s;
	size_t at = 0;
	int r = root_read(p->root, DPKG "/status", PACKAGES_FILE_MAX, &text);

	if (r < 0) {
		packages_damaged(p, r, "/" DPKG "/status: %s", strerror(-r));
		return;
	}
	collect_owners(p, &owners);
	while (dpkg_status_next(text_of(&text), &at, &s))
		add_owner(p, &owners, &s);
	for (const struct wanted *w = p->all; w; w = w->before)
		if (w->owner != PACKAGES_NOBODY && !p->owners[w->owner].version) {
			packages_damaged(p, -EBADMSG, "/" DPKG "/status: package %s is missing",
					 p->names[w->owner]);
			p->owners[w->owner].version = "";
		}
}

bool packages_read_dpkg(struct packages *p, unsigned threads)
{
	if (!packages_list(p, DPKG "/info", ".list") || !p->n_names)
		return false;
	read_diversions(p);
	read_lists(p, threads);
	read_status(p);
	return true;
}
