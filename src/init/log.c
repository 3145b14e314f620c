/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define PREFIX     "preroot: "
#define RATE_LIMIT "/proc/sys/kernel/printk_devkmsg"

enum { LINE_MAX_BYTES = 900, LEVEL_INFO = 6, LEVEL_DEBUG = 7 };

static int kmsg = -1;
static char rate_limit[16];

static void set_rate_limit(const char *value)
{
	_cleanup_fd_ int fd = open(RATE_LIMIT, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		write_full(fd, value, strlen(value));
}

void log_open(void)
{
	_cleanup_fd_ int fd = open(RATE_LIMIT, O_RDONLY | O_CLOEXEC);

	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || read_full(fd, rate_limit, sizeof(rate_limit) - 1) <= 0)
		rate_limit[0] = '\0';
	else
		set_rate_limit("on\n");
}

void log_close(void)
{
	if (rate_limit[0])
		set_rate_limit(rate_limit);
	kmsg = close_fd(kmsg);
}

/* A line must reach the kernel's log in one write; without its newline the kernel keeps it back
 * until the next one comes. */
static void to_kernel(int level, const char *text)
{
	char line[LINE_MAX_BYTES + 32];
	int n = snprintf(line, sizeof(line), "<%d>" PREFIX "%s\n", level, text);

	if (kmsg >= 0 && n > 0)
		write_full(kmsg, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* Text from disks and the kernel must not drive the terminal. */
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

void log_info(const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	format(text, fmt, ap);
	va_end(ap);
	to_kernel(LEVEL_INFO, text);
}

void log_tell(const char *fmt, ...)
{
	char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 32];
	va_list ap;
	int n;

	va_start(ap, fmt);
	format(text, fmt, ap);
	va_end(ap);
	to_kernel(LEVEL_DEBUG, text);
	n = snprintf(line, sizeof(line), PREFIX "%s\r\n", text);
	if (n > 0)
		write_full(STDERR_FILENO, line, (size_t)n);
}

int64_t log_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
