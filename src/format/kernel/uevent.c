/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/kernel/uevent.h"

#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void take_number(const char *s, int *out)
{
	uint64_t v;

	if (parse_u64(s, INT_MAX, &v))
		*out = (int)v;
}

static void take_pair(const char *pair, struct uevent *u)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = {
		{"ACTION=", &u->action},   {"DEVPATH=", &u->devpath},
		{"SUBSYSTEM=", &u->subsystem}, {"DEVTYPE=", &u->devtype},
		{"DEVNAME=", &u->devname}, {"MODALIAS=", &u->modalias},
		{"PARTN=", &u->partn},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (str_starts(pair, texts[i].key))
			*texts[i].to = pair + strlen(texts[i].key);
	if (str_starts(pair, "MAJOR="))
		take_number(pair + 6, &u->major);
	if (str_starts(pair, "MINOR="))
		take_number(pair + 6, &u->minor);
}

static void take_pairs(char *data, size_t len, struct uevent *u)
{
	data[len] = '\0';
	for (size_t at = 0; at < len; at += strlen(data + at) + 1)
		take_pair(data + at, u);
}

bool uevent_decode_message(char *data, size_t len, struct uevent *out)
{
	size_t head = strnlen(data, len);

	*out = (struct uevent){.major = -1, .minor = -1};
	if (head == len || !memchr(data, '@', head))
		return false;
	take_pairs(data + head + 1, len - head - 1, out);
	return out->action && out->devpath && out->subsystem;
}

void uevent_decode_file(char *data, size_t len, struct uevent *out)
{
	*out = (struct uevent){.major = -1, .minor = -1};
	for (size_t i = 0; i < len; i++)
		if (data[i] == '\n')
			data[i] = '\0';
	take_pairs(data, len, out);
}
