/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel reads of an ELF file before it starts it (fs/binfmt_elf.c): the machine that it
 * is for, and the program interpreter. Only the start of the file is needed. For everything else
 * there is format/program/elf.h, which PID 1 cannot link. Pure; the bytes are hostile.
 */

#include <stddef.h>

#include "base/err.h"

enum { ELFHEAD_INTERP_MAX = 256 };

struct elfhead {
	int bits;    /* 32 or 64 */
	int machine; /* EM_* */
	char interpreter[ELFHEAD_INTERP_MAX]; /* "" if there is none, or it is outside of DATA */
};

/* "x86-64", "aarch64", ...; "another machine" for any other. For messages. */
const char *elfhead_machine_name(int machine);

/* DATA is the start of the file. -EBADMSG: not an ELF file that any kernel would start. */
int elfhead_decode(const void *data, size_t len, struct elfhead *out, struct err *err);
