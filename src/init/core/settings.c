/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "format/ours/bootconf.h"
#include "init/core/boot.h"
#include "init/core/log.h"

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void add_words(struct boot *b, const char *words)
{
	size_t used = strlen(b->settings.embedded), len = strlen(words);

	if (used + len + 1 > BOOTCONF_CMDLINE_MAX) {
		log_show("/" BOOTCONF_PATH ": too many kernel parameters; left out: %s", words);
		return;
	}
	snprintf(b->settings.embedded + used, sizeof(b->settings.embedded) - used, "%s ", words);
}

void settings_parse(struct boot *b, char *text)
{
	char *cursor = text, *key, *value;

	b->settings.loads = calloc(count_lines(text), sizeof(*b->settings.loads));
	if (!b->settings.loads)
		log_show("there is too little memory for the modules that are to load at once");
	while (bootconf_next(&cursor, &key, &value)) {
		if (strcmp(key, "kernel") == 0)
			b->settings.kernel = value;
		else if (strcmp(key, "load") == 0 && b->settings.loads)
			b->settings.loads[b->settings.n_loads++] = value;
		else if (strcmp(key, "cmdline") == 0)
			add_words(b, value);
		else if (strcmp(key, "arrays") == 0)
			b->settings.no_arrays = strcmp(value, "none") == 0;
		else if (strcmp(key, "secrets") == 0)
			b->settings.has_secrets = strcmp(value, "measured") == 0;
		else if (b->settings.other)
			b->settings.other(b, key, value);
	}
}

static void log_notes(const struct params *p)
{
	for (size_t i = 0; i < p->n_notes; i++) {
		const struct params_note *n = &p->notes[i];
		const char *near = n->why ? NULL : params_nearest(p, n->param);

		if (n->why)
			log_info("%s: %s", n->param, n->why);
		else
			log_info("%s has no effect here%s%s%s", n->param,
				 near ? "; is it meant to be " : "", near ? near : "",
				 near ? "?" : "");
	}
}

/* Later ones override earlier ones: the image's, the kernel's, and those typed at the console. */
static void read_params(struct boot *b, const char *typed)
{
	struct buf text = BUF_INIT;
	size_t embedded = strlen(b->settings.embedded);

	buf_add_str(&text, b->settings.embedded);
	if (read_file_at(AT_FDCWD, "/proc/cmdline", PARAMS_TEXT_MAX, &text) < 0)
		log_show("/proc/cmdline cannot be read");
	buf_add_str(&text, " ");
	buf_add_str(&text, typed);
	params_parse(&b->params, buf_cstr(&text) + embedded, text.len - embedded);
	if (!b->params.without_embedded)
		params_parse(&b->params, buf_cstr(&text), text.len);
	if (!b->params.without_embedded)
		b->params.embedded_len = embedded;
	buf_clear(&text);
	log_set_verbose(b->params.info, b->params.debug);
	if (embedded)
		log_info("kernel parameters of the image%s: %.*s",
			 b->params.without_embedded ? ", left out (rd.hostonly=0)" : "",
			 (int)embedded - 1, b->settings.embedded);
	log_notes(&b->params);
}

void settings_add(struct boot *b, const char *typed)
{
	read_params(b, typed);
}

void settings_load(struct boot *b)
{
	struct buf text = BUF_INIT; /* never freed: the settings point into it */

	if (read_file_at(AT_FDCWD, "/" BOOTCONF_PATH, BOOTCONF_SIZE_MAX, &text) < 0)
		log_show("/" BOOTCONF_PATH " cannot be read: the image is damaged");
	else if (buf_cstr(&text) && buf_status(&text) == 0 && text.len)
		settings_parse(b, (char *)text.data);
	read_params(b, "");
}
