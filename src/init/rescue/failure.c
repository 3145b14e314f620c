/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/rescue/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "init/core/sys.h"

enum { PATH_SIZE = 512 };

/* Non-volatile, boot service and runtime access; little-endian. */
static const unsigned char attributes[FAILURE_ATTRIBUTES] = {7, 0, 0, 0};

int failure_save(const void *account, size_t len)
{
	int r = sys_mkdir(FAILURE_DIR, 0755);

	return r < 0 && r != -EEXIST ? r : sys_save(FAILURE_PATH, account, len);
}

/* Reads at most MAX bytes, and returns how many. */
static size_t read_begin(const char *path, void *out, size_t max)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read_full(fd, out, max);

	return n > 0 ? (size_t)n : 0;
}

/* The length of TEXT without an incomplete last line. */
static size_t cut(const unsigned char *text, size_t len)
{
	while (len && text[len - 1] != '\n')
		len--;
	return len;
}

static int write_variable(const char *path, const char *account)
{
	unsigned char now[FAILURE_ATTRIBUTES + FAILURE_VARIABLE_MAX];
	unsigned char old[FAILURE_ATTRIBUTES + FAILURE_VARIABLE_MAX + 1];
	size_t len = read_begin(account, now + FAILURE_ATTRIBUTES, FAILURE_VARIABLE_MAX);

	len = FAILURE_ATTRIBUTES + cut(now + FAILURE_ATTRIBUTES, len);
	memcpy(now, attributes, FAILURE_ATTRIBUTES);
	if (len == FAILURE_ATTRIBUTES)
		return -ENODATA;
	if (read_begin(path, old, sizeof(old)) == len && memcmp(old, now, len) == 0)
		return 0;
	return sys_set_variable(path, now, len);
}

int failure_copy(const char *efivars, const char *account)
{
	char path[PATH_SIZE];
	int mounted, r;

	if (access(efivars, F_OK) < 0)
		return -errno;
	mounted = sys_mount("efivarfs", efivars, "efivarfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			    NULL);
	if (mounted < 0 && mounted != -EBUSY)
		return mounted;
	snprintf(path, sizeof(path), "%s/" FAILURE_VARIABLE, efivars);
	r = write_variable(path, account);
	if (mounted == 0)
		sys_umount(efivars, MNT_DETACH);
	return r;
}
