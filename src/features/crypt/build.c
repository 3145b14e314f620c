/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "features/crypt/kit.h"
#include "features/items.h"
#include "format/program/elfhead.h"

/*
 * LUKS volumes, which PID 1 opens with the machine's own cryptsetup. A generic image has it where it
 * is installed, with all ciphers by the rules of crypto; which volumes it opens, the kernel command
 * line says. A hostonly image opens those on the way to the filesystems that are mounted early, and
 * those that crypttab marks with x-initrd.attach, as crypttab says.
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

/* ---- modules ---- */

static const struct modules_rule ciphers[] = {
	{"kernel/crypto/", "ciphers of LUKS volumes", REACH_GENERIC, 0},
	{"kernel/arch/*/crypto/*", "ciphers of LUKS volumes", REACH_GENERIC, 0},
	{0},
};

static int add_driver(struct build *b, const char *name, const char *reason, struct err *err)
{
	int r = modules_add_name(b->modules, name, MODULES_LOAD | MODULES_REQUIRED, reason, err);

	if (r != MODULES_ABSENT)
		return r < 0 ? r : 0;
	err_set(err, -ENOENT, "kernel %s has no %s, which %s", b->kernel.version, name, reason);
	return err_hint(err, "build for another kernel");
}

/* Not a module: an initial vector of dm-crypt, or how a cipher is named. */
static bool is_no_module(const char *word)
{
	static const char *const words[] = {"plain", "plain64", "plain64be", "benbi", "null", "lmk", "tcw", "random",
					    "eboiv", "elephant", "capi", "cipher_null", "aead"};
	bool is = false;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		is = is || strcmp(word, words[i]) == 0;
	return is;
}

/* "aes-xts-plain64", "capi:xts(aes)-plain64", "hmac(sha256)": the kernel asks for each part as crypto-PART. */
static int add_cipher(struct build *b, const char *cipher, const char *reason, struct err *err)
{
	char copy[LUKS_TEXT_MAX], *cursor = copy, *word;
	int r = 0;

	snprintf(copy, sizeof(copy), "%s", cipher);
	while ((word = strsep(&cursor, "-:(),")) && r >= 0) {
		if (!*word || is_no_module(word))
			continue;
		r = modules_add_alias(b->modules, arena_printf(&b->plan.arena, "crypto-%s", word), NULL,
				      MODULES_REQUIRED, reason, err);
		if (r != MODULES_ABSENT)
			continue;
		err_set(err, -ENOENT, "kernel %s has no cipher %s (%s), which %s", b->kernel.version, word,
			cipher, reason);
		return err_hint(err, "build for another kernel");
	}
	return r < 0 ? r : 0;
}

static int add_ciphers(struct build *b, const struct luks *l, const char *reason, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < l->n_ciphers && r == 0; i++)
		r = add_cipher(b, l->ciphers[i], reason, err);
	if (*l->integrity && r == 0)
		r = add_driver(b, "dm_integrity", reason, err);
	if (*l->integrity && r == 0)
		r = modules_add_name(b->modules, "authenc", 0, reason, err);
	if (*l->integrity && r >= 0)
		r = add_cipher(b, l->integrity, reason, err);
	return r < 0 ? r : 0;
}

/* ---- the header ---- */

/* 1: *OUT is filled; 0: it cannot be read here; -errno: it cannot be used. */
static int read_header(struct build *b, const char *device, struct luks *out, struct err *err)
{
	const char *path = arena_printf(&b->plan.arena, "/dev/%s", device);
	_cleanup_fd_ int fd = root_openat(b->root, path, O_RDONLY | O_NONBLOCK);
	_cleanup_free_ uint8_t *data = fd < 0 ? NULL : malloc(LUKS_HEADER_MAX);
	ssize_t n = data ? pread_full(fd, data, 4096, 0) : 0;
	size_t size;
	int r;

	if (n <= 0)
		return 0;
	r = luks_size(data, (size_t)n, &size, err);
	if (r == -ENOENT) {
		err_set(err, -ENOTSUP, "%s is a LUKS volume whose header is elsewhere, which this version "
			"cannot open at boot", path);
		return err_hint(err, "keep using the image builder of your distribution on this machine");
	}
	if (r == 0)
		n = pread_full(fd, data, size, 0);
	if (r == 0)
		r = luks_decode(data, n > 0 ? (size_t)n : 0, out, err);
	if (r < 0) {
		err_prefix(err, "%s", path);
		return err_hint(err, "if cryptsetup luksDump says the same of it, it would not open at boot either; "
				     "else keep using the image builder of your distribution on this machine");
	}
	return 1;
}

/* KiB; 0: unknown. */
static uint64_t memory_of(struct build *b)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *line;

	if (root_read(b->root, "/proc/meminfo", 65536, &text) < 0)
		return 0;
	line = strstr(buf_cstr(&text), "MemTotal:");
	return line ? strtoull(line + 9, NULL, 10) : 0;
}

/* The kernel, the image and what the firmware keeps need some as well. */
static void check_memory(struct build *b, const struct luks *l, const char *name)
{
	enum { OTHERS_KIB = 128 * 1024 };
	uint64_t has = memory_of(b);

	if (has && l->memory + (uint64_t)OTHERS_KIB > has)
		plan_warn(&b->plan,
			  "to open the LUKS volume %s takes %u MiB of memory (its key derivation), and this "
			  "machine has %u MiB: it may fail at boot; cryptsetup luksConvertKey can "
			  "change that",
			  name, l->memory / 1024, (unsigned)(has / 1024));
}

static void check_token(struct build *b, const struct luks *l, const char *name)
{
	if (*l->token)
		plan_warn(&b->plan, "the LUKS volume %s has a token (%s), which this version does not use: its "
			  "passphrase is asked for at boot", name, l->token);
}

static int add_modules(struct build *b, const struct hw_mount *m, const struct hw_block *k,
		       struct crypt_listed *v, struct err *err)
{
	struct arena *a = &b->plan.arena;
	const char *reason = arena_printf(a, "opens the LUKS volume %s on the way to %s", k->name,
					  m->target);
	const struct hw_block *below = NULL;
	struct luks l = {0};
	int r = add_driver(b, "dm_crypt", reason, err);

	for (size_t i = 0; i < m->n_blocks && !below; i++)
		if (m->blocks[i].holder && strcmp(m->blocks[i].holder, k->name) == 0)
			below = &m->blocks[i];
	if (r == 0 && below && !b->request->hardware_file)
		r = read_header(b, below->name, &l, err);
	if (r < 0)
		return r;
	v->may_have_old_hash = r == 0 || l.has_old_hash;
	if (r == 0) {
		plan_remark(&b->plan, "the header of the LUKS volume %s cannot be read: all ciphers are "
			    "packed", k->name);
		return modules_add_rules(b->modules, ciphers, REACH_GENERIC, err);
	}
	v->has_old_hash = l.has_old_hash;
	if (*l.pin)
		v->pin = arena_strdup(a, l.pin);
	check_memory(b, &l, k->dm_uuid + PREFIX + DIGITS + 1);
	check_token(b, &l, k->dm_uuid + PREFIX + DIGITS + 1);
	if (l.is_reencrypting)
		plan_warn(&b->plan, "the LUKS volume %s is being reencrypted: let that end before the "
			  "next boot", k->name);
	return add_ciphers(b, &l, reason, err);
}

/* ---- the program ---- */

static bool read_elf(struct build *b, const char *path, struct elfhead *out)
{
	uint8_t data[4096];
	_cleanup_fd_ int fd = root_openat(b->root, path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : pread_full(fd, data, sizeof(data), 0);
	struct err err;

	return n > 0 && elfhead_decode(data, (size_t)n, out, &err) == 0;
}

/* The library at one of PATTERNS that PROGRAM could load; NULL: there is none. A machine may have those of other
 * processors as well. */
static const char *find_library(struct build *b, const char *program, const char *const *patterns, size_t n)
{
	struct elfhead wanted, found;
	struct err err;

	if (!read_elf(b, program, &wanted))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool is_path = !strchr(patterns[i], '*');
		const char **paths = NULL;
		int count = is_path ? 1 : items_match(b->root, patterns[i], &b->plan.arena, &paths, &err);

		for (int k = 0; k < count; k++) {
			const char *path = is_path ? patterns[i] : paths[k];

			if (read_elf(b, path, &found) && found.bits == wanted.bits &&
			    found.machine == wanted.machine)
				return path;
		}
	}
	return NULL;
}

/* libargon2 ends its threads with pthread_exit(), for which glibc opens that library. */
static int add_libgcc(struct build *b, const char *program, struct err *err)
{
	static const char *const patterns[] = {"/usr/lib/*/libgcc_s.so.1", "/lib/*/libgcc_s.so.1",
					       "/usr/lib64/libgcc_s.so.1", "/lib64/libgcc_s.so.1",
					       "/usr/lib/libgcc_s.so.1"};
	const char *path = find_library(b, program, patterns, ARRAY_SIZE(patterns));

	return path ? items_add(b, path, "cryptsetup's threads end with it", err) : 0;
}

/* OpenSSL opens its providers by name. */
static int add_old_hashes(struct build *b, const char *program, const struct crypt_list *l, struct err *err)
{
	static const char *const patterns[] = {"/usr/lib/*/ossl-modules/legacy.so", "/usr/lib64/ossl-modules/legacy.so",
					       "/usr/lib/ossl-modules/legacy.so"};
	const char *path = find_library(b, program, patterns, ARRAY_SIZE(patterns));
	bool is_wanted = !build_is_hostonly(b) || l->has_unread;

	for (size_t i = 0; i < l->n; i++) {
		is_wanted = is_wanted || l->list[i].may_have_old_hash;
		if (!path && l->list[i].has_old_hash)
			plan_warn(&b->plan, "the LUKS volume %s uses a hash for which cryptsetup may need OpenSSL's "
				  "legacy provider (ossl-modules/legacy.so), which is not installed", l->list[i].name);
	}
	return path && is_wanted ? items_add(b, path, "hashes of old LUKS volumes", err) : 0;
}

static int add_program(struct build *b, const char *path, const struct crypt_list *l, struct err *err)
{
	int r = items_add(b, path, "opens LUKS volumes", err);

	if (r == 0)
		r = add_libgcc(b, path, err);
	if (r == 0)
		r = add_old_hashes(b, path, l, err);
	buf_printf(&b->boot_conf, "feature=crypt\ncrypt.program=%s\n", path);
	b->opens_luks = true;
	return r;
}

static int refuse_without_program(const struct crypt_list *l, struct err *err)
{
	if (l->n)
		err_set(err, -ENOENT, "cryptsetup is not installed, which opens the LUKS volume %s at boot",
			l->list[0].name);
	else
		err_set(err, -ENOENT, "cryptsetup is not installed, which the feature crypt needs");
	return err_hint(err, "install the package cryptsetup (its name may also be cryptsetup-bin)");
}

/* ---- all of it ---- */

/* Those on the way to what is mounted early, and to what the machine may resume from; in the order in which they are
 * met, each once. */
static int add_volumes(struct build *b, const struct hardware *hw, struct crypt_list *l, struct err *err)
{
	struct arena *a = &b->plan.arena;
	int r = 0;

	for (size_t i = 0; i < hw->n_mounts && r == 0; i++) {
		const struct hw_mount *m = &hw->mounts[i];
		bool is_on_way = m->is_early || strcmp(m->target, HW_SWAP) == 0;

		for (size_t n = 0; n < m->n_blocks && is_on_way && r == 0; n++) {
			const struct hw_block *k = &m->blocks[n];

			if (!crypt_sets_up(k) || !crypt_add(l, k->dm_uuid + PREFIX + DIGITS + 1,
							    arena_printf(a, "UUID=%s", uuid_of(a, k))))
				continue;
			if (build_is_hostonly(b))
				r = add_modules(b, m, k, &l->list[l->n - 1], err);
			else
				l->list[l->n - 1].may_have_old_hash = true;
		}
	}
	return r;
}

/* A generic image opens those that this machine needs as well: nothing else says so on machines whose installer has
 * put it into crypttab alone. */
static int add_own_volumes(struct build *b, struct crypt_list *l, struct err *err)
{
	struct hardware hw = {0};
	struct err ignored;

	if (build_is_hostonly(b))
		return add_volumes(b, &b->hardware, l, err);
	if (b->request->hardware_file || hardware_read(b->root, &b->plan.arena, &hw, &ignored) < 0)
		return 0;
	return add_volumes(b, &hw, l, err);
}

static int add_all_ciphers(struct build *b, struct err *err)
{
	int r = add_driver(b, "dm_crypt", "opens LUKS volumes", err);

	return r == 0 ? modules_add_rules(b->modules, ciphers, REACH_GENERIC, err) : r;
}

int crypt_build(struct build *b, struct err *err)
{
	bool is_added = features_wants_name(b->request, "crypt", false);
	struct crypt_list *l = arena_alloc(&b->plan.arena, sizeof(*l));
	const char *program;
	int r = items_find(b, "cryptsetup", &program, err), found = r;

	*l = (struct crypt_list){0};
	if (r >= 0 && (found || build_is_hostonly(b)))
		r = add_own_volumes(b, l, err);
	if (r >= 0 && (found || build_is_hostonly(b)) && !b->request->hardware_file)
		r = crypt_read_table(b, l, err);
	if (r < 0)
		return r;
	if (!found && (l->n || is_added))
		return refuse_without_program(l, err);
	if (!found || (build_is_hostonly(b) && !l->n && !is_added))
		return 0;
	r = add_program(b, program, l, err);
	if (r == 0 && build_is_hostonly(b) && (is_added || l->has_unread))
		r = add_all_ciphers(b, err);
	b->crypt = l;
	return r;
}

int crypt_finish(struct build *b, struct err *err)
{
	int r = b->crypt && !b->request->only_cmdline ? crypt_check_keys(b, err) : 0;

	for (size_t i = 0; b->crypt && i < b->crypt->n && r == 0; i++)
		r = crypt_write(b, &b->crypt->list[i], err);
	if (r == 0 && b->crypt && b->crypt->asks)
		build_warn_of_keymap(b, "the passphrase of a LUKS volume");
	return r;
}
