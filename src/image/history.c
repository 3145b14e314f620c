/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/history.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define KEY_START "record of "

enum { IMAGE_MODE = 0600 };

/* The path with the folder resolved, and the name as given: it need not exist yet. NULL: no such
 * folder. */
static char *absolute(const char *out)
{
	const char *slash = strrchr(out, '/'), *name = slash ? slash + 1 : out;
	_cleanup_free_ char *dir = slash ? strndup(out, (size_t)(slash - out) + 1) : strdup(".");
	char real[PATH_MAX], *whole;

	if (!dir || !realpath(dir, real))
		return NULL;
	return asprintf(&whole, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) < 0 ? NULL
										       : whole;
}

void history_open(struct history *h, struct cache *cache, struct trace *trace, const char *out,
		  const struct buf *request)
{
	*h = (struct history){.cache = cache, .trace = trace, .mode = IMAGE_MODE};
	digest_of(request->data, request->len, h->request);
	h->image = cache && trace ? absolute(out) : NULL;
	if (!h->image || asprintf(&h->key, KEY_START "%s", h->image) < 0) {
		h->key = NULL;
		return;
	}
	h->has_last = cache_peek(cache, h->key, RECORD_SIZE_MAX, &h->bytes, NULL) &&
		      record_decode(h->bytes.data, h->bytes.len, &h->last, NULL) == 0;
}

void history_close(struct history *h)
{
	free(h->key);
	free(h->image);
	buf_clear(&h->bytes);
}

/* ---- asking ---- */

static bool is_image(const struct history *h, struct stat *st)
{
	return lstat(h->image, st) == 0 && S_ISREG(st->st_mode) &&
	       (h->any_mode || (st->st_mode & 07777) == h->mode);
}

static void take_identity(const struct stat *st, uint64_t out[5])
{
	struct file_identity id = file_identity(st);

	out[0] = id.device;
	out[1] = id.inode;
	out[2] = id.size;
	out[3] = (uint64_t)id.mtime;
	out[4] = (uint64_t)id.ctime;
}

static bool is_file_written(const struct history *h)
{
	struct stat st;
	uint64_t id[5];

	if (!is_image(h, &st))
		return false;
	take_identity(&st, id);
	return memcmp(id, h->last.image_file, sizeof(id)) == 0;
}

bool history_holds(struct history *h)
{
	struct record r = h->last;
	struct record_fact f;
	int more;

	if (!h->key || !h->has_last || memcmp(r.request, h->request, sizeof(r.request)) != 0 ||
	    !is_file_written(h))
		return false;
	while ((more = record_next(&r, &f, NULL)) > 0) {
		struct trace_fact fact = {(int)f.question, f.path, f.answer, f.len};

		if (!trace_holds(h->trace, &fact))
			return false;
	}
	return more == 0;
}

static bool is_content(const char *path, const uint8_t digest[DIGEST_SIZE])
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t sum[DIGEST_SIZE];

	return fd >= 0 && digest_of_file(fd, sum) == 0 && memcmp(sum, digest, sizeof(sum)) == 0;
}

/* The file may have been copied away and back, or be on a FAT, where each mount gives new inode
 * numbers. */
static bool has_content(const struct history *h)
{
	return is_content(h->image, h->last.image);
}

bool history_same(struct history *h, const uint8_t plan[DIGEST_SIZE])
{
	struct stat st;

	return h->key && h->has_last && memcmp(h->last.plan, plan, DIGEST_SIZE) == 0 &&
	       is_image(h, &st) && (is_file_written(h) || has_content(h));
}

/* ---- keeping ---- */

void history_keep(struct history *h, const uint8_t plan[DIGEST_SIZE], const uint8_t *image)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const struct trace_fact *facts;
	struct record r = {0};
	struct stat st;
	size_t n;

	if (!h->key || !is_image(h, &st))
		return;
	n = trace_facts(h->trace, &facts);
	r.n_facts = (uint32_t)n;
	memcpy(r.request, h->request, DIGEST_SIZE);
	memcpy(r.plan, plan, DIGEST_SIZE);
	memcpy(r.image, image ? image : h->last.image, DIGEST_SIZE);
	take_identity(&st, r.image_file);
	record_begin(&out, &r);
	for (size_t i = 0; i < n; i++) {
		struct record_fact f = {(uint32_t)facts[i].question, facts[i].path, facts[i].answer,
					facts[i].len};

		record_add(&out, &f);
	}
	if (buf_status(&out) == 0)
		cache_put(h->cache, h->key, out.data, out.len, NULL);
}

/* ---- without a request ---- */

/* The kernel's facts about the machine change with every boot: only a plan shows whether that
 * matters. */
static bool is_told_by_kernel(const char *path)
{
	path += *path == '/';
	return str_starts(path, "sys/") || str_starts(path, "proc/");
}

static enum history_verdict ask_again(struct history *h, struct arena *arena, const char **changed)
{
	struct record r = h->last;
	struct record_fact f;
	int more;

	while ((more = record_next(&r, &f, NULL)) > 0) {
		struct trace_fact fact = {(int)f.question, f.path, f.answer, f.len};

		if (!is_told_by_kernel(f.path) && !trace_holds(h->trace, &fact)) {
			*changed = arena_printf(arena, "%s%s", *f.path == '/' ? "" : "/", f.path);
			return HISTORY_CHANGED;
		}
	}
	return more == 0 ? HISTORY_SAME : HISTORY_NONE;
}

enum history_verdict history_judge(struct cache *cache, struct trace *trace, const char *out,
				   struct arena *arena, const char **changed)
{
	_cleanup_buf_ struct buf none = BUF_INIT;
	enum history_verdict verdict = HISTORY_NONE;
	struct history h;

	history_open(&h, cache, trace, out, &none);
	h.any_mode = true;
	if (h.key && h.has_last)
		verdict = is_file_written(&h) || has_content(&h) ? ask_again(&h, arena, changed)
								 : HISTORY_OTHER;
	history_close(&h);
	return verdict;
}

/* Renaming a file changes only its ctime. */
static bool is_same_but_ctime(const uint64_t a[5], const uint64_t b[5])
{
	return memcmp(a, b, 4 * sizeof(*a)) == 0;
}

static void put_again(struct cache *cache, const char *key, struct record r)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct record_fact f;
	int more;

	record_begin(&out, &r);
	while ((more = record_next(&r, &f, NULL)) > 0)
		record_add(&out, &f);
	if (more == 0 && buf_status(&out) == 0)
		cache_put(cache, key, out.data, out.len, NULL);
}

void history_move(struct cache *cache, const char *from, const char *to)
{
	_cleanup_free_ char *old = absolute(from), *new = absolute(to), *key = NULL, *new_key = NULL;
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct record r;
	struct stat st;
	uint64_t id[5];

	if (!cache || !old || !new || asprintf(&key, KEY_START "%s", old) < 0 ||
	    asprintf(&new_key, KEY_START "%s", new) < 0 ||
	    !cache_get(cache, key, RECORD_SIZE_MAX, &bytes, NULL) ||
	    record_decode(bytes.data, bytes.len, &r, NULL) < 0 || lstat(new, &st) < 0)
		return;
	take_identity(&st, id);
	if (!is_same_but_ctime(id, r.image_file) && !is_content(new, r.image))
		return;
	memcpy(r.image_file, id, sizeof(id));
	put_again(cache, new_key, r);
}
