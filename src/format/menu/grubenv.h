/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * grubenv, where GRUB stores variables from boot to boot: a first line that identifies the file,
 * then lines of NAME=VALUE, where a backslash makes the byte after it literal, then "#" up to the
 * end. Source: GRUB's manual, "The GRUB environment block". Pure.
 */

#include <stddef.h>

enum { GRUBENV_SIZE_MAX = 64 * 1024 };

/* 1: the value of NAME is in OUT, terminated; 0: it is not set. -EBADMSG: not an environment, or it
 * holds a NUL; -E2BIG: it is over GRUBENV_SIZE_MAX, or the value does not fit in SIZE bytes. OUT is
 * written only when the result is 1. */
int grubenv_get(const char *text, size_t len, const char *name, char *out, size_t size);
