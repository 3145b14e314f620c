/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An entry of the Boot Loader Specification, type 1: a small file below loader/entries, lines of
 * a key, blanks and a value; "#" begins a comment. Its name is NAME[+LEFT[-DONE]].conf, where LEFT
 * and DONE count tries to boot it. Source: The Boot Loader Specification (uapi-group.org). GRUB as
 * Fedora ships it also takes variables there ($kernelopts). Pure; what is found lives in the arena.
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
	const char *kernel;    /* "linux"; or NULL, and then */
	const char *efi, *uki; /* one of these */
	const char *devicetree;
	const char **initrds; /* ends with NULL; without GRUB's variables */
	const char *options;  /* all of them with blanks between, "" for none */
};

/* -EBADMSG: it names nothing to boot, or holds a NUL; -E2BIG: over BLS_SIZE_MAX. Unknown keys are
 * passed over; of a key that may be there once, the last counts. OUT is untouched on failure. */
int bls_decode(const char *text, size_t len, struct arena *arena, struct bls_entry *out,
	       struct err *err);

bool bls_line_is(const struct keyline *line, const char *key);

struct bls_name {
	char id[NAME_MAX + 1]; /* NAME */
	bool counts;	       /* tries are counted */
	uint64_t left, done;
};

/* FILE is a name without folders. False: it is not that of an entry. A suffix that is no counter
 * belongs to NAME. */
bool bls_name_decode(const char *file, struct bls_name *out);
