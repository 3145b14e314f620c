/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/packages/packages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "host/packages/kit.h"

/* Folders of "/" that may be links into /usr. */
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

struct packages *packages_new(const struct root *root)
{
	struct packages *p = xrealloc(NULL, 1, sizeof(*p));

	*p = (struct packages){.root = root};
	pthread_mutex_init(&p->lock, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(top); i++)
		p->merged[i] = is_merged(root, top[i], &p->arena);
	p->filter = arena_alloc(&p->arena, (1u << PACKAGES_FILTER_BITS) / 8);
	return p;
}

void packages_free(struct packages *p)
{
	if (!p)
		return;
	strset_clear(&p->asked);
	strset_clear(&p->folders);
	free(p->slots);
	free(p->names);
	pthread_mutex_destroy(&p->lock);
	arena_clear(&p->arena);
	free(p);
}

/* ---- what is asked for ---- */

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

/* The filter's bit for a path: by its last bytes, which the usual line of a list does not share
 * with anything that is asked for. */
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

/* Many files lie in few folders: each folder's links are resolved once. */
static const char *resolve_folder(struct packages *p, const char *folder)
{
	void **slot = strset_find(&p->folders, folder);
	const char *real;

	if (slot)
		return *slot;
	real = root_resolve(p->root, folder, &p->arena);
	if (!real)
		real = folder;
	strset_add(&p->folders, folder, (void *)real);
	return real;
}

/* PATH with the links of its folders resolved, and the last one kept. */
static const char *resolve_parents(struct packages *p, const char *path)
{
	const char *slash = strrchr(path, '/'), *folder;

	if (!slash || slash == path)
		return path;
	folder = resolve_folder(p, arena_strndup(&p->arena, path, (size_t)(slash - path)));
	return arena_printf(&p->arena, "%s%s", folder, slash);
}

static struct wanted *want(struct packages *p, const char *path)
{
	return packages_entry(p, packages_key(p, (struct span){path, strlen(path)}), true);
}

void packages_want(struct packages *p, const char *path)
{
	struct asked *a;
	struct stat st;
	const char *real;

	if (strset_has(&p->asked, path))
		return;
	a = arena_alloc(&p->arena, sizeof(*a));
	strset_add(&p->asked, arena_strdup(&p->arena, path), a);
	a->link = want(p, resolve_parents(p, path));
	a->file = a->link;
	if (root_lstat(p->root, path, &st) < 0 || !S_ISLNK(st.st_mode))
		return;
	real = root_resolve(p->root, path, &p->arena);
	if (real)
		a->file = want(p, real);
}

/* ---- what the readers tell ---- */

static void own(struct packages *p, struct wanted *w, uint32_t number)
{
	pthread_mutex_lock(&p->lock);
	if (number < w->owner)
		w->owner = number;
	pthread_mutex_unlock(&p->lock);
}

/* A package's name in the list, without its architecture. */
static bool is_named(const char *listed, const char *name)
{
	size_t n = strlen(name);

	return strncmp(listed, name, n) == 0 && (!listed[n] || listed[n] == ':');
}

void packages_claim(struct packages *p, struct span path, uint32_t number)
{
	struct wanted *w;
	uint32_t bit;

	/* Twice the tail: longer than any key that is shorter than the tail. */
	if (path.len >= 2 * PACKAGES_TAIL) {
		bit = tail_bit(path.s, path.len);
		if (!(p->filter[bit / 64] >> bit % 64 & 1))
			return;
	}
	w = packages_entry(p, packages_key(p, path), false);
	if (w && w->diverter && !is_named(p->names[number], w->diverter))
		w = w->diverted_to;
	if (w)
		own(p, w, number);
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
	/* Threads come in any order; the message does not. */
	if (p->damage.code == 0 || strcmp(text, p->damage.text) < 0)
		err_set(&p->damage, code, "%s", text);
	pthread_mutex_unlock(&p->lock);
}

bool packages_is(struct packages *p, uint32_t number, struct span name, struct span version,
		 struct span arch)
{
	struct package *o = &p->owners[number];

	if (!span_is_word(name) || !span_is_word(version) || (arch.len && !span_is_word(arch))) {
		packages_damaged(p, -EBADMSG, "package %s has no proper name or version",
				 p->names[number]);
		o->version = ""; /* told, once */
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

/* ---- what is answered ---- */

int packages_read(struct packages *p, unsigned threads, struct err *err)
{
	static const struct {
		const char *kind;
		bool (*read)(struct packages *p, unsigned threads);
	} readers[] = {{"deb", packages_read_dpkg},
		       {"alpm", packages_read_pacman},
		       {"rpm", packages_read_rpm}};

	for (size_t i = 0; i < ARRAY_SIZE(readers) && !p->kind; i++)
		if (readers[i].read(p, threads))
			p->kind = readers[i].kind;
	if (!p->n_damaged)
		return 0;
	err_set(err, p->damage.code, "package database: %s", p->damage.text);
	if (p->n_damaged > 1)
		err_set(err, p->damage.code, "package database: %s, and %zu further faults",
			p->damage.text, p->n_damaged - 1);
	return p->damage.code;
}

static const struct package *owner_of(const struct packages *p, const struct wanted *w)
{
	const struct package *o = w->owner == PACKAGES_NOBODY ? NULL : &p->owners[w->owner];

	return o && o->name ? o : NULL;
}

const struct package *packages_owner(const struct packages *p, const char *path)
{
	void **slot = strset_find(&p->asked, path);
	const struct asked *a = slot ? *slot : NULL;
	const struct package *o = a ? owner_of(p, a->file) : NULL;

	return o || !a ? o : owner_of(p, a->link);
}

const char *packages_kind(const struct packages *p)
{
	return p->kind;
}
