/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What PID 1 says. log_info() goes to the kernel's log and is quiet when the kernel is;
 * log_tell() also goes to the console whatever its log level: what a person must see.
 * No stdio streams, no allocation.
 */

#include <stdint.h>

/* Opens /dev/kmsg and lifts its rate limit until log_close(). */
void log_open(void);
void log_close(void);

void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Milliseconds of CLOCK_BOOTTIME. */
int64_t log_now(void);
