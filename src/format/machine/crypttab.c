/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/crypttab.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/fstab.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts the next field off *CURSOR, without its quotes. NULL: a quote is never closed. */
static char *next_field(char **cursor)
{
	char *in = *cursor, *field, *out;
	bool is_quoted = false;

	while (is_blank(*in))
		in++;
	for (field = out = in; *in && (is_quoted || !is_blank(*in)); in++)
		if (*in == '"')
			is_quoted = !is_quoted;
		else
			*out++ = *in;
	*cursor = *in ? in + 1 : in;
	*out = '\0';
	unescape_octal(field);
	return is_quoted ? NULL : field;
}

bool crypttab_is_name(const char *name)
{
	size_t len = strlen(name);

	for (const char *s = name; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 127 || *s == '/')
			return false;
	return len && len <= CRYPTTAB_NAME_MAX && *name != '-' && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && strcmp(name, "control") != 0;
}

static const char *flaw(char *const fields[5])
{
	for (int i = 0; i < 5; i++)
		if (!fields[i])
			return "a quote is never closed";
	if (!*fields[1])
		return "there is no device behind the name";
	if (!crypttab_is_name(fields[0]))
		return "no volume can have this name";
	if (*fields[4] && *fields[4] != '#')
		return "there are more than four fields: the options are separated by commas, without "
		       "blanks";
	return NULL;
}

int crypttab_parse(char *line, struct crypttab_entry *out, const char **why)
{
	char *fields[5], *cursor = line;

	while (is_blank(*cursor))
		cursor++;
	if (!*cursor || *cursor == '#')
		return 0;
	for (int i = 0; i < 5; i++)
		fields[i] = next_field(&cursor);
	*why = flaw(fields);
	if (*why)
		return -EBADMSG;
	if (strcmp(fields[2], "none") == 0 || strcmp(fields[2], "-") == 0)
		*fields[2] = '\0';
	*out = (struct crypttab_entry){.name = fields[0],
				       .device = fields[1],
				       .key = fields[2],
				       .options = strcmp(fields[3], "-") == 0 ? fields[3] + 1
									      : fields[3]};
	return 1;
}

int crypttab_next(struct crypttab *c, struct crypttab_entry *out, const char **why)
{
	char *line;

	while (c->cursor && (line = strsep(&c->cursor, "\n"))) {
		int r = crypttab_parse(line, out, why);

		c->line++;
		if (r == 0)
			continue;
		out->line = c->line;
		return r;
	}
	return 0;
}

/* ---- options ---- */

static const struct {
	const char *name; /* "x-" and the like: the beginning of many */
	enum crypttab_verdict verdict;
	unsigned flag;
} plain[] = {
	{"discard", CRYPTTAB_TAKEN, CRYPTTAB_DISCARD},
	{"allow-discards", CRYPTTAB_TAKEN, CRYPTTAB_DISCARD},
	{"same-cpu-crypt", CRYPTTAB_TAKEN, CRYPTTAB_SAME_CPU},
	{"submit-from-crypt-cpus", CRYPTTAB_TAKEN, CRYPTTAB_SUBMIT},
	{"no-read-workqueue", CRYPTTAB_TAKEN, CRYPTTAB_NO_READ_QUEUE},
	{"no-write-workqueue", CRYPTTAB_TAKEN, CRYPTTAB_NO_WRITE_QUEUE},
	{"read-only", CRYPTTAB_TAKEN, CRYPTTAB_READ_ONLY},
	{"readonly", CRYPTTAB_TAKEN, CRYPTTAB_READ_ONLY},
	{"luks", CRYPTTAB_MEANINGLESS, 0},
	{"none", CRYPTTAB_MEANINGLESS, 0},
	{"noauto", CRYPTTAB_MEANINGLESS, 0},
	{"nofail", CRYPTTAB_MEANINGLESS, 0},
	{"noearly", CRYPTTAB_MEANINGLESS, 0},
	{"_netdev", CRYPTTAB_MEANINGLESS, 0},
	{"initramfs", CRYPTTAB_MEANINGLESS, 0},
	{"force", CRYPTTAB_MEANINGLESS, 0},
	{"loud", CRYPTTAB_MEANINGLESS, 0},
	{"quiet", CRYPTTAB_MEANINGLESS, 0},
	{"check", CRYPTTAB_MEANINGLESS, 0},
	{"noheadless", CRYPTTAB_MEANINGLESS, 0},
	/* Of plain volumes: a LUKS header has its own. */
	{"cipher", CRYPTTAB_MEANINGLESS, 0},
	{"size", CRYPTTAB_MEANINGLESS, 0},
	{"hash", CRYPTTAB_MEANINGLESS, 0},
	{"sector-size", CRYPTTAB_MEANINGLESS, 0},
	{"timeout-token", CRYPTTAB_MEANINGLESS, 0},
	{"token-timeout", CRYPTTAB_MEANINGLESS, 0},
	{"password-cache", CRYPTTAB_MEANINGLESS, 0},
	{"try-empty-password", CRYPTTAB_UNKNOWN, 0},
	{"tpm2-device", CRYPTTAB_TOKEN, 0},
	{"fido2-device", CRYPTTAB_TOKEN, 0},
	{"pkcs11-uri", CRYPTTAB_TOKEN, 0},
	{"plain", CRYPTTAB_NOT_LUKS, 0},
	{"swap", CRYPTTAB_NOT_LUKS, 0},
	{"tmp", CRYPTTAB_NOT_LUKS, 0},
	{"bitlk", CRYPTTAB_NOT_LUKS, 0},
	{"tcrypt", CRYPTTAB_NOT_LUKS, 0},
	{"tcrypt-hidden", CRYPTTAB_NOT_LUKS, 0},
	{"tcrypt-system", CRYPTTAB_NOT_LUKS, 0},
	{"tcrypt-veracrypt", CRYPTTAB_NOT_LUKS, 0},
	{"tcrypt-keyfile", CRYPTTAB_NOT_LUKS, 0},
	{"header", CRYPTTAB_NEEDED, 0},
	{"keyscript", CRYPTTAB_NEEDED, 0},
};

static const char *const prefixes[] = {"x-", "tpm2-", "fido2-", "pkcs11-"};

void crypttab_options_init(struct crypttab_options *out)
{
	*out = (struct crypttab_options){.slot = CRYPTTAB_ANY_SLOT};
}

/* "30", "30s", "2min" */
static bool parse_seconds(const char *text, uint64_t *out)
{
	static const struct {
		const char *unit;
		unsigned seconds;
	} units[] = {{"", 1}, {"s", 1}, {"sec", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};
	char number[16];
	size_t len = strspn(text, "0123456789");

	if (!len || len >= sizeof(number))
		return false;
	memcpy(number, text, len);
	number[len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(text + len, units[i].unit) == 0 && parse_u64(number, 1000000, out)) {
			*out *= units[i].seconds;
			return true;
		}
	return false;
}

/* Options with a number. False: WORD is none of them. */
static bool take_number(const char *word, struct crypttab_options *out, bool *is_good)
{
	const char *value = strchr(word, '=');
	uint64_t n = 0;

	if (!value)
		return false;
	value++;
	if (str_starts(word, "tries=")) {
		*is_good = out->has_tries = parse_u64(value, CRYPTTAB_TRIES_MAX, &n);
		out->tries = (unsigned)n;
	} else if (str_starts(word, "timeout=")) {
		*is_good = parse_seconds(value, &n);
		out->seconds = (unsigned)n;
	} else if (str_starts(word, "key-slot=") || str_starts(word, "keyslot=")) {
		*is_good = parse_u64(value, CRYPTTAB_SLOT_MAX, &n);
		out->slot = *is_good ? (int)n : out->slot;
	} else if (str_starts(word, "keyfile-offset=")) {
		*is_good = parse_u64(value, INT64_MAX, &out->key_offset);
	} else if (str_starts(word, "keyfile-size=")) {
		*is_good = parse_u64(value, INT64_MAX, &out->key_size);
	} else {
		return false;
	}
	return true;
}

enum crypttab_verdict crypttab_option(const char *word, struct crypttab_options *out)
{
	size_t len = strcspn(word, "=");
	bool is_good = true;

	if (take_number(word, out, &is_good))
		return is_good ? CRYPTTAB_TAKEN : CRYPTTAB_MALFORMED;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (strlen(plain[i].name) == len && strncmp(word, plain[i].name, len) == 0) {
			if (plain[i].flag && word[len])
				return CRYPTTAB_MALFORMED;
			out->flags |= plain[i].flag;
			return plain[i].verdict;
		}
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(word, prefixes[i]))
			return CRYPTTAB_MEANINGLESS;
	return *word ? CRYPTTAB_UNKNOWN : CRYPTTAB_MEANINGLESS;
}

bool crypttab_has_token(const char *options)
{
	static const char *const tokens[] = {"tpm2-device", "fido2-device", "pkcs11-uri",
					     "keyscript"};
	bool has = false;

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		has = has || fstab_has(options, tokens[i]);
	return has;
}
