/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A failure on its way up: the negative errno, one sentence of facts, and what to do about it.
 * The caller owns the struct; functions fill it and never print. Each layer on the way up may
 * put its path or offset in front. Meanings that are fixed throughout the project:
 * -EBADMSG malformed, -EPROTONOSUPPORT newer than we know, -E2BIG over a named limit,
 * -ENOTSUP not built in or not supported by the target.
 */

enum {
	ERR_TEXT_MAX = 768,
	ERR_HINT_MAX = 384,
};

struct err {
	int code;
	char text[ERR_TEXT_MAX];
	char hint[ERR_HINT_MAX];
};

/* Sets code (negative errno) and text, forgets an earlier hint. Returns code. E may be NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same, with ": <strerror>" appended. */
int err_sys(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "<prefix>: " in front of the text. Returns the code that E holds (-EIO for E == NULL). */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the user can do about it. Returns the code that E holds (-EIO for E == NULL). */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
