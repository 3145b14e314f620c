/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What crypttab says of the volumes that an image opens, for PID 1: a line of boot.conf each, with the
 * options alone that it obeys. */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/crypt/kit.h"
#include "format/machine/fstab.h"

#define TABLE "/etc/crypttab"

int crypt_add(struct crypt_list *l, const char *name, const char *device, struct crypt_listed **out,
	      struct err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].name, name) == 0)
			return 0;
	if (l->n == CRYPT_LIST_MAX)
		return err_set(err, -E2BIG, "an image can open %d LUKS volumes, and not %s as well",
			       CRYPT_LIST_MAX, name);
	*out = &l->list[l->n++];
	**out = (struct crypt_listed){.name = name, .device = device};
	return 1;
}

int crypt_leave_out(struct build *b, const char *name, struct err *err)
{
	plan_warn(&b->plan, "%s; the image does not open %s", err->text, name);
	*err = (struct err){0};
	return 0;
}

static struct crypt_listed *find(struct crypt_list *l, const struct crypttab_entry *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].name, e->name) == 0 ||
		    strcasecmp(l->list[i].device, e->device) == 0)
			return &l->list[i];
	return NULL;
}

static int take_line(struct build *b, bool knows_root, struct crypt_list *l, const struct crypttab_entry *e,
		     struct err *err)
{
	struct arena *a = &b->plan.arena;
	struct crypt_listed *v = find(l, e);
	bool is_root = !v && !knows_root && crypt_is_in_fstab(b->root, e->name);
	int r = 0;

	if (!v && (is_root || (crypt_is_marked(e->options) && crypt_is_machine(b->request)))) {
		r = crypt_add(l, arena_strdup(a, e->name), arena_strdup(a, e->device), &v, err);
		l->has_unread = true;
		if (r == -E2BIG && !is_root)
			return crypt_leave_out(b, arena_strdup(a, e->name), err);
	}
	if (!v)
		return r;
	if (is_root)
		v->way = "the way to what /etc/fstab mounts";
	v->is_optional |= !v->way;
	v->key = arena_strdup(a, e->key);
	v->options = arena_strdup(a, e->options);
	v->from = arena_printf(a, "%s:%u", TABLE, e->line);
	return 0;
}

/* The line NUMBER of TEXT. */
static char *find_line(struct arena *a, const char *text, unsigned number)
{
	for (; number > 1 && *text; number--) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return arena_strndup(a, text, strcspn(text, "\n"));
}

/* Is LINE, which is not understood, about a volume that the image needs? */
static bool is_needed(struct build *b, bool knows_root, const struct crypt_list *l, const char *line)
{
	const char *word = line + strspn(line, " \t\""), *device;
	const char *name = arena_strndup(&b->plan.arena, word, strcspn(word, " \t\""));

	for (size_t i = 0; i < l->n; i++) {
		device = strchr(l->list[i].device, '=');
		if (!l->list[i].is_optional &&
		    (strcmp(l->list[i].name, name) == 0 || (device && strcasestr(line, device + 1))))
			return true;
	}
	return !knows_root && crypt_is_in_fstab(b->root, name);
}

/* A line of a volume that is not needed is only warned about: systemd skips it as well. */
static int take_flaw(struct build *b, unsigned line, bool is_needed, const char *why, struct err *err)
{
	if (!is_needed) {
		plan_warn(&b->plan, "%s%s:%u: %s; the line is ignored", root_prefix(b->root), TABLE, line, why);
		return 0;
	}
	err_set(err, -EBADMSG, "%s%s:%u: %s", root_prefix(b->root), TABLE, line, why);
	return err_hint(err, "mend the line, or put a # in front of it");
}

int crypt_read_table(struct build *b, bool knows_root, struct crypt_list *l, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct crypttab table = {0};
	struct crypttab_entry e;
	const char *why, *copy;
	int r = root_read(b->root, TABLE, CRYPTTAB_SIZE_MAX, &text), found;

	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : err_sys(err, r, "%s%s", root_prefix(b->root),
								   TABLE);
	copy = arena_strdup(&b->plan.arena, buf_cstr(&text));
	table.cursor = (char *)buf_cstr(&text);
	while (r >= 0 && (found = crypttab_next(&table, &e, &why)))
		r = found > 0 ? take_line(b, knows_root, l, &e, err)
			      : take_flaw(b, e.line,
					  is_needed(b, knows_root, l, find_line(&b->plan.arena, copy, e.line)),
					  why, err);
	return r;
}

/* ---- options ---- */

/* Debian's way to ask once for several volumes, which PID 1 does for all of them; the key is then the
 * name of a group. */
static bool is_keyctl(const char *word)
{
	return str_starts(word, "keyscript=") && strcmp(base_name(word + strlen("keyscript=")), "decrypt_keyctl") == 0;
}

int crypt_refuse(const struct crypt_listed *v, const char *word, struct err *err)
{
	err_set(err, -ENOTSUP, "%s: the volume %s is opened with \"%s\", which this version cannot do at "
		"boot", v->from, v->name, word);
	return err_hint(err, "keep using the image builder of your distribution on this machine");
}

static int take_option(struct build *b, const struct crypt_listed *v, const char *word,
		       struct buf *out, struct err *err)
{
	struct crypttab_options o;

	crypttab_options_init(&o);
	switch (crypttab_option(word, &o)) {
	case CRYPTTAB_TAKEN:
		buf_printf(out, "%s%s", out->len ? "," : "", word);
		return 0;
	case CRYPTTAB_MEANINGLESS:
		return 0;
	case CRYPTTAB_TOKEN:
		plan_warn(&b->plan, "%s: %s is not supported: the passphrase of %s is asked for at boot",
			  v->from, word, v->name);
		return 0;
	case CRYPTTAB_NOT_LUKS:
	case CRYPTTAB_NEEDED:
		return is_keyctl(word) ? 0 : crypt_refuse(v, word, err);
	default:
		plan_warn(&b->plan, "%s: the option %s of %s is not obeyed at boot", v->from, word,
			  v->name);
		return 0;
	}
}

#define PIN "x-preroot.pin"

/* The volume's key must be the one that it has now. */
static int refuse_pin(const struct crypt_listed *v, struct err *err)
{
	err_set(err, -ENOTSUP, "%s: the key of %s cannot be pinned (" PIN "): its header was not read, or the key is "
		"being changed", v->from, v->name);
	return err_hint(err, "build the image as root on this machine, with the volume open and no cryptsetup "
			     "reencrypt at work, or drop the option");
}

/* A token's secret is none that anybody knows, and PID 1 does not ask it. */
static int check_token(struct build *b, const struct crypt_listed *v, bool asks, struct err *err)
{
	const struct luks *l = &v->luks;

	if (!v->is_read || !*l->token)
		return 0;
	if (!l->n_passphrases) {
		err_set(err, -ENOTSUP, "the LUKS volume %s can only be opened by %s, which this version cannot do at boot: "
				       "no key slot has a passphrase", v->name, l->token);
		return err_hint(err, "add a passphrase with cryptsetup luksAddKey, which is then asked for at boot; or "
				     "keep using the image builder of your distribution on this machine");
	}
	if (asks && (!v->options || !crypttab_has_token(v->options)))
		plan_warn(&b->plan, "the LUKS volume %s may be opened by %s now (a token in its header), which this version "
			  "cannot do: its passphrase is asked for at boot", v->name, l->token);
	return 0;
}

static int take_options(struct build *b, const struct crypt_listed *v, bool *has_script,
			struct buf *out, struct err *err)
{
	char *cursor = arena_strdup(&b->plan.arena, v->options ? v->options : ""), *word;
	int r = 0;

	while ((word = strsep(&cursor, ",")) && r == 0) {
		*has_script = *has_script || is_keyctl(word);
		r = take_option(b, v, word, out, err);
	}
	return r;
}

/* ---- boot.conf ---- */

/* A field as crypttab has it. */
static void put_field(struct buf *out, const char *text)
{
	for (const char *s = text; *s; s++)
		if (strchr(" \t\r\\\"", *s) || (*s == '#' && s == text))
			buf_printf(out, "\\%03o", (unsigned)(unsigned char)*s);
		else
			buf_add(out, s, 1);
}

static void put_line(struct buf *out, const struct crypt_listed *v, const char *key, const char *options)
{
	const char *const fields[] = {v->name, v->device, key, options};

	buf_add_str(out, "crypt.volume=");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		put_field(out, fields[i]);
		buf_add_str(out, i + 1 < ARRAY_SIZE(fields) ? " " : "\n");
	}
}

int crypt_write(struct build *b, struct crypt_listed *v, struct err *err)
{
	_cleanup_buf_ struct buf options = BUF_INIT;
	bool has_script = false, has_pin = v->options && fstab_has(v->options, PIN);
	const char *key = "none";
	int r = take_options(b, v, &has_script, &options, err);

	if (r == 0 && !has_script)
		r = crypt_take_key(b, v, &key, err);
	if (r == 0 && has_pin && (!v->is_read || !*v->luks.pin))
		r = refuse_pin(v, err);
	if (r == 0)
		r = check_token(b, v, strcmp(key, "none") == 0, err);
	if (r < 0)
		return r;
	if (!options.len)
		buf_add_str(&options, "luks");
	if (!v->way || v->is_optional) /* PID 1 then does not take it for what the root is waiting for */
		buf_add_str(&options, ",x-initrd.attach");
	v->asks = strcmp(key, "none") == 0;
	put_line(&b->boot_conf, v, key, buf_cstr(&options));
	if (has_pin)
		buf_printf(&b->boot_conf, "crypt.pin=%s %s\n", v->name, v->luks.pin);
	return buf_status(&options);
}
