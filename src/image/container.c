/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "format/kernel/cpio.h"

enum {
	BOOTCONFIG_TAIL = 20, /* size, sum, magic */
	BOOTCONFIG_SLACK = 3, /* bytes that a boot loader may have appended to align the size */
	CHUNK = 16 * 1024,
};

#define BOOTCONFIG_MAGIC "#BOOTCONFIG\n"

uint64_t container_place(const struct container *s, uint64_t pos)
{
	unsigned i = s->n_parts;

	while (--i > 0)
		if (pos >= s->parts[i].pos)
			break;
	return s->parts[i].offset + (pos - s->parts[i].pos);
}

ssize_t container_read(const struct container *s, void *data, size_t len, uint64_t pos)
{
	uint8_t *to = data;
	size_t done = 0;

	if (pos >= s->size)
		return 0;
	if (len > s->size - pos)
		len = (size_t)(s->size - pos);
	for (unsigned i = 0; i < s->n_parts && done < len; i++) {
		const struct container_part *p = &s->parts[i];
		uint64_t next = i + 1 < s->n_parts ? p[1].pos : UINT64_MAX;
		size_t want = len - done;
		ssize_t n;

		if (pos >= p->pos && pos < p->pos + p->size) {
			if (want > p->size - (pos - p->pos))
				want = (size_t)(p->size - (pos - p->pos));
			n = pread_full(s->fd, to + done, want, p->offset + (pos - p->pos));
			if (n < 0)
				return n;
			done += (size_t)n;
			pos += (size_t)n;
			if ((size_t)n < want)
				break;
		}
		/* The padding up to the next part. */
		while (done < len && pos >= p->pos + p->size && pos < next) {
			to[done++] = 0;
			pos++;
		}
	}
	return (ssize_t)done;
}

/* The sum of all bytes. False when they cannot be read. */
static bool sum_of(const struct container *s, uint64_t pos, uint64_t len, uint32_t *sum)
{
	uint8_t chunk[CHUNK];

	*sum = 0;
	while (len) {
		ssize_t n = container_read(s, chunk, len < CHUNK ? (size_t)len : CHUNK, pos);

		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++)
			*sum += chunk[i];
		pos += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return true;
}

/* "[bootconfig][size][sum]#BOOTCONFIG\n", and up to three bytes after it. The kernel cuts off one
 * whose size and sum are right, and takes any other for a part of the archive. */
static void cut_bootconfig(struct container *s)
{
	uint8_t tail[BOOTCONFIG_TAIL + BOOTCONFIG_SLACK];

	for (uint64_t slack = 0; slack <= BOOTCONFIG_SLACK; slack++) {
		uint64_t foot = s->size - slack - BOOTCONFIG_TAIL;
		uint32_t size, sum;

		if (s->size < BOOTCONFIG_TAIL + slack ||
		    container_read(s, tail, BOOTCONFIG_TAIL, foot) != BOOTCONFIG_TAIL)
			return;
		if (memcmp(tail + 8, BOOTCONFIG_MAGIC, strlen(BOOTCONFIG_MAGIC)) != 0)
			continue;
		size = le32(tail);
		s->bad_footer = size > foot || !sum_of(s, foot - size, size, &sum) ||
				sum != le32(tail + 4);
		if (!s->bad_footer)
			s->size = foot - size;
		return;
	}
}

/* ---- unified kernel images ---- */

static int read_sections(struct container *s, const struct pe *pe, struct err *err)
{
	unsigned profile = 0;

	if (pe->n_sections > SOURCE_SECTIONS_MAX)
		return err_set(err, -E2BIG, "more than %d PE sections", SOURCE_SECTIONS_MAX);
	for (unsigned i = 0; i < pe->n_sections; i++) {
		struct image_section *at = &s->sections[i];
		int r = pe_section(pe, i, &at->pe, err);

		if (r < 0)
			return r;
		profile += strcmp(at->pe.name, ".profile") == 0;
		at->profile = profile;
	}
	s->n_sections = pe->n_sections;
	return 0;
}

/* The first profile's first section of that name, else the base's first. NULL: none. */
static struct image_section *choose(struct container *s, const char *name)
{
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < s->n_sections; i++)
			if (s->sections[i].profile == 1 - k &&
			    strcmp(s->sections[i].pe.name, name) == 0)
				return &s->sections[i];
	return NULL;
}

static int add_part(struct container *s, struct image_section *from, struct err *err)
{
	char shown[4 * PE_NAME_MAX + 1];

	for (unsigned i = 0; i < s->n_sections; i++)
		if (&s->sections[i] != from && pe_overlap(&from->pe, &s->sections[i].pe)) {
			escape_text(s->sections[i].pe.name, shown, sizeof(shown));
			return err_set(err, -EBADMSG, "PE sections %s and %s overlap", from->pe.name,
				       shown);
		}
	from->used = true;
	s->parts[s->n_parts++] = (struct container_part){
		.pos = s->size, .offset = from->pe.offset, .size = from->pe.size};
	s->size += from->pe.size + cpio_pad(from->pe.size);
	return 0;
}

static int find_parts(struct container *s, uint64_t file_size, struct err *err)
{
	static const char *const names[SOURCE_PARTS_MAX] = {".ucode", ".initrd"};
	_cleanup_free_ uint8_t *head = malloc(PE_HEAD_MAX);
	ssize_t n;
	struct pe pe;
	int r;

	if (!head)
		return err_set(err, -ENOMEM, "no memory left");
	n = pread_full(s->fd, head, PE_HEAD_MAX, 0);
	if (n < 0)
		return err_sys(err, (int)n, "reading");
	r = pe_decode(head, (size_t)n, file_size, &pe, err);
	if (r == 0)
		r = read_sections(s, &pe, err);
	for (unsigned i = 0; i < SOURCE_PARTS_MAX && r == 0; i++) {
		struct image_section *from = choose(s, names[i]);

		if (from && from->pe.size)
			r = add_part(s, from, err);
	}
	if (r == 0 && !s->n_parts) {
		err_set(err, -EBADMSG, "a PE program without an initramfs (no section .initrd)");
		return err_hint(err, "a kernel image is also one: name the initramfs, or a unified "
				     "kernel image");
	}
	return r;
}

int container_init(struct container *s, int fd, uint64_t file_size, struct err *err)
{
	uint8_t magic[2];
	ssize_t n = pread_full(fd, magic, sizeof(magic), 0);
	int r;

	if (n < 0)
		return err_sys(err, (int)n, "reading");
	*s = (struct container){.fd = fd, .is_pe = pe_is(magic, (size_t)n)};
	if (s->is_pe) {
		r = find_parts(s, file_size, err);
		if (r < 0)
			return r;
	} else {
		s->parts[s->n_parts++] = (struct container_part){.size = file_size};
		s->size = file_size;
	}
	cut_bootconfig(s);
	return 0;
}
