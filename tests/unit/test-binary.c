/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Formats that are bytes: kernel images, ELF files, the dynamic linker's cache, the index of
 * modules.
 */

#include <elf.h>
#include <stdio.h>

#include "format/kernel/bzimage.h"
#include "format/program/elf.h"
#include "format/program/ldcache.h"
#include "format/kernel/modinfo.h"
#include "support.h"

/* ---- bzImage ---- */

/* The start of a kernel image that says it is VERSION. */
static void add_bzimage(struct buf *out, const char *version)
{
	add_kernel(out, version);
	memcpy(out->data + 0x248, "\x10\0\0\0\x20\0\0\0", 8);
}

static void a_kernel_tells_its_version_and_payload(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct bzimage image;
	struct err err = {0};

	(void)state;
	add_bzimage(&b, "6.1.0-1-amd64 (builder@host) #1 SMP");
	assert_ok(bzimage_decode(b.data, b.len, &image, &err), 0, &err);
	assert_string_equal(image.version, "6.1.0-1-amd64");
	assert_int_equal(image.payload_offset, 2 * 512 + 0x10);
	assert_int_equal(image.payload_size, 0x20);
	b.data[0x1f1] = 0; /* stands for 4 */
	assert_ok(bzimage_decode(b.data, b.len, &image, &err), 0, &err);
	assert_int_equal(image.payload_offset, 5 * 512 + 0x10);
}

static void an_old_kernel_has_no_payload_field(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct bzimage image;
	struct err err = {0};

	(void)state;
	add_bzimage(&b, "2.6.20");
	b.data[0x206] = 0x07;
	assert_ok(bzimage_decode(b.data, b.len, &image, &err), 0, &err);
	assert_int_equal(image.payload_offset, 0);
	assert_int_equal(image.payload_size, 0);
}

static void what_is_no_kernel_image_is_refused(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct bzimage image = {.payload_size = 77};
	struct err err = {0};

	(void)state;
	add_bzimage(&b, "");
	assert_fails(bzimage_decode(b.data, b.len, &image, &err), -EBADMSG, &err);
	memcpy(b.data + KERNEL_VERSION_AT, "6.1", 4);
	b.data[0x20f] = 0;
	assert_fails(bzimage_decode(b.data, b.len, &image, &err), -EBADMSG, &err);
	b.data[0x20f] = 0xff; /* outside */
	assert_fails(bzimage_decode(b.data, b.len, &image, &err), -EBADMSG, &err);
	b.data[0x20f] = 1;
	b.data[0x202] = 'h';
	assert_fails(bzimage_decode(b.data, b.len, &image, &err), -EBADMSG, &err);
	assert_fails(bzimage_decode("", 0, &image, &err), -EBADMSG, &err);
	assert_int_equal(image.payload_size, 77);
}

static void a_version_of_more_than_127_bytes_is_refused(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct bzimage image;
	struct err err = {0};
	char version[BZIMAGE_VERSION_MAX + 1];

	(void)state;
	memset(version, '6', sizeof(version));
	version[BZIMAGE_VERSION_MAX - 1] = '\0';
	add_bzimage(&b, version);
	assert_ok(bzimage_decode(b.data, b.len, &image, &err), 0, &err);
	assert_string_equal(image.version, version);
	b.data[KERNEL_VERSION_AT + BZIMAGE_VERSION_MAX - 1] = '6';
	b.data[KERNEL_VERSION_AT + BZIMAGE_VERSION_MAX] = '\0';
	assert_fails(bzimage_decode(b.data, b.len, &image, &err), -EBADMSG, &err);
}

static void check_bzimage(uint8_t *data, size_t len, void *arg)
{
	struct bzimage image;
	struct err err = {0};
	int r = bzimage_decode(data, len, &image, &err);

	(void)arg;
	assert_true(r == 0 || r == -EBADMSG);
	if (r == 0)
		assert_true(strlen(image.version) > 0 &&
			    strlen(image.version) < BZIMAGE_VERSION_MAX);
}

static void no_kernel_image_is_fatal(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_bzimage(&b, "6.1.0");
	sweep(b.data, KERNEL_VERSION_AT + 6, check_bzimage, NULL);
}

/* ---- ELF ---- */

/* A 64-bit program: header, three segments, dynamic section, strings. */
struct program {
	Elf64_Ehdr head;
	Elf64_Phdr segments[3];
	Elf64_Dyn dynamic[8];
	char strings[96];
	char interp[28];
};

static const char strings[] = "\0libc.so.6\0libz.so.1\0libme.so\0/old/path\0$ORIGIN/lib";

static uint64_t string_of(const char *s)
{
	const char *at = memmem(strings, sizeof(strings), s, strlen(s) + 1);

	assert_non_null(at);
	return (uint64_t)(at - strings);
}

static void make_program(struct program *p)
{
	const uint64_t base = 0x400000; /* file and memory differ, as in a real one */

	*p = (struct program){
		.head = {.e_type = ET_DYN,
			 .e_machine = EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_phoff = offsetof(struct program, segments),
			 .e_ehsize = sizeof(Elf64_Ehdr),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 3},
		.segments = {{.p_type = PT_LOAD,
			      .p_vaddr = base,
			      .p_filesz = sizeof(*p),
			      .p_memsz = sizeof(*p)},
			     {.p_type = PT_DYNAMIC,
			      .p_offset = offsetof(struct program, dynamic),
			      .p_filesz = sizeof(p->dynamic)},
			     {.p_type = PT_INTERP,
			      .p_offset = offsetof(struct program, interp),
			      .p_filesz = sizeof(p->interp)}},
		.dynamic = {{DT_NEEDED, {string_of("libc.so.6")}},
			    {DT_SONAME, {string_of("libme.so")}},
			    {DT_NEEDED, {string_of("libz.so.1")}},
			    {DT_RPATH, {string_of("/old/path")}},
			    {DT_RUNPATH, {string_of("$ORIGIN/lib")}},
			    {DT_STRTAB, {base + offsetof(struct program, strings)}},
			    {DT_NULL, {0}},
			    {DT_NEEDED, {string_of("libc.so.6")}}},
		.interp = "/lib64/ld-linux-x86-64.so.2",
	};
	memcpy(p->head.e_ident, ELFMAG, SELFMAG);
	p->head.e_ident[EI_CLASS] = ELFCLASS64;
	p->head.e_ident[EI_DATA] = ELFDATA2LSB;
	p->head.e_ident[EI_VERSION] = EV_CURRENT;
	memcpy(p->strings, strings, sizeof(strings));
}

static void a_program_tells_what_it_asks_of_the_linker(void **state)
{
	struct program p;
	struct elf_info e;
	struct err err = {0};

	(void)state;
	make_program(&p);
	assert_ok(elf_decode(&p, sizeof(p), &e, &err), 0, &err);
	assert_int_equal(e.class, ELFCLASS64);
	assert_int_equal(e.machine, EM_X86_64);
	assert_true(e.dynamic);
	assert_string_equal(e.interp, "/lib64/ld-linux-x86-64.so.2");
	assert_string_equal(e.soname, "libme.so");
	assert_string_equal(e.rpath, "/old/path");
	assert_string_equal(e.runpath, "$ORIGIN/lib");
	assert_int_equal(e.n_needed, 2);
	assert_string_equal(e.needed[0], "libc.so.6");
	assert_string_equal(e.needed[1], "libz.so.1");
}

static void a_static_program_asks_for_nothing(void **state)
{
	struct program p;
	struct elf_info e;
	struct err err = {0};

	(void)state;
	make_program(&p);
	p.head.e_phnum = 1;
	assert_ok(elf_decode(&p, sizeof(p), &e, &err), 0, &err);
	assert_false(e.dynamic);
	assert_null(e.interp);
	assert_int_equal(e.n_needed, 0);
}

static void what_lies_outside_of_an_elf_file_is_damage(void **state)
{
	static const uint64_t offsets[] = {sizeof(struct program), 1ull << 32, UINT64_MAX,
					   UINT64_MAX - 8};
	struct program good, p;
	struct elf_info e = {.machine = 77};
	struct err err = {0};

	(void)state;
	make_program(&good);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		p = good;
		p.dynamic[0].d_un.d_val = offsets[i];
		assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
		p = good;
		p.dynamic[5].d_un.d_ptr = offsets[i]; /* DT_STRTAB: in no segment */
		assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
		p = good;
		p.segments[1].p_offset = offsets[i];
		assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
		p = good;
		p.segments[1].p_filesz = offsets[i];
		assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
		p = good;
		p.segments[2].p_offset = offsets[i];
		assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
	}
	p = good;
	p.segments[0].p_filesz = offsetof(struct program, strings); /* they are in no segment */
	assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
	p = good;
	p.segments[0].p_offset = sizeof(p); /* the strings with it */
	assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
	p = good;
	memset(p.interp, 'x', sizeof(p.interp)); /* no end */
	assert_fails(elf_decode(&p, offsetof(struct program, interp) + sizeof(p.interp), &e, &err),
		     -EBADMSG, &err);
	assert_fails(elf_decode("\x7f"
				"ELF",
				4, &e, &err),
		     -EBADMSG, &err);
	assert_fails(elf_decode("#!/bin/sh\n", 10, &e, &err), -EBADMSG, &err);
	assert_fails(elf_decode("", 0, &e, &err), -EBADMSG, &err);
	assert_int_equal(e.machine, 77);
}

static void a_program_that_needs_too_many_libraries_is_refused(void **state)
{
	const size_t count = ELF_NEEDED_MAX + 1, size = sizeof(struct program);
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct elf_info e;
	struct err err = {0};
	struct program p;

	(void)state;
	make_program(&p);
	p.segments[1].p_offset = size;
	p.segments[1].p_filesz = (count + 1) * sizeof(Elf64_Dyn);
	buf_add(&b, &p, size);
	buf_add(&b, &p.dynamic[5], sizeof(Elf64_Dyn));
	for (size_t i = 0; i < count; i++)
		buf_add(&b, &p.dynamic[0], sizeof(Elf64_Dyn));
	assert_fails(elf_decode(b.data, b.len, &e, &err), -E2BIG, &err);
	((Elf64_Phdr *)(b.data + offsetof(struct program, segments)))[1].p_filesz -=
		sizeof(Elf64_Dyn);
	assert_ok(elf_decode(b.data, b.len, &e, &err), 0, &err);
	assert_int_equal(e.n_needed, ELF_NEEDED_MAX);
}

/* The program P followed by the notes on libraries in TEXT. */
static void add_notes(struct buf *out, struct program *p, const char *const *texts, size_t n)
{
	p->segments[2] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = sizeof(*p), .p_align = 4};
	buf_add(out, p, sizeof(*p));
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(texts[i]) + 1;

		buf_add_u32le(out, 4);
		buf_add_u32le(out, (uint32_t)len);
		buf_add_u32le(out, i == 0 ? 1 : 0x407c0c0a); /* the first is of another type */
		buf_add(out, "FDO", 4);
		buf_add(out, texts[i], len);
		buf_add_zeros(out, -len & 3);
	}
	((struct program *)out->data)->segments[2].p_filesz = out->len - sizeof(*p);
}

static void notes_on_libraries_are_found(void **state)
{
	static const char *const texts[] = {"[1]", "[22]", "[333]"};
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct program p;
	struct elf_info e;
	struct err err = {0};

	(void)state;
	make_program(&p);
	add_notes(&b, &p, texts, ARRAY_SIZE(texts));
	assert_ok(elf_decode(b.data, b.len, &e, &err), 0, &err);
	assert_int_equal(e.n_notes, 2);
	assert_int_equal(e.notes[0].len, 4);
	assert_memory_equal(e.notes[0].text, "[22]", 4);
	assert_memory_equal(e.notes[1].text, "[333]", 5);
	((struct program *)b.data)->head.e_type = ET_CORE;
	assert_ok(elf_decode(b.data, b.len, &e, &err), 0, &err);
	assert_int_equal(e.n_notes, 0);
	((struct program *)b.data)->head.e_type = ET_DYN;
	((struct program *)b.data)->segments[2].p_filesz++;
	assert_fails(elf_decode(b.data, b.len, &e, &err), -EBADMSG, &err);
}

static void names_that_no_path_can_have_are_damage(void **state)
{
	struct program good, p;
	struct elf_info e;
	struct err err = {0};

	(void)state;
	make_program(&good);
	p = good;
	p.strings[string_of("libc.so.6")] = '\x1b';
	assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
	p.strings[string_of("libc.so.6")] = '\0';
	assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
	p = good; /* a run path that was blanked out is none */
	p.strings[string_of("$ORIGIN/lib")] = '\0';
	assert_ok(elf_decode(&p, sizeof(p), &e, &err), 0, &err);
	assert_null(e.runpath);
	p = good;
	p.interp[0] = '\0';
	assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
	p = good; /* strings behind the end of their table */
	p.dynamic[6] = (Elf64_Dyn){DT_STRSZ, {2}};
	assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
}

static void two_dynamic_sections_are_damage(void **state)
{
	struct program p;
	struct elf_info e;
	struct err err = {0};

	(void)state;
	make_program(&p);
	p.segments[2] = p.segments[1];
	assert_fails(elf_decode(&p, sizeof(p), &e, &err), -EBADMSG, &err);
	assert_contains(err.text, "two");
}

static void a_file_is_elf_by_its_magic(void **state)
{
	(void)state;
	assert_true(elf_is("\x7f"
			   "ELF...",
			   7));
	assert_false(elf_is("\x7f"
			    "EL",
			    3));
	assert_false(elf_is("", 0));
	assert_false(elf_is("\x7f"
			    "FLE...",
			    7));
}

static void check_elf(uint8_t *data, size_t len, void *arg)
{
	struct elf_info e;
	struct err err = {0};
	int r = elf_decode(data, len, &e, &err);
	const uint8_t *s;

	(void)arg;
	assert_true(r == 0 || r == -EBADMSG || r == -E2BIG);
	for (size_t i = 0; r == 0 && i < e.n_needed; i++) {
		s = (const uint8_t *)e.needed[i];
		assert_true(s >= data && s < data + len);
		assert_non_null(memchr(s, '\0', (size_t)(data + len - s)));
	}
}

static void no_elf_file_is_fatal(void **state)
{
	struct program p;

	(void)state;
	make_program(&p);
	sweep(&p, sizeof(p), check_elf, NULL);
}

/* ---- .modinfo ---- */

struct module {
	Elf64_Ehdr head;
	Elf64_Shdr sections[3];
	char names[24];
	char info[64];
};

static const char info[] = "license=GPL\0alias=virtio:d2v*\0alias=\0aliasx=no\0alias\0alias=last";

static void make_module(struct module *m)
{
	*m = (struct module){
		.head = {.e_type = ET_REL,
			 .e_machine = EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_shoff = offsetof(struct module, sections),
			 .e_ehsize = sizeof(Elf64_Ehdr),
			 .e_shentsize = sizeof(Elf64_Shdr),
			 .e_shnum = 3,
			 .e_shstrndx = 2},
		.sections = {{0},
			     {.sh_name = 1,
			      .sh_type = SHT_PROGBITS,
			      .sh_offset = offsetof(struct module, info),
			      .sh_size = sizeof(info)},
			     {.sh_name = 10,
			      .sh_type = SHT_STRTAB,
			      .sh_offset = offsetof(struct module, names),
			      .sh_size = sizeof(m->names)}},
		.names = "\0.modinfo\0.shstrtab",
	};
	memcpy(m->head.e_ident, ELFMAG, SELFMAG);
	m->head.e_ident[EI_CLASS] = ELFCLASS64;
	m->head.e_ident[EI_DATA] = ELFDATA2LSB;
	m->head.e_ident[EI_VERSION] = EV_CURRENT;
	memcpy(m->info, info, sizeof(info));
}

static void a_module_tells_all_values_of_a_key(void **state)
{
	static const char *const values[] = {"virtio:d2v*", "", "last"};
	struct module m;
	const char *section, *value;
	size_t len, offset = 0;
	struct err err = {0};

	(void)state;
	make_module(&m);
	assert_ok(modinfo_find(&m, sizeof(m), &section, &len, &err), 0, &err);
	assert_int_equal(len, sizeof(info));
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		value = modinfo_next(section, len, "alias", &offset);
		assert_non_null(value);
		assert_string_equal(value, values[i]);
	}
	assert_null(modinfo_next(section, len, "alias", &offset));
	offset = 0;
	assert_null(modinfo_next(section, len, "firmware", &offset));
	/* A last value without its end could be cut. */
	offset = 0;
	while ((value = modinfo_next(section, len - 1, "alias", &offset)))
		assert_string_not_equal(value, "last");
	offset = 0;
	assert_null(modinfo_next("", 0, "alias", &offset));
}

static void what_is_no_module_is_said_so(void **state)
{
	const char *section = NULL;
	size_t len = 77;
	struct module m;
	struct err err = {0};

	(void)state;
	make_module(&m);
	memcpy(m.names, "\0.moduleX", 9);
	assert_fails(modinfo_find(&m, sizeof(m), &section, &len, &err), -ENOENT, &err);
	make_module(&m);
	m.sections[1].sh_offset = sizeof(m);
	assert_fails(modinfo_find(&m, sizeof(m), &section, &len, &err), -EBADMSG, &err);
	m.sections[1].sh_offset = UINT64_MAX - 4;
	assert_fails(modinfo_find(&m, sizeof(m), &section, &len, &err), -EBADMSG, &err);
	make_module(&m);
	m.sections[1].sh_size = UINT64_MAX;
	assert_fails(modinfo_find(&m, sizeof(m), &section, &len, &err), -EBADMSG, &err);
	assert_fails(modinfo_find("text", 4, &section, &len, &err), -EBADMSG, &err);
	assert_fails(modinfo_find("\x7f"
				  "ELF",
				  4, &section, &len, &err),
		     -EBADMSG, &err);
	assert_null(section);
	assert_int_equal(len, 77);
}

static void check_modinfo(uint8_t *data, size_t len, void *arg)
{
	const char *section = NULL, *value;
	size_t section_len = 0, offset = 0;
	struct err err = {0};
	int r = modinfo_find(data, len, &section, &section_len, &err);

	(void)arg;
	assert_true(r == 0 || r == -EBADMSG || r == -ENOENT);
	if (r < 0)
		return;
	assert_true((const uint8_t *)section + section_len <= data + len);
	while ((value = modinfo_next(section, section_len, "alias", &offset)))
		assert_true(value + strlen(value) < section + section_len);
}

static void no_module_is_fatal(void **state)
{
	struct module m;

	(void)state;
	make_module(&m);
	sweep(&m, sizeof(m), check_modinfo, NULL);
}

/* ---- the dynamic linker's cache ---- */

enum { X86_64 = 0x0303, I386 = 0x0003, AARCH64 = 0x0a03 };

struct cached {
	uint32_t flags;
	const char *soname, *path;
	uint32_t hwcap_low, hwcap_high;
};

static const struct cached cached[] = {
	{X86_64, "libz.so.1", "/lib/libz.so.1", 0, 0},
	{X86_64, "libc.so.6", "/lib/glibc-hwcaps/libc.so.6", 0, 1u << 30},
	{X86_64, "libc.so.6", "/lib/sse2/libc.so.6", 1, 0},
	{X86_64, "libc.so.6", "/lib/libc.so.6", 0, 0},
	{I386, "libc.so.6", "/lib32/libc.so.6", 0, 0},
	{AARCH64, "libc.so.6", "/lib/aarch64/libc.so.6", 0, 0},
	{X86_64 | 0x100000, "libx.so", "/lib/libx.so", 0, 0},
};

static void add_ldcache(struct buf *out)
{
	uint32_t at = 48 + 24 * ARRAY_SIZE(cached);

	buf_add_str(out, "glibc-ld.so.cache1.1");
	buf_add_u32le(out, ARRAY_SIZE(cached));
	buf_add_zeros(out, 24);
	for (size_t i = 0; i < ARRAY_SIZE(cached); i++) {
		const struct cached *c = &cached[i];

		buf_add_u32le(out, c->flags);
		buf_add_u32le(out, at);
		at += (uint32_t)strlen(c->soname) + 1;
		buf_add_u32le(out, at);
		at += (uint32_t)strlen(c->path) + 1;
		buf_add_u32le(out, 0); /* version of the system */
		buf_add_u32le(out, c->hwcap_low);
		buf_add_u32le(out, c->hwcap_high);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cached); i++) {
		buf_add(out, cached[i].soname, strlen(cached[i].soname) + 1);
		buf_add(out, cached[i].path, strlen(cached[i].path) + 1);
	}
}

static void a_library_is_found_for_its_machine(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_ldcache(&b);
	assert_string_equal(ldcache_find(b.data, b.len, "libz.so.1", ELFCLASS64, EM_X86_64),
			    "/lib/libz.so.1");
	assert_string_equal(ldcache_find(b.data, b.len, "libc.so.6", ELFCLASS64, EM_X86_64),
			    "/lib/libc.so.6");
	assert_string_equal(ldcache_find(b.data, b.len, "libc.so.6", ELFCLASS32, EM_386),
			    "/lib32/libc.so.6");
	assert_string_equal(ldcache_find(b.data, b.len, "libc.so.6", ELFCLASS64, EM_AARCH64),
			    "/lib/aarch64/libc.so.6");
	assert_null(ldcache_find(b.data, b.len, "libz.so.1", ELFCLASS64, EM_AARCH64));
	assert_null(ldcache_find(b.data, b.len, "libc.so", ELFCLASS64, EM_X86_64));
	assert_null(ldcache_find(b.data, b.len, "", ELFCLASS64, EM_X86_64));
}

static void a_cache_of_another_format_holds_nothing(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_ldcache(&b);
	b.data[19] = '2';
	assert_null(ldcache_find(b.data, b.len, "libz.so.1", ELFCLASS64, EM_X86_64));
	b.data[19] = '1';
	b.data[20] = 0xff; /* more records than bytes */
	assert_null(ldcache_find(b.data, b.len, "libz.so.1", ELFCLASS64, EM_X86_64));
	assert_null(ldcache_find("", 0, "libz.so.1", ELFCLASS64, EM_X86_64));
}

static void check_ldcache(uint8_t *data, size_t len, void *arg)
{
	const char *path = ldcache_find(data, len, "libc.so.6", ELFCLASS64, EM_X86_64);
	const uint8_t *at = (const uint8_t *)path;

	(void)arg;
	assert_true(!path ||
		    (at >= data && at < data + len && memchr(at, '\0', (size_t)(data + len - at))));
}

static void no_cache_is_fatal(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_ldcache(&b);
	sweep(b.data, b.len, check_ldcache, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_tells_its_version_and_payload),
		cmocka_unit_test(an_old_kernel_has_no_payload_field),
		cmocka_unit_test(what_is_no_kernel_image_is_refused),
		cmocka_unit_test(a_version_of_more_than_127_bytes_is_refused),
		cmocka_unit_test(no_kernel_image_is_fatal),
		cmocka_unit_test(a_program_tells_what_it_asks_of_the_linker),
		cmocka_unit_test(a_static_program_asks_for_nothing),
		cmocka_unit_test(what_lies_outside_of_an_elf_file_is_damage),
		cmocka_unit_test(a_program_that_needs_too_many_libraries_is_refused),
		cmocka_unit_test(notes_on_libraries_are_found),
		cmocka_unit_test(names_that_no_path_can_have_are_damage),
		cmocka_unit_test(two_dynamic_sections_are_damage),
		cmocka_unit_test(a_file_is_elf_by_its_magic),
		cmocka_unit_test(no_elf_file_is_fatal),
		cmocka_unit_test(a_module_tells_all_values_of_a_key),
		cmocka_unit_test(what_is_no_module_is_said_so),
		cmocka_unit_test(no_module_is_fatal),
		cmocka_unit_test(a_library_is_found_for_its_machine),
		cmocka_unit_test(a_cache_of_another_format_holds_nothing),
		cmocka_unit_test(no_cache_is_fatal),
	};

	return RUN_TESTS(tests);
}
