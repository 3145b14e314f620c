/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Formats that are text: command lines, configurations, tables of mounts, events.
 */

#include <stdio.h>
#include <sys/mount.h>

#include "format/ours/bootconf.h"
#include "format/kernel/cmdline.h"
#include "format/kernel/kconfig.h"
#include "format/machine/mountinfo.h"
#include "format/machine/mountopts.h"
#include "format/kernel/uevent.h"
#include "support.h"

/* A NUL-terminated copy, for functions that work in place. */
static char *text_of(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	assert_non_null(text);
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

/* ---- the kernel command line ---- */

/* The words of LINE as "param|value;", a word without a value as "param;". */
static void assert_words(const char *line, const char *expected)
{
	_cleanup_free_ char *text = strdup(line);
	_cleanup_buf_ struct buf got = BUF_INIT;
	char *cursor = text, *param, *value;

	while (cmdline_next(&cursor, &param, &value))
		buf_printf(&got, value ? "%s|%s;" : "%s;", param, value);
	if (strcmp(buf_cstr(&got), expected) != 0)
		fail_msg("[%s] gives [%s], not [%s]", line, buf_cstr(&got), expected);
}

static void words_stand_between_blanks(void **state)
{
	(void)state;
	assert_words("", "");
	assert_words(" \t\n\v\f\r ", "");
	assert_words("ro", "ro;");
	assert_words("  ro \t quiet\n", "ro;quiet;");
	assert_words("root=/dev/vda1 rootdelay=5", "root|/dev/vda1;rootdelay|5;");
	assert_words("a= b", "a|;b;");
	assert_words("root=UUID=x=y", "root|UUID=x=y;");
}

static void quotes_protect_blanks_and_are_taken_off(void **state)
{
	(void)state;
	assert_words("a=\"b c\" d", "a|b c;d;");
	assert_words("\"a=b c\" d", "a|b c;d;");
	assert_words("\"a b\"", "a b;");
	assert_words("a=\"\"", "a|;");
	assert_words("root=LABEL=\"my root\"", "root|LABEL=\"my root\";");
	assert_words("a=b\" \"c", "a|b\" \"c;");
	assert_words("\"\"", ";");
	assert_words("a=\"b=c d\" e", "a|b=c d;e;");
}

static void a_quote_without_its_end_reaches_to_the_end(void **state)
{
	(void)state;
	assert_words("a=\"b c", "a|b c;");
	assert_words("\"a b", "a b;");
	assert_words("a=\"", "a|;");
	assert_words("\"", ";");
	assert_words("x a\"b c", "x;a\"b c;");
}

static void there_is_no_escape(void **state)
{
	(void)state;
	assert_words("a=b\\ c", "a|b\\;c;");
	assert_words("a='b c'", "a|'b;c';");
}

static void a_word_that_starts_with_an_equals_sign_has_no_empty_name(void **state)
{
	(void)state;
	/* next_arg() takes no "=" at the start of a word for the end of a name. */
	assert_words("=a", "=a;");
	assert_words("=a=b c", "=a|b;c;");
}

static void names_compare_with_dashes_as_underscores(void **state)
{
	(void)state;
	assert_true(cmdline_name_is("rd_timeout", "rd-timeout"));
	assert_true(cmdline_name_is("a-b_c", "a_b-c"));
	assert_true(cmdline_name_is("", ""));
	assert_false(cmdline_name_is("ab", "a"));
	assert_false(cmdline_name_is("a", "ab"));
	assert_false(cmdline_name_is("a.b", "a-b"));
	assert_false(cmdline_name_is("A", "a"));
}

static void a_switch_is_on_unless_it_says_no(void **state)
{
	(void)state;
	assert_true(cmdline_switch(NULL));
	assert_true(cmdline_switch(""));
	assert_true(cmdline_switch("1"));
	assert_true(cmdline_switch("yes"));
	assert_false(cmdline_switch("0"));
	assert_false(cmdline_switch("no"));
	assert_false(cmdline_switch("off"));
}

static void check_cmdline(uint8_t *data, size_t len, void *arg)
{
	_cleanup_free_ char *text = text_of(data, len);
	char *cursor = text, *param, *value;

	(void)arg;
	while (cmdline_next(&cursor, &param, &value))
		assert_true(cursor <= text + len && param + strlen(param) <= text + len &&
			    (!value || value + strlen(value) <= text + len));
}

static void no_command_line_is_fatal(void **state)
{
	static const char line[] = "root=\"a b\" \"c=d e\" =x x= quiet -- y=\"";

	(void)state;
	sweep(line, sizeof(line) - 1, check_cmdline, NULL);
}

/* ---- the kernel's configuration ---- */

static enum kconfig_value config(const char *text, const char *name)
{
	size_t len = strlen(text);
	_cleanup_free_ uint8_t *exact = exact_copy(text, len);

	return kconfig_get((const char *)exact, len, name);
}

static void an_option_is_yes_module_or_no(void **state)
{
	static const char text[] = "# CONFIG_D is not set\nCONFIG_A=y\nCONFIG_B=m\n"
				   "CONFIG_C=\"text\"\nCONFIG_E=n\nCONFIG_F=0x10";

	(void)state;
	assert_int_equal(config(text, "CONFIG_A"), KCONFIG_YES);
	assert_int_equal(config(text, "CONFIG_B"), KCONFIG_MODULE);
	assert_int_equal(config(text, "CONFIG_C"), KCONFIG_YES);
	assert_int_equal(config(text, "CONFIG_D"), KCONFIG_NO);
	assert_int_equal(config(text, "CONFIG_E"), KCONFIG_NO);
	assert_int_equal(config(text, "CONFIG_F"), KCONFIG_YES);
	assert_int_equal(config(text, "CONFIG_G"), KCONFIG_NO);
	assert_int_equal(config("", "CONFIG_A"), KCONFIG_NO);
}

static void part_of_a_name_is_another_option(void **state)
{
	static const char text[] = "CONFIG_RD_ZSTD_X=y\nXCONFIG_RD_ZSTD=y\n#CONFIG_RD_ZSTD=y\n"
				   "CONFIG_Y=\"CONFIG_RD_ZSTD=y\"\n";

	(void)state;
	assert_int_equal(config(text, "CONFIG_RD_ZSTD"), KCONFIG_NO);
	assert_int_equal(config(text, "CONFIG_RD"), KCONFIG_NO);
}

static void the_last_assignment_counts(void **state)
{
	(void)state;
	assert_int_equal(config("CONFIG_A=y\nCONFIG_A=m\n", "CONFIG_A"), KCONFIG_MODULE);
	assert_int_equal(config("CONFIG_A=y\nCONFIG_A=n\n", "CONFIG_A"), KCONFIG_NO);
}

static void a_configuration_is_found_inside_a_kernel(void **state)
{
	static const char kernel[] = "..IKCFG_ST no gzip..IKCFG_ST\x1f\x8b stream IKCFG_ED..";
	size_t len = 0;
	const char *found = kconfig_find_embedded(kernel, sizeof(kernel) - 1, &len);

	(void)state;
	assert_non_null(found);
	assert_int_equal(len, 10);
	assert_memory_equal(found, "\x1f\x8b stream ", 10);
	assert_null(kconfig_find_embedded("IKCFG_ST", 8, &len));
	assert_null(kconfig_find_embedded("IKCFG_ST\x1f\x8bxx", 12, &len));
	assert_null(kconfig_find_embedded("", 0, &len));
}

static void check_kconfig(uint8_t *data, size_t len, void *arg)
{
	const uint8_t *gz;
	size_t gz_len = 0;

	(void)arg;
	kconfig_get((const char *)data, len, "CONFIG_A");
	gz = kconfig_find_embedded(data, len, &gz_len);
	assert_true(!gz || (gz >= data && gz + gz_len <= data + len));
}

static void no_configuration_is_fatal(void **state)
{
	static const char text[] = "CONFIG_A=y\nIKCFG_ST\x1f\x8bxIKCFG_ED\nCONFIG_A=m";

	(void)state;
	sweep(text, sizeof(text) - 1, check_kconfig, NULL);
}

/* ---- boot.conf ---- */

static void boot_conf_is_lines_of_key_and_value(void **state)
{
	char text[] = "# comment=1\n\nkernel=6.1.0\nno pair\nload=a\nload=b=c\n=x\nlast=";
	static const char *const pairs[][2] = {
		{"kernel", "6.1.0"}, {"load", "a"}, {"load", "b=c"}, {"", "x"}, {"last", ""}};
	char *cursor = text, *key, *value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		assert_true(bootconf_next(&cursor, &key, &value));
		assert_string_equal(key, pairs[i][0]);
		assert_string_equal(value, pairs[i][1]);
	}
	assert_false(bootconf_next(&cursor, &key, &value));
	assert_false(bootconf_next(&cursor, &key, &value));
}

static void a_program_to_run_has_stage_time_and_need(void **state)
{
	static const char *const wrong[] = {
		"", "pre-mount", "pre-mount 90", "pre-mount 90 required", "pre-mount 90 required ",
		"pre-mount 90 required bin/x", "pre-mount 0 required /x", "pre-mount -1 required /x",
		"pre-mount 86401 required /x", "pre-mount 90 needed /x", "mount 90 required /x",
		"pre-mount  90 required /x", " pre-mount 90 required /x", "pre-mount x optional /x",
	};
	struct bootconf_run run = {.seconds = 7};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_free_ char *text = strdup(wrong[i]);

		if (bootconf_run(text, &run) || run.seconds != 7)
			fail_msg("[%s] is taken", wrong[i]);
	}
	for (unsigned i = 0; i < RUN_STAGES; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s %u %s /a b", bootconf_stage_name(i), i + 1,
			 i ? "required" : "optional");
		assert_true(bootconf_run(text, &run));
		assert_int_equal(run.stage, i);
		assert_int_equal(run.seconds, i + 1);
		assert_int_equal(run.required, i > 0);
		assert_string_equal(run.path, "/a b");
	}
}

static void sweep_run(uint8_t *data, size_t len, void *arg)
{
	_cleanup_free_ char *text = text_of(data, len);
	struct bootconf_run run;

	(void)arg;
	if (bootconf_run(text, &run))
		assert_true(run.path[0] == '/' && run.seconds && run.stage < RUN_STAGES);
}

static void any_damage_of_a_program_to_run_is_lived_through(void **state)
{
	(void)state;
	sweep("pre-mount 90 required /x", strlen("pre-mount 90 required /x"), sweep_run, NULL);
}

/* ---- mountinfo ---- */

static void a_line_of_mountinfo_is_taken_apart(void **state)
{
	char line[] = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root "
		      "rw,errors=continue";
	struct mountinfo m;
	struct err err = {0};

	(void)state;
	assert_ok(mountinfo_decode(line, &m, &err), 0, &err);
	assert_true(m.id == 36 && m.parent == 35 && m.major == 98 && m.minor == 0);
	assert_string_equal(m.root, "/mnt1");
	assert_string_equal(m.target, "/mnt2");
	assert_string_equal(m.options, "rw,noatime");
	assert_string_equal(m.fstype, "ext3");
	assert_string_equal(m.source, "/dev/root");
	assert_string_equal(m.super_options, "rw,errors=continue");
}

static void blanks_in_paths_are_octal(void **state)
{
	char line[] = "1 2 8:1 / /a\\040b\\011c\\012d\\134e rw - xfs /dev/\\043x rw";
	char odd[] = "1 2 8:1 / /a\\04\\8 rw - xfs /dev/x\\ rw";
	struct mountinfo m;
	struct err err = {0};

	(void)state;
	assert_ok(mountinfo_decode(line, &m, &err), 0, &err);
	assert_string_equal(m.target, "/a b\tc\nd\\e");
	assert_string_equal(m.source, "/dev/#x");
	assert_ok(mountinfo_decode(odd, &m, &err), 0, &err);
	assert_string_equal(m.target, "/a\\04\\8");
	assert_string_equal(m.source, "/dev/x\\");
}

static void a_line_that_lacks_a_field_is_malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"1",
		"1 2 8:1 / /t rw",
		"1 2 8:1 / /t rw shared:1",
		"1 2 8:1 / /t rw - ext4",
		"1 2 8:1 / /t rw shared:1 ext4 /dev/x rw",
		"x 2 8:1 / /t rw - ext4 /dev/x rw",
		"1 2x 8:1 / /t rw - ext4 /dev/x rw",
		"1 2 8.1 / /t rw - ext4 /dev/x rw",
		"1 2 8:1: / /t rw - ext4 /dev/x rw",
		/* An empty field */
		" 2 8:1 / /t rw - ext4 /dev/x rw",
		"1  8:1 / /t rw - ext4 /dev/x rw",
		"1 2  / /t rw - ext4 /dev/x rw",
		"1 2 8:1  /t rw - ext4 /dev/x rw",
		"1 2 8:1 /  rw - ext4 /dev/x rw",
		"1 2 8:1 / /t  - ext4 /dev/x rw",
		"1 2 8:1 / /t rw -  /dev/x rw",
		"1 2 8:1 / /t rw - ext4  rw",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *line = strdup(bad[i]);
		struct mountinfo m = {.id = 77};
		struct err err = {0};

		if (mountinfo_decode(line, &m, &err) != -EBADMSG || m.id != 77)
			fail_msg("\"%s\" is malformed", bad[i]);
	}
}

static void check_mountinfo(uint8_t *data, size_t len, void *arg)
{
	_cleanup_free_ char *line = text_of(data, len);
	struct mountinfo m = {0};
	struct err err = {0};
	int r = mountinfo_decode(line, &m, &err);

	(void)arg;
	assert_true(r == 0 || r == -EBADMSG);
	if (r == 0)
		assert_true(m.root && m.target && m.options && m.fstype && m.source &&
			    m.super_options);
}

static void no_line_of_mountinfo_is_fatal(void **state)
{
	static const char line[] = "36 35 98:0 / /m\\040t rw shared:2 - ext3 /dev/r rw";

	(void)state;
	sweep(line, sizeof(line) - 1, check_mountinfo, NULL);
}

/* ---- uevents ---- */

static const char message[] = "add@/devices/pci0/vda/vda1\0ACTION=add\0"
			      "DEVPATH=/devices/pci0/vda/vda1\0SUBSYSTEM=block\0MAJOR=254\0"
			      "MINOR=1\0DEVNAME=vda1\0DEVTYPE=partition\0PARTN=1\0SEQNUM=5\0"
			      "MODALIAS=x:y";

static void an_event_of_the_kernel_is_understood(void **state)
{
	_cleanup_free_ char *text = text_of((const uint8_t *)message, sizeof(message));
	struct uevent u;

	(void)state;
	assert_true(uevent_decode_message(text, sizeof(message), &u));
	assert_string_equal(u.action, "add");
	assert_string_equal(u.devpath, "/devices/pci0/vda/vda1");
	assert_string_equal(u.subsystem, "block");
	assert_string_equal(u.devname, "vda1");
	assert_string_equal(u.devtype, "partition");
	assert_string_equal(u.partn, "1");
	assert_string_equal(u.modalias, "x:y");
	assert_int_equal(u.major, 254);
	assert_int_equal(u.minor, 1);
}

static void what_is_no_event_of_the_kernel_is_left_alone(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
		{"", 0},
		{"add@/x", 6},
		{"libudev\0ACTION=add\0DEVPATH=/x\0SUBSYSTEM=y", 42},
		{"add@/x\0ACTION=add\0DEVPATH=/x", 28},
		{"add@/x\0ACTION=add\0SUBSYSTEM=y", 29},
		{"add@/x\0DEVPATH=/x\0SUBSYSTEM=y", 29},
		{"\0add@/x\0ACTION=add\0DEVPATH=/x\0SUBSYSTEM=y", 42},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = text_of((const uint8_t *)bad[i].data, bad[i].len);
		struct uevent u;

		assert_false(uevent_decode_message(text, bad[i].len, &u));
	}
}

static void a_uevent_file_is_understood(void **state)
{
	static const char file[] = "MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\nDISKSEQ=1\n";
	_cleanup_free_ char *text = text_of((const uint8_t *)file, sizeof(file) - 1);
	struct uevent u;

	(void)state;
	uevent_decode_file(text, sizeof(file) - 1, &u);
	assert_string_equal(u.devname, "sda");
	assert_string_equal(u.devtype, "disk");
	assert_int_equal(u.major, 8);
	assert_int_equal(u.minor, 0);
	assert_null(u.action);
	assert_null(u.modalias);
}

static void numbers_that_are_none_stay_unknown(void **state)
{
	static const char file[] = "MAJOR=-1\nMINOR=99999999999\nMAJOR=\nMINOR=1x";
	_cleanup_free_ char *text = text_of((const uint8_t *)file, sizeof(file) - 1);
	struct uevent u;

	(void)state;
	uevent_decode_file(text, sizeof(file) - 1, &u);
	assert_int_equal(u.major, -1);
	assert_int_equal(u.minor, -1);
	assert_null(u.devname);
}

static void check_uevent(uint8_t *data, size_t len, void *arg)
{
	_cleanup_free_ char *a = text_of(data, len), *b = text_of(data, len);
	struct uevent u;

	(void)arg;
	if (uevent_decode_message(a, len, &u))
		assert_true(u.action && u.devpath && u.subsystem);
	uevent_decode_file(b, len, &u);
	assert_true(!u.devname || (u.devname >= b && u.devname + strlen(u.devname) <= b + len));
}

static void no_event_is_fatal(void **state)
{
	(void)state;
	sweep(message, sizeof(message), check_uevent, NULL);
}

/* ---- mount options ---- */

static void general_mount_options_become_flags(void **state)
{
	unsigned long flags = MS_RDONLY | MS_NOSUID;
	char data[100];

	(void)state;
	assert_int_equal(mountopts_split("rw,noatime,commit=30,,nodev,subvol=@,defaults", &flags,
					 data, sizeof(data)),
			 0);
	assert_true(flags == (MS_NOSUID | MS_NOATIME | MS_NODEV));
	assert_string_equal(data, "commit=30,subvol=@");
}

static void the_later_of_two_options_counts(void **state)
{
	unsigned long flags = 0;
	char data[10];

	(void)state;
	assert_int_equal(mountopts_split("ro,rw,ro,noexec,exec", &flags, data, sizeof(data)), 0);
	assert_true(flags == MS_RDONLY);
	assert_string_equal(data, "");
	/* Not the beginning of an option, the whole. */
	assert_int_equal(mountopts_split("rox,r", &flags, data, sizeof(data)), 0);
	assert_string_equal(data, "rox,r");
}

static void options_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	for (size_t size = 0; size < 12; size++) {
		_cleanup_free_ char *data = malloc(size ? size : 1);
		unsigned long flags = MS_SYNCHRONOUS;
		int r = mountopts_split("ro,abc,defg", &flags, data, size);

		if (size > 8) {
			assert_int_equal(r, 0);
			assert_string_equal(data, "abc,defg");
		} else if (r != 0) {
			assert_int_equal(r, -E2BIG);
			assert_true(flags == MS_SYNCHRONOUS);
		}
		assert_true(r == 0 || size <= 9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_stand_between_blanks),
		cmocka_unit_test(quotes_protect_blanks_and_are_taken_off),
		cmocka_unit_test(a_quote_without_its_end_reaches_to_the_end),
		cmocka_unit_test(there_is_no_escape),
		cmocka_unit_test(a_word_that_starts_with_an_equals_sign_has_no_empty_name),
		cmocka_unit_test(names_compare_with_dashes_as_underscores),
		cmocka_unit_test(a_switch_is_on_unless_it_says_no),
		cmocka_unit_test(no_command_line_is_fatal),
		cmocka_unit_test(an_option_is_yes_module_or_no),
		cmocka_unit_test(part_of_a_name_is_another_option),
		cmocka_unit_test(the_last_assignment_counts),
		cmocka_unit_test(a_configuration_is_found_inside_a_kernel),
		cmocka_unit_test(no_configuration_is_fatal),
		cmocka_unit_test(boot_conf_is_lines_of_key_and_value),
		cmocka_unit_test(a_program_to_run_has_stage_time_and_need),
		cmocka_unit_test(any_damage_of_a_program_to_run_is_lived_through),
		cmocka_unit_test(a_line_of_mountinfo_is_taken_apart),
		cmocka_unit_test(blanks_in_paths_are_octal),
		cmocka_unit_test(a_line_that_lacks_a_field_is_malformed),
		cmocka_unit_test(no_line_of_mountinfo_is_fatal),
		cmocka_unit_test(an_event_of_the_kernel_is_understood),
		cmocka_unit_test(what_is_no_event_of_the_kernel_is_left_alone),
		cmocka_unit_test(a_uevent_file_is_understood),
		cmocka_unit_test(numbers_that_are_none_stay_unknown),
		cmocka_unit_test(no_event_is_fatal),
		cmocka_unit_test(general_mount_options_become_flags),
		cmocka_unit_test(the_later_of_two_options_counts),
		cmocka_unit_test(options_that_do_not_fit_are_refused),
	};

	return RUN_TESTS(tests);
}
