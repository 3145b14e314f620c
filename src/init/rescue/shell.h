/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A shell on the console, if the image has one and its builder allowed it ("shell=" in boot.conf).
 * The machine's own sulogin asks for root's password. There is one at a time; while it runs, PID 1
 * goes on with everything but its stages.
 */

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

enum shell_policy {
	SHELL_ABSENT,   /* the image has none */
	SHELL_OPEN,
	SHELL_PASSWORD,
};

struct shell {
	enum shell_policy policy;
	int pid;      /* 0: none runs */
	int64_t since;
	bool ended;   /* a shell has ended, which shell_next_end() has not returned yet */
	bool broken;  /* it could not be started */
	bool has_terminal;
	struct termios terminal; /* as it was before */
};

struct boot;

/* Takes the value of "shell=" of boot.conf. One that is not known allows nothing. */
void shell_allow(struct shell *s, const char *value);

/* Why there is no shell; NULL: there may be one. */
const char *shell_refusal(const struct boot *b);

/* Asks for the drivers of the filesystems that were found, since not every mount(8) names a type,
 * by which the kernel would ask for its driver itself. */
void shell_prepare(struct boot *b);

/* Starts a shell, after a message with WHY and THEN. False if that is refused, which is logged. */
bool shell_start(struct boot *b, const char *why, const char *then);

/* Child PID has ended with the STATUS of waitpid(2). Other children are ignored. */
void shell_child_ended(struct boot *b, int pid, int status);

/* Has one ended since the last call? */
bool shell_next_end(struct shell *s);

/* Is something mounted on /sysroot? Who had a shell may have done it. */
bool shell_has_mounted(void);
