/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/prometheus.h"

#include "base/text.h"

enum { TEXT_MAX = 1024 };

void prometheus_gauge(struct buf *out, const char *name, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* escape_text() has replaced all newlines. */
static void add_text(struct buf *out, const char *text)
{
	char shown[TEXT_MAX];

	escape_text(text, shown, sizeof(shown));
	for (const char *p = shown; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_add_str(out, "\\");
		buf_add(out, p, 1);
	}
}

void prometheus_value(struct buf *out, const char *name, const char *const *labels, int64_t value)
{
	buf_add_str(out, name);
	for (size_t i = 0; labels[i]; i += 2) {
		buf_printf(out, "%s%s=\"", i ? "," : "{", labels[i]);
		add_text(out, labels[i + 1]);
		buf_add_str(out, "\"");
	}
	buf_printf(out, "%s %lld\n", labels[0] ? "}" : "", (long long)value);
}
