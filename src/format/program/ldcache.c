/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/program/ldcache.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LDCACHE_MAGIC "glibc-ld.so.cache1.1"

enum {
	HEAD_SIZE = 48,
	RECORD_SIZE = 24,
	FLAG_TYPE_MASK = 0x00ff,
	FLAG_ELF_LIBC6 = 3,
	FLAG_REQUIRED_MASK = 0xff00,
	EXTENSION_AT = 32,      /* in the head: offset of the extension */
	ORDER_AT = 28,          /* in the head: byte order */
	ORDER_LITTLE = 2,
	ORDER_BIG = 3,
	SECTION_HWCAPS = 1,
	SECTION_SIZE = 16,
	HWCAPS_MAX = 64,
};

#define EXTENSION_MAGIC 0xeaa42174u
#define HWCAP_EXTENSION (1u << 30) /* in the upper half: the lower one is the number of a name */

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v)); /* the cache has the byte order of its machine */
	return v;
}

static uint32_t flags_of(int class, int machine)
{
	switch (machine) {
	case EM_X86_64:
		return class == ELFCLASS64 ? 0x0300 : 0x0800;
	case EM_AARCH64:
		return 0x0a00;
	case EM_S390:
		return class == ELFCLASS64 ? 0x0400 : 0;
	case EM_PPC64:
		return 0x0500;
	case EM_RISCV:
		return class == ELFCLASS64 ? 0x1000 : 0x0f00;
	default:
		return 0;
	}
}

static const char *string_at(const uint8_t *data, size_t len, uint32_t offset)
{
	if (offset >= len || !memchr(data + offset, '\0', len - offset))
		return NULL;
	return (const char *)data + offset;
}

const char *ldcache_find(const void *data, size_t len, const char *soname, int class, int machine)
{
	const uint8_t *p = data;
	uint32_t count, want = flags_of(class, machine) | FLAG_ELF_LIBC6;

	if (len < HEAD_SIZE || memcmp(p, LDCACHE_MAGIC, sizeof(LDCACHE_MAGIC) - 1) != 0)
		return NULL;
	count = u32(p + sizeof(LDCACHE_MAGIC) - 1);
	if (count > (len - HEAD_SIZE) / RECORD_SIZE)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *r = p + HEAD_SIZE + (size_t)i * RECORD_SIZE;
		const char *key;

		if ((u32(r) & (FLAG_TYPE_MASK | FLAG_REQUIRED_MASK)) != want || u32(r + 16) ||
		    u32(r + 20))
			continue;
		key = string_at(p, len, u32(r + 4));
		if (key && strcmp(key, soname) == 0)
			return string_at(p, len, u32(r + 8));
	}
	return NULL;
}

/* ---- writing ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The order of names that the linker's search relies on: by byte, but runs of digits by value, and
 * a digit after every other character. */
static int compare_names(const char *a, const char *b)
{
	while (*a) {
		if (is_digit(*a) && is_digit(*b)) {
			unsigned long long x = 0, y = 0;

			while (is_digit(*a))
				x = x * 10 + (unsigned)(*a++ - '0');
			while (is_digit(*b))
				y = y * 10 + (unsigned)(*b++ - '0');
			if (x != y)
				return x < y ? -1 : 1;
		} else if (is_digit(*a) || is_digit(*b)) {
			return is_digit(*a) ? 1 : -1;
		} else if (*a != *b) {
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		} else {
			a++;
			b++;
		}
	}
	return *b ? -1 : 0;
}

/* Descending by name; for one name the variants for special processors first, the best of them (by
 * name, too) first. */
static int compare_entries(const void *a, const void *b)
{
	const struct ldcache_entry *x = a, *y = b;
	uint32_t fx = flags_of(x->class, x->machine), fy = flags_of(y->class, y->machine);
	int r = compare_names(y->soname, x->soname);

	if (r)
		return r;
	if (fx != fy)
		return fx < fy ? 1 : -1;
	if (!x->hwcap != !y->hwcap)
		return x->hwcap ? -1 : 1;
	r = x->hwcap ? strcmp(y->hwcap, x->hwcap) : 0;
	return r ? r : strcmp(x->path, y->path);
}

static void put_u32(struct buf *out, uint32_t v)
{
	buf_add(out, &v, sizeof(v)); /* in the byte order of this machine, as in u32() */
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct folder names of all entries, sorted; at most HWCAPS_MAX. */
static size_t list_hwcaps(const struct ldcache_entry *entries, size_t n, const char **names)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < count && (!entries[i].hwcap || strcmp(names[k], entries[i].hwcap) != 0))
			k++;
		if (entries[i].hwcap && k == count && count < HWCAPS_MAX)
			names[count++] = entries[i].hwcap;
	}
	qsort(names, count, sizeof(*names), by_text);
	return count;
}

static uint32_t put_string(struct buf *strings, size_t base, const char *s)
{
	uint32_t at = (uint32_t)(base + strings->len);

	buf_add(strings, s, strlen(s) + 1);
	return at;
}

static void put_extension(struct buf *out, const uint32_t *names, size_t n)
{
	uint32_t at = (uint32_t)out->len;

	put_u32(out, EXTENSION_MAGIC);
	put_u32(out, 1);
	put_u32(out, SECTION_HWCAPS);
	put_u32(out, 0);
	put_u32(out, at + 8 + SECTION_SIZE);
	put_u32(out, (uint32_t)(n * sizeof(*names)));
	for (size_t i = 0; i < n; i++)
		put_u32(out, names[i]);
	if (!out->failed)
		memcpy(out->data + EXTENSION_AT, &at, sizeof(at));
}

static void put_head(struct buf *out, size_t count, size_t strings)
{
	const uint16_t one = 1;
	uint8_t order[4] = {*(const uint8_t *)&one ? ORDER_LITTLE : ORDER_BIG};

	buf_add_str(out, LDCACHE_MAGIC);
	put_u32(out, (uint32_t)count);
	put_u32(out, (uint32_t)strings);
	buf_add(out, order, sizeof(order)); /* at ORDER_AT */
	buf_add_zeros(out, HEAD_SIZE - EXTENSION_AT);
}

void ldcache_encode(struct ldcache_entry *entries, size_t n, struct buf *out)
{
	struct buf records = BUF_INIT, strings = BUF_INIT;
	const char *hwcaps[HWCAPS_MAX] = {NULL};
	uint32_t hwcap_at[HWCAPS_MAX];
	size_t n_hwcaps, count = 0, base;

	if (n)
		qsort(entries, n, sizeof(*entries), compare_entries);
	for (size_t i = 0; i < n; i++)
		count += flags_of(entries[i].class, entries[i].machine) != 0 ||
			 entries[i].machine == EM_386;
	base = HEAD_SIZE + count * RECORD_SIZE;
	n_hwcaps = list_hwcaps(entries, n, hwcaps);
	for (size_t i = 0; i < n_hwcaps; i++)
		hwcap_at[i] = put_string(&strings, base, hwcaps[i]);
	for (size_t i = 0; i < n; i++) {
		const struct ldcache_entry *e = &entries[i];
		uint32_t flags = flags_of(e->class, e->machine), k = 0;

		if (!flags && e->machine != EM_386)
			continue;
		while (e->hwcap && k < n_hwcaps && strcmp(hwcaps[k], e->hwcap) != 0)
			k++;
		put_u32(&records, flags | FLAG_ELF_LIBC6);
		put_u32(&records, put_string(&strings, base, e->soname));
		put_u32(&records, put_string(&strings, base, e->path));
		put_u32(&records, 0);
		put_u32(&records, e->hwcap ? k : 0);
		put_u32(&records, e->hwcap ? HWCAP_EXTENSION : 0);
	}
	put_head(out, count, strings.len);
	buf_add(out, records.data, records.len);
	buf_add(out, strings.data, strings.len);
	if (n_hwcaps) {
		buf_add_zeros(out, -out->len & 3);
		put_extension(out, hwcap_at, n_hwcaps);
	}
	out->failed = out->failed || records.failed || strings.failed;
	buf_clear(&records);
	buf_clear(&strings);
}
