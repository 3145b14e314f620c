/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The section table of a PE/COFF file, as far as a unified kernel image (UKI) is made of it: a
 * DOS header with the offset of "PE\0\0", the COFF header, an optional header that is passed
 * over, then 40 bytes a section: name, size in memory, address, size and offset in the file.
 * A section named .profile starts a further profile; what stands before the first is the base
 * of all. Pure; the bytes are hostile.
 * Source: Microsoft's PE format specification; UAPI.5 (unified kernel images).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	PE_HEAD_MAX = 64 * 1024, /* the section table must end before */
	PE_NAME_MAX = 8,
};

struct pe {
	const uint8_t *table; /* borrows the bytes that were decoded */
	unsigned n_sections;
	uint64_t table_end;   /* offset in the file */
	uint64_t file_size;
};

struct pe_section {
	char name[PE_NAME_MAX + 1]; /* as it stands there: not for a terminal */
	uint64_t offset, size;      /* of what is loaded from the file */
};

/* Whether LEN bytes are the start of a DOS or PE program. No cpio archive and no compressed
 * stream starts like that. */
bool pe_is(const void *head, size_t len);

/* HEAD: the first LEN bytes of a file of FILE_SIZE bytes, PE_HEAD_MAX of them or all. 0;
 * -EBADMSG when it is no PE file, or its table of sections is not within those bytes. */
int pe_decode(const void *head, size_t len, uint64_t file_size, struct pe *out, struct err *err);

/* Section number I, less than n_sections. 0; -EBADMSG when its data is not within the file,
 * or lies in the headers. */
int pe_section(const struct pe *pe, unsigned i, struct pe_section *out, struct err *err);

/* Whether they share bytes of the file. */
bool pe_overlap(const struct pe_section *a, const struct pe_section *b);
