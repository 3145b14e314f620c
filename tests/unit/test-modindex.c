/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The module index: what the builder puts in, PID 1 finds; against a search through all of it.
 */

#include <fnmatch.h>
#include <stdio.h>

#include "format/ours/modindex.h"
#include "support.h"

enum { RANDOM_ALIASES = 400, RANDOM_ROUNDS = 3000, MATCHES_MAX = 4096 };

static const uint32_t ext4_hard[] = {1, 2}, blk_hard[] = {4}, blk_pre[] = {2}, ext4_post[] = {4};

static const struct modindex_source sources[] = {
	{.name = "ext4",
	 .path = "usr/lib/modules/6.1/ext4.ko",
	 .options = "",
	 .flags = MODINDEX_LATE,
	 .hard = {ext4_hard, 2},
	 .post = {ext4_post, 1}},
	{.name = "jbd2", .path = "usr/lib/modules/6.1/jbd2.ko.zst", .options = ""},
	{.name = "mbcache", .path = "usr/lib/modules/6.1/mbcache.ko", .options = "a=1 b=2"},
	{.name = "virtio_blk",
	 .path = "usr/lib/modules/6.1/virtio_blk.ko",
	 .options = "",
	 .hard = {blk_hard, 1},
	 .pre = {blk_pre, 1}},
	{.name = "virtio_ring", .path = "usr/lib/modules/6.1/virtio_ring.ko", .options = ""},
};

static const struct modindex_alias aliases[] = {
	{"virtio:d00000002v*", 3},
	{"fs-ext4", 0},
	{"virtio:d*v*", 4},
	{"ext[234]", 0},
	{"*", 2},
	{"fs-ext4", 1},
	{"", 1},
	{"virtio:d*", 4},
};

static void add_index(struct buf *out)
{
	assert_int_equal(
		modindex_encode(sources, ARRAY_SIZE(sources), aliases, ARRAY_SIZE(aliases), out),
		0);
}

static void assert_list(const struct modindex *x, uint32_t m, enum modindex_deps kind,
			struct modindex_list list)
{
	assert_int_equal(modindex_count(x, m, kind), list.count);
	for (uint32_t i = 0; i < list.count; i++)
		assert_int_equal(modindex_dep(x, m, kind, i), list.refs[i]);
}

static void an_index_reads_back_as_it_was_written(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct modindex x;
	struct err err = {0};

	(void)state;
	add_index(&b);
	assert_ok(modindex_decode(b.data, b.len, &x, &err), 0, &err);
	assert_int_equal(x.n_modules, ARRAY_SIZE(sources));
	for (uint32_t m = 0; m < x.n_modules; m++) {
		assert_string_equal(modindex_name(&x, m), sources[m].name);
		assert_string_equal(modindex_path(&x, m), sources[m].path);
		assert_string_equal(modindex_options(&x, m), sources[m].options);
		assert_int_equal(modindex_flags(&x, m), sources[m].flags);
		assert_list(&x, m, MODINDEX_HARD, sources[m].hard);
		assert_list(&x, m, MODINDEX_PRE, sources[m].pre);
		assert_list(&x, m, MODINDEX_POST, sources[m].post);
	}
}

static void an_index_may_be_empty(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct modindex x;
	struct err err = {0};

	(void)state;
	assert_int_equal(modindex_encode(NULL, 0, NULL, 0, &b), 0);
	assert_ok(modindex_decode(b.data, b.len, &x, &err), 0, &err);
	assert_int_equal(x.n_modules, 0);
	assert_int_equal(modindex_find(&x, "ext4"), MODINDEX_NONE);
}

static void the_order_of_the_aliases_does_not_show(void **state)
{
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT;
	struct modindex_alias turned[ARRAY_SIZE(aliases)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		turned[i] = aliases[ARRAY_SIZE(aliases) - 1 - i];
	add_index(&a);
	assert_int_equal(
		modindex_encode(sources, ARRAY_SIZE(sources), turned, ARRAY_SIZE(turned), &b), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
}

static void a_module_is_found_by_name_with_dashes_or_underscores(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char longest[MODINDEX_NAME_MAX + 1], out[MODINDEX_NAME_MAX];
	struct modindex x;
	struct err err = {0};

	(void)state;
	add_index(&b);
	assert_ok(modindex_decode(b.data, b.len, &x, &err), 0, &err);
	for (uint32_t m = 0; m < x.n_modules; m++)
		assert_int_equal(modindex_find(&x, sources[m].name), m);
	assert_int_equal(modindex_find(&x, "virtio-blk"), 3);
	assert_int_equal(modindex_find(&x, "virtio"), MODINDEX_NONE);
	assert_int_equal(modindex_find(&x, "virtio_blk_"), MODINDEX_NONE);
	assert_int_equal(modindex_find(&x, ""), MODINDEX_NONE);
	memset(longest, 'n', sizeof(longest));
	longest[MODINDEX_NAME_MAX] = '\0';
	assert_int_equal(modindex_find(&x, longest), MODINDEX_NONE);
	assert_false(modindex_normalise(longest, out));
	longest[MODINDEX_NAME_MAX - 1] = '\0';
	longest[0] = '-';
	assert_true(modindex_normalise(longest, out));
	assert_int_equal(out[0], '_');
	assert_string_equal(out + 1, longest + 1);
}

/* ---- aliases ---- */

struct matches {
	uint32_t modules[MATCHES_MAX];
	size_t count;
};

static void note(uint32_t module, void *arg)
{
	struct matches *m = arg;

	assert_true(m->count < MATCHES_MAX);
	m->modules[m->count++] = module;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The index must find just what a search through all aliases finds. */
static void assert_same_matches(const struct modindex *x, const struct modindex_alias *all,
				size_t n, const char *modalias)
{
	static struct matches found, wanted;

	found.count = wanted.count = 0;
	modindex_match(x, modalias, note, &found);
	for (size_t i = 0; i < n; i++)
		if (fnmatch(all[i].pattern, modalias, 0) == 0)
			note(all[i].module, &wanted);
	qsort(found.modules, found.count, sizeof(uint32_t), by_number);
	qsort(wanted.modules, wanted.count, sizeof(uint32_t), by_number);
	if (found.count != wanted.count ||
	    memcmp(found.modules, wanted.modules, found.count * sizeof(uint32_t)) != 0)
		fail_msg("\"%s\": %zu matches, not %zu", modalias, found.count, wanted.count);
}

static void every_alias_that_matches_is_found(void **state)
{
	static const char *const asked[] = {"virtio:d00000002v00001AF4",
					    "fs-ext4",
					    "ext4",
					    "ext5",
					    "",
					    "v",
					    "virtio:d",
					    "virtio:d00000003v1",
					    "~",
					    "a",
					    "virtio:d00000002",
					    "fs-ext4x"};
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct modindex x;
	struct err err = {0};

	(void)state;
	add_index(&b);
	assert_ok(modindex_decode(b.data, b.len, &x, &err), 0, &err);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		assert_same_matches(&x, aliases, ARRAY_SIZE(aliases), asked[i]);
}

/* Short strings over few letters, so that prefixes nest and collide. */
static void make_pattern(uint32_t *seed, char *out, bool wild)
{
	static const char letters[] = "abc:\xc3", wilds[] = "***??";
	size_t len = next_random(seed) % 8, n = 0;

	for (size_t i = 0; i < len; i++) {
		uint32_t r = next_random(seed);

		if (wild && r % 8 == 0) {
			out[n++] = wilds[r / 8 % (sizeof(wilds) - 1)];
		} else if (wild && r % 31 == 1) {
			memcpy(out + n, r & 64 ? "[a-b]" : "[!c]", 5);
			n += r & 64 ? 5 : 4;
		} else if (wild && r % 37 == 2) {
			memcpy(out + n, "\\*", 2);
			n += 2;
		} else {
			out[n++] = letters[r / 64 % (sizeof(letters) - 1)];
		}
	}
	out[n] = '\0';
}

static void a_few_hundred_random_aliases_are_found_too(void **state)
{
	enum { LENGTH = 48 };
	static char patterns[RANDOM_ALIASES][LENGTH];
	static struct modindex_alias all[RANDOM_ALIASES];
	static struct modindex_source many[RANDOM_ALIASES];
	static char names[RANDOM_ALIASES][16];
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct modindex x;
	struct err err = {0};
	uint32_t seed = 20240229;
	char asked[LENGTH];

	(void)state;
	for (uint32_t i = 0; i < RANDOM_ALIASES; i++) {
		snprintf(names[i], sizeof(names[i]), "m%04u", i);
		many[i] =
			(struct modindex_source){.name = names[i], .path = names[i], .options = ""};
		make_pattern(&seed, patterns[i], true);
		all[i] = (struct modindex_alias){patterns[i], i};
	}
	assert_int_equal(modindex_encode(many, RANDOM_ALIASES, all, RANDOM_ALIASES, &b), 0);
	assert_ok(modindex_decode(b.data, b.len, &x, &err), 0, &err);
	for (uint32_t i = 0; i < RANDOM_ALIASES; i++)
		assert_same_matches(&x, all, RANDOM_ALIASES, patterns[i]);
	for (uint32_t i = 0; i < RANDOM_ROUNDS; i++) {
		make_pattern(&seed, asked, false);
		assert_same_matches(&x, all, RANDOM_ALIASES, asked);
	}
}

/* ---- damage ---- */

static void another_version_is_told_apart_from_damage(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct modindex x = {.n_modules = 77};
	struct err err = {0};

	(void)state;
	add_index(&b);
	put_le32(b.data + 4, 2);
	assert_fails(modindex_decode(b.data, b.len, &x, &err), -EPROTONOSUPPORT, &err);
	put_le32(b.data + 4, 1);
	put_le32(b.data, 0);
	assert_fails(modindex_decode(b.data, b.len, &x, &err), -EBADMSG, &err);
	assert_fails(modindex_decode("", 0, &x, &err), -EBADMSG, &err);
	assert_int_equal(x.n_modules, 77);
}

static void a_table_outside_of_the_index_is_damage(void **state)
{
	(void)state;
	/* Offset and count of each table, and the size. */
	for (size_t word = 2; word < 13; word++) {
		static const uint32_t values[] = {UINT32_MAX, UINT32_MAX - 3, 1u << 30, 100000};

		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			_cleanup_buf_ struct buf b = BUF_INIT;
			struct modindex x;
			struct err err = {0};

			add_index(&b);
			put_le32(b.data + 4 * word, values[i]);
			assert_fails(modindex_decode(b.data, b.len, &x, &err), -EBADMSG, &err);
		}
	}
}

static void a_reference_that_leads_nowhere_is_damage(void **state)
{
	static const struct {
		int table; /* word of the header with its offset */
		size_t words[9];
		size_t count;
	} tables[] = {
		{3, {0, 1, 2, 5, 7, 9}, 6}, /* modules: strings, counts of dependencies */
		{5, {0, 1, 3, 4}, 4},	    /* groups: pattern, length, aliases */
		{7, {0, 1}, 2},		    /* aliases: pattern, module */
		{9, {0}, 1},		    /* refs */
	};

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (size_t w = 0; w < tables[t].count; w++) {
			_cleanup_buf_ struct buf b = BUF_INIT;
			struct modindex x;
			struct err err = {0};
			uint32_t offset;

			add_index(&b);
			memcpy(&offset, b.data + tables[t].table * 4, 4);
			put_le32(b.data + offset + 4 * tables[t].words[w], 1u << 20);
			assert_fails(modindex_decode(b.data, b.len, &x, &err), -EBADMSG, &err);
		}
}

static void a_group_that_is_its_own_parent_is_damage(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct modindex x;
	struct err err = {0};

	(void)state;
	add_index(&b);
	assert_ok(modindex_decode(b.data, b.len, &x, &err), 0, &err);
	for (uint32_t g = 0; g < x.n_groups; g++) {
		size_t at = x.groups / 4 + g * 5 + 2;
		uint32_t before;

		memcpy(&before, b.data + at * 4, 4);
		put_le32(b.data + 4 * at, g);
		assert_fails(modindex_decode(b.data, b.len, &x, &err), -EBADMSG, &err);
		put_le32(b.data + 4 * at, before);
	}
}

static void strings_without_an_end_are_damage(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct modindex x;
	struct err err = {0};

	(void)state;
	add_index(&b);
	b.data[b.len - 1] = 'x';
	assert_fails(modindex_decode(b.data, b.len, &x, &err), -EBADMSG, &err);
}

static void in_range(uint32_t module, void *arg)
{
	assert_true(module < ((struct modindex *)arg)->n_modules);
}

static void check_index(uint8_t *data, size_t len, void *arg)
{
	struct modindex x;
	struct err err = {0};
	int r = modindex_decode(data, len, &x, &err);

	(void)arg;
	assert_true(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
	if (r < 0)
		return;
	for (uint32_t m = 0; m < x.n_modules; m++) {
		assert_true(strlen(modindex_name(&x, m)) < len);
		assert_true(strlen(modindex_path(&x, m)) < len);
		assert_true(strlen(modindex_options(&x, m)) < len);
		for (enum modindex_deps k = MODINDEX_HARD; k <= MODINDEX_POST; k++)
			for (uint32_t i = 0; i < modindex_count(&x, m, k); i++)
				in_range(modindex_dep(&x, m, k, i), &x);
	}
	modindex_find(&x, "jbd2");
	modindex_match(&x, "virtio:d00000002v00001AF4", in_range, &x);
	modindex_match(&x, "", in_range, &x);
}

static void no_index_is_fatal(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_index(&b);
	sweep(b.data, b.len, check_index, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_reads_back_as_it_was_written),
		cmocka_unit_test(an_index_may_be_empty),
		cmocka_unit_test(the_order_of_the_aliases_does_not_show),
		cmocka_unit_test(a_module_is_found_by_name_with_dashes_or_underscores),
		cmocka_unit_test(every_alias_that_matches_is_found),
		cmocka_unit_test(a_few_hundred_random_aliases_are_found_too),
		cmocka_unit_test(another_version_is_told_apart_from_damage),
		cmocka_unit_test(a_table_outside_of_the_index_is_damage),
		cmocka_unit_test(a_reference_that_leads_nowhere_is_damage),
		cmocka_unit_test(a_group_that_is_its_own_parent_is_damage),
		cmocka_unit_test(strings_without_an_end_are_damage),
		cmocka_unit_test(no_index_is_fatal),
	};

	return RUN_TESTS(tests);
}
