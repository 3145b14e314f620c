/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/history.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { CHUNK = 256 * 1024, IMAGE_MODE = 0600 };

/* The folder resolved, the name as it is: it need not be there yet. NULL: no such folder. */
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
	if (!h->image || asprintf(&h->key, "record of %s", h->image) < 0) {
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

/* It may have been copied away and back. */
static bool has_content(const struct history *h)
{
	_cleanup_fd_ int fd = open(h->image, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ uint8_t *chunk = malloc(CHUNK);
	uint8_t sum[DIGEST_SIZE];
	struct digest *d;
	ssize_t n = 0;

	if (fd < 0 || !chunk)
		return false;
	d = digest_new();
	while ((n = read_full(fd, chunk, CHUNK)) > 0)
		digest_add(d, chunk, (size_t)n);
	digest_take(d, sum);
	digest_free(d);
	return n == 0 && memcmp(sum, h->last.image, sizeof(sum)) == 0;
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
