/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * PID 1's settings: the image's boot.conf, and the kernel command line after the parameters that
 * the image brings.
 */

#include <stdbool.h>
#include <stddef.h>

#include "format/ours/bootconf.h"

enum { SETTINGS_TYPED_MAX = 1024 };

struct boot;

struct settings {
	const char *kernel; /* that the image is for; NULL */
	const char **loads; /* modules to load at once */
	size_t n_loads;
	char embedded[BOOTCONF_CMDLINE_MAX + 1]; /* kernel parameters of the image */
	char typed[SETTINGS_TYPED_MAX]; /* the same, typed at the console: rd.cmdline=ask */
	bool typing;			/* a prompt for more of it is shown */
	bool no_arrays;	  /* the machine of this image needs none: arrays=none */
	bool has_secrets; /* that are measured: secrets=measured */
	/* Handles the keys of boot.conf that core does not know; may be NULL. */
	void (*other)(struct boot *b, const char *key, char *value);
};

/* Parses boot.conf; TEXT is writable, NUL-terminated and outlives B. */
void settings_parse(struct boot *b, char *text);

/* Reads /etc/preroot/boot.conf and /proc/cmdline. What is missing or broken is logged. */
void settings_load(struct boot *b);

/* Reads the kernel parameters again, followed by those that were TYPED at the console. */
void settings_add(struct boot *b, const char *typed);
