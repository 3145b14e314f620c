/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/mapper.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/core/log.h"
#include "init/core/sys.h"

#define BLOCKS	  "/sys/class/block"
#define UDEV_DATA "/run/udev/data"

void mapper_read(const char *device, const char *attribute, char out[MAPPER_TEXT_MAX])
{
	char path[MAPPER_TEXT_MAX];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), BLOCKS "/%.64s/%.16s", device, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read_full(fd, out, MAPPER_TEXT_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

void mapper_note(const char *number, const char *lines)
{
	_cleanup_fd_ int fd = -1;
	char path[64];

	if (!*number || number[strspn(number, "0123456789:")])
		return;
	snprintf(path, sizeof(path), UDEV_DATA "/b%.32s", number);
	sys_mkdir("/run/udev", 0755);
	sys_mkdir(UDEV_DATA, 0755);
	fd = sys_create(path, 0644); /* as udev's own: everybody may ask udevadm */
	if (fd >= 0 && write_full(fd, lines, strlen(lines)) < 0)
		log_show("%s cannot be written", path);
}

void mapper_note_all(const char *prefix)
{
	DIR *dir = opendir(BLOCKS);
	char text[MAPPER_TEXT_MAX];
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (!str_starts(e->d_name, "dm-"))
			continue;
		mapper_read(e->d_name, "dm/uuid", text);
		if (!str_starts(text, prefix))
			continue;
		mapper_read(e->d_name, "dev", text);
		mapper_note(text, MAPPER_NOTE);
	}
	if (dir)
		closedir(dir);
}
