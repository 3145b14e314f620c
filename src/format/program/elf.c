/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/program/elf.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>

#include "base/cleanup.h"

/* The owner and the type of notes about libraries that are opened later. */
#define NOTE_OWNER "FDO"
enum { NOTE_TYPE = 0x407c0c0a };

bool elf_is(const void *data, size_t len)
{
	return len >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
}

/* A NUL-terminated string at OFFSET, wholly inside DATA, that can stand in a path and in a
 * message: not empty, no control characters. Else NULL. */
static const char *string_at(const void *data, size_t len, uint64_t offset)
{
	const char *s = (const char *)data + offset;

	if (offset >= len || !*s || !memchr(s, '\0', len - offset))
		return NULL;
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return NULL;
	return s;
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
	uint64_t strings, strings_size;
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
	out->strings_size = UINT64_MAX;
	for (out->count = 0; gelf_getdyn(out->table, (int)out->count, &dyn); out->count++) {
		if (dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_STRTAB)
			found = file_offset(elf, phnum, dyn.d_un.d_ptr, &out->strings);
		if (dyn.d_tag == DT_STRSZ)
			out->strings_size = dyn.d_un.d_val;
	}
	if (!found || out->strings > len)
		return err_set(err, -EBADMSG, "ELF dynamic section has no string table");
	return 0;
}

static bool is_empty_string(const struct dynamic *d, const void *data, size_t len, uint64_t value)
{
	return value < len && value < d->strings_size && d->strings + value < len &&
	       ((const char *)data)[d->strings + value] == '\0';
}

static int decode_dynamic(const struct dynamic *d, const void *data, size_t len,
			  struct elf_info *out, struct err *err)
{
	GElf_Dyn dyn;

	for (size_t i = 0; i < d->count; i++) {
		const char *s;

		if (!gelf_getdyn(d->table, (int)i, &dyn))
			break;
		if (dyn.d_tag == DT_FLAGS_1)
			out->no_default = dyn.d_un.d_val & DF_1_NODEFLIB;
		if (dyn.d_tag != DT_NEEDED && dyn.d_tag != DT_SONAME && dyn.d_tag != DT_RPATH &&
		    dyn.d_tag != DT_RUNPATH)
			continue;
		s = dyn.d_un.d_val > len || dyn.d_un.d_val >= d->strings_size
			    ? NULL
			    : string_at(data, len, d->strings + dyn.d_un.d_val);
		/* An empty run path is one that a tool has blanked out. */
		if (!s && (dyn.d_tag == DT_RPATH || dyn.d_tag == DT_RUNPATH) &&
		    is_empty_string(d, data, len, dyn.d_un.d_val))
			continue;
		if (!s)
			return err_set(err, -EBADMSG,
				       "ELF string lies outside the file, is empty or no name");
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

static int decode_notes(Elf *elf, const GElf_Phdr *ph, const void *data, size_t len,
			struct elf_info *out, struct err *err)
{
	size_t at = 0, name_at, text_at;
	Elf_Data *raw;
	GElf_Nhdr note;

	if (ph->p_offset > len || ph->p_filesz > len - ph->p_offset)
		return err_set(err, -EBADMSG, "ELF notes lie outside the file");
	raw = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz,
				   ph->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	while (raw && (at = gelf_getnote(raw, at, &note, &name_at, &text_at)) > 0) {
		const char *bytes = (const char *)data + ph->p_offset;

		if (note.n_type != NOTE_TYPE || note.n_namesz != sizeof(NOTE_OWNER) ||
		    memcmp(bytes + name_at, NOTE_OWNER, sizeof(NOTE_OWNER)) != 0)
			continue;
		if (out->n_notes == ELF_NOTES_MAX)
			return err_set(err, -E2BIG, "ELF file has more than %d notes on libraries",
				       ELF_NOTES_MAX);
		out->notes[out->n_notes++] = (struct elf_note){
			.text = bytes + text_at,
			.len = strnlen(bytes + text_at, note.n_descsz),
		};
	}
	return 0;
}

/* Whether the file can be loaded: a core file's notes do not concern us. */
static bool loadable(Elf *elf)
{
	GElf_Ehdr eh;

	return gelf_getehdr(elf, &eh) && (eh.e_type == ET_EXEC || eh.e_type == ET_DYN);
}

/* The program interpreter, which the kernel starts: the first one that is named counts. */
static int decode_interp(const GElf_Phdr *ph, const void *data, size_t len, struct elf_info *out,
			 struct err *err)
{
	if (out->interp)
		return 0;
	if (ph->p_offset <= len && ph->p_filesz <= len - ph->p_offset)
		out->interp = string_at(data, (size_t)(ph->p_offset + ph->p_filesz), ph->p_offset);
	if (!out->interp)
		return err_set(err, -EBADMSG, "ELF interpreter lies outside or is no name");
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
		r = 0;
		if (ph.p_type == PT_INTERP)
			r = decode_interp(&ph, data, len, out, err);
		if (ph.p_type == PT_NOTE && loadable(elf))
			r = decode_notes(elf, &ph, data, len, out, err);
		if (r < 0)
			return r;
		if (ph.p_type != PT_DYNAMIC)
			continue;
		if (out->dynamic)
			return err_set(err, -EBADMSG, "ELF file has two dynamic sections");
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
