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

static int add_volume(struct build *b, const struct hw_mount *m, const struct hw_block *k, struct crypt_list *l,
		      struct err *err)
{
	struct arena *a = &b->plan.arena;
	struct crypt_listed *v;
	int r = crypt_add(l, k->dm_uuid + PREFIX + DIGITS + 1, arena_printf(a, "UUID=%s", uuid_of(a, k)), &v, err);

	if (r <= 0)
		return r;
	v->way = arena_printf(a, "the way to %s", m->target);
	r = crypt_add_header(b, m, k, v, err);
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

static int list_volumes(struct build *b, struct crypt_list *l, struct err *err)
{
	struct hardware own = {0};
	const struct hardware *hw = hardware_of(b, &own);
	int r = add_volumes(b, hw, l, err);

	if (r < 0 || b->request->hardware_file)
		return r;
	return crypt_read_table(b, hardware_mount(hw, "/") != NULL, l, err);
}

/* ---- all of it ---- */

static int refuse_without_program(const struct crypt_list *l, struct err *err)
{
	if (l->n)
		err_set(err, -ENOENT, "cryptsetup is not installed, which opens the LUKS volume %s at boot",
			l->list[0].name);
	else
		err_set(err, -ENOENT, "cryptsetup is not installed, which the feature crypt needs");
	return err_hint(err, "install the package cryptsetup (its name may also be cryptsetup-bin)");
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
		return refuse_without_program(l, err);
	if (!found || (build_is_hostonly(b) && !l->n && !is_added))
		return 0;
	b->crypt = l;
	r = crypt_add_program(b, program, err);
	return r == 0 && (is_added || l->has_unread) ? crypt_add_all_modules(b, err) : r;
}

/* What the boot does without is left out if it cannot be opened: the root has other ways to do so. */
static int complete(struct build *b, const struct crypt_listed *v, struct err *err)
{
	int r = crypt_write(b, v, err);

	if (r == 0 || v->way || (r != -ENOTSUP && r != -ENOENT))
		return r;
	plan_warn(&b->plan, "%s; the image does not open %s", err->text, v->name);
	*err = (struct err){0};
	return 0;
}

int crypt_complete(struct build *b, struct err *err)
{
	int r = 0;

	if (!b->crypt)
		return 0;
	for (size_t i = 0; i < b->crypt->n && r == 0; i++)
		r = complete(b, &b->crypt->list[i], err);
	return r < 0 ? r : crypt_check_params(b, err);
}
