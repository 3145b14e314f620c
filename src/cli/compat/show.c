/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/compat/show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/compat/names.h"
#include "format/ours/bootconf.h"

enum { TEXT_MAX = 4096 };

/* ---- heading ---- */

/* As "du -h" rounds: up, with one digit behind the point below 10. */
static void print_size(uint64_t bytes)
{
	static const char units[] = "KMGT";
	uint64_t scale = 1024;
	size_t unit = 0;

	while (unit + 2 < sizeof(units) && bytes > 1023 * scale) {
		scale *= 1024;
		unit++;
	}
	if (!bytes)
		printf("0\n");
	else if ((bytes * 10 + scale - 1) / scale < 100)
		printf("%llu.%llu%c\n", (unsigned long long)((bytes * 10 + scale - 1) / scale / 10),
		       (unsigned long long)((bytes * 10 + scale - 1) / scale % 10), units[unit]);
	else
		printf("%llu%c\n", (unsigned long long)((bytes + scale - 1) / scale), units[unit]);
}

/* Text from an image, on a terminal: each of its lines is made safe. */
static void print_text(const char *text, size_t len)
{
	char line[TEXT_MAX + 1], shown[4 * TEXT_MAX + 1];

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len, part = n < TEXT_MAX ? n : TEXT_MAX;

		memcpy(line, text, part);
		line[part] = '\0';
		escape_text(line, shown, sizeof(shown));
		printf("%s\n", shown);
		n += end ? 1 : 0;
		text += n;
		len -= n;
	}
}

/* The value of a line KEY=VALUE of os-release in TEXT, without quotes; "" if there is none. */
static const char *release_value(const char *text, const char *key, char out[256])
{
	size_t len = strlen(key), n = 0;

	*out = '\0';
	while (*text) {
		if (str_starts(text, key) && text[len] == '=') {
			for (text += len + 1; *text && *text != '\n' && n < 255; text++)
				if (!strchr("'\"", *text))
					out[n++] = *text;
			out[n] = '\0';
			return out;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return out;
}

static void print_release(const char *text)
{
	char name[256], id[256], build[256], line[800];

	snprintf(line, sizeof(line), "OS Release: %s (%s-%s)", release_value(text, "PRETTY_NAME", name),
		 release_value(text, "ID", id), release_value(text, "BUILD_ID", build));
	print_text(line, strlen(line));
}

static int print_section(const struct show *s, const struct image_section *section, struct err *err)
{
	char text[TEXT_MAX + 1], *p, *word;
	ssize_t n = image_read_section(s->image, section, text, TEXT_MAX, err);

	if (n < 0)
		return (int)n;
	text[n] = '\0';
	if (strcmp(section->pe.name, ".osrel") == 0) {
		print_release(text);
	} else if (strcmp(section->pe.name, ".uname") == 0) {
		printf("Kernel Version: ");
		print_text(text, strcspn(text, "\n"));
	} else if (strcmp(section->pe.name, ".cmdline") == 0) {
		printf("Command line:\n");
		for (p = text; (word = strsep(&p, " \t\n"));)
			if (*word)
				print_text(word, strlen(word));
	}
	return 0;
}

static int print_heading(const struct show *s, struct err *err)
{
	const struct image_section *sections;
	char path[TEXT_MAX];
	struct stat st = {0};
	size_t n;
	int r = 0;

	escape_text(s->path, path, sizeof(path));
	sections = image_sections(s->image, &n);
	if (n) {
		printf("initrd in UEFI: %s: ", path);
		print_size(image_size(s->image));
	} else {
		stat(s->path, &st);
		printf("Image: %s: ", path);
		print_size((uint64_t)st.st_blocks * 512);
	}
	for (size_t i = 0; i < n && r == 0; i++)
		if (!sections[i].profile)
			r = print_section(s, &sections[i], err);
	printf(SHOW_LINE);
	return r;
}

/* ---- lists ---- */

static int by_path(const void *a, const void *b)
{
	const struct listing_entry *const *x = a, *const *y = b;
	int diff = strcmp((*x)->path, (*y)->path);

	return diff ? diff : *x < *y ? -1 : *x > *y;
}

static int by_size(const void *a, const void *b)
{
	const struct listing_entry *const *x = a, *const *y = b;

	return (*x)->size == (*y)->size ? by_path(a, b) : (*x)->size < (*y)->size ? -1 : 1;
}

/* The early entries, or all others. */
static void print_list(const struct show *s, bool early)
{
	const struct listing *l = s->listing;
	const struct listing_entry **sorted = calloc(l->n + 1, sizeof(*sorted));
	size_t n = 0;

	for (size_t i = 0; sorted && i < l->n; i++)
		if (listing_is_early(l, &l->list[i]) == early)
			sorted[n++] = &l->list[i];
	if (n)
		qsort(sorted, n, sizeof(*sorted), s->by_size ? by_size : by_path);
	printf(SHOW_LINE);
	for (size_t i = 0; i < n; i++)
		printf("%s\n", sorted[i]->line);
	printf(SHOW_LINE);
	free(sorted);
}

static bool has_early(const struct listing *l)
{
	for (size_t i = 0; i < l->n_segments; i++)
		if (l->early[i])
			return true;
	return false;
}

static void print_modules(const struct listing *l)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	printf("dracut modules:\n");
	if (!l->is_ours) {
		print_text((const char *)l->modules.data, l->modules.len);
		return;
	}
	names_of_modules(l, &names);
	print_text((const char *)names.data, names.len);
}

/* Kernel parameters of the image. */
static void print_cmdline(const struct listing *l)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *key, *value;

	printf("dracut cmdline:\n");
	print_text((const char *)l->cmdline.data, l->cmdline.len);
	buf_add(&text, l->boot_conf.data, l->boot_conf.len);
	buf_cstr(&text);
	cursor = (char *)text.data;
	while (cursor && bootconf_next(&cursor, &key, &value))
		if (strcmp(key, "cmdline") == 0)
			print_text(value, strlen(value));
}

int show_image(const struct show *s, struct err *err)
{
	const struct listing *l = s->listing;
	int r = print_heading(s, err);

	if (r < 0)
		return r;
	if (has_early(l)) {
		printf("Early CPIO image\n");
		print_list(s, true);
	}
	printf("Version: ");
	if (l->version.len)
		print_text((const char *)l->version.data, l->version.len);
	else
		printf("%s\n", l->is_ours ? "preroot" : "");
	printf("\n");
	if (s->only_modules) {
		print_modules(l);
		printf(SHOW_LINE);
		return 0;
	}
	printf("Arguments: ");
	if (l->arguments.len)
		print_text((const char *)l->arguments.data, l->arguments.len);
	else
		printf("\n");
	print_modules(l);
	print_list(s, false);
	printf("\n");
	print_cmdline(l);
	return 0;
}
