/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/crypt/kit.h"
#include "features/items.h"

/*
 * LUKS volumes, which PID 1 opens with the machine's own cryptsetup. A generic image has it where it
 * is installed, with all ciphers by the rules of crypto. An image opens the machine's volumes on the way to
 * the filesystems that are mounted early, and those that crypttab marks with x-initrd.attach, as crypttab says;
 * and what the kernel command line names.
 */

enum { PREFIX = sizeof("CRYPT-LUKS1-") - 1, DIGITS = 32 };

/* "CRYPT-LUKS2-", the UUID without dashes, "-", the name. */
bool crypt_sets_up(const struct hw_block *k)
{
	const char *id = k->dm_uuid;

	return id && (str_starts(id, "CRYPT-LUKS1-") || str_starts(id, "CRYPT-LUKS2-")) &&
	       strspn(id + PREFIX, "0123456789abcdef") == DIGITS && id[PREFIX + DIGITS] == '-' &&
	       crypttab_is_name(id + PREFIX + DIGITS + 1);
}

static const char *uuid_of(struct arena *a, const struct hw_block *k)
{
	const char *d = k->dm_uuid + PREFIX;

	return arena_printf(a, "%.8s-%.4s-%.4s-%.4s-%.12s", d, d + 8, d + 12, d + 16, d + 20);
}

/* ---- which ones ---- */

/* Without a swap area, from which the machine may resume, it boots all the same. */
static int add_volume(struct build *b, const struct hw_mount *m, const struct hw_block *k, struct crypt_list *l,
		      struct err *err)
{
	struct arena *a = &b->plan.arena;
	struct crypt_listed *v;
	const char *name = k->dm_uuid + PREFIX + DIGITS + 1;
	int r = crypt_add(l, name, arena_printf(a, "UUID=%s", uuid_of(a, k)), &v, err);

	if (r == -E2BIG && !m->is_early)
		return crypt_leave_out(b, name, err);
	if (r <= 0)
		return r;
	v->way = arena_printf(a, "the way to %s", m->target);
	v->is_optional = !m->is_early;
	r = crypt_add_header(b, m, k, v, err);
	if (r < 0 && !build_is_hostonly(b))
		err_hint(err, "for an image of other machines, leave the feature crypt out: omit_dracutmodules+=\" crypt \"");
	if (r < 0 && r != -ENOMEM && v->is_optional) {
		l->n--;
		return crypt_leave_out(b, name, err);
	}
	l->has_unread |= !v->is_read;
	return r;
}

/* The volumes on the way, in the order in which they are met; each once. */
static int add_volumes(struct build *b, const struct hardware *hw, struct crypt_list *l, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < hw->n_mounts && r == 0; i++) {
		const struct hw_mount *m = &hw->mounts[i];

		for (size_t n = 0; n < m->n_blocks && m->is_early && r == 0; n++)
			if (crypt_sets_up(&m->blocks[n]))
				r = add_volume(b, m, &m->blocks[n], l, err);
	}
	return r;
}

/* A generic image has no drivers of the machine that it is made on, and opens its volumes all the same:
 * nothing else would, where the boot loader names none, as with Debian's tools. On another machine, these
 * volumes are not there. */
static const struct hardware *hardware_of(struct build *b, struct hardware *own)
{
	struct arena *a = &b->plan.arena;
	struct err err = {0};

	if (build_is_hostonly(b))
		return &b->hardware;
	if (crypt_is_machine(b->request) && crypt_finds_open(b->root, NULL, a) &&
	    hardware_read(b->root, a, own, &err) < 0) {
		plan_warn(&b->plan, "%s: it is not known whether the root of this machine is in a LUKS volume",
			  err.text);
		*own = (struct hardware){0};
	}
	return own;
}

/* Is K, a swap area in a volume of its own, where the machine resumes from? */
static bool is_resumed_from(struct build *b, const struct hw_block *k)
{
	struct arena *a = &b->plan.arena;
	const char *text = resume_named(b), *path;
	struct spec spec;

	spec_parse(text ? text : "", &spec);
	if (crypt_reaches(&spec))
		return strcmp(spec.value + strlen("mapper/"), k->dm_uuid + PREFIX + DIGITS + 1) == 0;
	if (spec.kind == SPEC_NAME)
		return strcmp(spec.value, k->name) == 0;
	path = spec.kind == SPEC_UUID ? root_readlink(b->root, arena_printf(a, "/dev/disk/by-uuid/%s", spec.value), a)
				      : NULL;
	return path && strcmp(base_name(path), k->name) == 0;
}

/* A system that hibernated into a volume of its own must find it again. Without it, the boot goes on. */
static int add_resume(struct build *b, const struct hardware *hw, struct crypt_list *l, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < hw->n_mounts && crypt_is_machine(b->request) && r == 0; i++) {
		const struct hw_mount *m = &hw->mounts[i];

		for (size_t n = 0; n < m->n_blocks && strcmp(m->target, HW_SWAP) == 0 && r == 0; n++)
			if (!m->blocks[n].holder && crypt_sets_up(&m->blocks[n]) && is_resumed_from(b, &m->blocks[n]))
				r = add_volume(b, m, &m->blocks[n], l, err);
	}
	return r;
}

static int list_volumes(struct build *b, struct crypt_list *l, struct err *err)
{
	struct hardware own = {0};
	const struct hardware *hw = hardware_of(b, &own);
	int r = add_volumes(b, hw, l, err);

	if (r == 0)
		r = add_resume(b, hw, l, err);
	if (r < 0 || b->request->hardware_file)
		return r;
	return crypt_read_table(b, hardware_mount(hw, "/") != NULL, l, err);
}

/* ---- all of it ---- */

/* The first that the boot depends on; NULL. */
static const struct crypt_listed *find_needed(const struct crypt_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->list[i].is_optional)
			return &l->list[i];
	return NULL;
}

/* What all volumes need is missing, as ERR says: an error only if the boot depends on one, or crypt was asked for. */
static int leave_out_all(struct build *b, struct crypt_list *l, struct err *err)
{
	const struct err why = *err;

	if (find_needed(l) || features_wants_name(b->request, "crypt", false))
		return err->code;
	for (size_t i = 0; i < l->n; i++) {
		*err = why;
		crypt_leave_out(b, l->list[i].name, err);
	}
	l->n = 0;
	return 0;
}

static int miss_program(struct build *b, struct crypt_list *l, struct err *err)
{
	const struct crypt_listed *v = find_needed(l);

	if (v)
		err_set(err, -ENOENT, "cryptsetup is not installed, which opens the LUKS volume %s at boot", v->name);
	else
		err_set(err, -ENOENT, "cryptsetup is not installed, which the feature crypt needs");
	err_hint(err, "install the package cryptsetup (its name may also be cryptsetup-bin)");
	return leave_out_all(b, l, err);
}

int crypt_build(struct build *b, struct err *err)
{
	bool is_added = features_wants_name(b->request, "crypt", false);
	struct crypt_list *l = arena_alloc(&b->plan.arena, sizeof(*l));
	const char *program;
	int found = items_find(b, "cryptsetup", &program, err), r = found;

	*l = (struct crypt_list){0};
	if (r >= 0)
		r = list_volumes(b, l, err);
	if (r < 0)
		return r;
	if (!found && (l->n || is_added))
		return miss_program(b, l, err);
	if (is_added || l->has_unread)
		r = crypt_add_all_modules(b, is_added || find_needed(l), err);
	if (r == -ENOENT)
		r = leave_out_all(b, l, err);
	if (r < 0)
		return r;
	if (!found || (build_is_hostonly(b) && !l->n && !is_added))
		return 0;
	b->crypt = l;
	return crypt_add_program(b, program, err);
}

/* What the boot does without is left out if it cannot be opened: the root has other ways to do so. */
static int complete(struct build *b, struct crypt_listed *v, struct err *err)
{
	int r = crypt_write(b, v, err);

	if (r == 0 || !v->is_optional || (r != -ENOTSUP && r != -ENOENT))
		return r;
	return crypt_leave_out(b, v->name, err);
}

/* Can somebody type the passphrase of V? An image of the mode strict has no driver but those of the keyboards that are
 * plugged in while it is made. */
static int check_keyboard(struct build *b, const struct crypt_listed *v, struct err *err)
{
	static const char hint[] = "plug the keyboard in and build again, or build with --hostonly-mode sloppy";
	enum build_line line;

	if (build_has_keyboard(b))
		return 0;
	line = build_has_line(b);
	if (line == LINE_THERE)
		return 0;
	err_set(err, -ENOTSUP, "the passphrase of the LUKS volume %s is asked for at boot, and the image has no driver of a "
			       "keyboard, nor is a serial line a console", v->name);
	if (line == LINE_ABSENT && !v->is_optional)
		return err_hint(err, "%s", hint);
	plan_warn(&b->plan, "%s: %s", err->text, hint);
	*err = (struct err){0};
	return 0;
}

static int check_typing(struct build *b, struct err *err)
{
	const struct crypt_listed *asked = NULL;

	for (size_t i = 0; i < b->crypt->n; i++)
		if (b->crypt->list[i].asks && (!asked || asked->is_optional))
			asked = &b->crypt->list[i];
	if (!asked)
		return 0;
	build_warn_of_keymap(b, "the passphrase of a LUKS volume");
	return check_keyboard(b, asked, err);
}

int crypt_complete(struct build *b, struct err *err)
{
	int r = 0;

	if (!b->crypt)
		return 0;
	for (size_t i = 0; i < b->crypt->n && r == 0; i++)
		r = complete(b, &b->crypt->list[i], err);
	if (r == 0)
		r = crypt_check_params(b, err);
	return r == 0 ? check_typing(b, err) : r;
}
