/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/compat/take_out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/messages.h"
#include "cli/verbs/extract.h"

bool take_out_matches(const char *pattern, const char *path)
{
	char plain[CPIO_NAME_MAX + 1];
	size_t n = 0;

	pattern += strspn(pattern, "/");
	if (strlen(pattern) > CPIO_NAME_MAX)
		return false;
	/* In names of units "\x2d" means itself. */
	for (const char *p = pattern; *p; p++)
		plain[n++] = p[0] == '\\' && p[1] == 'x' ? '?' : *p;
	plain[n] = '\0';
	return text_matches(plain, path) ||
	       (str_starts(path, "usr/") && text_matches(plain, path + strlen("usr/")));
}

static bool has_patterns(const struct take_out *t)
{
	return t->patterns && t->patterns->n;
}

static bool is_named(const struct take_out *t, const char *path)
{
	for (size_t i = 0; i < t->patterns->n; i++)
		if (take_out_matches(t->patterns->list[i], path))
			return true;
	return false;
}

/* Is anything below the folder PATH named? */
static bool leads_to_named(const struct take_out *t, const char *path)
{
	const size_t len = strlen(path);

	for (size_t i = 0; i < t->listing->n; i++) {
		const char *other = t->listing->list[i].path;

		if (strncmp(other, path, len) == 0 && other[len] == '/' && is_named(t, other))
			return true;
	}
	return false;
}

static bool is_in_part(const struct take_out *t, unsigned segment)
{
	bool early = segment < t->listing->n_segments && t->listing->early[segment];

	return early == t->early && (t->segment < 0 || (int)segment == t->segment);
}

/* cpio unpacks nothing then, and succeeds: scripts ask for what may be absent. */
static void warn_of_absent(const struct take_out *t)
{
	const char *part = t->early ? "the early part of " : "";

	for (size_t i = 0; has_patterns(t) && i < t->patterns->n; i++) {
		const char *pattern = t->patterns->list[i];
		size_t at = 0;

		while (at < t->listing->n && !(is_in_part(t, t->listing->list[at].segment) &&
					       take_out_matches(pattern, t->listing->list[at].path)))
			at++;
		if (at == t->listing->n)
			cli_warn("%s%s holds no file %s", part, t->file, pattern);
	}
}

static bool is_wanted(const struct image_entry *e, void *arg)
{
	const struct take_out *t = arg;
	bool wanted = is_in_part(t, e->segment);
	char shown[4 * CPIO_NAME_MAX + 1];

	if (wanted && has_patterns(t))
		wanted = is_named(t, e->path) ||
			 (S_ISDIR(e->header.mode) && leads_to_named(t, e->path));
	if (wanted && t->verbose) {
		escape_text(e->name, shown, sizeof(shown));
		fprintf(stderr, "%s\n", shown);
	}
	return wanted;
}

int take_out(const struct take_out *t, const char *dir, struct err *err)
{
	struct extract_choice choice = {.wants = is_wanted, .arg = (void *)t, .keeps = true};
	struct extract_result done = {0};
	_cleanup_image_ struct image *image = NULL;
	int r = image_open(t->file, &image, err);

	if (r == 0)
		r = image_extract_some(image, dir, &choice, &done, err);
	extract_warn(&done);
	if (r == 0)
		warn_of_absent(t);
	if (r == 0 && (done.kept || (has_patterns(t) && done.special + done.impossible > 0)))
		r = 1;
	return r;
}

int take_out_incomplete(const struct take_out *t, struct err *err)
{
	return err_set(err, -ENOTSUP, "%s: not all that was asked for could be unpacked", t->file);
}
