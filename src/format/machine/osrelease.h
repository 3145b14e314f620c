/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * os-release (the systemd manual, os-release(5)): lines KEY=VALUE, the value plain or in single or
 * double quotes, where a backslash escapes the next character. Nothing is ever expanded. Pure; the
 * bytes are hostile.
 */

#include <stdbool.h>
#include <stddef.h>

/* Copies the last well-formed value of KEY that fits into SIZE bytes, NUL-terminated, to OUT.
 * False, OUT unchanged, when there is none. */
bool osrelease_get(const char *text, size_t len, const char *key, char *out, size_t size);
