/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What every change of an image needs: facts, and a callback for its steps. This layer prints
 * nothing and reads no command line: commands and front ends parse, call and print.
 */

#include <stdbool.h>
#include <stddef.h>

#include "deploy/loader/loader.h"
#include "deploy/runlog.h"
#include "host/config/config.h"
#include "host/root.h"
#include "plan/request.h"
#include "transaction/reuse.h"

struct rebuild_kernel;

enum step_kind {
	STEP_DETAIL,  /* NAME and TEXT, for debugging */
	STEP_PACKING, /* DONE of TOTAL files */
	STEP_WAITING, /* TEXT: for another run that holds the lock */
	STEP_RUNNING, /* TEXT: the program that is waited for */
	STEP_NOTE,    /* TEXT: what is good to know once */
	STEP_LOADER,  /* TEXT: what was changed of the boot loader's */
	STEP_WARNING, /* TEXT: something is not as it should be */
	STEP_ALARM,   /* TEXT: the same, and what was there before is not there */
	STEP_KERNEL,  /* what became of one kernel: RESULT */
};

struct step {
	enum step_kind kind;
	const char *kernel; /* version; NULL: it is not about one */
	const char *name;
	const char *text;
	size_t done, total;
	const struct rebuild_kernel *result;
};

struct transaction {
	struct root *root;		    /* of the system; lent its cache and trace meanwhile */
	const struct request *given;	    /* by the command line */
	const struct config_places *places; /* of the configuration, which adds to that */
	struct reuse_options reuse;
	struct runlog *log; /* NULL: nothing is logged */
	void (*tell)(const struct step *step, void *arg);
	void *arg;
};

/* Tells a step that has only a text, of at most a line. */
void transaction_tell(const struct transaction *t, enum step_kind kind, const char *kernel,
		      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* For lock_take() and struct loader_request: what is waited for, the program that runs, what was
 * changed, which is also logged. T: a struct transaction. */
void transaction_say_waiting(const char *text, void *t);
void transaction_say_running(const char *program, void *t);
void transaction_say_loader(const char *text, void *t);

/* To bring the boot loader in line for VERSION (NULL: no kernel in particular). T must outlive it. */
struct loader_request transaction_loader(struct transaction *t, const struct bootdir *b,
					 const char *version);
