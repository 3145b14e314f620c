/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Microcode of both vendors, ACPI tables, and what /proc/cpuinfo says of processors.
 */

#include "format/machine/acpi.h"
#include "format/machine/cpuinfo.h"
#include "format/machine/microcode.h"
#include "support.h"

enum { DATA = 64 };

static uint32_t sum_of(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 4)
		sum += p[i] | (uint32_t)p[i + 1] << 8 | (uint32_t)p[i + 2] << 16 |
		       (uint32_t)p[i + 3] << 24;
	return sum;
}

struct target {
	uint32_t signature, platforms;
};

/* An update for the first of TARGETS; the others go to its table. */
static void add_intel(struct buf *out, int32_t revision, const struct target *targets, size_t n)
{
	size_t start = out->len, rows = n > 1 ? n - 1 : 0, table = rows ? 20 + 12 * rows : 0;
	const uint32_t head[] = {1, (uint32_t)revision, 0x12312023, targets->signature, 0, 1,
				 targets->platforms, DATA, (uint32_t)(48 + DATA + table), 0, 0, 0};
	uint32_t sum;

	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		buf_add_u32le(out, head[i]);
	for (uint32_t i = 0; i < DATA / 4; i++)
		buf_add_u32le(out, i * 0x01234567);
	sum = -sum_of(out->data + start, 48 + DATA);
	put_le32(out->data + start + 16, sum);
	if (!rows)
		return;
	buf_add_u32le(out, (uint32_t)rows);
	buf_add_zeros(out, 16);
	for (size_t i = 1; i < n; i++) {
		buf_add_u32le(out, targets[i].signature);
		buf_add_u32le(out, targets[i].platforms);
		buf_add_u32le(out, sum + targets->signature + targets->platforms -
					   targets[i].signature - targets[i].platforms);
	}
	put_le32(out->data + start + 48 + DATA + 4, -sum_of(out->data + start + 48 + DATA, table));
}

static const struct target targets[] = {{0x806ea, 0x80}, {0x806e9, 0x10}, {0x806eb, 0}};

static void a_signature_is_what_cpuid_tells(void **state)
{
	static const uint32_t known[][4] = {
		/* family, model, stepping, CPUID's leaf 1 */
		{6, 142, 10, 0x806ea}, {6, 15, 11, 0x6fb},       {15, 4, 10, 0xf4a},
		{25, 1, 1, 0xa00f11},  {26, 2, 1, 0xb00f21},     {16, 4, 3, 0x100f43},
		{6, 79, 1, 0x406f1},
	};
	uint32_t family, model, stepping;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		assert_int_equal(microcode_signature(known[i][0], known[i][1], known[i][2]),
				 known[i][3]);
		microcode_split_signature(known[i][3], &family, &model, &stepping);
		assert_true(family == known[i][0] && model == known[i][1] &&
			    stepping == known[i][2]);
	}
}

static void intel_updates_are_read_one_by_one(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct microcode_intel u;
	struct err err = {0};
	size_t offset = 0;

	(void)state;
	add_intel(&b, 0xf4, targets, 3);
	add_intel(&b, -5, targets + 1, 1);
	assert_ok(microcode_intel_next(b.data, b.len, &offset, &u, &err), 1, &err);
	assert_int_equal(u.revision, 0xf4);
	assert_int_equal(u.n_table, 2);
	assert_true(u.date.year == 2023 && u.date.month == 12 && u.date.day == 31);
	assert_ok(microcode_intel_next(b.data, b.len, &offset, &u, &err), 1, &err);
	assert_int_equal(u.revision, -5);
	assert_ok(microcode_intel_next(b.data, b.len, &offset, &u, &err), 0, &err);
}

static void an_intel_update_fits_by_signature_and_platform(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct microcode_intel u;
	struct err err = {0};
	size_t offset = 0;

	(void)state;
	add_intel(&b, 1, targets, 3);
	assert_ok(microcode_intel_next(b.data, b.len, &offset, &u, &err), 1, &err);
	assert_true(microcode_intel_fits(&u, 0x806ea, 0x80));
	assert_false(microcode_intel_fits(&u, 0x806ea, 0x10));
	assert_false(microcode_intel_fits(&u, 0x806ea, 0));
	assert_true(microcode_intel_fits(&u, 0x806ea, MICROCODE_ANY_PLATFORM));
	assert_true(microcode_intel_fits(&u, 0x806e9, 0x10));
	assert_false(microcode_intel_fits(&u, 0x806e9, 0x80));
	assert_true(microcode_intel_fits(&u, 0x806eb, 0));
	assert_false(microcode_intel_fits(&u, 0x806eb, 1));
	assert_false(microcode_intel_fits(&u, 0x806ec, MICROCODE_ANY_PLATFORM));
}

static void read_intel(uint8_t *data, size_t len, void *arg)
{
	struct microcode_intel u;
	struct err err = {0};
	size_t offset = 0;
	int r;

	while ((r = microcode_intel_next(data, len, &offset, &u, &err)) > 0)
		assert_true(offset <= len);
	/* The checksums show any changed byte. Cut between two updates it is complete. */
	assert_true(r < 0 || len == *(size_t *)arg || len == 0);
	assert_true(r == 0 || err.text[0]);
}

static void damage_to_an_intel_update_is_told(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	size_t first;

	(void)state;
	add_intel(&b, 0xf4, targets, 3);
	first = b.len;
	sweep_truncations(b.data, b.len, read_intel, &(size_t){b.len});
	add_intel(&b, 7, targets, 1);
	sweep_truncations(b.data, b.len, read_intel, &first);
}

static void assert_intel_fails(const struct buf *b, size_t at, uint32_t value, int code,
			       const char *why)
{
	_cleanup_buf_ struct buf copy = BUF_INIT;
	struct microcode_intel u;
	struct err err = {0};
	size_t offset = 0;

	buf_add(&copy, b->data, b->len);
	put_le32(copy.data + at, value);
	assert_fails(microcode_intel_next(copy.data, copy.len, &offset, &u, &err), code, &err);
	assert_contains(err.text, why);
	assert_int_equal(offset, 0);
}

static void each_field_of_an_intel_update_is_checked(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_intel(&b, 0xf4, targets, 3);
	assert_intel_fails(&b, 0, 2, -EPROTONOSUPPORT, "version 1");
	assert_intel_fails(&b, 0, 0x00414d44, -EBADMSG, "version 1");
	assert_intel_fails(&b, 12, 0x806ec, -EBADMSG, "checksum of an update");
	assert_intel_fails(&b, 24, 0xff, -EBADMSG, "checksum of an update");
	assert_intel_fails(&b, 28, DATA + 2, -EBADMSG, "bytes of data");
	assert_intel_fails(&b, 28, UINT32_MAX - 3, -EBADMSG, "bytes of data");
	assert_intel_fails(&b, 32, 1 << 30, -EBADMSG, "cut short");
	assert_intel_fails(&b, 48, 1, -EBADMSG, "checksum of an update");
	assert_intel_fails(&b, 48 + DATA, UINT32_MAX, -EBADMSG, "do not fit");
	assert_intel_fails(&b, 48 + DATA + 20, 1, -EBADMSG, "table of signatures");
	/* Two changes that keep the table's sum. */
	b.data[48 + DATA + 20]++;
	assert_intel_fails(&b, 48 + DATA + 32, 0x806ea, -EBADMSG, "signature 1");
}

/* ---- AMD ---- */

static void add_amd(struct buf *out, const uint32_t (*rows)[2], size_t n_rows,
		    const uint32_t (*patches)[2], size_t n_patches)
{
	buf_add_u32le(out, 0x00414d44);
	buf_add_u32le(out, 0);
	buf_add_u32le(out, (uint32_t)(16 * (n_rows + 1)));
	for (size_t i = 0; i <= n_rows; i++) {
		buf_add_u32le(out, i < n_rows ? rows[i][0] : 0);
		buf_add_zeros(out, 8);
		buf_add_u32le(out, i < n_rows ? rows[i][1] : 0);
	}
	for (size_t i = 0; i < n_patches; i++) {
		size_t start = out->len;

		buf_add_u32le(out, 1);
		buf_add_u32le(out, (uint32_t)(64 + 8 * (i + 1)));
		buf_add_u32le(out, 0x02232024);
		buf_add_u32le(out, patches[i][0]);
		buf_add_zeros(out, 16);
		buf_add_u32le(out, patches[i][1]);
		buf_add_zeros(out, start + 8 + 64 + 8 * (i + 1) - out->len);
	}
}

static const uint32_t rows[][2] = {{0x600f12, 0x6012}, {0x600f20, 0x6020}, {0x600f21, 0x6020}};
static const uint32_t patches[][2] = {{0x600063d, 0x6012}, {0x6000852, 0x6020}};

static void amd_containers_are_read_one_by_one(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct microcode_amd_container c;
	struct microcode_amd_patch p;
	struct err err = {0};
	size_t offset = 0, at = 0;

	(void)state;
	add_amd(&b, rows, 3, patches, 2);
	add_amd(&b, rows, 1, patches, 0);
	assert_ok(microcode_amd_next(b.data, b.len, &offset, &c, &err), 1, &err);
	assert_int_equal(c.n_table, 3);
	assert_int_equal(microcode_amd_next_patch(&c, &at, &p), 1);
	assert_true(p.level == 0x600063d && p.equivalence == 0x6012 && p.len == 72);
	assert_true(p.date.year == 2024 && p.date.month == 2 && p.date.day == 23);
	assert_int_equal(microcode_amd_next_patch(&c, &at, &p), 1);
	assert_true(p.level == 0x6000852 && p.len == 80);
	assert_int_equal(microcode_amd_next_patch(&c, &at, &p), 0);
	assert_ok(microcode_amd_next(b.data, b.len, &offset, &c, &err), 1, &err);
	assert_int_equal(c.n_table, 1);
	at = 0;
	assert_int_equal(microcode_amd_next_patch(&c, &at, &p), 0);
	assert_ok(microcode_amd_next(b.data, b.len, &offset, &c, &err), 0, &err);
}

static void an_amd_patch_fits_by_the_table_or_by_its_level(void **state)
{
	static const uint32_t zen[][2] = {{0xa00f12, 0xa012}}, level[][2] = {{0x0a0011d5, 0xa011}};
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct microcode_amd_container c;
	struct microcode_amd_patch p;
	struct err err = {0};
	size_t offset = 0, at = 0;

	(void)state;
	add_amd(&b, rows, 3, patches, 2);
	add_amd(&b, zen, 1, level, 1);
	assert_ok(microcode_amd_next(b.data, b.len, &offset, &c, &err), 1, &err);
	microcode_amd_next_patch(&c, &at, &p);
	assert_true(microcode_amd_fits(&c, &p, 0x600f12));
	assert_false(microcode_amd_fits(&c, &p, 0x600f20));
	microcode_amd_next_patch(&c, &at, &p);
	assert_true(microcode_amd_fits(&c, &p, 0x600f20));
	assert_true(microcode_amd_fits(&c, &p, 0x600f21));
	assert_ok(microcode_amd_next(b.data, b.len, &offset, &c, &err), 1, &err);
	at = 0;
	microcode_amd_next_patch(&c, &at, &p);
	assert_true(microcode_amd_fits(&c, &p, 0xa00f11));
	assert_false(microcode_amd_fits(&c, &p, 0xa00f12));
}

static bool wants_level(const struct microcode_amd_container *c,
			const struct microcode_amd_patch *p, void *arg)
{
	(void)c;
	return p->level == *(uint32_t *)arg;
}

static void a_filter_leaves_a_whole_container(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, out = BUF_INIT, expected = BUF_INIT;
	struct microcode_amd_container c;
	struct err err = {0};
	size_t offset = 0;

	(void)state;
	add_amd(&b, rows, 3, patches, 2);
	assert_ok(microcode_amd_next(b.data, b.len, &offset, &c, &err), 1, &err);
	assert_int_equal(microcode_amd_filter(&c, wants_level, &(uint32_t){1}, &out), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(microcode_amd_filter(&c, wants_level, &(uint32_t){0x600063d}, &out), 1);
	add_amd(&expected, rows, 1, patches, 1);
	assert_int_equal(out.len, expected.len);
	assert_memory_equal(out.data, expected.data, out.len);
}

static void read_amd(uint8_t *data, size_t len, void *arg)
{
	struct microcode_amd_container c;
	struct microcode_amd_patch p;
	struct err err = {0};
	size_t offset = 0, at;
	int r;

	(void)arg;
	while ((r = microcode_amd_next(data, len, &offset, &c, &err)) > 0) {
		at = 0;
		while (microcode_amd_next_patch(&c, &at, &p))
			assert_true(p.data + p.len <= data + len);
		assert_true(offset <= len);
	}
	assert_true(r == 0 || err.text[0]);
}

static void assert_amd_fails(const struct buf *b, size_t at, uint32_t value, const char *why)
{
	_cleanup_buf_ struct buf copy = BUF_INIT;
	struct microcode_amd_container c;
	struct err err = {0};
	size_t offset = 0;

	buf_add(&copy, b->data, b->len);
	put_le32(copy.data + at, value);
	assert_fails(microcode_amd_next(copy.data, copy.len, &offset, &c, &err), -EBADMSG, &err);
	assert_contains(err.text, why);
}

static void damage_to_an_amd_container_is_told(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct microcode_amd_container c;
	struct err err = {0};
	size_t offset = 0, first_patch = 12 + 4 * 16;

	(void)state;
	add_amd(&b, rows, 3, patches, 2);
	sweep(b.data, b.len, read_amd, NULL);
	assert_amd_fails(&b, 0, 1, "no container");
	assert_amd_fails(&b, 4, 1, "no container");
	assert_amd_fails(&b, 8, 0, "length of 0");
	assert_amd_fails(&b, 8, UINT32_MAX - 15, "table of processors");
	assert_amd_fails(&b, 8, 3 * 16, "no end");
	assert_amd_fails(&b, first_patch, 2, "no microcode patch");
	assert_amd_fails(&b, first_patch + 4, 63, "does not fit");
	assert_amd_fails(&b, first_patch + 4, UINT32_MAX, "does not fit");
	assert_fails(microcode_amd_next(b.data, b.len - 1, &offset, &c, &err), -EBADMSG, &err);
	assert_contains(err.text, "does not fit");
}

/* ---- ACPI ---- */

static void add_acpi(struct buf *out, const char *signature)
{
	uint8_t sum = 0;

	out->len = 0;
	buf_add(out, signature, 4);
	buf_add_u32le(out, 44);
	buf_add(out, "\2\0MAKER TABLE\1  ", 16);
	buf_add_u32le(out, 0x20);
	buf_add(out, "TEST\1\0\0\0somebody", 16);
	for (size_t i = 0; i < out->len; i++)
		sum = (uint8_t)(sum + out->data[i]);
	out->data[9] = (uint8_t)-sum;
}

static void an_acpi_table_tells_who_made_it(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct acpi_table t;
	struct err err = {0};

	(void)state;
	add_acpi(&b, "SSDT");
	assert_ok(acpi_table_decode(b.data, b.len, &t, &err), 0, &err);
	assert_string_equal(t.signature, "SSDT");
	assert_string_equal(t.oem_id, "MAKER");
	assert_string_equal(t.oem_table_id, "TABLE?");
	assert_int_equal(t.oem_revision, 0x20);
}

static void read_acpi(uint8_t *data, size_t len, void *arg)
{
	struct acpi_table t;
	struct err err = {0};
	int r = acpi_table_decode(data, len, &t, &err);

	(void)arg;
	/* One changed byte always changes the sum. */
	assert_true(r < 0 && err.text[0]);
}

static void an_acpi_table_that_the_kernel_would_not_take_is_told(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct acpi_table t;
	struct err err = {0};

	(void)state;
	add_acpi(&b, "FACS");
	assert_fails(acpi_table_decode(b.data, b.len, &t, &err), -ENOTSUP, &err);
	assert_contains(err.text, "FACS");
	add_acpi(&b, "\x1b[2J");
	assert_fails(acpi_table_decode(b.data, b.len, &t, &err), -ENOTSUP, &err);
	assert_contains(err.text, "?[2J");
	add_acpi(&b, "DSDT");
	sweep_truncations(b.data, b.len - 1, read_acpi, NULL);
	b.data[40]++;
	assert_fails(acpi_table_decode(b.data, b.len, &t, &err), -EBADMSG, &err);
	assert_contains(err.text, "checksum");
	buf_add_zeros(&b, 1);
	assert_fails(acpi_table_decode(b.data, b.len, &t, &err), -EBADMSG, &err);
	assert_contains(err.text, "44 bytes, not 45");
}

/* ---- /proc/cpuinfo ---- */

static void processors_are_read_one_by_one(void **state)
{
	char text[] = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n"
		      "model\t\t: 142\nmodel name\t: Something: 3\nstepping\t: 10\n"
		      "flags\t\t: fpu hypervisors vme\npower management:\n\n\n"
		      "processor\t: 7\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu hypervisor\n";
	char *cursor = text;
	struct cpuinfo c;

	(void)state;
	assert_true(cpuinfo_next(&cursor, &c));
	assert_string_equal(c.vendor, "GenuineIntel");
	assert_true(c.number == 0 && c.family == 6 && c.model == 142 && c.stepping == 10);
	assert_false(c.is_guest);
	assert_true(cpuinfo_next(&cursor, &c));
	assert_string_equal(c.vendor, "AuthenticAMD");
	assert_true(c.number == 7 && c.family == 0 && c.is_guest);
	assert_false(cpuinfo_next(&cursor, &c));
}

static void processors_without_a_vendor_have_none(void **state)
{
	char text[] = "processor\t: 0\nCPU implementer\t: 0x41\nmodel : 99999999999\n";
	char *cursor = text;
	struct cpuinfo c;

	(void)state;
	assert_true(cpuinfo_next(&cursor, &c));
	assert_null(c.vendor);
	assert_int_equal(c.model, 0);
	assert_false(cpuinfo_next(&cursor, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_what_cpuid_tells),
		cmocka_unit_test(intel_updates_are_read_one_by_one),
		cmocka_unit_test(an_intel_update_fits_by_signature_and_platform),
		cmocka_unit_test(damage_to_an_intel_update_is_told),
		cmocka_unit_test(each_field_of_an_intel_update_is_checked),
		cmocka_unit_test(amd_containers_are_read_one_by_one),
		cmocka_unit_test(an_amd_patch_fits_by_the_table_or_by_its_level),
		cmocka_unit_test(a_filter_leaves_a_whole_container),
		cmocka_unit_test(damage_to_an_amd_container_is_told),
		cmocka_unit_test(an_acpi_table_tells_who_made_it),
		cmocka_unit_test(an_acpi_table_that_the_kernel_would_not_take_is_told),
		cmocka_unit_test(processors_are_read_one_by_one),
		cmocka_unit_test(processors_without_a_vendor_have_none),
	};

	return RUN_TESTS(tests);
}
