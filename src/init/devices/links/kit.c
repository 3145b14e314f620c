/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/links/kit.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "init/devices/links/links.h"

/* ---- reading sysfs ---- */

ssize_t links_read(const char *path, const char *attribute, void *out, size_t size)
{
	char file[PATH_MAX];
	_cleanup_fd_ int fd = -1;

	if ((size_t)snprintf(file, sizeof(file), "%s/%s", path, attribute) >= sizeof(file))
		return -1;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : read_full(fd, out, size);
}

bool links_attribute(const char *path, const char *attribute, char *out, size_t size)
{
	ssize_t n = links_read(path, attribute, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	for (n = (ssize_t)strlen(out); n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\t'); n--)
		out[n - 1] = '\0';
	return *out;
}

bool links_resolve(const char *path, const char *link, char out[PATH_MAX])
{
	char whole[PATH_MAX];

	return (size_t)snprintf(whole, sizeof(whole), "%s/%s", path, link) < sizeof(whole) &&
	       realpath(whole, out);
}

bool links_ends_with(const char *path, const char *link, const char *name)
{
	char target[PATH_MAX];

	return links_resolve(path, link, target) &&
	       strcmp(strrchr(target, '/') + 1, name) == 0;
}

/* ---- text, as udev makes file names of it ---- */

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("#+-.:=@_", c));
}

void links_clean(char *s)
{
	for (; *s; s++)
		if (!is_plain(*s) && !((unsigned char)*s & 0x80))
			*s = '_';
}

void links_squeeze(const char *in, size_t len, char *out, size_t size)
{
	size_t used = 0, i = 0;

	len = strnlen(in, len);
	while (len && strchr(" \t\n", in[len - 1]))
		len--;
	while (i < len && strchr(" \t\n", in[i]))
		i++;
	for (; i < len && used + 1 < size; i++) {
		bool blank = strchr(" \t\n", in[i]);

		if (blank && used && out[used - 1] == '_' && strchr(" \t\n", in[i - 1]))
			continue;
		out[used++] = in[i];
		if (blank)
			out[used - 1] = '_';
	}
	out[used] = '\0';
}

/* ---- the list ---- */

void links_add(struct links *l, const char *format, ...)
{
	char name[LINKS_NAME_MAX];
	va_list args;
	int n, r;

	va_start(args, format);
	n = vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	if (n <= 0 || (size_t)n >= sizeof(name))
		return;
	r = snprintf(l->out + l->used, l->size - l->used, "%s%s\n", name, l->suffix);
	if (r > 0 && (size_t)r < l->size - l->used)
		l->used += (size_t)r;
	else
		l->out[l->used] = '\0';
}
