/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the unit tests share: cmocka with the headers that it wants, folders to work in, and the
 * sweep that every decoder must live through.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

/* CALL must fail with the code EXPECTED, and say why. */
#define assert_fails(call, expected, err)                                                          \
	do {                                                                                       \
		assert_int_equal((call), (expected));                                              \
		assert_int_equal((err)->code, (expected));                                         \
		assert_true((err)->text[0] != '\0');                                               \
	} while (0)

/* CALL must return EXPECTED; what it says is shown otherwise. */
#define assert_ok(call, expected, err)                                                             \
	do {                                                                                       \
		int ok_ = (int)(call);                                                             \
		if (ok_ != (expected))                                                             \
			fail_msg("%s: %d, not %d: %s", #call, ok_, (expected), (err)->text);       \
	} while (0)

/* LOW and HIGH included. cmocka 2 deprecates its macro for this; cmocka 1 does not have the new one. */
void assert_between(intmax_t value, intmax_t low, intmax_t high);

#define assert_contains(text, part)                                                                \
	do {                                                                                       \
		if (!strstr((text), (part)))                                                       \
			fail_msg("\"%s\" is not in \"%s\"", (part), (text));                       \
	} while (0)

/* The tests of one file as the main function of a program. */
#define RUN_TESTS(tests) cmocka_run_group_tests((tests), NULL, NULL)

/* A new folder, to be given to remove_folder(), which frees it too. */
char *make_folder(void);
void remove_folder(char *folder);
static inline void cleanup_folder(char **folder)
{
	remove_folder(*folder);
}
#define _cleanup_folder_ __attribute__((cleanup(cleanup_folder)))

/* All below FOLDER; parents are made. */
void put_file(const char *folder, const char *path, const void *data, size_t len);
void put_text(const char *folder, const char *path, const char *text);
void put_link(const char *folder, const char *path, const char *target);
void put_dir(const char *folder, const char *path);

/* The head of a kernel's image that says it is VERSION, at that byte of it. OUT is empty. */
enum { KERNEL_VERSION_AT = 0x300 };
void add_kernel(struct buf *out, const char *version);
void put_kernel(const char *folder, const char *path, const char *version);

/* Whether FOLDER/PATH is there, links not followed; its type bits (S_IFMT), 0: it is not. */
unsigned type_of(const char *folder, const char *path);

/* The content of FOLDER/PATH must be TEXT. */
void assert_content(const char *folder, const char *path, const char *text);

/* Number of names in FOLDER. */
int count_names(const char *folder);

/*
 * Calls FN with every truncation of SAMPLE, and with SAMPLE once for each byte and each of some
 * other values of it. Each time the input is a block of memory of just its size, and writable.
 */
typedef void (*sweep_fn)(uint8_t *data, size_t len, void *arg);
void sweep(const void *sample, size_t len, sweep_fn fn, void *arg);
void sweep_truncations(const void *sample, size_t len, sweep_fn fn, void *arg);
void sweep_bytes(const void *sample, size_t len, sweep_fn fn, void *arg);

/* A copy in a block of memory of just its size. Free it. */
uint8_t *exact_copy(const void *data, size_t len);

/* V at AT, in little-endian order. */
void put_le32(uint8_t *at, uint32_t v);

/* Numbers that look random and are the same in each run. */
uint32_t next_random(uint32_t *state);
