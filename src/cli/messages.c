/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/messages.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/json.h"

/* Global, like the streams. */
static struct cli_caller called_as = {"preroot", NULL, RUNLOG_INFO};
static enum runlog_level level_shown = RUNLOG_INFO;
static char *const *setting_names;
static size_t n_setting_names, n_warnings;

void cli_call_as(const struct cli_caller *caller)
{
	called_as = *caller;
	level_shown = caller->level;
}

const struct cli_caller *cli_caller(void)
{
	return &called_as;
}

void cli_name_settings(char *const *options, size_t n)
{
	setting_names = options;
	n_setting_names = n;
}

const char *cli_setting_name(size_t i)
{
	return i < n_setting_names ? setting_names[i] : "--set";
}

bool cli_is_coloured(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(f)) && (!no || !*no) && (!term || strcmp(term, "dumb") != 0);
}

static void print_message(const char *colour, const char *kind, const char *text)
{
	size_t size = 4 * strlen(text) + 1; /* every byte as \xNN */
	_cleanup_free_ char *shown = xrealloc(NULL, size, 1);

	escape_command(text, shown, size);
	if (cli_is_coloured(stderr))
		fprintf(stderr, "%s: \033[%sm%s:\033[0m %s\n", called_as.name, colour, kind, shown);
	else
		fprintf(stderr, "%s: %s: %s\n", called_as.name, kind, shown);
}

const char *cli_hint(const struct err *err)
{
	if (*err->hint)
		return err->hint;
	return (err->code == -EACCES || err->code == -EPERM) && geteuid() != 0
		       ? "run this as root, or as the owner of that file or folder"
		       : NULL;
}

static void print_with_hint(const char *colour, const char *kind, const struct err *err)
{
	const char *hint = cli_hint(err);

	fflush(stdout);
	print_message(colour, kind, err->text);
	if (hint) {
		char shown[2 * ERR_HINT_MAX];

		escape_command(hint, shown, sizeof(shown));
		fprintf(stderr, "%s: hint: %s\n", called_as.name, shown);
	}
}

void cli_error(const struct err *err)
{
	print_with_hint("1;31", "error", err);
}

int cli_fail_after(const struct err *err)
{
	print_with_hint("1;33", "warning", err);
	return EXIT_AFTER;
}

int cli_fail(const struct err *err)
{
	cli_fail_json(err);
	cli_error(err);
	return EXIT_FAILED;
}

int cli_usage(int result, const struct err *err)
{
	if (result == -ECANCELED)
		return cli_end(EXIT_DONE);
	cli_fail_json(err);
	cli_error(err);
	return EXIT_USAGE;
}

void cli_set_level(enum runlog_level level)
{
	level_shown = level;
}

bool cli_shows(enum runlog_level level)
{
	return level <= level_shown;
}

static void __attribute__((format(printf, 3, 0)))
print_list(const char *colour, const char *kind, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, fmt, ap) >= 0)
		print_message(colour, kind, text);
}

void cli_warn(const char *fmt, ...)
{
	va_list ap;

	if (!cli_shows(RUNLOG_WARN))
		return;
	n_warnings++;
	va_start(ap, fmt);
	print_list("1;33", "warning", fmt, ap);
	va_end(ap);
}

void cli_alarm(const char *fmt, ...)
{
	va_list ap;

	n_warnings++;
	va_start(ap, fmt);
	print_list("1;33", "warning", fmt, ap);
	va_end(ap);
}

size_t cli_warnings(void)
{
	return n_warnings;
}

void cli_explain(enum runlog_level level, const char *fmt, ...)
{
	va_list ap;

	if (!cli_shows(level))
		return;
	va_start(ap, fmt);
	print_list("2", runlog_level_name(level), fmt, ap);
	va_end(ap);
}

void cli_warn_all(const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cli_warn("%s", texts[i]);
}

void cli_tell_waiting(const char *text, void *arg)
{
	(void)arg;
	if (cli_shows(RUNLOG_INFO))
		fprintf(stderr, "%s: %s\n", called_as.name, text);
}

int cli_end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "%s: error: writing to standard output: %s\n", called_as.name,
		strerror(errno));
	return EXIT_FAILED;
}

const char *cli_size(uint64_t bytes, char out[32])
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	int unit = 0;

	while (value >= 1000 && unit < 4) {
		value /= 1000;
		unit++;
	}
	snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

const char *cli_plural(size_t n)
{
	return n == 1 ? "" : "s";
}
