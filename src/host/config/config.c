/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "host/boot/builders.h"
#include "host/config/settings_file.h"

#define MAIN_FILE "/etc/dracut.conf"
#define VENDOR	  "/usr/lib/dracut/dracut.conf.d"

static const char *const folders[] = {"/etc/dracut.conf.d", VENDOR, "/run/initramfs/dracut.conf.d"};

/* A file or folder, below the root or as the calling process sees it. */
struct place {
	const struct root *root;
	const char *path;
	const char *shown; /* for messages */
	const char *option; /* that names it, with a blank behind; NULL */
	bool is_vendor;
};

struct reader {
	const struct root *root;
	struct root host; /* for paths of the calling process */
	const struct conf_variable *variables;
	struct err_list *errors;
	struct arena *arena;
	struct config *out;
	struct strset seen;
	struct place *list;
	size_t n;
};

/* ---- the order of names, as in GNU sort -V ---- */

/* The length of NAME without its suffixes: each is a dot, a letter, then letters and digits. */
static size_t stem_length(const char *name)
{
	size_t stem = 1, i = 1;

	while (name[i - 1] && name[i]) {
		if (name[i] != '.' ||
		    !(isalpha((unsigned char)name[i + 1]) || name[i + 1] == '~')) {
			stem = ++i;
			continue;
		}
		for (i += 2; isalnum((unsigned char)name[i]) || name[i] == '~';)
			i++;
		if (name[i] && name[i] != '.')
			stem = i;
	}
	return name[i - 1] ? stem : 0;
}

/* The rank of a character that is no digit: a tilde sorts before the end, then letters, then
 * others. */
static int weight(const char *s, const char *end)
{
	if (s == end)
		return -1;
	if (isdigit((unsigned char)*s))
		return 0;
	if (isalpha((unsigned char)*s))
		return *s;
	return *s == '~' ? -2 : (unsigned char)*s + 256;
}

static bool is_digit(const char *s, const char *end)
{
	return s < end && isdigit((unsigned char)*s);
}

/* Compares the numbers at *A and *B, and advances past them. */
static int compare_numbers(const char **a, const char *a_end, const char **b, const char *b_end)
{
	int first = 0;

	while (*a < a_end && **a == '0')
		++*a;
	while (*b < b_end && **b == '0')
		++*b;
	for (; is_digit(*a, a_end) && is_digit(*b, b_end); ++*a, ++*b)
		if (!first)
			first = **a - **b;
	if (is_digit(*a, a_end) || is_digit(*b, b_end))
		return is_digit(*a, a_end) ? 1 : -1;
	return first;
}

static int compare_parts(const char *a, size_t a_len, const char *b, size_t b_len)
{
	const char *a_end = a + a_len, *b_end = b + b_len;

	while (a < a_end || b < b_end) {
		int diff;

		while ((a < a_end && !is_digit(a, a_end)) || (b < b_end && !is_digit(b, b_end))) {
			diff = weight(a, a_end) - weight(b, b_end);
			if (diff)
				return diff;
			a++;
			b++;
		}
		diff = compare_numbers(&a, a_end, &b, b_end);
		if (diff)
			return diff;
	}
	return 0;
}

static int compare_names(const char *a, const char *b)
{
	int diff = compare_parts(a, stem_length(a), b, stem_length(b));

	if (!diff)
		diff = compare_parts(a, strlen(a), b, strlen(b));
	return diff ? diff : strcmp(a, b);
}

static int by_name(const void *a, const void *b)
{
	return compare_names(base_name(((const struct place *)a)->path),
			     base_name(((const struct place *)b)->path));
}

/* ---- which files ---- */

/* The place PATH, which OPTION of the command line names. */
static int own_place(struct reader *r, const char *option, const char *path, struct place *out,
		     struct err *err)
{
	char cwd[PATH_MAX];

	if (r->host.fd < 0 && root_open("/", &r->host, err) < 0)
		return err->code;
	*out = (struct place){&r->host, path, path, option, false};
	if (*path == '/')
		return 0;
	if (!getcwd(cwd, sizeof(cwd)))
		return err_sys(err, -errno, "the working directory");
	out->path = arena_printf(r->arena, "%s/%s", cwd, path);
	return 0;
}

static int fail(const struct place *p, int code, struct err *err)
{
	return err_sys(err, code, "%s%s", p->option ? p->option : "", p->shown);
}

/* Reads below the root are noted as inputs by root.c, others have to be noted here. */
static void note(const struct reader *r, const struct place *p)
{
	if (p->root == &r->host)
		root_note_outside(r->root, p->path);
}

static bool is_masked(const struct place *p, struct arena *arena)
{
	const char *target = root_readlink(p->root, p->path, arena);

	return target && strcmp(target, "/dev/null") == 0;
}

/* 1 if P exists or is masked, 0 if not. */
static int check_file(const struct place *p, struct arena *arena, struct err *err)
{
	struct stat st;
	int r = is_masked(p, arena) ? 0 : root_stat(p->root, p->path, &st);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? err_sys(err, r, "%s", p->shown) : 1;
}

static int list_folder(struct reader *r, const struct place *folder, bool must_be, struct err *err)
{
	char **names;
	int n;

	note(r, folder);
	n = root_listdir(folder->root, folder->path, r->arena, &names);

	if (n < 0)
		return n == -ENOENT && !must_be ? 0 : fail(folder, n, err);
	for (int i = 0; i < n; i++) {
		struct place p = {.root = folder->root, .is_vendor = folder->is_vendor};
		int e;

		if (names[i][0] == '.' || !str_ends(names[i], ".conf") ||
		    strset_has(&r->seen, names[i]))
			continue;
		p.path = arena_printf(r->arena, "%s/%s", folder->path, names[i]);
		p.shown = arena_printf(r->arena, "%s/%s", folder->shown, names[i]);
		e = check_file(&p, r->arena, err);
		if (e < 0)
			return e;
		if (e == 0)
			continue;
		if (r->n == CONFIG_FILES_MAX)
			return err_set(err, -E2BIG, "%s: over %d files of settings", folder->shown,
				       CONFIG_FILES_MAX);
		strset_add(&r->seen, names[i], NULL);
		r->list = arena_grow(r->arena, r->list, r->n, sizeof(*r->list));
		r->list[r->n++] = p;
	}
	return 0;
}

/* NAME in FOLDER. */
static struct place inside(struct reader *r, struct place folder, const char *name)
{
	folder.path = arena_printf(r->arena, "%s/%s", folder.path, name);
	folder.shown = arena_printf(r->arena, "%s/%s", folder.shown, name);
	return folder;
}

/* The folder that dracut's --add-confdir means: a path, or a name in one of the usual folders. */
static int list_added(struct reader *r, const struct config_places *places, struct err *err)
{
	struct place found[3] = {{0}, {r->root, folders[0], folders[0], NULL, false},
				 {r->root, VENDOR, VENDOR, NULL, true}};
	struct stat st;
	int e = own_place(r, "--add-confdir ", places->added, &found[0], err);
	size_t i = 0;

	if (e == 0 && places->folder)
		e = own_place(r, "--confdir ", places->folder, &found[1], err);
	for (size_t k = 1; k < ARRAY_SIZE(found) && e == 0; k++)
		found[k] = inside(r, found[k], places->added);
	while (e == 0 && i < ARRAY_SIZE(found) && root_stat(found[i].root, found[i].path, &st) < 0)
		i++;
	return e < 0 ? e : list_folder(r, &found[i % ARRAY_SIZE(found)], true, err);
}

static int list_all(struct reader *r, const struct config_places *places, struct err *err)
{
	int e = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && e == 0; i++) {
		struct place folder = {r->root, folders[i], folders[i], NULL,
				       strcmp(folders[i], VENDOR) == 0};
		bool is_own = i == 0 && places->folder;

		if (is_own)
			e = own_place(r, "--confdir ", places->folder, &folder, err);
		if (e == 0)
			e = list_folder(r, &folder, is_own, err);
		if (e == 0 && i == 0 && places->added)
			e = list_added(r, places, err);
	}
	if (e == 0 && r->n)
		qsort(r->list, r->n, sizeof(*r->list), by_name);
	return e;
}

/* ---- reading ---- */

/* dracut's own tests and users pass "--conf /dev/null" for no file. */
static bool is_null_device(const struct place *p)
{
	struct stat st;

	return root_stat(p->root, p->path, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

static void add_lost(struct reader *r, const struct import_note *note)
{
	struct config *c = r->out;

	c->lost = arena_grow(r->arena, c->lost, c->n_lost, sizeof(*c->lost));
	c->lost[c->n_lost++] = *note;
}

/* dracut's shell complains of such a folder, and goes on. */
static bool pass_over(struct reader *r, const struct place *p)
{
	struct stat st;

	if (p->option || root_stat(p->root, p->path, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	add_lost(r, &(struct import_note){.from = {p->shown, 0, NULL},
					   .text = "it is a folder, and not read"});
	return true;
}

static int read_place(struct reader *r, const struct place *p, bool must_be, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct conf_source source = {
		.file = p->shown, .variables = r->variables, .errors = r->errors,
		.path = root_path(p->root, p->path, r->arena)};
	int e;

	note(r, p);
	if (is_masked(p, r->arena) || is_null_device(p) || pass_over(r, p))
		return 0;
	e = settings_file_read(p->root, p->path,
			       arena_printf(r->arena, "%s%s", p->option ? p->option : "", p->shown),
			       &text, err);
	if (e == -ENOENT && !must_be)
		return 0;
	if (e == -ENOENT || e == -ENOTDIR)
		fail(p, e, err);
	if (e < 0)
		return err_collect(r->errors, err);
	source.text = buf_cstr(&text);
	source.len = text.len;
	r->out->files = arena_grow(r->arena, r->out->files, r->out->n_files, sizeof(char *));
	r->out->files[r->out->n_files++] = p->shown;
	return conf_parse(&r->out->values, r->arena, &source, err);
}

static void append_files(struct config *c, const struct import *im, struct arena *arena)
{
	for (size_t i = 0; i < im->n_files; i++) {
		c->files = arena_grow(arena, c->files, c->n_files, sizeof(char *));
		c->files[c->n_files++] = im->files[i];
	}
}

static int read_initramfs_tools(struct reader *r, const char *folder, struct err *err)
{
	struct import im = {.root = r->root, .arena = r->arena, .is_live = true};
	struct stat st;
	int e = root_stat(r->root, folder, &st);

	if (e == 0 && !S_ISDIR(st.st_mode))
		e = -ENOTDIR;
	if (e < 0)
		return err_sys(err, e, "--initramfs-tools %s", folder);
	im.folder = folder + strspn(folder, "/");
	if (import_initramfs_tools(&im, err) < 0)
		return err_collect(r->errors, err);
	import_join_scripts(&im);
	for (size_t i = 0; i < im.out.n; i++)
		conf_add(&r->out->values, r->arena, &im.out.list[i]);
	append_files(r->out, &im, r->arena);
	for (size_t i = 0; i < im.n_notes; i++)
		add_lost(r, &im.notes[i]);
	return 0;
}

/* The files that were listed, of packages or of the machine. */
static int read_listed(struct reader *r, bool of_vendor, struct err *err)
{
	int e = 0;

	for (size_t i = 0; i < r->n && e == 0; i++)
		if (r->list[i].is_vendor == of_vendor)
			e = read_place(r, &r->list[i], true, err);
	return e;
}

/* As dracut does: its own folders alone, vendor's files among the others. */
static int read_as_dracut(struct reader *r, const struct place *first, bool must_be, struct err *err)
{
	int e = read_place(r, first, must_be, err);

	for (size_t i = 0; i < r->n && e == 0; i++)
		e = read_place(r, &r->list[i], true, err);
	return e;
}

/* What the machine's administrator says in either form overrides what packages say. */
static int read_with_tools(struct reader *r, const char *tools, const struct place *first,
			   bool must_be, struct err *err)
{
	int e = read_listed(r, true, err);

	if (e == 0)
		e = read_initramfs_tools(r, tools, err);
	if (e == 0)
		e = read_place(r, first, must_be, err);
	return e < 0 ? e : read_listed(r, false, err);
}

int config_check_lacks(const struct config *c, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < c->n_lost; i++) {
		const struct import_note *note = &c->lost[i];

		if (!note->is_lack)
			continue;
		err_set(err, -ENOTSUP, "%s: %s", import_place_text(&note->from, arena), note->text);
		return err_hint(err, "keep using initramfs-tools on this machine, or change that setting if "
				     "it boots without");
	}
	return 0;
}

bool config_reads_initramfs_tools(const struct root *root, struct arena *arena)
{
	struct stat st;

	return root_stat(root, IMPORT_INITRAMFS_TOOLS, &st) == 0 && S_ISDIR(st.st_mode) &&
	       builders_is_ours(root, "initramfs-tools", arena);
}

/* The folder of the settings of initramfs-tools that count; NULL: none do. */
static const char *tools_folder(const struct reader *r, const char *given)
{
	if (given)
		return strcmp(given, "none") == 0 ? NULL : given;
	return config_reads_initramfs_tools(r->root, r->arena) ? "/" IMPORT_INITRAMFS_TOOLS : NULL;
}

static int read_all_files(struct reader *r, const struct config_places *places, struct err *err)
{
	struct place first = {r->root, MAIN_FILE, MAIN_FILE, NULL, false};
	const char *tools = tools_folder(r, places->initramfs_tools);
	bool must_be = places->file != NULL;
	int e = 0;

	if (places->file)
		e = own_place(r, "--conf ", places->file, &first, err);
	if (e == 0)
		e = list_all(r, places, err);
	if (e == 0)
		e = tools ? read_with_tools(r, tools, &first, must_be, err)
			  : read_as_dracut(r, &first, must_be, err);
	for (size_t i = 0; i < places->n_given && e == 0; i++)
		conf_add(&r->out->values, r->arena, &places->given[i]);
	return e;
}

int config_read(const struct root *root, const struct config_places *places, const char *kernel,
		struct arena *arena, struct config *out, struct err *err)
{
	struct conf_variable variables[] = {{"kernel", kernel}, {0}};
	struct reader r = {.root = root,
			   .host = {.fd = -1},
			   .variables = variables,
			   .errors = places->errors,
			   .arena = arena,
			   .out = out};
	int e;

	*out = (struct config){0};
	e = read_all_files(&r, places, err);
	strset_clear(&r.seen);
	root_close(&r.host);
	return e;
}
