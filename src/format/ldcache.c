/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ldcache.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

#define LDCACHE_MAGIC "glibc-ld.so.cache1.1"

enum {
	HEAD_SIZE = 48,
	RECORD_SIZE = 24,
	FLAG_TYPE_MASK = 0x00ff,
	FLAG_ELF_LIBC6 = 3,
	FLAG_REQUIRED_MASK = 0xff00,
};

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v)); /* the cache has the byte order of its machine */
	return v;
}

static uint32_t flags_of(int class, int machine)
{
	switch (machine) {
	case EM_X86_64:
		return class == ELFCLASS64 ? 0x0300 : 0x0800;
	case EM_AARCH64:
		return 0x0a00;
	case EM_S390:
		return class == ELFCLASS64 ? 0x0400 : 0;
	case EM_PPC64:
		return 0x0500;
	case EM_RISCV:
		return class == ELFCLASS64 ? 0x1000 : 0x0f00;
	default:
		return 0;
	}
}

static const char *string_at(const uint8_t *data, size_t len, uint32_t offset)
{
	if (offset >= len || !memchr(data + offset, '\0', len - offset))
		return NULL;
	return (const char *)data + offset;
}

const char *ldcache_find(const void *data, size_t len, const char *soname, int class, int machine)
{
	const uint8_t *p = data;
	uint32_t count, want = flags_of(class, machine) | FLAG_ELF_LIBC6;

	if (len < HEAD_SIZE || memcmp(p, LDCACHE_MAGIC, sizeof(LDCACHE_MAGIC) - 1) != 0)
		return NULL;
	count = u32(p + sizeof(LDCACHE_MAGIC) - 1);
	if (count > (len - HEAD_SIZE) / RECORD_SIZE)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *r = p + HEAD_SIZE + (size_t)i * RECORD_SIZE;
		const char *key;

		if ((u32(r) & (FLAG_TYPE_MASK | FLAG_REQUIRED_MASK)) != want || u32(r + 16) ||
		    u32(r + 20))
			continue;
		key = string_at(p, len, u32(r + 4));
		if (key && strcmp(key, soname) == 0)
			return string_at(p, len, u32(r + 8));
	}
	return NULL;
}
