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

bool crypt_add(struct crypt_list *l, const char *name, const char *device)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].name, name) == 0)
			return false;
	if (l->n == CRYPT_LIST_MAX)
		return false;
	l->list[l->n++] = (struct crypt_listed){.name = name, .device = device};
	return true;
}

static struct crypt_listed *find(struct crypt_list *l, const struct crypttab_entry *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].name, e->name) == 0 ||
		    strcasecmp(l->list[i].device, e->device) == 0)
			return &l->list[i];
	return NULL;
}

/* Debian's way to ask once for several volumes, which PID 1 does for all of them; the key is then the
 * name of a group. */
static bool is_keyctl(const char *word)
{
	return str_starts(word, "keyscript=") && strcmp(base_name(word + strlen("keyscript=")), "decrypt_keyctl") == 0;
}

static bool wants_early(const struct crypttab_entry *e)
{
	return fstab_has(e->options, "x-initrd.attach") || fstab_has(e->options, "initramfs");
}

/* One that nothing on the way needs is left out if this version cannot open it; the root's own init can. */
static bool has_what_it_takes(struct build *b, const struct crypttab_entry *e)
{
	char *cursor = arena_strdup(&b->plan.arena, e->options), *word;
	struct crypttab_options o;

	while ((word = strsep(&cursor, ","))) {
		enum crypttab_verdict verdict = crypttab_option(word, &o);

		if ((verdict != CRYPTTAB_NOT_LUKS && verdict != CRYPTTAB_NEEDED) || is_keyctl(word))
			continue;
		plan_warn(&b->plan, "%s:%u: %s is opened with \"%s\", which this version cannot do: it is left to "
			  "the root's own init", TABLE, e->line, e->name, word);
		return false;
	}
	return true;
}

static void take_line(struct build *b, struct crypt_list *l, const struct crypttab_entry *e)
{
	struct arena *a = &b->plan.arena;
	struct crypt_listed *v = find(l, e);

	if (!v && wants_early(e) && has_what_it_takes(b, e) &&
	    crypt_add(l, arena_strdup(a, e->name), arena_strdup(a, e->device))) {
		v = &l->list[l->n - 1];
		v->is_extra = l->has_unread = true;
	}
	if (!v)
		return;
	v->key = arena_strdup(a, e->key);
	v->options = arena_strdup(a, e->options);
	v->from = arena_printf(a, "%s:%u", TABLE, e->line);
}

int crypt_read_table(struct build *b, struct crypt_list *l, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct crypttab table = {0};
	struct crypttab_entry e;
	const char *why;
	int r = root_read(b->root, TABLE, CRYPTTAB_SIZE_MAX, &text);

	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : err_sys(err, r, "%s%s", root_prefix(b->root),
								   TABLE);
	table.cursor = (char *)buf_cstr(&text);
	while ((r = crypttab_next(&table, &e, &why))) {
		if (r > 0) {
			take_line(b, l, &e);
			continue;
		}
		/* The line may be that of one on the way. */
		if (!l->n) {
			plan_warn(&b->plan, "%s:%u: %s: the line is left out, as systemd does", TABLE, e.line, why);
			continue;
		}
		err_set(err, r, "%s%s:%u: %s", root_prefix(b->root), TABLE, e.line, why);
		return err_hint(err, "mend the line, or put a # in front of it");
	}
	return 0;
}

/* ---- options ---- */

static int refuse(const struct crypt_listed *v, const char *word, struct err *err)
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
		return is_keyctl(word) ? 0 : refuse(v, word, err);
	default:
		plan_warn(&b->plan, "%s: the option %s of %s is not obeyed at boot", v->from, word,
			  v->name);
		return 0;
	}
}

#define PIN "x-preroot.pin"

/* The volume's key must be the one that it has now. */
static int write_pin(struct build *b, const struct crypt_listed *v, struct err *err)
{
	if (v->pin) {
		buf_printf(&b->boot_conf, "crypt.pin=%s %s\n", v->name, v->pin);
		return 0;
	}
	err_set(err, -ENOTSUP, "%s: the key of %s cannot be pinned (" PIN "): its header was not read, or the key is "
		"being changed", v->from, v->name);
	return err_hint(err, "build the image as root on this machine, with the volume open and no cryptsetup "
			     "reencrypt at work, or drop the option");
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

/* ---- keys ---- */

static int refuse_open_key(struct build *b, const char *from, const struct plan_entry *e, struct err *err)
{
	err_set(err, -EPERM, "%s: others than its owner may read the key /%s (mode %04o)", from, e->path,
		e->mode & 07777);
	return err_hint(err, "chmod 600 %s", e->source ? e->source : root_quoted(b->root, e->path, &b->plan.arena));
}

static int check_key(struct build *b, const char *path, struct err *err)
{
	const struct plan_entry *e = *path == '/' ? plan_find(&b->plan, path + 1) : NULL;

	if (strchr(path, ':'))
		return 0; /* on another device */
	if (!e || e->type != PLAN_FILE) {
		err_set(err, -ENOENT, "rd.luks.key=%s: the image has no such file", path);
		return err_hint(err, "install it by its path (install_items)");
	}
	return e->mode & 077 ? refuse_open_key(b, "rd.luks.key=", e, err) : 0;
}

int crypt_check_keys(struct build *b, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < b->n_luks_keys && r == 0; i++) {
		const char *value = strchr(b->luks_keys[i], '=');

		r = check_key(b, value ? value + 1 : b->luks_keys[i], err);
	}
	return r;
}

/* *OUT: the path for PID 1; "none": the passphrase is asked for. A key is in the image only if somebody has put it
 * there. */
static int take_key(struct build *b, const struct crypt_listed *v, const char **out, struct err *err)
{
	const struct plan_entry *e = NULL;
	const char *why = NULL;

	*out = "none";
	if (str_starts(v->key, "/dev/"))
		return refuse(v, v->key, err);
	if (*v->key != '/' || strpbrk(v->key, ":\" \t"))
		why = "is no file of which this version can have a key";
	else
		e = plan_find(&b->plan, v->key + 1);
	if (!why && (!e || e->type != PLAN_FILE))
		why = "is not put into the image: to install it by its path (install_items) would do so";
	if (why) {
		plan_warn(&b->plan, "%s: the key %s of %s %s; its passphrase is asked for at boot",
			  v->from, v->key, v->name, why);
		return 0;
	}
	if (e->mode & 077)
		return refuse_open_key(b, v->from, e, err);
	*out = v->key;
	return 0;
}

/* As in crypttab, where a field ends with a blank. */
static const char *escape(struct arena *a, const char *text)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (; *text; text++)
		if (*text == ' ' || *text == '\t' || *text == '"' || *text == '\\')
			buf_printf(&out, "\\%03o", (unsigned char)*text);
		else
			buf_add(&out, text, 1);
	return arena_strdup(a, buf_cstr(&out));
}

int crypt_write(struct build *b, const struct crypt_listed *v, struct err *err)
{
	_cleanup_buf_ struct buf options = BUF_INIT;
	const char *key = "none";
	bool has_script = false;
	int r = take_options(b, v, &has_script, &options, err);

	if (r == 0 && v->key && *v->key && !has_script)
		r = take_key(b, v, &key, err);
	if (r == 0)
		buf_printf(&b->boot_conf, "crypt.volume=%s %s %s %s%s\n", v->name, escape(&b->plan.arena, v->device),
			   key, options.len ? buf_cstr(&options) : "luks", v->is_extra ? ",x-initrd.attach" : "");
	b->crypt->asks = b->crypt->asks || strcmp(key, "none") == 0;
	if (r == 0 && v->options && fstab_has(v->options, PIN))
		r = write_pin(b, v, err);
	return r < 0 ? r : buf_status(&options);
}
