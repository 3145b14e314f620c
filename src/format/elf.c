/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/elf.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>

bool elf_is(const void *data, size_t len)
{
	return len >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
}

/* A NUL-terminated string at OFFSET, wholly inside DATA; else NULL. */
static const char *string_at(const void *data, size_t len, uint64_t offset)
{
	if (offset >= len || !memchr((const char *)data + offset, '\0', len - offset))
		return NULL;
	return (const char *)data + offset;
}

/* The file offset of a virtual address. False when no loaded segment holds it. */
static bool file_offset(Elf *elf, size_t phnum, uint64_t vaddr, uint64_t *offset)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < phnum; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD &&
		    vaddr >= ph.p_vaddr && vaddr - ph.p_vaddr < ph.p_filesz) {
			*offset = ph.p_offset + (vaddr - ph.p_vaddr);
			return true;
		}
	return false;
}

struct dynamic {
	Elf_Data *table;
	size_t count;
	uint64_t strings;
};

static int read_dynamic(Elf *elf, size_t phnum, const GElf_Phdr *ph, size_t len,
			struct dynamic *out, struct err *err)
{
	GElf_Dyn dyn;
	bool found = false;

	if (ph->p_offset > len || ph->p_filesz > len - ph->p_offset)
		return err_set(err, -EBADMSG, "ELF dynamic section lies outside the file");
	out->table = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_DYN);
	if (!out->table)
		return err_set(err, -EBADMSG, "ELF dynamic section is unreadable (%s)",
			       elf_errmsg(-1));
	for (out->count = 0; gelf_getdyn(out->table, (int)out->count, &dyn); out->count++) {
		if (dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_STRTAB)
			found = file_offset(elf, phnum, dyn.d_un.d_ptr, &out->strings);
	}
	if (!found)
		return err_set(err, -EBADMSG, "ELF dynamic section has no string table");
	return 0;
}

static int decode_dynamic(const struct dynamic *d, const void *data, size_t len,
			  struct elf_info *out, struct err *err)
{
	GElf_Dyn dyn;

	for (size_t i = 0; i < d->count; i++) {
		const char *s;

		if (!gelf_getdyn(d->table, (int)i, &dyn))
			break;
		if (dyn.d_tag != DT_NEEDED && dyn.d_tag != DT_SONAME && dyn.d_tag != DT_RPATH &&
		    dyn.d_tag != DT_RUNPATH)
			continue;
		s = dyn.d_un.d_val > len ? NULL
					 : string_at(data, len, d->strings + dyn.d_un.d_val);
		if (!s)
			return err_set(err, -EBADMSG, "ELF string lies outside the file");
		if (dyn.d_tag == DT_SONAME)
			out->soname = s;
		else if (dyn.d_tag == DT_RPATH)
			out->rpath = s;
		else if (dyn.d_tag == DT_RUNPATH)
			out->runpath = s;
		else if (out->n_needed == ELF_NEEDED_MAX)
			return err_set(err, -E2BIG, "ELF file needs more than %d libraries",
				       ELF_NEEDED_MAX);
		else
			out->needed[out->n_needed++] = s;
	}
	return 0;
}

static int decode_segments(Elf *elf, const void *data, size_t len, struct elf_info *out,
			   struct err *err)
{
	struct dynamic dynamic = {0};
	size_t phnum;
	GElf_Ehdr eh;
	GElf_Phdr ph;
	int r;

	if (gelf_getehdr(elf, &eh) && eh.e_phnum &&
	    (eh.e_phoff > len || (uint64_t)eh.e_phnum * eh.e_phentsize > len - eh.e_phoff))
		return err_set(err, -EBADMSG, "ELF program headers lie outside the file");
	if (elf_getphdrnum(elf, &phnum) < 0)
		return err_set(err, -EBADMSG, "ELF program headers are damaged (%s)",
			       elf_errmsg(-1));
	for (size_t i = 0; i < phnum; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph))
			return err_set(err, -EBADMSG, "ELF program header %zu is damaged", i);
		if (ph.p_type == PT_INTERP) {
			out->interp = string_at(data, len, ph.p_offset);
			if (!out->interp)
				return err_set(err, -EBADMSG, "ELF interpreter lies outside");
		}
		if (ph.p_type != PT_DYNAMIC)
			continue;
		out->dynamic = true;
		r = read_dynamic(elf, phnum, &ph, len, &dynamic, err);
		if (r == 0)
			r = decode_dynamic(&dynamic, data, len, out, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int elf_decode(const void *data, size_t len, struct elf_info *out, struct err *err)
{
	struct elf_info info = {0};
	GElf_Ehdr eh;
	Elf *elf;
	int r;

	if (!elf_is(data, len))
		return err_set(err, -EBADMSG, "not an ELF file");
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(err, -ENOTSUP, "libelf is older than the headers");
	elf = elf_memory((char *)data, len);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh)) {
		r = err_set(err, -EBADMSG, "ELF header is damaged (%s)", elf_errmsg(-1));
	} else {
		info.class = gelf_getclass(elf);
		info.machine = eh.e_machine;
		r = decode_segments(elf, data, len, &info, err);
	}
	elf_end(elf);
	if (r == 0)
		*out = info;
	return r;
}
