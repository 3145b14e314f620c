/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Keys of volumes. Any feature, and whoever asks for a file, a folder or a pattern of files, may put a key into
 * the image: so all of this is decided once the plan has all files.
 */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/crypt/kit.h"
#include "features/remove.h"
#include "format/kernel/cmdline.h"
#include "format/ours/bootconf.h"

static const struct plan_entry *look_up(struct build *b, const char *path)
{
	const struct plan_entry *e = path ? plan_find(&b->plan, path + strspn(path, "/")) : NULL;

	return e && e->type == PLAN_FILE && !remove_takes(e->path, b) ? e : NULL;
}

/* The file of the image at PATH, perhaps through links of the root; NULL. */
static const struct plan_entry *find_file(struct build *b, const char *path)
{
	const struct plan_entry *e = look_up(b, path);

	return e ? e : look_up(b, root_resolve(b->root, path, &b->plan.arena));
}

/* That of the file that find_file() finds: the image may have it without the link that PATH is. */
static const char *path_in_image(struct build *b, const char *path)
{
	if (plan_find(&b->plan, path + strspn(path, "/")))
		return path;
	return arena_printf(&b->plan.arena, "/%s", find_file(b, path)->path);
}

/* PATH, which ORIGIN names, is a key: in the image nobody else may read it, and nobody else may read the image. */
static int take_file(struct build *b, const char *path, const char *origin, struct err *err)
{
	const struct plan_entry *e = find_file(b, path);

	if (!e) {
		err_set(err, -ENOENT, "%s: the key %s is not in the image", origin, path);
		return err_hint(err, "install_items+=\" %s \" would put it there; with \"none\" in its place, the "
				     "passphrase is asked for at boot", path);
	}
	if (e->mode & 077)
		plan_warn(&b->plan, "%s: others than its owner may read the key %s (mode %04o); in the image only root "
			  "may", origin, path, e->mode);
	plan_protect(&b->plan, e->path);
	return 0;
}

int crypt_take_key(struct build *b, const struct crypt_listed *v, const char **out, struct err *err)
{
	int r;

	*out = "none";
	if (!v->key || !*v->key)
		return 0;
	if (str_starts(v->key, "/dev/"))
		return crypt_refuse(v, v->key, err);
	if (*v->key != '/' || strchr(v->key, ':')) {
		plan_warn(&b->plan, "%s: the key %s of %s is no file of which this version can have a key; its "
			  "passphrase is asked for at boot", v->from, v->key, v->name);
		return 0;
	}
	r = take_file(b, v->key, v->from, err);
	if (r == 0)
		*out = path_in_image(b, v->key);
	return r;
}

/* "PATH" or "UUID=PATH". What is on another device is none of the image's, and neither may be what systemd
 * in the root reads as well. */
static int check_param(struct build *b, const char *param, const char *value, struct err *err)
{
	bool is_shared = cmdline_name_is(param, "luks.key");
	const char *path = strchr(value, '/');
	int r;

	if ((!is_shared && !cmdline_name_is(param, "rd.luks.key")) || !path || strchr(path, ':') ||
	    (path != value && path[-1] != '='))
		return 0;
	r = take_file(b, path, arena_printf(&b->plan.arena, "%s=%s", param, value), err);
	if (r != -ENOENT || !is_shared)
		return r;
	plan_warn(&b->plan, "%s; the passphrase is asked for at boot", err->text);
	*err = (struct err){0};
	return 0;
}

int crypt_check_params(struct build *b, struct err *err)
{
	char *cursor = arena_strdup(&b->plan.arena, buf_cstr(&b->boot_conf)), *key, *line, *param, *value;
	int r = 0;

	while (r == 0 && bootconf_next(&cursor, &key, &line))
		while (strcmp(key, "cmdline") == 0 && r == 0 && cmdline_next(&line, &param, &value))
			if (value)
				r = check_param(b, param, value, err);
	return r;
}
