/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "format/kernel/cmdline.h"
#include "format/ours/manifest.h"
#include "format/ours/modindex.h"
#include "image/contents.h"

static int read_manifest(const char *file, struct buf *out, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	int r = image_open(file, &image, err);

	return r < 0 ? r : image_contents(image, file, out, err);
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

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct manifest_entry m;
	struct err err = {0};
	bool json = false, found = false;
	unsigned line = 0;
	char *cursor;
	int r = options_parse(self, argc, argv, cli_take_json, &json, &err);

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
		_cleanup_arena_ struct arena arena = ARENA_INIT;

		r = err_set(&err, -ENOENT, "%s holds nothing at %s", argv[0], argv[1]);
		err_hint(&err, "see: preroot list %s", quote_word(argv[0], &arena));
	}
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {
	JSON_OPTION,
	{0},
};

const struct command command_why = {
	.name = "why",
	.positional = "IMAGE PATH",
	.summary = "Say why a file is in an image.",
	.options = options,
	.min = 2,
	.max = 2,
	.run = run,
};
