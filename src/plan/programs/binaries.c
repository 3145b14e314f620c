/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/programs/binaries.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/program/dlopen.h"
#include "format/program/elf.h"
#include "format/program/elfhead.h"
#include "format/program/ldcache.h"
#include "format/program/shebang.h"
#include "plan/programs/linker.h"
#include "plan/walk.h"

enum {
	OBJECTS_MAX = 4096, /* in one program */
	SCRIPTS_MAX = 5,    /* interpreters of interpreters that the kernel follows */
};

#define CACHE_PATH "etc/ld.so.cache"

struct wishes {
	const char **list;
	size_t n;
};

struct binaries {
	const struct root *root;
	struct plan *plan;
	struct linker *linker;
	struct strset done;   /* paths below the root whose needs are in the plan */
	struct strset warned; /* names of libraries that were missing */
	struct strset cached; /* "class machine hwcap soname" */
	struct ldcache_entry *cache;
	size_t n_cache;
	struct wishes add, omit;
	bool variants;
	int machine;			  /* 0: any */
	const char *scripts[SCRIPTS_MAX]; /* the chain of scripts being added */
	int n_scripts;
};

/* One program and the libraries its dynamic linker would load, in load order. */
struct program {
	struct binaries *b;
	struct linker_object **objects;
	size_t n;
};

struct binaries *binaries_new(const struct root *root, struct plan *plan)
{
	struct binaries *b = xrealloc(NULL, 1, sizeof(*b));

	*b = (struct binaries){
		.root = root, .plan = plan, .linker = linker_new(root, &plan->arena)};
	return b;
}

void binaries_free(struct binaries *b)
{
	if (!b)
		return;
	linker_free(b->linker);
	strset_clear(&b->done);
	strset_clear(&b->warned);
	strset_clear(&b->cached);
	free(b->cache);
	free(b->add.list);
	free(b->omit.list);
	free(b);
}

void binaries_set_variants(struct binaries *b, bool variants)
{
	b->variants = variants;
}

void binaries_set_machine(struct binaries *b, const void *data, size_t len)
{
	const struct linker_file *f;

	if (elf_is(data, len) && linker_decode(b->linker, data, len, "PID 1", &f, NULL) == 0)
		b->machine = f->machine;
}

static bool is_foreign(const struct binaries *b, const struct linker_file *f)
{
	return b->machine && f->machine != b->machine &&
	       !(b->machine == EM_X86_64 && f->machine == EM_386) &&
	       !(b->machine == EM_AARCH64 && f->machine == EM_ARM);
}

/* ---- requested features ---- */

int binaries_check_feature(const char *wish, struct err *err)
{
	const char *colon = strrchr(wish, ':');

	if (colon && colon != wish && colon[1] && colon[1] != ',')
		return 0;
	err_set(err, -EINVAL, "\"%s\" is no PATTERN:FEATURE[,FEATURE...]", wish);
	return err_hint(err, "for example: libsystemd-shared-*.so:cryptsetup,tpm");
}

static int add_wish(struct wishes *w, const char *wish, struct err *err)
{
	if (binaries_check_feature(wish, err) < 0)
		return -EINVAL;
	w->list = xrealloc(w->list, w->n + 1, sizeof(*w->list));
	w->list[w->n++] = wish;
	return 0;
}

int binaries_add_feature(struct binaries *b, const char *wish, struct err *err)
{
	return add_wish(&b->add, wish, err);
}

int binaries_omit_feature(struct binaries *b, const char *wish, struct err *err)
{
	return add_wish(&b->omit, wish, err);
}

static bool names_feature(const char *list, const char *feature)
{
	size_t len = strlen(feature);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (len && strcspn(list, ",") == len && strncmp(list, feature, len) == 0)
			return true;
	return false;
}

static bool is_wished(struct binaries *b, const struct wishes *w, const struct linker_file *f,
		      const char *feature)
{
	const char *name = base_name(f->path);

	for (size_t i = 0; i < w->n; i++) {
		const char *colon = strrchr(w->list[i], ':');
		const char *pattern =
			arena_strndup(&b->plan->arena, w->list[i], (size_t)(colon - w->list[i]));

		if ((fnmatch(pattern, name, 0) == 0 ||
		     (f->soname && fnmatch(pattern, f->soname, 0) == 0)) &&
		    names_feature(colon + 1, feature))
			return true;
	}
	return false;
}

/* ---- the cache ---- */

/* Makes the dynamic linker find SONAME at PATH, through ld.so.cache. */
static void cache_library(struct binaries *b, const char *soname, const char *path,
			  const char *hwcap, const struct linker_file *f)
{
	struct arena *a = &b->plan->arena;
	const char *key =
		arena_printf(a, "%d %d %s %s", f->class, f->machine, hwcap ? hwcap : "-", soname);

	if (!strset_add(&b->cached, key, NULL))
		return;
	if ((b->n_cache & (b->n_cache - 1)) == 0)
		b->cache = xrealloc(b->cache, b->n_cache ? b->n_cache * 2 : 1, sizeof(*b->cache));
	b->cache[b->n_cache++] = (struct ldcache_entry){soname, path, hwcap, f->class, f->machine};
}

int binaries_finish(struct binaries *b, bool (*is_left_out)(const char *path, void *arg), void *arg,
		    struct err *err)
{
	_cleanup_buf_ struct buf cache = BUF_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < b->n_cache; i++) {
		const char *path = b->cache[i].path;

		if (!is_left_out(path + strspn(path, "/"), arg))
			b->cache[kept++] = b->cache[i];
	}
	b->n_cache = kept;
	if (!b->n_cache || plan_find(b->plan, CACHE_PATH))
		return 0;
	ldcache_encode(b->cache, b->n_cache, &cache);
	if (buf_status(&cache) < 0)
		return err_set(err, -ENOMEM, "no memory left");
	return plan_add_text(b->plan, CACHE_PATH, 0644, cache.data, cache.len,
			     "lets the dynamic linker find libraries", err);
}

/* ---- the libraries of a program ---- */

/* "/usr/lib/b.so, which /usr/bin/a needs" */
static const char *describe(struct program *p, const struct linker_object *o)
{
	const struct linker_object *main = o;

	while (main->loader)
		main = main->loader;
	return main == o ? o->file->path
			 : arena_printf(&p->b->plan->arena, "%s, which %s needs,", o->file->path,
					main->file->path);
}

static bool is_loaded(const struct program *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct linker_object *o = p->objects[i];

		if ((o->name && strcmp(o->name, name) == 0) ||
		    (o->file->soname && strcmp(o->file->soname, name) == 0))
			return true;
	}
	return false;
}

static const char *folder_of(struct program *p, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash != path
		       ? arena_strndup(&p->b->plan->arena, path, (size_t)(slash - path))
		       : "/";
}

static struct linker_object *append(struct program *p, const struct linker_file *file,
				    const char *name, const struct linker_object *loader)
{
	struct linker_object *o = arena_alloc(&p->b->plan->arena, sizeof(*o));

	*o = (struct linker_object){
		.file = file,
		.name = name,
		.origin = folder_of(p, file->path),
		.loader = loader,
	};
	if ((p->n & (p->n - 1)) == 0)
		p->objects =
			xrealloc(p->objects, p->n ? p->n * 2 : 1, sizeof(struct linker_object *));
	p->objects[p->n++] = o;
	return o;
}

static int load_file(struct program *p, const char *path, const char *name,
		     const struct linker_object *by, const char *reason, struct err *err)
{
	const struct linker_file *file;
	const char *real;
	int r;

	if (p->n == OBJECTS_MAX)
		return err_set(err, -E2BIG, "%s needs more than %d libraries",
			       p->objects[0]->file->path, OBJECTS_MAX);
	r = walk_add(p->b->root, p->b->plan, path, reason, &real, err);
	if (r == 0)
		r = linker_read(p->b->linker, path, &file, err);
	if (r < 0)
		return err_prefix(err, "library of %s", by->file->path);
	append(p, file, name, by);
	return 0;
}

static int load_variants(struct program *p, const char *path, const char *name, bool by_name,
			 const struct linker_object *by, struct err *err)
{
	const char **variants, *reason;
	size_t n = linker_variants(p->b->linker, path, by->file, &variants);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *folder = folder_of(p, variants[i]);

		reason = arena_printf(&p->b->plan->arena, "%s for newer processors", path);
		r = load_file(p, variants[i], name, by, reason, err);
		if (r == 0 && by_name)
			cache_library(p->b, name, variants[i], strrchr(folder, '/') + 1, by->file);
	}
	return r;
}

/* 1: there is no such library, and FOUND says where it was looked for. */
static int load(struct program *p, const char *name, const struct linker_object *by,
		const char *reason, struct linker_found *found, struct err *err)
{
	int r;

	if (is_loaded(p, name))
		return 0;
	linker_find(p->b->linker, name, by, found);
	if (!found->path)
		return 1;
	if (found->is_linker)
		return 0;
	r = load_file(p, found->path, name, by, reason, err);
	if (r == 0 && found->by_name && !p->objects[0]->musl)
		cache_library(p->b, name, found->path, NULL, by->file);
	if (r == 0 && p->b->variants && !p->objects[0]->musl)
		r = load_variants(p, found->path, name, found->by_name, by, err);
	return r;
}

static int load_needed(struct program *p, const struct linker_object *o, struct err *err)
{
	const char *reason = arena_printf(&p->b->plan->arena, "%s needs it", o->file->path);
	struct linker_found found;
	int r = 0;

	for (size_t i = 0; i < o->file->n_needed && r == 0; i++) {
		const char *name = o->file->needed[i];

		r = load(p, name, o, reason, &found, err);
		if (r <= 0)
			continue;
		r = err_set(err, -ENOENT,
			    "%s needs the library %s, which is not installed; looked for in %s",
			    describe(p, o), name, found.looked);
		err_hint(err, "install the package that has it, or leave %s out",
			 p->objects[0]->file->path);
	}
	return r;
}

/* ---- libraries that are opened later ---- */

static int report_missing(struct program *p, const struct linker_object *o,
			  const struct dlopen_entry *e, const struct linker_found *found,
			  struct err *err)
{
	const char *what = *e->description ? e->description : e->feature;

	if (e->priority == DLOPEN_REQUIRED) {
		err_set(err, -ENOENT,
			"%s requires the library %s (%s), which is not installed; looked for in %s",
			describe(p, o), e->sonames[0], what, found->looked);
		return err_hint(err, "install the package that has it, or leave the feature %s out",
				e->feature);
	}
	if (strset_add(&p->b->warned, e->sonames[0], NULL))
		plan_warn(p->b->plan, "%s would use the library %s (%s), which is not installed",
			  o->file->path, e->sonames[0], what);
	return 0;
}

static int load_noted(struct program *p, const struct linker_object *o,
		      const struct dlopen_entry *e, struct err *err)
{
	struct binaries *b = p->b;
	bool added = is_wished(b, &b->add, o->file, e->feature);
	struct linker_found found = {0};
	struct dlopen_entry wanted = *e;
	const char *reason = arena_printf(&b->plan->arena, "%s may open it (%s)", o->file->path,
					  *e->feature ? e->feature : "no feature named");
	int r = 1;

	if (is_wished(b, &b->omit, o->file, e->feature))
		return 0;
	if (e->priority == DLOPEN_SUGGESTED && !added)
		return 0;
	if (added) /* the configuration asks for it, so it must be there */
		wanted.priority = DLOPEN_REQUIRED;
	for (size_t i = 0; e->sonames[i] && r == 1; i++)
		r = load(p, e->sonames[i], o, reason, &found, err);
	return r == 1 ? report_missing(p, o, &wanted, &found, err) : r;
}

static int load_notes(struct program *p, const struct linker_object *o, struct err *err)
{
	struct dlopen_entry *entries;
	int r = 0;

	for (size_t i = 0; i < o->file->n_notes && r == 0; i++) {
		const struct elf_note *note = &o->file->notes[i];
		int n = dlopen_decode(note->text, note->len, &p->b->plan->arena, &entries, err);

		if (n < 0)
			return err_prefix(err, "%s", o->file->path);
		for (int k = 0; k < n && r == 0; k++)
			r = load_noted(p, o, &entries[k], err);
	}
	return r;
}

/* ---- programs ---- */

static int add_linker(struct program *p, const struct linker_file *main, struct err *err)
{
	struct arena *a = &p->b->plan->arena;
	const char *path = p->objects[0]->musl ? p->objects[0]->musl : main->interp, *conf, *real;
	const struct linker_file *file;
	int r;

	if (!path)
		return 0;
	if (*path != '/')
		return err_set(err, -EINVAL, "%s names its dynamic linker by a relative path (%s)",
			       main->path, path);
	r = walk_add(p->b->root, p->b->plan, path,
		     arena_printf(a, "dynamic linker of %s", main->path), &real, err);
	if (r == 0)
		r = linker_read(p->b->linker, path, &file, err);
	if (r < 0)
		return err_prefix(err, "%s needs its dynamic linker", main->path);
	append(p, file, NULL, p->objects[0]);
	conf = p->objects[0]->musl ? linker_musl_path_file(p->b->linker, path) : NULL;
	return conf ? walk_add(p->b->root, p->b->plan, conf,
			       "lets musl's dynamic linker find libraries", &real, err)
		    : 0;
}

/* A library that was added by itself is opened with dlopen() by a program that no ELF note
 * names. */
static void cache_itself(struct program *p)
{
	const struct linker_object *main = p->objects[0];
	struct arena *a = &p->b->plan->arena;
	struct linker_found found;
	const char *here, *there;

	if (main->musl || main->file->interp || !main->file->soname)
		return;
	linker_find(p->b->linker, main->file->soname, main, &found);
	here = root_resolve(p->b->root, main->file->path, a);
	there = found.path && found.by_name ? root_resolve(p->b->root, found.path, a) : NULL;
	if (here && there && strcmp(here, there) == 0)
		cache_library(p->b, main->file->soname, found.path, NULL, main->file);
}

static int add_libraries(struct binaries *b, const struct linker_file *file, struct err *err)
{
	struct program p = {.b = b};
	size_t needed = 0, noted = 0;
	struct linker_object *main = append(&p, file, NULL, NULL);
	int r;

	main->musl = linker_musl(b->linker, file);
	r = add_linker(&p, file, err);
	while (r == 0 && noted < p.n)
		if (needed < p.n) {
			r = load_needed(&p, p.objects[needed], err);
			needed++;
		} else {
			r = load_notes(&p, p.objects[noted], err);
			noted++;
		}
	if (r == 0)
		cache_itself(&p);
	free(p.objects);
	return r;
}

/* ---- scripts ---- */

static int add_by_name(struct binaries *b, const char *name, const char *origin, const char *reason,
		       struct err *err)
{
	static const char *const path[] = {"/usr/bin", "/bin", "/usr/sbin", "/sbin",
					   "/usr/local/bin"};

	if (strchr(name, '/'))
		return binaries_add(b, name, reason, err);
	for (size_t i = 0; i < ARRAY_SIZE(path); i++) {
		const char *whole = arena_printf(&b->plan->arena, "%s/%s", path[i], name);

		if (root_exists(b->root, whole))
			return binaries_add(b, whole, reason, err);
	}
	return err_set(err, -ENOENT, "script /%s is for %s, which is not installed", origin, name);
}

static int add_interpreter(struct binaries *b, const struct shebang *s, const char *origin,
			   struct err *err)
{
	struct arena *a = &b->plan->arena;
	const char *reason = arena_printf(a, "interpreter of the script /%s", origin);
	int r;

	if (!*s->interpreter)
		return 0;
	if (*s->interpreter != '/') {
		plan_warn(b->plan,
			  "the first line of /%s names %s, no absolute path: the kernel "
			  "cannot start it",
			  origin, s->interpreter);
		return 0;
	}
	for (int i = 0; i < b->n_scripts; i++)
		if (strcmp(b->scripts[i], origin) == 0)
			return err_set(err, -ELOOP, "the script /%s is its own interpreter",
				       origin);
	if (b->n_scripts == SCRIPTS_MAX)
		return err_set(err, -ELOOP,
			       "the interpreters of the script /%s are scripts themselves, "
			       "more than the kernel follows (%d)",
			       b->scripts[0], SCRIPTS_MAX);
	b->scripts[b->n_scripts++] = origin;
	r = binaries_add(b, arena_strdup(a, s->interpreter), reason, err);
	if (r == 0 && *s->program)
		r = add_by_name(b, arena_strdup(a, s->program), origin, reason, err);
	b->n_scripts--;
	return r;
}

/* Returns 1 if it is no script. */
static int add_script(struct binaries *b, const void *data, size_t len, const char *origin,
		      struct err *err)
{
	struct shebang s;
	int r = shebang_decode(data, len, &s, err);

	if (r < 0)
		return err_prefix(err, "script /%s", origin);
	return r == 0 ? 1 : add_interpreter(b, &s, origin, err);
}

int binaries_add_needs(struct binaries *b, const void *data, size_t len, const char *origin,
		       struct err *err)
{
	const struct linker_file *file;
	int r = add_script(b, data, len, origin, err);

	if (r <= 0 || !elf_is(data, len))
		return r < 0 ? r : 0;
	r = linker_decode(b->linker, data, len, arena_printf(&b->plan->arena, "/%s", origin), &file,
			  err);
	if (r < 0)
		return r;
	if (is_foreign(b, file)) {
		if (file->interp)
			plan_warn(b->plan,
				  "/%s is a program for %s: it cannot run, and brings no "
				  "libraries",
				  origin, elfhead_machine_name(file->machine));
		return 0;
	}
	return add_libraries(b, file, err);
}

static int add_elf(struct binaries *b, const char *path, struct err *err)
{
	const struct linker_file *file;
	int r = linker_read(b->linker, arena_printf(&b->plan->arena, "/%s", path), &file, err);

	if (r < 0)
		return r;
	if (is_foreign(b, file)) {
		err_set(err, -EINVAL, "/%s is for %s, but PID 1 is for %s", path,
			elfhead_machine_name(file->machine), elfhead_machine_name(b->machine));
		return err_hint(err, "install the package for this machine's architecture");
	}
	return add_libraries(b, file, err);
}

int binaries_add(struct binaries *b, const char *path, const char *reason, struct err *err)
{
	char head[SHEBANG_MAX];
	_cleanup_fd_ int fd = -1;
	const char *real;
	ssize_t n;
	int r = walk_add(b->root, b->plan, path, reason, &real, err);

	if (r < 0)
		return r;
	fd = root_openat(b->root, real, O_RDONLY | O_NONBLOCK);
	n = fd < 0 ? fd : pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return err_sys(err, fd < 0 ? fd : -errno, "/%s", real);
	if (!elf_is(head, (size_t)n)) {
		r = strset_has(&b->done, real) && !b->n_scripts
			    ? 0
			    : add_script(b, head, (size_t)n, real, err);
		strset_add(&b->done, real, NULL);
		return r < 0 ? r : 0;
	}
	return strset_add(&b->done, real, NULL) ? add_elf(b, real, err) : 0;
}

const char *binaries_locate(struct binaries *b, const char *path, const char *soname)
{
	struct program p = {.b = b};
	const struct linker_file *file;
	struct linker_object *main;
	struct linker_found found;
	struct err err;

	if (linker_read(b->linker, path, &file, &err) < 0)
		return NULL;
	main = append(&p, file, NULL, NULL);
	main->musl = linker_musl(b->linker, file);
	linker_find(b->linker, soname, main, &found);
	free(p.objects);
	return found.is_linker ? NULL : found.path;
}
