/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/microcode/kit.h"

/*
 * AMD: chooses patches from containers. The kernel takes a processor's patch from the first container
 * that has one, so a patch for which another file has a newer one must not be in the image.
 */

static const char vendor[] = "AuthenticAMD";

struct container_file {
	const struct microcode_file *file;
	struct buf data; /* empty: it is damaged, and for others */
};

struct choice {
	struct build *b;
	struct container_file *files;
	size_t n_files;
	size_t at; /* the file that is being filtered */
	struct microcode_choice *out;
	size_t n, n_used;
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

/* Has another file a newer patch for SIGNATURE, or an earlier file the same one? */
static bool has_better(const struct choice *c, const struct microcode_amd_patch *p, uint32_t signature)
{
	struct microcode_amd_container container;
	struct microcode_amd_patch other;

	for (size_t i = 0; i < c->n_files; i++) {
		const struct buf *data = &c->files[i].data;
		size_t offset = 0, at = 0;

		if (i == c->at)
			continue;
		for (; microcode_amd_next(data->data, data->len, &offset, &container, NULL) > 0; at = 0)
			while (microcode_amd_next_patch(&container, &at, &other))
				if ((other.level > p->level || (other.level == p->level && i < c->at)) &&
				    microcode_amd_fits(&container, &other, signature))
					return true;
	}
	return false;
}

static bool is_of_machine(const struct build *b, uint32_t signature)
{
	const struct hw_cpu *cpu;

	for (size_t i = 0; (cpu = microcode_cpu(b, vendor, i)); i++)
		if (microcode_signature(cpu->family, cpu->model, cpu->stepping) == signature)
			return true;
	return false;
}

/* Is the patch the best one for a processor that is wanted? */
static bool is_wanted(const struct microcode_amd_container *container,
		      const struct microcode_amd_patch *p, void *arg)
{
	struct choice *c = arg;
	bool all = microcode_wants_all(c->b), wanted = false;
	size_t cursor = 0, n_targets = 0;
	uint32_t signature;
	char date[16];

	for (; !wanted && microcode_amd_target(container, p, &cursor, &signature); n_targets++)
		wanted = (all || is_of_machine(c->b, signature)) && !has_better(c, p, signature);
	wanted = wanted || (all && !n_targets);
	if (wanted && !all)
		buf_printf(&c->out->reason, "%srevision 0x%x of %s from /%s", c->n ? ", " : "",
			   p->level, microcode_date_text(&p->date, date),
			   c->files[c->at].file->path);
	c->n += wanted;
	return wanted;
}

/* A file is used only if all of it is well. */
static int read_file(struct build *b, struct container_file *f, struct err *err)
{
	struct microcode_amd_container container;
	size_t offset = 0;
	int r = microcode_read(b, f->file, &f->data, err);

	while (r >= 0 && (r = microcode_amd_next(f->data.data, f->data.len, &offset, &container, err)) > 0)
		;
	if (r == 0)
		return 0;
	buf_clear(&f->data);
	return microcode_damaged(b, f->file, is_named_for_others(b, f->file->name), err);
}

static void add_file(struct choice *c)
{
	const struct buf *data = &c->files[c->at].data;
	struct microcode_amd_container container;
	size_t offset = 0, before = c->n;

	while (microcode_amd_next(data->data, data->len, &offset, &container, NULL) > 0)
		microcode_amd_filter(&container, is_wanted, c, &c->out->data);
	c->n_used += c->n > before;
}

int microcode_choose_amd(struct build *b, struct microcode_choice *out, struct err *err)
{
	struct choice c = {.b = b, .out = out};
	struct microcode_file *files;
	int n = microcode_find(b, "amd-ucode", is_container_file, &files, err);
	int r = n < 0 ? n : 0;

	c.files = xrealloc(NULL, (size_t)(n < 0 ? 0 : n) + 1, sizeof(*c.files));
	for (; (int)c.n_files < n && r == 0; c.n_files++) {
		c.files[c.n_files] = (struct container_file){&files[c.n_files], BUF_INIT};
		r = read_file(b, &c.files[c.n_files], err);
	}
	for (; c.at < c.n_files && r == 0; c.at++)
		add_file(&c);
	if (r == 0 && microcode_wants_all(b))
		buf_printf(&out->reason, "%zu patch%s of %zu file%s", c.n, c.n == 1 ? "" : "es",
			   c.n_used, text_plural((long long)c.n_used));
	for (size_t i = 0; i < c.n_files; i++)
		buf_clear(&c.files[i].data);
	free(c.files);
	return r;
}
