/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lines of fstab and mount options, as libmount reads them: that library is asked the same.
 */

#include <libmount/libmount.h>
#include <stdio.h>
#include <sys/mount.h>

#include "format/machine/fstab.h"
#include "format/machine/mountopts.h"
#include "support.h"

/* ---- lines ---- */

static const char *text_or(const char *text, const char *otherwise)
{
	return text && *text ? text : otherwise;
}

/* libmount has no path for a tag that it knows; a tag that it does not know is a path. */
static void put_theirs(struct buf *out, struct libmnt_fs *fs)
{
	const char *tag = NULL, *value = NULL;

	if (mnt_fs_get_tag(fs, &tag, &value) == 0)
		buf_printf(out, "%s=%s", tag, value);
	else
		buf_add_str(out, text_or(mnt_fs_get_source(fs), ""));
	buf_printf(out, "|%s|%s|%s|%d\n", text_or(mnt_fs_get_target(fs), ""),
		   text_or(mnt_fs_get_fstype(fs), "auto"),
		   text_or(mnt_fs_get_options(fs), "defaults"), mnt_fs_get_passno(fs));
}

static int pass_over(struct libmnt_table *table, const char *file, int line)
{
	(void)table;
	(void)file;
	(void)line;
	return 1;
}

static void read_theirs(const char *text, struct buf *out)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	FILE *f = fmemopen((char *)text, strlen(text), "r");
	struct libmnt_fs *fs;

	assert_non_null(f);
	mnt_table_set_parser_errcb(table, pass_over);
	mnt_table_parse_stream(table, f, "fstab");
	while (mnt_table_next_fs(table, iter, &fs) == 0)
		put_theirs(out, fs);
	mnt_free_iter(iter);
	mnt_unref_table(table);
	fclose(f);
}

static void read_ours(const char *text, struct buf *out)
{
	_cleanup_free_ char *copy = strdup(text);
	struct fstab f = {.cursor = copy};
	struct fstab_entry e;

	while (fstab_next(&f, &e))
		if (!e.flaw)
			buf_printf(out, "%s|%s|%s|%s|%d\n", e.source, e.target, e.fstype, e.options,
				   e.pass);
}

static void assert_same(const char *text)
{
	_cleanup_buf_ struct buf ours = BUF_INIT, theirs = BUF_INIT;

	if (!*text)
		return;
	read_ours(text, &ours);
	read_theirs(text, &theirs);
	if (strcmp(buf_cstr(&ours), buf_cstr(&theirs)) != 0)
		fail_msg("of <%s>, ours: %s, of libmount: %s", text, buf_cstr(&ours),
			 buf_cstr(&theirs));
}

static const char *const nasty[] = {
	"UUID=bbbb /boot ext4 defaults 0 2\r\n",
	"UUID=bbbb /boot ext4 defaults\r\n",
	"UUID=bbbb /boot ext4\r\n",
	"a /b\r\n",
	"a\n",
	"\r\n",
	"a /b c d # x\n",
	"a /b c d yes no\n",
	"a /b c d 0 no\n",
	"a /b c d 0 2 # x\n",
	"a /b c d 0 2 y\r\n",
	"a /b c d 0 2y\n",
	"a /b c d 1.5 2\n",
	"a /b c d -1 +2\n",
	"a /b c d 0x1 010\n",
	"a /b c d 0 010\n",
	"a /b c d 0 99999999999\n",
	"a /b c d 18446744073709551616 1\n",
	"a /b c d \\060 \\061\n",
	"a /b c # comment\n",
	"a /b # c\n",
	"#a /b c\n",
	"  # a /b c\n",
	"\t a\t/b  c\td\t0\t1\n",
	"a /b c d 0",
	"a /b c d 0 2\r",
	"a /b c d 0 2\n\n# tail",
	"LABEL=\"x y\" /b c d 0 2\n",
	"LABEL=\"x\\040y\" /b c d\n",
	"LABEL=x\\040y /b c d\n",
	"UUID=\"abc\" /b c d\n",
	"UUID='abc' /b c d\n",
	"UUID=\"abc /b c d\n",
	"UUID=abc\" /b c d\n",
	"PARTUUID=\"a\"b\" /b c d\n",
	"\"/dev/x\" /b c d\n",
	"FOO=\"abc\" /b c d\n",
	"UUID= /b c d\n",
	"UUID=\"\" /b c d\n",
	"=x /b c d\n",
	"none swap swap sw 0 0\n",
	"a /b\\011\\040\\134\\012x c d\n",
	"a /b\\000x c d\n",
	"a /b\\777x\\400 c d\n",
	"a /b\\04 c d\n",
	"a /b c d\\\n",
	"a /b/ c d\n",
	"a\v/b c d\n",
	"a /b\fc d e\n",
	"a /b c d\r \n",
	"a /b c d 0\r 2\n",
	"a /b c d 0 2\r\r\n",
	"a /b c d\\015\n",
	"a /b c ,d,\n",
	"\\043a /b c d\n",
	"\xef\xbb\xbfUUID=a /b c d\n",
};

static void lines_are_read_as_libmount_reads_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nasty); i++)
		assert_same(nasty[i]);
}

static void same_with_a_byte(const char *text, size_t at)
{
	static const char bytes[] = "\n\r\t #\\\"'=,/0-\v\xff";
	char copy[160];

	snprintf(copy, sizeof(copy), "%s", text);
	for (const char *p = bytes; *p; p++) {
		copy[at] = *p;
		assert_same(copy);
	}
}

static void damaged_lines_are_read_as_libmount_reads_them(void **state)
{
	static const char text[] = "# all\r\nLABEL=\"a\\040b\" /usr\\134 ext4 ro,x=\"1,2\" 0 1\r\n"
				   "UUID=1\t/boot\tvfat\t\tumask=077 0 2 # x\n";
	char cut[160];

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)n, text);
		assert_same(cut);
	}
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		same_with_a_byte(text, n);
}

static void every_row_of_words_is_read_as_libmount_reads_it(void **state)
{
	static const char *const words[] = {"",  "\t", "#",	      "a\\040", "UUID=\"b\"",
					    "0", "+1", "swap,\"x,y\"", "\r",     "\n"};
	char text[64];

	(void)state;
	for (unsigned n = 0; n < 10000; n++)
		if (snprintf(text, sizeof(text), "/x /y %s %s %s %s\r\n", words[n % 10],
			     words[n / 10 % 10], words[n / 100 % 10], words[n / 1000]) > 0)
			assert_same(text);
}

static void what_libmount_passes_over_has_a_flaw_and_a_target(void **state)
{
	char text[] = "\n# all\r\nUUID=bbbb /boot ext4 defaults # kernels\r\n"
		      "a /usr\na /b c d 0 two\na\n";
	static const char *const targets[] = {"/boot", "/usr", "/b", ""};
	struct fstab f = {.cursor = text};
	struct fstab_entry e;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(targets); i++) {
		assert_true(fstab_next(&f, &e));
		assert_int_equal(e.line, 3 + i);
		assert_non_null(e.flaw);
		assert_string_equal(e.target, targets[i]);
		assert_int_equal(e.pass, 0);
		assert_true(*e.fstype && *e.options);
	}
	assert_false(fstab_next(&f, &e));
}

static void without_a_text_there_is_no_entry(void **state)
{
	struct fstab f = {0};
	struct fstab_entry e;

	(void)state;
	assert_false(fstab_next(&f, &e));
}

/* ---- options ---- */

static unsigned long flags_of(const char *options, unsigned long before, char *data, size_t size)
{
	unsigned long flags = before;
	int r = mountopts_split(options, &flags, data, size);

	if (r < 0)
		fail_msg("%s: %d", options, r);
	return flags;
}

static void flags_are_those_of_libmounts_table(void **state)
{
	const struct libmnt_optmap *map = mnt_get_builtin_optmap(MNT_LINUX_MAP);
	const unsigned long all = ~0ul;
	char data[64];

	(void)state;
	for (; map->name; map++) {
		_cleanup_free_ char *name = strndup(map->name, strcspn(map->name, "[="));
		unsigned long set = 0, kept = all;

		if (map->id == MS_REMOUNT || map->id == MS_MOVE)
			continue; /* of something that is mounted already */
		mnt_optstr_get_flags(name, &set, mnt_get_builtin_optmap(MNT_LINUX_MAP));
		mnt_optstr_get_flags(name, &kept, mnt_get_builtin_optmap(MNT_LINUX_MAP));
		if (flags_of(name, 0, data, sizeof(data)) != set ||
		    flags_of(name, all, data, sizeof(data)) != kept)
			fail_msg("%s: %lx, of libmount %lx", name, flags_of(name, 0, data, 64), set);
		assert_string_equal(data, "");
	}
}

/* mount(8) has it on its command line only. Newer releases of libmount have it in their table, marked
 * as not for fstab. */
static void a_mount_of_fstab_moves_nothing(void **state)
{
	char data[64];

	(void)state;
	assert_int_equal(flags_of("ro,move", 0, data, sizeof(data)), MS_RDONLY);
	assert_string_equal(data, "move"); /* the filesystem refuses it */
}

static void what_is_for_mount_alone_is_no_option_of_a_filesystem(void **state)
{
	const struct libmnt_optmap *map = mnt_get_builtin_optmap(MNT_USERSPACE_MAP);
	char data[64];

	(void)state;
	for (; map->name; map++) {
		_cleanup_free_ char *name = strndup(map->name, strcspn(map->name, "[="));
		bool has_value = strpbrk(map->name, "=-");
		unsigned long flags = MS_SYNCHRONOUS;
		char option[64];
		int r;

		snprintf(option, sizeof(option), "%s%s", name, has_value ? "=x" : "");
		r = mountopts_split(option, &flags, data, sizeof(data));
		if (r == -ENOTSUP)
			assert_string_equal(data, option);
		else if (r < 0 || *data)
			fail_msg("%s: %d, %s", option, r, data);
	}
}

static void no_part_of_a_device_is_mounted_as_the_whole(void **state)
{
	static const char *const options[] = {"ro,offset=512", "sizelimit=1", "verity.roothash=1",
					      "X-mount.subdir=x", "encryption=aes"};
	unsigned long flags = MS_NOSUID;
	char data[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		assert_int_equal(mountopts_split(options[i], &flags, data, sizeof(data)), -ENOTSUP);
		assert_contains(options[i], data);
		assert_int_equal(flags, MS_NOSUID);
	}
}

static void a_comma_in_quotes_parts_no_options(void **state)
{
	static const char *const lists[] = {
		"a,b",		   ",,a,,b,,",	   "context=\"s0:c1,nodev\",x",
		"x=\"nodev,nosuid", "=x,b",	   "\"a\",nodev",		 "a=\"b\"c,d\",nodev"};
	const struct libmnt_optmap *map = mnt_get_builtin_optmap(MNT_LINUX_MAP);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		unsigned long theirs = 0;
		char data[64];

		mnt_optstr_get_flags(lists[i], &theirs, map);
		if (flags_of(lists[i], 0, data, sizeof(data)) != theirs)
			fail_msg("%s: of libmount %lx", lists[i], theirs);
	}
	assert_true(fstab_has("a=\"x,b\",c=1", "c"));
	assert_false(fstab_has("a=\"x,b\",c=1", "b"));
	/* Since libmount 2.39. */
	assert_false(fstab_has("lowerdir=a\\,b,c", "b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_as_libmount_reads_them),
		cmocka_unit_test(damaged_lines_are_read_as_libmount_reads_them),
		cmocka_unit_test(every_row_of_words_is_read_as_libmount_reads_it),
		cmocka_unit_test(what_libmount_passes_over_has_a_flaw_and_a_target),
		cmocka_unit_test(without_a_text_there_is_no_entry),
		cmocka_unit_test(flags_are_those_of_libmounts_table),
		cmocka_unit_test(a_mount_of_fstab_moves_nothing),
		cmocka_unit_test(what_is_for_mount_alone_is_no_option_of_a_filesystem),
		cmocka_unit_test(no_part_of_a_device_is_mounted_as_the_whole),
		cmocka_unit_test(a_comma_in_quotes_parts_no_options),
	};

	return RUN_TESTS(tests);
}
