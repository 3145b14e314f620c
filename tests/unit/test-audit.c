/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The audit: how devices are named, and the findings for roots with little or odd content.
 */

#include "audit/audit.h"
#include "audit/kit.h"
#include "audit/spec.h"
#include "base/quote.h"
#include "support.h"

/* ---- names of devices ---- */

static void assert_spec(const char *text, enum audit_spec_kind kind, const char *value)
{
	struct audit_spec s;

	assert_true(audit_spec_decode(text, &s));
	assert_int_equal(s.kind, kind);
	assert_string_equal(s.value, value);
}

static void devices_are_named_in_many_ways(void **state)
{
	(void)state;
	assert_spec("UUID=1234-ABCD", AUDIT_SPEC_UUID, "1234-ABCD");
	assert_spec("UUID=\"12\"", AUDIT_SPEC_UUID, "12");
	assert_spec("LABEL='a b'", AUDIT_SPEC_LABEL, "a b");
	assert_spec("LABEL=\"", AUDIT_SPEC_LABEL, "\"");
	assert_spec("LABEL=a/b", AUDIT_SPEC_LABEL, "a/b");
	assert_spec("PARTLABEL=root", AUDIT_SPEC_PARTLABEL, "root");
	assert_spec("PARTUUID=12-01/PARTNROFF=1", AUDIT_SPEC_PARTUUID, "12-01");
	assert_spec("block:LABEL=x", AUDIT_SPEC_LABEL, "x");
	assert_spec("/dev/disk/by-label/a\\x20b\\x2fc", AUDIT_SPEC_LABEL, "a b/c");
	assert_spec("/dev/disk/by-uuid/12", AUDIT_SPEC_UUID, "12");
	assert_spec("/dev/sda1", AUDIT_SPEC_NAME, "sda1");
	assert_spec("/dev/md0", AUDIT_SPEC_NAME, "md0");
	assert_spec("/dev/md/home", AUDIT_SPEC_ARRAY, "home");
	assert_spec("/dev/mapper/vg-root", AUDIT_SPEC_MAPPED, "vg-root");
	assert_spec("/dev/mapper/a\\x20b", AUDIT_SPEC_MAPPED, "a b");
	assert_spec("/dev/vg/root", AUDIT_SPEC_VOLUME, "vg/root");
	assert_spec("/dev/disk/by-id/ata-x", AUDIT_SPEC_LINK, "by-id/ata-x");
}

static void a_volume_has_a_name_of_device_mapper(void **state)
{
	static const char *const cases[][2] = {
		{"vg/root", "vg-root"},
		{"v-g/r-o", "v--g-r--o"},
		{"-/-", "-----"},
	};
	char out[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[32];

		assert_true(audit_spec_mapped(cases[i][0], name, sizeof(name)));
		assert_string_equal(name, cases[i][1]);
	}
	assert_true(audit_spec_mapped("a/bcd", out, sizeof(out)));
	assert_false(audit_spec_mapped("abcd/efgh", out, sizeof(out)));
	assert_false(audit_spec_mapped("------", out, sizeof(out)));
}

static void what_names_no_device_that_can_be_looked_for_is_passed_over(void **state)
{
	static const char *const texts[] = {
		"",
		"UUID=",
		"UUID=\"\"",
		"PARTUUID=/PARTNROFF=1",
		"/dev/",
		"sda1",
		"/dev/mapper/",
		"/dev/mapper/..",
		"/dev/mapper/a/b",
		"/dev/../x",
		"/dev/x/..",
		"/dev//x",
		"/dev/vg/",
		"/dev/zvol/tank/swap",
		"/dev/disk/x",
		"/dev/disk/by-id/",
		"/dev/disk/by-id/a/b",
		"/dev/md/a/b",
		"tmpfs",
		"ZFS=a/b",
		"nfs:1.2.3.4:/x",
		"/dev/disk/by-uuid/",
		"/dev/nfs",
		"gpt-auto",
		"uuid=12",
		"block:",
		"//server/share",
	};
	char text[AUDIT_SPEC_MAX + 16] = "UUID=";
	struct audit_spec s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (audit_spec_decode(texts[i], &s))
			fail_msg("\"%s\" is \"%s\"", texts[i], s.value);
	memset(text + 5, 'x', AUDIT_SPEC_MAX - 1);
	assert_true(audit_spec_decode(text, &s));
	text[5 + AUDIT_SPEC_MAX - 1] = 'x';
	assert_false(audit_spec_decode(text, &s));
}

static void escapes_of_udev_become_bytes(void **state)
{
	static const char *const cases[][2] = {
		{"a\\x20b", "a b"},
		{"\\x5cx20", "\\x20"},
		{"\\x2", "\\x2"},
		{"\\x", "\\x"},
		{"\\", "\\"},
		{"\\x00a", "\\x00a"},
		{"\\xzz", "\\xzz"},
		{"", ""},
		{"\\xc3\\xa4", "\xc3\xa4"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[32];

		snprintf(text, sizeof(text), "%s", cases[i][0]);
		audit_spec_unescape(text);
		assert_string_equal(text, cases[i][1]);
	}
}

/* ---- whole runs ---- */

struct machine {
	char *folder;
	struct root root;
	struct arena arena;
	struct request request;
	struct audit_report report;
	struct err err;
};

static void machine_make(struct machine *m)
{
	*m = (struct machine){.folder = make_folder(), .request = {.codec = CODEC_COUNT}};
	assert_ok(root_open(m->folder, &m->root, &m->err), 0, &m->err);
}

static void machine_clear(struct machine *m)
{
	root_close(&m->root);
	arena_clear(&m->arena);
	remove_folder(m->folder);
}

#define _cleanup_machine_ __attribute__((cleanup(machine_clear)))

static void look(struct machine *m, bool all)
{
	struct audit_request q = {.root = &m->root, .request = &m->request, .all = all};

	assert_ok(audit_run(&q, &m->arena, &m->report, &m->err), 0, &m->err);
}

static const struct audit_finding *find(const struct machine *m, const char *id)
{
	for (size_t i = 0; i < m->report.n; i++)
		if (strcmp(m->report.findings[i].id, id) == 0)
			return &m->report.findings[i];
	return NULL;
}

static void arrays_of_mdadm_conf(void **state)
{
	static const char text[] = "# ARRAY /dev/md/none UUID=1\n"
				   "DEVICE /dev/sd* UUID=1\n"
				   "arr\n"
				   "\t'/dev/md/my 'ho\"me\" # its name\n"
				   "\n"
				   "  Uuid=5A:1f\n"
				   "ARRAY <ignore> UUID=2\n"
				   "CREATE owner=root\n"
				   "    ARRAY UUID=1\n"
				   " # nothing\n"
				   "   array devices=/dev/sda \"/dev/md5\n"
				   "ARRAYS UUID=1\n"
				   "ar UUID=1\n"
				   "ARRAY\tname=x:y metadata=1.2 /dev/md6 /dev/md7";
	static const struct audit_array arrays[] = {
		{3, "/dev/md/my home", "5A:1f"}, {7, "<ignore>", "2"}, {14, "/dev/md6", ""}};
	struct audit_mdadm m = {.at = text};
	struct audit_array found;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(arrays); i++) {
		assert_true(audit_array_next(&m, &found));
		assert_int_equal(found.line, arrays[i].line);
		assert_string_equal(found.device, arrays[i].device);
		assert_string_equal(found.uuid, arrays[i].uuid);
	}
	assert_false(audit_array_next(&m, &found));
}

static void an_empty_root_is_looked_at(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	look(&m, true);
	assert_non_null(find(&m, "no-kernel"));
	assert_int_equal(m.report.n_kernels, 0);
	assert_null(find(&m, "boot-folder"));
}

static void folders_where_files_should_be_are_no_trouble(void **state)
{
	static const char *const paths[] = {
		"boot/vmlinuz-6.1",
		"boot/config-6.1",
		"boot/grub/grub.cfg",
		"boot/initrd.img-6.1",
		"etc/fstab",
		"etc/crypttab",
		"etc/default/grub",
		"etc/kernel/cmdline",
		"proc/cmdline",
		"proc/sys/kernel/osrelease",
		"proc/self/mountinfo",
		"dev/disk/by-uuid/x",
		"lib/modules/6.1/modules.dep",
		"lib/modules/6.1/modules.dep.bin",
		"lib/modules/6.1/kernel/x.ko",
		"sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
	};
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		put_dir(m.folder, paths[i]);
	look(&m, true);
	assert_non_null(find(&m, "kernel-unreadable"));
	assert_null(find(&m, "secure-boot"));
}

static void odd_contents_are_no_trouble(void **state)
{
	_cleanup_machine_ struct machine m;
	char *line = xrealloc(NULL, 1 << 20, 1);

	(void)state;
	machine_make(&m);
	memset(line, 'x', (1 << 20) - 1);
	line[(1 << 20) - 1] = '\0';
	put_text(m.folder, "etc/fstab", line);
	put_text(m.folder, "etc/crypttab", line);
	put_text(m.folder, "etc/default/grub", "GRUB_CMDLINE_LINUX=\"root=$(reboot) root=UUID=");
	put_text(m.folder, "proc/cmdline", line);
	put_text(m.folder, "proc/sys/kernel/osrelease", "../../etc\n");
	put_text(m.folder, "lib/modules/6.1/modules.dep",
		 "../../../etc/fstab:\n/etc/fstab:\nkernel/a.ko\n:\n\nupdates/.ko.xz: x\n");
	put_text(m.folder, "lib/modules/6.1/modules.dep.bin", "");
	put_text(m.folder, "lib/modules/6.1/modules.alias.bin", "x");
	put_text(m.folder, "lib/modules/6.1/modules.symbols.bin", "x");
	put_text(m.folder, "lib/modules/6.1/modules.builtin", "x");
	put_text(m.folder, "lib/modules/6.1/modules.builtin.bin", "x");
	put_text(m.folder, "boot/vmlinuz-6.1", "x");
	put_text(m.folder, "boot/initrd.img-6.1", "x");
	free(line);
	look(&m, true);
	assert_non_null(find(&m, "kernel-unreadable"));
	assert_non_null(find(&m, "module-index-stale"));
	assert_null(find(&m, "root-device-missing"));
}

static void the_worst_comes_first_and_the_machine_before_its_kernels(void **state)
{
	_cleanup_machine_ struct machine m;
	const struct audit_finding *list;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "boot/vmlinuz-6.1", "x");
	put_text(m.folder, "boot/vmlinuz-6.12", "x");
	put_text(m.folder, "lib/modules/6.12/modules.order", "");
	look(&m, true);
	list = m.report.findings;
	assert_true(m.report.n > 4);
	assert_int_equal(m.report.counts[AUDIT_ERROR] + m.report.counts[AUDIT_WARNING] +
				 m.report.counts[AUDIT_NOTE],
			 m.report.n);
	assert_string_equal(m.report.kernels[0], "6.12");
	assert_string_equal(m.report.kernels[1], "6.1");
	for (size_t i = 1; i < m.report.n; i++) {
		if (list[i - 1].kernel)
			assert_non_null(list[i].kernel);
		if (list[i - 1].kernel == list[i].kernel)
			assert_true(list[i - 1].severity <= list[i].severity);
	}
}

static void what_a_shell_would_take_apart_is_quoted(void **state)
{
	static const char *const cases[][2] = {
		{"6.1.0-9-amd64", "6.1.0-9-amd64"},
		{"", "''"},
		{"a b", "'a b'"},
		{"$(x)", "'$(x)'"},
		{"a'b", "'a'\\''b'"},
		{"~", "'~'"},
		{"a\\b", "'a\\b'"},
		{"a\nb'\\\xff", "$'a\\x0ab\\x27\\x5c\\xff'"},
		{"\xc3\xa4", "'\xc3\xa4'"},
	};
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(quote_word(cases[i][0], &m.arena), cases[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_named_in_many_ways),
		cmocka_unit_test(a_volume_has_a_name_of_device_mapper),
		cmocka_unit_test(what_names_no_device_that_can_be_looked_for_is_passed_over),
		cmocka_unit_test(escapes_of_udev_become_bytes),
		cmocka_unit_test(arrays_of_mdadm_conf),
		cmocka_unit_test(an_empty_root_is_looked_at),
		cmocka_unit_test(folders_where_files_should_be_are_no_trouble),
		cmocka_unit_test(odd_contents_are_no_trouble),
		cmocka_unit_test(the_worst_comes_first_and_the_machine_before_its_kernels),
		cmocka_unit_test(what_a_shell_would_take_apart_is_quoted),
	};

	return RUN_TESTS(tests);
}
