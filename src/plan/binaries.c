/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/binaries.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/elf.h"
#include "format/ldcache.h"

enum {
	LINKS_MAX = 40,
	INCLUDE_DEPTH_MAX = 8,
	CONF_MAX = 1024 * 1024,
	CACHE_MAX = 64 * 1024 * 1024,
	NEEDS_DEPTH_MAX = 64,
};

struct binaries {
	const struct root *root;
	struct plan *plan;
	struct buf cache;
	bool cache_read;
	const char **conf_dirs; /* of /etc/ld.so.conf */
	size_t n_conf_dirs;
	int depth;
};

/* What a search for a library goes by. */
struct loader {
	const struct elf_info *elf;
	const char *origin; /* folder of the file that needs it */
};

struct binaries *binaries_new(const struct root *root, struct plan *plan)
{
	struct binaries *b = xrealloc(NULL, 1, sizeof(*b));

	*b = (struct binaries){.root = root, .plan = plan};
	return b;
}

void binaries_free(struct binaries *b)
{
	if (!b)
		return;
	buf_clear(&b->cache);
	free(b->conf_dirs);
	free(b);
}

/* ---- ld.so.conf ---- */

static void read_conf(struct binaries *b, const char *path, int depth);

static void read_conf_glob(struct binaries *b, const char *pattern, int depth)
{
	struct arena *a = &b->plan->arena;
	const char *slash = strrchr(pattern, '/'), *folder;
	char **names;
	int n;

	if (!slash)
		return;
	folder = arena_strndup(a, pattern, (size_t)(slash - pattern));
	n = root_listdir(b->root, folder, a, &names);
	for (int i = 0; i < n; i++)
		if (fnmatch(slash + 1, names[i], 0) == 0)
			read_conf(b, arena_printf(a, "%s/%s", folder, names[i]), depth);
}

static void read_conf(struct binaries *b, const char *path, int depth)
{
	struct arena *a = &b->plan->arena;
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *line, *word;

	if (depth == INCLUDE_DEPTH_MAX || root_read(b->root, path, CONF_MAX, &text) < 0)
		return;
	buf_cstr(&text);
	cursor = (char *)text.data;
	while ((line = strsep(&cursor, "\n"))) {
		line[strcspn(line, "#")] = '\0';
		if (str_starts(line, "include ") || str_starts(line, "include\t")) {
			char *rest = line + strlen("include ");

			while ((word = strsep(&rest, " \t")))
				if (*word)
					read_conf_glob(b, *word == '/' ? word
							: arena_printf(a, "etc/%s", word),
						       depth + 1);
			continue;
		}
		while ((word = strsep(&line, " \t,:"))) {
			if (*word != '/')
				continue;
			if ((b->n_conf_dirs & (b->n_conf_dirs - 1)) == 0)
				b->conf_dirs = xrealloc(b->conf_dirs,
							b->n_conf_dirs ? b->n_conf_dirs * 2 : 1,
							sizeof(*b->conf_dirs));
			b->conf_dirs[b->n_conf_dirs++] = arena_strdup(a, word);
		}
	}
}

static void read_linker_files(struct binaries *b)
{
	if (b->cache_read)
		return;
	b->cache_read = true;
	if (root_read(b->root, "etc/ld.so.cache", CACHE_MAX, &b->cache) < 0)
		b->cache.len = 0;
	read_conf(b, "etc/ld.so.conf", 0);
}

/* ---- finding one library ---- */

static bool fits(struct binaries *b, const char *path, const struct elf_info *by)
{
	_cleanup_fd_ int fd = root_openat(b->root, path, O_RDONLY | O_NONBLOCK);
	uint8_t head[20];
	uint16_t machine;

	if (fd < 0 || read(fd, head, sizeof(head)) != sizeof(head) ||
	    memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != by->class)
		return false;
	machine = head[EI_DATA] == ELFDATA2LSB ? (uint16_t)(head[18] | head[19] << 8)
					       : (uint16_t)(head[19] | head[18] << 8);
	return machine == by->machine;
}

static const char *try_dir(struct binaries *b, const char *dir, const char *name,
			   const struct elf_info *by)
{
	const char *path = arena_printf(&b->plan->arena, "%s/%s", dir, name);

	return fits(b, path, by) ? path : NULL;
}

static const char *lib_name(const struct elf_info *e)
{
	return e->class == ELFCLASS64 ? "lib64" : "lib";
}

/* $ORIGIN, $LIB, $PLATFORM of a run path; with or without braces. */
static const char *expand(struct binaries *b, const char *dir, size_t len, const struct loader *by)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *end = dir + len;

	while (dir < end) {
		const struct {
			const char *name, *value;
		} tokens[] = {
			{"$ORIGIN", by->origin}, {"${ORIGIN}", by->origin},
			{"$LIB", lib_name(by->elf)}, {"${LIB}", lib_name(by->elf)},
		};
		size_t i;

		for (i = 0; i < ARRAY_SIZE(tokens); i++)
			if ((size_t)(end - dir) >= strlen(tokens[i].name) &&
			    str_starts(dir, tokens[i].name))
				break;
		if (i < ARRAY_SIZE(tokens)) {
			buf_add_str(&out, tokens[i].value);
			dir += strlen(tokens[i].name);
		} else {
			buf_add(&out, dir++, 1);
		}
	}
	return arena_strdup(&b->plan->arena, buf_cstr(&out));
}

static const char *try_paths(struct binaries *b, const char *paths, const char *name,
			     const struct loader *by)
{
	while (paths && *paths) {
		size_t len = strcspn(paths, ":");
		const char *found = len ? try_dir(b, expand(b, paths, len, by), name, by->elf)
					: NULL;

		if (found)
			return found;
		paths += len + (paths[len] == ':');
	}
	return NULL;
}

/* Where the dynamic linker looks without being told. Debian's knows the multiarch folders. */
static const char *try_defaults(struct binaries *b, const char *name, const struct elf_info *by)
{
	static const struct {
		int machine, class;
		const char *triplet;
	} multiarch[] = {
		{EM_X86_64, ELFCLASS64, "x86_64-linux-gnu"},
		{EM_386, ELFCLASS32, "i386-linux-gnu"},
		{EM_AARCH64, ELFCLASS64, "aarch64-linux-gnu"},
		{EM_ARM, ELFCLASS32, "arm-linux-gnueabihf"},
		{EM_RISCV, ELFCLASS64, "riscv64-linux-gnu"},
		{EM_S390, ELFCLASS64, "s390x-linux-gnu"},
		{EM_PPC64, ELFCLASS64, "powerpc64le-linux-gnu"},
	};
	struct arena *a = &b->plan->arena;
	const char *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(multiarch) && !found; i++) {
		if (multiarch[i].machine != by->machine || multiarch[i].class != by->class)
			continue;
		found = try_dir(b, arena_printf(a, "/lib/%s", multiarch[i].triplet), name, by);
		if (!found)
			found = try_dir(b, arena_printf(a, "/usr/lib/%s", multiarch[i].triplet),
					name, by);
	}
	for (int i = 0; i < 4 && !found; i++) {
		static const char *const dirs[] = {"/lib64", "/usr/lib64", "/lib", "/usr/lib"};

		found = try_dir(b, dirs[i], name, by);
	}
	return found;
}

/* The dynamic linker in the image finds what lies in a folder of ld.so.conf by its cache only. */
static int add_cache(struct binaries *b, const char *library, struct err *err)
{
	struct plan_entry e = {
		.path = "etc/ld.so.cache",
		.type = PLAN_FILE,
		.mode = 0644,
		.source = "etc/ld.so.cache",
		.reason = arena_printf(&b->plan->arena,
				       "the dynamic linker finds %s by its cache", library),
	};

	if (!b->cache.len)
		return err_set(err, -ENOENT,
			       "%s lies in a folder of /etc/ld.so.conf, but there is no "
			       "/etc/ld.so.cache",
			       library);
	return plan_find(b->plan, e.path) ? 0 : plan_add(b->plan, &e, err);
}

static int find_library(struct binaries *b, const char *name, const struct loader *by,
			const char **out, struct err *err)
{
	const char *found = NULL, *cached;

	if (strchr(name, '/')) {
		*out = *name == '/' && fits(b, name, by->elf) ? name : NULL;
		return 0;
	}
	read_linker_files(b);
	if (!by->elf->runpath)
		found = try_paths(b, by->elf->rpath, name, by);
	if (!found)
		found = try_paths(b, by->elf->runpath, name, by);
	if (!found)
		found = try_defaults(b, name, by->elf);
	if (found) {
		*out = found;
		return 0;
	}
	cached = ldcache_find(b->cache.data, b->cache.len, name, by->elf->class, by->elf->machine);
	if (cached && fits(b, cached, by->elf))
		found = arena_strdup(&b->plan->arena, cached);
	for (size_t i = 0; i < b->n_conf_dirs && !found; i++)
		found = try_dir(b, b->conf_dirs[i], name, by->elf);
	*out = found;
	return found ? add_cache(b, found, err) : 0;
}

/* ---- what a file needs ---- */

static int add_libraries(struct binaries *b, const struct elf_info *elf, const char *origin,
			 struct err *err)
{
	struct arena *a = &b->plan->arena;
	const char *slash = strrchr(origin, '/');
	struct loader by = {elf, slash ? arena_printf(a, "/%.*s", (int)(slash - origin), origin)
				       : "/"};
	const char *reason = arena_printf(a, "/%s needs it", origin);
	int r = 0;

	if (elf->interp)
		r = binaries_add(b, arena_strdup(a, elf->interp),
				 arena_printf(a, "dynamic linker of /%s", origin), err);
	if (r < 0)
		return err_prefix(err, "/%s needs its dynamic linker", origin);
	for (size_t i = 0; i < elf->n_needed && r == 0; i++) {
		const char *path = NULL, *name = arena_strdup(a, elf->needed[i]);

		r = find_library(b, name, &by, &path, err);
		if (r == 0 && !path) {
			r = err_set(err, -ENOENT, "/%s needs the library %s, which is not installed",
				    origin, name);
			err_hint(err, "install the package that has it, or leave /%s out", origin);
		}
		if (r == 0)
			r = binaries_add(b, path, reason, err);
	}
	return r;
}

/* "#!INTERPRETER [ARGUMENT]"; /usr/bin/env starts the program that its argument names. */
static int add_interpreter(struct binaries *b, const char *text, size_t len, const char *origin,
			   struct err *err)
{
	static const char *const path[] = {"/usr/bin", "/bin", "/usr/sbin", "/sbin",
					   "/usr/local/bin"};
	struct arena *a = &b->plan->arena;
	const char *end = memchr(text, '\n', len);
	char *line = arena_strndup(a, text, end ? (size_t)(end - text) : len);
	char *program = strtok_r(line, " \t\r", &line), *argument = strtok_r(NULL, " \t\r", &line);
	const char *reason = arena_printf(a, "interpreter of the script /%s", origin);
	int r;

	if (!program || *program != '/')
		return 0;
	r = binaries_add(b, program, reason, err);
	if (r < 0 || !str_ends(program, "/env") || !argument || *argument == '-' ||
	    strchr(argument, '='))
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(path); i++) {
		const char *whole = arena_printf(a, "%s/%s", path[i], argument);

		if (root_exists(b->root, whole))
			return binaries_add(b, whole, reason, err);
	}
	return err_set(err, -ENOENT, "script /%s is for %s, which is not installed", origin,
		       argument);
}

int binaries_add_needs(struct binaries *b, const void *data, size_t len, const char *origin,
		       struct err *err)
{
	const char *text = data;
	struct elf_info *elf;
	int r;

	if (len > 2 && memcmp(text, "#!", 2) == 0)
		return add_interpreter(b, text + 2, len - 2, origin, err);
	if (!elf_is(data, len))
		return 0;
	if (b->depth == NEEDS_DEPTH_MAX)
		return err_set(err, -ELOOP, "/%s: libraries need each other too deeply", origin);
	elf = xrealloc(NULL, 1, sizeof(*elf));
	r = elf_decode(data, len, elf, err);
	if (r < 0) {
		err_prefix(err, "/%s", origin);
	} else {
		b->depth++;
		r = add_libraries(b, elf, origin, err);
		b->depth--;
	}
	free(elf);
	return r;
}

static int add_file(struct binaries *b, const char *path, const char *reason, struct err *err)
{
	_cleanup_fd_ int fd = root_openat(b->root, path, O_RDONLY | O_NONBLOCK);
	struct plan_entry e = {
		.path = path, .type = PLAN_FILE, .source = path, .reason = reason};
	struct stat st;
	void *data;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, fd < 0 ? fd : -errno, "/%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "/%s is not a file", path);
	e.mode = st.st_mode & 0755;
	if (plan_find(b->plan, path))
		return 0;
	r = plan_add(b->plan, &e, err);
	if (r < 0 || st.st_size == 0)
		return r;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_sys(err, -errno, "/%s", path);
	r = binaries_add_needs(b, data, (size_t)st.st_size, path, err);
	munmap(data, (size_t)st.st_size);
	return r;
}

/* ---- walking a path as the kernel would, keeping the links ---- */

static bool is_merged_link(const char *path)
{
	static const char *const names[] = {"bin", "sbin", "lib", "lib64"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return false;
}

/* What lies in a /bin of its own goes to usr/bin, one folder deeper: a link that leads up would
 * miss its target there. */
static const char *link_target(struct binaries *b, const char *here, const char *target)
{
	struct arena *a = &b->plan->arena;
	const char *top = arena_strndup(a, here, strcspn(here, "/")), *end;

	if (!is_merged_link(top) || !str_starts(target, ".."))
		return target;
	end = root_resolve(b->root, here, a);
	return end ? arena_printf(a, "/%s", end) : target;
}

/* DONE has no links in it; the first link in REST is added and followed. */
static int walk(struct binaries *b, const char *done, const char *rest, int links,
		const char *reason, struct err *err)
{
	struct arena *a = &b->plan->arena;

	while (*rest == '/')
		rest++;
	while (*rest) {
		size_t len = strcspn(rest, "/");
		const char *slash = strrchr(done, '/'), *here, *target;
		const char *next = rest + len + strspn(rest + len, "/");
		int r;

		if (len == 2 && memcmp(rest, "..", 2) == 0) {
			done = slash ? arena_strndup(a, done, (size_t)(slash - done)) : "";
			rest = next;
			continue;
		}
		if (len == 1 && *rest == '.') {
			rest = next;
			continue;
		}
		here = *done ? arena_printf(a, "%s/%.*s", done, (int)len, rest)
			     : arena_strndup(a, rest, len);
		target = root_readlink(b->root, here, a);
		if (!target) {
			done = here;
			rest = next;
			continue;
		}
		if (links == 0)
			return err_set(err, -ELOOP, "/%s: too many symbolic links", here);
		r = is_merged_link(here)
			    ? 0
			    : plan_add_link(b->plan, here, link_target(b, here, target), reason, err);
		if (r < 0)
			return r;
		return walk(b, *target == '/' ? "" : done, arena_printf(a, "%s/%s", target, next),
			    links - 1, reason, err);
	}
	return add_file(b, done, reason, err);
}

int binaries_add(struct binaries *b, const char *path, const char *reason, struct err *err)
{
	return walk(b, "", path, LINKS_MAX, reason, err);
}
