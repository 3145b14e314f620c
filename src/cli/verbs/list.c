/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/report/entry.h"
#include "format/codec/magic.h"
#include "image/open.h"

enum { SECTION_TEXT_MAX = 4096 };

static void print_entry(const struct image_entry *e, const char *target, const char *filesystem)
{
	char mode[11], name[2 * CPIO_NAME_MAX], to[2 * CPIO_NAME_MAX];
	const struct cpio_header *h = &e->header;

	entry_mode(h->mode, mode);
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

/* Looks for a filesystem in the file's first bytes: its name, or NULL. */
static int probe_filesystem(struct image *i, const struct image_entry *e, const char **filesystem,
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

/* Reads the parts of an entry's data that list shows. */
static int read_details(struct image *i, const struct image_entry *e,
			char target[CPIO_TARGET_MAX + 1], const char **filesystem, struct err *err)
{
	int r = entry_target(i, e, target, err);

	return r < 0 ? r : probe_filesystem(i, e, filesystem, err);
}

/* Sections whose text is shown. */
static bool is_text_section(const struct image_section *s)
{
	return strcmp(s->pe.name, ".cmdline") == 0 || strcmp(s->pe.name, ".uname") == 0;
}

/* OUT is empty if the section is not a short text. */
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
		printf("# section %s: %llu byte%s at byte %llu", name,
		       (unsigned long long)s[k].pe.size, cli_plural(s[k].pe.size), (unsigned long long)s[k].pe.offset);
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
		printf("# segment %zu: %llu entr%s, %llu byte%s, %llu unpacked%s\n", k + 1,
		       (unsigned long long)segments[k].entries,
		       segments[k].entries == 1 ? "y" : "ies",
		       (unsigned long long)segments[k].size, cli_plural(segments[k].size), (unsigned long long)segments[k].plain,
		       segments[k].early ? ", early" : "");
	return r;
}

static struct json_object *entry_json(const struct image_entry *e, const char *target,
				      const char *filesystem)
{
	struct json_object *o = json_object_new_object();
	char mode[11];

	entry_mode(e->header.mode, mode);
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

		json_object_object_add(o, "compress", cli_json_text(codec_info(s[k].codec)->name));
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

/* Streams the entries, so that memory does not grow with the image. */
static int list_json(struct image *i, struct err *err)
{
	char target[CPIO_TARGET_MAX + 1];
	struct json_object *o;
	struct image_entry e;
	const char *filesystem;
	bool first = true;
	int r;

	cli_begin_json();
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

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_image_ struct image *image = NULL;
	struct err err = {0};
	bool json = false;
	int r = options_parse(self, argc, argv, cli_take_json, &json, &err);

	if (r < 0)
		return cli_usage(r, &err);
	r = image_open(argv[0], &image, &err);
	if (r == 0)
		r = json ? list_json(image, &err) : list_text(image, &err);
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {
	JSON_OPTION,
	{0},
};

const struct command command_list = {
	.name = "list",
	.positional = "IMAGE",
	.summary = "List what an image holds.",
	.options = options,
	.min = 1,
	.max = 1,
	.run = run,
};
