/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The device that cryptsetup opens is not looked up by its name, which may be another device's by then. Its process
 * opens it before it becomes cryptsetup, makes sure that it is the one that PID 1 has read and holds the same
 * volume, and keeps that descriptor: cryptsetup, and by it device mapper, open the very same device through
 * /proc. A device that answers differently each time it is read could still deceive them.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "features/crypt/boot/kit.h"
#include "format/machine/luks.h"
#include "init/core/identity.h"

static int check_pin(int fd, const char *pin, struct err *err)
{
	enum { FIRST = 4096 };
	_cleanup_free_ uint8_t *data = malloc(2 * LUKS_HEADER_MAX);
	ssize_t n = data ? pread_full(fd, data, FIRST, 0) : -ENOMEM;
	size_t size;
	int r = n < 0 ? err_sys(err, (int)n, "its header cannot be read")
		      : luks_size(data, (size_t)n, &size, err);

	if (r < 0)
		return r;
	n = pread_full(fd, data, 2 * size, 0);
	return n < 0 ? err_sys(err, (int)n, "its header cannot be read")
		     : luks_check_pin(data, (size_t)n, pin, err);
}

/* To the log. */
static void say(const char *device, const char *what)
{
	char text[ERR_TEXT_MAX + JOBS_NAME_MAX];
	int n = snprintf(text, sizeof(text), "/dev/%s: %s\n", device, what);

	write_full(STDERR_FILENO, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

int crypt_open_device(const void *data)
{
	const struct crypt_given *g = data;
	_cleanup_fd_ int fd = identity_open(g->device, &g->identity);
	int r = fd < 0 ? fd : identity_check_content(fd, &g->identity);
	struct err err;

	if (r == -ESTALE)
		return -CRYPT_IS_ANOTHER;
	if (r < 0) {
		say(g->device, strerror(-r));
		return -CRYPT_NO_DEVICE;
	}
	if (g->pin && check_pin(fd, g->pin, &err) < 0) {
		say(g->device, err.text);
		return -CRYPT_NOT_PINNED;
	}
	return TAKE_FD(fd);
}
