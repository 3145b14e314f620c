/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/links/links.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "init/devices/links/kit.h"

bool links_has(const char *links, const char *link)
{
	size_t len = strlen(link);

	while (*links) {
		size_t line = strcspn(links, "\n");

		if (line == len && strncmp(links, link, len) == 0)
			return true;
		links += line + (links[line] == '\n');
	}
	return false;
}

/* sysfs writes the slash of cciss/c0d0 as an exclamation mark. */
static bool find_device(const char *sys, const char *name, struct links *l)
{
	char path[PATH_MAX], number[16], *slash;
	size_t prefix;

	if (!realpath(sys, l->sys))
		return false;
	prefix = (size_t)snprintf(path, sizeof(path), "class/block/");
	snprintf(path + prefix, sizeof(path) - prefix, "%s", name);
	for (char *p = path + prefix; *p; p++)
		if (*p == '/')
			*p = '!';
	if (!links_resolve(l->sys, path, l->disk) || !str_starts(l->disk, l->sys))
		return false;
	if (links_attribute(l->disk, "partition", number, sizeof(number))) {
		snprintf(l->suffix, sizeof(l->suffix), "-part%.10s", number);
		slash = strrchr(l->disk, '/');
		*slash = '\0';
	}
	l->name = strrchr(l->disk, '/') + 1;
	return true;
}

void links_find(const char *sys, const char *dev, const char *name, char *out, size_t size)
{
	struct links l = {.dev = dev, .out = out, .size = size};
	char sequence[32];

	*out = '\0';
	if (!find_device(sys, name, &l))
		return;
	if (links_attribute(l.disk, "diskseq", sequence, sizeof(sequence)))
		links_add(&l, "by-diskseq/%s", sequence);
	links_by_id(&l);
	links_by_path(&l);
}

void links_wwid(const char *sys, const char *name, char *out, size_t size)
{
	struct links l = {0};
	char text[LINKS_WWID_MAX];

	*out = '\0';
	if (!find_device(sys, name, &l))
		return;
	/* NVMe has it on the namespace, SCSI on the device. A "t10.ATA" name contains the serial
	 * number, but those of other vendors may be the same for all disks of a model. */
	if (links_attribute(l.disk, "wwid", text, sizeof(text)) ||
	    links_attribute(l.disk, "device/wwid", text, sizeof(text)))
		snprintf(out, size, "%s", text);
}
