/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/packages/kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Top-level folders that may be links into /usr. */
static const char *const top[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"};

static bool is_merged(const struct root *root, const char *name, struct arena *arena)
{
	const char *target = root_readlink(root, name, arena);

	if (!target)
		return false;
	while (*target == '/')
		target++;
	return str_starts(target, "usr/") && strcmp(target + 4, name) == 0;
}

void packages_find_merged(struct packages *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(top); i++)
		p->merged[i] = is_merged(p->root, top[i], &p->arena);
}

struct span packages_key(const struct packages *p, struct span path)
{
	const char *slash;
	size_t n;

	while (path.len && *path.s == '/') {
		path.s++;
		path.len--;
	}
	/* "bin", "sbin", "lib..." */
	if (path.len < 8 || memcmp(path.s, "usr/", 4) != 0 || !strchr("bsl", path.s[4]))
		return path;
	slash = memchr(path.s + 4, '/', path.len - 4);
	n = slash ? (size_t)(slash - path.s) - 4 : 0;
	for (size_t i = 0; n && i < ARRAY_SIZE(top); i++)
		if (p->merged[i] && strlen(top[i]) == n && memcmp(path.s + 4, top[i], n) == 0)
			return (struct span){path.s + 4, path.len - 4};
	return path;
}

static uint32_t hash_of(struct span key)
{
	uint32_t h = 0x811c9dc5;

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ (uint8_t)key.s[i]) * 0x01000193;
	return h;
}

/* The filter's bit for a path, a hash of its last bytes. Hardly any line of a list ends like a path
 * that is wanted, so this drops most lines before the full lookup. */
static uint32_t tail_bit(const char *s, size_t len)
{
	uint64_t v;

	memcpy(&v, s + len - PACKAGES_TAIL, sizeof(v));
	return (uint32_t)(v * 0x9e3779b97f4a7c15ull >> (64 - PACKAGES_FILTER_BITS));
}

static void grow(struct packages *p)
{
	p->n_slots = p->n_slots ? p->n_slots * 2 : 1024;
	p->slots = xrealloc(p->slots, p->n_slots, sizeof(struct wanted *));
	memset(p->slots, 0, p->n_slots * sizeof(struct wanted *));
	for (struct wanted *w = p->all, *before; w; w = before) {
		struct wanted **slot = &p->slots[w->hash & (p->n_slots - 1)];

		before = w->before;
		w->next = *slot;
		*slot = w;
	}
}

struct wanted *packages_entry(struct packages *p, struct span key, bool want)
{
	uint32_t hash = hash_of(key), bit;
	struct wanted *w = p->n_slots ? p->slots[hash & (p->n_slots - 1)] : NULL;

	while (w && (w->hash != hash || w->len != key.len || memcmp(w->key, key.s, key.len) != 0))
		w = w->next;
	if (w || !want)
		return w;
	w = arena_alloc(&p->arena, sizeof(*w));
	*w = (struct wanted){.before = p->all,
			     .key = arena_strndup(&p->arena, key.s, key.len),
			     .len = key.len,
			     .hash = hash,
			     .owner = PACKAGES_NOBODY};
	p->all = w;
	if (p->n_wanted++ >= p->n_slots) {
		grow(p);
	} else {
		w->next = p->slots[hash & (p->n_slots - 1)];
		p->slots[hash & (p->n_slots - 1)] = w;
	}
	if (key.len >= PACKAGES_TAIL) {
		bit = tail_bit(key.s, key.len);
		p->filter[bit / 64] |= 1ull << bit % 64;
	}
	return w;
}

/* ---- called by the readers of package databases ---- */

static void set_owner(struct packages *p, struct wanted *w, uint32_t number)
{
	pthread_mutex_lock(&p->lock);
	if (number < w->owner)
		w->owner = number;
	pthread_mutex_unlock(&p->lock);
}

/* Is LISTED, the name of a list, that of package NAME of any architecture? */
static bool is_named(const char *listed, const char *name)
{
	size_t n = strlen(name);

	return strncmp(listed, name, n) == 0 && (!listed[n] || listed[n] == ':');
}

void packages_claim(struct packages *p, struct span path, uint32_t number)
{
	struct wanted *w;
	uint32_t bit;

	/* The filter does not know keys that are shorter than the tail; twice the tail leaves room
	 * for the "/usr/" that a key drops. */
	if (path.len >= 2 * PACKAGES_TAIL) {
		bit = tail_bit(path.s, path.len);
		if (!(p->filter[bit / 64] >> bit % 64 & 1))
			return;
	}
	w = packages_entry(p, packages_key(p, path), false);
	if (w && w->diverter && !is_named(p->names[number], w->diverter))
		w = w->diverted_to;
	if (w)
		set_owner(p, w, number);
}

void packages_damaged(struct packages *p, int code, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&p->lock);
	p->n_damaged++;
	/* The smallest text, so that the message does not depend on the order of the threads. */
	if (p->damage.code == 0 || strcmp(text, p->damage.text) < 0)
		err_set(&p->damage, code, "%s", text);
	pthread_mutex_unlock(&p->lock);
}

bool packages_is(struct packages *p, uint32_t number, struct span name, struct span version,
		 struct span arch)
{
	struct package *o = &p->owners[number];

	if (!span_is_word(name) || !span_is_word(version) || (arch.len && !span_is_word(arch))) {
		packages_damaged(p, -EBADMSG, "package %s has no valid name or version",
				 p->names[number]);
		o->version = ""; /* so that it is reported once */
		return false;
	}
	o->name = arena_strndup(&p->arena, name.s, name.len);
	o->version = arena_strndup(&p->arena, version.s, version.len);
	o->arch = arch.len ? arena_strndup(&p->arena, arch.s, arch.len) : NULL;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool packages_list(struct packages *p, const char *folder, const char *suffix)
{
	int fd = root_openat(p->root, folder, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!dir) {
		if (fd != -ENOENT && fd != -ENOTDIR)
			packages_damaged(p, fd < 0 ? fd : -ENOMEM, "/%s: %s", folder,
					 strerror(fd < 0 ? -fd : ENOMEM));
		close_fd(fd);
		return false;
	}
	p->n_names = 0;
	while ((de = readdir(dir)) && p->n_names < PACKAGES_MAX) {
		if (!str_ends(de->d_name, suffix) || de->d_name[0] == '.')
			continue;
		if ((p->n_names & (p->n_names - 1)) == 0)
			p->names = xrealloc(p->names, p->n_names ? p->n_names * 2 : 1,
					    sizeof(*p->names));
		p->names[p->n_names++] = arena_strndup(&p->arena, de->d_name,
						       strlen(de->d_name) - strlen(suffix));
	}
	closedir(dir);
	if (p->n_names)
		qsort(p->names, p->n_names, sizeof(*p->names), by_name);
	p->owners = arena_alloc(&p->arena, (p->n_names + 1) * sizeof(*p->owners));
	return true;
}
