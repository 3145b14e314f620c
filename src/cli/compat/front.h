/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Front ends: the names of other builders' programs, by which this program may be called. Each is a
 * table of that program's options, with what each becomes here, and a function that chooses the
 * command that does the work. They decide nothing about images: they turn words into other words.
 *
 * Options are read as GNU getopt_long() reads them: in any order and between other words, long ones
 * also as "--name=value" and shortened as long as that is unambiguous, letters also bundled and with
 * the value right behind. Empty words are skipped, unless the program gives each word a place.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/options.h"

enum front_effect {
	FRONT_VERB,    /* the option AS of the command, with the same arguments */
	FRONT_SET,     /* the setting AS, "key=value", or "key=" or "key+=" with the argument behind; a
			* second "key=" adds */
	FRONT_OWN,     /* it goes to the front end's own function */
	FRONT_MET,     /* what it asks for is so in any case */
	FRONT_NOTE,    /* accepted without effect, which is said */
	FRONT_MISSING, /* an error: this version has no such thing */
	FRONT_HELP,
	FRONT_VERSION,
};

struct front_option {
	const char *name; /* without the dashes; NULL: only the letter */
	char letter;	  /* 0: none */
	const char *args; /* names of its arguments, blank between; "[X]": only behind "="; NULL */
	enum front_effect effect;
	const char *as;
	const char *help; /* MET, NOTE, MISSING: the reason */
	int id;		  /* OWN */
};

/* The rows that all tables end with. */
#define FRONT_LAST_OPTIONS                                                                      \
	{"version", 0, NULL, FRONT_VERSION, NULL, "show the version", 0},                       \
	{"help", 'h', NULL, FRONT_HELP, NULL, "show this help", 0},                             \
	{0}

enum { FRONT_OPTIONS_MAX = 160 };

struct front_words {
	char **list;
	size_t n;
};

struct front_run;

struct front {
	const char *name;
	const char *usage;   /* behind the name */
	const char *version; /* that is claimed */
	const char *log;     /* in place of preroot's, below the root; NULL: preroot's */
	const char *environment; /* a variable with further options; NULL */
	const struct front_option *options; /* ends with a row without name and letter */
	size_t state_size; /* of what OWN and RUN share; zeroed */
	int usage_status;  /* exit status for wrong usage */
	bool has_places;   /* an empty word is kept: it leaves what has its place to the default */
	/* Commands that do the same, for hints of their options. The second may be NULL. */
	const struct command *commands[2];
	/* Takes an option of FRONT_OWN. 0 or -EINVAL. */
	int (*own)(struct front_run *f, const struct front_option *o, char **args, struct err *err);
	/* Returns an exit status, after it has printed what went wrong. */
	int (*run)(struct front_run *f);
};

struct front_run {
	const struct front *front;
	void *state;
	struct front_words options; /* of the command that does the work */
	struct front_words set_by;  /* the option behind each --set among them, for messages */
	struct front_words words;   /* those that are no options */
	bool has_kind; /* an option says for which machines the image is */
	unsigned char seen[FRONT_OPTIONS_MAX]; /* 0, 1 or 2 times */
	struct arena arena;
};

/* The front end NAME; NULL: there is none. */
const struct front *front_find(const char *name);

/* Runs it: an exit status. */
int front_main(const struct front *front, int argc, char **argv);

/* ---- for the front ends ---- */

void front_add(struct front_run *f, struct front_words *to, const char *word);

/* The OWN of a front end with one option of that kind, whose state is a bool: was it given? */
int front_set_switch(struct front_run *f, const struct front_option *o, char **args,
		     struct err *err);

/* The word I that is no option; NULL: there is none, or it is empty. */
const char *front_word(const struct front_run *f, size_t i);

/* Adds the SETTING that OPTION means. */
void front_set(struct front_run *f, const char *option, const char *setting);

/* Calls VERB with the options so far, and WORD and MORE (NULL: none) behind them. */
int front_verb(struct front_run *f, const struct command *verb, const char *word, const char *more);

/* The same with the words of F. */
int front_verb_words(struct front_run *f, const struct command *verb);

/* Prints the error, or with -ECANCELED nothing: an exit status. */
int front_usage(const struct front_run *f, const struct err *err);

/* 0 or -EINVAL: fewer or more words than that. */
int front_check_words(const struct front_run *f, size_t min, size_t max, struct err *err);

/* Without FORCE, -EEXIST if PATH is an image that would be replaced: dracut's words, and meaning. */
int front_check_new(const char *path, bool force, struct err *err);

/* ---- parse.c ---- */

/* -ECANCELED: help or the version was printed. */
int front_parse(struct front_run *f, int argc, char **argv, struct err *err);
int front_parse_environment(struct front_run *f, struct err *err);
