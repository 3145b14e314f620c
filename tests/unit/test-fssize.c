/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How large filesystems are by their own account.
 */

#include "base/bytes.h"
#include "format/machine/fssize.h"
#include "support.h"

static uint8_t head[FSSIZE_HEAD];

static void start(void)
{
	memset(head, 0, sizeof(head));
}

static void make_ext(uint32_t blocks, uint32_t log)
{
	start();
	put_le32(head + 1024 + 4, blocks);
	put_le32(head + 1024 + 24, log);
	memcpy(head + 1024 + 56, "\x53\xef", 2);
}

static void make_xfs(uint32_t size, uint8_t blocks)
{
	start();
	memcpy(head, "XFSB", 4);
	for (int i = 0; i < 4; i++)
		head[4 + i] = (uint8_t)(size >> (24 - 8 * i));
	head[15] = blocks;
}

static void make_swap(uint32_t last)
{
	start();
	put_le32(head + 1028, last);
	memcpy(head + 4086, "SWAPSPACE2", 10);
}

static uint64_t size_of(size_t len)
{
	_cleanup_free_ uint8_t *exact = exact_copy(head, len);

	return fssize_decode(exact, len);
}

static void each_says_its_size(void **state)
{
	(void)state;
	make_ext(1000, 0);
	assert_int_equal(size_of(sizeof(head)), 1024000);
	make_ext(1000, 2);
	assert_int_equal(size_of(sizeof(head)), 4096000);
	put_le32(head + 1024 + 0x150, 1); /* means nothing without the feature */
	assert_int_equal(size_of(sizeof(head)), 4096000);
	put_le32(head + 1024 + 0x60, 0x80);
	assert_int_equal(size_of(sizeof(head)), 4096000 + (UINT64_C(4096) << 32));
	make_xfs(4096, 200);
	assert_int_equal(size_of(sizeof(head)), 819200);
	make_swap(99);
	assert_int_equal(size_of(sizeof(head)), 409600);
}

static void what_is_damaged_has_none(void **state)
{
	(void)state;
	start();
	assert_int_equal(size_of(sizeof(head)), 0);
	make_ext(1000, 7);
	assert_int_equal(size_of(sizeof(head)), 0);
	make_ext(1000, 6);
	put_le32(head + 1024 + 0x60, 0x80);
	put_le32(head + 1024 + 0x150, UINT32_MAX);
	assert_int_equal(size_of(sizeof(head)), 0);
	make_xfs(65537, 1);
	assert_int_equal(size_of(sizeof(head)), 0);
	make_xfs(65536, 1);
	head[8] = 0xff;
	assert_int_equal(size_of(sizeof(head)), 0);
}

static void what_is_cut_off_has_none(void **state)
{
	static const size_t needs[] = {1024 + 0x154, 16, 4096};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		for (size_t len = 0; len <= sizeof(head); len++) {
			if (i == 0)
				make_ext(1000, 0);
			else if (i == 1)
				make_xfs(4096, 1);
			else
				make_swap(1);
			assert_int_equal(size_of(len) != 0, len >= needs[i]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_says_its_size),
		cmocka_unit_test(what_is_damaged_has_none),
		cmocka_unit_test(what_is_cut_off_has_none),
	};

	return RUN_TESTS(tests);
}
