/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The devices that cryptsetup makes by device mapper. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "features/crypt/boot/kit.h"
#include "init/core/log.h"
#include "init/core/sys.h"

#define BLOCKS	  "/sys/class/block"
#define UDEV_DATA "/run/udev/data"

enum { ATTRIBUTE_MAX = 256 };

/* Of dm-N: "dm/name". What is not there is "". */
static void read_attribute(const char *device, const char *name, char out[ATTRIBUTE_MAX])
{
	char path[PART_NAME_MAX];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), BLOCKS "/%.64s/%.64s", device, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read_full(fd, out, ATTRIBUTE_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* libcryptsetup has devices of its own for a moment, while it decrypts a key slot. */
static bool is_ours(const char *device, char uuid[ATTRIBUTE_MAX])
{
	read_attribute(device, "dm/uuid", uuid);
	return str_starts(uuid, "CRYPT-") && !str_starts(uuid, "CRYPT-TEMP-");
}

void crypt_name_device(struct part *p, const struct part_device *d)
{
	char name[ATTRIBUTE_MAX], uuid[ATTRIBUTE_MAX], path[ATTRIBUTE_MAX + 8];

	if (!str_starts(d->name, "dm-") || !is_ours(d->name, uuid))
		return;
	read_attribute(d->name, "dm/name", name);
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
	char uuid[ATTRIBUTE_MAX];
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

/* Without it the udev of the root takes a device that it has not seen being made for one that is not
 * ready, and units wait for it. Source: its 55-dm.rules, or 10-dm.rules. */
static bool note(const char *device, const char *uuid, const void *context)
{
	static const char text[] = "E:DM_UDEV_PRIMARY_SOURCE_FLAG=1\nV:1\n";
	char number[ATTRIBUTE_MAX], path[ATTRIBUTE_MAX + 32];
	_cleanup_fd_ int fd = -1;

	(void)uuid, (void)context;
	read_attribute(device, "dev", number);
	if (!*number || number[strspn(number, "0123456789:")])
		return false;
	snprintf(path, sizeof(path), UDEV_DATA "/b%s", number);
	sys_mkdir("/run/udev", 0755);
	sys_mkdir(UDEV_DATA, 0755);
	fd = sys_create(path, 0644); /* as udev's own: everybody may ask udevadm */
	if (fd >= 0 && write_full(fd, text, sizeof(text) - 1) < 0)
		log_show("%s cannot be written", path);
	return false;
}

void crypt_note_for_udev(void)
{
	walk(note, NULL);
}
