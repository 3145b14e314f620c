/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cryptsetup, and what it opens later without a word about it in its ELF headers. */

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "features/crypt/kit.h"
#include "features/items.h"

/* Does a program of the image load a library whose name begins with NAME? cryptsetup is one of the first. */
static bool has_library(const struct build *b, const char *name)
{
	for (size_t i = 0; i < b->plan.n_entries; i++)
		if (str_starts(base_name(b->plan.entries[i].path), name))
			return true;
	return false;
}

/* The one that the boot needs and whose key derivation is argon2; NULL. */
static const struct crypt_listed *find_argon2(const struct crypt_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->list[i].is_optional && l->list[i].is_read && l->list[i].luks.memory)
			return &l->list[i];
	return NULL;
}

/* libargon2 ends its threads with pthread_exit(), for which glibc opens that library. */
static int add_libgcc(struct build *b, const char *program, struct err *err)
{
	const char *path = binaries_locate(b->binaries, program, "libgcc_s.so.1");
	const struct crypt_listed *v = find_argon2(b->crypt);

	if (path)
		return items_add(b, path, "cryptsetup's threads end with it", err);
	if (!has_library(b, "libargon2.so") || !has_library(b, "libc.so.6"))
		return 0;
	if (!v) {
		plan_warn(&b->plan, "libgcc_s.so.1 is not installed for the architecture of %s: LUKS volumes with argon2 "
				    "cannot be opened at boot", program);
		return 0;
	}
	err_set(err, -ENOENT, "libgcc_s.so.1 is not installed for the architecture of %s, which needs it for the key "
			      "derivation (argon2) of the LUKS volume %s", program, v->name);
	return err_hint(err, "install the package that has it (Debian: libgcc-s1)");
}

static bool has_hash(const struct luks *l, const char *hash)
{
	for (size_t i = 0; i < l->n_hashes; i++)
		if (strcmp(l->hashes[i], hash) == 0)
			return true;
	return false;
}

/* May a volume that the image opens have a hash that OpenSSL has in a module of its own? *NEEDS: the one that the boot
 * needs and that has. OpenSSL 3.0.7 has ripemd160 itself again. */
static bool may_need_legacy(const struct build *b, const struct crypt_listed **needs)
{
	bool may = !build_is_hostonly(b) || !b->crypt->n;

	*needs = NULL;
	for (size_t i = 0; i < b->crypt->n; i++) {
		const struct crypt_listed *v = &b->crypt->list[i];

		may = may || !v->is_read || has_hash(&v->luks, "whirlpool") || has_hash(&v->luks, "ripemd160");
		if (!v->is_optional && has_hash(&v->luks, "whirlpool"))
			*needs = v;
	}
	return may;
}

static int add_legacy(struct build *b, const char *program, struct err *err)
{
	const struct crypt_listed *needs;
	const char *library = has_library(b, "libcrypto.so.3")
				      ? binaries_locate(b->binaries, program, "libcrypto.so.3") : NULL, *path;

	if (!library || !may_need_legacy(b, &needs))
		return 0;
	path = arena_printf(&b->plan.arena, "%.*s/ossl-modules/legacy.so", (int)(strrchr(library, '/') - library),
			    library);
	if (root_exists(b->root, path))
		return items_add(b, path, "old hashes of LUKS volumes", err);
	if (!needs)
		return 0;
	err_set(err, -ENOENT, "%s%s is not installed, which has the hash whirlpool of the LUKS volume %s",
		root_prefix(b->root), path, needs->name);
	return err_hint(err, "install the package that has it (Debian: openssl-provider-legacy)");
}

int crypt_add_program(struct build *b, const char *path, struct err *err)
{
	int r = items_add(b, path, "opens LUKS volumes", err);

	if (r == 0)
		r = add_libgcc(b, path, err);
	if (r == 0)
		r = add_legacy(b, path, err);
	buf_printf(&b->boot_conf, "feature=crypt\ncrypt.program=%s\n", path);
	return r;
}
