/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * After a boot: the image that PID 1 says it came from (boot.json) is remembered as the last good
 * one of its kernel. If it was a trial, it takes the place of the image in use; if a trial was to
 * be booted and this boot used another image, the trial has failed and is removed.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "host/remembered/cache.h"
#include "host/root.h"

/* The word that boots of a trial have on their kernel command line. */
#define GOOD_TRIAL_WORD "preroot.trial"

struct good {
	const char *why_not;  /* nothing was marked, for this reason; NULL */
	const char *problem;  /* to be shown as a warning; NULL */
	const char *spared;   /* another one: an image of another builder is beyond those to be kept; NULL */
	const char *kernel;   /* NULL: PID 1 of preroot did not start this machine */
	const char *id;       /* of the image that booted */
	const char *path;     /* where it is now; NULL: no longer in /boot, or not searched for */
	bool is_marked;       /* it was not the last good one before */
	bool has_failed;      /* PID 1 gave up in this boot, and a person completed it */
	bool trial_kept, trial_dropped, trial_waits;
	struct err loader; /* all of this is done, but the trial is still in the boot loader's menu; the next
			    * call tries again. Code 0: it is not */
};

struct good_request {
	const struct root *root;
	struct cache *cache; /* NULL, or the records of builds (image/history.h): a trial that is
			      * kept takes its own with it */
	struct arena *arena;
	void (*say)(const char *text, void *arg); /* what was done to menus, see deploy/loader/loader.h */
	void *arg;
	void (*waiting)(const char *text, void *arg); /* see deploy/lock.h */
};

/*
 * 0, with what was done in OUT; returns within milliseconds when there is nothing to do. -errno:
 * the names of images are as before, or a trial that booted has its new name; what remains to be
 * done is tried again by the next call.
 */
int good_mark(const struct good_request *q, struct good *out, struct err *err);
