/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names of devices in tables and kernel parameters, one a line. The whole is read as mdadm.conf.
 */

#include <string.h>

#include "audit/spec.h"
#include "fuzz.h"

static void hold_spec(const char *text)
{
	struct audit_spec s = {0};
	char mapped[2 * AUDIT_SPEC_MAX], before[AUDIT_SPEC_MAX];
	bool is_path;

	if (!audit_spec_decode(text, &s)) {
		HOLDS(!*s.value);
		return;
	}
	HOLDS(*s.value && strlen(s.value) < sizeof(s.value) && strlen(s.value) <= strlen(text));
	is_path = s.kind == AUDIT_SPEC_VOLUME || s.kind == AUDIT_SPEC_LINK;
	HOLDS(s.kind != AUDIT_SPEC_NAME || !strchr(s.value, '/'));
	HOLDS(!is_path || (strchr(s.value, '/') > s.value && strchr(s.value, '/')[1]));
	HOLDS(!audit_spec_mapped(s.value, mapped, sizeof(mapped)) || !strchr(mapped, '/'));
	memcpy(before, s.value, sizeof(before));
	audit_spec_unescape(s.value);
	HOLDS(*s.value && strlen(s.value) <= strlen(before));
}

static void hold_arrays(const char *text)
{
	struct audit_mdadm m = {.at = text};
	struct audit_array array;
	unsigned last = 0;

	while (audit_array_next(&m, &array)) {
		HOLDS(array.line > last && array.line <= m.line + 1);
		HOLDS(m.at > text && m.at <= text + strlen(text));
		last = array.line;
	}
	HOLDS(!*m.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor = text, *line;

	hold_arrays(text);
	while ((line = strsep(&cursor, "\n")))
		hold_spec(line);
	free(text);
	return 0;
}
