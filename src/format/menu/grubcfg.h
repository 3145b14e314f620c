/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * grub.cfg, a program in GRUB's script language: what it offers to boot. Nothing is run. Found are
 *
 *   menuentry TITLE [--id ID] [OPTION...] { ... linux PATH [WORD...] ... initrd PATH... ... }
 *
 * wherever they stand, in a submenu, a function or a condition; linux16, linuxefi, initrd16 and
 * initrdefi too; files that are sourced, which are the caller's to read; blscfg, which takes
 * entries from elsewhere. All else is passed over. A variable is known when the caller gave it, or
 * when each "set" up to there gave it the same value; others stay as they are written. Quotes,
 * escapes and comments are GRUB's (its manual, "Shell-like scripting"). Pure; what is found lives
 * in the arena.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	GRUBCFG_SIZE_MAX = 4 * 1024 * 1024,
	GRUBCFG_DEPTH_MAX = 16,	  /* of blocks */
	GRUBCFG_WORDS_MAX = 1024, /* of a command */
	GRUBCFG_ENTRIES_MAX = 4096,
	GRUBCFG_VARIABLES_MAX = 256,
};

struct grubcfg_variable {
	const char *name, *value; /* NULL: it has no value that is known */
};

/* Bytes of the text. */
struct grubcfg_span {
	size_t begin, end;
};

struct grubcfg_path {
	const char *text;	  /* quotes taken off */
	struct grubcfg_span span; /* the word as it stands there */
};

struct grubcfg_entry {
	const char *title;
	const char *id;	       /* NULL: none of its own */
	const char *arguments; /* the words between title and "{", as written, without the id */
	const char *kernel;    /* NULL: it boots no Linux */
	const char *options;   /* words behind the kernel, with blanks between; quoted if they hold
				  some */
	struct grubcfg_path *initrds;
	size_t n_initrds;
	const char *unknown;	  /* the first variable in a path that is not known; NULL */
	bool is_plain;		  /* one linux command, at most one initrd command */
	struct grubcfg_span body; /* between its braces */
	struct grubcfg_span load; /* the linux command */
	struct grubcfg_span
		save; /* savedefault, which makes what was chosen the default; or empty */
	const char *number; /* by which "default" can call it: "2", "1>0" in a submenu */
	unsigned line;
};

struct grubcfg_source {
	const char *path;
	const char *unknown; /* as above */
	size_t before;	     /* the entry that it comes before */
	unsigned line;
};

struct grubcfg {
	struct grubcfg_entry *entries;
	size_t n;
	struct grubcfg_source *sources; /* of source, ".", configfile */
	size_t n_sources;
	const char *preferred; /* what "default" is set to at last, next_entry left out, as it is
				  written: "0", "${saved_entry}"; NULL: it is not set */
	bool has_blscfg;
	bool keeps_next; /* it takes next_entry out of its environment, and clears it there */
};

/* KNOWN ends with a row without a name; NULL: none. -EBADMSG with "line N: ..." for open quotes and
 * braces that do not pair, -E2BIG over one of the limits. OUT is untouched then. */
int grubcfg_decode(const char *text, size_t len, const struct grubcfg_variable *known,
		   struct arena *arena, struct grubcfg *out, struct err *err);

/* WORD so that GRUB takes it as it is. */
const char *grubcfg_quote(const char *word, struct arena *arena);
