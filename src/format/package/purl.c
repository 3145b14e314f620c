/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/package/purl.h"

#include <string.h>

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr(".-_~:", c));
}

static void add_encoded(struct buf *out, const char *s, bool lower)
{
	for (; *s; s++) {
		char c = lower && *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;

		if (is_plain(c))
			buf_add(out, &c, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

static void add_qualifier(struct buf *out, char *mark, const char *key)
{
	buf_printf(out, "%c%s=", *mark, key);
	*mark = '&';
}

void purl_add(struct buf *out, const struct purl *p)
{
	bool is_rpm = strcmp(p->type, "rpm") == 0;
	size_t epoch = is_rpm ? strspn(p->version, "0123456789") : 0;
	char mark = '?';

	if (p->version[epoch] != ':')
		epoch = 0;
	buf_printf(out, "pkg:%s/", p->type);
	if (p->os) {
		add_encoded(out, p->os, true);
		buf_add_str(out, "/");
	}
	add_encoded(out, p->name, !is_rpm);
	buf_add_str(out, "@");
	add_encoded(out, p->version + (epoch ? epoch + 1 : 0), false);
	if (p->arch) {
		add_qualifier(out, &mark, "arch");
		add_encoded(out, p->arch, false);
	}
	if (p->os && p->os_version) {
		add_qualifier(out, &mark, "distro");
		add_encoded(out, p->os, true);
		buf_add_str(out, "-");
		add_encoded(out, p->os_version, false);
	}
	if (epoch) {
		add_qualifier(out, &mark, "epoch");
		buf_add(out, p->version, epoch);
	}
}
