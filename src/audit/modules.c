/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/quote.h"
#include "base/text.h"
#include "audit/kit.h"
#include "format/codec/codec.h"
#include "format/codec/decode_all.h"
#include "format/kernel/modinfo.h"
#include "format/codec/unpack.h"

/* Module trees: compares depmod's indexes with the files, and samples a few modules. */

enum {
	MODULE_SIZE_MAX = 256 * 1024 * 1024,
	MODULES_MAX = 65536,
	DEPTH_MAX = 16,
	SAMPLE_OWN = 5,	    /* modules of the kernel's package that are read */
	SAMPLE_FOREIGN = 5, /* others */
};

/* The kernel's scripts/sign-file appends it to a module that it signs. */
static const char signature[] = "~Module signature appended~\n";

/* ---- what there is, and what the index says ---- */

struct tree {
	struct audit *a;
	const char **files; /* below the module tree */
	size_t n;
	struct timespec newest;
	const char *newest_file;
};

static bool is_module(const char *name)
{
	const char *dot = strstr(name, ".ko");

	return dot && (!dot[3] || (dot[3] == '.' && codec_by_suffix(name) != CODEC_NONE));
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static void walk(struct tree *t, const char *top, const char *below, int depth)
{
	struct arena *arena = t->a->arena;
	char **names;
	int n = root_listdir(t->a->root, arena_printf(arena, "%s/%s", top, below), arena, &names);

	for (int i = 0; i < n && t->n < MODULES_MAX; i++) {
		const char *path =
			*below ? arena_printf(arena, "%s/%s", below, names[i]) : names[i];
		struct stat st;

		if (root_lstat(t->a->root, arena_printf(arena, "%s/%s", top, path), &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			walk(t, top, path, depth + 1);
		if (S_ISDIR(st.st_mode) || !is_module(names[i]))
			continue;
		t->files = arena_grow(arena, t->files, t->n, sizeof(*t->files));
		t->files[t->n++] = path;
		if (is_newer(&st.st_mtim, &t->newest)) {
			t->newest = st.st_mtim;
			t->newest_file = path;
		}
	}
}

/* The paths in modules.dep, in its order. */
static size_t read_dep(struct audit *a, const struct audit_kernel *k, const char ***out)
{
	char *cursor = audit_read(a, arena_printf(a->arena, "%s/modules.dep", k->modules_dir)),
	     *line;
	size_t n = 0;

	*out = NULL;
	while (cursor && (line = strsep(&cursor, "\n")) && n < MODULES_MAX) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		*out = arena_grow(a->arena, *out, n, sizeof(**out));
		(*out)[n++] = line;
	}
	return n;
}

static const char *depmod(struct audit *a, const struct audit_kernel *k)
{
	return a->root->is_host
		       ? arena_printf(a->arena, "depmod %s", quote_word(k->version, a->arena))
		       : arena_printf(a->arena, "depmod -b %s %s", quote_word(a->root->path, a->arena),
				      quote_word(k->version, a->arena));
}

static void report_stale(struct audit *a, const struct audit_kernel *k, const char *what)
{
	audit_add_command(a, AUDIT_WARNING, "module-index-stale", k,
			  arena_printf(a->arena, "the module indexes of /%s are not up to date: %s",
				       k->modules_dir, what),
			  depmod(a, k));
}

/* The first item of LIST that is not in OTHER; *N is how many there are. */
static const char *lacking(const char *const *list, size_t n_list, const char *const *other,
			   size_t n_other, size_t *n)
{
	_cleanup_strset_ struct strset set = STRSET_INIT;
	const char *first = NULL;

	*n = 0;
	for (size_t i = 0; i < n_other; i++)
		strset_add(&set, other[i], NULL);
	for (size_t i = 0; i < n_list; i++)
		if (list[i][0] != '/' && !strset_has(&set, list[i])) {
			first = first ? first : list[i];
			++*n;
		}
	return first;
}

static void check_stale(struct audit *a, const struct audit_kernel *k)
{
	const char *index = arena_printf(a->arena, "%s/modules.dep.bin", k->modules_dir), *first;
	struct tree t = {.a = a};
	const char **named;
	size_t n_named = read_dep(a, k, &named), n;
	struct stat st;

	walk(&t, k->modules_dir, "", 0);
	first = lacking(named, n_named, t.files, t.n, &n);
	if (first)
		return report_stale(a, k,
				    arena_printf(a->arena,
						 "%zu module%s that they name %s gone, "
						 "%s is the first",
						 n, n == 1 ? "" : "s", n == 1 ? "is" : "are",
						 first));
	first = lacking(t.files, t.n, named, n_named, &n);
	if (first)
		return report_stale(a, k,
				    arena_printf(a->arena,
						 "%zu module%s %s not in them, %s is the "
						 "first",
						 n, n == 1 ? "" : "s", n == 1 ? "is" : "are",
						 first));
	if (t.newest_file && root_stat(a->root, index, &st) == 0 &&
	    is_newer(&t.newest, &st.st_mtim))
		report_stale(a, k, arena_printf(a->arena, "%s is newer", t.newest_file));
}

/* The FILES that K lacks, separated by commas. */
static const char *missing_of(struct audit *a, const struct audit_kernel *k,
			      const char *const *files)
{
	const char *text = "";

	for (; *files; files++)
		if (!root_exists(a->root, arena_printf(a->arena, "%s/%s", k->modules_dir, *files)))
			text = arena_printf(a->arena, "%s%s%s", text, *text ? ", " : "", *files);
	return text;
}

static void check_index(struct audit *a, struct audit_kernel *k)
{
	static const char *const made[] = {"modules.dep",	  "modules.dep.bin",
					   "modules.alias.bin",	  "modules.symbols.bin",
					   "modules.builtin.bin", NULL};
	static const char *const shipped[] = {"modules.builtin", NULL};
	const char *lost = missing_of(a, k, shipped), *missing = missing_of(a, k, made);

	if (*lost)
		audit_add(a, AUDIT_ERROR, "module-list-missing", k,
			  arena_printf(a->arena,
				       "/%s has no %s: what is built into the kernel is not "
				       "known",
				       k->modules_dir, lost),
			  "install the kernel's package again");
	/* modules.builtin.bin is the index of modules.builtin: one finding is enough. */
	if (*lost && strcmp(missing, "modules.builtin.bin") == 0)
		missing = "";
	if (*missing)
		audit_add_command(a, AUDIT_ERROR, "module-index-missing", k,
				  arena_printf(a->arena, "/%s has no %s", k->modules_dir, missing),
				  depmod(a, k));
	if (*lost || *missing)
		k->is_broken = true;
	else
		check_stale(a, k);
}

void audit_indexes(struct audit *a)
{
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));)
		if (k->modules_dir && k->image)
			check_index(a, k);
}

/* ---- a few modules ---- */

static bool read_module(struct audit *a, const char *path, struct audit_module *out)
{
	const struct decoder_ops *ops = decoder_find(codec_by_suffix(path));
	_cleanup_buf_ struct buf file = BUF_INIT, plain = BUF_INIT;
	const struct buf *data = &file;
	const char *section, *magic;
	size_t len, at = 0;

	if (root_read(a->root, path, MODULE_SIZE_MAX, &file) < 0)
		return false;
	if (codec_by_suffix(path) != CODEC_NONE) {
		if (!ops ||
		    unpack(ops, file.data, file.len, MODULE_SIZE_MAX, &plain, NULL, NULL) < 0)
			return false;
		data = &plain;
	}
	if (modinfo_find(data->data, data->len, &section, &len, NULL) < 0)
		return false;
	magic = modinfo_next(section, len, "vermagic", &at);
	*out = (struct audit_module){
		.path = path,
		.magic = magic ? arena_strdup(a->arena, magic) : NULL,
		.is_signed = data->len >= strlen(signature) &&
			     memcmp(data->data + data->len - strlen(signature), signature,
				    strlen(signature)) == 0,
	};
	return true;
}

/* Samples up to MAX of the PATHS that are FOREIGN or not, spread over the whole list. */
static void add_sample(struct audit *a, struct audit_kernel *k, const char *const *paths, size_t n,
		       bool foreign, size_t max)
{
	size_t fitting = 0, at = 0, taken = 0;

	for (size_t i = 0; i < n; i++)
		fitting += !str_starts(paths[i], "kernel/") == foreign;
	for (size_t i = 0; i < n && taken < max; i++) {
		struct audit_module *m = &k->sample[k->n_sample];

		if (!str_starts(paths[i], "kernel/") != foreign)
			continue;
		if (at++ * max < taken * fitting)
			continue;
		taken++;
		if (paths[i][0] == '/' ||
		    !read_module(a, arena_printf(a->arena, "%s/%s", k->modules_dir, paths[i]), m))
			continue;
		m->is_foreign = foreign;
		k->n_sample++;
	}
}

static void sample(struct audit *a, struct audit_kernel *k, const char *const *paths, size_t n)
{
	k->sample = arena_alloc(a->arena, (SAMPLE_OWN + SAMPLE_FOREIGN) * sizeof(*k->sample));
	k->has_sample = true;
	add_sample(a, k, paths, n, false, SAMPLE_OWN);
	add_sample(a, k, paths, n, true, SAMPLE_FOREIGN);
}

size_t audit_sample(struct audit *a, struct audit_kernel *k, const struct audit_module **out)
{
	const char **paths;

	if (!k->has_sample && k->modules_dir) {
		size_t n = read_dep(a, k, &paths);

		sample(a, k, paths, n);
	}
	k->has_sample = true;
	*out = k->sample;
	return k->n_sample;
}

/* ---- whether the kernel loads them ---- */

/* The length of the kernel version that MAGIC begins with. */
static size_t version_len(const char *magic)
{
	return strcspn(magic, " ");
}

static bool is_of(const struct audit_kernel *k, const struct audit_module *m)
{
	return version_len(m->magic) == strlen(k->version) && str_starts(m->magic, k->version);
}

/* One of the kernel's own modules shows how it was configured. */
static void learn_magic(struct audit_kernel *k, const struct audit_module *m)
{
	if (!k->magic && !m->is_foreign && m->magic && is_of(k, m))
		k->magic = m->magic;
}

/* Whether it was made with checksums of symbols (CONFIG_MODVERSIONS) for a kernel like K. Then the
 * kernel looks at these, and not at the version: same_magic() in kernel/module/version.c. */
static bool has_checksums(const struct audit_kernel *k, const struct audit_module *m)
{
	if (!strstr(m->magic, " modversions"))
		return false;
	if (k->magic)
		return strcmp(m->magic + version_len(m->magic),
			      k->magic + version_len(k->magic)) == 0;
	return m->is_foreign && (!k->config.len || audit_has(k, "CONFIG_MODVERSIONS"));
}

/* The modules of a foreign package are often made for several kernels. What is below kernel/ should
 * be of this one. */
static void check_magic(struct audit *a, struct audit_kernel *k, const struct audit_module *m)
{
	struct audit_finding *f;
	bool may_load, bars;

	if (!m->magic || !*m->magic || is_of(k, m))
		return;
	may_load = has_checksums(k, m);
	bars = !m->is_foreign && !may_load;
	if (m->is_foreign && may_load)
		return;
	f = audit_add(
		a, bars ? AUDIT_ERROR : AUDIT_WARNING, "vermagic-mismatch", k,
		arena_printf(a->arena, "/%s was made for kernel %.*s: kernel %s %s", m->path,
			     (int)version_len(m->magic), m->magic, k->version,
			     may_load ? "loads it only if the checksums of its symbols fit"
				      : "does not load it"),
		bars ? "install the kernel's package again; kernel and modules must come from "
		       "one build"
		     : "compile or install that module for this kernel");
	f->bars_rebuild = bars;
	if (bars)
		k->is_broken = true;
}

void audit_vermagic(struct audit *a)
{
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));) {
		const struct audit_module *sample;
		size_t n = audit_sample(a, k, &sample);
		bool told = k->is_broken;

		for (size_t i = 0; i < n; i++)
			learn_magic(k, &sample[i]);
		/* One of the kernel's own modules stands for all of them. */
		for (size_t i = 0; i < n && !told; i++) {
			check_magic(a, k, &sample[i]);
			told = k->is_broken;
		}
	}
}

void audit_modules(const struct kernel *kernel, const struct audit_made_for *modules, size_t n,
		   struct arena *arena, struct audit_report *out)
{
	struct audit_kernel k = {.version = kernel->version,
				 .modules_dir = kernel->modules_dir,
				 .is_wanted = true};
	struct audit a = {.arena = arena, .out = out, .kernels = &k, .n_kernels = 1};
	const char *top = arena_printf(arena, "%s/kernel/", kernel->modules_dir);

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n && !k.is_broken; i++) {
			struct audit_module m = {.path = modules[i].file,
						 .magic = modules[i].vermagic,
						 .is_foreign = !str_starts(modules[i].file, top)};

			if (pass == 0)
				learn_magic(&k, &m);
			else
				check_magic(&a, &k, &m);
		}
}
