/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/remembered/condense.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/mountinfo.h"

struct lines {
	struct arena *arena;
	char **list;
	size_t n;
};

static void add(struct lines *l, char *line)
{
	l->list = arena_grow(l->arena, l->list, l->n, sizeof(*l->list));
	l->list[l->n++] = line;
}

static void add_mount(struct lines *l, char *line)
{
	struct mountinfo m;

	if (mountinfo_decode(line, &m, NULL) == 0 && (m.major || str_starts(m.source, "/dev/")))
		add(l, arena_printf(l->arena, "%u:%u %s %s %s %s %s", m.major, m.minor, m.root,
				    m.target, m.fstype, m.source, m.super_options));
}

/* FILE partition|file SIZE USED PRIORITY */
static void add_swap(struct lines *l, char *line)
{
	char *cursor = line, *file = strtok_r(cursor, " \t", &cursor);
	char *type = file ? strtok_r(NULL, " \t", &cursor) : NULL;
	char *size = type ? strtok_r(NULL, " \t", &cursor) : NULL;

	if (size)
		add(l, arena_printf(l->arena, "%s %s %s", file, type, size));
}

/* Keeps what distinguishes kinds of processors. */
static void add_processor(struct lines *l, char *line)
{
	static const char *const keys[] = {"vendor_id", "cpu family", "model\t", "stepping",
					   "flags"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_starts(line, keys[i]))
			add(l, line);
}

/* Keeps the modalias only: DISKSEQ, for one, changes each time a disk appears. */
static void add_uevent(struct lines *l, char *line)
{
	if (str_starts(line, "MODALIAS="))
		add(l, line);
}

static const struct known {
	const char *path;
	void (*take)(struct lines *l, char *line);
} known[] =
	{
		{"proc/self/mountinfo", add_mount},
		{"proc/mountinfo", add_mount},
		{"proc/swaps", add_swap},
		{"proc/cpuinfo", add_processor},
},
  uevent = {NULL, add_uevent};

static const struct known *find(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i].path, path) == 0)
			return &known[i];
	return str_starts(path, "sys/devices/") && str_ends(path, "/uevent") ? &uevent : NULL;
}

bool trace_condenses(const char *path)
{
	return find(path);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void trace_condense(const char *path, struct buf *text)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct lines l = {.arena = &arena};
	const struct known *k = find(path);
	char *cursor, *line;

	if (!k || !buf_cstr(text))
		return;
	cursor = arena_strdup(&arena, buf_cstr(text));
	while ((line = strsep(&cursor, "\n")))
		k->take(&l, line);
	if (l.n)
		qsort(l.list, l.n, sizeof(*l.list), by_text);
	text->len = 0;
	/* Processors of one kind yield the same lines. */
	for (size_t i = 0; i < l.n; i++)
		if (i == 0 || strcmp(l.list[i], l.list[i - 1]) != 0)
			buf_printf(text, "%s\n", l.list[i]);
}
