/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/program/elfhead.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

struct reader {
	const unsigned char *data;
	size_t len;
	bool big;  /* big-endian */
	bool wide; /* 64 bits */
};

const char *elfhead_machine_name(int machine)
{
	static const struct {
		int machine;
		const char *name;
	} names[] = {
		{EM_386, "i386"},      {EM_X86_64, "x86-64"}, {EM_ARM, "arm"},
		{EM_AARCH64, "aarch64"}, {EM_RISCV, "riscv"},   {EM_S390, "s390x"},
		{EM_PPC64, "ppc64"},   {EM_LOONGARCH, "loongarch"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "another machine";
}

/* SIZE bytes at AT as a number; 0 where the file has ended. */
static uint64_t number(const struct reader *r, uint64_t at, unsigned size)
{
	uint64_t n = 0;

	if (at > r->len || size > r->len - at)
		return 0;
	for (unsigned i = 0; i < size; i++)
		n |= (uint64_t)r->data[at + i] << 8 * (r->big ? size - 1 - i : i);
	return n;
}

/* An address or an offset: WIDE and NARROW are its positions in the 64-bit and the 32-bit
 * format. */
static uint64_t word(const struct reader *r, uint64_t base, unsigned wide, unsigned narrow)
{
	return number(r, base + (r->wide ? wide : narrow), r->wide ? 8 : 4);
}

/* The first program header that names an interpreter counts. */
static void find_interpreter(const struct reader *r, char out[ELFHEAD_INTERP_MAX])
{
	uint64_t at = word(r, 0, offsetof(Elf64_Ehdr, e_phoff), offsetof(Elf32_Ehdr, e_phoff));
	uint64_t each = r->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t n = number(r, r->wide ? offsetof(Elf64_Ehdr, e_phnum)
				       : offsetof(Elf32_Ehdr, e_phnum), 2);

	for (; n && at < r->len && each <= r->len - at; n--, at += each) {
		uint64_t offset, size;

		if (number(r, at, 4) != PT_INTERP)
			continue;
		offset = word(r, at, offsetof(Elf64_Phdr, p_offset), offsetof(Elf32_Phdr, p_offset));
		size = word(r, at, offsetof(Elf64_Phdr, p_filesz), offsetof(Elf32_Phdr, p_filesz));
		if (offset <= r->len && size <= r->len - offset && size <= ELFHEAD_INTERP_MAX &&
		    memchr(r->data + offset, '\0', size))
			memcpy(out, r->data + offset, size);
		return;
	}
}

int elfhead_decode(const void *data, size_t len, struct elfhead *out, struct err *err)
{
	struct reader r = {.data = data, .len = len};
	struct elfhead head = {0};
	uint64_t type;

	if (len < sizeof(Elf32_Ehdr) || memcmp(data, ELFMAG, SELFMAG) != 0)
		return err_set(err, -EBADMSG, "not an ELF file");
	r.wide = r.data[EI_CLASS] == ELFCLASS64;
	r.big = r.data[EI_DATA] == ELFDATA2MSB;
	if ((!r.wide && r.data[EI_CLASS] != ELFCLASS32) ||
	    (!r.big && r.data[EI_DATA] != ELFDATA2LSB) || (r.wide && len < sizeof(Elf64_Ehdr)))
		return err_set(err, -EBADMSG, "its ELF header is damaged");
	type = number(&r, offsetof(Elf64_Ehdr, e_type), 2);
	if (type != ET_EXEC && type != ET_DYN)
		return err_set(err, -EBADMSG, "it is an ELF file, but not a program");
	head.bits = r.wide ? 64 : 32;
	head.machine = (int)number(&r, offsetof(Elf64_Ehdr, e_machine), 2);
	find_interpreter(&r, head.interpreter);
	*out = head;
	return 0;
}
