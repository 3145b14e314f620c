/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The device that cryptsetup opens is not looked up by its name, which may be another device's by then. Its process
 * opens it before it becomes cryptsetup, makes sure that it is the one that PID 1 has read and holds the same
 * volume, and keeps that descriptor: cryptsetup, and by it device mapper, open the very same device through
 * /proc. A device that answers differently each time it is read could still deceive them.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "features/crypt/boot/kit.h"
#include "init/core/identity.h"

int crypt_open_device(const void *data)
{
	const struct crypt_given *g = data;
	_cleanup_fd_ int fd = identity_open(g->device, &g->identity);
	int r = fd < 0 ? fd : identity_check_content(fd, &g->identity), n;
	char text[JOBS_NAME_MAX + 64];

	if (r == 0)
		return TAKE_FD(fd);
	if (r == -ESTALE)
		return -CRYPT_IS_ANOTHER;
	n = snprintf(text, sizeof(text), "/dev/%s: %s\n", g->device, strerror(-r));
	write_full(STDERR_FILENO, text, (size_t)n);
	return -CRYPT_NO_DEVICE;
}
