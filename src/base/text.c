/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>

enum { WORD_MAX = 64, DISTANCE_MAX = 3 };

bool parse_u64(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (*s < '0' || *s > '9' || v > (max - digit) / 10 || digit > max)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool path_is_clean(const char *path)
{
	const char *start = path;

	for (const char *p = path;; p++) {
		if (*p == '/' || !*p) {
			size_t len = (size_t)(p - start);

			if (len == 0 || (len == 1 && start[0] == '.') ||
			    (len == 2 && start[0] == '.' && start[1] == '.'))
				return false;
			if (!*p)
				return true;
			start = p + 1;
		} else if ((unsigned char)*p < 32 || *p == 127) {
			return false;
		}
	}
}

/* Sets *IN if C is in the set that starts at SET, just after its bracket. Returns the end of the
 * set; NULL: it has none. */
static const char *match_set(const char *set, char c, bool *in)
{
	const char *p = set;
	bool negated = *p == '!' || *p == '^', found = false;

	for (const char *first = p += negated; *p && (*p != ']' || p == first); p++) {
		unsigned char low, high;

		p += *p == '\\' && p[1];
		low = high = (unsigned char)*p;
		if (p[1] == '-' && p[2] && p[2] != ']') {
			p += p[2] == '\\' && p[3] ? 3 : 2;
			high = (unsigned char)*p;
		}
		found = found || ((unsigned char)c >= low && (unsigned char)c <= high);
	}
	*in = found != negated;
	return *p ? p + 1 : NULL;
}

/* What is left of PATTERN, which does not start with a star, after it has matched C. NULL: it does
 * not match. */
static const char *match_one(const char *pattern, char c)
{
	const char *end;
	bool in;

	if (*pattern == '?')
		return pattern + 1;
	if (*pattern == '[' && (end = match_set(pattern + 1, c, &in)))
		return in ? end : NULL;
	if (*pattern == '\\')
		pattern++;
	return *pattern == c ? pattern + 1 : NULL;
}

bool text_matches(const char *pattern, const char *s)
{
	const char *p = pattern, *star = NULL, *back = NULL, *next;

	/* A star matches as little as it can; only the last one ever has to match more. */
	for (;;) {
		if (*p == '*') {
			star = ++p;
			back = s;
		} else if (!*s) {
			return !*p;
		} else if ((next = match_one(p, *s))) {
			p = next;
			s++;
		} else if (star) {
			p = star;
			s = ++back;
		} else {
			return false;
		}
	}
}

static const char *skip_zeros(const char *s)
{
	while (*s == '0')
		s++;
	return s;
}

int version_compare(const char *a, const char *b)
{
	while (*a || *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			size_t la, lb;
			int diff;

			a = skip_zeros(a);
			b = skip_zeros(b);
			la = strspn(a, "0123456789");
			lb = strspn(b, "0123456789");
			if (la != lb)
				return la < lb ? -1 : 1;
			diff = strncmp(a, b, la);
			if (diff)
				return diff;
			a += la;
			b += lb;
			continue;
		}
		if (*a != *b)
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		a++;
		b++;
	}
	return 0;
}

/* Length of the UTF-8 character at S; 0 when there is none, or it is a control character. */
static size_t utf8_length(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3
		     : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	if (s[0] < 32 || s[0] == 127 || (s[0] == 0xc2 && s[1] < 0xa0) ||
	    (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool text_is_shown(const char *s)
{
	size_t len;

	while (*s && (len = utf8_length((const unsigned char *)s)))
		s += len;
	return !*s;
}

/* Besides what cannot be shown, HIDDEN is escaped; NUL: nothing else. */
static void escape(const char *src, char hidden, char *dst, size_t size)
{
	size_t used = 0;

	while (*src && used + 5 <= size) {
		size_t len = utf8_length((const unsigned char *)src);

		if (!len || *src == hidden) {
			used += (size_t)snprintf(dst + used, size - used, "\\x%02x",
						 (unsigned char)*src);
			src++;
			continue;
		}
		memcpy(dst + used, src, len);
		used += len;
		src += len;
	}
	if (size)
		dst[used] = '\0';
}

void escape_text(const char *src, char *dst, size_t size)
{
	escape(src, '\\', dst, size);
}

void escape_command(const char *src, char *dst, size_t size)
{
	escape(src, '\0', dst, size);
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void unescape_octal(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) && is_octal(s[3])) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* Insertions, deletions and changes that turn A into B (Levenshtein); A and B are shorter than
 * WORD_MAX. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX];
	size_t len = strlen(b);

	for (size_t k = 0; k <= len; k++)
		row[k] = (unsigned)k;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= len; k++) {
			unsigned best = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[len];
}

const char *nearest_word(const char *word, const char *const *known)
{
	unsigned least = DISTANCE_MAX + 1;
	const char *best = NULL;

	if (strlen(word) >= WORD_MAX)
		return NULL;
	for (; *known; known++) {
		unsigned d = strlen(*known) < WORD_MAX ? distance(word, *known) : least;

		/* At most half of the word may be wrong. */
		if (d < least && d <= strlen(*known) / 2) {
			least = d;
			best = *known;
		}
	}
	return best;
}

const char *text_plural(long long n)
{
	return n == 1 ? "" : "s";
}
