/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * grubenv, what GRUB remembers from boot to boot: a first line that says what it is, then lines of
 * NAME=VALUE, where a backslash takes the byte behind it as it is, then "#" up to the end. Source:
 * GRUB's manual, "The GRUB environment block". Pure.
 */

#include <stddef.h>

enum { GRUBENV_SIZE_MAX = 64 * 1024 };

/* 1: OUT has the value of NAME, terminated; 0: it is not set. -EBADMSG: that is no environment, or
 * holds a NUL; -E2BIG: it is over GRUBENV_SIZE_MAX, or the value does not fit in SIZE bytes. OUT is
 * untouched but for 1. */
int grubenv_get(const char *text, size_t len, const char *name, char *out, size_t size);
