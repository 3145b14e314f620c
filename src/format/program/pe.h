/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The section table of a PE/COFF file, as far as it matters for a unified kernel image (UKI): a DOS
 * header with the offset of "PE\0\0", the COFF header, an optional header, which is skipped, then
 * 40 bytes per section: name, size in memory, address, size and offset in the file. A section named
 * .profile starts another profile; the sections before the first one are the base of them all.
 * Pure; the bytes are hostile. Source: Microsoft's PE format specification; UAPI.5 (unified kernel
 * images).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	PE_HEAD_MAX = 64 * 1024, /* the section table must end before this offset */
	PE_NAME_MAX = 8,
};

struct pe {
	const uint8_t *table; /* borrows the bytes that were decoded */
	unsigned n_sections;
	uint64_t table_end;   /* offset in the file */
	uint64_t file_size;
};

struct pe_section {
	char name[PE_NAME_MAX + 1]; /* as in the file: not safe for a terminal */
	uint64_t offset, size;      /* of what is loaded from the file */
};

/* Whether the LEN bytes are the start of a DOS or PE program. No cpio archive and no compressed
 * stream starts like one. */
bool pe_is(const void *head, size_t len);

/* HEAD: the first LEN bytes of a file of FILE_SIZE bytes, PE_HEAD_MAX of them or the whole file. 0;
 * -EBADMSG when it is not a PE file, or its section table is not within those bytes. */
int pe_decode(const void *head, size_t len, uint64_t file_size, struct pe *out, struct err *err);

/* Section number I, less than n_sections. 0; -EBADMSG when its data is not within the file,
 * or lies in the headers. */
int pe_section(const struct pe *pe, unsigned i, struct pe_section *out, struct err *err);

/* Whether the two share bytes of the file. */
bool pe_overlap(const struct pe_section *a, const struct pe_section *b);
