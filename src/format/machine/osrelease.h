/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * os-release (the systemd manual, os-release(5)): lines KEY=VALUE, the value plain, in single or
 * in double quotes, where a backslash takes the special meaning from the next character. Nothing
 * is ever expanded. Pure; the bytes are hostile.
 */

#include <stdbool.h>
#include <stddef.h>

/* Copies the last value of KEY, NUL-terminated, to OUT. False, OUT untouched, when there is none,
 * or none that is well formed, or it does not fit into SIZE bytes. */
bool osrelease_get(const char *text, size_t len, const char *key, char *out, size_t size);
