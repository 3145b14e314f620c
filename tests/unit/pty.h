/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pseudo-terminals in place of a machine's consoles: the tested code opens PATH, the test is the
 * person in front of it.
 */

#include <stddef.h>

struct pty {
	int master, slave; /* SLAVE keeps it alive, and is for what only a program on it can do */
	char path[64];
	char text[65536];
};

void pty_open(struct pty *t);
void pty_close(struct pty *t); /* hangs it up */
void pty_resize(struct pty *t, unsigned columns);

/* What has been shown since the last call. */
const char *pty_read(struct pty *t);

/* Types LEN bytes. */
void pty_type(struct pty *t, const char *keys, size_t len);
