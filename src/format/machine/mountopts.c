/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/mountopts.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"

#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1ul << 25)
#endif

static const struct {
	const char *name;
	unsigned long set, clear;
} options_known[] = {
	{"defaults", 0, 0},
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS},
	{"dirsync", MS_DIRSYNC, 0},
	{"noatime", MS_NOATIME, 0},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, 0},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, 0},
	{"nostrictatime", 0, MS_STRICTATIME},
	{"lazytime", MS_LAZYTIME, 0},
	{"nolazytime", 0, MS_LAZYTIME},
	{"silent", MS_SILENT, 0},
	{"loud", 0, MS_SILENT},
	{"bind", MS_BIND, 0},
	{"rbind", MS_BIND | MS_REC, 0},
	/* Who may mount it, and when: nothing for a filesystem. */
	{"auto", 0, 0},
	{"noauto", 0, 0},
	{"nofail", 0, 0},
	{"_netdev", 0, 0},
	{"user", MS_NOEXEC | MS_NOSUID | MS_NODEV, 0},
	{"users", MS_NOEXEC | MS_NOSUID | MS_NODEV, 0},
	{"owner", MS_NOSUID | MS_NODEV, 0},
	{"group", MS_NOSUID | MS_NODEV, 0},
	{"nouser", 0, 0},
	{"nousers", 0, 0},
	{"noowner", 0, 0},
	{"nogroup", 0, 0},
};

/* Words for mount(8), systemd and people. */
static bool is_comment(const char *option)
{
	return strncmp(option, "x-", 2) == 0 || strncmp(option, "X-", 2) == 0 ||
	       strncmp(option, "comment=", strlen("comment=")) == 0;
}

int mountopts_split(const char *options, unsigned long *flags, char *data, size_t size)
{
	unsigned long f = *flags;
	size_t used = 0;

	if (size == 0)
		return -E2BIG;
	while (*options) {
		size_t len = strcspn(options, ","), i;

		for (i = 0; i < ARRAY_SIZE(options_known); i++)
			if (strlen(options_known[i].name) == len &&
			    strncmp(options_known[i].name, options, len) == 0)
				break;
		if (i < ARRAY_SIZE(options_known)) {
			f = (f & ~options_known[i].clear) | options_known[i].set;
		} else if (len && !is_comment(options)) {
			if (used + len + 2 > size)
				return -E2BIG;
			if (used)
				data[used++] = ',';
			memcpy(data + used, options, len);
			used += len;
		}
		options += len + (options[len] == ',');
	}
	data[used] = '\0';
	*flags = f;
	return 0;
}
