/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "format/kernel/cmdline.h"
#include "format/codec/magic.h"
#include "format/ours/manifest.h"
#include "format/ours/modindex.h"
#include "image/extract.h"
#include "image/open.h"

/* The verbs that look into an image: list, cat, extract, why. */

enum { CHUNK = 64 * 1024, SECTION_TEXT_MAX = 4096 };

static int parse(const struct command *self, int argc, char **argv, bool *json, struct err *err)
{
	_cleanup_request_ struct cli_request q;
	int r;

	cli_request_init(&q);
	r = options_parse(self, argc, argv, cli_request_apply, &q, err);
	if (json)
		*json = q.json;
	return r;
}

/* ---- list ---- */

static char type_letter(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	case S_IFREG:
		return '-';
	default:
		return '?'; /* the kernel makes nothing of it */
	}
}

static void mode_text(unsigned mode, char out[11])
{
	static const char letters[] = "rwxrwxrwx";

	out[0] = type_letter(mode);
	for (int i = 0; i < 9; i++)
		out[1 + i] = mode & (0400u >> i) ? letters[i] : '-';
	if (mode & S_ISUID)
		out[3] = mode & 0100 ? 's' : 'S';
	if (mode & S_ISGID)
		out[6] = mode & 0010 ? 's' : 'S';
	if (mode & S_ISVTX)
		out[9] = mode & 0001 ? 't' : 'T';
	out[10] = '\0';
}

static int read_target(struct image *i, const struct image_entry *e, char out[CPIO_TARGET_MAX + 1],
		       struct err *err)
{
	ssize_t n = 0;

	out[0] = '\0';
	if (S_ISLNK(e->header.mode))
		n = image_read(i, out, CPIO_TARGET_MAX, err);
	if (n < 0)
		return (int)n;
	out[n] = '\0';
	return 0;
}

static void print_entry(const struct image_entry *e, const char *target, const char *filesystem)
{
	char mode[11], name[2 * CPIO_NAME_MAX], to[2 * CPIO_NAME_MAX];
	const struct cpio_header *h = &e->header;

	mode_text(h->mode, mode);
	escape_text(e->name, name, sizeof(name));
	escape_text(target, to, sizeof(to));
	if (S_ISCHR(h->mode) || S_ISBLK(h->mode))
		printf("%s %3u %5u %5u %5u,%4u %s\n", mode, h->nlink, h->uid, h->gid, h->rmajor,
		       h->rminor, name);
	else
		printf("%s %3u %5u %5u %10u %s%s%s\n", mode, h->nlink, h->uid, h->gid, h->filesize,
		       name, *to ? " -> " : "", to);
	if (filesystem)
		printf("# %s holds a filesystem: %s\n", name, filesystem);
}

/* What a file holds, from its first bytes: a filesystem's name, NULL for anything else. */
static int look_into(struct image *i, const struct image_entry *e, const char **filesystem,
		     struct err *err)
{
	uint8_t head[MAGIC_SIZE];
	ssize_t n;

	*filesystem = NULL;
	if (!S_ISREG(e->header.mode) || e->header.filesize < MAGIC_SIZE)
		return 0;
	n = image_read(i, head, sizeof(head), err);
	if (n > 0)
		*filesystem = magic_filesystem(head, (size_t)n);
	return n < 0 ? (int)n : 0;
}

/* Reads what list tells of an entry's data. */
static int read_details(struct image *i, const struct image_entry *e,
			char target[CPIO_TARGET_MAX + 1], const char **filesystem, struct err *err)
{
	int r = read_target(i, e, target, err);

	return r < 0 ? r : look_into(i, e, filesystem, err);
}

/* Sections whose text is shown. */
static bool is_text_section(const struct image_section *s)
{
	return strcmp(s->pe.name, ".cmdline") == 0 || strcmp(s->pe.name, ".uname") == 0;
}

/* Empty for a section that is no short text. */
static int section_text(struct image *i, const struct image_section *s,
			char out[SECTION_TEXT_MAX + 1], struct err *err)
{
	ssize_t n = is_text_section(s) ? image_read_section(i, s, out, SECTION_TEXT_MAX, err) : 0;

	if (n < 0)
		return (int)n;
	while (n > 0 && strchr("\n ", out[n - 1]))
		n--;
	out[n] = '\0';
	return 0;
}

static int print_sections(struct image *i, struct err *err)
{
	char text[SECTION_TEXT_MAX + 1], shown[4 * SECTION_TEXT_MAX + 1], name[4 * PE_NAME_MAX + 1];
	const struct image_section *s;
	size_t n;

	s = image_sections(i, &n);
	for (size_t k = 0; k < n; k++) {
		int r = section_text(i, &s[k], text, err);

		if (r < 0)
			return r;
		escape_text(s[k].pe.name, name, sizeof(name));
		escape_text(text, shown, sizeof(shown));
		printf("# section %s: %llu bytes at byte %llu", name,
		       (unsigned long long)s[k].pe.size, (unsigned long long)s[k].pe.offset);
		if (s[k].profile)
			printf(", profile %u", s[k].profile - 1);
		printf("%s%s%s\n", s[k].used ? ", listed below" : "", *shown ? ": " : "", shown);
	}
	return 0;
}

static int list_text(struct image *i, struct err *err)
{
	const struct image_segment *segments;
	const char *filesystem;
	char target[CPIO_TARGET_MAX + 1];
	struct image_entry e;
	size_t shown = 0, n;
	int r = print_sections(i, err);

	while (r >= 0 && (r = image_next(i, &e, err)) > 0) {
		r = read_details(i, &e, target, &filesystem, err);
		if (r < 0)
			break;
		segments = image_segments(i, &n);
		for (; shown < n; shown++)
			printf("# segment %zu: %s, at byte %llu\n", shown + 1,
			       segments[shown].codec == CODEC_NONE
				       ? "uncompressed"
				       : codec_info(segments[shown].codec)->name,
			       (unsigned long long)segments[shown].offset);
		print_entry(&e, target, filesystem);
	}
	segments = image_segments(i, &n);
	for (size_t k = 0; k < n && r == 0; k++)
		printf("# segment %zu: %llu entries, %llu bytes, %llu unpacked%s\n", k + 1,
		       (unsigned long long)segments[k].entries,
		       (unsigned long long)segments[k].size, (unsigned long long)segments[k].plain,
		       segments[k].early ? ", early" : "");
	return r;
}

static struct json_object *entry_json(const struct image_entry *e, const char *target,
				      const char *filesystem)
{
	struct json_object *o = json_object_new_object();
	char mode[11];

	mode_text(e->header.mode, mode);
	json_object_object_add(o, "path", cli_json_text(e->path));
	json_object_object_add(o, "mode", cli_json_text(mode));
	json_object_object_add(o, "uid", json_object_new_int64(e->header.uid));
	json_object_object_add(o, "gid", json_object_new_int64(e->header.gid));
	json_object_object_add(o, "size", json_object_new_int64(e->header.filesize));
	json_object_object_add(o, "links", json_object_new_int64(e->header.nlink));
	json_object_object_add(o, "inode", json_object_new_int64(e->header.ino));
	json_object_object_add(o, "segment", json_object_new_int64(e->segment + 1));
	if (*target)
		json_object_object_add(o, "target", cli_json_text(target));
	if (filesystem)
		json_object_object_add(o, "filesystem", cli_json_text(filesystem));
	return o;
}

static struct json_object *segments_json(struct image *i)
{
	struct json_object *list = json_object_new_array();
	const struct image_segment *s;
	size_t n;

	s = image_segments(i, &n);
	for (size_t k = 0; k < n; k++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "compress",
				       cli_json_text(codec_info(s[k].codec)->name));
		json_object_object_add(o, "offset", json_object_new_int64((int64_t)s[k].offset));
		json_object_object_add(o, "size", json_object_new_int64((int64_t)s[k].size));
		json_object_object_add(o, "unpacked", json_object_new_int64((int64_t)s[k].plain));
		json_object_object_add(o, "entries", json_object_new_int64((int64_t)s[k].entries));
		json_object_object_add(o, "early", json_object_new_boolean(s[k].early));
		json_object_array_add(list, o);
	}
	return list;
}

static int print_sections_json(struct image *i, struct err *err)
{
	struct json_object *list = json_object_new_array();
	char text[SECTION_TEXT_MAX + 1];
	const struct image_section *s;
	size_t n;
	int r = 0;

	s = image_sections(i, &n);
	for (size_t k = 0; k < n && r == 0; k++) {
		struct json_object *o = json_object_new_object();

		r = section_text(i, &s[k], text, err);
		json_object_object_add(o, "name", cli_json_text(s[k].pe.name));
		json_object_object_add(o, "offset", json_object_new_int64((int64_t)s[k].pe.offset));
		json_object_object_add(o, "size", json_object_new_int64((int64_t)s[k].pe.size));
		if (s[k].profile)
			json_object_object_add(o, "profile",
					       json_object_new_int64(s[k].profile - 1));
		json_object_object_add(o, "used", json_object_new_boolean(s[k].used));
		if (r == 0 && *text)
			json_object_object_add(o, "text", cli_json_text(text));
		json_object_array_add(list, o);
	}
	if (n && r == 0)
		printf("\"sections\": %s,\n ",
		       json_object_to_json_string_ext(list, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(list);
	return r;
}

/* Written as it is read, so that memory does not grow with the image. */
static int list_json(struct image *i, struct err *err)
{
	char target[CPIO_TARGET_MAX + 1];
	struct json_object *o;
	struct image_entry e;
	const char *filesystem;
	bool first = true;
	int r;

	printf("{");
	r = print_sections_json(i, err);
	printf("\"entries\": [");
	while (r >= 0 && (r = image_next(i, &e, err)) > 0) {
		r = read_details(i, &e, target, &filesystem, err);
		if (r < 0)
			break;
		o = entry_json(&e, target, filesystem);
		printf("%s\n  %s", first ? "" : ",",
		       json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(o);
		first = false;
	}
	o = segments_json(i);
	printf("\n], \"segments\": %s, \"complete\": %s}\n",
	       json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE),
	       r == 0 ? "true" : "false");
	json_object_put(o);
	return r;
}

int run_list(const struct command *self, int argc, char **argv)
{
	_cleanup_image_ struct image *image = NULL;
	struct err err = {0};
	bool json;
	int r = parse(self, argc, argv, &json, &err);

	if (r < 0)
		return cli_usage(r, &err);
	r = image_open(argv[0], &image, &err);
	if (r == 0)
		r = json ? list_json(image, &err) : list_text(image, &err);
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}

/* ---- cat ---- */

/* The image is given paths as people type them: /lib/x is usr/lib/x where /lib is a link. */
static bool is_path(const struct image_entry *e, const char *wanted)
{
	while (*wanted == '/')
		wanted++;
	return strcmp(e->path, wanted) == 0 ||
	       (str_starts(e->path, "usr/") && strcmp(e->path + 4, wanted) == 0);
}

/* Number of the last file with that name, for the last one is what the kernel keeps; and the
 * entry itself, whose names are not to be used. */
static int find_last(const char *file, const char *path, size_t *number, struct image_entry *last,
		     struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e;
	size_t n = 0;
	int r = image_open(file, &image, err);

	*number = 0;
	while (r >= 0 && (r = image_next(image, &e, err)) > 0) {
		n++;
		if (S_ISREG(e.header.mode) && is_path(&e, path)) {
			*number = n;
			*last = e;
		}
	}
	if (r == 0 && !*number) {
		r = err_set(err, -ENOENT, "%s holds no file %s", file, path);
		err_hint(err, "see: preroot list %s", file);
	}
	return r;
}

/* The bytes of a file with several names lie with any of them; the last ones count. */
static int find_data(const char *file, const struct image_entry *name, size_t *number,
		     struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e;
	size_t n = 0;
	int r = image_open(file, &image, err);

	while (r >= 0 && (r = image_next(image, &e, err)) > 0) {
		n++;
		if (e.header.filesize && image_entry_is_linked(&e, name))
			*number = n;
	}
	return r;
}

static int copy_out(struct image *image, struct err *err)
{
	char chunk[CHUNK];
	ssize_t n;

	while ((n = image_read(image, chunk, sizeof(chunk), err)) > 0)
		fwrite(chunk, 1, (size_t)n, stdout);
	return (int)n;
}

static int cat_one(const char *file, const char *path, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e, last;
	size_t number;
	int r = find_last(file, path, &number, &last, err);

	if (r == 0 && last.header.nlink >= 2)
		r = find_data(file, &last, &number, err);
	if (r == 0)
		r = image_open(file, &image, err);
	while (r >= 0 && number) {
		r = image_next(image, &e, err);
		number--;
	}
	return r < 0 ? r : copy_out(image, err);
}

int run_cat(const struct command *self, int argc, char **argv)
{
	struct err err = {0};
	int n = parse(self, argc, argv, NULL, &err), r = 0;

	if (n < 0)
		return cli_usage(n, &err);
	for (int i = 1; i < n && r == 0; i++)
		r = cat_one(argv[0], argv[i], &err);
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}

/* ---- extract ---- */

int run_extract(const struct command *self, int argc, char **argv)
{
	_cleanup_image_ struct image *image = NULL;
	struct extract_result done = {0};
	struct err err = {0};
	int r = parse(self, argc, argv, NULL, &err);

	if (r < 0)
		return cli_usage(r, &err);
	r = image_open(argv[0], &image, &err);
	if (r == 0)
		r = image_extract(image, argv[1], &done, &err);
	if (done.special)
		cli_warn("%llu device nodes, FIFOs or sockets were left out",
			 (unsigned long long)done.special);
	if (done.impossible)
		cli_warn("entries that cannot be made were left out, as the kernel does: %llu; "
			 "the first is %s", (unsigned long long)done.impossible, done.why);
	if (r < 0)
		err_hint(&err, "%llu files were unpacked to %s before that",
			 (unsigned long long)done.files, argv[1]);
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}

/* ---- why ---- */

static int read_manifest(const char *file, struct buf *out, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e;
	int r = image_open(file, &image, err);
	bool found = false;

	while (r >= 0 && (r = image_next(image, &e, err)) > 0) {
		char chunk[CHUNK];
		ssize_t n = 0;

		if (strcmp(e.path, MANIFEST_PATH) != 0 || e.header.filesize > MANIFEST_SIZE_MAX)
			continue;
		found = true;
		out->len = 0;
		while ((n = image_read(image, chunk, sizeof(chunk), err)) > 0)
			buf_add(out, chunk, (size_t)n);
		if (n < 0)
			return (int)n;
	}
	if (r == 0 && !found)
		return err_set(err, -ENOENT, "%s has no manifest: preroot did not make it", file);
	return r;
}

static void print_reason(const struct manifest_entry *m, bool json)
{
	char sum[2 * MANIFEST_SHA256 + 1] = "", path[2 * CPIO_NAME_MAX], text[2 * CPIO_NAME_MAX];
	struct json_object *o;

	for (int i = 0; m->has_digest && i < MANIFEST_SHA256; i++)
		snprintf(sum + 2 * i, 3, "%02x", m->sha256[i]);
	if (!json) {
		escape_text(m->path, path, sizeof(path));
		escape_text(m->reason, text, sizeof(text));
		printf("/%s: %s\n", path, text);
		escape_text(m->source ? m->source : "", text, sizeof(text));
		if (*text)
			printf("  from %s%s\n", *text == '/' ? "" : "/", text);
		if (m->package.name) {
			escape_text(m->package.name, path, sizeof(path));
			escape_text(m->package.version, text, sizeof(text));
			printf("  of package %s %s\n", path, text);
		}
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "path", cli_json_text(m->path));
	json_object_object_add(o, "reason", cli_json_text(m->reason));
	if (m->source)
		json_object_object_add(o, "source", cli_json_text(m->source));
	if (m->package.name) {
		struct json_object *package = json_object_new_object();

		json_object_object_add(package, "name", cli_json_text(m->package.name));
		json_object_object_add(package, "version", cli_json_text(m->package.version));
		if (m->package.arch)
			json_object_object_add(package, "arch", cli_json_text(m->package.arch));
		json_object_object_add(o, "package", package);
	}
	json_object_object_add(o, "size", json_object_new_int64((int64_t)m->size));
	if (*sum)
		json_object_object_add(o, "sha256", cli_json_text(sum));
	cli_print_json(o);
}

/* A path, or the name of a module: "ext4". */
static bool is_asked_for(const struct manifest_entry *m, const char *wanted)
{
	const char *name = strrchr(m->path, '/');
	char stem[MODINDEX_NAME_MAX];

	while (*wanted == '/')
		wanted++;
	if (strcmp(m->path, wanted) == 0 ||
	    (str_starts(m->path, "usr/") && strcmp(m->path + 4, wanted) == 0))
		return true;
	name = name ? name + 1 : m->path;
	snprintf(stem, sizeof(stem), "%.*s", (int)strcspn(name, "."), name);
	return str_starts(name + strcspn(name, "."), ".ko") && cmdline_name_is(stem, wanted);
}

int run_why(const struct command *self, int argc, char **argv)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct manifest_entry m;
	struct err err = {0};
	bool json, found = false;
	unsigned line = 0;
	char *cursor;
	int r = parse(self, argc, argv, &json, &err);

	if (r < 0)
		return cli_usage(r, &err);
	r = read_manifest(argv[0], &text, &err);
	buf_cstr(&text);
	cursor = (char *)text.data;
	if (r >= 0)
		r = manifest_open(cursor, text.len, &err);
	while (r >= 0 && (r = manifest_next(&cursor, &line, &m, &err)) > 0) {
		if (!is_asked_for(&m, argv[1]))
			continue;
		print_reason(&m, json);
		found = true;
	}
	if (r == 0 && !found) {
		r = err_set(&err, -ENOENT, "%s holds nothing at %s", argv[0], argv[1]);
		err_hint(&err, "see: preroot list %s", argv[0]);
	}
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}
