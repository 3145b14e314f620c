/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/report/entry.h"

#include <sys/stat.h>

static char type_letter(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	case S_IFREG:
		return '-';
	default:
		return '?'; /* the kernel ignores it */
	}
}

void entry_mode(unsigned mode, char out[11])
{
	static const char letters[] = "rwxrwxrwx";

	out[0] = type_letter(mode);
	for (int i = 0; i < 9; i++)
		out[1 + i] = mode & (0400u >> i) ? letters[i] : '-';
	if (mode & S_ISUID)
		out[3] = mode & 0100 ? 's' : 'S';
	if (mode & S_ISGID)
		out[6] = mode & 0010 ? 's' : 'S';
	if (mode & S_ISVTX)
		out[9] = mode & 0001 ? 't' : 'T';
	out[10] = '\0';
}

int entry_target(struct image *i, const struct image_entry *e, char out[CPIO_TARGET_MAX + 1],
		 struct err *err)
{
	ssize_t n = 0;

	out[0] = '\0';
	if (S_ISLNK(e->header.mode))
		n = image_read(i, out, CPIO_TARGET_MAX, err);
	if (n < 0)
		return (int)n;
	out[n] = '\0';
	return 0;
}
