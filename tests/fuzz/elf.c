/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What an ELF file asks of the dynamic linker.
 */

#include <string.h>

#include "format/program/elf.h"
#include "fuzz.h"

static void inside(const char *s, const uint8_t *data, size_t size)
{
	if (!s)
		return;
	HOLDS((const uint8_t *)s >= data && (const uint8_t *)s < data + size);
	HOLDS(memchr(s, '\0', (size_t)((const char *)data + size - s)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct elf_info info;
	struct err err = {0};

	if (elf_decode(data, size, &info, &err) < 0) {
		HOLDS(err.text[0]);
		return 0;
	}
	HOLDS(elf_is(data, size) && info.n_needed <= ELF_NEEDED_MAX);
	inside(info.interp, data, size);
	inside(info.soname, data, size);
	inside(info.rpath, data, size);
	inside(info.runpath, data, size);
	HOLDS(info.n_notes <= ELF_NOTES_MAX);
	for (size_t i = 0; i < info.n_notes; i++) {
		const uint8_t *text = (const uint8_t *)info.notes[i].text;

		HOLDS(text >= data && info.notes[i].len <= size &&
		      text + info.notes[i].len <= data + size);
	}
	for (size_t i = 0; i < info.n_needed; i++)
		inside(info.needed[i], data, size);
	return 0;
}
