/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From the mounted root to its running init.
 */

#include <sys/types.h>

#include "init/core/boot.h"

/* Finds the root's init (RESULT->text), asks the kernel whether it would start it, and makes sure
 * that the folders to move to exist. Changes the root directory of the calling process, which is a
 * worker. */
int handover_check(const struct boot *b, struct job_result *result);

/* Writes the first of N paths that the kernel can start to RESULT->text. If it cannot start one
 * before that, RESULT->note says so. -errno if there is none; RESULT->text says why. */
int handover_choose(const char *const *paths, size_t n, struct job_result *result);

struct handover {
	char **argv, **envp; /* that the kernel gave us */
	void (*left)(struct boot *b); /* called when there is no way back; NULL */
	int initramfs;       /* its root directory */
	dev_t device;        /* which it is on */
	char why[FLOW_TEXT_MAX]; /* the root's init does not run */
};

/*
 * Moves the mounts, makes /sysroot the root directory, empties the initramfs and starts the root's
 * init with the arguments and environment of the kernel. systemd also gets the time when PID 1
 * started. Returns only if that failed. Until the root directory has changed, everything is undone,
 * and the boot can be tried again. After that B->goal->left is set: the initramfs is gone, and the
 * other programs that the kernel knows have been tried as well, unless init= was given.
 */
void handover_switch(struct boot *b, struct handover *h);

/* The same for the initramfs that H names, which is closed. */
void handover_leave(struct boot *b, struct handover *h);
