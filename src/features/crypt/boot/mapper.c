/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The devices that cryptsetup makes by device mapper. */

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "features/crypt/boot/kit.h"
#include "init/core/log.h"
#include "init/core/mapper.h"

#define BLOCKS "/sys/class/block"

/* libcryptsetup has devices of its own for a moment, while it decrypts a key slot. */
static bool is_ours(const char *device, char uuid[MAPPER_TEXT_MAX])
{
	mapper_read(device, "dm/uuid", uuid);
	return str_starts(uuid, "CRYPT-") && !str_starts(uuid, "CRYPT-TEMP-");
}

void crypt_name_device(struct part *p, const struct part_device *d)
{
	char name[MAPPER_TEXT_MAX], uuid[MAPPER_TEXT_MAX], path[MAPPER_TEXT_MAX + 8];

	if (!str_starts(d->name, "dm-") || !is_ours(d->name, uuid))
		return;
	mapper_read(d->name, "dm/name", name);
	if (!crypttab_is_name(name))
		return;
	snprintf(path, sizeof(path), "mapper/%s", name);
	if (!part_name(p, d->ref, path))
		log_show("%s: there are too many names of devices for /dev/%s", d->name, path);
}

/* Calls EACH for each device of ours, until that returns true. */
static bool walk(bool (*each)(const char *device, const char *uuid, const void *context), const void *context)
{
	DIR *dir = opendir(BLOCKS);
	char uuid[MAPPER_TEXT_MAX];
	struct dirent *e;
	bool ends = false;

	while (dir && !ends && (e = readdir(dir)))
		ends = str_starts(e->d_name, "dm-") && is_ours(e->d_name, uuid) && each(e->d_name, uuid, context);
	if (dir)
		closedir(dir);
	return ends;
}

/* "CRYPT-LUKS2-", the UUID without dashes, "-", the name. */
static bool is_of(const char *device, const char *uuid, const void *context)
{
	const struct crypt_volume *v = context;
	const char *at = uuid + strlen("CRYPT-LUKS1-");

	(void)device;
	if (!str_starts(uuid, "CRYPT-LUKS1-") && !str_starts(uuid, "CRYPT-LUKS2-"))
		return false;
	for (const char *u = v->uuid; *u; u++)
		if (*u != '-' && *u != *at++)
			return false;
	return *at == '-' && strcmp(at + 1, v->name) == 0;
}

bool crypt_is_open(const struct crypt_volume *v)
{
	return walk(is_of, v);
}

static bool note(const char *device, const char *uuid, const void *context)
{
	char number[MAPPER_TEXT_MAX];

	(void)uuid, (void)context;
	mapper_read(device, "dev", number);
	mapper_note(number, MAPPER_NOTE);
	return false;
}

void crypt_note_for_udev(void)
{
	walk(note, NULL);
}
