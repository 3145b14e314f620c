/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 * 1024 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	alignas(max_align_t) char data[];
};

static _Noreturn void out_of_memory(void)
{
	static const char msg[] = "preroot: out of memory; nothing was replaced\n";

	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(1);
	_exit(1);
}

void *xrealloc(void *p, size_t count, size_t size)
{
	void *grown;

	if (size && count > SIZE_MAX / size)
		out_of_memory();
	grown = realloc(p, count && size ? count * size : 1);
	if (!grown)
		out_of_memory();
	return grown;
}

char *xstrdup(const char *s)
{
	size_t len = strlen(s) + 1;

	return memcpy(xrealloc(NULL, len, 1), s, len);
}

void arena_clear(struct arena *a)
{
	struct arena_chunk *next;

	for (struct arena_chunk *c = a->head; c; c = next) {
		next = c->next;
		free(c);
	}
	a->head = NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->head;
	void *p;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!c || c->size - c->used < size) {
		size_t cap = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		c = calloc(1, sizeof(*c) + cap);
		if (!c)
			out_of_memory();
		c->size = cap;
		c->next = a->head;
		a->head = c;
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

void *arena_memdup(struct arena *a, const void *data, size_t len)
{
	void *p = arena_alloc(a, len);

	return len ? memcpy(p, data, len) : p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	memcpy(p, s, len);
	return p;
}

char *arena_folder(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return arena_strndup(a, path, slash ? (size_t)(slash - path) : 0);
}

void *arena_grow(struct arena *a, void *list, size_t n, size_t size)
{
	void *grown;

	/* The list is full when it has no elements, or their number is a power of two. */
	if (n & (n - 1))
		return list;
	if (n > SIZE_MAX / 4 / size)
		out_of_memory();
	grown = arena_alloc(a, (n ? 2 * n : 1) * size);
	if (n)
		memcpy(grown, list, n * size);
	return grown;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int need;

	va_start(ap, fmt);
	need = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (need < 0)
		out_of_memory();
	p = arena_alloc(a, (size_t)need + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)need + 1, fmt, ap);
	va_end(ap);
	return p;
}
