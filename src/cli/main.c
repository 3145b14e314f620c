/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "deploy/place/atomic.h"

enum { MMAP_FROM = 2 * 1024 * 1024 };

/* In the order of --help. */
static const struct command *const commands[] = {
	&command_audit,	 &command_rebuild,   &command_restore,	&command_prune,
	&command_build,	 &command_plan,	     &command_hardware, &command_list,
	&command_cat,	 &command_extract,   &command_why,	&command_diff,
	&command_status, &command_mark_good, &command_sbom,	&command_boot_report,
	&command_verify,
};

static void print_usage(FILE *to)
{
	fprintf(to, "Usage: preroot COMMAND [ARGUMENTS]\n\n"
		    "Builds, checks and explains initramfs images.\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-11s %-14s %s\n", commands[i]->name, commands[i]->positional,
			commands[i]->summary);
	fprintf(to, "\nEach command has --help, and a manual page: man preroot-COMMAND.\n"
		    "Exit status: 0 done, 1 failed and nothing changed, 2 wrong usage, "
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

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	struct err err = {0};

	umask(022);
	/* Large buffers go back to the system at once: else what one part of a build has freed
	 * counts on top of what the next one needs. */
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	catch_signals();
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
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i]->run(commands[i], argc - 2, argv + 2);
	err_set(&err, -EINVAL, "unknown command \"%s\"", name);
	err_hint(&err, "see: preroot --help");
	return cli_usage(-EINVAL, &err);
}
