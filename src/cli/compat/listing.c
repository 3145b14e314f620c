/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/compat/listing.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/report/entry.h"
#include "format/ours/bootconf.h"
#include "format/ours/manifest.h"

enum { CHUNK = 16 * 1024, KEPT_MAX = 1024 * 1024, HALF_A_YEAR = 6 * 30 * 24 * 3600 };

/* ---- lines ---- */

/* "Jan  1  1970", or "Jan  1 12:34" for the last months, as ls and cpio show it. */
static void format_time(time_t when, char out[16])
{
	time_t now = time(NULL);
	struct tm tm;

	if (!localtime_r(&when, &tm) ||
	    !strftime(out, 16, now - when > HALF_A_YEAR || when > now ? "%b %e  %Y" : "%b %e %H:%M",
		      &tm))
		strcpy(out, "?");
}

static void format_owner(unsigned id, char out[16])
{
	snprintf(out, 16, id ? "%u" : "root", id);
}

int listing_line(struct image *image, const struct image_entry *e, struct buf *out, struct err *err)
{
	char mode[11], user[16], group[16], when[16], target[CPIO_TARGET_MAX + 1];
	char name[4 * CPIO_NAME_MAX + 1], to[4 * CPIO_TARGET_MAX + 1];
	const struct cpio_header *h = &e->header;
	int r = entry_target(image, e, target, err);

	if (r < 0)
		return r;
	entry_mode(h->mode, mode);
	format_owner(h->uid, user);
	format_owner(h->gid, group);
	format_time((time_t)h->mtime, when);
	escape_text(e->name, name, sizeof(name));
	escape_text(target, to, sizeof(to));
	buf_printf(out, "%s %3u %-8s %-8s ", mode, h->nlink, user, group);
	if (S_ISCHR(h->mode) || S_ISBLK(h->mode))
		buf_printf(out, "%3u, %3u ", h->rmajor, h->rminor);
	else
		buf_printf(out, "%8u ", h->filesize);
	buf_printf(out, "%s %s%s%s", when, name, *to ? " -> " : "", to);
	return 0;
}

/* ---- what is kept ---- */

/* Where the content of a file of that path is kept; NULL: nowhere. */
static struct buf *place_of(struct listing *l, const char *path)
{
	static const char *const folders[] = {"lib64/dracut/", "lib/dracut/", "usr/lib64/dracut/",
					      "usr/lib/dracut/"};

	if (strcmp(path, BOOTCONF_PATH) == 0)
		return &l->boot_conf;
	if (text_matches("etc/cmdline.d/*.conf", path))
		return &l->cmdline;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		const char *name = path + strlen(folders[i]);

		if (!str_starts(path, folders[i]))
			continue;
		if (strcmp(name, "modules.txt") == 0)
			return &l->modules;
		if (strcmp(name, "build-parameter.txt") == 0)
			return &l->arguments;
		return text_matches("dracut-*", name) && !strchr(name, '/') ? &l->version : NULL;
	}
	return NULL;
}

static int keep_content(struct image *image, struct buf *to, struct err *err)
{
	char chunk[CHUNK];
	ssize_t n = 0;

	while (to->len < KEPT_MAX && (n = image_read(image, chunk, sizeof(chunk), err)) > 0)
		buf_add(to, chunk, (size_t)n);
	return n < 0 ? (int)n : 0;
}

static int add_entry(struct listing *l, struct image *image, const struct image_entry *e,
		     struct err *err)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	struct buf *kept = S_ISREG(e->header.mode) ? place_of(l, e->path) : NULL;
	int r = listing_line(image, e, &line, err);

	if (r == 0 && kept)
		r = keep_content(image, kept, err);
	if (strcmp(e->path, MANIFEST_PATH) == 0)
		l->is_ours = true;
	l->list = arena_grow(&l->arena, l->list, l->n, sizeof(*l->list));
	l->list[l->n++] = (struct listing_entry){.path = arena_strdup(&l->arena, e->path),
						 .line = arena_strdup(&l->arena, buf_cstr(&line)),
						 .size = e->header.filesize,
						 .mode = e->header.mode,
						 .segment = e->segment};
	return r;
}

int listing_read(struct image *image, struct listing *out, struct err *err)
{
	const struct image_segment *segments;
	struct image_entry e;
	int r;

	*out = (struct listing){.is_ours = false};
	while ((r = image_next(image, &e, err)) > 0 && (r = add_entry(out, image, &e, err)) == 0)
		;
	segments = image_segments(image, &out->n_segments);
	out->early = arena_alloc(&out->arena, out->n_segments + 1);
	for (size_t i = 0; i < out->n_segments; i++)
		out->early[i] = segments[i].early;
	return r;
}

void listing_clear(struct listing *l)
{
	buf_clear(&l->version);
	buf_clear(&l->arguments);
	buf_clear(&l->modules);
	buf_clear(&l->cmdline);
	buf_clear(&l->boot_conf);
	arena_clear(&l->arena);
}

bool listing_is_early(const struct listing *l, const struct listing_entry *e)
{
	return e->segment < l->n_segments && l->early[e->segment];
}
