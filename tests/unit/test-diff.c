/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How two images differ: what is compared with what, and the changed lines of texts.
 */

#include <stdio.h>
#include <sys/stat.h>

#include "archive.h"
#include "image/diff.h"
#include "support.h"

/* ---- lines ---- */

static void add_line(char kind, const char *line, size_t len, void *arg)
{
	struct buf *b = arg;

	buf_add(b, &kind, 1);
	buf_add(b, line, len);
	buf_add_str(b, "\n");
}

static void assert_lines(const char *a, const char *b, const char *expected)
{
	_cleanup_buf_ struct buf got = BUF_INIT;

	diff_lines(a, b, add_line, &got);
	assert_string_equal(buf_cstr(&got), expected);
}

static void changed_lines_are_told_and_no_others(void **state)
{
	(void)state;
	assert_lines("", "", "");
	assert_lines("a\nb\n", "a\nb\n", "");
	assert_lines("a\nb\nc\n", "a\nc\n", "-b\n");
	assert_lines("a\nc", "a\nb\nc", "+b\n");
	assert_lines("a\nb\nc\n", "a\nx\nc\n", "-b\n+x\n");
	assert_lines("", "a\nb\n", "+a\n+b\n");
	assert_lines("a\nb\n", "", "-a\n-b\n");
	assert_lines("a\nb\nc\nd\n", "b\nx\nd\ne\n", "-a\n-c\n+x\n+e\n");
	assert_lines("one\ntwo\n", "two\none\n", "-one\n+one\n");
}

static void large_texts_are_told_as_a_whole(void **state)
{
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT, got = BUF_INIT;
	enum { MANY = 5000 };
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		buf_printf(&a, "%d\n", i);
		buf_printf(&b, "%d\n", MANY - i);
	}
	diff_lines(buf_cstr(&a), buf_cstr(&b), add_line, &got);
	for (size_t i = 0; i < got.len; i++)
		lines += got.data[i] == '\n';
	assert_int_equal(lines, 2 * MANY);
}

/* ---- entries ---- */

struct sample {
	struct diff_side side;
	struct diff_entry *list[16];
	struct diff_entry entries[16];
	struct diff_module modules[16];
};

static struct diff_entry *add(struct sample *s, const char *path, unsigned mode, uint8_t content)
{
	struct diff_entry *e = &s->entries[s->side.n_entries];

	s->list[s->side.n_entries++] = e;
	s->side.entries = s->list;
	*e = (struct diff_entry){.path = path, .mode = mode, .size = 1, .sha256 = {content}};
	return e;
}

static void add_module(struct sample *s, const char *path, const char *name, uint8_t packed,
		       uint8_t plain)
{
	size_t n = s->side.n_entries;
	struct diff_entry *e = add(s, path, S_IFREG | 0644, packed);

	s->modules[n] = (struct diff_module){.name = name, .plain = {plain}};
	e->module = &s->modules[n];
	e->kernel = s->side.kernels[0];
	e->below = strstr(path, e->kernel) + strlen(e->kernel);
}

static void a_module_is_compared_by_name_whatever_its_kernel_and_compression(void **state)
{
	static struct sample a, b;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct diff d;

	(void)state;
	a.side.kernels[a.side.n_kernels++] = "6.1";
	b.side.kernels[b.side.n_kernels++] = "6.2";
	add_module(&a, "lib/modules/6.1/kernel/same.ko", "same", 1, 1);
	add_module(&b, "usr/lib/modules/6.2/extra/same.ko.zst", "same", 2, 1);
	add_module(&a, "lib/modules/6.1/changed.ko", "changed", 3, 3);
	add_module(&b, "usr/lib/modules/6.2/changed.ko.xz", "changed", 4, 4);
	add_module(&b, "usr/lib/modules/6.2/new.ko.xz", "new", 5, 5);
	diff_compare(&a.side, &b.side, &arena, &d);
	assert_true(d.other_kernels);
	assert_int_equal(d.repacked, 1);
	assert_int_equal(d.n_files, 0);
	assert_int_equal(d.n_modules, 2);
	assert_string_equal(d.modules[0].b->module->name, "changed");
	assert_int_equal(d.modules[0].what, DIFF_CONTENT);
	assert_null(d.modules[1].a);
	assert_string_equal(d.modules[1].b->module->name, "new");
}

static void files_are_compared_as_in_a_merged_usr(void **state)
{
	static struct sample a, b;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct diff d;

	(void)state;
	add(&a, "lib/x", S_IFREG | 0644, 1);
	add(&b, "usr/lib/x", S_IFREG | 0644, 1);
	diff_compare(&a.side, &b.side, &arena, &d);
	assert_true(diff_is_empty(&d));
	/* Both names in one image are two files, and none is lost. */
	add(&b, "lib/x", S_IFREG | 0644, 2);
	diff_compare(&a.side, &b.side, &arena, &d);
	assert_false(diff_is_empty(&d));
	assert_int_equal(d.n_files, 1);
}

static void each_kind_of_change_is_told(void **state)
{
	static struct sample a, b;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct diff d;

	(void)state;
	add(&a, "1", S_IFREG | 0644, 1);
	add(&b, "1", S_IFLNK | 0777, 1);
	add(&a, "2", S_IFREG | 0644, 1);
	add(&b, "2", S_IFREG | 04755, 1);
	add(&a, "3", S_IFREG | 0644, 1);
	add(&b, "3", S_IFREG | 0644, 1)->uid = 7;
	add(&a, "4", S_IFREG | 0644, 1)->size = 2;
	add(&b, "4", S_IFREG | 0644, 2);
	add(&a, "5", S_IFCHR | 0600, 0)->major = 5;
	add(&b, "5", S_IFCHR | 0600, 0)->major = 6;
	add(&a, "6", S_IFDIR | 0755, 0);
	add(&b, "7", S_IFDIR | 0755, 0);
	add(&a, "8", S_IFDIR | 0755, 0);
	add(&b, "8", S_IFDIR | 0755, 0);
	diff_compare(&a.side, &b.side, &arena, &d);
	assert_int_equal(d.n_files, 7);
	assert_int_equal(d.files[0].what, DIFF_TYPE);
	assert_int_equal(d.files[1].what, DIFF_MODE);
	assert_int_equal(d.files[2].what, DIFF_OWNER);
	assert_int_equal(d.files[3].what, DIFF_SIZE | DIFF_CONTENT);
	assert_int_equal(d.files[4].what, DIFF_DEVICE);
	assert_true(d.files[5].a && !d.files[5].b);
	assert_true(!d.files[6].a && d.files[6].b);
}

/* ---- the work ---- */

static void modules_that_are_decompressed_count_as_work(void **state)
{
	enum { SIZE = 1 << 20, MODULES = 3 };
	_cleanup_buf_ struct buf zeros = BUF_INIT, module = BUF_INIT, b = BUF_INIT;
	char path[] = "lib/modules/6.1/kernel/0.ko.zst";

	(void)state;
	buf_add_zeros(&zeros, SIZE);
	add_segment(&module, CODEC_ZSTD, &zeros);
	for (int i = 0; i < MODULES; i++) {
		path[sizeof("lib/modules/6.1/kernel/") - 1] = (char)('0' + i);
		add_entry(&b, path, S_IFREG | 0644, module.data, module.len);
	}
	for (int enough = 0; enough < 2; enough++) {
		_cleanup_image_ struct image *image = open_buf(&b);
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct diff_side side;
		struct err err = {0};

		image_limit_work(image, b.len + MODULES * SIZE - !enough);
		if (enough) {
			assert_ok(diff_read(image, &arena, &side, &err), 0, &err);
			assert_int_equal(side.n_entries, MODULES);
			continue;
		}
		assert_fails(diff_read(image, &arena, &side, &err), -E2BIG, &err);
		assert_contains(err.text, "to read and decompress");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_lines_are_told_and_no_others),
		cmocka_unit_test(large_texts_are_told_as_a_whole),
		cmocka_unit_test(a_module_is_compared_by_name_whatever_its_kernel_and_compression),
		cmocka_unit_test(files_are_compared_as_in_a_merged_usr),
		cmocka_unit_test(each_kind_of_change_is_told),
		cmocka_unit_test(modules_that_are_decompressed_count_as_work),
	};

	return RUN_TESTS(tests);
}
