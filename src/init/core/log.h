/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * PID 1's messages. log_info() goes to the kernel's log, and is quiet when the kernel is;
 * log_show() also goes to the console at any log level, for what people must see. No stdio streams,
 * no allocation. A console that is stopped (^S) or slow delays nothing: what it does not take is
 * written later, see console.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opens the console, and /dev/kmsg, whose rate limit it lifts until log_close(). */
void log_open(void);
void log_close(void);

/* For a program beside PID 1: its lines go to the kernel's log as well, and it changes nothing. */
void log_join(void);

/* In a new worker of PID 1, which has closed all descriptors but 0 to 2. */
void log_enter_worker(void);

/* The terminal to write to; PATH lives as long as the program. What the same terminal has not taken
 * yet is kept. NULL: standard error, which may block. log_open() calls it. What a worker of this
 * program says goes to the kernel's log alone. */
void log_set_console(const char *path);

/* Writes what the console did not take before; when to call it again, INT64_MAX: nothing is
 * left. */
void log_flush(void);
int64_t log_due(int64_t now);

/* There is a question on the console, without a newline: the next line starts below it, and resets
 * this. */
void log_set_open_line(bool open);
bool log_has_open_line(void);

/* Before the machine is rebooted: waits until the console has shown everything, for about a
 * second when it is stopped. */
void log_drain(void);

/* With rd.info and rd.debug, log_info() and log_debug() go to the console, too, at any level. */
void log_set_verbose(bool info, bool debug);

/* While a shell has the console, log_show() goes to the kernel's log only. */
void log_hush(bool hush);

/* From now on, what log_show() says is also added to KEPT, as lines; NULL: no longer. */
enum { LOG_KEPT_MAX = 8192 };
struct log_kept {
	char text[LOG_KEPT_MAX]; /* no NUL at its end; what does not fit is left out */
	size_t len;
};
void log_keep(struct log_kept *kept);

/* Only with rd.debug. */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_show(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Milliseconds of CLOCK_BOOTTIME. */
int64_t log_now(void);
