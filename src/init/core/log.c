/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "init/core/console.h"

#define PREFIX     "preroot: "
#define RATE_LIMIT "/proc/sys/kernel/printk_devkmsg"

enum { LINE_MAX_BYTES = 900, LEVEL_INFO = 6, LEVEL_DEBUG = 7 };

static int kmsg = -1;
static char rate_limit[16];
static bool shows_info, shows_debug, hushed;
static struct log_kept *kept;
static struct console console = {.fd = -1};
static int owner; /* the process that owns CONSOLE: a worker has a copy of the pending text */

static void set_rate_limit(const char *value)
{
	_cleanup_fd_ int fd = open(RATE_LIMIT, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		write_full(fd, value, strlen(value));
}

void log_open(void)
{
	_cleanup_fd_ int fd = open(RATE_LIMIT, O_RDONLY | O_CLOEXEC);

	log_set_console("/dev/console");
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || read_full(fd, rate_limit, sizeof(rate_limit) - 1) <= 0)
		rate_limit[0] = '\0';
	else
		set_rate_limit("on\n");
}

void log_join(void)
{
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
}

void log_enter_worker(void)
{
	if (kmsg >= 0)
		log_join();
}

void log_close(void)
{
	if (rate_limit[0])
		set_rate_limit(rate_limit);
	kmsg = close_fd(kmsg);
	if (!console_flush(&console))
		log_drain();
}

void log_set_console(const char *path)
{
	bool same = path && console.path && strcmp(path, console.path) == 0;

	/* After a failed handover, what the console has not taken yet must still be shown. */
	if (same && owner == getpid()) {
		console_reopen(&console);
		return;
	}
	console_close(&console);
	owner = getpid();
	if (path)
		console_open(&console, path);
}

void log_flush(void)
{
	console_flush(&console);
}

int64_t log_due(int64_t now)
{
	return console.len ? now + CONSOLE_POLL_MS : INT64_MAX;
}

void log_set_open_line(bool open)
{
	console.open_line = open;
}

bool log_has_open_line(void)
{
	return console.open_line;
}

void log_drain(void)
{
	console_drain(&console);
}

/* A line must be one write to the kernel's log. The kernel holds back a line without a newline
 * until the next one. */
static void to_kernel(int level, const char *text)
{
	char line[LINE_MAX_BYTES + 32];
	int n = snprintf(line, sizeof(line), "<%d>" PREFIX "%s\n", level, text);

	if (kmsg >= 0 && n > 0)
		write_full(kmsg, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* Text from disks and from the kernel may hold control characters. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 32 || *text == 127)
			*text = '?';
}

static void format(char out[LINE_MAX_BYTES], const char *fmt, va_list ap)
{
	vsnprintf(out, LINE_MAX_BYTES, fmt, ap);
	make_printable(out);
}

static void to_console(const char *text)
{
	char line[LINE_MAX_BYTES + 32];
	int n = snprintf(line, sizeof(line), PREFIX "%s", text);

	if (n < 0 || hushed)
		return;
	if (console.path) {
		/* Only PID 1 buffers: a worker would block on a stopped console. */
		if (owner == getpid())
			console_line(&console, line);
		return;
	}
	line[n++] = '\r';
	line[n++] = '\n';
	write_full(STDERR_FILENO, line, (size_t)n);
}

static void keep(struct log_kept *k, const char *text)
{
	size_t len = strlen(text);

	if (len + 1 > sizeof(k->text) - k->len)
		return;
	memcpy(k->text + k->len, text, len);
	k->text[k->len + len] = '\n';
	k->len += len + 1;
}

void log_set_verbose(bool info, bool debug)
{
	shows_debug = debug;
	shows_info = info || debug;
}

void log_hush(bool hush)
{
	hushed = hush;
}

void log_keep(struct log_kept *k)
{
	kept = k;
}

/* If the line goes to the console anyway, the kernel must not print it there a second time. */
static void inform(const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];

	format(text, fmt, ap);
	to_kernel(shows_info ? LEVEL_DEBUG : LEVEL_INFO, text);
	if (shows_info)
		to_console(text);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!shows_debug)
		return;
	va_start(ap, fmt);
	inform(fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	inform(fmt, ap);
	va_end(ap);
}

void log_show(const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	format(text, fmt, ap);
	va_end(ap);
	to_kernel(LEVEL_DEBUG, text);
	to_console(text);
	if (kept)
		keep(kept, text);
}

int64_t log_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
