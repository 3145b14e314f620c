/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What grub.cfg, a program in GRUB's script language, offers to boot. Nothing is run. It finds
 *
 *   menuentry TITLE [--id ID] [OPTION...] { ... linux PATH [WORD...] ... initrd PATH... ... }
 *
 * wherever they are, in a submenu, a function or a condition; linux16, linuxefi, initrd16 and
 * initrdefi too; files that are sourced, which the caller may read; blscfg, which takes entries
 * from elsewhere. Everything else is skipped. The value of a variable is known when the caller
 * supplied it, or when every "set" so far gave it the same value; other variables are left as
 * written. Quotes, escapes and comments are GRUB's (its manual, "Shell-like scripting"). Pure; what
 * is found lives in the arena.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	GRUBCFG_SIZE_MAX = 4 * 1024 * 1024,
	GRUBCFG_DEPTH_MAX = 16,	  /* of blocks */
	GRUBCFG_WORDS_MAX = 1024, /* per command */
	GRUBCFG_ENTRIES_MAX = 4096,
	GRUBCFG_VARIABLES_MAX = 256,
};

struct grubcfg_variable {
	const char *name, *value; /* NULL: its value is not known */
};

/* A part of the text, in bytes. */
struct grubcfg_span {
	size_t begin, end;
};

struct grubcfg_path {
	const char *text;	  /* without its quotes */
	struct grubcfg_span span; /* the word as written */
};

struct grubcfg_entry {
	const char *title;
	const char *id;	       /* NULL: none of its own */
	const char *arguments; /* the words between title and "{", as written, without the id */
	const char *kernel;    /* NULL: it does not boot Linux */
	const char *options;   /* the words after the kernel, separated by blanks; quoted if they
				  contain some */
	struct grubcfg_path *initrds;
	size_t n_initrds;
	const char *unknown;	  /* the first unknown variable in a path; NULL: none */
	bool is_plain;		  /* one linux command, at most one initrd command */
	struct grubcfg_span body; /* between its braces */
	struct grubcfg_span load; /* the linux command */
	struct grubcfg_span
		save;	    /* savedefault, which makes the chosen entry the default; or empty */
	const char *number; /* how "default" can refer to it: "2", "1>0" in a submenu */
	unsigned line;
};

struct grubcfg_source {
	const char *path;
	const char *unknown; /* as above */
	size_t before;	     /* index of the entry that follows it */
	unsigned line;
};

struct grubcfg {
	struct grubcfg_entry *entries;
	size_t n;
	struct grubcfg_source *sources; /* of source, ".", configfile */
	size_t n_sources;
	const char *preferred; /* the last value that "default" is set to, ignoring next_entry, as
				  written: "0", "${saved_entry}"; NULL: it is not set */
	bool has_blscfg;
	bool keeps_next; /* it reads next_entry from its environment, and clears it there */
};

/* KNOWN ends with a row without a name; NULL: none. -EBADMSG with "line N: ..." for unclosed quotes
 * and unbalanced braces, -E2BIG over one of the limits. OUT is unchanged on failure. */
int grubcfg_decode(const char *text, size_t len, const struct grubcfg_variable *known,
		   struct arena *arena, struct grubcfg *out, struct err *err);

/* WORD, quoted so that GRUB reads it literally. */
const char *grubcfg_quote(const char *word, struct arena *arena);
