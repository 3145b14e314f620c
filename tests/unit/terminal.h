/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pseudo-terminals in place of a machine's consoles: the tested code opens PATH, the test is the
 * person in front of it.
 */

#include <stddef.h>

struct terminal {
	int master, slave; /* SLAVE keeps it alive, and is for what only a program on it can do */
	char path[64];
	char text[65536];
};

void terminal_open(struct terminal *t);
void terminal_close(struct terminal *t); /* hangs it up */
void terminal_resize(struct terminal *t, unsigned columns);

/* What has been shown since the last call. */
const char *terminal_read(struct terminal *t);

/* Types LEN bytes. */
void terminal_type(struct terminal *t, const char *keys, size_t len);
