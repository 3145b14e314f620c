/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/microcode/kit.h"

/* AMD: chooses patches from containers. */

static const char vendor[] = "AuthenticAMD";

struct choice {
	struct build *b;
	const struct microcode_file *file;
	struct microcode_choice *out;
	size_t n, n_files;
};

static bool is_container_file(const char *name)
{
	return str_starts(name, "microcode_amd") && str_ends(name, ".bin");
}

/* microcode_amd_famXXh.bin is for family XXh; the file without a family is for those up to 14h. */
static bool is_named_for_others(const struct build *b, const char *name)
{
	static const char mark[] = "microcode_amd_fam";
	const struct hw_cpu *c;
	unsigned long family;
	char *end;

	if (microcode_wants_all(b) || !str_starts(name, mark))
		return false;
	family = strtoul(name + strlen(mark), &end, 16);
	if (strcmp(end, "h.bin") != 0)
		return false;
	for (size_t i = 0; (c = microcode_cpu(b, vendor, i)); i++)
		if (c->family == family)
			return false;
	return true;
}

static bool is_wanted(const struct microcode_amd_container *container,
		      const struct microcode_amd_patch *p, void *arg)
{
	struct choice *c = arg;
	const struct hw_cpu *cpu;
	char date[16];
	bool wanted = microcode_wants_all(c->b);

	for (size_t i = 0; !wanted && (cpu = microcode_cpu(c->b, vendor, i)); i++)
		wanted = microcode_amd_fits(
			container, p, microcode_signature(cpu->family, cpu->model, cpu->stepping));
	if (wanted && !microcode_wants_all(c->b))
		buf_printf(&c->out->reason, "%srevision 0x%x of %s from /%s", c->n ? ", " : "",
			   p->level, microcode_date_text(&p->date, date), c->file->path);
	c->n += wanted;
	return wanted;
}

static int add_file(struct choice *c, struct err *err)
{
	_cleanup_buf_ struct buf data = BUF_INIT, chosen = BUF_INIT;
	struct microcode_amd_container container;
	size_t offset = 0, before = c->n;
	int r = microcode_read(c->b, c->file, &data, err);

	while (r >= 0 && (r = microcode_amd_next(data.data, data.len, &offset, &container, err)) > 0)
		microcode_amd_filter(&container, is_wanted, c, &chosen);
	if (r < 0)
		return microcode_damaged(c->b, c->file, is_named_for_others(c->b, c->file->name),
					 err);
	buf_add(&c->out->data, chosen.data, chosen.len);
	c->out->data.failed = c->out->data.failed || chosen.failed;
	c->n_files += c->n > before;
	return 0;
}

int microcode_choose_amd(struct build *b, struct microcode_choice *out, struct err *err)
{
	struct choice c = {.b = b, .out = out};
	struct microcode_file *files;
	int n = microcode_find(b, "amd-ucode", is_container_file, &files, err);
	int r = n < 0 ? n : 0;

	for (int i = 0; i < n && r == 0; i++) {
		c.file = &files[i];
		r = add_file(&c, err);
	}
	if (r == 0 && microcode_wants_all(b))
		buf_printf(&out->reason, "%zu patch%s of %zu file%s", c.n, c.n == 1 ? "" : "es",
			   c.n_files, text_plural((long long)c.n_files));
	return r;
}
