/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Programs of drop-in features: boot.conf names those that run at a stage of the boot, one after
 * the other (program.h). Each gets:
 *
 *   PATH, HOME=/, TERM=linux
 *   NEWROOT=/sysroot
 *   PREROOT_STAGE=pre-trigger|pre-mount|pre-pivot
 *   PREROOT_ROOT=/dev/NAME and PREROOT_FSTYPE=TYPE, once the root device is there
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/ours/bootconf.h"

enum { HOOKS_ERROR_MAX = 256 };

enum hooks_state {
	HOOKS_BUSY,
	HOOKS_DONE,
	HOOKS_FAILED, /* one that is required: hooks.error says it */
};

struct hooks {
	struct bootconf_run list[BOOTCONF_RUNS_MAX];
	size_t n;
	bool active;                /* programs of STAGE run */
	enum bootconf_stage stage;  /* or ran last */
	bool begun[RUN_STAGES];
	size_t next;                /* of the list */
	const struct bootconf_run *current; /* that runs; NULL: none */
	char error[HOOKS_ERROR_MAX];
};

struct boot;

/* Takes the value of a "run=" of boot.conf; false when it is malformed or one too many. */
bool hooks_add(struct hooks *h, char *value);

/* Is there any for STAGE? */
bool hooks_has(const struct hooks *h, enum bootconf_stage stage);

/* Begins STAGE. False when nothing is to run there, or it was begun before. */
bool hooks_begin(struct hooks *h, enum bootconf_stage stage);

/* The stage that failed may begin anew. */
void hooks_retry(struct hooks *h);

/* Takes note of a program that has ended, and starts the next when none runs. */
enum hooks_state hooks_step(struct boot *b);
