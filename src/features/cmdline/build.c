/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "format/ours/bootconf.h"
#include "format/kernel/cmdline.h"
#include "format/machine/fstab.h"
#include "format/kernel/spec.h"

/*
 * Kernel parameters that are embedded in the image: where the root is, if that was requested, from
 * settings, from --kernel-cmdline and, in a hostonly image, the machine's own. Later ones override
 * earlier ones, and the real command line overrides them all.
 */

enum { FSTAB_SIZE_MAX = 1024 * 1024 };

struct lines {
	struct build *b;
	const char *root, *root_origin; /* the last root= so far; NULL: none */
	const char *all; /* of them, one behind the other */
};

/* A name in /dev/mapper may be that of a LUKS volume, of which the image knows whether it opens that, or another feature's.
 * Where no image is made, nothing has looked for LUKS volumes yet. */
static bool is_set_up(const struct lines *l, const struct spec *spec)
{
	struct build *b = l->b;

	if (!crypt_reaches(spec) || b->request->only_cmdline)
		return features_reach(b->root, b->request, l->all, spec);
	return crypt_opens(b, l->all, spec) || features_reach_without("crypt", b->root, b->request, l->all, spec);
}

static bool is_reached(const struct lines *l, const struct spec *spec)
{
	return (spec_is_reachable(spec) && !crypt_reaches(spec)) || is_set_up(l, spec);
}

/* A later root= overrides an earlier one. */
static int check_root(const struct lines *l, struct err *err)
{
	struct spec spec;
	const char *feature;

	if (!l->root)
		return 0;
	spec_parse(l->root, &spec);
	feature = features_left_out(l->b->request, &spec, NULL);
	if (feature) {
		err_set(err, -ENOTSUP, "%s: root=%s needs the feature %s, which is left out",
			l->root_origin, l->root, feature);
		return err_hint(err, "do not omit it, in the configuration or on the command line");
	}
	if (is_reached(l, &spec))
		return 0;
	if (crypt_reaches(&spec)) {
		err_set(err, -ENOTSUP, "%s: root=%s names no LUKS volume that the image opens", l->root_origin,
			l->root);
		return err_hint(err, "name the volume as well, with rd.luks.name=UUID=NAME, or rd.luks.uuid=UUID for "
				     "luks-UUID, and install cryptsetup; a volume of LVM must be active on this machine");
	}
	err_set(err, -ENOTSUP, "%s: root=%s is of a kind that this version cannot bring up at boot",
		l->root_origin, l->root);
	return err_hint(err, "name the filesystem by its UUID (blkid shows it); if it is on the "
			     "network, keep using the image builder of "
			     "your distribution; a volume of LVM must be active on this machine");
}

/* A line is put in front of the real command line, and must not change the meaning of that. */
static int check(struct lines *l, const char *line, const char *origin, struct err *err)
{
	char *cursor = arena_strdup(&l->b->plan.arena, line), *param, *value;
	size_t quotes = 0;
	int r = 0;

	for (const char *s = line; *s; s++)
		quotes += *s == '"';
	if (quotes % 2)
		return err_set(err, -EINVAL, "%s: a quote is never closed", origin);
	while (r == 0 && cmdline_next(&cursor, &param, &value)) {
		if (strcmp(param, "--") == 0 && !value)
			r = err_set(err, -EINVAL, "%s: \"--\" would end the kernel's parameters",
				    origin);
		if (strcmp(param, "root") == 0 && value) {
			l->root = value;
			l->root_origin = origin;
		}
	}
	return r;
}

static int add_line(struct lines *l, char *line, const char *origin, struct err *err)
{
	int r;

	for (char *s = line; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 127)
			*s = ' ';
	line += strspn(line, " ");
	if (!*line || *line == '#')
		return 0;
	r = check(l, line, origin, err);
	if (r < 0)
		return r;
	l->all = arena_printf(&l->b->plan.arena, "%s%s%s", l->all ? l->all : "", l->all ? " " : "", line);
	build_add_cmdline(l->b, line, origin);
	return 0;
}

static int add_file(struct lines *l, const char *path, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = root_read(l->b->root, path, BOOTCONF_CMDLINE_MAX, &text);
	char *cursor, *line;

	if (r < 0)
		return r == -ENOENT ? 0 : err_sys(err, r, "kernel parameters of %s", path);
	cursor = (char *)buf_cstr(&text);
	while (cursor && (line = strsep(&cursor, "\n")) && r == 0)
		r = add_line(l, line, path, err);
	return r;
}

static int add_files(struct lines *l, struct err *err)
{
	struct arena *a = &l->b->plan.arena;
	char **names;
	int n = root_listdir(l->b->root, "/etc/cmdline.d", a, &names), r = 0;

	if (n < 0 && n != -ENOENT)
		return err_sys(err, n, "/etc/cmdline.d");
	for (int i = 0; i < n && r == 0; i++)
		if (str_ends(names[i], ".conf"))
			r = add_file(l, arena_printf(a, "/etc/cmdline.d/%s", names[i]), err);
	return r < 0 ? r : add_file(l, "/etc/cmdline", err);
}

/* The line of fstab for /. 1: there is one, whose fields point into TEXT. */
static int find_root(struct build *b, struct buf *text, struct fstab_entry *out, struct err *err)
{
	int r = root_read(b->root, "etc/fstab", FSTAB_SIZE_MAX, text);
	struct fstab f = {.cursor = NULL};

	if (r == 0)
		f.cursor = (char *)buf_cstr(text);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return err_sys(err, r, "%s/etc/fstab", root_prefix(b->root));
	while (f.cursor && fstab_next(&f, out))
		if (fstab_is_at(out, "/"))
			return 1;
	return 0;
}

/* A subvolume is part of where the root is; all other options come from fstab later. */
static const char *find_subvolume(struct arena *a, const char *options)
{
	char *cursor = arena_strdup(a, options), *option;

	while ((option = strsep(&cursor, ",")))
		if (str_starts(option, "subvol=") || str_starts(option, "subvolid="))
			return option;
	return NULL;
}

/* Appends "NAME=VALUE", in quotes if there are blanks. */
static int add_value(struct buf *out, const char *name, const char *value, struct err *err)
{
	const char *quote = strpbrk(value, " \t") ? "\"" : "";

	for (const char *s = value; *s; s++)
		if (*s == '"' || (unsigned char)*s < ' ')
			return err_set(err, -EINVAL, "hostonly_cmdline: the line for / in /etc/fstab "
						     "has a character that no kernel parameter can have");
	buf_printf(out, "%s%s%s=%s%s", out->len ? " " : "", quote, name, value, quote);
	return buf_status(out);
}

/* The device as fstab spells it, and the filesystem that is mounted, if it is known. */
static int add_own_root(struct lines *l, struct err *err)
{
	struct build *b = l->b;
	const struct hw_mount *m = hardware_mount(&b->hardware, "/");
	_cleanup_buf_ struct buf text = BUF_INIT, line = BUF_INIT;
	const char *subvolume;
	struct fstab_entry e;
	bool is_auto;
	int r = b->request->hardware_file ? 0 : find_root(b, &text, &e, err);

	if (r == 0)
		plan_warn(&b->plan, "hostonly_cmdline: %s, so the boot loader has to say where the root "
				    "is (root=)",
			  b->request->hardware_file ? "the image is for another machine"
						    : "/etc/fstab has no line for /");
	if (r <= 0)
		return r;
	is_auto = strcmp(e.fstype, "auto") == 0;
	if (m && !is_auto && strcmp(e.fstype, m->fstype) != 0) {
		err_set(err, -EINVAL, "hostonly_cmdline: /etc/fstab says that / is %s, but it is %s",
			e.fstype, m->fstype);
		return err_hint(err, "mend /etc/fstab, or let the boot loader name the root: "
				     "hostonly_cmdline=no");
	}
	subvolume = find_subvolume(&b->plan.arena, e.options);
	r = add_value(&line, "root", e.source, err);
	if (r == 0 && !is_auto)
		r = add_value(&line, "rootfstype", e.fstype, err);
	if (r == 0 && subvolume)
		r = add_value(&line, "rootflags", subvolume, err);
	return r < 0 ? r : add_line(l, arena_strdup(&b->plan.arena, buf_cstr(&line)), "/etc/fstab", err);
}

/* A generic image has no parameters of the machine that it is made on. */
static bool is_about_machine(const struct build *b)
{
	return build_is_hostonly(b) || (b->request->only_cmdline && b->request->elsewhere);
}

/* No parameter of the image says where the root is. What the boot loader says is not known here, but fstab
 * is what it is usually made from. */
static void warn_of_fstab(const struct lines *l)
{
	struct build *b = l->b;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct fstab_entry e;
	struct err err = {0};
	struct spec spec;

	if (b->request->hardware_file || find_root(b, &text, &e, &err) <= 0 || e.flaw)
		return;
	spec_parse(e.source, &spec);
	/* Without a device: the root of a live system, or of a container. */
	if (spec.kind == SPEC_TMPFS || strcmp(e.fstype, e.source) == 0 ||
	    (is_set_up(l, &spec) && !features_left_out(b->request, &spec, NULL)))
		return;
	plan_warn(&b->plan, "/etc/fstab, line %u, has / on %s, which an image of this version cannot bring "
			    "up%s: it boots only where root= names another device", e.line, e.source,
		  spec_is_set_up(&spec) ? " without a program of a drop-in feature"
		  : crypt_reaches(&spec) ? " unless rd.luks.name= gives a LUKS volume that name" : "");
}

int cmdline_build(struct build *b, struct err *err)
{
	const struct request_words *given = &b->request->kernel_cmdline;
	struct lines l = {.b = b};
	int r = b->request->embed_root && is_about_machine(b) ? add_own_root(&l, err) : 0;

	for (size_t i = 0; i < b->request->n_wishes && r == 0; i++) {
		const struct request_wish *w = &b->request->wishes[i];

		if (w->kind == WISH_CMDLINE)
			r = add_line(&l, arena_strdup(&b->plan.arena, w->word), w->from, err);
	}
	for (size_t i = 0; i < given->n && r == 0; i++)
		r = add_line(&l, arena_strdup(&b->plan.arena, given->list[i]), "--kernel-cmdline",
			     err);
	if (r == 0 && is_about_machine(b))
		r = add_files(&l, err);
	if (r == 0 && !l.root && !b->request->only_cmdline)
		warn_of_fstab(&l);
	return r == 0 ? check_root(&l, err) : r;
}
