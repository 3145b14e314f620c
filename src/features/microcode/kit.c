/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/microcode/kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/codec/decode_all.h"
#include "format/codec/unpack.h"

struct found {
	struct microcode_file file;
	unsigned place; /* number of the firmware folder */
	int rank;	/* by compression: the lowest of a folder counts */
};

struct search {
	struct build *b;
	bool (*is_one)(const char *name);
	struct found *list;
	size_t n;
};

static void add_found(struct search *s, const char *dir, const char *entry, unsigned place)
{
	struct arena *a = &s->b->plan.arena;
	enum codec codec = codec_by_suffix(entry);
	size_t len = strlen(entry) - (codec ? strlen(codec_info(codec)->suffix) : 0);
	struct found f = {.place = place, .rank = codec == CODEC_NONE ? 0 : CODEC_COUNT - (int)codec};

	f.file.name = arena_strndup(a, entry, len);
	f.file.path = arena_printf(a, "%s/%s", dir, entry);
	if (!s->is_one(f.file.name))
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (s->list[i].place != place || strcmp(s->list[i].file.name, f.file.name) != 0)
			continue;
		if (f.rank < s->list[i].rank)
			s->list[i] = f;
		return;
	}
	if ((s->n & (s->n - 1)) == 0)
		s->list = xrealloc(s->list, s->n ? s->n * 2 : 1, sizeof(*s->list));
	s->list[s->n++] = f;
}

static int search_dir(struct search *s, const char *dir, unsigned place, struct err *err)
{
	char **names;
	int n = root_listdir(s->b->root, dir, &s->b->plan.arena, &names);

	if (n < 0 && n != -ENOENT && n != -ENOTDIR)
		return err_sys(err, n, "%s/%s", root_prefix(s->b->root), dir);
	for (int i = 0; i < n; i++)
		add_found(s, dir, names[i], place);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int r = strcmp(x->file.name, y->file.name);

	return r ? r : (x->place > y->place) - (x->place < y->place);
}

int microcode_find(struct build *b, const char *folder, bool (*is_one)(const char *name),
		   struct microcode_file **out, struct err *err)
{
	struct arena *a = &b->plan.arena;
	struct search s = {.b = b, .is_one = is_one};
	const char **dirs;
	unsigned n = (unsigned)modules_firmware_folders(b->modules, &dirs);
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++)
		r = search_dir(&s, arena_printf(a, "%s/%s", dirs[i], folder), i, err);
	/* Older packages of Debian had the microcode that is not split by processor there. */
	if (r == 0 && strcmp(folder, "intel-ucode") == 0)
		r = search_dir(&s, "usr/share/misc", n, err);
	if (r == 0 && s.n)
		qsort(s.list, s.n, sizeof(*s.list), by_name);
	*out = arena_alloc(a, (s.n + 1) * sizeof(**out));
	for (size_t i = 0; i < s.n; i++)
		(*out)[i] = s.list[i].file;
	free(s.list);
	return r < 0 ? r : (int)s.n;
}

int microcode_read(struct build *b, const struct microcode_file *f, struct buf *out,
		   struct err *err)
{
	_cleanup_buf_ struct buf raw = BUF_INIT;
	enum codec codec = codec_by_suffix(f->path);
	int r = root_read(b->root, f->path, MICROCODE_SIZE_MAX, codec ? &raw : out);

	if (r < 0)
		return err_sys(err, r, "it cannot be read");
	if (codec == CODEC_NONE)
		return 0;
	if (codec_detect(raw.data, raw.len) != codec)
		return err_set(err, -EBADMSG, "it is not %s data, as its name says",
			       codec_info(codec)->name);
	return unpack(decoder_find(codec), raw.data, raw.len, MICROCODE_SIZE_MAX, out, NULL, err);
}

int microcode_damaged(struct build *b, const struct microcode_file *f, bool is_others,
		      struct err *err)
{
	if (is_others) {
		plan_warn(&b->plan, "microcode %s/%s is left out: %s", root_prefix(b->root), f->path,
			  err->text);
		return 0;
	}
	err_prefix(err, "microcode %s/%s", root_prefix(b->root), f->path);
	return err_hint(err, "install the package that it came with again, or build with "
			     "early_microcode=no");
}

const char *microcode_date_text(const struct microcode_date *d, char out[16])
{
	snprintf(out, 16, "%04u-%02u-%02u", d->year % 10000, d->month % 100, d->day % 100);
	return out;
}

bool microcode_wants_all(const struct build *b)
{
	return b->request->mode == MODE_GENERIC || !b->hardware.knows_cpus;
}

const struct hw_cpu *microcode_cpu(const struct build *b, const char *vendor, size_t index)
{
	for (size_t i = 0; i < b->hardware.n_cpus; i++) {
		const struct hw_cpu *c = &b->hardware.cpus[i];

		if (!c->is_guest && strcmp(c->vendor, vendor) == 0 && index-- == 0)
			return c;
	}
	return NULL;
}
