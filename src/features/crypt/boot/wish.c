/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which volumes are opened, under which name, with which key and options. As in systemd: whoever
 * names volumes on the kernel command line means these alone; what the image's table says of them
 * counts, and the command line overrides it.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "features/crypt/boot/kit.h"
#include "init/core/log.h"

enum { OPTIONS_MAX = 1024 };

/* Is PATTERN, of LEN bytes, the beginning of UUID? "luks-" in front of it is the name that most
 * installers give the volume; dashes and the case of letters do not count. */
static bool names_uuid(const char *pattern, size_t len, const char *uuid)
{
	size_t i = len > 5 && strncmp(pattern, "luks-", 5) == 0 ? 5 : 0;
	bool has_digit = false;

	for (; i < len; i++) {
		if (pattern[i] == '-')
			continue;
		uuid += strspn(uuid, "-");
		if (tolower((unsigned char)pattern[i]) != tolower((unsigned char)*uuid))
			return false;
		has_digit = true;
		uuid++;
	}
	return has_digit;
}

/* The value in the last of LIST that is "UUID=VALUE" with V's UUID, or, if ANY, is only a value. */
static const char *value_for(const struct params_list *list, const struct crypt_volume *v, bool any)
{
	const char *found = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const char *item = list->items[i], *value = strchr(item, '=');
		bool has_uuid = value && strspn(item, "0123456789abcdefABCDEF-luks") == (size_t)(value - item);

		if (has_uuid && names_uuid(item, (size_t)(value - item), v->uuid))
			found = value + 1;
		else if (any && !has_uuid)
			found = item;
	}
	return found;
}

static bool is_listed(const struct params_list *list, const struct crypt_volume *v)
{
	for (size_t i = 0; i < list->n; i++)
		if (names_uuid(list->items[i], strlen(list->items[i]), v->uuid))
			return true;
	return false;
}

/* Does the line I of the image's table name V's device? */
static bool line_names(const struct part *p, size_t i, const struct crypt_volume *v)
{
	const struct crypt *s = p->state;
	struct part_device d;

	return part_find(p, &s->devices[i], &d) && d.ref.slot == v->ref.slot &&
	       d.ref.generation == v->ref.generation;
}

/* The line of the image's table for V; NULL. */
static const struct crypttab_entry *find_line(const struct part *p, const struct crypt_volume *v)
{
	const struct crypt *s = p->state;

	for (size_t i = 0; i < s->n_table && !s->wishes.no_table; i++)
		if (line_names(p, i, v))
			return &s->table[i];
	return NULL;
}

/* The name counts as well: a device that is there under two names is found by one of them. */
const char *crypt_pin(const struct part *p, const struct crypt_volume *v)
{
	const struct crypt *s = p->state;

	for (size_t i = 0; i < s->n_table; i++)
		if (s->pins[i] && (strcmp(s->table[i].name, v->name) == 0 || line_names(p, i, v)))
			return s->pins[i];
	return NULL;
}

static void take_option(struct crypt_volume *v, const char *word)
{
	switch (crypttab_option(word, &v->options)) {
	case CRYPTTAB_TAKEN:
	case CRYPTTAB_MEANINGLESS:
		return;
	case CRYPTTAB_TOKEN:
		log_show("LUKS volume %s: %s is not supported: its passphrase is asked for",
			 v->name, word);
		return;
	default:
		log_show("LUKS volume %s: the option %s is not obeyed", v->name, word);
	}
}

static void take_options(struct crypt_volume *v, const char *options)
{
	char copy[OPTIONS_MAX], *cursor = copy, *word;

	if (strlen(options) >= sizeof(copy)) {
		log_show("LUKS volume %s: its options are too long, and not obeyed", v->name);
		return;
	}
	strcpy(copy, options);
	while ((word = strsep(&cursor, ",")))
		take_option(v, word);
}

static void take_key(struct crypt_volume *v, const char *key)
{
	if (*key == '/' && !strchr(key, ':'))
		v->key = key;
	else if (*key)
		log_show("LUKS volume %s: a key in %s is not supported: its passphrase is asked for",
			 v->name, key);
}

/* In place of those of the table. */
static void take_params(const struct crypt_wishes *w, struct crypt_volume *v)
{
	const char *options = value_for(&w->options, v, true), *key = value_for(&w->keys, v, true);
	char timeout[64];

	if (options)
		take_options(v, options);
	if (key)
		take_key(v, key);
	if (w->discards_all || is_listed(&w->discards, v))
		v->options.flags |= CRYPTTAB_DISCARD;
	if (w->timeout) {
		snprintf(timeout, sizeof(timeout), "timeout=%.48s", w->timeout);
		take_option(v, timeout);
	}
}

bool crypt_is_wanted(const struct part *p, struct crypt_volume *v, char *why)
{
	const struct crypt_wishes *w = &((const struct crypt *)p->state)->wishes;
	const struct crypttab_entry *line = find_line(p, v);
	const char *name = value_for(&w->names, v, false);
	bool is_named = name || is_listed(&w->uuids, v), restricts = w->uuids.n || w->names.n;

	if (w->off) {
		snprintf(why, PART_TEXT_MAX, "rd.luks=0 says that it is not opened");
		return false;
	}
	if (!is_named && (restricts || !line) && !w->all) {
		snprintf(why, PART_TEXT_MAX, "nothing says that it is to be opened: rd.luks.uuid=%s would",
			 v->uuid);
		return false;
	}
	if (name && !crypttab_is_name(name)) {
		snprintf(why, PART_TEXT_MAX, "rd.luks.name= gives it a name that no volume can have");
		return false;
	}
	crypttab_options_init(&v->options);
	if (name)
		snprintf(v->name, sizeof(v->name), "%s", name);
	else if (line)
		snprintf(v->name, sizeof(v->name), "%s", line->name);
	else
		snprintf(v->name, sizeof(v->name), "luks-%s", v->uuid);
	if (line) {
		take_options(v, line->options);
		take_key(v, line->key);
	}
	take_params(w, v);
	return true;
}
