/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that drop-in features of the boot tests have PID 1 run. It prints a line of what it
 * sees, and then does what its name says: "...-fails" ends with status 3, "...-hangs" never ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *yes(int condition)
{
	return condition ? "yes" : "no";
}

static const char *value(const char *name)
{
	const char *text = getenv(name);

	return text ? text : "-";
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argc ? argv[0] : "", '/'), *name = slash ? slash + 1 : "?";
	struct stat outer = {0}, inner = {0}, null = {0}, in = {0};

	stat("/", &outer);
	stat("/sysroot", &inner);
	stat("/dev/null", &null);
	fstat(STDIN_FILENO, &in);
	printf("hook %s stage=%s root=%s fstype=%s newroot=%s\n", name, value("PREROOT_STAGE"),
	       value("PREROOT_ROOT"), value("PREROOT_FSTYPE"), value("NEWROOT"));
	printf("hook %s mounted=%s partition=%s leader=%s stdin=%s\n", name,
	       yes(outer.st_dev != inner.st_dev), yes(access("/sys/class/block/vda1", F_OK) == 0),
	       yes(getsid(0) == getpid()), in.st_rdev == null.st_rdev ? "null" : "other");
	fflush(stdout);
	if (strstr(name, "-hangs"))
		for (;;)
			pause();
	if (!strstr(name, "-fails"))
		return 0;
	fprintf(stderr, "hook %s does not like it here\n", name);
	return 3;
}
