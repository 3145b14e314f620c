/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/mountopts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"

#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1ul << 25)
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW (1ul << 8)
#endif

enum form {
	NO_VALUE,
	MAY_HAVE_VALUE,
	IS_PREFIX,
	REFUSED, /* a prefix as well */
};

static const struct option {
	const char *name;
	unsigned long set, clear;
	enum form form;
} options_known[] = {
	{"defaults", 0, 0, 0},
	{"ro", MS_RDONLY, 0, 0},
	{"rw", 0, MS_RDONLY, 0},
	{"nosuid", MS_NOSUID, 0, 0},
	{"suid", 0, MS_NOSUID, 0},
	{"nodev", MS_NODEV, 0, 0},
	{"dev", 0, MS_NODEV, 0},
	{"noexec", MS_NOEXEC, 0, 0},
	{"exec", 0, MS_NOEXEC, 0},
	{"sync", MS_SYNCHRONOUS, 0, 0},
	{"async", 0, MS_SYNCHRONOUS, 0},
	{"dirsync", MS_DIRSYNC, 0, 0},
	{"mand", MS_MANDLOCK, 0, 0},
	{"nomand", 0, MS_MANDLOCK, 0},
	{"noatime", MS_NOATIME, 0, 0},
	{"atime", 0, MS_NOATIME, 0},
	{"nodiratime", MS_NODIRATIME, 0, 0},
	{"diratime", 0, MS_NODIRATIME, 0},
	{"relatime", MS_RELATIME, 0, 0},
	{"norelatime", 0, MS_RELATIME, 0},
	{"strictatime", MS_STRICTATIME, 0, 0},
	{"nostrictatime", 0, MS_STRICTATIME, 0},
	{"lazytime", MS_LAZYTIME, 0, 0},
	{"nolazytime", 0, MS_LAZYTIME, 0},
	{"iversion", MS_I_VERSION, 0, 0},
	{"noiversion", 0, MS_I_VERSION, 0},
	{"nosymfollow", MS_NOSYMFOLLOW, 0, 0},
	{"symfollow", 0, MS_NOSYMFOLLOW, 0},
	{"silent", MS_SILENT, 0, 0},
	{"loud", 0, MS_SILENT, 0},
	{"bind", MS_BIND, 0, 0},
	{"rbind", MS_BIND | MS_REC, 0, 0},
	{"unbindable", MS_UNBINDABLE, 0, 0},
	{"runbindable", MS_UNBINDABLE | MS_REC, 0, 0},
	{"private", MS_PRIVATE, 0, 0},
	{"rprivate", MS_PRIVATE | MS_REC, 0, 0},
	{"slave", MS_SLAVE, 0, 0},
	{"rslave", MS_SLAVE | MS_REC, 0, 0},
	{"shared", MS_SHARED, 0, 0},
	{"rshared", MS_SHARED | MS_REC, 0, 0},
	/* This is the first mount. */
	{"remount", 0, 0, 0},
	/* Who may mount it, and when: not for the filesystem. */
	{"auto", 0, 0, 0},
	{"noauto", 0, 0, 0},
	{"nofail", 0, 0, 0},
	{"_netdev", 0, 0, 0},
	{"user", MS_NOEXEC | MS_NOSUID | MS_NODEV, 0, MAY_HAVE_VALUE},
	{"users", MS_NOEXEC | MS_NOSUID | MS_NODEV, 0, 0},
	{"owner", MS_NOSUID | MS_NODEV, 0, 0},
	{"group", MS_NOSUID | MS_NODEV, 0, 0},
	{"nouser", 0, 0, 0},
	{"nousers", 0, 0, 0},
	{"noowner", 0, 0, 0},
	{"nogroup", 0, 0, 0},
	/* For programs that mount and unmount it. */
	{"helper", 0, 0, MAY_HAVE_VALUE},
	{"uhelper", 0, 0, MAY_HAVE_VALUE},
	/* Not needed for a device. */
	{"loop", 0, 0, MAY_HAVE_VALUE},
	/* Options that select a part of the device or of the filesystem, or that check data on each
	 * read. */
	{"offset=", 0, 0, REFUSED},
	{"sizelimit=", 0, 0, REFUSED},
	{"encryption=", 0, 0, REFUSED},
	{"verity.", 0, 0, REFUSED},
	{"X-mount.subdir=", 0, 0, REFUSED},
	{"X-mount.idmap=", 0, 0, REFUSED},
	/* Words that are meant for mount(8), systemd and people. */
	{"x-", 0, 0, IS_PREFIX},
	{"X-", 0, 0, IS_PREFIX},
	{"comment=", 0, 0, IS_PREFIX},
};

const char *mountopts_next(const char **cursor, size_t *len)
{
	const char *start = *cursor + strspn(*cursor, ","), *p = start;
	bool is_quoted = false;

	for (; *p; p++) {
		is_quoted ^= *p == '"';
		if (*p == ',' && !is_quoted && p[-1] != '\\')
			break;
	}
	*cursor = p;
	*len = (size_t)(p - start);
	return p == start ? NULL : start;
}

static bool is_option(const struct option *known, const char *text, size_t len)
{
	size_t name_len = strlen(known->name);

	if (len < name_len || memcmp(text, known->name, name_len) != 0)
		return false;
	return len == name_len || known->form == IS_PREFIX || known->form == REFUSED ||
	       (known->form == MAY_HAVE_VALUE && text[name_len] == '=');
}

static const struct option *find_option(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(options_known); i++)
		if (is_option(&options_known[i], text, len))
			return &options_known[i];
	return NULL;
}

int mountopts_split(const char *options, unsigned long *flags, char *data, size_t size)
{
	unsigned long f = *flags;
	const char *text;
	size_t used = 0, len;

	if (size == 0)
		return -E2BIG;
	while ((text = mountopts_next(&options, &len))) {
		const struct option *known = find_option(text, len);

		if (known && known->form == REFUSED) {
			snprintf(data, size, "%.*s", (int)len, text);
			return -ENOTSUP;
		}
		if (known) {
			f = (f & ~known->clear) | known->set;
			continue;
		}
		if (used + len + 2 > size)
			return -E2BIG;
		if (used)
			data[used++] = ',';
		memcpy(data + used, text, len);
		used += len;
	}
	data[used] = '\0';
	*flags = f;
	return 0;
}
