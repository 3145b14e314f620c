/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The formats of boot menus: GRUB's, the Boot Loader Specification's, extlinux'.
 */

#include "format/menu/bls.h"
#include "format/menu/extlinux.h"
#include "format/menu/grubcfg.h"
#include "format/menu/grubenv.h"
#include "support.h"

/* ---- the Boot Loader Specification ---- */

static void an_entry_is_read(void **state)
{
	static const char text[] =
		"title  A title \r\n#version 1\n\tversion\t6.1 \nlinux /vmlinuz\n"
		"initrd /ucode.img\ninitrd /image $tuned_initrd\n"
		"options root=/dev/sda1 ro\noptions quiet\nfuture x\n"
		"machine-id 01\nsort-key s\narchitecture x64\ndevicetree /a.dtb";
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct bls_entry e = {0};
	struct err err = {0};

	(void)state;
	assert_ok(bls_decode(text, sizeof(text) - 1, &arena, &e, &err), 0, &err);
	assert_string_equal(e.title, "A title");
	assert_string_equal(e.version, "6.1");
	assert_string_equal(e.kernel, "/vmlinuz");
	assert_string_equal(e.initrds[0], "/ucode.img");
	assert_string_equal(e.initrds[1], "/image");
	assert_null(e.initrds[2]);
	assert_string_equal(e.options, "root=/dev/sda1 ro quiet");
	assert_string_equal(e.machine_id, "01");
	assert_string_equal(e.sort_key, "s");
	assert_string_equal(e.architecture, "x64");
	assert_string_equal(e.devicetree, "/a.dtb");
	assert_null(e.efi);
}

static void an_entry_must_boot_something(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct bls_entry e = {0};
	struct err err = {0};

	(void)state;
	assert_fails(bls_decode("title x\n", 8, &arena, &e, &err), -EBADMSG, &err);
	assert_fails(bls_decode("linux /a\0", 9, &arena, &e, &err), -EBADMSG, &err);
	assert_ok(bls_decode("uki /a", 6, &arena, &e, &err), 0, &err);
}

static void names_may_count_tries(void **state)
{
	struct bls_name name = {0};

	(void)state;
	assert_true(bls_name_decode("a-6.1+3-1.conf", &name));
	assert_string_equal(name.id, "a-6.1");
	assert_true(name.counts && name.left == 3 && name.done == 1);
	assert_true(bls_name_decode("a+0.conf", &name));
	assert_string_equal(name.id, "a");
	assert_true(name.counts && name.left == 0 && name.done == 0);
	assert_true(bls_name_decode("6.1.0+deb13-amd64.conf", &name));
	assert_string_equal(name.id, "6.1.0+deb13-amd64");
	assert_false(name.counts);
	assert_false(bls_name_decode("a.conf.bak", &name));
	assert_false(bls_name_decode(".conf", &name));
	assert_false(bls_name_decode("a/b.conf", &name));
}

/* ---- extlinux ---- */

static void labels_are_read(void **state)
{
	static const char text[] =
		"DEFAULT a\nappend initrd=/all\nLabel a\n menu label ^An A\n"
		" linux /vmlinuz-1\n initrd /u,/i-1\n append root=/dev/sda1 ro\n"
		" fdt /a.dtb\nTEXT HELP\nlabel none\nENDTEXT\n# label none\n"
		"label b\nkernel /vmlinuz-2\nlabel c\nkernel a.c32\ninclude x.cfg\n";
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct extlinux m = {0};
	struct err err = {0};

	(void)state;
	assert_ok(extlinux_decode(text, sizeof(text) - 1, &arena, &m, &err), 0, &err);
	assert_int_equal(m.n, 3);
	assert_string_equal(m.preferred, "a");
	assert_string_equal(m.includes[0], "x.cfg");
	assert_null(m.includes[1]);
	assert_string_equal(m.labels[0].title, "An A");
	assert_string_equal(m.labels[0].kernel, "/vmlinuz-1");
	assert_string_equal(m.labels[0].initrds[1], "/i-1");
	assert_null(m.labels[0].initrds[2]);
	assert_string_equal(m.labels[0].options, "root=/dev/sda1 ro");
	assert_string_equal(m.labels[0].fdt, "/a.dtb");
	assert_int_equal(m.labels[0].line, 3);
	assert_memory_equal(text + m.labels[0].end, "label b", 7);
	assert_string_equal(m.labels[1].title, "b");
	assert_string_equal(m.labels[1].initrds[0], "/all");
	assert_null(m.labels[2].kernel);
}

static void a_label_needs_a_name(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct extlinux m = {0};
	struct err err = {0};

	(void)state;
	assert_fails(extlinux_decode("a\nlabel \n", 9, &arena, &m, &err), -EBADMSG, &err);
	assert_contains(err.text, "line 2");
}

/* ---- GRUB ---- */

static void decode_grub(const char *text, struct arena *arena, struct grubcfg *out)
{
	static const struct grubcfg_variable known[] = {{"prefix", "/boot/grub"}, {0}};
	struct err err = {0};

	assert_ok(grubcfg_decode(text, strlen(text), known, arena, out, &err), 0, &err);
}

static void entries_are_found_wherever_they_stand(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct grubcfg m = {0};

	(void)state;
	decode_grub("function f { echo '}'; }\n"
		    "menuentry 'A' --class x $menuentry_id_option 'id a' --users \"\" {\n"
		    "  if [ a = b ]; then insmod c; fi\n  savedefault\n"
		    "\tlinux\t/vmlinuz-1 root=/dev/sda1 \"x=y z\" # no\n  initrd /u /i-1\n}\n"
		    "submenu B --id b {\n if true; then menuentry \"C\" { linuxefi /vmlinuz-2 }\n "
		    "fi\n}\n",
		    &arena, &m);
	assert_int_equal(m.n, 2);
	assert_string_equal(m.entries[0].title, "A");
	assert_string_equal(m.entries[0].id, "id a");
	assert_string_equal(m.entries[0].arguments, "--class x --users \"\"");
	assert_string_equal(m.entries[0].kernel, "/vmlinuz-1");
	assert_string_equal(m.entries[0].options, "root=/dev/sda1 \"x=y z\"");
	assert_int_equal(m.entries[0].n_initrds, 2);
	assert_string_equal(m.entries[0].initrds[1].text, "/i-1");
	assert_true(m.entries[0].is_plain && m.entries[0].save.end);
	assert_int_equal(m.entries[0].line, 2);
	assert_string_equal(m.entries[1].title, "C");
	assert_null(m.entries[1].id);
	assert_string_equal(m.entries[1].kernel, "/vmlinuz-2");
}

static void words_are_read_as_GRUB_reads_them(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct grubcfg m = {0};

	(void)state;
	decode_grub(
		"menuentry 'It'\\''s'\" \\\"so\\\" \\x\" {\nlinux /a\\ b\\\nc\\{d \\\n 'x y'\n}",
		&arena, &m);
	assert_string_equal(m.entries[0].title, "It's \"so\" \\x");
	assert_string_equal(m.entries[0].kernel, "/a bc{d");
	assert_string_equal(m.entries[0].options, "\"x y\"");
}

static void variables_are_known_when_they_never_change(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct grubcfg m = {0};

	(void)state;
	decode_grub("set a=/boot\nset b=1\nset b=2\nmenuentry x { linux ${a}/v $b $vt_handoff\n"
		    "initrd $a/i }\nmenuentry y { linux $b/v }\nsource $prefix/own.cfg\n"
		    "source $other/x.cfg\n",
		    &arena, &m);
	assert_string_equal(m.entries[0].kernel, "/boot/v");
	assert_string_equal(m.entries[0].options, "$b $vt_handoff");
	assert_string_equal(m.entries[0].initrds[0].text, "/boot/i");
	assert_null(m.entries[0].unknown);
	assert_string_equal(m.entries[1].unknown, "b");
	assert_int_equal(m.n_sources, 2);
	assert_string_equal(m.sources[0].path, "/boot/grub/own.cfg");
	assert_int_equal(m.sources[0].before, 2);
	assert_string_equal(m.sources[1].unknown, "other");
}

static void what_GRUB_keeps_for_one_boot_is_noticed(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct grubcfg m = {0};

	(void)state;
	decode_grub("set default=\"${next_entry}\"\nblscfg\n", &arena, &m);
	assert_false(m.keeps_next);
	assert_true(m.has_blscfg);
	decode_grub("if [ \"${next_entry}\" ]; then\n save_env next_entry\nfi\n", &arena, &m);
	assert_true(m.keeps_next);
	assert_false(m.has_blscfg);
}

static void entries_have_numbers_and_one_is_the_default(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct grubcfg menu;

	(void)state;
	decode_grub("set default=\"0\"\n"
		    "if [ \"${next_entry}\" ]; then set default=\"${next_entry}\"\n"
		    "else set default=\"${saved_entry}\"; fi\n"
		    "menuentry a {\nset default=no\n}\n"
		    "submenu b {\nmenuentry c {\n}\nsubmenu d {\nmenuentry e {\n}\n}\n"
		    "menuentry f {\n}\n}\n"
		    "menuentry g {\n}\n",
		    &arena, &menu);
	assert_string_equal(menu.preferred, "${saved_entry}");
	assert_int_equal(menu.n, 5);
	assert_string_equal(menu.entries[0].number, "0");
	assert_string_equal(menu.entries[1].number, "1>0");
	assert_string_equal(menu.entries[2].number, "1>1>0");
	assert_string_equal(menu.entries[3].number, "1>2");
	assert_string_equal(menu.entries[4].number, "2");
	decode_grub("menuentry a {\n}\n", &arena, &menu);
	assert_null(menu.preferred);
}

#define ENVIRONMENT "# GRUB Environment Block\n"

static void what_GRUB_remembers_is_read(void **state)
{
	static const char text[] =
		ENVIRONMENT "# x=no\nsaved_entry=a>b\\\\c\\\nd\nx=1\nx=2\nlast=\\";
	char out[16] = "untouched";

	(void)state;
	assert_int_equal(grubenv_get(text, strlen(text), "saved_entry", out, sizeof(out)), 1);
	assert_string_equal(out, "a>b\\c\nd");
	assert_int_equal(grubenv_get(text, strlen(text), "x", out, sizeof(out)), 1);
	assert_string_equal(out, "1");
	assert_int_equal(grubenv_get(text, strlen(text), "last", out, sizeof(out)), 1);
	assert_string_equal(out, "\\");
	assert_int_equal(grubenv_get(text, strlen(text), "saved", out, sizeof(out)), 0);
	assert_int_equal(grubenv_get(text, strlen(text), "saved_entry", out, 7), -E2BIG);
	assert_int_equal(grubenv_get(text, sizeof(text), "x", out, sizeof(out)), -EBADMSG);
	assert_int_equal(grubenv_get(text + 1, strlen(text + 1), "x", out, sizeof(out)), -EBADMSG);
	assert_int_equal(grubenv_get("", 0, "x", out, sizeof(out)), -EBADMSG);
	assert_string_equal(out, "\\");
}

static void an_entry_with_two_kernels_is_not_plain(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct grubcfg m = {0};

	(void)state;
	decode_grub("menuentry x { if a; then linux /a; else linux /b; fi; initrd /c }", &arena,
		    &m);
	assert_string_equal(m.entries[0].kernel, "/a");
	assert_false(m.entries[0].is_plain);
}

static void bad_menus_are_told_with_their_line(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *part;
	} cases[] = {
		{"\nmenuentry 'x {\n}\n", -EBADMSG, "line 2"},
		{"menuentry x {\n", -EBADMSG, "ends within"},
		{"\n\n}\n", -EBADMSG, "line 3"},
		{"a {a {a {a {a {a {a {a {a {a {a {a {a {a {a {a {a {", -E2BIG, "blocks"},
		{"x \"", -EBADMSG, "quote"},
	};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct grubcfg m = {0};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_fails(grubcfg_decode(cases[i].text, strlen(cases[i].text), NULL, &arena, &m,
					    &err),
			     cases[i].code, &err);
		assert_contains(err.text, cases[i].part);
	}
	assert_fails(grubcfg_decode("a\0b", 3, NULL, &arena, &m, &err), -EBADMSG, &err);
}

static void variables_cannot_grow_without_end(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct grubcfg m = {0};
	struct err err = {0};

	(void)state;
	buf_add_str(&text, "set a0=xxxxxxxxxxxxxxxxxxxxxxxx\n");
	for (int i = 0; i < 200; i++)
		buf_printf(&text, "set a%d=\"$a%d$a%d\"\n", i + 1, i, i);
	assert_fails(grubcfg_decode(buf_cstr(&text), text.len, NULL, &arena, &m, &err), -E2BIG,
		     &err);
}

static void quoted_words_come_back(void **state)
{
	static const char *const words[] = {"a b", "it's", "$x",    "a\\b",
					    "",	   "{",	   "\"q\"", "/plain.img"};
	_cleanup_arena_ struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct grubcfg m = {0};

		decode_grub(arena_printf(&arena, "menuentry %s { linux %s }",
					 grubcfg_quote(words[i], &arena),
					 grubcfg_quote(words[i], &arena)),
			    &arena, &m);
		assert_string_equal(m.entries[0].title, words[i]);
		assert_string_equal(m.entries[0].kernel, words[i]);
	}
	assert_string_equal(grubcfg_quote("/plain.img", &arena), "/plain.img");
}

static void all_live(uint8_t *data, size_t len, void *arg)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct extlinux extlinux;
	struct grubcfg grubcfg;
	struct bls_entry bls;
	struct err err = {0};

	(void)arg;
	assert_true(grubcfg_decode((char *)data, len, NULL, &arena, &grubcfg, &err) == 0 ||
		    *err.text);
	assert_true(extlinux_decode((char *)data, len, &arena, &extlinux, &err) == 0 || *err.text);
	assert_true(bls_decode((char *)data, len, &arena, &bls, &err) == 0 || *err.text);
}

static void every_truncation_and_byte_is_survived(void **state)
{
	static const char grub[] =
		"set a=\"b\"\nmenuentry 'x' --id y {\n linux ${a}/v r=\\\n1 \"$b\"\n"
		" initrd /i\n}\nsource $a\n";
	static const char other[] = "label a\nmenu label ^b\nlinux /c\ninitrd /d,e\nappend f\n";

	(void)state;
	sweep(grub, sizeof(grub) - 1, all_live, NULL);
	sweep(other, sizeof(other) - 1, all_live, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_read),
		cmocka_unit_test(an_entry_must_boot_something),
		cmocka_unit_test(names_may_count_tries),
		cmocka_unit_test(labels_are_read),
		cmocka_unit_test(a_label_needs_a_name),
		cmocka_unit_test(entries_are_found_wherever_they_stand),
		cmocka_unit_test(words_are_read_as_GRUB_reads_them),
		cmocka_unit_test(variables_are_known_when_they_never_change),
		cmocka_unit_test(what_GRUB_keeps_for_one_boot_is_noticed),
		cmocka_unit_test(entries_have_numbers_and_one_is_the_default),
		cmocka_unit_test(what_GRUB_remembers_is_read),
		cmocka_unit_test(an_entry_with_two_kernels_is_not_plain),
		cmocka_unit_test(bad_menus_are_told_with_their_line),
		cmocka_unit_test(variables_cannot_grow_without_end),
		cmocka_unit_test(quoted_words_come_back),
		cmocka_unit_test(every_truncation_and_byte_is_survived),
	};

	return RUN_TESTS(tests);
}
