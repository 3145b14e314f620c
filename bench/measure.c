/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage: measure RESULT COMMAND [ARGUMENT...]
 *
 * Runs a command and writes into the file RESULT how many seconds it took, how many seconds of
 * processor time it and all processes below it used, and how much memory, in kB, the largest of
 * them held. The exit status is the command's; 125 if it could not be measured.
 *
 * It is a program of its own because the kernel charges a new process with the memory of the one
 * that started it: begun by an interpreter, each command would weigh at least as much as that.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOT_MEASURED = 125, NOT_RUN = 127 };

static double now(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double seconds_of(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

/* Returns the wait status. */
static int run(char **command, double *seconds, struct rusage *usage)
{
	double started = now();
	int status;
	pid_t child;

	/* A process whose parent has ended becomes a child of this one, and so is counted too. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		err(NOT_MEASURED, "prctl");
	child = fork();
	if (child == 0) {
		execvp(command[0], command);
		err(NOT_RUN, "%s", command[0]);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		err(NOT_MEASURED, "%s", command[0]);
	*seconds = now() - started;
	while (wait(NULL) > 0)
		;
	if (getrusage(RUSAGE_CHILDREN, usage) < 0)
		err(NOT_MEASURED, "getrusage");
	return status;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	double seconds;
	FILE *result;
	int status;

	if (argc < 3)
		errx(NOT_MEASURED, "usage: measure RESULT COMMAND [ARGUMENT...]");
	status = run(argv + 2, &seconds, &usage);
	result = fopen(argv[1], "we");
	if (!result ||
	    fprintf(result, "%.6f %.6f %ld\n", seconds,
		    seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime), usage.ru_maxrss) < 0 ||
	    fclose(result) != 0)
		err(NOT_MEASURED, "%s", argv[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
