/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/programs/linker.h"

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
#include "base/strset.h"
#include "base/text.h"
#include "format/program/elfhead.h"
#include "format/program/ldcache.h"

enum {
	INCLUDE_DEPTH_MAX = 8,
	CONF_MAX = 1024 * 1024,
	CACHE_MAX = 64 * 1024 * 1024,
	FILE_MAX = 1024 * 1024 * 1024,
	VARIANTS_MAX = 16,
};

/* What is known about a path. */
struct probe {
	bool is_elf;
	int class, machine;
	const struct linker_file *file; /* once it is decoded */
};

struct linker {
	const struct root *root;
	struct arena *arena;
	struct strset probes; /* by path */
	struct buf cache;
	bool files_read;
	const char **conf_dirs; /* of /etc/ld.so.conf */
	size_t n_conf_dirs;
	struct buf looked; /* where the current search has looked, for messages */
};

struct linker *linker_new(const struct root *root, struct arena *arena)
{
	struct linker *l = xrealloc(NULL, 1, sizeof(*l));

	*l = (struct linker){.root = root, .arena = arena};
	return l;
}

void linker_free(struct linker *l)
{
	if (!l)
		return;
	strset_clear(&l->probes);
	buf_clear(&l->cache);
	buf_clear(&l->looked);
	free(l->conf_dirs);
	free(l);
}

/* ---- files ---- */

static struct probe *probe(struct linker *l, const char *path)
{
	void **slot = strset_find(&l->probes, path);
	_cleanup_fd_ int fd = -1;
	struct probe *p;
	uint8_t head[20];

	if (slot)
		return *slot;
	p = arena_alloc(l->arena, sizeof(*p));
	strset_add(&l->probes, arena_strdup(l->arena, path), p);
	fd = root_openat(l->root, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || read(fd, head, sizeof(head)) != sizeof(head) || !elf_is(head, sizeof(head)))
		return p;
	p->is_elf = true;
	p->class = head[EI_CLASS];
	p->machine =
		head[EI_DATA] == ELFDATA2LSB ? head[18] | head[19] << 8 : head[19] | head[18] << 8;
	return p;
}

static const char *copy(struct linker *l, const char *s)
{
	return s ? arena_strdup(l->arena, s) : NULL;
}

int linker_decode(struct linker *l, const void *data, size_t len, const char *path,
		  const struct linker_file **out, struct err *err)
{
	struct elf_info *elf = xrealloc(NULL, 1, sizeof(*elf));
	int r = elf_decode(data, len, elf, err);
	struct linker_file *f;

	if (r < 0) {
		free(elf);
		return err_prefix(err, "%s", path);
	}
	f = arena_alloc(l->arena, sizeof(*f));
	*f = (struct linker_file){
		.path = arena_strdup(l->arena, path),
		.class = elf->class,
		.machine = elf->machine,
		.no_default = elf->no_default,
		.interp = copy(l, elf->interp),
		.soname = copy(l, elf->soname),
		.rpath = copy(l, elf->rpath),
		.runpath = copy(l, elf->runpath),
		.needed = arena_alloc(l->arena, (elf->n_needed + 1) * sizeof(*f->needed)),
		.n_needed = elf->n_needed,
		.notes = arena_alloc(l->arena, (elf->n_notes + 1) * sizeof(*f->notes)),
		.n_notes = elf->n_notes,
	};
	for (size_t i = 0; i < elf->n_needed; i++)
		f->needed[i] = copy(l, elf->needed[i]);
	for (size_t i = 0; i < elf->n_notes; i++)
		f->notes[i] = (struct elf_note){
			arena_strndup(l->arena, elf->notes[i].text, elf->notes[i].len),
			elf->notes[i].len};
	free(elf);
	*out = f;
	return 0;
}

int linker_read(struct linker *l, const char *path, const struct linker_file **out, struct err *err)
{
	struct probe *p = probe(l, path);
	_cleanup_fd_ int fd = -1;
	struct stat st;
	void *data;
	int r;

	if (p->file) {
		*out = p->file;
		return 0;
	}
	fd = root_openat(l->root, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, fd < 0 ? fd : -errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > FILE_MAX)
		return err_set(err, -EBADMSG, "%s is no ELF file", path);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_sys(err, -errno, "%s", path);
	r = linker_decode(l, data, (size_t)st.st_size, path, &p->file, err);
	munmap(data, (size_t)st.st_size);
	*out = p->file;
	return r;
}

/* ---- ld.so.conf and the cache ---- */

static void read_conf(struct linker *l, const char *path, int depth);

static void read_conf_glob(struct linker *l, const char *pattern, int depth)
{
	const char *slash = strrchr(pattern, '/'), *folder;
	char **names;
	int n;

	if (!slash)
		return;
	folder = arena_strndup(l->arena, pattern, (size_t)(slash - pattern));
	n = root_listdir(l->root, folder, l->arena, &names);
	for (int i = 0; i < n; i++)
		if (fnmatch(slash + 1, names[i], 0) == 0)
			read_conf(l, arena_printf(l->arena, "%s/%s", folder, names[i]), depth);
}

static void add_conf_dir(struct linker *l, const char *dir)
{
	if ((l->n_conf_dirs & (l->n_conf_dirs - 1)) == 0)
		l->conf_dirs = xrealloc(l->conf_dirs, l->n_conf_dirs ? l->n_conf_dirs * 2 : 1,
					sizeof(*l->conf_dirs));
	l->conf_dirs[l->n_conf_dirs++] = arena_strdup(l->arena, dir);
}

static void read_conf(struct linker *l, const char *path, int depth)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *line, *word;

	if (depth == INCLUDE_DEPTH_MAX || root_read(l->root, path, CONF_MAX, &text) < 0)
		return;
	buf_cstr(&text);
	cursor = (char *)text.data;
	while ((line = strsep(&cursor, "\n"))) {
		line[strcspn(line, "#")] = '\0';
		if (str_starts(line, "include ") || str_starts(line, "include\t")) {
			char *rest = line + strlen("include ");

			while ((word = strsep(&rest, " \t")))
				if (*word)
					read_conf_glob(l,
						       *word == '/' ? word
								    : arena_printf(l->arena,
										   "etc/%s", word),
						       depth + 1);
			continue;
		}
		while ((word = strsep(&line, " \t,:")))
			if (*word == '/')
				add_conf_dir(l, word);
	}
}

static void read_linker_files(struct linker *l)
{
	if (l->files_read)
		return;
	l->files_read = true;
	if (root_read(l->root, "etc/ld.so.cache", CACHE_MAX, &l->cache) < 0)
		l->cache.len = 0;
	read_conf(l, "etc/ld.so.conf", 0);
}

/* ---- folders ---- */

static bool fits(struct linker *l, const char *path, const struct linker_file *by)
{
	const struct probe *p = probe(l, path);

	if (p->is_elf && (p->class != by->class || p->machine != by->machine))
		buf_printf(&l->looked, "%s (which is for %s, %d bit), ", path,
			   elfhead_machine_name(p->machine), p->class == ELFCLASS64 ? 64 : 32);
	return p->is_elf && p->class == by->class && p->machine == by->machine;
}

static const char *try_dir(struct linker *l, const char *dir, const char *name,
			   const struct linker_file *by)
{
	const char *path =
		arena_printf(l->arena, "%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);

	if (fits(l, path, by))
		return path;
	buf_printf(&l->looked, "%s, ", dir);
	return NULL;
}

static const struct {
	int machine, class;
	const char *triplet, *platform;
} machines[] = {
	{EM_X86_64, ELFCLASS64, "x86_64-linux-gnu", "x86_64"},
	{EM_386, ELFCLASS32, "i386-linux-gnu", "i686"},
	{EM_AARCH64, ELFCLASS64, "aarch64-linux-gnu", "aarch64"},
	{EM_ARM, ELFCLASS32, "arm-linux-gnueabihf", "v7l"},
	{EM_RISCV, ELFCLASS64, "riscv64-linux-gnu", "riscv64"},
	{EM_S390, ELFCLASS64, "s390x-linux-gnu", "s390x"},
	{EM_PPC64, ELFCLASS64, "powerpc64le-linux-gnu", "powerpc64le"},
};

static const char *const system_dirs[] = {"/lib64", "/usr/lib64", "/lib", "/usr/lib"};

static size_t machine_of(const struct linker_file *f)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(machines) &&
	       (machines[i].machine != f->machine || machines[i].class != f->class))
		i++;
	return i;
}

/* The dynamic linker's built-in search path. Debian's has its multiarch folders, too. */
static size_t default_dirs(struct linker *l, const struct linker_file *by, const char *out[8])
{
	size_t m = machine_of(by), n = 0;

	if (m < ARRAY_SIZE(machines)) {
		out[n++] = arena_printf(l->arena, "/lib/%s", machines[m].triplet);
		out[n++] = arena_printf(l->arena, "/usr/lib/%s", machines[m].triplet);
	}
	for (size_t i = 0; i < ARRAY_SIZE(system_dirs); i++)
		out[n++] = system_dirs[i];
	return n;
}

/* $LIB is built into the dynamic linker: the folder that it is installed in. */
static const char *lib_token(struct linker *l, const struct linker_object *by)
{
	const struct linker_object *main = by;
	const char *real, *slash;
	size_t m;

	while (main->loader)
		main = main->loader;
	real = main->file->interp ? root_resolve(l->root, main->file->interp, l->arena) : NULL;
	slash = real ? strrchr(real, '/') : NULL;
	if (slash) {
		real = arena_strndup(l->arena, real, (size_t)(slash - real));
		return str_starts(real, "usr/") ? real + 4 : real;
	}
	m = machine_of(by->file);
	if (m < ARRAY_SIZE(machines) &&
	    root_exists(l->root, arena_printf(l->arena, "usr/lib/%s", machines[m].triplet)))
		return arena_printf(l->arena, "lib/%s", machines[m].triplet);
	return by->file->class == ELFCLASS64 && root_exists(l->root, "usr/lib64") ? "lib64" : "lib";
}

static const char *platform_token(const struct linker_object *by)
{
	size_t m = machine_of(by->file);

	return m < ARRAY_SIZE(machines) ? machines[m].platform : "";
}

/* Expands $ORIGIN, $LIB and $PLATFORM, with or without braces, in LEN bytes of TEXT. */
static const char *expand(struct linker *l, const char *text, size_t len,
			  const struct linker_object *by)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *end = text + len;

	while (text < end) {
		static const char *const tokens[] = {"$ORIGIN", "${ORIGIN}", "$LIB",
						     "${LIB}",	"$PLATFORM", "${PLATFORM}"};
		size_t i = 0;

		while (i < ARRAY_SIZE(tokens) &&
		       ((size_t)(end - text) < strlen(tokens[i]) || !str_starts(text, tokens[i])))
			i++;
		if (i == ARRAY_SIZE(tokens)) {
			buf_add(&out, text++, 1);
			continue;
		}
		buf_add_str(&out, i < 2	  ? by->origin
				  : i < 4 ? lib_token(l, by)
					  : platform_token(by));
		text += strlen(tokens[i]);
	}
	return arena_strdup(l->arena, buf_cstr(&out));
}

/* Looks for NAME in PATHS, separated by SEPARATORS. Tokens are expanded for OWNER. */
static const char *try_paths(struct linker *l, const char *paths, const char *separators,
			     const char *name, const struct linker_object *owner)
{
	while (paths && *paths) {
		size_t len = strcspn(paths, separators);
		const char *dir = len ? expand(l, paths, len, owner) : NULL;
		/* A path relative to the working directory means nothing in an image. */
		const char *found = dir && *dir == '/' ? try_dir(l, dir, name, owner->file) : NULL;

		if (found)
			return found;
		paths += len + (paths[len] != '\0');
	}
	return NULL;
}

/* ---- musl ---- */

const char *linker_musl(struct linker *l, const struct linker_file *file)
{
	const char *slash;
	char **names;
	int n;

	if (file->interp) {
		slash = strrchr(file->interp, '/');
		return slash && str_starts(slash + 1, "ld-musl-") ? file->interp : NULL;
	}
	/* A library names no linker, but depends on musl's libc. */
	for (size_t i = 0; i < file->n_needed; i++) {
		if (strcmp(file->needed[i], "libc.so") != 0 &&
		    !str_starts(file->needed[i], "libc.musl-"))
			continue;
		n = root_listdir(l->root, "lib", l->arena, &names);
		for (int k = 0; k < n; k++) {
			const char *path = arena_printf(l->arena, "/lib/%s", names[k]);

			if (fnmatch("ld-musl-*.so.1", names[k], 0) == 0 && fits(l, path, file))
				return path;
		}
	}
	return NULL;
}

const char *linker_musl_path_file(struct linker *l, const char *musl)
{
	const char *arch = strstr(musl, "ld-musl-") + strlen("ld-musl-");
	const char *path =
		arena_printf(l->arena, "etc/ld-musl-%.*s.path", (int)strcspn(arch, "."), arch);

	return root_exists(l->root, path) ? path : NULL;
}

/* Libraries that are part of musl's libc itself, whatever follows the dot. */
static bool is_musl_itself(const char *name)
{
	static const char *const own[] = {"libc.",  "libpthread.", "librt.",  "libm.",
					  "libdl.", "libutil.",	   "libxnet."};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (str_starts(name, own[i]))
			return true;
	return false;
}

static void find_musl(struct linker *l, const char *name, const struct linker_object *by,
		      const char *musl, struct linker_found *out)
{
	const char *file = linker_musl_path_file(l, musl);
	_cleanup_buf_ struct buf paths = BUF_INIT;

	if (is_musl_itself(name)) {
		*out = (struct linker_found){.path = musl, .is_linker = true};
		return;
	}
	for (const struct linker_object *o = by; o && !out->path; o = o->loader)
		out->path = try_paths(l, o->file->runpath ? o->file->runpath : o->file->rpath, ":",
				      name, o);
	if (out->path)
		return;
	if (!file || root_read(l->root, file, CONF_MAX, &paths) < 0)
		buf_add_str(&paths, "/lib:/usr/local/lib:/usr/lib");
	out->path = try_paths(l, buf_cstr(&paths), ":\n", name, by);
	out->by_name = true;
}

/* ---- glibc ---- */

static const char *try_rpaths(struct linker *l, const char *name, const struct linker_object *by)
{
	const char *found = NULL;

	if (by->file->runpath)
		return try_paths(l, by->file->runpath, ":", name, by);
	for (const struct linker_object *o = by; o && !found; o = o->loader)
		if (!o->file->runpath)
			found = try_paths(l, o->file->rpath, ":", name, o);
	return found;
}

static bool is_default(struct linker *l, const char *path, const struct linker_file *by)
{
	const char *dirs[8];
	size_t n = default_dirs(l, by, dirs), len = (size_t)(strrchr(path, '/') - path);

	for (size_t i = 0; i < n; i++)
		if (strlen(dirs[i]) == len && strncmp(dirs[i], path, len) == 0)
			return true;
	return false;
}

static const char *try_cache(struct linker *l, const char *name, const struct linker_file *by)
{
	const char *cached;

	cached = ldcache_find(l->cache.data, l->cache.len, name, by->class, by->machine);
	if (!cached || *cached != '/' || (by->no_default && is_default(l, cached, by)) ||
	    !fits(l, cached, by))
		return NULL;
	return arena_strdup(l->arena, cached);
}

/* Notes a library that is installed for newer processors only, for the message. */
static void note_variants(struct linker *l, const char *name, const struct linker_file *by)
{
	const char *dirs[8], **paths;
	size_t n = default_dirs(l, by, dirs);

	for (size_t i = 0; i < n; i++)
		if (linker_variants(l, arena_printf(l->arena, "%s/%s", dirs[i], name), by, &paths))
			buf_printf(&l->looked, "%s (which is for newer processors only), ",
				   paths[0]);
}

static void find_glibc(struct linker *l, const char *name, const struct linker_object *by,
		       struct linker_found *out)
{
	const char *dirs[8];
	size_t n = default_dirs(l, by->file, dirs);

	read_linker_files(l);
	out->path = try_rpaths(l, name, by);
	if (out->path)
		return;
	out->by_name = true;
	out->path = try_cache(l, name, by->file);
	for (size_t i = 0; i < n && !out->path && !by->file->no_default; i++)
		out->path = try_dir(l, dirs[i], name, by->file);
	for (size_t i = 0; i < l->n_conf_dirs && !out->path; i++)
		out->path = try_dir(l, l->conf_dirs[i], name, by->file);
	if (!out->path)
		note_variants(l, name, by->file);
}

void linker_find(struct linker *l, const char *name, const struct linker_object *by,
		 struct linker_found *out)
{
	const struct linker_object *main = by;

	*out = (struct linker_found){0};
	l->looked.len = 0;
	while (main->loader)
		main = main->loader;
	if (strchr(name, '$') && !main->musl)
		name = expand(l, name, strlen(name), by);
	if (strchr(name, '/')) {
		out->path = *name == '/' && fits(l, name, by->file) ? name : NULL;
		if (!out->path)
			buf_printf(&l->looked, "%s, ",
				   *name == '/' ? "that path" : "no folder: the path is relative");
	} else if (main->musl) {
		find_musl(l, name, by, main->musl, out);
	} else {
		find_glibc(l, name, by, out);
	}
	if (out->path)
		return;
	if (l->looked.len > 2)
		l->looked.len -= 2; /* the last comma */
	out->looked = arena_strdup(l->arena, buf_cstr(&l->looked));
}

size_t linker_variants(struct linker *l, const char *path, const struct linker_file *like,
		       const char ***out)
{
	const char *slash = strrchr(path, '/'), **paths;
	const char *folder = arena_printf(l->arena, "%.*s/glibc-hwcaps", (int)(slash - path), path);
	size_t count = 0;
	char **names;
	int n = root_listdir(l->root, folder, l->arena, &names);

	paths = arena_alloc(l->arena, (VARIANTS_MAX + 1) * sizeof(*paths));
	for (int i = 0; i < n && count < VARIANTS_MAX; i++) {
		const char *variant = arena_printf(l->arena, "%s/%s%s", folder, names[i], slash);
		const struct probe *p = probe(l, variant);

		if (p->is_elf && p->class == like->class && p->machine == like->machine)
			paths[count++] = variant;
	}
	*out = paths;
	return count;
}
