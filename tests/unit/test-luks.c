/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Headers of LUKS volumes. The JSON is what cryptsetup 2.6 wrote, without its salts and digests. */

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/digest.h"
#include "format/machine/luks.h"
#include "support.h"

#define UUID "3f71d376-9046-48b2-870a-1c69ef76ac46"

enum { SIZE_2 = 16 * 1024, SIZE_1 = 592, SLOT_1 = 208 };

static uint8_t header[2 * SIZE_2]; /* and the second one of version 2 */

#define KDF(memory) "{\"type\":\"argon2id\",\"time\":4,\"memory\":" memory ",\"cpus\":1,\"salt\":\"\"}"
#define PBKDF2 "{\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"\"}"
#define SLOT(offset, kdf)                                                                          \
	"{\"type\":\"luks2\",\"key_size\":64,\"af\":{\"type\":\"luks1\",\"stripes\":4000,"         \
	"\"hash\":\"sha256\"},\"area\":{\"type\":\"raw\",\"offset\":\"" offset "\",\"size\":\"258048\"," \
	"\"encryption\":\"aes-xts-plain64\",\"key_size\":64},\"kdf\":" kdf "}"
#define SEGMENT(encryption)                                                                        \
	"{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\","      \
	"\"encryption\":\"" encryption "\",\"sector_size\":4096}"
#define JSON(slots, segments)                                                                      \
	"{\"keyslots\":{" slots "},\"tokens\":{},\"segments\":{" segments "},\"digests\":{},"       \
	"\"config\":{\"json_size\":\"12288\",\"keyslots_size\":\"16744448\"}}"

static void add_sum(void)
{
	uint8_t sum[DIGEST_SIZE];

	memset(header + 448, 0, 64);
	digest_of(header, SIZE_2, sum);
	memcpy(header + 448, sum, sizeof(sum));
}

static void make_2(const char *json)
{
	memset(header, 0, SIZE_2);
	memcpy(header, "LUKS\xba\xbe\0\2", 8);
	header[14] = SIZE_2 >> 8;
	strcpy((char *)header + 72, "sha256");
	strcpy((char *)header + 168, UUID);
	memcpy(header + 4096, json, strlen(json));
	add_sum();
}

static void put_be32(size_t at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		header[at + (size_t)i] = (uint8_t)(v >> (24 - 8 * i));
}

static void make_1(void)
{
	memset(header, 0, sizeof(header));
	memcpy(header, "LUKS\xba\xbe\0\1", 8);
	strcpy((char *)header + 8, "aes");
	strcpy((char *)header + 40, "cbc-essiv:sha256");
	strcpy((char *)header + 72, "sha1");
	put_be32(104, 4096);
	put_be32(108, 32);
	strcpy((char *)header + 168, UUID);
	for (size_t i = 0; i < 8; i++) {
		put_be32(SLOT_1 + 48 * i, i ? 0xDEAD : 0x00AC71F3);
		put_be32(SLOT_1 + 48 * i + 4, i ? 0 : 1000);
		put_be32(SLOT_1 + 48 * i + 40, 8 + 256 * (uint32_t)i);
		put_be32(SLOT_1 + 48 * i + 44, 4000);
	}
}

static void expect_bad(const char *why)
{
	struct luks l = {0};
	struct err err = {0};

	assert_int_equal(luks_decode(header, sizeof(header), &l, &err), -EBADMSG);
	assert_contains(err.text, why);
	assert_int_equal(l.version, 0);
}

static void version_2_says_what_it_takes_to_open_it(void **state)
{
	struct luks l;
	struct err err;
	size_t size;

	(void)state;
	make_2(JSON("\"0\":" SLOT("32768", PBKDF2) ",\"1\":" SLOT("290816", KDF("1048576"))
		    ",\"2\":" SLOT("548864", KDF("4096")),
		    "\"0\":" SEGMENT("serpent-xts-plain64")));
	assert_int_equal(luks_size(header, 512, &size, &err), 0);
	assert_int_equal(size, SIZE_2);
	assert_int_equal(luks_decode(header, sizeof(header), &l, &err), 0);
	assert_int_equal(l.version, 2);
	assert_string_equal(l.uuid, UUID);
	assert_int_equal(l.n_ciphers, 2);
	assert_string_equal(l.ciphers[0], "serpent-xts-plain64");
	assert_string_equal(l.ciphers[1], "aes-xts-plain64");
	assert_int_equal(l.n_slots, 3);
	assert_int_equal(l.memory, 1048576);
	assert_string_equal(l.integrity, "");
	assert_false(l.is_reencrypting);
}

static void version_1_says_what_it_takes_to_open_it(void **state)
{
	struct luks l;
	struct err err;

	(void)state;
	make_1();
	assert_int_equal(luks_decode(header, SIZE_1, &l, &err), 0);
	assert_int_equal(l.version, 1);
	assert_string_equal(l.ciphers[0], "aes-cbc-essiv:sha256");
	assert_int_equal(l.n_slots, 1);
	assert_int_equal(l.memory, 0);
}

static void integrity_is_named(void **state)
{
	struct luks l;
	struct err err;

	(void)state;
	make_2(JSON("", "\"0\":{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\","
			"\"encryption\":\"aes-xts-random\",\"integrity\":{\"type\":\"hmac(sha256)\"}}"));
	assert_int_equal(luks_decode(header, sizeof(header), &l, &err), 0);
	assert_string_equal(l.integrity, "hmac(sha256)");
}

#define TOKENS(tokens)                                                                             \
	"{\"keyslots\":{\"0\":" SLOT("32768", PBKDF2) ",\"7\":" SLOT("290816", PBKDF2) "},"           \
	"\"segments\":{\"0\":" SEGMENT("aes-xts-plain64") "},\"digests\":{},\"tokens\":{" tokens "}}"
#define TOKEN(type, slots) "{\"type\":\"" type "\",\"keyslots\":[" slots "]}"

static void slots_of_tokens_have_no_passphrase(void **state)
{
	static const struct {
		const char *json, *token;
		unsigned n_passphrases;
	} cases[] = {
		{TOKENS(""), "", 2},
		{TOKENS("\"0\":" TOKEN("clevis", "\"7\"")), "clevis", 1},
		{TOKENS("\"0\":" TOKEN("clevis", "\"7\"") ",\"1\":" TOKEN("clevis", "\"7\"")), "clevis", 1},
		{TOKENS("\"0\":" TOKEN("systemd-tpm2", "\"0\",\"7\"")), "systemd-tpm2", 0},
		{TOKENS("\"0\":" TOKEN("systemd-fido2", "\"3\"")), "", 2},
		{TOKENS("\"0\":" TOKEN("systemd-recovery", "\"7\"")), "", 2},
		{TOKENS("\"0\":" TOKEN("luks2-keyring", "\"0\"")), "", 2},
		{TOKENS("\"0\":" TOKEN("a\\nb", "\"0\"")), "a token", 1},
		{TOKENS("\"0\":7,\"1\":{\"type\":3,\"keyslots\":[0]}"), "", 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct luks l;
		struct err err;

		make_2(cases[i].json);
		assert_int_equal(luks_decode(header, sizeof(header), &l, &err), 0);
		assert_string_equal(l.token, cases[i].token);
		assert_int_equal(l.n_passphrases, cases[i].n_passphrases);
	}
}

static void hashes_of_slots_and_digests_are_named(void **state)
{
	struct luks l;
	struct err err;

	(void)state;
	make_2("{\"keyslots\":{\"0\":{\"type\":\"luks2\",\"af\":{\"hash\":\"sha512\"},\"area\":{\"offset\":\"32768\","
	       "\"size\":\"4096\",\"encryption\":\"aes\"},\"kdf\":{\"type\":\"pbkdf2\",\"hash\":\"whirlpool\"}}},"
	       "\"segments\":{\"0\":" SEGMENT("aes") "},\"digests\":{\"0\":{\"hash\":\"sha512\"},"
	       "\"1\":{\"hash\":\"sha256\"}}}");
	assert_int_equal(luks_decode(header, sizeof(header), &l, &err), 0);
	assert_int_equal(l.n_hashes, 3);
	assert_string_equal(l.hashes[0], "sha512");
	assert_string_equal(l.hashes[1], "whirlpool");
	assert_string_equal(l.hashes[2], "sha256");
	make_1();
	assert_int_equal(luks_decode(header, SIZE_1, &l, &err), 0);
	assert_int_equal(l.n_hashes, 1);
	assert_string_equal(l.hashes[0], "sha1");
	assert_int_equal(l.n_passphrases, 1);
}

#define OPAL(type, encryption)                                                                     \
	"\"0\":{\"type\":\"" type "\",\"offset\":\"16777216\",\"size\":\"dynamic\"" encryption "}"

static void a_disk_that_encrypts_itself_has_no_cipher(void **state)
{
	struct luks l;
	struct err err;

	(void)state;
	make_2(JSON("", OPAL("hw-opal", "")));
	assert_int_equal(luks_decode(header, sizeof(header), &l, &err), 0);
	assert_true(l.is_opal);
	assert_int_equal(l.n_ciphers, 0);
	make_2(JSON("", OPAL("hw-opal-crypt", ",\"encryption\":\"aes-xts-plain64\"")));
	assert_int_equal(luks_decode(header, sizeof(header), &l, &err), 0);
	assert_true(l.is_opal);
	assert_string_equal(l.ciphers[0], "aes-xts-plain64");
	make_2(JSON("", OPAL("new", "")));
	assert_int_equal(luks_decode(header, sizeof(header), &l, &err), -EPROTONOSUPPORT);
}

static void what_is_no_header_is_told_from_a_damaged_one(void **state)
{
	struct luks l;
	struct err err;

	(void)state;
	memset(header, 0, sizeof(header));
	assert_int_equal(luks_decode(header, sizeof(header), &l, &err), -ENOENT);
	make_1();
	assert_int_equal(luks_decode(header, 511, &l, &err), -ENOENT);
	assert_int_equal(luks_decode(header, SIZE_1 - 1, &l, &err), -EBADMSG);
	header[7] = 3;
	assert_int_equal(luks_decode(header, sizeof(header), &l, &err), -EPROTONOSUPPORT);
}

static void a_damaged_header_of_version_2_is_an_error(void **state)
{
	static const char *const cases[][2] = {
		{"", "JSON"},
		{"{", "JSON"},
		{"[[[[[[[[[[[[[[[[[[[[", "JSON"},
		{"[]", "no data segment"},
		{"{\"segments\":{}}", "no data segment"},
		{"{\"segments\":{\"0\":7}}", "a data segment"},
		{JSON("", "\"0\":" SEGMENT("../x")), "a data segment"},
		{JSON("", "\"0\":" SEGMENT("")), "a data segment"},
		{JSON("\"0\":" SLOT("32768", "{}"), "\"0\":" SEGMENT("aes")), "not known"},
		{JSON("\"0\":" SLOT("32768", KDF("0")), "\"0\":" SEGMENT("aes")), "key slot"},
		{JSON("\"0\":" SLOT("32768", KDF("4194305")), "\"0\":" SEGMENT("aes")), "key slot"},
		{JSON("\"0\":" SLOT("32767", PBKDF2), "\"0\":" SEGMENT("aes")), "key slot"},
		{JSON("\"0\":" SLOT("-1", PBKDF2), "\"0\":" SEGMENT("aes")), "key slot"},
		{JSON("\"0\":" SLOT("32768", PBKDF2) ",\"1\":" SLOT("290815", PBKDF2),
		      "\"0\":" SEGMENT("aes")), "key slot"},
		{JSON("\"0\":7", "\"0\":" SEGMENT("aes")), "key slot"},
	};
	struct luks l;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r;

		make_2(cases[i][0]);
		r = luks_decode(header, sizeof(header), &l, &err);
		if ((r != -EBADMSG && r != -EPROTONOSUPPORT) || !strstr(err.text, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], r < 0 ? err.text : "is taken");
	}
	make_2(JSON("", "\"0\":" SEGMENT("aes")));
	header[5000] ^= 1;
	expect_bad("checksum");
	make_2(JSON("", "\"0\":" SEGMENT("aes")));
	header[168] = '/';
	add_sum();
	expect_bad("UUID");
	make_2(JSON("", "\"0\":" SEGMENT("aes")));
	header[15] = 1;
	expect_bad("size");
	make_2("");
	memset(header + 4096, ' ', SIZE_2 - 4096);
	add_sum();
	expect_bad("JSON");
}

static void there_are_not_endless_key_slots(void **state)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	(void)state;
	buf_add_str(&json, "{\"keyslots\":{");
	for (int i = 0; i <= LUKS_SLOTS_MAX; i++)
		buf_printf(&json, "%s\"%d\":{}", i ? "," : "", i);
	buf_add_str(&json, "},\"segments\":{\"0\":" SEGMENT("aes") "}}");
	make_2(buf_cstr(&json));
	expect_bad("list of key slots");
}

static void a_damaged_header_of_version_1_is_an_error(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *why;
	} cases[] = {
		{8, 0, "cipher"},
		{8, 0x2f2f2f2f, "cipher"},
		{72, 0, "cipher"},
		{108, 0, "key"},
		{108, 513, "key"},
		{SLOT_1 + 4, 0, "key slot"},
		{SLOT_1 + 40, 1, "key slot"},
		{SLOT_1 + 40, 4096, "key slot"},
		{SLOT_1 + 44, 1, "key slot"},
		{SLOT_1 + 48, 0x00AC71F3, "key slot"}, /* no iterations */
		{168, 0, "UUID"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_1();
		put_be32(cases[i].at, cases[i].value);
		expect_bad(cases[i].why);
	}
	make_1();
	put_be32(SLOT_1 + 48, 0x00AC71F3);
	put_be32(SLOT_1 + 52, 1000);
	put_be32(SLOT_1 + 48 + 40, 100); /* in the first one's area */
	expect_bad("key slot");
}

/* ---- what is pinned ---- */

#define DIGEST(segments, salt)                                                                     \
	"{\"type\":\"pbkdf2\",\"keyslots\":[\"0\"],\"segments\":[" segments "],\"hash\":\"sha256\","  \
	"\"iterations\":1000,\"salt\":\"" salt "\",\"digest\":\"ZGln/+==\"}"
#define PINNED(slots, segments, digests)                                                           \
	"{\"keyslots\":{" slots "},\"segments\":{" segments "},\"digests\":{" digests "}}"
#define PIN "luks2:sha256:1000:c2Fs:ZGln/+==:aes-xts-plain64"
#define PIN_OF_ONE PINNED("\"0\":" SLOT("32768", PBKDF2), "\"0\":" SEGMENT("aes-xts-plain64"),      \
			  "\"0\":" DIGEST("\"0\"", "c2Fs"))

static void the_key_is_pinned_whatever_slots_there_are(void **state)
{
	static const char *const cases[][2] = {
		{PIN_OF_ONE, PIN},
		{PINNED("\"0\":" SLOT("32768", KDF("4096")) ",\"3\":" SLOT("290816", PBKDF2),
			"\"0\":" SEGMENT("aes-xts-plain64"),
			"\"7\":" DIGEST("", "b3Ro") ",\"0\":" DIGEST("\"1\",\"0\"", "c2Fs")), PIN},
		{PINNED("", "\"0\":" SEGMENT("cipher_null-ecb"), "\"0\":" DIGEST("\"0\"", "c2Fs")),
		 "luks2:sha256:1000:c2Fs:ZGln/+==:cipher_null-ecb"},
		/* Which of two digests counts, or of two segments, is not for us to say. */
		{PINNED("", "\"0\":" SEGMENT("aes"), "\"0\":" DIGEST("\"0\"", "c2Fs") ",\"1\":" DIGEST("\"0\"", "b3Ro")), ""},
		{PINNED("", "\"0\":" SEGMENT("aes") ",\"1\":" SEGMENT("aes"), "\"0\":" DIGEST("\"0\",\"1\"", "c2Fs")), ""},
		{PINNED("", "\"0\":" SEGMENT("aes"), ""), ""},
		{PINNED("", "\"0\":" SEGMENT("aes"), "\"0\":7"), ""},
		{PINNED("", "\"0\":" SEGMENT("aes"), "\"0\":" DIGEST("\"0\"", "a b")), ""},
	};
	struct luks l;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_2(cases[i][0]);
		assert_int_equal(luks_decode(header, SIZE_2, &l, &err), 0);
		assert_string_equal(l.pin, cases[i][1]);
	}
	make_1();
	header[112] = 0xab;
	header[132] = 0xcd;
	put_be32(164, 77);
	assert_int_equal(luks_decode(header, SIZE_1, &l, &err), 0);
	assert_contains(l.pin, "luks1:sha1:77:cd0000");
	assert_contains(l.pin, ":ab0000");
	assert_contains(l.pin, ":aes-cbc-essiv:sha256");
	assert_int_equal(luks_check_pin(header, SIZE_1, l.pin, &err), 0);
	header[131] ^= 1;
	assert_int_equal(luks_check_pin(header, SIZE_1, l.pin, &err), -EKEYREJECTED);
}

/* Copies the first header to where the second one is. */
static void make_second(void)
{
	uint8_t first[SIZE_2];

	memcpy(first, header, SIZE_2);
	memcpy(header, "SKUL", 4);
	header[256 + 6] = SIZE_2 >> 8;
	add_sum();
	memcpy(header + SIZE_2, header, SIZE_2);
	memcpy(header, first, SIZE_2);
}

static int check(const char *pin)
{
	struct err err;

	return luks_check_pin(header, sizeof(header), pin, &err);
}

/* cryptsetup may use either. */
static void both_headers_must_have_the_pinned_key(void **state)
{
	(void)state;
	make_2(PIN_OF_ONE);
	memset(header + SIZE_2, 0, SIZE_2);
	assert_int_equal(check(PIN), 0);
	assert_int_equal(check(""), -EKEYREJECTED);
	assert_int_equal(luks_check_pin(header, SIZE_2, PIN, &(struct err){0}), -EBADMSG);
	make_second();
	assert_int_equal(check(PIN), 0);
	make_2(PINNED("", "\"0\":" SEGMENT("aes-xts-plain64"), "\"0\":" DIGEST("\"0\"", "b3Ro")));
	make_second();
	assert_int_equal(check(PIN), -EKEYREJECTED);
	make_2(PIN_OF_ONE);
	assert_int_equal(check(PIN), -EKEYREJECTED); /* of the second one */
	header[SIZE_2 + 5000] ^= 1; /* no longer intact: cryptsetup does not use it */
	assert_int_equal(check(PIN), 0);
	strcpy((char *)header + SIZE_2 + 72, "sha512"); /* which is not for us to say */
	assert_int_equal(check(PIN), -EBADMSG);
	header[5000] ^= 1;
	assert_int_equal(check(PIN), -EBADMSG);
	make_2(PIN_OF_ONE);
	strcpy((char *)header + 72, "sha512");
	assert_int_equal(check(PIN), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_2_says_what_it_takes_to_open_it),
		cmocka_unit_test(version_1_says_what_it_takes_to_open_it),
		cmocka_unit_test(integrity_is_named),
		cmocka_unit_test(slots_of_tokens_have_no_passphrase),
		cmocka_unit_test(hashes_of_slots_and_digests_are_named),
		cmocka_unit_test(a_disk_that_encrypts_itself_has_no_cipher),
		cmocka_unit_test(what_is_no_header_is_told_from_a_damaged_one),
		cmocka_unit_test(a_damaged_header_of_version_2_is_an_error),
		cmocka_unit_test(there_are_not_endless_key_slots),
		cmocka_unit_test(a_damaged_header_of_version_1_is_an_error),
		cmocka_unit_test(the_key_is_pinned_whatever_slots_there_are),
		cmocka_unit_test(both_headers_must_have_the_pinned_key),
	};

	return RUN_TESTS(tests);
}
