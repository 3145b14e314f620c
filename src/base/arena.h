/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory that lives as long as the plan: allocated in chunks, freed at once. Only the builder
 * uses it. When the system has no memory left the process ends with one line on stderr and
 * status 1: at that point nothing has been replaced, and there is nothing better to do.
 * PID 1 never links this.
 */

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *head;
};

#define ARENA_INIT                                                                                 \
	{                                                                                          \
		NULL                                                                               \
	}

void arena_clear(struct arena *a);

/* Zeroed, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);

/* The part of PATH before its last slash; "" if it has none. */
char *arena_folder(struct arena *a, const char *path);
void *arena_memdup(struct arena *a, const void *data, size_t len);

/* Makes room for one more element after the N elements of SIZE bytes each in LIST (NULL for the
 * first one). Returns the list to use from now on, which may have moved. Every addition to a list
 * must go through this function. */
void *arena_grow(struct arena *a, void *list, size_t n, size_t size);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* realloc() and strdup() that end the process in the same way. Free with free(). */
void *xrealloc(void *p, size_t count, size_t size);
char *xstrdup(const char *s);

#define _cleanup_arena_ __attribute__((cleanup(arena_clear)))
