/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Uevents, as messages and as files; and boot.conf, which has the same shape of pairs.
 */

#include <string.h>

#include "format/ours/bootconf.h"
#include "format/kernel/uevent.h"
#include "fuzz.h"

static void inside(const char *s, const char *text, size_t size)
{
	HOLDS(!s || (s >= text && s + strlen(s) <= text + size));
}

static void check(const struct uevent *u, const char *text, size_t size)
{
	inside(u->action, text, size);
	inside(u->devpath, text, size);
	inside(u->subsystem, text, size);
	inside(u->devtype, text, size);
	inside(u->devname, text, size);
	inside(u->modalias, text, size);
	inside(u->partn, text, size);
	HOLDS(u->major >= -1 && u->minor >= -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor, *key, *value;
	struct uevent u;

	if (uevent_decode_message(text, size, &u))
		HOLDS(u.action && u.devpath && u.subsystem);
	check(&u, text, size);
	free(text);
	text = fuzz_text(data, size);
	uevent_decode_file(text, size, &u);
	check(&u, text, size);
	free(text);
	cursor = text = fuzz_text(data, size);
	while (bootconf_next(&cursor, &key, &value)) {
		HOLDS(*key != '#');
		inside(key, text, size);
		inside(value, text, size);
	}
	free(text);
	return 0;
}
