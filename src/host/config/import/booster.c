/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/conf.h"
#include "host/config/import/import.h"

/*
 * booster: booster.yaml. Of YAML, its documentation uses "key: value" on one line each, with values
 * that are plain or in quotes, and two keys with indented lines of the same form; all else is refused.
 * Source: booster's manual, generator/config.go, and generator/kmod.go for lists of modules.
 */

#define FILE_PATH "etc/booster.yaml"

/* What more than one line decides. */
struct file {
	const char *group; /* the key that indented lines belong to; NULL: they belong to none */
	bool universal;
	struct import_place universal_from;
	bool only;	   /* "-*" leaves nothing of what is packed by default */
	bool names_module; /* behind it */
	struct import_place modules_from;
};

struct key {
	struct import *im;
	struct import_place from;
	const char *name;
	char *value;
	struct file *file;
	struct err *err;
};

/* ---- values ---- */

static int bad(const struct key *k, const char *what)
{
	return err_set(k->err, -EBADMSG, "%s:%u: %s: \"%s\": it is %s", k->from.file, k->from.line,
		       k->name, k->value, what);
}

/* As YAML's first version has them: booster's own parser takes these words. */
static int take_switch(const struct key *k, bool *out)
{
	static const char *const words[][2] = {
		{"false", "true"}, {"no", "yes"}, {"off", "on"}, {"n", "y"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (int on = 0; on < 2; on++)
			if (strcasecmp(words[i][on], k->value) == 0) {
				*out = on;
				return 0;
			}
	return bad(k, "true or false");
}

static int import_universal(const struct key *k)
{
	bool on;
	int r = take_switch(k, &on);

	if (r == 0 && !on)
		import_set(k->im, k->from, "hostonly", "yes");
	k->file->universal = r == 0 && on;
	k->file->universal_from = k->from;
	return r;
}

/* A name, or the path of a file below the folder of modules. NULL: another kind of pattern. */
static const char *module_name(const char *word, struct arena *arena)
{
	const char *base = base_name(word);
	const char *end = strstr(base, ".ko");

	if (!*base || strchr(word, '*') || (base != word && !end))
		return NULL;
	return end ? arena_strndup(arena, base, (size_t)(end - base)) : base;
}

static void note_pattern(const struct key *k, const char *word)
{
	import_note(k->im, k->from, "%s: \"%s\" stands for many modules: name those that the image "
				    "needs in add_drivers, or in omit_drivers, which takes regular "
				    "expressions", k->name, word);
}

/* "-*" takes out what is packed by default, and what was named before. Behind the last one in LIST, whose
 * end replaces it; NULL: there is none. */
static char *behind_last_star(char *list)
{
	char *last = NULL;

	for (char *p = list; (p = strstr(p, "-*")); p += 2)
		if ((p == list || strchr(", \t", p[-1])) && (!p[2] || strchr(", \t", p[2])))
			last = p;
	if (!last)
		return NULL;
	*last = '\0';
	return last + 2;
}

static void note_before_star(const struct key *k)
{
	char *words = k->value;
	size_t len = strlen(words);

	while (len && strchr(", \t", words[len - 1]))
		words[--len] = '\0';
	if (len)
		import_note(k->im, k->from, "%s: \"%s\" has no effect, as in booster: the \"-*\" behind "
					    "takes it out again", k->name, words);
}

static int import_modules(const struct key *k)
{
	char *behind = behind_last_star(k->value), *list = behind ? behind : k->value, *word;

	if (behind)
		note_before_star(k);
	while ((word = strsep(&list, ", \t"))) {
		bool omit = *word == '-';
		const char *name = module_name(word + omit, k->im->arena);

		if (!*word)
			continue;
		if (!word[omit])
			return bad(k, "a list of modules");
		if (!name)
			note_pattern(k, word);
		else if (omit)
			import_set(k->im, k->from, "omit_drivers+", name);
		else
			import_set(k->im, k->from, behind ? "drivers+" : "add_drivers+", name);
		k->file->names_module |= name && !omit;
	}
	k->file->only = behind;
	k->file->modules_from = k->from;
	return 0;
}

/* Once all is read: the order of the keys means nothing. */
static void import_scope(struct import *im, const struct file *f)
{
	bool is_empty = f->only && !f->names_module;

	if (f->universal && !is_empty)
		import_set(im, f->universal_from, "hostonly", "no");
	if (f->universal && is_empty) {
		import_note(im, f->universal_from,
			    "universal: \"-*\" in modules takes out all that it packs: the image has what "
			    "this machine needs to reach its root");
		import_set(im, f->universal_from, "hostonly", "yes");
	}
	if (is_empty)
		import_set(im, f->modules_from, "hostonly_mode", "strict");
}

static int import_loaded(const struct key *k)
{
	char *list = k->value, *word;

	while ((word = strsep(&list, ", \t")))
		if (*word)
			import_set(k->im, k->from, "force_drivers+", word);
	return 0;
}

static int import_compression(const struct key *k)
{
	import_set(k->im, k->from, "compress", strcmp(k->value, "none") == 0 ? "cat" : k->value);
	return 0;
}

static int import_files(const struct key *k)
{
	char *list = k->value, *word;

	while ((word = strsep(&list, ","))) {
		size_t len;

		word += strspn(word, " \t");
		len = strlen(word);
		while (len && strchr(" \t", word[len - 1]))
			word[--len] = '\0';
		if (strcmp(word, "busybox") == 0)
			import_note(k->im, k->from, "busybox: for a shell when a boot fails, "
						    "add_dracutmodules+=\" rescue \" packs one");
		else if (*word)
			import_set(k->im, k->from, "install_items+", word);
	}
	return 0;
}

/* "180s", "5m6s", "1h"; "180" is taken for seconds. 0 or -EINVAL. */
static int parse_duration(const char *text, struct arena *arena, uint64_t *seconds)
{
	uint64_t n;

	*seconds = 0;
	do {
		size_t digits = strspn(text, "0123456789");
		const char *unit = text + digits;

		if (!parse_u64(arena_strndup(arena, text, digits), UINT32_MAX / 3600, &n) ||
		    (*unit && !strchr("hms", *unit)))
			return -EINVAL;
		*seconds += *unit == 'h' ? n * 3600 : *unit == 'm' ? n * 60 : n;
		text = unit + (*unit != '\0');
	} while (*text);
	return 0;
}

static int import_timeout(const struct key *k)
{
	uint64_t seconds;

	if (parse_duration(k->value, k->im->arena, &seconds) < 0)
		return bad(k, "a time, such as 90s or 3m");
	import_set(k->im, k->from, "kernel_cmdline+",
		   arena_printf(k->im->arena, "rd.timeout=%llu", (unsigned long long)seconds));
	return 0;
}

/* ---- keys ---- */

#define NO_NETWORK "this version has no network"
#define NO_TOKENS "this version has no keys from a TPM or a token"
#define NO_ZFS "this version has no ZFS"

static const struct row {
	const char *key;
	int (*run)(const struct key *k);
	const char *module; /* of dracut, for "true" */
	const char *loss;   /* why it has no effect */
	bool is_group;	    /* it has indented lines */
} rows[] = {
	{"append_all_modaliases", .run = NULL}, /* for searching faults: boot-report names what lacks */
	{"compression", .run = import_compression},
	{"crypttab_path", .loss = "/etc/crypttab is read"},
	{"emergency_shell_password",
	 .loss = "add_dracutmodules+=\" rescue \" packs a shell, which asks for root's password"},
	{"enable_fido2", .module = "fido2"},
	{"enable_lvm", .module = "lvm"},
	{"enable_mdraid", .module = "mdraid"},
	{"enable_plymouth", .module = "plymouth"},
	{"enable_zfs", .module = "zfs"},
	{"extra_files", .run = import_files},
	{"mdraid_config_path", .loss = "arrays are started by what is on their members"},
	{"modules", .run = import_modules},
	{"modules_force_load", .run = import_loaded},
	{"mount_timeout", .run = import_timeout},
	{"network", .loss = NO_NETWORK, .is_group = true},
	{"password_echo", .loss = "what is typed is not shown"},
	{"pin_delay", .loss = NO_TOKENS},
	{"serialize_tokens", .loss = NO_TOKENS, .is_group = true},
	{"strip", .run = NULL}, /* programs are packed as they are installed */
	{"token_timeout", .loss = NO_TOKENS},
	{"universal", .run = import_universal},
	{"vconsole", .module = "i18n"},
	{"zfs_cache_path", .loss = NO_ZFS},
	{"zfs_import_params", .loss = NO_ZFS},
};

static int import_module(const struct key *k, const char *module)
{
	bool on;
	int r = take_switch(k, &on);

	if (r == 0 && on)
		import_set(k->im, k->from, "add_dracutmodules+", module);
	return r;
}

static int import_key(const struct key *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].key, k->name) != 0)
			continue;
		if (rows[i].is_group && !*k->value)
			k->file->group = k->name;
		if (rows[i].loss)
			import_note(k->im, k->from, "%s: %s", k->name, rows[i].loss);
		if (rows[i].module && *k->value)
			return import_module(k, rows[i].module);
		return rows[i].run && *k->value ? rows[i].run(k) : 0;
	}
	import_note(k->im, k->from, "%s is not known", k->name);
	return 0;
}

/* ---- lines ---- */

static int refuse(struct import_place from, const char *why, struct err *err)
{
	err_set(err, -EBADMSG, "%s:%u: %s", from.file, from.line, why);
	return err_hint(err, "only \"key: value\" on one line is read, no other form of YAML");
}

/* Behind the value, there is nothing but a comment. */
static bool is_end(const char *s)
{
	size_t blanks = strspn(s, " \t");

	return !s[blanks] || (blanks && s[blanks] == '#');
}

/* Takes the value at TEXT in place. */
static int take_value(char *text, char **out, struct import_place from, struct err *err)
{
	char quote, *end;

	text += strspn(text, " \t");
	quote = *text;
	*out = text;
	if (quote == '"' || quote == '\'') {
		*out = text + 1;
		end = strchr(text + 1, quote);
		if (!end || !is_end(end + 1) || memchr(text, '\\', (size_t)(end - text)))
			return refuse(from, "this text in quotes is not understood", err);
		*end = '\0';
		return 0;
	}
	if (quote && (strchr("[]{}>|&*!%@`,", quote) || (quote == '-' && is_end(text + 1))))
		return refuse(from, "a value that begins like this must stand in quotes", err);
	if (strstr(text, ": "))
		return refuse(from, "a second key in a line", err);
	end = *text == '#' ? text : strstr(text, " #");
	end = end ? end : text + strlen(text);
	while (end > text && strchr(" \t", end[-1]))
		end--;
	*end = '\0';
	return 0;
}

static int take_key(struct import *im, char *line, struct import_place from, struct file *file,
		    struct err *err)
{
	size_t indent = strspn(line, " ");
	char *name = line + indent, *colon = name + strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
	struct key k = {im, from, name, NULL, file, err};
	int r;

	if (*colon != ':' || colon == name || (colon[1] && colon[1] != ' ' && colon[1] != '\t'))
		return refuse(from, "this is not \"key: value\"", err);
	*colon = '\0';
	r = take_value(colon + 1, &k.value, from, err);
	if (r < 0)
		return r;
	if (!indent)
		file->group = NULL;
	else if (!file->group)
		return refuse(from, "an indented line that belongs to no key", err);
	/* The key of the group was noted. */
	return indent ? 0 : import_key(&k);
}

static int take_line(struct import *im, char *line, struct import_place from, void *file,
		     struct err *err)
{
	if (is_end(line) || *line == '#' || strcmp(line, "---") == 0)
		return 0;
	return take_key(im, line, from, file, err);
}

int import_booster(struct import *im, struct err *err)
{
	struct file file = {0};
	int r = import_lines(im, FILE_PATH, take_line, &file, err);

	if (r == 0)
		import_scope(im, &file);
	return r;
}
