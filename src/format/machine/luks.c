/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/luks.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "base/text.h"

enum {
	MAGIC_SIZE = 6,
	V1_SIZE = 592,
	V1_SLOTS = 8,
	V1_SLOT = 208, /* the first one's place */
	V1_SLOT_SIZE = 48,
	V1_ACTIVE = 0x00AC71F3,
	V1_STRIPES = 4000,
	V2_BINARY = 4096, /* in front of the JSON */
	V2_SUM = 448,
	V2_SUM_SIZE = 64,
	V2_SIZE_MIN = 16 * 1024,
	UUID_AT = 168,
	KEY_BYTES_MAX = 512,
	JSON_DEPTH_MAX = 12,
	MEMORY_MAX = 4 * 1024 * 1024, /* KiB, as libcryptsetup has it */
};

static const char magic[MAGIC_SIZE] = {'L', 'U', 'K', 'S', '\xba', '\xbe'};
static const char magic_of_second[MAGIC_SIZE] = {'S', 'K', 'U', 'L', '\xba', '\xbe'};

/* Where a key slot is, in bytes. */
struct area {
	uint64_t begin, end;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static int bad(struct err *err, const char *why)
{
	return err_set(err, -EBADMSG, "LUKS header: %s", why);
}

/* Names of ciphers and hashes: they become names of modules. */
static bool is_word(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_():.,")];
}

static bool add_cipher(struct luks *l, const char *cipher)
{
	if (!is_word(cipher) || strlen(cipher) >= LUKS_TEXT_MAX)
		return false;
	for (size_t i = 0; i < l->n_ciphers; i++)
		if (strcmp(l->ciphers[i], cipher) == 0)
			return true;
	if (l->n_ciphers == LUKS_CIPHERS_MAX)
		return false;
	strcpy(l->ciphers[l->n_ciphers++], cipher);
	return true;
}

static bool add_hash(struct luks *l, const char *hash)
{
	if (!is_word(hash) || strlen(hash) >= LUKS_TEXT_MAX)
		return false;
	for (size_t i = 0; i < l->n_hashes; i++)
		if (strcmp(l->hashes[i], hash) == 0)
			return true;
	if (l->n_hashes < LUKS_HASHES_MAX)
		strcpy(l->hashes[l->n_hashes++], hash);
	return true;
}

static bool overlaps(const struct area *list, size_t n, const struct area *a)
{
	for (size_t i = 0; i < n; i++)
		if (a->begin < list[i].end && list[i].begin < a->end)
			return true;
	return false;
}

static int take_uuid(const uint8_t *p, struct luks *l, struct err *err)
{
	memcpy(l->uuid, p + UUID_AT, sizeof(l->uuid) - 1);
	return l->uuid[0] && !l->uuid[strspn(l->uuid, "0123456789abcdefABCDEF-")]
		       ? 0
		       : bad(err, "its UUID is none");
}

int luks_size(const void *data, size_t len, size_t *out, struct err *err)
{
	const uint8_t *p = data;
	unsigned version = len >= 512 ? p[6] << 8 | p[7] : 0;
	uint64_t size;

	if (len < 512 || memcmp(p, magic, MAGIC_SIZE) != 0)
		return err_set(err, -ENOENT, "there is no LUKS header");
	if (version != 1 && version != 2)
		return err_set(err, -EPROTONOSUPPORT, "LUKS header: version %u is not known",
			       version);
	size = version == 1 ? V1_SIZE : be64(p + 8);
	if (version == 2 && (size < V2_SIZE_MIN || size > LUKS_HEADER_MAX || (size & (size - 1))))
		return bad(err, "its size is none that it can have");
	*out = (size_t)size;
	return 0;
}

/* ---- version 1 ---- */

static int check_slot_1(const uint8_t *p, const uint8_t *slot, struct area *areas, struct luks *l)
{
	uint64_t key = be32(p + 108), payload = (uint64_t)be32(p + 104) * 512;
	struct area *a = &areas[l->n_slots];

	a->begin = (uint64_t)be32(slot + 40) * 512;
	a->end = a->begin + key * V1_STRIPES;
	if (be32(slot + 44) != V1_STRIPES || !be32(slot + 4) || a->begin < V1_SIZE ||
	    (payload && a->end > payload) || overlaps(areas, l->n_slots, a))
		return -EBADMSG;
	l->n_slots++;
	return 0;
}

/* The salt and the digest of the volume key are 32 and 20 bytes. */
static void pin_1(const uint8_t *p, const char *cipher, struct luks *l)
{
	char salt[65], digest[41];

	for (size_t i = 0; i < 32; i++)
		snprintf(salt + 2 * i, 3, "%02x", p[132 + i]);
	for (size_t i = 0; i < 20; i++)
		snprintf(digest + 2 * i, 3, "%02x", p[112 + i]);
	snprintf(l->pin, sizeof(l->pin), "luks1:%.32s:%u:%s:%s:%s", (const char *)p + 72, be32(p + 164), salt,
		 digest, cipher);
}

static int decode_1(const uint8_t *p, struct luks *l, struct err *err)
{
	char name[33] = "", mode[33] = "", hash[33] = "", cipher[LUKS_TEXT_MAX + 4];
	struct area areas[V1_SLOTS];

	memcpy(name, p + 8, 32);
	memcpy(mode, p + 40, 32);
	memcpy(hash, p + 72, 32);
	snprintf(cipher, sizeof(cipher), "%s-%s", name, mode);
	if (!*name || !*mode || !add_cipher(l, cipher) || !add_hash(l, hash))
		return bad(err, "its cipher or its hash has no name");
	if (be32(p + 108) == 0 || be32(p + 108) > KEY_BYTES_MAX)
		return bad(err, "the size of its key is none that it can have");
	for (unsigned i = 0; i < V1_SLOTS; i++) {
		const uint8_t *slot = p + V1_SLOT + (size_t)i * V1_SLOT_SIZE;

		if (be32(slot) == V1_ACTIVE && check_slot_1(p, slot, areas, l) < 0)
			return bad(err, "a key slot is damaged");
	}
	l->n_passphrases = l->n_slots;
	pin_1(p, cipher, l);
	return take_uuid(p, l, err);
}

/* ---- version 2 ---- */

static struct json_object *member(struct json_object *o, const char *name, enum json_type type)
{
	struct json_object *found = NULL;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, name, &found) || !json_object_is_type(found, type))
		return NULL;
	return found;
}

/* "": there is none. */
static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *found = member(o, name, json_type_string);

	return found ? json_object_get_string(found) : "";
}

/* Is TEXT in the list NAME of O? */
static bool lists(struct json_object *o, const char *name, const char *text)
{
	struct json_object *list = member(o, name, json_type_array);
	size_t n = list ? json_object_array_length(list) : 0;
	bool has = false;

	for (size_t i = 0; i < n && !has; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		has = json_object_is_type(item, json_type_string) &&
		      strcmp(json_object_get_string(item), text) == 0;
	}
	return has;
}

/* Sizes and offsets are strings, since JSON's numbers do not hold them. */
static bool number_of(struct json_object *o, const char *name, uint64_t *out)
{
	return parse_u64(text_of(o, name), INT64_MAX, out);
}

static int take_kdf(struct json_object *slot, struct luks *l)
{
	struct json_object *kdf = member(slot, "kdf", json_type_object);
	const char *type = text_of(kdf, "type");
	int64_t memory;

	if (strcmp(type, "pbkdf2") == 0)
		return add_hash(l, text_of(kdf, "hash")) ? 0 : -EBADMSG;
	if (!str_starts(type, "argon2"))
		return -EPROTONOSUPPORT;
	memory = json_object_get_int64(member(kdf, "memory", json_type_int));
	if (memory < 1 || memory > MEMORY_MAX)
		return -EBADMSG;
	if (memory > l->memory)
		l->memory = (uint32_t)memory;
	return 0;
}

/* One that holds no key, but the state of a change of keys, has no key derivation. */
static int take_slot(struct json_object *slot, uint64_t first, struct area *areas, struct luks *l)
{
	struct json_object *area = member(slot, "area", json_type_object);
	struct area *a = &areas[l->n_slots];
	uint64_t size;

	if (!area || !number_of(area, "offset", &a->begin) || !number_of(area, "size", &size) ||
	    a->begin < first || size > INT64_MAX - a->begin)
		return -EBADMSG;
	a->end = a->begin + size;
	if (overlaps(areas, l->n_slots++, a))
		return -EBADMSG;
	if (strcmp(text_of(slot, "type"), "reencrypt") == 0) {
		l->is_reencrypting = true;
		return 0;
	}
	if (!add_cipher(l, text_of(area, "encryption")))
		return -EBADMSG;
	add_hash(l, text_of(member(slot, "af", json_type_object), "hash"));
	l->n_passphrases++;
	return take_kdf(slot, l);
}

static int take_slots(struct json_object *root, uint64_t header, struct luks *l, struct err *err)
{
	struct json_object *slots = member(root, "keyslots", json_type_object);
	struct area areas[LUKS_SLOTS_MAX];

	if (!slots || json_object_object_length(slots) > LUKS_SLOTS_MAX)
		return bad(err, "it has no list of key slots, or one that is too long");
	json_object_object_foreach(slots, name, slot)
	{
		int r = take_slot(slot, 2 * header, areas, l);

		if (r == -EPROTONOSUPPORT)
			return err_set(err, r, "LUKS header: the key derivation of slot %.8s is not "
				       "known", name);
		if (r < 0)
			return bad(err, "a key slot is damaged");
	}
	return 0;
}

static int take_segment(struct json_object *segment, struct luks *l)
{
	struct json_object *integrity = member(segment, "integrity", json_type_object);
	const char *type = text_of(integrity, "type");
	uint64_t n;

	if (!number_of(segment, "offset", &n))
		return -EBADMSG;
	if (strcmp(text_of(segment, "type"), "linear") == 0)
		return 0;
	if (str_starts(text_of(segment, "type"), "hw-opal"))
		l->is_opal = true;
	else if (strcmp(text_of(segment, "type"), "crypt") != 0)
		return -EPROTONOSUPPORT;
	if (strcmp(text_of(segment, "type"), "hw-opal") == 0)
		return 0;
	if (integrity && (!is_word(type) || strlen(type) >= sizeof(l->integrity)))
		return -EBADMSG;
	if (integrity)
		strcpy(l->integrity, type);
	return add_cipher(l, text_of(segment, "encryption")) ? 0 : -EBADMSG;
}

static int take_segments(struct json_object *root, struct luks *l, struct err *err)
{
	struct json_object *segments = member(root, "segments", json_type_object);

	if (!segments || json_object_object_length(segments) < 1)
		return bad(err, "it has no data segment");
	json_object_object_foreach(segments, name, segment)
	{
		int r = take_segment(segment, l);

		(void)name;
		if (r == -EPROTONOSUPPORT)
			return err_set(err, r, "LUKS header: a data segment is of a kind that is not known");
		if (r < 0)
			return bad(err, "a data segment is damaged");
	}
	return l->n_ciphers || l->is_opal ? 0 : bad(err, "it has no data segment that is encrypted");
}

/* ---- tokens ---- */

/* One whose secret a person types, or that the kernel has been given. */
static bool is_typed(const char *type)
{
	return strcmp(type, "systemd-recovery") == 0 || strcmp(type, "luks2-keyring") == 0;
}

/* The token that has SLOT of the list of key slots; NULL. */
static struct json_object *find_token(struct json_object *tokens, const char *slot)
{
	struct json_object *found = NULL;

	json_object_object_foreach(tokens, number, token)
	{
		(void)number;
		if (!is_typed(text_of(token, "type")) && lists(token, "keyslots", slot))
			found = token;
	}
	return found;
}

static void take_tokens(struct json_object *root, struct luks *l)
{
	struct json_object *tokens = member(root, "tokens", json_type_object),
			   *slots = member(root, "keyslots", json_type_object);

	if (!tokens)
		return;
	json_object_object_foreach(slots, name, slot)
	{
		struct json_object *token = find_token(tokens, name);

		if (!token || strcmp(text_of(slot, "type"), "reencrypt") == 0)
			continue;
		l->n_passphrases--;
		snprintf(l->token, sizeof(l->token), "%s", is_word(text_of(token, "type")) ? text_of(token, "type")
											   : "a token");
	}
}

static void take_digests(struct json_object *root, struct luks *l)
{
	struct json_object *digests = member(root, "digests", json_type_object);

	if (!digests)
		return;
	json_object_object_foreach(digests, number, digest)
	{
		(void)number;
		add_hash(l, text_of(digest, "hash"));
	}
}

static bool is_base64(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=")];
}

static void write_pin(struct json_object *digest, struct json_object *segment, struct luks *l)
{
	const char *hash = text_of(digest, "hash"), *salt = text_of(digest, "salt"),
		   *sum = text_of(digest, "digest"), *cipher = text_of(segment, "encryption");
	int64_t iterations = json_object_get_int64(member(digest, "iterations", json_type_int));
	int n;

	if (strcmp(text_of(digest, "type"), "pbkdf2") != 0 || !is_word(hash) || !is_base64(salt) ||
	    !is_base64(sum))
		return;
	n = snprintf(l->pin, sizeof(l->pin), "luks2:%s:%lld:%s:%s:%s%s%s", hash, (long long)iterations, salt, sum,
		     cipher, *l->integrity ? "+" : "", l->integrity);
	if (n < 0 || (size_t)n >= sizeof(l->pin))
		l->pin[0] = '\0';
}

/* While the key is being changed there are several segments and digests. */
static void pin_2(struct json_object *root, struct luks *l)
{
	struct json_object *segments = member(root, "segments", json_type_object),
			   *digests = member(root, "digests", json_type_object), *found = NULL;
	unsigned n = 0;

	if (!digests || json_object_object_length(segments) != 1 || l->is_reencrypting)
		return;
	json_object_object_foreach(segments, name, segment)
	{
		json_object_object_foreach(digests, number, digest)
		{
			(void)number;
			if (!lists(digest, "segments", name))
				continue;
			found = digest;
			n++;
		}
		if (n == 1)
			write_pin(found, segment, l);
	}
}

static int take_json(struct json_object *root, uint64_t header, struct luks *l, struct err *err)
{
	int r = take_segments(root, l, err);

	if (r == 0)
		r = take_slots(root, header, l, err);
	if (r < 0)
		return r;
	take_tokens(root, l);
	take_digests(root, l);
	pin_2(root, l);
	return 0;
}

/* The JSON ends with a NUL, and the rest of its area is zeros. */
static int parse_json(const char *text, size_t max, uint64_t header, struct luks *l,
		      struct err *err)
{
	size_t len = strnlen(text, max);
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	struct json_object *root;
	int r;

	if (!tokener)
		return err_set(err, -ENOMEM, "no memory left");
	root = json_tokener_parse_ex(tokener, text, (int)len);
	if (len == max || json_tokener_get_error(tokener) != json_tokener_success)
		r = bad(err, "its JSON is damaged");
	else
		r = take_json(root, header, l, err);
	json_object_put(root);
	json_tokener_free(tokener);
	return r;
}

/* Over the whole header, with zeros in the sum's own place. */
static bool is_intact(const uint8_t *p, size_t len)
{
	static const uint8_t zeros[V2_SUM_SIZE];
	uint8_t sum[SHA256_SIZE];
	struct sha256 s;

	sha256_init(&s);
	sha256_add(&s, p, V2_SUM);
	sha256_add(&s, zeros, sizeof(zeros));
	sha256_add(&s, p + V2_SUM + V2_SUM_SIZE, len - V2_SUM - V2_SUM_SIZE);
	sha256_take(&s, sum);
	return memcmp(sum, p + V2_SUM, sizeof(sum)) == 0;
}

static bool has_usual_sum(const uint8_t *p)
{
	return strncmp((const char *)p + 72, "sha256", 32) == 0;
}

/* OFFSET: where the header is. */
static int decode_2(const uint8_t *p, size_t size, uint64_t offset, struct luks *l, struct err *err)
{
	int r;

	/* Other sums than the usual one are left to cryptsetup. */
	if (be64(p + 256) != offset || (has_usual_sum(p) && !is_intact(p, size)))
		return bad(err, "its checksum is wrong");
	r = take_uuid(p, l, err);
	return r < 0 ? r
		     : parse_json((const char *)p + V2_BINARY, size - V2_BINARY, size, l, err);
}

int luks_decode(const void *data, size_t len, struct luks *out, struct err *err)
{
	struct luks l = {0};
	size_t size;
	int r = luks_size(data, len, &size, err);

	if (r == 0 && len < size)
		r = bad(err, "it is cut off");
	if (r < 0)
		return r;
	l.version = ((const uint8_t *)data)[7];
	r = l.version == 1 ? decode_1(data, &l, err) : decode_2(data, size, 0, &l, err);
	if (r == 0)
		*out = l;
	return r;
}

static int refuse_pin(struct err *err)
{
	return err_set(err, -EKEYREJECTED, "LUKS header: the volume key or the cipher is another one");
}

/* cryptsetup uses the second header only if that is intact, and the newer one of the two. */
static int check_second(const uint8_t *p, size_t size, const char *pin, struct err *err)
{
	struct luks l = {0};
	int r;

	if (memcmp(p, magic_of_second, MAGIC_SIZE) != 0 || (has_usual_sum(p) && !is_intact(p, size)))
		return 0;
	if (!has_usual_sum(p) || be64(p + 8) != size)
		return bad(err, "the second one is of another kind than the first one");
	r = decode_2(p, size, size, &l, err);
	return r < 0 || strcmp(l.pin, pin) == 0 ? r : refuse_pin(err);
}

int luks_check_pin(const void *data, size_t len, const char *pin, struct err *err)
{
	const uint8_t *p = data;
	struct luks l;
	size_t size;
	int r = luks_decode(data, len, &l, err);

	if (r < 0)
		return r;
	if (l.version == 2 && !has_usual_sum(p))
		return bad(err, "its checksum is not the usual one");
	if (strcmp(l.pin, pin) != 0)
		return refuse_pin(err);
	if (l.version == 1)
		return 0;
	r = luks_size(data, len, &size, err);
	if (r == 0 && len < 2 * size)
		r = bad(err, "it is cut off");
	return r < 0 ? r : check_second(p + size, size, pin, err);
}
