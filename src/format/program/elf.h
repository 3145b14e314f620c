/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an ELF file asks of the dynamic linker: interpreter, needed libraries, run paths, and the
 * notes on libraries that it may open later (format/program/dlopen.h). Read from the program headers, as
 * the dynamic linker does, so that stripped section headers do not matter. Never runs anything.
 * Pure; the bytes are hostile.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ELF_NEEDED_MAX = 512, ELF_NOTES_MAX = 256 };

struct elf_note {
	const char *text; /* not terminated */
	size_t len;
};

struct elf_info {
	int class;          /* ELFCLASS32 or ELFCLASS64 */
	int machine;        /* EM_* */
	bool dynamic;       /* has a dynamic section */
	const char *interp; /* NULL: none. All strings point into the decoded bytes */
	const char *soname;
	const char *rpath;
	const char *runpath;
	const char *needed[ELF_NEEDED_MAX];
	size_t n_needed;
	bool no_default; /* DF_1_NODEFLIB: default folders are not searched for its libraries */
	struct elf_note notes[ELF_NOTES_MAX]; /* owner "FDO", type 0x407c0c0a */
	size_t n_notes;
};

bool elf_is(const void *data, size_t len);

/* DATA is the whole file and must outlive OUT. -EBADMSG when malformed (this includes two dynamic
 * sections, since linkers differ in which one they use, and names that are empty or hold control
 * characters), -E2BIG when it needs more than ELF_NEEDED_MAX libraries or has more than
 * ELF_NOTES_MAX notes. */
int elf_decode(const void *data, size_t len, struct elf_info *out, struct err *err);
