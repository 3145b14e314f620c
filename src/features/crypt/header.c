/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the header of a volume says that the image has to have. cryptsetup is the judge of whether it can be
 * opened: what is merely not known here is no error.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "features/crypt/kit.h"
#include "format/kernel/kconfig.h"

/* ---- modules ---- */

static const struct modules_rule ciphers[] = {
	{"kernel/crypto/", "ciphers of LUKS volumes", REACH_GENERIC, 0},
	{"kernel/arch/*/crypto/*", "ciphers of LUKS volumes", REACH_GENERIC, 0},
	{0},
};

/* What modules are for. */
struct purpose {
	const char *reason;
	unsigned flags; /* MODULES_REQUIRED, unless the boot does without */
};

static int add_driver(struct build *b, const char *name, const struct purpose *p, struct err *err)
{
	int r = modules_add_name(b->modules, name, MODULES_LOAD | p->flags, p->reason, err);

	if (r != MODULES_ABSENT)
		return r < 0 ? r : 0;
	err_set(err, -ENOENT, "kernel %s has no %s, which %s", b->kernel.version, name, p->reason);
	return err_hint(err, "build for another kernel");
}

int crypt_add_all_modules(struct build *b, bool is_required, struct err *err)
{
	const struct purpose p = {"opens LUKS volumes", is_required ? MODULES_REQUIRED : 0};
	int r = add_driver(b, "dm_crypt", &p, err);

	return r < 0 ? r : modules_add_rules(b->modules, ciphers, REACH_GENERIC, err);
}

static bool config_has(const struct build *b, const char *option)
{
	return kconfig_get((const char *)b->config.data, b->config.len, option) == KCONFIG_YES;
}

/* The kernel's name for WORD; NULL: dm-crypt does without the kernel's ciphers, such as to make initial vectors. */
static const char *algorithm_of(const char *word)
{
	static const char *const others[] = {"capi",  "plain",	"plain64", "plain64be", "benbi", "null", "random",
					     "lmk",   "tcw",	"eboiv",   "elephant",	"aead",	 "none"};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(word, others[i]) == 0)
			return NULL;
	if (!word[strspn(word, "0123456789")])
		return NULL; /* how many keys there are */
	return strcmp(word, "poly1305") == 0 ? "rfc7539" : word;
}

/* Old indexes of modules do not say what is built in. */
static bool is_built_in(const struct build *b, const char *algorithm)
{
	char option[sizeof("CONFIG_CRYPTO_") + LUKS_TEXT_MAX];

	snprintf(option, sizeof(option), "CONFIG_CRYPTO_%s", algorithm);
	for (char *s = option; *s; s++)
		*s = (char)toupper((unsigned char)*s);
	return config_has(b, option);
}

/* What a mode asks for by name once it is used, where the kernel has it as a module. */
static int add_companions(struct build *b, const char *algorithm, const char *reason, struct err *err)
{
	static const char *const pairs[][2] = {{"adiantum", "crypto-nhpoly1305"}, {"gcm", "crypto-ctr"},
					       {"gcm", "crypto-ghash"}, {"rfc7539", "crypto-poly1305"},
					       {"rfc7539", "crypto-chacha20"}};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pairs) && r >= 0; i++)
		if (strcmp(pairs[i][0], algorithm) == 0)
			r = modules_add_alias(b->modules, pairs[i][1], NULL, 0, reason, err);
	return r < 0 ? r : 0;
}

static int add_algorithm(struct build *b, const char *algorithm, const char *cipher, const struct purpose *p,
			 struct err *err)
{
	int r = modules_add_alias(b->modules, arena_printf(&b->plan.arena, "crypto-%s", algorithm), NULL, p->flags,
				  p->reason, err);

	if (r < 0)
		return r;
	if (r != MODULES_ABSENT || is_built_in(b, algorithm))
		return add_companions(b, algorithm, p->reason, err);
	err_set(err, -ENOENT, "kernel %s has no cipher %s (%s), which %s", b->kernel.version, algorithm, cipher,
		p->reason);
	return err_hint(err, "build for another kernel");
}

/* "aes-xts-plain64", "serpent-cbc-essiv:sha256", "capi:adiantum(xchacha12,aes)-plain64", "hmac(sha256)". */
static int add_cipher(struct build *b, const char *cipher, const struct purpose *p, struct err *err)
{
	char copy[LUKS_TEXT_MAX], *cursor = copy, *word;
	int r = 0;

	snprintf(copy, sizeof(copy), "%s", cipher);
	while ((word = strsep(&cursor, "-:(),")) && r == 0)
		if (*word && algorithm_of(word))
			r = add_algorithm(b, algorithm_of(word), cipher, p, err);
	return r;
}

static int add_integrity(struct build *b, const struct luks *l, const struct purpose *p, struct err *err)
{
	int r = add_driver(b, "dm_integrity", p, err);

	if (r == 0)
		r = modules_add_name(b->modules, "authenc", 0, p->reason, err);
	return r < 0 ? r : add_cipher(b, l->integrity, p, err);
}

static int add_ciphers(struct build *b, const struct luks *l, const struct purpose *p, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < l->n_ciphers && r == 0; i++)
		r = add_cipher(b, l->ciphers[i], p, err);
	if (*l->integrity && r == 0)
		r = add_integrity(b, l, p, err);
	if (r < 0 || !l->is_opal || !b->config.len || config_has(b, "CONFIG_BLK_SED_OPAL"))
		return r;
	err_set(err, -ENOENT, "kernel %s cannot unlock disks that encrypt themselves (CONFIG_BLK_SED_OPAL is not "
			      "set in /%s), which %s", b->kernel.version, b->config_origin, p->reason);
	return err_hint(err, "build for another kernel");
}

/* ---- the header ---- */

/* 1: *OUT is filled; 0: it cannot be read here, or is of a kind that is not known; -errno: it cannot be used. */
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
	if (r == -EPROTONOSUPPORT) {
		plan_warn(&b->plan, "%s: %s: what it needs at boot is not known", path, err->text);
		*err = (struct err){0};
		return 0;
	}
	if (r < 0) {
		err_prefix(err, "%s", path);
		return err_hint(err, "the volume is open now, but would not open at boot: see cryptsetup "
				     "repair");
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

/* The device that K, on the way to M, is opened on; NULL. */
static const struct hw_block *find_below(const struct hw_mount *m, const struct hw_block *k)
{
	for (size_t i = 0; i < m->n_blocks; i++)
		if (m->blocks[i].holder && strcmp(m->blocks[i].holder, k->name) == 0)
			return &m->blocks[i];
	return NULL;
}

int crypt_add_header(struct build *b, const struct hw_mount *m, const struct hw_block *k, struct crypt_listed *v,
		     struct err *err)
{
	const struct purpose p = {arena_printf(&b->plan.arena, "opens the LUKS volume %s on the way to %s", k->name,
					       m->target),
				  v->is_optional ? 0 : MODULES_REQUIRED};
	const struct hw_block *below = b->request->hardware_file ? NULL : find_below(m, k);
	int r = add_driver(b, "dm_crypt", &p, err);

	if (r == 0 && below)
		r = read_header(b, below->name, &v->luks, err);
	if (r < 0)
		return r;
	v->is_read = r > 0;
	if (!v->is_read) {
		plan_remark(&b->plan, "the header of the LUKS volume %s cannot be read: all ciphers are "
			    "packed", k->name);
		return modules_add_rules(b->modules, ciphers, REACH_GENERIC, err);
	}
	check_memory(b, &v->luks, v->name);
	if (v->luks.is_reencrypting)
		plan_warn(&b->plan, "the LUKS volume %s is being reencrypted: let that end before the "
			  "next boot", k->name);
	return add_ciphers(b, &v->luks, &p, err);
}
