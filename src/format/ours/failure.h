/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where PID 1 leaves the account of a boot that failed, for `preroot status`.
 *
 * The file exists if that same boot succeeded after all. A boot that did not leaves an EFI
 * variable: four bytes of attributes, then the start of the account.
 */

#define FAILURE_DIR	 "/run/preroot"
#define FAILURE_PATH	 FAILURE_DIR "/failure.txt"
#define FAILURE_EFIVARS	 "/sys/firmware/efi/efivars"
#define FAILURE_VARIABLE "PrerootFailure-d72b0087-550c-4f79-8c2a-80495a6e979d"

enum {
	FAILURE_TEXT_MAX = 64 * 1024, /* of the file */
	FAILURE_VARIABLE_MAX = 1024,  /* of the text in the variable */
	FAILURE_ATTRIBUTES = 4,
};
