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
#include "format/machine/fstab.h"
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

/* "UUID=VALUE"? Then *LEN is that of the UUID. */
static bool has_uuid(const char *item, size_t *len)
{
	const char *value = strchr(item, '=');

	*len = value ? (size_t)(value - item) : 0;
	return *len && strspn(item, "0123456789abcdefABCDEF-luks") == *len;
}

/* The value in the last of LIST that is "UUID=VALUE" with V's UUID; NULL. */
static const char *value_for(const struct params_list *list, const struct crypt_volume *v)
{
	const char *found = NULL;
	size_t len;

	for (size_t i = 0; i < list->n; i++)
		if (has_uuid(list->items[i], &len) && names_uuid(list->items[i], len, v->uuid))
			found = list->items[i] + len + 1;
	return found;
}

/* The last that is for all volumes; NULL. */
static const char *value_for_all(const struct params_list *list)
{
	const char *found = NULL;
	size_t len;

	for (size_t i = 0; i < list->n; i++)
		if (!has_uuid(list->items[i], &len))
			found = list->items[i];
	return found;
}

/* dracut also takes "KEYDEVICE:UUID". */
static bool is_listed(const struct params_list *list, const struct crypt_volume *v)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *colon = strrchr(list->items[i], ':'), *uuid = colon ? colon + 1 : list->items[i];

		if (names_uuid(uuid, strlen(uuid), v->uuid))
			return true;
	}
	return false;
}

/* "rd.luks.uuid=" names nothing. */
static bool restricts(const struct params_list *list)
{
	bool is = false;

	for (size_t i = 0; i < list->n; i++)
		is = is || *list->items[i];
	return is;
}

/* Does the line I of the image's table name V's device? */
static bool line_names(const struct part *p, size_t i, const struct crypt_volume *v)
{
	const struct crypt *s = p->state;

	return part_names(p, &s->devices[i], v->ref);
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

/* Those of the command line that name V are in place of those of the table; general ones are for volumes of which
 * the table says nothing. Source: systemd-cryptsetup-generator(8). */
static void take_params(const struct crypt_wishes *w, const struct crypttab_entry *line, struct crypt_volume *v)
{
	const char *options = value_for(&w->options, v), *key = value_for(&w->keys, v);
	bool has_options = line && *line->options && strcmp(line->options, "luks") != 0;
	char timeout[64];

	if (!options)
		options = has_options ? line->options : value_for_all(&w->options);
	if (!key)
		key = line && *line->key ? line->key : value_for_all(&w->keys);
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

static void take_name(const char *name, const struct crypttab_entry *line, struct crypt_volume *v)
{
	if (name || line)
		snprintf(v->name, sizeof(v->name), "%s", name ? name : line->name);
	else
		snprintf(v->name, sizeof(v->name), "luks-%s", v->uuid);
}

bool crypt_is_wanted(const struct part *p, struct crypt_volume *v, char *why)
{
	const struct crypt_wishes *w = &((const struct crypt *)p->state)->wishes;
	const struct crypttab_entry *line = find_line(p, v);
	const char *name = value_for(&w->names, v);
	bool is_named = name || is_listed(&w->uuids, v);
	bool is_any = !restricts(&w->uuids) && !restricts(&w->names) && (line || w->all);

	if (w->off) {
		snprintf(why, PART_TEXT_MAX, "rd.luks=0 says that it is not opened");
		return false;
	}
	if (!is_named && !is_any) {
		snprintf(why, PART_TEXT_MAX, "nothing says that it is to be opened: rd.luks.uuid=%s would",
			 v->uuid);
		return false;
	}
	take_name(name, line, v);
	if (!*v->uuid || !crypttab_is_name(v->name)) {
		snprintf(why, PART_TEXT_MAX, "%s", *v->uuid ? "it would get a name that no volume can have"
							    : "it has no UUID");
		return false;
	}
	crypttab_options_init(&v->options);
	take_params(w, line, v);
	v->leads = is_named || (line && !fstab_has(line->options, "x-initrd.attach"));
	return true;
}
