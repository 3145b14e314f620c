/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "format/machine/mdsuper.h"
#include "init/devices/links/kit.h"

/*
 * Names of an MD array. Sysfs has neither its UUID nor its name, but knows its members, and which kind of superblock
 * they have. Source: the rules of mdadm, 63-md-raid-arrays.rules.
 */

enum { MEMBERS_MAX = 16 /* that are looked at: any that can be read is enough */ };

static bool read_member(const struct links *l, const char *member, enum mdsuper_version version, struct mdsuper *out)
{
	char path[PATH_MAX], data[MDSUPER_SIZE];
	_cleanup_fd_ int fd = -1;
	int64_t place;
	ssize_t n;
	off_t size;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", l->dev, member) >= sizeof(path))
		return false;
	for (char *c = path + strlen(l->dev) + 1; *c; c++)
		if (*c == '!')
			*c = '/';
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	place = size < 0 ? -1 : mdsuper_place(version, (uint64_t)size / 512);
	n = place < 0 ? -1 : pread_full(fd, data, sizeof(data), (uint64_t)place * 512);
	return n > 0 && mdsuper_decode(version, data, (size_t)n, out, NULL) == 0;
}

static bool read_members(const struct links *l, enum mdsuper_version version, struct mdsuper *out)
{
	char path[PATH_MAX];
	bool found = false;
	struct dirent *e;
	DIR *dir = NULL;

	if ((size_t)snprintf(path, sizeof(path), "%s/slaves", l->disk) < sizeof(path))
		dir = opendir(path);
	for (int n = 0; dir && !found && n < MEMBERS_MAX && (e = readdir(dir)); n++)
		found = e->d_name[0] != '.' && read_member(l, e->d_name, version, out);
	if (dir)
		closedir(dir);
	return found;
}

void links_by_array(struct links *l)
{
	char metadata[32], uuid[MDSUPER_TEXT];
	int version = 0;
	struct mdsuper super;

	links_attribute(l->disk, "md/metadata_version", metadata, sizeof(metadata));
	while (version < MDSUPER_VERSIONS &&
	       strcmp(metadata, mdsuper_version_name((enum mdsuper_version)version)) != 0)
		version++;
	if (version == MDSUPER_VERSIONS || !read_members(l, (enum mdsuper_version)version, &super))
		return;
	mdsuper_print_uuid(super.uuid, uuid);
	links_add(l, "by-id/md-uuid-%s", uuid);
	links_clean(super.name);
	if (*super.name)
		links_add(l, "by-id/md-name-%s", super.name);
}
