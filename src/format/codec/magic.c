/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/codec/magic.h"

#include <string.h>

#include "base/cleanup.h"

struct magic {
	size_t offset, len;
	const char *bytes, *name;
};

static const struct magic foreign[] = {
	{0, 6, "070707", "the old portable cpio format (odc)"},
	{0, 2, "\xc7\x71", "the old binary cpio format"},
	{0, 2, "\x71\xc7", "the old binary cpio format, big-endian"},
	{257, 5, "ustar", "a tar archive (ustar or pax)"},
	{0, 4, "\x04\x22\x4d\x18", "an lz4 frame of the modern kind (lz4 -l writes the old kind)"},
	{0, 4, "\x50\x2a\x4d\x18", "a skippable zstd or lz4 frame"},
	{0, 4, "\177ELF", "an ELF program"},
};

static const struct magic filesystems[] = {
	{0, 4, "hsqs", "squashfs"},
	{1024, 4, "\xe2\xe1\xf5\xe0", "erofs"},
};

static const char *find(const struct magic *table, size_t n, const void *data, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].offset + table[i].len <= len &&
		    memcmp((const char *)data + table[i].offset, table[i].bytes, table[i].len) == 0)
			return table[i].name;
	return NULL;
}

const char *magic_foreign(const void *data, size_t len)
{
	const char *name = find(foreign, ARRAY_SIZE(foreign), data, len);

	return name ? name : magic_filesystem(data, len);
}

const char *magic_filesystem(const void *data, size_t len)
{
	return find(filesystems, ARRAY_SIZE(filesystems), data, len);
}
