/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines of crypttab, and the options in them. */

#include <errno.h>
#include <stdio.h>

#include "format/machine/crypttab.h"
#include "support.h"

/* "NAME|DEVICE|KEY|OPTIONS"; or what is wrong with the line; "" for none. */
static const char *parsed(const char *line)
{
	static char out[512];
	char copy[256];
	struct crypttab_entry e;
	const char *why = NULL;
	int r;

	snprintf(copy, sizeof(copy), "%s", line);
	r = crypttab_parse(copy, &e, &why);
	if (r > 0)
		snprintf(out, sizeof(out), "%s|%s|%s|%s", e.name, e.device, e.key, e.options);
	else
		snprintf(out, sizeof(out), "%s", r < 0 ? why : "");
	assert_true(r >= 0 || r == -EBADMSG);
	return out;
}

static void fields_are_separated_by_blanks(void **state)
{
	static const char *const cases[][2] = {
		{"root UUID=1 none luks,discard", "root|UUID=1||luks,discard"},
		{"root UUID=1", "root|UUID=1||"},
		{"\troot\t/dev/sda2 - -\r", "root|/dev/sda2||"},
		{"swap /dev/sda3 /dev/urandom swap", "swap|/dev/sda3|/dev/urandom|swap"},
		{"a UUID=\"1-2\" none", "a|UUID=1-2||"},
		{"a \"UUID=1-2\" \"/a key\"", "a|UUID=1-2|/a key|"},
		{"a UUID=1 /a\\040key luks # words", "a|UUID=1|/a key|luks"},
		{"", ""},
		{" \t\r", ""},
		{"# root UUID=1", ""},
		{"  #a b c", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(parsed(cases[i][0]), cases[i][1]);
}

static void a_line_that_is_not_understood_is_an_error(void **state)
{
	static const char *const cases[][2] = {
		{"alone", "no device"},
		{"alone  ", "no device"},
		{"a UUID=\"1 none luks", "quote"},
		{"a UUID=1 none luks, discard", "more than four"},
		{"a/b UUID=1", "this name"},
		{"-a UUID=1", "this name"},
		{".. UUID=1", "this name"},
		{"control UUID=1", "this name"},
		{"\"a b\" UUID=1", "this name"},
		{"\"\" UUID=1", "this name"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_contains(parsed(cases[i][0]), cases[i][1]);
}

static void lines_are_counted(void **state)
{
	char text[] = "# one\nroot UUID=1\n\nalone\nhome UUID=2 none";
	struct crypttab table = {.cursor = text};
	struct crypttab_entry e;
	const char *why;

	(void)state;
	assert_int_equal(crypttab_next(&table, &e, &why), 1);
	assert_int_equal(e.line, 2);
	assert_int_equal(crypttab_next(&table, &e, &why), -EBADMSG);
	assert_int_equal(e.line, 4);
	assert_int_equal(crypttab_next(&table, &e, &why), 1);
	assert_string_equal(e.name, "home");
	assert_int_equal(e.line, 5);
	assert_int_equal(crypttab_next(&table, &e, &why), 0);
	table = (struct crypttab){0};
	assert_int_equal(crypttab_next(&table, &e, &why), 0);
}

static void a_name_fits_into_the_kernels(void **state)
{
	char name[CRYPTTAB_NAME_MAX + 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[CRYPTTAB_NAME_MAX] = '\0';
	assert_true(crypttab_is_name(name));
	name[CRYPTTAB_NAME_MAX] = 'x';
	name[CRYPTTAB_NAME_MAX + 1] = '\0';
	assert_false(crypttab_is_name(name));
}

/* ---- options ---- */

static void options_say_how_a_volume_is_opened(void **state)
{
	static const char *const words[] = {"discard", "no-read-workqueue", "tries=5", "timeout=2min",
					    "key-slot=3", "keyfile-offset=512", "keyfile-size=64"};
	struct crypttab_options o;

	(void)state;
	crypttab_options_init(&o);
	assert_int_equal(o.slot, CRYPTTAB_ANY_SLOT);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_int_equal(crypttab_option(words[i], &o), CRYPTTAB_TAKEN);
	assert_int_equal(o.flags, CRYPTTAB_DISCARD | CRYPTTAB_NO_READ_QUEUE);
	assert_true(o.has_tries);
	assert_int_equal(o.tries, 5);
	assert_int_equal(o.seconds, 120);
	assert_int_equal(o.slot, 3);
	assert_int_equal(o.key_offset, 512);
	assert_int_equal(o.key_size, 64);
}

static void each_option_is_classified(void **state)
{
	static const struct {
		const char *word;
		enum crypttab_verdict verdict;
	} cases[] = {
		{"luks", CRYPTTAB_MEANINGLESS},
		{"x-initrd.attach", CRYPTTAB_MEANINGLESS},
		{"x-systemd.device-timeout=10s", CRYPTTAB_MEANINGLESS},
		{"tpm2-pcrs=7", CRYPTTAB_MEANINGLESS},
		{"", CRYPTTAB_MEANINGLESS},
		{"tpm2-device=auto", CRYPTTAB_TOKEN},
		{"swap", CRYPTTAB_NOT_LUKS},
		{"plain", CRYPTTAB_NOT_LUKS},
		{"header=/h", CRYPTTAB_NEEDED},
		{"keyscript=/x", CRYPTTAB_NEEDED},
		{"luksx", CRYPTTAB_UNKNOWN},
		{"discards", CRYPTTAB_UNKNOWN},
		{"discard=1", CRYPTTAB_MALFORMED},
		{"tries=", CRYPTTAB_MALFORMED},
		{"tries=many", CRYPTTAB_MALFORMED},
		{"timeout=3 days", CRYPTTAB_MALFORMED},
		{"key-slot=32", CRYPTTAB_MALFORMED},
	};
	struct crypttab_options o;

	(void)state;
	crypttab_options_init(&o);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (crypttab_option(cases[i].word, &o) != cases[i].verdict)
			fail_msg("%s", cases[i].word);
	assert_int_equal(o.flags, 0);
	assert_false(o.has_tries);
}

static void a_key_may_be_in_a_token(void **state)
{
	(void)state;
	assert_true(crypttab_has_token("luks,tpm2-device=auto"));
	assert_true(crypttab_has_token("fido2-device=auto,luks"));
	assert_true(crypttab_has_token("luks,keyscript=/x"));
	assert_false(crypttab_has_token("luks,x-tpm2-device"));
	assert_false(crypttab_has_token(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_separated_by_blanks),
		cmocka_unit_test(a_line_that_is_not_understood_is_an_error),
		cmocka_unit_test(lines_are_counted),
		cmocka_unit_test(a_name_fits_into_the_kernels),
		cmocka_unit_test(options_say_how_a_volume_is_opened),
		cmocka_unit_test(each_option_is_classified),
		cmocka_unit_test(a_key_may_be_in_a_token),
	};

	return RUN_TESTS(tests);
}
