/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/kernel/modinfo.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

static int find_section(Elf *elf, const void *data, size_t len, const char **section,
			size_t *section_len, struct err *err)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return err_set(err, -EBADMSG, "module's section names are damaged (%s)",
			       elf_errmsg(-1));
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(scn, &sh))
			return err_set(err, -EBADMSG, "module's section header is damaged (%s)",
				       elf_errmsg(-1));
		name = elf_strptr(elf, names, sh.sh_name);
		if (!name || strcmp(name, ".modinfo") != 0 || sh.sh_type != SHT_PROGBITS)
			continue;
		if (sh.sh_offset > len || sh.sh_size > len - sh.sh_offset)
			return err_set(err, -EBADMSG, "module's .modinfo lies outside the file");
		*section = (const char *)data + sh.sh_offset;
		*section_len = sh.sh_size;
		return 0;
	}
	return err_set(err, -ENOENT, "no .modinfo section: not a kernel module");
}

static int open_elf(const void *data, size_t len, Elf **out, struct err *err)
{
	if (len < SELFMAG || memcmp(data, ELFMAG, SELFMAG) != 0)
		return err_set(err, -EBADMSG, "not an ELF file");
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(err, -ENOTSUP, "libelf is older than the headers");
	*out = elf_memory((char *)data, len);
	if (*out && elf_kind(*out) == ELF_K_ELF)
		return 0;
	elf_end(*out);
	return err_set(err, -EBADMSG, "ELF header is damaged (%s)", elf_errmsg(-1));
}

int modinfo_find(const void *data, size_t len, const char **section, size_t *section_len,
		 struct err *err)
{
	Elf *elf;
	int r = open_elf(data, len, &elf, err);

	if (r < 0)
		return r;
	r = find_section(elf, data, len, section, section_len, err);
	elf_end(elf);
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static uint32_t match_symbols(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh,
			      const char *const *symbols, size_t count)
{
	Elf_Data *table = elf_getdata(scn, NULL);
	uint32_t mask = 0;
	GElf_Sym sym;

	for (int i = 1; table && gelf_getsym(table, i, &sym); i++) {
		const char *name;
		const char *const *found;

		if (sym.st_shndx != SHN_UNDEF)
			continue;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		found = name ? bsearch(name, symbols, count, sizeof(*symbols), by_text) : NULL;
		if (found)
			mask |= 1u << (found - symbols);
	}
	return mask;
}

int modinfo_imports(const void *data, size_t len, const char *const *symbols, size_t count,
		    uint32_t *mask, struct err *err)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	Elf *elf;
	int r = open_elf(data, len, &elf, err);

	if (r < 0)
		return r;
	*mask = 0;
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB)
			*mask |= match_symbols(elf, scn, &sh, symbols, count);
	elf_end(elf);
	return 0;
}

const char *modinfo_next(const char *section, size_t len, const char *key, size_t *offset)
{
	size_t key_len = strlen(key);

	while (*offset < len) {
		const char *pair = section + *offset;
		const char *end = memchr(pair, '\0', len - *offset);

		if (!end)
			return NULL;
		*offset += (size_t)(end - pair) + 1;
		if (strncmp(pair, key, key_len) == 0 && pair[key_len] == '=')
			return pair + key_len + 1;
	}
	return NULL;
}
