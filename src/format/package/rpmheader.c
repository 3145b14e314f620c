/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/package/rpmheader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum {
	WORD = 4,
	ENTRY = 4 * WORD,
	TYPE_INT32 = 4,
	TYPE_STRING = 6,
	TYPE_STRINGS = 8,
	TAG_NAME = 1000,
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TAG_ARCH = 1022,
	TAG_DIRINDEXES = 1116,
	TAG_BASENAMES = 1117,
	TAG_DIRNAMES = 1118,
};

struct entry {
	uint32_t type, offset, count;
};

static uint32_t word_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int rpmheader_decode(const void *data, size_t len, struct rpmheader *out)
{
	const uint8_t *p = data;
	uint32_t entries, bytes;

	if (len < 2 * WORD || len > RPM_HEADER_MAX)
		return -EBADMSG;
	entries = word_at(p);
	bytes = word_at(p + WORD);
	if (entries > (len - 2 * WORD) / ENTRY ||
	    bytes > len - 2 * WORD - (size_t)entries * ENTRY)
		return -EBADMSG;
	*out = (struct rpmheader){.index = p + 2 * WORD,
				  .data = p + 2 * WORD + (size_t)entries * ENTRY,
				  .entries = entries,
				  .len = bytes};
	return 0;
}

/* -ENOENT when there is no such tag, -EBADMSG when it has another type. */
static int find(const struct rpmheader *h, uint32_t tag, uint32_t type, struct entry *out)
{
	for (uint32_t i = 0; i < h->entries; i++) {
		const uint8_t *p = h->index + (size_t)i * ENTRY;

		if (word_at(p) != tag)
			continue;
		*out = (struct entry){word_at(p + WORD), word_at(p + 2 * WORD),
				      word_at(p + 3 * WORD)};
		return out->type == type && out->count && out->offset <= h->len ? 0 : -EBADMSG;
	}
	return -ENOENT;
}

/* The next of the strings that are stored one after another from *AT on. */
static bool next_string(const struct rpmheader *h, size_t *at, struct span *out)
{
	const char *p = (const char *)h->data + *at;
	const char *nul = *at < h->len ? memchr(p, '\0', h->len - *at) : NULL;

	if (!nul)
		return false;
	*out = (struct span){p, (size_t)(nul - p)};
	*at += out->len + 1;
	return true;
}

static int string_of(const struct rpmheader *h, uint32_t tag, struct span *out)
{
	struct entry e;
	int r = find(h, tag, TYPE_STRING, &e);
	size_t at;

	if (r < 0)
		return r;
	at = e.offset;
	return next_string(h, &at, out) ? 0 : -EBADMSG;
}

static int number_at(const struct rpmheader *h, uint32_t tag, uint32_t number, uint32_t *out)
{
	struct entry e;
	int r = find(h, tag, TYPE_INT32, &e);

	if (r < 0)
		return r;
	if (number >= e.count)
		return -ENOENT;
	if ((uint64_t)e.offset + ((uint64_t)number + 1) * WORD > h->len)
		return -EBADMSG;
	*out = word_at(h->data + e.offset + (size_t)number * WORD);
	return 0;
}

int rpmheader_package(const struct rpmheader *h, struct rpmheader_package *out)
{
	int r;

	*out = (struct rpmheader_package){0};
	if (string_of(h, TAG_NAME, &out->name) < 0 || string_of(h, TAG_VERSION, &out->version) < 0 ||
	    string_of(h, TAG_RELEASE, &out->release) < 0)
		return -EBADMSG;
	r = string_of(h, TAG_ARCH, &out->arch);
	if (r < 0 && r != -ENOENT)
		return r;
	r = number_at(h, TAG_EPOCH, 0, &out->epoch);
	out->has_epoch = r == 0;
	return r < 0 && r != -ENOENT ? r : 0;
}

/* Reads the folders of a package, which its files refer to by number. */
static int read_folders(const struct rpmheader *h, struct span **out, uint32_t *n)
{
	_cleanup_free_ struct span *list = NULL;
	struct entry e;
	size_t at;

	/* Every string takes at least one byte: no count can be larger than the data. */
	if (find(h, TAG_DIRNAMES, TYPE_STRINGS, &e) < 0 || e.count > h->len)
		return -EBADMSG;
	list = calloc(e.count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	at = e.offset;
	for (uint32_t i = 0; i < e.count; i++)
		if (!next_string(h, &at, &list[i]))
			return -EBADMSG;
	*out = TAKE_PTR(list);
	*n = e.count;
	return 0;
}

int rpmheader_files(const struct rpmheader *h, void (*fn)(struct span path, void *arg), void *arg)
{
	_cleanup_free_ struct span *folders = NULL;
	_cleanup_buf_ struct buf path = BUF_INIT;
	uint32_t n_folders, folder;
	struct entry names, folder_of;
	struct span name;
	size_t at;
	int r = find(h, TAG_BASENAMES, TYPE_STRINGS, &names);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (find(h, TAG_DIRINDEXES, TYPE_INT32, &folder_of) < 0 || folder_of.count < names.count ||
	    (uint64_t)folder_of.offset + (uint64_t)names.count * WORD > h->len)
		return -EBADMSG;
	r = read_folders(h, &folders, &n_folders);
	if (r < 0)
		return r;
	at = names.offset;
	for (uint32_t i = 0; i < names.count; i++) {
		folder = word_at(h->data + folder_of.offset + (size_t)i * WORD);
		if (!next_string(h, &at, &name) || folder >= n_folders)
			return -EBADMSG;
		path.len = 0;
		buf_add(&path, folders[folder].s, folders[folder].len);
		buf_add(&path, name.s, name.len);
		if (buf_status(&path) < 0)
			return -ENOMEM;
		fn((struct span){buf_cstr(&path), path.len}, arg);
	}
	return 0;
}
