/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/caching.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "deploy/place/atomic.h"

enum { MMAP_FROM = 2 * 1024 * 1024 };

static const struct option_spec plan_options[] = {REQUEST_OPTIONS, TELLING_OPTIONS, {0}};
static const struct option_spec build_options[] = {
	REQUEST_OPTIONS,
	CACHE_OPTIONS,
	TELLING_OPTIONS,
	{0},
};
static const struct option_spec rebuild_options[] = {
	{"all", 0, NULL, "every kernel that has modules", OPT_ALL},
	{"check", 0, NULL, "change nothing; end with status 3 if that is not so already", OPT_CHECK},
	{"force", 'f', NULL, "build also what has not changed", OPT_FORCE},
	{"try-next", 0, NULL, "let the next boot, and only that one, try the image", OPT_TRY_NEXT},
	{"keep", 0, "N", "previous images to keep (1)", OPT_KEEP},
	{"mode", 0, "MODE", "permissions of the image: 0600 (the default), 0640, 0644", OPT_MODE},
	{"no-boot-loader", 0, NULL, "leave the boot loader's menu as it is", OPT_NO_LOADER},
	{"lock-timeout", 0, "SECONDS", "wait so long for another run (120)", OPT_LOCK_TIMEOUT},
	REQUEST_OPTIONS,
	REBUILD_CACHE_OPTIONS,
	SETTINGS_OPTIONS,
	{0},
};
static const struct option_spec audit_options[] = {
	{"all", 0, NULL, "every kernel, and what is left of kernels", OPT_ALL},
	REQUEST_OPTIONS,
	{"cache-dir", 0, "DIR", "where the records of builds are", OPT_CACHE_DIR},
	{0},
};
static const struct option_spec restore_options[] = {
	{"root", 'r', "DIR", "work on the system below DIR instead of /", OPT_ROOT},
	{"no-boot-loader", 0, NULL, "leave the boot loader's menu as it is", OPT_NO_LOADER},
	{"lock-timeout", 0, "SECONDS", "wait so long for another run (120)", OPT_LOCK_TIMEOUT},
	{"json", 0, NULL, "result as JSON on standard output", OPT_JSON},
	SETTINGS_OPTIONS,
	{0},
};
static const struct option_spec prune_options[] = {
	{"root", 'r', "DIR", "work on the system below DIR instead of /", OPT_ROOT},
	{"dry-run", 'n', NULL, "only show what would be removed", OPT_DRY_RUN},
	{"yes", 'y', NULL, "do not ask, also on a terminal", OPT_YES},
	{"keep", 0, "N", "previous images to keep of each kernel (1)", OPT_KEEP},
	{"no-boot-loader", 0, NULL, "leave the boot loader's menu as it is", OPT_NO_LOADER},
	{"lock-timeout", 0, "SECONDS", "wait so long for another run (120)", OPT_LOCK_TIMEOUT},
	{"cache-dir", 0, "DIR", "where the records of builds are", OPT_CACHE_DIR},
	{"json", 0, NULL, "result as JSON on standard output", OPT_JSON},
	SETTINGS_OPTIONS,
	{0},
};
static const struct option_spec hardware_options[] = {
	{"root", 'r', "DIR", "read the system below DIR instead of /", OPT_ROOT},
	{"hardware", 0, "FILE", "take the machine that FILE describes", OPT_HARDWARE},
	{"json", 0, NULL, "as JSON; build --hardware reads it", OPT_JSON},
	{0},
};
static const struct option_spec verify_options[] = {
	{"root", 'r', "DIR", "read the kernel below DIR instead of /", OPT_ROOT},
	{"json", 0, NULL, "result as JSON on standard output", OPT_JSON},
	{0},
};
static const struct option_spec json_options[] = {
	{"json", 0, NULL, "result as JSON on standard output", OPT_JSON},
	{0},
};
static const struct option_spec status_options[] = {
	{"root", 'r', "DIR", "read the system below DIR instead of /", OPT_ROOT},
	{"check", 0, NULL, "end with status 3 when something is wrong", OPT_CHECK},
	{"forget", 0, NULL, "remove what failed boots have left", OPT_FORGET},
	{"cache-dir", 0, "DIR", "where the records of builds are", OPT_CACHE_DIR},
	{"json", 0, NULL, "result as JSON on standard output", OPT_JSON},
	{"prometheus", 0, NULL, "result as metrics for Prometheus", OPT_PROMETHEUS},
	{0},
};
static const struct option_spec mark_good_options[] = {
	{"root", 'r', "DIR", "the system below DIR instead of /", OPT_ROOT},
	{"cache-dir", 0, "DIR", "where the records of builds are", OPT_CACHE_DIR},
	{"json", 0, NULL, "result as JSON on standard output", OPT_JSON},
	SETTINGS_OPTIONS,
	{0},
};
static const struct option_spec sbom_options[] = {
	{"spdx", 0, NULL, "as SPDX 2.3, in JSON", OPT_SPDX},
	{"cyclonedx", 0, NULL, "as CycloneDX 1.5, in JSON", OPT_CYCLONEDX},
	{0},
};
static const struct option_spec boot_report_options[] = {
	{"json", 0, NULL, "result as JSON on standard output", OPT_JSON},
	{"svg", 0, "FILE", "write a chart to FILE; - is standard output", OPT_SVG},
	{0},
};
static const struct option_spec no_options[] = {{0}};

static const struct command commands[] = {
	{"audit", "[KVER...]", "Look for what will fail in a rebuild or a boot.", audit_options, 0, -1,
	 run_audit},
	{"rebuild", "[KVER]", "Make the image that a kernel boots with anew.", rebuild_options, 0, 1,
	 run_rebuild},
	{"restore", "[KVER]", "Go back to the previous image of a kernel.", restore_options, 0, 1,
	 run_restore},
	{"prune", "", "Remove images that nothing needs.", prune_options, 0, 0, run_prune},
	{"build", "OUT [KVER]", "Write an image file, and nothing else.", build_options, 1, 2,
	 run_build},
	{"plan", "[KVER]", "Show what an image would hold, and why.", plan_options, 0, 1,
	 run_plan},
	{"hardware", "[KVER]", "Show what this machine needs to reach its filesystems.",
	 hardware_options, 0, 1, run_hardware},
	{"list", "IMAGE", "List what an image holds.", json_options, 1, 1, run_list},
	{"cat", "IMAGE PATH...", "Print files of an image.", no_options, 2, -1, run_cat},
	{"extract", "IMAGE DIR", "Unpack an image below a folder.", no_options, 2, 2, run_extract},
	{"why", "IMAGE PATH", "Say why a file is in an image.", json_options, 2, 2, run_why},
	{"diff", "A B", "Show how two images differ.", json_options, 2, 2, run_diff},
	{"status", "", "Show kernels, their images, and boots that failed.", status_options, 0, 0,
	 run_status},
	{"mark-good", "", "Remember the image that booted as good.", mark_good_options, 0, 0,
	 run_mark_good},
	{"sbom", "IMAGE", "Write the bill of materials of an image.", sbom_options, 1, 1, run_sbom},
	{"boot-report", "[FILE]", "Show what the last boot spent its time on.", boot_report_options,
	 0, 1, run_boot_report},
	{"verify", "IMAGE", "Check an image from its bytes.", verify_options, 1, 1, run_verify},
	{0},
};

static void print_usage(FILE *to)
{
	fprintf(to, "Usage: preroot COMMAND [ARGUMENTS]\n\n"
		    "Builds, checks and explains initramfs images.\n\nCommands:\n");
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-11s %-14s %s\n", c->name, c->positional, c->summary);
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
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c->run(c, argc - 2, argv + 2);
	err_set(&err, -EINVAL, "unknown command \"%s\"", name);
	err_hint(&err, "see: preroot --help");
	return cli_usage(-EINVAL, &err);
}
