/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/attribute.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#define FOLDER "/sys/class/block/"

void attribute_path(const char *device, const char *attribute, char path[ATTRIBUTE_PATH_MAX])
{
	char *p = path + strlen(FOLDER);
	size_t used;

	/* sysfs writes the slash of cciss/c0d0 as an exclamation mark. */
	snprintf(path, ATTRIBUTE_PATH_MAX, FOLDER "%.*s", JOBS_NAME_MAX - 1, device);
	for (; *p; p++)
		if (*p == '/')
			*p = '!';
	used = (size_t)(p - path);
	snprintf(p, ATTRIBUTE_PATH_MAX - used, "/%s", attribute);
}

bool attribute_read(const char *device, const char *attribute, char *out, size_t size)
{
	char path[ATTRIBUTE_PATH_MAX];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	attribute_path(device, attribute, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read_full(fd, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return *out;
}

bool attribute_is_writable(const char *device, const char *attribute)
{
	char path[ATTRIBUTE_PATH_MAX];
	_cleanup_fd_ int fd = -1;

	attribute_path(device, attribute, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0;
}
