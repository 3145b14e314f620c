/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/microcode/kit.h"

/* Intel: chooses updates from files. */

static const char vendor[] = "GenuineIntel";

struct update {
	const struct microcode_file *file;
	struct microcode_intel u; /* in the arena */
	bool is_old;		  /* a newer one serves the same processors */
};

struct choice {
	struct build *b;
	struct update *list;
	size_t n, n_files;
};

/* Parses FF-MM-SS (family, model, stepping; hexadecimal) at the start of NAME. */
static bool name_signature(const char *name, uint32_t *signature)
{
	unsigned part[3];

	for (int i = 0; i < 3; i++) {
		int high = hex_digit(name[3 * i]), low = high < 0 ? -1 : hex_digit(name[3 * i + 1]);

		if (low < 0 || (i < 2 && name[3 * i + 2] != '-'))
			return false;
		part[i] = (unsigned)(high * 16 + low);
	}
	*signature = microcode_signature(part[0], part[1], part[2]);
	return true;
}

/* Updates with a suffix must not be loaded by a running kernel, but may be loaded early. */
static bool is_update_file(const char *name)
{
	uint32_t signature;
	const char *rest = name + strlen("FF-MM-SS");

	if (str_starts(name, "intel-microcode"))
		return str_ends(name, ".bin");
	return name_signature(name, &signature) &&
	       (!*rest || strcmp(rest, ".early") == 0 || strcmp(rest, ".initramfs") == 0);
}

static bool fits_cpu(const struct microcode_intel *u, const struct hw_cpu *c)
{
	uint32_t platform = c->platforms == HW_PLATFORMS_UNKNOWN ? MICROCODE_ANY_PLATFORM
								  : c->platforms;

	return microcode_intel_fits(u, microcode_signature(c->family, c->model, c->stepping),
				    platform);
}

static bool is_wanted(const struct build *b, const struct microcode_intel *u)
{
	const struct hw_cpu *c;

	if (microcode_wants_all(b))
		return true;
	for (size_t i = 0; (c = microcode_cpu(b, vendor, i)); i++)
		if (fits_cpu(u, c))
			return true;
	return false;
}

static bool is_named_for_others(const struct build *b, const char *name)
{
	const struct hw_cpu *c;
	uint32_t signature;

	if (microcode_wants_all(b) || !name_signature(name, &signature))
		return false;
	for (size_t i = 0; (c = microcode_cpu(b, vendor, i)); i++)
		if (microcode_signature(c->family, c->model, c->stepping) == signature)
			return false;
	return true;
}

static void add_update(struct choice *c, const struct microcode_file *f,
		       const struct microcode_intel *u)
{
	struct update *add;
	size_t offset = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].u.len == u->len && memcmp(c->list[i].u.data, u->data, u->len) == 0)
			return;
	if ((c->n & (c->n - 1)) == 0)
		c->list = xrealloc(c->list, c->n ? c->n * 2 : 1, sizeof(*c->list));
	add = &c->list[c->n++];
	*add = (struct update){.file = f};
	microcode_intel_next(arena_memdup(&c->b->plan.arena, u->data, u->len), u->len, &offset,
			     &add->u, NULL);
}

static int add_file(struct choice *c, const struct microcode_file *f, struct err *err)
{
	_cleanup_buf_ struct buf data = BUF_INIT;
	struct microcode_intel u;
	size_t offset = 0, before = c->n;
	int r = microcode_read(c->b, f, &data, err);

	while (r >= 0 && (r = microcode_intel_next(data.data, data.len, &offset, &u, err)) > 0)
		if (is_wanted(c->b, &u))
			add_update(c, f, &u);
	c->n_files += c->n > before;
	return r < 0 ? microcode_damaged(c->b, f, is_named_for_others(c->b, f->name), err) : 0;
}

/* Does A serve every platform of the processor C that B serves? */
static bool serves_as_well(const struct microcode_intel *a, const struct microcode_intel *b,
			   const struct hw_cpu *c)
{
	uint32_t signature = microcode_signature(c->family, c->model, c->stepping);

	if (c->platforms != HW_PLATFORMS_UNKNOWN)
		return !fits_cpu(b, c) || fits_cpu(a, c);
	if (microcode_intel_fits(b, signature, 0) && !microcode_intel_fits(a, signature, 0))
		return false;
	for (uint32_t platform = 1; platform < 256; platform <<= 1)
		if (microcode_intel_fits(b, signature, platform) &&
		    !microcode_intel_fits(a, signature, platform))
			return false;
	return true;
}

static void drop_old(struct choice *c)
{
	const struct hw_cpu *cpu;

	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->n && !c->list[i].is_old; k++) {
			bool serves = c->list[k].u.revision > c->list[i].u.revision;

			for (size_t n = 0; serves && (cpu = microcode_cpu(c->b, vendor, n)); n++)
				serves = serves_as_well(&c->list[k].u, &c->list[i].u, cpu);
			c->list[i].is_old = serves;
		}
}

static void write_reason(const struct choice *c, struct microcode_choice *out)
{
	const char *sep = "";
	char date[16];

	if (microcode_wants_all(c->b)) {
		buf_printf(&out->reason, "%zu update%s of %zu file%s", c->n,
			   text_plural((long long)c->n), c->n_files,
			   text_plural((long long)c->n_files));
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct update *u = &c->list[i];

		if (u->is_old)
			continue;
		buf_printf(&out->reason, "%srevision 0x%x of %s from /%s", sep,
			   (unsigned)u->u.revision, microcode_date_text(&u->u.date, date),
			   u->file->path);
		sep = ", ";
	}
}

int microcode_choose_intel(struct build *b, struct microcode_choice *out, struct err *err)
{
	struct choice c = {.b = b};
	struct microcode_file *files;
	int n = microcode_find(b, "intel-ucode", is_update_file, &files, err);
	int r = n < 0 ? n : 0;

	for (int i = 0; i < n && r == 0; i++)
		r = add_file(&c, &files[i], err);
	if (r == 0 && !microcode_wants_all(b))
		drop_old(&c);
	for (size_t i = 0; i < c.n && r == 0; i++)
		if (!c.list[i].is_old)
			buf_add(&out->data, c.list[i].u.data, c.list[i].u.len);
	if (r == 0)
		write_reason(&c, out);
	free(c.list);
	return r;
}
