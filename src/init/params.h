/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel command line, as far as PID 1 obeys it. docs/boot.md has the list with meanings.
 * The last of several settings counts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/spec.h"

enum {
	PARAMS_TEXT_MAX = 8192, /* the kernel's own limit is 2048 to 4096 */
	PARAMS_FOREVER = -1,
	PARAMS_UNKNOWN_MAX = 16,
	PARAMS_LISTS_MAX = 16,
};

/* A parameter that may be given several times, each of which counts. */
struct params_list {
	const char *items[PARAMS_LISTS_MAX];
	size_t n;
};

/* What waits for the root, as it was given; in the order in which one overrules the other. */
struct params_waits {
	const char *rootdelay, *retry, *timeout, *rootwait;
	bool forever; /* rootwait without a value */
};

struct params {
	struct spec root;
	const char *rootfstype; /* NULL: find out; a comma list is tried in order */
	const char *rootflags;  /* "" for none */
	bool writable;
	const char *init;       /* NULL: the usual places */
	bool panic_given;
	int64_t panic;          /* seconds; 0: never reboot; negative: at once */
	int64_t delay;          /* ms before the root is mounted: rootdelay= */
	int64_t timeout;        /* ms to wait for the root; PARAMS_FOREVER */
	const char *timeout_by; /* the parameter that set it */
	struct params_waits waits; /* delay and timeout follow from them */
	struct params_list blacklists; /* comma lists of modules */
	const char *unknown[PARAMS_UNKNOWN_MAX]; /* rd.* that mean nothing to us */
	size_t n_unknown;
	char text[PARAMS_TEXT_MAX];   /* cut up; the strings above point into it */
	char whole[PARAMS_TEXT_MAX];  /* as it was */
};

/* TEXT is the content of /proc/cmdline. What is over PARAMS_TEXT_MAX is cut off. */
void params_parse(struct params *p, const char *text, size_t len);

/* Is MODULE not to be loaded on a device's behalf (modprobe.blacklist=, rd.driver.blacklist=)? */
bool params_blacklisted(const struct params *p, const char *module);

/* Appends " option=value" for each MODULE.option=value of the command line. Cut at SIZE. */
void params_module_options(const struct params *p, const char *module, char *out, size_t size);
