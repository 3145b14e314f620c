/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/program/pe.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

enum {
	DOS_SIZE = 64,
	DOS_NEW_HEADER = 60, /* where the offset of the PE header is stored */
	COFF_SIZE = 24,	     /* with "PE\0\0" */
	COFF_SECTIONS = 6,
	COFF_OPTIONAL = 20,
	SECTION_SIZE = 40,
	SECTION_MEMORY = 8,
	SECTION_RAW = 16,
	SECTION_OFFSET = 20,
};

bool pe_is(const void *head, size_t len)
{
	return len >= 2 && memcmp(head, "MZ", 2) == 0;
}

int pe_decode(const void *head, size_t len, uint64_t file_size, struct pe *out, struct err *err)
{
	const uint8_t *p = head;
	uint64_t at, table, end;
	unsigned n;

	if (len < DOS_SIZE || !pe_is(p, len))
		return err_set(err, -EBADMSG, "no PE file: no DOS header");
	at = le32(p + DOS_NEW_HEADER);
	if (at < DOS_SIZE || at + COFF_SIZE > len || memcmp(p + at, "PE\0\0", 4) != 0)
		return err_set(err, -EBADMSG, "starts as a DOS program, but has no PE header");
	n = le16(p + at + COFF_SECTIONS);
	table = at + COFF_SIZE + le16(p + at + COFF_OPTIONAL);
	end = table + (uint64_t)n * SECTION_SIZE;
	if (n == 0)
		return err_set(err, -EBADMSG, "a PE file without sections");
	if (end > len)
		return err_set(err, -EBADMSG,
			       "the table of %u PE sections ends at byte %llu, behind the end of "
			       "the file or over the limit of %d",
			       n, (unsigned long long)end, PE_HEAD_MAX);
	*out = (struct pe){.table = p + table, .n_sections = n, .table_end = end,
			   .file_size = file_size};
	return 0;
}

int pe_section(const struct pe *pe, unsigned i, struct pe_section *out, struct err *err)
{
	const uint8_t *p = pe->table + (size_t)i * SECTION_SIZE;
	uint32_t memory = le32(p + SECTION_MEMORY), raw = le32(p + SECTION_RAW);
	struct pe_section s = {.offset = le32(p + SECTION_OFFSET),
			       .size = memory < raw ? memory : raw};
	char shown[4 * PE_NAME_MAX + 1];

	memcpy(s.name, p, PE_NAME_MAX);
	escape_text(s.name, shown, sizeof(shown));
	if (s.size && s.offset + s.size > pe->file_size)
		return err_set(err, -EBADMSG,
			       "PE section %u (%s): %llu bytes at byte %llu, but the file ends at "
			       "%llu",
			       i + 1, shown, (unsigned long long)s.size,
			       (unsigned long long)s.offset, (unsigned long long)pe->file_size);
	if (s.size && s.offset < pe->table_end)
		return err_set(err, -EBADMSG, "PE section %u (%s) lies in the headers", i + 1, shown);
	*out = s;
	return 0;
}

bool pe_overlap(const struct pe_section *a, const struct pe_section *b)
{
	return a->size && b->size && a->offset < b->offset + b->size &&
	       b->offset < a->offset + a->size;
}
