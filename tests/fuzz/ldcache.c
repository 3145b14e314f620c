/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The dynamic linker's cache.
 */

#include <elf.h>
#include <string.h>

#include "format/program/ldcache.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *soname;
		int class, machine;
	} asked[] = {
		{"libc.so.6", ELFCLASS64, EM_X86_64},
		{"libc.so.6", ELFCLASS32, EM_386},
		{"", ELFCLASS64, EM_AARCH64},
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const char *path =
			ldcache_find(data, size, asked[i].soname, asked[i].class, asked[i].machine);

		if (!path)
			continue;
		HOLDS((const uint8_t *)path >= data && (const uint8_t *)path < data + size);
		HOLDS(memchr(path, '\0', (size_t)((const char *)data + size - path)));
	}
	return 0;
}
