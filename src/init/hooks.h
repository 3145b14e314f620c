/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Programs of drop-in features: boot.conf names those that run at a stage of the boot. One runs
 * at a time, in a session of its own; the loop goes on meanwhile. What it prints goes to the
 * kernel's log. One that does not end in its time is killed and left behind. It gets:
 *
 *   PATH, HOME=/, TERM=linux
 *   NEWROOT=/sysroot
 *   PREROOT_STAGE=pre-trigger|pre-mount|pre-pivot
 *   PREROOT_ROOT=/dev/NAME and PREROOT_FSTYPE=TYPE, once the root device is there
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/bootconf.h"

enum { HOOKS_LINE_MAX = 512, HOOKS_WHY_MAX = 160, HOOKS_ERROR_MAX = 256 };

enum hooks_state {
	HOOKS_BUSY,
	HOOKS_DONE,
	HOOKS_FAILED, /* one that is required: hooks.error says it */
};

struct hooks {
	struct bootconf_run list[BOOTCONF_RUNS_MAX];
	size_t n;
	enum bootconf_stage stage;  /* that runs now, or ran last */
	bool begun[RUN_STAGES];
	size_t next;                /* of the list */
	const struct bootconf_run *current; /* that runs; NULL: none */
	int pid, fd;                /* of it; fd: its output, -1: none */
	int killed;                 /* the last one that was, until it is gone; 0 */
	int64_t deadline, next_tell;
	char line[HOOKS_LINE_MAX];  /* of its output, not yet whole */
	size_t line_len;
	char error[HOOKS_ERROR_MAX];
};

struct boot;

/* Takes the value of a "run=" of boot.conf; false when it is malformed or one too many. */
bool hooks_add(struct hooks *h, char *value);

/* Begins STAGE. False when nothing is to run there, or it was begun before. */
bool hooks_begin(struct hooks *h, enum bootconf_stage stage);

/* Starts the next program when none runs. */
enum hooks_state hooks_step(struct boot *b);

/* Child PID has ended with the STATUS of waitpid(2). Others than ours are passed over. */
void hooks_ended(struct boot *b, int pid, int status);

/* The running one has printed something. */
void hooks_output(struct boot *b);

/* Its deadline, and what is said while it is waited for. */
void hooks_tick(struct boot *b, int64_t now);

/* When hooks_tick() has something to do. */
int64_t hooks_due(const struct hooks *h);
