/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Questions to whoever sits at the machine. Each is shown on all consoles at once (terminals.h),
 * one after the other in the order in which they were asked; the first whole line on any console is
 * the answer. Nothing is waited for: the answer comes to a handler.
 *
 * Askers with the same text and the same key share a question: it is shown once, and its answer
 * goes to each of them. Whoever finds it wrong is asked again with those that did, as often as its
 * tries allow. If the matter is solved in another way, the asker withdraws its question:
 * prompt_cancel().
 *
 * An answer exists once, in locked memory that workers do not inherit. It is valid only inside the
 * handler, and overwritten as soon as all handlers have returned: a handler passes it on to a
 * program at once (program.h), and copies it nowhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/core/terminals.h"

enum {
	PROMPTS_MAX = 16, /* askers */
	PROMPT_TEXT_MAX = 256,
	PROMPT_KEY_MAX = 64,
	PROMPT_ANSWER_MAX = TERMINALS_LINE_MAX,
	PROMPT_NO_LIMIT = 0,
};

enum prompt_end {
	PROMPT_ANSWERED,
	PROMPT_LATE,	/* no answer within the time limit: the question is gone */
	PROMPT_REFUSED, /* the last try was wrong: likewise */
};

/* What a handler makes of an answer; nothing else than PROMPT_RIGHT counts at another end. */
enum prompt_verdict {
	PROMPT_RIGHT,	/* the question is gone */
	PROMPT_WRONG,	/* ask again */
	PROMPT_EMPTY,	/* it is none: the same, and no try is used up */
	PROMPT_PENDING, /* prompt_set_verdict() follows */
};

struct boot;

/* ANSWER, of LEN bytes without an end, is only there at PROMPT_ANSWERED. */
typedef enum prompt_verdict prompt_handler(struct boot *b, unsigned tag, enum prompt_end end,
					   const char *answer, size_t len);

struct prompt_request {
	const char *text;  /* shown with ": " after it; cut at PROMPT_TEXT_MAX */
	const char *key;   /* what the answer is for; NULL: the same as "" */
	bool secret;       /* what is typed is not shown */
	bool holds;	   /* the root may depend on it: its time limit does not run meanwhile */
	unsigned tries;    /* wrong answers until PROMPT_REFUSED; PROMPT_NO_LIMIT */
	unsigned seconds;  /* for each try, from when it is shown; PROMPT_NO_LIMIT */
	prompt_handler *handler;
	unsigned tag; /* the caller's, to distinguish questions of one handler */
};

enum prompt_state {
	PROMPT_FREE,
	PROMPT_WAITS,  /* to be shown, or shown */
	PROMPT_TAKES,  /* its handler is about to be called */
	PROMPT_JUDGES, /* it is being found out what the answer is worth */
};

struct prompt {
	enum prompt_state state;
	uint32_t number; /* in the order in which they were asked */
	char text[PROMPT_TEXT_MAX], key[PROMPT_KEY_MAX];
	bool secret, holds, limited, wrong; /* LIMITED: TRIES counts; WRONG: the last answer was */
	unsigned tries, seconds, tag;
	int64_t deadline; /* while it is shown; INT64_MAX */
	prompt_handler *handler;
};

struct prompts {
	struct prompt list[PROMPTS_MAX];
	struct terminals terminals;
	uint32_t asked, shown; /* SHOWN: number of one of those that share what is shown; 0: none */
	bool hushed;
	int64_t next_look;     /* for terminals that have come */
	const char *kmsg, *printk; /* files of the kernel: its log; which lines it prints on consoles */
	int kernel;            /* the former, while something is shown; -1 */
	int64_t show_at;       /* again, since the kernel has printed lines below; 0: it has not */
};

/* Before anything else: no terminals are open yet. */
void prompt_init(struct boot *b);

/* Puts a question. -ENOSPC: there are PROMPTS_MAX; -ENOMEM: no memory for an answer. */
int prompt_ask(struct boot *b, const struct prompt_request *r);

/* What the answer was worth to the asker with this handler and tag, which said PROMPT_PENDING. */
void prompt_set_verdict(struct boot *b, prompt_handler *handler, unsigned tag, bool right);

/* Is such a question still to be answered, or its answer to be judged? */
bool prompt_is_asked(const struct boot *b, prompt_handler *handler, unsigned tag);

/* Is somebody asked a question that holds up time limits, or what was typed being checked? */
bool prompt_holds(const struct boot *b);

/* Withdraws the question of this handler and tag in any state, without calling the handler. */
void prompt_cancel(struct boot *b, prompt_handler *handler, unsigned tag);

/* A shell has the console: nothing is shown, time limits do not run. */
void prompt_hush(struct boot *b, bool hush);

/* Something was typed, or the kernel has printed something. */
void prompt_input(struct boot *b);

/* Shows the current question, again after log lines, and handles time limits. */
void prompt_tick(struct boot *b, int64_t now);

/* When prompt_tick() has something to do; INT64_MAX: there is no question. */
int64_t prompt_due(const struct boot *b, int64_t now);

/* The boot leaves for the root's init: all questions are gone, terminals are as they were. */
void prompt_leave(struct boot *b);
