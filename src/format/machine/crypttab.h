/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * /etc/crypttab: lines NAME DEVICE [KEY [OPTIONS]], separated by blanks and tabs. A part of a field
 * may be in double quotes, and in a field a blank may be \040. A line that begins with "#" is a
 * comment, and so is a word that does where a fifth field would be. Source: crypttab(5) of systemd
 * and of Debian's cryptsetup. Pure, in place.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRYPTTAB_SIZE_MAX = 1024 * 1024, CRYPTTAB_NAME_MAX = 127 /* of the kernel */ };

struct crypttab_entry {
	char *name, *device;
	char *key;     /* a path or another source; "": a passphrase is asked for */
	char *options; /* "": none */
	unsigned line; /* counted from 1 */
};

/* CURSOR is set to the text, LINE to 0. The text is cut up; entries point into it. */
struct crypttab {
	char *cursor; /* NULL: no text */
	unsigned line;
};

/* 1: an entry; 0: there are no more; -EBADMSG: *WHY says what is wrong with line OUT->line, and the
 * next call goes on behind it. */
int crypttab_next(struct crypttab *c, struct crypttab_entry *out, const char **why);

/* The same for a single line; 0: it is empty or a comment. OUT->line is 0. */
int crypttab_parse(char *line, struct crypttab_entry *out, const char **why);

/* Can NAME be that of a volume, in /dev/mapper? */
bool crypttab_is_name(const char *name);

/* Is the key neither a passphrase nor a file: a chip, a token or a script? */
bool crypttab_has_token(const char *options);

/* How a volume is opened. */
enum crypttab_flag {
	CRYPTTAB_DISCARD = 1 << 0,
	CRYPTTAB_SAME_CPU = 1 << 1,
	CRYPTTAB_SUBMIT = 1 << 2,   /* from the CPUs that encrypt */
	CRYPTTAB_NO_READ_QUEUE = 1 << 3,
	CRYPTTAB_NO_WRITE_QUEUE = 1 << 4,
	CRYPTTAB_READ_ONLY = 1 << 5,
};

enum { CRYPTTAB_ANY_SLOT = -1, CRYPTTAB_SLOT_MAX = 31, CRYPTTAB_TRIES_MAX = 1000 };

struct crypttab_options {
	unsigned flags;		/* enum crypttab_flag */
	bool has_tries;
	unsigned tries;		/* 0: no limit */
	unsigned seconds;	/* to answer; 0: no limit */
	int slot;		/* CRYPTTAB_ANY_SLOT */
	uint64_t key_offset, key_size; /* of the key in its file; size 0: all of it */
};

/* What an option is to whoever opens a LUKS volume at boot. */
enum crypttab_verdict {
	CRYPTTAB_TAKEN,	      /* it is in OUT */
	CRYPTTAB_MEANINGLESS, /* it is about other times: nofail, x-systemd.device-timeout= */
	CRYPTTAB_TOKEN,	      /* the key is in a chip or token, which is not asked for it */
	CRYPTTAB_NOT_LUKS,    /* the volume is of another kind: plain, swap, bitlk */
	CRYPTTAB_NEEDED,      /* without it the volume cannot be opened: header=, keyscript= */
	CRYPTTAB_UNKNOWN,
	CRYPTTAB_MALFORMED,   /* its value */
};

/* Before the first of them. */
void crypttab_options_init(struct crypttab_options *out);

/* WORD: one option, with its value. */
enum crypttab_verdict crypttab_option(const char *word, struct crypttab_options *out);
