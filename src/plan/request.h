/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What was asked for: command line over configuration over defaults. Plain data.
 */

#include <stdbool.h>
#include <stddef.h>

#include "format/codec.h"

enum plan_mode {
	MODE_HOSTONLY, /* this machine's way to its root filesystem */
	MODE_GENERIC,  /* any machine's */
};

struct request_include {
	const char *source; /* path of the calling process */
	const char *target; /* in the image */
};

struct request {
	enum plan_mode mode;
	enum codec codec;          /* CODEC_COUNT: choose */
	const char *kernel;        /* NULL: choose */
	const char *hardware_file; /* NULL: read this machine */
	const char *init;          /* the static PID 1 to pack, path of the calling process */
	const char **drivers;      /* further modules, by name */
	size_t n_drivers;
	struct request_include *includes;
	size_t n_includes;
	bool no_microcode;
	const char *acpi_tables;   /* folder of the calling process with ACPI tables; NULL: none */
};
