/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/compat/front.h"
#include "cli/complete/complete.h"
#include "cli/report/profile_table.h"
#include "deploy/place/atomic.h"

enum { MMAP_FROM = 2 * 1024 * 1024, TRIM_FROM = 8 * 1024 * 1024, GROW_BY = 1024 * 1024, COMMANDS_LEFT = 28 };

/* In the order of --help. */
static const struct command *const commands[] = {
	&command_audit,	 &command_rebuild,   &command_restore,	&command_prune,
	&command_build,	 &command_plan,	     &command_hardware, &command_list,
	&command_cat,	 &command_extract,   &command_why,	&command_diff,
	&command_status, &command_mark_good, &command_sbom,	&command_boot_report,
	&command_verify, &command_config,
};

static void print_command(FILE *to, const struct command *c)
{
	char left[64];

	snprintf(left, sizeof(left), "  %-11s %-14s", c->name, c->positional);
	options_print_row(to, left, COMMANDS_LEFT, c->summary);
}

static void print_usage(FILE *to)
{
	fprintf(to, "Usage: preroot COMMAND [ARGUMENTS]\n\n"
		    "Builds, checks and explains initramfs images.\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		print_command(to, commands[i]);
	fprintf(to, "\nEach command has --help, and a manual page: man preroot-COMMAND.\n"
		    "Exit status: 0 done, 1 failed and nothing changed, 2 wrong usage,\n"
		    "3 a check found something.\n");
}

static void on_signal(int signal)
{
	atomic_abort_signal();
	_exit(128 + signal);
}

static void catch_signals(void)
{
	struct sigaction a = {.sa_handler = on_signal};

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGHUP, &a, NULL);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* The number of words of an option before the command. An option is the same in all commands. */
static int count_words(const char *word)
{
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(commands) && !n; i++)
		n = options_words(commands[i], word);
	return n ? n : 1;
}

static int fail_unknown(const char *name)
{
	const char *names[ARRAY_SIZE(commands) + 1] = {NULL}, *near;
	struct err err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	near = nearest_word(name, names);
	err_set(&err, -EINVAL, "unknown command \"%s\"", name);
	if (near)
		err_hint(&err, "is it meant to be \"%s\"? see: preroot --help", near);
	else
		err_hint(&err, "see: preroot --help");
	return cli_usage(-EINVAL, &err);
}

/* Errors in the command line are JSON as well, even those before the word --json. */
static void look_for_json(const struct command *c, int argc, char **argv)
{
	bool has_json = false;

	for (const struct option_spec *o = c->options; o && o->name; o++)
		has_json |= strcmp(o->name, "json") == 0;
	for (int i = 0; has_json && i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			cli_want_json();
}

/* The command is the first word that is neither an option nor an option's argument. */
static int run_command(int argc, char **argv)
{
	const struct command *c;
	char *name;
	int at = 0;

	while (at < argc && argv[at][0] == '-')
		at += count_words(argv[at]);
	if (at >= argc) {
		struct err err = {0};

		err_set(&err, -EINVAL, "the command line has no command");
		err_hint(&err, "see: preroot --help");
		return cli_usage(-EINVAL, &err);
	}
	name = argv[at];
	c = find_command(name);
	if (!c)
		return fail_unknown(name);
	look_for_json(c, argc, argv);
	memmove(argv + 1, argv, (size_t)at * sizeof(*argv));
	return c->run(c, argc - 1, argv + 1);
}

static int run_main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_usage(stdout);
		return cli_end(EXIT_DONE);
	}
	if (strcmp(name, "--version") == 0) {
		printf("preroot %s\n", PREROOT_VERSION);
		return cli_end(EXIT_DONE);
	}
	if (strcmp(name, "--complete") == 0)
		return complete_main(commands, ARRAY_SIZE(commands), argc - 2, argv + 2);
	return run_command(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	const struct front *front = argc > 0 ? front_find(base_name(argv[0])) : NULL;
	int status;

	umask(022);
	/* Large buffers return to the system at once, so that what one part of a build frees does
	 * not add to the peak of the next. */
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	/* Small ones do not: a thread would return and ask for the same pages again with every file. */
	mallopt(M_TRIM_THRESHOLD, TRIM_FROM);
	mallopt(M_TOP_PAD, GROW_BY);
	catch_signals();
	status = front ? front_main(front, argc - 1, argv + 1) : run_main(argc, argv);
	profile_print();
	return status;
}
