/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kernel command line: the words alone, and what PID 1 takes from them.
 */

#include <string.h>

#include "base/text.h"
#include "format/kernel/cmdline.h"
#include "fuzz.h"
#include "init/core/params.h"

static void split(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor = text, *param, *value;
	size_t words = 0;

	while (cmdline_next(&cursor, &param, &value)) {
		HOLDS(cursor <= text + size);
		HOLDS(param >= text && param + strlen(param) <= text + size);
		HOLDS(!value || (value > text && value + strlen(value) <= text + size));
		cmdline_switch(value);
		HOLDS(cmdline_name_is(param, param));
		words++;
	}
	HOLDS(words <= size);
	free(text);
}

static void parse(const uint8_t *data, size_t size)
{
	static struct params p;
	char options[200] = "builtin=1";

	params_parse(&p, (const char *)data, size);
	HOLDS(p.rootflags && p.timeout_by);
	HOLDS(p.root.text || p.root.kind == SPEC_NONE || p.root.kind == SPEC_AUTO);
	HOLDS(!p.root.text || p.root.kind != SPEC_NONE);
	HOLDS(p.usrflags);
	HOLDS(p.timeout == PARAMS_FOREVER || p.timeout >= 0);
	HOLDS(p.delay >= 0 && p.n_notes <= PARAMS_NOTES_MAX);
	HOLDS(memchr(p.root.value, '\0', sizeof(p.root.value)));
	for (size_t i = 0; i < p.n_notes; i++)
		HOLDS(p.notes[i].why || str_starts(p.notes[i].param, "rd."));
	params_nearest(&p, (const char *)p.whole);
	params_module_options(&p, "a_b", options, sizeof(options));
	HOLDS(strncmp(options, "builtin=1", 9) == 0 && strlen(options) < sizeof(options));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	split(data, size);
	parse(data, size);
	return 0;
}
