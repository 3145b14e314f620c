/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An entry of the Boot Loader Specification, type 1: a small file below loader/entries, lines of a
 * key, blanks and a value; "#" begins a comment. Its name is NAME[+LEFT[-DONE]].conf, where LEFT
 * and DONE count attempts to boot it. Source: The Boot Loader Specification (uapi-group.org). GRUB
 * as Fedora ships it also allows variables there ($kernelopts). Pure; what is found lives in the
 * arena.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "format/menu/keyline.h"

enum { BLS_SIZE_MAX = 256 * 1024 };

struct bls_entry {
	const char *title, *version, *machine_id, *sort_key, *architecture; /* NULL: not given */
	const char *kernel;    /* the value of "linux"; if NULL, then */
	const char *efi, *uki; /* one of these is given */
	const char *devicetree;
	const char **initrds; /* ends with NULL; without GRUB's variables */
	const char *options;  /* all of them, separated by blanks; "" for none */
};

/* -EBADMSG: it names nothing to boot, or holds a NUL; -E2BIG: over BLS_SIZE_MAX. Unknown keys are
 * skipped; if a key that may be there once is repeated, the last one counts. OUT is unchanged on
 * failure. */
int bls_decode(const char *text, size_t len, struct arena *arena, struct bls_entry *out,
	       struct err *err);

bool bls_line_is(const struct keyline *line, const char *key);

struct bls_name {
	char id[NAME_MAX + 1]; /* NAME */
	bool counts;	       /* boot attempts are counted */
	uint64_t left, done;
};

/* FILE is a name without folders. False: it is not the name of an entry. A suffix that is not a
 * counter belongs to NAME. */
bool bls_name_decode(const char *file, struct bls_name *out);
